package prepare

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/postgres"
	"debut/datasets/table"
	"debut/datasets/textformat"
)

// The formats that package textformat reads, and all there are.
var (
	textFormats = textformat.Formats
	formats     = slices.Concat(table.Formats, []string{"npy"}, textFormats)
)

// openSource makes a table of a source and notes what was read.
func (p *pipeline) openSource(name string) error {
	s := p.cfg.Sources[name]
	p.path, p.title = "sources."+name, "source "+name
	m := manifest.Source{Name: name}
	var files table.Files
	var err error
	switch {
	case s.Postgres != nil:
		m.From, err = p.stagePostgres(name, s.Postgres)
	case s.Query != "" && len(s.Path) == 0:
		m.From = "query"
		err = p.stageQuery(name, s.Query)
	case s.vectors():
		files, err = p.stageVectors(name, &s)
	case contains(textFormats, s.Format):
		files, err = p.stageText(name, &s)
	default:
		files, err = p.stageFiles(name, &s, &m)
	}
	if err = files.Checked(err); err == nil {
		m.Files, err = hashes(p.ctx, files)
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
	var c *configfile.FieldError
	if errors.As(err, &c) && !strings.HasPrefix(c.Path, p.path) {
		return &configfile.FieldError{Path: join(p.path, c.Path), Msg: c.Msg}
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
	if err := p.db.Check(p.ctx, query); err != nil {
		return p.explain("query", err)
	}
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

// openTable finds the CSV, Parquet or JSON files of a source.
func (p *pipeline) openTable(name string) (*table.Table, error) {
	p.path, p.title = "sources."+name, "source "+name
	return table.Open(p.ctx, p.db, p.cfg.Sources[name].Source, p.baseDir, table.Options{Words: table.DataFile, Rejects: true, Texts: p.cfg.formatted(name)})
}

// stageFiles reads CSV, Parquet and JSON files.
func (p *pipeline) stageFiles(name string, s *Source, m *manifest.Source) (_ table.Files, err error) {
	t := p.opened[name]
	if t == nil {
		if t, err = p.openTable(name); err != nil {
			return nil, err
		}
	}
	return t.Files(), p.stageTable(name, s, t, m)
}

// stageTable makes a table of files that are open.
func (p *pipeline) stageTable(name string, s *Source, t *table.Table, m *manifest.Source) error {
	if s.Query != "" {
		if err := t.View(p.ctx, "data"); err != nil {
			return t.Explain(p.ctx, err)
		}
		if err := p.stageQuery(name, s.Query); err != nil {
			return cmp.Or(t.CastError(p.ctx), t.Misread(p.ctx, "data", trimQuery(s.Query)), t.Explain(p.ctx, err))
		}
		if err := t.CheckResult(p.ctx, name); err != nil {
			return err
		}
		if err := p.db.Query(p.ctx, "DROP VIEW data", nil); err != nil {
			return p.explain("query", err)
		}
		lines, err := p.unreadLines(t)
		if err != nil {
			return err
		}
		return p.rejectLines(t, lines)
	}
	staged, err := t.Stage(p.ctx, name, table.StageOptions{SetAside: p.cfg.Rejects.Limit > 0, Note: p.note})
	lines, more := p.unreadLines(t)
	var misfit *table.MisfitError
	if errors.As(err, &misfit) && more == nil {
		misfit.Remedies = append(misfit.Remedies, table.Remedy{Work: fmt.Sprintf("let up to so many rows be kept aside: rejects: {limit: %d}", p.made.Rejected+misfit.Rows+int64(len(lines)))})
	}
	if err = cmp.Or(err, more); err != nil {
		return err
	}
	for _, note := range staged.Notes {
		p.log.Warn(note)
	}
	for _, c := range staged.Columns {
		if c.Type != "" {
			m.Read = append(m.Read, manifest.ReadAs{Column: c.Name, Type: c.Type, Written: c.Written()})
		}
		if c.Note != "" {
			p.log.Warn(c.Note)
		}
	}
	for _, f := range staged.Misfits {
		lines = append(lines, rejected{place: f.Place, column: f.Column, what: fmt.Sprintf("%.60q %s", f.Value, f.Problem), text: f.Value})
	}
	return p.rejectLines(t, lines)
}

// rejectLines is reject for lines of a table. Of too many, the first that is no line of CSV is told as a run tells it.
func (p *pipeline) rejectLines(t *table.Table, lines []rejected) error {
	err := p.reject(len(lines), func(i int) rejected { return lines[i] })
	if err == nil || p.made.Rejected+int64(len(lines)) <= p.cfg.Rejects.Limit {
		return err
	}
	var v *table.ValueError
	if !errors.As(t.Fault(), &v) {
		return err
	}
	v.Remedies = append(v.Remedies, table.Remedy{Work: p.rejectsRemedy(len(lines))})
	return v
}

// formatted lists the columns of a source whose texts a step of the rows converts by a format of its own: which that
// says better than their values.
func (c *Config) formatted(source string) []string {
	if source != c.From {
		return nil
	}
	var names []string
	before := map[string]string{} // names in the source, by later ones
	for _, s := range c.Steps {
		for name, cast := range s.Cast {
			if cast.Format != "" {
				names = append(names, cmp.Or(before[name], name))
			}
		}
		for old, name := range s.Rename {
			before[name] = cmp.Or(before[old], old)
		}
	}
	return names
}

// hashes are those of files that have been read.
func hashes(ctx context.Context, files table.Files) ([]manifest.Hash, error) {
	list, err := files.Hash(ctx)
	var out []manifest.Hash
	for _, h := range list {
		out = append(out, manifest.Hash{Path: filepath.Base(h.Path), Bytes: h.Bytes, SHA256: h.SHA256})
	}
	return out, err
}

// unreadLines are the records that DuckDB could not read.
func (p *pipeline) unreadLines(t *table.Table) ([]rejected, error) {
	unread, err := t.Unread(p.ctx)
	lines := make([]rejected, len(unread))
	for i, u := range unread {
		lines[i] = rejected{place: u.Place, what: u.Problem, text: u.Text}
	}
	return lines, err
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
	if n == 0 {
		return nil
	}
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
		return fmt.Errorf("%s%s; %s", strings.Join(first, "; "), more, p.rejectRemedy(n))
	}
	secret := p.clear[p.cfg.Rejects.File]
	var f *os.File
	var err error
	if secret != nil {
		f = secret.File
	} else if f, err = os.OpenFile(filepath.Join(p.dir, p.cfg.Rejects.File), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
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
	err = errors.Join(err, w.Error(), b.Flush())
	if secret == nil {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	p.made.Rejected += int64(n)
	p.made.Rejects = p.cfg.Rejects.File
	p.log.Warn("rows that cannot be read were kept aside", "rows", n, "first", row(0).String())
	return nil
}

// rejectRemedy says what can be done about rows that cannot be read.
func (p *pipeline) rejectRemedy(n int) string {
	return "correct them, or " + p.rejectsRemedy(n)
}

func (p *pipeline) rejectsRemedy(n int) string {
	return fmt.Sprintf("let up to so many rows be kept aside: rejects: {limit: %d}", p.made.Rejected+int64(n))
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
	dsn, err := s.DSN.Read(p.baseDir, "postgres.dsn", p.log)
	if err != nil {
		return "", err
	}
	return postgres.Stage(p.ctx, p.db, name, postgres.Options{DSN: dsn, Table: s.Table, Query: s.Query, Order: s.Order, TempDir: p.temp})
}
