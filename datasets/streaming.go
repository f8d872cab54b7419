package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"filippo.io/age"

	"debut/datasets/bytesize"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/scratch"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
)

// Defaults of streaming.
const (
	defaultShuffleRows = 1 << 20
	defaultFitRows     = 1_000_000
)

// stream is a part of prepared data that is read in blocks: row groups of a
// Parquet file. It may be read concurrently, but one read waits for the other.
type stream struct {
	mu        sync.Mutex
	name      string // of the part
	file      string
	sha256    string        // of the file as it was prepared
	plain     *scratch.File // the content of encrypted data; nil where they are not
	rowGroups *table.RowGroups
	encoder   *encoding.Encoder
	keep      []string // columns that are carried through; nil: nor are ids, which are not wanted in training
}

// openStream opens a part as dataset.json describes it.
func openStream(ctx context.Context, dir string, d *manifest.Dataset, name string, memory int64, with []age.Identity) (_ *stream, err error) {
	part := d.Part(name)
	if part == nil {
		return nil, nil
	}
	s := &stream{name: name, file: filepath.Join(dir, part.File), sha256: part.SHA256}
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w; prepare the data again, or copy them again", filepath.Join(filepath.Base(dir), part.File), fmt.Errorf(format, args...))
	}
	file, err := table.FindFile(s.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, bad("there is no such file, which %s names", manifest.File)
	case err != nil:
		return nil, err
	case part.Bytes > 0 && file.Size() != part.Bytes:
		return nil, bad("has %d bytes, %s says %d", file.Size(), manifest.File, part.Bytes)
	}
	// Parquet's readers take changed bytes for other values.
	if h, err := file.Hash(ctx); err != nil {
		return nil, err
	} else if h.SHA256 != part.SHA256 {
		return nil, bad("was changed since it was prepared: its SHA-256 is not the one in %s", manifest.File)
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if d.Encrypted {
		if err := s.decrypt(with); err != nil {
			return nil, err
		}
		if err := file.Check(); err != nil {
			return nil, err
		}
		if file, err = table.FindFile(s.plain.Path()); err != nil {
			return nil, err
		}
	}
	if s.rowGroups, err = table.OpenRowGroups(ctx, file, memory, d.Encrypted); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if errors.Is(err, table.ErrChanged) {
			return nil, err
		}
		return nil, bad("cannot be read: %w", err)
	}
	if int64(s.rows()) != part.Rows || s.groups() != part.RowGroups {
		return nil, bad("has %d rows in %d row groups, %s says %d in %d", s.rows(), s.groups(), manifest.File, part.Rows, part.RowGroups)
	}
	names := s.rowGroups.Names()
	for _, c := range d.Columns {
		if !slices.Contains(names, c.Name) {
			return nil, bad("has no column %q, which %s lists", c.Name, manifest.File)
		}
	}
	return s, nil
}

// close closes the stream and removes what was decrypted for it.
func (s *stream) close() {
	if s.rowGroups != nil {
		s.rowGroups.Close()
	}
	if s.plain != nil {
		_ = s.plain.Close() // nobody can do more about it
	}
}

// decrypt puts the content of the part into a temporary file: a reader of Parquet jumps about in it.
func (s *stream) decrypt(with []age.Identity) (err error) {
	if s.plain, err = scratch.NewFile(""); err != nil {
		return fmt.Errorf("decrypt %s: %w", wording.FileName(s.file), err)
	}
	if err := sealed.Decrypt(s.plain, s.file, with); err != nil {
		return configfile.Errorf("prepared", "%v", err)
	}
	return nil
}

// identities reads the keys of encrypted data.
func (l *loader) identities(m *manifest.Dataset) ([]age.Identity, error) {
	d := l.cfg.Decrypt
	if d == nil {
		if m.Encrypted {
			return nil, configfile.Errorf("decrypt", "the data are encrypted; say where the key is: decrypt: {identity: {file: key.txt}} or {passphrase: {env: NAME}}")
		}
		return nil, nil
	}
	return d.Read(l.baseDir, "decrypt", l.log)
}

