package inspect

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets"
	"debut/datasets/duck"
)

// data is a table read for inspection.
type data struct {
	frame   *datasets.Frame
	rows    int64 // of the table
	sampled string
	null    []string
	// names are all columns, those that could not be read too.
	names   []string
	refused map[string]refusal
	raw     map[string]*rawColumn // nil but for CSV
	place   func(row int) string
}

// refusal is a column that datasets.Read does not take as it is.
type refusal struct {
	err     *datasets.ValueError
	unread  bool // it could not be read at all
	learned []Count
}

const (
	// mistakeShare of the values of a column must be numbers for the rest to be
	// taken for mistakes; markedShare where all the rest marks missing values.
	// Both are those of datasets.Read.
	mistakeShare = 0.95
	markedShare  = 0.5
	// leastRows are looked at even where memory is short.
	leastRows = 1000
	// cellBytes is what a value takes in memory beside its text, with what
	// analysis makes of it.
	cellBytes = 48
)

// load reads a table, or a sample of its rows.
func load(ctx context.Context, src datasets.Source, files []string, baseDir string, o Options) (*data, error) {
	if src.Query == "" && formatOf(src, files[0]) == "csv" {
		return loadCSV(ctx, src, files, baseDir, o)
	}
	rows, width, err := size(ctx, src, baseDir)
	if err != nil {
		return nil, err
	}
	d := &data{rows: rows, null: slices.Clone(src.Null), refused: map[string]refusal{}}
	const textBytes = 24 // of a value, where files do not tell
	limit := o.limit(width*(cellBytes+2*textBytes), rows)
	prefix := ""
	if len(files) == 1 && src.Query == "" {
		prefix = base(files[0]) + ": "
	}
	number := func(row int) int64 { return int64(row) + 1 }
	if rows > limit {
		d.sampled = o.reason(limit)
		from := "data"
		if src.Query != "" {
			from = "(" + strings.TrimRight(strings.TrimSpace(src.Query), "; \t\r\n") + "\n)"
		}
		column := duck.Name(rowColumn)
		src.Query = fmt.Sprintf("SELECT * FROM (SELECT *, row_number() OVER () AS %s FROM %s) WHERE %s", column, from, sampleOf(limit, rows).sql(column))
	}
	if err := d.read(ctx, src, baseDir); err != nil {
		return nil, err
	}
	if numbers := d.frame.Column(rowColumn); numbers != nil {
		number = func(row int) int64 { return int64(numbers.Floats[row]) }
		d.frame.Columns = slices.DeleteFunc(d.frame.Columns, func(s *datasets.Series) bool { return s == numbers })
		d.names = slices.DeleteFunc(d.names, func(n string) bool { return n == rowColumn })
	}
	d.place = func(row int) string { return fmt.Sprintf("%srow %d", prefix, number(row)) }
	return d, nil
}

// rowColumn holds the numbers of rows in a sample.
const rowColumn = "__inspected_row"

// size returns the numbers of rows and columns of a typed source.
func size(ctx context.Context, src datasets.Source, baseDir string) (rows, width int64, err error) {
	if src.Query != "" {
		q := src
		q.Query = "SELECT count(*) AS n FROM (" + strings.TrimRight(strings.TrimSpace(src.Query), "; \t\r\n") + "\n)"
		f, err := datasets.Read(ctx, q, baseDir, nil)
		if err != nil {
			return 0, 0, err
		}
		const usual = 32 // columns
		return int64(f.Columns[0].Floats[0]), usual, nil
	}
	db, err := duck.Open(duck.Options{})
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	table, err := datasets.OpenTable(ctx, db, src, baseDir, datasets.TableOptions{})
	if err != nil {
		return 0, 0, err
	}
	err = db.Query(ctx, "SELECT count(*) FROM "+table.Raw(), func(c *duck.Chunk) error {
		counts, _ := duck.Vector[int64](c, 0)
		rows = counts[0]
		return nil
	})
	if err != nil {
		return 0, 0, table.Explain(ctx, err)
	}
	return rows, int64(len(table.Columns())), nil
}

