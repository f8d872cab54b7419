package prepare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/nearest"
	"debut/datasets/scratch"
	"debut/datasets/table"
)

// Columns that the rows carry beside their own.
const (
	rowColumn  = "__row"  // BIGINT, unique: the total order of the rows
	partColumn = "__part" // UTINYINT, once the rows are split: an index into partNames
)

var partNames = []string{manifest.Train, manifest.Validation, manifest.Test}

// maxMessage is how many bytes of a message of DuckDB are shown.
const maxMessage = 1000

// column is a column of the rows as DuckDB knows it.
type column struct{ name, typ string }

// pipeline is the chain of steps done so far.
type pipeline struct {
	ctx  context.Context
	cfg  *Config
	log  *slog.Logger
	db   *duck.DB
	dir  string // the output under work
	temp string // the folder of temporary files

	folder *scratch.Dir             // that is temp, where the configuration names another place
	clear  map[string]*scratch.File // the files of the output until they are encrypted, by name

	baseDir string
	key     []byte          // of pseudonyms
	readers []age.Recipient // of the output, where it is encrypted
	keyed   bool            // the database has it
	show    func(title, sql string)

	current string // the view or table that holds the rows
	table   bool   // it is a table
	own     string // the last table made by a step, "" while it is a source
	views   []string
	columns []column
	rows    int64
	split   bool // there is a part column
	names   int  // of views and tables made

	labels []madeLabel // by the steps done

	opened map[string]*table.Table // sources of files that a query selects from

	laid   map[string]bool // sources whose rows lie as one thread has put them
	serial bool            // the step under way hangs on the order of rows

	step    *manifest.Step // under way
	path    string         // its place in the configuration
	title   string
	made    manifest.Dataset
	privacy manifest.Privacy
}

// configErrorf is an error of the configuration at the step under way, or below
// it at key.
func (p *pipeline) configErrorf(key, format string, args ...any) error {
	return &configfile.FieldError{Path: join(p.path, key), Msg: fmt.Sprintf(format, args...)}
}

func join(path, key string) string {
	switch {
	case path == "":
		return key
	case key == "":
		return path
	}
	return path + "." + key
}

// explain makes DuckDB's message about a step's SQL readable.
func (p *pipeline) explain(key string, err error) error {
	var v *duck.VaryingError
	if errors.As(err, &v) {
		return p.configErrorf(key, "%v", v)
	}
	var refused *duck.RefusedError
	if errors.As(err, &refused) {
		if refused.External {
			return p.configErrorf(key, "%v: name the file as a source, or let the SQL read whatever it names with external_access: true at the top of the data file", refused)
		}
		return p.configErrorf(key, "%v", refused)
	}
	var late *duck.TimeoutError
	if errors.As(err, &late) {
		return p.configErrorf(key, "%v", late)
	}
	var q *duck.Error
	if !errors.As(err, &q) {
		return err
	}
	return p.configErrorf(key, "%s", advise(q))
}

// advise shortens a message and adds what to do about the ones that a user can
// do something about.
func advise(q *duck.Error) string {
	text := "duckdb: " + q.Short(maxMessage)
	return text + table.TypedAlready(q) + remedy(text)
}

// remedy is what to do about a message of the database, "" where nobody knows.
func remedy(text string) string {
	switch {
	case strings.Contains(text, "Out of Memory"):
		return "; raise memory, or lower threads"
	case strings.Contains(text, "No space left") || strings.Contains(text, "Could not write") || strings.Contains(text, "max_temp_directory_size"):
		return "; make room in the folder for temporary files, or name another with temp"
	}
	return ""
}

// exec runs a statement of the step under way.
func (p *pipeline) exec(key, sql string) error {
	p.note(sql)
	return p.explain(key, p.db.Query(p.ctx, sql, nil))
}

// note records and shows SQL.
func (p *pipeline) note(sql string) {
	if p.step != nil {
		if p.step.SQL != "" {
			p.step.SQL += ";\n"
		}
		p.step.SQL += sql
	}
	if p.show != nil {
		p.show(p.title, sql)
	}
}

// integers returns the one row of a result, all BIGINT; missing values are 0.
func (p *pipeline) integers(key string, n int, sql string) ([]int64, error) {
	out := make([]int64, n)
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf("CAST(coalesce(c%d, 0) AS BIGINT)", i)
	}
	err := p.db.Query(p.ctx, "SELECT "+strings.Join(items, ", ")+" FROM ("+sql+"\n) AS q("+aliases(n)+")", func(c *duck.Chunk) error {
		for i := range out {
			v, _ := duck.Vector[int64](c, i)
			out[i] = v[0]
		}
		return nil
	})
	return out, p.explain(key, err)
}

