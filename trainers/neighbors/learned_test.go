package neighbors

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// choices draws what users chose: items of a few tastes, some of no user, some users without any.
func choices(users, items int) *interactions.Matrix {
	rnd := rand.New(rand.NewPCG(5, uint64(users*items)))
	m := &interactions.Matrix{Rows: users, Columns: items, Offsets: []int64{0}}
	for u := range users {
		for i := range items {
			p := 0.03
			if i%5 == u%5 {
				p = 0.4
			}
			if u%11 != 4 && i%17 != 8 && rnd.Float64() < p {
				m.Indices, m.Values = append(m.Indices, int32(i)), append(m.Values, float32(1+rnd.IntN(3)))
			}
		}
		m.Offsets = append(m.Offsets, m.Len())
	}
	return m
}

// floats is a matrix written out in float64.
func floats(m *interactions.Matrix) *mat.Dense {
	out := mat.NewDense(m.Rows, m.Columns, nil)
	for r := range m.Rows {
		columns, values := m.Row(r)
		for k, c := range columns {
			out.Set(r, int(c), float64(values[k]))
		}
	}
	return out
}

// weightsOf writes a graph of items out: element i, j is the weight that item i has for item j.
func weightsOf(g *Graph) *mat.Dense {
	out := mat.NewDense(g.Rows(), g.Rows(), nil)
	for j := range g.Rows() {
		near, values := g.Of(j)
		for k, i := range near {
			out.Set(int(i), j, float64(values[k]))
		}
	}
	return out
}

