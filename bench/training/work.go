package training

import (
	"context"
	"fmt"
	"math"

	"debut/bench/peers"
	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/layers"
)

// Work is whole training steps of a network by Adam, over batches that are assembled before each.
type Work struct {
	Optimizer  optim.Config
	Parameters *engine.Parameters
	Trainer    *engine.Trainer
	Steps      int // of a burst: as many as a device may be behind the host
	assemble   func() error
}

// build builds the steps of a network with a logistic loss; assemble feeds the next batch.
func (w *Work) build(dev kernels.Device, n layers.Network, batch int, assemble func() error) error {
	w.Optimizer, w.Parameters, w.Steps, w.assemble = optim.Defaults(kernels.Adam), engine.NewParameters(dev, kernels.Float32, 1), 1, assemble
	if dev.Info().Kind != "cpu" {
		w.Steps = kernels.GuardHistory
	}
	g := engine.NewGraph(kernels.Float32, batch)
	b := &layers.Builder{Graph: g, Training: true}
	loss := layers.BuildLoss(b, kernels.LogisticLoss, 0, n.Build(b))
	if err := g.Differentiate(loss); err != nil {
		return err
	}
	var err error
	w.Trainer, err = engine.NewTrainer(g, engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: w.Parameters}, Loss: loss, Optimizer: w.Optimizer})
	return err
}

// setRows has the batches to come be of so many rows, all of one weight.
func (w *Work) setRows(n int) error {
	if err := w.Trainer.SetRows(n); err != nil {
		return err
	}
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	if err := engine.Feed(w.Trainer.Program, layers.InputWeight, ones); err != nil {
		return err
	}
	return engine.Feed(w.Trainer.Program, layers.InputScale, []float32{1 / float32(n)})
}

// adam are the optimizer's settings for a peer.
func (w *Work) adam() peers.Adam {
	o := w.Optimizer
	return peers.Adam{Rate: o.LearningRate, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon}
}

// values are the present parameters that are trained, for a peer.
func (w *Work) values() (map[string][]float32, error) {
	all := map[string][]float32{}
	for _, p := range w.Parameters.All() {
		if p.Spec.Frozen {
			continue
		}
		v, err := w.Parameters.Read(p.Spec.Name)
		if err != nil {
			return nil, err
		}
		narrow := make([]float32, len(v))
		for i, x := range v {
			narrow[i] = float32(x)
		}
		all[p.Spec.Name] = narrow
	}
	return all, nil
}

// LossAfter trains so many steps and returns the loss of the batch that follows, which is trained on too.
func (w *Work) LossAfter(ctx context.Context, steps int) (loss float64, err error) {
	for range steps + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := w.Run(); err != nil {
			return 0, err
		}
	}
	losses, err := w.Trainer.Losses(true)
	if err != nil {
		return 0, err
	}
	loss = losses[len(losses)-1]
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("the loss after %d steps is %v: the arithmetic is wrong", steps, loss)
	}
	return loss, nil
}

// FLOPs trains a step and returns how many operations its kernels have.
func (w *Work) FLOPs() (float64, error) {
	if err := w.assemble(); err != nil {
		return 0, err
	}
	var profile engine.Profile
	if err := w.Trainer.Step(true, &profile); err != nil {
		return 0, err
	}
	sum := 0.0
	for _, e := range profile.Entries() {
		sum += e.FLOPs
	}
	return sum, nil
}

// Run assembles the next batch and trains on it.
func (w *Work) Run() error {
	if err := w.assemble(); err != nil {
		return err
	}
	return w.Trainer.Step(true, nil)
}

// Burst trains as many steps as are queued before their losses are looked at.
func (w *Work) Burst() error {
	for range w.Steps {
		if err := w.Run(); err != nil {
			return err
		}
	}
	_, err := w.Trainer.Losses(true)
	return err
}
