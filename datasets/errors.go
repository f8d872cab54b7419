package datasets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets/nearest"
)

// ConfigError is a value of a configuration that cannot be used: the one error of
// all of them. Path is its place in the section that was checked, such as "split.test"
// of the data section, so that the caller can point at the line of the file it came from.
type ConfigError struct {
	Path string // dotted keys from the section; "" for the section itself
	Msg  string // what is wrong and what to do
}

// Error returns the path and the message.
func (e *ConfigError) Error() string {
	if e.Path == "" {
		return e.Msg
	}
	return e.Path + ": " + e.Msg
}

// FieldPath returns the place in the section.
func (e *ConfigError) FieldPath() string { return e.Path }

func configErrorf(path, format string, args ...any) *ConfigError {
	return &ConfigError{Path: path, Msg: fmt.Sprintf(format, args...)}
}

// OneOf checks an enumerated value; the empty one stands for the default. It returns nil where there is nothing wrong.
func OneOf(path, value string, allowed ...string) *ConfigError {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return configErrorf(path, "%s is not one of %s%s", quote(value), strings.Join(allowed, ", "), nearest.DidYouMean(value, allowed))
}

// ValueError is a value in the data that cannot be used. Its text reads
// `orders.csv:1042: column "price": "12,5" is not a number; <remedy>`.
type ValueError struct {
	Place   string // "orders.csv:1042", or "row 17 of the query's result"
	Column  string // "" when the whole row is at fault
	Value   string // as written in the file; "" when there is none to show
	Problem string // "is not a number"
	// Remedies are what can be done, the most likely first.
	Remedies []Remedy
	wording  Wording // of the remedies
}

// Error returns place, column, value, problem and remedy.
func (e *ValueError) Error() string {
	var b strings.Builder
	if e.Place != "" {
		b.WriteString(e.Place)
		b.WriteString(": ")
	}
	if e.Column != "" {
		fmt.Fprintf(&b, "column %s: ", quote(e.Column))
	}
	if e.Value != "" {
		b.WriteString(quote(shorten(e.Value, 60)))
		b.WriteByte(' ')
	}
	b.WriteString(e.Problem)
	if len(e.Remedies) > 0 {
		b.WriteString("; ")
		b.WriteString(wordRemedies(e.Remedies, e.wording))
	}
	return b.String()
}

// setting names a setting where the reader of a message can change it: in the
// run file, or, where a finished model is applied, among the options of the
// command.
func setting(applied bool, key, value string) string {
	if applied {
		return "--" + key + " " + value
	}
	return key + ": " + value
}

// querySetting is setting for a query.
func querySetting(applied bool, sql string) string {
	if applied {
		sql = "'" + strings.ReplaceAll(sql, "'", `'\''`) + "'"
	}
	return setting(applied, "query", sql)
}

// quote quotes a name or value for a message, which a long one must not drown.
func quote(s string) string { return strconv.Quote(shorten(s, 80)) }

// shorten cuts s to about n bytes without splitting a character.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// maxListed is how many names of columns a message lists.
const maxListed = 10

// list renders names for a message, at most limit of them.
func list(names []string, limit int) string {
	var b strings.Builder
	for i, n := range names {
		if i == limit {
			fmt.Fprintf(&b, " and %d more", len(names)-limit)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(n))
	}
	return b.String()
}
