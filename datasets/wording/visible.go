package wording

import (
	"io"
	"strings"
	"unicode"
)

// Visible returns a text as it may be shown: what is not printed, such as the sequences that change a terminal, and marks that
// change the direction of reading, becomes a dot. Line ends and tabs stay.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return visible(r)
	}, text)
}

// VisibleLine is Visible of a text that is part of a line: line ends and tabs become dots too.
func VisibleLine(text string) string { return strings.Map(visible, text) }

func visible(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '·'
}

// Hidden returns the first character of a text that Visible would replace, line ends and tabs among them; false where there is none.
func Hidden(text string) (rune, bool) {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return r, true
		}
	}
	return 0, false
}

// VisibleWriter returns a writer that passes texts on to w as Visible shows them. A character is to come whole.
func VisibleWriter(w io.Writer) io.Writer { return visibleWriter{w} }

type visibleWriter struct{ to io.Writer }

// Write writes the text as it may be shown.
func (v visibleWriter) Write(p []byte) (int, error) {
	if _, err := io.WriteString(v.to, Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
