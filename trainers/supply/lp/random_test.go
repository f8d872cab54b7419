package lp_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"debut/trainers/supply/lp"
	"debut/trainers/supply/lp/verify"
)

// generate makes a small problem with all kinds of rows and bounds, some of them infeasible or unbounded.
func generate(seed uint64, integer bool) *lp.Problem {
	r := rand.New(rand.NewPCG(seed, 11))
	m, n := r.IntN(7), 1+r.IntN(7)
	p := &lp.Problem{Matrix: lp.Matrix{Rows: m, Columns: n, Start: []int{0}}, Maximize: r.IntN(3) == 0, Offset: float64(r.IntN(5))}
	if integer {
		p.Integer = make([]bool, n)
	}
	number := func() float64 { return float64(r.IntN(13) - 6) }
	for j := range n {
		p.Cost = append(p.Cost, number())
		lower, upper := 0.0, math.Inf(1)
		switch r.IntN(6) {
		case 0:
			lower, upper = math.Inf(-1), math.Inf(1)
		case 1:
			lower, upper = math.Inf(-1), number()
		case 2:
			lower = number()
			upper = lower + float64(r.IntN(4))
		case 3:
			upper = float64(1 + r.IntN(5))
		}
		if integer {
			p.Integer[j] = r.IntN(3) > 0
			if lower = number() / 3; math.IsInf(upper, 0) || upper < lower {
				upper = lower + 3
			}
		}
		p.Lower, p.Upper = append(p.Lower, lower), append(p.Upper, upper)
		for i := range m {
			if v := number(); r.IntN(2) == 0 && v != 0 {
				p.Matrix.Index, p.Matrix.Value = append(p.Matrix.Index, int32(i)), append(p.Matrix.Value, v)
			}
		}
		p.Matrix.Start = append(p.Matrix.Start, len(p.Matrix.Index))
	}
	for range m {
		side := 3 * number()
		lower, upper := math.Inf(-1), side
		switch r.IntN(5) {
		case 0:
			lower = side
		case 1:
			lower, upper = side, math.Inf(1)
		case 2:
			lower = side - float64(r.IntN(10))
		case 3:
			if r.IntN(5) == 0 {
				upper = math.Inf(1)
			}
		}
		p.RowLower, p.RowUpper = append(p.RowLower, lower), append(p.RowUpper, upper)
	}
	return p
}

// TestRandomPrograms has every answer proven: points and multipliers by themselves, proofs that there is no answer by verify.
func TestRandomPrograms(t *testing.T) {
	count := map[lp.Status]int{}
	total := uint64(4000)
	if *long {
		total = 100000
	}
	for seed := range total {
		p := generate(seed, false)
		s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Simplex})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		count[s.Status]++
		switch s.Status {
		case lp.Optimal:
			if bound := verify.Bound(p, s.Dual); math.Abs(bound-s.Objective) > 1e-6*max(1, math.Abs(s.Objective)) {
				t.Fatalf("seed %d: objective %v, but the multipliers prove %v", seed, s.Objective, bound)
			}
		case lp.Infeasible:
			if err := verify.Infeasible(p, s.Proof); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		case lp.Unbounded:
			if err := verify.Unbounded(p, s.Direction); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		default:
			t.Fatalf("seed %d: %s", seed, s.Status)
		}
	}
	for _, status := range []lp.Status{lp.Optimal, lp.Infeasible, lp.Unbounded} {
		if count[status] < 200 {
			t.Errorf("only %d problems are %s", count[status], status)
		}
	}
}

// enumerate solves a problem by all values of its integer columns, the continuous ones by the simplex method.
func enumerate(t *testing.T, p *lp.Problem) (best float64, found bool) {
	t.Helper()
	q := *p
	q.Integer = nil
	q.Lower, q.Upper = append([]float64(nil), p.Lower...), append([]float64(nil), p.Upper...)
	var walk func(j int)
	walk = func(j int) {
		for j < len(p.Cost) && !p.IsInteger(j) {
			j++
		}
		if j == len(p.Cost) {
			s, err := lp.Solve(context.Background(), &q, lp.Options{Method: lp.Simplex})
			if err != nil {
				t.Fatal(err)
			}
			if s.Status == lp.Optimal && (!found || (s.Objective < best) != p.Maximize && s.Objective != best) {
				best, found = s.Objective, true
			}
			return
		}
		for v := math.Ceil(p.Lower[j]); v <= p.Upper[j]; v++ {
			q.Lower[j], q.Upper[j] = v, v
			walk(j + 1)
		}
	}
	walk(0)
	return best, found
}

// TestRandomIntegerPrograms compares the search with enumeration.
func TestRandomIntegerPrograms(t *testing.T) {
	feasible := 0
	total := uint64(150)
	if *long {
		total = 3000
	}
	for seed := range total {
		p := generate(seed, true)
		if p.Integers() > 4 {
			continue
		}
		want, found := enumerate(t, p)
		s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Simplex})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case !found && s.Status != lp.Infeasible:
			t.Fatalf("seed %d: %s with %v, but no point is feasible", seed, s.Status, s.Objective)
		case found && (s.Status != lp.Optimal || math.Abs(s.Objective-want) > 1e-6*max(1, math.Abs(want))):
			t.Fatalf("seed %d: %s with %v, but enumeration has %v", seed, s.Status, s.Objective, want)
		}
		if found {
			feasible++
		}
	}
	if feasible < 30 {
		t.Errorf("only %d problems are feasible", feasible)
	}
}

// TestThreads has the same bits for any number of threads.
func TestThreads(t *testing.T) {
	var want string
	for _, threads := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(threads)
		got := ""
		for seed := range uint64(40) {
			p := generate(seed, seed%2 == 0)
			s, err := lp.Solve(context.Background(), p, lp.Options{Method: lp.Simplex})
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%s %x %x %x\n", s.Status, s.Objective, s.X, s.Dual)
		}
		runtime.GOMAXPROCS(before)
		if want == "" {
			want = got
		} else if got != want {
			t.Errorf("other answers with %d threads", threads)
		}
	}
}
