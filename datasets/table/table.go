package table

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// Table is a source without a query, opened: its files, how they are written, and the columns they have.
type Table struct {
	rel *relation
	db  *duck.DB
}

// Options say how a table is opened. The zero value will do.
type Options struct {
	Words Wording // of remedies in messages
	// Rejects keeps lines of CSV that cannot be read aside, in DuckDB's table reject_errors.
	Rejects bool
	// Texts are columns that stay texts, whatever they look like. They need not exist.
	Texts []string
}

// Open finds the files of a source without a query and how they are written. What the texts of its columns are
// is not decided before View or Stage. Relative paths are resolved against baseDir.
func Open(ctx context.Context, db *duck.DB, src Source, baseDir string, o Options) (*Table, error) {
	types := map[string]string{}
	for _, name := range o.Texts {
		types[name] = TypeText
	}
	rel, err := openFiles(ctx, db, &src, baseDir, ReadOptions{Types: types, Words: o.Words})
	if err != nil {
		return nil, err
	}
	if d := rel.origin.dialect; d != nil && o.Rejects {
		rel.sql = strings.TrimSuffix(rel.sql, ")") + ", store_rejects = true, rejects_limit = 0)"
	}
	return &Table{rel, db}, nil
}

// Files are those that the table reads, in order.
func (t *Table) Files() Files { return t.rel.files }

// Reads are the files that DuckDB reads: Files, or copies of them in a form that it knows.
func (t *Table) Reads() []string { return t.rel.origin.files }

// Format is csv, parquet or json.
func (t *Table) Format() string { return t.rel.format }

// Columns are the columns with their types in the files: those of CSV are texts.
func (t *Table) Columns() []duck.Column {
	out := make([]duck.Column, len(t.rel.columns))
	for i, c := range t.rel.columns {
		c.Name = t.rel.names[i]
		out[i] = c
	}
	return out
}

// Raw is a FROM item that has the columns with their types in the files, in the order of the rows.
func (t *Table) Raw() string {
	items := make([]string, len(t.rel.names))
	for i, name := range t.rel.names {
		items[i] = duck.Name(t.rel.columns[i].Name) + " AS " + duck.Name(name)
	}
	return "(SELECT " + strings.Join(items, ", ") + " FROM " + t.rel.sql + ")"
}

// Place names row i, counted from 0 in the order of the files, as messages do: "orders.csv:1042". It may read the
// files again.
func (t *Table) Place(i int) string { return t.rel.origin.rowPlace(i) }

// Explain turns an error of DuckDB about the table into one that says where it lies in the files.
func (t *Table) Explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if text := t.rel.notText(ctx, err); text != nil {
		return text
	}
	var q *duck.Error
	if !errors.As(err, &q) {
		return err
	}
	return t.rel.unreadable(ctx, err)
}

// Fault is the first line of the files that cannot be read, as an error; nil where there is none.
func (t *Table) Fault() error {
	if d := t.rel.origin.dialect; d != nil {
		return reworded(d.explain(t.rel.origin.files), t.rel.wording())
	}
	return nil
}

// View makes a view of the table, its columns typed as Read would read them; a column that Read would refuse is text
// there, and refused where it arrives in the result of a query.
func (t *Table) View(ctx context.Context, name string) error {
	_, err := t.rel.view(ctx, t.db, name, true)
	return err
}

// distinguishable returns an error where SQL cannot tell columns apart by their names.
func (r *relation) distinguishable() error {
	seen := map[string]string{}
	for _, name := range r.names {
		lower := strings.ToLower(name)
		first, found := seen[lower]
		if !found {
			seen[lower] = name
			continue
		}
		remedies := []Remedy{ManualRemedy("rename one in the file")}
		if r.format == "csv" {
			remedies = append([]Remedy{newNames(r.names, r.origin.dialect.header)}, remedies...)
		}
		return &ValueError{Place: r.header(), Problem: sameButForCase(first, name),
			Remedies: remedies, wording: r.wording()}
	}
	return nil
}

// header names the place of the names of columns.
func (r *relation) header() string {
	if d := r.origin.dialect; d != nil && d.header {
		return fmt.Sprintf("%s:%d", wording.FileName(r.origin.files[0]), d.skip+1)
	}
	return r.origin.name()
}

// declare checks the types that a source declares.
func (r *relation) declare(src *Source) error {
	for name := range src.Types {
		found := false
		for _, n := range r.names {
			found = found || n == name
		}
		if !found {
			return configfile.Errorf("types", "%v", &MissingColumnError{Name: name, Names: r.names})
		}
	}
	r.types = src.Types
	for name, t := range src.Types {
		if l, ok := notation.NamedLayout(t); ok {
			r.layouts[name] = l
		}
	}
	return nil
}

// Files returns the files that the source's path stands for, in order.
func (s *Source) Files(baseDir string) (Files, error) { return resolveFiles(s.Path, baseDir) }
