package factorization

import (
	"fmt"
	"math"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/pool"
)

// RatingSettings are the settings of a factorization of ratings by stochastic gradient descent.
type RatingSettings struct {
	SGD
	UserL2, ItemL2         float64 // penalties of factors
	UserBiasL2, ItemBiasL2 float64 // and of biases
}

// NewRatingSteps begins a factorization of the values of a matrix: rating ≈ mean + user bias + item bias + user factors · item factors,
// by steps of [kernels.RatingUpdatesArgs]. The losses of its steps are squared errors. Mean is that of the values, which the model
// keeps.
func NewRatingSteps(dev kernels.Device, p *pool.Pool, m *interactions.Matrix, o RatingSettings) (t *Steps, mean float64, err error) {
	if err := o.check(); err != nil {
		return nil, 0, err
	}
	if err := checkMatrix(m); err != nil {
		return nil, 0, err
	}
	for _, l2 := range []float64{o.UserL2, o.ItemL2, o.UserBiasL2, o.ItemBiasL2} {
		if !finiteNotNegative(l2) {
			return nil, 0, fmt.Errorf("factorization: penalty %v; give a number above 0, or 0 for none", l2)
		}
	}
	sum := 0.0
	for k, v := range m.Values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, 0, fmt.Errorf("factorization: value %d of the matrix is %v; leave it out", k, v)
		}
		sum += float64(v)
	}
	mean = sum / float64(len(m.Values))
	kernel, err := kernels.Family[kernels.FactorUpdates](dev)
	if err != nil {
		return nil, 0, err
	}
	t, err = newSteps(dev, p, m, o.SGD, blocksFor(m, 4*o.paddedWidth(), 1, 0), nil)
	if err != nil {
		return nil, 0, err
	}
	t.fill = func(h []float32) {
		h[kernels.FactorUserL2], h[kernels.FactorItemL2] = float32(o.UserL2), float32(o.ItemL2)
		h[kernels.FactorUserBiasL2], h[kernels.FactorItemBiasL2] = float32(o.UserBiasL2), float32(o.ItemBiasL2)
		h[kernels.FactorMean] = float32(mean)
	}
	blocks := t.schedule.blocks
	t.kernel, err = kernel.RatingUpdates(kernels.RatingUpdatesArgs{
		Users: t.users, Items: t.items, UserBias: t.userBias, ItemBias: t.itemBias,
		FactorSamples: kernels.FactorSamples{Samples: t.samples.matrix(int(m.Len()), 2), Blocks: t.blocks.matrix(blocks, 2)},
		Ratings:       t.values.matrix(int(m.Len()), 1), Hyper: t.hyper.matrix(1, kernels.FactorHyperLen), Loss: t.loss.matrix(blocks, 1),
	})
	if err != nil {
		t.Close()
		return nil, 0, err
	}
	return t, mean, nil
}
