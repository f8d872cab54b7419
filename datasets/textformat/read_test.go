package textformat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestProblems(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		o    Options
		text string
		want []string // in the error
	}{
		{Options{Format: "libsvm"}, "1 1:2\n\nx 1:2\n", []string{"file:3: label \"x\" is not a finite number", "correct it"}},
		{Options{Format: "libsvm"}, "1,2 1:2", []string{"several labels"}},
		{Options{Format: "libsvm"}, "1:2 2:2", []string{"put a label before it"}},
		{Options{Format: "libsvm"}, "nan 1:2", []string{"label \"nan\" is not a finite number"}},
		{Options{Format: "libsvm"}, "1e999 1:2", []string{"too large"}},
		{Options{Format: "libsvm"}, "1 1:inf", []string{"value \"inf\" in \"1:inf\" is not a finite number"}},
		{Options{Format: "libsvm"}, "1 1:4e38", []string{"beyond the range of float32"}},
		{Options{Format: "libsvm"}, "1 1:2:3", []string{"libffm"}},
		{Options{Format: "libsvm"}, "1 -3:2", []string{"index \"-3\" in \"-3:2\" is negative"}},
		{Options{Format: "libsvm"}, "1 2147483648:2", []string{"above 2147483647"}},
		{Options{Format: "libsvm"}, "1 a:2", []string{"index \"a\" in \"a:2\" is not an integer"}},
		{Options{Format: "libsvm"}, "1 3", []string{"is not index:value"}},
		{Options{Format: "libsvm"}, "1 3:1 2:1 3:1", []string{"index 3 is there twice"}},
		{Options{Format: "libsvm"}, "1 qid:-1", []string{"qid:"}},
		{Options{Format: "libsvm", Base: BaseOne}, "1 0:1", []string{"index 0"}},
		{Options{Format: "libsvm"}, "1 1:" + strings.Repeat("9x", 300), []string{"…"}},
		{Options{Format: "libffm"}, "1 1:2", []string{"is not field:feature:value", "libsvm"}},
		{Options{Format: "libffm"}, "1 x:2:3", []string{"field \"x\""}},
		{Options{Format: "libffm"}, "1 1:2:3 1:2:3", []string{"feature 2 of field 1 is there twice"}},
		{Options{Format: "libsvm"}, "\xff\xfe1\x00", []string{"UTF-16", "iconv"}},
		{Options{Format: "log"}, "u\ti\nu\n", []string{"file:2: 1 fields separated by tab instead of 2"}},
		{Options{Format: "log"}, "u,i,4\nu,,4\n", []string{"file:2: the item is empty"}},
		{Options{Format: "log"}, "u,i,4\nu,i,four\n", []string{"file:2: rating \"four\" is not a finite number", "header: true"}},
		{Options{Format: "log"}, "u,i,4,1\nu,i,3,2020-01-01\n", []string{"file:2: time \"2020-01-01\" is not an integer"}},
		{Options{Format: "log"}, "u,i,4,2020-01-01\nu,i,3,1\n", []string{"file:2: time \"1\" is not a date"}},
		{Options{Format: "log"}, "u,i,4,x\n", []string{"neither an integer nor a date"}},
		{Options{Format: "log"}, "u,i,4,92233720368547758080\n", []string{"64 bits"}},
		{Options{Format: "log"}, "u,i\nu,\x00\n", []string{"NUL"}},
		{Options{Format: "log"}, "u,i\nu,\xe4\n", []string{"not UTF-8", "iconv"}},
		{Options{Format: "log"}, "u\n", []string{"at least two fields", "delimiter"}},
		{Options{Format: "log"}, "u,i,1,2,5\n", []string{"5 fields", "name them"}},
		{Options{Format: "log", Columns: []string{"user", "item"}}, "u,i,1\n", []string{"the 2 fields that have names"}},
		{Options{Format: "log", Columns: []string{"user", "user"}}, "", []string{"two columns are called \"user\""}},
		{Options{Format: "log", Columns: []string{"user", ""}}, "", []string{"has no name"}},
		{Options{Format: "log", Columns: []string{"user", "rating"}}, "", []string{"neither user nor item"}},
		{Options{Format: "log", Columns: []string{"a", "b", "c", "d", "e"}}, "", []string{"\"e\" is one too many"}},
		{Options{Format: "adjacency", Columns: []string{"item", "user"}}, "", []string{"the order is user, item, weight"}},
		{Options{Format: "adjacency"}, "u a b\nv a \xff\n", []string{"file:2: item \"\\xff\" is not UTF-8"}},
		{Options{Format: "adjacency"}, "u a:1\nv a\n", nil}, // no weights: not all items of the first lines have one
		{Options{Format: "adjacency", Weighted: &yes}, "u a:1\nv a\n", []string{"file:2: \"a\" is not item:weight"}},
		{Options{Format: "adjacency", Weighted: &yes}, "u a:x\n", []string{"weight \"x\" in \"a:x\""}},
		{Options{Format: "adjacency", Weighted: &no}, "u a:1\n", nil},
		{Options{Format: "libsvn"}, "", []string{"libsvn", "libsvm"}},
		{Options{Format: "libsvm", Layout: "list"}, "", []string{"layout", "lists"}},
		{Options{Format: "libsvm", MaxRejects: -1}, "", []string{"negative"}},
		{Options{Format: "libsvm", MaxLine: -1}, "", []string{"longest line"}},
		{Options{Format: "libsvm", Base: 3}, "", []string{"base 3"}},
		{Options{Format: "log", Delimiter: "\n"}, "", []string{"delimiter"}},
		{Options{Format: "libsvm", MaxLine: 10}, "1 1:2\n1 1:22222222\n", []string{"file:2: a line of more than 10 bytes"}},
		{Options{Format: "libsvm", MaxLine: 10}, "1 1:222222\r\n1 1:222222", nil},
	} {
		o := c.o
		r, err := newReader(t.Context(), o, func(*Batch) error { return nil })
		if err == nil {
			err = r.stream("file", strings.NewReader(c.text))
		}
		if c.want == nil {
			if err != nil {
				t.Errorf("%+v %q: %v", o, c.text, err)
			}
			continue
		}
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%+v %.40q: error %v, want %q", o, c.text, err, w)
			}
		}
	}
}

