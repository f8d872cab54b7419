package inspect

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets/duck"
)

// maxExamples is how many examples a finding has.
const maxExamples = 3

// clip returns a copy of a value short enough to be shown.
func clip(text string) string {
	const limit = 60
	if len(text) <= limit {
		return strings.Clone(text)
	}
	n := limit
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}

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

func sqlName(s string) string { return duck.Name(s) }
