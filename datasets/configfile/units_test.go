package configfile

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestExpandPath(t *testing.T) {
	env := map[string]string{"A": "x", "EMPTY": ""}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	base := filepath.FromSlash("/base")
	for path, want := range map[string]string{
		"d.csv": "/base/d.csv", "/abs/d.csv": "/abs/d.csv", "${A}/d": "/base/x/d", "${B:-y}/${A}": "/base/y/x",
		"${EMPTY:-z}": "/base/z", "a$b": "/base/a$b", "${B:-/r}/f": "/r/f", "../f": "/f", "${A}${A}": "/base/xx", "${B:-a:-b}": "/base/a:-b",
	} {
		if got, err := expandPath(path, base, lookup); err != nil || filepath.ToSlash(got) != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	for path, want := range map[string]string{"${B}": "B is not set", "${A": "no closing brace", "${}": "not a variable name", "": "is empty", "${EMPTY}": "is empty", "a\x00b": "zero byte"} {
		_, err := expandPath(path, base, lookup)
		wantError(t, err, want)
	}
}

func FuzzExpandPath(f *testing.F) {
	for _, s := range []string{"", "a", "${A}", "${A:-b}", "${", "$", "${:-}", "${A}}${", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := expandPath(path, t.TempDir(), func(n string) (string, bool) { return n, strings.HasPrefix(n, "A") })
		if err == nil && !filepath.IsAbs(got) {
			t.Errorf("%q became the relative %q", path, got)
		}
	})
}
