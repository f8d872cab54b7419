package configfile

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/datasets/nearest"
)

// selfDecoding types decode themselves with the help of a function that decodes
// the same place of the file, strictly, into another value.
type selfDecoding interface {
	UnmarshalYAML(decode func(any) error) error
}

// Abbreviated is a section of which a single value may stand for one key, as a path for source: {path: …}.
type Abbreviated interface {
	Abbreviation() string // the key
}

var durationType = reflect.TypeFor[time.Duration]()

// decoder fills values from nodes and collects what is wrong.
type decoder struct {
	file *File
	root reflect.Type // of the whole file
	errs errorList
}

func (d *decoder) err() error {
	if len(d.errs) == 0 {
		return nil
	}
	return d.errs
}

// fail notes a mistake at n, the value of the field path.
func (d *decoder) fail(n *node, path []string, format string, args ...any) {
	field := joinPath(path)
	msg := fmt.Sprintf(format, args...)
	if field != "" {
		msg = field + ": " + msg
	}
	d.errs = append(d.errs, d.file.errorAt(n.at, field, msg))
}

// unusable notes a mistake in the program: a type that no YAML can fill.
func (d *decoder) unusable(path []string, format string, args ...any) {
	d.errs = append(d.errs, fmt.Errorf("configfile: %s: %s", joinPath(path), fmt.Sprintf(format, args...)))
}

// extend returns path with key appended, never sharing memory with another extension.
func extend(path []string, key string) []string {
	return append(path[:len(path):len(path)], key)
}

// value decodes n into v, which is addressable.
func (d *decoder) value(n *node, path []string, v reflect.Value) {
	if len(path) > maxDepth {
		d.fail(n, path, "nested too deep")
		return
	}
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		if n.kind == null {
			v.SetZero()
			return
		}
		if v.IsNil() {
			fresh := reflect.New(t.Elem())
			d.value(n, path, fresh.Elem())
			v.Set(fresh)
			return
		}
		d.value(n, path, v.Elem())
		return
	}
	if v.Addr().CanInterface() {
		switch out := v.Addr().Interface().(type) {
		case selfDecoding:
			d.self(n, path, out)
			return
		case interface{ UnmarshalYAML([]byte) error }:
			// The bytes have no places, so mistakes in them could not be shown.
			d.unusable(path, "type %s decodes itself from bytes; give it UnmarshalYAML(func(any) error) error", t)
			return
		case encoding.TextUnmarshaler:
			d.fromText(n, path, out)
			return
		}
	}
	if t == secretType && n.kind != null {
		d.secret(n, path, v)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	case reflect.Slice:
		d.slice(n, path, v)
	case reflect.Array:
		d.array(n, path, v)
	case reflect.Interface:
		if t.NumMethod() != 0 {
			d.unusable(path, "an interface of type %s cannot be decoded", t)
			return
		}
		if x := n.native(); x != nil {
			v.Set(reflect.ValueOf(x))
		} else {
			v.SetZero()
		}
	default:
		d.scalar(n, path, v)
	}
}

// self lets a type decode itself.
func (d *decoder) self(n *node, path []string, out selfDecoding) {
	err := out.UnmarshalYAML(func(into any) error {
		v := reflect.ValueOf(into)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return fmt.Errorf("configfile: %s: the decoding function needs a non-nil pointer, got %T", joinPath(path), into)
		}
		inner := &decoder{file: d.file, root: d.root}
		inner.value(n, path, v.Elem())
		return inner.err()
	})
	if err == nil {
		return
	}
	var list errorList
	if errors.As(err, &list) { // the function's own errors, with their places
		d.errs = append(d.errs, list...)
		return
	}
	field := joinPath(path)
	if inner := fieldPath(err); inner != "" {
		field = joinPath(append(path[:len(path):len(path)], splitPath(inner)...))
		e := d.file.errorAt(d.file.find(splitPath(field)), field, Prefix(joinPath(path), err).Error())
		e.Cause = err
		d.errs = append(d.errs, e)
		return
	}
	e := d.file.errorAt(n.at, field, field+": "+err.Error())
	e.Cause = err
	d.errs = append(d.errs, e)
}

