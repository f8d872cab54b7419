package configfile

import (
	"errors"
	"fmt"
	"strings"
)

// override lays one "key.path=value" over the tree.
func (f *File) override(text string) error {
	from := "--set " + maskOverride(text)
	at := place{override: from}
	fail := func(format string, args ...any) error {
		return f.errorAt(at, "", fmt.Sprintf(format, args...))
	}
	path, value, ok := cutPath(text)
	keys := splitPath(path)
	if !ok || len(keys) == 0 {
		return fail("not of the form key.path=value, such as train.batch=512")
	}
	if len(keys) > maxDepth {
		return fail("the path has more than %d keys", maxDepth)
	}
	v, err := parseOverrideValue(from, value)
	if err != nil {
		return err
	}
	n := f.root
	for i, key := range keys {
		last := i == len(keys)-1
		var next *node
		switch n.kind {
		case null:
			*n = node{kind: mapping, at: at, pathOnly: true}
			fallthrough
		case mapping:
			e := n.entry(key)
			if e == nil {
				e = &entry{key: key, at: at, value: &node{kind: null, at: at}}
				n.entries = append(n.entries, e)
			}
			if last {
				e.at = at
			}
			if !last && e.value.kind != null && e.value.kind != mapping && e.value.kind != sequence {
				return fail("%s is %s, not a section with keys", joinPath(keys[:i+1]), describe(e.value))
			}
			next = e.value
		case sequence:
			k := index(key)
			if k < 0 {
				return fail("%s is a list of %d; address an element by its number, such as %s.0", joinPath(keys[:i]), len(n.items), joinPath(keys[:i]))
			}
			if k > len(n.items) {
				return fail("%s has %d elements, 0 to %d; %d would leave a gap", joinPath(keys[:i]), len(n.items), len(n.items)-1, k)
			}
			if k == len(n.items) {
				n.items = append(n.items, &node{kind: null, at: at})
			}
			next = n.items[k]
			if !last && next.kind != null && next.kind != mapping && next.kind != sequence {
				return fail("%s is %s, not a section with keys", joinPath(keys[:i+1]), describe(next))
			}
		}
		if last {
			*next = *v
			return nil
		}
		n = next
	}
	return nil
}

// cutPath cuts text at the first "=" outside double quotes.
func cutPath(text string) (path, value string, ok bool) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '=' && !quoted:
			return strings.TrimSpace(text[:i]), text[i+1:], true
		}
	}
	return "", "", false
}

// parseOverrideValue parses the value of an override, whose errors and places all
// name the override.
func parseOverrideValue(from, value string) (*node, error) {
	f := &File{path: from, src: []byte(value)}
	at := place{override: from}
	reword := func(err error) error {
		var e *Error
		if errors.As(err, &e) {
			return f.errorAt(at, "", e.Msg)
		}
		return err
	}
	if len(value) > maxFileBytes {
		return nil, f.errorAt(at, "", "the value is too long")
	}
	if err := f.checkText(f.src); err != nil {
		return nil, reword(err)
	}
	body, err := f.parseYAML(f.src)
	if err != nil {
		return nil, reword(err)
	}
	if body == nil {
		return &node{kind: null, at: at}, nil
	}
	c := &converter{file: f, anchors: map[string]*node{}}
	n, err := c.convert(body, 0)
	if err != nil {
		return nil, reword(err)
	}
	n.move(at)
	return n, nil
}

// move gives n and all below it the place at.
func (n *node) move(at place) {
	n.at = at
	for _, item := range n.items {
		item.move(at)
	}
	for _, e := range n.entries {
		e.at = at
		e.value.move(at)
	}
}
