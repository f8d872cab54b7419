package textformat

import (
	"fmt"
	"slices"
	"testing"
)

func TestNonNegative(t *testing.T) {
	p := parse(t, "a\tb\t1\na\tb\t-0.5\na\tb\t\na\tb\t1e39\na\tb\t0\n", Options{Format: "log", NonNegative: true, MaxRejects: all})
	if !slices.Equal(p.bad, []int64{2, 3, 4}) || len(p.rows) != 2 {
		t.Errorf("log: rows %q, rejected %v", p.rows, p.bad)
	}
	p = parse(t, "a b:1 c:-1\na b:0 c:2\n", Options{Format: "adjacency", NonNegative: true, MaxRejects: all})
	if !slices.Equal(p.bad, []int64{1}) || len(p.rows) != 2 {
		t.Errorf("adjacency: rows %q, rejected %v", p.rows, p.bad)
	}
	// A log without ratings has none to be missing.
	if p = parse(t, "a b\n", Options{Format: "log", NonNegative: true}); p.err != nil {
		t.Error(p.err)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{"1.5": "1.5 true", "-2e3": "-2000 true", "": "0 false", "nan": "0 false", "0x10": "0 false", "1 ": "0 false"} {
		v, ok := ParseNumber([]byte(text))
		if !ok {
			v = 0
		}
		if got := fmt.Sprint(v, ok); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if v, ok := ParseTime([]byte("1970-01-02T00:00:01Z")); !ok || v != 86_401_000_000 {
		t.Errorf("%d %t", v, ok)
	}
	if _, ok := ParseTime([]byte("soon")); ok {
		t.Error("soon is a time")
	}
}
