package interactions

import (
	"cmp"
	"fmt"
	"slices"
)

// record is an event of one user, or a pair of him and an item.
type record struct {
	time  int64
	item  int32
	value float32
	count int32
	kinds uint16
	kind  uint8 // number + 1
	part  uint8
}

// sorter makes pairs of a user's events, for one goroutine.
type sorter struct {
	records []record
	order   []int32
	keys    []uint64
}

// user sorts the events of a user, makes pairs of them, splits these, and puts them back in order of part and item.
func (w *sorter) user(s *sorting, u int) error {
	from, to := s.offsets[u], s.offsets[u+1]
	w.records = w.records[:0]
	for k := from; k < to; k++ {
		r := record{item: s.item[k], value: s.value[k], time: NoTime, count: 1}
		if s.time != nil {
			r.time = s.time[k]
		}
		if s.tag != nil {
			r.part, r.kind = s.tag[k]>>partShift, s.tag[k]&(1<<partShift-1)
		}
		w.records = append(w.records, r)
	}
	// A total order: events that are equal in it are the same.
	slices.SortFunc(w.records, func(a, b record) int {
		switch {
		case a.part != b.part:
			return cmp.Compare(a.part, b.part)
		case a.item != b.item:
			return cmp.Compare(a.item, b.item)
		case a.time != b.time:
			return cmp.Compare(a.time, b.time)
		case a.kind != b.kind:
			return cmp.Compare(a.kind, b.kind)
		}
		return cmp.Compare(a.value, b.value)
	})
	pairs := w.records[:0]
	for i := 0; i < len(w.records); {
		j := i + 1
		for j < len(w.records) && w.records[j].item == w.records[i].item && w.records[j].part == w.records[i].part {
			j++
		}
		pair, ok := join(w.records[i:j], s.cfg.Aggregate)
		if !ok {
			return fmt.Errorf("interactions: the values of user %q and item %q add up to more than 1e12; give smaller weights", s.Users.ID(u), s.Items.ID(int(pair.item)))
		}
		pairs = append(pairs, pair) // never ahead of i
		i = j
	}
	if s.draw.pairs() {
		w.split(s, u, pairs)
	}
	s.pairs[u] = int64(len(pairs))
	for k, p := range pairs {
		at := from + int64(k)
		s.item[at], s.value[at] = p.item, p.value
		s.size[u*parts+int(p.part)]++
		if p.count > 1 {
			s.counts[at] = p.count - 1
			s.again.Store(true)
		}
		if s.time != nil {
			s.time[at] = p.time
		}
		if s.events != nil {
			s.events[at] = p.kinds
		}
	}
	return nil
}

// join makes a pair of the events of a user and an item, which are sorted by time, kind and value.
func join(events []record, aggregate string) (record, bool) {
	pair := events[len(events)-1] // the latest
	pair.count, pair.kinds = int32(len(events)), 0
	sum, top := 0.0, events[0].value
	var most [maxEvents + 1]float32
	for _, e := range events {
		if e.kind > 0 {
			pair.kinds |= 1 << (e.kind - 1)
		}
		sum += float64(e.value)
		top = max(top, e.value)
		most[e.kind] = max(most[e.kind], e.value)
	}
	switch aggregate {
	case AggregateMax:
		pair.value = top
	case AggregateMean:
		pair.value = float32(sum / float64(len(events)))
	case AggregateCount:
		pair.value = float32(len(events))
	case AggregateOnce, AggregateSum:
		if aggregate == AggregateOnce {
			sum = 0
			for _, v := range most {
				sum += float64(v)
			}
		}
		var ok bool
		if pair.value, ok = finite32(sum); !ok {
			return pair, false
		}
	}
	return pair, true
}
