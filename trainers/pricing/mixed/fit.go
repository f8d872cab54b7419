package mixed

import (
	"context"
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"debut/kernels/pool"
)

// Fit is a fitted model.
type Fit struct {
	Intercept float64
	Means     []float64 // of classes
	MeanError []float64 // their standard errors
	Spreads   []float64 // of classes: the standard deviation of the coefficients of groups
	// Coefficients has those of each group's features, its mean included; 0 where a group is without.
	Coefficients [][]float64
	Covariance   []*mat.SymDense // of each group's coefficients: of the posterior, or robust where rows were in clusters
	Levels       []float64       // of groups, around the intercept
	Members      [][]float64     // levels of the members of each group
	Slopes       [][][]float64   // [group][feature][member]: what members add to their group's coefficient; nil where they add nothing
	Periods      [][]float64     // levels of the periods of each group
	Effects      [][]float64     // levels of effects
	Scale        float64         // the variance of normal noise; of counts, by how much it is above Poisson's
	Learned      []float64       // of classes: how many coefficients the rows decide on, and not the mean
	Told         [][]float64     // of each group's coefficients, from 0 to 1: how much rows of the group say of it, beside what others do
	Fitted       []float64       // the linear predictor of each row
	Rounds       int             // of learning spreads
}

// solver is the state of a fit.
type solver struct {
	d       *Data
	pool    *pool.Pool
	groups  int
	shared  int   // numbers of the border: the intercept, means, effects
	mean    []int // the place of each class's mean in the border, −1 where it is 0
	effect  []int // the place of the first level of each effect
	levels  []int // of each effect
	within  []int // features that members have coefficients of
	members []int // of each group; 1 where there are none to be told apart
	periods []int // of each group, 0 without

	border []float64   // values of the border
	local  [][]float64 // of each group: deviations of its features, its level, then level and slopes of each member
	// spreads: of classes, of members' slopes of each of within, of levels of groups, of levels of members, of effects
	spreads []float64
	learned []float64
	scale   float64
	fitted  []float64

	blocks []block
	sigma  *mat.SymDense // the covariance of the border
}

// block is what a group has of the arrow.
type block struct {
	gram     *mat.SymDense // local, with the penalty
	cross    *mat.Dense    // local × border
	corner   *mat.SymDense // border × border
	gradient []float64     // local
	outer    []float64     // border
	chol     mat.Cholesky
	solved   *mat.Dense // gram⁻¹·cross
	inverse  *mat.SymDense
	value    float64 // of the log-likelihood
	pearson  float64
}

// kinds of spreads behind those of classes.
func (s *solver) slopeSpread(r int) int { return len(s.d.Classes) + r }
func (s *solver) groupSpread() int      { return len(s.d.Classes) + len(s.within) }
func (s *solver) memberSpread() int     { return s.groupSpread() + 1 }
func (s *solver) periodSpread() int     { return s.groupSpread() + 2 }
func (s *solver) effectSpread(e int) int {
	return s.groupSpread() + 3 + e
}

// Solve fits the model on the pool's goroutines.
func Solve(ctx context.Context, d *Data, p *pool.Pool) (*Fit, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	s := newSolver(d, p)
	round := 0
	for ; round < mostRounds; round++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.newton(); err != nil {
			return nil, err
		}
		if change := s.learn(); change < 1e-2 {
			break
		}
	}
	if err := s.newton(); err != nil {
		return nil, err
	}
	return s.result(round), nil
}

func newSolver(d *Data, p *pool.Pool) *solver {
	s := &solver{d: d, pool: p, groups: len(d.Group) - 1, shared: 1, scale: 1}
	for c := range d.Classes {
		s.mean = append(s.mean, -1)
		if !d.Classes[c].Zero {
			s.mean[c] = s.shared
			s.shared++
		}
		s.spreads = append(s.spreads, d.Classes[c].Spread)
	}
	for f := range d.Features {
		if d.Features[f].Members && d.Member != nil {
			s.within = append(s.within, f)
			s.spreads = append(s.spreads, d.Classes[d.Features[f].Class].Spread/2)
		}
	}
	s.spreads = append(s.spreads, 1, 0.5, 0.3)
	for _, e := range d.Effects {
		n := 0
		for _, v := range e.Level {
			n = max(n, int(v)+1)
		}
		s.effect, s.levels = append(s.effect, s.shared), append(s.levels, n)
		s.shared += n
		s.spreads = append(s.spreads, 0.3)
	}
	s.border = make([]float64, s.shared)
	s.blocks = make([]block, s.groups)
	for g := range s.groups {
		n := 1
		if d.Member != nil {
			for _, m := range d.Member[d.Group[g]:d.Group[g+1]] {
				n = max(n, int(m)+1)
			}
		}
		s.members = append(s.members, n)
		n = 0
		if d.Period != nil {
			for _, t := range d.Period[d.Group[g]:d.Group[g+1]] {
				n = max(n, int(t)+1)
			}
		}
		s.periods = append(s.periods, n)
		s.local = append(s.local, make([]float64, s.width(g)))
	}
	s.fitted = make([]float64, len(d.Y))
	s.begin()
	return s
}

