package duck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A statement whose preparation reads a whole file is left behind when its
// context ends; the database stays usable, and can be closed meanwhile.
func TestPreparationIsLeftBehind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rows.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300_000 {
		_, _ = fmt.Fprintf(f, "{\"a\": %d, \"b\": \"text %d\", \"c\": %d.5, \"d\": \"2026-01-%02d\"}\n", i, i, i, 1+i%28)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	sql := "SELECT * FROM read_json(" + Literal(file) + ", sample_size = -1)"
	for name, call := range map[string]func(context.Context, *DB) error{
		"query":    func(ctx context.Context, db *DB) error { return db.Query(ctx, sql, nil) },
		"describe": func(ctx context.Context, db *DB) error { _, err := db.Describe(ctx, sql); return err },
	} {
		db := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- call(ctx, db) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if got := texts(t, db, "SELECT 42 AS x"); len(got) != 1 || got[0] != "42" {
			t.Errorf("%s: afterwards %v", name, got)
		}
		ctx, cancel = context.WithCancel(t.Context())
		go func() { ended <- call(ctx, db) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s again: %v", name, err)
		}
		db.Close()
	}
}

// An interrupt ends a query wherever it comes: none is lost between the
// preparation and the execution, and none reaches the next query.
func TestInterrupt(t *testing.T) {
	db := open(t)
	for i := range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			ended <- db.Query(ctx, "SELECT count(*) FROM range(1000000000) a(x), range(1000000000) b(y) WHERE x + y < 0", nil)
		}()
		for range i * 1000 { // about as long as a preparation takes
			_ = ctx.Err()
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if got := texts(t, db, "SELECT sum(x)::BIGINT AS s FROM range(10) r(x)"); len(got) != 1 || got[0] != "45" {
			t.Fatalf("afterwards %v", got)
		}
	}
}

// Whatever a statement computes, it ends for the caller soon after its context, and the database can be closed.
func TestEndlessStatements(t *testing.T) {
	for _, sql := range []string{
		"WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT count(*) FROM a",
		"SELECT count(*) FROM range(1000000000000) r(x) WHERE x % 7 = 8",
		"SELECT count(*) FROM t a, t b, t c, t d, t e WHERE a.i + b.i + c.i + d.i + e.i < 0",
		"SELECT a.i FROM t a, t b, t c, t d, t e WHERE a.i + b.i + c.i + d.i + e.i < 0",
		// One call of a function: of a constant while the statement is prepared, of rows while it runs.
		"SELECT levenshtein(repeat('ab', 25000), repeat('ba', 25000))",
		"SELECT levenshtein(repeat(s, 25000), repeat('ba', 25000)) FROM t LIMIT 1",
		"SELECT i FROM t WHERE levenshtein(repeat(s, 25000), repeat('ba', 25000)) > i",
	} {
		for name, run := range map[string]func(context.Context, *DB) error{
			"query":  func(ctx context.Context, db *DB) error { return db.Query(ctx, sql, func(*Chunk) error { return nil }) },
			"stream": func(ctx context.Context, db *DB) error { return db.Stream(ctx, sql, func(*Chunk) error { return nil }) },
		} {
			db := open(t)
			if err := db.Query(t.Context(), "CREATE TABLE t AS SELECT range AS i, 'ab' AS s FROM range(10000)", nil); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- run(ctx, db) }()
			time.Sleep(20 * time.Millisecond)
			cancel()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("%s %s: %v", name, sql, err)
				}
			case <-time.After(20 * time.Second): // on a busy machine too
				t.Fatalf("%s %s does not end", name, sql)
			}
			db.Close()
		}
	}
}
