package kernels

import "fmt"

// Normalization is the family of batch normalization (Ioffe, Szegedy, "Batch Normalization", 2015). Statistics of a
// batch X [R, C] are a [2, C] matrix: row 0 the means, row 1 the biased variances. An inverse standard deviation is
// 1/√(variance + Epsilon).
type Normalization interface {
	BatchNormStats(BatchNormStatsArgs) (Kernel, error)
	BatchNormApply(BatchNormApplyArgs) (Kernel, error)
	BatchNormGradParams(BatchNormGradParamsArgs) (Kernel, error)
	BatchNormGradInput(BatchNormGradInputArgs) (Kernel, error)
	BatchNormRunning(BatchNormRunningArgs) (Kernel, error)
}

// BatchNormStatsArgs binds Stats [2, C] = mean and biased variance of the columns of X [R, C]. The variance is taken
// about the mean (two passes, or an equally stable way). With no valid row both are 0.
type BatchNormStatsArgs struct{ X, Stats Matrix }

// Name implements Args.
func (a BatchNormStatsArgs) Name() string { return "batch norm statistics" }

// Work implements Args.
func (a BatchNormStatsArgs) Work(rows Rows) Cost {
	c := float64(a.X.Cols)
	return perRow(a.X, rows(a.X), 5*c, c, 2*c)
}

// Check implements Args.
func (a BatchNormStatsArgs) Check() error {
	return checkOperands("batch norm statistics", floatDtype(a.X), operand{"X", a.X, -1, -1, false}, operand{"Stats", a.Stats, 2, a.X.Cols, false})
}

// BatchNormApplyArgs binds Y = act(Gamma·(X−mean)/√(variance+Epsilon) + Beta); X and Y are [R, C], Gamma and Beta
// [1, C]. Y may be X.
type BatchNormApplyArgs struct {
	X, Stats, Gamma, Beta, Y Matrix
	Epsilon                  float64
	Activation               Activation
}

// Name implements Args.
func (a BatchNormApplyArgs) Name() string { return "batch norm" + a.Activation.suffix() }

// Work implements Args.
func (a BatchNormApplyArgs) Work(rows Rows) Cost {
	c := float64(a.Y.Cols)
	return perRow(a.Y, rows(a.Y, a.X), c*(3+a.Activation.cost()), 2*c, 4*c)
}

// Check implements Args.
func (a BatchNormApplyArgs) Check() error {
	if err := a.Activation.check("batch norm"); err != nil {
		return err
	}
	r, c := a.Y.Rows, a.Y.Cols
	if err := checkEpsilon(a.Epsilon); err != nil {
		return err
	}
	return checkOperands("batch norm", floatDtype(a.Y), operand{"Y", a.Y, -1, -1, false}, operand{"X", a.X, r, c, false},
		operand{"Stats", a.Stats, 2, c, false}, operand{"Gamma", a.Gamma, 1, c, false}, operand{"Beta", a.Beta, 1, c, false})
}

// BatchNormGradParamsArgs binds Grad [2, C]: row 0 is dGamma = Σ DY⊙x̂, row 1 dBeta = Σ DY, with x̂ the normalized X.
type BatchNormGradParamsArgs struct {
	X, Stats, DY, Grad Matrix
	Epsilon            float64
}

// Name implements Args.
func (a BatchNormGradParamsArgs) Name() string { return "batch norm parameter gradient" }

// Work implements Args.
func (a BatchNormGradParamsArgs) Work(rows Rows) Cost {
	c := float64(a.X.Cols)
	return perRow(a.X, rows(a.X, a.DY), 5*c, 2*c, 4*c)
}

// Check implements Args.
func (a BatchNormGradParamsArgs) Check() error {
	r, c := a.X.Rows, a.X.Cols
	if err := checkEpsilon(a.Epsilon); err != nil {
		return err
	}
	return checkOperands("batch norm parameter gradient", floatDtype(a.X), operand{"X", a.X, -1, -1, false},
		operand{"Stats", a.Stats, 2, c, false}, operand{"DY", a.DY, r, c, false}, operand{"Grad", a.Grad, 2, c, false})
}

// BatchNormGradInputArgs binds DX, the gradient of batch norm in training with respect to X, statistics included:
// DX = Gamma/√(variance+Epsilon) · (DY − (dBeta + x̂·dGamma)/R), with Grad as BatchNormGradParams leaves it. DX may be
// DY.
type BatchNormGradInputArgs struct {
	X, Stats, Gamma, DY, Grad, DX Matrix
	Epsilon                       float64
}

// Name implements Args.
func (a BatchNormGradInputArgs) Name() string { return "batch norm input gradient" }

// Work implements Args.
func (a BatchNormGradInputArgs) Work(rows Rows) Cost {
	c := float64(a.DX.Cols)
	return perRow(a.DX, rows(a.DX, a.X, a.DY), 5*c, 3*c, 5*c)
}

// Check implements Args.
func (a BatchNormGradInputArgs) Check() error {
	r, c := a.DX.Rows, a.DX.Cols
	if err := checkEpsilon(a.Epsilon); err != nil {
		return err
	}
	return checkOperands("batch norm input gradient", floatDtype(a.DX), operand{"DX", a.DX, -1, -1, false}, operand{"X", a.X, r, c, false},
		operand{"Stats", a.Stats, 2, c, false}, operand{"Gamma", a.Gamma, 1, c, false}, operand{"DY", a.DY, r, c, false},
		operand{"Grad", a.Grad, 2, c, false})
}

// BatchNormRunningArgs binds Out = (1−Momentum)·Running + Momentum·(mean, unbiased variance), all [2, C]; the
// unbiased variance is the biased one times R/(R−1) for R > 1 valid rows of X. Out may be Running. X gives only R.
type BatchNormRunningArgs struct {
	X, Stats, Running, Out Matrix
	Momentum               float64 // 0 < Momentum ≤ 1
}

// Name implements Args.
func (a BatchNormRunningArgs) Name() string { return "batch norm running statistics" }

// Work implements Args.
func (a BatchNormRunningArgs) Work(Rows) Cost {
	c := float64(a.Out.Cols)
	return Cost{FLOPs: 6 * c, Bytes: 6 * c * size(a.Out)}
}

// Check implements Args.
func (a BatchNormRunningArgs) Check() error {
	if !(a.Momentum > 0 && a.Momentum <= 1) {
		return fmt.Errorf("batch norm running statistics: momentum %v is not in (0, 1]: %w", a.Momentum, ErrShape)
	}
	c := a.Stats.Cols
	return checkOperands("batch norm running statistics", floatDtype(a.Out), operand{"X", a.X, -1, c, false},
		operand{"Stats", a.Stats, 2, c, false}, operand{"Running", a.Running, 2, c, false}, operand{"Out", a.Out, 2, c, false})
}

func checkEpsilon(e float64) error {
	if !(e > 0) {
		return fmt.Errorf("batch norm: epsilon %v is not positive: %w", e, ErrShape)
	}
	return nil
}