// width is how many numbers a group has of its own.
func (s *solver) width(g int) int {
	return s.firstPeriod(g) + s.periods[g]
}

// firstPeriod is the place of the level of a group's first period.
func (s *solver) firstPeriod(g int) int {
	n := len(s.d.Features) + 1
	if s.members[g] > 1 {
		n += s.members[g] * (1 + len(s.within))
	}
	return n
}

// begin sets the intercept, and a scale.
func (s *solver) begin() {
	var sum, square, offset, trials float64
	n := float64(len(s.d.Y))
	for i, y := range s.d.Y {
		o := s.offset(i)
		switch s.d.Noise {
		case Poisson:
			sum, offset = sum+y, offset+math.Exp(o)
			continue
		case Binomial:
			sum, trials = sum+y, trials+s.d.Trials[i]
			continue
		}
		sum, square = sum+y-o, square+(y-o)*(y-o)
	}
	switch s.d.Noise {
	case Poisson:
		s.border[0] = math.Log(math.Max(sum, 0.5) / offset)
		return
	case Binomial:
		s.border[0] = math.Log((sum + 0.5) / (trials - sum + 0.5))
		return
	}
	s.border[0] = sum / n
	s.scale = math.Max(square/n-sum/n*sum/n, 1e-12) / 2
}

func (s *solver) offset(i int) float64 {
	if s.d.Offset == nil {
		return 0
	}
	return s.d.Offset[i]
}

// penalty is the precision of a number of a group's own, by its place.
func (s *solver) penalties(g int) []float64 {
	out := make([]float64, 0, s.width(g))
	of := func(k int) float64 { return 1 / (s.spreads[k] * s.spreads[k]) }
	for _, f := range s.d.Features {
		out = append(out, of(f.Class))
	}
	out = append(out, of(s.groupSpread()))
	if s.members[g] > 1 {
		for range s.members[g] {
			out = append(out, of(s.memberSpread()))
			for r := range s.within {
				out = append(out, of(s.slopeSpread(r)))
			}
		}
	}
	for range s.periods[g] {
		out = append(out, of(s.periodSpread()))
	}
	return out
}

// slack is the precision of what has no penalty: none but where columns give each other.
const slack = 1e-8

func (s *solver) borderPenalty(k int) float64 {
	for e := len(s.effect) - 1; e >= 0; e-- {
		if k >= s.effect[e] {
			v := s.spreads[s.effectSpread(e)]
			return 1 / (v * v)
		}
	}
	return slack
}

// row lists what a row has of the border and of its group.
type row struct {
	at    []int
	value []float64
	inner []int
	x     []float64
}

func (s *solver) row(g, i int, r *row) {
	r.at, r.value, r.inner, r.x = append(r.at[:0], 0), append(r.value[:0], 1), r.inner[:0], r.x[:0]
	for c, k := range s.mean {
		if k < 0 {
			continue
		}
		sum := 0.0
		for f := range s.d.Features {
			if q := &s.d.Features[f]; q.Class == c && q.Without != g {
				sum += q.X[i]
			}
		}
		if sum != 0 {
			r.at, r.value = append(r.at, k), append(r.value, sum)
		}
	}
	for e := range s.d.Effects {
		r.at, r.value = append(r.at, s.effect[e]+int(s.d.Effects[e].Level[i])), append(r.value, 1)
	}
	for f := range s.d.Features {
		if q := &s.d.Features[f]; q.Without != g && q.X[i] != 0 {
			r.inner, r.x = append(r.inner, f), append(r.x, q.X[i])
		}
	}
	r.inner, r.x = append(r.inner, len(s.d.Features)), append(r.x, 1)
	if s.members[g] > 1 {
		base := len(s.d.Features) + 1 + int(s.d.Member[i])*(1+len(s.within))
		r.inner, r.x = append(r.inner, base), append(r.x, 1)
		for k, f := range s.within {
			r.inner, r.x = append(r.inner, base+1+k), append(r.x, s.d.Features[f].X[i])
		}
	}
	if s.periods[g] > 0 {
		r.inner, r.x = append(r.inner, s.firstPeriod(g)+int(s.d.Period[i])), append(r.x, 1)
	}
}

