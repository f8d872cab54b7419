package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

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
	// Applied says that a finished model reads the rows: messages must not
	// propose to change the run file.
	Applied bool
	// file has the settings of sources, where no model is Applied.
	words Wording
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
func ReadWith(ctx context.Context, src *Source, baseDir string, options ReadOptions) (*Frame, []string, error) {
	db, rel, files, err := openSource(ctx, src, baseDir, options)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	if !options.Learned {
		if err := CheckDeclared(options.Types, rel.available()); err != nil {
			return nil, nil, err
		}
	}
	frame, err := rel.read(ctx, db, options.Types)
	if err != nil {
		return nil, nil, err
	}
	if frame.Rows == 0 {
		return nil, nil, rel.noRows()
	}
	return frame, files, nil
}

// openSource finds the files of a source and what columns they have. The
// database must be closed.
func openSource(ctx context.Context, src *Source, baseDir string, options ReadOptions) (_ *duck.DB, _ *relation, files []string, err error) {
	if err := src.Validate("source"); err != nil {
		if options.Applied {
			err.Path = strings.TrimPrefix(err.Path, "source.")
		}
		return nil, nil, nil, err
	}
	var database duck.Options
	if src.Query != "" {
		database.Threads = 1 // for an order of rows, and sums, that do not depend on timing
	}
	db, err := duck.Open(database)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	rel, files, err := openRelation(ctx, db, src, baseDir, options)
	if err == nil {
		var matrices []string
		matrices, err = rel.joinVectors(src, baseDir)
		files = append(files, matrices...)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return db, rel, files, err
}

// relation is something to select from.
type relation struct {
	db     *duck.DB // nil where the relation is of no source
	sql    string   // a FROM item
	files  []string // as they were given; origin has what is read of them
	origin *origin
	// columns as DuckDB calls and types them, and the names they get.
	columns []duck.Column
	names   []string
	format  string
	// untyped relations hold texts only, whose types follow from the values.
	untyped bool
	wide    map[string]bool // columns of numbers of JSON that are texts, for their digits
	null    map[string]bool
	// nullTexts are those that DuckDB takes for missing values.
	nullTexts []string
	types     map[string]string // declared for the source: Type constants and SQL types
	// style is the notation that numbers are declared to have, layouts those of dates.
	style   notation.Style
	layouts map[string]notation.Layout
	options ReadOptions
	// surveyed is what all rows say of columns of texts, where SQL sees them; computed that a query computes with them.
	surveyed map[int]*settled
	computed bool
	// cast columns have become what SQL makes of them for their declared types.
	cast   map[int]bool
	raw    *relation       // as it was before
	joins  []vectorJoin    // the source's vectors
	bytes  *rawBytes       // of columns of bytes that are read as text; nil where there are none
	tables []*relation     // that a query selects from
	seen   map[string]bool // the names of their columns that are texts and have to be
}

// available names the columns there are, with those that vectors add.
func (r *relation) available() []string {
	names := slices.Clone(r.names)
	for _, j := range r.joins {
		names = append(names, j.name)
	}
	return names
}

// declaredType returns the type a column is declared to have.
func declaredType(name string, overrides map[string]string) string {
	declared, ok := overrides[name]
	if !ok {
		declared = overrides[OtherColumns]
	}
	return cmp.Or(declared, TypeAuto)
}

func openRelation(ctx context.Context, db *duck.DB, src *Source, baseDir string, options ReadOptions) (*relation, []string, error) {
	if src.Query != "" {
		return openQuery(ctx, db, src, baseDir, options)
	}
	rel, err := openFiles(ctx, db, src, baseDir, options)
	if err != nil {
		return nil, nil, err
	}
	return rel, rel.files, nil
}

// openFiles finds the files of a source without a query, how they are written and what columns they have.
func openFiles(ctx context.Context, db *duck.DB, src *Source, baseDir string, options ReadOptions) (*relation, error) {
	files, err := resolveFiles(src.Path, baseDir)
	if err != nil {
		return nil, err
	}
	sources := files
	if src.Encoding != "" && src.Encoding != "utf-8" || src.Comment != "" {
		if files, err = readableFiles(ctx, db, files, src); err != nil {
			return nil, err
		}
	}
	rel := &relation{db: db, files: sources, origin: &origin{files: files, applied: options.Applied}, null: nullSet(src), style: src.style(), layouts: options.knownLayouts(), options: options}
	if rel.format, err = fileFormat(src, files, options.Applied); err != nil {
		return nil, err
	}
	if rel.format == "csv" {
		d, err := sniffDialect(ctx, files, src, options.Applied)
		if err != nil {
			return nil, reworded(err, rel.wording())
		}
		rel.origin.dialect, rel.untyped, rel.names = d, true, d.columns
		// Positional names keep DuckDB's rules for names out of it.
		rel.nullTexts = append([]string{""}, src.Null...)
		rel.sql = d.readTyped(files, rel.nullTexts, nil)
		for i := range d.columns {
			rel.columns = append(rel.columns, duck.Column{Name: positional(i), Type: mapping.TypeVarchar})
		}
	} else if err := rel.openTyped(ctx, db, src.Types); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("read %s as %s: %w", wording.FileName(files[0]), rel.format, plain(err))
	}
	return rel, rel.declare(src)
}

