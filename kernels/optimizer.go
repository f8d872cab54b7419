package kernels

import "fmt"

// OptimizerKind is a rule that turns a gradient into a step.
type OptimizerKind uint8

// The rules. g is the gradient after the clip factor and L2 are applied: g = factor·grad + L2·w. All but RowwiseAdagrad are element by
// element; lr, factor, c1, c2 and share come from the Hyper operand.
const (
	// SGD: w −= lr·g.
	SGD OptimizerKind = iota
	// Momentum: m = Momentum·m + g; w −= lr·m.
	Momentum
	// Nesterov: m = Momentum·m + g; w −= lr·(g + Momentum·m). (Sutskever et al., ICML 2013, in the form common today.)
	Nesterov
	// Adam: m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; w −= lr·(m·c1)/(√(v·c2)+ε). (Kingma, Ba, 2015.)
	Adam
	// AdamW is Adam with w −= lr·WeightDecay·w first. (Loshchilov, Hutter, 2019.)
	AdamW
	// Adagrad: v += g²; w −= lr·g/(√v+ε). (Duchi, Hazan, Singer, 2011.)
	Adagrad
	// RowwiseAdagrad is Adagrad with one number for a row of C columns: v += Σ g²/C; w −= lr/(√v+ε)·g. Tables take an eighth of the memory
	// of Adam's state, or less. (Gupta, Bengio, Weston, 2014; as in Naumov et al., 2019.)
	RowwiseAdagrad
	// FTRL is FTRL-proximal, for sparse linear models: g = factor·grad; s = (√(v+g²) − √v)/lr; m += g − s·w; v += g²; w is 0 where
	// |m| ≤ L1, else (sign(m)·L1 − m)/((β + √v)/lr + L2). (McMahan et al., KDD 2013.) They begin with w = 0. That others may, m is
	// −w·(β/lr + L2) where both m and v are 0, the state of which w is the solution.
	FTRL

	optimizerCount
)

// optimizers says what the contract knows of each rule.
var optimizers = [optimizerCount]struct {
	name  string
	m, v  bool    // the state that it keeps
	byRow bool    // the state has one column, whatever the parameter has
	flops float64 // operations on one element
}{
	SGD:            {name: "sgd", flops: 5},
	Momentum:       {name: "momentum", m: true, flops: 7},
	Nesterov:       {name: "nesterov", m: true, flops: 9},
	Adam:           {name: "adam", m: true, v: true, flops: 16},
	AdamW:          {name: "adamw", m: true, v: true, flops: 19},
	Adagrad:        {name: "adagrad", v: true, flops: 10},
	RowwiseAdagrad: {name: "rowwise_adagrad", v: true, byRow: true, flops: 7},
	FTRL:           {name: "ftrl", m: true, v: true, flops: 17},
}

// Optimizers lists all rules.
func Optimizers() []OptimizerKind { return valuesOf[OptimizerKind](len(optimizers)) }

// String returns the rule's name as run files spell it.
func (k OptimizerKind) String() string {
	if known(k, len(optimizers)) {
		return optimizers[k].name
	}
	return fmt.Sprintf("optimizer(%d)", uint8(k))
}

// States returns which state matrices the rule keeps, M, V or both.
func (k OptimizerKind) States() (m, v bool) {
	if !known(k, len(optimizers)) {
		return false, false
	}
	return optimizers[k].m, optimizers[k].v
}

// StateCols returns how many columns the state of a parameter of so many has.
func (k OptimizerKind) StateCols(cols int) int {
	if known(k, len(optimizers)) && optimizers[k].byRow {
		return 1
	}
	return cols
}

// The places of the Hyper operand [1, HyperLen], rewritten before each step.
const (
	HyperRate     = iota // lr: the learning rate
	HyperFactor          // factor of the gradients, from clipping
	HyperCorrect1        // c1 = 1/(1−β₁ᵗ), or 1
	HyperCorrect2        // c2 = 1/(1−β₂ᵗ), or 1
	HyperShare           // share: one over the rows of the step's batch, where L2 is by occurrence
	HyperLen
)

