package table

import (
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// TestDeepJSON reads files of JSON that are nested deeper than the stack of DuckDB.
func TestDeepJSON(t *testing.T) {
	const levels = 100000
	object := `{"x1":` + strings.Repeat(`{"a":`, levels) + `1` + strings.Repeat(`}`, levels) + `,"y":1}` + "\n"
	list := `{"x1":` + strings.Repeat(`[`, levels) + `1` + strings.Repeat(`]`, levels) + `,"y":1}` + "\n"
	flat := strings.Repeat(`{"x1":1,"y":1}`+"\n", 3)
	for name, c := range map[string]struct{ file, text, place string }{
		"objects":     {"rows.json", object, "rows.json:1"},
		"lists":       {"rows.jsonl", flat + list, "rows.jsonl:4"},
		"one list":    {"rows.json", "[\n" + strings.TrimSuffix(object, "\n") + "\n]", "rows.json:2"},
		"compressed":  {"rows.ndjson.gz", flat + object, "rows.ndjson.gz:4"},
		"named other": {"rows.txt", object, "rows.txt:1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			text := c.text
			if strings.HasSuffix(c.file, ".gz") {
				var b strings.Builder
				z := gzip.NewWriter(&b)
				if _, err := z.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				if err := z.Close(); err != nil {
					t.Fatal(err)
				}
				text = b.String()
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := duck.Open(duck.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			ctx := context.Background()
			src := Source{Path: configfile.Strings{path}, Format: "json"}
			query := src
			query.Query = "SELECT y FROM data"
			_, open := Open(ctx, db, src, "", Options{})
			_, survey := OpenSurvey(ctx, src, "", ReadOptions{})
			_, read := Read(ctx, src, "", map[string]string{"x1": TypeIgnore})
			_, queried := Read(ctx, query, "", nil)
			for command, err := range map[string]error{"prepare": open, "inspect": survey, "train": read, "query": queried} {
				if err == nil || !strings.Contains(err.Error(), c.place+": the value is nested more than 100 deep") {
					t.Errorf("%s: %v", command, err)
				}
			}
		})
	}
}
