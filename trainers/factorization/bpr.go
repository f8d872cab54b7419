package factorization

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/kernels/pool"
)

// bprAlgorithm is Bayesian personalized ranking (Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR: Bayesian Personalized Ranking
// from Implicit Feedback", UAI 2009): for each pair of a user and an item he has another item is drawn, and ln(1 + e^−x) made smaller,
// x being the difference of their scores. An epoch is a step for each pair.
var bprAlgorithm = algorithm{
	name: "bpr",
	keys: []string{"factors", "regularization", "learning_rate", "decay", "negative_power"},
	setDefaults: func(c *Config) {
		m := &c.Model
		for _, x := range []struct {
			to      **float64
			initial float64
		}{{&m.Regularization, 0.01}, {&m.LearningRate, 0.05}, {&m.Decay, 1}, {&m.NegativePower, 0.5}} {
			if *x.to == nil {
				*x.to = new(x.initial)
			}
		}
		if c.Train.Epochs == 0 {
			c.Train.Epochs = 120
			if c.validated() && c.Train.EarlyStopping.Patience == 0 {
				c.Train.EarlyStopping.Patience = 8
			}
		}
	},
	validate: func(c *ModelConfig) error {
		return cmp.Or(validateSteps(c), within("negative_power", c.NegativePower, 0, 1))
	},
	need:     needSteps,
	onDevice: stepsOnDevice,
	settle:   func(context.Context, *problem) (string, error) { return "", nil },
	begin: func(_ context.Context, p *problem) (fitter, error) {
		m := &p.cfg.Model
		l2 := *m.Regularization
		steps, err := NewPreferenceSteps(p.dev, p.Pool, p.Train, PreferenceSettings{
			SGD:    SGD{Factors: m.Factors, Seed: p.cfg.Seed, Rate: *m.LearningRate, BiasRate: *m.LearningRate, Decay: *m.Decay, Deviation: firstDeviation / math.Sqrt(float64(m.Factors))},
			UserL2: l2, ItemL2: l2, NegativeL2: l2, BiasL2: l2, NegativePower: *m.NegativePower,
		})
		if err != nil {
			return nil, err
		}
		return newRounds(steps, int(p.Train.Len()), 0, 1), nil
	},
	fold:     foldBPR,
	foldItem: foldItemBPR,
	calmer:   "a lower model.learning_rate",
	faster:   "a higher model.learning_rate",
	about: func(m *ModelConfig) string {
		return fmt.Sprintf("%d factors by Bayesian personalized ranking, learning rate %.4g, regularization %.4g", m.Factors, *m.LearningRate, *m.Regularization)
	},
}

// foldedEpochs is how often the items of somebody who is folded in are gone through.
const foldedEpochs = 100

// foldedRate is the rate of an epoch of those: that of training for a half of them, and then less and less, for steps of one rate end
// anywhere about what they lead to.
func foldedRate(rate float64, epoch int) float64 {
	return rate * min(1, 2*(1-float64(epoch)/foldedEpochs))
}

// streamFolding keeps what is drawn for that apart from other random numbers.
var streamFolding = philox.StreamOf("trainers/factorization: items drawn to fold somebody in")

// foldBPR takes the steps of training for the row alone. Other items are drawn alike.
func foldBPR(m *Model, columns []int32, _ []float32) ([]float32, error) {
	f := m.factors
	w, items := f.Width, len(f.Items)/f.Width
	x := make([]float32, w)
	x[w-1] = 1
	if len(columns) == items {
		return x, nil // there is no item that he has not: nothing tells how he differs
	}
	l2 := *m.cfg.Regularization
	r := philox.New(0, streamFolding)
	for epoch := range foldedEpochs {
		rate := foldedRate(*m.cfg.LearningRate, epoch)
		for _, i := range columns {
			j := int32(r.IntN(items))
			for {
				if _, has := slices.BinarySearch(columns, j); !has {
					break
				}
				j = int32(r.IntN(items))
			}
			own, other := f.Item(int(i)), f.Item(int(j))
			g := 1 / (1 + math.Exp(inner(x, own)-inner(x, other)))
			for c := 1; c < w-1; c++ {
				x[c] += float32(rate * (g*float64(own[c]-other[c]) - l2*float64(x[c])))
			}
		}
	}
	return x, nil
}

