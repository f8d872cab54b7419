package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"debut/engine/onnx"
	"debut/kernels"
)

// BatchNormStats takes the statistics of a batch: X [B, C] → [2, C], means and biased variances. It carries no
// gradient of its own: BatchNorm's gradient accounts for the path through the statistics.
type BatchNormStats struct{ spec }

// NewBatchNormStats returns the op.
func NewBatchNormStats() *BatchNormStats {
	return made(&BatchNormStats{newSpec("batch-norm-stats", "B C -> 2 C")})
}

// Bind implements Op.
func (o *BatchNormStats) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormStats, kernels.BatchNormStatsArgs{X: in[0], Stats: out})
}

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
	return made(&BatchNorm{newSpec(name, "B C, 2 C, C, C -> B C"), epsilon, training})
}

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

// ONNX implements Exported, of the op in evaluation.
func (o *BatchNorm) ONNX(to *onnx.Graph, in []onnx.Value) onnx.Value {
	if o.training {
		return to.Fail(fmt.Errorf("ops: %s belongs to a training graph: %w", o, kernels.ErrUnsupported))
	}
	row := func(i int64) onnx.Value {
		return to.NodeWith("Gather", []onnx.Attribute{onnx.Int("axis", 0)}, in[1], onnx.Scalar(to, i))
	}
	return to.NodeWith("BatchNormalization", []onnx.Attribute{onnx.FloatOf("epsilon", float32(o.epsilon))}, in[0], in[2], in[3], row(0), row(1))
}

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
	return made(&batchNormGradParams{newSpec(fmt.Sprintf("batch-norm-parameter-gradient[ε=%v]", epsilon), "B C, 2 C, B C -> 2 C"), epsilon})
}

func (o *batchNormGradParams) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormGradParams, kernels.BatchNormGradParamsArgs{X: in[0], Stats: in[1], DY: in[2], Grad: out, Epsilon: o.epsilon})
}

// batchNormGradInput: X, statistics, γ, dY, packed dγ and dβ → dX [B, C].
type batchNormGradInput struct {
	spec
	epsilon float64
}

func newBatchNormGradInput(epsilon float64) *batchNormGradInput {
	return made(&batchNormGradInput{newSpec(fmt.Sprintf("batch-norm-input-gradient[ε=%v]", epsilon), "B C, 2 C, C, B C, 2 C -> B C"), epsilon})
}

func (o *batchNormGradInput) OverwriteInputs() []int { return []int{3} }

func (o *batchNormGradInput) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormGradInput, kernels.BatchNormGradInputArgs{
		X: in[0], Stats: in[1], Gamma: in[2], DY: in[3], Grad: in[4], DX: out, Epsilon: o.epsilon,
	})
}

// BatchNormRunning moves the running statistics towards a batch's: X [B, C] (for its number of rows), batch
// statistics [2, C], running statistics [2, C] → [2, C].
type BatchNormRunning struct {
	spec
	momentum float64
}

// NewBatchNormRunning returns the op; momentum, in (0, 1], is the weight of the new batch.
func NewBatchNormRunning(momentum float64) *BatchNormRunning {
	return made(&BatchNormRunning{newSpec(fmt.Sprintf("batch-norm-running[momentum=%v]", momentum), "B C, 2 C, 2 C -> 2 C"), momentum})
}

// Bind implements Op.
func (o *BatchNormRunning) Bind(ctx Context, out kernels.Matrix, in []kernels.Matrix) ([]kernels.Kernel, error) {
	return one(ctx, kernels.Normalization.BatchNormRunning, kernels.BatchNormRunningArgs{X: in[0], Stats: in[1], Running: in[2], Out: out, Momentum: o.momentum})
}
