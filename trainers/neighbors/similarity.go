package neighbors

import (
	"math"

	"debut/datasets/interactions"
)

// space is the rows that are compared, weighted.
type space struct {
	cfg     *Settings
	weights *weights
	rows    *interactions.Matrix
	columns *interactions.Matrix // rows transposed
	lengths []float64            // of rows: the Euclidean norm, or for jaccard the number of entries
}

// newSpace weights the rows of a matrix.
func newSpace(cfg *Settings, raw *interactions.Matrix) *space {
	s := &space{cfg: cfg, weights: newWeights(cfg, raw)}
	s.rows = &interactions.Matrix{Rows: raw.Rows, Columns: raw.Columns, Offsets: raw.Offsets, Indices: raw.Indices, Values: raw.Values}
	if cfg.Weighting != None || cfg.Similarity == Jaccard {
		s.rows.Values = make([]float32, len(raw.Values))
	}
	s.lengths = make([]float64, raw.Rows)
	for r := range raw.Rows {
		columns, values := raw.Row(r)
		s.lengths[r] = s.weigh(columns, values, s.rows.Values[raw.Offsets[r]:raw.Offsets[r+1]])
	}
	s.columns = s.rows.Transpose()
	return s
}

// weigh writes the weights of a row into out, which may be values where nothing is weighted, and returns its length.
func (s *space) weigh(columns []int32, values, out []float32) float64 {
	if s.cfg.Similarity == Jaccard {
		for k := range out {
			out[k] = 1
		}
		return float64(len(out))
	}
	s.weights.row(columns, values, out)
	squares := 0.0
	for _, v := range out {
		squares += float64(v) * float64(v)
	}
	return math.Sqrt(squares)
}

// moments are sums over the columns that two rows have in common.
type moments struct{ n, x, y, xx, yy, xy float64 }

// product is a sum over as many common columns.
type product struct {
	dot float64
	n   int32
}

// accumulator holds the sums of one row with all others, for one goroutine. Between rows it is 0 throughout.
type accumulator struct {
	products []product
	moments  []moments // pearson, instead of products
	touched  []int32   // rows that have sums
}

func (s *space) accumulator() *accumulator {
	a := &accumulator{}
	if s.cfg.Similarity == Pearson {
		a.moments = make([]moments, s.rows.Rows)
		return a
	}
	a.products = make([]product, s.rows.Rows)
	return a
}

// compare calls visit with each row that has columns in common with the given row, of weights values and a length, and
// with its similarity where that is above 0. The order of rows is that in which they are found; self is left out.
func (s *space) compare(a *accumulator, columns []int32, values []float32, length float64, self int32, visit func(row int32, similarity float32)) {
	a.touched = a.touched[:0]
	if s.cfg.Similarity == Pearson {
		s.correlate(a, columns, values, self, visit)
		return
	}
	for k, c := range columns {
		x := float64(values[k])
		rows, ys := s.columns.Row(int(c))
		for i, r := range rows {
			p := &a.products[r]
			if p.n == 0 {
				a.touched = append(a.touched, r)
			}
			p.n++
			p.dot += x * float64(ys[i])
		}
	}
	shrinkage := *s.cfg.Shrinkage
	for _, r := range a.touched {
		similarity, n := a.products[r].dot, float64(a.products[r].n)
		a.products[r] = product{}
		if r == self || similarity <= 0 {
			continue
		}
		switch s.cfg.Similarity {
		case Cosine:
			similarity /= length * s.lengths[r]
		case Jaccard:
			similarity /= length + s.lengths[r] - similarity
		}
		if v := float32(similarity * (n / (n + shrinkage))); v > 0 {
			visit(r, v)
		}
	}
}

// correlate is compare for pearson: over the common columns, each row less its mean there.
func (s *space) correlate(a *accumulator, columns []int32, values []float32, self int32, visit func(row int32, similarity float32)) {
	for k, c := range columns {
		x := float64(values[k])
		rows, ys := s.columns.Row(int(c))
		for i, r := range rows {
			m, y := &a.moments[r], float64(ys[i])
			if m.n == 0 {
				a.touched = append(a.touched, r)
			}
			m.n++
			m.x += x
			m.y += y
			m.xx += x * x
			m.yy += y * y
			m.xy += x * y
		}
	}
	for _, r := range a.touched {
		m := a.moments[r]
		a.moments[r] = moments{}
		if r == self {
			continue
		}
		if v := float32(m.correlation() * (m.n / (m.n + *s.cfg.Shrinkage))); v > 0 {
			visit(r, v)
		}
	}
}

// rounding is the share of a sum of squares below which what is left of it after the mean is taken out is rounding.
const rounding = 1e-12

// correlation returns 0 where one of the rows does not vary.
func (m *moments) correlation() float64 {
	vx, vy := m.xx-m.x*m.x/m.n, m.yy-m.y*m.y/m.n
	if vx <= rounding*m.xx || vy <= rounding*m.yy {
		return 0
	}
	return min((m.xy-m.x*m.y/m.n)/math.Sqrt(vx)/math.Sqrt(vy), 1)
}
