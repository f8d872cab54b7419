package ranking

import (
	"cmp"
	"hash/fnv"
	"io"
	"slices"
)

// TieRule says how items of equal score are ordered, for the protocol of an evaluation.
const TieRule = "hash of the item's id (FNV-1a 64, mixed by SplitMix64's finalizer), then the id"

// Ties is a total order of items that decides between equal scores: by a hash of the id, then by the id.
type Ties struct {
	order []int32 // items
	place []int32 // of each item in the order
}

// NewTies makes the order of n items of the given ids, which must differ.
func NewTies(n int, id func(i int) string) *Ties {
	keys := make([]uint64, n)
	h := fnv.New64a()
	for i := range keys {
		h.Reset()
		_, _ = io.WriteString(h, id(i)) // hash.Hash documents that Write never fails
		z := h.Sum64()
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		keys[i] = z ^ z>>31
	}
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if c := cmp.Compare(keys[a], keys[b]); c != 0 {
			return c
		}
		return cmp.Compare(id(int(a)), id(int(b)))
	})
	t := &Ties{order: order, place: make([]int32, n)}
	for k, i := range order {
		t.place[i] = int32(k)
	}
	return t
}

// Len returns the number of items.
func (t *Ties) Len() int { return len(t.place) }

// Before reports whether item a comes before item b where their scores are equal.
func (t *Ties) Before(a, b int32) bool { return t.place[a] < t.place[b] }

// Place returns the place of an item in the order, from 0.
func (t *Ties) Place(item int32) int32 { return t.place[item] }

// At returns the item at a place of the order.
func (t *Ties) At(place int32) int32 { return t.order[place] }
