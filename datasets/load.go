package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"

	"debut/datasets/ahead"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/notation"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/datasets/wording"
)

// Dataset is training data ready for a model.
type Dataset struct {
	Encoder    *encoding.Encoder
	Train      *Part
	Validation *Part // nil when absent
	Test       *Part // nil when absent
	Report     Report
	// Resolved is the configuration with everything that it left open as Load
	// settled it.
	Resolved *Config

	held io.Closer // keeps prepared data from being replaced; nil for others
}

// Load reads, cleans, splits and encodes the data of a run. The encoder is
// fitted on training rows only. cfg stays as it is; Dataset.Resolved has what
// became of it. Errors of the configuration are *configfile.FieldError,
// errors of values in the data *table.ValueError. log may be nil.
func Load(ctx context.Context, cfg *Config, baseDir string, seed uint64, log *slog.Logger) (*Dataset, error) {
	return LoadGrowing(ctx, cfg, baseDir, seed, log, nil)
}

// LoadGrowing is Load for a model that goes on from another, with the encoder of that, or nil: what it knows is kept, and grows.
func LoadGrowing(ctx context.Context, cfg *Config, baseDir string, seed uint64, log *slog.Logger, from *encoding.Encoder) (*Dataset, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.clone()
	cfg.SetDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &loader{ctx: ctx, cfg: cfg, baseDir: baseDir, seed: seed, log: log, from: from}
	return l.load()
}

// grow makes what was learned from the training rows a continuation of what a model knows, where there is one.
func (l *loader) grow(e *encoding.Encoder) (*encoding.Encoder, error) {
	if l.from == nil {
		return e, nil
	}
	grown, err := l.from.Grown(e)
	if err != nil {
		return nil, configfile.Errorf("target", "%v", err)
	}
	for k := range l.report.Columns {
		r := &l.report.Columns[k]
		if i := slices.IndexFunc(grown.Columns, func(c encoding.ColumnEncoding) bool { return c.Name == r.Name }); i >= 0 && r.Cardinality > 0 {
			r.Cardinality = grown.Columns[i].Cardinality()
		}
	}
	return grown, nil
}

// loader carries what the steps of Load share.
type loader struct {
	ctx     context.Context
	cfg     *Config
	baseDir string
	seed    uint64
	log     *slog.Logger
	report  Report
	files   table.Files
	from    *encoding.Encoder // of a model that is gone on from; nil: there is none
}

func (l *loader) warn(w warning.Warning) {
	l.report.Warnings = append(l.report.Warnings, w)
	w.Log(l.log)
}

func (l *loader) load() (*Dataset, error) {
	if l.cfg.Prepared != "" {
		return l.loadPrepared()
	}
	frame, err := l.read(&l.cfg.Source, table.ReadOptions{Types: l.overrides()})
	if err != nil {
		return nil, l.locate(err)
	}
	for _, note := range frame.Notes {
		l.warn(warning.Warning{Name: warning.Read, Message: note})
	}
	l.report.Read = frame.Decisions
	for _, d := range frame.Decisions.Columns {
		if d.Written != "" {
			l.log.Info("read as", "column", d.Column, "type", d.Type, "written", d.Written)
		}
	}
	for _, s := range frame.Columns {
		// Ids are carried through as they are, whatever their spelling.
		if id := slices.Contains(l.cfg.ID, s.Name) && s.Name != l.cfg.Split.Column; s.Note != "" && !id {
			l.warn(warning.Warning{Name: warning.Read, Column: s.Name, Message: s.Note})
		}
	}
	if err := l.checkIgnored(frame); err != nil {
		return nil, err
	}
	if frame, err = l.clean(frame); err != nil {
		return nil, err
	}
	p, err := l.split(frame)
	if err != nil {
		return nil, err
	}
	train, err := ahead.Await(l.ctx, func() (*table.Frame, error) { return frame.Pick(p.train), nil })
	if err != nil {
		return nil, err
	}
	encoder, err := l.fit(train)
	if err != nil {
		return nil, err
	}
	if encoder, err = l.grow(encoder); err != nil {
		return nil, err
	}
	validation, err := l.rows(encoder, frame, p.validation, l.cfg.Validation, "validation")
	if err != nil {
		return nil, err
	}
	l.dropTrends(encoder, train, validation)
	l.checkSplitDate(encoder, p)
	d := &Dataset{Encoder: encoder, Resolved: l.cfg}
	if d.Train, err = l.encode(encoder, train, "training"); err != nil {
		return nil, err
	}
	if d.Validation, err = l.encode(encoder, validation, "validation"); err != nil {
		return nil, err
	}
	test, err := l.rows(encoder, frame, p.test, l.cfg.Test, "test")
	if err != nil {
		return nil, err
	}
	if d.Test, err = l.encode(encoder, test, "test"); err != nil {
		return nil, err
	}
	l.report.Train, l.report.Validation, l.report.Test = d.Train.Rows(), d.Validation.Rows(), d.Test.Rows()
	if err := l.hash(); err != nil {
		return nil, err
	}
	d.Report = l.report
	l.log.Info("data ready", "rows", l.report.Rows, "train", l.report.Train, "validation", l.report.Validation, "test", l.report.Test,
		"numeric", d.Train.memory.D, "categorical", d.Train.memory.F, "task", encoder.Target.Task)
	return d, nil
}