// predict returns the linear predictor of a row.
func (s *solver) predict(g, i int, r *row) float64 {
	s.row(g, i, r)
	sum := s.offset(i)
	for k, at := range r.at {
		sum += r.value[k] * s.border[at]
	}
	for k, at := range r.inner {
		sum += r.x[k] * s.local[g][at]
	}
	return sum
}

// score returns the log-likelihood of a row by the scale, its slope and its curvature.
func (s *solver) score(i int, eta float64) (value, slope, curvature float64) {
	y, weight := s.d.Y[i], s.weight(i)/s.scale
	mean, variance := s.moments(i, eta)
	switch s.d.Noise {
	case Normal:
		return -weight * (y - eta) * (y - eta) / 2, weight * (y - eta), weight
	case Binomial:
		return weight * (y*eta - s.d.Trials[i]*(math.Max(eta, 0)+math.Log1p(math.Exp(-math.Abs(eta))))), weight * (y - mean), weight * variance
	}
	return weight * (y*eta - mean), weight * (y - mean), weight * variance
}

// moments are the mean of a row, and its variance but for the scale.
func (s *solver) moments(i int, eta float64) (mean, variance float64) {
	switch s.d.Noise {
	case Normal:
		return eta, 1
	case Binomial:
		p := 1 / (1 + math.Exp(-eta))
		return s.d.Trials[i] * p, s.d.Trials[i] * p * (1 - p)
	}
	mean = math.Exp(math.Min(eta, 300))
	return mean, mean
}

// weight of a row.
func (s *solver) weight(i int) float64 {
	if s.d.Weights == nil {
		return 1
	}
	return s.d.Weights[i]
}

// build makes the blocks of the arrow at the present numbers.
func (s *solver) build() {
	pool.Each(s.pool, s.groups, func(g int) {
		b := &s.blocks[g]
		m := s.width(g)
		gram, cross, corner := make([]float64, m*m), make([]float64, m*s.shared), make([]float64, s.shared*s.shared)
		b.gradient, b.outer, b.value, b.pearson = make([]float64, m), make([]float64, s.shared), 0, 0
		var r row
		for i := s.d.Group[g]; i < s.d.Group[g+1]; i++ {
			eta := s.predict(g, i, &r)
			s.fitted[i] = eta
			value, slope, w := s.score(i, eta)
			b.value += value
			mean, variance := s.moments(i, eta)
			b.pearson += s.weight(i) * (s.d.Y[i] - mean) * (s.d.Y[i] - mean) / math.Max(variance, 1e-12)
			for k, at := range r.inner {
				b.gradient[at] += slope * r.x[k]
				wx := w * r.x[k]
				line := gram[at*m:]
				for l, other := range r.inner {
					line[other] += wx * r.x[l]
				}
				edge := cross[at*s.shared:]
				for l, other := range r.at {
					edge[other] += wx * r.value[l]
				}
			}
			for k, at := range r.at {
				b.outer[at] += slope * r.value[k]
				wv := w * r.value[k]
				line := corner[at*s.shared:]
				for l, other := range r.at {
					line[other] += wv * r.value[l]
				}
			}
		}
		for k, p := range s.penalties(g) {
			gram[k*m+k] += p
			b.gradient[k] -= p * s.local[g][k]
			b.value -= p * s.local[g][k] * s.local[g][k] / 2
		}
		b.gram, b.cross, b.corner = mat.NewSymDense(m, gram), mat.NewDense(m, s.shared, cross), mat.NewSymDense(s.shared, corner)
	})
}

var errSingular = errors.New("mixed: features are too nearly combinations of each other: leave one of them out")

