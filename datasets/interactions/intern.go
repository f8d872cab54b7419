package interactions

import (
	"bytes"
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"unsafe"
)

// interner numbers ids in the order they come: a hash table of arrays, so that an id takes its text and 16 to 24 bytes.
type interner struct {
	seed    maphash.Seed
	text    []byte
	offsets []int64
	hashes  []uint32
	slots   []int32 // number + 1; a power of two of them, at most two thirds taken
}

func newInterner() *interner {
	return &interner{seed: maphash.MakeSeed(), offsets: []int64{0}, slots: make([]int32, 1024)}
}

var errTooMany = errors.New("there can be at most 2147483647 users and as many items")

func (t *interner) len() int { return len(t.hashes) }

func (t *interner) at(i int32) []byte { return t.text[t.offsets[i]:t.offsets[i+1]] }

// number returns the number of an id, a new one where it was not seen before.
func (t *interner) number(id []byte) (int32, error) {
	h := uint32(maphash.Bytes(t.seed, id))
	mask := uint32(len(t.slots) - 1)
	i := h & mask
	for ; t.slots[i] != 0; i = (i + 1) & mask {
		if k := t.slots[i] - 1; t.hashes[k] == h && bytes.Equal(t.at(k), id) {
			return k, nil
		}
	}
	n := t.len()
	if n == math.MaxInt32 {
		return 0, errTooMany
	}
	t.text = append(t.text, id...)
	t.offsets = append(t.offsets, int64(len(t.text)))
	t.hashes = append(t.hashes, h)
	t.slots[i] = int32(n) + 1
	if 3*(n+1) > 2*len(t.slots) {
		t.grow()
	}
	return int32(n), nil
}

func (t *interner) grow() {
	t.slots = make([]int32, 2*len(t.slots))
	mask := uint32(len(t.slots) - 1)
	for k, h := range t.hashes {
		i := h & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = int32(k) + 1
	}
}

// sorted returns the vocabulary, and the place in it of each id by its number here. The interner is spent.
func (t *interner) sorted() (*Vocabulary, []int32) {
	t.slots, t.hashes = nil, t.hashes[:0:0]
	order := make([]int32, len(t.offsets)-1)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(t.at(a), t.at(b)) })
	text := make([]byte, 0, len(t.text))
	v := &Vocabulary{offsets: make([]int64, len(order)+1)}
	place := make([]int32, len(order))
	for i, k := range order {
		text = append(text, t.at(k)...)
		v.offsets[i+1] = int64(len(text))
		place[k] = int32(i)
	}
	v.text = unsafe.String(unsafe.SliceData(text), len(text)) // nothing else holds the bytes
	t.text, t.offsets = nil, nil
	return v, place
}
