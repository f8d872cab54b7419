package kept

import (
	"context"
	"math"
	"slices"
	"testing"

	"debut/trainers/supply/lp/lptest"
	"debut/trainers/supply/lp/problem"
	"debut/trainers/supply/lp/simplex"
)

var two = &problem.Problem{
	Matrix: problem.Matrix{Rows: 1, Columns: 2, Start: []int{0, 1, 2}, Index: []int32{0, 0}, Value: []float64{1, 2}}, Cost: []float64{-1, -1},
	Lower: []float64{0, 0}, Upper: []float64{1, 5}, RowLower: []float64{math.Inf(-1)}, RowUpper: []float64{4},
}

func TestParseHiGHS(t *testing.T) {
	a, err := parseHiGHS(`Model status
Optimal

# Primal solution values
Feasible
Objective -2.5
# Columns 2
C1 1
C2 1.5
# Rows 1
R1 4

# Dual solution values
Feasible
# Columns 2
C1 -0.5
C2 0
# Rows 1
R1 -0.5
`, two)
	if err != nil || a.Status != simplex.Optimal || !slices.Equal(a.X, []float64{1, 1.5}) || !slices.Equal(a.Dual, []float64{-0.5}) {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := parseHiGHS("something else", two); err == nil {
		t.Error("no error")
	}
}

func TestParseCOIN(t *testing.T) {
	a, err := parseCOIN("Stopped on time - objective value -2\n 0 R1 4 0\n 0 C1 1 0\n** 1 C2 1.5 -2e-1\n", two)
	if err != nil || a.Status != simplex.Stopped || !slices.Equal(a.X, []float64{1, 1.5}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{"", "Optimal - objective value 3\n 0 C1 1 0\n", "Optimal - objective value 3\n 0 C1 x 0\n 1 C2 1 1\n"} {
		if _, err := parseCOIN(text, two); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// TestInstalled solves by what is installed.
func TestInstalled(t *testing.T) {
	found := All()
	if len(found) == 0 {
		t.Skip("clp, cbc and highs are not installed")
	}
	p := lptest.Planning(3, 2, 4, 1)
	s := simplex.New(p)
	if s.Solve(context.Background(), true, simplex.Limits{}) != simplex.Optimal {
		t.Fatal("not solved by ours")
	}
	for _, program := range found {
		a, err := program.Solve(context.Background(), p, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Value(a.X), p.Value(s.Primal()); a.Status != simplex.Optimal || math.Abs(got-want) > 1e-5*want {
			t.Errorf("%s: status %d, %v, not %v", program.Name, a.Status, got, want)
		}
	}
}
