package datasets

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// countdown is a context that ends when it has been asked so often whether it
// has: in the middle of the work, however fast that is.
type countdown struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelFunc
}

func endsAfter(t *testing.T, questions int) *countdown {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c := &countdown{Context: ctx, cancel: cancel}
	c.left.Store(int64(questions))
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) == 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// manyRows writes the same rows in every format that is read.
func manyRows(t *testing.T, rows int) (dir string, sources map[string]table.Source) {
	t.Helper()
	dir = t.TempDir()
	var b, j strings.Builder
	b.WriteString("n,day,city,title,y\n")
	for i := range rows {
		fmt.Fprintf(&b, "%d.5,2026-01-%02d,c%d,title of item %d,%d\n", i, 1+i%28, i%50, i, i%2)
		fmt.Fprintf(&j, "{\"n\":%d.5,\"day\":\"2026-01-%02d\",\"city\":\"c%d\",\"title\":\"title of item %d\",\"y\":%d}\n", i, 1+i%28, i%50, i, i%2)
	}
	writeTo(t, dir, "rows.csv", b.String())
	writeTo(t, dir, "rows.jsonl", j.String())
	z, err := os.Create(filepath.Join(dir, "rows.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(z)
	_, err = w.Write([]byte(b.String()))
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), "COPY (SELECT * FROM read_csv("+duck.Literal(filepath.Join(dir, "rows.csv"))+")) TO "+duck.Literal(filepath.Join(dir, "rows.parquet"))+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	sources = map[string]table.Source{"query": {Path: configfile.Strings{"rows.csv"}, Query: "SELECT * FROM data ORDER BY title"}}
	for _, name := range []string{"rows.csv", "rows.csv.gz", "rows.jsonl", "rows.parquet"} {
		sources[name] = table.Source{Path: configfile.Strings{name}}
	}
	return dir, sources
}

// Whenever the context ends, so does loading, with its error and no other.
func TestCanceledLoad(t *testing.T) {
	dir, sources := manyRows(t, 30_000)
	for name, src := range sources {
		for _, questions := range []int{1, 2, 3, 5, 8, 12, 20} {
			cfg := Config{Source: src, Target: "y", Columns: map[string]encoding.Column{"title": {Type: table.TypeText, Dimensions: 16}}}
			d, err := Load(endsAfter(t, questions), &cfg, dir, 1, nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, ended after %d questions: %v, %v", name, questions, d, err)
			} else if strings.Contains(err.Error(), "INTERRUPT") {
				t.Errorf("%s: the database's words: %v", name, err)
			}
		}
	}
}
