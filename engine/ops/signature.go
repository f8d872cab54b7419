package ops

import (
	"fmt"
	"strconv"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// dims are the dimensions of a shape, each a number or a letter that stands for the same number wherever it is written. What
// belongs to a batch begins with the letter that the batch has.
type dims []string

// newSpec returns the spec of an op that carries no gradient. The signature has the shapes of the inputs and that of the
// output, as in "B I, I O, O -> B O": a vector has one dimension, a scalar none.
func newSpec(name, signature string) spec {
	in, out, found := strings.Cut(signature, "->")
	if !found {
		panic(fmt.Sprintf("ops: %s: the signature %q has no output", name, signature))
	}
	s := spec{name: name, out: strings.Fields(out)}
	for _, shape := range strings.Split(in, ",") {
		s.in = append(s.in, strings.Fields(shape))
	}
	return s
}

// differentiable is newSpec for an op all of whose inputs carry a gradient.
func differentiable(name, signature string) spec {
	s := newSpec(name, signature)
	s.diff = true
	return s
}

// InferShape implements gorgonia.Op by the signature.
func (s *spec) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := s.shapes(ds)
	if err != nil {
		return nil, err
	}
	letters := make(map[string]int)
	for i, d := range s.in {
		for j, letter := range d {
			size, ok := size(letter, letters)
			if !ok {
				letters[letter] = shapes[i][j]
			} else if size != shapes[i][j] {
				return nil, s.misfit(shapes)
			}
		}
	}
	out := tensor.Shape{}
	for _, letter := range s.out {
		size, ok := size(letter, letters)
		if !ok {
			return nil, fmt.Errorf("ops: %s: dimension %s of the output is none of the inputs'", s.name, letter)
		}
		out = append(out, size)
	}
	if len(out) == 0 {
		return tensor.ScalarShape(), nil
	}
	return out, nil
}

// size returns what a dimension stands for.
func size(dim string, letters map[string]int) (n int, known bool) {
	if n, err := strconv.Atoi(dim); err == nil {
		return n, true
	}
	n, known = letters[dim]
	return n, known
}

// BatchOut implements Op: the first dimension of a matrix is the batch where an input that has the batch begins with the
// same letter.
func (s *spec) BatchOut(in []bool) bool {
	if len(s.out) != 2 {
		return false
	}
	for i, d := range s.in {
		if in[i] && d[0] == s.out[0] {
			return true
		}
	}
	return false
}

// Shapes returns shapes that fit an op, given the sizes of the letters of its signature, and which inputs begin with the
// letter B, as what belongs to a batch does. Checks feed ops by it.
func Shapes(op Op, letter func(string) int) (shapes []tensor.Shape, batch []bool, err error) {
	o, ok := op.(interface{ base() *spec })
	if !ok {
		return nil, nil, fmt.Errorf("ops: %s has no signature: %w", op, kernels.ErrUnsupported)
	}
	for _, d := range o.base().in {
		shape := tensor.Shape{}
		for _, name := range d {
			n, err := strconv.Atoi(name)
			if err != nil {
				n = letter(name)
			}
			shape = append(shape, n)
		}
		shapes = append(shapes, shape)
		batch = append(batch, len(d) == 2 && d[0] == "B")
	}
	return shapes, batch, nil
}

func (s *spec) shapes(ds []gorgonia.DimSizer) ([]tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(ds)
	if err != nil {
		return nil, fmt.Errorf("ops: %s: %w", s.name, err)
	}
	if len(shapes) != len(s.in) {
		return nil, fmt.Errorf("ops: %s takes %d inputs, not %d: %w", s.name, len(s.in), len(shapes), kernels.ErrShape)
	}
	for i, sh := range shapes {
		if sh.Dims() != len(s.in[i]) {
			return nil, fmt.Errorf("ops: %s: input %d has shape %v, should be of rank %d: %w", s.name, i, sh, len(s.in[i]), kernels.ErrShape)
		}
	}
	return shapes, nil
}

func (s *spec) misfit(shapes []tensor.Shape) error {
	return fmt.Errorf("ops: %s of %v: %w", s.name, shapes, kernels.ErrShape)
}
