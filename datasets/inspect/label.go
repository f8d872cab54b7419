package inspect

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"debut/datasets/encoding"
	"debut/datasets/notation"
	"debut/datasets/table"
)

// target is the label with its values, by row.
type target struct {
	Label
	index   int
	kind    table.Kind
	classes []int32   // binary (1 is positive) and multiclass; -1 where missing
	values  []float64 // regression, and binary with 0 and 1: standardized; NaN where missing
	count   int       // of classes
	rare    int64     // rows of the rarest class
	rows    int64     // with a label
}

// labelNames are what labels are called, in order of how sure that is.
var labelNames = []string{"label", "target", "y", "class", "outcome", "revenue", "purchased", "purchase", "bought", "converted", "conversion",
	"clicked", "click", "churn", "churned", "is_buyer", "ordered", "returned", "response", "income", "default", "survived"}

const (
	// manyClasses is up to how many distinct whole numbers are classes.
	manyClasses = 20
	// mostClasses is up to how many classes a label may have for columns to be
	// compared with it.
	mostClasses = 200
	// leastOfClass rows of a class are needed to say anything.
	leastOfClass = 10
)

// chooseLabel finds the label in a table: the column of the name, or without a
// name one that is called like a label, or else the last column if it has two
// values. It is nil where there is none.
func chooseLabel(f *table.Frame, found []*examined, name string) *target {
	guessed := name == ""
	at := -1
	if !guessed {
		at = slices.IndexFunc(f.Columns, func(s *table.Series) bool { return s.Name == name })
	} else {
		best := len(labelNames)
		for i, s := range f.Columns {
			rank := slices.Index(labelNames, strings.ToLower(s.Name))
			if rank >= 0 && rank < best && guessable(found[i]) {
				at, best = i, rank
			}
		}
		if last := len(found) - 1; at < 0 && last > 0 && found[last].column.Distinct == 2 {
			at = last
		}
	}
	if at < 0 || found[at].column.Distinct == 0 || f.Columns[at].Kind == table.Vector {
		return nil
	}
	t := newTarget(f.Columns[at], found[at].column)
	t.index, t.Guessed = at, guessed
	return t
}

// guessable reports whether a column may be a label of classes.
func guessable(e *examined) bool {
	d := e.column.Distinct
	return d >= 2 && d <= manyClasses && (e.series.Kind != table.Numeric || e.column.Numbers.Whole) &&
		e.series.Kind != table.Date && e.series.Kind != table.Vector
}

func newTarget(s *table.Series, c *Column) *target {
	t := &target{Label: Label{Column: s.Name, Missing: c.Missing}, kind: s.Kind, rows: int64(s.Len()) - c.Missing}
	whole := c.Numbers != nil && c.Numbers.Whole
	switch {
	case c.Distinct == 2 && s.Kind != table.Date:
		t.Task = encoding.TaskBinary
	case s.Kind == table.Text, s.Kind == table.Boolean, whole && c.Distinct <= manyClasses:
		t.Task = encoding.TaskMulticlass
	default:
		t.Task = encoding.TaskRegression
		t.values = asNumbers(s)
		standardize(t.values)
		return t
	}
	// Classes in order of their texts, numbers in order of size.
	codes := map[string]int32{}
	var texts []string
	t.classes = make([]int32, s.Len())
	for i := range t.classes {
		if s.Missing(i) {
			t.classes[i] = -1
			continue
		}
		text := s.Format(i)
		code, ok := codes[text]
		if !ok {
			code = int32(len(texts))
			codes[text] = code
			texts = append(texts, text)
		}
		t.classes[i] = code
	}
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, numberA := notation.Number(texts[a])
		y, numberB := notation.Number(texts[b])
		if numberA && numberB && x != y {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(texts[a], texts[b])
	})
	if t.Task == encoding.TaskBinary {
		for i, text := range texts {
			switch strings.ToLower(text) {
			case "true", "yes", "1":
				if order[1] != i {
					order[0], order[1] = order[1], order[0]
				}
			}
		}
		t.Positive = texts[order[1]]
	}
	rank := make([]int32, len(texts))
	for r, i := range order {
		rank[i] = int32(r)
		t.Classes = append(t.Classes, Count{Value: clip(texts[i])})
	}
	for i, c := range t.classes {
		if c >= 0 {
			t.classes[i] = rank[c]
			t.Classes[rank[c]].Rows++
		}
	}
	if t.Task == encoding.TaskBinary {
		t.values = make([]float64, len(t.classes))
		for i, c := range t.classes {
			if t.values[i] = float64(c); c < 0 {
				t.values[i] = math.NaN()
			}
		}
		standardize(t.values)
	}
	t.count, t.rare = len(texts), math.MaxInt64
	for _, c := range t.Classes {
		t.rare = min(t.rare, c.Rows)
	}
	if t.count > mostClasses {
		slices.SortStableFunc(t.Classes, func(a, b Count) int { return cmp.Compare(b.Rows, a.Rows) })
		t.Classes = t.Classes[:manyClasses]
	}
	return t
}

// asNumbers returns numbers, booleans or dates as numbers, NaN where missing,
// nil for other kinds.
func asNumbers(s *table.Series) []float64 {
	switch s.Kind {
	case table.Numeric, table.Boolean:
		return slices.Clone(s.Floats)
	case table.Date:
		out := make([]float64, len(s.Micros))
		for i, m := range s.Micros {
			out[i] = math.NaN()
			if m != table.MissingDate {
				out[i] = float64(m)
			}
		}
		return out
	}
	return nil
}

// standardize gives present values mean 0 and deviation 1.
func standardize(values []float64) {
	present := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			present = append(present, v)
		}
	}
	mean, std := moments(present)
	if std == 0 {
		std = 1
	}
	for i := range values {
		values[i] = values[i]/std - mean/std
	}
}
