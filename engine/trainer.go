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
	Options          // Outputs may name further nodes to keep
	Loss       *Node // a scalar, differentiated by Graph.Differentiate
	Optimizer  optim.Config
	Accumulate int // micro-batches to a step; 0 or 1: each batch is a step
}

// Trainer runs training steps. It is used by one goroutine at a time.
//
// The loss should be scaled by one over the total weight of the whole step's rows, so that gradients of micro-batches
// add up to that of the large batch; see [kernels.LossArgs].
type Trainer struct {
	*Program
	opt    optim.Config
	micros []*sequence // what micro-batch i runs
	finish *sequence   // the update, after the last of several micro-batches
	whole  *sequence   // the one micro-batch and the update together, where there is only one
	hyper  kernels.Buffer
	lossAt kernels.Buffer // sum of the losses since the last TakeLoss
	norm   kernels.Buffer
	state  []StateTensor

	micro     int   // micro-batches run in the present step
	microStep int64 // micro-batches run in all
	steps     int64 // steps done

	hyper64 [kernels.HyperLen]float64 // what is uploaded before an update: here, so that a step allocates nothing
	hyper32 [kernels.HyperLen]float32
}

// StateTensor is a piece of the optimizer's state, for checkpoints.
type StateTensor struct {
	Name   string // "<parameter>.m" or "<parameter>.v"
	Matrix kernels.Matrix
}

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
	if g.err != nil {
		return nil, g.err
	}
	if g.grads == nil || opt.Loss == nil || g.loss != opt.Loss {
		return nil, fmt.Errorf("engine: the graph is not differentiated by the loss to train on")
	}
	if err := opt.Optimizer.Check(); err != nil {
		return nil, err
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
	copt := opt.Options
	copt.Outputs = outputs
	p, err := Compile(g, copt)
	if err != nil {
		return nil, err
	}
	t := &Trainer{Program: p, opt: opt.Optimizer}
	b := &trainerBuilder{t: t, g: g, dev: opt.Device, params: opt.Parameters, accumulate: max(opt.Accumulate, 1)}
	if err := b.build(opt.Loss); err != nil {
		return nil, fmt.Errorf("engine: trainer: %w", err)
	}
	return t, nil
}

// trainerBuilder binds the kernels around the program.
type trainerBuilder struct {
	t          *Trainer
	g          *Graph
	dev        kernels.Device
	params     *Parameters
	accumulate int

	first, later [][]kernels.Kernel // per micro-batch, before and after the program's kernels
	update       []kernels.Kernel
	clipped      []kernels.Matrix // gradients that count for the global norm
	pending      []pendingUpdate
}

type pendingUpdate struct {
	p          *Parameter
	grad, rows kernels.Matrix
}

func (b *trainerBuilder) build(loss *Node) error {
	b.first = make([][]kernels.Kernel, b.accumulate)
	b.later = make([][]kernels.Kernel, b.accumulate)
	var err error
	if b.t.hyper, err = b.dev.Alloc(b.g.dtype, kernels.HyperLen, "optimizer state"); err != nil {
		return err
	}
	if b.t.lossAt, err = b.dev.Alloc(b.g.dtype, 1, "optimizer state"); err != nil {
		return err
	}
	if b.t.norm, err = b.dev.Alloc(b.g.dtype, 1, "optimizer state"); err != nil {
		return err
	}
	sum := kernels.NewMatrix(b.t.lossAt, 1, 1)
	for i := range b.later {
		if err := b.add(&b.later[i], kernels.Add, sum, b.t.outputs[loss], sum); err != nil {
			return err
		}
	}
	for _, p := range b.g.params {
		if d := b.g.grads[p.node]; d != nil {
			if err := b.dense(p.spec.Name, b.t.outputs[d]); err != nil {
				return fmt.Errorf("parameter %q: %w", p.spec.Name, err)
			}
		}
	}
	for _, l := range b.g.lookups {
		if d := b.g.grads[l.Node]; d != nil {
			if err := b.sparse(l, b.t.outputs[d]); err != nil {
				return fmt.Errorf("table %q: %w", l.Table.Name, err)
			}
		}
	}
	for _, u := range b.g.updates {
		if err := b.stateUpdate(u); err != nil {
			return err
		}
	}
	if err := b.optimizer(); err != nil {
		return err
	}
	return b.prepare()
}

func (b *trainerBuilder) elementwise() (kernels.Elementwise, error) {
	return kernels.Family[kernels.Elementwise](b.dev)
}

func (b *trainerBuilder) add(list *[]kernels.Kernel, kind kernels.BinaryKind, x, y, z kernels.Matrix) error {
	f, err := b.elementwise()
	if err != nil {
		return err
	}
	k, err := f.Binary(kernels.BinaryArgs{Kind: kind, A: x, B: y, C: z})
	if err == nil {
		*list = append(*list, k)
	}
	return err
}

