package behavior

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets"
	"debut/datasets/sealed"
	"debut/engine/safetensors"
	"debut/kernels"
	"debut/kernels/cpu"
	"debut/trainers/model"
)

type writtenFile struct{ plain, file []byte }

// A forger opens a model, changes what it likes and writes it again with the checksums of what it wrote: model.json, encoder.json and
// the parameters as they are before encryption, to be changed as trees, tensors or texts.
type forger struct {
	keys []age.Identity // of an encrypted model, else nil
	to   []age.Recipient

	model, encoder map[string]any
	tensors        []safetensors.Tensor
	metadata       map[string]string

	// written is what the last writer left, by path, so that what is the same is not written again.
	written map[string]writtenFile

	// Changes of the files' bytes, nil for none.
	modelText, encoderText, tensorText func([]byte) []byte
	// outer changes the model.json of an encrypted model, which is otherwise left alone.
	outer func(map[string]any)
	// sums changes the checksums that were made anew.
	sums func(map[string]any)
	// folder changes the folder after everything was written.
	folder func(dir string) error
}

func openForger(t testing.TB, kind string) *forger {
	t.Helper()
	dir := filepath.Join(goldenModelsDir, kind, "model")
	f := new(forger)
	keys, err := os.ReadFile(filepath.Join(goldenModelsDir, "key.txt"))
	if err != nil {
		t.Fatal(err)
	}
	content := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			return b
		}
		if name == "model.json" || !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if f.keys, err = sealed.Identities(string(keys), ""); err != nil {
			t.Fatal(err)
		}
		if b, err = os.ReadFile(filepath.Join(dir, name+sealed.Extension)); err != nil {
			t.Fatal(err)
		}
		var plain bytes.Buffer
		if err := sealed.DecryptFrom(&plain, bytes.NewReader(b), name, f.keys); err != nil {
			t.Fatal(err)
		}
		return plain.Bytes()
	}
	f.encoder = tree(t, content(encoderFile))
	if f.tensors, f.metadata, err = safetensors.Read(content(parametersFile)); err != nil {
		t.Fatal(err)
	}
	if f.keys == nil {
		f.model = tree(t, content("model.json"))
	} else {
		f.model = tree(t, content("network.json"))
		f.to = []age.Recipient{f.keys[0].(*age.X25519Identity).Recipient()}
	}
	return f
}

