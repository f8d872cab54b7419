package neighbors

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// How long the weights of an item are improved.
const (
	slimTolerance = 1e-4 // of the largest weight, that a round changes at most
	slimRounds    = 200  // with the same items
)

// FitSLIM finds for each item j the weights w ≥ 0 of the other items that minimize ½|x_j − X·w|² + ½·l2·|w|² + l1·|w|₁ for a
// matrix X of users × items with the columns x (Ning and Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems",
// ICDM 2011) by coordinate descent on XᵀX (Friedman, Hastie, Tibshirani, "Regularization Paths for Generalized Linear Models via
// Coordinate Descent", 2010). The keep largest weights of an item are kept, 0 keeps all. The score of an item is the sum over
// what a user has of value times weight, as with [FitItems].
//
// Time and memory grow with the pairs of items that some user has both of. An error is one of the numbers given, or of the
// context.
func FitSLIM(ctx context.Context, train *interactions.Matrix, ties *ranking.Ties, l1, l2 float64, keep int, p *pool.Pool) (*Items, error) {
	n := train.Columns
	switch {
	case !(l1 >= 0) || math.IsInf(l1, 1):
		return nil, fmt.Errorf("neighbors: l1 is %v; it must be a finite number that is not negative", l1)
	case !(l2 >= 0) || math.IsInf(l2, 1):
		return nil, fmt.Errorf("neighbors: l2 is %v; it must be a finite number that is not negative", l2)
	}
	if err := checkKept(ties, n, keep); err != nil {
		return nil, err
	}
	if p == nil {
		p = pool.New(1)
		defer p.Close()
	}
	// XᵀX without its diagonal: each item's products with all others.
	cfg := Settings{Similarity: Dot, Weighting: None, Neighbors: new(0)}
	cfg.SetDefaults(KindItem)
	products, err := newSpace(&cfg, train.Transpose()).graph(WithProgress(ctx, nil), ties, p)
	if err != nil {
		return nil, err
	}
	diagonal := make([]float64, n)
	for k, i := range train.Indices {
		v := float64(train.Values[k])
		diagonal[i] += v * v
	}
	if keep == 0 {
		keep = n
	}
	type worker struct {
		*descent
		selector *ranking.Selector
	}
	free := make(chan *worker, p.Threads())
	for range p.Threads() {
		free <- nil
	}
	rows := make([][]ranking.Scored, n)
	meter := newMeter(ctx, n)
	p.Run(n, task(func(j int) {
		if ctx.Err() != nil {
			return
		}
		w := <-free
		defer func() { free <- w }()
		if w == nil {
			w = &worker{newDescent(products, diagonal, l1, l2), ranking.NewSelector(min(keep, max(n, 1)), ties)}
		}
		w.selector.Reset()
		w.solve(j, w.selector.Add)
		rows[j] = slices.Clone(w.selector.Best())
		meter.add(1)
	}))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g := &Graph{Offsets: make([]int64, 1, n+1)}
	for _, row := range rows {
		for _, x := range row {
			g.Indices, g.Values = append(g.Indices, x.Item), append(g.Values, x.Score)
		}
		g.Offsets = append(g.Offsets, int64(len(g.Indices)))
	}
	return &Items{g, g.transpose()}, nil
}

// descent finds the weights of one item after another, for one goroutine. Weights are improved among those items alone that want one, few at a time
// join them, and the others are looked at again when these are settled.
type descent struct {
	products *Graph    // XᵀX without the diagonal
	diagonal []float64 // of XᵀX
	l1, l2   float64
	rest     []float64   // XᵀX[:,j] − XᵀX·w
	row      []float64   // of XᵀX, 0 between uses
	active   []int32     // items that may have a weight
	joined   []bool      // is active
	weights  []float64   // w of the active
	settled  []float64   // w that rest is of
	left     []float64   // rest of the active, of weights
	among    [][]float64 // XᵀX of the active
	wanting  []ranking.Scored
}

const (
	slimJoin   = 64   // items that join at a time
	slimActive = 2048 // and in all, at most
)

