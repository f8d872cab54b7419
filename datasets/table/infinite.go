package table

import (
	"fmt"
	"math"
	"strings"

	"debut/datasets/duck"
)

// infinite is a set of numbers that are not finite: those that are declared to be missing values, or those met.
type infinite struct{ nan, up, down bool }

// infiniteOf returns those among the texts that stand for missing values.
func infiniteOf(null map[string]bool) (s infinite) {
	for text := range null {
		switch strings.ToLower(text) {
		case "nan":
			s.nan = true
		case "inf", "+inf", "infinity", "+infinity":
			s.up = true
		case "-inf", "-infinity":
			s.down = true
		}
	}
	return s
}

// has reports whether a number that is not finite is in the set.
func (s infinite) has(v float64) bool {
	return v != v && s.nan || math.IsInf(v, 1) && s.up || math.IsInf(v, -1) && s.down
}

func (s *infinite) add(v float64) {
	switch {
	case v != v:
		s.nan = true
	case v > 0:
		s.up = true
	default:
		s.down = true
	}
}

// names are the texts for the set, as Source.Null has them.
func (s infinite) names() (out []string) {
	if s.nan {
		out = append(out, "nan")
	}
	if s.up {
		out = append(out, "inf")
	}
	if s.down {
		out = append(out, "-inf")
	}
	return out
}

// sql is column without the numbers of the set.
func (s infinite) sql(column string) string {
	for _, name := range s.names() {
		column = "nullif(" + column + ", CAST(" + duck.Literal(name) + " AS DOUBLE))"
	}
	return column
}

// notFinite are the numbers of a column that are not finite and not missing values either.
type notFinite struct {
	missing infinite // what stands for missing values
	before  int      // rows of earlier blocks
	count   int
	row     int // of the first
	first   float64
	met     infinite
}

// add looks at a number that is not finite.
func (n *notFinite) add(v float64, row int) {
	if n.missing.has(v) {
		return
	}
	if n.count == 0 {
		n.row, n.first = n.before+row, v
	}
	n.count++
	n.met.add(v)
}

// err is the error about the first.
func (n *notFinite) err(column string, from *origin) error {
	if n.count == 0 {
		return nil
	}
	var first infinite
	first.add(n.first)
	e := &ValueError{Column: column, Place: from.rowPlace(n.row), Value: first.names()[0], row: n.row + 1, Problem: "is not a finite number", wording: from.words}
	if n.count > 1 {
		e.Problem += fmt.Sprintf(" (nor are %d other values of the column)", n.count-1)
	}
	e.Remedies = []Remedy{set(SetNull, n.met.names()...).when("if it stands for a missing value"), ManualRemedy("correct it")}
	return e
}
