package configfile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Difference is a value that two run files do not have in common. Was or Now is "" where one has no such value.
type Difference struct {
	Path     string // as in errors: "train.optimizer.kind", "model.hidden.0.units"
	Was, Now string
}

// Differences compares two run files, as [Marshal] writes them, value by value, in the order of paths. A list of
// scalars is one value. What may be a secret is compared, and not told.
func Differences(was, now []byte) ([]Difference, error) {
	a, err := Values(was)
	if err != nil {
		return nil, err
	}
	b, err := Values(now)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for path, v := range a {
		if w, ok := b[path]; !ok || v != w {
			out = append(out, Difference{path, v, b[path]})
		}
	}
	for path, w := range b {
		if _, ok := a[path]; !ok {
			out = append(out, Difference{path, "", w})
		}
	}
	for i, d := range out {
		out[i].Was, out[i].Now = maskValue(d.Path, d.Was), maskValue(d.Path, d.Now)
	}
	slices.SortFunc(out, func(x, y Difference) int { return cmp.Compare(x.Path, y.Path) })
	return out, nil
}

// Values flattens a run file to its values by their paths. A list of scalars is one value.
func Values(src []byte) (map[string]string, error) {
	f := &File{path: "run file", src: src}
	root, err := f.parse(src)
	if err != nil {
		return nil, err
	}
	return root.values(), nil
}

// Value returns what the file, with its overrides, has at a path, as [Values] names it; false where that is nothing.
func (f *File) Value(path string) (string, bool) {
	v, ok := f.root.values()[path]
	return v, ok
}

// values flattens a tree, which may be nil.
func (n *node) values() map[string]string {
	out := map[string]string{}
	var walk func(path []string, n *node)
	walk = func(path []string, n *node) {
		key := strings.Join(path, ".")
		switch n.kind {
		case mapping:
			for _, e := range n.entries {
				walk(extend(path, e.key), e.value)
			}
		case sequence:
			plainly := !slices.ContainsFunc(n.items, func(i *node) bool { return i.kind == mapping || i.kind == sequence })
			if plainly {
				texts := make([]string, len(n.items))
				for i, item := range n.items {
					texts[i] = item.text
				}
				out[key] = "[" + strings.Join(texts, ", ") + "]"
				return
			}
			for i, item := range n.items {
				walk(extend(path, strconv.Itoa(i)), item)
			}
		case null:
			out[key] = "null"
		default:
			out[key] = n.text
		}
	}
	if n != nil {
		walk(nil, n)
	}
	return out
}
