package prepare

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/storefront/history"
	"debut/datasets/table"
)

// What is replaced is what an earlier preparation has written, and nothing else.
func TestOverwriteRemovesItsOwnAlone(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	mustRun(t, dir, source)
	for _, name := range []string{"notes.txt", "mine/notes.txt", "vocabulary/notes.txt", "train.parquet.bak"} {
		path := filepath.Join(dir, "out", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("mine"), 0o600)); err != nil {
			t.Fatal(err)
		}
		before := sums(t, dir)
		_, err := run(t, dir, source)
		if err == nil || !errors.As(err, new(interface{ FieldPath() string })) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
		if after := sums(t, dir); after != before {
			t.Errorf("%s: the folder has changed from\n%s\nto\n%s", name, before, after)
		}
		// The remedy.
		if err := os.Rename(path, filepath.Join(dir, "moved")); err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(name) != "." {
			if err := os.Remove(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
		}
		mustRun(t, dir, source)
	}
	// A description that cannot be read is replaced with what is known to be of it.
	if err := os.WriteFile(filepath.Join(dir, "out", manifest.File), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, source)
}

// Of all that a preparation can write, nothing is taken for somebody else's.
func TestOverwriteOfEverything(t *testing.T) {
	var many strings.Builder
	many.WriteString("id,n\n")
	for i := range 3000 {
		many.WriteString("c" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + ",1\n")
	}
	many.WriteString("bad,1,2,3\n")
	dir := folder(t, map[string]string{"many.csv": many.String()})
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	const text = "sources: {m: {path: many.csv}}\nrejects: {limit: 5, file: odd.csv}\n"
	for _, more := range []string{"", "encrypt: {recipients: [" + key.Recipient().String() + "]}\n", ""} {
		d := mustRun(t, dir, text+more)
		if (d.Columns[0].VocabularyFile == "") == (more == "") || d.Rejected != 1 {
			t.Errorf("%+v", d)
		}
	}
}

func TestSourceInTheOutput(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	mustRun(t, dir, source)
	before := sums(t, dir)
	for from, place := range map[string]string{
		"{path: out/train.parquet}":                                  "sources.s.path.0",
		"{path: [orders.csv, 'out/*.json'], format: csv}":            "sources.s.path.1",
		"{path: 'out/t*.parquet'}":                                   "sources.s.path.0",
		"{path: out/train.parquet, format: npy}":                     "sources.s.path.0",
		"{path: orders.csv, format: npy, ids: out/dataset.json}":     "sources.s.ids",
		"{path: out/dataset.json, format: log, names: [user, item]}": "sources.s.path.0",
	} {
		_, err := run(t, dir, "sources: {s: "+from+"}\n")
		var at interface{ FieldPath() string }
		if !errors.As(err, &at) || at.FieldPath() != place || !strings.Contains(err.Error(), "lies in the output folder, out,") {
			t.Errorf("%s: %v", from, err)
		}
	}
	if sums(t, dir) != before {
		t.Error("the output has changed")
	}
}

// Neither command replaces what the other has made.
func TestPreparedAndSimulated(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	shop := history.Default()
	shop.Users, shop.Items, shop.Days, shop.Events = 20, 10, 40, 500
	out := filepath.Join(dir, "out")
	simulate := func() error {
		_, err := history.Write(t.Context(), out, shop, history.Options{Overwrite: true})
		return err
	}
	mustRun(t, dir, source)
	before := sums(t, dir)
	if err := simulate(); !errors.Is(err, publish.ErrExists) || !strings.Contains(err.Error(), "no simulation made") || sums(t, dir) != before {
		t.Errorf("a simulation replaces prepared data: %v", err)
	}
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(simulate(), simulate()); err != nil {
		t.Fatal(err)
	}
	shop.Warehouses, shop.Suppliers, shop.Candidates = 2, 2, 3
	if err := errors.Join(simulate(), simulate()); err != nil {
		t.Fatal(err)
	}
	before = sums(t, dir)
	if _, err := run(t, dir, source); err == nil || !strings.Contains(err.Error(), "debut data simulate made") || sums(t, dir) != before {
		t.Errorf("a preparation replaces a simulation: %v", err)
	}
	mine := filepath.Join(out, "truth", "notes.txt")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := simulate(); !errors.Is(err, publish.ErrExists) || !strings.Contains(err.Error(), `holds "truth/notes.txt"`) {
		t.Errorf("a simulation removes a file: %v", err)
	}
}

