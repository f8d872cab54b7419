package inspect

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"debut/datasets/table"
	"debut/datasets/wording"
)

var (
	// thingWords are the last words of the names of columns whose numbers name things. In the plural they would count them.
	thingWords = []string{"id", "no", "nr", "number", "key", "user", "item", "store", "shop", "code", "zip", "zipcode", "postcode", "plz", "sku", "product", "dept", "department", "customer", "client"}
	// kindWords are the same where it may not matter for every label.
	kindWords = []string{"visitor", "member", "session", "category", "brand", "region", "branch", "city", "county", "country", "state", "warehouse", "supplier", "vendor", "seller", "channel",
		"browser", "systems", "type", "segment", "cluster"}
	// measureWords make a measure of what else is in a name.
	measureWords = []string{"of", "num", "n", "avg", "mean", "average", "sum", "min", "max", "days", "hours", "minutes", "seconds", "since", "share", "rate", "ratio", "percent",
		"distance", "rating", "last", "first", "previous", "lag", "per"}
)

const (
	// leastThings distinct numbers tell whether neighbors are alike.
	leastThings = 8
	// sparse is up to how many times as far the numbers of things reach as there are things.
	sparse = 20
	// thingSignal is the share of the label's variance that must hang on the numbers.
	thingSignal = 0.02
	// smoothShare of that is up to which numbers next to each other are not alike.
	smoothShare = 0.5
)

// things warns of whole numbers that name things, and are read as quantities: to judge by their name, or because the
// label hangs on which number it is and not on how large it is.
func (t *target) things(e *examined) []Warning {
	c := e.column
	if c.Type != table.TypeNumeric || c.Refused || c.Numbers == nil || !c.Numbers.Whole || c.Numbers.Min < 0 || c.Distinct < 3 || c.Distinct*2 > e.present {
		return nil
	}
	name := words(c.Name)
	named := len(name) > 0 && hasWord(name[len(name)-1:], slices.Concat(thingWords, kindWords)) && !hasWord(name, amounts) && !hasWord(name, measureWords) && !hasWord(name, signed)
	told, sized, rough := 0.0, 0.0, false
	if t != nil && t.values != nil && c.Name != t.Column && c.Distinct*5 <= e.present && (named || e.dense()) {
		told, sized, rough = t.grouped(e)
	}
	w := Warning{Severity: Warn, Code: "names", Column: c.Name, Remedies: []Remedy{declared(c.Name, table.TypeCategorical)}}
	figures := fmt.Sprintf("told apart they explain %s of the label, by their size %s", percent(told), percent(sized))
	switch {
	case rough:
		w.Message = fmt.Sprintf("%s whole numbers seem to name things: %s; they are read as quantities", wording.Thousands(c.Distinct), figures)
	case named:
		w.Message = fmt.Sprintf("%s whole numbers name things, to judge by the name of the column; they are read as quantities", wording.Thousands(c.Distinct))
		if t != nil && !t.Guessed && t.values != nil && told < sized+thingSignal && hasWord(name[len(name)-1:], kindWords) {
			w.Severity = Notable // it hardly matters for this label
		}
	default:
		return nil
	}
	return []Warning{w}
}

// dense reports numbers that may be those of things by how they are distributed: most of a range, none of them usual.
func (e *examined) dense() bool {
	n, common := e.column.Numbers, e.column.Frequent
	usual := len(common) > 0 && common[0].Rows*2 > e.present // nothing, and amounts
	return !usual && float64(e.column.Distinct)*sparse >= n.Max-n.Min+1
}

// grouped returns the shares of the label's variance that a column explains where every value is a group of its own
// (cross-validated), and where it is a quantity of which the label is a line. rough says that the first is far above
// the second, and that groups of neighboring numbers are not alike either, as those of a curve would be.
func (t *target) grouped(e *examined) (told, sized float64, rough bool) {
	if e.column.Distinct > mostCells/folds {
		return 0, 0, false
	}
	numbers := e.series.Floats
	known := make(map[float64]int32, e.column.Distinct)
	for _, v := range numbers {
		if !math.IsNaN(v) {
			known[v] = 0
		}
	}
	values := slices.Sorted(maps.Keys(known))
	for i, v := range values {
		known[v] = int32(i) + 1
	}
	codes := make([]int32, len(numbers))
	for i, v := range numbers {
		codes[i] = known[v] // 0 for NaN, which is no key
	}
	told = t.crossR2(codes, len(values)+1)
	line := slices.Clone(numbers)
	standardize(line)
	r, rows := correlation(line, t.values)
	sized = r * r
	if !e.dense() || len(values) < leastThings || told < thingSignal || told < 2*sized+thingSignal || told*float64(rows) < 10*float64(len(values)) {
		return told, sized, false
	}
	return told, sized, t.smooth(codes, len(values)) < smoothShare
}

// smooth returns the share of the variance between the means of the label by groups 1 to n that the means of up to two
// neighbors on each side explain.
func (t *target) smooth(codes []int32, n int) float64 {
	sums, rows := make([]float64, n+1), make([]float64, n+1)
	all, total := 0.0, 0.0
	for i, c := range codes {
		if y := t.values[i]; c > 0 && !math.IsNaN(y) {
			sums[c] += y
			rows[c]++
			all += y
			total++
		}
	}
	before, after := 0.0, 0.0
	for c := 1; c <= n; c++ {
		if rows[c] == 0 {
			continue
		}
		near, of := 0.0, 0.0
		for k := max(1, c-2); k <= min(n, c+2); k++ {
			if k != c {
				near += sums[k]
				of += rows[k]
			}
		}
		if of == 0 {
			continue
		}
		mean := sums[c] / rows[c]
		before += rows[c] * (mean - all/total) * (mean - all/total)
		after += rows[c] * (mean - near/of) * (mean - near/of)
	}
	if before == 0 {
		return 1
	}
	return 1 - after/before
}
