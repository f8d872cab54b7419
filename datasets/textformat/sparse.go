package textformat

import (
	"bytes"
	"fmt"
	"math"
	"sort"
)

// sparse parses the rows of libsvm, libfm and libffm.
type sparse struct {
	fields bool // entries have one
	base   Base
}

func (*sparse) start([][]byte) error { return nil }

func (*sparse) header([]byte) bool { return false }

// row appends a line to the batch. Where it returns a problem, the batch may
// have entries of a row that does not count.
func (s *sparse) row(b *Batch, line []byte, _ func() error) (problem string, err error) {
	if i := bytes.IndexByte(line, '#'); i >= 0 {
		line = line[:i]
	}
	token, rest := cut(trim(line))
	if len(token) == 0 {
		return "", nil // a comment alone
	}
	label, f := parseFloat(token)
	if f != number {
		return labelProblem(token, f), nil
	}
	qid := int64(NoQuery)
	if token, after := cut(rest); !s.fields && bytes.HasPrefix(token, []byte("qid:")) {
		q, f := parseInt(token[4:])
		if f != number || q < 0 {
			return fmt.Sprintf("%s is not qid: and an integer from 0; correct it", quote(token)), nil
		}
		qid, rest = q, after
	}
	from := len(b.Indexes)
	last, sorted := int64(-1), true
	for {
		if token, rest = cut(rest); len(token) == 0 {
			break
		}
		var field int32
		pair := token
		if s.fields {
			i := bytes.IndexByte(token, ':')
			if i < 0 {
				return s.shape(token), nil
			}
			if field, f = parseIndex(token[:i]); f != number {
				return s.indexProblem("field", token[:i], token, f), nil
			}
			pair = token[i+1:]
		}
		i := bytes.IndexByte(pair, ':')
		if i < 0 {
			return s.shape(token), nil
		}
		index, f := parseIndex(pair[:i])
		if f != number {
			return s.indexProblem("index", pair[:i], token, f), nil
		}
		if index == 0 && s.base == BaseOne {
			return fmt.Sprintf("index 0 in %s, where indexes begin at 1; correct it, or say that they begin at 0", quote(token)), nil
		}
		value, f := parseFloat(pair[i+1:])
		if f != number || math.Abs(value) > math.MaxFloat32 {
			return valueProblem(pair[i+1:], token, f), nil
		}
		if k := int64(field)<<32 | int64(index); k > last {
			last = k
		} else {
			sorted = false
		}
		b.Indexes = append(b.Indexes, index)
		b.Values = append(b.Values, value)
		if s.fields {
			b.Fields = append(b.Fields, field)
		}
	}
	if !sorted {
		if twice := s.sort(b, from); twice != "" {
			return twice, nil
		}
	}
	b.Labels = append(b.Labels, label)
	b.Queries = append(b.Queries, qid)
	b.Offsets = append(b.Offsets, int32(len(b.Indexes)))
	b.Rows++
	return "", nil
}

// cut returns the first token of a line and what follows it.
func cut(line []byte) (token, rest []byte) {
	i := 0
	for i < len(line) && blank(line[i]) {
		i++
	}
	j := i
	for j < len(line) && !blank(line[j]) {
		j++
	}
	return line[i:j], line[j:]
}

func labelProblem(token []byte, f found) string {
	switch {
	case f == outOfRange:
		return fmt.Sprintf("label %s is too large; correct it", quote(token))
	case bytes.IndexByte(token, ':') >= 0:
		return fmt.Sprintf("%s stands where the label is expected; put a label before it", quote(token))
	case bytes.IndexByte(token, ',') >= 0:
		return fmt.Sprintf("label %s is not one number; rows of several labels are not supported, write a file for each", quote(token))
	}
	return fmt.Sprintf("label %s is not a finite number; correct it, or replace names of classes by numbers", quote(token))
}

func (s *sparse) shape(token []byte) string {
	if s.fields {
		return fmt.Sprintf("%s is not field:feature:value; correct it, or read the file as libsvm if it has no fields", quote(token))
	}
	return fmt.Sprintf("%s is not index:value; correct it", quote(token))
}

func (s *sparse) indexProblem(what string, index, token []byte, f found) string {
	if f == outOfRange {
		return fmt.Sprintf("%s %s in %s is above 2147483647; number or hash the features anew", what, quote(index), quote(token))
	}
	if len(index) > 1 && index[0] == '-' {
		return fmt.Sprintf("%s %s in %s is negative; they begin at 0 or 1", what, quote(index), quote(token))
	}
	return fmt.Sprintf("%s %s in %s is not an integer; correct it", what, quote(index), quote(token))
}

func valueProblem(value, token []byte, f found) string {
	switch {
	case f == notNumber && bytes.IndexByte(value, ':') >= 0:
		return fmt.Sprintf("value %s in %s is not a number; read the file as libffm if it has fields", quote(value), quote(token))
	case f == notNumber:
		return fmt.Sprintf("value %s in %s is not a finite number; correct it, or leave the entry out", quote(value), quote(token))
	}
	return fmt.Sprintf("value %s in %s is beyond the range of float32; correct or scale it", quote(value), quote(token))
}

// sort brings the entries of the last row into order, or returns the problem
// of one that is there twice.
func (s *sparse) sort(b *Batch, from int) (problem string) {
	b.entries.indexes, b.entries.values = b.Indexes[from:], b.Values[from:]
	b.entries.fields = nil
	if s.fields {
		b.entries.fields = b.Fields[from:]
	}
	sort.Sort(&b.entries)
	for i := 1; i < b.entries.Len(); i++ {
		if b.entries.key(i-1) == b.entries.key(i) {
			if s.fields {
				return fmt.Sprintf("feature %d of field %d is there twice; leave one out", b.entries.indexes[i], b.entries.fields[i])
			}
			return fmt.Sprintf("index %d is there twice; leave one out", b.entries.indexes[i])
		}
	}
	return ""
}

// entries sorts those of one row by field and index.
type entries struct {
	fields, indexes []int32
	values          []float64
}

func (e *entries) key(i int) int64 {
	k := int64(e.indexes[i])
	if e.fields != nil {
		k |= int64(e.fields[i]) << 32
	}
	return k
}

func (e *entries) Len() int           { return len(e.indexes) }
func (e *entries) Less(i, j int) bool { return e.key(i) < e.key(j) }
func (e *entries) Swap(i, j int) {
	e.indexes[i], e.indexes[j] = e.indexes[j], e.indexes[i]
	e.values[i], e.values[j] = e.values[j], e.values[i]
	if e.fields != nil {
		e.fields[i], e.fields[j] = e.fields[j], e.fields[i]
	}
}