func (d *decoder) fromText(n *node, path []string, out encoding.TextUnmarshaler) {
	if n.kind != plain && n.kind != quoted {
		d.wrongType(n, path, "a text")
		return
	}
	if err := out.UnmarshalText([]byte(n.text)); err != nil {
		d.fail(n, path, "%v", err)
	}
}

// wrongType says what was wanted in place of n.
func (d *decoder) wrongType(n *node, path []string, want string) {
	switch {
	case n.kind == null:
		d.fail(n, path, "has no value; give %s or remove the key", want)
	case slices.ContainsFunc(path, isSecretKey):
		d.fail(n, path, "this is not %s", want)
	case n.kind == mapping || n.kind == sequence:
		d.fail(n, path, "%s is not %s", describe(n), want)
	default:
		d.fail(n, path, "%s is not %s", quoteFor(n), want)
	}
}

// quoteFor quotes a scalar for a message: numbers bare, text in quotes.
func quoteFor(n *node) string {
	if n.kind == plain {
		if _, text := natural(n.text).(string); !text {
			return short(n.text)
		}
	}
	return strconv.Quote(short(n.text))
}

func (d *decoder) structure(n *node, path []string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	if fields.err != nil {
		d.errs = append(d.errs, fields.err)
		return
	}
	switch n.kind {
	case null: // a section with everything commented out
		return
	case mapping:
	default:
		if s, ok := v.Addr().Interface().(Abbreviated); ok && n.kind != sequence {
			i := fields.byName[s.Abbreviation()]
			d.value(n, path, fields.list[i].settable(v))
			return
		}
		d.wrongType(n, path, "a section with keys")
		return
	}
	for _, e := range n.entries {
		i, ok := fields.byName[e.key]
		if !ok {
			d.unknownKey(e, path, fields)
			continue
		}
		d.value(e.value, extend(path, e.key), fields.list[i].settable(v))
	}
}

// secret decodes where a secret is. What stands there may be the secret itself, and is in no message.
func (d *decoder) secret(n *node, path []string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	ok := n.kind == mapping
	for _, e := range n.entries {
		i, known := fields.byName[e.key]
		if known && (e.value.kind == plain || e.value.kind == quoted) {
			fields.list[i].settable(v).SetString(e.value.text)
		} else if !known || e.value.kind != null {
			ok = false
		}
	}
	if !ok {
		d.fail(n, path, "say where the secret is, with {file: PATH} or {env: NAME}; it must not stand here itself")
	}
}

// otherNames are what keys are called elsewhere, in letters that are not near.
var otherNames = map[string]string{"lr": "learning_rate", "batch_size": "batch", "max_epochs": "epochs", "label": "target", "file": "path", "files": "path", "width": "units"}

// unknownKey says which key was meant, or which there are.
func (d *decoder) unknownKey(e *entry, path []string, fields *fieldSet) {
	where := ""
	if len(path) > 0 {
		where = " in " + joinPath(path)
	}
	names := fields.names()
	hint := nearest.DidYouMean(e.key, names)
	if usual, ok := otherNames[e.key]; ok && slices.Contains(names, usual) {
		hint = nearest.DidYouMean(usual, names)
	}
	if hint == "" {
		hint = belongs(d.root, e.key)
	}
	if hint == "" {
		const shown = 16
		if more := len(names) - shown; more > 0 {
			names = append(names[:shown:shown], fmt.Sprintf("and %d more", more))
		}
		hint = "; the keys are: " + strings.Join(names, ", ")
		if len(names) == 0 {
			hint = "; there are none"
		}
	}
	field := joinPath(extend(path, e.key))
	msg := fmt.Sprintf("unknown key %q%s%s", short(e.key), where, hint)
	d.errs = append(d.errs, d.file.errorAt(e.at, field, msg))
}

// mostPlaces are the most sections that a key is said to belong in: one that is in more is no hint.
const mostPlaces = 3

