package factorization

import (
	"math"

	"debut/kernels/philox"
)

// draws is how often an item is drawn in place of one that the user has, where all items are drawn alike. Users who have nearly all
// items of a block lose samples.
const draws = 16

// wordBlocks is how many blocks of random words are made at a time.
const wordBlocks = 64

// negatives draws an item that a user has not for each that he has.
//
// It comes from the block of items at hand. As blocks are drawn anew for each epoch, an item and another are in one block as often as
// any two, so that over epochs all items that a user has not are drawn alike.
//
// Where popular items are to be drawn more often, by a weight w each, blocks differ: the block of a very popular item is one where
// that item is drawn most of the time. Steps of a block b are then weighted by Σ_b w / (Σ w / blocks), which makes the expected weight
// of an item the one asked for. An item that the user has is not replaced by another draw there, for that would favor the items beside
// it.
type negatives struct {
	weight []float64 // of items; nil: all alike
	total  float64
	// Tables of the alias method (Walker, 1977, as set up by Vose, 1991), each block its own: at a place, the item of the place is
	// drawn where a random fraction of 2³² is below keep, otherwise that at another place of the block.
	keep    []uint32
	other   []int32
	blocks  []float32 // the weight of steps of a block
	scaled  []float64 // memory of set-up
	pending []int32
	key     [2]uint32
}

// newNegatives prepares draws with a weight of popularity^power for each item.
func newNegatives(popularity []int32, power float64, seed uint64) *negatives {
	n := &negatives{key: philox.Key(seed, streamNegatives)}
	if power == 0 {
		return n
	}
	items := len(popularity)
	n.weight, n.keep, n.other = make([]float64, items), make([]uint32, items), make([]int32, items)
	n.scaled, n.pending = make([]float64, items), make([]int32, items)
	for i, c := range popularity {
		n.weight[i] = math.Pow(float64(c), power)
		n.total += n.weight[i]
	}
	return n
}

// share returns the largest part of all draws that one item has.
func (n *negatives) share(items int) float64 {
	if n.weight == nil {
		return 1 / float64(items)
	}
	most := 0.0
	for _, w := range n.weight {
		most = max(most, w)
	}
	return most / n.total
}

// begin sets up an epoch.
func (n *negatives) begin(s *schedule) {
	if n.weight == nil {
		return
	}
	if n.blocks == nil {
		n.blocks = make([]float32, s.blocks)
	}
	for b := range s.blocks {
		lo, hi := s.itemStart[b], s.itemStart[b+1]
		sum := 0.0
		for _, i := range s.items[lo:hi] {
			sum += n.weight[i]
		}
		// Two items are in one block less often than one of so many times.
		n.blocks[b] = float32(sum / n.total * float64(s.blocks) * float64(len(s.items)-1) / float64(max(len(s.items)-s.blocks, 1)))
		n.alias(s.items[lo:hi], sum, lo, hi)
	}
}

// alias sets up the table of a block, whose items' weights have a sum.
func (n *negatives) alias(items []int32, sum float64, lo, hi int32) {
	keep, other, scaled, pending := n.keep[lo:hi], n.other[lo:hi], n.scaled[lo:hi], n.pending[lo:hi]
	if sum == 0 { // nothing is drawn, as steps weigh nothing
		clear(keep)
		clear(other)
		return
	}
	// Places of less than average weight are at the beginning of pending, the others at its end.
	small, large := 0, len(pending)
	for c, i := range items {
		scaled[c] = n.weight[i] / sum * float64(len(items))
		if scaled[c] < 1 {
			pending[small] = int32(c)
			small++
		} else {
			large--
			pending[large] = int32(c)
		}
	}
	for small > 0 && large < len(pending) {
		small--
		c, full := pending[small], pending[large]
		keep[c], other[c] = fraction(scaled[c]), full
		if scaled[full] -= 1 - scaled[c]; scaled[full] < 1 {
			large++
			pending[small] = full
			small++
		}
	}
	for _, left := range [][]int32{pending[:small], pending[large:]} {
		for _, c := range left {
			keep[c], other[c] = math.MaxUint32, c
		}
	}
}

// fraction returns a part of 2³².
func fraction(p float64) uint32 { return uint32(min(p*(1<<32), math.MaxUint32)) }

// draw returns the item that a random word stands for, of count items from lo on. Its upper digits choose a place, those below between the
// place's two items; what this is wrong by is below count over 2³².
func (n *negatives) draw(s *schedule, lo, count int32, word uint32) int32 {
	product := uint64(word) * uint64(count)
	place := lo + int32(product>>32)
	if n.weight != nil && uint32(product) >= n.keep[place] {
		place = lo + n.other[place]
	}
	return s.items[place]
}

// fill puts the samples of a block of users in order, each with an item that the user has not. Random words belong to the place of an
// entry among those of the block of users.
func (n *negatives) fill(s *schedule, block int, users []int32, f *filler) {
	tries := uint32(draws)
	if n.weight != nil {
		tries = 1
	}
	for j := range f.cursors {
		f.cursors[j].lo, f.cursors[j].count = s.itemStart[j], s.itemStart[j+1]-s.itemStart[j]
	}
	at := uint32(0)
	for _, u := range users {
		row := s.m.Indices[s.m.Offsets[u]:s.m.Offsets[u+1]]
		for _, i := range row {
			f.known[i/64] |= 1 << (i % 64)
		}
		for _, i := range row {
			if at%(4*wordBlocks) == 0 {
				for w := range uint32(wordBlocks) {
					words := philox.Block(n.key, [4]uint32{at/4 + w, s.epoch, uint32(block), 0})
					copy(f.words[4*w:], words[:])
				}
			}
			c := &f.cursors[s.itemBlock[i]]
			j := n.draw(s, c.lo, c.count, f.words[at%(4*wordBlocks)])
			for try := uint32(1); f.known[j/64]&(1<<(j%64)) != 0; try++ {
				if try == tries {
					j = -1 // a sample that has no effect
					break
				}
				more := philox.Block(n.key, [4]uint32{at, s.epoch, uint32(block), try})
				j = n.draw(s, c.lo, c.count, more[0])
			}
			to := 3 * c.next()
			s.samples[to], s.samples[to+1], s.samples[to+2] = u, i, j
			at++
		}
		for _, i := range row {
			f.known[i/64] = 0
		}
	}
}