func (b *trainerBuilder) copy(list *[]kernels.Kernel, src, dst kernels.Matrix) error {
	f, err := b.elementwise()
	if err != nil {
		return err
	}
	k, err := f.Copy(kernels.CopyArgs{Src: src, Dst: dst})
	if err == nil {
		*list = append(*list, k)
	}
	return err
}

// dense notes the gradient of a dense parameter, accumulated over micro-batches where there are several.
func (b *trainerBuilder) dense(name string, grad kernels.Matrix) error {
	if b.accumulate > 1 {
		buf, err := b.dev.Alloc(b.g.dtype, grad.Rows*grad.Cols, "gradients")
		if err != nil {
			return err
		}
		acc := kernels.NewMatrix(buf, grad.Rows, grad.Cols)
		for i := range b.later {
			if i == 0 {
				err = b.copy(&b.later[i], grad, acc)
			} else {
				err = b.add(&b.later[i], kernels.Add, acc, grad, acc)
			}
			if err != nil {
				return err
			}
		}
		grad = acc
	}
	b.clipped = append(b.clipped, grad)
	b.pending = append(b.pending, pendingUpdate{p: b.params.Get(name), grad: grad})
	return nil
}

// sparse notes the gradient of a table. Micro-batches keep their ids and gradients side by side until the update; a
// place without a row holds the id −1.
func (b *trainerBuilder) sparse(l *Lookup, grad kernels.Matrix) error {
	ids := b.t.ids[l.Name]
	if b.accumulate > 1 {
		n := b.g.batch
		ib, err := b.dev.Alloc(kernels.Int32, b.accumulate*n*ids.Cols, "gradients")
		if err != nil {
			return err
		}
		gb, err := b.dev.Alloc(b.g.dtype, b.accumulate*n*grad.Cols, "gradients")
		if err != nil {
			return err
		}
		allIDs := kernels.NewMatrix(ib, b.accumulate*n, ids.Cols)
		allGrad := kernels.NewMatrix(gb, b.accumulate*n, grad.Cols)
		f, err := b.elementwise()
		if err != nil {
			return err
		}
		none, err := f.Fill(kernels.FillArgs{X: allIDs, Value: -1})
		if err != nil {
			return err
		}
		b.first[0] = append(b.first[0], none)
		for i := range b.later {
			if err := b.copy(&b.later[i], ids, part(allIDs, i*n, ids)); err != nil {
				return err
			}
			if err := b.copy(&b.later[i], grad, part(allGrad, i*n, grad)); err != nil {
				return err
			}
		}
		ids, grad = allIDs, allGrad
	}
	s, err := tables.NewSparse(b.dev, ids, grad, l.Table.Shape[0])
	if err != nil {
		return err
	}
	b.update = append(b.update, s.Reduce())
	b.clipped = append(b.clipped, s.Gradient())
	b.pending = append(b.pending, pendingUpdate{b.params.Get(l.Table.Name), s.Gradient(), s.Rows()})
	return nil
}

// part views as many rows of m as like has, from row lo, with like's count.
func part(m kernels.Matrix, lo int, like kernels.Matrix) kernels.Matrix {
	m.Offset += lo * m.Stride
	m.Rows, m.Count = like.Rows, like.Count
	return m
}

func (b *trainerBuilder) stateUpdate(u stateUpdate) error {
	p := b.params.Get(u.state.Name())
	if p == nil {
		return fmt.Errorf("the state %q that is to be updated is no parameter of the program", u.state.Name())
	}
	for i := range b.later {
		if err := b.copy(&b.later[i], b.t.outputs[u.value], p.Matrix); err != nil {
			return err
		}
	}
	return nil
}

// optimizer binds clipping and the updates.
func (b *trainerBuilder) optimizer() error {
	hyper := kernels.NewMatrix(b.t.hyper, 1, kernels.HyperLen)
	if b.t.opt.ClipNorm > 0 {
		f, err := kernels.Family[kernels.Reduction](b.dev)
		if err != nil {
			return err
		}
		k, err := f.ClipFactor(kernels.ClipFactorArgs{
			X: b.clipped, Norm: kernels.NewMatrix(b.t.norm, 1, 1), MaxNorm: b.t.opt.ClipNorm,
			Factor: hyper.Columns(kernels.HyperFactor, kernels.HyperFactor+1),
		})
		if err != nil {
			return err
		}
		b.update = append(b.update, k)
	}
	f, err := kernels.Family[kernels.Optimizer](b.dev)
	if err != nil {
		return err
	}
	for _, u := range b.pending {
		args := kernels.UpdateArgs{
			Kind: b.t.opt.Kind, Param: u.p.Matrix, Grad: u.grad, Rows: u.rows, Hyper: hyper,
			Momentum: b.t.opt.Momentum, Beta1: b.t.opt.Beta1, Beta2: b.t.opt.Beta2, Epsilon: b.t.opt.Epsilon,
		}
		if u.p.Spec.Decay {
			args.L2, args.WeightDecay = b.t.opt.L2, b.t.opt.WeightDecay
		}
		hasM, hasV := b.t.opt.Kind.States()
		if hasM {
			if args.M, err = b.stateTensor(u.p, ".m"); err != nil {
				return err
			}
		}
		if hasV {
			if args.V, err = b.stateTensor(u.p, ".v"); err != nil {
				return err
			}
		}
		k, err := f.Update(args)
		if err != nil {
			return fmt.Errorf("parameter %q: %w", u.p.Spec.Name, err)
		}
		b.update = append(b.update, k)
	}
	return nil
}

