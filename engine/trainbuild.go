package engine

import (
	"fmt"
	"slices"
	"strings"

	"debut/engine/tables"
	"debut/kernels"
)

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
	plans        map[string]*tables.Plan // by planKey
}

// pendingUpdate is a parameter that moves by a gradient: of a table, the sums of rows by a plan.
type pendingUpdate struct {
	p    *Parameter
	grad kernels.Matrix
	plan *tables.Plan
}

func (b *trainerBuilder) build(loss *Node) error {
	b.first = make([][]kernels.Kernel, b.accumulate)
	b.later = make([][]kernels.Kernel, b.accumulate)
	var err error
	for _, r := range b.t.rules {
		buf, err := b.dev.Alloc(b.g.dtype, kernels.HyperLen, "optimizer state")
		if err != nil {
			return err
		}
		r.hyper = kernels.NewMatrix(buf, 1, kernels.HyperLen)
	}
	if b.t.norm, err = b.dev.Alloc(b.g.dtype, 1, "optimizer state"); err != nil {
		return err
	}
	if d, ok := b.dev.(kernels.Guarding); ok {
		b.t.losses.guarding = d
		k, err := d.Guard(kernels.GuardArgs{X: b.t.outputs[loss]})
		if err != nil {
			return err
		}
		for i := range b.later {
			b.later[i] = append(b.later[i], k)
		}
	}
	for _, p := range b.g.params {
		if d := b.g.grads[p.node]; d != nil {
			if err := b.dense(p.spec.Name, b.t.outputs[d]); err != nil {
				return fmt.Errorf("parameter %q: %w", p.spec.Name, err)
			}
		}
	}
	for _, list := range b.g.trained() {
		if err := b.sparse(list); err != nil {
			return fmt.Errorf("table %q: %w", list[0].Table.Name, err)
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

// trained lists the lookups that have a gradient, by table, in the order they were made.
func (g *Graph) trained() (byTable [][]*Lookup) {
	for _, l := range g.lookups {
		if g.grads[l.Node] == nil {
			continue
		}
		at := slices.IndexFunc(byTable, func(list []*Lookup) bool { return list[0].Table.Name == l.Table.Name })
		if at < 0 {
			byTable = append(byTable, nil)
			at = len(byTable) - 1
		}
		byTable[at] = append(byTable[at], l)
	}
	return byTable
}

// places is how many ids lookups have in a step of so many micro-batches.
func places(list []*Lookup, micros int) (n int) {
	for _, l := range list {
		n += micros * l.places()
	}
	return n
}

// alone says that a single lookup's own ids and gradients will do. Else those of all lookups of a table, in all micro-batches, are kept side
// by side until the update.
func alone(list []*Lookup, micros int) bool { return len(list) == 1 && micros == 1 }

// planKey names what the order of ids depends on: the inputs, and the rows of the table.
func planKey(list []*Lookup) string {
	var b strings.Builder
	for _, l := range list {
		fmt.Fprintf(&b, "%q ", l.Name)
	}
	return fmt.Sprint(b.String(), list[0].Table.Shape[0])
}

// sparse notes the gradient of a table.
func (b *trainerBuilder) sparse(list []*Lookup) error {
	plan, err := b.plan(list)
	if err != nil {
		return err
	}
	grad, weights, err := b.pickedGradient(list)
	if err != nil {
		return err
	}
	k, sums, err := plan.Sum(grad, weights)
	if err != nil {
		return err
	}
	b.update = append(b.update, k)
	b.clipped = append(b.clipped, sums)
	b.pending = append(b.pending, pendingUpdate{b.params.Get(list[0].Table.Name), sums, plan})
	b.t.touched = append(b.t.touched, touchedRows{list[0].Table.Name, plan.Rows().Count})
	return nil
}

// plan returns the order of the ids of lookups, which tables share. It comes before all else, but behind the last of several micro-batches;
// a place without a row holds the id −1.
func (b *trainerBuilder) plan(list []*Lookup) (*tables.Plan, error) {
	key := planKey(list)
	if p := b.plans[key]; p != nil {
		return p, nil
	}
	ids := b.t.ids[list[0].Name]
	if !alone(list, b.accumulate) {
		n := places(list, b.accumulate)
		buf, err := b.dev.Alloc(kernels.Int32, n, "gradients")
		if err != nil {
			return nil, err
		}
		all := kernels.NewMatrix(buf, n, 1)
		f, err := b.elementwise()
		if err != nil {
			return nil, err
		}
		none, err := f.Fill(kernels.FillArgs{X: all, Value: -1})
		if err != nil {
			return nil, err
		}
		b.first[0] = append(b.first[0], none)
		if err := b.sideBySideIDs(list, buf); err != nil {
			return nil, err
		}
		ids = all
	}
	p, err := tables.NewPlan(b.dev, ids, list[0].Table.Shape[0])
	if err != nil {
		return nil, err
	}
	b.plans[key] = p
	if b.accumulate == 1 {
		b.first[0] = append(b.first[0], p.Kernel())
	} else {
		b.update = append(b.update, p.Kernel())
	}
	return p, nil
}

// pickedGradient returns the gradient of what lookups of a table have picked, and the weights of a pooled one, whose places share it.
func (b *trainerBuilder) pickedGradient(list []*Lookup) (grad, weights kernels.Matrix, err error) {
	of := func(l *Lookup) kernels.Matrix { return b.t.outputs[b.g.grads[l.Node]] }
	if alone(list, b.accumulate) {
		return of(list[0]), b.t.inputs[list[0].Weights], nil
	}
	n, width := places(list, b.accumulate), list[0].Table.Shape[1]
	buf, err := b.dev.Alloc(b.g.dtype, n*width, "gradients")
	if err != nil {
		return grad, weights, err
	}
	at := 0
	for i := range b.later {
		for _, l := range list {
			to := part(buf, at*width, of(l))
			if l.Weights == "" {
				err = b.copy(&b.later[i], of(l), to)
			} else {
				to.Cols, to.Stride = l.Fields*width, l.Fields*width
				err = b.spread(&b.later[i], of(l), b.t.inputs[l.Weights], to)
			}
			if err != nil {
				return grad, weights, err
			}
			at += l.places()
		}
	}
	return kernels.NewMatrix(buf, n, width), weights, nil
}

// spread gives each place of a pooled lookup its gradient.
func (b *trainerBuilder) spread(list *[]kernels.Kernel, grad, weights, to kernels.Matrix) error {
	f, err := kernels.Family[kernels.RowAlgebra](b.dev)
	if err != nil {
		return err
	}
	k, err := f.SumFieldsGrad(kernels.SumFieldsGradArgs{DY: grad, Weights: weights, DX: to})
	if err == nil {
		*list = append(*list, k)
	}
	return err
}

// sideBySideIDs copies the ids of lookups into a buffer, micro-batch after micro-batch.
func (b *trainerBuilder) sideBySideIDs(list []*Lookup, buf kernels.Buffer) error {
	at := 0
	for i := range b.first {
		for _, l := range list {
			ids := b.t.ids[l.Name]
			if err := b.copy(&b.first[i], ids, part(buf, at, ids)); err != nil {
				return err
			}
			at += l.places()
		}
	}
	return nil
}

// part views elements of a buffer, from one on, as a matrix like another, with its count.
func part(b kernels.Buffer, from int, like kernels.Matrix) kernels.Matrix {
	return kernels.Matrix{Buf: b, Offset: from, Rows: like.Rows, Cols: like.Cols, Stride: like.Cols, Count: like.Count}
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
	if most := b.t.rules[0].ClipNorm; most > 0 {
		if err := b.clip(most); err != nil {
			return err
		}
	}
	f, err := kernels.Family[kernels.Optimizer](b.dev)
	if err != nil {
		return err
	}
	for _, u := range b.pending {
		args, err := b.updateArgs(u)
		if err != nil {
			return fmt.Errorf("parameter %q: %w", u.p.Spec.Name, err)
		}
		k, err := f.Update(args)
		if err != nil {
			return fmt.Errorf("parameter %q: %w", u.p.Spec.Name, err)
		}
		b.update = append(b.update, k)
	}
	return nil
}

// clip binds the factor that scales all gradients down to a norm, for every rule.
func (b *trainerBuilder) clip(most float64) error {
	f, err := kernels.Family[kernels.Reduction](b.dev)
	if err != nil {
		return err
	}
	factor := func(r *rule) kernels.Matrix {
		return r.hyper.Columns(kernels.HyperFactor, kernels.HyperFactor+1)
	}
	first := factor(b.t.rules[0])
	k, err := f.ClipFactor(kernels.ClipFactorArgs{X: b.clipped, Norm: kernels.NewMatrix(b.t.norm, 1, 1), MaxNorm: most, Factor: first})
	if err != nil {
		return err
	}
	b.update = append(b.update, k)
	for _, r := range b.t.rules[1:] {
		if err := b.copy(&b.update, first, factor(r)); err != nil {
			return err
		}
	}
	return nil
}

// updateArgs returns the update of a parameter, and makes its state.
func (b *trainerBuilder) updateArgs(u pendingUpdate) (kernels.UpdateArgs, error) {
	r, own := b.t.rules[0], false
	if u.plan != nil && len(b.t.rules) > 1 {
		r, own = b.t.rules[1], true
	}
	args := kernels.UpdateArgs{
		Kind: r.Kind, Param: u.p.Matrix, Grad: u.grad, Hyper: r.hyper,
		Momentum: r.Momentum, Beta1: r.Beta1, Beta2: r.Beta2, Epsilon: r.Epsilon, L1: r.L1, Beta: r.Beta,
	}
	if u.p.Spec.Decay || own {
		args.L2, args.WeightDecay = r.L2, r.WeightDecay
	}
	if u.plan != nil {
		args.Rows = u.plan.Rows()
		if own && r.L2 > 0 && r.Kind != kernels.FTRL {
			args.Starts = u.plan.Starts()
		}
	}
	hasM, hasV := r.Kind.States()
	var err error
	if hasM {
		args.M, err = b.stateTensor(u.p, r.Kind, ".m")
	}
	if hasV && err == nil {
		args.V, err = b.stateTensor(u.p, r.Kind, ".v")
	}
	return args, err
}

func (b *trainerBuilder) stateTensor(p *Parameter, kind kernels.OptimizerKind, suffix string) (kernels.Matrix, error) {
	shape, cols := p.Spec.Shape, kind.StateCols(p.Matrix.Cols)
	if cols != p.Matrix.Cols {
		shape = []int{p.Matrix.Rows, cols}
	}
	buf, err := b.dev.Alloc(b.g.dtype, p.Matrix.Rows*cols, "optimizer state")
	if err != nil {
		return kernels.Matrix{}, err
	}
	m := kernels.NewMatrix(buf, p.Matrix.Rows, cols)
	b.t.state = append(b.t.state, namedMatrix{p.Spec.Name + suffix, shape, m})
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
	for i := range b.accumulate {
		var update []kernels.Kernel
		if b.accumulate == 1 {
			update = b.update
		}
		parts := [][]kernels.Kernel{b.first[i], b.t.kernels, b.later[i], update}
		var m micro
		var err error
		if b.t.losses.guarding != nil {
			m.gradients, err = make1(parts...)
		} else if m.gradients, err = make1(parts[:2]...); err == nil {
			m.after, err = make1(parts[2:]...)
		}
		if err != nil {
			return err
		}
		b.t.micros = append(b.t.micros, m)
	}
	if b.accumulate == 1 {
		return nil
	}
	var err error
	b.t.finish, err = make1(b.update)
	return err
}
