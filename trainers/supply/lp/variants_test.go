package lp_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"debut/trainers/supply/lp"
	"debut/trainers/supply/lp/lptest"
)

// variants are the problems of netlib of which infeasible and unbounded ones are made.
var variants = []string{"adlittle", "afiro", "bandm", "blend", "brandy", "capri", "israel", "scagr7", "share2b", "stocfor1"}

// isVariant says whether a problem is one of them.
func isVariant(name string) bool {
	for _, v := range variants {
		if v == name {
			return true
		}
	}
	return false
}

// farkas checks a proof of infeasibility in its own way: as a row that follows from the others and that no point within the bounds fulfills.
func farkas(p *lp.Problem, y []float64) error {
	row, scale := make([]float64, p.Matrix.Columns), make([]float64, p.Matrix.Columns)
	for j := range row {
		for k := p.Matrix.Start[j]; k < p.Matrix.Start[j+1]; k++ {
			v := y[p.Matrix.Index[k]] * p.Matrix.Value[k]
			row[j] += v
			scale[j] += math.Abs(v)
		}
	}
	side := 0.0 // Σ y·activity is at least this
	for i, v := range y {
		switch {
		case v > 0 && math.IsInf(p.RowLower[i], -1) || v < 0 && math.IsInf(p.RowUpper[i], 1):
			return errors.New("a multiplier leans on a side that is none")
		case v > 0:
			side += v * p.RowLower[i]
		case v < 0:
			side += v * p.RowUpper[i]
		}
	}
	most := 0.0
	for j, v := range row {
		if math.Abs(v) <= 1e-9*scale[j] {
			continue
		}
		if v > 0 {
			most += v * p.Upper[j]
		} else {
			most += v * p.Lower[j]
		}
	}
	if !(most < side) {
		return errors.New("the row can be fulfilled")
	}
	return nil
}

// TestInfeasibleVariants asks problems to be better than their optimum.
func TestInfeasibleVariants(t *testing.T) {
	seen := 0
	netlib(t, func(t *testing.T, name string, p *lp.Problem, optimum float64) {
		if !isVariant(name) {
			return
		}
		seen++
		limit := optimum - 0.01*math.Abs(optimum) - p.Offset
		withRow(p, p.Cost, math.Inf(-1), limit)
		for _, method := range []string{lp.Simplex, lp.Auto} {
			s, err := lp.Solve(context.Background(), p, lp.Options{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			if s.Status != lp.Infeasible {
				t.Fatalf("%s: %s, not infeasible", method, s.Status)
			}
			if err := farkas(p, s.Proof); err != nil {
				t.Error(err)
			}
		}
	})
	if seen != len(variants) && !t.Skipped() {
		t.Errorf("%d of %d problems", seen, len(variants))
	}
}

// withRow adds a row of all columns.
func withRow(p *lp.Problem, values []float64, lower, upper float64) {
	a := lp.Matrix{Rows: p.Matrix.Rows + 1, Columns: p.Matrix.Columns, Start: []int{0}}
	for j := range p.Matrix.Columns {
		from, to := p.Matrix.Start[j], p.Matrix.Start[j+1]
		a.Index, a.Value = append(a.Index, p.Matrix.Index[from:to]...), append(a.Value, p.Matrix.Value[from:to]...)
		if values[j] != 0 {
			a.Index, a.Value = append(a.Index, int32(p.Matrix.Rows)), append(a.Value, values[j])
		}
		a.Start = append(a.Start, len(a.Index))
	}
	p.Matrix = a
	p.RowLower, p.RowUpper = append(p.RowLower, lower), append(p.RowUpper, upper)
	p.RowNames = nil
}

// TestUnboundedVariants adds two columns which can grow together forever, at a gain.
func TestUnboundedVariants(t *testing.T) {
	netlib(t, func(t *testing.T, name string, p *lp.Problem, _ float64) {
		if !isVariant(name) {
			return
		}
		row := int32(p.Matrix.Rows / 2)
		for k, v := range []float64{2, -4} {
			p.Matrix.Index, p.Matrix.Value = append(p.Matrix.Index, row), append(p.Matrix.Value, v)
			p.Matrix.Start = append(p.Matrix.Start, len(p.Matrix.Index))
			p.Cost = append(p.Cost, []float64{-3, 2}[k])
			p.Lower, p.Upper = append(p.Lower, 0), append(p.Upper, math.Inf(1))
		}
		p.Matrix.Columns += 2
		p.ColumnNames = nil
		s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Simplex})
		if err != nil {
			t.Fatal(err)
		}
		if s.Status != lp.Unbounded {
			t.Fatalf("%s, not unbounded", s.Status)
		}
		// Far along the direction the point is still feasible, and better than any optimum.
		size := 0.0
		for _, v := range s.Direction {
			size = max(size, math.Abs(v))
		}
		far := append([]float64(nil), s.X...)
		for j, v := range s.Direction {
			far[j] += v / size * 1e6
		}
		for i, a := range p.Activities(far) {
			if a < p.RowLower[i]-1e-3 || a > p.RowUpper[i]+1e-3 {
				t.Fatalf("row %s: %v is not between %v and %v", p.RowName(i), a, p.RowLower[i], p.RowUpper[i])
			}
		}
		for j, v := range far {
			if v < p.Lower[j]-1e-3 || v > p.Upper[j]+1e-3 {
				t.Fatalf("column %s: %v is not between %v and %v", p.ColumnName(j), v, p.Lower[j], p.Upper[j])
			}
		}
		if p.Value(far) >= p.Value(s.X)-1 {
			t.Errorf("the objective goes from %v to %v", p.Value(s.X), p.Value(far))
		}
	})
}

// TestPlanning solves a plan of a launch; with -long the one of 400 products.
func TestPlanning(t *testing.T) {
	products := 20
	if *long {
		products = 400
	}
	p := lptest.Planning(products, 5, 12, 1)
	s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Simplex})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows, %d columns, %d entries: %.10g, %d iterations, %.1f s", p.Matrix.Rows, p.Matrix.Columns, p.Nonzeros(), s.Objective, s.Iterations, s.Seconds)
	if s.Status != lp.Optimal {
		t.Fatal(s.Status)
	}
	if *long && math.Abs(s.Objective-4803675.442) > 1e-2 { // as clp 1.17 has it
		t.Errorf("objective %.10g", s.Objective)
	}
}

// TestLimits ends a solve by its time limit and by its context.
func TestLimits(t *testing.T) {
	p := lptest.Planning(100, 5, 12, 1)
	s, err := lp.Solve(context.Background(), p, lp.Options{TimeLimit: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if s.Status != lp.TimeLimit {
		t.Errorf("%s, not %s", s.Status, lp.TimeLimit)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if s, err = lp.Solve(ctx, p, lp.Options{}); err != nil || s.Status != lp.Canceled {
		t.Errorf("%v, %v, not %s", s, err, lp.Canceled)
	}
}

// TestMethodsThatCannotBeHad are errors that say what can be.
func TestMethodsThatCannotBeHad(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	p := generate(3, false)
	for _, method := range []string{"simplx", lp.Clp, lp.HiGHS} {
		if _, err := lp.Solve(context.Background(), p, lp.Options{Method: method}); err == nil {
			t.Errorf("%s: no error", method)
		} else {
			t.Log(err)
		}
	}
	if s, err := lp.Solve(context.Background(), p, lp.Options{}); err != nil || s.Method == "" {
		t.Errorf("%v, %v", s, err)
	}
}
