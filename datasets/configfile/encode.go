package configfile

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Marshal writes cfg, a struct or a pointer to one, as the YAML that [File.Decode]
// reads back to an equal value: keys in order of declaration, map keys sorted,
// short lists of scalars on one line. A type may choose another value to be
// written in its place by MarshalYAML() (any, error), or a text by
// encoding.TextMarshaler. Text that is not UTF-8, and types that YAML has no form
// for, are errors.
//
// The project has an encoder of its own because the resolved run file must read
// back exactly, for any text in it.
func Marshal(cfg any) ([]byte, error) {
	v := reflect.ValueOf(cfg)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("configfile: Marshal needs a struct or a pointer to one, got %T", cfg)
	}
	e := &encoder{}
	n, err := e.tree(v, nil)
	if err != nil {
		return nil, err
	}
	if n.kind != mapping {
		return nil, fmt.Errorf("configfile: %T writes itself as %s, not as a mapping", cfg, describe(n))
	}
	if len(n.entries) == 0 {
		return []byte("{}\n"), nil
	}
	e.mapping(n, 0)
	return []byte(e.out.String()), nil
}

// encoder turns values into nodes (tree) and nodes into text (mapping, value).
type encoder struct {
	out strings.Builder
}

// lineWidth is where a list of scalars is broken into one line each.
const lineWidth = 100

type selfEncoding interface{ MarshalYAML() (any, error) }

