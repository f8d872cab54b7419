package factorization

import (
	"context"
	"fmt"
	"math"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/trainers/loop"
	"debut/trainers/recommender"
)

// alsAlgorithm is alternating least squares. One side is held fixed, and each row of the other is a least-squares problem of its own;
// a pass fits all users, and then all items.
//
//   - implicit (Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", 2008; in the form, and with the
//     penalty, of Rendle, Krichene, Zhang and Koren, "Revisiting the Performance of iALS on Item Recommendation Benchmarks", 2022):
//     Σ c·(1 − x·y)² over the pairs that occurred, α₀·Σ (x·y)² over all pairs, and λ·(|N| + α₀·others)^ν·|x|² for each row, |N| its
//     pairs and others the rows of the other side
//   - explicit (Zhou et al., "Large-scale Parallel Collaborative Filtering for the Netflix Prize", 2008): Σ (r − μ − b − b' − x·y)²
//     over the ratings alone, and the same penalty with α₀ = 0, biases in it
//
// A pass takes, with n = steps + 1 products of conjugate gradients, n·(4·factors) operations for each pair and n·(2·factors²) for each
// row, twice over: of users and of items.
var alsAlgorithm = algorithm{
	name: "als",
	keys: []string{"factors", "feedback", "regularization", "exponent", "unobserved", "confidence", "solver", "steps"},
	setDefaults: func(c *Config) {
		m := &c.Model
		set := func(s *string, v string) {
			if *s == "" {
				*s = v
			}
		}
		set(&m.Feedback, Implicit)
		set(&m.Solver, ConjugateGradient)
		if m.Factors == 0 {
			m.Factors = 64
		}
		if m.Steps == 0 && m.Solver == ConjugateGradient {
			m.Steps = 3
		}
		if m.Exponent == nil {
			m.Exponent = new(1.0)
		}
		if m.Feedback == Implicit {
			set(&m.Confidence, ConfidenceValue)
		}
		if c.Train.Epochs == 0 {
			c.Train.Epochs = 15
			if c.validated() && c.Train.EarlyStopping.Patience == 0 {
				c.Train.EarlyStopping.Patience = 4
			}
		}
	},
	validate: validateALS,
	need: func(p *problem) map[string]int64 {
		rows, d := int64(p.Users.Len()+p.Items.Len()), int64(p.cfg.Model.Factors)
		each := 8 + 4 // column and weight, of both sides
		if p.cfg.Model.Feedback == Explicit {
			each += 4
		}
		return map[string]int64{
			"pairs by user and by item": 2*p.Train.Len()*int64(each) + 12*rows,
			"systems of equations":      int64(p.dev.Info().Threads+1) * 4 * (d*d + 1024*(d+32)),
		}
	},
	settle: settleALS,
	begin: func(_ context.Context, p *problem) (fitter, error) {
		return newALS(p.dev, p.Train, &p.cfg.Model, p.cfg.Seed)
	},
	fold:   foldExactly,
	calmer: "a larger model.regularization, or smaller values of data",
	about: func(m *ModelConfig) string {
		if m.Feedback == Explicit {
			return fmt.Sprintf("%d factors and biases by alternating least squares of ratings, regularization %.4g", m.Factors, *m.Regularization)
		}
		return fmt.Sprintf("%d factors by implicit alternating least squares, pairs that did not occur weigh %.4g, regularization %.4g", m.Factors, *m.Unobserved, *m.Regularization)
	},
}

func validateALS(c *ModelConfig) error {
	for _, f := range []struct {
		path, value string
		allowed     []string
	}{
		{"feedback", c.Feedback, []string{Implicit, Explicit}}, {"confidence", c.Confidence, []string{ConfidenceValue, ConfidenceLog, ConfidenceNone}},
		{"solver", c.Solver, []string{ConjugateGradient, Cholesky}},
	} {
		if err := configfile.OneOf(f.path, f.value, f.allowed...); err != nil {
			return err
		}
	}
	for _, err := range []error{
		within("regularization", c.Regularization, 0, math.MaxFloat32), within("exponent", c.Exponent, 0, 2), within("unobserved", c.Unobserved, 1e-12, math.MaxFloat32),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case c.Feedback == Explicit && c.Unobserved != nil:
		return configfile.Errorf("unobserved", "of ratings only those there are count; leave it out, or set feedback: implicit")
	case c.Feedback == Explicit && c.Confidence != "":
		return configfile.Errorf("confidence", "ratings are met as they are; leave it out, or set feedback: implicit")
	case c.Solver == Cholesky && c.Steps != 0:
		return configfile.Errorf("steps", "%s is exact; leave it out, or set solver: %s", Cholesky, ConjugateGradient)
	case c.Solver == ConjugateGradient && c.Steps < 0:
		return configfile.Errorf("steps", "%d steps; give a positive number", c.Steps)
	}
	return nil
}