// Optimizer is the family of parameter updates.
type Optimizer interface {
	Update(UpdateArgs) (Kernel, error)
}

// UpdateArgs binds one update of Param, in place, with its state M and V, in one pass.
//
// Dense: Param, Grad, M and V are of one shape, but for the one column of state that RowwiseAdagrad has. Sparse, where Rows (Int32 [N, 1],
// distinct row numbers) is present: Grad [N, C] holds gradients of rows Rows[0], Rows[1], … of Param [T, C]; only those rows of Param, M and
// V are read and written; the valid N is Grad's count.
//
// Where Starts is present too (Int32 [N+1, 1], of [Segments]), row i of Grad is the sum of Starts[i+1] − Starts[i] occurrences in the batch,
// and L2 is by occurrence: L2·share·(Starts[i+1] − Starts[i]) stands for L2. That is the gradient of a penalty L2/2·|w|² on the rows
// that each row of the batch looks up; it depends neither on the size of batches nor on how occurrences fall into them. FTRL has none.
type UpdateArgs struct {
	Kind        OptimizerKind
	Param, Grad Matrix
	M, V        Matrix // as States tells
	Rows        Matrix // Int32, optional
	Starts      Matrix // Int32, optional
	Hyper       Matrix // [1, HyperLen]
	Momentum    float64
	Beta1       float64
	Beta2       float64
	Epsilon     float64
	L1          float64 // FTRL only
	Beta        float64 // β of FTRL
	L2          float64 // coupled: added to the gradient; of FTRL as it says
	WeightDecay float64 // decoupled: AdamW only
}

// Name implements Args.
func (a UpdateArgs) Name() string {
	if a.Rows.Present() {
		return "sparse " + a.Kind.String() + " update"
	}
	return a.Kind.String() + " update"
}

// Work implements Args.
func (a UpdateArgs) Work(rows Rows) Cost {
	c := float64(a.Param.Cols)
	touched := 3 * c // parameter read and written, gradient read
	hasM, hasV := a.Kind.States()
	for _, has := range []bool{hasM, hasV} {
		if has {
			touched += 2 * float64(a.Kind.StateCols(a.Param.Cols))
		}
	}
	flops := c * optimizers[a.Kind].flops
	if !a.Rows.Present() {
		return perRow(a.Param, rows(a.Param, a.Grad), flops, touched, HyperLen)
	}
	n := rows(a.Grad, a.Rows)
	cost := perRow(a.Param, n, flops, touched, HyperLen)
	cost.Bytes += float64(n) * (size(a.Rows) + size(a.Starts))
	return cost
}

// Check implements Args.
func (a UpdateArgs) Check() error {
	name := a.Kind.String() + " update"
	if !known(a.Kind, len(optimizers)) {
		return fmt.Errorf("%s: kernels: %v: %w", name, a.Kind, ErrUnsupported)
	}
	r, c := a.Param.Rows, a.Param.Cols
	gr := r
	if a.Rows.Present() {
		gr = -1
		if err := checkOperands(name, Int32, operand{"Rows", a.Rows, a.Grad.Rows, 1, false}); err != nil {
			return err
		}
	}
	if a.Starts.Present() {
		if !a.Rows.Present() || a.Kind == FTRL {
			return fmt.Errorf("%s: kernels: L2 by occurrence is of rows, and of no FTRL: %w", name, ErrShape)
		}
		if err := checkOperands(name, Int32, operand{"Starts", a.Starts, a.Grad.Rows + 1, 1, false}); err != nil {
			return err
		}
	}
	state := a.Kind.StateCols(c)
	hasM, hasV := a.Kind.States()
	ops := []operand{
		{"Param", a.Param, -1, -1, false}, {"Grad", a.Grad, gr, c, false}, {"Hyper", a.Hyper, 1, HyperLen, false},
	}
	if hasM {
		ops = append(ops, operand{"M", a.M, r, state, false})
	}
	if hasV {
		ops = append(ops, operand{"V", a.V, r, state, false})
	}
	return checkOperands(name, floatDtype(a.Param), ops...)
}
