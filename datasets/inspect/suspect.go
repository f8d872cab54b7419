package inspect

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/prepare"
	"debut/datasets/table"
	"debut/datasets/wording"
)

// warn adds a warning about the column.
func (e *examined) warn(w Warning) {
	w.Column = e.column.Name
	e.warnings = append(e.warnings, w)
}

// rowsWhere returns examples of rows for which a condition holds.
func rowsWhere(s *table.Series, holds func(row int) bool) []Example {
	var out []Example
	for i := range s.Len() {
		if holds(i) {
			out = append(out, Example{Value: clip(s.Format(i)), row: i})
			if len(out) == maxExamples {
				break
			}
		}
	}
	return out
}

// sentinels are numbers that stand for a missing value in many systems.
var sentinels = []float64{-1, -9, -99, -999, -9999, -99999, -999999, 99, 999, 9999, 99999, 999999, 9999999, 99999999, 999999999}

const (
	// sentinelShare of the present values are a sentinel, or it is a value like
	// others.
	sentinelShare = 0.0005
	// sentinelGap is how far it lies from the others, in ranges of these.
	sentinelGap = 0.5
	// rareNegative is up to which share negative numbers are suspicious without
	// a telling name.
	rareNegative = 0.02
)

// suspectNumbers finds suspicious numbers; low and high are the outermost
// distinct values with their rows, spread the scaled median absolute deviation.
func (e *examined) suspectNumbers(low, high [2]run, sorted []float64, spread float64) {
	c, n := e.column, e.column.Numbers
	e.constant()
	if c.Distinct < 2 {
		return
	}
	name := words(c.Name)
	check := func(outermost [2]run, rest float64) {
		v := outermost[0].value
		gap := math.Abs(outermost[1].value - v)
		isolated := gap > sentinelGap*rest && rest > 0
		if v < 0 {
			isolated = n.Negative == outermost[0].rows && (v != -1 || c.Distinct > 3)
		}
		if slices.Contains(sentinels, v) && isolated && float64(outermost[0].rows) >= max(2, sentinelShare*float64(len(sorted))) && c.Distinct > 2 {
			e.sentinel = v
			message := "%s, far from all other values, seems to stand for a missing value"
			if v > 0 {
				message += ", or for all above a limit"
			}
			e.warn(Warning{Severity: Warn, Code: "sentinel", Rows: outermost[0].rows, Message: fmt.Sprintf(message, number(v)),
				Examples: rowsWhere(e.series, func(i int) bool { return e.series.Floats[i] == v }),
				Remedies: []Remedy{sqlStep(fmt.Sprintf("nullif(%s, %s)", sqlName(c.Name), number(v)), c.Name).when("if it stands for a missing value")}})
		}
	}
	check(low, high[0].value-low[1].value)
	check(high, high[1].value-low[0].value)
	if amount := hasWord(name, amounts); n.Negative > 0 && n.Min != e.sentinel && n.Negative < int64(len(sorted))/2 &&
		(amount || float64(n.Negative) <= rareNegative*float64(len(sorted)) && n.Quantiles.P05 >= 0 && n.Quantiles.P50 > 0) &&
		!hasWord(name, signed) {
		severity := Notable
		if amount {
			severity = Warn
		}
		e.warn(Warning{Severity: severity, Code: "negative", Rows: n.Negative,
			Message:  fmt.Sprintf("%s negative among positive numbers: returns, cancellations or mistakes?", valuesAre(n.Negative)),
			Examples: rowsWhere(e.series, func(i int) bool { return e.series.Floats[i] < 0 }),
			Remedies: []Remedy{filter(e.orMissing(sqlName(c.Name)+" >= 0"), "negative")}})
	}
	// Both rules call much of a skewed distribution outliers; a note is due for
	// what lies far beyond.
	const far = 20
	if o := n.MAD; o.Rows > 0 && n.IQR.Rows > 0 && len(sorted) >= 20 && spread > 0 {
		extreme := max(n.Max-n.Quantiles.P50, n.Quantiles.P50-n.Min) / spread
		if extreme > far && max(math.Abs(n.Max), math.Abs(n.Min)) != math.Abs(e.sentinel) {
			if e.longTail() {
				e.extreme = extreme
			} else {
				e.warn(Warning{Severity: Notable, Code: "outliers", Rows: o.Rows,
					Message: fmt.Sprintf("values up to %.3g times the usual deviation away from the median; %s by the quartiles' rule, %s by the median's",
						extreme, outliersAre(n.IQR.Rows), wording.Thousands(o.Rows)),
					Examples: slices.Clone(o.Examples),
					Remedies: []Remedy{step(prepare.Step{Clip: map[string]prepare.Clip{c.Name: {Quantiles: []float64{0.001, 0.999}}}})}})
			}
		}
	}
	rows := int64(e.series.Len())
	dense := n.Max-n.Min+1 == float64(len(sorted))
	if n.Whole && c.Distinct == rows && rows >= 20 && (dense || hasWord(name, identifiers)) {
		e.identifier()
	}
}

