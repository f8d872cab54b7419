package textformat

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// rows renders a batch, one row a text.
func rows(b *Batch) (out []string) {
	for i := range b.Rows {
		var parts []string
		if len(b.Labels) > 0 {
			parts = append(parts, float(b.Labels[i]))
			if b.Queries[i] != NoQuery {
				parts = append(parts, fmt.Sprintf("qid=%d", b.Queries[i]))
			}
			for k := b.Offsets[i]; k < b.Offsets[i+1]; k++ {
				entry := fmt.Sprintf("%d:%s", b.Indexes[k], float(b.Values[k]))
				if len(b.Fields) > 0 {
					entry = fmt.Sprintf("%d:%s", b.Fields[k], entry)
				}
				parts = append(parts, entry)
			}
		} else {
			parts = append(parts, fmt.Sprintf("%q %q", b.Users.At(i), b.Items.At(i)))
			if len(b.Ratings) > 0 {
				parts = append(parts, float(b.Ratings[i]))
			}
			if len(b.Times) > 0 {
				parts = append(parts, instant(b.Times[i], b.TextTimes))
			}
		}
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

func float(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func instant(t int64, text bool) string {
	switch {
	case t == NoTime:
		return "-"
	case text:
		return fmt.Sprintf("t%d", t)
	}
	return strconv.FormatInt(t, 10)
}

// parsed is what was made of a text.
type parsed struct {
	rows   []string
	bad    []int64 // lines
	texts  []string
	result Result
	err    error
}

func parse(t testing.TB, text string, o Options) parsed {
	t.Helper()
	var p parsed
	o.Rejects = func(r Reject) error {
		if r.Problem == "" || !utf8.ValidString(r.Problem) {
			t.Errorf("line %d: the problem is %q", r.Line, r.Problem)
		}
		p.bad = append(p.bad, r.Line)
		p.texts = append(p.texts, string(r.Text))
		return nil
	}
	r, err := newReader(t.Context(), o, func(b *Batch) error {
		p.rows = append(p.rows, rows(b)...)
		return nil
	})
	if err != nil {
		p.err = err
		return p
	}
	if p.err = r.stream("file", strings.NewReader(text)); p.err == nil {
		p.err = r.flush()
	}
	p.result = r.res
	return p
}

func file(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The reference: the obvious way, with the standard library.

var (
	decimal  = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	integer  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	natural  = regexp.MustCompile(`^[0-9]+$`)
	calendar = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})([Tt ]([0-9]{2}):([0-9]{2})(:([0-9]{2})(\.([0-9]+))?)?([Zz]|([+-])([0-9]{2})(:?([0-9]{2}))?)?)?$`)
)

func slowFloat(s string) (float64, bool) {
	if !decimal.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0)
}

func slowIndex(s string) (int, bool) {
	if !natural.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 32)
	return int(v), err == nil
}

func slowLines(text string) []string {
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return lines
}

func slowTrim(s string) string { return strings.Trim(s, " \t\r") }

func slowWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
}

// slow reads a text by a function of a line, which returns its rows and
// whether it is well-formed.
func slow(text string, row func(string) ([]string, bool)) (p parsed) {
	for i, line := range slowLines(text) {
		if slowTrim(line) == "" {
			continue
		}
		rows, ok := row(line)
		if !ok {
			p.bad = append(p.bad, int64(i+1))
			p.texts = append(p.texts, line)
			continue
		}
		p.rows = append(p.rows, rows...)
	}
	return p
}

func slowSparse(fields bool) func(string) ([]string, bool) {
	type entry struct {
		field, index int
		value        float64
	}
	return func(line string) ([]string, bool) {
		line, _, _ = strings.Cut(line, "#")
		words := slowWords(slowTrim(line))
		if len(words) == 0 {
			return nil, true
		}
		label, ok := slowFloat(words[0])
		if !ok {
			return nil, false
		}
		parts := []string{float(label)}
		words = words[1:]
		if !fields && len(words) > 0 && strings.HasPrefix(words[0], "qid:") {
			q := strings.TrimPrefix(words[0], "qid:")
			v, err := strconv.ParseInt(q, 10, 64)
			if err != nil || v < 0 || !integer.MatchString(q) {
				return nil, false
			}
			parts = append(parts, fmt.Sprintf("qid=%d", v))
			words = words[1:]
		}
		var entries []entry
		seen := map[[2]int]bool{}
		for _, w := range words {
			s := strings.Split(w, ":")
			var e entry
			ok := true
			if fields {
				if len(s) != 3 {
					return nil, false
				}
				e.field, ok = slowIndex(s[0])
				s = s[1:]
			}
			if !ok || len(s) != 2 {
				return nil, false
			}
			if e.index, ok = slowIndex(s[0]); !ok {
				return nil, false
			}
			if e.value, ok = slowFloat(s[1]); !ok || math.Abs(e.value) > math.MaxFloat32 {
				return nil, false
			}
			if seen[[2]int{e.field, e.index}] {
				return nil, false
			}
			seen[[2]int{e.field, e.index}] = true
			entries = append(entries, e)
		}
		slices.SortFunc(entries, func(a, b entry) int {
			if a.field != b.field {
				return a.field - b.field
			}
			return a.index - b.index
		})
		for _, e := range entries {
			s := fmt.Sprintf("%d:%s", e.index, float(e.value))
			if fields {
				s = fmt.Sprintf("%d:%s", e.field, s)
			}
			parts = append(parts, s)
		}
		return []string{strings.Join(parts, " ")}, true
	}
}

func slowSplit(line, delimiter string) []string {
	if delimiter == " " {
		return slowWords(slowTrim(line))
	}
	fields := strings.Split(line, delimiter)
	for i := range fields {
		fields[i] = slowTrim(fields[i])
	}
	return fields
}

func slowText(s string) bool { return s != "" && utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// same fails the test where the parser and the reference differ.
func same(t *testing.T, text string, got, want parsed) {
	t.Helper()
	if got.err != nil {
		if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
			return
		}
		t.Fatalf("%q: %v", text, got.err)
	}
	if !slices.Equal(got.rows, want.rows) {
		t.Errorf("%q: rows %q, want %q", text, got.rows, want.rows)
	}
	if !slices.Equal(got.bad, want.bad) || !slices.Equal(got.texts, want.texts) {
		t.Errorf("%q: rejected %d %q, want %d %q", text, got.bad, got.texts, want.bad, want.texts)
	}
	if got.result.Rows != int64(len(want.rows)) || got.result.Rejected != int64(len(want.bad)) {
		t.Errorf("%q: %d rows and %d rejected, want %d and %d", text, got.result.Rows, got.result.Rejected, len(want.rows), len(want.bad))
	}
}
