package factorization

import (
	"errors"
	"fmt"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/pool"
)

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
