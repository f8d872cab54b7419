package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/ahead"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// OtherColumns is the key of Read's overrides that stands for every column not
// named there.
const OtherColumns = "*"

// Read reads a source into memory, its rows in the order of the files (those
// of a glob sorted by name) or of the query's result. Relative paths are
// resolved against baseDir.
//
// A query runs on one thread, so that the same data give the same values to the
// last bit. Its rows come in the order of its ORDER BY; without one in that of the
// files where it only selects rows, else sorted by all columns. A query that gives
// something else at another time, such as one with random() or now(), is an error.
//
// overrides declares types of columns by name, as in Column.Type; "*" stands
// for all others. A column that is declared must exist unless it is declared
// to be ignored. Types not declared are those of a Parquet or JSON file or of
// the query; for CSV they follow from all values: a column whose values are at
// least 95 % numbers has to be numbers throughout, and an exception is an
// error (*ValueError) that names file and line. Whole numbers of more than 2⁵³,
// where a float64 loses digits, are ids and become texts. Lists of numbers, all of
// one length, are vectors; texts such as "[0.5, -1]" are where they are declared
// so. Other columns of lists, and those of structs and maps, are errors unless they
// are ignored. Source.Vectors adds columns of vectors behind the others.
func Read(ctx context.Context, src Source, baseDir string, overrides map[string]string) (*Frame, error) {
	frame, _, err := ReadWith(ctx, &src, baseDir, ReadOptions{Types: overrides})
	return frame, err
}

// ReadOptions say how columns are read.
type ReadOptions struct {
	Types map[string]string // as the overrides of Read
	// Learned options come from an encoder: columns that do not exist are passed
	// over, and Layouts holds how dates are written.
	Learned bool
	Layouts map[string]string
	// Styles are the notations of numbers, where they are not plain.
	Styles map[string]notation.Style
	// Needed columns are those that the encoder cannot do without.
	Needed []string
	// Carried columns are read as they are written, whatever else they are read as, into Frame.Carried; Blocks alone knows them. One that
	// does not exist is a *MissingColumnError.
	Carried []string
	// Empty lets ReadWith and Blocks hand out a source without rows, Blocks as one frame. That of JSON files without objects has neither columns nor Available.
	Empty bool
	// Optional are columns of Types that need not exist.
	Optional []string
	// Applied says that a finished model reads the rows: messages must not
	// propose to change the run file.
	Applied bool
	// Words are where the settings of sources are, where no model is Applied: then they are options.
	Words Wording
	// Memory bounds in bytes what a query takes, 0 leaves DuckDB's own bound, four fifths of the machine's.
	Memory int64
	// Readers is the most threads that read files, each with buffers of its own; 0 for one for each processor.
	Readers int
}

// knownLayouts are the layouts of dates that training found.
func (o *ReadOptions) knownLayouts() map[string]notation.Layout {
	out := map[string]notation.Layout{}
	for name, layout := range o.Layouts {
		if l := LayoutOf(layout); l != (notation.Layout{}) {
			out[name] = l
		}
	}
	return out
}

// ReadWith is Read that also returns the files read, those of tables too.
func ReadWith(ctx context.Context, src *Source, baseDir string, options ReadOptions) (*Frame, Files, error) {
	db, rel, files, err := openSource(ctx, src, baseDir, options)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	if !options.Learned {
		needed := maps.Clone(options.Types)
		for _, name := range options.Optional {
			delete(needed, name)
		}
		if err := CheckDeclared(needed, rel.available()); err != nil {
			return nil, nil, err
		}
	}
	frame, err := rel.read(ctx, db, options.Types)
	if err == nil && frame.Rows == 0 && (!options.Empty || !rel.whole()) {
		err = rel.noRows()
	}
	if err := files.Checked(err); err != nil {
		return nil, nil, err
	}
	return frame, files, nil
}

// selection is which columns of a relation are read, by their indexes, and as
// what.
type selection struct {
	types   []string // declared, of all columns
	wanted  []int
	reading []int // wanted, and what vectors are joined on
	joins   []vectorJoin
}

// choose selects the columns that are not ignored.
func (r *relation) choose(overrides map[string]string) (*selection, error) {
	s := &selection{types: make([]string, len(r.columns)), wanted: make([]int, 0, len(r.columns))}
	for i, name := range r.names {
		declared := declaredType(name, overrides)
		if err := configfile.OneOf("columns."+name+".type", declared, TypeAuto, TypeNumeric, TypeCategorical, TypeBoolean, TypeDate, TypeVector, TypeText, TypeList, TypeIgnore); err != nil {
			return nil, err
		}
		if t, ok := r.types[name]; ok && declared == TypeAuto && !r.cast[i] {
			declared = kindOfDeclared(t)
		}
		s.types[i] = declared
		if declared != TypeIgnore {
			s.wanted = append(s.wanted, i)
		}
	}
	var err error
	if s.joins, err = r.wantedJoins(overrides); err != nil {
		return nil, err
	}
	if len(s.wanted)+len(s.joins) == 0 {
		if len(r.options.Needed) > 0 {
			return nil, lacking(r.origin, r.options.Needed, r.options.Needed, r.available())
		}
		return nil, fmt.Errorf("none of the columns of the data is used%s; they are %s", delimiterHint(r.names, r.wording()), wording.List(r.names, wording.MaxListed))
	}
	// What vectors are joined on is read even where nothing else wants it.
	s.reading = slices.Clone(s.wanted)
	for _, j := range s.joins {
		if !slices.Contains(s.reading, j.on) {
			s.reading, s.types[j.on] = append(s.reading, j.on), TypeCategorical
		}
	}
	for _, i := range s.reading {
		if what := nestedKinds[r.columns[i].Type]; what != "" {
			if reader, _ := r.vectorReader(i, s.types[i]); reader == nil && r.listSQL(i, s.types[i]) == "" {
				return nil, r.nested(i, what)
			}
		}
	}
	return s, nil
}

