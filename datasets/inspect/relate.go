package inspect

import (
	"cmp"
	"context"
	"hash/fnv"
	"math"
	"slices"

	"debut/datasets/table"
)

const (
	// nearlyOne is from which correlation on two columns say the same.
	nearlyOne = 0.995
	// fewValues is up to how many distinct values codes are looked at.
	fewValues = 1000
	// correlationRows and correlationWork bound the rows that correlations are
	// computed from, and the products that takes for all pairs.
	correlationRows = 20_000
	correlationWork = 1e9
	leastPairRows   = 20
	maxPairs        = 200
)

// mix spreads the bits of h and v (the finalizer of MurmurHash3, after a step of
// FNV).
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e3779b97f4a7c15
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>29
}

// valueKeys returns a function that maps the value of a row to a number that is
// equal for equal values of a kind.
func valueKeys(s *table.Series) func(row int) uint64 {
	const missing = 0x5bd1e9955bd1e995
	switch s.Kind {
	case table.Text, table.Vector:
		var keys []uint64
		if s.Kind == table.Text {
			keys = make([]uint64, len(s.Dict))
			for i, text := range s.Dict {
				h := fnv.New64a()
				_, _ = h.Write([]byte(text)) // never fails
				keys[i] = h.Sum64()
			}
		} else if s.Width > 0 {
			keys = make([]uint64, len(s.Floats32)/s.Width)
			for i, v := range s.Floats32 {
				keys[i/s.Width] = mix(keys[i/s.Width], uint64(math.Float32bits(v)))
			}
		}
		return func(row int) uint64 {
			if code := s.Codes[row]; code >= 0 {
				return keys[code]
			}
			return missing
		}
	case table.Date:
		return func(row int) uint64 { return uint64(s.Micros[row]) }
	default:
		return func(row int) uint64 {
			switch v := s.Floats[row]; {
			case math.IsNaN(v):
				return missing
			case v == 0:
				return 0 // of both signs
			default:
				return math.Float64bits(v)
			}
		}
	}
}

// fingerprint computes content and pattern.
func (e *examined) fingerprint() {
	s := e.series
	if e.column.Distinct < 2 {
		return
	}
	content := uint64(1)
	key := valueKeys(s)
	for i := range s.Len() {
		content = mix(content, key(i))
	}
	e.content = max(content, 1)
	if e.column.Distinct > fewValues || 2*e.column.Distinct > e.present {
		return
	}
	// Codes in order of first appearance are equal where one column is the other
	// with other words.
	pattern := uint64(1)
	codes := make(map[uint64]uint64, e.column.Distinct)
	for i := range s.Len() {
		code := uint64(0)
		if !s.Missing(i) {
			k := key(i)
			if code = codes[k]; code == 0 {
				code = uint64(len(codes) + 1)
				codes[k] = code
			}
		}
		pattern = mix(pattern, code)
	}
	e.pattern = max(pattern, 1)
}

// relate finds pairs of columns that say the same, or nearly.
func relate(ctx context.Context, f *table.Frame, found []*examined, threads int) ([]Pair, error) {
	var out []Pair
	// like holds the columns that equal or recode an earlier one: the earlier one
	// speaks for them.
	like := make([]bool, len(found))
	for i, a := range found {
		for j := i + 1; j < len(found) && !like[i]; j++ {
			b := found[j]
			switch {
			case like[j]:
			case a.content != 0 && a.content == b.content && a.series.Kind == b.series.Kind:
				out, like[j] = append(out, Pair{A: a.column.Name, B: b.column.Name, Relation: relationEqual}), true
			case a.pattern != 0 && a.pattern == b.pattern:
				out, like[j] = append(out, Pair{A: a.column.Name, B: b.column.Name, Relation: relationRecoded}), true
			}
		}
	}
	pairs, err := correlate(ctx, f, found, like, threads)
	out = append(out, pairs...)
	return out[:min(len(out), maxPairs)], err
}

// The values of Pair.Relation.
const (
	relationEqual      = "equal"
	relationRecoded    = "recoded"
	relationCorrelated = "correlated"
)

