package table

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/wording"
)

// explainJSON finds out in Go what DuckDB does not take, or tell apart, in JSON files: keys that an object has twice, or
// that differ in upper and lower case alone, and, where malformed says that there is such a place, what is no JSON. It
// returns nil where it finds nothing.
func explainJSON(ctx context.Context, files []string, malformed bool) error {
	k := &keys{first: map[string]key{}}
	for _, file := range files {
		if err := k.file(ctx, file, malformed); err != nil {
			return err
		}
	}
	return nil
}

// explainTyped finds out what DuckDB's error about files with types is about; nil where it finds nothing.
func (r *relation) explainTyped(ctx context.Context, err error) error {
	var known *ValueError
	var q *duck.Error
	switch {
	case errors.As(err, &known):
		return known
	case r.format != "json" || !errors.As(err, &q):
		return nil
	}
	malformed := strings.Contains(q.Message, "Malformed JSON") || strings.Contains(q.Message, "maximum_object_size")
	if !malformed && !strings.Contains(strings.ToLower(q.Message), "duplicate") {
		return nil
	}
	return explainJSON(ctx, r.origin.files, malformed)
}

// keys are those of the records of files.
type keys struct {
	first map[string]key // by the name in lower case
	lines lineCounter
	limit rationed // on what is read of a record
	name  string   // of the file
	d     *json.Decoder
}

// key is a key as it is written first, and where.
type key struct {
	text, file string
	line       int
}

func (k *keys) file(ctx context.Context, file string, malformed bool) (err error) {
	in, err := OpenText(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	const ration = longestObject + 1<<16 // the decoder reads ahead
	k.name, k.lines = wording.FileName(file), lineCounter{in: &interruptible{ctx, in}, line: 1}
	k.limit = rationed{in: &k.lines, left: ration}
	k.d = json.NewDecoder(&k.limit)
	k.d.UseNumber()
	var problem *ValueError
	for {
		k.limit.left = ration
		token, err := k.d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		begun := k.line()
		switch {
		case err != nil:
		case token == json.Delim('['):
			for err == nil && k.d.More() {
				k.limit.left = ration
				if token, err = k.d.Token(); err == nil {
					begun = k.line()
					err = k.value(token, true)
				}
			}
			if err == nil {
				_, err = k.d.Token()
			}
		default:
			err = k.value(token, true)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &problem):
			return err
		case errors.Is(err, errLongRecord):
			return longRecord(file, begun, "JSON", longestObject)
		case !malformed:
			return nil
		default:
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("it does not end")
			}
			return &ValueError{Place: fmt.Sprintf("%s:%d", k.name, begun), Problem: fmt.Sprintf("what begins here cannot be read as JSON (%v)", err), Remedies: []Remedy{ManualRemedy("repair it in the file")}}
		}
	}
}

// line is the line of what was read last.
func (k *keys) line() int { return k.lines.at(k.d.InputOffset()) }

// value reads the rest of a value that begins with a token. Records have their keys compared with those of others.
func (k *keys) value(token json.Token, record bool) error {
	switch token {
	case json.Delim('['):
		for k.d.More() {
			next, err := k.d.Token()
			if err == nil {
				err = k.value(next, false)
			}
			if err != nil {
				return err
			}
		}
	case json.Delim('{'):
		own := map[string]bool{}
		first := k.first
		if !record {
			first = map[string]key{}
		}
		for k.d.More() {
			name, err := k.d.Token()
			if err == nil {
				err = k.key(fmt.Sprint(name), own, first)
			}
			if err == nil {
				name, err = k.d.Token()
			}
			if err == nil {
				err = k.value(name, false)
			}
			if err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err := k.d.Token()
	return err
}

// key looks at a key of an object that has others of its own, and compares it with the first ones.
func (k *keys) key(name string, own map[string]bool, first map[string]key) error {
	e := &ValueError{Place: fmt.Sprintf("%s:%d", k.name, k.line()), Remedies: []Remedy{ManualRemedy("rename one in the file")}}
	if own[name] {
		e.Problem = fmt.Sprintf("the key %s stands twice in one object", wording.Quote(name))
		return e
	}
	own[name] = true
	lower := strings.ToLower(name)
	met, ok := first[lower]
	switch {
	case !ok:
		first[lower] = key{name, k.name, k.line()}
	case met.text != name:
		e.Problem = fmt.Sprintf("the keys %s and %s of line %d differ in upper and lower case alone, and SQL does not tell them apart", wording.Quote(name), wording.Quote(met.text), met.line)
		if met.file != k.name {
			e.Problem = strings.Replace(e.Problem, " of line", " of "+met.file+", line", 1)
		}
		return e
	}
	return nil
}

// lineCounter knows in which lines the places of what it has read are.
type lineCounter struct {
	in     io.Reader
	read   int64
	breaks []int64 // the places of line ends not asked for yet
	line   int     // of the last place asked for
}

// Read reads and remembers where lines end.
func (l *lineCounter) Read(b []byte) (int, error) {
	n, err := l.in.Read(b)
	for at := 0; ; at++ {
		next := bytes.IndexByte(b[at:n], '\n')
		if next < 0 {
			break
		}
		at += next
		l.breaks = append(l.breaks, l.read+int64(at))
	}
	l.read += int64(n)
	return n, err
}

// at returns the line of a place, which is not before that of the last call.
func (l *lineCounter) at(offset int64) int {
	n, _ := slices.BinarySearch(l.breaks, offset)
	l.breaks = l.breaks[n:]
	l.line += n
	return l.line
}