func aliases(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return strings.Join(names, ", ")
}

// integer returns a single number.
func (p *pipeline) integer(key, sql string) (int64, error) {
	v, err := p.integers(key, 1, sql)
	return v[0], err
}

// texts returns the rows of a result of n columns as text, missing values as
// "". Only for small results.
func (p *pipeline) texts(key string, n int, sql string) ([][]string, error) {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf("coalesce(CAST(c%d AS VARCHAR), '')", i)
	}
	out, err := p.scan(n, "SELECT "+strings.Join(items, ", ")+" FROM ("+sql+"\n) AS q("+aliases(n)+")")
	return out, p.explain(key, err)
}

// scan returns the rows of a result of n columns, all VARCHAR and none missing,
// or DuckDB's own error.
func (p *pipeline) scan(n int, sql string) ([][]string, error) {
	var out [][]string
	err := p.db.Query(p.ctx, sql, func(c *duck.Chunk) error {
		for r := range c.Rows {
			row := make([]string, n)
			for i := range row {
				v, _ := duck.Vector[duck.String](c, i)
				row[i] = strings.Clone(v[r].Text())
			}
			out = append(out, row)
		}
		return nil
	})
	return out, err
}

// examples renders up to three values for a message.
func (p *pipeline) examples(column, from, where string) string {
	rows, err := p.texts("", 1, fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT 3", duck.Name(column), from, where, rowColumn))
	if err != nil || len(rows) == 0 {
		return ""
	}
	var values []string
	for _, r := range rows {
		if r[0] == "" {
			r[0] = "nothing"
		} else {
			r[0] = fmt.Sprintf("%.60q", r[0])
		}
		values = append(values, r[0])
	}
	return strings.Join(slices.Compact(values), ", ")
}

// describe returns names and types of what a FROM item gives.
func (p *pipeline) describe(from string) ([]column, error) {
	rows, err := p.texts("", 2, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+from+")")
	if err != nil {
		return nil, err
	}
	var columns []column
	for _, r := range rows {
		if r[0] != rowColumn && r[0] != partColumn {
			columns = append(columns, column{r[0], r[1]})
		}
	}
	return columns, nil
}

// typeOf returns the type of a SQL expression over a FROM item. It stands there
// without parentheses, so that one that closes them before its end is refused.
func (p *pipeline) typeOf(key, expr, from string) (string, error) {
	statement, err := p.db.Statement(p.ctx, "SELECT "+expr+"\n FROM "+from)
	if err != nil {
		return "", p.explain(key, err)
	}
	rows, err := p.texts(key, 1, "SELECT column_type FROM (DESCRIBE SELECT "+expr+"\n FROM "+from+")")
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", p.configErrorf(key, "%q is not a single expression", expr)
	}
	p.serial = p.serial || !statement.Plain
	return rows[0][0], nil
}

// column returns the column of a name, or an error that lists those there are.
func (p *pipeline) column(key, name string) (column, error) {
	return p.find(key, name, p.columns, "the rows")
}

func (p *pipeline) find(key, name string, columns []column, where string) (column, error) {
	var names []string
	for _, c := range columns {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	if name == "" {
		return column{}, p.configErrorf(key, "is not given; name one of the columns of %s: %s", where, list(names))
	}
	return column{}, p.configErrorf(key, "no column %q in %s, which have %s%s", name, where, list(names), nearest.DidYouMean(name, names))
}

// list renders names, at most a dozen.
func list(names []string) string {
	more := ""
	if len(names) > 12 {
		names, more = names[:12], fmt.Sprintf(" and %d more", len(names)-12)
	}
	return strings.Join(names, ", ") + more
}

// checkNew refuses a name that a column has already, or that is not to be had.
func (p *pipeline) checkNew(key, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return p.configErrorf(key, "the new column has no name")
	case strings.HasPrefix(name, "__"):
		return p.configErrorf(key, "column names that begin with __ are reserved; choose another for %q", name)
	case slices.ContainsFunc(p.columns, func(c column) bool { return strings.EqualFold(c.name, name) }):
		return p.configErrorf(key, "there is a column %q already; drop or rename it before", name)
	}
	return nil
}

