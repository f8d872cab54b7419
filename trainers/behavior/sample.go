package behavior

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// SamplePart reads a part of the run's data again and has the run's model answer for it.
func (c *Config) SamplePart(ctx context.Context, m model.Model, baseDir, part string, log *slog.Logger) (_ *run.Sampled, err error) {
	b, ok := m.(*Model)
	if !ok {
		return nil, fmt.Errorf("behavior: a model of the family %s", m.Family())
	}
	d, p, err := c.reload(ctx, b, baseDir, part, nil, log)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	out := &run.Sampled{Files: filesOf(d)}
	if out.Sample, err = b.samplePart(ctx, p, 0, -1); err != nil {
		return nil, err
	}
	out.Rows, err = c.rows(part)
	return out, err
}

// PredictPart reads a part of the run's data again and has the run's model answer for its rows.
func (c *Config) PredictPart(ctx context.Context, m model.Model, baseDir, part string, keep []string, log *slog.Logger) (*run.PartAnswers, error) {
	b, ok := m.(*Model)
	if !ok {
		return nil, fmt.Errorf("behavior: a model of the family %s", m.Family())
	}
	d, p, err := c.reload(ctx, b, baseDir, part, append([]string{}, keep...), log)
	if err != nil {
		return nil, err
	}
	blocks := func(yield func(encoding.Block, error) bool) {
		first := 0
		for rows, err := range p.Blocks(ctx) {
			if !yield(encoding.Block{Encoded: rows, First: first}, err) || err != nil {
				return
			}
			first += rows.Rows
		}
	}
	return &run.PartAnswers{Predictions: b.answers(ctx, blocks), Files: filesOf(d), Close: d.Close}, nil
}

// reload reads a part of the run's data again, with columns to keep. The dataset must be closed.
func (c *Config) reload(ctx context.Context, m *Model, baseDir, part string, keep []string, log *slog.Logger) (*datasets.Dataset, *datasets.Part, error) {
	d, err := datasets.Reload(ctx, &c.Data, baseDir, c.Seed, m.Encoder, part, keep, log)
	if err != nil {
		return nil, nil, c.DataError(err)
	}
	p := map[string]*datasets.Part{run.PartTrain: d.Train, run.PartValidation: d.Validation, run.PartTest: d.Test}[part]
	if p == nil {
		d.Close()
		return nil, nil, fmt.Errorf("%w: %s", run.ErrNoPart, part)
	}
	return d, p, nil
}

// filesOf lists the files that a dataset was read from.
func filesOf(d *datasets.Dataset) (files []runfolder.DataFile) {
	for _, f := range d.Report.Files {
		files = append(files, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return files
}

// rows are the settings that decide which rows are in a part, beside the contents of the files.
func (c *Config) rows(part string) (map[string]string, error) {
	d := c.Data
	rows := map[string]string{"data.target": d.Target}
	note := func(key string, v any) error {
		text, err := configfile.Marshal(v)
		rows["data."+key] = string(text)
		return err
	}
	source := func(key string, s table.Source) error {
		s.Path = nil // the files are compared by what is in them
		return note(key, s)
	}
	if d.Prepared != "" {
		return rows, nil
	}
	if own := map[string]*table.Source{run.PartValidation: d.Validation, run.PartTest: d.Test}[part]; own != nil {
		return rows, source(part, *own)
	}
	rows["data.deduplicate"], rows["data.drop_missing_target"] = strconv.FormatBool(d.Deduplicate), strconv.FormatBool(d.DropMissing)
	if d.Deduplicate { // rows are equal in what is read of them
		columns := struct {
			Ignore, Features configfile.Strings
		}{d.Ignore, d.Features}
		if err := note("ignore", columns); err != nil {
			return nil, err
		}
	}
	if m := d.Split.Method; m == datasets.SplitRandom || m == datasets.SplitGroup || m == datasets.SplitColumn && part != run.PartTest {
		rows["seed"] = strconv.FormatUint(c.Seed, 10)
	}
	if err := source("source", d.Source); err != nil {
		return nil, err
	}
	return rows, note("split", d.Split)
}
