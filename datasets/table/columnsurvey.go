package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"debut/datasets/duck"
)

// Survey is a source opened to be looked at. What its columns are is decided by all rows, as Read decides it; a column
// that Read would refuse is no error here, but told with what is wrong with it.
type Survey struct {
	Rows int64
	// TextBytes is about what the values of the columns of texts take in the files, all of them together.
	TextBytes int64
	Columns   []ColumnSurvey
	// Format is csv, parquet or json; "" for the result of a query.
	Format    string
	Delimiter string // of CSV, and whether the first line names the columns
	Header    bool
	Above     int // lines above the table, which are left out
	// Notes say what a person should know about how the files are read.
	Notes []string

	db     *duck.DB
	rel    *relation
	files  Files
	chosen *selection
	found  map[int]*settled
}

// ColumnSurvey is what is known of a column before its values are read.
type ColumnSurvey struct {
	Name string
	// Texts says that the values are texts in the file or the result, and that what follows is known.
	Texts   bool
	Reading Reading
	// Fault is why Read refuses the column, nil where it does not. It names the first value that is at fault.
	Fault   *ValueError
	Present int // values that are not missing
	// Bad values are those that the fault is about, Misfit says what they are, such as "not numbers", and Examples are the
	// first distinct ones of them.
	Bad      int
	Misfit   string
	Examples []Located
	// Marks are usual marks of missing values among them that are none by the source, in order of appearance.
	Marks []TextCount
	// Padded values have blanks around them, which reading takes away; FirstPadded is the first.
	Padded      int
	FirstPadded Located
	// Note is what a person should know about how the values were understood, nil where all is plain.
	Note *Note
}

// keptExamples bounds the examples of a fault.
const keptExamples = 3

// OpenSurvey looks at all rows of a source, or of the result of its query. Relative paths are resolved against
// baseDir. Errors are those of Read but for values. The survey must be closed.
func OpenSurvey(ctx context.Context, src Source, baseDir string, options ReadOptions) (_ *Survey, err error) {
	db, rel, files, err := openSource(ctx, &src, baseDir, options)
	if err != nil {
		return nil, err
	}
	s := &Survey{files: files, Format: rel.format, Notes: rel.notes(), db: db, rel: rel}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if d := rel.origin.dialect; d != nil && !rel.origin.query {
		s.Delimiter, s.Header, s.Above = string(d.delimiter), d.header, d.skip
	}
	s.Columns = make([]ColumnSurvey, len(rel.names), len(rel.names)+len(rel.joins))
	overrides := map[string]string{}
	for i, name := range rel.names {
		s.Columns[i].Name = name
		if what := nestedKinds[rel.columns[i].Type]; what != "" {
			if reader, _ := rel.vectorReader(i, rel.declaredFor(name)); reader == nil {
				errors.As(rel.nested(i, what), &s.Columns[i].Fault)
				overrides[name] = TypeIgnore
			}
		}
	}
	for _, j := range rel.joins {
		s.Columns = append(s.Columns, ColumnSurvey{Name: j.name})
	}
	faults, err := rel.castDeclared(ctx, db)
	if err != nil {
		return nil, err
	}
	if s.chosen, err = rel.choose(overrides); err != nil {
		return nil, err
	}
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	for i, fault := range faults {
		if c := &s.Columns[i]; c.Fault == nil {
			c.Fault, c.Note = fault, nil
		}
	}
	if s.Rows == 0 {
		return nil, rel.noRows()
	}
	return s, nil
}

// Close frees what the survey holds.
func (s *Survey) Close() { s.db.Close() }

// look surveys the columns of texts, or counts the rows where there are none.
func (s *Survey) look(ctx context.Context) error {
	var open []int
	for _, i := range s.chosen.reading {
		switch s.chosen.types[i] {
		case TypeAuto, TypeNumeric, TypeBoolean, TypeDate, TypeCategorical:
			if s.rel.byText(i, s.chosen.types[i]) {
				open = append(open, i)
			}
		}
	}
	var err error
	if s.found, err = s.rel.survey(ctx, s.db, open, s.chosen.types, 0); err != nil {
		return s.rel.unreadable(ctx, err)
	}
	if len(open) == 0 {
		err := s.db.Query(ctx, "SELECT count(*) FROM "+s.rel.sql, func(c *duck.Chunk) error {
			counts, _ := duck.Vector[int64](c, 0)
			s.Rows = counts[0]
			return nil
		})
		if err != nil {
			return s.rel.unreadable(ctx, err)
		}
		return nil
	}
	var searches []*search
	for _, i := range open {
		f, c := s.found[i], &s.Columns[i]
		s.Rows = int64(f.rows)
		s.TextBytes += f.tally.bytes
		c.Texts, c.Reading, c.Present, c.Marks, c.Padded = true, f.Reading, f.tally.present, f.tally.marked, f.padded.rows
		if !s.rel.origin.query {
			c.Note = s.rel.noteOf(i, s.chosen.types[i], f.tally, f.Reading)
		}
		of := texts{null: s.rel.null}
		if f.fault.kind != noFault {
			c.Bad, c.Misfit = f.bad(), f.fault.plural()
			searches = append(searches, s.rel.searchFault(i, f))
		}
		if c.Padded > 0 {
			searches = append(searches, &search{column: i, most: 1, rows: 1, matches: func(raw string) bool {
				text := of.value(raw)
				return text != "" && text != raw
			}})
		}
	}
	if err := s.rel.locate(ctx, s.db, searches); err != nil {
		return err
	}
	return s.explain(ctx, searches)
}

