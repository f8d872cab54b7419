package interactions

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/datasets/textformat"
	"debut/kernels/pool"
)

// Load reads the sources of a configuration and makes a dataset of them. Defaults are set and the configuration is
// checked first; it is not changed. Relative paths are resolved against baseDir. The seed is that of splits drawn at
// random, p the goroutines to build on, nil for the caller's alone.
//
// A value of the configuration that cannot be used is a *configfile.FieldError, one of the data a *table.ValueError
// or a *textformat.RejectError, which name file and line.
func Load(ctx context.Context, cfg *Config, baseDir string, seed uint64, p *pool.Pool) (*Dataset, error) {
	c := cfg.clone()
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	b, err := NewBuilder(&c)
	if err != nil {
		return nil, err
	}
	for _, list := range []struct {
		path    string
		sources []Source
		part    uint8
	}{{"sources", c.Sources, partTrain}, {"validation", c.Validation, partValidation}, {"test", c.Test, partTest}} {
		for i := range list.sources {
			before := b.seen()
			if err := b.read(ctx, &list.sources[i], baseDir, list.part); err != nil {
				return nil, at(fmt.Sprintf("%s[%d]", list.path, i), err)
			}
			if b.seen() == before {
				return nil, configfile.Errorf(fmt.Sprintf("%s[%d].path", list.path, i), "there are no rows in %s", list.sources[i].Path)
			}
		}
	}
	return b.Build(ctx, seed, p)
}

// clone copies what SetDefaults writes to.
func (c *Config) clone() Config {
	out := *c
	out.Sources = append([]Source(nil), c.Sources...)
	out.Validation = append([]Source(nil), c.Validation...)
	out.Test = append([]Source(nil), c.Test...)
	return out
}

func (b *Builder) seen() int64 { return b.n + b.report.Missing + b.report.Ignored }

// at puts the place of a source before an error of the configuration.
func at(path string, err error) error {
	var c *configfile.FieldError
	if !errors.As(err, &c) {
		return err
	}
	if c.Path != "" {
		path += "." + c.Path
	}
	return &configfile.FieldError{Path: path, Msg: c.Msg}
}

func (b *Builder) read(ctx context.Context, s *Source, baseDir string, part uint8) error {
	if s.text() {
		return b.readText(ctx, s, baseDir, part)
	}
	return b.readTable(ctx, s, baseDir, part)
}

// readText reads logs and adjacency lists.
func (b *Builder) readText(ctx context.Context, s *Source, baseDir string, part uint8) error {
	src := table.Source{Path: s.Path, Format: "csv"}
	files, err := src.Files(baseDir)
	if err != nil {
		return err
	}
	o := textformat.Options{Format: s.Format, Delimiter: string(s.Delimiter), Columns: s.Names, Header: s.Header, NonNegative: true}
	for _, file := range files.Paths() {
		rows := int64(0)
		_, err := textformat.Read(ctx, []string{file}, o, func(batch *textformat.Batch) error {
			if len(batch.Times) > 0 {
				unit := unitInteger
				if batch.TextTimes {
					unit = unitDate
				}
				if err := b.unit(unit); err != nil {
					return fmt.Errorf("%s: %w", filepath.Base(file), err)
				}
			}
			for i := range batch.Rows {
				value, time := 1.0, int64(NoTime)
				if len(batch.Ratings) > 0 {
					value = batch.Ratings[i]
				}
				if len(batch.Times) > 0 {
					time = batch.Times[i]
				}
				rows++
				problem, err := b.add(batch.Users.At(i), batch.Items.At(i), value, time, s.Event, part)
				if err != nil {
					return err
				}
				if problem != "" {
					return &table.ValueError{Place: fmt.Sprintf("%s: row %d", filepath.Base(file), rows), Problem: problem}
				}
			}
			return nil
		})
		if err != nil {
			return files.Checked(err)
		}
	}
	b.report.Files = append(b.report.Files, files...)
	return files.Check()
}
