package engine

import (
	"fmt"
	"time"

	"debut/engine/optim"
	"debut/engine/tables"
	"debut/kernels"
)

// TrainerOptions say how a graph is trained.
type TrainerOptions struct {
	Options         // Outputs may name further nodes to keep
	Loss      *Node // a scalar, differentiated by Graph.Differentiate
	Optimizer optim.Config
	// Tables is the optimizer of tables that are looked up, nil: Optimizer. Its L2 is by occurrence, see [kernels.UpdateArgs], and acts on
	// all of them, whether they have Decay or not. Gradients are clipped by the ClipNorm of Optimizer, with all others.
	Tables     *optim.Config
	Accumulate int // micro-batches to a step; 0 or 1: each batch is a step
}

// Trainer runs training steps. It is used by one goroutine at a time.
//
// The loss should be scaled by one over the total weight of the whole step's rows, so that gradients of micro-batches
// add up to that of the large batch; see [kernels.LossArgs].
type Trainer struct {
	*Program
	rules  []*rule // of the dense parameters; and of the tables, where they have their own
	params *Parameters
	loss   kernels.Matrix // of the present batch
	micros []micro        // what micro-batch i runs
	finish *sequence      // the update after the last of several micro-batches; of a single one it is part of it
	norm   kernels.Buffer
	losses losses
	state  []namedMatrix

	touched []touchedRows

	micro    int // micro-batches run in the present step
	stepRows int // rows of these
	count    Counters

	hyper64 [kernels.HyperLen]float64 // what is uploaded before an update: here, so that a step allocates nothing
	hyper32 [kernels.HyperLen]float32
	loss64  [1]float64
	loss32  [1]float32
}

// touchedRows are the rows of a table that the last step moved.
type touchedRows struct {
	table string
	rows  kernels.RowCount
}

// rule is an optimizer with the buffer of what it is told before each step.
type rule struct {
	optim.Config
	hyper kernels.Matrix // [1, HyperLen]
}

// micro is what a micro-batch runs: its loss and gradients, and what follows from them. A device that guards itself has all in
// the first.
type micro struct{ gradients, after *sequence }

// sequence is a list of kernels made ready as one.
type sequence struct {
	kernels []kernels.Kernel
	exec    kernels.Executable
}

func (s *sequence) run(dev kernels.Device, pr *Profile) error {
	if pr != nil {
		return pr.run(dev, s.kernels)
	}
	return s.exec.Run()
}

// NewTrainer compiles a differentiated graph with everything a step needs.
func NewTrainer(g *Graph, opt TrainerOptions) (*Trainer, error) {
	outputs, err := trainerOutputs(g, opt)
	if err != nil {
		return nil, err
	}
	copt := opt.Options
	copt.Outputs = outputs
	p, err := Compile(g, copt)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Program: p, rules: []*rule{{Config: opt.Optimizer}}, params: opt.Parameters, loss: p.outputs[opt.Loss]}
	if opt.Tables != nil && len(g.trained()) > 0 {
		t.rules = append(t.rules, &rule{Config: *opt.Tables})
	}
	b := &trainerBuilder{t: t, g: g, dev: opt.Device, params: opt.Parameters, accumulate: max(opt.Accumulate, 1), plans: map[string]*tables.Plan{}}
	if err := b.build(opt.Loss); err != nil {
		return nil, fmt.Errorf("engine: trainer: %w", err)
	}
	return t, nil
}

// trainerOutputs lists what a trainer needs of a graph: the loss, gradients, and the next values of state.
func trainerOutputs(g *Graph, opt TrainerOptions) ([]*Node, error) {
	if g.err != nil {
		return nil, g.err
	}
	if g.grads == nil || opt.Loss == nil || g.loss != opt.Loss {
		return nil, fmt.Errorf("engine: the graph is not differentiated by the loss to train on")
	}
	if err := opt.Optimizer.Check(); err != nil {
		return nil, err
	}
	if opt.Tables != nil {
		if err := opt.Tables.Check(); err != nil {
			return nil, err
		}
	}
	outputs := append([]*Node{opt.Loss}, opt.Outputs...)
	for _, p := range g.params {
		if d := g.grads[p.node]; d != nil {
			outputs = append(outputs, d)
		}
	}
	for _, l := range g.lookups {
		if d := g.grads[l.Node]; d != nil {
			outputs = append(outputs, d)
		}
	}
	for _, u := range g.updates {
		outputs = append(outputs, u.value)
	}
	return outputs, nil
}

