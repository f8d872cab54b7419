package table

import (
	"maps"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// dropMarks takes numbers that stand for missing values, such as -999, out of columns that have numbers in the file.
func (r *relation) dropMarks() {
	var marks []string // as SQL
	for _, text := range slices.Sorted(maps.Keys(r.null)) {
		text = minuses.Replace(text)
		if _, ok := notation.Number(text); !ok {
			continue
		}
		typ := "DOUBLE"
		if wholeDigits(text) {
			typ = "HUGEINT" // which has all digits
		}
		marks = append(marks, "TRY_CAST("+duck.Literal(text)+" AS "+typ+")")
	}
	var items []string
	for _, c := range r.columns {
		if kindOf(c.Type) != Numeric || len(marks) == 0 {
			continue
		}
		column := duck.Name(c.Name)
		expr := column
		for _, mark := range marks {
			expr = "nullif(" + expr + ", " + mark + ")"
		}
		items = append(items, expr+" AS "+column)
	}
	if len(items) > 0 {
		r.sql = "(SELECT * REPLACE (" + strings.Join(items, ", ") + ") FROM " + r.sql + ")"
	}
}
