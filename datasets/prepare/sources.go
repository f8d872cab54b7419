package prepare

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"debut/datasets"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/postgres"
	"debut/datasets/textformat"
)

// Types of CSV columns are found out from all rows of files up to exactBytes,
// from sampleRows of larger ones; a later value of another type is rejected.
const (
	exactBytes = 64 << 20
	sampleRows = 200_000
)

// The formats that package textformat reads.
var textFormats = textformat.Formats

// openSource makes a table of a source and notes what was read.
func (p *pipeline) openSource(name string, s *Source) error {
	p.path, p.title = "sources."+name, "source "+name
	m := manifest.Source{Name: name}
	var err error
	switch {
	case s.Postgres != nil:
		m.From, err = p.stagePostgres(name, s.Postgres)
	case s.Query != "" && len(s.Path) == 0:
		m.From = "query"
		err = p.stageQuery(name, s.Query)
	case s.vectors():
		m.Files, err = p.stageVectors(name, s)
	case contains(textFormats, s.Format):
		m.Files, err = p.stageText(name, s)
	default:
		m.Files, err = p.stageFiles(name, s)
	}
	if err != nil {
		return p.at(err)
	}
	p.laid[name] = p.laid[name] || p.cfg.Threads == 1
	if m.Rows, err = p.integer("", "SELECT count(*) FROM "+duck.Name(name)); err != nil {
		return err
	}
	columns, err := p.texts("", 1, "SELECT column_name FROM (DESCRIBE SELECT * FROM "+duck.Name(name)+")")
	if err != nil {
		return err
	}
	for _, c := range columns {
		if strings.EqualFold(c[0], rowColumn) || strings.EqualFold(c[0], partColumn) {
			return p.configErrorf("", "column %q has a name that is taken; give the columns other names with names, or with a query", c[0])
		}
	}
	p.made.Sources = append(p.made.Sources, m)
	p.log.Info("source", "name", name, "rows", m.Rows)
	return nil
}

