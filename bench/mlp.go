package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"debut/bench/peers"
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
	Peer:    "PyTorch",
	Metrics: trainingMetrics,
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
	loss, err := step.lossAfter(ctx, lossSteps)
	if err != nil {
		return err
	}
	flops, err := step.flops()
	if err != nil {
		return err
	}
	n, median, err := r.repeat(ctx, step.burst)
	if err != nil {
		return err
	}
	t := median.Seconds() / float64(step.steps)
	r.speed("rows_per_second", mlpBatch/t, r.peaks.ofFLOPs(flops/t))
	r.report("milliseconds_per_step", t*1e3)
	r.report("steps", float64(n*step.steps))
	r.report(lossMetric, loss)
	return nil
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
	net, err := step.describe()
	if err != nil {
		return false, err
	}
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	var peer *peers.Torch
	if info := r.Device.Info(); info.Kind == "cuda" {
		peer, err = peers.StartTorchCUDA(ctx, folder, net, cmp.Or(r.Precision, "fp32"), trial(r.Duration))
	} else {
		peer, err = peers.StartTorch(ctx, folder, net, info.Threads, trial(r.Duration))
	}
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	theirs, err := peer.Loss(lossSteps)
	if err != nil {
		return false, err
	}
	return true, step.compare(ctx, r, theirs, peer.Version()+", "+peer.Settings(), peerRun(peer.Peer))
}

// compare takes turns with a peer, whose loss and way to run are given, and reports.
func (s *mlpStep) compare(ctx context.Context, r *runner, theirLoss float64, peer string, run turn) error {
	loss, err := s.lossAfter(ctx, lossSteps)
	if err != nil {
		return err
	}
	if err := agree(loss, theirLoss, peer, Tolerance(r.Precision)); err != nil {
		return err
	}
	flops, err := s.flops()
	if err != nil {
		return err
	}
	result, err := alternate(ctx, r.Duration, s.turn(), run)
	if err != nil {
		return err
	}
	result.report(r, "rows_per_second", mlpBatch, r.peaks.ofFLOPs(flops), peer)
	r.report(lossMetric, loss)
	r.report("peer_"+lossMetric, theirLoss)
	return nil
}

// mlpStep is a network and the data it trains on.
type mlpStep struct {
	widths     []int
	optimizer  optim.Config
	parameters *engine.Parameters
	trainer    *engine.Trainer
	inputs     int
	outputs    int
	x, y       []float32 // [mlpBatch·mlpBatches, inputs], [mlpBatch·mlpBatches, outputs]
	order      []int32
	at         int
	steps      int // between two looks at the losses
	bx, by     []float32
}

// mlpNetwork is the network of so many units.
func mlpNetwork(widths []int) layers.Network {
	n := layers.Network{Outputs: widths[len(widths)-1]}
	for i := range widths[0] {
		n.Numeric = append(n.Numeric, layers.Numeric{Name: "x" + strconv.Itoa(i)})
	}
	for _, w := range widths[1 : len(widths)-1] {
		n.Hidden = append(n.Hidden, layers.Block{Units: w})
	}
	return n
}

// signs labels rows by the sign of their sum, so that there is something to learn.
func signs(x []float32, inputs, outputs int) []float32 {
	y := make([]float32, len(x)/inputs*outputs)
	for r := range len(x) / inputs {
		var sum float32
		for _, v := range x[r*inputs : (r+1)*inputs] {
			sum += v
		}
		for o := range outputs {
			if sum > 0 {
				y[r*outputs+o] = 1
			}
		}
	}
	return y
}

