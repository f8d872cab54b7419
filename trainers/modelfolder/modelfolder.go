// Package modelfolder writes and reads the folder of a trained model: model.json, which says of which family it is and holds what
// the family describes it with, and further files, each with its SHA-256 in model.json.
//
// Where a model is encrypted, model.json tells only family, format and checksums; what the family describes it with is in a file
// of its own, and that and all others are encrypted with age, under names that end in .age. The checksums are of what is
// encrypted.
package modelfolder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/sealed"
	"debut/engine/safetensors"
	"debut/trainers/runfolder"
)

// sealedFile holds, where a model is encrypted, what is otherwise in model.json.
const sealedFile = "network.json"

// ErrFormat is matched by errors about a model of another family, a newer version, or none.
var ErrFormat = errors.New("not a model that this program reads")

// maxFile bounds model.json, which is read before anything is known of it.
const maxFile = 64 << 20

// header is the part of model.json that every family has.
type header struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Family  string `json:"family,omitempty"` // "": of a version that had behavior alone
	// Encrypted says that the other files are encrypted.
	Encrypted bool `json:"encrypted,omitempty"`
}

// format names what a family's model.json describes.
func format(family string) string { return "debut " + family + " model" }

// first is the family of models that do not say of which they are.
const first = "behavior"

// Writer writes a model, file by file, and model.json last: with it the model is there.
type Writer struct {
	dir    string
	family string
	to     []age.Recipient
	sums   map[string]string
}

// NewWriter returns a writer of a model into a folder that is there. Where there are recipients, they alone can read the model.
func NewWriter(dir, family string, to []age.Recipient) *Writer {
	return &Writer{dir: dir, family: family, to: to, sums: map[string]string{}}
}

