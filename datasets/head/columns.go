package head

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/table"
)

// columns reads a source that is small, or the query of which is, as a run does. A column
// that a run refuses is shown as text, with the reason, beside those that it reads. rows
// is how many there are.
func (r *reading) columns(src table.Source) (t *Table, rows int, err error) {
	t = new(Table)
	types, described := r.types(src)
	f, err := r.read(src, "", nil)
	if err == nil {
		for _, s := range f.Columns {
			t.Columns = append(t.Columns, r.column(src, s, types.of(s.Name)))
		}
		return t, f.Rows, nil
	}
	whole := err // of the table
	if described != nil || r.ctx.Err() != nil || len(types) == 0 {
		return nil, 0, whole
	}
	found := map[string]Column{}
	if rows, err = r.some(src, types, found); err != nil {
		return nil, 0, err
	}
	if rows == 0 && !types.nested() {
		return nil, 0, whole
	}
	for _, d := range types {
		c := found[d.name]
		if c.Problem != "" {
			if c.texts, err = r.texts(src, d.name, max(r.o.Rows, sampleRows)+1); err != nil {
				return nil, 0, whole
			}
			rows = max(rows, len(c.texts))
		}
		t.Columns = append(t.Columns, c)
	}
	return t, rows, nil
}

// some reads columns, and where there is one that a run refuses, either half of them. rows
// is how many there are of those that it reads, 0 where it reads none.
func (r *reading) some(src table.Source, columns sqlTypes, found map[string]Column) (rows int, err error) {
	only := map[string]string{table.OtherColumns: table.TypeIgnore}
	for _, d := range columns {
		only[d.name] = table.TypeAuto
	}
	f, err := r.read(src, "", only)
	switch {
	case r.ctx.Err() != nil:
		return 0, r.ctx.Err()
	case err == nil:
		for _, s := range f.Columns {
			found[s.Name] = r.column(src, s, columns.of(s.Name))
		}
		return f.Rows, nil
	case len(columns) == 1:
		d := columns[0]
		c := Column{Name: d.name, Type: typeUnreadable, SQL: d.typ, Problem: err.Error()}
		var value *table.ValueError
		if errors.As(err, &value) {
			c.Remedies = value.Remedies
		}
		found[d.name] = c
		return 0, nil
	}
	for _, half := range []sqlTypes{columns[:len(columns)/2], columns[len(columns)/2:]} {
		n, err := r.some(src, half, found)
		if err != nil {
			return 0, err
		}
		rows = max(rows, n)
	}
	return rows, nil
}

// column is a column that was read, which data prepare gives an SQL type.
func (r *reading) column(src table.Source, s *table.Series, sql string) Column {
	c := Column{Name: s.Name, Type: s.Kind.String(), SQL: sql, series: s}
	if s.Kind != table.Date && (s.Kind != table.Text || sql != "VARCHAR" || src.Format != "parquet") {
		return c
	}
	values, err := r.texts(src, s.Name, sampleRows)
	if err != nil {
		return c
	}
	var dates notation.DateTally
	present := 0
	for _, v := range values {
		if v = notation.Trim(v); v != "" {
			dates.Add(v, 1)
			present++
		}
	}
	if layout, fits, other, either := dates.Best(); fits > 0 && fits == present {
		if c.Layout = layout.Name(); either {
			c.OtherLayout = other.Name()
		}
	}
	return c
}

// typeUnreadable is the type of a column that a run refuses.
const typeUnreadable = "unreadable"

// sqlTypes are columns and DuckDB's types of them, in order.
type sqlTypes []struct{ name, typ string }

func (s sqlTypes) of(name string) string {
	for _, c := range s {
		if c.name == name {
			return c.typ
		}
	}
	return ""
}

// nested reports whether all columns are of types that models do not read.
func (s sqlTypes) nested() bool {
	for _, c := range s {
		if !strings.HasSuffix(c.typ, "]") && !strings.HasPrefix(c.typ, "STRUCT") && !strings.HasPrefix(c.typ, "MAP") {
			return false
		}
	}
	return true
}

// with opens the files of a source as a table of SQL.
func (r *reading) with(src table.Source, use func(db *duck.DB, t *table.Table) error) (err error) {
	src.Query = ""
	db, err := duck.Open(duck.Options{Threads: 1}) // rows come in their order
	if err != nil {
		return err
	}
	defer db.Close()
	table, err := table.Open(r.ctx, db, src, "", table.Options{Words: r.o.Words})
	if err != nil {
		return err
	}
	return table.Explain(r.ctx, use(db, table))
}

// types returns what data prepare makes of the columns.
func (r *reading) types(src table.Source) (sqlTypes, error) {
	var types sqlTypes
	err := r.with(src, func(db *duck.DB, t *table.Table) error {
		if err := t.View(r.ctx, "head"); err != nil {
			return err
		}
		return texts(r.ctx, db, 2, "SELECT column_name, column_type FROM (DESCRIBE head)", func(row []string) {
			types = append(types, struct{ name, typ string }{row[0], row[1]})
		})
	})
	return types, err
}

// texts returns the values of a column as SQL writes them, "" for missing ones.
func (r *reading) texts(src table.Source, name string, most int) (out []string, err error) {
	err = r.with(src, func(db *duck.DB, t *table.Table) error {
		return texts(r.ctx, db, 1, fmt.Sprintf("SELECT coalesce(CAST(%s AS VARCHAR), '') FROM %s LIMIT %d", duck.Name(name), t.Raw(), most), func(row []string) {
			if slices.Contains(src.Null, strings.TrimSpace(row[0])) {
				row[0] = ""
			}
			out = append(out, row[0])
		})
	})
	return out, err
}

// count returns the number of rows of Parquet files, which their ends tell.
func (r *reading) count(src table.Source) (n int64, err error) {
	err = r.with(table.Source{Path: src.Path, Format: "parquet"}, func(db *duck.DB, t *table.Table) error {
		return db.Query(r.ctx, "SELECT count(*) FROM "+t.Raw(), func(c *duck.Chunk) error {
			values, _ := duck.Vector[int64](c, 0)
			n = values[0]
			return nil
		})
	})
	if err != nil && r.ctx.Err() == nil {
		return 0, fmt.Errorf("%w; is %s a Parquet file?", err, filepath.Base(src.Path[0]))
	}
	return n, err
}

// texts visits the rows of a result of n columns of text.
func texts(ctx context.Context, db *duck.DB, n int, sql string, visit func([]string)) error {
	return db.Query(ctx, sql, func(c *duck.Chunk) error {
		for row := range c.Rows {
			values := make([]string, n)
			for i := range values {
				v, _ := duck.Vector[duck.String](c, i)
				values[i] = strings.Clone(v[row].Text())
			}
			visit(values)
		}
		return nil
	})
}