// alsBatch is how many rows a batch has at most: enough for all threads, few enough that an interruption is noticed soon.
const alsBatch = 4096

// als is a training by alternating least squares.
type als struct {
	dev          kernels.Device
	family       kernels.LeastSquares
	model        *Factors
	users, items *alsSide
	steps        int // of conjugate gradients, 0: exact
	unobserved   float64
	mean         float64
	pairs        float64
	gram         []float32 // of the side that is fixed
	ready        *alsSide  // the side that gram and targets are for
	bound        map[[2]int]*alsBlock
}

// alsSide is the users or the items.
type alsSide struct {
	pairs    *interactions.Matrix // by its rows
	factors  []float32
	columns  int // of factors: the whole width
	lo, hi   int // columns that are fitted
	fixed    int // of explicit feedback, the column of the other side's bias that is not
	others   *alsSide
	weights  []float32
	targets  []float32 // of explicit feedback
	ridge    []float32
	matrices struct{ factors, columns, weights, targets, ridge kernels.Matrix }
}

// alsBlock is a bound kernel for some rows of a side.
type alsBlock struct {
	kernel kernels.Kernel
	loss   []float32
}

// firstDeviation is the standard deviation of first factors times the root of their number.
const firstDeviation = 0.1

// streamALS keeps first factors apart from the other random numbers of a seed.
var streamALS = philox.StreamOf("trainers/factorization: first factors of als")

// newALS begins a training. The settings are whole, but for the two that implicit feedback has.
func newALS(dev kernels.Device, train *interactions.Matrix, cfg *ModelConfig, seed uint64) (*als, error) {
	family, err := kernels.Family[kernels.LeastSquares](dev)
	if err != nil {
		return nil, err
	}
	d := cfg.Factors
	a := &als{dev: dev, family: family, steps: cfg.Steps, pairs: float64(train.Len()), bound: map[[2]int]*alsBlock{}}
	byItem := train.Transpose()
	a.users, a.items = &alsSide{pairs: train, columns: d, hi: d}, &alsSide{pairs: byItem, columns: d, hi: d}
	a.users.others, a.items.others = a.items, a.users
	explicit := cfg.Feedback == Explicit
	if explicit {
		a.mean = rounded(recommender.Mean(train)) // as the model folder has it
		a.users.columns, a.users.lo, a.users.hi, a.users.fixed = d+2, 0, d+1, d+1
		a.items.columns, a.items.lo, a.items.hi, a.items.fixed = d+2, 1, d+2, 0
	} else {
		a.unobserved = *cfg.Unobserved
		a.gram = make([]float32, d*d)
	}
	for i, s := range []*alsSide{a.users, a.items} {
		s.factors = make([]float32, s.pairs.Rows*s.columns)
		r := philox.New(seed, streamALS+uint64(i))
		deviation := firstDeviation / math.Sqrt(float64(d))
		for k := range s.factors {
			s.factors[k] = float32(deviation * r.NormFloat64())
		}
		if explicit {
			for row := range s.pairs.Rows {
				x := s.factors[row*s.columns : (row+1)*s.columns]
				x[0], x[d+1] = 0, 0
				x[[]int{d + 1, 0}[i]] = 1
			}
		}
		s.weights = confidences(s.pairs.Values, cfg)
		if explicit {
			s.targets = make([]float32, len(s.pairs.Values))
		}
		s.ridge = make([]float32, s.pairs.Rows)
		for row := range s.ridge {
			s.ridge[row] = ridge(cfg, s.pairs.Offsets[row+1]-s.pairs.Offsets[row], s.pairs.Columns)
		}
		column := func(b kernels.Buffer) kernels.Matrix { return kernels.NewMatrix(b, b.Len(), 1) }
		m := &s.matrices
		m.factors = kernels.NewMatrix(cpu.Wrap(s.factors), s.pairs.Rows, s.columns)
		m.columns, m.weights, m.ridge = column(cpu.Wrap(s.pairs.Indices)), column(cpu.Wrap(s.weights)), column(cpu.Wrap(s.ridge))
		if explicit {
			m.targets = column(cpu.Wrap(s.targets))
		}
	}
	a.model = &Factors{Users: a.users.factors, Items: a.items.factors, Width: a.users.columns, Biases: explicit, Mean: a.mean}
	return a, nil
}

