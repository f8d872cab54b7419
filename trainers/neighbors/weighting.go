package neighbors

import (
	"math"

	"debut/datasets/interactions"
)

// weights turn the values of a row into weights: rows are documents, columns terms.
type weights struct {
	cfg     *Settings
	rarity  []float64 // of columns
	average float64   // sum of a row's values
}

// newWeights learns from all rows. n is how many there are, c how many of them have a column.
//
//   - tfidf: √x · ln(1 + n/c)
//   - bm25: ln(1 + (n−c+½)/(c+½)) · x·(k₁+1) / (x + k₁·(1 − b + b·l/l̄)), l the sum of a row's values (Robertson and
//     Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009; the 1 keeps logarithms positive)
func newWeights(cfg *Settings, rows *interactions.Matrix) *weights {
	w := &weights{cfg: cfg}
	if cfg.Weighting == None {
		return w
	}
	n := float64(rows.Rows)
	w.rarity = make([]float64, rows.Columns)
	for c, count := range rows.ColumnCounts() {
		switch {
		case count == 0:
		case cfg.Weighting == TFIDF:
			w.rarity[c] = math.Log1p(n / float64(count))
		default:
			w.rarity[c] = math.Log1p((n - float64(count) + 0.5) / (float64(count) + 0.5))
		}
	}
	filled := 0.0
	for r := range rows.Rows {
		_, values := rows.Row(r)
		if len(values) > 0 {
			filled++
		}
		w.average += sum(values)
	}
	w.average /= max(filled, 1)
	return w
}

func sum(values []float32) (s float64) {
	for _, v := range values {
		s += float64(v)
	}
	return s
}

// row writes the weights of a row into out.
func (w *weights) row(columns []int32, values, out []float32) {
	switch w.cfg.Weighting {
	case TFIDF:
		for k, c := range columns {
			out[k] = float32(math.Sqrt(float64(values[k])) * w.rarity[c])
		}
	case BM:
		b, k1, long := *w.cfg.BM25.B, w.cfg.BM25.K1, 0.0
		if w.average > 0 {
			long = sum(values) / w.average
		}
		for k, c := range columns {
			if x := float64(values[k]); x > 0 { // without b, an empty row has no length to divide by
				out[k] = float32(w.rarity[c] * x * (k1 + 1) / (x + k1*(1-b+b*long)))
			} else {
				out[k] = 0
			}
		}
	default:
		if len(out) > 0 && &out[0] != &values[0] { // the caller's matrix is not written to, not even the same
			copy(out, values)
		}
	}
}