// correlate finds pairs of columns of numbers or dates with a correlation of
// nearly 1 or -1, in order of columns.
func correlate(ctx context.Context, f *table.Frame, found []*examined, skip []bool, threads int) ([]Pair, error) {
	var columns []int
	for i, e := range found {
		if (e.series.Kind == table.Numeric || e.series.Kind == table.Date) && e.column.Distinct > 2 && !skip[i] {
			columns = append(columns, i)
		}
	}
	n := len(columns)
	if n < 2 || f.Rows < leastPairRows {
		return nil, nil
	}
	rows := min(f.Rows, correlationRows, max(leastRows, int(correlationWork/float64(n*n))))
	values := make([][]float64, n)
	if err := each(ctx, n, threads, func(k int) { values[k] = standardized(found[columns[k]].series, rows) }); err != nil {
		return nil, err
	}
	byFirst := make([][]Pair, n)
	err := each(ctx, n, threads, func(a int) {
		for b := a + 1; b < n && ctx.Err() == nil; b++ {
			if r, m := correlation(values[a], values[b]); m >= leastPairRows && math.Abs(r) > nearlyOne {
				byFirst[a] = append(byFirst[a], Pair{A: found[columns[a]].column.Name, B: found[columns[b]].column.Name,
					Relation: relationCorrelated, Correlation: r, Rows: m})
			}
		}
	})
	return slices.Concat(byFirst...), err
}

// standardized returns evenly spread values of a column with mean 0 and
// deviation 1, NaN where missing.
func standardized(s *table.Series, rows int) []float64 {
	out := make([]float64, rows)
	var present []float64
	for i := range out {
		row := i * s.Len() / rows
		v := math.NaN()
		switch {
		case s.Kind != table.Date:
			v = s.Floats[row]
		case s.Micros[row] != table.MissingDate:
			v = float64(s.Micros[row])
		}
		out[i] = v
		if !math.IsNaN(v) {
			present = append(present, v)
		}
	}
	if len(present) == 0 {
		return out
	}
	mean, std := moments(present)
	if std == 0 {
		std = 1
	}
	for i := range out {
		out[i] = out[i]/std - mean/std
	}
	return out
}

// correlation returns Pearson's coefficient of the rows where both have a
// value, and how many these are. Values are near 0.
func correlation(x, y []float64) (r float64, rows int) {
	var sx, sy, sxx, syy, sxy float64
	for i, a := range x {
		b := y[i]
		if a != a || b != b { // NaN
			continue
		}
		rows++
		sx += a
		sy += b
		sxx += a * a
		syy += b * b
		sxy += a * b
	}
	n := float64(rows)
	vx, vy := sxx-sx*sx/n, syy-sy*sy/n
	if rows < 2 || !(vx > 1e-12*sxx) || !(vy > 1e-12*syy) {
		return 0, rows
	}
	return max(-1, min((sxy-sx*sy/n)/math.Sqrt(vx*vy), 1)), rows
}

// duplicates counts the rows that equal an earlier one.
func duplicates(f *table.Frame) Duplicate {
	type hashed struct {
		a, b uint64
		row  int32
	}
	rows := make([]hashed, f.Rows)
	for i := range rows {
		rows[i] = hashed{a: 1, b: 2, row: int32(i)}
	}
	for _, s := range f.Columns {
		key := valueKeys(s)
		for i := range rows {
			k := key(i)
			rows[i].a, rows[i].b = mix(rows[i].a, k), mix(rows[i].b, k^0xc2b2ae3d27d4eb4f)
		}
	}
	slices.SortFunc(rows, func(x, y hashed) int {
		return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b), cmp.Compare(x.row, y.row))
	})
	var d Duplicate
	var repeats []int32
	for i := 1; i < len(rows); i++ {
		if rows[i].a == rows[i-1].a && rows[i].b == rows[i-1].b {
			repeats = append(repeats, rows[i].row)
		}
	}
	slices.Sort(repeats)
	d.Rows = int64(len(repeats))
	for _, r := range repeats[:min(len(repeats), maxExamples)] {
		d.Examples = append(d.Examples, Example{row: int(r)})
	}
	return d
}