func (l *loader) read(src *table.Source, options table.ReadOptions) (*table.Frame, error) {
	frame, files, err := table.ReadWith(l.ctx, src, l.baseDir, options)
	if err != nil {
		return nil, err
	}
	l.report.Rows += frame.Rows
	for _, f := range files {
		if !l.files.Contains(f.Path) {
			l.files = append(l.files, f)
		}
	}
	return frame, nil
}

// overrides derives the types to read columns with from their roles.
func (l *loader) overrides() map[string]string {
	c := l.cfg
	types := map[string]string{}
	for name, col := range c.Columns {
		types[name] = table.TypeAuto
		if col.Type != "" {
			types[name] = col.Type
		}
	}
	for _, name := range c.Features {
		if _, ok := types[name]; !ok {
			types[name] = table.TypeAuto
		}
	}
	if len(c.Features) > 0 {
		types[table.OtherColumns] = table.TypeIgnore
		for name := range c.Columns {
			if !slices.Contains(c.Features, name) {
				types[name] = table.TypeIgnore
			}
		}
	}
	for _, name := range c.Ignore {
		types[name] = table.TypeIgnore
	}
	if t, ok := types[c.Target]; !ok || t == table.TypeIgnore {
		types[c.Target] = table.TypeAuto
	}
	if c.Task == encoding.TaskRegression {
		types[c.Target] = table.TypeNumeric
	}
	for _, name := range c.Steps {
		types[name] = table.TypeBoolean
	}
	if c.Weight != "" {
		types[c.Weight] = table.TypeNumeric
	}
	for _, col := range c.Columns {
		if w := col.WeightsColumn(); w != "" {
			types[w] = table.TypeList
		}
	}
	if name := c.Split.Column; name != "" {
		if t, ok := types[name]; !ok || t == table.TypeIgnore {
			types[name] = table.TypeAuto
		}
		if c.Split.Method != SplitTime {
			types[name] = table.TypeCategorical
		}
	}
	for _, name := range c.ID {
		types[name] = table.TypeCategorical
	}
	// A split by time may go by an id column, which must then be typed.
	if c.Split.Method == SplitTime && slices.Contains(c.ID, c.Split.Column) {
		types[c.Split.Column] = table.TypeAuto
	}
	return types
}

// locate points an unknown column at the key that names it.
func (l *loader) locate(err error) error {
	var missing *table.MissingColumnError
	if !errors.As(err, &missing) {
		return err
	}
	c, path := l.cfg, ""
	index := func(key string, names []string) {
		if i := slices.Index(names, missing.Name); i >= 0 && path == "" {
			path = key + "." + strconv.Itoa(i)
		}
	}
	switch missing.Name {
	case c.Target:
		path = "target"
	case c.Weight:
		path = "weight"
	}
	index("steps", c.Steps)
	index("id", c.ID)
	index("features", c.Features)
	index("ignore", c.Ignore)
	if _, ok := c.Columns[missing.Name]; ok && path == "" {
		path = "columns." + missing.Name
	}
	if missing.Name == c.Split.Column && path == "" {
		path = "split.column"
	}
	return &configfile.FieldError{Path: path, Msg: missing.Error()}
}

