package table

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
)

// maxWhole is 2⁵³. A float64 holds every whole number up to it; of larger ones it
// holds some, and ids that differ in their last digits become one.
const maxWhole = 1 << 53

// wholeDigits reports a whole number written in digits alone.
func wholeDigits(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// wideness is whether a column of numbers holds ids that a float64 cannot.
type wideness struct {
	wide      bool // whole numbers of maxWhole and more
	fractions bool // others, which a quantity has and an id has not
}

func (w *wideness) ids() bool { return w.wide && !w.fractions }

// look looks at a number as it was written.
func (w *wideness) look(v float64, text string) {
	switch {
	case math.Abs(v) >= maxWhole:
		if wholeDigits(text) {
			w.wide = true
		} else {
			w.fractions = true
		}
	case v != math.Trunc(v):
		w.fractions = true
	}
}

// value looks at a number.
func (w *wideness) value(v float64) {
	switch {
	case v != math.Trunc(v): // and not NaN, which is missing
		w.fractions = w.fractions || v == v
	case math.Abs(v) >= maxWhole:
		w.wide = true
	}
}

// lostNote is what a person should know of floating-point numbers that cannot be
// what they were: whole numbers of maxWhole and more.
func lostNote() *Note {
	return &Note{NoteLost, "whole numbers of more than 2^53 are floating-point numbers in the file, and have lost digits already: ids that differed may be equal",
		[]Remedy{ManualRemedy("write them as text or whole numbers where the file is made").when("if they are ids")}}
}

// LostDigits reports numbers that are all whole, some of them of 2⁵³ and more: ids
// whose last digits are not those they had.
func (s *Series) LostDigits() bool {
	if s.Kind != Numeric {
		return false
	}
	var w wideness
	for _, v := range s.Floats {
		w.value(v)
		if w.fractions {
			return false
		}
	}
	return w.ids()
}

// exactText is SQL for a number as text in all its digits; of decimals without the
// zeros at their end.
func exactText(column string, t mapping.Type) string {
	text := "CAST(" + column + " AS VARCHAR)"
	if t != mapping.TypeDecimal {
		return text
	}
	return fmt.Sprintf("CASE WHEN contains(%[1]s, '.') THEN rtrim(rtrim(%[1]s, '0'), '.') ELSE %[1]s END", text)
}

// writtenWide returns those of the columns of a FROM item that DuckDB takes for
// floating-point numbers although the files have whole numbers there, some too
// large for such. reread is the item with the given columns as text.
func writtenWide(ctx context.Context, db *duck.DB, from string, reread func(names []string) (string, error)) ([]string, error) {
	columns, err := db.Describe(ctx, "SELECT * FROM "+from)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range columns {
		if c.Type == mapping.TypeDouble {
			names = append(names, c.Name)
		}
	}
	some := func(from, condition string) error {
		if len(names) == 0 {
			return nil
		}
		items := make([]string, len(names))
		for i, name := range names {
			items[i] = "coalesce(" + strings.ReplaceAll(condition, "COLUMN", duck.Name(name)) + ", FALSE)"
		}
		var found []string
		err := db.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+from, func(c *duck.Chunk) error {
			for i, name := range names {
				if v, _ := duck.Vector[bool](c, i); v[0] {
					found = append(found, name)
				}
			}
			return nil
		})
		names = found
		return err
	}
	if err := some(from, fmt.Sprintf("greatest(max(COLUMN) FILTER (WHERE isfinite(COLUMN)), -min(COLUMN) FILTER (WHERE isfinite(COLUMN))) >= %d", maxWhole)); err != nil || len(names) == 0 {
		return nil, err
	}
	again, err := reread(names)
	if err != nil {
		return nil, err
	}
	err = some(again, "bool_and(regexp_full_match(trim(COLUMN), '[+-]?[0-9]+')) FILTER (WHERE trim(COLUMN) <> '')")
	return slices.Clip(names), err
}
