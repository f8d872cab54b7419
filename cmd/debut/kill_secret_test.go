package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// The full proof: go test ./cmd/debut -run TestKillLeavesNothing -secret-kills 100 -v
var secretKills = flag.Int("secret-kills", 6, "how often each command that has secrets is killed")

// marker is in every raw row, and in nothing that may be found after a kill.
const marker = "quagga"

// secretPlace makes a folder with raw rows, keys, and files that prepare, train and predict on them.
func secretPlace(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var rows bytes.Buffer
	rows.WriteString("id,a,b,y\n")
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range 6000 {
		fmt.Fprintf(&rows, "%s%06d,%.5f,%s%d,%d\n", marker, i, rnd.Float64(), marker, rnd.IntN(9), rnd.IntN(2))
	}
	data := "output: OUT\nseed: 1\nthreads: 1\nencrypt: {recipients: [" + key.Recipient().String() + "]}\nkey: {env: TEST_PSEUDONYMS}\n" +
		"sources: {s: {path: rows.csv}}\nfrom: s\nsteps: [{pseudonymize: {id: id}}]\nsplit: {method: random, test: 0.3}\n"
	for name, text := range map[string]string{
		"rows.csv": rows.String(), "kept.yaml": strings.Replace(data, "OUT", "kept", 1),
		"data.yaml": strings.Replace(data, "OUT", "out/made", 1) + "temp: tmp/work\n",
		"run.yaml": "name: r\nseed: 1\nthreads: 1\ndata: {prepared: kept, decrypt: {identity: {env: TEST_KEY}}, target: y, ignore: [id]}\n" +
			"model: {hidden: [{units: 4}]}\ntrain: {epochs: 20}\ncheckpoint: {every_steps: 20, identity: {env: TEST_KEY}}\n" +
			"encrypt: {recipients: [" + key.Recipient().String() + "]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"tmp", "out"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir, []string{"TEST_KEY=" + key.String(), "TEST_PSEUDONYMS=a key of many characters", "TMPDIR=" + filepath.Join(dir, "tmp")}
}

// below lists the files below a folder, and what in them is not encrypted must not hold the marker.
func below(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(content, []byte(marker)) {
			t.Errorf("%s holds raw values", path)
		}
		name, err := filepath.Rel(dir, path)
		files = append(files, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestKillLeavesNothing kills commands that read or write secrets: no file with a raw value has a name afterwards, at whatever
// moment, and what is left of temporary folders goes with the next command.
func TestKillLeavesNothing(t *testing.T) {
	processes(t)
	dir, env := secretPlace(t)
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	debut(t, dir, 0, "data", "prepare", "kept.yaml", "-q")
	debut(t, dir, 0, "train", "run.yaml", "-q", "--output", "models", "--set", "train.epochs=1")
	tmp, out := filepath.Join(dir, "tmp"), filepath.Join(dir, "out")
	kills := *secretKills
	for _, c := range []struct {
		name    string
		args    []string
		outputs func(name string) bool
	}{
		{"train", []string{"train", "run.yaml", "-q", "--output", "out"}, func(name string) bool { return strings.HasPrefix(name, "r/") }},
		{"prepare", []string{"data", "prepare", "data.yaml", "-q"}, func(name string) bool {
			return strings.HasPrefix(name, "made/") || strings.HasPrefix(name, ".made.preparing-")
		}},
		{"predict csv", []string{"predict", "models/r", "rows.csv", "--identity", "env:TEST_KEY", "-q", "-o", "out/p.csv"}, func(name string) bool { return name == "p.csv" || strings.HasPrefix(name, ".p.csv.tmp-") }},
		{"predict parquet", []string{"predict", "models/r", "rows.csv", "--identity", "env:TEST_KEY", "-q", "-o", "out/p.parquet"}, func(name string) bool { return name == "p.parquet" || strings.HasPrefix(name, ".p.parquet.tmp-") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			empty := func() {
				t.Helper()
				for _, folder := range []string{out, tmp} {
					if err := os.RemoveAll(folder); err != nil {
						t.Fatal(err)
					}
					if err := os.Mkdir(folder, 0o700); err != nil {
						t.Fatal(err)
					}
				}
			}
			empty()
			begin := time.Now()
			debut(t, dir, 0, c.args...)
			length := time.Since(begin)
			whole := below(t, out)
			if left := below(t, tmp); len(left) > 0 {
				t.Errorf("left by a command that ended: %q", left)
			}
			rnd := rand.New(rand.NewPCG(*killSeed, 1))
			killed := 0
			for try := 0; killed < kills && try < 5*kills+10; try++ {
				empty()
				begin := time.Now()
				p := start(t, dir, c.args...)
				if !kill(t, p, time.Duration(rnd.Float64()*float64(length))) {
					length = min(length, time.Since(begin)) // the machine was busier before
					continue
				}
				killed++
				for _, name := range below(t, out) {
					if !c.outputs(name) {
						t.Errorf("left among the outputs: %s", name)
					}
					if strings.HasPrefix(name, "made/") && !slices.Contains(whole, name) {
						t.Errorf("%s is there, of %q", name, whole)
					}
				}
				for _, name := range below(t, tmp) {
					// The database has a name, and is empty, while it is opened.
					if base := filepath.Base(name); base != ".debut-scratch.lock" && base != "work.duckdb" && !strings.Contains(name, "spill") {
						t.Errorf("left among the temporary files: %s", name)
					}
				}
				// The next of its kind removes that.
				args := c.args
				switch c.name {
				case "train":
					args = append(slices.Clone(args), "--resume", "--set", "train.epochs=2")
				case "prepare": // the killed one may have come to its end
					args = append(slices.Clone(args), "--overwrite")
				}
				if killed == kills {
					debut(t, dir, 0, args...)
					if left := below(t, tmp); len(left) > 0 {
						t.Errorf("left after the next command: %q", left)
					}
					for _, name := range below(t, out) {
						if !c.outputs(name) || strings.HasPrefix(name, ".made") {
							t.Errorf("beside the output: %s", name)
						}
					}
				}
			}
			if killed < kills {
				t.Errorf("only %d of %d were killed in time", killed, kills)
			}
			t.Logf("%d kills within %v", killed, length.Round(time.Millisecond))
		})
	}
}