func newMLPStep(dev kernels.Device, widths []int) (*mlpStep, error) {
	inputs, outputs := widths[0], widths[len(widths)-1]
	rows := mlpBatch * mlpBatches
	s := &mlpStep{
		widths: widths, optimizer: optim.Defaults(kernels.Adam),
		parameters: engine.NewParameters(dev, kernels.Float32, 1),
		inputs:     inputs, outputs: outputs, steps: 1,
		x:     uniform(1, rows*inputs),
		order: philox.New(1, 2).Perm(rows),
		bx:    make([]float32, mlpBatch*inputs),
		by:    make([]float32, mlpBatch*outputs),
	}
	s.y = signs(s.x, inputs, outputs)
	if behind(dev) > 1 {
		s.steps = kernels.GuardHistory
	}
	g := engine.NewGraph(kernels.Float32, mlpBatch)
	b := &layers.Builder{Graph: g, Training: true}
	loss := layers.BuildLoss(b, kernels.LogisticLoss, mlpNetwork(widths).Build(b))
	if err := g.Differentiate(loss); err != nil {
		return nil, err
	}
	var err error
	s.trainer, err = engine.NewTrainer(g, engine.TrainerOptions{
		Options:   engine.Options{Device: dev, Parameters: s.parameters},
		Loss:      loss,
		Optimizer: s.optimizer,
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

// describe returns the network, its data and its present parameters for a peer.
func (s *mlpStep) describe() (peers.MLP, error) {
	net := peers.MLP{
		Widths: s.widths, Rows: len(s.order), Batch: mlpBatch, Order: s.order, X: s.x, Y: s.y,
		Adam:       peers.Adam{Rate: s.optimizer.LearningRate, Beta1: s.optimizer.Beta1, Beta2: s.optimizer.Beta2, Epsilon: s.optimizer.Epsilon},
		Parameters: map[string][]float32{},
	}
	for _, p := range s.parameters.All() {
		if p.Spec.Frozen {
			continue
		}
		v, err := s.parameters.Read(p.Spec.Name)
		if err != nil {
			return net, err
		}
		w := make([]float32, len(v))
		for i, x := range v {
			w[i] = float32(x)
		}
		net.Parameters[p.Spec.Name] = w
	}
	return net, nil
}

// lossAfter trains so many steps and returns the loss of the batch that follows, which is trained on too.
func (s *mlpStep) lossAfter(ctx context.Context, steps int) (loss float64, err error) {
	for range steps + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := s.run(); err != nil {
			return 0, err
		}
	}
	losses, err := s.trainer.Losses(true)
	if err != nil {
		return 0, err
	}
	loss = losses[len(losses)-1]
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("the loss after %d steps is %v: the arithmetic is wrong", steps, loss)
	}
	return loss, nil
}

// flops trains a step and returns how many operations its kernels have.
func (s *mlpStep) flops() (float64, error) {
	if err := s.assemble(); err != nil {
		return 0, err
	}
	var profile engine.Profile
	if err := s.trainer.Step(true, &profile); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, e := range profile.Entries() {
		sum += e.FLOPs
	}
	return sum, nil
}

// run assembles the next batch and trains on it.
func (s *mlpStep) run() error {
	if err := s.assemble(); err != nil {
		return err
	}
	return s.trainer.Step(true, nil)
}

// burst trains so many steps as are queued before their losses are looked at.
func (s *mlpStep) burst() error {
	for range s.steps {
		if err := s.run(); err != nil {
			return err
		}
	}
	_, err := s.trainer.Losses(true)
	return err
}

// turn is the turn that trains, whose runs are steps.
func (s *mlpStep) turn() turn {
	bursts := perSecond(s.burst)
	return func(ctx context.Context, d time.Duration) (float64, error) {
		n, err := bursts(ctx, d)
		return n * float64(s.steps), err
	}
}

// gather copies the next rows to x and y.
func (s *mlpStep) gather(x, y []float32) {
	for i := range mlpBatch {
		r := int(s.order[s.at])
		s.at = (s.at + 1) % len(s.order)
		copy(x[i*s.inputs:(i+1)*s.inputs], s.x[r*s.inputs:])
		copy(y[i*s.outputs:(i+1)*s.outputs], s.y[r*s.outputs:])
	}
}

// assemble feeds the next batch.
func (s *mlpStep) assemble() error {
	s.gather(s.bx, s.by)
	if err := engine.Feed(s.trainer.Program, layers.InputNumeric, s.bx); err != nil {
		return err
	}
	return engine.Feed(s.trainer.Program, layers.InputTarget, s.by)
}
