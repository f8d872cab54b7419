package kernels

import "fmt"

// Matrix is a row-major view of a buffer. The zero Matrix stands for an operand that is absent. A vector is a matrix
// of one row.
type Matrix struct {
	Buf    Buffer
	Offset int      // elements before the first
	Rows   int      // rows, or the most there can be where Count is set
	Cols   int      // columns
	Stride int      // elements from a row to the next, at least Cols
	Count  RowCount // the rows that are valid when a kernel runs; nil: all of them
}

// NewMatrix views a whole buffer as a dense matrix of fixed size.
func NewMatrix(b Buffer, rows, cols int) Matrix {
	return Matrix{Buf: b, Rows: rows, Cols: cols, Stride: cols}
}

// Present says whether the operand is there at all.
func (m Matrix) Present() bool { return m.Buf != nil }

// Columns views columns lo … hi−1.
func (m Matrix) Columns(lo, hi int) Matrix {
	m.Offset += lo
	m.Cols = hi - lo
	return m
}

// Row views row i alone.
func (m Matrix) Row(i int) Matrix {
	m.Offset += i * m.Stride
	m.Rows = 1
	m.Count = nil
	return m
}

// Dense says that rows follow each other without a gap.
func (m Matrix) Dense() bool { return m.Stride == m.Cols || m.Rows <= 1 }

// Check returns ErrShape unless the view lies within its buffer and has the type.
func (m Matrix) Check(name string, dt Dtype) error {
	switch {
	case m.Buf == nil:
		return fmt.Errorf("kernels: %s is missing: %w", name, ErrShape)
	case m.Buf.Dtype() != dt:
		return fmt.Errorf("kernels: %s is %v, not %v: %w", name, m.Buf.Dtype(), dt, ErrShape)
	case m.Rows < 0 || m.Cols < 0 || m.Offset < 0 || m.Stride < m.Cols:
		return fmt.Errorf("kernels: %s is a view %d×%d, stride %d, offset %d: %w", name, m.Rows, m.Cols, m.Stride, m.Offset, ErrShape)
	case m.Rows > 0 && m.Cols > 0 && m.Offset+(m.Rows-1)*m.Stride+m.Cols > m.Buf.Len():
		return fmt.Errorf("kernels: %s, %d×%d with stride %d at %d, ends beyond its buffer of %d: %w", name, m.Rows, m.Cols, m.Stride, m.Offset, m.Buf.Len(), ErrShape)
	case m.Count != nil && m.Count.Max() > m.Rows:
		return fmt.Errorf("kernels: %s has %d rows, its count goes to %d: %w", name, m.Rows, m.Count.Max(), ErrShape)
	}
	return nil
}

// operand pairs a matrix with what it must look like; negative dimensions are free.
type operand struct {
	name       string
	m          Matrix
	rows, cols int
	optional   bool
}

func checkOperands(kernel string, dt Dtype, ops ...operand) error {
	for _, o := range ops {
		if o.optional && !o.m.Present() {
			continue
		}
		if err := o.m.Check(o.name, dt); err != nil {
			return fmt.Errorf("%s: %w", kernel, err)
		}
		if o.rows >= 0 && o.m.Rows != o.rows || o.cols >= 0 && o.m.Cols != o.cols {
			return fmt.Errorf("%s: kernels: %s is %d×%d, should be %s×%s: %w", kernel, o.name, o.m.Rows, o.m.Cols, dim(o.rows), dim(o.cols), ErrShape)
		}
	}
	return nil
}

func dim(n int) string {
	if n < 0 {
		return "any"
	}
	return fmt.Sprint(n)
}

func floatDtype(m Matrix) Dtype {
	if m.Buf != nil && m.Buf.Dtype() == Float64 {
		return Float64
	}
	return Float32
}
