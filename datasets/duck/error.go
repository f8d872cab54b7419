package duck

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Error is what DuckDB said about a statement.
type Error struct {
	Message string

	cause error // of a function that Go defines, whose text the message has
}

// Error is the database's message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the error of a function that Go defines, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Short returns the message without DuckDB's suggestions of settings, on one line
// of at most limit bytes: it may quote a whole query. The place that it is about
// stands behind it.
func (e *Error) Short(limit int) string {
	text, _, _ := strings.Cut(strings.TrimSpace(e.Message), "\n\n")
	text, _, _ = strings.Cut(text, "Possible fixes")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	if strings.Contains(e.Message, "Out of Memory Error") {
		text += "; let it select, sort and collect less at a time, or give it more memory"
	}
	return text + e.place()
}

// marked is how DuckDB shows a place: a line of the statement, and a mark below.
var marked = regexp.MustCompile(`(?m)^LINE (\d+): (.*)\n( *)\^`)

// contextRunes are shown of a line before and behind a place.
const contextRunes = 40

// around returns what stands before and behind the place that the error is about, in its line.
func (e *Error) around() (before, behind string, found bool) {
	m := marked.FindStringSubmatch(e.Message)
	if m == nil {
		return "", "", false
	}
	text := []rune(m[2])
	at := len(m[3]) - len("LINE : ") - len(m[1])
	if at < 0 || at > len(text) {
		return "", "", false
	}
	return string(text[:at]), string(text[at:]), true
}

// place shows where in the statement the error is, and what may be meant; "" where
// DuckDB does not say it.
func (e *Error) place() string {
	m := marked.FindStringSubmatch(e.Message)
	if m == nil {
		return ""
	}
	line, _ := strconv.Atoi(m[1])
	left, right, found := e.around()
	if !found {
		return ""
	}
	before, behind := []rune(left), []rune(right)
	cutLeft, cutRight := "", ""
	if len(before) > contextRunes {
		before, cutLeft = before[len(before)-contextRunes:], "…"
	}
	if len(behind) > contextRunes {
		behind, cutRight = behind[:contextRunes], "…"
	}
	where := "at <HERE> in"
	if line > 1 {
		where = fmt.Sprintf("at <HERE> in line %d", line)
	}
	out := fmt.Sprintf(" (%s: %s%s<HERE>%s%s)", where, cutLeft, strings.TrimLeftFunc(string(before), unicode.IsSpace), strings.TrimRightFunc(string(behind), unicode.IsSpace), cutRight)
	if strings.Contains(e.Message, "syntax error") {
		for _, word := range []string{firstWord(behind), lastWord(before)} {
			if slices.Contains(likelyNames, strings.ToLower(word)) {
				return out + fmt.Sprintf("; %s is a word of SQL: as the name of a column it stands in double quotes, \"%[1]s\"", word)
			}
		}
	}
	return out
}

// likelyNames are words of SQL that tables use as names of columns.
var likelyNames = []string{"all", "analyze", "any", "array", "as", "asc", "at", "both", "case", "check", "collate", "column", "constraint", "create",
	"default", "desc", "describe", "do", "end", "except", "false", "fetch", "for", "foreign", "full", "grant", "group", "in",
	"is", "leading", "left", "like", "limit", "natural", "not", "null", "offset", "only", "or", "order", "outer", "positional", "primary",
	"qualify", "references", "returning", "right", "show", "similar", "some", "summarize", "table", "then", "to", "trailing", "true",
	"unique", "using", "when", "window"}

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

func lastWord(text []rune) string {
	end := len(text)
	for end > 0 && unicode.IsSpace(text[end-1]) {
		end--
	}
	begin := end
	for begin > 0 && isWord(text[begin-1]) {
		begin--
	}
	return string(text[begin:end])
}

func firstWord(text []rune) string {
	end := 0
	for end < len(text) && isWord(text[end]) {
		end++
	}
	return string(text[:end])
}
