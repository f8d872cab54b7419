package textformat

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	gotime "time"
)

const all = math.MaxInt64

var sparseSeeds = []string{
	"1 1:0.5 3:2\n-1 2:1e3\n",
	"+1 qid:7 1:.5 2:5. # comment\n# alone\n\n 0\t3:1  1:2 \r\n",
	"\ufeff1 2:3",
	"1 1:nan\n1 1:inf\ninf 1:1\n1 1:1e39\n1 1:1e-400\n1e999 1:1",
	"1 -1:2\n1 2147483648:1\n1 2147483647:1\n1 99999999999999999999:1",
	"1 1:1 1:2\n1 3:1 2:1 1:1\n1,2 1:1\n1:1 2:1\n1 1\n1 1:\n1 :1\n1 qid:x 1:1\n1 qid:-1",
	"1 1:0x1p3 2:1_000\n1 1:123456789012345678901234567890\n1 1:9007199254740993 2:0.1e23 3:1e23",
	"1 1:1\x00\n\x00\n1\x00 2:2\n1 1:2\r3:4\n",
	"1 0:1:1 1:5:1\n0 1:5:1 0:1:1\n0 1:5:1 1:5:2\n1 2:3\n1 1:2:3:4\n1 -1:2:3",
}

func fuzzSparse(f *testing.F, format string) {
	for _, s := range sparseSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		same(t, text, parse(t, text, Options{Format: format, MaxRejects: all}), slow(text, slowSparse(format == "libffm")))
	})
}

func FuzzLibsvm(f *testing.F) { fuzzSparse(f, "libsvm") }
func FuzzLibfm(f *testing.F)  { fuzzSparse(f, "libfm") }
func FuzzLibffm(f *testing.F) { fuzzSparse(f, "libffm") }

// slowInstant is parseInstant by package time.
func slowInstant(s string) (int64, bool) {
	m := calendar.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
	if n(5) > 23 || n(6) > 59 || n(8) > 59 || n(13) > 23 || n(15) > 59 {
		return 0, false
	}
	day := gotime.Date(n(1), gotime.Month(n(2)), n(3), 0, 0, 0, 0, gotime.UTC)
	if day.Format("2006-01-02") != s[:10] {
		return 0, false
	}
	fraction, _ := strconv.Atoi((m[10] + "000000")[:6])
	zone := (n(13)*60 + n(15)) * 60
	if m[12] == "-" {
		zone = -zone
	}
	return (day.Unix()+int64(n(5)*3600+n(6)*60+n(8)-zone))*1_000_000 + int64(fraction), true
}

func FuzzLog(f *testing.F) {
	for _, s := range []string{
		"1 2\n3 4\n", "u\ti\t3\t978300760\nu\ti\t\t\nu\ti\tx\t1\nu\ti\t1\t2.5",
		"1::1193::5::978300760\n1::661::3\n", "a,b,,2020-02-29T23:59:59.123456789+01:30\nc,d,1,2021-02-29\ne,f,1,5\n",
		"ä;ö;1;2000-01-01\n\xff;b;1;\n;b;1;\na;\x00;1;", "a b  c\td \r\n\n \t\na b nan 1\n1 2 3 9223372036854775808\n1 2 3 -9223372036854775808",
	} {
		for d := range byte(5) {
			f.Add(s, d, byte(4))
			f.Add(s, d, byte(2))
		}
	}
	f.Fuzz(func(t *testing.T, text string, d, n byte) {
		header := false
		columns := 2 + int(n)%3
		delimiter := delimiters[int(d)%len(delimiters)]
		got := parse(t, text, Options{Format: "log", Delimiter: delimiter, Columns: roleNames[:columns], Header: &header, MaxRejects: all})
		var integers, texts bool
		want := slow(text, func(line string) ([]string, bool) {
			s := slowSplit(line, delimiter)
			if len(s) != columns || !slowText(s[0]) || !slowText(s[1]) {
				return nil, false
			}
			row := fmt.Sprintf("%q %q", s[0], s[1])
			if columns > 2 {
				v, ok := slowFloat(s[2])
				if s[2] == "" {
					v, ok = math.NaN(), true
				}
				if !ok {
					return nil, false
				}
				row += " " + float(v)
			}
			if columns > 3 {
				at := int64(NoTime)
				if s[3] != "" {
					v, err := strconv.ParseInt(s[3], 10, 64)
					isInteger := err == nil && integer.MatchString(s[3]) && v != NoTime
					micros, isText := slowInstant(s[3])
					switch {
					case isInteger && !texts:
						integers, at = true, v
					case isText && !integers:
						texts, at = true, micros
					default:
						return nil, false
					}
				}
				row += " " + instant(at, texts)
			}
			return []string{row}, true
		})
		same(t, text, got, want)
		// Without being told anything, it may refuse, but not fail.
		if p := parse(t, text, Options{Format: "log", MaxRejects: all}); p.err == nil && p.result.Rows != int64(len(p.rows)) {
			t.Errorf("%q: %d rows, result says %d", text, len(p.rows), p.result.Rows)
		}
	})
}

func FuzzAdjacency(f *testing.F) {
	for _, s := range []string{
		"1 2 3 4\n2 1\n3\n", "u\ta:1\tb:0.5\nv\ta\tc:x\tb:1\nw\t:1\nx\ta:nan\n", "a,b,c,\n,b\na,,b", "a::b::c:2::d:3\na:b:c:1\n",
		"ä;ö;1;\xff\n\x00;1", " a  b\tc \r\n\n",
	} {
		for d := range byte(5) {
			f.Add(s, d, true)
			f.Add(s, d, false)
		}
	}
	f.Fuzz(func(t *testing.T, text string, d byte, weighted bool) {
		delimiter := delimiters[int(d)%len(delimiters)]
		got := parse(t, text, Options{Format: "adjacency", Delimiter: delimiter, Weighted: &weighted, MaxRejects: all})
		want := slow(text, func(line string) (rows []string, ok bool) {
			s := slowSplit(line, delimiter)
			if !slowText(s[0]) {
				return nil, false
			}
			for _, id := range s[1:] {
				weight := ""
				if weighted {
					i := strings.LastIndex(id, ":")
					if i < 0 {
						return nil, false
					}
					v, ok := slowFloat(id[i+1:])
					if !ok {
						return nil, false
					}
					id, weight = id[:i], " "+float(v)
				}
				if !slowText(id) {
					return nil, false
				}
				rows = append(rows, fmt.Sprintf("%q %q%s", s[0], id, weight))
			}
			return rows, true
		})
		same(t, text, got, want)
		if p := parse(t, text, Options{Format: "adjacency", MaxRejects: all}); p.err == nil && p.result.Rows != int64(len(p.rows)) {
			t.Errorf("%q: %d rows, result says %d", text, len(p.rows), p.result.Rows)
		}
	})
}