// rows returns the number of rows.
func (s *stream) rows() int { return s.rowGroups.Rows() }

// groups returns the number of row groups.
func (s *stream) groups() int { return s.rowGroups.Groups() }

// groupRows returns the number of rows of a row group.
func (s *stream) groupRows(g int) int { return s.rowGroups.Group(g).Rows() }

// frame reads rows, all of which must be there.
func (s *stream) frame(ctx context.Context, options table.ReadOptions, ranges ...table.RowRange) (*table.Frame, error) {
	f, err := s.rowGroups.Read(ctx, ranges, options)
	if err != nil {
		return nil, err
	}
	rows := 0
	for _, r := range ranges {
		rows += r.Rows()
	}
	if f.Rows != rows {
		return nil, fmt.Errorf("%s: %d of %d rows could be read; prepare the data again", wording.FileName(s.file), f.Rows, rows)
	}
	return f, nil
}

// read reads and encodes row groups, in the given order. The report tells what the training rows have not.
func (s *stream) read(ctx context.Context, groups []int) (out *encoding.Encoded, report encoding.EncodeReport, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.encoder
	options := e.ReadOptions(true)
	readToo(options.Types, s.keep)
	for _, id := range e.ID {
		if s.keep == nil && !slices.Contains(e.Needed(true), id) {
			delete(options.Types, id)
		}
	}
	rows := 0
	for _, g := range groups {
		rows += s.groupRows(g)
	}
	for _, g := range groups {
		f, err := s.frame(ctx, options, s.rowGroups.Group(g))
		if err != nil {
			return nil, report, fmt.Errorf("%s rows: %w", s.name, err)
		}
		part, news, err := e.Encode(ctx, f, true)
		if err != nil {
			return nil, report, fmt.Errorf("%s rows from %d: %w", s.name, s.rowGroups.Group(g).From+1, err)
		}
		for _, name := range s.keep {
			part.Carry(f.Column(name))
		}
		e.Merge(&report, news)
		if out == nil {
			if out = part; len(groups) > 1 {
				out.Grow(rows)
			}
			continue
		}
		if err := out.Append(part); err != nil {
			return nil, report, err
		}
	}
	return out, report, nil
}

// loadPrepared opens prepared data for streaming. The encoder is fitted on some
// of the training rows; vocabularies count all.
func (l *loader) loadPrepared() (_ *Dataset, err error) {
	dir, err := configfile.ExpandPath(l.cfg.Prepared, l.baseDir)
	if err != nil {
		return nil, configfile.Errorf("prepared", "%v", err)
	}
	held, err := publish.Hold(dir)
	if err != nil {
		return nil, configfile.Errorf("prepared", "%v", err)
	}
	d := &Dataset{held: held}
	defer func() {
		if err != nil {
			d.Close()
		}
	}()
	m, err := manifest.Read(dir)
	if err != nil {
		return nil, configfile.Errorf("prepared", "%v", err)
	}
	with, err := l.identities(m)
	if err != nil {
		return nil, err
	}
	memory := int64(l.cfg.Memory)
	share := int64(0) // of the database
	if memory > 0 {
		share = max(64<<20, memory/8)
	}
	l.adoptTexts(m)
	l.leaveIDsOut(m)
	options := table.ReadOptions{Types: l.overrides()}
	streams := map[string]*stream{}
	for _, p := range []struct {
		name string
		part **Part
	}{{manifest.Train, &d.Train}, {manifest.Validation, &d.Validation}, {manifest.Test, &d.Test}} {
		s, err := openStream(l.ctx, dir, m, p.name, share, with)
		if err != nil {
			return nil, err
		}
		if streams[p.name] = s; s != nil {
			*p.part = &Part{stream: s}
		}
	}
	train := streams[manifest.Train]
	if train == nil {
		return nil, configfile.Errorf("prepared", "%s has no training part", wording.FileName(dir))
	}
	if err := table.CheckDeclared(options.Types, train.rowGroups.Names()); err != nil {
		return nil, l.locate(err)
	}
	sample, err := l.sample(train, options, memory)
	if err != nil {
		return nil, err
	}
	if err := l.checkIgnored(sample); err != nil {
		return nil, err
	}
	if d.Encoder, err = l.fit(sample); err != nil {
		return nil, err
	}
	if v := streams[manifest.Validation]; v != nil && l.cfg.Trends == TrendsDrop && v.groups() > 0 {
		rows, err := v.frame(l.ctx, d.Encoder.ReadOptions(false), v.rowGroups.Group(0))
		if err != nil {
			return nil, fmt.Errorf("validation rows: %w", err)
		}
		l.dropTrends(d.Encoder, sample, rows)
	}
	if sample.Rows < train.rows() {
		if err := l.countVocabularies(d.Encoder, train); err != nil {
			return nil, err
		}
	}
	if d.Encoder, err = l.grow(d.Encoder); err != nil {
		return nil, err
	}
	rows := []*int{&l.report.Train, &l.report.Validation, &l.report.Test}
	for i, name := range []string{manifest.Train, manifest.Validation, manifest.Test} {
		if s := streams[name]; s != nil {
			s.encoder = d.Encoder
			*rows[i] = s.rows()
			l.report.Rows += s.rows()
			l.report.Files = append(l.report.Files, table.FileHash{Path: filepath.Join(dir, m.Part(name).File), Bytes: m.Part(name).Bytes, SHA256: s.sha256})
		}
	}
	if err := l.window(d.Encoder, train, memory); err != nil {
		return nil, err
	}
	d.Report, d.Resolved = l.report, l.cfg
	l.log.Info("prepared data opened", "rows", l.report.Rows, "train", l.report.Train, "validation", l.report.Validation, "test", l.report.Test,
		"numeric", len(d.Encoder.NumericFeatures()), "categorical", len(d.Encoder.CategoricalFields()), "fitted_on", sample.Rows, "window", l.cfg.ShuffleRows)
	return d, nil
}