// notes are what a person should know of how the files are written.
func (r *relation) notes() []string {
	if d := r.origin.dialect; d != nil && !r.options.Learned {
		if note := d.note(r.origin.files[0]); note != "" {
			return []string{note}
		}
	}
	return nil
}

// readableFiles makes copies of files that DuckDB cannot read as they are. They go with the database.
func readableFiles(ctx context.Context, db *duck.DB, files []string, src *Source) ([]string, error) {
	dir, err := os.MkdirTemp("", "debut-text-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for copies of the files: %w", err)
	}
	db.OnClose(func() { _ = os.RemoveAll(dir) }) // nobody can do more about it
	var comment byte
	if src.Comment != "" {
		comment = src.Comment[0]
	}
	return readable(ctx, dir, files, src.Encoding, comment)
}

// reworded gives the remedies of an error the words of a command.
func reworded(err error, w Wording) error {
	var v *ValueError
	if errors.As(err, &v) {
		v.wording = w
	}
	return err
}

// openTyped finds the columns of files that have types.
func (r *relation) openTyped(ctx context.Context, db *duck.DB, types map[string]string) (err error) {
	if r.format == "json" {
		if r.sql, r.wide, err = jsonReaderSQL(ctx, db, r.origin.files); err != nil {
			return err
		}
	} else {
		r.sql = "read_parquet(" + duck.Literals(r.origin.files) + ")"
	}
	if r.columns, err = db.Describe(ctx, "SELECT * FROM "+r.sql); err != nil {
		return err
	}
	for _, c := range r.columns {
		r.names = append(r.names, c.Name)
	}
	r.decode(types)
	r.dropMarks()
	if r.options.Learned && r.format == "parquet" {
		r.completeSparse()
	}
	return nil
}

