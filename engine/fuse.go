package engine

import (
	"slices"

	"debut/engine/ops"
	"debut/kernels"
)

// fusable is an op that can apply an activation to its output in the same pass.
type fusable interface {
	ops.Op
	BindFused(ctx ops.Context, out kernels.Matrix, in []kernels.Matrix, act kernels.Activation) ([]kernels.Kernel, error)
}

// fuse joins neighbors into single instructions: an activation with the dense layer or batch norm before it, an
// activation's gradient with the bias gradient after it, a loss with its gradient. What a fused instruction hides
// is no longer computed, so it must have no other reader.
func fuse(l *lowered, outputs []*Node) {
	f := &fuser{l: l, readers: map[*Node]int{}, producer: map[*Node]*instr{}}
	for _, n := range outputs {
		f.readers[n]++
	}
	for n := range l.views {
		for _, c := range ops.Children(n) {
			f.readers[c]++
		}
	}
	for _, in := range l.instrs {
		for _, n := range in.ins {
			f.readers[n]++
		}
		for _, n := range in.outs {
			f.producer[n] = in
		}
	}
	for _, in := range slices.Clone(l.instrs) {
		switch op := in.op.(type) {
		case *ops.Activation:
			f.activation(in, op)
		case *ops.ColumnSum:
			f.biasGradient(in)
		case *ops.LossGrad:
			f.loss(in, op)
		}
	}
	l.instrs = slices.DeleteFunc(l.instrs, func(in *instr) bool { return in.bind == nil })
}

type fuser struct {
	l        *lowered
	readers  map[*Node]int
	producer map[*Node]*instr
}

// absorb moves an output of from to its new producer and marks from as gone.
func (f *fuser) absorb(from, into *instr) {
	f.producer[from.outs[0]] = into
	from.bind = nil
}

func (f *fuser) activation(in *instr, act *ops.Activation) {
	hidden := in.ins[0]
	p := f.producer[hidden]
	if p == nil || f.readers[hidden] != 1 || len(p.outs) != 1 {
		return
	}
	op, ok := p.op.(fusable)
	if !ok || p.name != op.String() { // a name of its own: fused with an activation already
		return
	}
	p.name += "+" + act.String()
	p.outs = []*Node{in.outs[0]}
	p.bind = func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error) {
		return op.BindFused(ctx, outs[0], ins, act.Function)
	}
	f.absorb(in, p)
}

func (f *fuser) biasGradient(in *instr) {
	p := f.producer[in.ins[0]]
	if p == nil || len(p.outs) != 1 {
		return
	}
	op, ok := p.op.(*ops.ActivationGrad)
	if !ok {
		return
	}
	p.name += "+bias-gradient"
	p.outs = append(p.outs, in.outs[0])
	p.bind = func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error) {
		return op.BindFused(ctx, outs[0], outs[1], ins)
	}
	f.absorb(in, p)
}

func (f *fuser) loss(grad *instr, op *ops.LossGrad) {
	if _, constant := f.l.constants[grad.ins[4]]; !constant {
		return // the upstream gradient might be computed from the loss
	}
	i := slices.IndexFunc(f.l.instrs, func(in *instr) bool {
		o, ok := in.op.(*ops.Loss)
		return ok && in.bind != nil && len(in.outs) == 1 && o.Kind == op.Kind && o.Parameter == op.Parameter && slices.Equal(in.ins, grad.ins[:4])
	})
	if i < 0 {
		return
	}
	// Both stand where the first of them stood, so that every reader comes after.
	first, second := f.l.instrs[i], grad
	lossNode, gradNode := first.outs[0], grad.outs[0]
	if slices.Index(f.l.instrs, grad) < i {
		first, second = second, first
	}
	loss := ops.NewLoss(op.Kind, op.Parameter)
	first.name = loss.String() + "+gradient"
	first.op, first.ins, first.over = op, grad.ins, nil
	first.outs = []*Node{gradNode, lossNode}
	first.bind = func(ctx ops.Context, outs, ins []kernels.Matrix) ([]kernels.Kernel, error) {
		return loss.BindFused(ctx, outs[1], outs[0], ins[4], ins[:4])
	}
	f.producer[gradNode], f.producer[lossNode] = first, first
	second.bind = nil
}