// belongs says in which other sections of a file there is a key, "" where there is none.
func belongs(root reflect.Type, key string) string {
	if usual, ok := otherNames[key]; ok {
		key = usual
	}
	var places []string
	var look func(t reflect.Type, path []string, above []reflect.Type)
	look = func(t reflect.Type, path []string, above []reflect.Type) {
		form := "%s"
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
			if t.Kind() != reflect.Pointer {
				form = "each section in %s"
			}
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || slices.Contains(above, t) || t == secretType {
			return
		}
		fields := fieldsOf(t)
		if _, ok := fields.byName[key]; ok && len(path) > 0 {
			if a, ok := reflect.New(t).Interface().(Abbreviated); ok && a.Abbreviation() != key { // which may be written without its keys
				form += fmt.Sprintf(", {%s: …, %s: …}", a.Abbreviation(), key)
			}
			places = append(places, fmt.Sprintf(form, joinPath(path)))
		}
		for _, f := range fields.list {
			look(t.FieldByIndex(f.index).Type, extend(path, f.name), append(above[:len(above):len(above)], t))
		}
	}
	if root != nil {
		look(root, nil, nil)
	}
	if len(places) == 0 || len(places) > mostPlaces {
		return ""
	}
	return fmt.Sprintf("; %s is a key of %s", key, strings.Join(places, " or "))
}

func (d *decoder) mapping(n *node, path []string, v reflect.Value) {
	t := v.Type()
	if n.kind == null {
		v.SetZero()
		return
	}
	if n.kind != mapping {
		d.wrongType(n, path, "a mapping of names to values")
		return
	}
	// An override of one entry keeps the default's others; a mapping in the file
	// replaces it.
	out := reflect.MakeMapWithSize(t, len(n.entries))
	if n.pathOnly && !v.IsNil() {
		for _, k := range v.MapKeys() {
			out.SetMapIndex(k, v.MapIndex(k))
		}
	}
	for _, e := range n.entries {
		entryPath := extend(path, e.key)
		key := reflect.New(t.Key()).Elem()
		before := len(d.errs)
		switch t.Key().Kind() {
		case reflect.String:
			key.SetString(e.key)
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			d.scalar(&node{kind: plain, at: e.at, text: e.key}, entryPath, key)
		default:
			d.unusable(path, "keys of type %s cannot be decoded", t.Key())
			return
		}
		element := reflect.New(t.Elem()).Elem()
		if old := out.MapIndex(key); old.IsValid() && e.value.pathOnly {
			element.Set(old)
		}
		d.value(e.value, entryPath, element)
		if len(d.errs) == before {
			out.SetMapIndex(key, element)
		}
	}
	v.Set(out)
}

func (d *decoder) slice(n *node, path []string, v reflect.Value) {
	switch {
	case n.kind == null:
		v.SetZero()
		return
	case n.kind == mapping && n.pathOnly:
		d.elements(n, path, v)
		return
	case n.kind == mapping:
		d.wrongType(n, path, "a list")
		return
	case n.kind != sequence && slices.ContainsFunc(path, func(key string) bool { return key != "key" && isSecretKey(key) }):
		d.wrongType(n, path, "a list") // the columns of a key are no secret
		return
	case n.kind != sequence:
		d.fail(n, path, "%s is not a list; write [%s]", quoteFor(n), short(n.text))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(item, extend(path, strconv.Itoa(i)), out.Index(i))
	}
	v.Set(out)
}

// elements applies overrides of single elements, such as "layers.0.dense=64", to a
// list that the file does not mention: that of the defaults.
func (d *decoder) elements(n *node, path []string, v reflect.Value) {
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len()+len(n.entries))
	reflect.Copy(out, v) // the default's array may be shared with another configuration
	for _, e := range n.entries {
		i := index(e.key)
		if i < 0 || i > out.Len() {
			d.errs = append(d.errs, d.file.errorAt(e.at, joinPath(path), fmt.Sprintf(
				"%s is a list of %d; %q is not the number of an element", joinPath(path), out.Len(), e.key)))
			continue
		}
		if i == out.Len() {
			out = reflect.Append(out, reflect.Zero(v.Type().Elem()))
		}
		element := out.Index(i)
		if element.Kind() == reflect.Pointer && !element.IsNil() {
			fresh := reflect.New(element.Type().Elem())
			fresh.Elem().Set(element.Elem())
			element.Set(fresh)
		}
		d.value(e.value, extend(path, e.key), element)
	}
	v.Set(out)
}

