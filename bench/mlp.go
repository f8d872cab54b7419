package bench

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// mlpForm is how a case is written.
const mlpForm = "widths from input to output, such as 64-32-1"

// mlp is the suite of whole training steps: batch assembly, forward, backward and the optimizer.
var mlp = Suite{
	Name:    "mlp",
	Summary: "training steps of a network with batch norm and ReLU, batches of 1024, Adam, float32",
	Cases:   []string{"256-512-256-1", "1024-1024-512-256-1"},
	Form:    mlpForm,
	measure: measureMLP,
}

const (
	mlpBatch   = 1024
	mlpBatches = 8 // different batches, so that gathering rows reads fresh memory
)

// parseMLP reads a case's name: the widths of a network, at least input and output.
func parseMLP(name string) ([]int, error) {
	parts := strings.Split(name, "-")
	widths := make([]int, len(parts))
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > maxDimension {
			return nil, fmt.Errorf("%q is not a width within 1 … %d; a case is %s", p, maxDimension, mlpForm)
		}
		widths[i] = n
	}
	if len(widths) < 2 {
		return nil, fmt.Errorf("a network has at least an input and an output; a case is %s", mlpForm)
	}
	return widths, nil
}

func measureMLP(ctx context.Context, name string, opt Options, report func(string, float64)) error {
	widths, err := parseMLP(name)
	if err != nil {
		return err
	}
	step, err := newMLPStep(opt.Device, widths)
	if err != nil {
		return err
	}
	n, median, err := repeat(ctx, opt.Duration, step.run)
	if err != nil {
		return err
	}
	loss, err := step.trainer.TakeLoss()
	if err != nil {
		return err
	}
	loss /= float64(n + 1) // the warm-up has added its own
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fmt.Errorf("the mean loss of %d steps is %v: the arithmetic is wrong", n+1, loss)
	}
	report("rows_per_second", mlpBatch/median.Seconds())
	report("milliseconds_per_step", median.Seconds()*1e3)
	report("steps", float64(n))
	report("mean_loss", loss)
	return nil
}

// mlpStep is a network and the data it trains on.
type mlpStep struct {
	trainer *engine.Trainer
	inputs  int
	outputs int
	x, y    []float32 // [mlpBatch·mlpBatches, inputs], [mlpBatch·mlpBatches, outputs]
	order   []int32
	at      int
	bx, by  []float32
}

func newMLPStep(dev kernels.Device, widths []int) (*mlpStep, error) {
	inputs, outputs := widths[0], widths[len(widths)-1]
	rows := mlpBatch * mlpBatches
	s := &mlpStep{
		inputs: inputs, outputs: outputs,
		x:     uniform(1, rows*inputs),
		y:     make([]float32, rows*outputs),
		order: philox.New(1, 2).Perm(rows),
		bx:    make([]float32, mlpBatch*inputs),
		by:    make([]float32, mlpBatch*outputs),
	}
	// The labels are the sign of a sum, so that there is something to learn.
	for r := range rows {
		var sum float32
		for _, v := range s.x[r*inputs : (r+1)*inputs] {
			sum += v
		}
		for o := range outputs {
			if sum > 0 {
				s.y[r*outputs+o] = 1
			}
		}
	}
	network := layers.Network{Outputs: outputs}
	for i := range inputs {
		network.Numeric = append(network.Numeric, layers.Numeric{Name: "x" + strconv.Itoa(i)})
	}
	for _, w := range widths[1 : len(widths)-1] {
		network.Hidden = append(network.Hidden, layers.Block{Units: w})
	}
	g := engine.NewGraph(kernels.Float32, mlpBatch)
	b := &layers.Builder{Graph: g, Training: true}
	loss := layers.BuildLoss(b, kernels.LogisticLoss, network.Build(b))
	if err := g.Differentiate(loss); err != nil {
		return nil, err
	}
	var err error
	s.trainer, err = engine.NewTrainer(g, engine.TrainerOptions{
		Options:   engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float32, 1)},
		Loss:      loss,
		Optimizer: optim.Defaults(kernels.Adam),
	})
	if err != nil {
		return nil, err
	}
	if err := s.trainer.SetRows(mlpBatch); err != nil {
		return nil, err
	}
	ones := make([]float32, mlpBatch)
	for i := range ones {
		ones[i] = 1
	}
	if err := engine.Feed(s.trainer.Program, layers.InputWeight, ones); err != nil {
		return nil, err
	}
	return s, engine.Feed(s.trainer.Program, layers.InputScale, []float32{1.0 / mlpBatch})
}

// run assembles the next batch and trains on it.
func (s *mlpStep) run() error {
	for i := range mlpBatch {
		r := int(s.order[s.at])
		s.at = (s.at + 1) % len(s.order)
		copy(s.bx[i*s.inputs:(i+1)*s.inputs], s.x[r*s.inputs:])
		copy(s.by[i*s.outputs:(i+1)*s.outputs], s.y[r*s.outputs:])
	}
	if err := engine.Feed(s.trainer.Program, layers.InputNumeric, s.bx); err != nil {
		return err
	}
	if err := engine.Feed(s.trainer.Program, layers.InputTarget, s.by); err != nil {
		return err
	}
	return s.trainer.Step(true, nil)
}
