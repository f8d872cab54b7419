package neighbors

import (
	"fmt"
	"slices"

	"debut/datasets/interactions"
	"debut/engine/safetensors"
	"debut/kernels/pool"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/ranking"
	"debut/trainers/recommender"
)

// graphFile holds the neighbors in a model folder.
const graphFile = "neighbors.safetensors"

// formatVersion is that of the layout of model folders.
const formatVersion = 1

// Save writes the model.
func (t *training) Save(to *modelfolder.Writer) error {
	return recommender.Save(to, formatVersion, t.Data, t.cfg.Model, func() error {
		g := t.graph
		return to.Tensors(graphFile, safetensors.Vector("offsets", g.Offsets), safetensors.Vector("indices", g.Indices), safetensors.Vector("values", g.Values))
	})
}

// Model is a trained model.
type Model struct {
	recommender.Model
	kind  string
	graph *Graph
}

// Read reads a model from its folder, to answer on so many goroutines. It should be closed.
func Read(r *modelfolder.Reader, threads int) (*Model, error) {
	var cfg ModelConfig
	base, err := recommender.Read(r, formatVersion, &cfg, func() error { return cfg.validate() })
	if err != nil {
		return nil, err
	}
	m := &Model{kind: cfg.Kind, Model: base}
	rows := m.Shop.Items.Len()
	if m.kind == KindUser {
		rows = m.Shop.Users.Len()
	}
	err = r.Tensors(graphFile, func(f *safetensors.File) (err error) {
		if m.graph, err = readGraph(f); err != nil {
			return err
		}
		return m.graph.Check(rows)
	})
	if err != nil {
		return nil, err
	}
	if m.kind == KindUser {
		users := &Users{Graph: m.graph, train: m.Histories}
		m.Scorer = users.Scorer()
		m.Fold = func(histories *interactions.Matrix) (ranking.Scorer, error) {
			if users.space == nil { // what users of training have, to compare others with: it takes as long as reading it again
				users.space, users.ties = newSpace(&cfg.Settings, m.Histories), ranking.NewTies(m.Users(), m.Shop.Users.ID)
			}
			return users.ScorerOf(histories), nil
		}
	} else {
		items, err := NewItems(m.graph)
		if err != nil {
			return nil, r.FileError(graphFile, err)
		}
		if m.Adds = items.adds; m.Counts == nil {
			m.Scorer = items.Scorer(m.Histories)
		}
		m.Fold = func(histories *interactions.Matrix) (ranking.Scorer, error) { return items.Scorer(histories), nil }
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
	if m.kind == KindUser {
		return model.List{}, fmt.Errorf("the model is of like users; train one with model: {kind: %s}", KindItem)
	}
	i, err := m.Item(item)
	if err != nil {
		return model.List{}, err
	}
	near, similarity := m.graph.Of(int(i))
	k = min(k, len(near))
	// Weights that are learned say of those that are not above 0 that who has the one does not want the other.
	if n := slices.IndexFunc(similarity[:k], func(v float32) bool { return v <= 0 }); n >= 0 {
		k = n
	}
	return m.List(item, near[:k], similarity[:k]), nil
}