// adoptTexts makes columns texts and lists of ids that dataset.json calls texts and lists, where the
// configuration leaves it open: in the Parquet file texts look like categories. The values of sparse
// rows are the weights of their indexes.
func (l *loader) adoptTexts(m *manifest.Dataset) {
	types := l.overrides()
	columns := map[string]encoding.Column{}
	maps.Copy(columns, l.cfg.Columns)
	for _, c := range m.Columns {
		given, ok := types[c.Name]
		typ := map[string]string{manifest.Text: table.TypeText, manifest.List: table.TypeList}[c.Type]
		if typ == "" || ok && given != table.TypeAuto || !ok && types[table.OtherColumns] == table.TypeIgnore || c.Name == l.cfg.Target || c.Name == l.cfg.Weight {
			continue
		}
		column := columns[c.Name]
		column.Type = typ
		if typ == table.TypeList && c.Name == table.SparseIndexes && m.Column(table.SparseValues) != nil {
			column = sparseColumn(column)
		}
		columns[c.Name] = column
		l.cfg.Columns = columns
	}
}

// leaveIDsOut leaves columns out that dataset.json calls ids, where the configuration does not mention them: as numbers
// they would be quantities, as categories there may be millions.
func (l *loader) leaveIDsOut(m *manifest.Dataset) {
	types := l.overrides()
	for _, c := range m.Columns {
		_, mentioned := types[c.Name]
		if c.ID && !mentioned && len(l.cfg.Features) == 0 {
			l.cfg.Ignore = append(slices.Clone(l.cfg.Ignore), c.Name)
			l.warn(warning.Warning{
				Name: warning.LeftOut, Column: c.Name, Message: fmt.Sprintf("column %s holds ids, says %s: left out", wording.Quote(c.Name), manifest.File),
				Remedy: "to learn from it, " + table.DeclareType(c.Name, table.TypeCategorical).Text(table.RunFile),
			})
		}
	}
}

