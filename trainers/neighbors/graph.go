package neighbors

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"debut/kernels/pool"
	"debut/trainers/ranking"
)

// Graph has the nearest neighbors of each row, the most similar first: neighbor k of row r, Offsets[r] ≤ k <
// Offsets[r+1], is row Indices[k] with the similarity Values[k], which is above 0; of weights that are learned it may be below.
type Graph struct {
	Offsets []int64 // [rows+1]
	Indices []int32
	Values  []float32
}

// Rows returns the number of rows.
func (g *Graph) Rows() int { return len(g.Offsets) - 1 }

// Of returns the neighbors of a row and their similarities, which must not be changed.
func (g *Graph) Of(r int) ([]int32, []float32) {
	from, to := g.Offsets[r], g.Offsets[r+1]
	return g.Indices[from:to], g.Values[from:to]
}

// Bytes returns the memory that the graph holds.
func (g *Graph) Bytes() int64 {
	return 8*int64(cap(g.Offsets)) + 4*int64(cap(g.Indices)) + 4*int64(cap(g.Values))
}

// Check reports what is wrong with a graph of so many rows, such as one read from a file.
func (g *Graph) Check(rows int) error {
	if rows < 0 || len(g.Offsets) != rows+1 || len(g.Indices) != len(g.Values) || g.Offsets[0] != 0 || g.Offsets[rows] != int64(len(g.Indices)) {
		return fmt.Errorf("neighbors: a graph of %d offsets, %d neighbors and %d similarities is none of %d rows", len(g.Offsets), len(g.Indices), len(g.Values), rows)
	}
	for r := range rows {
		if g.Offsets[r] > g.Offsets[r+1] {
			return fmt.Errorf("neighbors: the neighbors of row %d end before they begin", r)
		}
	}
	for k, i := range g.Indices {
		if v := g.Values[k]; i < 0 || int(i) >= rows || v == 0 || !(v >= -math.MaxFloat32 && v <= math.MaxFloat32) {
			return fmt.Errorf("neighbors: neighbor %d is row %d of %d with the similarity %v", k, i, rows, v)
		}
	}
	for r := range rows {
		if _, values := g.Of(r); !slices.IsSortedFunc(values, func(a, b float32) int { return cmp.Compare(b, a) }) {
			return fmt.Errorf("neighbors: the neighbors of row %d are not in order, the most similar first", r)
		}
	}
	return nil
}

// transpose returns, for each row, the rows that it is a neighbor of, ascending.
func (g *Graph) transpose() *Graph {
	n := g.Rows()
	t := &Graph{Offsets: make([]int64, n+1), Indices: make([]int32, len(g.Indices)), Values: make([]float32, len(g.Values))}
	for _, i := range g.Indices {
		t.Offsets[i+1]++
	}
	for r := range n {
		t.Offsets[r+1] += t.Offsets[r]
	}
	next := slices.Clone(t.Offsets[:n])
	for r := range n {
		near, values := g.Of(r)
		for k, i := range near {
			t.Indices[next[i]], t.Values[next[i]] = int32(r), values[k]
			next[i]++
		}
	}
	return t
}

// blockWork is about how many products make a block: work for a millisecond.
const blockWork = 1 << 19

// pruner keeps the best neighbors of a row, for one goroutine.
type pruner struct {
	*accumulator
	keep *ranking.Selector // nil: all
	all  []ranking.Scored
	keys []uint64
	ties *ranking.Ties
}

func (s *space) pruner(ties *ranking.Ties) *pruner {
	p := &pruner{accumulator: s.accumulator(), ties: ties}
	if k := *s.cfg.Neighbors; k > 0 {
		p.keep = ranking.NewSelector(min(k, s.rows.Rows), ties)
	}
	return p
}

// nearest returns the neighbors of a row, the most similar first. They are valid until the next call.
func (p *pruner) nearest(s *space, columns []int32, values []float32, length float64, self int32) []ranking.Scored {
	if p.keep != nil {
		p.keep.Reset()
		s.compare(p.accumulator, columns, values, length, self, p.keep.Add)
		return p.keep.Best()
	}
	// Similarities are above 0, so that their bits have their order: one number decides, and ties with it.
	p.keys, p.all = p.keys[:0], p.all[:0]
	s.compare(p.accumulator, columns, values, length, self, func(r int32, v float32) {
		p.keys = append(p.keys, uint64(^math.Float32bits(v))<<32|uint64(p.ties.Place(r)))
	})
	slices.Sort(p.keys)
	for _, k := range p.keys {
		p.all = append(p.all, ranking.Scored{Item: p.ties.At(int32(k)), Score: math.Float32frombits(^uint32(k >> 32))})
	}
	return p.all
}

// blocks cuts the rows where enough products have come together.
func (s *space) blocks() []int {
	bounds, work := []int{0}, int64(0)
	for r := range s.rows.Rows {
		columns, _ := s.rows.Row(r)
		for _, c := range columns {
			work += s.columns.Offsets[c+1] - s.columns.Offsets[c]
		}
		if work >= blockWork {
			bounds, work = append(bounds, r+1), 0
		}
	}
	if bounds[len(bounds)-1] < s.rows.Rows {
		bounds = append(bounds, s.rows.Rows)
	}
	return bounds
}

type task func(i int)

func (t task) Part(i int) { t(i) }

// graph compares every row with every other: a sparse product by rows, of which each row's best are kept at once.
func (s *space) graph(ctx context.Context, ties *ranking.Ties, p *pool.Pool) (*Graph, error) {
	if ties == nil || ties.Len() != s.rows.Rows {
		return nil, fmt.Errorf("neighbors: the order of ties must be one of the %d rows", s.rows.Rows)
	}
	if p == nil {
		p = pool.New(1)
		defer p.Close()
	}
	free := make(chan *pruner, p.Threads())
	for range p.Threads() {
		free <- nil // made when it is needed
	}
	bounds := s.blocks()
	done := make([]Graph, len(bounds)-1)
	meter := newMeter(ctx, s.rows.Rows)
	p.Run(len(done), task(func(b int) {
		if ctx.Err() != nil {
			return
		}
		w := <-free
		defer func() { free <- w }()
		if w == nil {
			w = s.pruner(ties)
		}
		g := &done[b]
		for r := bounds[b]; r < bounds[b+1]; r++ {
			columns, values := s.rows.Row(r)
			for _, x := range w.nearest(s, columns, values, s.lengths[r], int32(r)) {
				g.Indices, g.Values = append(g.Indices, x.Item), append(g.Values, x.Score)
			}
			g.Offsets = append(g.Offsets, int64(len(g.Indices)))
		}
		meter.add(bounds[b+1] - bounds[b])
	}))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := 0
	for _, g := range done {
		n += len(g.Indices)
	}
	out := &Graph{Offsets: make([]int64, 1, s.rows.Rows+1), Indices: make([]int32, 0, n), Values: make([]float32, 0, n)}
	for b := range done {
		g, start := &done[b], int64(len(out.Indices))
		for _, o := range g.Offsets {
			out.Offsets = append(out.Offsets, start+o)
		}
		out.Indices, out.Values = append(out.Indices, g.Indices...), append(out.Values, g.Values...)
		*g = Graph{}
	}
	return out, nil
}
