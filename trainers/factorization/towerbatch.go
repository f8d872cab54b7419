package factorization

import (
	"math"
	"sort"

	"debut/datasets/interactions"
	"debut/engine"
	"debut/kernels/philox"
	"debut/layers"
	"debut/trainers/gradient"
	"debut/trainers/loop"
)

// towerBatch draws what a batch of pairs is trained with. What is drawn follows from the seed, the epoch and the place in it.
type towerBatch struct {
	train   *interactions.Matrix
	weights []float32 // of pairs
	mean    float64   // of weights
	correct []float32 // of items, −log q to the power asked for
	unknown float64
	history int
	sides   [2]*side
	feeders [2]*gradient.Feeder
	key     [2]uint32

	user, item    []int32 // [batch], of the pairs
	ownUser       []int32 // as they are looked up, −1 where hidden
	ownItem       []int32
	past          []int32   // [batch, history]
	shares        []float32 // [batch, history]
	numbers       []float32 // [batch, numbers of attributes]
	shift         []float32 // [batch, batch]
	inverse       []float32
	target        []float32
	weight        []float32
	first, next   []int32 // by item the first of its columns, place+1; by column the next of its item
	scale         [1]float32
	candidateRows int
}

// What is drawn is kept apart from other random numbers of a seed.
var streamTower = philox.StreamOf("trainers/factorization: two towers")

// noRival is what is added to the logit of an item that does not compete.
const noRival = -1e4

func newTowerBatch(p *problem, weights []float32, counts []int32, batch int) *towerBatch {
	c := &p.cfg.Model
	b := &towerBatch{
		train: p.Train, weights: weights, unknown: *c.Unknown, history: c.History, sides: p.sides, key: philox.Key(p.cfg.Seed, streamTower),
		correct: make([]float32, p.Train.Columns), candidateRows: batch,
		user: make([]int32, batch), item: make([]int32, batch), ownUser: make([]int32, batch), ownItem: make([]int32, batch),
		past: make([]int32, batch*c.History), shares: make([]float32, batch*c.History), shift: make([]float32, batch*batch),
		inverse: make([]float32, batch), target: make([]float32, batch), weight: make([]float32, batch),
		first: make([]int32, p.Train.Columns), next: make([]int32, batch),
	}
	for _, w := range weights {
		b.mean += float64(w) / float64(len(weights))
	}
	if b.mean == 0 {
		b.mean = 1
	}
	for i, n := range counts {
		if n > 0 {
			b.correct[i] = float32(-*c.LogQ * math.Log(float64(n)/float64(len(weights))))
		}
	}
	for i := range b.inverse {
		b.inverse[i], b.target[i] = float32(1 / *c.Temperature), float32(i)
	}
	for k, scope := range []string{scopeUser, scopeItem} {
		if s := p.sides[k]; s != nil {
			b.feeders[k] = gradient.NewFeeder(*s.net, batch)
			b.feeders[k].Prefix = scope
		}
	}
	if s := p.sides[itemSide]; s != nil {
		b.numbers = make([]float32, batch*s.rows.D)
	}
	return b
}

// feed draws for a batch of pairs and hands all to a program.
func (b *towerBatch) feed(p *engine.Program, ev loop.Event) error {
	b.draw(ev)
	n, all := ev.N, b.candidateRows
	b.scale[0] = 1 / float32(ev.StepRows)
	for k, rows := range [][]int32{b.user[:n], b.item} {
		if f := b.feeders[k]; f != nil {
			f.Features(b.sides[k].rows, rows, 0)
			if err := f.Feed(p, len(rows)); err != nil {
				return err
			}
		}
	}
	for _, x := range []struct {
		name string
		ids  []int32
	}{{scopeUser + towerOwn, b.ownUser[:n]}, {scopeItem + towerOwn, b.ownItem}, {scopeUser + towerHistory, b.past[:n*b.history]}} {
		if err := p.FeedIDs(x.name, x.ids); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		name   string
		values []float32
	}{
		{scopeUser + towerShares, b.shares[:n*b.history]}, {towerInverse, b.inverse[:n]}, {towerShift, b.shift[:n*all]},
		{layers.InputTarget, b.target[:n]}, {layers.InputWeight, b.weight[:n]}, {layers.InputScale, b.scale[:]},
		{scopeUser + towerNumbers, b.numbers[:n*len(b.numbers)/all]},
	} {
		if len(x.values) == 0 {
			continue
		}
		if err := engine.Feed(p, x.name, x.values); err != nil {
			return err
		}
	}
	return nil
}

