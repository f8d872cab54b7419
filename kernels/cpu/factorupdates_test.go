package cpu

import (
	"math"
	"testing"

	"debut/kernels"
	"debut/kernels/philox"
)

// factorCase is one sample of factor updates in float64, and what is trained.
type factorCase struct {
	params [4][]float64 // factors of users and of items, biases of users and of items
	hyper  []float64
	rating float64
}

const factorCols = 5

func newFactorCase() *factorCase {
	draw := philox.New(5, 6)
	c := &factorCase{rating: 2.5, hyper: []float64{
		kernels.FactorRate: 1, kernels.FactorBiasRate: 1, kernels.FactorUserL2: 0.3, kernels.FactorItemL2: 0.2, kernels.FactorOtherL2: 0.4,
		kernels.FactorUserBiasL2: 0.5, kernels.FactorItemBiasL2: 0.6, kernels.FactorMean: 0.7,
	}}
	for i, n := range []int{2 * factorCols, 3 * factorCols, 2, 3} {
		for range n {
			c.params[i] = append(c.params[i], draw.NormFloat64())
		}
	}
	return c
}

// step runs one sample, of user 1, item 2 and, as other, item 0, and returns how parameters changed.
func (c *factorCase) step(t *testing.T, preference bool) [4][]float64 {
	t.Helper()
	d := open(t, 1)
	defer func() { _ = d.Close() }()
	var after [4][]float64
	var m [4]kernels.Matrix
	for i, p := range c.params {
		after[i] = append([]float64{}, p...)
		m[i] = kernels.NewMatrix(Wrap(after[i]), 1, len(p))
		if i < 2 {
			m[i] = kernels.NewMatrix(Wrap(after[i]), len(p)/factorCols, factorCols)
		}
	}
	blocks, loss := kernels.NewMatrix(Wrap([]int32{0, 1}), 1, 2), kernels.NewMatrix(Wrap([]float64{0}), 1, 1)
	hyper := kernels.NewMatrix(Wrap(c.hyper), 1, kernels.FactorHyperLen)
	var k kernels.Kernel
	var err error
	if preference {
		k, err = d.PreferenceUpdates(kernels.PreferenceUpdatesArgs{
			Users: m[0], Items: m[1], ItemBias: m[3], Hyper: hyper, Loss: loss,
			FactorSamples: kernels.FactorSamples{Samples: kernels.NewMatrix(Wrap([]int32{1, 2, 0}), 1, 3), Blocks: blocks},
		})
	} else {
		k, err = d.RatingUpdates(kernels.RatingUpdatesArgs{
			Users: m[0], Items: m[1], UserBias: m[2], ItemBias: m[3], Hyper: hyper, Loss: loss,
			FactorSamples: kernels.FactorSamples{Samples: kernels.NewMatrix(Wrap([]int32{1, 2}), 1, 2), Blocks: blocks},
			Ratings:       kernels.NewMatrix(Wrap([]float64{c.rating}), 1, 1),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Run(); err != nil {
		t.Fatal(err)
	}
	for i, p := range c.params {
		for j := range p {
			after[i][j] -= p[j]
		}
	}
	return after
}

// objective is what a step goes down: the loss of the sample, with the penalties of what it has to do with.
func (c *factorCase) objective(preference bool) float64 {
	h := c.hyper
	row := func(i, r int) []float64 { return c.params[i][r*factorCols : (r+1)*factorCols] }
	square := func(x ...float64) float64 {
		sum := 0.0
		for _, v := range x {
			sum += v * v
		}
		return sum / 2
	}
	p, q, o := row(0, 1), row(1, 2), row(1, 0)
	penalty := h[kernels.FactorUserL2]*square(p...) + h[kernels.FactorItemL2]*square(q...) + h[kernels.FactorItemBiasL2]*square(c.params[3][2])
	if preference {
		x := c.params[3][2] - c.params[3][0]
		for i := range p {
			x += p[i] * (q[i] - o[i])
		}
		return math.Log1p(math.Exp(-x)) + penalty + h[kernels.FactorOtherL2]*square(o...) + h[kernels.FactorItemBiasL2]*square(c.params[3][0])
	}
	e := c.rating - h[kernels.FactorMean] - c.params[2][1] - c.params[3][2]
	for i := range p {
		e -= p[i] * q[i]
	}
	return square(e) + penalty + h[kernels.FactorUserBiasL2]*square(c.params[2][1])
}

// A step of rate 1 is the negative gradient of the objective, by finite differences.
func TestFactorUpdatesAreGradients(t *testing.T) {
	for _, preference := range []bool{false, true} {
		c := newFactorCase()
		steps := c.step(t, preference)
		const h = 1e-5
		for i, p := range c.params {
			for j, v := range p {
				p[j] = v + h
				up := c.objective(preference)
				p[j] = v - h
				down := c.objective(preference)
				p[j] = v
				if want := (down - up) / (2 * h); math.Abs(steps[i][j]-want) > 1e-8 {
					t.Errorf("preference %t: parameter %d of %d moves by %v, the gradient is %v", preference, j, i, steps[i][j], -want)
				}
			}
		}
	}
}
