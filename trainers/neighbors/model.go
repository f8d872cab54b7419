package neighbors

import (
	"errors"
	"fmt"

	"debut/datasets/interactions"
	"debut/engine/safetensors"
	"debut/kernels/pool"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/recommender"
)

// graphFile holds the neighbors in a model folder.
const graphFile = "neighbors.safetensors"

// formatVersion is that of the layout of model folders.
const formatVersion = 1

// details are what model.json describes a model with.
type details struct {
	Kind       string                 `json:"kind"`
	Settings   Settings               `json:"settings"`
	Data       interactions.Config    `json:"data"`
	Evaluation recommender.Evaluation `json:"evaluation"`
}

// Save writes the model.
func (t *training) Save(to *modelfolder.Writer) error {
	if err := recommender.ShopOf(t.Data).Save(to); err != nil {
		return err
	}
	g := t.graph
	err := to.Tensors(graphFile, safetensors.Vector("offsets", g.Offsets), safetensors.Vector("indices", g.Indices), safetensors.Vector("values", g.Values))
	if err != nil {
		return err
	}
	return to.Close(formatVersion, details{t.cfg.Model.Kind, t.cfg.Model.Settings, t.cfg.Data, t.cfg.Evaluation})
}

// Model is a trained model.
type Model struct {
	recommender.Model
	kind  string
	graph *Graph
}

// Read reads a model from its folder, to answer on so many goroutines. It should be closed.
func Read(r *modelfolder.Reader, threads int) (*Model, error) {
	if err := r.Version(formatVersion); err != nil {
		return nil, err
	}
	var d details
	if err := r.Details(&d); err != nil {
		return nil, err
	}
	if d.Kind != KindItem && d.Kind != KindUser {
		return nil, r.Errorf("kind: there is no model %q", d.Kind)
	}
	if err := errors.Join(d.Settings.Validate(), d.Evaluation.Validate()); err != nil {
		return nil, r.Errorf("%w", err)
	}
	shop, err := recommender.ReadShop(r)
	if err != nil {
		return nil, err
	}
	f, err := r.Tensors(graphFile)
	if err != nil {
		return nil, err
	}
	rows := shop.Items.Len()
	if d.Kind == KindUser {
		rows = shop.Users.Len()
	}
	graph, err := readGraph(f)
	if err == nil {
		err = graph.Check(rows)
	}
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", r.Path(graphFile), err)
	}
	m := &Model{Model: recommender.Model{Shop: shop, Evaluation: d.Evaluation, Config: d.Data}, kind: d.Kind, graph: graph}
	if d.Kind == KindUser {
		m.Scorer = (&Users{Graph: m.graph, train: shop.Histories}).Scorer()
	} else {
		items, err := NewItems(graph)
		if err != nil {
			return nil, fmt.Errorf("model: %s: %w", r.Path(graphFile), err)
		}
		m.Scorer = items.Scorer(shop.Histories)
	}
	m.Pool = pool.New(threads) // last: what fails before leaves no goroutines behind
	return m, nil
}

// readGraph reads the neighbors.
func readGraph(f *safetensors.File) (_ *Graph, err error) {
	g := &Graph{}
	if g.Offsets, err = safetensors.ReadVector[int64](f, "offsets"); err != nil {
		return nil, err
	}
	if g.Indices, err = safetensors.ReadVector[int32](f, "indices"); err != nil {
		return nil, err
	}
	g.Values, err = safetensors.ReadVector[float32](f, "values")
	return g, err
}

// Close ends the model's goroutines.
func (m *Model) Close() error {
	m.Pool.Close()
	return nil
}

// Family is the family's name.
func (m *Model) Family() string { return Family }

// Similar lists the neighbors of an item, of a model of items.
func (m *Model) Similar(item string, k int) (model.List, error) {
	if m.kind != KindItem {
		return model.List{}, fmt.Errorf("the model is of like users; train one with model: {kind: %s}", KindItem)
	}
	i, ok := m.Shop.Items.Index(item)
	if !ok {
		return model.List{}, fmt.Errorf("item %q: %w", item, model.ErrUnknown)
	}
	near, similarity := m.graph.Of(int(i))
	l := model.List{User: item, Known: true}
	for n := range near[:min(k, len(near))] {
		l.Items, l.Scores = append(l.Items, m.Shop.Items.ID(int(near[n]))), append(l.Scores, similarity[n])
	}
	return l, nil
}
