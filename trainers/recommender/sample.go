package recommender

import (
	"context"
	"errors"
	"fmt"

	"debut/datasets/configfile"
	"debut/datasets/interactions"
	"debut/trainers/model"
	"debut/trainers/ranking"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Recommender returns the model itself; embedded, it makes a family's model one for [SamplePart].
func (m *Model) Recommender() *Model { return m }

// SamplePart is run.Sampler's of a run file of recommenders, with its data section: the model must be of the same family.
func SamplePart(ctx context.Context, h *run.Header, cfg *interactions.Config, m model.Model, baseDir, part string) (*run.Sampled, error) {
	r, ok := m.(interface{ Recommender() *Model })
	if !ok || m.Family() != h.Family {
		return nil, fmt.Errorf("%s: a model of the family %s", h.Family, m.Family())
	}
	s, err := r.Recommender().samplePart(ctx, cfg, baseDir, h.Seed, part)
	return s, h.Locate(err)
}

// samplePart measures the model's lists by a part of the data of its run, user by user, or its predictions of the part's ratings.
func (m *Model) samplePart(ctx context.Context, cfg *interactions.Config, baseDir string, seed uint64, part string) (*run.Sampled, error) {
	data, truth, files, err := m.reload(ctx, cfg, baseDir, seed, part)
	if err != nil {
		return nil, err
	}
	if part == run.PartTrain {
		return nil, fmt.Errorf("%w: %s", run.ErrNoPart, part)
	}
	out := &run.Sampled{Files: files}
	if m.Rate != nil {
		if out.Sample, err = sampleRatings(ctx, m.Rate, truth, Mean(data.Train), m.Pool); err != nil {
			return nil, err
		}
		out.Rows, err = ratingRows(cfg, seed)
		return out, err
	}
	s := m.Scorer
	if s == nil {
		if s, err = m.Fold(data.Train); err != nil {
			return nil, err
		}
	}
	_, e, err := measure(ctx, s, m.Weights, data.Train, truth, data.seen(part), m.Evaluation, ranking.NewTies(data.Items.Len(), data.Items.ID), m.Pool)
	if err != nil {
		return nil, err
	}
	out.Sample = e.Sample(data.Users.ID, data.Items.ID)
	return out, nil // users and what each is to find are compared one by one
}

// reload reads the interactions of the model's run again: all of them, a part, and the files they are in. Errors about fields have their
// paths.
func (m *Model) reload(ctx context.Context, cfg *interactions.Config, baseDir string, seed uint64, part string) (*Data, *interactions.Matrix, []runfolder.DataFile, error) {
	d, err := interactions.Load(ctx, cfg, baseDir, seed, m.Pool)
	var field *configfile.FieldError
	if errors.As(err, &field) {
		err = configfile.Prefix("data", err)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if d.Users.Sum() != m.Shop.Users.Sum() || d.Items.Sum() != m.Shop.Items.Sum() {
		return nil, nil, nil, fmt.Errorf("users and items of the data are no longer those that the model was trained with")
	}
	data := &Data{Dataset: d, Ties: m.Ties, Pool: m.Pool, cfg: cfg, eval: m.Evaluation}
	truth := d.Train
	if part != run.PartTrain {
		truth = data.truth(part)
	}
	if truth == nil || truth.Len() == 0 {
		return nil, nil, nil, fmt.Errorf("%w: %s", run.ErrNoPart, part)
	}
	var files []runfolder.DataFile
	for _, file := range d.Report.Files {
		f, err := file.Hash(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		files = append(files, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return data, truth, files, nil
}
