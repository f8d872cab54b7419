package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"debut/bench/peers"
	"debut/bench/training"
	"debut/engine"
	"debut/kernels"
	"debut/layers"
)

// mlpForm is how a case is written.
const mlpForm = training.Form

// mlp is the suite of whole training steps: batch assembly, forward, backward and the optimizer.
var mlp = Suite{
	Name:    "mlp",
	Summary: "training steps of a network with batch norm and ReLU, batches of 1024, Adam, float32",
	Cases:   []string{"256-512-256-1", "1024-1024-512-256-1"},
	Form:    mlpForm,
	Peer:    "PyTorch",
	Metrics: trainingMetrics,
	measure: measureMLP,
}

const mlpBatch = 1024

// parseMLP reads a case's name: the widths of a network, at least input and output.
func parseMLP(name string) ([]int, error) { return training.ParseWidths(name) }

func measureMLP(ctx context.Context, name string, r *runner) error {
	widths, err := parseMLP(name)
	if err != nil {
		return err
	}
	step, err := newMLPStep(r.Device, widths)
	if err != nil {
		return err
	}
	if r.Peers {
		done, err := compareMLP(ctx, r, step)
		if done || err != nil {
			return err
		}
	}
	return measureSteps(ctx, r, &step.Work, mlpBatch)
}

// lossSteps is after how many steps losses are compared: the loss of the batch that follows.
const lossSteps = 50

const lossMetric = "loss_after_50_steps"

// trainingMetrics are those of suites that train.
var trainingMetrics = []Metric{{Name: "rows_per_second", Direction: Higher}, {Name: lossMetric, Direction: Same}}

// lossTolerance is how far apart, relative to the greater, losses after lossSteps may be that began with the same numbers
// and differ in the order of their sums. Adam divides gradients by their size, so that where one is next to zero its
// rounding error moves a weight by as much as any other.
const lossTolerance = 0.01

// agree returns an error where two losses are further apart than rounding explains.
func agree(ours, theirs float64, peer string, tolerance float64) error {
	if !(math.Abs(ours-theirs) <= tolerance*max(math.Abs(ours), math.Abs(theirs))) {
		return fmt.Errorf("after %d steps the loss is %v and that of %s %v: further apart than %v of it, so the work is not the same",
			lossSteps, ours, peer, theirs, tolerance)
	}
	return nil
}

// compareMLP takes turns with PyTorch. Where that is not installed, it says so and has done nothing.
func compareMLP(ctx context.Context, r *runner, step *mlpStep) (done bool, err error) {
	net, err := step.Describe()
	if err != nil {
		return false, err
	}
	return compareTorch(ctx, r, &step.Work, mlpBatch, func(folder string) (*peers.Torch, error) {
		if info := r.Device.Info(); info.Kind != "cuda" {
			return peers.StartTorch(ctx, folder, net, info.Threads, trial(r.Duration))
		}
		return peers.StartTorchCUDA(ctx, folder, net, cmp.Or(r.Precision, "fp32"), trial(r.Duration))
	})
}

// mlpStep is the training step that a case measures, and what other suites look at.
type mlpStep struct {
	*training.MLP
	widths     []int
	inputs     int
	parameters *engine.Parameters
	trainer    *engine.Trainer
}

func newMLPStep(dev kernels.Device, widths []int) (*mlpStep, error) {
	s, err := training.New(dev, widths, mlpBatch)
	if err != nil {
		return nil, err
	}
	return &mlpStep{s, s.Widths, s.Inputs, s.Parameters, s.Trainer}, nil
}

// run assembles the next batch and trains on it.
func (s *mlpStep) run() error { return s.Run() }

// mlpNetwork is the network of so many units.
func mlpNetwork(widths []int) layers.Network { return training.Network(widths) }

// signs labels rows by the sign of their sum, so that there is something to learn.
func signs(x []float32, inputs, outputs int) []float32 { return training.Signs(x, inputs, outputs) }
