package factorization

import (
	"cmp"
	"context"
	"fmt"
	"math"

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

// towerAlgorithm is the two-tower model (Yi, Yang, Hong, Cheng, Heldt, Kumthekar, Zhao, Wei, Chi, "Sampling-Bias-Corrected Neural Modeling for Large
// Corpus Item Recommendations", RecSys 2019). An item's vector is what is its own and what a network makes of its attributes, a user's what is
// his own, the weighted mean of what the items that he has say of him – each by itself and by its attributes – and what a network makes of his
// own attributes; both are of length 1. For each pair of a user and an item that he has, the other items of
// the batch compete with it:
//
//	−log softmax over items j of the batch of cos(u, j)/temperature − log_q · log q_j
//
// where q_j is the share of pairs that are of item j, for popular items are drawn more often than others, to a power log_q: of 1 scores say what is
// likely for the user, of 0 what is likelier for him than for anybody. Items that the user has do not
// compete. What softmax leaves open, one number for each user, is his score of all: a score is the cosine less
//
//	temperature · log Σ over items j of q_j^(1 − log_q)·exp(cos(u, j)/temperature)
//
// so that scores of an item compare from user to user, as audiences need it. The item of a pair is left out of its user's history, which would tell it. In training, what is an item's or a user's own is hidden now
// and then, so that attributes learn to do without (Volkovs, Yu, Poutanen, "DropoutNet", NIPS 2017): an item that nobody has yet has nothing
// of its own, and its attributes alone say whom it is for.
//
// Items begin with their leading singular vectors, as in the graph of simplex, in histories too, and users with nothing of their own: a training from
// there has in an epoch what one from chance has not in twenty.
var towerAlgorithm = algorithm{
	name: algorithmTower,
	keys: []string{"factors", "confidence", "regularization", "learning_rate", "temperature", "unknown", "log_q", "hidden", "history", "batch", "start"},
	setDefaults: func(c *Config) {
		m := &c.Model
		m.Confidence, m.Start = cmp.Or(m.Confidence, ConfidenceNone), cmp.Or(m.Start, StartSpectral)
		m.History, m.Batch = cmp.Or(m.History, 32), cmp.Or(m.Batch, 1024)
		for _, x := range []struct {
			to      **float64
			initial float64
		}{{&m.Regularization, 0}, {&m.Temperature, 0.2}, {&m.Unknown, 0.2}, {&m.LogQ, 0.5}} {
			if *x.to == nil {
				*x.to = new(x.initial)
			}
		}
		if m.Hidden == nil && (c.Items != nil || c.Users != nil) {
			m.Hidden = []layers.Block{{Units: towerUnits}}
		}
		for i := range m.Hidden {
			m.Hidden[i].SetDefaults()
		}
		c.Items.setDefaults(cmp.Or(c.Data.Columns.Item, "item"))
		c.Users.setDefaults(cmp.Or(c.Data.Columns.User, "user"))
		if c.Train.Epochs == 0 && c.validated() && c.Train.EarlyStopping.Patience == 0 { // how many there are the data decide
			c.Train.EarlyStopping.Patience = 2
		}
	},
	validate: func(c *ModelConfig) error {
		for i, h := range c.Hidden {
			if err := h.Check(); err != nil {
				return configfile.Errorf(fmt.Sprintf("hidden.%d", i), "%v", err)
			}
		}
		if err := configfile.OneOf("confidence", c.Confidence, ConfidenceValue, ConfidenceLog, ConfidenceNone); err != nil {
			return err
		}
		if err := configfile.OneOf("start", c.Start, StartSpectral, StartRandom); err != nil {
			return err
		}
		return cmp.Or(
			within("regularization", c.Regularization, 0, math.MaxFloat32), within("learning_rate", c.LearningRate, 1e-9, 1e3),
			within("temperature", c.Temperature, 1e-3, 1e3), within("unknown", c.Unknown, 0, 1), within("log_q", c.LogQ, 0, 1),
			from1("history", c.History, maxHistory), from1("batch", c.Batch, maxTowerBatch),
		)
	},
	need: func(p *problem) map[string]int64 {
		c := &p.cfg.Model
		rows := 4 * int64(p.Users.Len()+2*p.Items.Len()) * int64(c.Factors)
		return map[string]int64{
			run.PurposeBest:  3 * rows, // with the optimizer's two moments
			"inputs":         4 * int64(c.Batch) * int64(c.Batch+2*c.History+16),
			"spectral start": 4*int64(p.Users.Len()+p.Items.Len())*int64(c.Factors) + 8*p.Train.Len(),
		}
	},
	onDevice: func(p *problem) map[string]int64 {
		g, opt, err := towerGraph(p, p.dev)
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
		p.cfg.Model.LearningRate = new(p.cfg.Model.towerRate())
		if p.cfg.Train.Epochs > 0 {
			return "", nil
		}
		p.cfg.Train.Epochs = int(min(max(towerPairs/max(p.Train.Len(), 1), 1), mostTowerEpochs))
		return "the number of epochs by how many pairs there are", nil
	},
	begin: newTower,
	fold: func(m *Model, columns []int32, values []float32) ([]float32, error) {
		x := make([]float32, m.factors.Width)
		pooled(x, m.factors.Histories, columns, confidences(values, &m.cfg), 0, nil)
		if m.lift == nil {
			counts := m.Counts // where the folder has no histories
			if counts == nil {
				counts = m.Histories.ColumnCounts()
			}
			m.lift = newLift(counts, &m.cfg)
		}
		m.lift.set(x, m.factors)
		return x, nil
	},
	foldItem: func(m *Model, users []int32, _ []float32) ([]float32, error) {
		d := m.factors.Width - 1
		sum, x := make([]float64, d), make([]float32, d+1)
		for _, u := range users {
			for k, v := range m.factors.User(int(u))[:d] {
				sum[k] += float64(v)
			}
		}
		unit(x[:d], sum)
		x[d] = 1
		return x, nil
	},
	calmer: "a lower model.learning_rate",
	faster: "a higher model.learning_rate",
	about: func(m *ModelConfig) string {
		return fmt.Sprintf("two towers of %d factors, temperature %.4g, batches of %d, learning rate %.4g", m.Factors, *m.Temperature, m.Batch, *m.LearningRate)
	},
}

// Figures of the defaults.
const (
	towerUnits = 64
	// Where a run file leaves it open, as many epochs as have about towerPairs pairs, for from the spectral start on further ones soon fit the training
	// part alone.
	towerPairs      = 2_000_000
	mostTowerEpochs = 20
	maxTowerBatch   = 1 << 13 // whose square is fed at each step
)

// towerRate is the learning rate: where it is left open, the less the more factors there are, as numbers of rows of length 1 are.
func (c *ModelConfig) towerRate() float64 {
	if c.LearningRate != nil {
		return *c.LearningRate
	}
	return threeDigits(0.01 / math.Sqrt(float64(max(c.Factors, 1))))
}

// Names of what the graph has. Those of items stand behind the prefix of their scope.
const (
	scopeItem = "item."
	scopeUser = "user."

	towerOwn      = "own"
	towerHistory  = "history"
	towerShares   = "history.shares"
	towerNumbers  = "history.numeric"
	towerInverse  = "inverse" // of the temperature
	towerShift    = "shift"
	towerTable    = ".embedding"
	towerOfNumber = "history.attributes"
)

// towerNet is the model as a graph.
type towerNet struct {
	users, items, factors, history int
	sides                          [2]*side
}

func (n *towerNet) table(name string, rows int, scale float64) engine.ParameterSpec {
	return engine.ParameterSpec{Name: name + towerTable, Shape: []int{rows, n.factors}, Init: engine.Normal, Scale: scale / math.Sqrt(float64(n.factors)), Decay: true}
}

// ownScale is what first values of what is a user's or an item's own are, beside those of histories.
const ownScale = 0.3

// numbers is how many numbers of its attributes an item of a history has.
func (n *towerNet) numbers() int {
	if s := n.sides[itemSide]; s != nil {
		return s.rows.D
	}
	return 0
}

// build adds the model to a graph and returns its loss.
func (n *towerNet) build(g *engine.Graph, training bool, seed uint64) *engine.Node {
	b := &layers.Builder{Graph: g, Training: training, Seed: seed}
	tower := func(scope string, rows, own int, s *side, more ...func() *engine.Node) *engine.Node {
		defer g.Scope(scope, rows)()
		out := g.Lookup(towerOwn, n.table(towerOwn, own, ownScale), 1)
		for _, arm := range more {
			out = g.Apply(ops.NewAdd(), out, arm())
		}
		if s != nil {
			out = g.Apply(ops.NewAdd(), out, s.net.Build(b))
		}
		return g.Apply(ops.NewNormalizeRows(), out)
	}
	arms := []func() *engine.Node{func() *engine.Node {
		return g.PooledLookup(towerHistory, towerShares, n.table(towerHistory, n.items, 1), n.history)
	}}
	if d := n.numbers(); d > 0 {
		arms = append(arms, func() *engine.Node {
			return layers.Dense{Name: towerOfNumber, Units: n.factors, NoBias: true, Init: engine.GlorotUniform}.Build(b, g.Input(towerNumbers, d))
		})
	}
	user := tower(scopeUser, 0, n.users, n.sides[userSide], arms...)
	items := tower(scopeItem, g.Batch(), n.items, n.sides[itemSide])
	user = g.Apply(ops.NewSumFields(1), user, g.Input(towerInverse, 1))
	logits := g.Apply(ops.NewAdd(), g.Apply(ops.NewMatMul(false, true), user, items), g.Input(towerShift, g.Batch()))
	return layers.BuildLoss(b, kernels.SoftmaxLoss, 0, logits)
}

func towerOf(p *problem) *towerNet {
	return &towerNet{users: p.Users.Len(), items: p.Items.Len(), factors: p.cfg.Model.Factors, history: p.cfg.Model.History, sides: p.sides}
}

// towerGraph builds the graph of a training, and says how it is trained.
func towerGraph(p *problem, dev kernels.Device) (*engine.Graph, engine.TrainerOptions, error) {
	c := &p.cfg.Model
	g := engine.NewGraph(kernels.Float32, max(1, min(c.Batch, int(p.Train.Len()))))
	loss := towerOf(p).build(g, true, p.cfg.Seed)
	o := optim.Defaults(kernels.Adam)
	o.LearningRate, o.L2 = c.towerRate(), *c.Regularization
	return g, engine.TrainerOptions{
		Options: engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float32, p.cfg.Seed), Log: p.log}, Loss: loss, Optimizer: o,
	}, g.Differentiate(loss)
}

