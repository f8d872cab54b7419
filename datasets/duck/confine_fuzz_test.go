package duck

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzSQL takes texts for what a user wrote, and runs those that pass. None shows what is in other files than those of the
// source, writes a file, changes a table or a setting, or ends the process.
func FuzzSQL(f *testing.F) {
	for _, sql := range append(foreign, native...) {
		f.Add(strings.ReplaceAll(sql, "DIR", "."))
	}
	f.Add("SELECT a FROM data UNION SELECT content FROM read_text('secret.txt')")
	var db *DB
	dir := f.TempDir()
	f.Chdir(dir)
	source := filepath.Join(dir, "data.csv")
	const secret = "hunter2"
	for name, text := range map[string]string{"data.csv": "a,b\n1,2\n", "secret.txt": secret, "secret.csv": "a\n" + secret + "\n", "secret.json": `{"a": "` + secret + `"}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.Cleanup(func() {
		if db != nil {
			db.Close()
		}
	})
	f.Fuzz(func(t *testing.T, sql string) {
		if db == nil {
			var err error
			if db, err = Open(Options{Threads: 1, Memory: 256 << 20, TempDir: filepath.Join(dir, "spill")}); err != nil {
				t.Fatal(err)
			}
			for _, sql := range []string{"CREATE VIEW data AS FROM read_csv(" + Literal(source) + ")", "CREATE TABLE t AS SELECT range AS i, 'x' AS s FROM range(100)"} {
				if err := db.Query(t.Context(), sql, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Confine(t.Context(), []string{source}, nil); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		defer func() {
			if ctx.Err() != nil { // it may have left a statement behind
				db.Close()
				db = nil
			}
		}()
		_, from, err := settled(ctx, db, sql)
		if err != nil {
			return
		}
		err = db.Stream(ctx, "SELECT CAST(q AS VARCHAR) FROM "+from+" AS q", func(c *Chunk) error {
			rows, _ := Vector[String](c, 0)
			for i := range rows {
				if strings.Contains(rows[i].Text(), secret) {
					t.Fatalf("%q reads %q", sql, rows[i].Text())
				}
			}
			return nil
		})
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Fatalf("%q: %v", sql, err)
		}
		if ctx.Err() != nil {
			return
		}
		if err := db.Query(ctx, "SELECT error('another') FROM t HAVING count(*) <> 100 OR sum(i) <> 4950 OR bool_or(s <> 'x')", nil); err != nil && ctx.Err() == nil {
			t.Fatalf("%q: %v", sql, err)
		}
		if err := db.Query(ctx, "SELECT * FROM read_text('secret.txt')", nil); err == nil {
			t.Fatalf("%q opened the box", sql)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 5 { // with the folder to spill to
			t.Fatalf("%q left %v, %v", sql, entries, err)
		}
	})
}
