package neighbors

import (
	"errors"
	"fmt"

	"debut/datasets/configfile"
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
	Model      recommender.Section[ModelConfig]            `json:"model"`
	Data       recommender.Section[interactions.Config]    `json:"data"`
	Evaluation recommender.Section[recommender.Evaluation] `json:"evaluation"`
	// Vocabularies tell which users and items the numbers in the other files are of.
	Vocabularies recommender.Sums `json:"vocabularies"`
}

// Save writes the model.
func (t *training) Save(to *modelfolder.Writer) error {
	shop := recommender.ShopOf(t.Data)
	if err := shop.Save(to); err != nil {
		return err
	}
	g := t.graph
	err := to.Tensors(graphFile, safetensors.Vector("offsets", g.Offsets), safetensors.Vector("indices", g.Indices), safetensors.Vector("values", g.Values))
	if err != nil {
		return err
	}
	d := details{Vocabularies: shop.Sums()}
	d.Model.Value, d.Data.Value, d.Evaluation.Value = t.cfg.Model, t.cfg.Data, t.cfg.Evaluation
	return to.Close(formatVersion, d)
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
	m := &Model{kind: d.Model.Value.Kind, Model: recommender.Model{Evaluation: d.Evaluation.Value, Config: d.Data.Value}}
	err := errors.Join(configfile.Prefix("model", d.Model.Value.validate()), configfile.Prefix("data", d.Data.Value.Validate()), configfile.Prefix("evaluation", d.Evaluation.Value.Validate()))
	if err != nil {
		return nil, r.Errorf("%w", err)
	}
	m.Shop, err = recommender.ReadShop(r, d.Vocabularies)
	if err != nil {
		return nil, err
	}
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
		m.Scorer = (&Users{Graph: m.graph, train: m.Histories}).Scorer()
	} else {
		items, err := NewItems(m.graph)
		if err != nil {
			return nil, r.FileError(graphFile, err)
		}
		m.Scorer = items.Scorer(m.Histories)
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
	i, ok := m.Shop.Items.Index(item)
	if !ok {
		return model.List{}, fmt.Errorf("item %q: %w", item, model.ErrUnknown)
	}
	near, similarity := m.graph.Of(int(i))
	l := model.List{User: item, Known: true, Items: []string{}, Scores: []float32{}}
	for n := range near[:min(k, len(near))] {
		if similarity[n] <= 0 { // weights that are learned say of these that who has the one does not want the other
			break
		}
		l.Items, l.Scores = append(l.Items, m.Shop.Items.ID(int(near[n]))), append(l.Scores, similarity[n])
	}
	return l, nil
}
