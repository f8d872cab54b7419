package behavior

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"debut/datasets/sealed"
	"debut/engine/safetensors"
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
