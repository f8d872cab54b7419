package inspect

import (
	"regexp"
	"strconv"
	"strings"

	"debut/datasets/duck"
)

// quoted quotes a value for a message, which a long one must not drown.
func quoted(s string) string { return strconv.Quote(clip(s)) }

func listQuoted(texts []string) string {
	var out []string
	for _, t := range texts {
		out = append(out, quoted(t))
	}
	return strings.Join(out, ", ")
}

var (
	plainYAML = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// wordsYAML are read as something else than text where they are not quoted.
	wordsYAML = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)
)

// yamlText writes a text for YAML, in quotes where it needs them.
func yamlText(s string) string {
	if plainYAML.MatchString(s) && !wordsYAML.MatchString(s) {
		return s
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f || r >= 0x80 && r <= 0x9f || r == '\u2028' || r == '\u2029' || r == '\ufeff' || r == '\ufffd' {
			return strconv.QuoteToASCII(s) // its escapes are YAML's too
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func yamlList(texts []string) string {
	var out []string
	for _, t := range texts {
		out = append(out, yamlText(t))
	}
	return strings.Join(out, ", ")
}

func sqlName(s string) string { return duck.Name(s) }

// sqlStep is a step that replaces a column by an expression.
func sqlStep(expression, column string) string {
	return "steps: [{sql: " + yamlText("SELECT * REPLACE ("+expression+" AS "+sqlName(column)+") FROM input") + "}]"
}

// castStep is a step that makes numbers of a column, and missing values of what
// is none.
func castStep(column string) string {
	return "steps: [{cast: {" + yamlText(column) + ": {to: DOUBLE, on_error: \"null\"}}}]"
}

// thousands formats a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