// confidences are what pairs weigh.
func confidences(values []float32, cfg *ModelConfig) []float32 {
	w := make([]float32, len(values))
	for k, v := range values {
		switch {
		case cfg.rates() || cfg.Confidence == ConfidenceNone:
			w[k] = 1
		case cfg.Confidence == ConfidenceLog:
			w[k] = float32(math.Log1p(float64(v)))
		default:
			w[k] = v
		}
	}
	return w
}

// ridge is the penalty of a row with so many pairs, of so many rows of the other side.
func ridge(cfg *ModelConfig, pairs int64, others int) float32 {
	size, exponent := float64(pairs), 1.0
	switch {
	case cfg.Algorithm == algorithmBias:
		exponent = 0
	case cfg.Exponent != nil:
		exponent = *cfg.Exponent
	}
	if !cfg.rates() {
		size += *cfg.Unobserved * float64(others)
	}
	return float32(*cfg.Regularization * math.Pow(size, exponent))
}

// course is a pass over users, and then items.
func (a *als) course() (rows, batch int, shuffle bool) {
	return a.users.pairs.Rows + a.items.pairs.Rows, alsBatch, false
}

func (a *als) rate() float64 { return 0 }

func (a *als) factors() *Factors { return a.model }

func (a *als) tensors() []tensor {
	return []tensor{{usersTensor, a.users.factors, a.users.columns}, {itemsTensor, a.items.factors, a.items.columns}}
}

func (a *als) loaded() { a.ready = nil }

// step fits the rows of a batch. Its loss is such that the mean over an epoch is the objective after it, for each pair: the items' sums
// hold all of it but for the users' penalty, which the users' steps report.
func (a *als) step(ev loop.Event) (float64, error) {
	users := a.users.pairs.Rows
	from, to := ev.From, ev.From+ev.N
	sum := 0.0
	if from < users {
		if _, err := a.fit(a.users, from, min(to, users)); err != nil {
			return 0, err
		}
		sum += a.users.penalty(from, min(to, users))
	}
	if to > users {
		left, err := a.fit(a.items, max(from, users)-users, to-users)
		if err != nil {
			return 0, err
		}
		sum += left
	}
	all := float64(users + a.items.pairs.Rows)
	return sum * all / a.pairs / float64(ev.N), nil
}

// pass trains for an epoch and returns its loss.
func (a *als) pass(ctx context.Context) (float64, error) {
	rows, batch, _ := a.course()
	sum := 0.0
	for from := 0; from < rows; from += batch {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n := min(batch, rows-from)
		loss, err := a.step(loop.Event{From: from, N: n})
		if err != nil {
			return 0, err
		}
		sum += loss * float64(n)
	}
	return sum / float64(rows), nil
}

// ALS is alternating least squares by itself, outside of a run.
type ALS struct{ a *als }

// NewALS begins a training on a matrix of users × items, by the model section of a run file; the device must be the processor. An error is
// one of the settings: nothing is chosen by trials here, and implicit feedback needs unobserved and regularization.
func NewALS(dev kernels.Device, train *interactions.Matrix, cfg ModelConfig, seed uint64) (*ALS, error) {
	c := &Config{Model: cfg}
	c.SetDefaults()
	if c.Model.rates() {
		settleRatings(train, &c.Model)
	}
	if err := c.Model.whole(); err != nil {
		return nil, err
	}
	a, err := newALS(dev, train, &c.Model, seed)
	return &ALS{a}, err
}

