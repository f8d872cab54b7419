// Package strictjson reads JSON of files that may have been tampered with. Where encoding/json is lenient, it refuses: a key
// twice, also in another case; a key that no field has, or in another case than the field's; a field that is always written
// (one without omitempty) and is not there; null for what has no nothing; numbers that do not fit; invalid UTF-8; deep nesting;
// anything behind the end. So a text that is read means one thing, and nothing in it goes unread.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"debut/datasets/nearest"
)

// Error is an error about a place in a text.
type Error struct {
	Path    string // such as columns.3.scale; "" for the whole
	Problem string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Problem
	}
	return e.Path + ": " + e.Problem
}

// Unmarshal decodes a text into what a pointer points to, which must be made of structs, maps by strings, lists, pointers,
// strings, booleans, numbers, any, and types that decode themselves, such as [json.RawMessage], which are to be as strict. What it allocates is
// bounded by a multiple of the text's size. Errors that are not about the syntax are an *Error.
func Unmarshal(text []byte, into any) error {
	if !utf8.Valid(text) {
		return &Error{Problem: "it is not UTF-8"}
	}
	if new(Nesting).Deep(text) { // before anything looks at it that could be slow then
		return &Error{Problem: fmt.Sprintf("it is nested more than %d deep", MaxDepth)}
	}
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	w := walker{d: d, types: map[reflect.Type][]field{}}
	if err := w.value(reflect.TypeOf(into).Elem()); err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// walker compares the tokens of a text with a type. The text is known to be valid.
type walker struct {
	d     *json.Decoder
	path  []step
	types map[reflect.Type][]field
}

// step is a key, or where there is none the place in a list.
type step struct {
	key   string
	index int
}

func (w *walker) errorf(format string, args ...any) error {
	path := make([]string, len(w.path))
	for i, s := range w.path {
		if path[i] = s.key; s.index >= 0 {
			path[i] = strconv.Itoa(s.index)
		}
	}
	return &Error{strings.Join(path, "."), fmt.Sprintf(format, args...)}
}

var anything = reflect.TypeFor[any]()

func (w *walker) value(t reflect.Type) error {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		var skipped json.RawMessage
		if err := w.d.Decode(&skipped); err != nil {
			return w.errorf("%v", err)
		}
		return nil
	}
	token, err := w.d.Token()
	if err != nil {
		return w.errorf("%v", err)
	}
	for t.Kind() == reflect.Pointer && token != nil {
		t = t.Elem()
	}
	switch v := token.(type) {
	case json.Delim:
		return w.composite(v, t)
	case json.Number:
		return w.number(v.String(), t)
	case string:
		if t.Kind() != reflect.String && t != anything {
			return w.errorf("%q is no %s", v, kind(t))
		}
	case bool:
		if t.Kind() != reflect.Bool && t != anything {
			return w.errorf("%v is no %s", v, kind(t))
		}
	case nil:
		if !slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Map, reflect.Slice}, t.Kind()) && t != anything {
			return w.errorf("null is no %s", kind(t))
		}
	}
	return nil
}

// composite reads an object or a list, whose first token has been read.
func (w *walker) composite(open json.Delim, t reflect.Type) error {
	switch {
	case open == '[' && (t.Kind() == reflect.Slice || t == anything):
		element := anything
		if t != anything {
			element = t.Elem()
		}
		for i := 0; w.d.More(); i++ {
			if err := w.below(step{index: i}, element); err != nil {
				return err
			}
		}
	case open == '{' && t.Kind() == reflect.Struct:
		if err := w.structure(t); err != nil {
			return err
		}
	case open == '{' && t == anything:
		if err := w.object(anything); err != nil {
			return err
		}
	case open == '{' && t.Kind() == reflect.Map:
		if err := w.object(t.Elem()); err != nil {
			return err
		}
	case open == '{':
		return w.errorf("an object is no %s", kind(t))
	default:
		return w.errorf("a list is no %s", kind(t))
	}
	if _, err := w.d.Token(); err != nil { // the closing one
		return w.errorf("%v", err)
	}
	return nil
}

// object reads the keys of an object whose keys are free, and whose values are of one type.
func (w *walker) object(element reflect.Type) error {
	seen := map[string]bool{}
	for w.d.More() {
		key, err := w.key()
		if err != nil {
			return err
		}
		folded := strings.ToLower(key)
		if seen[folded] {
			return w.errorf("the key %q stands in it twice", key)
		}
		seen[folded] = true
		if err := w.below(step{key, -1}, element); err != nil {
			return err
		}
	}
	return nil
}

// structure reads the keys of an object that becomes a struct.
func (w *walker) structure(t reflect.Type) error {
	fields, known := w.types[t]
	if !known {
		fields = fieldsOf(t)
		w.types[t] = fields
	}
	var seen uint64
	for w.d.More() {
		key, err := w.key()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if twin := slices.IndexFunc(fields, func(f field) bool { return strings.EqualFold(f.name, key) }); twin >= 0 && seen&(1<<twin) != 0 {
			return w.errorf("the key %q stands in it twice", key)
		}
		if i < 0 {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.name
			}
			return w.errorf("the key %q is not known%s", key, nearest.DidYouMean(key, names))
		}
		seen |= 1 << i
		if err := w.below(step{key, -1}, fields[i].typ); err != nil {
			return err
		}
	}
	for i, f := range fields {
		if f.required && seen&(1<<i) == 0 {
			return w.errorf("the key %q is missing", f.name)
		}
	}
	return nil
}

func (w *walker) key() (string, error) {
	token, err := w.d.Token()
	if err != nil {
		return "", w.errorf("%v", err)
	}
	key, _ := token.(string)
	return key, nil
}

func (w *walker) below(s step, t reflect.Type) error {
	w.path = append(w.path, s)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	return w.value(t)
}

func (w *walker) number(text string, t reflect.Type) error {
	var err error
	switch k := t.Kind(); {
	case t == anything:
		return nil
	case k >= reflect.Int && k <= reflect.Int64:
		_, err = strconv.ParseInt(text, 10, t.Bits())
	case k >= reflect.Uint && k <= reflect.Uint64:
		_, err = strconv.ParseUint(text, 10, t.Bits())
	case k == reflect.Float32 || k == reflect.Float64:
		var v float64
		if v, err = strconv.ParseFloat(text, t.Bits()); err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
			err = strconv.ErrRange
		}
	default:
		return w.errorf("%s is no %s", shorten(text), kind(t))
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return w.errorf("%s is out of range", shorten(text))
	case err != nil:
		return w.errorf("%s is no whole number", shorten(text))
	}
	return nil
}

func shorten(text string) string {
	const long = 40
	if len(text) > long {
		return text[:long] + "…"
	}
	return text
}

// kind names a type for people.
func kind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Pointer:
		return kind(t.Elem())
	}
	return "number"
}

// field is a field of a struct as JSON has it.
type field struct {
	name     string
	typ      reflect.Type
	required bool
}

// fieldsOf lists the fields of a struct, at most 64; those of structs in it without a name are its own.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" || !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, field{name, f.Type, !strings.Contains(options, "omitempty") && f.Type.Kind() != reflect.Pointer})
	}
	return fields
}