// explain says what was found about columns.
func (s *Survey) explain(ctx context.Context, searches []*search) error {
	for _, found := range searches {
		c := &s.Columns[found.column]
		if found.most == 1 {
			if len(found.found) > 0 {
				c.FirstPadded = found.found[0]
			}
			continue
		}
		c.Fault = s.rel.explainFault(s.found[found.column], found)
		c.Examples = found.found[:min(len(found.found), keptExamples)]
	}
	return ctx.Err()
}

// Read reads the rows of a sample as Read reads all of them. Of a column at fault that is nearly one of dates or of
// numbers, the values that are none are missing; others are read as texts. Columns that cannot be read at all are left
// out; their faults, and those that come to light only now, are in Columns.
func (s *Survey) Read(ctx context.Context, sample Sampling) (*Frame, error) {
	frame, err := s.read(ctx, sample)
	return frame, s.files.Checked(err)
}

func (s *Survey) read(ctx context.Context, sample Sampling) (*Frame, error) {
	rel := *s.rel
	rel.sql = sample.from(rel.sql)
	p := rel.known(s.chosen)
	p.tallies, p.faults = map[int]*tally{}, map[int]*ValueError{}
	for i, f := range s.found {
		p.readings[i], p.tallies[i] = f.Reading, f.tally
	}
	types := slices.Clone(s.chosen.types)
	for i, f := range s.found {
		if f.fault.kind != noFault {
			types[i] = TypeCategorical
		}
	}
	chosen := *s.chosen
	chosen.types = types
	if sample.All() {
		rel.typeNumbers(p, &chosen)
	}
	series, err := rel.readPlanned(ctx, s.db, &chosen, p)
	for errors.Is(err, errGuess) {
		clear(p.faults)
		if p, err = rel.revise(ctx, s.db, &chosen, p); err != nil {
			return nil, err
		}
		series, err = rel.readPlanned(ctx, s.db, &chosen, p)
	}
	if err != nil {
		return nil, err
	}
	f := &Frame{origin: rel.origin, Available: rel.available()}
	for _, i := range chosen.wanted {
		if fault := p.faults[i]; fault != nil {
			s.Columns[i].Fault = fault
		}
		if series[i] == nil {
			continue
		}
		if found := s.found[i]; found != nil && found.fault.kind != noFault {
			series[i] = found.nearly(series[i])
		} else {
			rel.remark(&chosen, p, i, series[i])
			if !rel.origin.query {
				s.Columns[i].Note = cmp.Or(s.Columns[i].Note, series[i].told)
			}
		}
		f.Columns = append(f.Columns, series[i])
	}
	for _, j := range chosen.joins {
		keys, err := rel.keys(ctx, s.db, j.on, series)
		if err != nil {
			return nil, err
		}
		joined, err := j.read(ctx, &rel, keys)
		if err != nil {
			return nil, err
		}
		f.Columns = append(f.Columns, joined)
	}
	if len(f.Columns) == 0 {
		return nil, s.firstFault()
	}
	f.Rows = f.Columns[0].Len()
	return f, nil
}

// firstFault is the error that Read returns.
func (s *Survey) firstFault() error {
	faults := map[int]*ValueError{}
	for i := range s.rel.names {
		if fault := s.Columns[i].Fault; fault != nil {
			faults[i] = fault
		}
	}
	if err := s.rel.firstFault(faults); err != nil {
		return err
	}
	return fmt.Errorf("%s: no column can be read", s.rel.origin.name())
}

// plural says what the values are that the fault is about.
func (f *fault) plural() string {
	switch f.kind {
	case otherNumbers:
		return "numbers " + styleName(f.style)
	case notBooleans:
		return "neither true nor false"
	case notDates:
		if f.known {
			return "not dates written " + f.layout.Name() + " like the others"
		}
		return "not dates"
	}
	return "not numbers"
}

// nearly makes of a column at fault what nearly all its values are, where that is no question.
func (s *settled) nearly(texts *Series) *Series {
	f, marked := &s.fault, s.tally.present-s.fault.fits == s.tally.marks
	switch {
	case f.kind == otherNumbers && !f.either, f.kind == notNumbers && marked:
		values := make([]float64, len(texts.Dict))
		for i, text := range texts.Dict {
			v, ok := f.style.Parse(text)
			if values[i] = v + 0; !ok {
				values[i] = missingNumber
			}
		}
		return &Series{Name: texts.Name, Kind: Numeric, Floats: decode(texts.Codes, values, missingNumber)}
	case f.kind == notDates && f.known:
		values := make([]int64, len(texts.Dict))
		for i, text := range texts.Dict {
			v, ok := f.layout.Parse(text)
			if values[i] = v; !ok {
				values[i] = MissingDate
			}
		}
		return &Series{Name: texts.Name, Kind: Date, Layout: f.layout.Go(), Micros: decode(texts.Codes, values, MissingDate)}
	}
	return texts
}

// Places names rows of the source, counted from 0, as messages do: "orders.csv:1042". It may read the files again, once.
func (s *Survey) Places(rows []int) []string {
	if !s.rel.origin.query {
		return s.rel.origin.places(rows)
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = s.rel.origin.rowPlace(row)
	}
	return out
}

// Dialect tells how the CSV files of a table are written: what stands between fields, and whether the first line names
// the columns.
func (t *Table) Dialect() (delimiter string, header bool) {
	if d := t.rel.origin.dialect; d != nil {
		return string(d.delimiter), d.header
	}
	return "", false
}
