package table

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/scratch"
	"debut/datasets/wording"
)

// leastQueryMemory is what DuckDB gets for a query, in bytes: with less it cannot read most files.
const leastQueryMemory = 64 << 20

// openSource finds the files of a source and what columns they have. The
// database must be closed.
func openSource(ctx context.Context, src *Source, baseDir string, options ReadOptions) (_ *duck.DB, _ *relation, files Files, err error) {
	if err := src.Validate("source"); err != nil {
		if options.wording() == CommandLine {
			err.Path = strings.TrimPrefix(err.Path, "source.")
		}
		return nil, nil, nil, err
	}
	database := duck.Options{External: src.ExternalAccess, Search: baseDir, Threads: options.Readers, Timeout: src.Timeout}
	if src.Query != "" {
		database.Threads = 1 // for an order of rows, and sums, that do not depend on timing
		if options.Memory > 0 {
			database.Memory = max(options.Memory, leastQueryMemory)
		}
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
		var matrices Files
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
	files  Files    // as they were given; origin has what is read of them
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
	// styles are what their sources declare of the numbers in columns of a name.
	styles map[string]notation.Style
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

func openRelation(ctx context.Context, db *duck.DB, src *Source, baseDir string, options ReadOptions) (*relation, Files, error) {
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
	sources, err := resolveFiles(src.Path, baseDir)
	if err != nil {
		return nil, err
	}
	files := sources.Paths()
	if src.Encoding != "" && src.Encoding != "utf-8" || src.Comment != "" || slices.ContainsFunc(files, markedTwice) {
		if files, err = readableFiles(ctx, db, files, src); err != nil {
			return nil, reworded(err, options.wording())
		}
	}
	rel := &relation{db: db, files: sources, origin: &origin{files: files, applied: options.Applied, words: options.wording()}, null: nullSet(src), style: src.style(), layouts: options.knownLayouts(), options: options}
	if rel.format, err = fileFormat(src, files, rel.wording() == CommandLine); err != nil {
		return nil, err
	}
	if rel.format == "json" {
		for _, file := range files {
			if err := checkNesting(ctx, file); err != nil {
				return nil, reworded(err, rel.wording())
			}
		}
	}
	if slices.Contains(SparseFormats, rel.format) {
		if err := rel.openSparse(ctx); err != nil {
			return nil, err
		}
	} else if rel.format == "csv" {
		d, err := sniffDialect(ctx, files, src, rel.wording())
		if err != nil {
			return nil, reworded(err, rel.wording())
		}
		d.frugal = options.Readers > 0
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
		if found := rel.explainTyped(ctx, err); found != nil {
			return nil, found
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
	dir, err := scratch.NewDir("", "text")
	if err != nil {
		return nil, fmt.Errorf("make a folder for copies of the files: %w", err)
	}
	db.OnClose(func() { _ = dir.Remove() }) // nobody can do more about it
	var comment byte
	if src.Comment != "" {
		comment = src.Comment[0]
	}
	return readable(ctx, dir.Path(), files, src.Encoding, comment)
}

// markedTwice reports a file with several byte order marks, of which DuckDB takes one away.
func markedTwice(file string) bool {
	in, err := decompressed(file)
	if err != nil {
		return false // reading will say what is wrong
	}
	var head [2 * len(byteOrderMark)]byte
	_, err = io.ReadFull(in, head[:])
	return in.Close() == nil && err == nil && string(head[:]) == byteOrderMark+byteOrderMark
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
	if err := r.misnamed(ctx, db); err != nil {
		return err
	}
	r.decode(types)
	r.dropMarks()
	if r.options.Learned && r.format == "parquet" {
		r.completeSparse()
	}
	return nil
}

// openQuery makes the view data and the tables, and the query over them.
func openQuery(ctx context.Context, db *duck.DB, src *Source, baseDir string, options ReadOptions) (*relation, Files, error) {
	rel := &relation{db: db, origin: &origin{query: true, applied: options.Applied, words: options.wording()}, null: nullSet(src), style: src.style(), layouts: options.knownLayouts(), options: options}
	var files Files
	var read []string
	views := map[string]*relation{}
	open := func(name string, s *Source) error {
		if len(s.Path) == 0 {
			return nil
		}
		of, err := openFiles(ctx, db, s, baseDir, options)
		if err != nil {
			return err
		}
		views[name] = of
		files, read = append(files, of.files...), append(read, of.origin.files...)
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
	// Messages name lines of the files that the rows come from, where that is known.
	of := views["data"]
	if of == nil && len(rel.tables) == 1 {
		of = rel.tables[0]
	}
	if of != nil {
		rel.origin.files, rel.origin.dialect = of.origin.files, of.origin.dialect
	}
	query := strings.TrimRight(strings.TrimSpace(src.Query), "; \t\r\n")
	if err := db.Confine(ctx, read, nil); err != nil {
		return nil, nil, err
	}
	if err := db.Check(ctx, query); err != nil {
		return nil, nil, fmt.Errorf("query: %w", plain(err))
	}
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
			if fault := misread(ctx, db, views, query); fault != nil {
				return nil, nil, fault
			}
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
	rel.seen, rel.styles = textsOf(rel.tables), stylesOf(rel.tables)
	rel.sql = settled + " AS q(" + strings.Join(aliases, ", ") + ")"
	return rel, files, nil
}

func positional(i int) string { return fmt.Sprintf("c%d", i) }

// fileFormat goes by the configuration, then by the extension.
func fileFormat(src *Source, files []string, options bool) (string, error) {
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
		case ".libsvm", ".libfm":
			f = SparseFormats[0]
		default: // .csv, .tsv, .txt, .data, …
			f = "csv"
		}
		if format != "" && f != format {
			remedy := "set format, or read them as tables of a query"
			if options {
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
	return fmt.Sprintf("read_csv(%s, auto_detect = false, delim = %s, quote = '\"', escape = '\"', header = %t, skip = %d%s%s, nullstr = %s, columns = {%s})",
		duck.Literals(files), duck.Literal(string(d.delimiter)), d.header, d.skip, d.newLine(), d.buffers(), duck.Literals(null), strings.Join(columns, ", "))
}

// newLine is the option of read_csv about line ends, "" to let DuckDB see.
func (d *dialect) newLine() string {
	if d.crlf {
		return `, new_line = '\r\n'`
	}
	return ""
}

// buffers is the option of read_csv about its buffers, of which each thread has several: "" for those of 32 MB.
func (d *dialect) buffers() string {
	if d.frugal {
		return fmt.Sprintf(", buffer_size = %d", 4*longestRecord)
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
	var refused *duck.RefusedError
	if errors.As(err, &refused) && refused.External {
		return fmt.Errorf("%w: name the file among the source's or its tables, or let the query read whatever it names with external_access: true beside it (on the command line --external-access)", err)
	}
	var q *duck.Error
	if !errors.As(err, &q) {
		return err
	}
	return errors.New("duckdb: " + q.Short(maxDatabaseText) + TypedAlready(q))
}

// carriedColumns finds columns that are to be carried through.
func (r *relation) carriedColumns(names []string) (indexes []int, err error) {
	for _, name := range names {
		i := slices.Index(r.names, name)
		if i < 0 {
			return nil, &MissingColumnError{Name: name, Names: r.names}
		}
		if what := nestedKinds[r.columns[i].Type]; what != "" {
			return nil, r.nested(i, what)
		}
		indexes = append(indexes, i)
	}
	return indexes, nil
}

// nothing reports JSON files without a single object, which have no columns: DuckDB invents one.
func (r *relation) nothing(ctx context.Context, db *duck.DB) (bool, error) {
	if r.format != "json" || !slices.Equal(r.names, []string{"json"}) {
		return false, nil
	}
	rows := false
	err := db.Query(ctx, "SELECT 1 FROM "+r.sql+" LIMIT 1", func(*duck.Chunk) error {
		rows = true
		return nil
	})
	if err != nil {
		return false, r.unreadable(ctx, err)
	}
	return !rows, nil
}

// whole reports that a source in which no rows were found has none: DuckDB may stop early, without an error, at line ends it did not
// expect.
func (r *relation) whole() bool {
	d := r.origin.dialect
	return d == nil || d.header && d.explain(r.origin.files) == nil
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
		return errors.New("query: the result has no rows; check its conditions, and that the files have rows")
	case r.origin.dialect != nil && r.origin.dialect.header:
		return fmt.Errorf("%s has a header but no rows", wording.FileName(r.origin.files[0]))
	default:
		return fmt.Errorf("%s has no rows", wording.FileName(r.origin.files[0]))
	}
}
