package behavior

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"debut/datasets"
	"debut/datasets/configfile"
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
	d, err := datasets.Reload(ctx, &c.Data, baseDir, c.Seed, b.Encoder, part, log)
	if err != nil {
		return nil, c.DataError(err)
	}
	defer d.Close()
	p := map[string]*datasets.Part{run.PartTrain: d.Train, run.PartValidation: d.Validation, run.PartTest: d.Test}[part]
	if p == nil {
		return nil, fmt.Errorf("%w: %s", run.ErrNoPart, part)
	}
	out := new(run.Sampled)
	if out.Sample, err = b.samplePart(ctx, p, 0); err != nil {
		return nil, err
	}
	for _, f := range d.Report.Files {
		out.Files = append(out.Files, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	out.Rows, err = c.rows(part)
	return out, err
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
