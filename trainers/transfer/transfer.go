// Package transfer fills the tensors of a model that is about to be trained with those of another: by their names, and their rows by what they
// belong to – users, items, the values of a column, the inputs of a layer – wherever these have moved. What is new keeps its first values.
package transfer

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"debut/datasets/warning"
	"debut/datasets/wording"
	"debut/engine/safetensors"
	"debut/kernels/rawbytes"
	"debut/trainers/model"
)

// ErrNothing says that two models have nothing in common.
var ErrNothing = errors.New("the models have no tensor in common")

// Target is a tensor to be filled.
type Target struct {
	model.Tensor
	// Write overwrites values from one on.
	Write func(from int, values []float32) error
}

// Report says what became of the tensors of both models.
type Report struct {
	From    string   `json:"from"`
	Taken   []string `json:"taken,omitempty"`    // tensors, whole or by rows
	New     []string `json:"new,omitempty"`      // tensors that the other model has not, or of another shape
	LeftOut []string `json:"left_out,omitempty"` // tensors of the other model that found no place
	// Rows counts rows by what they belong to.
	Rows map[string]Rows `json:"rows,omitempty"`
	// Numbers is how many numbers were taken, of how many that the model has, and how many that there are to be taken.
	Numbers Numbers `json:"numbers"`
}

// Numbers counts the numbers of tensors.
type Numbers struct {
	Taken int64 `json:"taken"`
	Has   int64 `json:"has"`
	There int64 `json:"there"`
}

// Rows are those of tensors whose rows belong to something.
type Rows struct {
	Taken   int `json:"taken"`
	New     int `json:"new"`
	LeftOut int `json:"left_out"`
}

// String tells a report in a line.
func (r *Report) String() string {
	parts := []string{fmt.Sprintf("%d tensors taken from %s", len(r.Taken), r.From)}
	if len(r.New) > 0 {
		parts = append(parts, fmt.Sprintf("%d new (%s)", len(r.New), wording.List(r.New, wording.MaxListed)))
	}
	if len(r.LeftOut) > 0 {
		parts = append(parts, fmt.Sprintf("%d left out (%s)", len(r.LeftOut), wording.List(r.LeftOut, wording.MaxListed)))
	}
	names := make([]string, 0, len(r.Rows))
	for name := range r.Rows {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if n := r.Rows[name]; n.New > 0 || n.LeftOut > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d rows taken, %d new, %d left out", name, n.Taken, n.New, n.LeftOut))
		}
	}
	return strings.Join(parts, "; ")
}

// little is the share of the numbers, of the model's or those that there are, below which a training begins all but anew.
const little = 0.05

// Warnings are of a model that next to nothing was taken from.
func (r *Report) Warnings() warning.List {
	most := min(r.Numbers.Has, r.Numbers.There)
	if float64(r.Numbers.Taken) >= little*float64(most) {
		return nil
	}
	return warning.List{warning.Warning{
		Name:    warning.LittleTaken,
		Message: fmt.Sprintf("of %s next to nothing was taken, %d of its %d numbers for the %d of the model, which begins all but anew", r.From, r.Numbers.Taken, r.Numbers.There, r.Numbers.Has),
		Remedy:  "look whether names, ids and sizes are those of the other model, or leave init_from out",
	}.With("taken", float64(r.Numbers.Taken)).With("has", float64(r.Numbers.Has)).With("there", float64(r.Numbers.There))}
}

// Source is what tensors are taken from.
type Source struct {
	Name    string // for the report
	tensors map[string]model.Tensor
	order   []string
	checked bool // that values are finite
}

// Of makes a source of a model's tensors, which must stay readable.
func Of(name string, list []model.Tensor) *Source {
	s := &Source{Name: name, tensors: map[string]model.Tensor{}, checked: true}
	for _, t := range list {
		s.tensors[t.Name] = t
		s.order = append(s.order, t.Name)
	}
	return s
}

// Fill fills tensors from the source. That nothing fits is an error that matches ErrNothing.
func (s *Source) Fill(list []Target) (*Report, error) {
	r := &Report{From: s.Name, Rows: map[string]Rows{}}
	for _, t := range list {
		from, ok := s.tensors[t.Name]
		taken := false
		r.Numbers.Has += size(t.Shape)
		if ok && from.Dtype == safetensors.F32 && t.Dtype == safetensors.F32 {
			var err error
			if taken, err = s.fill(t, from, r); err != nil {
				return nil, fmt.Errorf("transfer: %s: %w", t.Name, err)
			}
		}
		if taken {
			r.Taken = append(r.Taken, t.Name)
		} else {
			r.New = append(r.New, t.Name)
		}
	}
	for _, name := range s.order {
		r.Numbers.There += size(s.tensors[name].Shape)
		if !slices.Contains(r.Taken, name) {
			r.LeftOut = append(r.LeftOut, name)
		}
	}
	if len(r.Taken) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNothing, s.differences(list))
	}
	return r, nil
}