// at puts the source's place before an error of package datasets.
func (p *pipeline) at(err error) error {
	var c *datasets.ConfigError
	if errors.As(err, &c) && !strings.HasPrefix(c.Path, p.path) {
		return &datasets.ConfigError{Path: join(p.path, c.Path), Msg: c.Msg}
	}
	if c == nil && p.ctx.Err() == nil {
		return fmt.Errorf("source %s: %w%s", strings.TrimPrefix(p.path, "sources."), err, remedy(err.Error()))
	}
	return err
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// stageQuery makes a table of a query, its rows in the order of the query, of the
// tables it selects from, or else of all its columns.
func (p *pipeline) stageQuery(name, query string) error {
	query = trimQuery(query)
	// Places in messages are those of the query alone.
	if _, err := p.db.Describe(p.ctx, query); err != nil {
		return p.explain("query", err)
	}
	from, statement, err := p.db.Settled(p.ctx, query)
	if err != nil {
		return p.explain("query", err)
	}
	create := func() error { return p.exec("query", "CREATE TABLE "+duck.Name(name)+" AS SELECT * FROM "+from) }
	if statement.Threads {
		return create()
	}
	if err := p.alone(create); err != nil {
		return err
	}
	p.laid[name] = true
	return nil
}

func trimQuery(q string) string { return strings.TrimRight(strings.TrimSpace(q), "; \t\r\n") }

// stageFiles reads CSV, Parquet and JSON files.
func (p *pipeline) stageFiles(name string, s *Source) ([]manifest.Hash, error) {
	src := datasets.Source{Path: s.Path, Format: s.Format, Delimiter: s.Delimiter, Header: s.Header, Names: s.Names, Null: s.Null}
	o := datasets.TableOptions{Types: s.Types, SampleRows: sampleRows, Rejects: true}
	t, err := datasets.OpenTable(p.ctx, src, p.baseDir, o)
	if err != nil {
		return nil, err
	}
	hashes, bytes, err := hashFiles(p.ctx, t.Files)
	if err != nil {
		return nil, err
	}
	if t.CSV && bytes <= exactBytes {
		o.SampleRows = -1
		if t, err = datasets.OpenTable(p.ctx, src, p.baseDir, o); err != nil {
			return nil, err
		}
	}
	table := duck.Name(name)
	if s.Query != "" {
		if t, err = p.exact(t, "", o); err != nil {
			return nil, err
		}
		items, err := p.trimmed(t)
		if err != nil {
			return nil, err
		}
		if err := p.exec("", "CREATE VIEW data AS SELECT "+items+" FROM "+t.SQL); err != nil {
			return nil, err
		}
		if err := p.stageQuery(name, s.Query); err != nil {
			return nil, err
		}
		if err := p.db.Query(p.ctx, "DROP VIEW data", nil); err != nil {
			return nil, p.explain("query", err)
		}
	} else {
		sql := t.SQL
		load := func() error {
			items, err := p.trimmed(t)
			if err != nil {
				return err
			}
			sql := "CREATE OR REPLACE TABLE " + table + " AS SELECT " + items + " FROM " + t.SQL
			p.note(sql)
			if err := p.db.Query(p.ctx, sql, nil); err != nil {
				return t.Explain(err)
			}
			return nil
		}
		if err := load(); err != nil {
			return nil, err
		}
		if t, err = p.exact(t, table, o); err != nil {
			return nil, err
		}
		if t.SQL != sql {
			if err := p.forgetRejects(); err != nil {
				return nil, err
			}
			if err := load(); err != nil {
				return nil, err
			}
		}
	}
	if t.CSV {
		return hashes, p.takeRejects()
	}
	return hashes, nil
}

// exact keeps whole numbers that are too large for integers as text; loaded is where
// the rows are already. Rows that it meets and cannot read are met again.
func (p *pipeline) exact(t datasets.Table, loaded string, o datasets.TableOptions) (datasets.Table, error) {
	out, err := t.Exact(p.ctx, p.db, loaded, o)
	if err != nil {
		return t, t.Explain(err)
	}
	if loaded == "" {
		return out, p.forgetRejects()
	}
	return out, nil
}

// trimmed lists the columns of a table. Blanks around texts of CSV are no part of
// them, and a text of nothing else is missing.
func (p *pipeline) trimmed(t datasets.Table) (string, error) {
	if !t.CSV {
		return "*", nil
	}
	columns, err := p.describeTable(t)
	if err != nil {
		return "", err
	}
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = duck.Name(c.name)
		if c.typ == "VARCHAR" {
			list[i] = fmt.Sprintf("nullif(trim(%s), '') AS %s", list[i], list[i])
		}
	}
	return strings.Join(list, ", "), nil
}

func (p *pipeline) describeTable(t datasets.Table) ([]column, error) {
	rows, err := p.scan(2, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM "+t.SQL+")")
	if err != nil {
		return nil, t.Explain(err)
	}
	columns := make([]column, len(rows))
	for i, r := range rows {
		columns[i] = column{r[0], r[1]}
	}
	return columns, nil
}

