package neighbors

import (
	"context"
	"errors"
	"fmt"
	"math"

	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/pool"
	"debut/trainers/ranking"
	"debut/trainers/spectrum"
)

// How eigenvectors are found.
const (
	spectralRounds    = 60
	spectralTolerance = 1e-6
)

// FitSpectral is a filter of the graph of users and items (Shen and others, "How Powerful is Graph Convolution for Recommendation?", CIKM
// 2021: GF-CF). With X̃ = A^−½·X·B^−½, where A and B are the sums of values of users and items, the weights are X̃ᵀX̃ + ideal·B^−½·V·Vᵀ·B^½, V being
// the eigenvectors of the factors largest eigenvalues of X̃ᵀX̃: a smooth filter, which relates items with common users, and an ideal low-pass
// one, which leaves of the history what many share. Of each item's weights the keep of the largest size are kept; 0 keeps all. The score of an
// item is the sum over what a user has of value times weight, as with [FitItems]; that of an item for itself is left out.
//
// Eigenvectors are those of package spectrum, in float32. It takes 4·items² bytes. An error is one of the numbers given, or of the context.
func FitSpectral(ctx context.Context, train *interactions.Matrix, ties *ranking.Ties, factors int, ideal float64, keep int, p *pool.Pool) (*Items, error) {
	n := train.Columns
	if factors < 0 || factors > n {
		return nil, fmt.Errorf("neighbors: %d factors; give a number from 0 to that of the items, %d", factors, n)
	}
	if !(ideal >= 0) || math.IsInf(ideal, 1) {
		return nil, fmt.Errorf("neighbors: the share of the ideal filter is %v; it must be a finite number that is not negative", ideal)
	}
	if err := checkKept(ties, n, keep); err != nil {
		return nil, err
	}
	if p == nil {
		p = pool.New(1)
		defer p.Close()
	}
	graph := spectrum.New(train)
	a := make([]float32, n*n)
	gram(ctx, a, graph.Users, 0, p)
	mirror(a, n, p)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if factors > 0 && ideal > 0 {
		dev, err := cpu.New(cpu.Options{Threads: p.Threads()})
		if err != nil {
			return nil, err
		}
		meter, last := newMeter(ctx, spectralRounds), 0
		told := func(done int) {
			meter.add(done - last)
			last = done
		}
		v, err := graph.Vectors(ctx, dev, p, factors, spectrum.Options{Rounds: spectralRounds, Tolerance: spectralTolerance, Seed: 1, Told: told})
		if err == nil {
			told(spectralRounds)
			err = lowPass(dev, a, v, graph.Sums, ideal)
		}
		if err = errors.Join(err, dev.Close()); err != nil {
			return nil, err
		}
	}
	g, err := strongest(ctx, n, ties, keep, p, func(j int, weights []float32) { copy(weights, a[j*n:(j+1)*n]) })
	if err != nil {
		return nil, err
	}
	return &Items{g, g.transpose()}, nil
}

// lowPass adds to row j of a, [n, n], the weights ideal·√(d_j/d_i)·(V·Vᵀ)_ij of all items i for item j, d being the sums of the n items.
func lowPass(dev *cpu.Device, a, v []float32, sums []float64, ideal float64) error {
	n := len(sums)
	k := len(v) / max(n, 1)
	to, from := make([]float32, len(v)), make([]float32, len(v))
	for i, sum := range sums {
		if sum == 0 {
			continue
		}
		for c := range k {
			x := float64(v[i*k+c])
			to[i*k+c], from[i*k+c] = float32(ideal*math.Sqrt(sum)*x), float32(x/math.Sqrt(sum))
		}
	}
	run, err := dev.Gemm(kernels.GemmArgs{
		A: kernels.NewMatrix(cpu.Wrap(to), n, k), B: kernels.NewMatrix(cpu.Wrap(from), n, k), TransB: true, C: kernels.NewMatrix(cpu.Wrap(a), n, n), Accumulate: true,
	})
	if err != nil {
		return err
	}
	return run.Run()
}
