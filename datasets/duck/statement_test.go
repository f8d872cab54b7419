package duck

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func opened(t *testing.T, statements ...string) *DB {
	t.Helper()
	db, err := Open(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	for _, sql := range statements {
		if err := db.Query(context.Background(), sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func TestStatement(t *testing.T) {
	db := opened(t, "CREATE TABLE t AS SELECT i AS k, i::DOUBLE AS x, i::VARCHAR AS s, today() AS today, [i] AS l FROM range(10) r(i)", "CREATE TABLE u AS FROM t")
	for _, c := range []struct {
		sql     string
		order   Order
		threads bool
	}{
		{"SELECT * FROM t", Kept, true},
		{"FROM t WHERE x > 3 LIMIT 5", Kept, true},
		{"SELECT k + 1 AS n, upper(s) AS s FROM t -- all of them", Kept, true},
		{"SELECT * FROM t UNION ALL SELECT * FROM (FROM u WHERE k > 3)", Kept, true},
		{"SELECT *, row_number() OVER () AS n FROM t", Kept, true},
		{"VALUES (1, 'a'), (2, 'b')", Kept, true},
		{"SELECT * FROM range(5)", Kept, true},
		{"WITH a AS (FROM t WHERE k > 1) SELECT s FROM a", Kept, false},
		{"SELECT * FROM (SELECT k, sum(x) AS x FROM t GROUP BY k ORDER BY k) WHERE x > 1", Kept, false},
		{"SELECT k, sum(x) FROM t GROUP BY k ORDER BY k", Given, false},
		{"SELECT s FROM t ORDER BY 1 LIMIT 3", Given, false},
		{"SELECT s FROM t UNION SELECT s FROM u ORDER BY ALL", Given, false},
		// In any order, but the same rows.
		{"SELECT DISTINCT s FROM t", Unordered, true},
		{"SELECT t.s, u.k FROM t JOIN u USING (k) WHERE u.x > 1", Unordered, true},
		{"SELECT s, count(*) AS n, sum(k) AS k, max(k) FILTER (WHERE x > 1) AS m FROM t GROUP BY s", Unordered, true},
		{"SELECT count(DISTINCT s) FROM t", Unordered, true},
		{"SELECT s AS z, count(*) FROM t GROUP BY z", Unordered, true},
		// Rows, or their last bits, that hang on an order.
		{"SELECT DISTINCT x FROM t", Unordered, false},
		{"SELECT s, sum(x) FROM t GROUP BY s", Unordered, false},
		{"SELECT s, avg(k) FROM t GROUP BY s", Unordered, false},
		{"SELECT s, first(k) FROM t GROUP BY s", Unordered, false},
		{"SELECT s, arg_max(k, x) FROM t GROUP BY s", Unordered, false},
		{"SELECT string_agg(s) FROM t", Unordered, false},
		{"SELECT s, CAST(sum(x) AS VARCHAR) FROM t GROUP BY s", Unordered, false},
		{"SELECT s FROM t GROUP BY s HAVING sum(x) > 0.3", Unordered, false},
		{"SELECT count(*) FROM t GROUP BY x", Unordered, false},
		{"SELECT DISTINCT ON (k) k, s FROM t", Unordered, false},
		{"SELECT k, row_number() OVER (PARTITION BY s) FROM t", Unordered, false},
		{"SELECT k FROM t QUALIFY row_number() OVER (ORDER BY s) = 1", Unordered, false},
		{"SELECT k FROM t WHERE x > (SELECT avg(x) FROM u)", Unordered, false},
		{"SELECT s FROM t EXCEPT SELECT s FROM u", Unordered, false},
		{"SELECT t.k FROM t ASOF JOIN u ON t.x >= u.x", Unordered, false},
		{"SELECT s FROM (SELECT s, k FROM t LIMIT 3) GROUP BY s", Unordered, true},
		{"SELECT s FROM (SELECT s FROM t ORDER BY k LIMIT 3) GROUP BY s", Unordered, false},
		{"FROM (PIVOT t ON k IN (1, 2) USING sum(x))", Unordered, false},
		{"SELECT * FROM t TABLESAMPLE reservoir(3 ROWS) REPEATABLE (4)", Unordered, false},
		{"WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 5) FROM a", Unordered, false},
	} {
		got, err := db.Statement(context.Background(), c.sql)
		if err != nil || got.Order != c.order || got.Threads != c.threads {
			t.Errorf("%s\nis order %d, threads %t, error %v; want %d, %t", c.sql, got.Order, got.Threads, err, c.order, c.threads)
		}
		if err := db.Query(context.Background(), c.sql, nil); err != nil {
			t.Errorf("%s: %v", c.sql, err)
		}
	}
}

func TestStatementRefusesWhatVaries(t *testing.T) {
	db := opened(t, "CREATE TABLE t AS SELECT i AS k, TIMESTAMP '2026-01-01' AS moment, DATE '2026-01-01' AS current_date, 1 AS today FROM range(10) r(i)")
	for sql, want := range map[string]string{
		"SELECT random() FROM t":                                    "random()",
		"SELECT k FROM t ORDER BY random()":                         "hash(id, 1)",
		"SELECT k FROM t WHERE RANDOM() < 0.5":                      "random()",
		"SELECT list_transform([k], lambda x: x + random()) FROM t": "random()",
		"WITH a AS (SELECT uuid() AS id FROM t) FROM a":             "md5(",
		"SELECT gen_random_uuid()":                                  "gen_random_uuid()",
		"SELECT date_diff('day', moment, now()) FROM t":             "DATE '2026-01-31'",
		"SELECT today() FROM t":                                     "today()",
		"SELECT moment::DATE - current_date FROM range(3), t AS u":  "data.\"current_date\"",
		"SELECT current_timestamp":                                  "current_timestamp",
		"SELECT k FROM t WHERE moment < localtimestamp":             "localtimestamp",
		"SELECT k FROM t WHERE moment < current_localtimestamp()":   "DATE '2026-01-31'",
		"SELECT current_localtime() AS c, k FROM t":                 "current_localtime()",
		"SELECT ago(INTERVAL 1 DAY) AS a, k FROM t":                 "DATE '2026-01-31'",
		"SELECT age(moment) FROM t":                                 "age()",
		"SELECT nextval('s')":                                       "nextval()",
		"SELECT current_setting('threads')":                         "current_setting()",
		"SELECT * FROM t TABLESAMPLE 10%":                           "REPEATABLE",
		"SELECT * FROM t USING SAMPLE 3":                            "REPEATABLE",
	} {
		_, err := db.Statement(context.Background(), sql)
		var varying *VaryingError
		if !errors.As(err, &varying) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %v, want an error with %q", sql, err, want)
		}
	}
	for _, sql := range []string{"SELECT t.current_date, today, age(moment, moment), hash(k, 1) / 18446744073709551615.0 FROM t", "SELECT error('no') FROM t WHERE k > 99"} {
		if _, err := db.Statement(context.Background(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestSettledOrder(t *testing.T) {
	db := opened(t, `CREATE TABLE t AS FROM (VALUES (3, 'NaN'::DOUBLE, [2], {'a': 1}, 'x'::BLOB), (1, 2, NULL, NULL, 'b'::BLOB), (3, 1, [1, 9], {'a': 0}, 'x'::BLOB), (1, NULL, [1], {'a': 5}, 'b'::BLOB), (2, 0, [], NULL, NULL)) v(k, x, l, s, b)`)
	for sql, want := range map[string]string{
		"SELECT DISTINCT * FROM t":                                   "12 1 20 31 3nan",
		"SELECT k, x FROM t":                                         "3nan 12 31 1 20",
		"SELECT k, x FROM t ORDER BY k, x DESC":                      "12 1 20 3nan 31",
		"SELECT k, x FROM t JOIN t AS u USING (k, x) WHERE isnan(x)": "3nan",
	} {
		from, _, err := db.Settled(context.Background(), sql)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := db.Query(context.Background(), "SELECT concat(k, CAST(CAST(x AS FLOAT) AS VARCHAR).replace('.0', '')) FROM "+from, func(c *Chunk) error {
			values, _ := Vector[String](c, 0)
			for i := range values {
				got = append(got, strings.Clone(values[i].Text()))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s\ngives %s, want %s", sql, s, want)
		}
	}
}
