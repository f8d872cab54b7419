package factorization

import (
	"sort"

	"debut/datasets/interactions"
	"debut/engine"
	"debut/kernels/philox"
	"debut/layers"
	"debut/trainers/loop"
)

// simplexBatch draws what a batch of pairs is trained with: negatives, and items of histories. What is drawn follows from the seed, the
// epoch and the place in it.
type simplexBatch struct {
	train     *interactions.Matrix
	weights   []float32 // of pairs
	mean      float64   // of weights
	gate      float32
	history   int
	items     uint64
	margin    float32
	negatives [2]uint32 // keys
	histories [2]uint32
	user      []int32 // [batch]
	positive  []int32 // [batch]
	gates     []float32
	past      []int32   // [batch, history]
	shares    []float32 // [batch, history]
	drawn     []int32   // negatives
	threshold []float32 // [batch, negatives]
	raised    []int     // places of threshold that are not minus the margin
	first     []int32   // by item, the first of its places among those drawn, 0: none, place+1
	next      []int32   // by place, the next of the same item, likewise
	target    []float32
	weight    []float32
	scale     [1]float32
}

// What is drawn is kept apart from other random numbers of a seed.
var (
	streamSimplexNegatives = philox.StreamOf("trainers/factorization: negatives of simplex")
	streamSimplexHistories = philox.StreamOf("trainers/factorization: histories of simplex")
)

// excluded is what a threshold is raised by where a negative does not count: more than any cosine, whatever the margin.
const excluded = 4

func newSimplexBatch(train *interactions.Matrix, weights []float32, c *ModelConfig, seed uint64, batch int) *simplexBatch {
	b := &simplexBatch{
		train: train, weights: weights, gate: float32(*c.Gate), history: c.History, items: uint64(train.Columns), margin: float32(*c.Margin),
		negatives: philox.Key(seed, streamSimplexNegatives), histories: philox.Key(seed, streamSimplexHistories),
		user: make([]int32, batch), positive: make([]int32, batch), gates: make([]float32, batch),
		past: make([]int32, batch*c.History), shares: make([]float32, batch*c.History),
		drawn: make([]int32, c.Negatives), threshold: make([]float32, batch*c.Negatives),
		first: make([]int32, train.Columns), next: make([]int32, c.Negatives),
		target: make([]float32, batch), weight: make([]float32, batch),
	}
	for _, w := range weights {
		b.mean += float64(w) / float64(len(weights))
	}
	if b.mean == 0 {
		b.mean = 1
	}
	for i := range b.threshold {
		b.threshold[i] = -b.margin
	}
	for i := range b.target {
		b.target[i], b.gates[i] = simplexTarget, b.gate
	}
	return b
}

// feed draws for a batch of pairs and hands all to a program.
func (b *simplexBatch) feed(p *engine.Program, ev loop.Event) error {
	b.draw(ev)
	n := ev.N
	b.scale[0] = 1 / float32(ev.StepRows)
	for _, x := range []struct {
		name string
		ids  []int32
	}{{inputUser, b.user[:n]}, {inputPositive, b.positive[:n]}, {inputHistory, b.past[:n*b.history]}, {inputNegatives, b.drawn}} {
		if err := p.FeedIDs(x.name, x.ids); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		name   string
		values []float32
	}{
		{inputGate, b.gates[:n]}, {inputShares, b.shares[:n*b.history]}, {inputThreshold, b.threshold[:n*len(b.drawn)]},
		{layers.InputTarget, b.target[:n]}, {layers.InputWeight, b.weight[:n]}, {layers.InputScale, b.scale[:]},
	} {
		if err := engine.Feed(p, x.name, x.values); err != nil {
			return err
		}
	}
	return nil
}

// draw fills the inputs.
func (b *simplexBatch) draw(ev loop.Event) {
	for _, i := range b.drawn {
		b.first[i] = 0
	}
	for _, at := range b.raised {
		b.threshold[at] = -b.margin
	}
	b.raised = b.raised[:0]
	var words [4]uint32
	for k := range b.drawn {
		if k%4 == 0 {
			words = philox.Block(b.negatives, [4]uint32{uint32(k / 4), uint32(ev.From), uint32(ev.Epoch), 0})
		}
		i := int32(uint64(words[k%4]) * b.items >> 32)
		b.drawn[k], b.next[k] = i, b.first[i]
		b.first[i] = int32(k + 1)
	}
	for r := range ev.N {
		pair := int64(ev.Rows[r])
		u := sort.Search(b.train.Rows, func(u int) bool { return b.train.Offsets[u+1] > pair })
		b.user[r], b.positive[r] = int32(u), b.train.Indices[pair]
		b.weight[r] = float32(simplexWeight * float64(b.weights[pair]) / b.mean)
		from, to := b.train.Offsets[u], b.train.Offsets[u+1]
		for _, i := range b.train.Indices[from:to] {
			for k := b.first[i]; k != 0; k = b.next[k-1] {
				at := r*len(b.drawn) + int(k-1)
				b.threshold[at] = -excluded
				b.raised = append(b.raised, at)
			}
		}
		b.drawHistory(r, ev, from, to)
	}
}

// drawHistory fills the history of a row with the items of entries from … to−1: with all where there is room, or one of each of as many equal
// stretches.
func (b *simplexBatch) drawHistory(r int, ev loop.Event, from, to int64) {
	past, shares := b.past[r*b.history:(r+1)*b.history], b.shares[r*b.history:(r+1)*b.history]
	for k := range past {
		past[k], shares[k] = -1, 0
	}
	n, room := int(to-from), len(past)
	total, count := 0.0, 0
	put := func(entry int64) {
		past[count], shares[count] = b.train.Indices[entry], b.weights[entry]
		total += float64(b.weights[entry])
		count++
	}
	if n <= room {
		for entry := from; entry < to; entry++ {
			put(entry)
		}
	} else {
		var words [4]uint32
		for k := range room {
			if k%4 == 0 {
				words = philox.Block(b.histories, [4]uint32{uint32(k / 4), uint32(ev.From + r), uint32(ev.Epoch), 0})
			}
			lo, hi := int64(k)*int64(n)/int64(room), int64(k+1)*int64(n)/int64(room)
			put(from + lo + int64(uint64(words[k%4])*uint64(hi-lo)>>32))
		}
	}
	if total == 0 {
		return
	}
	for k := range shares[:count] {
		shares[k] = float32((1 - float64(b.gate)) * float64(shares[k]) / total)
	}
}
