package factorization

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/kernels"
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
//
// Newton steps on blocks of columns in their place (iALS++: Rendle, Krichene, Zhang and Koren, "iALS++: Speeding up Matrix Factorization with
// Subspace Optimization", 2021) were measured and left out. Both in Go without vectors, in CPU time: to within 1 % of the least objective of 40,000
// pairs at 32 factors, three steps of conjugate gradients took 0.13 s and blocks of 8 columns, the best of 4 to 32, 0.20 s; of 20,000 pairs at 128
// factors they took 0.38 s, and no blocks came there in 8 passes of up to 0.8 s.
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
		rows, each := int64(p.Users.Len()+p.Items.Len()), int64(8) // the column and the value of a pair
		if p.cfg.Model.rates() {
			each += 8 + 48 // what it aims at, of both sides; trials by steps
		}
		return map[string]int64{"pairs by item": each*p.Train.Len() + 20*rows}
	},
	onDevice: func(p *problem) map[string]int64 {
		c, n, rows, d := &p.cfg.Model, p.Train.Len(), int64(p.Users.Len()+p.Items.Len()), int64(p.cfg.Model.Factors)
		if onProcessor(p.dev) {
			need := map[string]int64{"systems of equations": int64(p.dev.Info().Threads+1) * 4 * (d*d + 1024*(d+32))}
			if c.rates() || c.Confidence != ConfidenceValue {
				need["weights of pairs"] = 8 * n
			}
			return need
		}
		each := int64(8)
		if c.rates() {
			each += 4
		}
		need := map[string]int64{"pairs by user and by item": 2 * each * n, "factors": rows * (4*int64(c.width()) + 12), "gram matrix": 4 * d * d}
		if c.Solver == Cholesky {
			need["systems of equations"] = min(4*rows*d*d, 2*systemsOnGPU)
		}
		return need
	},
	inBlocks: func(p *problem) map[string]int64 {
		return blockNeed(p.Train, longestRow(p.Train.Transpose()), &p.cfg.Model)
	},
	settle: settleALS,
	begin: func(_ context.Context, p *problem) (fitter, error) {
		return newALS(p.dev, p.Train, &p.cfg.Model, p.cfg.Seed, p.blocks)
	},
	fold:     foldExactly,
	foldItem: foldItemExactly,
	calmer:   "a larger model.regularization, or smaller values of data",
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

// systemsOnGPU bounds the memory that a GPU solves systems in, of either side.
const systemsOnGPU = 256 << 20

// A batch has a share of all rows, which is enough for all threads and a GPU, and so few that an interruption is noticed soon.
const (
	leastBatch = 1 << 12
	mostBatch  = 1 << 16
	batches    = 16
)

// als is a training by alternating least squares.
type als struct {
	dev          kernels.Device
	model        *Factors
	users, items *alsSide
	unobserved   float64
	mean         float64
	pairs        float64
	gram         kernels.Matrix // of the side that is fixed; absent: only pairs that occurred count
	blocks       *alsBlocks     // nil: the device has room for all rows
	ready        *alsSide       // the side that gram and targets are for
}

// alsSide is the users or the items.
type alsSide struct {
	pairs   *interactions.Matrix // by its rows
	columns int                  // of factors: the whole width
	lo, hi  int                  // columns that are fitted
	fixed   int                  // of explicit feedback, the column of the other side's bias that is not
	others  *alsSide
	factors *mirror[float32] // what the host has is always up to date
	ridge   *mirror[float32]
	targets *mirror[float32] // of explicit feedback
	loss    *mirror[float32]
	window  *mirror[int32]
	weights []float32        // of pairs, where rows are fitted in blocks
	gram    []kernels.Kernel // make that of the others
	solve   kernels.Kernel
}

// firstDeviation is the standard deviation of first factors times the root of their number.
const firstDeviation = 0.1

// streamALS keeps first factors apart from the other random numbers of a seed.
var streamALS = philox.StreamOf("trainers/factorization: first factors of als")