// loadCSV is load of CSV files, whose raw texts it looks at first.
func loadCSV(ctx context.Context, src datasets.Source, files []string, baseDir string, o Options) (_ *data, err error) {
	f, err := sniff(files[0], string(src.Delimiter), src.Header, src.Names)
	if err != nil {
		// What datasets says about a file that cannot be read is better.
		if _, other := datasets.Read(ctx, src, baseDir, nil); other != nil {
			return nil, other
		}
		return nil, err
	}
	// A table of more rows than fit without their texts is sampled for certain,
	// and then its lines are not needed.
	most := o.limit(int64(len(f.fields))*cellBytes, math.MaxInt64)
	raw, scanErr := scanRaw(files, f, nil, most, nil, ctx.Err)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d := &data{null: slices.Clone(src.Null), refused: map[string]refusal{}, raw: map[string]*rawColumn{}}
	if raw == nil || raw.ragged != nil || raw.rows == 0 || src.Names != nil && len(src.Names) != len(f.fields) {
		// Read says what is wrong, or gets on with it.
		if err := d.read(ctx, src, baseDir); err != nil {
			return nil, err
		}
		if scanErr != nil {
			return nil, scanErr
		}
		d.rows, d.place = int64(d.frame.Rows), d.frame.Place
		return d, nil
	}
	d.rows = raw.rows
	// Both readers must see the same fields.
	src.Delimiter, src.Header = datasets.Delimiter(f.delimiter), &f.header
	perRow := 2*raw.bytes/raw.rows + int64(len(f.fields))*cellBytes
	if limit := o.limit(perRow, raw.rows); raw.rows > limit {
		d.sampled = o.reason(limit)
		dir, err := os.MkdirTemp("", "debut-inspect-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for a sample: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		path := filepath.Join(dir, "sample.csv")
		sample := sampleOf(limit, raw.rows)
		if raw, err = writeSample(ctx, path, files, f, sample); err != nil {
			return nil, err
		}
		src.Path, src.Format = datasets.Strings{path}, "csv"
	}
	names := src.Names
	if len(names) == 0 {
		names = columnNames(f)
	}
	overrides := map[string]string{}
	for i, name := range names {
		d.raw[name] = &raw.columns[i]
	}
	d.predict(names, overrides)
	src.Null = datasets.Strings(d.null)
	if err := d.readWith(ctx, src, baseDir, overrides); err != nil {
		return nil, err
	}
	d.place = raw.place
	if d.frame.Rows != len(raw.lines) || !slices.Equal(d.names, names) {
		// The two readers disagree about records: lines cannot be told.
		d.raw, d.place = nil, d.frame.Place
		for name, r := range d.refused {
			if r.err.Place == "" {
				delete(d.refused, name)
			}
		}
	}
	return d, nil
}

// columnNames are the names that datasets gives to the columns.
func columnNames(f form) []string {
	out := slices.Clone(f.fields)
	for i := range out {
		if !f.header || out[i] == "" {
			out[i] = fmt.Sprintf("column%d", i)
		}
	}
	return out
}

// writeSample writes the rows of a sample to a CSV file.
func writeSample(ctx context.Context, path string, files []string, f form, sample sampling) (raw *rawFile, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write a sample: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := csv.NewWriter(file)
	w.Comma = f.delimiter
	if f.header {
		if err := w.Write(f.fields); err != nil {
			return nil, fmt.Errorf("write a sample: %w", err)
		}
	}
	if raw, err = scanRaw(files, f, &sample, math.MaxInt64, w, ctx.Err); err != nil {
		return nil, err
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("write a sample: %w", err)
	}
	return raw, nil
}

// predict finds the columns that datasets.Read would refuse because nearly all
// their values are numbers. Marks of missing values are read as such; of columns
// with other exceptions the texts are kept.
func (d *data) predict(names []string, overrides map[string]string) {
	known := map[string]bool{}
	for _, n := range d.null {
		known[strings.TrimSpace(n)] = true
	}
	var learned []string
	for _, name := range names {
		c := d.raw[name]
		present, marked := c.present, int64(0)
		var unknown []Count
		for _, m := range c.marks {
			if known[m.Value] {
				present -= m.Rows
				continue
			}
			marked += m.Rows
			unknown = append(unknown, m)
		}
		if present == 0 || c.numbers == present {
			continue
		}
		share := float64(c.numbers) / float64(present)
		if !(share >= mistakeShare || c.others == 0 && share >= markedShare || float64(c.numbers+c.commas) >= mistakeShare*float64(present)) {
			continue
		}
		for _, m := range unknown {
			learned = append(learned, m.Value)
		}
		if c.others == 0 {
			d.refused[name] = refusal{learned: unknown, err: &datasets.ValueError{Column: name}}
			continue
		}
		overrides[name] = datasets.TypeCategorical
		problem := fmt.Sprintf("%s of %s values are numbers, %s not", thousands(c.numbers), thousands(present), areIs(present-c.numbers-marked))
		if c.commas > c.others/2 {
			problem = fmt.Sprintf("%s of %s values are numbers with a decimal comma", thousands(c.commas), thousands(present))
		}
		d.refused[name] = refusal{err: &datasets.ValueError{Column: name, Problem: problem}}
	}
	slices.Sort(learned)
	d.null = append(d.null, slices.Compact(learned)...)
}

func areIs(n int64) string {
	if n == 1 {
		return "1 is"
	}
	return thousands(n) + " are"
}

// read is readWith of columns about which nothing is known.
func (d *data) read(ctx context.Context, src datasets.Source, baseDir string) error {
	return d.readWith(ctx, src, baseDir, map[string]string{})
}

// readWith reads the source and, where a column is refused, tries again: with
// the mark of a missing value that it holds read as such, as text, and at last
// without it. overrides are types of columns.
func (d *data) readWith(ctx context.Context, src datasets.Source, baseDir string, overrides map[string]string) error {
	for {
		frame, err := datasets.Read(ctx, src, baseDir, overrides)
		if err == nil {
			d.frame, d.names = frame, frame.Names()
			for _, name := range slices.Sorted(maps.Keys(d.refused)) {
				if d.refused[name].unread {
					d.names = append(d.names, name)
				}
			}
			return nil
		}
		var value *datasets.ValueError
		if !errors.As(err, &value) || value.Column == "" {
			return err
		}
		name := value.Column
		switch declared := overrides[name]; {
		case declared == "" && isMark(value.Value) && !slices.Contains(d.null, value.Value):
			d.null = append(d.null, value.Value)
			src.Null = datasets.Strings(d.null)
			d.refused[name] = refusal{err: value, learned: append(d.refused[name].learned, Count{Value: value.Value})}
		case declared == "":
			overrides[name] = datasets.TypeCategorical
			d.refused[name] = refusal{err: value}
		case declared == datasets.TypeCategorical:
			overrides[name] = datasets.TypeIgnore
			d.refused[name] = refusal{err: value, unread: true}
		default:
			return err
		}
	}
}

// limit returns how many rows of so many bytes are looked at.
func (o Options) limit(perRow, rows int64) int64 {
	limit := cmp.Or(o.Sample, DefaultSample)
	if limit < 0 {
		limit = math.MaxInt64
	}
	if o.Memory > 0 {
		limit = min(limit, max(o.Memory/max(perRow, 1), leastRows))
	}
	return min(limit, max(rows, 1))
}

// reason says why not all rows are looked at.
func (o Options) reason(limit int64) string {
	if limit == cmp.Or(o.Sample, DefaultSample) {
		return "a sample of about " + thousands(limit) + " rows, spread evenly"
	}
	return "a sample of about " + thousands(limit) + " rows, spread evenly, that fits into the memory allowed"
}
