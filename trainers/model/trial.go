package model

import (
	"fmt"
	"math"

	"debut/engine/onnx"
)

// Trial is rows for a graph, and what should come out.
type Trial struct {
	Rows    int
	Inputs  map[string]onnx.Tensor
	Outputs map[string]onnx.Tensor
	// Scores names the output that the texts of another are in the order of, as the items of a list; "" where there is none. Texts at a
	// place where the scores are as good as equal may be exchanged.
	Scores string
}

// Comparison is how far the answers to trials are from what they should be.
type Comparison struct {
	Rows int `json:"rows"`
	// Largest is the largest difference of a number, of one above 1 as a share of it, and Output where it was.
	Largest float64 `json:"largest_difference"`
	Output  string  `json:"output,omitempty"`
	// Texts is how many texts differ, such as predicted classes, and Exchanged how many of the same score stand in another order.
	Texts     int `json:"texts_that_differ"`
	Exchanged int `json:"exchanged_ties,omitempty"`
}

// tie is up to which difference, as a share, scores are as good as equal.
const tie = 1e-5

// Compare adds a trial's outputs and what came out. The error says what is not there, or not of its shape.
func (c *Comparison) Compare(t Trial, got map[string]onnx.Tensor) error {
	c.Rows += t.Rows
	for name, want := range t.Outputs {
		if err := c.compare(t, name, want, got); err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
	}
	return nil
}

func (c *Comparison) compare(t Trial, name string, want onnx.Tensor, all map[string]onnx.Tensor) error {
	got, ok := all[name]
	if !ok {
		return fmt.Errorf("there is none")
	}
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return fmt.Errorf("its shape is %v, not %v", got.Shape, want.Shape)
	}
	if texts, ok := want.Data.([]string); ok {
		theirs, ok := got.Data.([]string)
		if !ok {
			return fmt.Errorf("it is %T, not texts", got.Data)
		}
		return c.texts(t, texts, theirs, all)
	}
	x, err := numbers(want)
	if err != nil {
		return err
	}
	y, err := numbers(got)
	if err != nil {
		return err
	}
	for i, v := range x {
		if d := differ(v, y[i]); !(d <= c.Largest) {
			c.Largest, c.Output = d, name
		}
	}
	return nil
}

// texts compares texts; some of a place with the scores at it.
func (c *Comparison) texts(t Trial, want, got []string, all map[string]onnx.Tensor) error {
	var x, y []float64
	if t.Scores != "" {
		var err error
		if x, err = numbers(t.Outputs[t.Scores]); err != nil {
			return err
		}
		if y, err = numbers(all[t.Scores]); err != nil {
			return err
		}
	}
	for i, text := range want {
		switch {
		case text == got[i]:
		case i < len(x) && i < len(y) && differ(x[i], y[i]) <= tie:
			c.Exchanged++
		default:
			c.Texts++
		}
	}
	return nil
}

// differ is the difference of two numbers, as a share of the first where that is above 1; infinite where one alone is no finite number.
func differ(want, got float64) float64 {
	if want == got || want != want && got != got {
		return 0
	}
	d := math.Abs(want-got) / max(1, math.Abs(want))
	if d != d {
		return math.Inf(1)
	}
	return d
}

// numbers are those of a tensor.
func numbers(t onnx.Tensor) ([]float64, error) {
	switch v := t.Data.(type) {
	case []float64:
		return v, nil
	case []float32:
		wide := make([]float64, len(v))
		for i, x := range v {
			wide[i] = float64(x)
		}
		return wide, nil
	case []int64:
		wide := make([]float64, len(v))
		for i, x := range v {
			wide[i] = float64(x)
		}
		return wide, nil
	case []bool:
		wide := make([]float64, len(v))
		for i, x := range v {
			if x {
				wide[i] = 1
			}
		}
		return wide, nil
	}
	return nil, fmt.Errorf("it is of %T, not of numbers", t.Data)
}
