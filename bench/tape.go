package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/bench/peers"
	"debut/bench/training"
)

// tape is the suite that compares the engine with gorgonia's own machine.
var tape = Suite{
	Name: "engine",
	Summary: "the step of suite mlp against gorgonia's TapeMachine with its built-in operations, gonum's BLAS and its Adam,\n" +
		"         in turns; ratios are by the clock",
	Cases:   []string{"256-512-256-1"},
	Form:    mlpForm,
	Metrics: trainingMetrics,
	measure: measureTape,
}

func measureTape(ctx context.Context, name string, r *runner) (err error) {
	widths, err := parseMLP(name)
	if err != nil {
		return err
	}
	step, err := newMLPStep(r.Device, widths)
	if err != nil {
		return err
	}
	net, err := step.Describe()
	if err != nil {
		return err
	}
	peer, err := newTapeStep(net)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.machine.Close()) }()
	// The TapeMachine computes on the CPU: with as many threads as we, or beside another device with all there are.
	threads := r.Device.Info().Threads
	if r.Device.Info().Kind != "cpu" {
		threads = runtime.GOMAXPROCS(0)
	}
	theirs := peer.limited(threads, perSecond(peer.run))
	if _, err := peer.limited(threads, func(ctx context.Context, _ time.Duration) (float64, error) {
		for range lossSteps + 1 {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			if err := peer.run(); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})(ctx, 0); err != nil {
		return err
	}
	version := fmt.Sprintf("gorgonia's TapeMachine, gonum BLAS, GOMAXPROCS=%d", threads)
	return compareSteps(ctx, r, &step.Work, mlpBatch, peer.loss, version, theirs)
}

// tapeStep is a network of gorgonia's own operations on its TapeMachine. The first error of building sticks.
type tapeStep struct {
	g       *gorgonia.ExprGraph
	err     error
	machine gorgonia.VM
	solver  gorgonia.Solver
	learned gorgonia.Nodes
	cost    *gorgonia.Node
	data    training.Data // its rows and their order
	bx, by  []float32
	loss    float64 // of the last batch
}

// newTapeStep builds the network. Batch statistics are products with a row of 1/B: gorgonia's own batch norm computes
// something else.
func newTapeStep(net peers.MLP) (*tapeStep, error) {
	inputs, outputs := net.Widths[0], net.Widths[len(net.Widths)-1]
	s := &tapeStep{
		g:    gorgonia.NewGraph(),
		data: training.Data{X: net.X, Y: net.Y, Order: net.Order, Inputs: inputs, Outputs: outputs, Batch: net.Batch},
		bx:   make([]float32, net.Batch*inputs),
		by:   make([]float32, net.Batch*outputs),
	}
	mean := s.matrix("mean", 1, net.Batch, constant(net.Batch, 1/float32(net.Batch)))
	h := s.matrix("x", net.Batch, inputs, s.bx)
	target := s.matrix("y", net.Batch, outputs, s.by)
	for i, width := range net.Widths[1 : len(net.Widths)-1] {
		name := fmt.Sprintf("hidden.%d", i)
		h = s.two(gorgonia.Mul, h, s.learn(net, name+".weight", net.Widths[i], width))
		epsilon := s.matrix(name+".epsilon", 1, width, constant(width, 1e-5))
		centered := s.rows(gorgonia.BroadcastSub, h, s.two(gorgonia.Mul, mean, h))
		variance := s.two(gorgonia.Mul, mean, s.one(gorgonia.Square, centered))
		deviation := s.one(gorgonia.Sqrt, s.two(gorgonia.Add, variance, epsilon))
		h = s.rows(gorgonia.BroadcastHadamardDiv, centered, deviation)
		h = s.rows(gorgonia.BroadcastHadamardProd, h, s.learn(net, name+".norm.gamma", 1, width))
		h = s.rows(gorgonia.BroadcastAdd, h, s.learn(net, name+".norm.beta", 1, width))
		h = s.one(gorgonia.Rectify, h)
	}
	h = s.two(gorgonia.Mul, h, s.learn(net, "output.weight", net.Widths[len(net.Widths)-2], outputs))
	h = s.rows(gorgonia.BroadcastAdd, h, s.learn(net, "output.bias", 1, outputs))
	// The cross-entropy of logits z against t is softplus(z) − z·t.
	each := s.two(gorgonia.Sub, s.one(gorgonia.Softplus, h), s.two(gorgonia.HadamardProd, h, target))
	s.cost = s.one(func(n *gorgonia.Node) (*gorgonia.Node, error) { return gorgonia.Mean(n) }, each)
	if s.err == nil {
		_, s.err = gorgonia.Grad(s.cost, s.learned...)
	}
	if s.err != nil {
		return nil, fmt.Errorf("gorgonia: %w", s.err)
	}
	s.machine = gorgonia.NewTapeMachine(s.g, gorgonia.BindDualValues(s.learned...))
	s.solver = gorgonia.NewAdamSolver(gorgonia.WithLearnRate(net.Adam.Rate), gorgonia.WithBeta1(net.Adam.Beta1),
		gorgonia.WithBeta2(net.Adam.Beta2), gorgonia.WithEps(net.Adam.Epsilon))
	return s, nil
}