// Pass fits all users, and then all items. It returns the objective after it, for each pair.
func (a *ALS) Pass(ctx context.Context) (loss float64, err error) { return a.a.pass(ctx) }

// Factors are those of now, which the next pass changes.
func (a *ALS) Factors() *Factors { return a.a.model }

// penalty is that of rows lo … hi−1.
func (s *alsSide) penalty(lo, hi int) (sum float64) {
	for r := lo; r < hi; r++ {
		x := s.factors[r*s.columns+s.lo : r*s.columns+s.hi]
		sum += float64(s.ridge[r]) * inner(x, x)
	}
	return sum
}

// fit fits rows lo … hi−1 of a side and returns the sum of what is left of theirs.
func (a *als) fit(s *alsSide, lo, hi int) (left float64, err error) {
	if a.ready != s {
		if err := a.prepare(s); err != nil {
			return 0, err
		}
	}
	side := 0
	if s == a.items {
		side = 1
	}
	b := a.bound[[2]int{side, lo}]
	if b == nil || len(b.loss) != hi-lo {
		if b, err = a.bind(s, lo, hi); err != nil {
			return 0, err
		}
		a.bound[[2]int{side, lo}] = b
	}
	if err := b.kernel.Run(); err != nil {
		return 0, err
	}
	for _, v := range b.loss {
		left += float64(v)
	}
	return left, nil
}

// prepare computes what fitting a side takes of the other, which is fixed meanwhile.
func (a *als) prepare(s *alsSide) error {
	o := s.others
	a.ready = nil
	if a.gram != nil {
		if err := gram(a.dev, o.factors, o.columns, o.lo, o.hi, a.gram); err != nil {
			return err
		}
	}
	for k := range s.targets {
		// A bias of the other side is met by the rating, not by the row that is fitted.
		s.targets[k] = float32(float64(s.pairs.Values[k]) - a.mean - float64(o.factors[int(s.pairs.Indices[k])*o.columns+s.fixed]))
	}
	a.ready = s
	return nil
}

// bind binds the kernel of rows lo … hi−1 of a side.
func (a *als) bind(s *alsSide, lo, hi int) (*alsBlock, error) {
	first, last := s.pairs.Offsets[lo], s.pairs.Offsets[hi]
	if last-first > math.MaxInt32 {
		return nil, fmt.Errorf("factorization: %d rows have %d pairs, more than the %d of a batch", hi-lo, last-first, math.MaxInt32)
	}
	offsets := make([]int32, hi-lo+1)
	for i := range offsets {
		offsets[i] = int32(s.pairs.Offsets[lo+i] - first)
	}
	b := &alsBlock{loss: make([]float32, hi-lo)}
	m := &s.matrices
	part := func(x kernels.Matrix, lo, hi int) kernels.Matrix {
		if x.Present() {
			x.Offset, x.Rows = x.Offset+lo*x.Stride, hi-lo
		}
		return x
	}
	entries := func(x kernels.Matrix) kernels.Matrix { return part(x, int(first), int(last)) }
	args := kernels.SolveRowsArgs{
		X: part(m.factors, lo, hi).Columns(s.lo, s.hi), Y: s.others.matrices.factors.Columns(s.lo, s.hi),
		Offsets: kernels.NewMatrix(cpu.Wrap(offsets), len(offsets), 1), Columns: entries(m.columns), Weights: entries(m.weights), Targets: entries(m.targets),
		Ridge: part(m.ridge, lo, hi), Loss: kernels.NewMatrix(cpu.Wrap(b.loss), hi-lo, 1), Steps: a.steps,
	}
	if a.gram != nil {
		args.Gram, args.GramWeight = kernels.NewMatrix(cpu.Wrap(a.gram), s.hi-s.lo, s.hi-s.lo), a.unobserved
	}
	var err error
	b.kernel, err = a.family.SolveRows(args)
	return b, err
}

// settleALS chooses what is left open.
func settleALS(ctx context.Context, p *problem) (string, error) {
	m := &p.cfg.Model
	if m.rates() {
		if clause := settleRatings(p.Train, m); clause != "" {
			return clause + byRatings, nil
		}
		return "", nil
	}
	if m.Unobserved != nil && m.Regularization != nil {
		return "", nil
	}
	return searchALS(ctx, p)
}