// A line longer than the first buffer, and one longer than allowed.
func TestLongLines(t *testing.T) {
	var b strings.Builder
	b.WriteString("1")
	for i := range 200_000 {
		b.WriteString(" " + strconv.Itoa(i) + ":1")
	}
	entries := 0
	sink := func(b *Batch) error { entries += len(b.Indexes); return nil }
	o := Options{Format: "libsvm"}
	path := file(t, "long.txt", b.String()+"\n"+b.String())
	if res, err := Read(t.Context(), []string{path}, o, sink); err != nil || res.Rows != 2 || entries != 400_000 {
		t.Errorf("%d rows, %d entries, %v", res.Rows, entries, err)
	}
	o.MaxLine = 1 << 20
	if _, err := Read(t.Context(), []string{path}, o, sink); err == nil || !strings.Contains(err.Error(), "long.txt:1: a line of more than 1048576 bytes") {
		t.Errorf("too long a line: %v", err)
	}
}

// A long adjacency list is handed on in parts, whole or not at all.
func TestLongList(t *testing.T) {
	list := strings.Repeat("x", 1000) + strings.Repeat(" item", 20_000)
	largest, pairs := 0, 0
	sink := func(b *Batch) error {
		pairs += b.Rows
		largest = max(largest, len(b.Users.Bytes)+len(b.Items.Bytes))
		return nil
	}
	o := Options{Format: "adjacency", MaxRejects: 1}
	path := file(t, "a.txt", list+"\n"+list+" \xff\nu v\n")
	res, err := Read(t.Context(), []string{path}, o, sink)
	if err != nil || pairs != 20_001 || res.Rows != 20_001 || res.Rejected != 1 {
		t.Errorf("%d pairs, result %+v, %v", pairs, res, err)
	}
	if largest > batchBytes+2000 {
		t.Errorf("a batch of %d bytes", largest)
	}
}

func TestRejects(t *testing.T) {
	text := "1 1:1\nbad  \r\n2 x\n3 1:1\n4 y\n"
	path := file(t, "r.txt", text)
	var kept []string
	o := Options{Format: "libsvm", MaxRejects: 3, Rejects: func(r Reject) error {
		kept = append(kept, fmt.Sprintf("%s:%d|%s", filepath.Base(r.File), r.Line, r.Text))
		return nil
	}}
	sink := func(*Batch) error { return nil }
	res, err := Read(t.Context(), []string{path}, o, sink)
	if want := []string{"r.txt:2|bad  ", "r.txt:3|2 x", "r.txt:5|4 y"}; err != nil || !slices.Equal(kept, want) {
		t.Errorf("kept %q, %v, want %q", kept, err, want)
	}
	if res.Rows != 2 || res.Rejected != 3 || res.Lines != 5 || len(res.First) != 3 || res.First[2].Line != 5 {
		t.Errorf("result %+v", res)
	}
	kept, o.MaxRejects = nil, 2
	_, err = Read(t.Context(), []string{path}, o, sink)
	var limit *RejectError
	if !errors.As(err, &limit) || limit.Limit != 2 || len(limit.First) != 3 || len(kept) != 2 {
		t.Fatalf("error %v, kept %q", err, kept)
	}
	for _, w := range []string{"more than 2 malformed rows", "r.txt:2:", "r.txt:3:", "r.txt:5:", "let more pass"} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want %q", err, w)
		}
	}
	full := errors.New("disk full")
	o.Rejects = func(Reject) error { return full }
	if _, err := Read(t.Context(), []string{path}, o, sink); !errors.Is(err, full) {
		t.Errorf("error %v, want that of Rejects", err)
	}
}

