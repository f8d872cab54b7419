package ranking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels"
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

// Ranged is a Scorer that can score some of the items at a time, so that the scores of many users stay in a cache while they are chosen from.
type Ranged interface {
	Scorer
	// Range returns a function for one goroutine that writes the scores of the items lo … hi−1 into out, [len(users), hi−lo]: bit for bit
	// those of Score. It must be closed.
	Range() (RangeScorer, error)
}

// RangeScorer is the function of a Ranged, for one goroutine at a time.
type RangeScorer interface {
	Score(users []int32, lo, hi int, out []float32) error
	Close() error
}

// Lister is a Scorer that makes lists itself, as a device does that has scores in memory of its own.
type Lister interface {
	Scorer
	// List makes the lists of users, of options that were checked, without Cold and Candidates; Hidden is ascending. Where an error matches
	// kernels.ErrUnsupported lists are made of what Score writes.
	List(ctx context.Context, users []int32, o *Options) (*Lists, error)
}

// Options say what may be recommended.
type Options struct {
	// K is how many items a user gets, at least 1.
	K int
	// Ties decides between equal scores.
	Ties *Ties
	// Seen are items to leave out: row u for user u. nil leaves none out.
	Seen *interactions.Matrix
	// Candidates are what is ranked for a user, and nothing else is: row u, ascending, for user u. nil: all items are.
	Candidates *interactions.Matrix
	// Hidden are items that nobody gets, such as those out of stock.
	Hidden []int32
	// Weights, one an item and above 0, multiply scores as Weigh does; nil: all 1.
	Weights []float32
	// Cold, where it is not nil, are the scores of all items for users without an entry in Histories: whatever the Scorer and Weights say.
	Cold      []float32
	Histories *interactions.Matrix
	// Block is how many users are scored at a time; 0 chooses so many that a block of scores fits a cache, or for scorers
	// that are neither Concurrent nor Ranged, a device.
	Block int
	// Pool has the goroutines; nil is the caller's alone.
	Pool *pool.Pool

	areas func(*Options, []int32) *areas // makes what is told all scores; nil: nothing
}