// Step trains on the batch that was fed. With accumulation, last says that the batch is the last of its step: the
// parameters then move. A step may have fewer micro-batches than Accumulate. The profile may be nil.
//
// A batch whose loss is no finite number is a *NonFiniteError, and nothing has learned from it: parameters and counters are
// as they were before. On a device that runs behind it may be one of a later Step, or of Losses.
func (t *Trainer) Step(last bool, pr *Profile) error {
	if t.losses.full() {
		if err := t.askLosses(); err != nil {
			return err
		}
	}
	if t.micro == len(t.micros) {
		return fmt.Errorf("engine: more than %d micro-batches in a step", len(t.micros))
	}
	if err := t.SetStep(uint64(t.count.Batches)); err != nil {
		return err
	}
	if t.micro == 0 {
		t.stepRows = 0
	}
	t.stepRows += t.valid
	single := t.finish == nil
	if single {
		if err := t.setHyper(); err != nil {
			return err
		}
	}
	m := t.micros[t.micro]
	if err := m.gradients.run(t.dev, pr); err != nil {
		return err
	}
	ends := single || last
	if m.after == nil {
		t.losses.expect(t.count, t.micro, ends)
	} else {
		if err := t.checkLoss(ends); err != nil {
			return err
		}
		if err := m.after.run(t.dev, pr); err != nil {
			return err
		}
	}
	t.count.Batches++
	if single {
		t.count.Steps++
		return nil
	}
	t.micro++
	if !last {
		return nil
	}
	if err := t.setHyper(); err != nil {
		return err
	}
	t.micro = 0
	t.count.Steps++
	return t.finish.run(t.dev, pr)
}

// setHyper tells the rules what they need to know of the present step.
func (t *Trainer) setHyper() error {
	for _, r := range t.rules {
		r.Hyper(t.count.Steps, &t.hyper64)
		t.hyper64[kernels.HyperRate] *= t.count.factor()
		t.hyper64[kernels.HyperShare] = 1 / float64(t.stepRows)
		var err error
		if t.dtype == kernels.Float64 {
			err = kernels.Upload(t.dev, r.hyper.Buf, 0, t.hyper64[:])
		} else {
			for i, x := range t.hyper64 {
				t.hyper32[i] = float32(x)
			}
			err = kernels.Upload(t.dev, r.hyper.Buf, 0, t.hyper32[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Steps returns the number of steps done.
func (t *Trainer) Steps() int64 { return t.count.Steps }

// Rate returns the learning rate of the next step, of the dense parameters.
func (t *Trainer) Rate() float64 {
	o := &t.rules[0].Config
	return o.LearningRate * o.Schedule.Factor(t.count.Steps) * t.count.factor()
}

// Touched returns how many rows of each table the last step has moved: that many rows, and as many of the table's state, were read and
// written, however many there are. It waits for the device.
func (t *Trainer) Touched() (map[string]int, error) {
	rows := make(map[string]int, len(t.touched))
	for _, x := range t.touched {
		n, err := x.rows.Get()
		if err != nil {
			return nil, fmt.Errorf("engine: rows of table %q: %w", x.table, err)
		}
		rows[x.table] = n
	}
	return rows, nil
}

// AddBatchTime counts time spent outside kernels in a profile.
func AddBatchTime(pr *Profile, start time.Time) {
	if pr != nil {
		pr.Add("wait for batch", time.Since(start), kernels.Cost{})
	}
}