// sample reads the rows that the encoder is fitted on: all, or as many row
// groups as hold FitRows, evenly spaced, because the rows of a file may stand in
// the order of time.
func (l *loader) sample(train *stream, options table.ReadOptions, memory int64) (*table.Frame, error) {
	rows := l.cfg.FitRows
	if memory > 0 {
		// A value takes about 16 bytes while a column is fitted; vectors and texts
		// more, which the row group below bounds.
		columns := int64(max(1, len(train.rowGroups.Names())))
		rows = int(min(int64(rows), max(10_000, memory/4/(16*columns))))
	}
	var ranges []table.RowRange
	taken, last := 0, -1
	wanted := max(1, rows*train.groups()/max(1, train.rows())) // about
	for k := range wanted {
		g := k * train.groups() / wanted
		if g == last || rows >= train.rows() {
			continue
		}
		last = g
		r := train.rowGroups.Group(g)
		r.To = min(r.To, r.From+rows-taken)
		ranges = append(ranges, r)
		taken += r.Rows()
	}
	if rows >= train.rows() {
		ranges = []table.RowRange{{From: 0, To: train.rows()}}
	}
	f, err := train.frame(l.ctx, options, ranges...)
	if err != nil {
		return nil, l.locate(err)
	}
	return f, nil
}

// countVocabularies replaces the vocabularies by those of all training rows.
func (l *loader) countVocabularies(e *encoding.Encoder, train *stream) error {
	for _, lists := range []bool{false, true} { // which may have the ids of a column of categories
		for i := range e.Columns {
			c := &e.Columns[i]
			if (c.Type == table.TypeList) != lists || c.Type != table.TypeCategorical && !lists || c.HashBuckets > 0 {
				continue
			}
			settings, _ := l.settings(&table.Series{Name: c.Name, Kind: table.Text})
			if at := slices.IndexFunc(e.Columns, func(of encoding.ColumnEncoding) bool { return of.Name == settings.Like }); lists && at >= 0 {
				c.Vocabulary = e.Columns[at].Vocabulary
				continue
			}
			if lists && !train.rowGroups.Lists(c.Name) {
				continue // texts, whose items only a reading of all would find
			}
			vocabulary, missing, err := train.rowGroups.Values(l.ctx, c.Name, settings.MinCount, settings.MaxVocabulary)
			if err != nil {
				return fmt.Errorf("read %s: %w", wording.FileName(train.file), err)
			}
			c.Vocabulary, c.MissingID = vocabulary, 0
			if missing && c.Fill == encoding.FillCategory {
				c.MissingID = int32(len(vocabulary)) + 1
			}
			for k := range l.report.Columns {
				if r := &l.report.Columns[k]; r.Name == c.Name {
					r.Distinct, r.Cardinality = max(r.Distinct, len(vocabulary)), c.Cardinality()
				}
			}
		}
	}
	return nil
}

// window settles how many rows are shuffled together: two windows are in memory
// at a time, one trained on and one being read. It is written into the
// configuration, for it decides on the order of the rows.
func (l *loader) window(e *encoding.Encoder, train *stream, memory int64) error {
	asked := l.cfg.ShuffleRows
	rows := asked
	if rows == 0 {
		rows = defaultShuffleRows
	}
	largest := 0
	for g := range train.groups() {
		largest = max(largest, train.groupRows(g))
	}
	if memory > 0 {
		fits := memory / 3 / (2 * e.RowBytes())
		if int64(largest) > fits {
			return configfile.Errorf("memory", "%s hold two windows of %d rows, but a row group has %d; give at least %s, or prepare the data with a smaller row_group",
				l.cfg.Memory, fits, largest, bytesize.Size(6*int64(largest)*e.RowBytes()))
		}
		if int64(rows) > fits {
			if asked > 0 {
				return configfile.Errorf("shuffle_rows", "windows of %d rows of %d bytes do not fit twice into a third of %s; the most is %d", asked, e.RowBytes(), l.cfg.Memory, fits)
			}
			rows = int(fits)
		}
	}
	l.cfg.ShuffleRows = max(rows, largest)
	return nil
}

// Close ends the reading of prepared data, which nothing replaces before, and does nothing where the rows are in
// memory.
func (d *Dataset) Close() {
	for _, p := range []*Part{d.Train, d.Validation, d.Test} {
		if p.Streamed() {
			p.stream.close()
		}
	}
	if d.held != nil {
		_ = d.held.Close() // it was read only
	}
}
