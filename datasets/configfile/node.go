package configfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// kind is the kind of a node. Plain scalars stay text until a field asks for a type,
// so that "1e-3" is a number to a float field and its own spelling to a text field.
type kind int

const (
	null     kind = iota
	plain         // an unquoted scalar: number, boolean or text
	quoted        // a scalar that is text whatever it looks like
	mapping       // entries
	sequence      // items
)

// place is where something was written.
type place struct {
	line, column int
	override     string // "--set key=value" where it came from the command line
}

// node is a value of the file with anchors, aliases, tags and merge keys resolved.
type node struct {
	kind     kind
	at       place
	text     string
	entries  []*entry
	items    []*node
	pathOnly bool // made by an override's path, not by a value: numbers as keys may be list indices
}

// entry is a key of a mapping with its value.
type entry struct {
	key   string
	at    place // of the key
	value *node
}

// entry returns the entry of key, or nil.
func (n *node) entry(key string) *entry {
	for _, e := range n.entries {
		if e.key == key {
			return e
		}
	}
	return nil
}

const (
	// maxDepth bounds the nesting of a run file, and with it all recursion here.
	maxDepth = 100
	// maxBrackets bounds the nesting of flow collections before the parser sees them.
	maxBrackets = 1000
	// maxLineBytes bounds "- - - - …", the other way to nest without indentation.
	maxLineBytes = 32 << 10
	// maxLines bounds the parser's time, which grows with the square of the lines.
	maxLines = 10_000
	// maxNodes bounds the tree after aliases are copied ("billion laughs").
	maxNodes = 100_000
)

// syntaxError makes an Error about the text itself.
func (f *File) syntaxError(line, column int, format string, args ...any) error {
	return f.errorAt(place{line: line, column: column}, "", fmt.Sprintf(format, args...))
}

// parse turns the text of a run file into a mapping node.
func (f *File) parse(src []byte) (*node, error) {
	if len(src) > maxFileBytes {
		return nil, f.syntaxError(0, 0, "the run file has %d bytes, the limit is %d; is it the right file?", len(src), maxFileBytes)
	}
	if err := f.checkText(src); err != nil {
		return nil, err
	}
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	body, err := f.parseYAML(src)
	if err != nil {
		return nil, err
	}
	empty := &node{kind: mapping, at: place{line: 1, column: 1}}
	if body == nil {
		return empty, nil
	}
	c := &converter{file: f, anchors: map[string]*node{}}
	root, err := c.convert(body, 0)
	if err != nil {
		return nil, err
	}
	switch root.kind {
	case mapping:
		return root, nil
	case null:
		return empty, nil
	}
	return nil, f.errorAt(root.at, "", "a run file is a mapping of keys to values, such as \"name: my-run\", but this is "+describe(root))
}

// checkText finds what the parser would misread or choke on: bytes that are no
// UTF-8, control characters, absurd nesting.
func (f *File) checkText(src []byte) error {
	depth := 0
	line, start := 1, 0
	for i := 0; i < len(src); {
		c := src[i]
		column := func() int { return utf8.RuneCount(src[start:i]) + 1 }
		switch {
		case c == '\n':
			line++
			start = i + 1
			if line > maxLines+1 {
				return f.syntaxError(0, 0, "the run file has more than %d lines; is it the right file?", maxLines)
			}
		case c == '[' || c == '{':
			if depth++; depth > maxBrackets {
				return f.syntaxError(line, column(), "brackets are nested more than %d deep", maxBrackets)
			}
		case c == ']' || c == '}':
			depth = max(0, depth-1)
		case c < 0x20 && c != '\t' && c != '\r' || c == 0x7f:
			return f.syntaxError(line, column(), "control character %U; a run file is plain text", c)
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && size == 1 {
				return f.syntaxError(line, column(), "byte 0x%02x is not UTF-8; save the file as UTF-8", c)
			}
			i += size - 1
		}
		if i-start > maxLineBytes {
			return f.syntaxError(line, 1, "the line is longer than %d bytes", maxLineBytes)
		}
		i++
	}
	return nil
}

