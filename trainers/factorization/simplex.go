package factorization

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/datasets/configfile"
	"debut/engine"
	"debut/engine/ops"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/pool"
	"debut/layers"
	"debut/trainers/gradient"
	"debut/trainers/loop"
	"debut/trainers/run"
)

// simplexAlgorithm is cosine-contrastive matrix factorization with many negatives (Mao, Zhu, Wang, Dai, Dong, Xiao and He, "SimpleX: A Simple
// and Strong Baseline for Collaborative Filtering", CIKM 2021). A user's vector is
//
//	gate·e_u + (1 − gate)·V·mean(e_i over the items i that he has)
//
// and his score of an item the cosine of the two vectors. For each pair of a user u and an item i that he has,
//
//	1 − cos(u, i) + negative_weight/negatives · Σ_j max(0, cos(u, j) − margin)
//
// is made smaller by Adam, from items' leading singular vectors on, over items j that are drawn alike from all. All pairs of a batch have the same, so that their cosines are
// one product of matrices; those that a user has do not count for him. The loss and its gradient are a graph of package engine.
//
// As long as cosines are below the margin, nothing keeps all of them from growing together, and lists come to be the same for everybody: of a
// large margin, such as the 0.7 of some data of the paper, they recover late, and in few epochs not at all.
//
// The item of a pair is among those of its history, as in the paper. Left out it makes the history of a user different for what he has and for
// what he has not, which is learned in the place of tastes.
var simplexAlgorithm = algorithm{
	name: "simplex",
	keys: []string{"factors", "confidence", "regularization", "learning_rate", "margin", "negatives", "negative_weight", "dropout", "gate", "history", "batch", "start"},
	setDefaults: func(c *Config) {
		m := &c.Model
		m.Confidence, m.Start = cmp.Or(m.Confidence, ConfidenceValue), cmp.Or(m.Start, StartSpectral)
		m.Negatives, m.History, m.Batch = cmp.Or(m.Negatives, 512), cmp.Or(m.History, 16), cmp.Or(m.Batch, 1024)
		for _, x := range []struct {
			to      **float64
			initial float64
		}{
			{&m.Regularization, 0}, {&m.LearningRate, 0.001}, {&m.Margin, 0.1}, {&m.NegativeWeight, 100}, {&m.Dropout, 0.2}, {&m.Gate, 0.5},
		} {
			if *x.to == nil {
				*x.to = new(x.initial)
			}
		}
		if c.Train.Epochs == 0 && c.validated() && c.Train.EarlyStopping.Patience == 0 { // how many there are the data decide
			c.Train.EarlyStopping.Patience = 4
		}
	},
	validate: validateSimplex,
	need: func(p *problem) map[string]int64 {
		c := &p.cfg.Model
		rows := 4 * int64(p.Users.Len()+p.Items.Len()) * int64(c.Factors)
		return map[string]int64{
			run.PurposeBest:      3 * rows, // with the optimizer's two moments
			"inputs":             int64(c.Batch) * int64(4*c.Negatives+8*c.History+16),
			"spectral start":     rows + 8*p.Train.Len(),
			"items of histories": 4 * int64(p.Items.Len()) * int64(c.Factors),
		}
	},
	onDevice: func(p *problem) map[string]int64 {
		g, opt, err := simplexGraph(p, p.dev)
		if err != nil {
			return nil // begin tells
		}
		need, err := engine.EstimateTrainer(g, opt)
		if err != nil {
			return nil
		}
		return need
	},
	settle: func(_ context.Context, p *problem) (string, error) {
		if p.cfg.Train.Epochs > 0 {
			return "", nil
		}
		p.cfg.Train.Epochs = int(min(max(simplexPairs/max(p.Train.Len(), 1), 1), mostSimplexEpochs))
		return "the number of epochs by how many pairs there are", nil
	},
	begin: newSimplex,
	fold: func(m *Model, columns []int32, values []float32) ([]float32, error) {
		x := make([]float32, m.factors.Width)
		pooled(x, m.factors.Histories, columns, confidences(values, &m.cfg), 0, nil)
		return x, nil
	},
	foldItem: foldItemSimplex,
	calmer:   "a lower model.learning_rate",
	faster:   "a higher model.learning_rate",
	about: func(m *ModelConfig) string {
		return fmt.Sprintf("%d factors by cosine contrast with %d negatives, margin %.4g, negative weight %.4g, learning rate %.4g", m.Factors, m.Negatives, *m.Margin, *m.NegativeWeight, *m.LearningRate)
	},
}