// read reads the columns that are not ignored.
func (r *relation) read(ctx context.Context, db *duck.DB, overrides map[string]string) (*Frame, error) {
	faults, err := r.castDeclared(ctx, db)
	if err == nil {
		err = r.firstFault(faults)
	}
	if err != nil {
		return nil, err
	}
	chosen, err := r.choose(overrides)
	if err != nil {
		return nil, err
	}
	r.expect(ctx, len(chosen.reading))
	p, err := r.guess(ctx, db, chosen)
	if err != nil {
		return nil, err
	}
	r.typeNumbers(p, chosen)
	series, err := r.readPlanned(ctx, db, chosen, p)
	for errors.Is(err, errGuess) {
		if p, err = r.revise(ctx, db, chosen, p); err != nil {
			return nil, err
		}
		r.typeNumbers(p, chosen)
		series, err = r.readPlanned(ctx, db, chosen, p)
	}
	if err != nil {
		return nil, err
	}
	f := &Frame{origin: r.origin, Available: r.available(), Notes: r.notes()}
	for _, i := range chosen.wanted {
		r.remark(chosen, p, i, series[i])
		f.Columns = append(f.Columns, series[i])
	}
	for _, j := range chosen.joins {
		keys, err := r.keys(ctx, db, j.on, series)
		if err != nil {
			return nil, err
		}
		s, err := j.read(ctx, r, keys)
		if err != nil {
			return nil, err
		}
		f.Columns = append(f.Columns, s)
	}
	f.Rows, f.Decisions = f.Columns[0].Len(), r.decided(f.Columns)
	return f, nil
}

// readPlanned reads the columns as planned; errGuess where they are otherwise.
func (r *relation) readPlanned(ctx context.Context, db *duck.DB, chosen *selection, p *plan) ([]*Series, error) {
	series := make([]*Series, len(r.columns))
	search := r.search(ctx, p, chosen)
	defer search.stop()
	again, err := r.readColumns(ctx, db, chosen.reading, chosen.types, p, series)
	if err != nil {
		return nil, err
	}
	if len(again) > 0 {
		types := slices.Clone(chosen.types)
		for _, i := range again {
			types[i] = TypeCategorical
		}
		if _, err := r.readColumns(ctx, db, again, types, p, series); err != nil {
			return nil, err
		}
	}
	if strange, err := search.result(); err != nil || strange {
		return nil, cmp.Or(err, errGuess)
	}
	return series, nil
}

// readColumns runs one query for the columns of the given indexes and stores
// them in series. It returns those that have to be read again as text.
func (r *relation) readColumns(ctx context.Context, db *duck.DB, indexes []int, types []string, p *plan, series []*Series) ([]int, error) {
	readers := make([]columnReader, len(indexes))
	items := make([]string, len(indexes))
	for k, i := range indexes {
		var err error
		if readers[k], items[k], err = r.newReader(db, i, types[i], p); err != nil {
			return nil, err
		}
	}
	err := db.Stream(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+r.from(p), func(c *duck.Chunk) error {
		for k := range readers {
			readers[k].read(c, k)
		}
		return nil
	})
	if err != nil {
		if (p.native || p.guessed) && ctx.Err() == nil {
			return nil, errGuess
		}
		return nil, r.unreadable(ctx, err)
	}
	var again []int
	faults := map[int]*ValueError{}
	if p.faults != nil {
		faults = p.faults
	}
	guess := false
	for k, i := range indexes {
		f, err := ahead.Await(ctx, func() (f finished, err error) {
			f.series, f.reread, err = readers[k].finish(r.origin)
			if err == nil && !f.reread {
				err = r.verify(ctx, db, i, types[i], readers[k], p)
			}
			return f, err
		})
		if ctx.Err() != nil {
			return nil, ctx.Err() // and not what an interrupted search for the place of an error made of it
		}
		var bad *ValueError
		switch {
		case errors.As(err, &bad):
			faults[i] = bad
		case errors.Is(err, errGuess):
			guess = true
		case err != nil:
			return nil, err
		}
		if f.reread {
			again = append(again, i)
		}
		series[i] = f.series
	}
	if guess {
		return nil, errGuess // another reading finds the faults again
	}
	if p.faults == nil {
		if err := r.firstFault(faults); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// unreadable explains an error of DuckDB while it read the rows.
func (r *relation) unreadable(ctx context.Context, err error) error {
	found := func() error {
		if r.db != nil {
			if misfit := r.castError(ctx, r.db); misfit != nil {
				return misfit
			}
		}
		if r.origin.dialect != nil && !r.origin.query {
			return reworded(r.origin.dialect.translate(err, r.origin.files), r.wording())
		}
		if r.origin.dialect != nil {
			if found := r.origin.dialect.explain(r.origin.files); found != nil {
				return reworded(found, r.wording())
			}
		}
		for _, of := range append([]*relation{r}, r.tables...) {
			if found := of.explainTyped(ctx, err); found != nil {
				return found
			}
		}
		if r.origin.query {
			return fmt.Errorf("query: %w", plain(err))
		}
		return fmt.Errorf("read %s: %w", wording.FileName(r.origin.files[0]), plain(err))
	}
	if ctx.Err() == nil {
		if text := r.notText(ctx, err); text != nil {
			return text
		}
		err = found()
	}
	if ctx.Err() != nil { // also where it ended the search
		return ctx.Err()
	}
	return err
}