// tower is a training of two towers.
type tower struct {
	*problem
	trainer    *engine.Trainer
	parameters *engine.Parameters
	batch      *towerBatch
	weights    []float32 // of pairs
	counts     []int32   // of items: how many users have them
	model      *Factors
}

func newTower(ctx context.Context, p *problem) (fitter, error) {
	if err := checkMatrix(p.Train); err != nil {
		return nil, err
	}
	g, opt, err := towerGraph(p, p.dev)
	if err != nil {
		return nil, err
	}
	t := &tower{problem: p, parameters: opt.Parameters, weights: confidences(p.Train.Values, &p.cfg.Model), counts: p.Train.ColumnCounts()}
	if t.trainer, err = engine.NewTrainer(g, opt); err != nil {
		return nil, err
	}
	if err := t.start(ctx); err != nil {
		return nil, err
	}
	t.batch = newTowerBatch(p, t.weights, t.counts, g.Batch())
	w := p.cfg.Model.width()
	t.model = &Factors{Width: w, Lifts: true, Users: make([]float32, p.Train.Rows*w), Items: make([]float32, p.Train.Columns*w), Histories: make([]float32, p.Train.Columns*w)}
	return t, nil
}

// start sets first values: of items spectral ones, so that histories tell from the first step; of users' own none.
func (t *tower) start(ctx context.Context) error {
	if t.cfg.Model.Start != StartSpectral {
		return nil
	}
	first, err := spectralItems(ctx, t.cpu, t.Pool, t.Train, t.weights, t.cfg.Model.Factors, t.cfg.Seed)
	if err != nil {
		return err
	}
	buffer := func(table string) kernels.Buffer { return t.parameters.Get(table + towerTable).Matrix.Buf }
	users := buffer(scopeUser + towerOwn)
	return cmp.Or(kernels.Upload(t.dev, users, 0, make([]float32, users.Len())),
		kernels.Upload(t.dev, buffer(scopeItem+towerOwn), 0, first), kernels.Upload(t.dev, buffer(scopeUser+towerHistory), 0, first))
}