// differences tells of tensors of which nothing was taken: of the first of one name how they differ, else the names.
func (s *Source) differences(list []Target) string {
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.Name
		if from, ok := s.tensors[t.Name]; ok {
			if from.Dtype != safetensors.F32 {
				return fmt.Sprintf("%s of %s has values of the type %s; write them as F32", t.Name, s.Name, from.Dtype)
			}
			if slices.Equal(t.Shape, from.Shape) {
				return fmt.Sprintf("%s of %s does not say what its rows belong to, or is of other things", t.Name, s.Name)
			}
			return fmt.Sprintf("%s of %s has the shape %v, and that of the model %v; give the model the sizes of the other", t.Name, s.Name, from.Shape, t.Shape)
		}
	}
	return fmt.Sprintf("%s has %s, and the model %s", s.Name, wording.List(s.order, wording.MaxListed), wording.List(names, wording.MaxListed))
}

// block is how many values are copied at a time.
const block = 1 << 16

// fill fills one tensor, and says whether there was anything for it.
func (s *Source) fill(t Target, from model.Tensor, r *Report) (taken bool, err error) {
	switch {
	case sameAxes(t, from) && t.ColumnIDs != nil:
		return s.byColumns(t, from, r)
	case sameAxes(t, from) && t.RowIDs != nil:
		return s.byRows(t, from, r)
	case t.OfInputs() || from.OfInputs() || !slices.Equal(t.Shape, from.Shape):
		return false, nil
	}
	n := int(size(t.Shape))
	values := make([]float32, min(n, block))
	for at := 0; at < n; at += len(values) {
		values = values[:min(len(values), n-at)]
		if err := s.read(from, values, at); err != nil {
			return false, err
		}
		if err := t.Write(at, values); err != nil {
			return false, err
		}
	}
	r.Numbers.Taken += int64(n)
	return true, nil
}

// size is how many numbers a tensor has.
func size(shape []int) int64 {
	n := int64(1)
	for _, k := range shape {
		n *= int64(k)
	}
	return n
}

// sameAxes says that it is known of both what their rows and columns belong to, and that it is of the same sort.
func sameAxes(t Target, from model.Tensor) bool {
	rows := (t.RowIDs == nil) == (from.RowIDs == nil) && (t.RowIDs == nil || t.RowName == from.RowName && t.RowsOfInputs == from.RowsOfInputs)
	return rows && (t.ColumnIDs == nil) == (from.ColumnIDs == nil)
}

// axis says for each place of one axis where what it belongs to is in another of a length, or -1. Where neither belongs to anything, places stay.
func axis(to, from iter.Seq[string], length int) (at []int) {
	if to == nil {
		for i := range length {
			at = append(at, i)
		}
		return at
	}
	places := make(map[string]int, length)
	i := 0
	for id := range from {
		places[id] = i
		i++
	}
	for id := range to {
		place, ok := places[id]
		if !ok || place >= length {
			place = -1
		}
		at = append(at, place)
	}
	return at
}

// count says how many places of an axis of a length were found.
func count(at []int, length int) (n Rows) {
	for _, place := range at {
		if place >= 0 {
			n.Taken++
		} else {
			n.New++
		}
	}
	n.LeftOut = length - n.Taken
	return n
}

// byRows fills the rows that belong to the same.
func (s *Source) byRows(t Target, from model.Tensor, r *Report) (taken bool, err error) {
	if !slices.Equal(t.Shape[1:], from.Shape[1:]) {
		return false, nil
	}
	width := 1
	for _, k := range t.Shape[1:] {
		width *= k
	}
	rows := axis(t.RowIDs, from.RowIDs, from.Shape[0])
	values := make([]float32, width)
	for row, at := range rows {
		if at < 0 {
			continue
		}
		if err := s.read(from, values, at*width); err != nil {
			return false, err
		}
		if err := t.Write(row*width, values); err != nil {
			return false, err
		}
	}
	n := count(rows, from.Shape[0])
	r.Rows[t.RowName] = n
	r.Numbers.Taken += int64(n.Taken) * int64(width)
	return n.Taken > 0, nil
}

// byColumns fills the values of a matrix whose columns, and rows where these have ids, belong to the same.
func (s *Source) byColumns(t Target, from model.Tensor, r *Report) (taken bool, err error) {
	if len(t.Shape) != 2 || len(from.Shape) != 2 || t.RowIDs == nil && t.Shape[0] != from.Shape[0] {
		return false, nil
	}
	rows, columns := axis(t.RowIDs, from.RowIDs, from.Shape[0]), axis(t.ColumnIDs, from.ColumnIDs, from.Shape[1])
	values, of := make([]float32, t.Shape[1]), make([]float32, from.Shape[1])
	for row, at := range rows {
		if at < 0 {
			continue
		}
		if err := t.Read(rawbytes.Of(values), 4*int64(row)*int64(len(values))); err != nil {
			return false, err
		}
		if err := s.read(from, of, at*len(of)); err != nil {
			return false, err
		}
		for i, place := range columns {
			if place >= 0 {
				values[i] = of[place]
			}
		}
		if err := t.Write(row*len(values), values); err != nil {
			return false, err
		}
	}
	n, m := count(columns, from.Shape[1]), count(rows, from.Shape[0])
	r.Rows[model.InputRows] = n
	r.Numbers.Taken += int64(n.Taken) * int64(m.Taken)
	return n.Taken > 0 && m.Taken > 0, nil
}

// read reads values of a tensor from one on.
func (s *Source) read(t model.Tensor, values []float32, from int) error {
	if err := t.Read(rawbytes.Of(values), 4*int64(from)); err != nil {
		return err
	}
	if s.checked {
		return nil
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("value %d is %v: %w", from+i, v, safetensors.ErrFormat)
		}
	}
	return nil
}
