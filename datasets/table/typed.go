package table

import (
	"cmp"
	"fmt"

	"debut/datasets/duck"
	"debut/datasets/wording"
)

// TypedAlready is what to do where SQL takes a column for text that has a type already, as statements did when the columns
// of files without types were texts; "" where the error is about something else. It begins with a semicolon.
func TypedAlready(err *duck.Error) string {
	column, typ, ok := err.Typed()
	if !ok {
		return ""
	}
	what := map[string]string{"DATE": "a date", "TIMESTAMP": "a time", "DOUBLE": "a number", "BIGINT": "a whole number", "BOOLEAN": "true or false"}[typ]
	if column == "" {
		return fmt.Sprintf("; what it is called with is %s already: leave the conversion out", what)
	}
	return fmt.Sprintf("; column %s is %s already: leave the conversion out, or, to have the text as it is written, %s of its source", wording.Quote(column), cmp.Or(what, typ), DeclareType(column, TypeCategorical).Text(DataFile))
}
