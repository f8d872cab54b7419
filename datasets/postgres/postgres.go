// Package postgres brings a table of a PostgreSQL server into DuckDB: the server
// sends it as CSV (COPY … TO STDOUT), which goes through a temporary file, so
// that a table may be larger than memory.
package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"debut/datasets/duck"
	"debut/datasets/nearest"
	"debut/datasets/scratch"
)

// Options say what is read.
type Options struct {
	// DSN is the connection string. It holds a password, as a rule, and stands in
	// no message.
	DSN string
	// Table or Query, in the server's SQL, is what is read.
	Table, Query string
	// Order names the columns that fix the order of rows, as SQL. By default that
	// is the primary key of a table, otherwise all columns. Like Query it is part of
	// one SELECT in a transaction that only reads, whatever it says.
	Order string
	// TempDir is where the file goes.
	TempDir string
}

// Stage makes a DuckDB table of a table or a query of a server, all of it as of
// one moment. The table is there, complete, or not at all. from names the server
// and database, without user and password.
//
// Types: truth values, whole numbers, floating-point numbers, dates and times
// keep theirs; numeric becomes DOUBLE, but for whole numbers too large for it, which
// become BIGINT, HUGEINT or text, whichever holds them; times with a zone become their UTC reading;
// arrays of numbers become FLOAT[]; all other types but bytea become text.
func Stage(ctx context.Context, db *duck.DB, table string, o Options) (from string, err error) {
	cfg, err := pgx.ParseConfig(o.DSN)
	if err != nil {
		// Its message quotes the string.
		return "", errors.New("the connection string cannot be read; write it like postgres://user:…@host/database, with the password before the @")
	}
	from = fmt.Sprintf("postgres %s/%s", cfg.Host, cfg.Database)
	if cfg.RuntimeParams == nil {
		cfg.RuntimeParams = map[string]string{}
	}
	cfg.RuntimeParams["TimeZone"] = "UTC"
	cfg.RuntimeParams["DateStyle"] = "ISO"
	cfg.RuntimeParams["extra_float_digits"] = "3"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return from, explain(from, "cannot connect", err, cfg)
	}
	defer func() {
		// The context may be over; the server is told in any case.
		_ = conn.Close(context.WithoutCancel(ctx))
	}()
	r := &reading{ctx: ctx, conn: conn, o: o, from: from, cfg: cfg}
	return from, r.stage(db, table)
}

// reading is one Stage.
type reading struct {
	ctx  context.Context
	conn *pgx.Conn
	o    Options
	from string
	cfg  *pgx.ConnConfig
}

// explain makes an error of the server readable, and sure not to hold the
// password.
func explain(from, what string, err error, cfg *pgx.ConnConfig) error {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		text := server.Message
		if server.Hint != "" {
			text += "; " + server.Hint
		}
		return fmt.Errorf("%s: %s: %s", from, what, text)
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	text := err.Error()
	if cfg.Password != "" {
		text = strings.ReplaceAll(text, cfg.Password, "…")
	}
	return fmt.Errorf("%s: %s: %s", from, what, text)
}

func (r *reading) fail(what string, err error) error { return explain(r.from, what, err, r.cfg) }

// column is a column of the result: what the server is asked for, and what
// DuckDB makes of it.
type column struct {
	name, send, typ, take string

	digits bool // text of a number of any length
}

