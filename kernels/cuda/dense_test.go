//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"
	"testing"

	"debut/kernels"
	"debut/kernels/kerneltest"
)

// fewBlocks opens a device for which few blocks are enough: small products have large tiles there, and their depth is cut.
func fewBlocks(t *testing.T, most int) *Device {
	t.Helper()
	d := opened(t, Options{})
	d.gemmBlocks = most
	return d
}

// tiled fails unless a product's kernel is of tiles of a size, and its depth in so many chunks.
func (p *product) tiled(t *testing.T, f productForm, tile, splits int) {
	t.Helper()
	name := fmt.Sprintf("gemm_%d_%c%c", tile, "nt"[flag(f.transA)], "nt"[flag(f.transB)])
	function, err := p.kernel.dev.function(name)
	must(t, err)
	first := p.kernel.ops.list[0]
	if combined := len(p.kernel.ops.list) == 2; first.function != function || int(first.grid[1]) != splits || combined != (splits > 1) {
		t.Errorf("%v: not by %s with %d chunks", f, name, splits)
	}
}

// transposed calls f for a form with its factors as they are and transposed.
func (f productForm) transposed(each func(f productForm)) {
	for i := range 4 {
		f.transA, f.transB = i&1 != 0, i&2 != 0
		each(f)
	}
}

// The conformance suite's matrices are too small for large tiles, unless few blocks are enough.
func TestConformanceOfLargeTilesOnGPU(t *testing.T) {
	kerneltest.RunFamily(t, "dense algebra", func(t *testing.T) kernels.Device { return fewBlocks(t, 2) })
}

// Large tiles with all that a product may have: whole and at edges, aligned and not, with the depth in one piece and in chunks.
func TestLargeTilesOnGPU(t *testing.T) {
	d := fewBlocks(t, 8)
	closed(t, d)
	forms := []productForm{
		{bias: true, activation: kernels.Tanh},
		{bias: true, activation: kernels.ReLU, offset: 1, gap: 3},
		{accumulate: true, gap: 4},
		{activation: kernels.Sigmoid, offset: 4, gap: 1},
	}
	turn := 0
	for i, shape := range []struct{ m, n, k, splits int }{{256, 256, 64, 1}, {200, 250, 70, 1}, {201, 251, 600, 2}, {256, 128, 1040, 4}} {
		productForm{}.transposed(func(f productForm) {
			for j := range 2 {
				g := forms[(turn+2*j)%len(forms)]
				g.m, g.n, g.k, g.transA, g.transB = shape.m, shape.n, shape.k, f.transA, f.transB
				p := bindProduct(t, d, g)
				p.tiled(t, g, 128, shape.splits)
				g.checkSome(t, "own", p.run(t, p.kernel.Run), 0, 1+2*i)
			}
			turn++
		})
		turn++
	}
}

// Products that are large enough for large tiles on every device.
func TestLargeProductsOnGPU(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	productForm{m: 2001, n: 1155, k: 70, bias: true, activation: kernels.ReLU, offset: 1}.transposed(func(f productForm) {
		if f.transA != f.transB { // the others are aligned
			f.m, f.n, f.offset = 2000, 1152, 0
		}
		p := bindProduct(t, d, f)
		p.tiled(t, f, 128, 1)
		f.checkSome(t, "own", p.run(t, p.kernel.Run), 0, 13)
	})
	f := productForm{m: 1024, n: 1024, k: 1024, transA: true}
	p := bindProduct(t, d, f)
	p.tiled(t, f, 128, 4)
	f.checkSome(t, "own", p.run(t, p.kernel.Run), 0, 61)
}

// There may be more columns than a grid has blocks in its second and third dimensions.
func TestManyColumnsOnGPU(t *testing.T) {
	d := opened(t, Options{})
	closed(t, d)
	const most = 1<<16 - 1
	f := productForm{m: 2, n: 128*most + 1, k: 1}
	p := bindProduct(t, d, f)
	f.checkSome(t, "own", p.run(t, p.kernel.Run), 0, 101)
	for _, m := range []kernels.Matrix{p.args.A, p.args.B, p.args.C} {
		d.Release(m.Buf)
	}
	// Of tiles, so many take the emulator a while: none has a row.
	f = productForm{m: 2, n: 64*most + 1, k: 2}
	p = bindProduct(t, d, f)
	count, err := d.NewRowCount(f.m)
	must(t, err)
	must(t, count.Set(0))
	p.args.A.Count, p.args.C.Count = count, count
	p.bind(t, d)
	p.tiled(t, f, 64, 1)
	if got := p.run(t, p.kernel.Run); !sameBits(got, p.before) {
		t.Error("a product without rows was written")
	}
}
