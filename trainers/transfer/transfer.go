// Package transfer fills the tensors of a model that is about to be trained with those of another: by their names, and their rows by what they
// belong to – users, items, the values of a column, the inputs of a layer – wherever these have moved. What is new keeps its first values.
package transfer

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

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
		if !slices.Contains(r.Taken, name) {
			r.LeftOut = append(r.LeftOut, name)
		}
	}
	if len(r.Taken) == 0 {
		return nil, fmt.Errorf("%w: %s has %s, and the model %s", ErrNothing, s.Name, wording.List(s.order, wording.MaxListed), wording.List(r.New, wording.MaxListed))
	}
	return r, nil
}

// block is how many values are copied at a time.
const block = 1 << 16

// fill fills one tensor, and says whether there was anything for it.
func (s *Source) fill(t Target, from model.Tensor, r *Report) (taken bool, err error) {
	if t.RowIDs != nil && from.RowIDs != nil && t.RowName == from.RowName {
		return s.byRows(t, from, r)
	}
	if t.RowIDs != nil && t.RowName == model.InputRows || !slices.Equal(t.Shape, from.Shape) {
		return false, nil
	}
	n := 1
	for _, k := range t.Shape {
		n *= k
	}
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
	return true, nil
}

// byRows fills the rows that belong to the same.
func (s *Source) byRows(t Target, from model.Tensor, r *Report) (taken bool, err error) {
	width := 1
	for _, k := range t.Shape[1:] {
		width *= k
	}
	if !slices.Equal(t.Shape[1:], from.Shape[1:]) {
		return false, nil
	}
	places := make(map[string]int, from.Shape[0])
	row := 0
	for id := range from.RowIDs {
		places[id] = row
		row++
	}
	count := Rows{}
	values := make([]float32, width)
	row = 0
	for id := range t.RowIDs {
		if at, ok := places[id]; ok && at < from.Shape[0] {
			if err := s.read(from, values, at*width); err != nil {
				return false, err
			}
			if err := t.Write(row*width, values); err != nil {
				return false, err
			}
			count.Taken++
		} else {
			count.New++
		}
		row++
	}
	count.LeftOut = len(places) - count.Taken
	r.Rows[t.RowName] = count
	return count.Taken > 0, nil
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
