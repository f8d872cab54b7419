package genetic

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/supply/inventory"
)

// find runs a search to its end and returns its best genome.
func find[G any](t *testing.T, problem Problem[G], options Options, threads int) (G, Score, *Search[G]) {
	t.Helper()
	s, err := New(problem, options)
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(threads)
	defer p.Close()
	if err := s.Run(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	genome, score := s.Best()
	return genome, score, s
}

// sphere is a problem of real genes with a constraint: the best point on or beyond a plane.
func sphere() Problem[[]float64] {
	return Problem[[]float64]{
		Coding: Real{Low: []float64{-5, -5, -5, -5}, High: []float64{5, 5, 5, 5}},
		Evaluate: func(x []float64) Score {
			var sum, squares float64
			for _, v := range x {
				sum, squares = sum+v, squares+v*v
			}
			return Score{Cost: squares, Violation: math.Max(0, 4-sum)}
		},
	}
}

func TestReal(t *testing.T) {
	// The best is (1, 1, 1, 1): the nearest point of the plane.
	x, score, _ := find(t, sphere(), Options{Generations: 400, Patience: -1}, 2)
	if score.Violation > 0 || score.Cost < 4-1e-12 || score.Cost > 4.01 {
		t.Errorf("the best is %v with %+v, want a cost of 4", x, score)
	}
}

func TestInteger(t *testing.T) {
	want := []int{-3, 12, 1000, 7, 0, -900}
	_, score, _ := find(t, Problem[[]int]{
		Coding: Integer{Low: []int{-5, 0, 0, 7, -1, -1000}, High: []int{5, 20, 5000, 7, 1, 1000}},
		Evaluate: func(x []int) Score {
			var cost float64
			for i, v := range x {
				cost += math.Abs(float64(v - want[i]))
			}
			return Score{Cost: cost}
		},
	}, Options{Generations: 500, Target: new(float64)}, 2)
	if score.Cost != 0 {
		t.Errorf("the distance to the best is %g", score.Cost)
	}
}

// TestPermutation finds the shortest way through points on a circle, which is the circle.
func TestPermutation(t *testing.T) {
	const n = 16
	random := philox.New(5, 0)
	angles := make([]float64, n)
	for i, p := range random.Perm(n) {
		angles[i] = 2 * math.Pi * float64(p) / n
	}
	target := 2*n*math.Sin(math.Pi/n) + 1e-9
	_, score, _ := find(t, Problem[[]int]{
		Coding: Permutation{Genes: n},
		Evaluate: func(order []int) Score {
			var length float64
			for i, p := range order {
				length += 2 * math.Abs(math.Sin((angles[p]-angles[order[(i+1)%n]])/2))
			}
			return Score{Cost: length}
		},
	}, Options{Generations: 2000, Target: &target}, 2)
	if score.Cost > target {
		t.Errorf("the way is %g long, the shortest %g", score.Cost, target)
	}
}

// TestChildrenAreValid crosses and mutates genomes of every coding, which must stay genomes of it.
func TestChildrenAreValid(t *testing.T) {
	random := philox.New(9, 0)
	for genes := 1; genes < 8; genes++ {
		for _, crossover := range []Crossover{Uniform, OnePoint, TwoPoint} {
			low, high := make([]int, genes), make([]int, genes)
			for i := range low {
				low[i], high[i] = -i, 2*i
			}
			descendants(t, Binary{Genes: genes, Crossover: crossover}, random)
			descendants(t, Integer{Low: low, High: high, Crossover: crossover, Rate: .5}, random)
		}
		descendants(t, Permutation{Genes: genes, Rate: 1}, random)
		bounds := make([]float64, genes)
		descendants(t, Real{Low: bounds, High: bounds, Rate: 1}, random)
		descendants(t, Joined[[]int, []bool]{Permutation{Genes: genes, Rate: 1}, Binary{Genes: 3}}, random)
	}
}

func descendants[G any](t *testing.T, c Coding[G], random *philox.Stream) {
	t.Helper()
	for range 50 {
		a, b := c.random(random), c.random(random)
		x, y := c.cross(a, b, random)
		c.mutate(x, random)
		for _, g := range []G{a, b, x, y} {
			if err := c.valid(g); err != nil {
				t.Fatalf("%s: %v: %v", c.describe(), g, err)
			}
		}
	}
}

// TestLotSizing sets up production in some periods of a horizon, beside the exact recursion of Wagner and Whitin.
func TestLotSizing(t *testing.T) {
	const periods = 24
	random := philox.New(7, 0)
	var worst float64
	for trial := range 100 {
		horizon := make([]inventory.Period, periods)
		for i := range horizon {
			horizon[i] = inventory.Period{Demand: float64(random.IntN(100)), Fixed: 50 + float64(random.IntN(200)), Holding: 1}
		}
		_, least, err := inventory.Lots(horizon)
		if err != nil {
			t.Fatal(err)
		}
		_, score, _ := find(t, Problem[[]bool]{
			Coding: Binary{Genes: periods},
			Evaluate: func(setup []bool) Score {
				var score Score
				var held float64 // the cost of holding a unit since the last setup
				begun := false
				for i, on := range setup {
					if on {
						begun, held = true, 0
						score.Cost += horizon[i].Fixed
					}
					if !begun {
						score.Violation += horizon[i].Demand // nothing has been made yet
					}
					score.Cost += held * horizon[i].Demand
					held += horizon[i].Holding
				}
				return score
			},
		}, Options{Seed: uint64(trial), Generations: 150}, 1)
		worst = math.Max(worst, score.Cost/least-1)
		if score.Violation > 0 || score.Cost > 1.005*least || score.Cost < least-1e-9 {
			t.Errorf("trial %d: %+v, the least cost is %g", trial, score, least)
		}
	}
	t.Logf("the worst of 100 plans is %.3g %% above the least cost", 100*worst)
}

// hard is a problem whose search restarts, migrates and improves.
func hard() (Problem[[]bool], Options) {
	random := philox.New(3, 0)
	values, weights := make([]float64, 40), make([]float64, 40)
	for i := range values {
		weights[i] = float64(10 + random.IntN(90))
		values[i] = weights[i] + float64(random.IntN(20))
	}
	evaluate := func(x []bool) Score {
		var value, weight float64
		for i, in := range x {
			if in {
				value, weight = value+values[i], weight+weights[i]
			}
		}
		return Score{Cost: -value, Violation: math.Max(0, weight-900)}
	}
	return Problem[[]bool]{Coding: Binary{Genes: 40}, Evaluate: evaluate, Improve: Flips(evaluate, 2)},
		Options{Seed: 11, Islands: 3, Population: 21, Elite: 2, Migration: 4, Patience: 6, Generations: 40}
}

func TestSameBits(t *testing.T) {
	problem, options := hard()
	var want []byte
	for _, threads := range []int{1, 2, 7} {
		_, _, s := find(t, problem, options, threads)
		state, err := s.State()
		if err != nil {
			t.Fatal(err)
		}
		if s.Progress().Restarts == 0 {
			t.Error("no island started anew: the test shows less than it should")
		}
		if want == nil {
			want = state
		} else if !bytes.Equal(state, want) {
			t.Errorf("%d threads end in another state than one", threads)
		}
	}
}

// TestResume stops a search after each of its generations by the context, and goes on in another from its state.
func TestResume(t *testing.T) {
	problem, options := hard()
	_, _, whole := find(t, problem, options, 2)
	want, err := whole.State()
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(2)
	defer p.Close()
	var state []byte
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		options.Report = func(Progress) { cancel() }
		s, err := New(problem, options)
		if err != nil {
			t.Fatal(err)
		}
		if state != nil {
			if err := s.Resume(state); err != nil {
				t.Fatal(err)
			}
		}
		if s.Done() {
			break
		}
		if err := s.Run(ctx, p); err != nil {
			t.Fatal(err)
		}
		if _, score := s.Best(); math.IsNaN(score.Cost) {
			t.Fatal("an interrupted search has no best genome")
		}
		if state, err = s.State(); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if !bytes.Equal(state, want) {
		t.Error("a search that was interrupted after each generation ends in another state than one that was not")
	}
}

func TestDamagedStates(t *testing.T) {
	problem, options := hard()
	options.Generations = 3
	_, _, s := find(t, problem, options, 1)
	state, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(from, to string) []byte {
		out := bytes.Replace(state, []byte(from), []byte(to), 1)
		if bytes.Equal(out, state) {
			t.Fatalf("%s is not in the state", from)
		}
		return out
	}
	second := bytes.Index(state, []byte(`],[`)) // where the second genome of the first island begins
	for want, data := range map[string][]byte{
		"unexpected end":                  state[:len(state)/2],
		"version 9":                       replaced(`"version":1`, `"version":9`),
		"begin anew":                      replaced(`seed 11`, `seed 12`),
		"counts below zero":               replaced(`"generation":3`, `"generation":-3`),
		"it has 2 genes, not 40":          replaced(`"best":[`, `"best":[true],"best":[true,`+"true],\"b\":["),
		"22 genomes and 21 scores":        replaced(`"Genomes":[[`, `"Genomes":[[true],[`),
		"a genome of island 0":            slices.Concat(state[:second], []byte(",true"), state[second:]),
		"not 3: it is damaged":            replaced(`"islands":[`, `"islands":[],"i":[`),
		"cannot unmarshal string into Go": replaced(`"generation":3`, `"generation":"3"`),
		"a score of":                      replaced(`"score":["`, `"score":["x`),
	} {
		fresh, err := New(problem, options)
		if err != nil {
			t.Fatal(err)
		}
		if err := fresh.Resume(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestRefused(t *testing.T) {
	fine := sphere()
	for _, test := range []struct {
		want string
		make func() error
	}{
		{"needs a coding", func() error { _, err := New(Problem[[]bool]{}, Options{}); return err }},
		{"population is 1", func() error { _, err := New(fine, Options{Population: 1}); return err }},
		{"crossover is 2", func() error { _, err := New(fine, Options{Crossover: 2}); return err }},
		{"crossover is NaN", func() error { _, err := New(fine, Options{Crossover: math.NaN()}); return err }},
		{"leaves no place", func() error { _, err := New(fine, Options{Elite: 200}); return err }},
		{"0 genes", func() error {
			p := Problem[[]bool]{Coding: Binary{}, Evaluate: func([]bool) Score { return Score{} }}
			_, err := New(p, Options{})
			return err
		}},
		{"bounds must not cross", func() error {
			_, err := New(Problem[[]int]{Coding: Integer{Low: []int{3}, High: []int{2}}, Evaluate: func([]int) Score { return Score{} }}, Options{})
			return err
		}},
		{"bounds must be numbers", func() error {
			_, err := New(Problem[[]float64]{Coding: Real{Low: []float64{math.NaN()}, High: []float64{2}}, Evaluate: fine.Evaluate}, Options{})
			return err
		}},
		{"nothing ends", func() error {
			s, err := New(fine, Options{})
			if err != nil {
				return err
			}
			return s.Run(context.Background(), nil)
		}},
	} {
		if err := test.make(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q is not in: %v", test.want, err)
		}
	}
}

// TestScores orders what is better, equal and worse by the feasibility rules.
func TestScores(t *testing.T) {
	order := []Score{{-1, 0}, {0, 0}, {math.Inf(1), 0}, {-5, 1}, {0, 2}, {0, math.Inf(1)}}
	for i, a := range order {
		for j, b := range order {
			if a.Better(b) != (i < j) {
				t.Errorf("%+v better than %+v: %t", a, b, a.Better(b))
			}
		}
	}
	nan := Score{math.NaN(), 0}
	if nan.Better(order[1]) || !order[1].Better(nan) || !order[2].broken() && (Score{0, math.NaN()}).Better(order[2]) {
		t.Error("a score that is no number must be the worst")
	}
}
