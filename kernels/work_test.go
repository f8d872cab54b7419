package kernels

import "testing"

// wordless is a buffer without memory.
type wordless struct {
	Buffer
	dtype Dtype
}

func (b wordless) Dtype() Dtype { return b.dtype }

// A kernel's work is that of the rows there are, on matrices of the type they have.
func TestWork(t *testing.T) {
	m := func(dt Dtype, rows, cols int) Matrix { return NewMatrix(wordless{dtype: dt}, rows, cols) }
	x, y, row := m(Float32, 8, 3), m(Float32, 8, 3), m(Float32, 1, 3)
	const valid = 5
	// The batch is what has eight rows.
	rows := func(ms ...Matrix) int {
		n := -1
		for _, m := range ms {
			if !m.Present() {
				continue
			}
			r := m.Rows
			if r == 8 {
				r = valid
			}
			if n < 0 || r < n {
				n = r
			}
		}
		return n
	}
	a, b, c, bias := m(Float32, 8, 4), m(Float32, 4, 3), m(Float32, 8, 3), row
	for _, k := range []struct {
		args Args
		name string
		want Cost
	}{
		{ActivateArgs{Tanh, x, y}, "tanh", Cost{12 * 15, 4 * 2 * 15}},
		{ActivateArgs{Tanh, m(Float64, 8, 3), m(Float64, 8, 3)}, "tanh", Cost{12 * 15, 8 * 2 * 15}},
		{ActivateGradArgs{Activation: ReLU, Y: x, DY: y, DX: y, DBias: row}, "relu gradient+column sum", Cost{2 * 15, 4 * (3*15 + 3)}},
		{ActivateGradArgs{Activation: SiLU, X: x, DY: y, DX: y}, "silu gradient", Cost{16 * 15, 4 * 3 * 15}},
		{GemmArgs{A: a, B: b, C: c, Bias: bias, Activation: ReLU}, "gemm+bias+relu", Cost{2*5*3*4 + 2*15, 4 * (20 + 12 + 15 + 3)}},
		{GemmArgs{A: a, B: m(Float32, 8, 3), C: m(Float32, 4, 3), TransA: true, Accumulate: true}, "gemm+accumulate", Cost{2 * 4 * 3 * 5, 4 * (20 + 15 + 2*12)}},
		{GemmArgs{A: c, B: b, C: a, TransB: true}, "gemm", Cost{2 * 5 * 4 * 3, 4 * (15 + 12 + 20)}},
		{FillArgs{X: x}, "fill", Cost{0, 4 * 24}},
		{UpdateArgs{Kind: Adam, Param: x, Grad: y}, "adam update", Cost{16 * 15, 4 * (7*15 + HyperLen)}},
		{
			UpdateArgs{Kind: Adagrad, Param: m(Float32, 100, 3), Grad: y, Rows: m(Int32, 8, 1)}, "sparse adagrad update",
			Cost{10 * 15, 4 * (5*15 + HyperLen + 5)},
		},
		{GatherArgs{m(Float32, 100, 3), m(Int32, 8, 2), m(Float32, 8, 6)}, "gather", Cost{0, 4 * 5 * (2 + 12)}},
		{LossArgs{Kind: SquaredLoss, P: x, Target: y, Weight: m(Float32, 8, 1), Out: m(Float32, 1, 1), DP: x}, "squared loss+gradient", Cost{5 * 15, 4 * (5*(3+3+1+3) + 2)}},
		{
			SolveRowsArgs{X: x, Y: m(Float32, 50, 3), Columns: m(Int32, 16, 1), Ridge: m(Float32, 8, 1)}, "least squares by cholesky",
			Cost{10*12 + 5*9, 4 * (10*(3+2+1) + 5*8)}, // 10 of the 16 entries are of valid rows
		},
		{
			SolveRowsArgs{X: x, Y: m(Float32, 50, 3), Columns: m(Int32, 16, 1), Ridge: m(Float32, 8, 1), Gram: m(Float32, 3, 3), Steps: 1}, "least squares by conjugate gradients",
			Cost{10*4*3*2 + 5*(2*9*2+10*3*2), 4 * (10*(3+2+1) + 5*8 + 9)},
		},
		{
			RatingUpdatesArgs{Users: m(Float32, 100, 3), FactorSamples: FactorSamples{m(Int32, 64, 2), m(Int32, 8, 2)}, Loss: m(Float32, 8, 1)}, "rating updates",
			Cost{40 * (8*3 + 14), 40 * 4 * (4*3 + 5 + 2)},
		},
		{
			PreferenceUpdatesArgs{Users: m(Float64, 100, 3), FactorSamples: FactorSamples{m(Int32, 64, 3), m(Int32, 8, 2)}, Loss: m(Float64, 8, 1)}, "preference updates",
			Cost{40 * (13*3 + 30), 40 * (8*(6*3+4) + 4*3)},
		},
		{NormalizeRowsArgs{X: x, Y: y}, "normalize rows", Cost{3 * 15, 4 * 2 * 15}},
		{NormalizeRowsGradArgs{X: x, DY: y, DX: y}, "normalize rows gradient", Cost{7 * 15, 4 * 3 * 15}},
		{SumFieldsArgs{X: m(Float32, 8, 6), Weights: m(Float32, 8, 2), Y: x}, "sum of fields", Cost{2 * 30, 4 * 5 * (6 + 2 + 3)}},
		{SumFieldsGradArgs{DY: x, Weights: m(Float32, 8, 2), DX: m(Float32, 8, 6)}, "sum of fields gradient", Cost{30, 4 * 5 * (6 + 2 + 3)}},
		{FactorMachineArgs{X: m(Float32, 8, 12), Y: m(Float32, 8, 2), Fields: 2}, "factorization machine", Cost{3 * 60, 4 * 5 * (12 + 2)}},
		{FactorMachineGradArgs{X: m(Float32, 8, 12), DY: m(Float32, 8, 2), DX: m(Float32, 8, 12), Fields: 2}, "factorization machine gradient", Cost{3 * 60, 4 * 5 * (24 + 2)}},
		{PReLUGradArgs{X: x, DY: y, DSlope: row}, "prelu slope gradient", Cost{3 * 15, 4 * (2*15 + 3)}},
	} {
		if got := k.args.Name(); got != k.name {
			t.Errorf("%T is called %q, want %q", k.args, got, k.name)
		}
		if got := k.args.Work(rows); got != k.want {
			t.Errorf("%s: %+v, want %+v", k.name, got, k.want)
		}
	}
}
