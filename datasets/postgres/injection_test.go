package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/postgres/postgrestest"
)

// injections end the expression, the statement or the transaction that they are put into, and then write: a table, a
// row, a file of the server. %s is a folder that the server may write to.
var injections = []string{
	"1) TO STDOUT; COMMIT; CREATE TABLE pwned(a int); --",
	"1) TO STDOUT; ROLLBACK; CREATE TABLE pwned(a int); --",
	"1) TO STDOUT; COMMIT; COPY (SELECT 1) TO PROGRAM 'cat > %s/pwned'; --",
	"1) TO PROGRAM 'cat > %s/pwned'; --",
	"1) TO PROGRAM 'cat > %s/pwned' --",
	"1) TO '%s/pwned' --",
	"1\n) TO STDOUT (FORMAT csv); COMMIT; DELETE FROM items; SELECT (1",
	"1; COMMIT; DELETE FROM items",
	"1; COMMIT; DELETE FROM items; --",
	"1) AS q; COMMIT; DELETE FROM items; --",
	"id\n) AS q; COMMIT; DELETE FROM items; SELECT * FROM (SELECT 1",
	"id /* ; */; COMMIT /* */; DELETE FROM items",
	"id -- \n; COMMIT; DELETE FROM items",
	"$$; COMMIT; DELETE FROM items; $$",
	"E'\\'; COMMIT; DELETE FROM items; --'",
	"U&'\\'; COMMIT; DELETE FROM items; --'",
	"id; BEGIN READ WRITE; DELETE FROM items; COMMIT",
	"id; SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; COMMIT; DELETE FROM items",
	"(SELECT set_config('transaction_read_only', 'off', false)), (SELECT nextval('numbers'))",
	"(WITH gone AS (DELETE FROM items RETURNING id) SELECT count(*) FROM gone)",
	"(SELECT setval('numbers', 99))",
	"(SELECT nextval('numbers'))",
	"id FOR UPDATE",
	"id) FOR UPDATE --",
	"id\x00; COMMIT; DELETE FROM items",
}

// Whatever text a data file has in the place of a name, a query or an order, the server only reads.
func TestInjection(t *testing.T) {
	s := postgrestest.Start(t)
	s.Exec(t, "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a'), (2, 'b'); CREATE SEQUENCE numbers")
	dir, err := os.MkdirTemp("", "pwned") // where the server, another user, may write
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	state := func() string {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.Query(t, "SELECT (SELECT string_agg(id || name, ',' ORDER BY id) FROM items), (SELECT last_value || ' ' || is_called FROM numbers), (SELECT count(*) FROM pg_class WHERE relname = 'pwned')"), files)
	}
	want, temp, db := state(), t.TempDir(), database(t)
	for i, text := range injections {
		text = strings.ReplaceAll(text, "%s", dir)
		for place, o := range map[string]Options{
			"order of a table": {Table: "items", Order: text},
			"order of a query": {Query: "SELECT * FROM items", Order: text},
			"table":            {Table: `items" ORDER BY ` + text},
			"query":            {Query: "SELECT * FROM items ORDER BY " + text},
		} {
			o.DSN, o.TempDir = s.DSN(), temp
			_, err := Stage(context.Background(), db, fmt.Sprintf("t%d %s", i, place), o)
			if err == nil && !strings.Contains(text, "'; COMMIT") && !strings.Contains(text, "$$") {
				t.Errorf("%s %q: no error", place, text)
			}
		}
		if got := state(); got != want {
			t.Fatalf("%q: the server has %s, and had %s", injections[i], got, want)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// An order is SQL of one statement, with whatever belongs to it.
func TestOrder(t *testing.T) {
	s := postgrestest.Start(t)
	s.Exec(t, "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'b;'), (2, 'a;')")
	for _, order := range []string{"name", "id DESC", "name;", "name -- the first", "id DESC /* ; */", "replace(name, ';', ' ')", "CASE WHEN name = 'a;' THEN 0 ELSE 1 END"} {
		db := database(t)
		if _, err := Stage(context.Background(), db, "t", Options{DSN: s.DSN(), Table: "items", Order: order, TempDir: t.TempDir()}); err != nil {
			t.Errorf("order %q: %v", order, err)
		} else if got := texts(t, db, "SELECT id FROM t"); got != "2\n1" {
			t.Errorf("order %q: %q", order, got)
		}
	}
	_, err := Stage(context.Background(), database(t), "t", Options{DSN: s.DSN(), Table: "items", Order: "missing", TempDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), `cannot order the rows by missing: column "missing" does not exist`) {
		t.Errorf("an order by a column that is not there: %v", err)
	}
}
