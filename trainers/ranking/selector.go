package ranking

import (
	"cmp"
	"math"
	"slices"

	"debut/kernels/cpu"
)

// Selector keeps the best k of the items it is shown: those of the highest scores, ties in the order of Ties. It is a
// bounded heap with the worst item on top, so that nearly all items cost one comparison.
type Selector struct {
	k     int
	ties  *Ties
	heap  []Scored
	floor float32 // the score to reach: −∞ until there are k items
}

// Scored is an item with its score.
type Scored struct {
	Item  int32
	Score float32
}

// NewSelector returns an empty selector of k items.
func NewSelector(k int, ties *Ties) *Selector {
	return &Selector{k: k, ties: ties, heap: make([]Scored, 0, k), floor: float32(math.Inf(-1))}
}

// Reset forgets all items.
func (s *Selector) Reset() { s.heap, s.floor = s.heap[:0], float32(math.Inf(-1)) }

// Add shows an item. A score of −∞ leaves it out, as does NaN.
func (s *Selector) Add(item int32, score float32) {
	if score >= s.floor {
		s.offer(Scored{item, score})
	}
}

// AddAll shows the items 0 … len(scores)−1. It returns the first item whose score is NaN, −1 where none is.
func (s *Selector) AddAll(scores []float32) int32 { return s.addAll(0, scores) }

// addAll shows the items from first on.
func (s *Selector) addAll(first int, scores []float32) int32 {
	for i := 0; ; i++ {
		// Once the list is full, nearly all items are below its floor.
		i += cpu.Reaches(scores[i:], s.floor)
		if i >= len(scores) {
			return -1
		}
		v := scores[i]
		if v != v {
			return int32(first + i)
		}
		s.offer(Scored{int32(first + i), v})
	}
}

// worse is the order of the heap.
func (s *Selector) worse(a, b Scored) bool {
	return a.Score < b.Score || a.Score == b.Score && s.ties.Before(b.Item, a.Item)
}

func (s *Selector) offer(x Scored) {
	if math.IsInf(float64(x.Score), -1) || s.k <= 0 {
		return
	}
	h := s.heap
	if len(h) < s.k {
		h = append(h, x)
		i := len(h) - 1
		for i > 0 {
			parent := (i - 1) / 2
			if !s.worse(h[i], h[parent]) {
				break
			}
			h[i], h[parent] = h[parent], h[i]
			i = parent
		}
		s.heap = h
	} else if s.worse(h[0], x) {
		h[0] = x
		for i := 0; ; {
			c := 2*i + 1
			if c >= len(h) {
				break
			}
			if c+1 < len(h) && s.worse(h[c+1], h[c]) {
				c++
			}
			if !s.worse(h[c], h[i]) {
				break
			}
			h[i], h[c] = h[c], h[i]
			i = c
		}
	}
	if len(s.heap) == s.k {
		s.floor = s.heap[0].Score
	}
}

// Best returns the items kept, the best first. The slice is valid until the next call of a method, before which Reset
// must be called.
func (s *Selector) Best() []Scored {
	slices.SortFunc(s.heap, func(a, b Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(s.ties.place[a.Item], s.ties.place[b.Item]))
	})
	return s.heap
}