// File writes a file of the model, complete or not at all.
func (w *Writer) File(name string, fill func(io.Writer) error) error {
	h := sha256.New()
	place := filepath.Join(w.dir, name)
	if len(w.to) > 0 {
		place += sealed.Extension
	}
	err := atomicfile.Write(place, 0o644, func(out io.Writer) error {
		out = io.MultiWriter(out, h)
		if len(w.to) == 0 {
			return fill(out)
		}
		in, err := sealed.Encrypt(out, w.to)
		if err == nil {
			err = fill(in)
		}
		if err == nil {
			err = in.Close()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("model: saving it: %w", err)
	}
	w.sums[name] = hex.EncodeToString(h.Sum(nil))
	return nil
}

// Tensors writes a file of tensors.
func (w *Writer) Tensors(name string, list ...safetensors.Source) error {
	return w.File(name, func(out io.Writer) error { return safetensors.Stream(out, list, nil) })
}

// Close writes model.json: what describes the model, which must be a struct or a map that JSON makes an object of, between the format, with the
// family's version of it, and the checksums.
func (w *Writer) Close(version int, details any) error {
	h := header{Format: format(w.family), Version: version, Family: w.family, Encrypted: len(w.to) > 0}
	if h.Encrypted {
		text, err := describe(h, details, w.sums)
		if err != nil {
			return err
		}
		if err := w.File(sealedFile, write(text)); err != nil {
			return err
		}
		details = struct{}{}
	}
	text, err := describe(h, details, w.sums)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(w.dir, runfolder.ModelFile), 0o644, write(text)); err != nil {
		return fmt.Errorf("model: saving it: %w", err)
	}
	return nil
}

func write(text []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
}

// describe joins header, details and checksums in one object.
func describe(h header, details any, sums map[string]string) ([]byte, error) {
	var joined bytes.Buffer
	for i, v := range []any{h, details, map[string]any{"sha256": sums}} {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("model: %s: %w", runfolder.ModelFile, err)
		}
		if text[0] != '{' {
			return nil, fmt.Errorf("model: %s: %T makes no object", runfolder.ModelFile, v)
		}
		inner := text[1 : len(text)-1]
		if i > 0 && len(inner) > 0 {
			joined.WriteByte(',')
		}
		joined.Write(inner)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, append(append([]byte{'{'}, joined.Bytes()...), '}'), "", "  "); err != nil {
		return nil, fmt.Errorf("model: %s: %w", runfolder.ModelFile, err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// Reader reads a model whose family is known.
type Reader struct {
	dir     string
	keys    []age.Identity
	header  header
	sums    map[string]string
	details []byte // the object that holds them
	place   string // of details, for errors
}

// Open opens a model folder, or that of a run folder. An encrypted model needs a key; errors of opening it match
// sealed.ErrNoKey and sealed.ErrWrongKey, others runfolder.ErrNoModel and ErrFormat.
func Open(path string, keys ...age.Identity) (*Reader, error) {
	dir, err := runfolder.OpenModel(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, keys: keys, place: filepath.Join(dir, runfolder.ModelFile)}
	if info, err := os.Stat(r.place); err == nil && info.Size() > maxFile {
		return nil, fmt.Errorf("model: %s has %d bytes, more than any model's: %w", r.place, info.Size(), ErrFormat)
	}
	if r.details, err = os.ReadFile(r.place); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if r.header, r.sums, err = parse(r.place, r.details); err != nil {
		return nil, err
	}
	if !r.header.Encrypted {
		var missing []string
		for _, name := range slices.Sorted(maps.Keys(r.sums)) {
			missing = append(missing, name)
		}
		_, err := runfolder.OpenModel(path, missing...)
		return r, err
	}
	if _, ok := r.sums[sealedFile]; !ok {
		return nil, fmt.Errorf("model: %s is of an encrypted model but names no %s: %w", r.place, sealedFile+sealed.Extension, ErrFormat)
	}
	if r.details, err = r.Read(sealedFile); err != nil {
		return nil, err
	}
	outer := r.place
	r.place = filepath.Join(dir, sealedFile)
	inner, sums, err := parse(r.place, r.details)
	if err != nil {
		return nil, err
	}
	// What is sealed vouches for the rest of the model.
	rest := maps.Clone(r.sums)
	delete(rest, sealedFile)
	if inner != r.header || !maps.Equal(sums, rest) {
		return nil, fmt.Errorf("model: %s and %s in it do not belong to one model", outer, sealedFile+sealed.Extension)
	}
	return r, nil
}

// parse reads what every model.json has.
func parse(place string, text []byte) (header, map[string]string, error) {
	var m struct {
		header
		SHA256 map[string]string `json:"sha256"`
	}
	if err := unique(text); err != nil {
		return m.header, nil, fmt.Errorf("model: %s is damaged: %w", place, err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m.header, nil, fmt.Errorf("model: %s is damaged: %w", place, err)
	}
	if m.Family == "" {
		m.Family = first
	}
	if m.Format != format(m.Family) {
		return m.header, nil, fmt.Errorf("model: %s describes %q, which is %w", place, m.Format, ErrFormat)
	}
	for name := range m.SHA256 {
		if !filepath.IsLocal(name) || filepath.Base(name) != name || name == runfolder.ModelFile {
			return m.header, nil, fmt.Errorf("model: %s names a file %q, which is none of a model: %w", place, name, ErrFormat)
		}
	}
	return m.header, m.SHA256, nil
}

// unique returns an error for a JSON text in which an object has a key twice, or behind which there is more: two readers could
// take it for two things.
func unique(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := uniqueValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind its end")
	}
	return nil
}

// maxNesting bounds how deep objects and lists lie in each other.
const maxNesting = 100

func uniqueValue(d *json.Decoder, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("it is nested more than %d deep", maxNesting)
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			folded := strings.ToLower(name) // as the reader of structs takes it
			if seen[folded] {
				return fmt.Errorf("the key %q stands in it twice", name)
			}
			seen[folded] = true
			if err := uniqueValue(d, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for d.More() {
			if err := uniqueValue(d, depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = d.Token()
	return err
}

// Family is the family of the model.
func (r *Reader) Family() string { return r.header.Family }

// Dir is the folder.
func (r *Reader) Dir() string { return r.dir }

// Path is the place of a file of the model, for errors.
func (r *Reader) Path(name string) string { return filepath.Join(r.dir, name) }

// Version returns an error where the model is of another version than the newest that its family reads.
func (r *Reader) Version(newest int) error {
	if v := r.header.Version; v < 1 || v > newest {
		return fmt.Errorf("model: %s describes %q, version %d; this program reads up to version %d: %w", r.place, r.header.Format, v, newest, ErrFormat)
	}
	return nil
}

// Details fills what the family describes the model with; keys that it does not have are an error.
func (r *Reader) Details(into any) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(r.details, &all); err != nil {
		return fmt.Errorf("model: %s is damaged: %w", r.place, err)
	}
	for _, key := range []string{"format", "version", "family", "encrypted", "sha256"} {
		delete(all, key)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("model: %s: %w", r.place, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("model: %s is damaged: %w", r.place, err)
	}
	return nil
}

// Errorf returns an error about what describes the model.
func (r *Reader) Errorf(format string, args ...any) error {
	return fmt.Errorf("model: %s: "+format, append([]any{r.place}, args...)...)
}

// Tensors opens a file of tensors, as Read reads it.
func (r *Reader) Tensors(name string) (*safetensors.File, error) {
	data, err := r.Read(name)
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", r.Path(name), err)
	}
	return f, nil
}

// Read reads a file, compares its checksum with that in model.json, and decrypts it where the model is encrypted.
func (r *Reader) Read(name string) ([]byte, error) {
	sum, ok := r.sums[name]
	if !ok {
		return nil, fmt.Errorf("model: %s has no checksum of %s: %w", r.place, name, ErrFormat)
	}
	path := r.Path(name)
	if r.header.Encrypted {
		path += sealed.Extension
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("model: %s is damaged, or of another model: its SHA-256 is not the one in %s; copy the model again, or train anew", path, runfolder.ModelFile)
	}
	if !r.header.Encrypted {
		return data, nil
	}
	var plain bytes.Buffer
	if err := sealed.DecryptFrom(&plain, bytes.NewReader(data), path, r.keys); err != nil {
		return nil, fmt.Errorf("the model is encrypted: %w", err)
	}
	return plain.Bytes(), nil
}
