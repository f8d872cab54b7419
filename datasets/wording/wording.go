package wording

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FileName is how messages call a file: by its last element, which is
// enough to recognize it and keeps the line readable.
func FileName(file string) string { return filepath.Base(file) }

// Quote quotes a name or value for a message, which a long one must not drown.
func Quote(s string) string { return strconv.Quote(Shorten(s, 80)) }

// Thousands writes a number with commas between groups of three digits.
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0 // where digits begin
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Shorten cuts s to about n bytes without splitting a character.
func Shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// MaxListed is how many names of columns a message lists.
const MaxListed = 10

// List renders names for a message, at most limit of them.
func List(names []string, limit int) string {
	var b strings.Builder
	for i, n := range names {
		if i == limit {
			fmt.Fprintf(&b, " and %d more", len(names)-limit)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quote(n))
	}
	return b.String()
}
