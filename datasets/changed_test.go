package datasets_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/prepare"
	"debut/datasets/publish"
	"debut/datasets/table"
)

// replaceFile puts another file of the same content, or of any, into the place of one.
func replaceFile(t *testing.T, path string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = errors.Join(os.WriteFile(path+".new", []byte(change(string(text))), 0o600), os.Rename(path+".new", path))
	}
	if err != nil {
		t.Error(err)
	}
}

func same(text string) string { return text }

// wantChanged checks that an error says that a file changed, and which.
func wantChanged(t *testing.T, err error, name string) {
	t.Helper()
	if !errors.Is(err, table.ErrChanged) || !strings.Contains(err.Error(), name+": it was replaced or written to while it was read; put it back, or begin anew") {
		t.Errorf("%v", err)
	}
}

// Prepared data that change under a training end it, however they do.
func TestStreamedDataChange(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"replaced": func(path string) error {
			replaceFile(t, path, same)
			return nil
		},
		"folder": func(path string) error { // as a preparation replaces it, without its lock
			dir := filepath.Dir(path)
			return errors.Join(os.CopyFS(dir+".new", os.DirFS(dir)), os.Rename(dir, dir+".old"), os.Rename(dir+".new", dir))
		},
		"removed": os.Remove,
		"written to": func(path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			b := make([]byte, 1)
			_, rerr := f.ReadAt(b, 1000)
			b[0]++
			_, werr := f.WriteAt(b, 1000)
			return errors.Join(rerr, werr, f.Close())
		},
		"cut off": func(path string) error { return os.Truncate(path, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			d := streamed(t, 9000)
			batches := d.Train.Batches(datasets.Order{Shuffle: true, Seed: 1, Window: 3000})
			defer batches.Close()
			take := func(from int) error {
				return batches.Rows(t.Context(), 0, from, 100, nil, func(*encoding.Encoded, []int32, int) {})
			}
			if err := take(0); err != nil {
				t.Fatal(err)
			}
			if err := change(d.Report.Files[0].Path); err != nil {
				t.Fatal(err)
			}
			// What is read ahead may have been complete before; the window behind it is not.
			var err error
			for from := 100; err == nil && from+100 <= d.Train.Rows(); from += 100 {
				err = take(from)
			}
			wantChanged(t, err, "train.parquet")
			for _, err = range d.Train.Blocks(t.Context()) {
				if err != nil {
					break
				}
			}
			wantChanged(t, err, "train.parquet")
		})
	}
}

// While prepared data are read, data prepare does not replace them, and while it does nobody begins to read them.
func TestStreamedDataAreHeld(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "rows.csv")
	var b strings.Builder
	b.WriteString("n,y\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%d,%d\n", i, i%2)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prepare.Config{Output: filepath.Join(dir, "data"), Sources: map[string]prepare.Source{"rows": {Source: table.Source{Path: configfile.Strings{file}}}}}
	again := prepare.Options{Overwrite: true}
	if _, err := prepare.Run(t.Context(), p, again); err != nil {
		t.Fatal(err)
	}
	load := func() (*datasets.Dataset, error) {
		return datasets.Load(t.Context(), &datasets.Config{Prepared: p.Output, Target: "y"}, "", 1, nil)
	}
	d, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prepare.Run(t.Context(), p, again); !errors.Is(err, publish.ErrBusy) || !strings.Contains(err.Error(), "a training reads the data in data") {
		t.Errorf("data that are read are replaced: %v", err)
	}
	dry := again
	dry.DryRun = true
	if _, err := prepare.Run(t.Context(), p, dry); err != nil {
		t.Errorf("nothing would be replaced: %v", err)
	}
	d.Close()
	var asked error
	again.Log = slog.New(hook{func() {
		if asked == nil {
			_, asked = load()
		}
	}})
	if _, err := prepare.Run(t.Context(), p, again); err != nil {
		t.Fatal(err)
	}
	if asked == nil || !strings.Contains(asked.Error(), "the data in data are being replaced; wait for its end") {
		t.Errorf("data that are being replaced are read: %v", asked)
	}
	if d, err = load(); err != nil {
		t.Fatal(err)
	}
	d.Close()
}

// hook is a log that does something with each message.
type hook struct{ do func() }

func (h hook) Enabled(context.Context, slog.Level) bool { return true }
func (h hook) Handle(context.Context, slog.Record) error {
	h.do()
	return nil
}
func (h hook) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h hook) WithGroup(string) slog.Handler      { return h }

// A file that is replaced when it has been read, and before its hash is taken, would give the run the name of other data.
func TestSourceChangesBeforeItsHash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rows.csv")
	var b strings.Builder
	b.WriteString("n,d,y\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%d,%02d.01.2026,%d\n", i, 1+i%28, i%2)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := false
	log := slog.New(hook{func() { // tells how the dates are written, once all rows are read
		if !changed {
			replaceFile(t, path, func(text string) string { return strings.ReplaceAll(text, "\n7,", "\n8,") })
		}
		changed = true
	}})
	_, err := datasets.Load(t.Context(), &datasets.Config{Source: table.Source{Path: configfile.Strings{path}}, Target: "y"}, "", 1, log)
	if !changed {
		t.Fatal("nothing was logged before the hash")
	}
	wantChanged(t, err, "rows.csv")
}

// Predictions are of one file or there are none.
func TestBlocksOfAFileThatChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.csv")
	if err := os.WriteFile(path, []byte("n,y\n"+strings.Repeat("1,2\n", 50_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	src := table.Source{Path: configfile.Strings{path}}
	blocks, err := 0, error(nil)
	for _, err = range table.Blocks(t.Context(), src, "", table.ReadOptions{}, 100) {
		if blocks++; blocks == 1 {
			replaceFile(t, path, same)
		}
	}
	if blocks < 2 {
		t.Fatalf("%d blocks", blocks)
	}
	wantChanged(t, err, "rows.csv")
	// Whoever wanted the beginning alone has it.
	for _, err := range table.Blocks(t.Context(), src, "", table.ReadOptions{}, 100) {
		if err != nil {
			t.Error(err)
		}
		replaceFile(t, path, same)
		break
	}
}