// course has the pairs in an order of its own for each epoch.
func (t *tower) course() (rows, batch int, shuffle bool) {
	return int(t.Train.Len()), t.cfg.Model.Batch, true
}

// step trains on a batch of pairs.
func (t *tower) step(ev loop.Event) (float64, error) {
	return engineStep(t.trainer, t.profile, ev, t.batch.feed)
}

// engineStep feeds and takes a step of the engine, and returns its loss.
func engineStep(t *engine.Trainer, profile *engine.Profile, ev loop.Event, feed func(*engine.Program, loop.Event) error) (float64, error) {
	if err := t.SetRows(ev.N); err != nil {
		return 0, err
	}
	if err := feed(t.Program, ev); err != nil {
		return 0, err
	}
	if err := t.Step(ev.Step, profile); err != nil {
		return 0, err
	}
	losses, err := t.Losses(true)
	if err != nil || len(losses) != 1 {
		return 0, cmp.Or(err, fmt.Errorf("factorization: a step of %d losses", len(losses)))
	}
	return losses[0], nil
}

func (t *tower) rate() float64 { return t.trainer.Rate() }

// state is that of the engine's trainer.
func (t *tower) state() run.State { return gradient.NewState(t.trainer) }

// tensors are the tables; the state has all else too.
func (t *tower) tensors() (list []tensor, err error) {
	for _, name := range []string{scopeUser + towerOwn, scopeItem + towerOwn, scopeUser + towerHistory} {
		m := t.parameters.Get(name + towerTable).Matrix
		h := mirrored[float32](t.dev, m.Buf)
		if err := h.get(0, len(h.data)); err != nil {
			return nil, err
		}
		list = append(list, tensor{name, h.data, m.Cols})
	}
	return list, nil
}

