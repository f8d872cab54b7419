package bench

import (
	"context"

	"debut/datasets/interactions"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/factorization"
)

// Settings of gradient steps.
const (
	updateRate    = 0.05
	updateL2      = 0.01
	checkedEpochs = 2
	plantedLength = 4 // factors that ratings are made of
)

// measureUpdates measures epochs of gradient steps, what is drawn for an epoch in it: of preferences, or of ratings.
func measureUpdates(ctx context.Context, r *runner, work string, train *interactions.Matrix, width int, workers *pool.Pool) error {
	o := factorization.SGD{Factors: width, Seed: 1, Rate: updateRate, BiasRate: updateRate, Decay: 1, Deviation: 0.1}
	var steps *factorization.Steps
	var err error
	if work == workBPR {
		steps, err = factorization.NewPreferenceSteps(r.Device, workers, train, factorization.PreferenceSettings{SGD: o, UserL2: updateL2, ItemL2: updateL2, NegativeL2: updateL2})
	} else {
		plantRatings(workers, train)
		steps, _, err = factorization.NewRatingSteps(r.Device, workers, train, factorization.RatingSettings{SGD: o, UserL2: updateL2, ItemL2: updateL2})
	}
	if err != nil {
		return err
	}
	defer steps.Close()
	loss := 0.0
	for range checkedEpochs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if loss, err = steps.Epoch(); err != nil {
			return err
		}
	}
	_, median, err := r.repeat(ctx, func() error {
		_, err := steps.Epoch()
		return err
	})
	if err != nil {
		return err
	}
	r.report(updatesMetric, float64(train.Len())/median.Seconds())
	r.report(epochsMetric, loss)
	return nil
}

// plantRatings makes the values of a matrix ratings: products of random factors, and as much noise.
func plantRatings(p *pool.Pool, m *interactions.Matrix) {
	factors := func(n int, stream string) []float64 {
		r := philox.New(1, philox.StreamOf(stream))
		x := make([]float64, n*plantedLength)
		for k := range x {
			x[k] = r.NormFloat64()
		}
		return x
	}
	users, items := factors(m.Rows, "bench.factorization: users"), factors(m.Columns, "bench.factorization: items")
	pool.Each(p, (m.Rows+pairUsers-1)/pairUsers, func(block int) {
		noise := philox.New(1, philox.StreamOf("bench.factorization: noise")+uint64(block))
		for u := block * pairUsers; u < min((block+1)*pairUsers, m.Rows); u++ {
			for k := m.Offsets[u]; k < m.Offsets[u+1]; k++ {
				sum := 0.0
				for c := range plantedLength {
					sum += users[u*plantedLength+c] * items[int(m.Indices[k])*plantedLength+c]
				}
				m.Values[k] = float32(3 + 0.5*sum + noise.NormFloat64())
			}
		}
	})
}
