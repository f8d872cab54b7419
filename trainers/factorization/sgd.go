package factorization

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/pool"
	"debut/trainers/recommender"
)

// sgdAlgorithm is a factorization of ratings with biases by stochastic gradient descent (Koren, Bell and Volinsky, "Matrix Factorization
// Techniques for Recommender Systems", 2009): it makes
//
//	Σ (r − μ − b − b' − x·y)² + λ·Σ (b² + b'² + |x|² + |y|²)
//
// small, both sums over the ratings, so that the penalty of a user or an item grows with its ratings; μ is their mean. Ratings are
// measured in their standard deviation meanwhile, so that settings serve stars as well as percents. An epoch is a step for each
// rating.
var sgdAlgorithm = algorithm{
	name: algorithmSGD,
	keys: []string{"factors", "regularization", "learning_rate", "decay"},
	setDefaults: func(c *Config) {
		if c.Train.Epochs == 0 && c.validated() && c.Train.EarlyStopping.Patience == 0 { // how many there are the data decide
			c.Train.EarlyStopping.Patience = 5
		}
	},
	validate: validateSteps,
	need:     needSteps,
	onDevice: stepsOnDevice,
	settle: func(ctx context.Context, p *problem) (string, error) {
		chosen, err := searchRatings(ctx, p)
		return clauses(chosen, settleSteps(p.Train, p.cfg)), err
	},
	begin: func(_ context.Context, p *problem) (fitter, error) {
		c := &p.cfg.Model
		own, mean, deviation := standardized(p.Train)
		steps, rest, err := ratingSteps(p, own, c.Factors, *c.Regularization, *c.LearningRate, *c.Decay)
		if err != nil {
			return nil, err
		}
		return newRounds(steps, int(p.Train.Len()), rounded(mean+deviation*rest), deviation), nil
	},
	fold:     foldExactly,
	foldItem: foldItemExactly,
	calmer:   "a lower model.learning_rate",
	faster:   "a higher model.learning_rate",
	about: func(m *ModelConfig) string {
		return fmt.Sprintf("%d factors and biases by stochastic gradient descent on ratings, learning rate %.4g, regularization %.4g", m.Factors, *m.LearningRate, *m.Regularization)
	},
}

// ratingSteps begins steps on standardized ratings.
func ratingSteps(p *problem, own *interactions.Matrix, factors int, l2, rate, decay float64) (*Steps, float64, error) {
	return NewRatingSteps(p.dev, p.Pool, own, RatingSettings{
		SGD:    SGD{Factors: factors, Seed: p.cfg.Seed, Rate: rate, BiasRate: rate, Decay: decay, Deviation: math.Sqrt(firstProducts) * math.Pow(float64(factors), -0.25)},
		UserL2: l2, ItemL2: l2, UserBiasL2: l2, ItemBiasL2: l2,
	})
}

// clauses joins those of a protocol that are not empty.
func clauses(list ...string) string {
	return strings.Join(slices.DeleteFunc(list, func(c string) bool { return c == "" }), "; ")
}

// validateSteps reports what steps cannot use.
func validateSteps(c *ModelConfig) error {
	return cmp.Or(within("regularization", c.Regularization, 0, math.MaxFloat32), within("learning_rate", c.LearningRate, 1e-9, 1e3), within("decay", c.Decay, 1e-3, 1))
}

// needSteps is the memory that steps take.
func needSteps(p *problem) map[string]int64 {
	return map[string]int64{"samples and their order": p.Train.Len() * 32, "ratings held back from trials": 16 * p.Train.Len(), "rows of factors while they are trained": stepsRows(p)}
}

// stepsOnDevice is what of that a GPU has too.
func stepsOnDevice(p *problem) map[string]int64 {
	if onProcessor(p.dev) {
		return nil
	}
	return map[string]int64{"samples": p.Train.Len() * 12, "rows of factors": stepsRows(p)}
}

// stepsRows is the memory of factors and biases.
func stepsRows(p *problem) int64 {
	return 4 * int64(p.Users.Len()+p.Items.Len()) * int64((p.cfg.Model.Factors+rowAlign-1)/rowAlign*rowAlign+2)
}