// openQuery makes the view data and the tables, and the query over them.
func openQuery(ctx context.Context, db *duck.DB, src *Source, baseDir string, options ReadOptions) (*relation, []string, error) {
	rel := &relation{db: db, origin: &origin{query: true, applied: options.Applied}, null: nullSet(src), style: src.style(), layouts: options.knownLayouts(), options: options}
	var files []string
	views := map[string]*relation{}
	open := func(name string, s *Source) error {
		if len(s.Path) == 0 {
			return nil
		}
		of, err := openFiles(ctx, db, s, baseDir, options)
		if err != nil {
			return err
		}
		if views[name] = of; name == "data" {
			rel.origin.files, rel.origin.dialect = of.origin.files, of.origin.dialect
		}
		files = append(files, of.files...)
		rel.tables = append(rel.tables, of)
		return nil
	}
	if err := open("data", src); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(src.Tables)) {
		t := src.Tables[name]
		if err := open(name, &t); err != nil {
			return nil, nil, fmt.Errorf("table %s: %w", name, err)
		}
	}
	query := strings.TrimRight(strings.TrimSpace(src.Query), "; \t\r\n")
	var columns []duck.Column
	for _, computed := range []bool{false, true} {
		kept := false
		for _, name := range slices.Sorted(maps.Keys(views)) {
			some, err := views[name].view(ctx, db, name, computed)
			if err != nil {
				if name != "data" {
					err = fmt.Errorf("table %s: %w", name, err)
				}
				return nil, nil, err
			}
			kept = kept || some
		}
		var err error
		if columns, err = db.Describe(ctx, query); err == nil {
			break
		}
		if computed || !kept || ctx.Err() != nil {
			return nil, nil, fmt.Errorf("query: %w", plain(err))
		}
	}
	rel.columns = columns
	for i, c := range columns {
		if slices.Contains(rel.names, c.Name) {
			return nil, nil, fmt.Errorf("query: two columns of the result are named %s; rename one with AS", wording.Quote(c.Name))
		}
		rel.names = append(rel.names, c.Name)
		rel.columns[i].Name = positional(i)
	}
	aliases := make([]string, len(columns))
	for i := range columns {
		aliases[i] = positional(i)
	}
	settled, _, err := db.Settled(ctx, query)
	if err != nil {
		return nil, nil, fmt.Errorf("query: %w", plain(err))
	}
	rel.seen = textsOf(rel.tables)
	rel.sql = settled + " AS q(" + strings.Join(aliases, ", ") + ")"
	return rel, files, nil
}

func positional(i int) string { return fmt.Sprintf("c%d", i) }

// fileFormat goes by the configuration, then by the extension.
func fileFormat(src *Source, files []string, applied bool) (string, error) {
	if src.Format != "" && src.Format != "auto" {
		return src.Format, nil
	}
	format := ""
	for _, file := range files {
		name := strings.ToLower(file)
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst")
		f := ""
		switch filepath.Ext(name) {
		case ".parquet", ".pq":
			f = "parquet"
		case ".json", ".jsonl", ".ndjson":
			f = "json"
		default: // .csv, .tsv, .txt, .data, …
			f = "csv"
		}
		if format != "" && f != format {
			remedy := "set format, or read them as tables of a query"
			if applied {
				remedy = "name those of one format at a time, or pass --format"
			}
			return "", fmt.Errorf("files of one source have different formats: %s is %s, %s is %s; %s",
				wording.FileName(files[0]), format, wording.FileName(file), f, remedy)
		}
		format = f
	}
	return format, nil
}

// readTyped reads columns as text, what the texts are is decided in Go, and those that are known to be numbers as such.
func (d *dialect) readTyped(files, null []string, numbers map[int]bool) string {
	// What DuckDB does not take is found in what is read.
	null = slices.DeleteFunc(slices.Clone(null), func(n string) bool { return strings.ContainsAny(n, string(d.delimiter)+"\"\r\n") })
	columns := make([]string, len(d.columns))
	for i := range columns {
		typ := "VARCHAR"
		if numbers[i] {
			typ = "DOUBLE"
		}
		columns[i] = duck.Literal(positional(i)) + ": " + duck.Literal(typ)
	}
	return fmt.Sprintf("read_csv(%s, auto_detect = false, delim = %s, quote = '\"', escape = '\"', header = %t, skip = %d%s, nullstr = %s, columns = {%s})",
		duck.Literals(files), duck.Literal(string(d.delimiter)), d.header, d.skip, d.newLine(), duck.Literals(null), strings.Join(columns, ", "))
}

// newLine is the option of read_csv about line ends, "" to let DuckDB see.
func (d *dialect) newLine() string {
	if d.crlf {
		return `, new_line = '\r\n'`
	}
	return ""
}

func nullSet(src *Source) map[string]bool {
	set := map[string]bool{}
	for _, n := range src.Null {
		set[strings.TrimSpace(n)] = true
	}
	return set
}