// tree returns v as a node.
func (e *encoder) tree(v reflect.Value, path []string) (*node, error) {
	if len(path) > maxDepth {
		return nil, fmt.Errorf("configfile: %s: nested more than %d deep", joinPath(path), maxDepth)
	}
	if !v.IsValid() {
		return &node{kind: null}, nil
	}
	if (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil() {
		return &node{kind: null}, nil
	}
	if n, ok, err := e.custom(v, path); ok {
		return n, err
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return e.tree(v.Elem(), path)
	case reflect.Struct:
		return e.structTree(v, path)
	case reflect.Map:
		return e.mapTree(v, path)
	case reflect.Slice, reflect.Array:
		n := &node{kind: sequence}
		for i := range v.Len() {
			item, err := e.tree(v.Index(i), extend(path, strconv.Itoa(i)))
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		return n, nil
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return nil, fmt.Errorf("configfile: %s: %q is not UTF-8", joinPath(path), v.String())
		}
		return &node{kind: quoted, text: v.String()}, nil
	case reflect.Bool:
		return &node{kind: plain, text: strconv.FormatBool(v.Bool())}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if v.Type() == durationType {
			return &node{kind: plain, text: time.Duration(v.Int()).String()}, nil
		}
		return &node{kind: plain, text: strconv.FormatInt(v.Int(), 10)}, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &node{kind: plain, text: strconv.FormatUint(v.Uint(), 10)}, nil
	case reflect.Float32, reflect.Float64:
		return &node{kind: plain, text: formatFloat(v.Float(), v.Type().Bits())}, nil
	}
	return nil, fmt.Errorf("configfile: %s: a value of type %s has no YAML form", joinPath(path), v.Type())
}

// custom asks v, or a pointer to it, to write itself.
func (e *encoder) custom(v reflect.Value, path []string) (*node, bool, error) {
	if v.Kind() == reflect.Interface || !v.CanInterface() {
		return nil, false, nil
	}
	candidates := []any{v.Interface()}
	if v.CanAddr() {
		candidates = append(candidates, v.Addr().Interface())
	}
	for _, c := range candidates {
		switch m := c.(type) {
		case selfEncoding:
			x, err := m.MarshalYAML()
			if err != nil {
				return nil, true, fmt.Errorf("configfile: %s: %w", joinPath(path), err)
			}
			if reflect.TypeOf(x) == v.Type() {
				return nil, true, fmt.Errorf("configfile: %s: MarshalYAML of %s returns its own type", joinPath(path), v.Type())
			}
			n, err := e.tree(reflect.ValueOf(x), extend(path, "")) // deeper, to end a cycle
			return n, true, err
		case encoding.TextMarshaler:
			text, err := m.MarshalText()
			if err != nil {
				return nil, true, fmt.Errorf("configfile: %s: %w", joinPath(path), err)
			}
			n, err := e.tree(reflect.ValueOf(string(text)), path)
			return n, true, err
		}
	}
	return nil, false, nil
}

func (e *encoder) structTree(v reflect.Value, path []string) (*node, error) {
	fields := fieldsOf(v.Type())
	if fields.err != nil {
		return nil, fields.err
	}
	n := &node{kind: mapping}
	for _, f := range fields.list {
		fv, ok := f.readable(v)
		if !ok || f.omitZero && fv.IsZero() || f.omitEmpty && empty(fv) {
			continue
		}
		child, err := e.tree(fv, extend(path, f.name))
		if err != nil {
			return nil, err
		}
		n.entries = append(n.entries, &entry{key: f.name, value: child})
	}
	return n, nil
}

// empty is encoding/json's notion of empty, and structs that are zero.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

func (e *encoder) mapTree(v reflect.Value, path []string) (*node, error) {
	n := &node{kind: mapping}
	for _, k := range v.MapKeys() {
		var key string
		switch k.Kind() {
		case reflect.String:
			key = k.String()
			if !utf8.ValidString(key) {
				return nil, fmt.Errorf("configfile: %s: key %q is not UTF-8", joinPath(path), key)
			}
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			key = strconv.FormatInt(k.Int(), 10)
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			key = strconv.FormatUint(k.Uint(), 10)
		default:
			return nil, fmt.Errorf("configfile: %s: keys of type %s have no YAML form", joinPath(path), k.Type())
		}
		child, err := e.tree(v.MapIndex(k), extend(path, key))
		if err != nil {
			return nil, err
		}
		n.entries = append(n.entries, &entry{key: key, value: child})
	}
	sort.Slice(n.entries, func(i, j int) bool { return n.entries[i].key < n.entries[j].key })
	return n, nil
}

// formatFloat writes the shortest text that reads back as x.
func formatFloat(x float64, bits int) string {
	switch {
	case math.IsInf(x, 1):
		return ".inf"
	case math.IsInf(x, -1):
		return "-.inf"
	case math.IsNaN(x):
		return ".nan"
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}

// mapping writes the entries of n, each on its own line at indent.
func (e *encoder) mapping(n *node, indent int) {
	for i, en := range n.entries {
		if i > 0 {
			e.indent(indent)
		}
		e.out.WriteString(quoteText(en.key))
		e.out.WriteByte(':')
		e.value(en.value, indent)
	}
}

func (e *encoder) indent(n int) { e.out.WriteString(strings.Repeat(" ", n)) }

// value writes what follows "key:" to the end of its last line.
func (e *encoder) value(n *node, indent int) {
	switch {
	case n.kind == mapping && len(n.entries) > 0:
		e.out.WriteByte('\n')
		e.indent(indent + 2)
		e.mapping(n, indent+2)
	case n.kind == sequence && len(n.items) > 0:
		if line, ok := flow(n); ok && indent+len(line) <= lineWidth {
			e.out.WriteString(" " + line + "\n")
			return
		}
		e.out.WriteByte('\n')
		e.items(n, indent+2)
	case n.kind == quoted && isBlock(n.text):
		e.block(n.text, indent+2)
	default:
		e.out.WriteString(" " + scalarText(n) + "\n")
	}
}

// items writes the items of n as a block sequence at indent.
func (e *encoder) items(n *node, indent int) {
	for _, item := range n.items {
		e.indent(indent)
		e.out.WriteByte('-')
		switch {
		case item.kind == mapping && len(item.entries) > 0:
			e.out.WriteByte(' ')
			e.mapping(item, indent+2)
		case item.kind == sequence && len(item.items) > 0:
			if line, ok := flow(item); ok {
				e.out.WriteString(" " + line + "\n")
				continue
			}
			e.out.WriteByte('\n')
			e.items(item, indent+2)
		default:
			e.out.WriteString(" " + scalarText(item) + "\n")
		}
	}
}

// flow writes a list of scalars on one line; false where it has other items.
func flow(n *node) (string, bool) {
	parts := make([]string, len(n.items))
	for i, item := range n.items {
		if len(item.items) > 0 || len(item.entries) > 0 {
			return "", false
		}
		parts[i] = scalarText(item)
	}
	return "[" + strings.Join(parts, ", ") + "]", true
}

// scalarText writes a scalar or an empty collection on one line.
func scalarText(n *node) string {
	switch n.kind {
	case mapping:
		return "{}"
	case sequence:
		return "[]"
	case plain:
		return n.text
	case quoted:
		return quoteText(n.text)
	}
	return "null"
}

// bareForm is text that no YAML reader takes for anything but text, in any context.
var bareForm = regexp.MustCompile(`^[A-Za-z_/][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*$`)

// reserved words mean something else to some YAML reader.
var reserved = map[string]bool{
	"null": true, "true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "y": true, "n": true,
}

// quoteText writes text bare where that is safe, else in double quotes.
func quoteText(s string) string {
	if bareForm.MatchString(s) && !reserved[strings.ToLower(s)] {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// blockLine is a line that a literal block gives back unchanged.
var blockLine = regexp.MustCompile(`^([^\s\pC]([\pL\pM\pN\pP\pS ]*[^\s\pC])?)?$`)

// isBlock reports whether text, such as an SQL query, is best written as a literal block.
func isBlock(s string) bool {
	body := strings.TrimSuffix(s, "\n")
	if !strings.Contains(body, "\n") || strings.HasSuffix(body, "\n") {
		return false
	}
	lines := strings.Split(body, "\n")
	if lines[0] == "" || lines[len(lines)-1] == "" {
		return false
	}
	for i, line := range lines {
		if i > 0 {
			line = strings.TrimLeft(line, " ") // deeper indentation is kept; the first line sets it
			if line == "" && lines[i] != "" {
				return false
			}
		}
		if !blockLine.MatchString(line) {
			return false
		}
	}
	return true
}

// block writes text as a literal block at indent.
func (e *encoder) block(s string, indent int) {
	if strings.HasSuffix(s, "\n") {
		e.out.WriteString(" |\n")
	} else {
		e.out.WriteString(" |-\n")
	}
	for _, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		if line != "" {
			e.indent(indent)
			e.out.WriteString(line)
		}
		e.out.WriteByte('\n')
	}
}
