package behavior

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/engine"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/transfer"
)

// donor is what a training goes on from: a model, or a file of tensors.
type donor struct {
	place string
	model *Model // nil: a file
}

// openDonor opens what init_from names; nil where it names nothing.
func (c *Config) openDonor(env *run.Env) (*donor, error) {
	if c.InitFrom == "" {
		return nil, nil
	}
	bad := func(err error) error { return configfile.Errorf("init_from", "%v", err) }
	place, err := transfer.Place(c.InitFrom, env.BaseDir)
	if err != nil {
		return nil, bad(err)
	}
	if err := transfer.CheckPlain(place); err != nil {
		return nil, bad(err)
	}
	if transfer.IsFile(place) {
		return &donor{place: place}, nil
	}
	dev, err := env.Device()
	if err != nil {
		return nil, err
	}
	m, err := Open(place, dev)
	if err != nil {
		return nil, bad(err)
	}
	return &donor{place, m}, nil
}

// like settles what is left open of a network as it is in the model that is gone on from.
func (c *Config) like(from *donor) {
	if from == nil || from.model == nil || c.Model.Kind != KindNetwork {
		return
	}
	n := from.model.Network
	if c.Model.Hidden == nil && len(n.Hidden) > 0 {
		c.Model.Hidden = slices.Clone(n.Hidden)
		if c.Model.Wide == nil {
			c.Model.Wide = new(n.Wide)
		}
		if c.Model.InputDropout == nil {
			c.Model.InputDropout = new(n.InputDropout)
		}
	}
	widths := map[string]int{}
	for _, f := range n.Fields {
		widths[f.Name] = f.Dim
	}
	maps.Copy(widths, c.Model.Embeddings)
	if c.Model.Embedding == 0 {
		c.Model.Embeddings = widths
	}
}

// load loads the data, with the encoder of the model that is gone on from.
func (c *Config) load(ctx context.Context, env *run.Env, from *donor) (*datasets.Dataset, error) {
	var e *encoding.Encoder
	if from != nil && from.model != nil {
		e = from.model.Encoder
	}
	data, err := datasets.LoadGrowing(ctx, &c.Data, env.BaseDir, c.Seed, env.Log, e)
	if err != nil {
		return nil, c.DataError(err)
	}
	return data, nil
}

// begin fills the parameters with those of the model that is gone on from.
func (t *task) begin(env *run.Env, from *donor) error {
	if from == nil {
		return nil
	}
	report, err := t.fill(from)
	if err != nil {
		return configfile.Errorf("init_from", "%v", err)
	}
	env.Log.Info("begun from another model", "what", report.String())
	t.begun = "begun with " + report.String()
	t.doubts = report.Warnings()
	t.doubts.Log(env.Log)
	return nil
}

func (t *task) fill(from *donor) (_ *transfer.Report, err error) {
	targets, err := t.model.learned()
	if err != nil {
		return nil, err
	}
	if from.model != nil {
		if (t.net.Factors > 0) != (from.model.Network.Factors > 0) { // a machine's tables have weights beside factors, and are no embeddings
			targets = slices.DeleteFunc(targets, func(x transfer.Target) bool { return strings.HasPrefix(x.Name, embeddingPrefix) })
		}
		list, err := from.model.learned()
		if err != nil {
			return nil, err
		}
		tensors := make([]model.Tensor, len(list))
		for i, x := range list {
			tensors[i] = x.Tensor
		}
		return transfer.Of(from.place, tensors).Fill(targets)
	}
	source, file, err := transfer.OpenFile(from.place, targets)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return source.Fill(targets)
}

// learned are the tensors that training changes. Edges of bins are the encoder's, and others are an error when the model is read.
func (m *Model) learned() ([]transfer.Target, error) {
	all, err := m.targets()
	return slices.DeleteFunc(all, func(x transfer.Target) bool {
		p := m.params.Get(x.Name)
		return p != nil && p.Spec.Frozen && p.Spec.Init == engine.Values
	}), err
}
