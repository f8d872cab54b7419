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
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"debut/datasets/atomicfile"
	"debut/datasets/sealed"
	"debut/datasets/strictjson"
	"debut/engine/safetensors"
	"debut/trainers/runfolder"
)

// sealedFile holds, where a model is encrypted, what is otherwise in model.json.
const sealedFile = "network.json"

// ErrFormat is matched by errors about a model of another family, a newer version, or none.
var ErrFormat = errors.New("not a model that this program reads")

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
	files  atomicfile.FS
	family string
	to     []age.Recipient
	sums   map[string]string
}

// NewWriter returns a writer of a model into a folder that is there, by a file system. Where there are recipients, they alone can read the model.
func NewWriter(files atomicfile.FS, dir, family string, to []age.Recipient) *Writer {
	return &Writer{dir: dir, files: files, family: family, to: to, sums: map[string]string{}}
}

// File writes a file of the model, complete or not at all.
func (w *Writer) File(name string, fill func(io.Writer) error) error {
	h := sha256.New()
	place := filepath.Join(w.dir, name)
	if len(w.to) > 0 {
		place += sealed.Extension
	}
	err := atomicfile.WriteTo(w.files, place, 0o644, func(out io.Writer) error {
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
		return errors.Join(fmt.Errorf("model: saving it: %w", err), w.discard())
	}
	w.sums[name] = hex.EncodeToString(h.Sum(nil))
	return nil
}

// discard removes what was written of a model that cannot be completed, unless the folder has an earlier one: that has the same files.
func (w *Writer) discard() (err error) {
	if _, serr := os.Lstat(filepath.Join(w.dir, runfolder.ModelFile)); serr == nil {
		return nil
	}
	for name := range w.sums {
		if len(w.to) > 0 {
			name += sealed.Extension
		}
		err = errors.Join(err, w.files.Remove(filepath.Join(w.dir, name)))
	}
	clear(w.sums)
	return err
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
	if err := atomicfile.WriteTo(w.files, filepath.Join(w.dir, runfolder.ModelFile), 0o644, write(text)); err != nil {
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
	details map[string]json.RawMessage // by their keys
	place   string                     // of details, for errors
}

// Open opens a model folder, or that of a run folder. An encrypted model needs a key; errors of opening it match
// sealed.ErrNoKey and sealed.ErrWrongKey, others runfolder.ErrNoModel and ErrFormat.
func Open(path string, keys ...age.Identity) (*Reader, error) {
	dir, err := runfolder.OpenModel(path)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, keys: keys, place: filepath.Join(dir, runfolder.ModelFile)}
	text, err := readText(r.place, maxText)
	if err != nil {
		return nil, err
	}
	if r.header, r.sums, r.details, err = parse(r.place, text); err != nil {
		return nil, err
	}
	if !r.header.Encrypted {
		names := slices.Sorted(maps.Keys(r.sums))
		for _, name := range names {
			if _, err := regular(r.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		_, err := runfolder.OpenModel(path, names...)
		return r, err
	}
	if len(r.details) > 0 {
		return nil, fmt.Errorf("model: %s is of an encrypted model but describes one: %w%s", r.place, ErrFormat, remedy)
	}
	if _, ok := r.sums[sealedFile]; !ok {
		return nil, fmt.Errorf("model: %s is of an encrypted model but names no %s: %w", r.place, sealedFile+sealed.Extension, ErrFormat)
	}
	if text, err = r.Read(sealedFile); err != nil {
		return nil, err
	}
	outer := r.place
	r.place = filepath.Join(dir, sealedFile)
	inner, sums, details, err := parse(r.place, text)
	r.details = details
	if err != nil {
		return nil, err
	}
	// What is sealed vouches for the rest of the model.
	rest := maps.Clone(r.sums)
	delete(rest, sealedFile)
	if inner != r.header || !maps.Equal(sums, rest) {
		return nil, fmt.Errorf("model: %s and %s in it do not belong to one model: %w%s", outer, sealedFile+sealed.Extension, ErrFormat, remedy)
	}
	return r, nil
}

// Encrypted says whether the model of a model folder, or of a run folder, is encrypted.
func Encrypted(path string) (bool, error) {
	dir, err := runfolder.OpenModel(path)
	if err != nil {
		return false, err
	}
	place := filepath.Join(dir, runfolder.ModelFile)
	text, err := readText(place, maxText)
	if err != nil {
		return false, err
	}
	h, _, _, err := parse(place, text)
	return h.Encrypted, err
}

// remedy is what helps where a model is not what was written.
const remedy = "; copy the model again, or train anew"

// headerKeys are those of model.json that are not the family's.
var headerKeys = []string{"format", "version", "family", "encrypted", "sha256"}

// split takes the family's keys of model.json out of the header's. Each is checked on its own, by the same rules.
func split(text []byte) (head, details map[string]json.RawMessage, err error) {
	if err := strictjson.Unmarshal(text, &details); err != nil {
		return nil, nil, err
	}
	head = map[string]json.RawMessage{}
	for _, key := range headerKeys {
		if v, ok := details[key]; ok {
			head[key] = v
			delete(details, key)
		}
	}
	return head, details, nil
}

// strict reads the value of some keys.
func strict(keys map[string]json.RawMessage, into any) error {
	text, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return strictjson.Unmarshal(text, into)
}

// parse reads what every model.json has, and returns the rest.
func parse(place string, text []byte) (header, map[string]string, map[string]json.RawMessage, error) {
	var m struct {
		header
		SHA256 map[string]string `json:"sha256"`
	}
	refuse := func(format string, args ...any) (header, map[string]string, map[string]json.RawMessage, error) {
		return m.header, nil, nil, fmt.Errorf("model: %s: "+format+": %w%s", append(append([]any{place}, args...), ErrFormat, remedy)...)
	}
	head, details, err := split(text)
	if err == nil {
		err = strict(head, &m)
	}
	if err != nil {
		return refuse("it is damaged: %w", err)
	}
	if m.Family == "" {
		m.Family = first
	}
	if m.Format != format(m.Family) {
		return refuse("format: it describes %q", m.Format)
	}
	for name, sum := range m.SHA256 {
		if !filepath.IsLocal(name) || filepath.Base(name) != name || name == "." || name == runfolder.ModelFile {
			return refuse("sha256: %q is no file of a model", name)
		}
		if b, err := hex.DecodeString(sum); err != nil || len(b) != sha256.Size || strings.ToLower(sum) != sum {
			return refuse("sha256.%s: %.80q is none", name, sum)
		}
	}
	return m.header, m.SHA256, details, nil
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

// Details fills what the family describes the model with; it is read strictly, as package strictjson does.
func (r *Reader) Details(into any) error {
	if err := strict(r.details, into); err != nil {
		return r.Errorf("it is damaged: %w: %w%s", err, ErrFormat, remedy)
	}
	return nil
}

// Has says whether the model has a file of that name.
func (r *Reader) Has(name string) bool {
	_, ok := r.sums[name]
	return ok
}

// Only returns an error where the model has files beside these, or lacks one.
func (r *Reader) Only(names ...string) error {
	for _, name := range names {
		if _, err := r.checksum(name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.sums)) {
		if !slices.Contains(names, name) && (!r.header.Encrypted || name != sealedFile) {
			return r.Errorf("sha256: %q is no file of a model of the family %q: %w%s", name, r.Family(), ErrFormat, remedy)
		}
	}
	return nil
}

// Misfit is Errorf for what does not fit with the rest of the model, with what to do.
func (r *Reader) Misfit(format string, args ...any) error {
	return fmt.Errorf("%w%s", r.Errorf(format, args...), remedy)
}

// Errorf returns an error about what describes the model.
func (r *Reader) Errorf(format string, args ...any) error {
	return fmt.Errorf("model: %s: "+format, append([]any{r.place}, args...)...)
}

// Tensors hands a file of tensors to use, which may be too large to be read whole, once its checksum is right.
func (r *Reader) Tensors(name string, use func(f *safetensors.File) error) error {
	var f *safetensors.File
	open := func(file io.ReaderAt, size int64) (err error) {
		f, err = safetensors.Open(file, size)
		return err
	}
	return r.Stream(name, open, func(io.ReaderAt, int64) error { return use(f) })
}

// FileError returns an error about a file of the model that is what its checksum says, and yet does not fit.
func (r *Reader) FileError(name string, err error) error {
	return fmt.Errorf("model: %s: %w%s", r.file(name), err, remedy)
}
