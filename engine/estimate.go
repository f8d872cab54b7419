package engine

import (
	"fmt"

	"debut/engine/tables"
	"debut/kernels"
)

// EstimateTrainer returns the bytes that NewTrainer would allocate on the device for a graph, by purpose as
// [kernels.Device.Memory] has them, without allocating any. The kernels' scratch memory is not among them.
func EstimateTrainer(g *Graph, opt TrainerOptions) (map[string]int64, error) {
	outputs, err := trainerOutputs(g, opt)
	if err != nil {
		return nil, err
	}
	m := &meter{Device: opt.Device, bytes: map[string]int64{}}
	copt := opt.Options
	copt.Outputs = outputs
	if err := m.program(g, copt, m); err != nil {
		return nil, err
	}
	m.trainer(g, opt)
	return m.bytes, nil
}

// EstimateProgram is EstimateTrainer for what [Compile] would allocate, but for the parameters.
func EstimateProgram(g *Graph, opt Options) (map[string]int64, error) {
	m := &meter{Device: opt.Device, bytes: map[string]int64{}}
	elsewhere := &meter{Device: opt.Device, bytes: map[string]int64{}}
	if err := m.program(g, opt, elsewhere); err != nil {
		return nil, err
	}
	return m.bytes, nil
}

// program counts what a program allocates; its parameters are for another meter to count.
func (m *meter) program(g *Graph, opt Options, parameters *meter) error {
	opt.Device, opt.Log = m, nil
	opt.Parameters = NewParameters(parameters, g.dtype, 0)
	l, err := lower(g, opt.Outputs)
	if err != nil {
		return err
	}
	if !opt.NoFusion {
		fuse(l, opt.Outputs)
	}
	_, err = (&compiler{g: g, opt: opt, l: l, measure: true}).compile()
	return err
}

// trainer counts what a trainer allocates beside its program; see trainerBuilder.
func (m *meter) trainer(g *Graph, opt TrainerOptions) {
	micros := max(opt.Accumulate, 1)
	state := func(kind kernels.OptimizerKind, s ParameterSpec) {
		hasM, hasV := kind.States()
		rows, cols := s.matrixShape()
		for _, has := range []bool{hasM, hasV} {
			if has {
				m.count(g.dtype, rows*kind.StateCols(cols), "optimizer state")
			}
		}
	}
	m.count(g.dtype, kernels.HyperLen+1, "optimizer state")
	ofTables := opt.Optimizer.Kind
	if opt.Tables != nil && len(g.trained()) > 0 {
		ofTables = opt.Tables.Kind
		m.count(g.dtype, kernels.HyperLen, "optimizer state")
	}
	for _, p := range g.params {
		if g.grads[p.node] == nil {
			continue
		}
		if micros > 1 {
			m.count(g.dtype, p.spec.size(), "gradients")
		}
		state(opt.Optimizer.Kind, p.spec)
	}
	planned := map[string]bool{}
	for _, list := range g.trained() {
		table := list[0].Table
		n := places(list, micros)
		ints, floats := tables.Size(n, table.Shape[0], table.Shape[1])
		if !alone(list, micros) {
			ints, floats = ints+n, floats+n*table.Shape[1]
		}
		if key := planKey(list); !planned[key] {
			planned[key] = true
			m.count(kernels.Int32, ints, "gradients")
		}
		m.count(g.dtype, floats, "gradients")
		state(ofTables, table)
	}
}

// meter is a device that counts allocations and does nothing.
type meter struct {
	kernels.Device
	bytes map[string]int64
}

// metered is a buffer without memory.
type metered struct {
	dtype kernels.Dtype
	n     int
}

func (b metered) Dtype() kernels.Dtype { return b.dtype }
func (b metered) Len() int             { return b.n }

// NewRowCount returns a count that no kernel reads.
func (m *meter) NewRowCount(limit int) (kernels.RowCount, error) {
	c := meteredCount(limit)
	return &c, nil
}

// meteredCount is a row count that is not on the device.
type meteredCount int

func (c *meteredCount) Set(int) error     { return nil }
func (c *meteredCount) Get() (int, error) { return int(*c), nil }
func (c *meteredCount) Max() int          { return int(*c) }

func (m *meter) count(dt kernels.Dtype, n int, purpose string) {
	m.bytes[purpose] += int64(n) * int64(dt.Size())
}

func (m *meter) Alloc(dt kernels.Dtype, n int, purpose string) (kernels.Buffer, error) {
	if n < 0 {
		return nil, fmt.Errorf("engine: a buffer of %d elements for %s: %w", n, purpose, kernels.ErrShape)
	}
	m.count(dt, n, purpose)
	return metered{dt, n}, nil
}

func (m *meter) Upload(kernels.Buffer, int, []byte) error { return nil }
