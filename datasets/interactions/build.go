package interactions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"debut/datasets/configfile"
	"debut/kernels/pool"
)

// Dataset is what users did with items, in parts over the same users and items.
type Dataset struct {
	Users, Items *Vocabulary
	Kinds        []string // of events, sorted: kind i is bit i of Matrix.Events
	// Dates says that times are microseconds since 1970; else they are integers as in the data.
	Dates bool
	// Train is never nil; Validation and Test are where there is such a part. Pairs of theirs may be in Train too where
	// the split is by time or given: a user did the same again.
	Train, Validation, Test *Matrix
	Report                  Report
}

// Parts returns the matrices in the order of PartNames, nil for parts that there are not.
func (d *Dataset) Parts() [parts]*Matrix { return [parts]*Matrix{d.Train, d.Validation, d.Test} }

// Mask returns the bits of kinds of event in Matrix.Events.
func (d *Dataset) Mask(kinds ...string) (uint16, error) {
	mask := uint16(0)
	for _, k := range kinds {
		i := slices.Index(d.Kinds, k)
		if i < 0 {
			return 0, fmt.Errorf("interactions: there are no events of kind %q, only of %q", k, d.Kinds)
		}
		mask |= 1 << i
	}
	return mask, nil
}

// sorting is the state of a build: events by user, each user's sorted.
type sorting struct {
	*Dataset
	cfg  *Config
	seed uint64

	offsets []int64 // of users
	item    []int32
	value   []float32
	time    []int64 // nil: none
	tag     []uint8 // nil: none; bits as in Builder, kinds numbered as in Dataset.Kinds
	counts  []int32 // of pairs, less one: pages that no pair with two events writes are never memory
	events  []uint16
	again   atomic.Bool // some pair has two events

	pairs  []int64 // of each user: the number of pairs
	size   []int64 // of each user and part: [users*parts]
	draw   draw
	cut    [parts]int64 // split by time: where validation and test begin
	errors []error      // of blocks of users
}

// Build makes the dataset, on the pool's goroutines where p is not nil. The builder is spent: its memory has become the
// dataset's, or was given back. The seed is that of the splits drawn at random.
func (b *Builder) Build(ctx context.Context, seed uint64, p *pool.Pool) (*Dataset, error) {
	if b.users == nil {
		return nil, errSpent
	}
	if b.n == 0 {
		return nil, errors.New("interactions: there are no events; are they of weight 0, or without user or item?")
	}
	if b.cfg.Split.Event != "" && !slices.Contains(b.kinds, b.cfg.Split.Event) {
		return nil, configfile.Errorf("split.event", "there are no events of kind %q, only of %q", b.cfg.Split.Event, b.kinds)
	}
	cfg := b.cfg
	s := &sorting{Dataset: &Dataset{Report: b.report, Dates: b.dates == unitDate}, cfg: &cfg, seed: seed}
	s.Report.Events = b.n
	if len(b.kinds) > 0 {
		s.Report.Kinds = map[string]int64{}
	}
	for i, k := range b.kinds {
		s.Report.Kinds[k] = b.counts[i+1]
	}
	var users, items []int32
	s.Users, users = b.users.sorted()
	s.Items, items = b.items.sorted()
	s.Kinds = slices.Sorted(slices.Values(b.kinds))
	if err := s.cuts(b); err != nil {
		return nil, err
	}
	s.scatter(b, users, items)
	*b = Builder{}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.draw = newDraw(s)
	n := s.Users.Len()
	s.pairs, s.size = make([]int64, n), make([]int64, n*parts)
	blocks := s.blocks()
	s.errors = make([]error, len(blocks)-1)
	each(p, len(blocks)-1, func(k int) {
		if ctx.Err() != nil {
			return
		}
		var w sorter
		for u := blocks[k]; u < blocks[k+1] && s.errors[k] == nil; u++ {
			s.errors[k] = w.user(s, u)
		}
	})
	if err := errors.Join(ctx.Err(), first(s.errors)); err != nil {
		return nil, err
	}
	s.emit()
	return s.Dataset, nil
}

