package kernels

import "fmt"

// Activation is a function applied to every element. It has no parameters, so that a number is enough to name one where it
// is fused with what comes before it.
type Activation uint8

// The activations.
const (
	Identity Activation = iota
	ReLU                // max(x, 0); the gradient at 0 is 0
	Sigmoid             // 1 / (1 + e⁻ˣ)
	Tanh
	// SiLU is x·sigmoid(x), also known as swish. (Elfwing, Uchibe, Doya, 2017.) At −∞ it is NaN, as its formula is.
	SiLU
	// GELU is x·Φ(x) with Φ the distribution function of the normal distribution, the form by erf that PyTorch and ONNX
	// compute unless told otherwise. (Hendrycks, Gimpel, 2016.) At −∞ it is NaN, as its formula is.
	GELU

	activationCount
)

// activations says what the contract knows of each.
var activations = [activationCount]struct {
	name string
	// Operations on one element, an exponential as ten: of the function and of its gradient.
	flops, gradFlops float64
	// ofInput says that the gradient is a function of the input, which must be kept. Otherwise it is one of the output.
	ofInput bool
	// rectifier says that the function goes to 0 on one side and to x on the other, as ReLU does.
	rectifier bool
}{
	Identity: {name: "identity"},
	ReLU:     {name: "relu", flops: 1, gradFlops: 1, rectifier: true},
	Sigmoid:  {name: "sigmoid", flops: 12, gradFlops: 3},
	Tanh:     {name: "tanh", flops: 12, gradFlops: 3},
	SiLU:     {name: "silu", flops: 13, gradFlops: 16, ofInput: true, rectifier: true},
	GELU:     {name: "gelu", flops: 36, gradFlops: 39, ofInput: true, rectifier: true},
}

// Activations lists all activations.
func Activations() []Activation { return valuesOf[Activation](len(activations)) }

// known says whether a value is one of a table's.
func known[E ~uint8](e E, count int) bool { return int(e) < count }

// valuesOf lists the values of an enumeration of so many.
func valuesOf[E ~uint8](count int) []E {
	all := make([]E, count)
	for i := range all {
		all[i] = E(i)
	}
	return all
}

// String returns the activation's name as run files spell it.
func (a Activation) String() string {
	if known(a, len(activations)) {
		return activations[a].name
	}
	return fmt.Sprintf("activation(%d)", uint8(a))
}

// OfInput says that the gradient is a function of the activation's input. Otherwise it is one of its output, so that
// inputs need not be kept.
func (a Activation) OfInput() bool { return known(a, len(activations)) && activations[a].ofInput }

// Rectifier says that the function goes to 0 on one side and to x on the other, as ReLU does, which first weights take into
// account.
func (a Activation) Rectifier() bool { return known(a, len(activations)) && activations[a].rectifier }

// check returns ErrUnsupported for a value that is none.
func (a Activation) check(kernel string) error {
	if !known(a, len(activations)) {
		return fmt.Errorf("%s: kernels: %v: %w", kernel, a, ErrUnsupported)
	}
	return nil
}

// cost counts the operations on one element.
func (a Activation) cost() float64 {
	if !known(a, len(activations)) {
		return 0
	}
	return activations[a].flops
}

// suffix is how the name of a kernel that applies the activation last goes on.
func (a Activation) suffix() string {
	if a == Identity {
		return ""
	}
	return "+" + a.String()
}

// ActivateArgs binds Y = act(X), both [R, C]. Y may be X.
type ActivateArgs struct {
	Activation Activation
	X, Y       Matrix
}

// Name implements Args.
func (a ActivateArgs) Name() string { return a.Activation.String() }

// Check implements Args.
func (a ActivateArgs) Check() error {
	if err := a.Activation.check("activate"); err != nil {
		return err
	}
	return checkOperands("activate", floatDtype(a.Y), operand{"Y", a.Y, -1, -1, false}, operand{"X", a.X, a.Y.Rows, a.Y.Cols, false})
}

// Work implements Args.
func (a ActivateArgs) Work(rows Rows) Cost {
	c := float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X), a.Activation.cost()*c, 2*c, 0)
}

// ActivateGradArgs binds DX = DY ⊙ act′, all [R, C]: where the gradient is a function of the input (see
// [Activation.OfInput]) of X, the activation's input, otherwise of Y, its output. The other one is not looked at. Where
// DBias [1, C] is present it receives the column sums of DX. DX may be DY.
type ActivateGradArgs struct {
	Activation Activation
	X, Y       Matrix // as OfInput tells
	DY, DX     Matrix
	DBias      Matrix // optional
}

// At returns the matrix that the gradient is a function of, and its name.
func (a ActivateGradArgs) At() (name string, m Matrix) {
	if a.Activation.OfInput() {
		return "X", a.X
	}
	return "Y", a.Y
}

// Name implements Args.
func (a ActivateGradArgs) Name() string {
	if a.DBias.Present() {
		return a.Activation.String() + " gradient+column sum"
	}
	return a.Activation.String() + " gradient"
}

// Check implements Args.
func (a ActivateGradArgs) Check() error {
	if err := a.Activation.check("activate gradient"); err != nil {
		return err
	}
	r, c := a.DX.Rows, a.DX.Cols
	name, at := a.At()
	return checkOperands("activate gradient", floatDtype(a.DX), operand{"DX", a.DX, -1, -1, false},
		operand{name, at, r, c, false}, operand{"DY", a.DY, r, c, false}, operand{"DBias", a.DBias, 1, c, true})
}

// Work implements Args.
func (a ActivateGradArgs) Work(rows Rows) Cost {
	_, at := a.At()
	c, flops, fixed := float64(a.DX.Cols), activations[a.Activation].gradFlops, 0.0
	if a.DBias.Present() {
		flops, fixed = flops+1, c
	}
	return perRow(a.DX, rows(a.DX, at, a.DY), flops*c, 3*c, fixed)
}
