package behavior

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets"
	"debut/datasets/sealed"
)

func TestSealedCheckpoints(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_KEY", key.String())
	t.Setenv("TEST_OTHER", other.String())
	path := table(t, 700)
	const text = `
seed: 3
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount], weight: w}
model: {hidden: [{units: 16, dropout: 0.2}]}
train: {epochs: 5, batch: 48, early_stopping: {metric: auc, patience: 5}}
checkpoint: {every_steps: 4, keep: 3}
`
	open := train(t, configure(t, path, text))
	c := configure(t, path, text)
	c.Checkpoint.Identity = &datasets.Secret{Env: "TEST_KEY"}
	closed := interruptedRun(t, c, 9, 17, 4)
	sameRun(t, closed, open)
	files, err := filepath.Glob(filepath.Join(closed.Folder, "checkpoints", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if is, err := sealed.Is(file); err != nil || !is {
			t.Errorf("%s is not encrypted: %v", filepath.Base(file), err)
		}
	}
	err = filepath.WalkDir(closed.Folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(key.String())) {
			t.Errorf("%s tells the key", e.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Another key, or none, is not taken for damage: nothing is begun anew.
	c.Train.Epochs = 6
	c.Checkpoint.Identity = &datasets.Secret{Env: "TEST_OTHER"}
	if _, err := Train(context.Background(), c, Options{ConfigPath: "run.yaml", Resume: ResumeLast}); !errors.Is(err, sealed.ErrWrongKey) || strings.Contains(err.Error(), other.String()) {
		t.Errorf("another key: %v", err)
	}
	c.Checkpoint.Identity = &datasets.Secret{Env: "TEST_UNSET"}
	if _, err := Train(context.Background(), c, Options{ConfigPath: "run.yaml", Resume: ResumeLast}); err == nil || !strings.Contains(err.Error(), "checkpoint.identity") {
		t.Errorf("no key: %v", err)
	}
	// A byte changed, or the end cut off: the one before is taken, as without encryption.
	want := train(t, configure(t, path, strings.Replace(text, "epochs: 5", "epochs: 6", 1)))
	c.Checkpoint.Identity = &datasets.Secret{Env: "TEST_KEY"}
	newest := files[len(files)-1]
	content, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-3] ^= 1
	if err := os.WriteFile(newest, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	o, err := Train(context.Background(), c, Options{ConfigPath: "run.yaml", Resume: ResumeLast, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, o, want)
	if !strings.Contains(log.String(), "changed since it was encrypted") {
		t.Errorf("nothing was said about the damage:\n%s", log.String())
	}
}
