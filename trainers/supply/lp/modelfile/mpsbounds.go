package modelfile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"debut/datasets/wording"
	"debut/trainers/supply/lp/problem"
)

// bound reads a line of BOUNDS: a kind, the name of a set, which may be missing, a column and, for most kinds, a number.
func (r *mpsReader) bound(fields []string) error {
	if len(fields) < 2 || len(fields) > 4 {
		return r.unclear("a bound has a kind, a set, a column and a number, but there are %d fields", len(fields))
	}
	kind := strings.ToUpper(fields[0])
	valued := false
	switch kind {
	case "UP", "LO", "FX", "LI", "UI":
		valued = true
	case "FR", "MI", "PL", "BV":
	case "SC", "SI":
		return r.at("%s: semi-continuous columns are not solved; split the column by a 0/1 column", kind)
	default:
		return r.at("bound of the kind %s; kinds are UP, LO, FX, FR, MI, PL, BV, LI and UI", wording.Quote(fields[0]))
	}
	set, rest := "", fields[1:]
	switch {
	case len(rest) == 3:
		set, rest = rest[0], rest[1:]
	case len(rest) == 2 && valued:
		if _, known := r.columns[rest[1]]; known && !isNumber(rest[1]) {
			set, rest = rest[0], rest[1:] // the number is missing
		}
	case len(rest) == 2:
		if _, known := r.columns[rest[1]]; known || !isNumber(rest[1]) {
			set, rest = rest[0], rest[1:]
		}
	}
	if valued && len(rest) < 2 {
		return r.unclear("bound %s of column %s without a number", kind, wording.Quote(rest[0]))
	}
	j, known := r.columns[rest[0]]
	if !known {
		return r.unclear("BOUNDS: there is no column %s", wording.Quote(rest[0]))
	}
	if !r.inSet("BOUNDS", set) {
		return nil
	}
	v := 0.0
	if valued {
		var err error
		if v, err = r.boundValue(rest[1], kind, rest[0]); err != nil {
			return err
		}
	}
	return r.setBound(kind, j, v)
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// boundValue reads the number of a bound, which may be infinite.
func (r *mpsReader) boundValue(text, kind, column string) (float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(v) {
		return 0, r.unclear("bound %s of column %s: %s is no number", kind, wording.Quote(column), wording.Quote(text))
	}
	switch {
	case v >= problem.Infinite:
		v = math.Inf(1)
	case v <= -problem.Infinite:
		v = math.Inf(-1)
	}
	return v, nil
}

func (r *mpsReader) setBound(kind string, j int32, v float64) error {
	p := r.p
	if r.lowerSet == nil {
		r.lowerSet, r.upperSet = make([]bool, len(p.Cost)), make([]bool, len(p.Cost))
	}
	name := p.ColumnNames[j]
	lower, upper := false, false
	switch kind {
	case "UP", "UI":
		p.Upper[j], upper = v, true
		if v < 0 && !r.lowerSet[j] { // as CPLEX and most others have it
			p.Lower[j] = math.Inf(-1)
			r.notes = append(r.notes, fmt.Sprintf("%s:%d: column %s has a negative upper bound and no lower one: it is taken to be unbounded below",
				r.name, r.line, wording.Quote(name)))
		}
	case "LO", "LI":
		p.Lower[j], lower = v, true
	case "FX":
		p.Lower[j], p.Upper[j], lower, upper = v, v, true, true
	case "FR":
		p.Lower[j], p.Upper[j], lower, upper = math.Inf(-1), math.Inf(1), true, true
	case "MI":
		p.Lower[j], lower = math.Inf(-1), true
	case "PL":
		p.Upper[j], upper = math.Inf(1), true
	case "BV":
		p.Lower[j], p.Upper[j], lower, upper = 0, 1, true, true
		p.Integer[j] = true
	}
	if kind == "LI" || kind == "UI" {
		p.Integer[j] = true
	}
	if lower && r.lowerSet[j] || upper && r.upperSet[j] {
		return r.at("a second bound of column %s on the same side", wording.Quote(name))
	}
	r.lowerSet[j] = r.lowerSet[j] || lower
	r.upperSet[j] = r.upperSet[j] || upper
	if r.lowerSet[j] && r.upperSet[j] && p.Lower[j] > p.Upper[j] {
		return r.at("column %s: the lower bound %v is above the upper bound %v", wording.Quote(name), p.Lower[j], p.Upper[j])
	}
	return nil
}