// translate explains an error of DuckDB about CSV files.
func (d *dialect) translate(err error, files []string) error {
	var q *duck.Error
	if !errors.As(err, &q) {
		return err
	}
	if found := d.explain(files); found != nil {
		return found
	}
	return fmt.Errorf("read %s: %w", wording.FileName(files[0]), plain(err))
}

// maxDatabaseText is how many bytes of a message of DuckDB are shown: it may
// quote a whole query or list the columns of a file.
const maxDatabaseText = 1000

// plain shortens DuckDB's message to one line, with the place it is about and
// without suggestions of settings.
func plain(err error) error {
	var q *duck.Error
	if !errors.As(err, &q) {
		return err
	}
	return errors.New("duckdb: " + q.Short(maxDatabaseText) + TypedAlready(q))
}

func (r *relation) noRows() error {
	if d := r.origin.dialect; d != nil {
		// DuckDB may stop early, without an error, at line ends it did not expect.
		if found := d.explain(r.origin.files); found != nil {
			return found
		}
	}
	switch {
	case r.origin.query:
		return errors.New("query: the result has no rows; check its conditions")
	case r.origin.dialect != nil && r.origin.dialect.header:
		return fmt.Errorf("%s has a header but no rows", wording.FileName(r.origin.files[0]))
	default:
		return fmt.Errorf("%s has no rows", wording.FileName(r.origin.files[0]))
	}
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
		if err := configfile.OneOf("columns."+name+".type", declared, TypeAuto, TypeNumeric, TypeCategorical, TypeBoolean, TypeDate, TypeVector, TypeText, TypeIgnore); err != nil {
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
		return nil, fmt.Errorf("none of the columns of the data is used%s; they are %s", delimiterHint(r.names, r.options.Applied), wording.List(r.names, wording.MaxListed))
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
			if reader, _ := r.vectorReader(i, s.types[i]); reader == nil {
				return nil, r.nested(i, what)
			}
		}
	}
	return s, nil
}