func TestCompressed(t *testing.T) {
	plain := strings.Repeat("1 1:1 7:0.5\n", 50_000)
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zipped := gzipped(t, plain)
	packed := string(encoder.EncodeAll([]byte(plain), nil))
	count := func(content string) (int64, error) {
		res, err := Read(t.Context(), []string{file(t, "any.name", content)}, Options{Format: "libsvm"}, func(*Batch) error { return nil })
		return res.Rows, err
	}
	for name, content := range map[string]string{"plain": plain, "gzip": zipped, "zstd": packed, "two gzip": gzipped(t, plain[:len(plain)/2]) + gzipped(t, plain[len(plain)/2:])} {
		if n, err := count(content); n != 50_000 || err != nil {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
	for name, content := range map[string]string{
		"short gzip": zipped[:len(zipped)/2], "short zstd": packed[:len(packed)/2], "gzip alone": zipped[:3],
		"damaged gzip": zipped[:len(zipped)-6] + "xxxxxx",
	} {
		if _, err := count(content); err == nil || !strings.Contains(err.Error(), "any.name") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := Read(t.Context(), []string{filepath.Join(t.TempDir(), "none")}, Options{Format: "log"}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

// What logs look like is found out.
func TestLogDetection(t *testing.T) {
	for _, c := range []struct {
		text, delimiter string
		columns         [4]string
		rows            []string
	}{
		{"1 2\n3 4\n", " ", [4]string{"user", "item"}, []string{`"1" "2"`, `"3" "4"`}},
		{"196\t242\t3\t881250949\n", "\t", [4]string{"user", "item", "rating", "time"}, []string{`"196" "242" 3 881250949`}},
		{"1::1193::5::978300760\n", "::", [4]string{"user", "item", "rating", "time"}, []string{`"1" "1193" 5 978300760`}},
		{"userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n", ",", [4]string{"user", "item", "rating", "time"}, []string{`"1" "31" 2.5 1260759144`}},
		{"a b,c;1\na,c;2", ";", [4]string{"user", "item"}, []string{`"a b,c" "1"`, `"a,c" "2"`}},
		{"a\tb\t\nc\td\t4\n", "\t", [4]string{"user", "item", "rating"}, []string{`"a" "b" NaN`, `"c" "d" 4`}},
	} {
		p := parse(t, c.text, Options{Format: "log"})
		if p.err != nil || p.result.Delimiter != c.delimiter || p.result.Columns != c.columns || !slices.Equal(p.rows, c.rows) {
			t.Errorf("%q: %+v", c.text, p)
		}
	}
	yes := true
	p := parse(t, "x,y\n9,b,1,a\n", Options{Format: "log", Columns: []string{"time", "item", "_", "who"}, Header: &yes})
	if p.err != nil || p.result.Columns != [4]string{"who", "item", "", "time"} || !slices.Equal(p.rows, []string{`"a" "b" 9`}) {
		t.Errorf("named columns: %+v", p)
	}
}

func TestAdjacencyDetection(t *testing.T) {
	for text, want := range map[string][]string{
		"1 2 3\n4\n":      {`"1" "2"`, `"1" "3"`},
		"1,2,3\n":         {`"1" "2"`, `"1" "3"`},
		"1\t2:0.5 3:1\n":  {`"1" "2" 0.5`, `"1" "3" 1`},
		"u a:b:2 c:d:3\n": {`"u" "a:b" 2`, `"u" "c:d" 3`},
		"u a:b c:1\n":     {`"u" "a:b"`, `"u" "c:1"`},
	} {
		if p := parse(t, text, Options{Format: "adjacency"}); p.err != nil || !slices.Equal(p.rows, want) {
			t.Errorf("%q: %q, %v", text, p.rows, p.err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, s := range []string{"0", "-0", "1", "+1", "1.", ".5", "1e22", "1e23", "9007199254740993", "123456789012345678", "1.7976931348623157e308",
		"4.9e-324", "1e-400", "0.1", "3.14159265358979323846", "1E5", "00012", "1e+2", "1e-00002", "0e999999999999", "8.5e-22", "1e-23"} {
		want, err := strconv.ParseFloat(s, 64)
		if got, f := parseFloat([]byte(s)); f != number || err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%q: %v %v, want %v", s, got, f, want)
		}
	}
	for _, s := range []string{"", "+", "-", ".", "e5", "1e", "1e+", "nan", "inf", "0x1", "1_0", "1 ", " 1", "--1", "1.2.3", "1e5.0", "١"} {
		if _, f := parseFloat([]byte(s)); f != notNumber {
			t.Errorf("%q is a number: %v", s, f)
		}
	}
	if _, f := parseFloat([]byte("-1e309")); f != outOfRange {
		t.Errorf("-1e309: %v", f)
	}
	for s, want := range map[string]found{"9223372036854775807": number, "-9223372036854775808": number, "9223372036854775808": outOfRange,
		"-9223372036854775809": outOfRange, "99999999999999999999999": outOfRange, "": notNumber, "-": notNumber, "1.0": notNumber, "99999999999999999999999x": notNumber} {
		v, f := parseInt([]byte(s))
		if f != want || f == number && strconv.FormatInt(v, 10) != s {
			t.Errorf("%q: %d %v, want %v", s, v, f, want)
		}
	}
}

func TestInstants(t *testing.T) {
	for _, s := range []string{"1970-01-01", "2024-02-29", "0001-01-01", "0000-02-29", "9999-12-31T23:59:59.999999Z", "2009-05-04T23:08:57Z",
		"2009-05-04 23:08", "2009-05-04t23:08:57.5-0330", "2009-05-04T23:08+02", "1969-12-31T23:59:59.9999999z"} {
		want, ok := slowInstant(s)
		if got, is := parseInstant([]byte(s)); !is || !ok || got != want {
			t.Errorf("%q: %d %v, want %d %v", s, got, is, want, ok)
		}
	}
	for _, s := range []string{"2023-02-29", "2023-13-01", "2023-00-01", "2023-01-00", "1900-02-29", "2023-1-1", "2023-01-01T", "2023-01-01T24:00", "2023-01-01T10:60",
		"2023-01-01T10:00:60", "2023-01-01T10:00:00.", "2023-01-01T10:00+", "2023-01-01T10:00+1", "2023-01-01T10:00+01:", "2023-01-01T10:00Zx", "2023-01-01x"} {
		if v, ok := parseInstant([]byte(s)); ok {
			t.Errorf("%q is an instant: %d", s, v)
		}
	}
}

// A text that never ends ends with its context.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = "1 2\n"[i%4]
	}
	return len(b) / 4 * 4, nil
}

func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	batches := 0
	r, err := newReader(ctx, Options{Format: "log"}, func(*Batch) error {
		if batches++; batches == 3 {
			cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.stream("file", endless{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for _, want := range []error{io.ErrUnexpectedEOF, io.ErrNoProgress} {
		r, err := newReader(t.Context(), Options{Format: "log"}, func(*Batch) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := r.stream("file", broken{want}); !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	}
	stop := errors.New("stop")
	if _, err := Read(t.Context(), []string{file(t, "x", "1 2\n")}, Options{Format: "log"}, func(*Batch) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of the sink: %v", err)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if errors.Is(b.err, io.ErrNoProgress) {
		return 0, nil
	}
	return 0, b.err
}

// Rows cost no allocation, but for the buffers.
func TestAllocatesNothing(t *testing.T) {
	for format, line := range map[string]string{"libsvm": "1 qid:3 1:0.5 7:1\n", "libffm": "1 3:1:0.5 1:7:1\n", "log": "user,item,4.5,2020-01-01\n", "adjacency": "u a:1 b:2\n"} {
		count := func(n int) float64 {
			text := strings.Repeat(line, n)
			return testing.AllocsPerRun(3, func() {
				r, err := newReader(context.Background(), Options{Format: format}, func(*Batch) error { return nil })
				if err == nil {
					err = r.stream("file", strings.NewReader(text))
				}
				if err != nil {
					t.Fatal(err)
				}
			})
		}
		if few, many := count(20_000), count(60_000); many > few+5 {
			t.Errorf("%s: %v allocations for 20000 rows, %v for 60000", format, few, many)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, c := range []struct{ name, format, line string }{
		{"libsvm/3", "libsvm", "1 3:0.5 17:1 123:1\n"},
		{"libsvm/40", "libsvm", "0 " + entryLine(40) + "\n"},
		{"libffm/3", "libffm", "1 0:3:1 1:17:1 2:123:1\n"},
		{"log/2", "log", "12345 678901\n"},
		{"log/4", "log", "196\t242\t3\t881250949\n"},
		{"adjacency/10", "adjacency", "12345 1 22 333 4444 55555 1 22 333 4444 55555\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			const rows = 100_000
			text := strings.Repeat(c.line, rows)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r, err := newReader(b.Context(), Options{Format: c.format}, func(*Batch) error { return nil })
				if err == nil {
					err = r.stream("file", strings.NewReader(text))
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func entryLine(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf("%d:%.3f", i*17+1, float64(i)*0.37)
	}
	return strings.Join(parts, " ")
}