func hashFiles(ctx context.Context, files []string) (hashes []manifest.Hash, bytes int64, err error) {
	for _, f := range files {
		h, err := datasets.HashFile(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		bytes += h.Bytes
		hashes = append(hashes, manifest.Hash{Path: filepath.Base(f), Bytes: h.Bytes, SHA256: h.SHA256})
	}
	return hashes, bytes, nil
}

// takeRejects puts the rows that DuckDB could not read into the file of rejects,
// or fails where there are more than the limit.
func (p *pipeline) takeRejects() error {
	const errorsSQL = "SELECT s.file_path, CAST(e.line AS VARCHAR), coalesce(e.column_name, ''), e.error_message, coalesce(e.csv_line, '') FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) ORDER BY s.file_path, e.line, e.column_idx, e.error_message"
	rows, err := p.scan(5, "SELECT DISTINCT ON (q.f, q.l) * FROM ("+errorsSQL+") AS q(f, l, c, m, t) ORDER BY q.f, CAST(q.l AS BIGINT)")
	if err != nil {
		var q *duck.Error
		if errors.As(err, &q) && strings.Contains(q.Message, "does not exist") {
			return nil // nothing was ever rejected
		}
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	if err := p.forgetRejects(); err != nil {
		return err
	}
	return p.reject(len(rows), func(i int) rejected {
		r := rows[i]
		what, _, _ := strings.Cut(r[3], "\n")
		return rejected{place: filepath.Base(r[0]) + ":" + r[1], column: r[2], what: what, text: r[4]}
	})
}

// forgetRejects empties the tables of what could not be read.
func (p *pipeline) forgetRejects() error {
	for _, table := range []string{"reject_errors", "reject_scans"} {
		err := p.db.Query(p.ctx, "DELETE FROM "+table, nil)
		var q *duck.Error
		if errors.As(err, &q) && strings.Contains(q.Message, "does not exist") {
			return nil // nothing was ever rejected
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rejected is a row that could not be read.
type rejected struct{ place, column, what, text string }

func (r rejected) String() string {
	if r.column != "" {
		return fmt.Sprintf("%s: column %q: %s", r.place, r.column, r.what)
	}
	return r.place + ": " + r.what
}

// reject keeps n rows aside, or fails where that makes more than the limit.
func (p *pipeline) reject(n int, row func(int) rejected) error {
	limit := p.cfg.Rejects.Limit
	if p.made.Rejected+int64(n) > limit {
		var first []string
		for i := range min(n, 3) {
			first = append(first, row(i).String())
		}
		more := ""
		if n > len(first) {
			more = fmt.Sprintf("; and %d more", n-len(first))
		}
		return fmt.Errorf("%s%s; %s", strings.Join(first, "; "), more, p.rejectRemedy(n, row))
	}
	f, err := os.OpenFile(filepath.Join(p.dir, p.cfg.Rejects.File), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	b := bufio.NewWriter(f)
	w := csv.NewWriter(b)
	if p.made.Rejected == 0 {
		err = w.Write([]string{"place", "column", "problem", "text"})
	}
	for i := range n {
		r := row(i)
		err = errors.Join(err, w.Write([]string{r.place, r.column, r.what, r.text}))
	}
	w.Flush()
	if err = errors.Join(err, w.Error(), b.Flush(), f.Close()); err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	p.made.Rejected += int64(n)
	p.made.Rejects = p.cfg.Rejects.File
	p.log.Warn("rows that cannot be read were kept aside", "rows", n, "first", row(0).String())
	return nil
}

// converted finds the value in DuckDB's message about one that is not of its type.
var converted = regexp.MustCompile(`(?s)Could not convert string "(.*)" to '?(DATE|TIMESTAMP)`)

// rejectRemedy says what can be done about rows that cannot be read.
func (p *pipeline) rejectRemedy(n int, row func(int) rejected) string {
	remedy := fmt.Sprintf("correct them, give the columns a type with types: {column: VARCHAR}, or let up to so many rows be kept aside: rejects: {limit: %d}", p.made.Rejected+int64(n))
	const looked = 1000
	column, typ := "", ""
	var values []string
	for i := range min(n, looked) {
		r := row(i)
		m := converted.FindStringSubmatch(r.what)
		if m == nil || column != "" && (column != r.column || typ != m[2]) {
			return remedy
		}
		column, typ = r.column, m[2]
		values = append(values, m[1])
	}
	name, format, other, ok := datasets.DateFormat(values)
	if !ok {
		return remedy
	}
	return fmt.Sprintf("they are dates written %s%s: read them as text, types: {%s: VARCHAR}, and convert them with a step: steps: [%s]", name, ambiguous(other), quoteKey(column), castStep(column, typ, format))
}

// castStep is the step that makes dates of a column of texts.
func castStep(column, typ, format string) string {
	return fmt.Sprintf("{cast: {%s: {to: %s, format: %q}}}", quoteKey(column), typ, format)
}

func ambiguous(other string) string {
	if other == "" {
		return ""
	}
	return fmt.Sprintf(" (or %q: which it is, their texts do not tell)", other)
}

// quoteKey writes a name as a key of YAML.
func quoteKey(name string) string {
	if plainKey.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// stagePostgres reads a table of a server.
func (p *pipeline) stagePostgres(name string, s *Postgres) (string, error) {
	dsn, err := s.DSN.Read(p.baseDir, "postgres.dsn")
	if err != nil {
		return "", err
	}
	return postgres.Stage(p.ctx, p.db, name, postgres.Options{DSN: dsn, Table: s.Table, Query: s.Query, Order: s.Order, TempDir: p.temp})
}
