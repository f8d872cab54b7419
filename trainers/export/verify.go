package export

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"debut/datasets/scratch"
	"debut/datasets/table"
	"debut/engine/onnxruntime"
	"debut/trainers/model"
)

// Verification says how what was written is run.
type Verification struct {
	Runtime *onnxruntime.Runtime
	// Rows reads rows of the data, for models that answer for such; nil: there are none.
	Rows func(ctx context.Context) (*table.Frame, error)
	// Limit is how many rows a graph is tried with at most.
	Limit   int
	Threads int
}

// DefaultRows is how many rows a graph is tried with.
const DefaultRows = 1000

// MaxRows bounds them: they are in memory.
const MaxRows = 10_000_000

// Close is up to which difference a graph answers as the model does: both compute in float32.
const Close = 1e-5

// Verified is how a graph answers beside the model itself.
type Verified struct {
	Graph string `json:"graph"`
	model.Comparison
}

// verify runs the graphs.
func (w *writer) verify(ctx context.Context, list []model.Graph) (err error) {
	v := w.o.Verify
	if v == nil {
		return nil
	}
	dir := w.dir
	if len(w.o.To) > 0 { // the runtime reads files, which nobody else can for that time; those of a process that was killed are swept up
		open, err := scratch.NewDir("", "verify")
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		defer func() { err = errors.Join(err, open.Remove()) }()
		dir = open.Path()
		plain := &writer{dir: dir, o: &Options{Tables: w.o.Tables, Graph: w.o.Graph, Version: w.o.Version}, m: w.m, result: &Result{}}
		if err := plain.graphs(ctx, func(graph string) string { return graph + ".onnx" }); err != nil {
			return err
		}
		for i, g := range plain.result.Graphs {
			if err := w.run(ctx, list[i], g, dir); err != nil {
				return err
			}
		}
		return nil
	}
	for i, g := range w.result.Graphs {
		if err := w.run(ctx, list[i], g, dir); err != nil {
			return err
		}
	}
	return nil
}

// run runs one graph on rows.
func (w *writer) run(ctx context.Context, of model.Graph, g Graph, dir string) (err error) {
	v := w.o.Verify
	var trial model.Trial
	switch {
	case of.Trials != nil && v.Rows == nil:
		return fmt.Errorf("export: %s is verified on rows of data, and there are none", g.Name)
	case of.Trials != nil:
		rows, err := v.Rows(ctx)
		if err != nil {
			return err
		}
		if trial, err = of.Trials(ctx, g.Signature, rows); err != nil {
			return fmt.Errorf("export: verifying %s: %w", g.Name, err)
		}
	default:
		if trial, err = of.Own(ctx, g.Signature, w.o.Graph, v.Limit); err != nil {
			return fmt.Errorf("export: verifying %s: %w", g.Name, err)
		}
	}
	s, err := v.Runtime.Load(filepath.Join(dir, filepath.FromSlash(g.File)), v.Threads)
	if err != nil {
		return fmt.Errorf("export: verifying %s: %w", g.Name, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	got, err := s.Run(trial.Inputs)
	if err != nil {
		return fmt.Errorf("export: verifying %s: %w", g.Name, err)
	}
	done := Verified{Graph: g.Name}
	if err := done.Compare(trial, got); err != nil {
		return fmt.Errorf("export: verifying %s: %w", g.Name, err)
	}
	w.result.Verified = append(w.result.Verified, done)
	return nil
}