// parseYAML runs the YAML parser and returns the body of the one document, nil
// where it is empty.
func (f *File) parseYAML(src []byte) (body ast.Node, err error) {
	defer func() {
		// The parser is not ours; a file that trips it up must not end the program.
		if r := recover(); r != nil {
			body, err = nil, f.syntaxError(0, 0, "the YAML could not be understood (%v)", r)
		}
	}()
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, f.yamlError(err)
	}
	for _, doc := range file.Docs {
		if doc == nil || doc.Body == nil {
			continue
		}
		if _, ok := doc.Body.(*ast.DirectiveNode); ok {
			continue
		}
		if body != nil {
			at := placeOf(doc.Body)
			return nil, f.errorAt(at, "", "a second YAML document starts here; a run file has one (remove the \"---\")")
		}
		body = doc.Body
	}
	return body, nil
}

// yamlError translates an error of the YAML parser.
func (f *File) yamlError(err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return f.syntaxError(0, 0, "YAML: %v", err)
	}
	var at place
	if t := ye.GetToken(); t != nil && t.Position != nil {
		at.line, at.column = t.Position.Line, t.Position.Column
	}
	msg := "YAML: " + ye.GetMessage()
	if strings.Contains(msg, "\t") || strings.Contains(msg, "tab character") {
		msg = "YAML: a tab where indentation is expected; indent with spaces"
	}
	return f.errorAt(at, "", msg)
}

// placeOf returns where a node of the YAML parser starts.
func placeOf(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return placeOf(m.Values[0].Key) // the token of a block mapping is its first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		return placeOf(v.Key)
	}
	if n == nil {
		return place{}
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{line: t.Position.Line, column: t.Position.Column}
	}
	return place{}
}

// converter turns the parser's tree into nodes.
type converter struct {
	file    *File
	anchors map[string]*node
	nodes   int
}

func (c *converter) fail(at place, format string, args ...any) error {
	return c.file.errorAt(at, "", fmt.Sprintf(format, args...))
}

// convert converts n and everything below it.
func (c *converter) convert(n ast.Node, depth int) (*node, error) {
	at := placeOf(n)
	if err := c.count(at, depth); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return &node{kind: null, at: at}, nil
	case *ast.StringNode:
		k := plain
		if t := n.GetToken(); t != nil && (t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType) {
			k = quoted
		}
		return &node{kind: k, at: at, text: n.Value}, nil
	case *ast.LiteralNode:
		text := ""
		if n.Value != nil {
			text = n.Value.Value
		}
		return &node{kind: quoted, at: at, text: text}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &node{kind: plain, at: at, text: n.GetToken().Value}, nil
	case *ast.TagNode:
		return c.tagged(n, depth)
	case *ast.AnchorNode:
		v, err := c.convert(n.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if n.Name != nil && n.Name.GetToken() != nil {
			c.anchors[n.Name.GetToken().Value] = v
		}
		return v, nil
	case *ast.AliasNode:
		name := ""
		if n.Value != nil && n.Value.GetToken() != nil {
			name = n.Value.GetToken().Value
		}
		target, ok := c.anchors[name]
		if !ok {
			return nil, c.fail(at, "alias *%s has no anchor &%s before it", name, name)
		}
		return c.duplicate(target, at, depth)
	case *ast.SequenceNode:
		out := &node{kind: sequence, at: at}
		for _, item := range n.Values {
			v, err := c.convert(item, depth+1)
			if err != nil {
				return nil, err
			}
			if v.at.line == 0 {
				v.at = at
			}
			out.items = append(out.items, v)
		}
		return out, nil
	case *ast.MappingNode:
		return c.mapping(at, n.Values, depth)
	case *ast.MappingValueNode:
		return c.mapping(at, []*ast.MappingValueNode{n}, depth)
	}
	return nil, c.fail(at, "YAML: a %s is not used in run files", strings.ToLower(n.Type().String()))
}

