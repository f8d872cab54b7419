package datasets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

// Names of the parts of a run's data.
const (
	PartTrain      = manifest.Train
	PartValidation = manifest.Validation
	PartTest       = manifest.Test
)

// Reload reads one part of a run's data again, split as Load splits them, and encodes it with the encoder of the run's model; nothing
// is learned. Columns of keep are carried through with it, behind the ids. The part is nil where the configuration leaves none. Of the report only the rows and the files are filled, which are
// those that had to be read. Errors are as those of Load. log may be nil. The dataset must be closed.
func Reload(ctx context.Context, cfg *Config, baseDir string, seed uint64, e *encoding.Encoder, part string, keep []string, log *slog.Logger) (*Dataset, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.clone()
	cfg.SetDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &loader{ctx: ctx, cfg: cfg, baseDir: baseDir, seed: seed, log: log}
	d := &Dataset{Encoder: e, Resolved: cfg}
	to := map[string]**Part{PartTrain: &d.Train, PartValidation: &d.Validation, PartTest: &d.Test}[part]
	if to == nil {
		return nil, fmt.Errorf("datasets: there is no part %q", part)
	}
	var err error
	if cfg.Prepared != "" {
		*to, err = l.reopen(e, part, keep)
	} else {
		*to, err = l.reread(e, part, keep)
	}
	if err != nil {
		return nil, err
	}
	d.Report = l.report
	return d, nil
}

// reopen opens a part of prepared data.
func (l *loader) reopen(e *encoding.Encoder, name string, keep []string) (*Part, error) {
	dir, err := configfile.ExpandPath(l.cfg.Prepared, l.baseDir)
	if err != nil {
		return nil, configfile.Errorf("prepared", "%v", err)
	}
	m, err := manifest.Read(dir)
	if err != nil {
		return nil, configfile.Errorf("prepared", "%v", err)
	}
	with, err := l.identities(m)
	if err != nil {
		return nil, err
	}
	share := int64(0)
	if l.cfg.Memory > 0 {
		share = max(64<<20, int64(l.cfg.Memory)/8)
	}
	s, err := openStream(l.ctx, dir, m, name, share, with)
	if err != nil || s == nil {
		return nil, err
	}
	s.encoder, s.keep = e, keep
	for _, name := range keep {
		if names := s.rowGroups.Names(); !slices.Contains(names, name) {
			s.close()
			return nil, &table.MissingColumnError{Name: name, Names: names}
		}
	}
	l.report.Rows = s.rows()
	l.report.Files = []table.FileHash{{Path: filepath.Join(dir, m.Part(name).File), Bytes: m.Part(name).Bytes, SHA256: s.sha256}}
	return &Part{stream: s}, nil
}

// reread reads a part of a source: its own, or rows split off.
func (l *loader) reread(e *encoding.Encoder, name string, keep []string) (part *Part, err error) {
	own := map[string]*table.Source{PartValidation: l.cfg.Validation, PartTest: l.cfg.Test}[name]
	if own != nil {
		var frame *table.Frame
		if frame, err = l.readOwn(e, own, name, keep); err == nil {
			part, err = l.encode(e, frame, name, keep...)
		}
	} else {
		part, err = l.splitOff(e, name, keep)
	}
	if err != nil || part == nil {
		return nil, err
	}
	return part, l.hash()
}

// splitOff reads the source and returns the rows of a part.
func (l *loader) splitOff(e *encoding.Encoder, name string, keep []string) (*Part, error) {
	types := l.overrides()
	readToo(types, keep)
	frame, err := l.read(&l.cfg.Source, table.ReadOptions{Types: types})
	if missing := (*table.MissingColumnError)(nil); errors.As(err, &missing) && slices.Contains(keep, missing.Name) {
		return nil, missing
	}
	if err != nil {
		return nil, l.locate(err)
	}
	if frame, err = l.clean(frame); err != nil {
		return nil, err
	}
	p, err := l.split(frame)
	if err != nil {
		return nil, err
	}
	rows := map[string][]int32{PartTrain: p.train, PartValidation: p.validation, PartTest: p.test}[name]
	if len(rows) == 0 {
		return nil, nil
	}
	return l.encode(e, frame.Pick(rows), name, keep...)
}

// readToo adds columns to those that types say are read: as they are written, where they are read for nothing else.
func readToo(types map[string]string, keep []string) {
	for _, name := range keep {
		declared, ok := types[name]
		if !ok {
			if declared, ok = types[table.OtherColumns]; !ok {
				declared = table.TypeAuto
			}
		}
		if declared == table.TypeIgnore {
			declared = table.TypeCategorical
		}
		types[name] = declared
	}
}
