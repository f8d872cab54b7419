package engine

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"debut/engine/ops"
	"debut/kernels"
)

// Options say how a graph is compiled.
type Options struct {
	Device     kernels.Device
	Parameters *Parameters
	// Outputs are kept after a run. Gradients that a Trainer needs are added by it.
	Outputs []*Node
	// Fallback allows ops that the engine has no kernel for to run on the CPU through gorgonia's Do, with a
	// warning to Log. Without it they are an error.
	Fallback bool
	Log      *slog.Logger
	// NoFusion and NoReuse switch parts of the compiler off, to check that they change nothing.
	NoFusion, NoReuse bool
}

// Compile turns what the outputs need of a graph into a program.
func Compile(g *Graph, opt Options) (*Program, error) {
	if g.err != nil {
		return nil, g.err
	}
	if len(opt.Outputs) == 0 || slices.Contains(opt.Outputs, nil) {
		return nil, fmt.Errorf("engine: a program without outputs, or with one that is nil")
	}
	if opt.Device == nil || opt.Parameters == nil {
		return nil, fmt.Errorf("engine: a program needs a device and parameters")
	}
	if opt.Parameters.dtype != g.dtype {
		return nil, fmt.Errorf("engine: a graph of %v with parameters of %v: %w", g.dtype, opt.Parameters.dtype, kernels.ErrShape)
	}
	l, err := lower(g, opt.Outputs)
	if err != nil {
		return nil, err
	}
	unfused := len(l.instrs)
	if !opt.NoFusion {
		fuse(l, opt.Outputs)
	}
	c := &compiler{g: g, opt: opt, l: l}
	p, err := c.compile()
	if err != nil {
		return nil, err
	}
	p.stats.Nodes, p.stats.Dead, p.stats.Fused = l.nodes, l.nodes-l.live, unfused-len(l.instrs)
	return p, nil
}

type compiler struct {
	g       *Graph
	opt     Options
	l       *lowered
	plan    *plan
	p       *Program
	measure bool // only give values their memory: bind nothing
}

func (c *compiler) compile() (*Program, error) {
	dev := c.opt.Device
	rows, err := dev.NewRowCount(c.g.batch)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	step, err := dev.Alloc(kernels.Uint32, 2, "activations")
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	c.p = &Program{
		dev: dev, dtype: c.g.dtype, batch: c.g.batch, valid: c.g.batch, rows: rows, step: step,
		inputs: map[string]kernels.Matrix{}, ids: map[string]kernels.Matrix{}, outputs: map[*Node]kernels.Matrix{},
	}
	c.plan = &plan{
		l: c.l, dev: dev, dtype: c.g.dtype, rows: rows,
		pinned: map[*Node]bool{}, last: map[*Node]int{}, matrix: map[*Node]kernels.Matrix{}, slotOf: map[*Node]*slot{},
	}
	if err := c.leaves(); err != nil {
		return nil, err
	}
	c.plan.liveness(c.opt.Outputs)
	if c.opt.NoReuse {
		for _, in := range c.l.instrs {
			for _, n := range in.outs {
				c.plan.pinned[n] = true
			}
		}
	}
	ctx := ops.Context{Device: dev, Step: kernels.NewMatrix(step, 1, 2)}
	for i, in := range c.l.instrs {
		if err := c.bind(ctx, i, in); err != nil {
			return nil, err
		}
	}
	for _, n := range c.opt.Outputs {
		if c.p.outputs[n], err = c.plan.view(n); err != nil {
			return nil, err
		}
	}
	for _, s := range c.plan.slots {
		c.p.stats.Bytes += int64(s.size * c.g.dtype.Size())
	}
	c.p.stats.Slots = len(c.plan.slots)
	c.p.stats.BytesUnshared = int64(c.plan.planned * c.g.dtype.Size())
	if c.measure {
		return c.p, nil
	}
	return c.p, c.p.prepare()
}

func (c *compiler) bind(ctx ops.Context, i int, in *instr) error {
	ins := make([]kernels.Matrix, len(in.ins))
	for k, n := range in.ins {
		m, err := c.plan.view(n)
		if err != nil {
			return err
		}
		ins[k] = m
	}
	if err := c.plan.place(i, in); err != nil {
		return err
	}
	outs := make([]kernels.Matrix, len(in.outs))
	for k, n := range in.outs {
		outs[k] = c.plan.matrix[n]
	}
	if c.measure {
		return nil
	}
	if in.foreign && !c.opt.Fallback {
		return fmt.Errorf("engine: the engine has no kernel for %s, and running it through gorgonia on the CPU is not allowed: %w", in.name, kernels.ErrUnsupported)
	}
	if in.foreign && c.opt.Log != nil && !warned(c.l.instrs[:i], in.name) {
		c.opt.Log.Warn("no kernel for an operation; it runs through gorgonia on the CPU", "op", in.name, "full_batches_only", in.exact)
	}
	ks, err := in.bind(ctx, outs, ins)
	if err != nil {
		return fmt.Errorf("engine: %s: %w", in.name, err)
	}
	c.p.exact = c.p.exact || in.exact
	c.p.steps = append(c.p.steps, step{in.name, c.l.describe(in), c.layerOf(in), outs, len(c.p.kernels), len(c.p.kernels) + len(ks)})
	c.p.kernels = append(c.p.kernels, ks...)
	return nil
}

