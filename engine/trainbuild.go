package engine

import (
	"fmt"
	"slices"

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

// gathered is how many ids and gradients of lookups of a table are kept side by side until the update, over so many micro-batches; 0: none,
// a single lookup's own will do.
func gathered(list []*Lookup, micros int) (places int) {
	if len(list) == 1 && micros == 1 {
		return 0
	}
	for _, l := range list {
		places += micros * l.places()
	}
	return places
}

// sparse notes the gradient of a table. Where it has several lookups, or there are micro-batches, ids and gradients of all are
// kept side by side until the update; a place without a row holds the id −1.
func (b *trainerBuilder) sparse(list []*Lookup) error {
	table := list[0].Table
	ids, grad := b.t.ids[list[0].Name], b.t.outputs[b.g.grads[list[0].Node]]
	if places := gathered(list, b.accumulate); places > 0 {
		ib, err := b.dev.Alloc(kernels.Int32, places, "gradients")
		if err != nil {
			return err
		}
		gb, err := b.dev.Alloc(b.g.dtype, places*table.Shape[1], "gradients")
		if err != nil {
			return err
		}
		f, err := b.elementwise()
		if err != nil {
			return err
		}
		none, err := f.Fill(kernels.FillArgs{X: kernels.NewMatrix(ib, places, 1), Value: -1})
		if err != nil {
			return err
		}
		b.first[0] = append(b.first[0], none)
		at := 0
		for i := range b.later {
			for _, l := range list {
				ids, grad := b.t.ids[l.Name], b.t.outputs[b.g.grads[l.Node]]
				if err := b.copy(&b.later[i], ids, part(ib, at, ids)); err != nil {
					return err
				}
				if err := b.copy(&b.later[i], grad, part(gb, at*table.Shape[1], grad)); err != nil {
					return err
				}
				at += l.places()
			}
		}
		ids, grad = kernels.NewMatrix(ib, places, 1), kernels.NewMatrix(gb, places, table.Shape[1])
	}
	s, err := tables.NewSparse(b.dev, ids, grad, table.Shape[0])
	if err != nil {
		return err
	}
	b.update = append(b.update, s.Reduce())
	b.clipped = append(b.clipped, s.Gradient())
	b.pending = append(b.pending, pendingUpdate{b.params.Get(table.Name), s.Gradient(), s.Rows()})
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
	b.t.state = append(b.t.state, namedMatrix{p.Spec.Name + suffix, p.Spec.Shape, m})
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
