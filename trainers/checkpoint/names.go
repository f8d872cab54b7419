package checkpoint

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/atomicfile"
)

const (
	stateExt   = ".json"
	tensorsExt = ".safetensors"
)

// id names a checkpoint: the attempt, counted from 1, and the step.
type id struct {
	attempt int
	step    int64
}

func (c id) compare(o id) int {
	return cmp.Or(cmp.Compare(c.attempt, o.attempt), cmp.Compare(c.step, o.step))
}

func (c id) stem() string {
	if c.attempt == 1 {
		return fmt.Sprintf("step-%012d", c.step)
	}
	return fmt.Sprintf("step-%012d-%d", c.step, c.attempt)
}

func (c id) stateName() string   { return c.stem() + stateExt }
func (c id) tensorsName() string { return c.stem() + tensorsExt }

// parseName is the inverse of stateName and tensorsName; ok is false for any other name.
func parseName(name string) (c id, ext string, ok bool) {
	ext = filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	digits, found := strings.CutPrefix(stem, "step-")
	if !found || ext != stateExt && ext != tensorsExt {
		return id{}, "", false
	}
	c.attempt = 1
	digits, attempt, several := strings.Cut(digits, "-")
	var err error
	if several {
		if c.attempt, err = strconv.Atoi(attempt); err != nil || c.attempt < 2 {
			return id{}, "", false
		}
	}
	if c.step, err = strconv.ParseInt(digits, 10, 64); err != nil || c.step < 0 || c.stem() != stem {
		return id{}, "", false
	}
	return c, ext, true
}

// Named reports whether a file of a store may have that name.
func Named(name string) bool {
	_, _, ok := parseName(name)
	return ok
}

// listing is what a store's folder holds, by names, in ascending order.
type listing struct {
	states, tensors []id
	temporary       []string
}

func (s *Store) list() (listing, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return listing{}, fmt.Errorf("checkpoint: list the store: %w", err)
	}
	var l listing
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if of, ok := atomicfile.TemporaryOf(e.Name()); ok {
			if _, _, ok := parseName(of); ok {
				l.temporary = append(l.temporary, e.Name())
			}
			continue
		}
		switch c, ext, ok := parseName(e.Name()); {
		case !ok:
		case ext == stateExt:
			l.states = append(l.states, c)
		default:
			l.tensors = append(l.tensors, c)
		}
	}
	slices.SortFunc(l.states, id.compare)
	slices.SortFunc(l.tensors, id.compare)
	return l, nil
}

func (l listing) hasState(c id) bool {
	_, ok := slices.BinarySearchFunc(l.states, c, id.compare)
	return ok
}

// complete lists the checkpoints of which both files are there.
func (l listing) complete() []id {
	return slices.DeleteFunc(slices.Clone(l.tensors), func(c id) bool { return !l.hasState(c) })
}

// line lists from and the checkpoints of all, in ascending order, that it came from, newest first: what was written
// before it, without what an attempt after that left behind.
func line(all []id, from id) []id {
	out := []id{from}
	for _, c := range slices.Backward(all) {
		if c.compare(from) < 0 && c.step < out[len(out)-1].step {
			out = append(out, c)
		}
	}
	return out
}

// inLine finds the checkpoint of a step in the line of from.
func inLine(all []id, from id, step int64) (id, bool) {
	l := line(all, from)
	i := slices.IndexFunc(l, func(c id) bool { return c.step == step })
	if i < 0 {
		return id{}, false
	}
	return l[i], true
}
