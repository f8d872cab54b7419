// Package configfile reads the YAML files that describe a run or the preparation of data, strictly: an unknown
// key, a wrong type, a key written twice or a number out of range is an error
// with file, line and column, an excerpt, and the nearest valid key. All mistakes
// of a file are reported at once.
//
// The parts, in the order in which a file passes through them: goccy/go-yaml
// reads the syntax; node.go turns its tree into a plain one with aliases and merge
// keys resolved; override.go lays the `--set key.path=value` of the command line over it;
// decode.go fills the configuration struct by reflection on its yaml tags. The
// caller then validates, and [File.Locate] puts line and column before the errors
// it found. [Marshal] writes a configuration back and [Schema] describes it to an editor.
package configfile

import (
	"errors"
	"fmt"
	"os"
	"reflect"
)

// maxFileBytes bounds a run file. Real ones have a few hundred lines.
const maxFileBytes = 1 << 20

// ErrConfig is matched (errors.Is) by every error about what a run file or an
// override says, as opposed to a file that cannot be read.
var ErrConfig = errors.New("invalid configuration")

// File is a parsed run file with the overrides of the command line laid over it.
// It is safe for concurrent use once made.
type File struct {
	path string
	src  []byte
	root *node
}

// Open reads and parses the run file at path and applies overrides, each of the
// form "key.path=value" (see [New]).
func Open(path string, overrides []string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("run file: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("run file: %s is a folder; name the YAML file in it", path)
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("run file: %s has %d bytes, the limit is %d; is it the right file?", path, info.Size(), maxFileBytes)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("run file: %w", err)
	}
	return New(path, src, overrides)
}

// New parses src, the contents of a run file; path only names it in messages. An
// empty file is an empty mapping. Overrides are applied in order; each is
// "key.path=value", where the value is YAML, a number addresses an element of a
// list ("model.layers.0.dense=64") and a key with a dot in it is put in double
// quotes. Sections that the file does not have are made.
func New(path string, src []byte, overrides []string) (*File, error) {
	f := &File{path: path, src: src}
	root, err := f.parse(src)
	if err != nil {
		return nil, err
	}
	f.root = root
	var errs errorList
	for _, o := range overrides {
		if err := f.override(o); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return f, nil
}

// Path returns the path the file was opened with.
func (f *File) Path() string { return f.path }

// Source returns the text of the file, without overrides. The caller must not change it.
func (f *File) Source() []byte { return f.src }

// Text returns the text of a key at the top of the file, "" where there is none or its value is no scalar.
func (f *File) Text(key string) string {
	if e := f.root.entry(key); e != nil && (e.value.kind == plain || e.value.kind == quoted) {
		return e.value.text
	}
	return ""
}

// Decode fills out, a non-nil pointer to a struct, from the file. Keys are matched
// to the names in yaml tags (the field name in lower case where there is none);
// embedded structs without a name and fields tagged ",inline" contribute their
// fields. What the file does not mention keeps its value, so out may hold defaults;
// lists and maps are replaced as a whole. A whole number may be written 1e6 or
// 1_000; a text field takes numbers and booleans as written. A type may decode
// itself by UnmarshalYAML(func(any) error) error or encoding.TextUnmarshaler.
//
// The error lists every mistake found; each matches [ErrConfig]. After an error
// out may be partly filled.
func (f *File) Decode(out any) error {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("configfile: Decode needs a non-nil pointer to a struct, got %T", out)
	}
	d := &decoder{file: f, root: v.Type().Elem()}
	d.value(f.root, nil, v.Elem())
	return d.err()
}

// Parse parses src and decodes it into out: [New] followed by [File.Decode].
func Parse(path string, src []byte, out any, overrides []string) error {
	f, err := New(path, src, overrides)
	if err != nil {
		return err
	}
	return f.Decode(out)
}

// Load reads the run file at path and decodes it into out: [Open] followed by [File.Decode].
func Load(path string, out any, overrides []string) error {
	f, err := Open(path, overrides)
	if err != nil {
		return err
	}
	return f.Decode(out)
}