// EASE is its closed form, and the weights that are kept are those of the largest size.
func TestEASE(t *testing.T) {
	for _, size := range [][2]int{{40, 1}, {50, 2}, {200, 40}, {90, 300}} {
		train := choices(size[0], size[1])
		n, x := train.Columns, floats(train)
		ties := ranking.NewTies(n, name)
		g := mat.NewSymDense(n, nil)
		g.SymOuterK(1, x.T())
		for i := range n {
			g.SetSym(i, i, g.At(i, i)+20)
		}
		var factors mat.Cholesky
		if !factors.Factorize(g) {
			t.Fatal("not positive definite")
		}
		var inv mat.SymDense
		if err := factors.InverseTo(&inv); err != nil {
			t.Fatal(err)
		}
		m, err := FitEASE(t.Context(), train, ties, 20, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Graph.Check(n); err != nil {
			t.Error(err)
		}
		got := weightsOf(m.Graph)
		for i := range n {
			for j := range n {
				want := 0.0
				if i != j {
					want = -inv.At(i, j) / inv.At(j, j)
				}
				if d := math.Abs(got.At(i, j) - want); !(d < 1e-5) {
					t.Fatalf("%v: the weight of item %d for %d is %v, in closed form %v", size, i, j, got.At(i, j), want)
				}
			}
		}
		few, err := FitEASE(t.Context(), train, ties, 20, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		for j := range n {
			_, all := m.Graph.Of(j)
			_, kept := few.Graph.Of(j)
			sizes := slices.Clone(all)
			slices.SortFunc(sizes, func(a, b float32) int { return int(math.Copysign(1, math.Abs(float64(b))-math.Abs(float64(a)))) })
			sizes = sizes[:min(3, len(sizes))]
			slices.Sort(sizes)
			slices.Reverse(sizes)
			if !slices.Equal(sizes, kept) {
				t.Fatalf("%v: item %d keeps %v of the weights %v", size, j, kept, all)
			}
		}
	}
}

// The spectral filter is what dense float64 makes of its definition.
func TestSpectral(t *testing.T) {
	for _, c := range []struct {
		users, items, factors int
		ideal                 float64
	}{{40, 1, 1, 0.3}, {200, 40, 5, 0.3}, {600, 300, 5, 2}, {60, 30, 0, 0.3}, {60, 30, 4, 0}} {
		train := choices(c.users, c.items)
		n, x := c.items, floats(train)
		users, items := make([]float64, c.users), make([]float64, n)
		for u := range users {
			for i := range n {
				users[u] += x.At(u, i)
				items[i] += x.At(u, i)
			}
		}
		for u := range users {
			for i := range n {
				if v := x.At(u, i); v > 0 {
					x.Set(u, i, v/math.Sqrt(users[u]*items[i]))
				}
			}
		}
		p := mat.NewSymDense(n, nil)
		p.SymOuterK(1, x.T())
		var e mat.EigenSym
		if !e.Factorize(p, true) {
			t.Fatal("no eigenvectors")
		}
		var v mat.Dense
		e.VectorsTo(&v)
		m, err := FitSpectral(t.Context(), train, ranking.NewTies(n, name), c.factors, c.ideal, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Graph.Check(n); err != nil {
			t.Error(err)
		}
		got := weightsOf(m.Graph)
		for i := range n {
			for j := range n {
				want := p.At(i, j)
				if items[i] > 0 {
					for k := n - c.factors; k < n; k++ {
						want += c.ideal * math.Sqrt(items[j]/items[i]) * v.At(i, k) * v.At(j, k)
					}
				}
				if i == j {
					want = 0
				}
				if d := math.Abs(got.At(i, j) - want); !(d < 1e-5) {
					t.Fatalf("%+v: the weight of item %d for %d is %v, in float64 %v", c, i, j, got.At(i, j), want)
				}
			}
		}
	}
	train := choices(60, 30)
	for _, wrong := range []struct {
		factors, keep int
		ideal         float64
	}{{31, 0, 1}, {-1, 0, 1}, {3, -1, 1}, {3, 0, -1}, {3, 0, math.NaN()}, {3, 0, math.Inf(1)}} {
		if _, err := FitSpectral(t.Context(), train, ranking.NewTies(30, name), wrong.factors, wrong.ideal, wrong.keep, nil); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
}

// The weights of SLIM satisfy the conditions of the optimum (Karush, Kuhn, Tucker): a weight above 0 has no slope, one of 0 none
// downwards.
func TestSLIM(t *testing.T) {
	train := choices(300, 60)
	n, x := train.Columns, floats(train)
	var g mat.Dense
	g.Mul(x.T(), x)
	for _, c := range []struct{ l1, l2 float64 }{{0, 5}, {3, 5}, {10, 0.5}, {1e6, 1}} {
		m, err := FitSLIM(t.Context(), train, ranking.NewTies(n, name), c.l1, c.l2, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Graph.Check(n); err != nil {
			t.Error(err)
		}
		w := weightsOf(m.Graph)
		var gw mat.Dense
		gw.Mul(&g, w)
		some := 0
		for j := range n {
			for i := range n {
				v := w.At(i, j)
				slope := gw.At(i, j) - g.At(i, j) + c.l2*v + c.l1
				// Changes of 1e-4 of the largest weight, which is below 1, are left; the curvature turns them into slopes.
				bound := 2e-3 * (g.At(i, i) + c.l2)
				switch {
				case i == j || g.At(i, i) == 0:
					if v != 0 {
						t.Fatalf("%+v: item %d has the weight %v for %d", c, i, v, j)
					}
				case v > 0:
					if some++; !(math.Abs(slope) <= bound) {
						t.Fatalf("%+v: the weight %v of item %d for %d has the slope %v", c, v, i, j, slope)
					}
				case !(v == 0 && slope >= -bound):
					t.Fatalf("%+v: the weight %v of item %d for %d has the slope %v", c, v, i, j, slope)
				}
			}
		}
		if (some > 0) != (c.l1 < 1e6) {
			t.Errorf("%+v: %d weights above 0", c, some)
		}
	}
}

// Threads change no bit, and a context ends both.
func TestLearnedThreads(t *testing.T) {
	train := drawn(philox.New(2, 9), 500, 300)
	ties := ranking.NewTies(300, name)
	fits := map[string]func(ctx context.Context, p *pool.Pool) (*Items, error){
		"ease": func(ctx context.Context, p *pool.Pool) (*Items, error) { return FitEASE(ctx, train, ties, 50, 20, p) },
		"spectral": func(ctx context.Context, p *pool.Pool) (*Items, error) {
			return FitSpectral(ctx, train, ties, 20, 0.5, 30, p)
		},
		"slim": func(ctx context.Context, p *pool.Pool) (*Items, error) { return FitSLIM(ctx, train, ties, 2, 50, 0, p) },
	}
	for kind, fit := range fits {
		var first *Items
		for _, threads := range []int{1, 2, 7} {
			p := pool.New(threads)
			last := 0
			m, err := fit(WithProgress(t.Context(), func(done, rows int) {
				if last = done * 300 / rows; rows != 300 && kind != "spectral" {
					t.Errorf("%s: of %d items", kind, rows)
				}
			}), p)
			p.Close()
			if err != nil || last != 300 {
				t.Fatal(kind, err, last)
			}
			if first == nil {
				first = m
			} else if !same(m.Graph, first.Graph) {
				t.Errorf("%s: %d threads give other bits", kind, threads)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := fit(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Values beside which l2 is nothing are an error, and the l2 that it proposes serves.
func TestEASETooLittlePenalty(t *testing.T) {
	train, ties := twice(choices(300, 60)), ranking.NewTies(60, name)
	_, err := FitEASE(t.Context(), train, ties, 1e-6, 0, nil)
	if err == nil || !errors.Is(err, errIndefinite) {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(err.Error(), "such as ")
	number, _, _ := strings.Cut(rest, ":")
	l2, err := strconv.ParseFloat(number, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FitEASE(t.Context(), train, ties, l2, 0, nil); err != nil {
		t.Error(err)
	}
}

// twice returns a matrix in which whoever has an item has the next one too.
func twice(m *interactions.Matrix) *interactions.Matrix {
	out := &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: []int64{0}}
	for r := range m.Rows {
		items, _ := m.Row(r)
		for _, i := range items {
			if i%2 == 0 {
				out.Indices, out.Values = append(out.Indices, i, i+1), append(out.Values, 1e6, 1e6)
			}
		}
		out.Offsets = append(out.Offsets, out.Len())
	}
	return out
}