// eliminate reduces the arrow to the border, and returns its matrix and right side.
func (s *solver) eliminate() (*mat.SymDense, []float64, error) {
	fine := make([]bool, s.groups)
	reduced := make([][]float64, s.groups)
	pool.Each(s.pool, s.groups, func(g int) {
		b := &s.blocks[g]
		if fine[g] = b.chol.Factorize(b.gram); !fine[g] {
			return
		}
		b.solved = mat.NewDense(s.width(g), s.shared, nil)
		if err := b.chol.SolveTo(b.solved, b.cross); err != nil && !conditioned(err) {
			fine[g] = false
			return
		}
		var less mat.Dense
		less.Mul(b.cross.T(), b.solved)
		raw := b.corner.RawSymmetric()
		for k := range s.shared {
			for l := k; l < s.shared; l++ {
				raw.Data[k*raw.Stride+l] -= (less.At(k, l) + less.At(l, k)) / 2
			}
		}
		right := append([]float64(nil), b.outer...)
		for k, v := range b.gradient {
			for l := range right {
				right[l] -= b.solved.At(k, l) * v
			}
		}
		reduced[g] = right
	})
	total, right := mat.NewSymDense(s.shared, nil), make([]float64, s.shared)
	for g := range s.groups {
		if !fine[g] {
			return nil, nil, errSingular
		}
		total.AddSym(total, s.blocks[g].corner)
		for k, v := range reduced[g] {
			right[k] += v
		}
	}
	for k := range s.shared {
		p := s.borderPenalty(k)
		total.SetSym(k, k, total.At(k, k)+p)
		right[k] -= p * s.border[k]
	}
	return total, right, nil
}

func conditioned(err error) bool {
	var condition mat.Condition
	return errors.As(err, &condition)
}

// value is the penalized log-likelihood of the blocks that were built last.
func (s *solver) value() float64 {
	sum := 0.0
	for g := range s.blocks {
		sum += s.blocks[g].value
	}
	for k, v := range s.border {
		sum -= s.borderPenalty(k) * v * v / 2
	}
	return sum
}

// newton goes to the maximum at the present spreads, and leaves the arrow there factorized.
func (s *solver) newton() error {
	s.build()
	for range mostSteps {
		before := s.value()
		total, right, err := s.eliminate()
		if err != nil {
			return err
		}
		var chol mat.Cholesky
		if !chol.Factorize(total) {
			return errSingular
		}
		step := mat.NewVecDense(s.shared, nil)
		if err := chol.SolveVecTo(step, mat.NewVecDense(s.shared, right)); err != nil && !conditioned(err) {
			return fmt.Errorf("mixed: %w", err)
		}
		s.sigma = mat.NewSymDense(s.shared, nil)
		if err := chol.InverseTo(s.sigma); err != nil && !conditioned(err) {
			return fmt.Errorf("mixed: %w", err)
		}
		steps := make([][]float64, s.groups)
		pool.Each(s.pool, s.groups, func(g int) {
			b := &s.blocks[g]
			own := mat.NewVecDense(s.width(g), nil)
			_ = b.chol.SolveVecTo(own, mat.NewVecDense(s.width(g), b.gradient)) // ill conditioned at worst: the next step mends it
			var shift mat.VecDense
			shift.MulVec(b.solved, step)
			own.SubVec(own, &shift)
			steps[g] = own.RawVector().Data
		})
		gain := 0.0 // what the step promises: half of the Newton decrement
		for k := range s.shared {
			gain += right[k] * step.AtVec(k)
		}
		for g := range s.groups {
			own := s.blocks[g].gradient
			z := mat.NewVecDense(len(own), nil)
			_ = s.blocks[g].chol.SolveVecTo(z, mat.NewVecDense(len(own), own))
			for k, v := range own {
				gain += v * z.AtVec(k)
			}
		}
		if s.d.Noise != Normal && gain < 1e-9*(1+math.Abs(before)) {
			return nil
		}
		s.move(step.RawVector().Data, steps, 1)
		if s.d.Noise == Normal {
			s.refresh()
			return nil
		}
		share := 1.0
		for s.build(); s.value() < before && share > 1e-3; s.build() {
			s.move(step.RawVector().Data, steps, -share/2)
			share /= 2
		}
	}
	return errors.New("mixed: the likelihood has no maximum that Newton's method finds in fifty steps: look for features that are 0 but for a row or two")
}

func (s *solver) move(step []float64, steps [][]float64, by float64) {
	for k, v := range step {
		s.border[k] += by * v
	}
	for g := range s.groups {
		for k, v := range steps[g] {
			s.local[g][k] += by * v
		}
	}
}

// refresh predicts the rows anew; of normal noise the arrow is the same.
func (s *solver) refresh() {
	pool.Each(s.pool, s.groups, func(g int) {
		var r row
		b := &s.blocks[g]
		b.pearson = 0
		for i := s.d.Group[g]; i < s.d.Group[g+1]; i++ {
			s.fitted[i] = s.predict(g, i, &r)
			b.pearson += s.weight(i) * (s.d.Y[i] - s.fitted[i]) * (s.d.Y[i] - s.fitted[i])
		}
	})
}