// count charges one node against the limits.
func (c *converter) count(at place, depth int) error {
	if depth > maxDepth {
		return c.fail(at, "nested more than %d deep", maxDepth)
	}
	if c.nodes++; c.nodes > maxNodes {
		return c.fail(at, "more than %d values (after following aliases)", maxNodes)
	}
	return nil
}

// duplicate copies an anchored value for an alias, so that an override of one place
// leaves the others alone. The places stay those of the anchor's text, where
// the value is written; the copy itself is at the alias.
func (c *converter) duplicate(n *node, at place, depth int) (*node, error) {
	if err := c.count(at, depth); err != nil {
		return nil, err
	}
	out := &node{kind: n.kind, at: n.at, text: n.text}
	for _, item := range n.items {
		v, err := c.duplicate(item, at, depth+1)
		if err != nil {
			return nil, err
		}
		out.items = append(out.items, v)
	}
	for _, e := range n.entries {
		v, err := c.duplicate(e.value, at, depth+1)
		if err != nil {
			return nil, err
		}
		out.entries = append(out.entries, &entry{key: e.key, at: e.at, value: v})
	}
	return out, nil
}

// tagged applies an explicit tag.
func (c *converter) tagged(n *ast.TagNode, depth int) (*node, error) {
	v, err := c.convert(n.Value, depth+1)
	if err != nil {
		return nil, err
	}
	tag := ""
	if n.Start != nil {
		tag = n.Start.Value
	}
	switch tag {
	case "!!str":
		if v.kind == plain || v.kind == null {
			v.kind = quoted
		}
	case "!!int", "!!float", "!!bool":
		if v.kind == quoted {
			v.kind = plain
		}
	case "!!null", "!!map", "!!seq":
	default:
		return nil, c.fail(placeOf(n), "YAML tag %s is not used in run files; remove it", tag)
	}
	return v, nil
}

// mapping converts the values of a mapping, checks for keys written twice, and
// merges `<<`: keys written out win over merged ones, earlier merges over later.
func (c *converter) mapping(at place, values []*ast.MappingValueNode, depth int) (*node, error) {
	out := &node{kind: mapping, at: at}
	seen := make(map[string]*entry, len(values))
	var merged []*node
	for _, kv := range values {
		keyAt := placeOf(kv.Key)
		if kv.Key.IsMergeKey() {
			from, err := c.convert(kv.Value, depth+1)
			if err != nil {
				return nil, err
			}
			switch from.kind {
			case mapping:
				merged = append(merged, from)
			case sequence:
				merged = append(merged, from.items...)
			default:
				return nil, c.fail(keyAt, "\"<<\" merges a mapping, or a list of mappings, by alias: \"<<: *name\"")
			}
			continue
		}
		key, err := c.key(kv.Key, depth)
		if err != nil {
			return nil, err
		}
		if first := seen[key]; first != nil {
			return nil, c.fail(keyAt, "key %q is written twice, first at line %d; remove one", key, first.at.line)
		}
		v, err := c.convert(kv.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if v.kind == null {
			v.at = keyAt // an absent value has no place of its own
		}
		e := &entry{key: key, at: keyAt, value: v}
		seen[key] = e
		out.entries = append(out.entries, e)
	}
	for _, from := range merged {
		if from.kind != mapping {
			return nil, c.fail(at, "\"<<\" merges mappings, but one of those named is %s", describe(from))
		}
		for _, e := range from.entries {
			if seen[e.key] == nil {
				seen[e.key] = e
				out.entries = append(out.entries, e)
			}
		}
	}
	return out, nil
}

// key reads the key of a mapping, which must be a scalar.
func (c *converter) key(k ast.Node, depth int) (string, error) {
	if mk, ok := k.(*ast.MappingKeyNode); ok {
		k = mk.Value
	}
	n, err := c.convert(k, depth+1)
	if err != nil {
		return "", err
	}
	switch n.kind {
	case plain, quoted:
		return n.text, nil
	case null:
		return "null", nil
	}
	return "", c.fail(placeOf(k), "a key must be a word, but this is %s", describe(n))
}
