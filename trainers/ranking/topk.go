package ranking

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/pool"
)

// Scorer scores items for users. The scores of a user must not depend on the block he is in.
type Scorer interface {
	// Items returns the number of items.
	Items() int
	// Score writes the scores of all items into out, [len(users), Items], row by row: the higher, the better. A score of
	// −∞ says that the item is no candidate; NaN is an error. out holds anything before.
	Score(users []int32, out []float32) error
}

// Concurrent is a Scorer whose Score may be called by several goroutines at a time. Others, such as those that use a
// device or threads of their own, are called by one, with larger blocks.
type Concurrent interface {
	Scorer
	Concurrent()
}

// Options say what may be recommended.
type Options struct {
	// K is how many items a user gets, at least 1.
	K int
	// Ties decides between equal scores.
	Ties *Ties
	// Seen are items to leave out: row u for user u. nil leaves none out.
	Seen *interactions.Matrix
	// Hidden are items that nobody gets, such as those out of stock.
	Hidden []int32
	// Block is how many users are scored at a time; 0 chooses so many that a block of scores fits a cache, or for scorers
	// that are not Concurrent, a device.
	Block int
	// Pool has the goroutines; nil is the caller's alone.
	Pool *pool.Pool
}

// Lists are recommendations, the best first: those of user i at [i*K, (i+1)*K).
type Lists struct {
	K      int
	Items  []int32 // −1 where there were fewer candidates than K
	Scores []float32
}

// Of returns the recommendations of user i, without the empty places.
func (l *Lists) Of(i int) ([]int32, []float32) {
	items := l.Items[i*l.K : (i+1)*l.K]
	n := len(items)
	if e := slices.Index(items, -1); e >= 0 {
		n = e
	}
	return items[:n], l.Scores[i*l.K : i*l.K+n]
}

// Bytes of scores of a block, chosen such that a worker's stays in its cache, or a device has enough to do.
const (
	blockBytes       = 2 << 20
	serialBlockBytes = 64 << 20
	mostBlock        = 1024
)

func (o *Options) check(s Scorer) error {
	n := s.Items()
	switch {
	case o.K < 1:
		return fmt.Errorf("ranking: k is %d; it must be at least 1", o.K)
	case o.Ties == nil || o.Ties.Len() != n:
		return fmt.Errorf("ranking: the order of ties must be one of the scorer's %d items", n)
	case o.Seen != nil && o.Seen.Columns != n:
		return fmt.Errorf("ranking: the items seen are of %d, the scorer has %d", o.Seen.Columns, n)
	case o.Block < 0:
		return fmt.Errorf("ranking: a block of %d users", o.Block)
	}
	for _, i := range o.Hidden {
		if i < 0 || int(i) >= n {
			return fmt.Errorf("ranking: hidden item %d is none of the %d", i, n)
		}
	}
	return nil
}

// TopK returns the best K items of each of the users, exactly: every item is scored. An item the user has seen, or that
// is hidden, is left out.
func TopK(ctx context.Context, s Scorer, users []int32, o Options) (*Lists, error) {
	if err := o.check(s); err != nil {
		return nil, err
	}
	if o.Seen != nil {
		for _, u := range users {
			if u < 0 || int(u) >= o.Seen.Rows {
				return nil, fmt.Errorf("ranking: user %d is none of the %d", u, o.Seen.Rows)
			}
		}
	}
	k := min(o.K, s.Items()) // more there cannot be; lists are filled up to K
	r := &ranker{ctx: ctx, scorer: s, users: users, o: &o, lists: &Lists{K: o.K, Items: make([]int32, len(users)*o.K), Scores: make([]float32, len(users)*o.K)}}
	_, r.concurrent = s.(Concurrent)
	r.block = o.Block
	if r.block == 0 {
		bytes := blockBytes
		if !r.concurrent {
			bytes = serialBlockBytes
		}
		r.block = min(max(bytes/4/max(s.Items(), 1), 1), mostBlock)
	}
	threads := 1
	if o.Pool != nil {
		threads = o.Pool.Threads()
	}
	// A worker takes what it needs here; there are never more at work than threads.
	r.free = make(chan *worker, threads)
	for range threads {
		r.free <- &worker{selector: NewSelector(k, o.Ties)}
	}
	if err := r.run(); err != nil {
		return nil, err
	}
	return r.lists, nil
}

// ranker is the state of one TopK.
type ranker struct {
	ctx        context.Context
	scorer     Scorer
	users      []int32
	o          *Options
	block      int
	concurrent bool
	free       chan *worker
	lists      *Lists
	errors     []error
}

type worker struct {
	scores   []float32
	selector *Selector
}

type task func(i int)

func (t task) Part(i int) { t(i) }

func (r *ranker) each(n int, f func(i int)) {
	if r.o.Pool == nil {
		for i := range n {
			f(i)
		}
		return
	}
	r.o.Pool.Run(n, task(f))
}

func (r *ranker) run() error {
	blocks := (len(r.users) + r.block - 1) / r.block
	bounds := func(b int) (int, int) { return b * r.block, min((b+1)*r.block, len(r.users)) }
	items := r.scorer.Items()
	if r.concurrent {
		r.errors = make([]error, blocks)
		r.each(blocks, func(b int) {
			if r.errors[b] = r.ctx.Err(); r.errors[b] != nil {
				return
			}
			w := <-r.free
			defer func() { r.free <- w }()
			from, to := bounds(b)
			w.scores = resize(w.scores, (to-from)*items)
			if r.errors[b] = r.scorer.Score(r.users[from:to], w.scores); r.errors[b] != nil {
				return
			}
			for i := from; i < to && r.errors[b] == nil; i++ {
				r.errors[b] = r.choose(w.selector, i, w.scores[(i-from)*items:][:items])
			}
		})
		return r.first()
	}
	var scores []float32
	for b := range blocks {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		from, to := bounds(b)
		scores = resize(scores, (to-from)*items)
		if err := r.scorer.Score(r.users[from:to], scores); err != nil {
			return err
		}
		r.errors = make([]error, to-from)
		r.each(to-from, func(i int) {
			w := <-r.free
			defer func() { r.free <- w }()
			r.errors[i] = r.choose(w.selector, from+i, scores[i*items:][:items])
		})
		if err := r.first(); err != nil {
			return err
		}
	}
	return nil
}

func (r *ranker) first() error {
	for _, err := range r.errors {
		if err != nil {
			return err
		}
	}
	return nil
}

func resize(b []float32, n int) []float32 {
	if cap(b) < n {
		return make([]float32, n)
	}
	return b[:n]
}

// choose makes the list of user i of the block's scores, which it changes.
func (r *ranker) choose(s *Selector, i int, scores []float32) error {
	out := float32(math.Inf(-1))
	if r.o.Seen != nil {
		seen, _ := r.o.Seen.Row(int(r.users[i]))
		for _, item := range seen {
			scores[item] = out
		}
	}
	for _, item := range r.o.Hidden {
		scores[item] = out
	}
	s.Reset()
	if item := s.AddAll(scores); item >= 0 {
		return fmt.Errorf("ranking: user %d, item %d: %w", r.users[i], item, ErrNaN)
	}
	k := i * r.lists.K
	for n, x := range s.Best() {
		r.lists.Items[k+n], r.lists.Scores[k+n] = x.Item, x.Score
	}
	for n := len(s.heap); n < r.lists.K; n++ {
		r.lists.Items[k+n], r.lists.Scores[k+n] = -1, out
	}
	return nil
}

// ErrNaN is the error of a score that is no number: the model has diverged.
var ErrNaN = errors.New("the score is NaN; the model has diverged or its input was not finite")
