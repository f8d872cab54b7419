package configfile

import (
	"strconv"
	"strings"
)

// splitPath splits a dotted field path into keys. A key in double quotes may hold
// dots; "layers[0]" means the same as "layers.0".
func splitPath(path string) []string {
	var keys []string
	var key strings.Builder
	quoted, started := false, false
	flush := func() {
		if started {
			keys = append(keys, key.String())
		}
		key.Reset()
		started = false
	}
	for i, r := range path {
		switch {
		case r == '"':
			quoted = !quoted
			started = true
		case quoted:
			key.WriteRune(r)
		case r == '.':
			if i > 0 && path[i-1] != ']' {
				started = true // "a..b" has an empty key, which matches nothing
			}
			flush()
		case r == '[':
			flush()
		case r == ']':
			flush()
		default:
			key.WriteRune(r)
			started = true
		}
	}
	flush()
	return keys
}

// joinPath is the inverse of splitPath.
func joinPath(keys []string) string {
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte('.')
		}
		if k == "" || strings.ContainsAny(k, ".[]=") {
			k = `"` + strings.ReplaceAll(k, `"`, "'") + `"`
		}
		b.WriteString(k)
	}
	return b.String()
}

// index reads a list index; -1 where key is none.
func index(key string) int {
	n, err := strconv.Atoi(key)
	if err != nil || n < 0 || strconv.Itoa(n) != key {
		return -1
	}
	return n
}

// find returns the place of the value at keys, or of the nearest section around it
// that exists. Keys with dots in them need not be quoted here: the longest
// run of keys that names an entry wins.
func (f *File) find(keys []string) place {
	n := f.root
	at := n.at
	if len(keys) == 0 || len(n.entries) == 0 {
		return at
	}
	for len(keys) > 0 && n != nil {
		switch n.kind {
		case mapping:
			used := 0
			for run := len(keys); run > 0 && used == 0; run-- {
				if e := n.entry(strings.Join(keys[:run], ".")); e != nil {
					used = run
					at = e.value.at
					if e.value.kind == mapping || e.value.kind == null {
						at = e.at // a section is shown at its name
					}
					n = e.value
				}
			}
			if used == 0 {
				return at
			}
			keys = keys[used:]
		case sequence:
			i := index(keys[0])
			if i < 0 || i >= len(n.items) {
				return at
			}
			n = n.items[i]
			at = n.at
			keys = keys[1:]
		default:
			return at
		}
	}
	return at
}