// carried lists the columns that go along.
func (p *pipeline) carried() string {
	if p.split {
		return rowColumn + ", " + partColumn
	}
	return rowColumn
}

func (p *pipeline) name(kind string) string {
	p.names++
	return fmt.Sprintf("step%d_%s", p.names, kind)
}

// view lets the rows go through a SELECT that keeps them one by one, or leaves
// some out. columns are what it gives.
func (p *pipeline) view(key, sql string, columns []column) error {
	if p.serial { // and is not computed again by every later look at the rows
		return p.make(key, sql, columns)
	}
	name := p.name("rows")
	if err := p.exec(key, "CREATE VIEW "+name+" AS "+sql); err != nil {
		return err
	}
	p.views = append(p.views, name)
	p.current, p.table, p.columns = name, false, columns
	return nil
}

// make makes a table of a SELECT and forgets what it was made of.
func (p *pipeline) make(key, sql string, columns []column) error {
	name := p.name("table")
	create := func() error { return p.exec(key, "CREATE TABLE "+name+" AS "+sql) }
	if p.serial {
		if err := p.alone(create); err != nil {
			return err
		}
	} else if err := create(); err != nil {
		return err
	}
	for _, v := range slices.Backward(p.views) {
		if err := p.db.Query(p.ctx, "DROP VIEW "+v, nil); err != nil {
			return p.explain(key, err)
		}
	}
	if p.own != "" {
		if err := p.db.Query(p.ctx, "DROP TABLE "+p.own, nil); err != nil {
			return p.explain(key, err)
		}
	}
	p.current, p.table, p.own, p.views, p.columns = name, true, name, nil, columns
	return nil
}

// materialize makes a table of the rows where they are a view, so that what
// leads to them is computed once.
func (p *pipeline) materialize() error {
	if p.table {
		return nil
	}
	return p.make("", "SELECT * FROM "+p.current, p.columns)
}

// inOrder makes a table in which the rows lie in the order of their numbers.
func (p *pipeline) inOrder() error {
	return p.make("", "SELECT * FROM "+p.current+" ORDER BY "+rowColumn, p.columns)
}

// replace is a SELECT of all columns, some of them replaced by expressions.
func (p *pipeline) replace(exprs map[string]string) string {
	var b strings.Builder
	b.WriteString("SELECT " + p.carried())
	for _, c := range p.columns {
		b.WriteString(", ")
		if e, ok := exprs[c.name]; ok {
			b.WriteString(e + " AS ")
		}
		b.WriteString(duck.Name(c.name))
	}
	return b.String() + " FROM " + p.current
}

// recount counts the rows and notes how many the step dropped.
func (p *pipeline) recount(reason string) error {
	n, err := p.integer("", "SELECT count(*) FROM "+p.current)
	if err != nil {
		return err
	}
	if n < p.rows {
		p.step.Dropped, p.step.Reason = p.rows-n, reason
	}
	p.rows = n
	return nil
}

func (p *pipeline) columnNames() []string {
	names := make([]string, len(p.columns))
	for i, c := range p.columns {
		names[i] = c.name
	}
	return names
}

// quoted renders names as a list of SQL.
func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = duck.Name(n)
	}
	return strings.Join(out, ", ")
}

// The families of types that steps ask for.
func isInteger(typ string) bool {
	return slices.Contains([]string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}, typ)
}

func isNumber(typ string) bool {
	return isInteger(typ) || typ == "FLOAT" || typ == "DOUBLE" || isDecimal(typ)
}

func isTime(typ string) bool { return typ == "DATE" || strings.HasPrefix(typ, "TIMESTAMP") }

// isNumberList reports a type of lists or arrays of numbers.
func isNumberList(typ string) bool {
	i := strings.LastIndexByte(typ, '[')
	return i > 0 && strings.HasSuffix(typ, "]") && isNumber(typ[:i])
}

// random is a number from 0 to 2⁶⁴−1, a function of seed, purpose, and SQL
// expressions.
func (p *pipeline) random(purpose string, exprs ...string) string {
	return fmt.Sprintf("hash(%d::UBIGINT, %s, %s)", p.cfg.Seed, duck.Literal(purpose), strings.Join(exprs, ", "))
}

// below is the condition that a random number is among a share of all.
func below(random string, share float64) string {
	if share >= 1 {
		return "TRUE"
	}
	const two64 = 1 << 32 * float64(1<<32)
	return fmt.Sprintf("%s < %d::UBIGINT", random, uint64(share*two64))
}
