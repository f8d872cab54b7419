package neighbors

import (
	"math"
	"testing"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/trainers/ranking"
)

// matrix has in each of its rows so many entries, more in earlier columns.
func matrix(rows, columns, each int) *interactions.Matrix {
	m := &interactions.Matrix{Rows: rows, Columns: columns, Offsets: []int64{0}}
	r := philox.New(2, 9)
	for range rows {
		has := make([]bool, columns)
		for range each {
			has[int(float64(columns)*r.Float64()*r.Float64())] = true
		}
		for c, is := range has {
			if is {
				m.Indices, m.Values = append(m.Indices, int32(c)), append(m.Values, 1)
			}
		}
		m.Offsets = append(m.Offsets, m.Len())
	}
	return m
}

// The estimate is exact where all rows are looked at, and near where some are.
func TestEstimateWork(t *testing.T) {
	for _, c := range []struct {
		rows      int
		tolerance float64
	}{{sampled, 0}, {3000, 0.1}} {
		m := matrix(c.rows, 200, 12)
		columns := m.Transpose()
		products := int64(0)
		for _, n := range m.ColumnCounts() {
			products += int64(n) * int64(n)
		}
		for _, keep := range []int{0, 40} {
			u, err := FitUsers(t.Context(), m, ranking.NewTies(m.Rows, name), Settings{Similarity: Dot, Weighting: None, Neighbors: &keep}, nil)
			if err != nil {
				t.Fatal(err)
			}
			w := EstimateWork(m, columns, keep)
			kept := float64(len(u.Graph.Indices))
			if w.Products != products || math.Abs(float64(w.Kept)-kept) > c.tolerance*kept || keep == 0 && w.Kept != w.Neighbors || w.Kept > w.Neighbors {
				t.Errorf("%d rows, keep %d: %+v; there are %d products, and %v are kept", c.rows, keep, w, products, kept)
			}
		}
	}
	if w := EstimateWork(matrix(0, 0, 0), matrix(0, 0, 0), 3); w != (Work{}) {
		t.Errorf("no rows: %+v", w)
	}
}

func TestProgress(t *testing.T) {
	m := matrix(3000, 200, 12)
	last, calls := 0, 0
	ctx := WithProgress(t.Context(), func(done, rows int) {
		if done <= last || rows != m.Rows {
			t.Errorf("%d of %d rows after %d", done, rows, last)
		}
		last, calls = done, calls+1
	})
	if _, err := FitUsers(ctx, m, ranking.NewTies(m.Rows, name), Settings{}, nil); err != nil {
		t.Fatal(err)
	}
	if last != m.Rows || calls < 3 {
		t.Errorf("%d rows in %d calls", last, calls)
	}
}
