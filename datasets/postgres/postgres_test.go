package postgres

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"debut/datasets/duck"
	"debut/datasets/postgres/postgrestest"
)

func database(t *testing.T) *duck.DB {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func texts(t *testing.T, db *duck.DB, query string) string {
	t.Helper()
	var out []string
	err := db.Query(context.Background(), "SELECT concat_ws('|', *COLUMNS(*)) FROM ("+query+")", func(c *duck.Chunk) error {
		v, _ := duck.Vector[duck.String](c, 0)
		for i := range v {
			out = append(out, strings.Clone(v[i].Text()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

func TestStage(t *testing.T) {
	s := postgrestest.Start(t)
	s.Exec(t, `CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE customers (id int PRIMARY KEY, ok boolean, n bigint, x float8, price numeric(12,3), name text, day date, at timestamp, zoned timestamptz, tags jsonb, u uuid, m mood, v float4[]);
INSERT INTO customers VALUES
 (2, true, 9007199254740993, 0.1, 12.345, 'Ann "the" O''Hara, x', '2025-01-31', '2025-01-31 10:20:30.123456', '2025-01-31 10:00:00+02', '{"a": 1}', '00000000-0000-0000-0000-000000000001', 'good', '{1,2.5}'),
 (1, false, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (3, NULL, -1, 1e300, 0, E'Zoë\nline', '1999-12-31', NULL, NULL, NULL, NULL, 'bad', '{}');
CREATE TABLE blobs (b bytea);`)
	db := database(t)
	temp := t.TempDir()
	from, err := Stage(context.Background(), db, "c", Options{DSN: s.DSN(), Table: "public.customers", TempDir: temp})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(from, postgrestest.Password) || !strings.Contains(from, "postgres") {
		t.Errorf("read from %s", from)
	}
	want := "1|false|-|-|-|[]|-\n2|true|9007199254740993|0.1|12.345|[Ann \"the\" O'Hara, x]|2025-01-31\n3|-|-1|1e+300|0.0|[Zoë\nline]|1999-12-31"
	if got := texts(t, db, `SELECT id, coalesce(ok::VARCHAR, '-'), coalesce(n::VARCHAR, '-'), coalesce(x::VARCHAR, '-'), coalesce(price::VARCHAR, '-'), coalesce('[' || name || ']', '-'), coalesce(day::VARCHAR, '-') FROM c`); got != want {
		t.Errorf("read\n%s\nwant\n%s", got, want)
	}
	if got := texts(t, db, `SELECT "at", zoned, tags, u, m, v::VARCHAR FROM c WHERE id = 2`); got != `2025-01-31 10:20:30.123456|2025-01-31 08:00:00|{"a": 1}|00000000-0000-0000-0000-000000000001|good|[1.0, 2.5]` {
		t.Errorf("read %s", got)
	}
	if _, err := Stage(context.Background(), db, "q", Options{DSN: s.DSN(), Query: "SELECT m, count(*) AS n FROM customers GROUP BY m;", TempDir: temp}); err != nil {
		t.Error(err)
	} else if got := texts(t, db, "SELECT coalesce(m, '-'), n FROM q"); got != "bad|1\ngood|1\n-|1" {
		t.Errorf("the query gives %s", got)
	}
	for what, c := range map[string]struct {
		o    Options
		want []string
	}{
		"no table":       {Options{DSN: s.DSN(), Table: "custmers"}, []string{"does not exist", `did you mean "customers"`}},
		"bad query":      {Options{DSN: s.DSN(), Query: "SELECT nonsense FROM customers"}, []string{"nonsense"}},
		"bytes":          {Options{DSN: s.DSN(), Table: "blobs"}, []string{"bytea", "query"}},
		"wrong password": {Options{DSN: strings.Replace(s.DSN(), postgrestest.Password, "wrong-secret", 1), Table: "customers"}, []string{"password authentication failed"}},
		"no server":      {Options{DSN: "host=/nowhere user=shop password=wrong-secret dbname=x", Table: "customers"}, []string{"cannot connect"}},
		"no string":      {Options{DSN: "postgres://shop:wrong-secret@[::1", Table: "customers"}, []string{"connection string"}},
		"writing":        {Options{DSN: s.DSN(), Query: "DELETE FROM customers RETURNING id"}, nil},
	} {
		c.o.TempDir = temp
		_, err := Stage(context.Background(), db, "other", c.o)
		if err == nil {
			t.Errorf("%s: no error", what)
			continue
		}
		for _, w := range append(c.want, "") {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want %q and no password", what, err, w)
			}
		}
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// TestLostConnection stops the server, as a crash would, while it sends rows.
func TestLostConnection(t *testing.T) {
	s := postgrestest.Start(t)
	db := database(t)
	temp := t.TempDir()
	go func() {
		deadline := time.Now().Add(20 * time.Second)
		for time.Now().Before(deadline) { // until rows are there
			entries, _ := os.ReadDir(temp)
			if len(entries) > 0 {
				if info, err := entries[0].Info(); err == nil && info.Size() > 0 {
					break
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
		s.Stop("immediate")
	}()
	_, err := Stage(context.Background(), db, "t", Options{DSN: s.DSN(), Query: "SELECT i, repeat('x', 200) AS pad FROM generate_series(1, 50000000) AS i", Order: "(SELECT 1)", TempDir: temp})
	if err == nil || !strings.Contains(err.Error(), "connection was lost") || strings.Contains(err.Error(), postgrestest.Password) {
		t.Fatalf("after the server was gone: %v", err)
	}
	if entries, err := os.ReadDir(temp); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if got := texts(t, db, "SELECT count(*) FROM information_schema.tables"); got != "0" {
		t.Errorf("%s tables were kept", got)
	}
}

// A numeric of whole numbers keeps its digits, others are floating-point numbers.
func TestNumericKeepsDigits(t *testing.T) {
	s := postgrestest.Start(t)
	s.Exec(t, `CREATE TABLE ids (a numeric(20,0), b numeric, c numeric(60,0), d numeric, e numeric(38,2), f numeric);
INSERT INTO ids VALUES (18446744073709551001, 9007199254740993, 12345678901234567890123456789012345678901234567891, 9007199254740993.5, 9007199254740995.00, 12),
 (18446744073709551002, 9007199254740995, 12345678901234567890123456789012345678901234567892, 1, 9007199254740993.00, NULL), (NULL, NULL, NULL, NULL, NULL, 'NaN');`)
	db := database(t)
	if _, err := Stage(context.Background(), db, "ids", Options{DSN: s.DSN(), Table: "ids", TempDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if got := texts(t, db, "SELECT column_type FROM (DESCRIBE ids)"); got != "HUGEINT\nBIGINT\nVARCHAR\nDOUBLE\nBIGINT\nDOUBLE" {
		t.Errorf("types %s", got)
	}
	if got := texts(t, db, "SELECT a, b, c, e FROM ids WHERE a IS NOT NULL ORDER BY a"); got != "18446744073709551001|9007199254740993|12345678901234567890123456789012345678901234567891|9007199254740995\n18446744073709551002|9007199254740995|12345678901234567890123456789012345678901234567892|9007199254740993" {
		t.Errorf("read\n%s", got)
	}
}

func TestCanceled(t *testing.T) {
	s := postgrestest.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	temp := t.TempDir()
	_, err := Stage(ctx, database(t), "t", Options{DSN: s.DSN(), Query: "SELECT i FROM generate_series(1, 500000000) AS i", Order: "(SELECT 1)", TempDir: temp})
	if err == nil {
		t.Fatal("no error")
	}
	if entries, _ := os.ReadDir(temp); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}