// leaves gives inputs, parameters and constants their memory, and binds the gathers of lookups.
func (c *compiler) leaves() error {
	wanted := map[*Node]bool{}
	for _, n := range c.l.leaves {
		wanted[n] = true
		if v, ok := c.l.constants[n]; ok {
			buf, err := c.opt.Device.Alloc(c.g.dtype, 1, "activations")
			if err != nil {
				return fmt.Errorf("engine: %w", err)
			}
			if err := writeFloats(c.opt.Device, buf, 0, []float64{v}); err != nil {
				return fmt.Errorf("engine: %w", err)
			}
			c.plan.matrix[n] = kernels.NewMatrix(buf, 1, 1)
		}
	}
	for _, in := range c.g.inputs {
		if !wanted[in.Node] {
			continue // feeding it is allowed and does nothing
		}
		s := in.Node.Shape()
		m, err := c.leaf(c.g.dtype, s[0], s[1], in.Batch)
		if err != nil {
			return fmt.Errorf("engine: input %q: %w", in.Name, err)
		}
		c.plan.matrix[in.Node], c.p.inputs[in.Name] = m, m
	}
	for _, b := range c.g.params {
		if !wanted[b.node] {
			continue
		}
		q, err := c.opt.Parameters.Declare(b.spec)
		if err != nil {
			return err
		}
		c.plan.matrix[b.node] = q.Matrix
	}
	for _, lk := range c.g.lookups {
		if wanted[lk.Node] {
			if err := c.lookup(lk); err != nil {
				return fmt.Errorf("engine: lookup %q: %w", lk.Name, err)
			}
		}
	}
	return nil
}

func (c *compiler) leaf(dt kernels.Dtype, rows, cols int, batch bool) (kernels.Matrix, error) {
	buf, err := c.opt.Device.Alloc(dt, rows*cols, "inputs")
	if err != nil {
		return kernels.Matrix{}, err
	}
	m := kernels.NewMatrix(buf, rows, cols)
	if batch {
		m.Count = c.plan.rows
	}
	return m, nil
}

func (c *compiler) lookup(lk *Lookup) error {
	q, err := c.opt.Parameters.Declare(lk.Table)
	if err != nil {
		return err
	}
	ids, shared := c.p.ids[lk.Name]
	if !shared {
		if ids, err = c.leaf(kernels.Int32, lk.Rows, lk.Fields, lk.Batch); err != nil {
			return err
		}
	}
	weights, shared := c.p.inputs[lk.Weights]
	if lk.Weights != "" && !shared {
		if weights, err = c.leaf(c.g.dtype, lk.Rows, lk.Fields, lk.Batch); err != nil {
			return err
		}
		c.p.inputs[lk.Weights] = weights
	}
	out, err := c.leaf(c.g.dtype, lk.Rows, lk.cols(), lk.Batch)
	if err != nil {
		return err
	}
	c.plan.matrix[lk.Node], c.p.ids[lk.Name] = out, ids
	if c.measure {
		return nil
	}
	f, err := kernels.Family[kernels.Embedding](c.opt.Device)
	if err != nil {
		return err
	}
	name := "gather "
	var k kernels.Kernel
	if lk.Weights == "" {
		k, err = f.Gather(kernels.GatherArgs{Table: q.Matrix, IDs: ids, Out: out})
	} else {
		name = "gather and sum "
		k, err = f.GatherSum(kernels.GatherSumArgs{Table: q.Matrix, IDs: ids, Weights: weights, Out: out})
	}
	if err != nil {
		return err
	}
	c.p.steps = append(c.p.steps, step{
		name + lk.Table.Name, fmt.Sprintf("%d ids → %v", lk.Fields, lk.Node.Shape()), layerName(lk.Table.Name),
		[]kernels.Matrix{out}, len(c.p.kernels), len(c.p.kernels) + 1,
	})
	c.p.kernels = append(c.p.kernels, k)
	return nil
}

// layerOf names the layer of an instruction: that of a parameter it uses, or else of the instruction before.
func (c *compiler) layerOf(in *instr) string {
	for _, n := range in.ins {
		for _, b := range c.g.params {
			if b.node == n {
				return layerName(b.spec.Name)
			}
		}
	}
	if n := len(c.p.steps); n > 0 {
		return c.p.steps[n-1].layer
	}
	return ""
}

// layerName returns the layer that a parameter's name begins with.
func layerName(parameter string) string {
	if i := strings.LastIndexByte(parameter, '.'); i > 0 {
		return parameter[:i]
	}
	return parameter
}

// warned says whether an earlier instruction is a foreign one of the same name.
func warned(before []*instr, name string) bool {
	return slices.ContainsFunc(before, func(in *instr) bool { return in.foreign && in.name == name })
}
