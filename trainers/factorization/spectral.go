package factorization

import (
	"context"
	"math"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/spectrum"
)

// spectralRounds is how often the subspace is multiplied; spectralNoise what is added to rows of length 1, so that no two items are the same.
const (
	spectralRounds = 8
	spectralNoise  = 0.05
)

// streamSpectral keeps the noise apart from other random numbers of a seed.
var streamSpectral = philox.StreamOf("trainers/factorization: first subspace")

// spectralItems returns rows of length 1 for items, of so many columns, that lie together where the same users have the items: those of
// the leading eigenvectors of the graph that pairs of such weights make.
func spectralItems(ctx context.Context, dev kernels.Device, p *pool.Pool, m *interactions.Matrix, weights []float32, columns int, seed uint64) ([]float32, error) {
	weighted := *m
	weighted.Values = weights
	x, err := spectrum.New(&weighted).Vectors(ctx, dev, p, columns, spectrum.Options{Rounds: spectralRounds, Seed: seed})
	if err != nil {
		return nil, err
	}
	r := philox.New(seed, streamSpectral)
	noise := spectralNoise / math.Sqrt(float64(columns))
	for i := range m.Columns {
		row := x[i*columns : (i+1)*columns]
		unit(row, row)
		for c := range row {
			row[c] += float32(noise * r.NormFloat64())
		}
		unit(row, row)
	}
	return x, nil
}