// tree decodes an object; its numbers keep their digits.
func tree(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// clone copies what a change may change.
func (f *forger) clone(t testing.TB) *forger {
	c := *f
	c.model, c.encoder = tree(t, encode(t, f.model)), tree(t, encode(t, f.encoder))
	c.tensors = slices.Clone(f.tensors)
	for i := range c.tensors {
		c.tensors[i].Shape, c.tensors[i].Data = slices.Clone(c.tensors[i].Shape), slices.Clone(c.tensors[i].Data)
	}
	c.metadata = map[string]string{}
	for k, v := range f.metadata {
		c.metadata[k] = v
	}
	return &c
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{twin, twinOfCase} {
		// A key and the same once more, which a map cannot hold.
		for {
			at := bytes.Index(text, []byte(key))
			if at < 0 {
				break
			}
			name := text[at+len(key) : at+bytes.IndexByte(text[at:], '"')]
			if key == twinOfCase {
				name = bytes.ToUpper(name)
			}
			text = slices.Concat(text[:at], name, text[at+len(key)+len(name):])
		}
	}
	return text
}

// Marks of keys that are written without the mark, and in capitals.
const twin, twinOfCase = "~twin~", "~TWIN~"

// write writes the model with checksums made anew.
func (f *forger) write(t testing.TB, dir string) {
	t.Helper()
	sums := map[string]any{}
	put := func(name string, text []byte) {
		place := filepath.Join(dir, name)
		if f.keys != nil {
			place += sealed.Extension
		}
		plain := text
		if last, ok := f.written[place]; ok && bytes.Equal(last.plain, plain) {
			text = last.file
		} else if f.keys != nil {
			var b bytes.Buffer
			w, err := sealed.Encrypt(&b, f.to)
			if err == nil {
				_, err = w.Write(text)
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			text = b.Bytes()
		}
		sum := sha256.Sum256(text)
		sums[name] = hex.EncodeToString(sum[:])
		if last, ok := f.written[place]; ok && bytes.Equal(last.file, text) {
			return
		}
		if f.written != nil {
			f.written[place] = writtenFile{bytes.Clone(plain), text}
		}
		if err := os.WriteFile(place, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	changed := func(text []byte, change func([]byte) []byte) []byte {
		if change == nil {
			return text
		}
		return change(text)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, f.tensors, f.metadata); err != nil {
		t.Fatal(err)
	}
	put(parametersFile, changed(b.Bytes(), f.tensorText))
	put(encoderFile, changed(encode(t, f.encoder), f.encoderText))
	if f.sums != nil {
		f.sums(sums)
	}
	if f.model["sha256"] != nil {
		f.model["sha256"] = sums
	}
	text := changed(encode(t, f.model), f.modelText)
	if f.keys != nil {
		put("network.json", text)
		outer := map[string]any{"format": "debut behavior model", "version": 1, "family": "behavior", "encrypted": true, "sha256": sums}
		if f.model["family"] == nil {
			delete(outer, "family")
		}
		if f.outer != nil {
			f.outer(outer)
		}
		text = encode(t, outer)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if f.folder != nil {
		if err := f.folder(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// at returns the object or list at a path, and the last key.
func at(root map[string]any, path string) (parent any, key string) {
	parts := strings.Split(path, ".")
	parent = root
	for _, p := range parts[:len(parts)-1] {
		parent = child(parent, p)
	}
	return parent, parts[len(parts)-1]
}

func child(parent any, key string) any {
	switch v := parent.(type) {
	case map[string]any:
		return v[key]
	case []any:
		var i int
		if _, err := fmt.Sscan(key, &i); err == nil && i < len(v) {
			return v[i]
		}
	}
	return nil
}

func get(root map[string]any, path string) any {
	parent, key := at(root, path)
	return child(parent, key)
}

func set(root map[string]any, path string, value any) {
	switch parent, key := at(root, path); v := parent.(type) {
	case map[string]any:
		v[key] = value
	case []any:
		var i int
		if _, err := fmt.Sscan(key, &i); err == nil {
			v[i] = value
		}
	}
}

func remove(root map[string]any, path string) {
	if v, ok := func() (any, string) { return at(root, path) }(); ok != "" {
		delete(v.(map[string]any), ok)
	}
}

// raw is a number, or any text of JSON, as it is to be written.
func raw(text string) json.RawMessage { return json.RawMessage(text) }

// leaves lists the paths of everything in a tree, objects and lists among them.
func leaves(v any, path string, visit func(path string, v any)) {
	join := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	if path != "" {
		visit(path, v)
	}
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if k != "sha256" {
				leaves(v[k], join(k), visit)
			}
		}
	case []any:
		for i, e := range v[:min(len(v), 3)] {
			leaves(e, join(fmt.Sprint(i)), visit)
		}
	}
}

// forgery is a change that must be refused, or, where it is harmless, must change no prediction.
type forgery struct {
	name     string
	change   func(f *forger)
	harmless bool
}

// bound is what opening and predicting may allocate for one of the golden models, in bytes.
const bound = 64 << 20

// judge opens a forged model and predicts with it. A panic is an error that names no file.
func judge(dev kernels.Device, dir string, keys []age.Identity, want *model.Predictions, data datasets.Source) (same bool, allocated uint64, err error) {
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
		got, err := model.Collect(m.Predict(context.Background(), data, ""))
		return err == nil && reflect.DeepEqual(got, want), err
	}()
	return same, allocations() - before, err
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
func goldenRows(t testing.TB) datasets.Source {
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
	return datasets.Source{Path: datasets.Strings{path}}
}

// Whatever is changed in a model's folder, with checksums made anew: either it is refused, with an error that names the file, or
// the model answers as before. Changes to another model that could as well have been trained, of a mean or an activation, cannot
// be told and are not among these.
func TestForgedModels(t *testing.T) {
	dev, data := forgingDevice(t), goldenRows(t)
	cases, harmless := 0, 0
	for _, kind := range []string{"network", "multiclass", "linear", "exact", "streamed", "sealed"} {
		base := openForger(t, kind)
		first, err := Open(filepath.Join(goldenModelsDir, kind, "model"), dev, base.keys...)
		if err != nil {
			t.Fatal(err)
		}
		want, err := model.Collect(first.Predict(context.Background(), data, ""))
		if err != nil {
			t.Fatal(err)
		}
		root := t.TempDir()
		list := slices.Concat(treeForgeries(base), tensorForgeries(base))
		every := map[string]int{"multiclass": 2, "exact": 6, "streamed": 6, "sealed": 6}[kind] // their files are much as those of the others
		some := list[:0]
		for i := 0; i < len(list); i += max(1, every) {
			some = append(some, list[i])
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
			if cases++; allocated > bound {
				t.Errorf("%s: %s: %d bytes were allocated", kind, forged.name, allocated)
			}
			switch {
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