// foldItemBPR takes the steps of training for the item alone: with each user who has it, who prefers it to an item that he has not, and as
// often as an item is drawn in an epoch as one that somebody has not. Without what users have nothing is known of either.
func foldItemBPR(m *Model, users []int32, _ []float32) ([]float32, error) {
	f, h := m.factors, m.Histories
	w, items, pairs := f.Width, len(f.Items)/f.Width, h.Len()
	if pairs == 0 {
		return nil, errors.New("factorization: the model folder has not what users have, which items are folded in by: train with keep_seen: true")
	}
	x := make([]float32, w)
	x[0] = 1
	rate, l2 := *m.cfg.LearningRate, *m.cfg.Regularization
	// step moves the row up or down for a user who compares it with an item that he has, or has not.
	step := func(u int, other []float32, sign float64) {
		p := f.User(u)
		z := sign / (1 + math.Exp(sign*(inner(p, x)-inner(p, other))))
		for c := 1; c < w; c++ {
			x[c] += float32(rate * (z*float64(p[c]) - l2*float64(x[c]))) // the column of 1 of users is that of biases
		}
	}
	r := philox.New(1, streamFolding)
	for epoch := range foldedEpochs {
		rate = foldedRate(*m.cfg.LearningRate, epoch)
		for _, u := range users {
			has, _ := h.Row(int(u))
			j, drawn := int32(0), false
			for try := 0; try < draws && !drawn; try++ {
				j = int32(r.IntN(items))
				_, known := slices.BinarySearch(has, j)
				drawn = !known
			}
			if drawn {
				step(int(u), f.Item(int(j)), 1)
			}
		}
		for range max(pairs/int64(items), 1) {
			k := int64(r.IntN(int(pairs)))
			u := sort.Search(h.Rows, func(u int) bool { return h.Offsets[u+1] > k })
			if _, has := slices.BinarySearch(users, int32(u)); !has {
				step(u, f.Item(int(h.Indices[k])), -1)
			}
		}
	}
	return x, nil
}

// PreferenceSettings are the settings of Bayesian personalized ranking.
type PreferenceSettings struct {
	SGD
	UserL2     float64 // penalties of factors
	ItemL2     float64 // of items that users have
	NegativeL2 float64 // and of those that they have not
	BiasL2     float64 // of items' biases
	// NegativePower draws items that users have not by their popularity to this power: 0 all alike, 1 as often as users have them.
	NegativePower float64
}

// NewPreferenceSteps begins Bayesian personalized ranking: every entry of a matrix, whatever its value, says that a user prefers an
// item to one that he has not; by steps of [kernels.PreferenceUpdatesArgs]. The losses of its steps are log(1 + exp(−x)), x being the
// difference of scores; users' biases stay 0.
func NewPreferenceSteps(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o PreferenceSettings) (*Steps, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkMatrix(m); err != nil {
		return nil, err
	}
	for _, l2 := range []float64{o.UserL2, o.ItemL2, o.NegativeL2, o.BiasL2} {
		if !finiteNotNegative(l2) {
			return nil, fmt.Errorf("factorization: penalty %v; give a number above 0, or 0 for none", l2)
		}
	}
	if !(o.NegativePower >= 0 && o.NegativePower <= 1) {
		return nil, fmt.Errorf("factorization: negative power %v; give a number from 0, all items alike, to 1, by popularity", o.NegativePower)
	}
	if m.Columns < 2 {
		return nil, errors.New("factorization: there is one item, and preferences are between two: give data of more items")
	}
	kernel, err := kernels.Family[kernels.FactorUpdates](dev)
	if err != nil {
		return nil, err
	}
	n := newNegatives(m.ColumnCounts(), o.NegativePower, o.Seed)
	t, err := newSteps(dev, p, m, o.SGD, blocksFor(m, 4*o.paddedWidth(), 2, n.share(m.Columns)), n)
	if err != nil {
		return nil, err
	}
	t.fill = func(h []float32) {
		h[kernels.FactorUserL2], h[kernels.FactorItemL2], h[kernels.FactorOtherL2] = float32(o.UserL2), float32(o.ItemL2), float32(o.NegativeL2)
		h[kernels.FactorItemBiasL2] = float32(o.BiasL2)
	}
	blocks := t.schedule.blocks
	t.kernel, err = kernel.PreferenceUpdates(kernels.PreferenceUpdatesArgs{
		Users: t.users, Items: t.items, ItemBias: t.itemBias,
		FactorSamples: kernels.FactorSamples{Samples: t.samples.matrix(int(m.Len()), 3), Blocks: t.blocks.matrix(blocks, 2)},
		Weights:       t.weights.matrix(blocks, 1), Hyper: t.hyper.matrix(1, kernels.FactorHyperLen), Loss: t.loss.matrix(blocks, 1),
	})
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}