// The tables of a simulated shop are sources of prepared data as all are, and its description has them.
func TestTablesOfASimulation(t *testing.T) {
	dir := folder(t, nil)
	shop := history.Default()
	shop.Users, shop.Items, shop.Days, shop.Events, shop.Warehouses, shop.Suppliers = 20, 10, 40, 500, 2, 2
	if _, err := history.Write(t.Context(), filepath.Join(dir, "shop"), shop, history.Options{}); err != nil {
		t.Fatal(err)
	}
	d, err := manifest.Read(filepath.Join(dir, "shop"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"warehouse_weeks", "edges", "truth/stock", "items"} {
		if !d.Owns(name+".parquet") || !slices.ContainsFunc(d.Tables, func(t manifest.Table) bool { return t.File == name+".parquet" && t.Rows > 0 && len(t.SHA256) == 64 }) {
			t.Errorf("the description does not tell of %s", name)
		}
	}
	mustRun(t, dir, `sources:
  weeks: {path: shop/warehouse_weeks.parquet}
  warehouses: {path: shop/warehouses.parquet}
from: weeks
steps: [{join: {table: warehouses, on: warehouse}}]
`)
	prepared, err := manifest.Read(filepath.Join(dir, "out"))
	if err != nil || prepared.Column("sold") == nil || prepared.Column("holding_cost_year") == nil || prepared.Rows == 0 {
		t.Errorf("%+v, %v", prepared, err)
	}
}

// Files that change between their readings end a preparation: its description would name other data than it holds.
func TestSourceChangesMeanwhile(t *testing.T) {
	for name, from := range map[string]string{
		"table": "{path: data}", "query": "{path: data, query: SELECT * FROM data}", "log": "{path: data, format: log, delimiter: ',', names: [user, item]}",
	} {
		const rows = "user,item\n1,2\n3,4\n"
		dir := folder(t, map[string]string{"data": rows})
		path := filepath.Join(dir, "data")
		change := func() {
			if err := errors.Join(os.WriteFile(path+".new", []byte(strings.ReplaceAll(rows, "3", "5")), 0o600), os.Rename(path+".new", path)); err != nil {
				t.Error(err)
			}
		}
		cfg := parse(t, "output: out\nsources: {s: "+from+"}\n")
		cfg.SetDefaults()
		p := &pipeline{ctx: context.Background(), cfg: cfg, baseDir: dir, dir: t.TempDir(), temp: t.TempDir(), laid: map[string]bool{}, log: slog.New(slog.DiscardHandler)}
		if err := p.openDatabase(); err != nil {
			t.Fatal(err)
		}
		defer p.db.Close()
		if err := p.openSource("s"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := p.db.Query(t.Context(), "DROP TABLE s", nil); err != nil {
			t.Fatal(err)
		}
		// Once more, and now the file is replaced before it is hashed.
		p.ctx = &then{Context: t.Context(), do: change}
		if err := p.openSource("s"); !errors.Is(err, table.ErrChanged) || !strings.Contains(err.Error(), "data: it was replaced or written to") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// then is a context that does something the first time it is asked whether it has ended: after the beginning of the work.
type then struct {
	context.Context
	do func()
}

func (c *then) Err() error {
	if c.do != nil {
		c.do()
		c.do = nil
	}
	return c.Context.Err()
}