func (r *reading) stage(db *duck.DB, table string) (err error) {
	tx, err := r.conn.BeginTx(r.ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return r.fail("cannot begin to read", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(r.ctx)) }() // nothing was written
	// Workers and scans that join others' would make sums and ties a matter of timing.
	for _, set := range []string{"SET LOCAL max_parallel_workers_per_gather = 0", "SET LOCAL synchronize_seqscans = off"} {
		if _, err := tx.Exec(r.ctx, set); err != nil {
			return r.fail("cannot begin to read", err)
		}
	}
	query, order := trimmed(r.o.Query), trimmed(r.o.Order)
	if r.o.Table != "" {
		name := pgx.Identifier(strings.Split(r.o.Table, ".")).Sanitize()
		query = "SELECT * FROM " + name
		if order == "" {
			if order, err = r.primaryKey(tx, name); err != nil {
				return err
			}
		}
	}
	described, err := r.conn.Prepare(r.ctx, "", query)
	if err != nil {
		return errors.Join(r.fail("cannot read "+r.what(), err), r.near(err))
	}
	columns, err := r.columns(described.Fields)
	if err != nil {
		return err
	}
	if order == "" {
		all := make([]string, len(columns))
		for i, c := range columns {
			all[i] = c.send
		}
		order = strings.Join(all, ", ")
	}
	send := make([]string, len(columns))
	for i, c := range columns {
		send[i] = c.send
	}
	rows := fmt.Sprintf("SELECT %s FROM (%s\n) AS q ORDER BY %s", strings.Join(send, ", "), query, order)
	// COPY goes over a protocol that takes several statements in one text. What it is made of is prepared before, over
	// one that takes a single one: no part of it can end the statement. A newline ends a comment that it may finish with.
	if _, err := r.conn.Prepare(r.ctx, "", rows); err != nil {
		return r.fail(fmt.Sprintf("cannot order the rows by %.200s", order), err)
	}
	file, err := scratch.NewFile(r.o.TempDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := r.copy(file, "COPY ("+rows+"\n) TO STDOUT (FORMAT csv)"); err != nil {
		return err
	}
	return r.load(db, table, file.Path(), columns)
}

// trimmed is SQL without the end of the statement.
func trimmed(sql string) string { return strings.TrimRight(strings.TrimSpace(sql), "; \t\r\n") }

func (r *reading) what() string {
	if r.o.Table != "" {
		return "table " + r.o.Table
	}
	return "the query"
}

// near says which tables there are when one does not exist.
func (r *reading) near(err error) error {
	var server *pgconn.PgError
	if r.o.Table == "" || !errors.As(err, &server) || server.Code != "42P01" {
		return nil
	}
	// The transaction has failed; another connection would see the same.
	conn, err := pgx.ConnectConfig(r.ctx, r.cfg)
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close(r.ctx) }()
	rows, err := conn.Query(r.ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 LIMIT 1000")
	if err != nil {
		return nil
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) == 0 {
		return nil
	}
	parts := strings.Split(r.o.Table, ".")
	hint := nearest.DidYouMean(parts[len(parts)-1], names)
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return fmt.Errorf("there are the tables %s%s", strings.Join(names, ", "), hint)
}

// primaryKey returns the columns of a table's primary key, "" without one.
func (r *reading) primaryKey(tx pgx.Tx, table string) (string, error) {
	rows, err := tx.Query(r.ctx, `SELECT quote_ident(a.attname) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(n, at), pg_attribute a
WHERE i.indrelid = to_regclass($1) AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.n ORDER BY k.at`, table)
	if err != nil {
		return "", r.fail("cannot read the primary key", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", r.fail("cannot read the primary key", err)
	}
	return strings.Join(names, ", "), nil
}

// columns decides how each column travels.
func (r *reading) columns(fields []pgconn.FieldDescription) ([]column, error) {
	var out []column
	seen := map[string]bool{}
	for i, f := range fields {
		if seen[strings.ToLower(f.Name)] {
			return nil, fmt.Errorf("%s: two columns are called %q; rename one with AS", r.from, f.Name)
		}
		seen[strings.ToLower(f.Name)] = true
		quoted, local := pgx.Identifier{f.Name}.Sanitize(), fmt.Sprintf("c%d", i)
		c := column{name: f.Name, send: quoted, typ: "VARCHAR", take: local}
		switch f.DataTypeOID {
		case pgtype.BoolOID:
			c.typ = "BOOLEAN"
		case pgtype.Int2OID:
			c.typ = "SMALLINT"
		case pgtype.Int4OID:
			c.typ = "INTEGER"
		case pgtype.Int8OID:
			c.typ = "BIGINT"
		case pgtype.Float4OID, pgtype.Float8OID:
			c.typ = "DOUBLE"
		case pgtype.NumericOID:
			c.digits, c.take = true, "CAST("+local+" AS DOUBLE)"
		case pgtype.DateOID:
			c.typ = "DATE"
		case pgtype.TimestampOID:
			c.typ = "TIMESTAMP"
		case pgtype.TimestamptzOID:
			c.typ, c.send = "TIMESTAMP", "("+quoted+" AT TIME ZONE 'UTC')"
		case pgtype.Float4ArrayOID, pgtype.Float8ArrayOID, pgtype.Int2ArrayOID, pgtype.Int4ArrayOID, pgtype.Int8ArrayOID, pgtype.NumericArrayOID:
			c.take = fmt.Sprintf("CAST(replace(replace(%s, '{', '['), '}', ']') AS FLOAT[])", local)
		case pgtype.ByteaOID:
			return nil, fmt.Errorf("%s: column %q is bytea, which is no feature; leave it out with a query", r.from, f.Name)
		default:
			c.send = "CAST(" + quoted + " AS text)"
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %s has no columns", r.from, r.what())
	}
	return out, nil
}

// copy fetches the rows into a file.
func (r *reading) copy(to io.Writer, sql string) error {
	b := bufio.NewWriterSize(to, 1<<20)
	out := &watched{w: b}
	if _, err := r.conn.PgConn().CopyTo(r.ctx, out, sql); err != nil {
		if out.err != nil {
			return fmt.Errorf("%s: %w", r.from, out.err)
		}
		return r.fail(fmt.Sprintf("the connection was lost, or the server gave up, after %d bytes; nothing was kept: try again", out.n), err)
	}
	return b.Flush()
}

// watched counts, and tells errors of the file from those of the server.
type watched struct {
	w   io.Writer
	n   int64
	err error
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.w.Write(b)
	w.n += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// load makes the table of the file. A missing value is nothing at all, an empty
// text is in quotes.
func (r *reading) load(db *duck.DB, table, path string, columns []column) error {
	types := make([]string, len(columns))
	for i, c := range columns {
		types[i] = fmt.Sprintf("'c%d': '%s'", i, c.typ)
	}
	file := fmt.Sprintf(`read_csv(%s, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false, max_line_size = 16777216, columns = {%s})`,
		duck.Literal(path), strings.Join(types, ", "))
	err := r.widen(db, file, columns)
	if err == nil {
		items := make([]string, len(columns))
		for i, c := range columns {
			items[i] = c.take + " AS " + duck.Name(c.name)
		}
		err = db.Query(r.ctx, fmt.Sprintf("CREATE TABLE %s AS SELECT %s FROM %s", duck.Name(table), strings.Join(items, ", "), file), nil)
	}
	var q *duck.Error
	if errors.As(err, &q) {
		return fmt.Errorf("%s: %s: duckdb: %s", r.from, r.what(), q.Short(500))
	}
	return err
}

// widen finds the numeric columns of whole numbers of which a DOUBLE would lose
// digits, and the types that keep them.
func (r *reading) widen(db *duck.DB, file string, columns []column) error {
	for i := range columns {
		c := &columns[i]
		if !c.digits {
			continue
		}
		local := fmt.Sprintf("c%d", i)
		sql := fmt.Sprintf(`SELECT coalesce(bool_and(regexp_full_match(%[1]s, '-?[0-9]+(\.0*)?')) AND bool_or(abs(TRY_CAST(%[1]s AS DOUBLE)) >= 9007199254740992), FALSE),
coalesce(bool_and(TRY_CAST(%[1]s AS BIGINT) IS NOT NULL) FILTER (WHERE %[1]s IS NOT NULL), FALSE), coalesce(bool_and(TRY_CAST(%[1]s AS HUGEINT) IS NOT NULL) FILTER (WHERE %[1]s IS NOT NULL), FALSE) FROM %[2]s`, local, file)
		err := db.Query(r.ctx, sql, func(k *duck.Chunk) error {
			wide, _ := duck.Vector[bool](k, 0)
			big, _ := duck.Vector[bool](k, 1)
			huge, _ := duck.Vector[bool](k, 2)
			switch {
			case !wide[0]:
			case big[0]:
				c.take = "CAST(" + local + " AS BIGINT)"
			case huge[0]:
				c.take = "CAST(" + local + " AS HUGEINT)"
			default:
				c.take = "regexp_replace(" + local + `, '\..*', '')`
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
