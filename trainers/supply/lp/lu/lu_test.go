package lu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// columns is a random matrix by columns.
type columns struct {
	start []int
	index []int32
	value []float64
}

func random(r *rand.Rand, m, n, entries int) columns {
	c := columns{start: []int{0}}
	for range n {
		seen := map[int32]bool{}
		for range 1 + r.IntN(entries) {
			if i := int32(r.IntN(m)); !seen[i] {
				seen[i] = true
				c.index, c.value = append(c.index, i), append(c.value, r.NormFloat64())
			}
		}
		c.start = append(c.start, len(c.index))
	}
	return c
}

// times returns B·x for a basis whose columns are ordered by rows.
func (c columns) times(head []int32, x []float64) []float64 {
	n, out := len(c.start)-1, make([]float64, len(head))
	for i, j := range head {
		if int(j) >= n {
			out[int(j)-n] += x[i]
			continue
		}
		for k := c.start[j]; k < c.start[j+1]; k++ {
			out[c.index[k]] += c.value[k] * x[i]
		}
	}
	return out
}

// timesTransposed returns Bᵀ·y.
func (c columns) timesTransposed(head []int32, y []float64) []float64 {
	n, out := len(c.start)-1, make([]float64, len(head))
	for i, j := range head {
		if int(j) >= n {
			out[i] = y[int(j)-n]
			continue
		}
		for k := c.start[j]; k < c.start[j+1]; k++ {
			out[i] += c.value[k] * y[c.index[k]]
		}
	}
	return out
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-6*(1+math.Abs(want[i])) {
			t.Fatalf("%s: at %d %v, not %v", what, i, got[i], want[i])
		}
	}
}

// checked solves with the basis both ways.
func checked(t *testing.T, f *Factor, c columns, head []int32, r *rand.Rand) {
	t.Helper()
	m := len(head)
	for _, density := range []float64{0, 1} {
		for _, transposed := range []bool{false, true} {
			v, b := NewVector(m), make([]float64, m)
			for range 1 + r.IntN(3) {
				i, x := int32(r.IntN(m)), r.NormFloat64()
				if b[i] == 0 {
					b[i] = x
					v.Add(i, x)
				}
			}
			if transposed {
				f.SolveTransposed(v, density, false)
				near(t, "transposed", c.timesTransposed(head, v.Value), b)
			} else {
				f.Solve(v, density, false)
				near(t, "solve", c.times(head, v.Value), b)
			}
			listed := map[int32]int{}
			for _, i := range v.Index {
				listed[i]++
			}
			for i, x := range v.Value {
				if count := listed[int32(i)]; count > 1 || x != 0 && count == 0 {
					t.Fatalf("place %d with %v is listed %d times", i, x, count)
				}
			}
		}
	}
}

func TestSolvesAndUpdates(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		m := 3 + r.IntN(150)
		n := 2 * m
		c := random(r, m, n, 2+r.IntN(5))
		f, head := New(m), make([]int32, m)
		perm := r.Perm(n + m)
		for i := range head {
			head[i] = int32(perm[i])
		}
		replaced := f.Factorize(c.start, c.index, c.value, head)
		if len(replaced) == m {
			t.Fatalf("seed %d: all columns replaced", seed)
		}
		checked(t, f, c, head, r)
		in := map[int32]bool{}
		for _, j := range head {
			in[j] = true
		}
		for range 40 {
			q := int32(r.IntN(n + m))
			if in[q] {
				continue
			}
			density := float64(r.IntN(2))
			column := NewVector(m)
			if int(q) >= n {
				column.Add(q-int32(n), 1)
			} else {
				for k := c.start[q]; k < c.start[q+1]; k++ {
					column.Add(c.index[k], c.value[k])
				}
			}
			f.Solve(column, density, true)
			p, most := int32(-1), 0.1
			for _, i := range column.Index {
				if size := math.Abs(column.Value[i]); size > most {
					p, most = i, size
				}
			}
			if p < 0 {
				continue
			}
			unit := NewVector(m)
			unit.Add(p, 1)
			f.SolveTransposed(unit, density, true)
			if !f.Update(p, column.Value[p]) {
				f.Factorize(c.start, c.index, c.value, head)
				continue
			}
			delete(in, head[p])
			in[q] = true
			head[p] = q
			checked(t, f, c, head, r)
		}
		if again := f.Factorize(c.start, c.index, c.value, head); len(again) > 0 {
			t.Fatalf("seed %d: %d columns replaced after updates", seed, len(again))
		}
		checked(t, f, c, head, r)
	}
}

// TestDependentColumnsAreReplaced gives a basis that has a column twice, an empty one and one that is the sum of two others.
func TestDependentColumnsAreReplaced(t *testing.T) {
	c := columns{
		start: []int{0, 2, 4, 4, 8, 10},
		index: []int32{0, 1, 2, 3, 0, 1, 2, 3, 0, 1},
		value: []float64{1, 2, 3, 4, 1, 2, 3, 4, 1, 2},
	}
	f, head := New(5), []int32{0, 1, 2, 3, 4}
	if replaced := f.Factorize(c.start, c.index, c.value, head); len(replaced) != 3 {
		t.Fatalf("%d columns replaced, of three that depend on others: %v", len(replaced), replaced)
	}
	checked(t, f, c, head, rand.New(rand.NewPCG(1, 2)))
}