func (b *trainerBuilder) stateTensor(p *Parameter, suffix string) (kernels.Matrix, error) {
	buf, err := b.dev.Alloc(b.g.dtype, p.Spec.size(), "optimizer state")
	if err != nil {
		return kernels.Matrix{}, fmt.Errorf("parameter %q: %w", p.Spec.Name, err)
	}
	m := kernels.NewMatrix(buf, p.Matrix.Rows, p.Matrix.Cols)
	b.t.state = append(b.t.state, StateTensor{p.Spec.Name + suffix, m})
	return m, nil
}

func (b *trainerBuilder) prepare() error {
	make1 := func(parts ...[]kernels.Kernel) (*sequence, error) {
		s := &sequence{}
		for _, p := range parts {
			s.kernels = append(s.kernels, p...)
		}
		exec, err := b.dev.Prepare(s.kernels)
		s.exec = exec
		return s, err
	}
	var err error
	if b.accumulate == 1 {
		b.t.whole, err = make1(b.first[0], b.t.kernels, b.later[0], b.update)
		return err
	}
	for i := range b.accumulate {
		s, err := make1(b.first[i], b.t.kernels, b.later[i])
		if err != nil {
			return err
		}
		b.t.micros = append(b.t.micros, s)
	}
	b.t.finish, err = make1(b.update)
	return err
}

// Step trains on the batch that was fed. With accumulation, last says that the batch is the last of its step: the
// parameters then move. A step may have fewer micro-batches than Accumulate. The profile may be nil.
func (t *Trainer) Step(last bool, pr *Profile) error {
	if err := t.SetStep(uint64(t.microStep)); err != nil {
		return err
	}
	t.microStep++
	if t.whole != nil {
		if err := t.setHyper(); err != nil {
			return err
		}
		t.steps++
		return t.whole.run(t.dev, pr)
	}
	if t.micro == len(t.micros) {
		return fmt.Errorf("engine: more than %d micro-batches in a step", len(t.micros))
	}
	if err := t.micros[t.micro].run(t.dev, pr); err != nil {
		return err
	}
	t.micro++
	if !last {
		return nil
	}
	if err := t.setHyper(); err != nil {
		return err
	}
	t.micro = 0
	t.steps++
	return t.finish.run(t.dev, pr)
}

func (t *Trainer) setHyper() error {
	t.opt.Hyper(t.steps, &t.hyper64)
	if t.dtype == kernels.Float64 {
		return kernels.Upload(t.dev, t.hyper, 0, t.hyper64[:])
	}
	for i, x := range t.hyper64 {
		t.hyper32[i] = float32(x)
	}
	return kernels.Upload(t.dev, t.hyper, 0, t.hyper32[:])
}

// Steps returns the number of steps done.
func (t *Trainer) Steps() int64 { return t.steps }

// Rate returns the learning rate of the next step.
func (t *Trainer) Rate() float64 {
	return t.opt.LearningRate * t.opt.Schedule.Factor(t.steps)
}

// TakeLoss returns the sum of the losses since it was last called, and starts a new one. It waits for the device.
func (t *Trainer) TakeLoss() (float64, error) {
	if t.dtype == kernels.Float64 {
		return takeScalar[float64](t.dev, t.lossAt)
	}
	return takeScalar[float32](t.dev, t.lossAt)
}

func takeScalar[T float32 | float64](dev kernels.Device, buf kernels.Buffer) (float64, error) {
	v := [1]T{}
	if err := kernels.Download(dev, v[:], buf, 0); err != nil {
		return 0, err
	}
	return float64(v[0]), kernels.Upload(dev, buf, 0, make([]T, 1))
}

// State returns the optimizer's state, for checkpoints.
func (t *Trainer) State() []StateTensor { return t.state }

// AddBatchTime counts time spent outside kernels in a profile.
func AddBatchTime(pr *Profile, start time.Time) {
	if pr != nil {
		pr.Add("wait for batch", time.Since(start), kernels.Cost{})
	}
}
