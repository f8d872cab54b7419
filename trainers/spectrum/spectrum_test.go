package spectrum

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/interactions"
	"debut/kernels/cpu"
	"debut/kernels/pool"
)

// choices draws what users chose: items of a few tastes, some of nobody, some users without any.
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

func vectors(t testing.TB, m *interactions.Matrix, k, threads int, o Options) []float32 {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(threads)
	defer p.Close()
	v, err := New(m).Vectors(t.Context(), dev, p, k, o)
	if err := errors.Join(err, dev.Close()); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVectors compares what the vectors span with that of a dense decomposition in float64: the projection on it.
func TestVectors(t *testing.T) {
	for _, c := range []struct{ users, items, k int }{{200, 40, 5}, {600, 300, 5}, {40, 1, 1}, {3, 30, 3}, {3, 30, 20}, {50, 6, 40}} {
		m := choices(c.users, c.items)
		v := vectors(t, m, c.k, 2, Options{Rounds: 60, Tolerance: 1e-6, Seed: 1})
		if len(v) != c.items*c.k {
			t.Fatalf("%+v: %d numbers", c, len(v))
		}
		x := mat.NewDense(c.users, c.items, nil)
		users, items := make([]float64, c.users), make([]float64, c.items)
		for u := range c.users {
			columns, values := m.Row(u)
			for k, i := range columns {
				x.Set(u, int(i), float64(values[k]))
				users[u] += float64(values[k])
				items[i] += float64(values[k])
			}
		}
		for u := range users {
			for i := range items {
				if v := x.At(u, i); v > 0 {
					x.Set(u, i, v/math.Sqrt(users[u]*items[i]))
				}
			}
		}
		p := mat.NewSymDense(c.items, nil)
		p.SymOuterK(1, x.T())
		var e mat.EigenSym
		if !e.Factorize(p, true) {
			t.Fatal("no eigenvectors")
		}
		var want mat.Dense
		e.VectorsTo(&want)
		values := e.Values(nil)
		for i := range c.items {
			for j := range c.items {
				exact, got := 0.0, 0.0
				for k := range min(c.k, c.items) {
					if at := c.items - 1 - k; values[at] > 1e-5 {
						exact += want.At(i, at) * want.At(j, at)
					}
				}
				for k := range c.k {
					got += float64(v[i*c.k+k]) * float64(v[j*c.k+k])
				}
				if !(math.Abs(got-exact) < 2e-5) {
					t.Fatalf("%+v: the projection of item %d on %d is %v, want %v", c, i, j, got, exact)
				}
			}
		}
	}
}

func TestThreads(t *testing.T) {
	m := choices(300, 200)
	o := Options{Rounds: 4, Seed: 3}
	one := vectors(t, m, 20, 1, o)
	for _, threads := range []int{2, 7} {
		if !slices.Equal(one, vectors(t, m, 20, threads, o)) {
			t.Errorf("%d threads give other bits", threads)
		}
	}
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dev.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(m).Vectors(ctx, dev, nil, 20, o); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if v, err := New(&interactions.Matrix{Rows: 2, Offsets: []int64{0, 0, 0}}).Vectors(t.Context(), dev, nil, 3, o); err != nil || len(v) != 0 {
		t.Errorf("no items: %v, %v", v, err)
	}
}