func (d *decoder) array(n *node, path []string, v reflect.Value) {
	if n.kind != sequence || len(n.items) != v.Len() {
		d.wrongType(n, path, fmt.Sprintf("a list of %d values", v.Len()))
		return
	}
	for i, item := range n.items {
		d.value(item, extend(path, strconv.Itoa(i)), v.Index(i))
	}
}

func (d *decoder) scalar(n *node, path []string, v reflect.Value) {
	switch t := v.Type(); t.Kind() {
	case reflect.String:
		if n.kind != plain && n.kind != quoted {
			d.wrongType(n, path, "a text")
			return
		}
		v.SetString(n.text)
	case reflect.Bool:
		b, ok := parseBool(n.text)
		if n.kind != plain || !ok {
			d.wrongType(n, path, "true or false")
			return
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t == durationType {
			d.duration(n, path, v)
			return
		}
		d.integer(n, path, v)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		d.unsigned(n, path, v)
	case reflect.Float32, reflect.Float64:
		d.float(n, path, v)
	default:
		d.unusable(path, "a value of type %s cannot be decoded", t)
	}
}

// quotedNumber reports, with a message of its own, a number put in quotes.
func (d *decoder) quotedNumber(n *node, path []string, want string) bool {
	if n.kind != quoted {
		return false
	}
	if _, text := natural(n.text).(string); text || n.text == "" {
		return false
	}
	d.fail(n, path, "%q is a text, not %s; remove the quotes", short(n.text), want)
	return true
}

func (d *decoder) integer(n *node, path []string, v reflect.Value) {
	const want = "a whole number"
	if d.quotedNumber(n, path, want) {
		return
	}
	if n.kind != plain {
		d.wrongType(n, path, want)
		return
	}
	negative, magnitude, err := parseInteger(n.text)
	bits := v.Type().Bits()
	limit := uint64(1) << (bits - 1)
	switch {
	case errors.Is(err, errSyntax):
		d.wrongType(n, path, want)
	case err != nil, !negative && magnitude >= limit, negative && magnitude > limit:
		d.fail(n, path, "%s is out of range, whole numbers here go from -%d to %d", short(n.text), limit, limit-1)
	case negative:
		v.SetInt(-int64(magnitude)) // right for the least number too: its negation wraps to itself
	default:
		v.SetInt(int64(magnitude))
	}
}

func (d *decoder) unsigned(n *node, path []string, v reflect.Value) {
	const want = "a whole number of 0 or more"
	if d.quotedNumber(n, path, want) {
		return
	}
	if n.kind != plain {
		d.wrongType(n, path, want)
		return
	}
	negative, magnitude, err := parseInteger(n.text)
	limit := uint64(math.MaxUint64) >> (64 - v.Type().Bits())
	switch {
	case errors.Is(err, errSyntax), err == nil && negative && magnitude > 0:
		d.wrongType(n, path, want)
	case err != nil, magnitude > limit:
		d.fail(n, path, "%s is out of range, whole numbers here go from 0 to %d", short(n.text), limit)
	default:
		v.SetUint(magnitude)
	}
}

func (d *decoder) float(n *node, path []string, v reflect.Value) {
	const want = "a number"
	if d.quotedNumber(n, path, want) {
		return
	}
	if n.kind != plain {
		d.wrongType(n, path, want)
		return
	}
	x, err := parseFloat(n.text, v.Type().Bits())
	switch {
	case errors.Is(err, errSyntax):
		d.wrongType(n, path, want)
	case err != nil:
		d.fail(n, path, "%s is out of range for a number of %d bits", short(n.text), v.Type().Bits())
	default:
		v.SetFloat(x)
	}
}

func (d *decoder) duration(n *node, path []string, v reflect.Value) {
	x, err := time.ParseDuration(n.text)
	if n.kind != plain && n.kind != quoted || err != nil {
		d.wrongType(n, path, "a duration such as 90s, 5m or 1h30m")
		return
	}
	v.SetInt(int64(x))
}

// native returns n as map[string]any, []any, string, bool, int, float64 or nil.
func (n *node) native() any {
	switch n.kind {
	case mapping:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			m[e.key] = e.value.native()
		}
		return m
	case sequence:
		s := make([]any, len(n.items))
		for i, item := range n.items {
			s[i] = item.native()
		}
		return s
	case plain:
		return natural(n.text)
	case quoted:
		return n.text
	}
	return nil
}
