package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"debut/kernels"
)

// BatchNormStats takes the statistics of a batch: X [B, C] → [2, C], means and biased variances. It carries no
// gradient of its own: BatchNorm's gradient accounts for the path through the statistics.
type BatchNormStats struct{ spec }

// NewBatchNormStats returns the op.
func NewBatchNormStats() *BatchNormStats {
	return &BatchNormStats{spec{name: "batch-norm-stats", in: []int{2}, out: 2}}
}

// InferShape implements gorgonia.Op.
func (o *BatchNormStats) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	return tensor.Shape{2, s[0][1]}, nil
}

// BatchOut implements Op.
func (o *BatchNormStats) BatchOut([]bool) bool { return false }

// Bind implements Op.
func (o *BatchNormStats) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormStats, kernels.BatchNormStatsArgs{X: in[0], Stats: out})
}

// Do implements gorgonia.Op.
func (o *BatchNormStats) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// BatchNorm normalizes: X [B, C], statistics [2, C], γ [C], β [C] → γ(x−mean)/√(variance+ε) + β [B, C].
//
// In training the statistics are BatchNormStats of X, and the gradient with respect to X takes them as functions of X.
// In evaluation they are the running statistics, which are constants.
type BatchNorm struct {
	spec
	epsilon  float64
	training bool
}

// NewBatchNorm returns the op; ε must be positive.
func NewBatchNorm(epsilon float64, training bool) *BatchNorm {
	name := fmt.Sprintf("batch-norm[ε=%v training=%v]", epsilon, training)
	return &BatchNorm{spec{name: name, in: []int{2, 2, 1, 1}, out: 2}, epsilon, training}
}

// InferShape implements gorgonia.Op.
func (o *BatchNorm) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	c := s[0][1]
	if s[1][0] != 2 || s[1][1] != c || s[2][0] != c || s[3][0] != c {
		return nil, o.misfit(s)
	}
	return s[0].Clone(), nil
}

// BatchOut implements Op.
func (o *BatchNorm) BatchOut(in []bool) bool { return in[0] }

// Bind implements Op.
func (o *BatchNorm) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return o.BindFused(ctx, out, in, kernels.Identity)
}

// BindFused binds the normalization with an activation applied to its output in the same pass.
func (o *BatchNorm) BindFused(ctx Context, out kernels.Matrix, in []kernels.Matrix, act kernels.Activation) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormApply, kernels.BatchNormApplyArgs{
		X: in[0], Stats: in[1], Gamma: in[2], Beta: in[3], Y: out, Epsilon: o.epsilon, Activation: act,
	})
}

// Do implements gorgonia.Op.
func (o *BatchNorm) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// DiffWRT implements gorgonia.SDOp. In evaluation X carries no gradient: such graphs are not trained.
func (o *BatchNorm) DiffWRT(int) []bool { return []bool{o.training, false, true, true} }

// SymDiff implements gorgonia.SDOp.
func (o *BatchNorm) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	packed, err := Apply(newBatchNormGradParams(o.epsilon), in[0], in[1], grad)
	if err != nil {
		return nil, err
	}
	out := make(gorgonia.Nodes, 4)
	if o.training {
		if out[0], err = Apply(newBatchNormGradInput(o.epsilon), in[0], in[1], in[2], grad, packed); err != nil {
			return nil, err
		}
	}
	if out[2], err = Apply(NewRow(0), packed); err != nil {
		return nil, err
	}
	if out[3], err = Apply(NewRow(1), packed); err != nil {
		return nil, err
	}
	return out, nil
}

// batchNormGradParams: X [B, C], statistics [2, C], dY [B, C] → [2, C], dγ and dβ.
type batchNormGradParams struct {
	spec
	epsilon float64
}

func newBatchNormGradParams(epsilon float64) *batchNormGradParams {
	return &batchNormGradParams{spec{name: fmt.Sprintf("batch-norm-parameter-gradient[ε=%v]", epsilon), in: []int{2, 2, 2}, out: 2}, epsilon}
}

func (o *batchNormGradParams) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	return s[1].Clone(), nil
}

func (o *batchNormGradParams) BatchOut([]bool) bool { return false }

func (o *batchNormGradParams) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormGradParams, kernels.BatchNormGradParamsArgs{X: in[0], Stats: in[1], DY: in[2], Grad: out, Epsilon: o.epsilon})
}

func (o *batchNormGradParams) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// batchNormGradInput: X, statistics, γ, dY, packed dγ and dβ → dX [B, C].
type batchNormGradInput struct {
	spec
	epsilon float64
}

func newBatchNormGradInput(epsilon float64) *batchNormGradInput {
	return &batchNormGradInput{spec{name: fmt.Sprintf("batch-norm-input-gradient[ε=%v]", epsilon), in: []int{2, 2, 1, 2, 2}, out: 2}, epsilon}
}

func (o *batchNormGradInput) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	return s[0].Clone(), nil
}

func (o *batchNormGradInput) BatchOut(in []bool) bool { return in[0] }

func (o *batchNormGradInput) OverwriteInputs() []int { return []int{3} }

func (o *batchNormGradInput) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormGradInput, kernels.BatchNormGradInputArgs{
		X: in[0], Stats: in[1], Gamma: in[2], DY: in[3], Grad: in[4], DX: out, Epsilon: o.epsilon,
	})
}

func (o *batchNormGradInput) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }

// BatchNormRunning moves the running statistics towards a batch's: X [B, C] (for its number of rows), batch
// statistics [2, C], running statistics [2, C] → [2, C].
type BatchNormRunning struct {
	spec
	momentum float64
}

// NewBatchNormRunning returns the op; momentum, in (0, 1], is the weight of the new batch.
func NewBatchNormRunning(momentum float64) *BatchNormRunning {
	return &BatchNormRunning{spec{name: fmt.Sprintf("batch-norm-running[momentum=%v]", momentum), in: []int{2, 2, 2}, out: 2}, momentum}
}

// InferShape implements gorgonia.Op.
func (o *BatchNormRunning) InferShape(ds ...gorgonia.DimSizer) (tensor.Shape, error) {
	s, err := o.shapes(ds)
	if err != nil {
		return nil, err
	}
	if !s[1].Eq(s[2]) || s[1][1] != s[0][1] {
		return nil, o.misfit(s)
	}
	return s[2].Clone(), nil
}

// BatchOut implements Op.
func (o *BatchNormRunning) BatchOut([]bool) bool { return false }

// Bind implements Op.
func (o *BatchNormRunning) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormRunning, kernels.BatchNormRunningArgs{X: in[0], Stats: in[1], Running: in[2], Out: out, Momentum: o.momentum})
}

// Do implements gorgonia.Op.
func (o *BatchNormRunning) Do(v ...gorgonia.Value) (gorgonia.Value, error) { return evaluate(o, v) }