// draw fills the inputs.
func (b *towerBatch) draw(ev loop.Event) {
	for _, i := range b.item {
		b.first[i] = 0
	}
	n, all := ev.N, b.candidateRows
	for r := range n {
		pair := int64(ev.Rows[r])
		u := sort.Search(b.train.Rows, func(u int) bool { return b.train.Offsets[u+1] > pair })
		b.user[r], b.item[r] = int32(u), b.train.Indices[pair]
		b.weight[r] = float32(float64(b.weights[pair]) / b.mean)
	}
	for r := n; r < all; r++ { // of a batch that is not full, which do not compete
		b.item[r] = b.item[0]
	}
	copy(b.ownUser, b.user[:n])
	copy(b.ownItem, b.item)
	for k := all - 1; k >= 0; k-- {
		b.next[k] = b.first[b.item[k]]
		b.first[b.item[k]] = int32(k + 1)
	}
	for r := range n {
		words := philox.Block(b.key, [4]uint32{0, uint32(ev.From + r), uint32(ev.Epoch), 0})
		if hidden(words[0], b.unknown) {
			b.ownUser[r] = -1
		}
		if hidden(words[1], b.unknown) {
			b.ownItem[r] = -1
		}
		row := b.shift[r*all : (r+1)*all]
		for k := range row {
			row[k] = b.correct[b.item[k]]
			if k >= n {
				row[k] = noRival
			}
		}
		pair := int64(ev.Rows[r])
		from, to := b.train.Offsets[b.user[r]], b.train.Offsets[b.user[r]+1]
		for _, i := range b.train.Indices[from:to] {
			for k := b.first[i]; k != 0; k = b.next[k-1] {
				row[k-1] = noRival
			}
		}
		row[r] = b.correct[b.item[r]]
		b.drawHistory(r, ev, from, to, pair)
	}
}

// hidden says whether a random word is among a share of all.
func hidden(word uint32, share float64) bool { return float64(word) < share*(1<<32) }

// drawHistory fills the history of a row with the items of entries from … to−1 but one: with all where there is room, or one of each of as
// many equal stretches.
func (b *towerBatch) drawHistory(r int, ev loop.Event, from, to, without int64) {
	past, shares := b.past[r*b.history:(r+1)*b.history], b.shares[r*b.history:(r+1)*b.history]
	for k := range past {
		past[k], shares[k] = -1, 0
	}
	n, room, count, total := int(to-from)-1, len(past), 0, 0.0
	put := func(entry int64) {
		if entry >= without {
			entry++
		}
		past[count], shares[count] = b.train.Indices[entry], b.weights[entry]
		total += float64(b.weights[entry])
		count++
	}
	if n <= room {
		for k := range n {
			put(from + int64(k))
		}
	} else {
		var words [4]uint32
		for k := range room {
			if k%4 == 0 {
				words = philox.Block(b.key, [4]uint32{uint32(1 + k/4), uint32(ev.From + r), uint32(ev.Epoch), 0})
			}
			lo, hi := int64(k)*int64(n)/int64(room), int64(k+1)*int64(n)/int64(room)
			put(from + lo + int64(uint64(words[k%4])*uint64(hi-lo)>>32))
		}
	}
	var numbers []float32
	width := len(b.numbers) / b.candidateRows
	if width > 0 {
		numbers = b.numbers[r*width : (r+1)*width]
		clear(numbers)
	}
	if total == 0 {
		return
	}
	for k := range shares[:count] {
		shares[k] = float32(float64(shares[k]) / total)
		if numbers == nil {
			continue
		}
		at := int(past[k]) * width
		for c, v := range b.sides[itemSide].rows.Numeric[at : at+width] {
			numbers[c] += shares[k] * v
		}
	}
}