func constant(n int, x float32) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = x
	}
	return v
}

// matrix adds an input whose values are those of v whenever the machine runs.
func (s *tapeStep) matrix(name string, rows, cols int, v []float32) *gorgonia.Node {
	if s.err != nil {
		return nil
	}
	n := gorgonia.NewMatrix(s.g, gorgonia.Float32, gorgonia.WithShape(rows, cols), gorgonia.WithName(name))
	s.err = gorgonia.Let(n, tensor.New(tensor.WithShape(rows, cols), tensor.WithBacking(v)))
	return n
}

// learn adds a parameter.
func (s *tapeStep) learn(net peers.MLP, name string, rows, cols int) *gorgonia.Node {
	n := s.matrix(name, rows, cols, append([]float32(nil), net.Parameters[name]...))
	s.learned = append(s.learned, n)
	return n
}

// one applies an operation of one operand.
func (s *tapeStep) one(op func(*gorgonia.Node) (*gorgonia.Node, error), x *gorgonia.Node) (n *gorgonia.Node) {
	if s.err == nil {
		n, s.err = op(x)
	}
	return n
}

// two applies an operation of two operands.
func (s *tapeStep) two(op func(_, _ *gorgonia.Node) (*gorgonia.Node, error), x, y *gorgonia.Node) (n *gorgonia.Node) {
	if s.err == nil {
		n, s.err = op(x, y)
	}
	return n
}

// rows applies an operation of a matrix and a vector, repeated for every row.
func (s *tapeStep) rows(op func(_, _ *gorgonia.Node, _, _ []byte) (*gorgonia.Node, error), x, v *gorgonia.Node) (n *gorgonia.Node) {
	if s.err == nil {
		n, s.err = op(x, v, nil, []byte{0})
	}
	return n
}

// run assembles the next batch and trains on it.
func (s *tapeStep) run() error {
	s.data.Gather(s.bx, s.by)
	if err := s.machine.RunAll(); err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	loss, ok := s.cost.Value().Data().(float32)
	if !ok {
		return fmt.Errorf("gorgonia: the loss is a %T, not a float32", s.cost.Value().Data())
	}
	s.loss = float64(loss)
	if err := s.solver.Step(gorgonia.NodesToValueGrads(s.learned)); err != nil {
		return fmt.Errorf("gorgonia: %w", err)
	}
	s.machine.Reset()
	return nil
}

// limited is a turn on so many of Go's processors, which is what gonum's BLAS takes its number of goroutines from.
func (s *tapeStep) limited(threads int, t turn) turn {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(threads, 1)))
		return t(ctx, d)
	}
}