// Where a run file leaves it open, as many epochs as have about simplexPairs pairs, for from the spectral start on further ones soon fit the training
// part alone: of a million pairs of a shop a second epoch made lists worse.
const (
	simplexPairs      = 1_000_000
	mostSimplexEpochs = 20
)

// Steps down the objective that fold an item in, each of a length that falls.
const (
	foldedSteps   = 200
	firstFolded   = 0.5
	foldedForever = 0.97
)

// foldItemSimplex finds the vector of length 1 that has the least of what training makes small of an item, users staying as they are:
//
//	Σ over users who have it (1 − cos) + negative_weight/items · Σ over pairs of others max(0, cos − margin)
//
// by steps along the gradient on the sphere, from the mean of the users who have it.
func foldItemSimplex(m *Model, users []int32, _ []float32) ([]float32, error) {
	f, h := m.factors, m.Histories
	d := f.Width
	if h.Len() == 0 {
		return nil, errors.New("factorization: the model folder has not what users have, which items are folded in by: train with keep_seen: true")
	}
	weight := *m.cfg.NegativeWeight / float64(len(f.Items)/d)
	toward, x := make([]float64, d), make([]float32, d)
	for _, u := range users {
		for c, v := range f.User(int(u)) {
			toward[c] += float64(v)
		}
	}
	unit(x, toward)
	step, g := firstFolded, make([]float64, d)
	for range foldedSteps {
		copy(g, toward)
		for u := range h.Rows {
			n := h.Offsets[u+1] - h.Offsets[u]
			if n == 0 || !(inner(f.User(u), x) > *m.cfg.Margin) {
				continue
			}
			if _, has := slices.BinarySearch(users, int32(u)); has {
				continue
			}
			for c, v := range f.User(u) {
				g[c] -= weight * float64(n) * float64(v)
			}
		}
		along, size := 0.0, 0.0
		for c, v := range x {
			along += g[c] * float64(v)
		}
		for c, v := range x {
			g[c] -= along * float64(v)
			size += g[c] * g[c]
		}
		if size == 0 {
			break
		}
		scale := step / math.Sqrt(size)
		for c, v := range x {
			g[c] = float64(v) + scale*g[c]
		}
		unit(x, g)
		step *= foldedForever
	}
	return x, nil
}

// Bounds of what the steps of simplex take together.
const (
	maxBatch     = 1 << 16
	maxNegatives = 1 << 16
	maxHistory   = 1 << 10
)

func validateSimplex(c *ModelConfig) error {
	if err := configfile.OneOf("confidence", c.Confidence, ConfidenceValue, ConfidenceLog, ConfidenceNone); err != nil {
		return err
	}
	if err := configfile.OneOf("start", c.Start, StartSpectral, StartRandom); err != nil {
		return err
	}
	return cmp.Or(
		within("regularization", c.Regularization, 0, math.MaxFloat32), within("learning_rate", c.LearningRate, 1e-9, 1e3),
		within("margin", c.Margin, -1, 1), within("negative_weight", c.NegativeWeight, 0, 1e6), within("dropout", c.Dropout, 0, 0.99),
		within("gate", c.Gate, 0, 1),
		from1("negatives", c.Negatives, maxNegatives), from1("history", c.History, maxHistory), from1("batch", c.Batch, maxBatch),
	)
}

// Names of what the graph of simplex has.
const (
	simplexUsers     = "users"
	simplexItems     = "items"
	simplexTransform = "history.weight" // V
	inputUser        = "user"
	inputGate        = "gate"
	inputHistory     = "history"
	inputShares      = "shares" // of the items of a history in its mean
	inputPositive    = "positive"
	inputNegatives   = "negatives"
	inputThreshold   = "threshold"
)

// simplexNet is the model of simplex as a graph.
type simplexNet struct {
	users, items, factors        int
	history, negatives           int
	margin, negativeWeight, drop float64
	seed                         uint64
}