// Weigh multiplies scores by weights, and divides those below 0, so that a larger weight is always better. No weights change nothing.
func Weigh(scores, weights []float32) {
	for i, w := range weights {
		if scores[i] < 0 { // less of a debt is more
			w = 1 / w
		}
		scores[i] *= w
	}
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

// The block of a Ranged scorer: enough users to be worth fetching the items for, and scores that stay in the second cache.
const (
	rangedUsers = 256
	rangedItems = 512
)

// Tile returns the items lo … hi−1 that a Ranged scorer of so many items scores together with one.
func Tile(item, items int) (lo, hi int) {
	lo = item / rangedItems * rangedItems
	return lo, min(lo+rangedItems, items)
}

func (o *Options) check(s Scorer) error {
	n := s.Items()
	switch {
	case o.K < 1:
		return fmt.Errorf("ranking: k is %d; it must be at least 1", o.K)
	case o.Ties == nil || o.Ties.Len() != n:
		return fmt.Errorf("ranking: the order of ties must be one of the scorer's %d items", n)
	case o.Seen != nil && o.Seen.Columns != n:
		return fmt.Errorf("ranking: the items seen are of %d, the scorer has %d", o.Seen.Columns, n)
	case o.Candidates != nil && o.Candidates.Columns != n:
		return fmt.Errorf("ranking: candidates are of %d items, the scorer has %d", o.Candidates.Columns, n)
	case o.Weights != nil && len(o.Weights) != n:
		return fmt.Errorf("ranking: there are %d weights, the scorer has %d items", len(o.Weights), n)
	case o.Cold != nil && (len(o.Cold) != n || o.Histories == nil):
		return fmt.Errorf("ranking: scores of %d items for users without a history; give those of the scorer's %d items, and histories", len(o.Cold), n)
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

// checkUsers reports a user whom a matrix of one row a user does not have.
func checkUsers(users []int32, m *interactions.Matrix) error {
	if m == nil {
		return nil
	}
	for _, u := range users {
		if u < 0 || int(u) >= m.Rows {
			return fmt.Errorf("ranking: user %d is none of the %d", u, m.Rows)
		}
	}
	return nil
}

// TopK returns the best K items of each of the users, exactly: every item is scored. An item the user has seen, or that
// is hidden, is left out.
func TopK(ctx context.Context, s Scorer, users []int32, o Options) (_ *Lists, err error) {
	if err := cmp.Or(o.check(s), checkUsers(users, o.Seen), checkUsers(users, o.Histories), checkUsers(users, o.Candidates)); err != nil {
		return nil, err
	}
	o.Hidden = slices.Compact(slices.Sorted(slices.Values(o.Hidden)))
	if l, ok := s.(Lister); ok && o.areas == nil && o.Cold == nil && o.Candidates == nil {
		if lists, err := l.List(ctx, users, &o); !errors.Is(err, kernels.ErrUnsupported) {
			return lists, err
		}
	}
	items := s.Items()
	r := &ranker{ctx: ctx, users: users, o: &o, tile: items, lists: &Lists{K: o.K, Items: make([]int32, len(users)*o.K), Scores: make([]float32, len(users)*o.K)}}
	if o.areas != nil {
		r.areas = o.areas(&o, users)
	}
	ranged, _ := s.(Ranged)
	_, concurrent := s.(Concurrent)
	r.block = o.Block
	switch {
	case ranged != nil:
		r.block, r.tile = cmp.Or(r.block, rangedUsers), min(rangedItems, items)
	case r.block == 0 && concurrent:
		r.block = min(max(blockBytes/4/max(items, 1), 1), mostBlock)
	case r.block == 0:
		r.block = min(max(serialBlockBytes/4/max(items, 1), 1), mostBlock)
	}
	threads := 1
	if o.Pool != nil {
		threads = o.Pool.Threads()
	}
	// A worker takes what it needs here; there are never more at work than threads.
	r.free = make(chan *worker, threads)
	for range threads {
		w := &worker{}
		switch {
		case ranged != nil:
			if w.scorer, err = ranged.Range(); err != nil {
				break
			}
			defer func() { err = errors.Join(err, w.scorer.Close()) }()
		case concurrent:
			w.scorer = whole{s}
		}
		r.free <- w
	}
	switch {
	case err != nil:
	case ranged == nil && !concurrent:
		err = r.serial(s)
	default:
		err = r.parallel()
	}
	if err != nil {
		return nil, err
	}
	return r.lists, nil
}

// whole scores all items at a time.
type whole struct{ Scorer }

func (w whole) Score(users []int32, _, _ int, out []float32) error { return w.Scorer.Score(users, out) }

func (whole) Close() error { return nil }

// ranker is the state of one TopK.
type ranker struct {
	ctx         context.Context
	users       []int32
	o           *Options
	block, tile int // users and items at a time
	free        chan *worker
	lists       *Lists
	areas       *areas // nil: nobody asks for them
	errors      []error
}

type worker struct {
	scorer    RangeScorer
	scores    []float32
	selectors []*Selector // one for each user of a block
}

// selector returns the selector of a block's user i.
func (r *ranker) selector(w *worker, i int) *Selector {
	for len(w.selectors) <= i {
		w.selectors = append(w.selectors, NewSelector(min(r.o.K, r.o.Ties.Len()), r.o.Ties)) // more there cannot be; lists are filled up to K
	}
	return w.selectors[i]
}

func (r *ranker) each(n int, f func(i int)) error {
	r.errors = make([]error, n)
	pool.Each(r.o.Pool, n, f)
	for _, err := range r.errors {
		if err != nil {
			return err
		}
	}
	return nil
}

// bounds are the users of a block.
func (r *ranker) bounds(b int) (from, to int) {
	return b * r.block, min((b+1)*r.block, len(r.users))
}

// parallel has workers score blocks of users, some items at a time.
func (r *ranker) parallel() error {
	return r.each((len(r.users)+r.block-1)/r.block, func(b int) {
		w := <-r.free
		defer func() { r.free <- w }()
		from, to := r.bounds(b)
		r.errors[b] = r.rank(w, from, to)
	})
}

// rank makes the lists of the users from … to−1.
func (r *ranker) rank(w *worker, from, to int) error {
	items := r.o.Ties.Len()
	tiles := (items + r.tile - 1) / max(r.tile, 1)
	for i := from; i < to; i++ {
		r.selector(w, i-from).Reset()
	}
	if r.areas != nil && tiles > 1 {
		for i := from; i < to; i++ {
			if err := r.found(w, i); err != nil {
				return err
			}
		}
	}
	for t := range tiles {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		// Tiles of nearly one width: none has a single item where there are more.
		lo, hi := t*items/tiles, (t+1)*items/tiles
		w.scores = resize(w.scores, (to-from)*(hi-lo))
		if err := w.scorer.Score(r.users[from:to], lo, hi, w.scores); err != nil {
			return err
		}
		for i := from; i < to; i++ {
			if err := r.offer(w.selectors[i-from], i, lo, w.scores[(i-from)*(hi-lo):][:hi-lo]); err != nil {
				return err
			}
		}
	}
	for i := from; i < to; i++ {
		r.list(w.selectors[i-from], i)
	}
	return nil
}

// found has the scores of what user i is to find computed before those of all items.
func (r *ranker) found(w *worker, i int) error {
	list := r.areas.relevant.Indices[r.areas.relevant.Offsets[i]:r.areas.relevant.Offsets[i+1]]
	scores := make([]float32, len(list))
	for k, item := range list {
		// Two items, for a product with one has bits of its own; where tiles are several there are as many.
		lo := max(int(item)-1, 0)
		var two [2]float32
		if err := w.scorer.Score(r.users[i:i+1], lo, lo+2, two[:]); err != nil {
			return err
		}
		r.adjust(i, lo, two[:])
		scores[k] = two[int(item)-lo]
	}
	r.areas.begin(i, scores)
	return nil
}

// serial scores blocks of users one after another; workers choose.
func (r *ranker) serial(s Scorer) error {
	items := s.Items()
	var scores []float32
	for b := range (len(r.users) + r.block - 1) / r.block {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		from, to := r.bounds(b)
		scores = resize(scores, (to-from)*items)
		if err := s.Score(r.users[from:to], scores); err != nil {
			return err
		}
		err := r.each(to-from, func(i int) {
			w := <-r.free
			defer func() { r.free <- w }()
			selector := r.selector(w, 0)
			selector.Reset()
			if r.errors[i] = r.offer(selector, from+i, 0, scores[i*items:][:items]); r.errors[i] == nil {
				r.list(selector, from+i)
			}
		})
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

// offer shows a selector the scores of user i for the items from lo on, and changes them.
func (r *ranker) offer(s *Selector, i, lo int, scores []float32) error {
	u := int(r.users[i])
	r.adjust(i, lo, scores)
	if r.areas != nil {
		if len(scores) == r.o.Ties.Len() {
			var found []float32
			for _, item := range r.areas.relevant.Indices[r.areas.relevant.Offsets[i]:r.areas.relevant.Offsets[i+1]] {
				found = append(found, scores[item])
			}
			r.areas.begin(i, found)
		}
		r.areas.count(i, lo, scores)
	}
	if r.o.Seen != nil {
		seen, _ := r.o.Seen.Row(u)
		leaveOut(scores, lo, seen)
	}
	leaveOut(scores, lo, r.o.Hidden)
	if r.o.Candidates != nil {
		candidates, _ := r.o.Candidates.Row(u)
		leaveOthersOut(scores, lo, candidates)
	}
	if item := s.addAll(lo, scores); item >= 0 {
		return fmt.Errorf("ranking: user %d, item %d: %w", u, item, ErrNaN)
	}
	return nil
}

// adjust makes of a scorer's scores for user i, of the items from lo on, those that count.
func (r *ranker) adjust(i, lo int, scores []float32) {
	hi := lo + len(scores)
	if r.cold(int(r.users[i])) {
		copy(scores, r.o.Cold[lo:hi])
	} else if r.o.Weights != nil {
		Weigh(scores, r.o.Weights[lo:hi])
	}
}

// cold says that the user gets the scores of those of whom nothing is known.
func (r *ranker) cold(u int) bool {
	return r.o.Cold != nil && r.o.Histories.Offsets[u] == r.o.Histories.Offsets[u+1]
}

// leaveOut takes items, ascending, out of the scores of those from lo on.
func leaveOut(scores []float32, lo int, items []int32) {
	from, _ := slices.BinarySearch(items, int32(lo))
	for _, item := range items[from:] {
		if int(item) >= lo+len(scores) {
			return
		}
		scores[int(item)-lo] = outOfList
	}
}

// outOfList is the score of what is no candidate.
var outOfList = float32(math.Inf(-1))

// list writes what a selector has kept as the list of user i.
func (r *ranker) list(s *Selector, i int) {
	k := i * r.lists.K
	for n, x := range s.Best() {
		r.lists.Items[k+n], r.lists.Scores[k+n] = x.Item, x.Score
	}
	for n := len(s.heap); n < r.lists.K; n++ {
		r.lists.Items[k+n], r.lists.Scores[k+n] = -1, float32(math.Inf(-1))
	}
}

// ErrNaN is the error of a score that is no number: the model has diverged.
var ErrNaN = errors.New("the score is NaN; the model has diverged or its input was not finite")
