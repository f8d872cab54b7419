package behavior

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/trainers/model"
)

// forgery is a change that must be refused, or, where it is harmless, must change no prediction.
type forgery struct {
	name     string
	change   func(f *forger)
	harmless bool
}

// bound is what opening and predicting may allocate for one of the golden models, in bytes, beside ten times its files' size, up to 40 MiB.
const bound = 64 << 20

// judge opens a forged model and predicts with it. A panic is an error that begins with its name.
func judge(dev kernels.Device, dir string, keys []age.Identity, want *model.Predictions, data table.Source) (same bool, allocated uint64, err error) {
	before := allocations()
	same, err = func() (same bool, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		m, err := Open(dir, dev, keys...)
		if err != nil {
			return false, err
		}
		got, err := model.Collect(m.Predict(context.Background(), data, "", encoding.Input{}))
		return err == nil && reflect.DeepEqual(got, want), err
	}()
	return same, allocations() - before, err
}

// sizeOf adds up the files in a folder.
func sizeOf(t *testing.T, dir string) (bytes uint64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			bytes += uint64(info.Size())
		}
	}
	return bytes
}

// allocations is runtime.MemStats.TotalAlloc, without stopping the world.
func allocations() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func forgingDevice(t testing.TB) kernels.Device {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// goldenRows are the first rows of the golden data.
func goldenRows(t testing.TB) table.Source {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(goldenModelsDir, "data.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	path := filepath.Join(t.TempDir(), "data.csv")
	if err := os.WriteFile(path, bytes.Join(lines[:60], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return table.Source{Path: configfile.Strings{path}}
}

// Whatever is changed in a model's folder, with checksums made anew: either it is refused, with an error that names the file, or
// the model answers as before. Changes to another model that could as well have been trained, of a mean or an activation, cannot
// be told and are not among these.
func TestForgedModels(t *testing.T) {
	dev, data := forgingDevice(t), goldenRows(t)
	cases, harmless := 0, 0
	for _, kind := range []string{"network", "multiclass", "linear", "exact", "streamed", "sealed", "activations", "decided"} {
		base := openForger(t, kind)
		first, err := Open(filepath.Join(goldenModelsDir, kind, "model"), dev, base.keys...)
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.Collect(first.Predict(context.Background(), data, "", encoding.Input{}))
		if err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		list := slices.Concat(treeForgeries(base), tensorForgeries(base))
		every := map[string]int{"multiclass": 2, "exact": 6, "streamed": 6, "sealed": 6, "activations": 4, "decided": 12}[kind] // their files are much as those of the others
		every = max(1, every)
		if testing.Short() { // as under the race detector, which finds no more in all of them
			every *= 10
		}
		some := list[:0]
		for i, forged := range list {
			if i%every == 0 || strings.HasPrefix(forged.name, "model.decision") {
				some = append(some, forged)
			}
		}
		list = some
		list = slices.Concat(list, modelForgeries(base), encoderForgeries(base), folderForgeries(base))
		base.written = map[string]writtenFile{}
		seen := map[string]bool{}
		for i, forged := range list {
			if seen[forged.name] {
				t.Fatalf("two forgeries are called %s", forged.name)
			}
			seen[forged.name] = true
			f := base.clone(t)
			forged.change(f)
			dir := root
			if f.folder != nil {
				if dir = filepath.Join(root, fmt.Sprint(i)); os.Mkdir(dir, 0o700) != nil {
					t.Fatal(dir)
				}
			}
			f.write(t, dir)
			same, allocated, err := judge(dev, dir, f.keys, want, data)
			if cases++; allocated > bound+10*min(sizeOf(t, dir), 4<<20) {
				t.Errorf("%s: %s: %d bytes were allocated", kind, forged.name, allocated)
			}
			switch {
			case err != nil && strings.HasPrefix(err.Error(), "panic: "):
				t.Errorf("%s: %s: %v", kind, forged.name, err)
			case forged.harmless && !same:
				t.Errorf("%s: %s: should be harmless: %v", kind, forged.name, err)
			case forged.harmless:
				harmless++
			case err == nil:
				t.Errorf("%s: %s: accepted; the same predictions: %v", kind, forged.name, same)
			case !strings.Contains(err.Error(), "model.json") && !strings.Contains(err.Error(), "network.json") &&
				!strings.Contains(err.Error(), encoderFile) && !strings.Contains(err.Error(), parametersFile):
				t.Errorf("%s: %s: the error names no file: %v", kind, forged.name, err)
			}
			if testing.Verbose() && err != nil {
				t.Logf("%s: %s: %v", kind, forged.name, strings.ReplaceAll(err.Error(), dir, "…"))
			}
		}
	}
	if cases < 200 {
		t.Errorf("only %d forgeries", cases)
	}
	t.Logf("%d forged models: %d refused, %d harmless", cases, cases-harmless, harmless)
}
