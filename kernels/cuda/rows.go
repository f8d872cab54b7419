//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import "debut/kernels"

var _ kernels.RowAlgebra = (*Device)(nil)

// rowWarps is the rows that a block has at a time, one a warp; see rows.cu.
const rowWarps = 256 / 32

type normalizeRowsArgs struct {
	head
	x, y mat
}

// launchRows launches a kernel that has a warp for each of so many rows.
func launchRows[T any](b *binder, function string, rows int, args T) {
	launch(b, function, dim{min(blocks(rows, rowWarps), b.multiprocessors*blocksPerMultiprocessor), 1, 1}, 256, args)
}

// NormalizeRows binds Y = X with rows of length 1.
func (d *Device) NormalizeRows(a kernels.NormalizeRowsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "normalize_rows", a.Y.Rows, normalizeRowsArgs{b.head(), b.matrix("X", a.X), b.matrix("Y", a.Y)})
	return b.finish()
}

type normalizeRowsGradArgs struct {
	head
	x, dy, dx mat
}

// NormalizeRowsGrad binds the gradient of NormalizeRows.
func (d *Device) NormalizeRowsGrad(a kernels.NormalizeRowsGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "normalize_rows_grad", a.X.Rows, normalizeRowsGradArgs{b.head(), b.matrix("X", a.X), b.matrix("DY", a.DY), b.matrix("DX", a.DX)})
	return b.finish()
}

type sumFieldsArgs struct {
	head
	fields, weights, sum, bias mat
}

// SumFields binds the weighted sum of fields.
func (d *Device) SumFields(a kernels.SumFieldsArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "sum_fields", a.Y.Rows, sumFieldsArgs{b.head(), b.matrix("X", a.X), b.matrix("Weights", a.Weights), b.matrix("Y", a.Y), b.matrix("Bias", a.Bias)})
	return b.finish()
}

// SumFieldsGrad binds the gradient of SumFields.
func (d *Device) SumFieldsGrad(a kernels.SumFieldsGradArgs) (kernels.Kernel, error) {
	b := d.bind(a)
	launchRows(b, "sum_fields_grad", a.DY.Rows, sumFieldsArgs{b.head(), b.matrix("DX", a.DX), b.matrix("Weights", a.Weights), b.matrix("DY", a.DY), mat{}})
	return b.finish()
}
