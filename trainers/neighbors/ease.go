package neighbors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/cpu"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// FitEASE finds the weights W, without a diagonal, that minimize |X − X·W|² + l2·|W|² for a matrix X of users × items
// (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): with P = (XᵀX + l2·I)⁻¹, W[i,j] = −P[i,j]/P[j,j]. Of
// each item's weights the keep of the largest size are kept, negative ones too; 0 keeps all. The score of an item is the sum over what a user
// has of value times weight, as with [FitItems].
//
// It takes items³ operations and 4·items² bytes. An error is one of the numbers given, or of the context.
func FitEASE(ctx context.Context, train *interactions.Matrix, ties *ranking.Ties, l2 float64, keep int, p *pool.Pool) (*Items, error) {
	n := train.Columns
	if !(l2 > 0) || math.IsInf(l2, 1) {
		return nil, fmt.Errorf("neighbors: l2 is %v; it must be a finite number above 0", l2)
	}
	if err := checkKept(ties, n, keep); err != nil {
		return nil, err
	}
	if p == nil {
		p = pool.New(1)
		defer p.Close()
	}
	meter := newMeter(ctx, n)
	a := make([]float32, n*n)
	gram(ctx, a, train, l2, p)
	largest := float32(0)
	for i := range n {
		largest = max(largest, a[i*n+i])
	}
	dev, err := cpu.New(cpu.Options{Threads: p.Threads()})
	if err != nil {
		return nil, err
	}
	last := 0
	err = inverse(ctx, dev, a, n, func(done int) {
		meter.add(done - last)
		last = done
	})
	err = errors.Join(err, dev.Close())
	if errors.Is(err, errIndefinite) {
		return nil, fmt.Errorf("neighbors: l2 is %v, too little beside the values for an inverse in float32; give one that is larger, such as %v: %w", l2, float32(1e-4*largest), err)
	}
	if err != nil {
		return nil, err
	}
	mirror(a, n, p)
	g, err := strongest(ctx, n, ties, keep, p, func(j int, weights []float32) {
		row := a[j*n : (j+1)*n]
		for i, v := range row {
			weights[i] = -v / row[j]
		}
	})
	if err != nil {
		return nil, err
	}
	return &Items{g, g.transpose()}, nil
}

// checkKept reports what is wrong with how many weights of each of n items are to be kept, and with the order of equal ones.
func checkKept(ties *ranking.Ties, n, keep int) error {
	if keep < 0 {
		return fmt.Errorf("neighbors: %d neighbors; give a number from 1, or 0 for all", keep)
	}
	if ties == nil || ties.Len() != n {
		return fmt.Errorf("neighbors: the order of ties must be one of the %d items", n)
	}
	return nil
}

// gram writes the lower triangle of XᵀX + l2·I. Each element is summed in float64, in the order of users.
func gram(ctx context.Context, a []float32, train *interactions.Matrix, l2 float64, p *pool.Pool) {
	n, items := train.Columns, train.Transpose()
	sums := make(chan []float64, p.Threads())
	for range p.Threads() {
		sums <- nil
	}
	p.Run(n, task(func(i int) {
		if ctx.Err() != nil {
			return
		}
		s := <-sums
		defer func() { sums <- s }()
		if s == nil {
			s = make([]float64, n)
		}
		row := s[:i+1]
		clear(row)
		users, values := items.Row(i)
		for k, u := range users {
			x := float64(values[k])
			has, ys := train.Row(int(u))
			for c, j := range has {
				if int(j) > i {
					break
				}
				row[j] += x * float64(ys[c])
			}
		}
		row[i] += l2
		for j, v := range row {
			a[i*n+j] = float32(v)
		}
	}))
}

// mirrored is the edge of the squares in which a triangle is copied.
const mirrored = 64

// mirror copies the lower triangle to the upper one.
func mirror(a []float32, n int, p *pool.Pool) {
	p.Run((n+mirrored-1)/mirrored, task(func(b int) {
		lo, hi := b*mirrored, min((b+1)*mirrored, n)
		for c := 0; c < hi; c += mirrored {
			for r := lo; r < hi; r++ {
				for i := c; i < min(c+mirrored, r); i++ {
					a[i*n+r] = a[r*n+i]
				}
			}
		}
	}))
}

// strongest keeps of the weights that the n items have for each those of the largest size, the highest first. weightsOf writes the weights for
// item j, [n], and is called by several goroutines; that of the item for itself does not matter.
func strongest(ctx context.Context, n int, ties *ranking.Ties, keep int, p *pool.Pool, weightsOf func(j int, weights []float32)) (*Graph, error) {
	if keep == 0 {
		keep = n
	}
	keep = min(keep, max(n-1, 0))
	g := &Graph{Offsets: make([]int64, n+1), Indices: make([]int32, n*keep), Values: make([]float32, n*keep)}
	counts := make([]int64, n)
	type worker struct {
		selector *ranking.Selector
		kept     []ranking.Scored
		weights  []float32
	}
	free := make(chan *worker, p.Threads())
	for range p.Threads() {
		free <- &worker{selector: ranking.NewSelector(keep, ties), weights: make([]float32, n)}
	}
	p.Run(n, task(func(j int) {
		if ctx.Err() != nil {
			return
		}
		w := <-free
		defer func() { free <- w }()
		weightsOf(j, w.weights)
		w.selector.Reset()
		for i, v := range w.weights {
			if i != j && v != 0 {
				w.selector.Add(int32(i), float32(math.Abs(float64(v))))
			}
		}
		w.kept = append(w.kept[:0], w.selector.Best()...)
		for k, x := range w.kept {
			w.kept[k].Score = w.weights[x.Item]
		}
		// Stable: those of one size, and so of one sign, are in the order of ties already.
		slices.SortStableFunc(w.kept, func(x, y ranking.Scored) int { return cmp.Compare(y.Score, x.Score) })
		for k, x := range w.kept {
			g.Indices[j*keep+k], g.Values[j*keep+k] = x.Item, x.Score
		}
		counts[j] = int64(len(w.kept))
	}))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Rows move together where some have fewer.
	to := int64(0)
	for j := range n {
		from, count := int64(j*keep), counts[j]
		copy(g.Indices[to:], g.Indices[from:from+count])
		copy(g.Values[to:], g.Values[from:from+count])
		to += count
		g.Offsets[j+1] = to
	}
	g.Indices, g.Values = g.Indices[:to], g.Values[:to]
	return g, nil
}