// newALS begins a training. The settings are whole, but for the two that implicit feedback has. Blocks are the bytes of a device whose memory has
// not room for all rows; 0: it has.
func newALS(dev kernels.Device, train *interactions.Matrix, cfg *ModelConfig, seed uint64, blocks int64) (*als, error) {
	if err := checkMatrix(train); err != nil {
		return nil, err
	}
	d := cfg.Factors
	a := &als{dev: dev, pairs: float64(train.Len())}
	a.users, a.items = &alsSide{pairs: train, columns: d, hi: d}, &alsSide{pairs: train.Transpose(), columns: d, hi: d}
	a.users.others, a.items.others = a.items, a.users
	explicit := cfg.Feedback == Explicit
	if explicit {
		a.mean = rounded(recommender.Mean(train)) // as the model folder has it
		a.users.columns, a.users.lo, a.users.hi, a.users.fixed = d+2, 0, d+1, d+1
		a.items.columns, a.items.lo, a.items.hi, a.items.fixed = d+2, 1, d+2, 0
	} else {
		a.unobserved = *cfg.Unobserved
		b, err := dev.Alloc(kernels.Float32, d*d, "gram matrix")
		if err != nil {
			return nil, fmt.Errorf("factorization: %w", err)
		}
		a.gram = kernels.NewMatrix(b, d, d)
	}
	if blocks > 0 {
		var err error
		if a.blocks, err = newBlocks(dev, a.users, a.items, cfg, blocks); err != nil {
			return nil, err
		}
	}
	for i, s := range []*alsSide{a.users, a.items} {
		if err := s.begin(dev, cfg, seed, i, blocks > 0); err != nil {
			return nil, err
		}
	}
	for _, s := range []*alsSide{a.users, a.items} {
		if err := a.bind(s, cfg); err != nil {
			return nil, err
		}
	}
	a.model = &Factors{Users: a.users.factors.data, Items: a.items.factors.data, Width: a.users.columns, Biases: explicit, Mean: a.mean}
	return a, nil
}

// begin draws the first factors of a side, users being 0 and items 1, and makes what else there is of it but its pairs. With away, all of it is
// the host's alone.
func (s *alsSide) begin(dev kernels.Device, cfg *ModelConfig, seed uint64, side int, away bool) (err error) {
	d, rows := cfg.Factors, s.pairs.Rows
	floats := func(n int, purpose string) (*mirror[float32], error) {
		if away {
			return onHost[float32](n), nil
		}
		return newMirror[float32](dev, n, purpose)
	}
	if s.factors, err = floats(rows*s.columns, "factors"); err != nil {
		return err
	}
	first := s.factors.data
	r := philox.New(seed, streamALS+uint64(side))
	deviation := firstDeviation / math.Sqrt(float64(d))
	for k := range first {
		first[k] = float32(deviation * r.NormFloat64())
	}
	if cfg.Feedback == Explicit {
		for row := range rows {
			x := first[row*s.columns : (row+1)*s.columns]
			x[0], x[d+1] = 0, 0
			x[[]int{d + 1, 0}[side]] = 1
		}
		if s.targets, err = floats(int(s.pairs.Len()), "pairs"); err != nil {
			return err
		}
	}
	if s.ridge, err = floats(rows, "factors"); err != nil {
		return err
	}
	for row := range s.ridge.data {
		s.ridge.data[row] = ridge(cfg, s.pairs.Offsets[row+1]-s.pairs.Offsets[row], s.pairs.Columns)
	}
	if err := errors.Join(s.factors.put(), s.ridge.put()); err != nil {
		return err
	}
	if s.loss, err = floats(rows, "factors"); err != nil || away {
		return err
	}
	s.window, err = newMirror[int32](dev, 2, "factors")
	return err
}

// matrix are the factors that are fitted.
func (s *alsSide) matrix() kernels.Matrix {
	return s.factors.matrix(s.pairs.Rows, s.columns).Columns(s.lo, s.hi)
}

// bind binds what fits rows of a side.
func (a *als) bind(s *alsSide, cfg *ModelConfig) (err error) {
	defer func() {
		if errors.Is(err, kernels.ErrUnsupported) {
			err = fmt.Errorf("%w; take fewer factors, or device: cpu", err)
		}
	}()
	if a.blocks != nil {
		s.weights = confidences(s.pairs.Values, cfg)
		if a.gram.Present() {
			if s.gram, err = a.blocks.bindGram(s.others, a.gram); err != nil {
				return err
			}
		}
		s.solve, err = a.blocks.bind(s, cfg.Steps, a.gram, a.unobserved)
		return err
	}
	family, err := kernels.Family[kernels.LeastSquares](a.dev)
	if err != nil {
		return err
	}
	offsets := make([]int32, len(s.pairs.Offsets))
	for i, v := range s.pairs.Offsets { // as many as checkMatrix lets pass
		offsets[i] = int32(v)
	}
	at, err := mirrorOf(a.dev, offsets, "pairs")
	if err != nil {
		return err
	}
	columns, err := mirrorOf(a.dev, s.pairs.Indices, "pairs")
	if err != nil {
		return err
	}
	weights, err := mirrorOf(a.dev, confidences(s.pairs.Values, cfg), "pairs")
	if err != nil {
		return err
	}
	n, rows := int(s.pairs.Len()), s.pairs.Rows
	args := kernels.SolveRowsArgs{
		X: s.matrix(), Y: s.others.factors.matrix(s.others.pairs.Rows, s.columns).Columns(s.lo, s.hi),
		Offsets: at.matrix(rows+1, 1), Columns: columns.matrix(n, 1), Weights: weights.matrix(n, 1), Targets: s.targets.matrix(n, 1),
		Ridge: s.ridge.matrix(rows, 1), Loss: s.loss.matrix(rows, 1), Window: s.window.matrix(1, 2), Steps: cfg.Steps,
	}
	if a.gram.Present() {
		args.Gram, args.GramWeight = a.gram, a.unobserved
		o := s.others.matrix()
		if s.gram, err = gramKernels(a.dev, func(lo, hi int) kernels.Matrix { return someRows(o, lo, hi) }, o.Rows, a.gram); err != nil {
			return err
		}
	}
	s.solve, err = family.SolveRows(args)
	return err
}

