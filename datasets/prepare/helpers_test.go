package prepare

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/publish"
)

// folder makes a folder of files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func parse(t testing.TB, text string) *Config {
	t.Helper()
	cfg := new(Config)
	if err := yaml.UnmarshalWithOptions([]byte(text), cfg, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// run prepares data in a folder; the output is called out.
func run(t testing.TB, dir, text string) (*manifest.Dataset, error) {
	t.Helper()
	cfg := parse(t, text)
	cfg.Output = "out"
	return Run(context.Background(), cfg, Options{BaseDir: dir, Overwrite: true})
}

func mustRun(t testing.TB, dir, text string) *manifest.Dataset {
	t.Helper()
	d, err := run(t, dir, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rows returns what a query over the parts gives, values separated by blanks.
// The table is called out.
func rows(t testing.TB, dir, query string) []string {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	view := "CREATE VIEW out AS SELECT *, parse_filename(filename, true) AS part FROM read_parquet(" + duck.Literal(filepath.Join(dir, "out", "*.parquet")) + ", filename = true)"
	if err := db.Query(ctx, view, nil); err != nil {
		t.Fatal(err)
	}
	var out []string
	err = db.Query(ctx, "SELECT concat_ws(' ', *COLUMNS(*)) FROM ("+query+")", func(c *duck.Chunk) error {
		values, _ := duck.Vector[duck.String](c, 0)
		for i := range values {
			out = append(out, strings.Clone(values[i].Text()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantRows(t testing.TB, dir, query string, want ...string) {
	t.Helper()
	got := rows(t, dir, query)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\ngives\n  %s\nwant\n  %s", query, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// sums identifies all files of the output.
func sums(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	root := filepath.Join(dir, "out")
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		fmt.Fprintf(&b, "%s %x\n", rel, sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wantError checks that an error says all that it should, and that nothing is
// left behind.
func wantError(t testing.TB, dir string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error lacks %q:\n%v", p, err)
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() == "out" || strings.Contains(e.Name(), publish.Mark) {
			t.Errorf("%s was left behind after %v", e.Name(), err)
		}
	}
}

// copyTo writes a query to a file, in the format of its name.
func copyTo(t testing.TB, path, query string) {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(context.Background(), "COPY ("+query+") TO "+duck.Literal(path)+" (FORMAT "+strings.TrimPrefix(filepath.Ext(path), ".")+")", nil); err != nil {
		t.Fatal(err)
	}
}
