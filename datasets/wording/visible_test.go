package wording

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"a b\tc\nd":             "a b\tc\nd",
		"\x1b]0;title\aU":       "·]0;title·U",
		"a\rb":                  "a·b",
		"\u202Eevil\u202C":      "·evil·",
		"\u2066x\u2069\u200f":   "·x··",
		"\u009b31mred\x7f":      "·31mred·",
		"Größe 数 é 🙂":           "Größe 数 é 🙂",
		"broken \xff\xfe bytes": "broken \uFFFD\uFFFD bytes",
	} {
		if got := Visible(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := VisibleLine("a\nb\tc"); got != "a·b·c" {
		t.Errorf("%q", got)
	}
}

func TestVisibleOfAnything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(r, "text")
		got := Visible(text)
		if !utf8.ValidString(got) || Visible(got) != got || utf8.RuneCountInString(got) != utf8.RuneCountInString(text) {
			r.Fatalf("%q: %q", text, got)
		}
		for _, c := range got {
			if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
				r.Fatalf("%q: %q holds %U", text, got, c)
			}
		}
		if _, hidden := Hidden(text); hidden == (VisibleLine(text) == text) && utf8.ValidString(text) {
			r.Fatalf("%q: hidden %v", text, hidden)
		}
		var b strings.Builder
		if n, err := VisibleWriter(&b).Write([]byte(text)); n != len(text) || err != nil || b.String() != got {
			r.Fatalf("%q: %d, %v, %q", text, n, err, b.String())
		}
	})
}
