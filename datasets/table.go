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
		return Table{SQL: typedReader(format, files), Files: files, Format: format, Place: (&origin{files: files}).rowPlace, Explain: explain}, nil
	}
	d, err := sniffDialect(ctx, files, &src, false)
	if err != nil {
		return Table{}, err
	}
	reader := strings.TrimSuffix(d.sniffCSV(files, &src), ")")
	reader = strings.Replace(reader, "sample_size = -1", fmt.Sprintf("sample_size = %d", o.SampleRows), 1)
	if len(o.Types) > 0 {
		var types []string
		for _, name := range slices.Sorted(maps.Keys(o.Types)) {
			if !slices.Contains(d.columns, name) {
				return Table{}, configErrorf("types", "%v", &missingColumnError{name: name, names: d.columns})
			}
			types = append(types, duck.Literal(name)+": "+duck.Literal(o.Types[name]))
		}
		reader += ", types = {" + strings.Join(types, ", ") + "}"
	}
	if o.Rejects {
		reader += ", store_rejects = true, rejects_limit = 0"
	}
	return Table{SQL: reader + ")", Files: files, CSV: true, Format: format, Place: (&origin{files: files, dialect: d}).rowPlace,
		Explain: func(err error) error { return d.translate(err, files) }}, nil
}

// Files returns the files that the source's path stands for, in order.
func (s *Source) Files(baseDir string) ([]string, error) { return resolveFiles(s.Path, baseDir) }
