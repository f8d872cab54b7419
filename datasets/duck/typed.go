package duck

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// unmatched is DuckDB's complaint about the types of arguments, with the functions that there are.
	unmatched = regexp.MustCompile(`(?s)No function matches the given name and argument types '([^\s(']+)\((.*?)\)'\..*?Candidate functions:(.*?)(?:\n\n|$)`)
	// leading and trailing are a name in SQL at the beginning of the arguments of a function, and before an operator.
	leading  = regexp.MustCompile(`^\s*\w+\s*\(\s*((?:\w+\.)?(?:"(?:[^"]|"")+"|[A-Za-z_]\w*))\s*[,)]`)
	call     = regexp.MustCompile(`^\s*\w+\s*\(`)
	trailing = regexp.MustCompile(`((?:\w+\.)?(?:"(?:[^"]|"")+"|[A-Za-z_]\w*))\s*$`)
)

// typedTypes are those that columns of texts may have become.
var typedTypes = []string{"DATE", "TIMESTAMP", "DOUBLE", "BIGINT", "BOOLEAN"}

// Typed reports that a function of texts was called for what is no text: the column, "" where it is an expression, and its
// type.
func (e *Error) Typed() (column, typ string, ok bool) {
	m := unmatched.FindStringSubmatch(e.Message)
	if m == nil {
		return "", "", false
	}
	typ, _, _ = strings.Cut(m[2], ",")
	if typ = strings.TrimSpace(typ); !slices.Contains(typedTypes, typ) || !strings.Contains(m[3], m[1]+"(VARCHAR") {
		return "", "", false
	}
	if before, behind, found := e.around(); found {
		name := leading.FindStringSubmatch(behind)
		if name == nil && !call.MatchString(behind) {
			name = trailing.FindStringSubmatch(before)
		}
		if name != nil {
			column = name[1]
			if _, last, qualified := strings.Cut(column, "."); qualified && !strings.HasPrefix(column, `"`) {
				column = last
			}
			if strings.HasPrefix(column, `"`) {
				column = strings.ReplaceAll(strings.Trim(column, `"`), `""`, `"`)
			}
		}
	}
	return column, typ, true
}
