//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"
	"os"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda/cublas"
)

// Batches that are not full are computed by own kernels, alone and in lists, captured or not.
func TestPartialBatchesOnGPU(t *testing.T) {
	if inChild(t, "") {
		partialBatches(t, 40)
	}
}

// So are all batches of products that the library does not do.
func TestPartialBatchesWithoutHeuristic(t *testing.T) {
	if realGPU() {
		t.Skip("the GPU's own library has one")
	}
	if inChild(t, "", "DEBUT_EMU_NO_HEURISTIC=1") {
		partialBatches(t, 41)
	}
}

func partialBatches(t *testing.T, n int) {
	const rows = 48
	for _, uncaptured := range []bool{false, true} {
		own := openedWith(t, false, Options{Uncaptured: uncaptured})
		d := openedWith(t, true, Options{Uncaptured: uncaptured, Precision: BF16}) // whose bits differ from the own kernel's
		for _, transA := range []bool{false, true} {
			f := productForm{m: rows, n: n, k: 24, bias: true, activation: kernels.Tanh}
			if transA {
				f = productForm{m: 24, n: n, k: rows, transA: true}
			}
			products := []*product{bindProduct(t, d, f), bindProduct(t, own, f)}
			var counts []kernels.RowCount
			var runs []func() error
			for _, p := range products {
				dev := p.kernel.dev
				c, err := dev.NewRowCount(rows)
				must(t, err)
				counts = append(counts, c)
				p.args.A.Count = c
				if transA {
					p.args.B.Count = c
				} else {
					p.args.C.Count = c
				}
				p.bind(t, dev)
				e, err := dev.Prepare([]kernels.Kernel{p.kernel, p.kernel})
				must(t, err)
				runs = append(runs, e.Run)
			}
			for _, n := range []int{rows, rows - 1, rows, 1, 0, rows} {
				for i, c := range counts {
					must(t, c.Set(n))
					alone := products[i].run(t, products[i].kernel.Run)
					if listed := products[i].run(t, runs[i]); !sameBits(alone, listed) {
						t.Errorf("%v, %d rows: a list and a single run differ", f, n)
					}
				}
				x, y := products[0].run(t, runs[0]), products[1].run(t, runs[1])
				same, own := sameBits(x, y), n < rows || products[0].kernel.full == nil
				// A GPU's library may add in the same order as the own kernel; the stand-in does not.
				if own && !same || !own && same && !realGPU() {
					t.Errorf("%v, %d rows of %d: same bits as the own kernel: %t", f, n, rows, same)
				}
				if n == rows {
					f.check(t, "full batch", x, 0x1p-8)
				}
			}
		}
	}
}

// Products that cuBLAS has planned and then refuses to run are left to own kernels: once each, in their place among others. The
// GPU is as good as before.
func TestRefusedProducts(t *testing.T) {
	if realGPU() {
		t.Skip("the GPU's own library does as it likes")
	}
	if !inChild(t, "") {
		return
	}
	const refuse = "DEBUT_EMU_BLAS_REFUSE"
	f := productForm{m: 9, n: 10, k: 11, accumulate: true}
	for i, opt := range []Options{{}, {Uncaptured: true}} {
		for _, status := range []cublas.Status{7, 13, 14, 15} {
			what := fmt.Sprintf("%v, uncaptured %t", status, opt.Uncaptured)
			d, own := openedWith(t, true, opt), openedWith(t, false, opt)
			x, y, alone := bindProduct(t, d, f), bindProduct(t, own, f), bindProduct(t, d, f)
			list := func(p *product) func() error {
				other := *p
				other.bind(t, p.kernel.dev)
				double, err := p.kernel.dev.Binary(kernels.BinaryArgs{Kind: kernels.Add, A: p.args.C, B: p.args.C, C: p.args.C})
				must(t, err)
				e, err := p.kernel.dev.Prepare([]kernels.Kernel{double, p.kernel, double, other.kernel, p.kernel, double})
				must(t, err)
				return e.Run
			}
			ours, theirs := list(x), list(y)
			if x.kernel.full == nil || alone.kernel.full == nil {
				t.Fatal("not by cuBLAS: " + d.Info().Notes)
			}
			if i == 0 { // a list that is captured without being refused stays what it is
				if sameBits(x.run(t, list(x)), y.run(t, theirs)) {
					t.Errorf("%s: cuBLAS leaves no trace", what)
				}
			}
			must(t, os.Setenv(refuse, fmt.Sprint(int(status))))
			got, single := x.run(t, ours), alone.run(t, alone.kernel.Run)
			must(t, os.Unsetenv(refuse))
			want := y.run(t, theirs)
			for j, g := range [][]float32{got, x.run(t, ours)} {
				if !sameBits(g, want) {
					t.Errorf("%s, run %d: not what own kernels compute", what, j)
				}
			}
			if !sameBits(single, y.run(t, y.kernel.Run)) || !sameBits(single, alone.run(t, alone.kernel.Run)) {
				t.Errorf("%s: alone, not what own kernels compute", what)
			}
			must(t, d.Synchronize())
			wantReason(t, what+": notes", d.Info().Notes, "own kernels for 3 products", "the first: gemm+accumulate", status.Error())
		}
	}
}