// checkIgnored reports a column that is named only to be left out but is not
// there: a misspelled name would let the column in.
func (l *loader) checkIgnored(frame *table.Frame) error {
	names := append(slices.Clone(l.cfg.Ignore), slices.Sorted(maps.Keys(l.cfg.Columns))...)
	for _, name := range names {
		if !slices.Contains(frame.Available, name) {
			return l.locate(&table.MissingColumnError{Name: name, Names: frame.Available})
		}
	}
	return nil
}

// clean removes duplicates, and rows without a target where that is asked for.
func (l *loader) clean(frame *table.Frame) (*table.Frame, error) {
	if l.cfg.Deduplicate {
		keep, err := ahead.Await(l.ctx, func() ([]int32, error) { return table.Deduplicate(frame), nil })
		if err != nil {
			return nil, err
		}
		if n := frame.Rows - len(keep); n > 0 {
			l.report.Duplicates = n
			l.log.Info("dropped duplicate rows", "rows", n)
			frame = frame.Pick(keep)
		}
	}
	return l.dropMissingTarget(frame)
}

func (l *loader) dropMissingTarget(frame *table.Frame) (*table.Frame, error) {
	target := frame.Column(l.cfg.Target)
	if !l.cfg.DropMissing {
		return frame, encoding.CheckLabels(frame, target)
	}
	keep := table.PresentRows(target)
	if len(keep) == 0 {
		return nil, configfile.Errorf("target", "column %s has no value in any of %d rows", wording.Quote(target.Name), frame.Rows)
	}
	if n := frame.Rows - len(keep); n > 0 {
		l.report.DroppedMissingTarget += n
		frame = frame.Pick(keep)
	}
	return frame, nil
}

func (l *loader) split(frame *table.Frame) (parts, error) {
	s := &l.cfg.Split
	target := frame.Column(l.cfg.Target)
	stratify := false
	if s.Method == SplitRandom || s.Method == SplitColumn {
		classes, _ := encoding.ClassCounts(target)
		classification := l.cfg.Task == encoding.TaskBinary || l.cfg.Task == encoding.TaskMulticlass ||
			l.cfg.Task == encoding.TaskAuto && target.Kind != table.Date && encoding.InferTask(target, len(classes)) != encoding.TaskRegression
		stratify = classification
		if s.Stratify != nil {
			stratify = *s.Stratify
			if stratify && !classification {
				return parts{}, configfile.Errorf("split.stratify", "only a classification target can be stratified; the task is regression")
			}
		}
		s.Stratify = &stratify
	}
	var strata []int32
	if stratify {
		strata = target.Texts().Codes
	}
	p, err := ahead.Await(l.ctx, func() (parts, error) { return splitRows(frame, s, strata, l.seed) })
	if err != nil {
		return parts{}, err
	}
	for _, c := range []struct {
		name     string
		fraction float64
		rows     int
	}{{"validation", *s.Validation, len(p.validation)}, {"test", *s.Test, len(p.test)}} {
		if c.fraction > 0 && c.rows == 0 {
			l.warn(warning.Warning{
				Name: warning.SmallPart, Part: c.name, Message: fmt.Sprintf("%d rows are too few for a %s part of %g", frame.Rows, c.name, c.fraction),
				Remedy: fmt.Sprintf("give it a larger share (data.split.%s), or data of its own (data.%s)", c.name, c.name),
			}.With("rows", float64(frame.Rows)).With("share", c.fraction))
		}
	}
	return p, nil
}

// features returns the names of the feature columns in order.
func (l *loader) features(frame *table.Frame) []string {
	c := l.cfg
	var names, weights []string
	for _, col := range c.Columns {
		if w := col.WeightsColumn(); w != "" {
			weights = append(weights, w)
		}
	}
	for _, s := range frame.Columns {
		switch {
		case slices.Contains(weights, s.Name):
		case s.Name == c.Target, s.Name == c.Weight, slices.Contains(c.ID, s.Name), slices.Contains(c.Ignore, s.Name), slices.Contains(c.Steps, s.Name),
			len(c.Features) > 0 && !slices.Contains(c.Features, s.Name),
			c.Columns[s.Name].Type == table.TypeIgnore,
			s.Name == c.Split.Column && c.Split.Method != SplitTime:
		default:
			names = append(names, s.Name)
		}
	}
	return names
}

// settings merges the configuration of a column with the defaults of its kind
// and says where errors about it belong.
func (l *loader) settings(s *table.Series) (encoding.Column, string) {
	kind := s.Kind.String()
	c, named := l.cfg.Columns[s.Name]
	if c.Type == table.TypeText || c.Type == table.TypeList {
		kind = c.Type
	}
	path := "defaults." + kind
	if named {
		path = "columns." + s.Name
	}
	return l.cfg.Defaults.Complete(c, kind), path
}