// loaded has nothing to bring up to date.
func (t *tower) loaded() error { return nil }

// factors makes the vectors of all users and items, of length 1. Who or what was in no pair has nothing of its own.
func (t *tower) factors() (*Factors, error) {
	list, err := t.tensors()
	if err != nil {
		return nil, err
	}
	f, w := t.model, t.model.Width
	d := w - 1
	var known [2][]float32
	for k, scope := range []string{scopeUser, scopeItem} {
		if s := t.sides[k]; s != nil {
			if known[k], err = t.attributes(s, scope); err != nil {
				return nil, err
			}
		}
	}
	var matrix []float64
	numbers := towerOf(t.problem).numbers()
	if numbers > 0 {
		if matrix, err = t.parameters.Read(scopeUser + towerOfNumber + ".weight"); err != nil {
			return nil, err
		}
	}
	pool.Each(t.Pool, blocksOf(t.Train.Columns), func(k int) {
		sum := make([]float64, d)
		for i := k * rowsPerTask; i < min((k+1)*rowsPerTask, t.Train.Columns); i++ {
			t.addRow(sum, list[1].values, known[itemSide], i, t.counts[i] > 0)
			unit(f.Item(i)[:d], sum)
			f.Item(i)[d] = 1
			t.addRow(sum, list[2].values, nil, i, t.counts[i] > 0)
			if matrix != nil {
				for j, x := range t.sides[itemSide].rows.Numeric[i*numbers : (i+1)*numbers] {
					for c := range sum {
						sum[c] += float64(x) * matrix[j*d+c]
					}
				}
			}
			for c, v := range sum {
				f.Histories[i*w+c] = float32(v)
			}
		}
	})
	lift := newLift(t.counts, &t.cfg.Model)
	pool.Each(t.Pool, blocksOf(t.Train.Rows), func(k int) {
		sum := make([]float64, d)
		for u := k * rowsPerTask; u < min((k+1)*rowsPerTask, t.Train.Rows); u++ {
			from, to := t.Train.Offsets[u], t.Train.Offsets[u+1]
			t.addRow(sum, list[0].values, known[userSide], u, to > from)
			total := 0.0
			for _, w := range t.weights[from:to] {
				total += float64(w)
			}
			for e := from; e < to && total > 0; e++ {
				share := float64(t.weights[e]) / total
				i := int(t.Train.Indices[e])
				for c, v := range f.Histories[i*w : i*w+d] {
					sum[c] += share * float64(v)
				}
			}
			unit(f.User(u)[:d], sum)
			lift.set(f.User(u), f)
		}
	})
	return f, nil
}

