package kernels

// Args is what a kernel is bound from. It says all that does not depend on the device: what the kernel is called, which
// operands fit, and what a run costs.
type Args interface {
	// Name says what the kernel is, with its fused parts: "gemm+bias+relu".
	Name() string
	// Check returns ErrShape for operands that do not fit, and ErrUnsupported for a form that the contract does not have.
	Check() error
	// Work returns the cost of a run. Check must have passed.
	Work(rows Rows) Cost
}

// Rows returns how many rows matrices that share a batch have at present: the least of their counts. Absent ones do not
// matter. Devices know it, as counts are theirs.
type Rows func(ms ...Matrix) int

// perRow is the cost of a kernel by its rows: operations and elements of a row, and elements whatever the rows, of the size
// of those of m.
func perRow(m Matrix, rows int, flops, elements, fixed float64) Cost {
	n := float64(rows)
	return Cost{FLOPs: n * flops, Bytes: size(m) * (n*elements + fixed)}
}

// size returns the bytes of an element.
func size(m Matrix) float64 {
	if m.Buf == nil {
		return 0
	}
	return float64(m.Buf.Dtype().Size())
}
