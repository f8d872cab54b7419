package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// confined is a database of the tables t and data, a view of a file, that reads no other file.
func confined(t *testing.T, o Options) (db *DB, dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{"data.csv": "a,b\n1,2\n", "secret.txt": "hunter2", "secret.csv": "a\n42\n", "secret.json": `{"a": 1}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Threads = 1
	db, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	file := filepath.Join(dir, "data.csv")
	for _, sql := range []string{"CREATE VIEW data AS FROM read_csv(" + Literal(file) + ")", "CREATE TABLE t AS SELECT range AS i, 'x' AS s FROM range(100)"} {
		if err := db.Query(context.Background(), sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Confine(context.Background(), []string{file}, nil); err != nil {
		t.Fatal(err)
	}
	return db, dir
}

// foreign are statements that reach beyond the tables data and t: DIR has other files.
var foreign = []string{
	// Files.
	"SELECT * FROM read_text('DIR/secret.txt')",
	"SELECT (SELECT content FROM read_text('DIR/secret.txt')) FROM data",
	"SELECT * FROM data WHERE a IN (SELECT length(content) FROM read_blob('DIR/secret.txt'))",
	"SELECT * FROM READ_CSV('DIR/secret.csv')",
	`SELECT * FROM "read_csv_auto"('DIR/*.csv')`,
	"SELECT main.json_structure('[]')",
	"SELECT system.main.json_structure('[]')",
	"SELECT * FROM system.main.json_tree('[]')",
	"SELECT * FROM system.main.read_text('DIR/secret.txt')",
	"SELECT * FROM main.read_text(['DIR/secret.txt'])",
	"SELECT * FROM read_json('DIR/secret.json')",
	"SELECT * FROM read_ndjson_objects('DIR/secret.json')",
	"SELECT * FROM glob('DIR/*')",
	"SELECT * FROM sniff_csv('DIR/secret.csv')",
	"SELECT * FROM parquet_metadata('DIR/secret.csv')",
	"SELECT * FROM read_text('/proc/self/environ')",
	"SELECT * FROM 'DIR/secret.csv'",
	`SELECT * FROM "DIR/secret.json"`,
	"FROM 'DIR/*.csv'",
	"SELECT * FROM query_table('DIR/secret.csv')",
	"SELECT * FROM query_table(['data', 'DIR/secret.csv'])",
	"SELECT * FROM histogram('DIR/secret.csv', a)",
	"WITH x AS (FROM 'DIR/secret.csv') FROM x",
	"SELECT * FROM data JOIN LATERAL (SELECT * FROM read_text('DIR/secret.txt')) ON TRUE",
	"SELECT list_transform([1], lambda x: x + (SELECT count(*) FROM glob('DIR/*')))",
	"SELECT * FROM data ORDER BY (SELECT count(*) FROM glob('DIR/*'))",
	"SELECT * FROM data LIMIT (SELECT count(*) FROM glob('DIR/*'))",
	"SELECT sum(i) OVER (ORDER BY (SELECT count(*) FROM glob('DIR/*'))) FROM t",
	"FROM (PIVOT (FROM 'DIR/secret.csv') ON a IN (42) USING count(*))",
	"DESCRIBE SELECT * FROM 'DIR/secret.csv'",
	"SUMMARIZE FROM read_csv('DIR/secret.csv')",
	"VALUES ((SELECT count(*) FROM glob('DIR/*')))",
	"SELECT * FROM read_duckdb('DIR/secret.duckdb')",
	"SELECT 1 UNION ALL SELECT count(*) FROM glob('DIR/*')",
	"SELECT COLUMNS(c -> c IN (SELECT content FROM read_text('DIR/secret.txt'))) FROM t",
	// SQL in a text.
	"SELECT * FROM query('SELECT * FROM read_text(''DIR/secret.txt'')')",
	"SELECT * FROM query('SELECT random()')",
	"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT random()'))",
	"SELECT json_serialize_plan('SELECT current_setting(''home_directory'')', optimize := TRUE)",
	// The program that runs.
	"SELECT * FROM duckdb_settings()",
	"SELECT * FROM duckdb_variables()",
	"SELECT * FROM duckdb_databases",
	"SELECT * FROM pragma_database_list",
	"SELECT * FROM pg_catalog.pg_settings",
	"SELECT * FROM PG_SETTINGS",
	"SELECT * FROM information_schema.tables",
	"SELECT * FROM sqlite_master",
	"SELECT getvariable('debut_inner')",
	"SELECT pg_get_viewdef(1)",
	"SELECT get_block_size('memory')",
	"SELECT current_setting('home_directory')",
	"SHOW TABLES",
	"FROM (SHOW ALL TABLES)",
	// What changes something, and what is no single SELECT.
	"SELECT * FROM enable_profiling(save_location='DIR/made.txt')",
	"SELECT * FROM enable_profiling()",
	"SELECT * FROM enable_logging(storage='file', storage_path='DIR/made')",
	"SELECT * FROM checkpoint()",
	"SELECT * FROM force_checkpoint()",
	"SELECT * FROM disable_peg_parser()",
	"SELECT write_log('x')",
	"SELECT pg_sleep(1)",
	"SELECT sleep_ms(1000)",
	"EXPORT DATABASE 'DIR/made'",
	"IMPORT DATABASE 'DIR'",
	"COPY t TO 'DIR/made.csv'",
	"COPY (SELECT 1) TO 'DIR/made.parquet'",
	"COPY t FROM 'DIR/secret.csv'",
	"ATTACH 'DIR/made.duckdb'",
	"DETACH memory",
	"CREATE TABLE made AS SELECT 1",
	"CREATE OR REPLACE TABLE t AS SELECT 1",
	"CREATE MACRO made(x) AS x",
	"CREATE SECRET made (TYPE s3)",
	"INSERT INTO t VALUES (1, 'y')",
	"UPDATE t SET i = 0",
	"DELETE FROM t",
	"TRUNCATE t",
	"DROP TABLE t",
	"ALTER TABLE t RENAME TO u",
	"MERGE INTO t USING data ON i = a WHEN MATCHED THEN DELETE",
	"WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
	"INSTALL httpfs",
	"LOAD 'DIR/made.duckdb_extension'",
	"SET threads = 1",
	"SET VARIABLE x = 1",
	"RESET ALL",
	"PRAGMA enable_profiling",
	"PRAGMA database_list",
	"CALL enable_logging()",
	"VACUUM",
	"CHECKPOINT",
	"BEGIN",
	"COMMIT",
	"EXPLAIN SELECT 1",
	"EXPLAIN ANALYZE SELECT 1",
	"PREPARE p AS SELECT 1",
	"EXECUTE p",
	"USE memory",
	"SELECT 1; SELECT 2",
	"SELECT 1; DROP TABLE t",
	"; DROP TABLE t",
	"SELECT 1) ; DROP TABLE t; --",
	"SELECT 1 -- \n; DROP TABLE t",
	"SELECT 1 /* ; */; DROP TABLE t",
	"SELECT 1\x00; DROP TABLE t",
	"",
	"-- nothing",
	";",
}

// native are statements that select from the tables there are.
var native = []string{
	"SELECT * FROM data",
	"SELECT * FROM data; ",
	"FROM t, data SELECT i, a WHERE i = a ORDER BY ALL",
	"WITH duckdb AS (FROM t) FROM duckdb",
	"SELECT unnest(range(3)) AS n",
	"SELECT * FROM range(3), generate_series(1, 2), unnest([1, 2]), repeat('x', 2), repeat_row(1, 2, num_rows = 3)",
	`SELECT * FROM json_each('{"a": 1}')`,
	"SELECT * FROM query_table('t')",
	"SELECT * FROM histogram(t, i)",
	"DESCRIBE t",
	"SUMMARIZE data",
	"FROM (PIVOT t ON s IN ('x') USING sum(i))",
	"SELECT 'read_text(''/etc/passwd'')' AS text, $$ ; DROP TABLE t $$ AS dollar -- ; DROP TABLE t",
	"SELECT error('x') FROM t WHERE i > 1000",
	"SELECT s.upper(), t.s.lower(), t.i.add(1) FROM t",
	"SELECT list_sum(list_transform([1, 2], lambda x: x * 2)), regexp_extract(s, '(.)', 1), date_trunc('month', DATE '2026-01-31') FROM t",
}

func TestConfine(t *testing.T) {
	db, dir := confined(t, Options{})
	ctx := context.Background()
	entries := func() (names []string) {
		found, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found {
			names = append(names, e.Name())
		}
		return names
	}
	before := entries()
	for _, sql := range foreign {
		sql = strings.ReplaceAll(sql, "DIR", dir)
		_, from, err := settled(ctx, db, sql)
		if err == nil {
			t.Errorf("%s\nis taken: %s", sql, from)
		}
	}
	for _, sql := range native {
		if _, from, err := settled(ctx, db, sql); err != nil {
			t.Errorf("%s\nis refused: %v", sql, err)
		} else if err := db.Query(ctx, "SELECT * FROM "+from, nil); err != nil {
			t.Errorf("%s\nfails: %v", sql, err)
		}
	}
	if after := entries(); !slices.Equal(before, after) {
		t.Errorf("the folder holds %q, and held %q", after, before)
	}
	if err := db.Query(ctx, "SELECT error('') FROM t HAVING count(*) <> 100 OR sum(i) <> 4950", nil); err != nil {
		t.Errorf("the table is another: %v", err)
	}
	if err := db.SetThreads(ctx, 2); err != nil {
		t.Error(err)
	}
	if err := db.SetThreads(ctx, 0); err != nil {
		t.Error(err)
	}
}

// settled is what the commands do with a text before it runs.
func settled(ctx context.Context, db *DB, sql string) (columns []Column, from string, err error) {
	sql = strings.TrimRight(strings.TrimSpace(sql), "; \t\r\n")
	if err := db.Check(ctx, sql); err != nil {
		return nil, "", err
	}
	if columns, err = db.Describe(ctx, sql); err != nil {
		return nil, "", err
	}
	from, _, err = db.Settled(ctx, sql)
	return columns, from, err
}

// DuckDB itself refuses files too, whoever asks.
func TestConfinedDatabase(t *testing.T) {
	db, dir := confined(t, Options{})
	for _, sql := range []string{"SELECT * FROM read_text('DIR/secret.txt')", "SELECT * FROM 'DIR/secret.csv'", "SELECT * FROM glob('DIR/*')", "COPY t TO 'DIR/made.csv'", "ATTACH 'DIR/made.duckdb'"} {
		err := db.Query(context.Background(), strings.ReplaceAll(sql, "DIR", dir), nil)
		var refused *RefusedError
		if !errors.As(err, &refused) || !refused.External || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{"SET enable_external_access = true", "SET GLOBAL allowed_paths = ['/etc/passwd']", "SET memory_limit = '1GB'", "RESET GLOBAL allowed_directories", "INSTALL httpfs", "LOAD httpfs"} {
		if err := db.Query(context.Background(), sql, nil); err == nil {
			t.Errorf("%s: no error", sql)
		}
	}
}

// A file that is open can be named by its descriptor, with a name of its own or without.
func TestConfinedToDescriptor(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("no /proc")
	}
	for _, unlinked := range []bool{false, true} {
		f, err := os.Create(filepath.Join(t.TempDir(), "data.csv"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if _, err := f.WriteString("a,b\n1,2\n"); err != nil {
			t.Fatal(err)
		}
		if unlinked {
			if err := os.Remove(f.Name()); err != nil {
				t.Fatal(err)
			}
		}
		db := opened(t)
		path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
		if err := db.Confine(context.Background(), []string{path}, nil); err != nil {
			t.Fatal(err)
		}
		if err := db.Query(context.Background(), "SELECT a FROM read_csv("+Literal(path)+")", nil); err != nil {
			t.Errorf("unlinked %t: %v", unlinked, err)
		}
	}
}

func TestExternal(t *testing.T) {
	db, dir := confined(t, Options{External: true})
	for _, sql := range []string{"SELECT content FROM read_text('DIR/secret.txt')", "FROM 'DIR/secret.csv'", "SELECT * FROM glob('DIR/*.csv')"} {
		if _, from, err := settled(context.Background(), db, strings.ReplaceAll(sql, "DIR", dir)); err != nil {
			t.Errorf("%s: %v", sql, err)
		} else if err := db.Query(context.Background(), "SELECT * FROM "+from, nil); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range foreign {
		var refused *RefusedError
		err := db.Check(context.Background(), sql)
		if errors.As(err, &refused) && refused.External {
			t.Errorf("%s: %v, which is allowed", sql, err)
		}
		if err == nil && !strings.Contains(sql, "secret") && !strings.Contains(sql, "DIR/*") && !strings.Contains(sql, "/proc") {
			t.Errorf("%s is taken", sql)
		}
	}
}

// Errors about the text of a statement say where it is wrong.
func TestCheckedPlace(t *testing.T) {
	db, _ := confined(t, Options{})
	for sql, want := range map[string]string{
		"SELECT a b c FROM data":                  `syntax error at or near "c" (at <HERE> in: SELECT a b <HERE>c FROM data)`,
		"SELECT 'é' a,\n  'ü' b c FROM data":      `syntax error at or near "c" (at <HERE> in line 2: 'ü' b <HERE>c FROM data)`,
		"SELECT 1 FROM":                           `syntax error at end of input (at <HERE> in: SELECT 1 FROM<HERE>)`,
		"SELECT 'abc":                             `unterminated quoted string at or near "'abc" (at <HERE> in: SELECT <HERE>'abc)`,
		"SELECT a FROM data WHERE order = 1":      `"order"`,
		"SELECT 1 FROM data;\nSELECT 2 FROM data": "has 2 statements",
		"COPY data TO 'x.csv'":                    "is not a SELECT",
	} {
		err := db.Check(context.Background(), sql)
		var checked *Error
		text := fmt.Sprint(err)
		if errors.As(err, &checked) {
			text = checked.Short(1000)
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s\ngives %s\nwant  %s", sql, text, want)
		}
	}
}