// lift is what scores of all items come to for a user.
type lift struct {
	items       []int32   // that somebody has
	log         []float64 // of what each weighs
	temperature float64
}

func newLift(counts []int32, c *ModelConfig) *lift {
	l, total := &lift{temperature: *c.Temperature}, 0.0
	for _, n := range counts {
		total += float64(n)
	}
	for i, n := range counts {
		if n > 0 {
			l.items, l.log = append(l.items, int32(i)), append(l.log, (1-*c.LogQ)*math.Log(float64(n)/total))
		}
	}
	return l
}

// set sets the last column of a user's row, whose others are there.
func (l *lift) set(row []float32, f *Factors) {
	d, most := f.Width-1, math.Inf(-1)
	logits := make([]float64, len(l.items))
	for k, i := range l.items {
		logits[k] = l.log[k] + inner(row[:d], f.Item(int(i))[:d])/l.temperature
		most = max(most, logits[k])
	}
	sum := 0.0
	for _, z := range logits {
		sum += math.Exp(z - most)
	}
	row[d] = float32(-l.temperature * (most + math.Log(sum)))
}

// addRow sets sum to row i of what is its own, where it is in a pair, and of what its attributes became, where there are some.
func (t *tower) addRow(sum []float64, own, attributes []float32, i int, paired bool) {
	d := len(sum)
	clear(sum)
	if paired {
		for c, v := range own[i*d : (i+1)*d] {
			sum[c] = float64(v)
		}
	}
	if attributes != nil {
		for c, v := range attributes[i*d : (i+1)*d] {
			sum[c] += float64(v)
		}
	}
}

// attributeRows is how many rows of attributes are computed at a time.
const attributeRows = 1024

// attributes returns what the network of a side makes of the attributes of all.
func (t *tower) attributes(s *side, scope string) ([]float32, error) {
	g := engine.NewGraph(kernels.Float32, attributeRows)
	leave := g.Scope(scope, 0)
	out := s.net.Build(&layers.Builder{Graph: g})
	leave()
	if err := g.Err(); err != nil {
		return nil, err
	}
	prog, err := engine.Compile(g, engine.Options{Device: t.dev, Parameters: t.parameters, Outputs: []*engine.Node{out}})
	if err != nil {
		return nil, err
	}
	feed := gradient.NewFeeder(*s.net, attributeRows)
	feed.Prefix = scope
	d := t.model.Width - 1
	all := make([]float32, s.rows.Rows*d)
	rows := make([]int32, 0, attributeRows)
	for lo := 0; lo < s.rows.Rows; lo += attributeRows {
		rows = rows[:0]
		for r := lo; r < min(lo+attributeRows, s.rows.Rows); r++ {
			rows = append(rows, int32(r))
		}
		if err := prog.SetRows(len(rows)); err != nil {
			return nil, err
		}
		feed.Features(s.rows, rows, 0)
		if err := cmp.Or(feed.Feed(prog, len(rows)), prog.Run()); err != nil {
			return nil, err
		}
		if _, err := engine.Read(prog, out, all[lo*d:(lo+len(rows))*d]); err != nil {
			return nil, err
		}
	}
	return all, nil
}