// read reads the columns that are not ignored.
func (r *relation) read(ctx context.Context, db *duck.DB, overrides map[string]string) (*Frame, error) {
	if err := r.castDeclared(ctx, db); err != nil {
		return nil, err
	}
	chosen, err := r.choose(overrides)
	if err != nil {
		return nil, err
	}
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
		if p.faults != nil && errors.As(err, &bad) {
			p.faults[i], err = bad, nil
		}
		if err != nil {
			return nil, err
		}
		if f.reread {
			again = append(again, i)
		}
		series[i] = f.series
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

// finished is a column as its reader leaves it.
type finished struct {
	series *Series
	reread bool
}

// columnReader takes one column out of chunks.
type columnReader interface {
	read(c *duck.Chunk, column int)
	finish(from *origin) (s *Series, reread bool, err error)
}

// newReader returns the reader for column i and the SQL that casts it to what
// the reader expects: numbers, booleans, timestamps or text.
func (r *relation) newReader(db *duck.DB, i int, declared string, p *plan) (columnReader, string, error) {
	name, column := r.names[i], duck.Name(r.columns[i].Name)
	wrong := notFinite{missing: infiniteOf(r.null)}
	if reader, sql := r.vectorReader(i, declared); reader != nil {
		return reader, sql, nil
	}
	switch kindOf(r.columns[i].Type) {
	case Numeric:
		t := r.columns[i].Type
		switch declared {
		case TypeAuto, TypeNumeric:
			return &numberReader{series: &Series{Name: name, Kind: Numeric}, auto: declared == TypeAuto, floating: isFloating(t), wrong: wrong}, "CAST(" + column + " AS DOUBLE)", nil
		case TypeCategorical, TypeText:
			if isFloating(t) {
				// Formatted in Go: 1, not 1.0.
				return &numberReader{series: &Series{Name: name, Kind: Numeric}, asText: true, wrong: wrong}, "CAST(" + column + " AS DOUBLE)", nil
			}
			reader := newTextReader(name, r.null)
			reader.series.Whole = isWhole(t) && !r.fromTexts()
			return reader, exactText(column, t), nil
		}
	case Boolean:
		if declared == TypeAuto || declared == TypeBoolean {
			return &booleanReader{series: &Series{Name: name, Kind: Boolean}}, column, nil
		}
		if declared == TypeNumeric {
			return &numberReader{series: &Series{Name: name, Kind: Numeric}}, "CAST(" + column + " AS DOUBLE)", nil
		}
	case Date:
		if declared == TypeAuto || declared == TypeDate {
			// A time with a zone becomes its UTC reading.
			return &dateReader{series: &Series{Name: name, Kind: Date}}, "make_timestamp(epoch_us(" + column + "))", nil
		}
	}
	if r.columns[i].JSON {
		return &jsonReader{textReader: newTextReader(name, r.null), refuse: func() error { return r.nested(i, nestedJSON) }}, r.textSQL(i), nil
	}
	if r.byText(i, declared) {
		return r.textual(db, i, declared, p)
	}
	return newTextReader(name, r.null), r.textSQL(i), nil
}

// kindOf sorts DuckDB's types into kinds; what is not listed is read as text.
func kindOf(t mapping.Type) Kind {
	switch t {
	case mapping.TypeBoolean:
		return Boolean
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt,
		mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger, mapping.TypeUBigInt,
		mapping.TypeHugeInt, mapping.TypeUHugeInt, mapping.TypeFloat, mapping.TypeDouble, mapping.TypeDecimal:
		return Numeric
	case mapping.TypeDate, mapping.TypeTimestamp, mapping.TypeTimestampS, mapping.TypeTimestampMS,
		mapping.TypeTimestampNS, mapping.TypeTimestampTZ:
		return Date
	}
	return Text
}

// isWhole reports a type of whole numbers that fit 64 bits with a sign.
func isWhole(t mapping.Type) bool {
	switch t {
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt, mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger:
		return true
	}
	return false
}

// fromTexts reports whether a file has no types, so that those of a query over it follow from its values.
func (r *relation) fromTexts() bool {
	return r.untyped || slices.ContainsFunc(r.tables, func(t *relation) bool { return t.untyped })
}

func isFloating(t mapping.Type) bool {
	return t == mapping.TypeFloat || t == mapping.TypeDouble
}

type numberReader struct {
	series   *Series
	asText   bool
	auto     bool // the type follows from the values
	floating bool // the file has floating-point numbers
	wrong    notFinite
	wideness
}

func (r *numberReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[float64](c, column)
	n := len(r.series.Floats)
	r.series.Floats = append(r.series.Floats, values...)
	for i, v := range r.series.Floats[n:] {
		switch {
		case !mask.Valid(i):
			r.series.Floats[n+i] = math.NaN()
		case v-v != 0: // NaN or infinite
			r.wrong.add(v, n+i)
			r.series.Floats[n+i] = math.NaN()
		case r.auto:
			r.value(v)
		}
	}
}

func (r *numberReader) finish(from *origin) (*Series, bool, error) {
	if err := r.wrong.err(r.series.Name, from); err != nil {
		return r.series, false, err
	}
	switch {
	case r.asText:
		return r.series.Texts(), false, nil
	case r.ids() && !r.floating:
		return nil, true, nil
	case r.ids():
		r.series.Note = lostNote(r.series.Name)
	}
	return r.series, false, nil
}

type booleanReader struct{ series *Series }

func (r *booleanReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[uint8](c, column)
	for i, v := range values {
		f := math.NaN()
		if mask.Valid(i) {
			f = 0
			if v != 0 {
				f = 1
			}
		}
		r.series.Floats = append(r.series.Floats, f)
	}
}

func (r *booleanReader) finish(*origin) (*Series, bool, error) { return r.series, false, nil }

type dateReader struct{ series *Series }

func (r *dateReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[int64](c, column)
	for i, v := range values {
		if !mask.Valid(i) {
			v = MissingDate
		}
		r.series.Micros = append(r.series.Micros, v)
	}
}

func (r *dateReader) finish(*origin) (*Series, bool, error) { return r.series, false, nil }
