package factorization

import (
	"context"
	"fmt"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/trainers/ranking"
)

// deviceScorer scores on a device with memory of its own, and makes lists there: scores do not leave it.
type deviceScorer struct {
	f           *Factors
	items       int
	dev         kernels.Device
	block, tile int       // users and items of a product, at most
	kept        *products // of the lists made last, for further ones that are alike
}

func newDeviceScorer(f *Factors, dev kernels.Device) *deviceScorer {
	return &deviceScorer{f: f, items: len(f.Items) / f.Width, dev: dev, block: listedUsers, tile: listedItems}
}

// listing scores on the processor, and has a device make the lists of many users: for a few it is not worth the way.
type listing struct {
	*scorer
	many *deviceScorer
}

// leastListed is for how many users a device is asked.
const leastListed = 256

// List makes the lists of many users.
func (l listing) List(ctx context.Context, users []int32, o *ranking.Options) (*ranking.Lists, error) {
	if len(users) < leastListed {
		return nil, fmt.Errorf("factorization: lists of %d users: %w", len(users), kernels.ErrUnsupported)
	}
	return l.many.List(ctx, users, o)
}

// Items is the number of items.
func (s *deviceScorer) Items() int { return s.items }

// Users and items of a product: enough for a GPU to be at work, and 64 MiB of scores.
const (
	listedUsers = 2048
	listedItems = 8192
)

// Score scores all items for each of the users.
func (s *deviceScorer) Score(users []int32, out []float32) error {
	all := make([]int32, s.items)
	for i := range all {
		all[i] = int32(i)
	}
	p, err := s.products(all, nil, len(users))
	if err != nil {
		return err
	}
	defer p.release()
	if err := p.take(users); err != nil {
		return err
	}
	for _, t := range p.tiles {
		if err := t.product.Run(); err != nil {
			return err
		}
		n := t.hi - t.lo
		if err := p.scores.get(0, len(users)*n); err != nil {
			return err
		}
		for u := range users {
			copy(out[u*s.items+t.lo:], p.scores.data[u*n:(u+1)*n])
		}
	}
	return nil
}

// products are those of some users' rows with the rows of items, some of each at a time.
type products struct {
	s        *deviceScorer
	columns  []int32 // items, in the order of columns
	users    *mirror[float32]
	count    kernels.RowCount
	items    *mirror[float32]
	mean     *mirror[float32] // nil: 0
	scores   *mirror[float32]
	tiles    []tile
	weights  *mirror[float32] // of columns; nil: all 1
	given    []float32        // weights of items, as they were given
	run      kernels.Executable
	selected *selected // nil: scores are all that is asked for
}

// tile is some columns.
type tile struct {
	lo, hi          int
	product, choose kernels.Kernel
}

// products binds those of at most so many users with items. Weights, if any, are of items.
func (s *deviceScorer) products(columns []int32, weights []float32, most int) (_ *products, err error) {
	p := &products{s: s, columns: columns, given: slices.Clone(weights)}
	defer func() {
		if err != nil {
			p.release()
		}
	}()
	w, n := s.f.Width, len(columns)
	rows := make([]float32, 0, n*w)
	for _, i := range columns {
		rows = append(rows, s.f.Item(int(i))...)
	}
	if p.items, err = mirrorOf(s.dev, rows, "factors"); err != nil {
		return nil, err
	}
	if weights != nil {
		own := make([]float32, n)
		for c, i := range columns {
			own[c] = weights[i]
		}
		if p.weights, err = mirrorOf(s.dev, own, "factors"); err != nil {
			return nil, err
		}
	}
	width := min(n, s.tile)
	if s.f.Mean != 0 {
		mean := make([]float32, width)
		for c := range mean {
			mean[c] = float32(s.f.Mean)
		}
		if p.mean, err = mirrorOf(s.dev, mean, "factors"); err != nil {
			return nil, err
		}
	}
	if p.users, err = newMirror[float32](s.dev, most*w, "factors"); err != nil {
		return nil, err
	}
	if p.scores, err = newMirror[float32](s.dev, most*width, "scores"); err != nil {
		return nil, err
	}
	if p.count, err = s.dev.NewRowCount(most); err != nil {
		return nil, err
	}
	algebra, err := kernels.Family[kernels.DenseAlgebra](s.dev)
	if err != nil {
		return nil, err
	}
	for lo := 0; lo < n; lo += s.tile {
		t := tile{lo: lo, hi: min(lo+s.tile, n)}
		all := p.items.matrix(n, w)
		all.Offset, all.Rows = lo*w, t.hi-lo
		t.product, err = algebra.Gemm(kernels.GemmArgs{
			TransB: true, A: p.counted(p.users.matrix(most, w)), B: all, C: p.scored(t), Bias: firstColumns(p.mean.matrix(1, width), t.hi-lo),
		})
		if err != nil {
			return nil, err
		}
		p.tiles = append(p.tiles, t)
	}
	return p, nil
}

