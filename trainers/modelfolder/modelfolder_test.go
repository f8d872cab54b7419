package modelfolder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/sealed"
	"debut/trainers/runfolder"
)

// toy is what a family could describe a model with.
type toy struct {
	Layers []toyLayer `json:"layers"`
	Note   string     `json:"note,omitempty"`
}

type toyLayer struct {
	Units int `json:"units"`
}

var whole = toy{Layers: []toyLayer{{3}, {5}}, Note: "<né>"}

const content = "what a model has learned"

// save writes a model of two files.
func save(t *testing.T, to []age.Recipient) string {
	t.Helper()
	dir := t.TempDir()
	w := NewWriter(atomicfile.OS, dir, "toy", to)
	for _, name := range []string{"a.bin", "b.bin"} {
		if err := w.File(name, func(out io.Writer) error { _, err := io.WriteString(out, content+name); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(2, whole); err != nil {
		t.Fatal(err)
	}
	return dir
}

// load reads all of a model.
func load(dir string, keys ...age.Identity) error {
	r, err := Open(dir, keys...)
	if err != nil {
		return err
	}
	if r.Family() != "toy" || r.Dir() != dir {
		return fmt.Errorf("a model of %q in %s", r.Family(), r.Dir())
	}
	var d toy
	if err := errors.Join(r.Version(2), r.Only("a.bin", "b.bin"), r.Details(&d)); err != nil {
		return err
	}
	if !slices.Equal(d.Layers, whole.Layers) || d.Note != whole.Note {
		return fmt.Errorf("described as %+v", d)
	}
	a, err := r.Read("a.bin")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = r.Stream("b.bin", func(f io.ReaderAt, size int64) error {
		return nil
	}, func(f io.ReaderAt, size int64) error {
		_, err := io.Copy(&b, io.NewSectionReader(f, 0, size))
		return err
	})
	if err == nil && (string(a) != content+"a.bin" || b.String() != content+"b.bin") {
		return fmt.Errorf("%q and %q", a, b.String())
	}
	return err
}

func keyPair(t *testing.T) (*age.X25519Identity, []age.Recipient) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return key, []age.Recipient{key.Recipient()}
}

func TestWriteAndRead(t *testing.T) {
	dir := save(t, nil)
	if err := load(dir); err != nil {
		t.Error(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Version(1); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("of a version that is too new: %v", err)
	}
	if err := r.Only("a.bin"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `"b.bin"`) {
		t.Errorf("a file more: %v", err)
	}
	if err := r.Only("a.bin", "b.bin", "c.bin"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "c.bin") {
		t.Errorf("a file less: %v", err)
	}
	if _, err := r.Read("c.bin"); !errors.Is(err, ErrFormat) {
		t.Errorf("a file that is none of the model's: %v", err)
	}
	var narrow struct {
		Layers []toyLayer `json:"layers"`
	}
	if err := r.Details(&narrow); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `the key "note" is not known`) {
		t.Errorf("a key that the family has not: %v", err)
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, runfolder.ErrNoModel) {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestEncrypted(t *testing.T) {
	key, to := keyPair(t)
	other, _ := keyPair(t)
	dir := save(t, to)
	if err := load(dir, other, key); err != nil {
		t.Error(err)
	}
	if err := load(dir); !errors.Is(err, sealed.ErrNoKey) {
		t.Errorf("no key: %v", err)
	}
	if err := load(dir, other); !errors.Is(err, sealed.ErrWrongKey) {
		t.Errorf("another key: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil || bytes.Contains(text, []byte(content)) || bytes.Contains(text, []byte("layers")) {
			t.Errorf("%s tells of the model (%v)", f.Name(), err)
		}
	}
	// A file of another model that is encrypted for the same key, with its checksum outside: what is sealed vouches for all.
	twin := save(t, to)
	foreign, err := os.ReadFile(filepath.Join(twin, "a.bin.age"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile(filepath.Join(dir, "a.bin.age"))
	if err != nil {
		t.Fatal(err)
	}
	sum := func(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
	edit(t, dir, "a.bin.age", func([]byte) []byte { return foreign })
	edit(t, dir, "model.json", func(b []byte) []byte { return bytes.Replace(b, []byte(sum(ours)), []byte(sum(foreign)), 1) })
	if err := load(dir, key); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "do not belong to one model") {
		t.Errorf("a file of another model: %v", err)
	}
}

func edit(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(bytes.Clone(text))
	if bytes.Equal(changed, text) {
		t.Fatalf("nothing to change in %s", name)
	}
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Every bit that is flipped, and every cut, is noticed, in the clear and encrypted.
func TestDamage(t *testing.T) {
	key, to := keyPair(t)
	for _, dir := range []string{save(t, nil), save(t, to)} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			path := filepath.Join(dir, f.Name())
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(text); i += 1 + len(text)/12 {
				flipped := bytes.Clone(text)
				flipped[i] ^= 4
				for what, damaged := range map[string][]byte{"flipped": flipped, "cut": text[:i]} {
					if err := os.WriteFile(path, damaged, 0o600); err != nil {
						t.Fatal(err)
					}
					if err := load(dir, key); err == nil {
						t.Errorf("%s: byte %d %s is not noticed", f.Name(), i, what)
					}
				}
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := load(dir, key); err != nil {
			t.Errorf("undamaged again: %v", err)
		}
	}
}

func TestTampered(t *testing.T) {
	replace := func(old, by string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(by), 1) }
	}
	for want, change := range map[string]func([]byte) []byte{
		`the key "layers" stands in it twice`: replace(`"layers":`, `"layers": [], "layers":`),
		`the key "Layers" stands in it twice`: replace(`"layers":`, `"layers": [], "Layers":`),
		`the key "layers" is missing`: func(b []byte) []byte {
			return slices.Concat(b[:bytes.Index(b, []byte(`"layers"`))], b[bytes.Index(b, []byte(`"note"`)):])
		},
		`the key "Family" stands in it twice`:            replace(`"family":`, `"family": "toy", "Family":`),
		`layers.0: the key "Units" is not known`:         replace(`"units"`, `"Units"`),
		`layers.0: the key "unit" is not known; did you`: replace(`"units"`, `"unit"`),
		`layers.0: the key "units" stands in it twice`:   replace(`"units":`, `"units": 1, "units":`),
		`layers.0.units: 3.5 is no whole number`:         replace(`"units": 3`, `"units": 3.5`),
		`layers.0.units: 1e99 is no whole number`:        replace(`"units": 3`, `"units": 1e99`),
		"version: 99999999999999999999 is out of range":  replace(`"version": 2`, `"version": 99999999999999999999`),
		"version 0":                                    replace(`"version": 2`, `"version": 0`),
		`it describes "debut other model"`:             replace(`debut toy`, `debut other`),
		"format: 7 is no text":                         replace(`"debut toy model"`, `7`),
		"sha256: there is none of a.bin":               replace(`"sha256": {`, `"sha256": null, "x": {`),
		`"../a.bin" is no file of a model`:             replace(`"a.bin"`, `"../a.bin"`),
		`"." is no file of a model`:                    replace(`"a.bin"`, `"."`),
		`"model.json" is no file of a model`:           replace(`"a.bin"`, `"model.json"`),
		`sha256: the key "A.BIN" stands in it twice`:   replace(`"b.bin"`, `"A.BIN"`),
		"sha256.a.bin: \"00\" is none":                 replace(`"a.bin": "`, `"a.bin": "00", "x": "`),
		"nested more than 100 deep":                    replace(`"note":`, `"x": `+strings.Repeat("[", 101)+strings.Repeat("]", 101)+`, "note":`),
		"nested more than 100 deep, if without an end": func([]byte) []byte { return bytes.Repeat([]byte(`{"a":`), 1_000_000) },
		"it is no JSON":                                func(b []byte) []byte { return append(b, "{}"...) },
		"not UTF-8":                                    replace("né", "n\xe9"),
		"names no network.json.age":                    replace(`"family"`, `"encrypted": true, "family"`),
	} {
		dir := save(t, nil)
		if strings.HasPrefix(want, "names no") {
			edit(t, dir, "model.json", func(b []byte) []byte {
				from, to := bytes.Index(b, []byte(`"layers"`)), bytes.Index(b, []byte(`"sha256"`))
				return slices.Concat(b[:from], b[to:])
			})
		}
		edit(t, dir, "model.json", change)
		err := load(dir)
		want, _, _ := strings.Cut(want, ", if")
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "model.json") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Files that are none could lead out of the folder, or never end.
func TestNoRegularFiles(t *testing.T) {
	key, to := keyPair(t)
	for _, recipients := range [][]age.Recipient{nil, to} {
		for what, make := range map[string]func(path string) error{
			"a link":   func(path string) error { return os.Symlink(path+".moved", path) },
			"a device": func(path string) error { return os.Symlink("/dev/zero", path) },
			"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
			"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"nothing":  func(path string) error { return nil },
		} {
			for _, name := range []string{"a.bin", "b.bin", "model.json"} {
				dir := save(t, recipients)
				if recipients != nil && name != "model.json" {
					name += sealed.Extension
				}
				path := filepath.Join(dir, name)
				if err := os.Rename(path, path+".moved"); err != nil {
					t.Fatal(err)
				}
				if err := make(path); err != nil {
					t.Fatal(err)
				}
				if err := load(dir, key); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s that is %s: %v", name, what, err)
				}
			}
		}
	}
	// A folder that is reached through a link is the user's own choice.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(save(t, nil), link); err != nil {
		t.Fatal(err)
	}
	if err := load(link); err != nil {
		t.Error(err)
	}
}

// What is far larger than it can be is refused before it is read.
func TestSparseFiles(t *testing.T) {
	dir := save(t, nil)
	grow := func(name string) {
		if err := os.Truncate(filepath.Join(dir, name), 1<<36); err != nil {
			t.Skipf("the file system has no sparse files: %v", err) // a file system without sparse files
		}
	}
	grow("a.bin")
	if err := load(dir); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "a.bin has 68719476736 bytes") {
		t.Errorf("read whole: %v", err)
	}
	refusal := errors.New("too long")
	grow("b.bin")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Stream("b.bin", func(_ io.ReaderAt, size int64) error {
		if size != 1<<36 {
			t.Errorf("%d bytes", size)
		}
		return refusal
	}, func(io.ReaderAt, int64) error { t.Error("used"); return nil })
	if !errors.Is(err, refusal) || !strings.Contains(err.Error(), "b.bin") {
		t.Errorf("streamed: %v", err)
	}
	grow("model.json")
	if _, err := Open(dir); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "model.json has 68719476736 bytes") {
		t.Errorf("the description: %v", err)
	}
}

// A checksum that is not the file's is told before the file is used.
func TestStreamChecksFirst(t *testing.T) {
	key, to := keyPair(t)
	for _, recipients := range [][]age.Recipient{nil, to} {
		dir := save(t, recipients)
		name := "b.bin"
		if recipients != nil {
			name += sealed.Extension
		}
		edit(t, dir, name, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		r, err := Open(dir, key)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Stream("b.bin", func(io.ReaderAt, int64) error { return nil }, func(io.ReaderAt, int64) error { t.Error("used"); return nil })
		if err == nil || !strings.Contains(err.Error(), name+" is damaged") && !errors.Is(err, sealed.ErrDamaged) {
			t.Errorf("%v", err)
		}
	}
}

// A model that cannot be completed, as on a full disk, leaves nothing behind; an earlier one stays.
func TestIncomplete(t *testing.T) {
	full := errors.New("no space left")
	text := func(w io.Writer) error { _, err := io.WriteString(w, "text"); return err }
	_, to := keyPair(t)
	for _, recipients := range [][]age.Recipient{nil, to} {
		dir := t.TempDir()
		w := NewWriter(atomicfile.OS, dir, "behavior", recipients)
		if err := w.File("a", text); err != nil {
			t.Fatal(err)
		}
		if err := w.File("b", func(io.Writer) error { return full }); !errors.Is(err, full) {
			t.Errorf("%v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%v are left, %v", left, err)
		}
	}
	dir := save(t, nil)
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(atomicfile.OS, dir, "behavior", nil)
	if err := w.File("b", func(io.Writer) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadDir(dir); err != nil || len(after) != len(before) {
		t.Errorf("%v are left of %v, %v", after, before, err)
	}
}