// confidences are what pairs weigh: the values themselves where they say it.
func confidences(values []float32, cfg *ModelConfig) []float32 {
	if !cfg.rates() && cfg.Confidence != ConfidenceNone && cfg.Confidence != ConfidenceLog {
		return values
	}
	w := make([]float32, len(values))
	for k, v := range values {
		w[k] = 1
		if !cfg.rates() && cfg.Confidence == ConfidenceLog {
			w[k] = float32(math.Log1p(float64(v)))
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
	rows = a.users.pairs.Rows + a.items.pairs.Rows
	return rows, min(max(rows/batches, leastBatch), mostBatch), false
}

func (a *als) rate() float64 { return 0 }

func (a *als) factors() (*Factors, error) { return a.model, nil }

func (a *als) tensors() ([]tensor, error) {
	return []tensor{{usersTensor, a.users.factors.data, a.users.columns}, {itemsTensor, a.items.factors.data, a.items.columns}}, nil
}

func (a *als) loaded() error {
	a.ready = nil
	return errors.Join(a.users.factors.put(), a.items.factors.put())
}

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

// NewALS begins a training on a matrix of users × items, by the model section of a run file. An error is one of the settings or of the
// device: nothing is chosen by trials here, and implicit feedback needs unobserved and regularization.
func NewALS(dev kernels.Device, train *interactions.Matrix, cfg ModelConfig, seed uint64) (*ALS, error) {
	c := &Config{Model: cfg}
	c.SetDefaults()
	if c.Model.rates() {
		c.Model.Factors = cmp.Or(c.Model.Factors, ratingFactors(&c.Model))
		settleRatings(train, &c.Model)
	}
	if err := c.Model.whole(); err != nil {
		return nil, err
	}
	a, err := newALS(dev, train, &c.Model, seed, 0)
	return &ALS{a}, err
}

// Pass fits all users, and then all items. It returns the objective after it, for each pair.
func (a *ALS) Pass(ctx context.Context) (loss float64, err error) { return a.a.pass(ctx) }

// Factors are those of now, which the next pass changes.
func (a *ALS) Factors() *Factors { return a.a.model }

// penalty is that of rows lo … hi−1.
func (s *alsSide) penalty(lo, hi int) (sum float64) {
	for r := lo; r < hi; r++ {
		x := s.factors.data[r*s.columns+s.lo : r*s.columns+s.hi]
		sum += float64(s.ridge.data[r]) * inner(x, x)
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
	if err := a.solve(s, lo, hi); err != nil {
		return 0, err
	}
	for _, v := range s.loss.data[lo:hi] {
		left += float64(v)
	}
	return left, nil
}

// solve fits rows in one go, or in blocks.
func (a *als) solve(s *alsSide, lo, hi int) error {
	if a.blocks != nil {
		return a.blocks.fit(s, s.weights, lo, hi)
	}
	s.window.data[0], s.window.data[1] = int32(lo), int32(hi)
	if err := s.window.put(); err != nil {
		return err
	}
	if err := s.solve.Run(); err != nil {
		return err
	}
	return errors.Join(s.loss.get(lo, hi), s.factors.get(lo*s.columns, hi*s.columns))
}

// prepare computes what fitting a side takes of the other, which is fixed meanwhile.
func (a *als) prepare(s *alsSide) error {
	o := s.others
	a.ready = nil
	if a.blocks != nil && s.gram != nil {
		if err := a.blocks.gram(o, s.gram); err != nil {
			return err
		}
	} else {
		for _, k := range s.gram {
			if err := k.Run(); err != nil {
				return err
			}
		}
	}
	if s.targets != nil {
		for k := range s.targets.data {
			// A bias of the other side is met by the rating, not by the row that is fitted.
			s.targets.data[k] = float32(float64(s.pairs.Values[k]) - a.mean - float64(o.factors.data[int(s.pairs.Indices[k])*o.columns+s.fixed]))
		}
		if err := s.targets.put(); err != nil {
			return err
		}
	}
	a.ready = s
	return nil
}

// settleALS chooses what is left open.
func settleALS(ctx context.Context, p *problem) (string, error) {
	m := &p.cfg.Model
	if m.rates() {
		chosen, err := searchRatings(ctx, p)
		rest := settleRatings(p.Train, m)
		if rest != "" {
			rest += byRatings
		}
		return clauses(chosen, rest), err
	}
	if m.Unobserved != nil && m.Regularization != nil {
		return "", nil
	}
	return searchALS(ctx, p)
}