// build adds the model to a graph, and returns its loss.
//
// Cosines with negatives are compared with a threshold for each pair and negative, fed as its negative: minus the margin, and less than any
// cosine where it does not count. What a pair loses is never less than 0, so that the sum of twice the absolute differences' halves, which
// is what the pinball loss for the median has, is that of the losses themselves.
func (n *simplexNet) build(g *engine.Graph, training bool) *engine.Node {
	b := &layers.Builder{Graph: g, Training: training, Seed: n.seed}
	table := func(name string, rows int) engine.ParameterSpec {
		return engine.ParameterSpec{Name: name, Shape: []int{rows, n.factors}, Init: engine.Normal, Scale: 1 / math.Sqrt(float64(n.factors)), Decay: true}
	}
	constant := func(name string, rows int, value float64) *engine.Node {
		given := make([]float64, rows)
		for i := range given {
			given[i] = value
		}
		return g.Parameter(engine.ParameterSpec{Name: name, Shape: []int{rows, 1}, Init: engine.Values, Given: given, Frozen: true})
	}
	items := table(simplexItems, n.items)
	own := g.Apply(ops.NewSumFields(1), g.Lookup(inputUser, table(simplexUsers, n.users), 1), g.Input(inputGate, 1))
	history := g.Apply(ops.NewSumFields(n.history), g.Lookup(inputHistory, items, n.history), g.Input(inputShares, n.history))
	transform := g.Parameter(engine.ParameterSpec{Name: simplexTransform, Shape: []int{n.factors, n.factors}, Init: engine.Identities, Decay: true})
	user := g.Apply(ops.NewAdd(), own, g.Apply(ops.NewMatMul(false, false), history, transform))
	user = g.Apply(ops.NewNormalizeRows(), layers.Dropout{Name: "user", Rate: n.drop}.Build(b, user))
	positive := g.Apply(ops.NewNormalizeRows(), g.Lookup(inputPositive, items, 1))
	negatives := g.Apply(ops.NewNormalizeRows(), g.FixedLookup(inputNegatives, items, n.negatives))

	near := g.Apply(ops.NewMatMul(false, false), g.Apply(ops.NewMultiply(), user, positive), constant("loss.positive", n.factors, -1))
	far := g.Apply(ops.NewAdd(), g.Apply(ops.NewMatMul(false, true), user, negatives), g.Input(inputThreshold, n.negatives))
	far = g.Apply(ops.NewActivation(kernels.ReLU), far)
	far = g.Apply(ops.NewMatMul(false, false), far, constant("loss.negative", n.negatives, n.negativeWeight/float64(n.negatives)))
	return layers.BuildLoss(b, kernels.QuantileLoss, 0.5, g.Apply(ops.NewAdd(), near, far))
}

// Values of the inputs of the pinball loss: the target that a pair's −cos(u, i) + … is compared with, and the weight that undoes its half.
const (
	simplexTarget = -1
	simplexWeight = 2
)

// simplexGraph builds the graph of a training, and says how it is trained.
func simplexGraph(p *problem, dev kernels.Device) (*engine.Graph, engine.TrainerOptions, error) {
	c := &p.cfg.Model
	n := simplexNet{
		users: p.Users.Len(), items: p.Items.Len(), factors: c.Factors, history: c.History, negatives: c.Negatives,
		margin: *c.Margin, negativeWeight: *c.NegativeWeight, drop: *c.Dropout, seed: p.cfg.Seed,
	}
	g := engine.NewGraph(kernels.Float32, max(1, min(c.Batch, int(p.Train.Len()))))
	loss := n.build(g, true)
	o := optim.Defaults(kernels.Adam)
	o.LearningRate, o.L2 = *c.LearningRate, *c.Regularization
	return g, engine.TrainerOptions{
		Options: engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float32, p.cfg.Seed), Log: p.log}, Loss: loss, Optimizer: o,
	}, g.Differentiate(loss)
}

// simplex is a training of cosine-contrastive factors.
type simplex struct {
	*problem
	trainer    *engine.Trainer
	parameters *engine.Parameters
	batch      *simplexBatch
	weights    []float32 // of pairs
	model      *Factors
}

func newSimplex(ctx context.Context, p *problem) (fitter, error) {
	if err := checkMatrix(p.Train); err != nil {
		return nil, err
	}
	g, opt, err := simplexGraph(p, p.dev)
	if err != nil {
		return nil, err
	}
	s := &simplex{problem: p, parameters: opt.Parameters, weights: confidences(p.Train.Values, &p.cfg.Model)}
	if s.trainer, err = engine.NewTrainer(g, opt); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	s.batch = newSimplexBatch(p.Train, s.weights, &p.cfg.Model, p.cfg.Seed, g.Batch())
	d := p.cfg.Model.Factors
	s.model = &Factors{Width: d, Users: make([]float32, p.Train.Rows*d), Items: make([]float32, p.Train.Columns*d), Histories: make([]float32, p.Train.Columns*d)}
	return s, nil
}