// counted is a matrix of a row for each user.
func (p *products) counted(m kernels.Matrix) kernels.Matrix {
	m.Count = p.count
	return m
}

// scored views the scores of a tile.
func (p *products) scored(t tile) kernels.Matrix {
	n := t.hi - t.lo
	return p.counted(kernels.Matrix{Buf: p.scores.buffer, Rows: p.count.Max(), Cols: n, Stride: n})
}

// firstColumns views so many columns of a matrix, if there is one.
func firstColumns(m kernels.Matrix, n int) kernels.Matrix {
	if m.Present() {
		m = m.Columns(0, n)
	}
	return m
}

// take brings the rows of users to the device.
func (p *products) take(users []int32) error {
	f, w := p.s.f, p.s.f.Width
	for k, u := range users {
		if u < 0 || (int(u)+1)*w > len(f.Users) {
			return fmt.Errorf("factorization: user %d is none of the %d", u, len(f.Users)/w)
		}
		copy(p.users.data[k*w:], f.User(int(u)))
	}
	if err := p.count.Set(len(users)); err != nil {
		return err
	}
	return kernels.Upload(p.s.dev, p.users.buffer, 0, p.users.data[:len(users)*w])
}

func (p *products) release() {
	for _, m := range []*mirror[float32]{p.users, p.items, p.mean, p.scores, p.weights} {
		m.release()
	}
	if s := p.selected; s != nil {
		s.best.release()
		for _, m := range []*mirror[int32]{s.columns, s.offsets, s.leftOut} {
			m.release()
		}
	}
}

// selected are the lists of some users.
type selected struct {
	k                int
	best             *mirror[float32]
	columns          *mirror[int32]
	offsets, leftOut *mirror[int32] // nil: nothing is left out
}

// room is how many items can be left out.
func (s *selected) room() int {
	if s.leftOut == nil {
		return 0
	}
	return len(s.leftOut.data)
}

