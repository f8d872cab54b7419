package table

import (
	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
)

// isTexts reports a declared type whose values are read as texts.
func isTexts(declared string) bool {
	return declared == TypeCategorical || declared == TypeText || declared == TypeList
}

// listSQL is column i as the JSON of its lists, "" where it is not declared to hold lists, or holds them as texts.
func (r *relation) listSQL(i int, declared string) string {
	c := r.columns[i]
	switch {
	case declared != TypeList:
		return ""
	case c.JSON: // of values of several types
		return "(" + duck.Name(c.Name) + " ->> '$')"
	case c.Type == mapping.TypeList, c.Type == mapping.TypeArray:
		return "CAST(to_json(" + duck.Name(c.Name) + ") AS VARCHAR)"
	}
	return ""
}
