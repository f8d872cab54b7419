package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"debut/engine/onnx"
	"debut/trainers/model"
)

// signatureFile says what the graphs are asked and answer.
const signatureFile = "signature.json"

// ErrNoGraph is matched by errors of models without a form in ONNX.
var ErrNoGraph = errors.New("the model has no form in ONNX")

// graphs writes the questions of a model under the names that name gives them, and runs them where that is asked for.
func (w *writer) graphs(ctx context.Context, name func(graph string) string) error {
	x, ok := w.m.(model.Exporter)
	if !ok {
		return fmt.Errorf("export: a model of the family %s: %w", w.m.Family(), ErrNoGraph)
	}
	list, err := x.Graphs()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for _, g := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := onnx.NewGraph(g.Name)
		to.Note("family", w.m.Family())
		to.Note("program", "debut "+w.o.Version)
		s, err := g.Build(to, w.o.Graph)
		if err == nil {
			err = w.graph(to, name(g.Name))
		}
		if err != nil {
			return fmt.Errorf("export: %s: %w", g.Name, err)
		}
		w.result.Graphs = append(w.result.Graphs, Graph{g.Name, name(g.Name), s})
	}
	if err := w.json(signatureFile, w.result.Graphs); err != nil {
		return err
	}
	if err := w.beside(); err != nil {
		return err
	}
	return w.verify(ctx, list)
}

// graph writes one question, with its tables where they belong.
func (w *writer) graph(to *onnx.Graph, name string) error {
	if err := to.Err(); err != nil {
		return err
	}
	if w.o.Tables == Inside || w.o.Tables == "" && to.TableBytes() <= onnx.LargestInside {
		return w.file(name, to.Write)
	}
	tables := strings.TrimSuffix(name, path.Ext(name)) + ".tables.safetensors"
	return w.file(tables, func(beside io.Writer) error {
		return w.file(name, func(inside io.Writer) error { return to.WriteBeside(inside, beside, path.Base(tables)) })
	})
}

// beside writes what encodes the inputs that the graphs cannot.
func (w *writer) beside() error {
	encoded := false
	for _, g := range w.result.Graphs {
		for _, p := range append(append([]model.Port{}, g.Inputs...), g.Outputs...) {
			encoded = encoded || p.Encoded != ""
		}
	}
	e, ok := w.m.(model.Encodes)
	if !encoded || !ok {
		return nil
	}
	for name, fill := range e.EncoderFiles() {
		if err := w.file(name, fill); err != nil {
			return err
		}
	}
	return nil
}
