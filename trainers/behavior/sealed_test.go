package behavior

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/sealed"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/trainers/model"
	"debut/trainers/run"
	"debut/trainers/runfolder"
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
	path := tableFile(t, 700)
	const text = `
seed: 3
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount], weight: w}
model: {hidden: [{units: 16, dropout: 0.2}]}
train: {epochs: 5, batch: 48, schedule: {kind: constant}, early_stopping: {metric: auc, patience: 5}}
checkpoint: {every_steps: 4, keep: 3}
`
	open := train(t, configure(t, path, text))
	c := configure(t, path, text)
	c.Checkpoint.Identity = &configfile.Secret{Env: "TEST_KEY"}
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
	c.Checkpoint.Identity = &configfile.Secret{Env: "TEST_OTHER"}
	if _, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast}); !errors.Is(err, sealed.ErrWrongKey) || strings.Contains(err.Error(), other.String()) {
		t.Errorf("another key: %v", err)
	}
	c.Checkpoint.Identity = &configfile.Secret{Env: "TEST_UNSET"}
	if _, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast}); err == nil || !strings.Contains(err.Error(), "checkpoint.identity") {
		t.Errorf("no key: %v", err)
	}
	// A byte changed, or the end cut off: the one before is taken, as without encryption.
	want := train(t, configure(t, path, strings.Replace(text, "epochs: 5", "epochs: 6", 1)))
	c.Checkpoint.Identity = &configfile.Secret{Env: "TEST_KEY"}
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
	o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	sameRun(t, o, want)
	if !strings.Contains(log.String(), "changed since it was encrypted") {
		t.Errorf("nothing was said about the damage:\n%s", log.String())
	}
}

func TestSealedModel(t *testing.T) {
	if testing.Short() {
		t.Skip("scrypt takes a minute under the race detector, which has the rest of sealed data in other tests")
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_KEY", key.String())
	t.Setenv("TEST_PASSPHRASE", "correct horse battery")
	path := tableFile(t, 300)
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"network": "model: {hidden: [{units: 4}]}\ntrain: {epochs: 2, batch: 48}\n",
		"linear":  "model: {kind: linear}\ntrain: {epochs: 2, batch: 48}\n",
	} {
		text = "seed: 3\ndata: {source: {path: PATH}, target: y, id: id, ignore: [k, amount], weight: w}\n" + text
		plain := train(t, configure(t, path, text))
		c := configure(t, path, text)
		c.Encrypt = &sealed.Encryption{Recipients: configfile.Strings{key.Recipient().String()}}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "checkpoint: {identity") {
			t.Errorf("checkpoints in the clear: %v", err)
		}
		c.Checkpoint.Identity = &configfile.Secret{Env: "TEST_KEY"}
		closed := train(t, c)
		want, err := Open(plain.Folder, dev)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(closed.Folder, dev, other, key)
		if err != nil {
			t.Fatal(err)
		}
		src := table.Source{Path: configfile.Strings{path}}
		a, err := model.Collect(want.Predict(context.Background(), src, "", encoding.Input{}))
		if err != nil {
			t.Fatal(err)
		}
		b, err := model.Collect(got.Predict(context.Background(), src, "", encoding.Input{}))
		if err != nil || !reflect.DeepEqual(a, b) || !reflect.DeepEqual(want.Coefficients, got.Coefficients) {
			t.Errorf("%s: other predictions, or coefficients; %v", name, err)
		}
		// Values and names of columns are in no file of the model.
		files, err := filepath.Glob(filepath.Join(closed.Folder, "model", "*"))
		count := 4
		if got.Coefficients != nil {
			count++
		}
		if err != nil || len(files) != count {
			t.Fatalf("%v, %v", files, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if is, err := sealed.Is(file); err != nil || is == (filepath.Base(file) == "model.json") {
				t.Errorf("%s: encrypted %v, %v", file, is, err)
			}
			if bytes.Contains(content, []byte(`"weight"`)) || bytes.Contains(content, []byte(`"classes"`)) || bytes.Contains(content, []byte(`"fields"`)) {
				t.Errorf("%s tells about the data", file)
			}
		}
		sealedResult(t, name, closed, plain, key)
		if _, err := Open(closed.Folder, dev); !errors.Is(err, sealed.ErrNoKey) {
			t.Errorf("no key: %v", err)
		}
		if _, err := Open(closed.Folder, dev, other); !errors.Is(err, sealed.ErrWrongKey) {
			t.Errorf("another key: %v", err)
		}
		// A changed byte of any of them is noticed, by the checksum or the cipher.
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := bytes.Clone(content)
			changed[len(changed)*2/3] ^= 1
			if err := os.WriteFile(file, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(closed.Folder, dev, key); err == nil {
				t.Errorf("%s: a changed byte is not noticed", filepath.Base(file))
			}
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := configure(t, path, "seed: 3\ndata: {source: {path: PATH}, target: y, id: id, ignore: [k, amount], weight: w}\nmodel: {kind: linear}\ntrain: {epochs: 1}\ncheckpoint: {identity: {env: TEST_KEY}}\n")
	c.Encrypt = &sealed.Encryption{Passphrase: &configfile.Secret{Env: "TEST_PASSPHRASE"}}
	o := train(t, c)
	keys, err := sealed.Identities("", "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o.Folder, dev, keys...); err != nil {
		t.Error(err)
	}
	c.Encrypt = &sealed.Encryption{Recipients: configfile.Strings{"age1nonsense"}}
	c.Name = "never"
	if _, err := run.Train(context.Background(), c, run.Options{}); err == nil || !strings.Contains(err.Error(), "encrypt.recipients") {
		t.Errorf("no key: %v", err)
	}
}

// sealedResult checks that what an encrypted run tells about values of the data is encrypted, and that nothing is lost.
func sealedResult(t *testing.T, name string, closed, plain *run.Outcome, key age.Identity) {
	t.Helper()
	if closed.Coefficients != nil {
		t.Errorf("%s: the outcome has coefficients", name)
	}
	var text bytes.Buffer
	if err := sealed.Decrypt(&text, filepath.Join(closed.Folder, runfolder.SealedFile), []age.Identity{key}); err != nil {
		t.Fatal(err)
	}
	var all runfolder.RunResult
	if err := json.Unmarshal(text.Bytes(), &all); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(all.Metrics, plain.Result.Metrics) {
		t.Errorf("%s: the encrypted metrics are %+v, want %+v", name, all.Metrics, plain.Result.Metrics)
	}
	for part, m := range closed.Result.Metrics {
		if m.Classes != nil || m.Confusion != nil || m.Calibration != nil || !reflect.DeepEqual(m.Values, plain.Result.Metrics[part].Values) {
			t.Errorf("%s: the outcome's metrics are %+v", name, m)
		}
	}
	err := filepath.WalkDir(closed.Folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(path) == runfolder.ConfigFile {
			return err
		}
		content, err := os.ReadFile(path)
		if is, ierr := sealed.Is(path); ierr != nil || is {
			return errors.Join(err, ierr)
		}
		for _, telling := range []string{"confusion", "classes", "support", "observed", "warnings", `"columns"`} {
			if bytes.Contains(content, []byte(telling)) {
				t.Errorf("%s: %s holds %s", name, e.Name(), telling)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
