package table

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// RowGroups is a Parquet file of which some rows are read at a time. It must not
// be read concurrently. What is read is of the file that was opened, or the error matches ErrChanged.
type RowGroups struct {
	file   File
	db     *duck.DB
	rel    *relation
	bounds []int // first row of each row group, and the number of rows
}

// OpenRowGroups opens a file. memory bounds what the database takes, in bytes; 0
// leaves it to the database. Of a secret one nothing gets onto a disk unencrypted.
func OpenRowGroups(ctx context.Context, file File, memory int64, secret bool) (_ *RowGroups, err error) {
	g := &RowGroups{file: file, bounds: []int{0}}
	path := file.Path
	defer func() {
		if err = g.checked(err); err != nil {
			g.Close()
		}
	}()
	// One thread: rows come in their order, and reading ahead is the caller's.
	if g.db, err = duck.Open(duck.Options{Threads: 1, Memory: memory, Secret: secret}); err != nil {
		return nil, err
	}
	if err := g.db.Query(ctx, "SET parquet_metadata_cache = true", nil); err != nil {
		return nil, err
	}
	err = g.db.Query(ctx, "SELECT CAST(max(row_group_num_rows) AS BIGINT) FROM parquet_metadata("+duck.Literal(path)+") GROUP BY row_group_id ORDER BY row_group_id", func(c *duck.Chunk) error {
		rows, _ := duck.Vector[int64](c, 0)
		for _, n := range rows {
			g.bounds = append(g.bounds, g.Rows()+int(n))
		}
		return nil
	})
	if err != nil {
		return nil, plain(err)
	}
	g.rel = &relation{origin: &origin{files: []string{path}}, format: "parquet", sql: "read_parquet(" + duck.Literals([]string{path}) + ")"}
	if g.rel.columns, err = g.db.Describe(ctx, "SELECT * FROM "+g.rel.sql); err != nil {
		return nil, plain(err)
	}
	for _, c := range g.rel.columns {
		g.rel.names = append(g.rel.names, c.Name)
	}
	return g, nil
}

// checked returns err, of reading the file, or, where that has changed, that.
func (g *RowGroups) checked(err error) error { return Files{g.file}.Checked(err) }

// Close closes the file.
func (g *RowGroups) Close() {
	if g.db != nil {
		g.db.Close()
		g.db = nil
	}
}

// Names returns the Names of the columns.
func (g *RowGroups) Names() []string { return slices.Clone(g.rel.names) }

// Rows returns the number of Rows.
func (g *RowGroups) Rows() int { return g.bounds[len(g.bounds)-1] }

// Groups returns the number of row Groups.
func (g *RowGroups) Groups() int { return len(g.bounds) - 1 }

// Group returns the rows of row Group i.
func (g *RowGroups) Group(i int) RowRange { return RowRange{From: g.bounds[i], To: g.bounds[i+1]} }

// RowRange is rows of a file, counted From 0, up To that before To.
type RowRange struct{ From, To int }

// Rows returns the number of Rows.
func (r RowRange) Rows() int { return r.To - r.From }

// Read reads rows, in the order of the file, with the types of options.
func (g *RowGroups) Read(ctx context.Context, ranges []RowRange, options ReadOptions) (*Frame, error) {
	rel := *g.rel
	rel.options = options
	where, rows := make([]string, len(ranges)), 0
	for i, r := range ranges {
		where[i] = fmt.Sprintf("file_row_number BETWEEN %d AND %d", r.From, r.To-1)
		rows += r.Rows()
	}
	// With the last of the rows DuckDB stops looking at the row groups behind them.
	rel.sql = fmt.Sprintf("(SELECT * FROM read_parquet(%s, file_row_number = true) WHERE %s LIMIT %d)",
		duck.Literals([]string{g.file.Path}), strings.Join(where, " OR "), rows)
	frame, err := rel.read(ctx, g.db, options.Types)
	if err := g.checked(err); err != nil {
		return nil, err
	}
	return frame, nil
}

// Lists reports a column whose type is that of lists.
func (g *RowGroups) Lists(column string) bool {
	i := slices.Index(g.rel.names, column)
	return i >= 0 && (g.rel.columns[i].Type == mapping.TypeList || g.rel.columns[i].Type == mapping.TypeArray)
}

// Values returns the categories of a column, or the items of one of lists, that occur in at least the given number of
// rows, by decreasing number of rows and then by value, at most limit of them (0:
// all), and whether there are rows without one.
func (g *RowGroups) Values(ctx context.Context, column string, least, limit int) (values []string, missing bool, err error) {
	defer func() { err = g.checked(err) }()
	text, from := fmt.Sprintf("CAST(%s AS VARCHAR)", duck.Name(column)), " FROM "+g.rel.sql
	if g.Lists(column) {
		from = fmt.Sprintf(" FROM (SELECT unnest(%s) AS %[1]s%s)", duck.Name(column), from)
	}
	err = g.db.Query(ctx, "SELECT CAST(count(*) - count("+text+") AS BIGINT)"+from, func(c *duck.Chunk) error {
		n, _ := duck.Vector[int64](c, 0)
		missing = n[0] > 0
		return nil
	})
	if err != nil {
		return nil, false, plain(err)
	}
	const category = duck.Reserved + "category"
	if !g.db.Defines(category) {
		if err := duck.Define(g.db, category, func(text string) (string, bool) { return notation.Category(text), true }); err != nil {
			return nil, false, err
		}
	}
	sql := fmt.Sprintf("SELECT v FROM (SELECT %s(t) AS v, sum(m) AS n FROM (SELECT %s AS t, count(*) AS m%s GROUP BY 1) WHERE t IS NOT NULL GROUP BY 1) WHERE n >= %d ORDER BY n DESC, v",
		category, text, from, max(1, least))
	if limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", limit)
	}
	err = g.db.Stream(ctx, sql, func(c *duck.Chunk) error {
		texts, _ := duck.Vector[duck.String](c, 0)
		for j := range texts {
			values = append(values, strings.Clone(texts[j].Text()))
		}
		return nil
	})
	if err != nil {
		return nil, false, plain(err)
	}
	return values, missing, nil
}