// choose binds the choice of k columns for each user, at most so many being left out for all users of a block.
func (p *products) choose(k, most int) (err error) {
	dev, rows := p.s.dev, p.count.Max()
	s := &selected{k: k}
	p.selected = s
	if s.best, err = newMirror[float32](dev, rows*k, "lists"); err != nil {
		return err
	}
	if s.columns, err = newMirror[int32](dev, rows*k, "lists"); err != nil {
		return err
	}
	if most > 0 {
		if s.offsets, err = newMirror[int32](dev, rows+1, "lists"); err != nil {
			return err
		}
		if s.leftOut, err = newMirror[int32](dev, most, "lists"); err != nil {
			return err
		}
	}
	family, err := kernels.Family[kernels.Selection](dev)
	if err != nil {
		return err
	}
	for i := range p.tiles {
		t := &p.tiles[i]
		weights := p.weights.matrix(1, len(p.columns))
		if weights.Present() {
			weights = weights.Columns(t.lo, t.hi)
		}
		t.choose, err = family.Select(kernels.SelectArgs{
			Scores: p.scored(*t), First: t.lo, Weights: weights, Offsets: s.offsets.matrix(rows+1, 1), LeftOut: s.leftOut.matrix(most, 1),
			Best: p.counted(s.best.matrix(rows, k)), Columns: p.counted(s.columns.matrix(rows, k)),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// List makes the lists of users. An error that matches kernels.ErrUnsupported is of lists that are too long for the device.
func (s *deviceScorer) List(ctx context.Context, users []int32, o *ranking.Options) (*ranking.Lists, error) {
	columns, column := visible(o, s.items)
	k := min(o.K, max(len(columns), 1))
	out := &ranking.Lists{K: o.K, Items: make([]int32, len(users)*o.K), Scores: make([]float32, len(users)*o.K)}
	for i := range out.Items {
		out.Items[i], out.Scores[i] = -1, float32(math.Inf(-1))
	}
	if len(users) == 0 || len(columns) == 0 {
		return out, nil
	}
	block := min(len(users), s.block)
	most := 0
	for from := 0; from < len(users) && o.Seen != nil; from += block {
		n := 0
		for _, u := range users[from:min(from+block, len(users))] {
			n += int(o.Seen.Offsets[u+1] - o.Seen.Offsets[u])
		}
		most = max(most, n)
	}
	p, err := s.lists(columns, o.Weights, block, k, most)
	if err != nil {
		return nil, err
	}
	for from := 0; from < len(users); from += block {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := users[from:min(from+block, len(users))]
		if err := p.take(part); err != nil {
			return nil, err
		}
		if err := p.leaveOut(part, o.Seen, column); err != nil {
			return nil, err
		}
		if err := p.run.Run(); err != nil {
			return nil, err
		}
		if err := p.lists(part, out, from); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// lists binds lists of k columns for so many users at a time, for all of whom at most so many items are left out, or returns what was bound for
// others.
func (s *deviceScorer) lists(columns []int32, weights []float32, block, k, most int) (*products, error) {
	if p := s.kept; p != nil {
		if p.count.Max() >= block && p.selected.k == k && p.selected.room() >= most && slices.Equal(p.columns, columns) && slices.Equal(p.given, weights) {
			return p, nil
		}
		p.release()
		s.kept = nil
	}
	p, err := s.products(columns, weights, block)
	if err != nil {
		return nil, err
	}
	if err := p.choose(k, most+most/2); err != nil { // other users may have more
		p.release()
		return nil, err
	}
	var ks []kernels.Kernel
	for _, t := range p.tiles {
		ks = append(ks, t.product, t.choose)
	}
	if p.run, err = s.dev.Prepare(ks); err != nil {
		p.release()
		return nil, err
	}
	s.kept = p
	return p, nil
}

// visible lists the items that may be recommended, in the order in which equal scores come; column has the place of each item in it, or −1.
func visible(o *ranking.Options, items int) (columns, column []int32) {
	column = make([]int32, items)
	for _, i := range o.Hidden {
		column[i] = -1
	}
	for place := range int32(items) {
		if i := o.Ties.At(place); column[i] == 0 {
			column[i] = int32(len(columns))
			columns = append(columns, i)
		}
	}
	return columns, column
}

// leaveOut has the device know what users have.
func (p *products) leaveOut(users []int32, seen *interactions.Matrix, column []int32) error {
	s := p.selected
	if s.offsets == nil {
		return nil
	}
	n := 0
	if seen == nil {
		clear(s.offsets.data)
		return s.offsets.put()
	}
	for k, u := range users {
		items, _ := seen.Row(int(u))
		for _, i := range items {
			s.leftOut.data[n] = column[i]
			n++
		}
		s.offsets.data[k+1] = int32(n)
	}
	if err := s.offsets.put(); err != nil {
		return err
	}
	return kernels.Upload(p.s.dev, s.leftOut.buffer, 0, s.leftOut.data[:n])
}

// lists writes what was chosen for users in the place of those from first on.
func (p *products) lists(users []int32, out *ranking.Lists, first int) error {
	s := p.selected
	n := len(users) * s.k
	if err := s.best.get(0, n); err != nil {
		return err
	}
	if err := s.columns.get(0, n); err != nil {
		return err
	}
	for r, u := range users {
		to := (first + r) * out.K
		for i := range s.k {
			c, v := s.columns.data[r*s.k+i], s.best.data[r*s.k+i]
			if c < 0 {
				break
			}
			if v != v {
				return fmt.Errorf("ranking: user %d, item %d: %w", u, p.columns[c], ranking.ErrNaN)
			}
			out.Items[to+i], out.Scores[to+i] = p.columns[c], v
		}
	}
	return nil
}
