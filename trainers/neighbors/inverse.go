package neighbors

import (
	"context"
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"debut/kernels"
	"debut/kernels/cpu"
)

// The sizes of blocks in which a matrix is inverted: pivots that are eliminated at a time, and columns of a product, of which only
// those rows are computed that are below the diagonal.
const (
	pivots       = 256
	sweptColumns = 512
)

// inverse replaces the lower triangle of a symmetric positive definite matrix a, [n, n], by that of its negative inverse. What is above the
// diagonal is neither read nor kept. It sweeps blocks of pivots (Beaton, "The Use of Special Matrix Operators in Statistical
// Calculus", 1964): n³ operations, nearly all in matrix products of float32, in an order that does not depend on threads. The pivots'
// own blocks are inverted in float64. told, which may be nil, is called after each block with the columns that are done.
//
// An error is one of the context or of a matrix that is not positive definite, as far as float32 can tell.
func inverse(ctx context.Context, dev *cpu.Device, a []float32, n int, told func(done int)) error {
	s := &sweep{dev: dev, n: n, a: a}
	width := min(pivots, n)
	s.panel, s.scaled, s.inverted = make([]float32, n*width), make([]float32, n*width), make([]float32, width*width)
	for k := 0; k < n; k += pivots {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.block(k, min(k+pivots, n)); err != nil {
			return err
		}
		if told != nil {
			told(min(k+pivots, n))
		}
	}
	return nil
}

// errIndefinite is matched by the error of a matrix that has no inverse, or none in float32.
var errIndefinite = errors.New("the matrix is not positive definite")

// sweep is an inversion under way.
type sweep struct {
	dev           *cpu.Device
	n             int
	a             []float32
	panel, scaled []float32 // [n, width]: the pivots' columns, negative, and times their inverse
	inverted      []float32 // [width, width]: the negative inverse of the pivots' block
}

// block sweeps pivots k … end−1: with D the inverse of their block and P their columns, A ← A − P·D·Pᵀ elsewhere, P·D in
// their columns, −D in their block.
func (s *sweep) block(k, end int) error {
	width := end - k
	if err := s.invert(k, width); err != nil {
		return err
	}
	for i := range s.n {
		row := s.panel[i*width : (i+1)*width]
		switch {
		case i >= end:
			for c, v := range s.a[i*s.n+k : i*s.n+end] {
				row[c] = -v
			}
		case i < k:
			for c := range row {
				row[c] = -s.a[(k+c)*s.n+i]
			}
		default:
			clear(row)
		}
	}
	whole, panel := cpu.Wrap(s.a), kernels.NewMatrix(cpu.Wrap(s.panel), s.n, width)
	scaled := kernels.NewMatrix(cpu.Wrap(s.scaled), s.n, width)
	if err := s.multiply(kernels.GemmArgs{A: panel, B: kernels.NewMatrix(cpu.Wrap(s.inverted), width, width), C: scaled}); err != nil {
		return err
	}
	for j := 0; j < s.n; j += sweptColumns {
		columns := min(sweptColumns, s.n-j)
		rows := s.n - j
		err := s.multiply(kernels.GemmArgs{
			A: rowsOf(scaled, j, rows), B: rowsOf(panel, j, columns), TransB: true,
			C:          kernels.Matrix{Buf: whole, Offset: j*s.n + j, Rows: rows, Cols: columns, Stride: s.n},
			Accumulate: true,
		})
		if err != nil {
			return err
		}
	}
	for i := range s.n {
		row := s.scaled[i*width : (i+1)*width]
		switch {
		case i >= end:
			copy(s.a[i*s.n+k:i*s.n+end], row)
		case i < k:
			for c, v := range row {
				s.a[(k+c)*s.n+i] = v
			}
		default:
			copy(s.a[i*s.n+k:i*s.n+end], s.inverted[(i-k)*width:(i-k+1)*width])
		}
	}
	return nil
}

// rowsOf views rows of a dense matrix.
func rowsOf(m kernels.Matrix, from, rows int) kernels.Matrix {
	m.Offset += from * m.Stride
	m.Rows = rows
	return m
}

func (s *sweep) multiply(args kernels.GemmArgs) error {
	k, err := s.dev.Gemm(args)
	if err != nil {
		return err
	}
	return k.Run()
}

// invert writes the negative inverse of the block of width pivots from k.
func (s *sweep) invert(k, width int) error {
	m := mat.NewSymDense(width, nil)
	for r := range width {
		for c, v := range s.a[(k+r)*s.n+k : (k+r)*s.n+k+r+1] {
			m.SetSym(r, c, float64(v))
		}
	}
	var factors mat.Cholesky
	var inv mat.SymDense
	if !factors.Factorize(m) {
		return fmt.Errorf("columns %d to %d: %w", k, k+width-1, errIndefinite)
	}
	if err := factors.InverseTo(&inv); err != nil {
		return fmt.Errorf("columns %d to %d: %w: %w", k, k+width-1, errIndefinite, err)
	}
	for r := range width {
		for c := range width {
			s.inverted[r*width+c] = float32(-inv.At(r, c))
		}
	}
	return nil
}
