package interactions

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"

	"debut/datasets/configfile"
	"debut/kernels/philox"
)

// draw decides by the ids which pairs go to which part: what it says does not depend on the order of anything.
type draw struct {
	method           string
	key              [2]uint32
	users, items     []uint64 // hashes of ids
	validation, test float64  // shares
	left             [parts]int
	mask             uint16 // only pairs with one of these kinds are left out
}

func newDraw(s *sorting) draw {
	c := &s.cfg.Split
	d := draw{method: c.Method, mask: math.MaxUint16}
	if !d.pairs() {
		return d
	}
	d.key = philox.Key(s.seed, philox.StreamOf("interactions.split"))
	d.users, d.items = hashes(s.Users), hashes(s.Items)
	if c.Validation != nil {
		d.validation = *c.Validation
	}
	if c.Test != nil {
		d.test = *c.Test
	}
	if c.ValidationLeft != nil {
		d.left[partValidation] = *c.ValidationLeft
	}
	if c.TestLeft != nil {
		d.left[partTest] = *c.TestLeft
	}
	if c.Event != "" {
		d.mask = 1 << slices.Index(s.Kinds, c.Event)
	}
	return d
}

func hashes(v *Vocabulary) []uint64 {
	out := make([]uint64, v.Len())
	h := fnv.New64a()
	for i := range out {
		h.Reset()
		_, _ = io.WriteString(h, v.ID(i)) // hash.Hash documents that Write never fails
		out[i] = h.Sum64()
	}
	return out
}

// pairs reports a method that draws pairs, rather than events.
func (d *draw) pairs() bool {
	return d.method == SplitRandom || d.method == SplitLeaveLastOut || d.method == SplitLeaveRandomOut
}

// number is the random number of a pair.
func (d *draw) number(user, item uint64) uint64 {
	b := philox.Block(d.key, [4]uint32{uint32(user), uint32(user >> 32), uint32(item), uint32(item >> 32)})
	return uint64(b[1])<<32 | uint64(b[0])
}

// split gives the pairs of a user their parts and puts them in order of part and item.
func (w *sorter) split(s *sorting, u int, pairs []record) {
	d := &s.draw
	if d.method == SplitRandom {
		for k := range pairs {
			x := float64(d.number(d.users[u], d.items[pairs[k].item])>>11) * 0x1p-53
			switch {
			case x < d.test:
				pairs[k].part = partTest
			case x < d.test+d.validation:
				pairs[k].part = partValidation
			}
		}
	} else {
		w.leave(d, u, pairs)
	}
	slices.SortFunc(pairs, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.item, b.item))
	})
}

// leave takes pairs out, first for testing, and leaves at least one for training.
func (w *sorter) leave(d *draw, u int, pairs []record) {
	w.order, w.keys = w.order[:0], w.keys[:0]
	for k := range pairs {
		w.keys = append(w.keys, d.number(d.users[u], d.items[pairs[k].item]))
		if d.mask == math.MaxUint16 || pairs[k].kinds&d.mask != 0 {
			w.order = append(w.order, int32(k))
		}
	}
	slices.SortFunc(w.order, func(a, b int32) int {
		if d.method == SplitLeaveLastOut {
			if c := cmp.Compare(pairs[b].time, pairs[a].time); c != 0 {
				return c
			}
		}
		// The hash may be the same for two; then the order of ids decides.
		return cmp.Or(cmp.Compare(w.keys[a], w.keys[b]), cmp.Compare(pairs[a].item, pairs[b].item))
	})
	spare := len(pairs) - 1
	for _, part := range []int{partTest, partValidation} {
		n := min(d.left[part], len(w.order), spare)
		for _, k := range w.order[:n] {
			pairs[k].part = uint8(part)
		}
		w.order, spare = w.order[n:], spare-n
	}
}

// splits reports whether there is to be more than one part.
func (s *sorting) splits() bool { return s.wants(partValidation) || s.wants(partTest) }