func newDescent(products *Graph, diagonal []float64, l1, l2 float64) *descent {
	n := products.Rows()
	return &descent{products: products, diagonal: diagonal, l1: l1, l2: l2, rest: make([]float64, n), row: make([]float64, n), joined: make([]bool, n)}
}

// solve calls visit with each weight of item j above 0.
func (d *descent) solve(j int, visit func(item int32, weight float32)) {
	near, values := d.products.Of(j)
	clear(d.rest)
	d.active, d.weights, d.settled = d.active[:0], d.weights[:0], d.settled[:0]
	// No product is below 0, nor any weight, so that what is left of an item's product is at most the product: where that is no more than l1, the
	// item never has a weight. The largest come first.
	candidates := near
	for k, i := range near {
		if float64(values[k]) <= d.l1 {
			candidates = near[:k]
			break
		}
		d.rest[i] = float64(values[k])
	}
	for d.join(candidates) {
		for range slimRounds {
			if change, largest := d.round(); change <= slimTolerance*largest {
				break
			}
		}
		d.settle()
	}
	for k, i := range d.active {
		if w := float32(d.weights[k]); w > 0 {
			visit(i, w)
		}
		d.joined[i] = false
	}
}

// join lets those of the candidates join that would get the largest weights, and says whether there were any worth it.
func (d *descent) join(candidates []int32) bool {
	largest := 0.0
	for _, w := range d.weights {
		largest = max(largest, w)
	}
	d.wanting = d.wanting[:0]
	for _, i := range candidates {
		if w := (d.rest[i] - d.l1) / (d.diagonal[i] + d.l2); !d.joined[i] && w > slimTolerance*largest {
			d.wanting = append(d.wanting, ranking.Scored{Item: i, Score: float32(w)})
		}
	}
	// Stable: among equals those of the larger product come first.
	slices.SortStableFunc(d.wanting, func(a, b ranking.Scored) int { return cmp.Compare(b.Score, a.Score) })
	d.wanting = d.wanting[:min(len(d.wanting), slimJoin, slimActive-len(d.active))]
	for _, x := range d.wanting {
		d.joined[x.Item] = true
		near, values := d.products.Of(int(x.Item))
		for k, c := range near {
			d.row[c] = float64(values[k])
		}
		d.row[x.Item] = d.diagonal[x.Item]
		m := len(d.active)
		d.active, d.weights, d.settled = append(d.active, x.Item), append(d.weights, 0), append(d.settled, 0)
		if m == len(d.among) {
			d.among = append(d.among, nil)
		}
		d.among[m] = d.among[m][:0]
		for k, i := range d.active {
			v := d.row[i]
			d.among[m] = append(d.among[m], v)
			if k < m {
				d.among[k] = append(d.among[k], v)
			}
		}
		for _, c := range near {
			d.row[c] = 0
		}
		d.row[x.Item] = 0
	}
	d.left = d.left[:0]
	for _, i := range d.active {
		d.left = append(d.left, d.rest[i])
	}
	return len(d.wanting) > 0
}

// round improves the weight of each active item once, and returns the largest change and the largest weight.
func (d *descent) round() (change, largest float64) {
	for k, i := range d.active {
		old, curvature := d.weights[k], d.diagonal[i]
		w := max(0, d.left[k]+curvature*old-d.l1) / (curvature + d.l2)
		largest = max(largest, w)
		if w == old {
			continue
		}
		d.weights[k] = w
		step := w - old
		change = max(change, math.Abs(step))
		products := d.among[k]
		for n := range d.left {
			d.left[n] -= step * products[n]
		}
	}
	return change, largest
}

// settle brings rest up to the weights.
func (d *descent) settle() {
	for k, i := range d.active {
		step := d.weights[k] - d.settled[k]
		if step == 0 {
			continue
		}
		d.settled[k] = d.weights[k]
		near, values := d.products.Of(int(i))
		for n, c := range near {
			d.rest[c] -= step * float64(values[n])
		}
		d.rest[i] -= step * d.diagonal[i]
	}
}