// start sets first factors: of items spectral ones, so that histories tell from the first step; of users' own none.
func (s *simplex) start(ctx context.Context) error {
	if s.cfg.Model.Start != StartSpectral {
		return nil
	}
	first, err := spectralItems(ctx, s.cpu, s.Pool, s.Train, s.weights, s.cfg.Model.Factors, s.cfg.Seed)
	if err != nil {
		return err
	}
	users := s.parameters.Get(simplexUsers).Matrix.Buf
	return cmp.Or(kernels.Upload(s.dev, users, 0, make([]float32, users.Len())), kernels.Upload(s.dev, s.parameters.Get(simplexItems).Matrix.Buf, 0, first))
}

// course has the pairs in an order of its own for each epoch.
func (s *simplex) course() (rows, batch int, shuffle bool) {
	return int(s.Train.Len()), s.cfg.Model.Batch, true
}

// step trains on a batch of pairs.
func (s *simplex) step(ev loop.Event) (float64, error) {
	return engineStep(s.trainer, s.profile, ev, s.batch.feed)
}

func (s *simplex) rate() float64 { return s.trainer.Rate() }

// state is that of the engine's trainer.
func (s *simplex) state() run.State { return gradient.NewState(s.trainer) }

// tensors are the parameters; the state has the optimizer's too.
func (s *simplex) tensors() (list []tensor, err error) {
	for _, name := range []string{simplexUsers, simplexItems, simplexTransform} {
		m := s.parameters.Get(name).Matrix
		h := mirrored[float32](s.dev, m.Buf)
		if err := h.get(0, len(h.data)); err != nil {
			return nil, err
		}
		list = append(list, tensor{name, h.data, m.Cols})
	}
	return list, nil
}

// loaded has nothing to bring up to date: the state is that of the trainer, and batches are drawn by their place in the training.
func (s *simplex) loaded() error { return nil }

// factors makes rows of length 1, whose products are cosines.
func (s *simplex) factors() (*Factors, error) {
	t, err := s.tensors()
	if err != nil {
		return nil, err
	}
	f := s.model
	users, items, transform := t[0].values, t[1].values, t[2].values
	d := f.Width
	pool.Each(s.Pool, blocksOf(s.Train.Columns), func(i int) {
		for r := i * rowsPerTask; r < min((i+1)*rowsPerTask, s.Train.Columns); r++ {
			e := items[r*d : (r+1)*d]
			unit(f.Item(r), e)
			times(f.Histories[r*d:(r+1)*d], e, transform)
		}
	})
	pool.Each(s.Pool, blocksOf(s.Train.Rows), func(i int) {
		for u := i * rowsPerTask; u < min((i+1)*rowsPerTask, s.Train.Rows); u++ {
			from, to := s.Train.Offsets[u], s.Train.Offsets[u+1]
			pooled(f.User(u), f.Histories, s.Train.Indices[from:to], s.weights[from:to], *s.cfg.Model.Gate, users[u*d:(u+1)*d])
		}
	})
	return f, nil
}

// rowsPerTask is how many rows a task of a pool has.
const rowsPerTask = 64

func blocksOf(rows int) int { return (rows + rowsPerTask - 1) / rowsPerTask }

// pooled sets out to the row of length 1 of somebody with such items: gate·own + (1 − gate) times the weighted mean of their rows of histories;
// where all weigh nothing, of own alone.
func pooled(out, histories []float32, columns []int32, weights []float32, gate float64, own []float32) {
	d := len(out)
	sum, total := make([]float64, d), 0.0
	for k, i := range columns {
		w := float64(weights[k])
		total += w
		for c, v := range histories[int(i)*d : (int(i)+1)*d] {
			sum[c] += w * float64(v)
		}
	}
	scale := 0.0
	if total > 0 {
		scale = (1 - gate) / total
	}
	for c := range sum {
		if sum[c] *= scale; own != nil {
			sum[c] += gate * float64(own[c])
		}
	}
	unit(out, sum)
}

// unit sets out to x with length 1; zeros stay.
func unit[T float32 | float64](out []float32, x []T) {
	squares := 0.0
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	scale := 0.0
	if squares > 0 {
		scale = 1 / math.Sqrt(squares)
	}
	for c, v := range x {
		out[c] = float32(float64(v) * scale)
	}
}

// times sets out to the product of a row and a square matrix.
func times(out, x, matrix []float32) {
	d := len(x)
	sum := make([]float64, d)
	for k, v := range x {
		for c, w := range matrix[k*d : (k+1)*d] {
			sum[c] += float64(v) * float64(w)
		}
	}
	for c, v := range sum {
		out[c] = float32(v)
	}
}
