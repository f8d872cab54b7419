package factorization

import (
	"context"
	"fmt"
	"math"
	"slices"

	"debut/datasets/interactions"
	"debut/kernels/pool"
	"debut/trainers/recommender"
)

// biasAlgorithm predicts a rating by the mean and what is known of the user and of the item, each for itself (Koren, "Factorization Meets
// the Neighborhood", KDD 2008, of baseline estimates): it makes
//
//	Σ (r − μ − u − v)² + λ·(Σ u² + Σ v²)
//
// smallest over μ, the users' u and the items' v, all at once, by conjugate gradients in float64 down to rounding. A penalty of λ is
// worth λ ratings that say nothing.
var biasAlgorithm = algorithm{
	name: algorithmBias,
	keys: []string{"regularization"},
	setDefaults: func(c *Config) {
		if c.Model.Regularization == nil {
			c.Model.Regularization = new(5.0)
		}
	},
	validate: func(c *ModelConfig) error { return within("regularization", c.Regularization, 0, math.MaxFloat32) },
	need: func(p *problem) map[string]int64 {
		return map[string]int64{"ratings by item": 8 * p.Train.Len(), "conjugate gradients": 7 * 8 * int64(p.Users.Len()+p.Items.Len())}
	},
	settle: func(context.Context, *problem) (string, error) { return "", nil },
	solve: func(ctx context.Context, p *problem) (*Factors, error) {
		b, steps, err := fitBiases(ctx, p.Train, *p.cfg.Model.Regularization, p.Pool)
		if err != nil {
			return nil, err
		}
		p.log.Info("solved", "steps", steps)
		return b.factors(), nil
	},
	fold:     foldExactly,
	foldItem: foldItemExactly,
	calmer:   "a larger model.regularization",
	about: func(m *ModelConfig) string {
		return fmt.Sprintf("biases of users and items by least squares, regularization %.4g", *m.Regularization)
	},
}

// biases are the solution of a least-squares problem.
type biases struct {
	mean         float64
	users, items []float64
}

// factors are the biases as a model of no factors.
func (b *biases) factors() *Factors {
	f := &Factors{Width: 2, Biases: true, Mean: rounded(b.mean), Users: make([]float32, 2*len(b.users)), Items: make([]float32, 2*len(b.items))}
	for u, v := range b.users {
		f.Users[2*u], f.Users[2*u+1] = float32(v), 1
	}
	for i, v := range b.items {
		f.Items[2*i], f.Items[2*i+1] = 1, float32(v)
	}
	return f
}

// What ends conjugate gradients: a residual that is so much smaller than the first, in the norm of the preconditioner, or so many steps
// without one that is smaller than those before.
const (
	biasTolerance = 1e-13
	biasStalled   = 50
	mostBiasSteps = 10_000
)

// fitBiases solves for the biases, and returns in how many steps. The order of sums is that of the data, whatever the number of threads.
func fitBiases(ctx context.Context, m *interactions.Matrix, l2 float64, p *pool.Pool) (*biases, int, error) {
	s := &biasSystem{users: m, items: m.Transpose(), pool: p, l2: l2, sums: make([]float64, m.Rows)}
	mean := recommender.Mean(m)
	// The unknowns are one vector: μ beyond the mean, which ratings are measured from, users, items.
	n := 1 + m.Rows + m.Columns
	x, r, z, direction, image := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	s.right(mean, r)
	diagonal := s.diagonal()
	precondition := func() float64 {
		sum := 0.0
		for k, v := range r {
			z[k] = 0
			if diagonal[k] > 0 { // nothing is known of the others, and they stay 0
				z[k] = v / diagonal[k]
			}
			sum += v * z[k]
		}
		return sum
	}
	norm := precondition()
	first, least, steps, still := norm, norm, 0, 0
	best := slices.Clone(x)
	copy(direction, z)
	for norm > biasTolerance*biasTolerance*first && still < biasStalled && steps < mostBiasSteps {
		if err := ctx.Err(); err != nil {
			return nil, steps, err
		}
		s.multiply(direction, image)
		curvature := 0.0
		for k, v := range direction {
			curvature += v * image[k]
		}
		if !(curvature > 0) {
			break // rounding is all that is left
		}
		size := norm / curvature
		for k, v := range direction {
			x[k] += size * v
			r[k] -= size * image[k]
		}
		next := precondition()
		for k := range direction {
			direction[k] = z[k] + next/norm*direction[k]
		}
		norm = next
		steps++
		if still++; norm < least {
			least, still = norm, 0
			copy(best, x)
		}
	}
	for _, v := range best {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, steps, fmt.Errorf("factorization: a bias is %v: squares of ratings are beyond the numbers of 64 bits; give smaller ratings", v)
		}
	}
	return &biases{mean: mean + best[0], users: best[1 : 1+m.Rows], items: best[1+m.Rows:]}, steps, nil
}

// biasSystem is the normal equations of biases: the matrix of who has rated what, by users and by items.
type biasSystem struct {
	users, items *interactions.Matrix
	pool         *pool.Pool
	l2           float64
	sums         []float64 // of users: what the last multiplication made of their ratings, without the penalty
	job          biasJob
}

// biasJob is a multiplication at work.
type biasJob struct {
	s        *biasSystem
	from, to []float64
}

// biasRows is how many rows are a part of a multiplication.
const biasRows = 2048

// multiply sets to to the matrix of the normal equations times from.
func (s *biasSystem) multiply(from, to []float64) {
	s.job = biasJob{s, from, to}
	users, items := parts(s.users.Rows), parts(s.items.Rows)
	s.pool.Run(users+items, &s.job)
	to[0] = 0
	for _, v := range s.sums {
		to[0] += v
	}
}

func parts(rows int) int { return (rows + biasRows - 1) / biasRows }

// Part multiplies some rows.
func (j *biasJob) Part(i int) {
	s := j.s
	m, own, others := s.users, 1, 1+s.users.Rows
	if n := parts(s.users.Rows); i >= n {
		i -= n
		m, own, others = s.items, others, own
	}
	for r := i * biasRows; r < min((i+1)*biasRows, m.Rows); r++ {
		sum := 0.0
		columns, _ := m.Row(r)
		for _, c := range columns {
			sum += j.from[others+int(c)]
		}
		sum += float64(len(columns)) * (j.from[0] + j.from[own+r])
		j.to[own+r] = sum + s.l2*j.from[own+r]
		if m == s.users {
			s.sums[r] = sum
		}
	}
}

// right sets r to the right-hand side: sums of ratings, less the mean each.
func (s *biasSystem) right(mean float64, r []float64) {
	at := 1
	for _, m := range []*interactions.Matrix{s.users, s.items} {
		for row := range m.Rows {
			_, values := m.Row(row)
			for _, v := range values {
				r[at] += float64(v) - mean
			}
			if m == s.users {
				r[0] += r[at]
			}
			at++
		}
	}
}

// diagonal is that of the matrix; 0 where nothing is known and nothing penalized.
func (s *biasSystem) diagonal() []float64 {
	d := []float64{float64(s.users.Len())}
	for _, m := range []*interactions.Matrix{s.users, s.items} {
		for row := range m.Rows {
			n := m.Offsets[row+1] - m.Offsets[row]
			d = append(d, float64(n)+s.l2)
		}
	}
	return d
}