// orMissing is a condition that rows without a value hold too.
func (e *examined) orMissing(condition string) string {
	if e.column.Missing == 0 {
		return condition
	}
	return "(" + condition + ") IS NOT FALSE"
}

// longTail reports numbers that lie far out by nature: counts, numbers of things, and what has a long tail on one side,
// as amounts and durations have.
func (e *examined) longTail() bool {
	n := e.column.Numbers
	below, above := n.Quantiles.P50-n.Quantiles.P05, n.Quantiles.P95-n.Quantiles.P50
	return n.Whole && n.Min >= 0 || max(below, above) > 2*min(below, above) || hasWord(words(e.column.Name), identifiers)
}

func outliersAre(n int64) string {
	if n == 1 {
		return "1 outlier"
	}
	return wording.Thousands(n) + " outliers"
}

func valuesAre(n int64) string {
	if n == 1 {
		return "1 value is"
	}
	return wording.Thousands(n) + " values are"
}

var (
	amounts = []string{"price", "prices", "amount", "quantity", "qty", "cost", "costs", "total", "revenue", "sales", "stock", "units", "count",
		"duration", "weight", "age", "views", "clicks", "orders", "volume", "inventory", "fee", "value", "size", "length", "width", "height"}
	signed      = []string{"change", "delta", "diff", "difference", "balance", "profit", "margin", "log", "score", "temperature", "lat", "lon", "lng", "latitude", "longitude", "growth", "offset", "elasticity"}
	identifiers = []string{"id", "ids", "no", "nr", "number", "key", "uuid", "guid", "index", "row", "uid"}
)

func hasWord(words, list []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
}

// words cuts a name into lower-case words.
func words(name string) []string {
	var b strings.Builder
	small := false
	for _, r := range name {
		capital := r >= 'A' && r <= 'Z'
		if capital && small {
			b.WriteByte(' ')
		}
		small = r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !capital && !small && r < 0x80 {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.Fields(strings.ToLower(b.String()))
}

// constant notes a column of one value, or of none.
func (e *examined) constant() {
	c := e.column
	remedies := []Remedy{drop(c.Name)}
	switch {
	case e.present == 0:
		e.warn(Warning{Severity: Warn, Code: "empty", Message: "no row has a value", Rows: c.Missing, Remedies: remedies})
	case c.Distinct == 1 && e.present > 1 && c.Missing == 0:
		value := ""
		if len(c.Frequent) > 0 {
			value = " " + quoted(c.Frequent[0].Value)
		}
		e.warn(Warning{Severity: Warn, Code: "constant", Message: "all rows have the same value" + value, Rows: e.present, Remedies: remedies})
	}
}

// identifier notes a column whose values are all distinct.
func (e *examined) identifier() {
	e.warn(Warning{Severity: Notable, Code: "identifier", Rows: e.present, Message: "all values are distinct: an identifier, from which nothing can be learned",
		Remedies: []Remedy{inRun(datasets.Config{ID: configfile.Strings{e.column.Name}})}})
}

// suspectDates finds suspicious dates among sorted values.
func (e *examined) suspectDates(sorted []int64, now time.Time) {
	c := e.column
	e.constant()
	micros := e.series.Micros
	limit := now.UnixMicro()
	if at, _ := slices.BinarySearch(sorted, limit+1); at < len(sorted) && at > 0 {
		e.warn(Warning{Severity: Warn, Code: "future", Rows: int64(len(sorted) - at), Message: "dates in the future",
			Examples: rowsWhere(e.series, func(i int) bool { return micros[i] > limit }),
			Remedies: []Remedy{filter(e.orMissing(fmt.Sprintf("%s <= '%s'", sqlName(c.Name), now.UTC().Format(time.DateTime))), "in the future")}})
	}
	for _, day := range []string{"0001-01-01", "1753-01-01", "1899-12-30", "1900-01-01", "1970-01-01", "9999-12-31"} {
		t, err := time.Parse(time.DateOnly, day)
		if err != nil {
			continue // a constant of the program
		}
		first := t.UnixMicro()
		last := t.AddDate(0, 0, 1).UnixMicro()
		from, _ := slices.BinarySearch(sorted, first)
		to, _ := slices.BinarySearch(sorted, last)
		// Where dates go on around it, it is a day like others.
		lonely := (from == 0 || sorted[from-1] < t.AddDate(-1, 0, 0).UnixMicro()) && (to == len(sorted) || sorted[to] > t.AddDate(1, 0, 0).UnixMicro())
		if to == from || !lonely || to-from == len(sorted) {
			continue
		}
		e.warn(Warning{Severity: Warn, Code: "epoch", Rows: int64(to - from), Message: day + ", far from all other dates, seems to stand for a missing value",
			Examples: rowsWhere(e.series, func(i int) bool { return micros[i] >= first && micros[i] < last }),
			Remedies: []Remedy{sqlStep(fmt.Sprintf("CASE WHEN CAST(%s AS DATE) <> '%s' THEN %s END", sqlName(c.Name), day, sqlName(c.Name)), c.Name)}})
	}
}