// The penalty of ratings that a run file leaves open is such a share of 1/√n + 1/√m, for n ratings a user and m an item: the share at which
// noise that is all there is fits no factor is its part of the ratings' deviation. On four generated sets, of 2 to 5 planted factors, 50 to
// 400 ratings a user and noise of 0.4 to 0.6 of the deviation, errors were within 0.7 % of those of the best share, of 0.15 to 0.4 for
// steps – of a rate of 0.03 that fell by a tenth each epoch – and of 0.2 to 0.8 for 20 passes of als, whose exact minimum fits more of the noise.
const (
	penaltyOfSteps = 0.25
	penaltyOfALS   = 0.4
)

// Where a run file leaves them open, steps are so large in the first epoch, and there are so many epochs, for usualRatings ratings a user
// and item, both multiplied by √(usualRatings/n) for n (the geometric mean of ratings a user and an item), so that those of whom little is known
// come as far; at the end steps are lastRate of what they were. On the four sets, and two sparse ones of 20 and 40 ratings a user, 8 and 32 factors ended within
// 2 % of the error at their best epoch.
const (
	usualRatings = 300
	usualRate    = 0.03
	usualEpochs  = 30
	largestRate  = 0.15
	leastEpochs  = 10
	mostEpochs   = 100
	lastRate     = 0.05
)

// firstProducts is the standard deviation of products of first factors, of ratings' own. Larger ones are found again as factors that
// are none, smaller ones take long to grow.
const firstProducts = 0.01

// settleSteps fills what steps on ratings take and is open, and says how.
func settleSteps(m *interactions.Matrix, c *Config) string {
	var open []string
	if l2 := settleRatings(m, &c.Model); l2 != "" {
		open = append(open, l2)
	}
	users, items := active(m)
	more := math.Sqrt(usualRatings * math.Sqrt(float64(users)*float64(items)) / float64(max(m.Len(), 1)))
	epochs := min(max(int(math.Round(usualEpochs*more)), leastEpochs), mostEpochs)
	if c.Model.LearningRate == nil {
		c.Model.LearningRate = new(threeDigits(min(usualRate*more, largestRate)))
		open = append(open, "the learning rate")
	}
	if c.Model.Decay == nil {
		c.Model.Decay = new(threeDigits(math.Pow(lastRate, 1/float64(epochs))))
		open = append(open, "its decay")
	}
	if c.Train.Epochs == 0 {
		c.Train.Epochs = epochs
		open = append(open, "the number of epochs")
	}
	if len(open) == 0 {
		return ""
	}
	return strings.Join(open, ", ") + byRatings
}

// byRatings ends a clause about what the data decide on.
const byRatings = " by how many ratings users and items have"

// active counts users and items with a rating.
func active(m *interactions.Matrix) (users, items int) {
	for u := range m.Rows {
		if m.Offsets[u+1] > m.Offsets[u] {
			users++
		}
	}
	for _, n := range m.ColumnCounts() {
		if n > 0 {
			items++
		}
	}
	return users, items
}

// settleRatings fills the penalty of ratings where it is open, and names it then.
func settleRatings(m *interactions.Matrix, c *ModelConfig) string {
	if c.Regularization != nil {
		return ""
	}
	l2 := penaltyUnit(m)
	if c.Algorithm == algorithmSGD {
		l2 *= penaltyOfSteps
	} else {
		_, _, deviation := standardized(m)
		l2 *= penaltyOfALS * deviation
	}
	c.Regularization = new(threeDigits(l2))
	return "the regularization"
}

// penaltyUnit is 1/√n + 1/√m for n ratings a user and m an item: the penalty of standardized ratings at which noise that is all there is fits no
// factor.
func penaltyUnit(m *interactions.Matrix) float64 {
	users, items := active(m)
	return (math.Sqrt(float64(users)) + math.Sqrt(float64(items))) / math.Sqrt(float64(max(m.Len(), 1)))
}

// standardized returns ratings less their mean in units of their standard deviation, of which that of equal ones is taken for 1.
func standardized(m *interactions.Matrix) (own *interactions.Matrix, mean, deviation float64) {
	mean = recommender.Mean(m)
	squares := 0.0
	for _, v := range m.Values {
		squares += (float64(v) - mean) * (float64(v) - mean)
	}
	if deviation = math.Sqrt(squares / float64(max(m.Len(), 1))); deviation == 0 {
		deviation = 1
	}
	own = &interactions.Matrix{Rows: m.Rows, Columns: m.Columns, Offsets: m.Offsets, Indices: m.Indices, Values: make([]float32, len(m.Values))}
	for k, v := range m.Values {
		own.Values[k] = float32((float64(v) - mean) / deviation)
	}
	return own, mean, deviation
}

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
