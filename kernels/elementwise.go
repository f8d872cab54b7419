package kernels

import "fmt"

// Elementwise is the family of kernels that touch every element once. Outputs may be the same view as an input
// where it says so.
type Elementwise interface {
	Activate(ActivateArgs) (Kernel, error)
	ActivateGrad(ActivateGradArgs) (Kernel, error)
	Binary(BinaryArgs) (Kernel, error)
	Copy(CopyArgs) (Kernel, error)
	Fill(FillArgs) (Kernel, error)
	Dropout(DropoutArgs) (Kernel, error)
	PiecewiseLinear(PiecewiseLinearArgs) (Kernel, error)
}

// BinaryKind is an operation of two operands.
type BinaryKind uint8

// The binary operations.
const (
	Add BinaryKind = iota
	Multiply

	binaryCount
)

var binaryNames = [binaryCount]string{Add: "add", Multiply: "multiply"}

// BinaryKinds lists all binary operations.
func BinaryKinds() []BinaryKind { return valuesOf[BinaryKind](len(binaryNames)) }

// String returns the operation's name.
func (k BinaryKind) String() string {
	if known(k, len(binaryNames)) {
		return binaryNames[k]
	}
	return fmt.Sprintf("binary(%d)", uint8(k))
}

// BinaryArgs binds C = A ∘ B, all of one shape. C may be A or B.
type BinaryArgs struct {
	Kind    BinaryKind
	A, B, C Matrix
}

// Name implements Args.
func (a BinaryArgs) Name() string { return a.Kind.String() }

// Work implements Args.
func (a BinaryArgs) Work(rows Rows) Cost {
	c := float64(a.C.Cols)
	return perRow(a.C, rows(a.C, a.A, a.B), c, 3*c, 0)
}

// Check implements Args.
func (a BinaryArgs) Check() error {
	if !known(a.Kind, len(binaryNames)) {
		return fmt.Errorf("binary: kernels: %v: %w", a.Kind, ErrUnsupported)
	}
	return checkOperands(a.Kind.String(), floatDtype(a.C), operand{"C", a.C, -1, -1, false},
		operand{"A", a.A, a.C.Rows, a.C.Cols, false}, operand{"B", a.B, a.C.Rows, a.C.Cols, false})
}

// CopyArgs binds Dst = Src; both are views of one shape that do not overlap. Any element type.
type CopyArgs struct{ Src, Dst Matrix }

// Name implements Args.
func (a CopyArgs) Name() string { return "copy" }

// Work implements Args.
func (a CopyArgs) Work(rows Rows) Cost {
	return perRow(a.Dst, rows(a.Dst, a.Src), 0, 2*float64(a.Dst.Cols), 0)
}

// Check implements Args.
func (a CopyArgs) Check() error {
	if !a.Dst.Present() {
		return fmt.Errorf("copy: kernels: Dst is missing: %w", ErrShape)
	}
	return checkOperands("copy", a.Dst.Buf.Dtype(), operand{"Dst", a.Dst, -1, -1, false}, operand{"Src", a.Src, a.Dst.Rows, a.Dst.Cols, false})
}

// FillArgs binds X = Value. Any element type; all Rows are filled, whatever the count says.
type FillArgs struct {
	X     Matrix
	Value float64
}

// Name implements Args.
func (a FillArgs) Name() string { return "fill" }

// Work implements Args.
func (a FillArgs) Work(Rows) Cost { return perRow(a.X, a.X.Rows, 0, float64(a.X.Cols), 0) }

// Check implements Args.
func (a FillArgs) Check() error {
	if !a.X.Present() {
		return fmt.Errorf("fill: kernels: X is missing: %w", ErrShape)
	}
	return checkOperands("fill", a.X.Buf.Dtype(), operand{"X", a.X, -1, -1, false})
}

// DropoutArgs binds Y = X ⊙ mask / (1−Rate), [R, C]. Y may be X. The same kernel on gradients is its own gradient.
//
// The mask is a pure function of the seed, the stream, the step and the element's row and column: element (r, c) is
// kept if word c mod 4 of philox.Block(philox.Key(Seed, Stream), {c/4, r, step low, step high}) is at least
// Rate·2³² (rounded down). Step is a Uint32 [1, 2] operand: low and high word of the step's number.
type DropoutArgs struct {
	X, Y   Matrix
	Rate   float64 // 0 ≤ Rate < 1
	Seed   uint64
	Stream uint64
	Step   Matrix // Uint32 [1, 2]
}

// Name implements Args.
func (a DropoutArgs) Name() string { return "dropout" }

// Work implements Args.
func (a DropoutArgs) Work(rows Rows) Cost {
	c := float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X), 2*c, 2*c, 0)
}

// Check implements Args; it returns ErrShape for a rate outside [0, 1), too.
func (a DropoutArgs) Check() error {
	if !(a.Rate >= 0 && a.Rate < 1) {
		return fmt.Errorf("dropout: rate %v is not in [0, 1): %w", a.Rate, ErrShape)
	}
	if err := checkOperands("dropout", Uint32, operand{"Step", a.Step, 1, 2, false}); err != nil {
		return err
	}
	return checkOperands("dropout", floatDtype(a.Y), operand{"Y", a.Y, -1, -1, false}, operand{"X", a.X, a.Y.Rows, a.Y.Cols, false})
}

// PiecewiseLinearArgs binds the piecewise-linear encoding of numeric features (Gorishniy, Rubachev, Babenko, "On
// Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022): feature j, with edges e₀ < … < e_T,
// becomes T columns, the t-th being (x−eₜ)/(eₜ₊₁−eₜ), clamped to [0, 1] but for the first bin below and the last one above,
// which go on linearly (a single bin is not clamped at all).
//
// X is [R, len(Bins)], Y is [R, ΣBins], Edges is [1, Σ(Bins+1)]: the edges of each feature in turn.
type PiecewiseLinearArgs struct {
	X, Edges, Y Matrix
	Bins        []int // bins of each feature, each at least 1
}

// Name implements Args.
func (a PiecewiseLinearArgs) Name() string { return "piecewise linear" }

// Work implements Args.
func (a PiecewiseLinearArgs) Work(rows Rows) Cost {
	in, out := float64(a.X.Cols), float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X), 4*out, in+out, float64(a.Edges.Cols))
}

// Check implements Args.
func (a PiecewiseLinearArgs) Check() error {
	total := 0
	for _, b := range a.Bins {
		if b < 1 {
			return fmt.Errorf("piecewise linear: a feature has %d bins: %w", b, ErrShape)
		}
		total += b
	}
	return checkOperands("piecewise linear", floatDtype(a.Y), operand{"X", a.X, -1, len(a.Bins), false},
		operand{"Edges", a.Edges, 1, total + len(a.Bins), false}, operand{"Y", a.Y, a.X.Rows, total, false})
}
