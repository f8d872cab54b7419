package factorization

import (
	"cmp"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// What decides on the number of blocks that users and items are cut into. More of them serve more threads, and the rows of their items
// stay near; fewer have more samples each for every row.
const (
	samplesInBlock = 4096 // on average, at least
	usualBlocks    = 16
	mostBlocks     = 64
	nearBytes      = 256 << 10 // of a block's items, where there are more than usualBlocks
	mostWeight     = 4         // of a block, see negatives
	// Users are dealt in runs of neighbors: their rows lie together in memory, where a processor foresees them. A block has some such
	// runs at least.
	usersInRun  = 16
	runsInBlock = 8
)

// Steps of one user wait for each other, so that a processor would have nothing to do in between. Of each turn of lanes·lanes samples in
// the order of users, those that follow each other are therefore put lanes apart.
const (
	laneBits = 3
	lanes    = 1 << laneBits
	turn     = lanes * lanes
)

// schedule puts the entries of a matrix into an order in which many can be taken at a time, whatever the number of threads: that of
// Zhuang, Chin, Juan and Lin, "A Fast Parallel SGD for Matrix Factorization in Shared Memory Systems", RecSys 2013, with rounds in
// place of a scheduler, as Gemulla, Nijkamp, Haas and Sismanis, KDD 2011, have them.
//
// Users and items are cut into as many blocks each. An epoch is as many rounds, in each of which every block of users meets another block
// of items: what they have in common are the samples of a block, and no two blocks of a round have a user or an item in common. Who
// meets whom when is drawn anew for each epoch, and where there are negatives also which items make a block; an order is a function of
// the seed and the epoch's number alone. Within a block, samples go by user, or nearly, so that a user's row stays near.
type schedule struct {
	m      *interactions.Matrix
	pool   *pool.Pool
	seed   uint64
	blocks int // of users, and of items

	users     []int32 // by block, ascending within
	userStart []int32 // of a block in users
	base      []int32 // the first sample of a block of users

	items     []int32 // by block
	itemStart []int32
	itemBlock []uint8 // of an item
	meets     []int32 // in round r, block i of users meets block (i + meets[r]) mod blocks of items
	starts    []int32 // of user block i and item block j, the first sample: starts[i·(blocks+1)+j]

	width     int        // ids of a sample
	samples   []int32    // user, item and, where there are negatives, another item
	values    []float32  // of samples; nil where they do not matter
	negatives *negatives // nil: there are none
	workers   []filler   // one for each thread
	round     []meeting  // of the round asked for last
	epoch     uint32     // that items were drawn in
	arranged  bool
	draw      philox.Stream
}

// meeting is a block of samples.
type meeting struct{ users, items, from, to int32 }

// filler is the memory that filling a block of users takes.
type filler struct {
	cursors []cursor // of each block of items
	known   []uint64 // a bit for each item that the user at hand has
	words   []uint32 // random ones
}

// cursor is where samples of a block go.
type cursor struct {
	first int32 // of the block
	n     int32 // put there
	whole int32 // samples in whole turns
	// Where the block's items are, and how many.
	lo, count int32
}

// The streams of random numbers.
var (
	streamUsers     = philox.StreamOf("factorization/users")
	streamItems     = philox.StreamOf("factorization/items")
	streamRounds    = philox.StreamOf("factorization/rounds")
	streamNegatives = philox.StreamOf("factorization/negatives")
)

// blocksFor returns into how many blocks users and items are cut. It depends on the data alone. Rows of factors are of rowBytes, a block
// has so many items at least, and share is the largest part of all negatives that one item may have.
func blocksFor(m *interactions.Matrix, rowBytes, itemsInBlock int, share float64) int {
	blocks := min(max(m.Columns*rowBytes/nearBytes, usualBlocks), mostBlocks)
	blocks = min(blocks, int(math.Sqrt(float64(m.Len())/samplesInBlock)), m.Rows, m.Columns/itemsInBlock)
	if share*float64(blocks) > mostWeight {
		blocks = int(mostWeight / share)
	}
	return max(blocks, 1)
}

// newSchedule returns the schedule of a matrix whose entries are at most MaxInt32. Samples have the ids of width, and values if asked for.
func newSchedule(m *interactions.Matrix, p *pool.Pool, seed uint64, blocks int, samples []int32, values []float32, n *negatives) *schedule {
	s := &schedule{
		m: m, pool: p, seed: seed, blocks: blocks,
		users: dealUsers(m.Rows, blocks, philox.New(seed, streamUsers)), userStart: cut(m.Rows, blocks), base: make([]int32, blocks+1),
		items: make([]int32, m.Columns), itemStart: cut(m.Columns, blocks), itemBlock: make([]uint8, m.Columns),
		meets: make([]int32, blocks), starts: make([]int32, blocks*(blocks+1)),
		width: 2, samples: samples, values: values, negatives: n,
		workers: make([]filler, p.Threads()), round: make([]meeting, blocks),
	}
	if n != nil {
		s.width = 3
	}
	for b := range blocks {
		list := s.users[s.userStart[b]:s.userStart[b+1]]
		slices.Sort(list)
		s.base[b+1] = s.base[b]
		for _, u := range list {
			s.base[b+1] += int32(m.Offsets[u+1] - m.Offsets[u])
		}
	}
	for w := range s.workers {
		s.workers[w] = filler{cursors: make([]cursor, blocks), known: make([]uint64, (m.Columns+63)/64), words: make([]uint32, 4*wordBlocks)}
	}
	return s
}

// dealUsers returns users by block.
func dealUsers(users, blocks int, draw *philox.Stream) []int32 {
	run := min(max(users/(blocks*runsInBlock), 1), usersInRun)
	list := make([]int32, 0, users)
	for _, r := range draw.Perm((users + run - 1) / run) {
		for u := int(r) * run; u < min((int(r)+1)*run, users); u++ {
			list = append(list, int32(u))
		}
	}
	return list
}

// cut returns where as equal parts of n things begin, and n.
func cut(n, parts int) []int32 {
	starts := make([]int32, parts+1)
	for i := range starts {
		starts[i] = int32(int64(n) * int64(i) / int64(parts))
	}
	return starts
}

// begin makes the order of an epoch.
func (s *schedule) begin(epoch int) {
	s.draw.Reset(s.seed, streamRounds+uint64(epoch))
	s.draw.PermInto(s.meets)
	if s.negatives == nil {
		if s.arranged {
			return
		}
		epoch = 0
	}
	s.epoch, s.arranged = uint32(epoch), true
	s.draw.Reset(s.seed, streamItems+uint64(epoch))
	s.draw.PermInto(s.items)
	for b := range s.blocks {
		for _, i := range s.items[s.itemStart[b]:s.itemStart[b+1]] {
			s.itemBlock[i] = uint8(b)
		}
	}
	if s.negatives != nil {
		s.negatives.begin(s)
	}
	s.pool.Run(len(s.workers), s)
}

// Part fills every so manieth block of users.
func (s *schedule) Part(worker int) {
	for b := worker; b < s.blocks; b += len(s.workers) {
		s.fill(b, &s.workers[worker])
	}
}

// fill puts the samples of a block of users in order.
func (s *schedule) fill(block int, f *filler) {
	clear(f.cursors)
	list := s.users[s.userStart[block]:s.userStart[block+1]]
	for _, u := range list {
		for _, i := range s.m.Indices[s.m.Offsets[u]:s.m.Offsets[u+1]] {
			f.cursors[s.itemBlock[i]].n++
		}
	}
	at, starts := s.base[block], s.starts[block*(s.blocks+1):]
	for j, c := range f.cursors {
		starts[j] = at
		f.cursors[j] = cursor{first: at, whole: c.n / turn * turn}
		at += c.n
	}
	starts[s.blocks] = at
	if s.negatives != nil {
		s.negatives.fill(s, block, list, f)
		return
	}
	for _, u := range list {
		for k := s.m.Offsets[u]; k < s.m.Offsets[u+1]; k++ {
			i := s.m.Indices[k]
			to := f.cursors[s.itemBlock[i]].next()
			s.samples[2*to], s.samples[2*to+1] = u, i
			s.values[to] = s.m.Values[k]
		}
	}
}

// next returns the place of the next sample of a block.
func (c *cursor) next() int32 {
	n := c.n
	c.n++
	if n < c.whole { // rows and columns of a turn change places
		n = n&^(turn-1) | n&(lanes-1)<<laneBits | n>>laneBits&(lanes-1)
	}
	return c.first + n
}

// meetings returns the blocks of a round, the largest first, so that threads end together.
func (s *schedule) meetings(round int) []meeting {
	for i := range s.round {
		j := (i + int(s.meets[round])) % s.blocks
		starts := s.starts[i*(s.blocks+1)+j:]
		s.round[i] = meeting{int32(i), int32(j), starts[0], starts[1]}
	}
	slices.SortFunc(s.round, func(a, b meeting) int {
		return cmp.Or(cmp.Compare(b.to-b.from, a.to-a.from), cmp.Compare(a.users, b.users))
	})
	return s.round
}
