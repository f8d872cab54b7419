package kernels

import "fmt"

// Rectification is the family of rectifiers with parameters. They are no activations, which are functions of an element
// alone: they have an operand more, and a gradient more.
type Rectification interface {
	PReLU(PReLUArgs) (Kernel, error)
	PReLUGrad(PReLUGradArgs) (Kernel, error)
}

// PReLUArgs binds Y = X where X > 0, Slope ⊙ X elsewhere: X and Y are [R, C], Slope is [1, C]. Y may be X. (He, Zhang, Ren, Sun,
// "Delving Deep into Rectifiers", ICCV 2015.)
type PReLUArgs struct{ X, Slope, Y Matrix }

// Name implements Args.
func (a PReLUArgs) Name() string { return "prelu" }

// Check implements Args.
func (a PReLUArgs) Check() error {
	return checkOperands("prelu", floatDtype(a.Y), operand{"Y", a.Y, -1, -1, false}, operand{"X", a.X, a.Y.Rows, a.Y.Cols, false},
		operand{"Slope", a.Slope, 1, a.Y.Cols, false})
}

// Work implements Args.
func (a PReLUArgs) Work(rows Rows) Cost {
	c := float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X), 2*c, 2*c, c)
}

// PReLUGradArgs binds the gradients of PReLU: DX [R, C] = DY where X > 0, Slope ⊙ DY elsewhere; and, or instead, DSlope [1, C] =
// the column sums of DY ⊙ min(X, 0). DX may be DY. Slope is not looked at without DX.
type PReLUGradArgs struct {
	X, Slope, DY Matrix
	DX, DSlope   Matrix // at least one of them
}

// Name implements Args.
func (a PReLUGradArgs) Name() string {
	switch {
	case !a.DSlope.Present():
		return "prelu input gradient"
	case !a.DX.Present():
		return "prelu slope gradient"
	}
	return "prelu gradient"
}

// Check implements Args.
func (a PReLUGradArgs) Check() error {
	if !a.DX.Present() && !a.DSlope.Present() {
		return fmt.Errorf("prelu gradient: no gradient is asked for: %w", ErrShape)
	}
	r, c := a.X.Rows, a.X.Cols
	return checkOperands("prelu gradient", floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"DY", a.DY, r, c, false},
		operand{"Slope", a.Slope, 1, c, !a.DX.Present()}, operand{"DX", a.DX, r, c, true}, operand{"DSlope", a.DSlope, 1, c, true})
}

// Work implements Args.
func (a PReLUGradArgs) Work(rows Rows) Cost {
	c, flops, elements, fixed := float64(a.X.Cols), 0.0, 2.0, 0.0
	if a.DX.Present() {
		flops, elements, fixed = flops+2, elements+1, fixed+1
	}
	if a.DSlope.Present() {
		flops, fixed = flops+3, fixed+1
	}
	return perRow(a.X, rows(a.X, a.DY, a.DX), flops*c, elements*c, fixed*c)
}
