package datasets

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/duck"
)

// Table is a source as something to select from in SQL.
type Table struct {
	SQL   string   // a FROM item
	Files []string // that it reads, in order
	CSV   bool
	// Format is csv, parquet or json.
	Format string
	// Place names row i, counted from 0 in the order of the files, as messages do: "orders.csv:1042". It may read the
	// files again.
	Place func(i int) string
	// reread is SQL with the named columns as text.
	reread func(ctx context.Context, db *duck.DB, names []string) (string, error)
	// Explain turns an error of DuckDB about the table into one that says where
	// it lies in the files.
	Explain func(error) error
}

// TableOptions say how a source's files are read by SQL.
type TableOptions struct {
	// Types are SQL types of columns of CSV files that are not to be found out.
	Types map[string]string
	// SampleRows are looked at to find out types of CSV files; -1 is all rows.
	SampleRows int
	// Rejects keeps rows of CSV files that cannot be read aside, in DuckDB's
	// table reject_errors.
	Rejects bool
}

// OpenTable finds the files of a source without a query and how they are
// written.
func OpenTable(ctx context.Context, src Source, baseDir string, o TableOptions) (Table, error) {
	files, err := resolveFiles(src.Path, baseDir)
	if err != nil {
		return Table{}, err
	}
	format, err := fileFormat(&src, files, false)
	if err != nil {
		return Table{}, err
	}
	if format != "csv" {
		if len(o.Types) > 0 {
			return Table{}, configErrorf("types", "types of columns are given for CSV files only; %s files have their own: use a cast", format)
		}
		explain := func(err error) error {
			return fmt.Errorf("read %s as %s: %w", displayName(files[0]), format, plain(err))
		}
		return Table{SQL: typedReader(format, files), Files: files, Format: format, Place: (&origin{files: files}).rowPlace, Explain: explain,
			reread: func(ctx context.Context, db *duck.DB, names []string) (string, error) {
				return rereadJSON(ctx, db, files, names)
			}}, nil
	}
	d, err := sniffDialect(ctx, files, &src, false)
	if err != nil {
		return Table{}, err
	}
	reader := strings.TrimSuffix(d.sniffCSV(files, &src), ")")
	reader = strings.Replace(reader, "sample_size = -1", fmt.Sprintf("sample_size = %d", o.SampleRows), 1)
	for _, name := range slices.Sorted(maps.Keys(o.Types)) {
		if !slices.Contains(d.columns, name) {
			return Table{}, configErrorf("types", "%v", &missingColumnError{name: name, names: d.columns})
		}
	}
	if o.Rejects {
		reader += ", store_rejects = true, rejects_limit = 0"
	}
	return Table{SQL: reader + typesOption(o.Types) + ")", Files: files, CSV: true, Format: format, Place: (&origin{files: files, dialect: d}).rowPlace,
		Explain: func(err error) error { return d.translate(err, files) },
		reread: func(_ context.Context, _ *duck.DB, names []string) (string, error) {
			return reader + typesOption(asTexts(o.Types, names)) + ")", nil
		}}, nil
}

// typesOption is the option of read_csv that declares types, "" where there are
// none.
func typesOption(types map[string]string) string {
	if len(types) == 0 {
		return ""
	}
	var items []string
	for _, name := range slices.Sorted(maps.Keys(types)) {
		items = append(items, duck.Literal(name)+": "+duck.Literal(types[name]))
	}
	return ", types = {" + strings.Join(items, ", ") + "}"
}

// asTexts adds names to types, as text.
func asTexts(types map[string]string, names []string) map[string]string {
	out := maps.Clone(types)
	if out == nil {
		out = map[string]string{}
	}
	for _, name := range names {
		out[name] = "VARCHAR"
	}
	return out
}

// rereadJSON is the reader of JSON files with the named columns as text, in all
// their digits.
func rereadJSON(ctx context.Context, db *duck.DB, files, names []string) (string, error) {
	var items []string
	err := db.Query(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+typedReader("json", files)+")", func(c *duck.Chunk) error {
		columns, _ := duck.Vector[duck.String](c, 0)
		types, _ := duck.Vector[duck.String](c, 1)
		for i := range columns {
			typ := types[i].Text()
			if slices.Contains(names, columns[i].Text()) {
				typ = "VARCHAR"
			}
			items = append(items, duck.Literal(columns[i].Text())+": "+duck.Literal(typ))
		}
		return nil
	})
	return "read_json(" + duck.Literals(files) + ", columns = {" + strings.Join(items, ", ") + "})", err
}

// Exact is the table with columns of whole numbers that DuckDB would take for
// floating-point numbers, for they are too large for its integers, as text. loaded
// is a FROM item that has the table's rows already, "" where nothing has.
func (t Table) Exact(ctx context.Context, db *duck.DB, loaded string, o TableOptions) (Table, error) {
	if t.Format == "parquet" {
		return t, nil
	}
	if loaded == "" {
		loaded = t.SQL
	}
	names, err := writtenWide(ctx, db, loaded, o.Types, func(names []string) (string, error) { return t.reread(ctx, db, names) })
	if err != nil || len(names) == 0 {
		return t, err
	}
	t.SQL, err = t.reread(ctx, db, names)
	return t, err
}

// Files returns the files that the source's path stands for, in order.
func (s *Source) Files(baseDir string) ([]string, error) { return resolveFiles(s.Path, baseDir) }