// wants reports whether a part is asked for, even where it turns out empty.
func (s *sorting) wants(part int) bool {
	c := &s.cfg.Split
	share, from, left, sources := c.Test, c.TestFrom, c.TestLeft, s.cfg.Test
	if part == partValidation {
		share, from, left, sources = c.Validation, c.ValidationFrom, c.ValidationLeft, s.cfg.Validation
	}
	switch c.Method {
	case SplitRandom:
		return *share > 0
	case SplitTime:
		return from != "" || *share > 0
	case SplitLeaveLastOut, SplitLeaveRandomOut:
		return *left > 0
	case SplitGiven:
		return len(sources) > 0
	}
	return false
}

// partAt is the part of an event by its time.
func (s *sorting) partAt(time int64) uint8 {
	switch {
	case time >= s.cut[partTest]:
		return partTest
	case time >= s.cut[partValidation]:
		return partValidation
	}
	return partTrain
}

// cuts finds the times at which validation and test begin, such that the latest events are at least the share asked
// for: those of one moment stay together.
func (s *sorting) cuts(b *Builder) error {
	c := &s.cfg.Split
	if c.Method != SplitTime {
		return nil
	}
	b.tag.fill(b.n, 0) // parts are tags
	after := 0.0
	for _, p := range []struct {
		part  int
		key   string
		share *float64
		from  string
	}{{partTest, "test", c.Test, c.TestFrom}, {partValidation, "validation", c.Validation, c.ValidationFrom}} {
		s.cut[p.part] = math.MaxInt64
		if p.part == partValidation {
			s.cut[p.part] = s.cut[partTest]
		}
		if p.from != "" {
			at, date, _ := parseTime(p.from)
			if date != s.Dates {
				kind := map[bool]string{true: "dates", false: "integers"}
				return configfile.Errorf("split."+p.key+"_from", "%q is of another kind than the times of the data, which are %s", p.from, kind[s.Dates])
			}
			s.cut[p.part] = at
			continue
		}
		if *p.share == 0 {
			continue
		}
		after += *p.share
		if p.part == partValidation && c.TestFrom != "" {
			// The share is of all events; those of the test part come after it.
			after += float64(b.countFrom(s.cut[partTest])) / float64(b.n)
		}
		k := b.n - int64(math.Round(min(after, 1)*float64(b.n)))
		s.cut[p.part] = b.kth(min(k, b.n-1))
	}
	if s.cut[partValidation] > s.cut[partTest] {
		return configfile.Errorf("split.validation_from", "validation begins after testing does")
	}
	if first := b.kth(0); min(s.cut[partValidation], s.cut[partTest]) <= first {
		return fmt.Errorf("split by time: all events are from %d on, where validation or testing begins, so that none is left for training; begin later, or take smaller shares", first)
	}
	return nil
}

func (b *Builder) countFrom(time int64) (n int64) {
	for _, chunk := range b.time.chunks {
		for _, t := range chunk {
			if t >= time {
				n++
			}
		}
	}
	return n
}

// kth returns the k-th smallest time, from 0: digit by digit, as a radix sort would find it, without a copy of the times.
func (b *Builder) kth(k int64) int64 {
	const digit = 16
	prefix, known := uint64(0), uint64(0)
	for shift := 64 - digit; shift >= 0; shift -= digit {
		var counts [1 << digit]int64
		for _, chunk := range b.time.chunks {
			for _, t := range chunk {
				x := uint64(t) ^ 1<<63 // order of unsigned numbers
				if x&known == prefix {
					counts[x>>shift&(1<<digit-1)]++
				}
			}
		}
		d := 0
		for ; k >= counts[d]; d++ {
			k -= counts[d]
		}
		prefix |= uint64(d) << shift
		known |= (1<<digit - 1) << shift
	}
	return int64(prefix ^ 1<<63)
}
