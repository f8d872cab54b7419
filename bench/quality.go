package bench

import (
	"context"
	"fmt"
	"time"

	"debut/engine"
	"debut/kernels"
	"debut/layers"
	"debut/trainers/metrics"
)

// quality is the suite that trains until a network is as good as wanted: what a device or a precision gains by the step it may lose by
// needing more of them.
var quality = Suite{
	Name:    "quality",
	Summary: "the network and data of suite mlp, trained until it ranks new rows with an AUC of 0.9: steps and seconds of training",
	Cases:   []string{"256-512-256-1"},
	Form:    mlpForm,
	Metrics: []Metric{{Name: "seconds_to_auc", Direction: Lower}, {Name: "steps_to_auc", Direction: Lower, Exact: true}},
	measure: measureQuality,
}

const (
	qualityTarget = 0.9
	qualityEvery  = 8    // steps between two evaluations
	qualityLimit  = 4000 // steps
)

func measureQuality(ctx context.Context, name string, r *runner) error {
	widths, err := parseMLP(name)
	if err != nil {
		return err
	}
	if widths[len(widths)-1] != 1 {
		return fmt.Errorf("an AUC takes a network of one output; a case is %s ending in -1", mlpForm)
	}
	s, err := newMLPStep(r.Device, widths)
	if err != nil {
		return err
	}
	e, err := newExaminer(r.Device, s)
	if err != nil {
		return err
	}
	// What is compiled or captured late is not training.
	if _, err := e.auc(); err != nil {
		return err
	}
	var spent time.Duration
	for steps := qualityEvery; steps <= qualityLimit; steps += qualityEvery {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := r.timed(func() error {
			for range qualityEvery {
				if err := s.run(); err != nil {
					return err
				}
			}
			_, err := s.trainer.Losses(true)
			return err
		})
		if err != nil {
			return err
		}
		spent += d
		auc, err := e.auc()
		if err != nil {
			return err
		}
		if auc >= qualityTarget {
			r.report("seconds_to_auc", spent.Seconds())
			r.report("steps_to_auc", float64(steps))
			r.report("auc", auc)
			return nil
		}
	}
	return fmt.Errorf("after %d steps the AUC is still below %v", qualityLimit, qualityTarget)
}

// examiner scores new rows by the network that is being trained.
type examiner struct {
	program *engine.Program
	out     *engine.Node
	x       []float32
	labels  []float64
	scores  []float32
	logits  []float64
}

func newExaminer(dev kernels.Device, s *mlpStep) (*examiner, error) {
	e := &examiner{x: uniform(3, mlpBatch*s.inputs), scores: make([]float32, mlpBatch), logits: make([]float64, mlpBatch)}
	for _, y := range signs(e.x, s.inputs, 1) {
		e.labels = append(e.labels, float64(y))
	}
	g := engine.NewGraph(kernels.Float32, mlpBatch)
	e.out = mlpNetwork(s.widths).Build(&layers.Builder{Graph: g})
	if err := g.Err(); err != nil {
		return nil, err
	}
	var err error
	e.program, err = engine.Compile(g, engine.Options{Device: dev, Parameters: s.parameters, Outputs: []*engine.Node{e.out}})
	return e, err
}

func (e *examiner) auc() (float64, error) {
	if err := engine.Feed(e.program, layers.InputNumeric, e.x); err != nil {
		return 0, err
	}
	if err := e.program.Run(); err != nil {
		return 0, err
	}
	if _, err := engine.Read(e.program, e.out, e.scores); err != nil {
		return 0, err
	}
	for i, v := range e.scores {
		e.logits[i] = float64(v)
	}
	result, err := metrics.Binary(e.logits, e.labels, nil, 0.5)
	if err != nil {
		return 0, err
	}
	return result.Get("auc")
}
