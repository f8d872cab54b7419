package table

import (
	"fmt"
	"strings"

	"debut/datasets/wording"
)

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
	row      int     // that it is about, counted from 1 in what is read; 0 for all of the column
}

// Error returns place, column, value, problem and remedy.
func (e *ValueError) Error() string {
	var b strings.Builder
	if e.Place != "" {
		b.WriteString(e.Place)
		b.WriteString(": ")
	}
	if e.Column != "" {
		fmt.Fprintf(&b, "column %s: ", wording.Quote(e.Column))
	}
	if e.Value != "" {
		b.WriteString(wording.Quote(wording.Shorten(e.Value, 60)))
		b.WriteByte(' ')
	}
	b.WriteString(e.Problem)
	if len(e.Remedies) > 0 {
		b.WriteString("; ")
		b.WriteString(wordRemedies(e.Remedies, e.wording))
	}
	return b.String()
}

// QuerySetting names a query where the reader of a message can give it: in the run file, or among the options of a
// command.
func QuerySetting(option bool, sql string) string {
	if option {
		return "--query '" + strings.ReplaceAll(sql, "'", `'\''`) + "'"
	}
	return "query: " + sql
}
