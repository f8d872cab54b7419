package recommender

import (
	"errors"
	"fmt"
	"iter"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
)

// Folder is what a run file says of the model folder beside what is common to all families. A configuration embeds it, inline.
type Folder struct {
	KeepSeen *bool `yaml:"keep_seen,omitempty" jsonschema:"description=Whether the model folder has what users of training have (default: true). false: it is left out of it; and lists are made for users whose items are given with --history."`
}

// Forgets says that what users have is left out.
func (f Folder) Forgets() bool { return f.KeepSeen != nil && !*f.KeepSeen }

// details are what model.json describes a recommender with; M is its family's model section.
type details[M any] struct {
	Model      Section[M]                   `json:"model"`
	Data       Section[interactions.Config] `json:"data"`
	Evaluation Section[Evaluation]          `json:"evaluation"`
	// Vocabularies tell which users and items the numbers in the other files are of.
	Vocabularies Sums `json:"vocabularies"`
}

// Save writes a model folder of a layout's version: users, items and histories of the data that the model was trained on, the family's
// own files, and a description with its model section.
func Save[M any](to *modelfolder.Writer, version int, d *Data, section M, own func() error) error {
	shop := ShopOf(d)
	if err := shop.Save(to); err != nil {
		return err
	}
	if err := own(); err != nil {
		return err
	}
	about := details[M]{Vocabularies: shop.Sums()}
	about.Model.Value, about.Data.Value, about.Evaluation.Value = section, *d.cfg, d.eval
	return to.Close(version, about)
}

// Read reads what Save wrote, but for the family's own files, and the family's model section into section, which validate checks. The
// model has neither a scorer nor a pool yet.
func Read[M any](r *modelfolder.Reader, version int, section *M, validate func() error) (Model, error) {
	if err := r.Version(version); err != nil {
		return Model{}, err
	}
	var d details[M]
	if err := r.Details(&d); err != nil {
		return Model{}, err
	}
	*section = d.Model.Value
	m := Model{Evaluation: d.Evaluation.Value, Config: d.Data.Value}
	err := errors.Join(configfile.Prefix("model", validate()), configfile.Prefix("data", m.Config.Validate()), configfile.Prefix("evaluation", m.Evaluation.Validate()))
	if err != nil {
		return Model{}, r.Errorf("%w", err)
	}
	m.Shop, err = ReadShop(r, d.Vocabularies)
	return m, err
}

// Item returns the number of an item. The error of one that the model does not know matches model.ErrUnknown.
func (m *Model) Item(id string) (int32, error) {
	i, ok := m.Shop.Items.Index(id)
	if !ok {
		return 0, fmt.Errorf("item %q: %w", id, model.ErrUnknown)
	}
	return i, nil
}

// List names items and their scores, of something that the model knows.
func (m *Model) List(of string, items []int32, scores []float32) model.List {
	l := model.List{User: of, Known: true, Items: make([]string, len(items)), Scores: append([]float32{}, scores...)}
	for k, i := range items {
		l.Items[k] = m.Shop.Items.ID(int(i))
	}
	return l
}

// UserIDs and ItemIDs are the ids of all, in the order of their numbers.
func (m *Model) UserIDs() iter.Seq[string] { return m.Shop.Users.IDs() }

// ItemIDs are the ids of all items.
func (m *Model) ItemIDs() iter.Seq[string] { return m.Shop.Items.IDs() }