func first(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// task makes a pool's task of a function.
type task func(i int)

func (t task) Part(i int) { t(i) }

func each(p *pool.Pool, n int, f func(i int)) {
	if p == nil {
		for i := range n {
			f(i)
		}
		return
	}
	p.Run(n, task(f))
}

// blockEvents is about how many events a block of users has: work for a millisecond.
const blockEvents = 1 << 12

// blocks cuts the users where enough events have come together.
func (s *sorting) blocks() []int {
	bounds := []int{0}
	at := int64(0)
	for u := range s.Users.Len() {
		if s.offsets[u+1]-at >= blockEvents {
			bounds, at = append(bounds, u+1), s.offsets[u+1]
		}
	}
	if n := s.Users.Len(); bounds[len(bounds)-1] < n {
		bounds = append(bounds, n)
	}
	return bounds
}

// scatter orders the events by user: a counting sort, which gives the builder's columns back as it goes.
func (s *sorting) scatter(b *Builder, users, items []int32) {
	s.offsets = make([]int64, s.Users.Len()+1)
	for _, chunk := range b.user.chunks {
		for i, u := range chunk {
			chunk[i] = users[u]
			s.offsets[users[u]+1]++
		}
	}
	for u := range s.Users.Len() {
		s.offsets[u+1] += s.offsets[u]
	}
	b.time.fillIfAny(b.n, NoTime)
	b.tag.fillIfAny(b.n, 0)
	s.item, s.value = make([]int32, b.n), make([]float32, b.n)
	if b.time.n > 0 {
		s.time = make([]int64, b.n)
	}
	if b.tag.n > 0 {
		s.tag = make([]uint8, b.n)
	}
	kinds := make([]uint8, len(b.kinds)+1)
	for i, k := range b.kinds {
		kinds[i+1] = uint8(slices.Index(s.Kinds, k) + 1)
	}
	s.counts = make([]int32, b.n)
	if len(s.Kinds) > 0 {
		s.events = make([]uint16, b.n)
	}
	next := slices.Clone(s.offsets[:s.Users.Len()])
	for c, chunk := range b.user.chunks {
		for i, u := range chunk {
			to := next[u]
			next[u]++
			s.item[to], s.value[to] = items[b.item.chunks[c][i]], b.value.chunks[c][i]
			if s.time != nil {
				s.time[to] = b.time.chunks[c][i]
			}
			if s.tag != nil {
				tag := b.tag.chunks[c][i]
				part := tag >> partShift
				if s.cfg.Split.Method == SplitTime {
					part = s.partAt(s.time[to])
				}
				s.tag[to] = kinds[tag&(1<<partShift-1)] | part<<partShift
			}
		}
		b.user.chunks[c], b.item.chunks[c], b.value.chunks[c] = nil, nil, nil
		if s.time != nil {
			b.time.chunks[c] = nil
		}
		if s.tag != nil {
			b.tag.chunks[c] = nil
		}
	}
}

// fillIfAny is fill for a column that has begun.
func (c *column[T]) fillIfAny(n int64, v T) {
	if c.n > 0 {
		c.fill(n, v)
	}
}

// emit makes the matrices of the pairs, which stand at the beginning of each user's events. Where there is one part, in
// place.
func (s *sorting) emit() {
	n := s.Users.Len()
	var total [parts]int64
	for u := range n {
		for part := range parts {
			total[part] += s.size[u*parts+part]
		}
	}
	s.Report.Pairs = total
	if !s.again.Load() {
		s.counts = nil
	}
	for k := range s.counts {
		s.counts[k]++
	}
	if total[partValidation]+total[partTest] == 0 && !s.splits() {
		s.Train = s.compact(total[partTrain])
		return
	}
	matrices := [parts]*Matrix{}
	for part := range parts {
		if part != partTrain && total[part] == 0 && !s.wants(part) {
			continue
		}
		m := &Matrix{Rows: n, Columns: s.Items.Len(), Offsets: make([]int64, n+1)}
		m.allocate(int(total[part]), s.counts != nil, s.time != nil, s.events != nil)
		matrices[part] = m
	}
	all := Matrix{Indices: s.item, Values: s.value, Counts: s.counts, Times: s.time, Events: s.events}
	for u := range n {
		from := s.offsets[u]
		// The pairs of a user are in order of part.
		for part, m := range matrices {
			if m == nil {
				continue
			}
			to := m.Offsets[u]
			for range s.size[u*parts+part] {
				m.set(to, &all, from)
				from, to = from+1, to+1
			}
			m.Offsets[u+1] = to
		}
	}
	s.Train, s.Validation, s.Test = matrices[partTrain], matrices[partValidation], matrices[partTest]
}

// compact moves the pairs together and gives the rest of the arrays back where that is worth a copy.
func (s *sorting) compact(total int64) *Matrix {
	m := &Matrix{Rows: s.Users.Len(), Columns: s.Items.Len(), Indices: s.item, Values: s.value, Counts: s.counts, Times: s.time, Events: s.events,
		Offsets: make([]int64, s.Users.Len()+1)}
	to := int64(0)
	for u := range m.Rows {
		for k := range s.pairs[u] {
			m.set(to, m, s.offsets[u]+k)
			to++
		}
		m.Offsets[u+1] = to
	}
	m.Indices, m.Values = fit(m.Indices, total), fit(m.Values, total)
	m.Counts, m.Times, m.Events = fit(m.Counts, total), fit(m.Times, total), fit(m.Events, total)
	return m
}

// fit shortens an array to n values.
func fit[T any](values []T, n int64) []T {
	if values == nil {
		return nil
	}
	if n < int64(len(values))*7/8 {
		return slices.Clone(values[:n:n])
	}
	return values[:n]
}

// finite32 turns a sum into a value, or reports that it is too large.
func finite32(v float64) (float32, bool) { return float32(v), v <= maxWeight }