// fittedColumn is what encoding.FitColumn returns.
type fittedColumn struct {
	encoding *encoding.ColumnEncoding
	report   encoding.ColumnReport
	reason   string
}

// fitColumns learns the encodings of columns, of lists last: they may have the ids of another column.
func (l *loader) fitColumns(train *table.Frame, names []string) ([]fittedColumn, error) {
	out := make([]fittedColumn, len(names))
	for _, lists := range []bool{false, true} {
		for i, name := range names {
			if (l.cfg.Columns[name].Type == table.TypeList) != lists {
				continue
			}
			s := train.Column(name)
			if l.cfg.Columns[name].Type == "" && namesThings(s) {
				s = l.takeCode(s)
			}
			settings, path := l.settings(s)
			var weights *table.Series
			var like *encoding.ColumnEncoding
			if w := settings.WeightsColumn(); w != "" {
				weights = train.Column(w)
			}
			if settings.Like != "" {
				if at := slices.Index(names, settings.Like); at >= 0 {
					like = out[at].encoding
				}
				if like == nil || like.Type != table.TypeCategorical {
					return nil, configfile.Errorf(path+".like", "column %s is no feature that is a category; leave like out for ids of its own", wording.Quote(settings.Like))
				}
			}
			var err error
			out[i], err = ahead.Await(l.ctx, func() (f fittedColumn, err error) {
				if lists {
					f.encoding, f.report, f.reason, err = encoding.FitList(s, weights, like, settings, path)
				} else {
					f.encoding, f.report, f.reason, err = encoding.FitColumn(s, settings, path)
				}
				return f, err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func (l *loader) fit(train *table.Frame) (*encoding.Encoder, error) {
	c := l.cfg
	var weights *table.Series
	if c.Weight != "" {
		weights = train.Column(c.Weight)
	}
	target, err := encoding.FitTarget(train.Column(c.Target), weights, c.Task, c.Positive)
	if err != nil {
		return nil, err
	}
	if len(c.Steps) > 0 && target.Task != encoding.TaskBinary {
		return nil, configfile.Errorf("steps", "they lead to a target of two values, and column %s is %s", wording.Quote(c.Target), target.Task)
	}
	target.Steps = c.Steps
	e := encoding.NewEncoder(target, c.ID, c.Weight)
	l.report.Task, l.report.Classes = e.Target.Task, e.Target.Classes
	c.Task = e.Target.Task
	names := l.features(train)
	if len(names) == 0 {
		return nil, configfile.Errorf("", "no column is left to be a feature; check features, ignore and the types under columns")
	}
	columns, err := l.fitColumns(train, names)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		s, enc, report, reason := train.Column(name), columns[i].encoding, columns[i].report, columns[i].reason
		if enc == nil {
			_, named := c.Columns[name]
			if declared := named || slices.Contains(c.Features, name); declared && report.Missing == train.Rows {
				return nil, &table.ValueError{Column: name, Problem: reason, Remedies: []table.Remedy{table.ManualRemedy("ignore the column, or check the source and its null texts")}}
			}
			report.Dropped = reason
			l.warn(warning.Warning{Name: warning.LeftOut, Column: name, Message: fmt.Sprintf("column %s %s: left out", wording.Quote(name), reason)})
		} else {
			e.Columns = append(e.Columns, *enc)
			if enc.Type == table.TypeCategorical && enc.HashBuckets == 0 && report.Distinct > 1000 && 2*report.Distinct > train.Rows {
				l.warn(warning.Warning{
					Name: warning.ManyValues, Column: name, Message: fmt.Sprintf("column %s has %d distinct values in %d rows", wording.Quote(name), report.Distinct, train.Rows),
					Remedy: encoding.ManyValuesRemedy(s),
				}.With("distinct", float64(report.Distinct)).With("rows", float64(train.Rows)))
			}
		}
		if report.Cut > 0 {
			l.warn(warning.Warning{
				Name: warning.LeftOut, Column: name, Message: fmt.Sprintf("column %s: %d of %d training rows have lists of more than %d items, of which the first are taken; the longest has %d", wording.Quote(name), report.Cut, train.Rows, enc.Length, report.Longest),
				Remedy: fmt.Sprintf("columns: {%s: {max_items: %d}} takes more", wording.Quote(name), report.Longest),
			}.With("rows", float64(report.Cut)).With("longest", float64(report.Longest)))
		}
		l.report.Columns = append(l.report.Columns, report)
	}
	for _, s := range train.Columns {
		used := s.Name == c.Target || s.Name == c.Weight || slices.ContainsFunc(e.Columns, func(c encoding.ColumnEncoding) bool { return c.Name == s.Name && c.Type == table.TypeNumeric })
		if used && s.Style != (notation.Style{}) {
			if e.Written == nil {
				e.Written = map[string]string{}
			}
			e.Written[s.Name] = s.Style.String()
		}
	}
	if slices.ContainsFunc(e.Columns, func(c encoding.ColumnEncoding) bool { return c.Range != nil }) {
		e.Rows = train.Rows
	}
	if len(e.Columns) == 0 {
		return nil, configfile.Errorf("", "every feature is constant or missing in the training rows; there is nothing to learn from")
	}
	return e, nil
}

// takeCode settles what a column of whole numbers is that stand for things, as the configuration says, and writes it there. Numbers in
// another notation than the plain one have other texts than those that are read of a category, and stay what they are; so do those of
// a name that is not sure.
func (l *loader) takeCode(s *table.Series) *table.Series {
	if l.cfg.Codes != CodesCategories || s.Style != (notation.Style{}) || !nameOfThings(s.Name) {
		if !nameOfThings(s.Name) && !namesIDs(s.Name) {
			return s // the pages about a product are counted more often than named
		}
		l.warn(warning.Warning{Name: warning.Codes, Column: s.Name, Message: codeProblem(s.Name), Remedy: codeRemedy(s.Name, table.RunFile)})
		return s
	}
	if l.cfg.Columns == nil {
		l.cfg.Columns = map[string]encoding.Column{}
	}
	column := l.cfg.Columns[s.Name]
	column.Type = table.TypeCategorical
	l.cfg.Columns[s.Name] = column
	l.log.Info("by its name a column's whole numbers stand for things: they are categories, not quantities", "column", s.Name,
		"otherwise", table.DeclareType(s.Name, table.TypeNumeric).Text(table.RunFile))
	return s.Texts()
}

// encode returns the part of the rows of a frame, with the columns to keep; nil of nil.
func (l *loader) encode(e *encoding.Encoder, f *table.Frame, part string, keep ...string) (*Part, error) {
	if f == nil {
		return nil, nil
	}
	out, report, err := e.Encode(l.ctx, f, true)
	if err != nil {
		return nil, fmt.Errorf("%s rows: %w", part, err)
	}
	p := InMemory(out)
	if part != "training" {
		p.report = &report
		for _, u := range report.Unseen {
			l.log.Debug("values unseen in training", "part", part, "column", u.Column, "rows", u.Rows, "examples", u.Examples)
		}
	}
	for _, name := range keep {
		out.Carry(f.Column(name))
	}
	return p, nil
}

// rows returns the rows of a part: those split off, or those of its own
// source; nil where there are none.
func (l *loader) rows(e *encoding.Encoder, frame *table.Frame, rows []int32, src *table.Source, name string) (*table.Frame, error) {
	if src == nil {
		if len(rows) == 0 {
			return nil, nil
		}
		return frame.Pick(rows), nil
	}
	return l.readOwn(e, src, name, nil)
}

// readOwn reads the source of a part, with the columns to keep.
func (l *loader) readOwn(e *encoding.Encoder, src *table.Source, name string, keep []string) (*table.Frame, error) {
	options := e.ReadOptions(true)
	readToo(options.Types, keep)
	own, err := l.read(src, options)
	if err != nil {
		return nil, fmt.Errorf("%s rows: %w", name, err)
	}
	for _, k := range keep {
		if own.Column(k) == nil {
			return nil, &table.MissingColumnError{Name: k, Names: own.Available}
		}
	}
	if err := e.CheckColumns(own, true); err != nil {
		return nil, fmt.Errorf("%s rows: %w", name, err)
	}
	if own, err = l.dropMissingTarget(own); err != nil {
		return nil, fmt.Errorf("%s rows: %w", name, err)
	}
	return own, nil
}

func (l *loader) hash() (err error) {
	l.report.Files, err = l.files.Hash(l.ctx)
	return err
}
