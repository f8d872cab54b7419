//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda/cublas"
	"debut/kernels/cuda/emulator"
	"debut/kernels/kerneltest"
	"debut/kernels/philox"
)

// blasChild names the test that a process was started for: cuBLAS is looked for once in a process.
const blasChild = "DEBUT_CUDA_TEST_BLAS"

// inChild returns true in a process started for this test; elsewhere it starts one, with cuBLAS's stand-in and more of an environment.
// Of subtests only those that the pattern selects are run.
func inChild(t *testing.T, subtests string, env ...string) bool {
	t.Helper()
	if os.Getenv(blasChild) == t.Name() {
		return true
	}
	needsDevice(t)
	self, err := os.Executable()
	must(t, err)
	pattern := "-test.run=^" + t.Name() + "$"
	if subtests != "" {
		pattern += "/" + subtests
	}
	cmd := exec.Command(self, pattern, fmt.Sprintf("-test.short=%t", testing.Short()))
	cmd.Env = append(os.Environ(), blasChild+"="+t.Name())
	library := givenBLAS
	if !realGPU() {
		lib, err := emulator.Build()
		must(t, err)
		library = lib.BLAS
	}
	cmd.Env = append(cmd.Env, cublas.Variable+"="+library)
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") || strings.Contains(string(out), "no tests") {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// givenBLAS is what the environment says of cuBLAS. It is for the children: everything else is tested with own kernels for all products,
// whatever the machine has.
var givenBLAS string

// withoutBLAS has this process not use cuBLAS, unless it is a child.
func withoutBLAS() error {
	if os.Getenv(blasChild) != "" {
		return nil
	}
	givenBLAS = os.Getenv(cublas.Variable)
	return os.Setenv(cublas.Variable, "none")
}

func realGPU() bool { return os.Getenv("DEBUT_TEST_GPU") == "1" }

// openedWith opens a device and says whether it may use cuBLAS.
func openedWith(t *testing.T, blas bool, opt Options) *Device {
	t.Helper()
	d := opened(t, opt)
	closed(t, d)
	if !blas {
		d.blas.tried, d.blas.reason = true, "switched off"
	} else if !d.blasReady() {
		if realGPU() {
			t.Skip(d.blas.reason)
		}
		t.Fatal(d.blas.reason)
	}
	return d
}

// product is a Gemm with its operands.
type product struct {
	args   kernels.GemmArgs
	kernel *kernel
	before []float32 // what C holds before each run
}

// productForm is what there is to choose.
type productForm struct {
	m, n, k        int
	transA, transB bool
	bias           bool
	accumulate     bool
	activation     kernels.Activation
	offset, gap    int // where a matrix begins in its buffer, and the elements between its rows
}

func (f productForm) String() string {
	return fmt.Sprintf("%d×%d×%d transposed %t %t, bias %t, accumulate %t, %v, offset %d, gap %d", f.m, f.n, f.k, f.transA, f.transB,
		f.bias, f.accumulate, f.activation, f.offset, f.gap)
}

// values returns numbers between −1 and 1.
func values(n int, stream uint64) []float32 {
	key := philox.Key(7, stream)
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(int32(philox.Block(key, [4]uint32{uint32(i)})[0])) / (1 << 31)
	}
	return v
}

func bindProduct(t *testing.T, d *Device, f productForm) *product {
	t.Helper()
	p := &product{}
	matrix := func(rows, cols int, stream uint64) kernels.Matrix {
		v := values(f.offset+rows*(cols+f.gap), stream)
		b, err := d.Alloc(kernels.Float32, len(v), "test")
		must(t, err)
		must(t, kernels.Upload(d, b, 0, v))
		p.before = v
		return kernels.Matrix{Buf: b, Offset: f.offset, Rows: rows, Cols: cols, Stride: cols + f.gap}
	}
	p.args = kernels.GemmArgs{TransA: f.transA, TransB: f.transB, Accumulate: f.accumulate, Activation: f.activation}
	if f.bias {
		p.args.Bias = matrix(1, f.n, 4)
	}
	if p.args.A = matrix(f.m, f.k, 1); f.transA {
		p.args.A = matrix(f.k, f.m, 1)
	}
	if p.args.B = matrix(f.k, f.n, 2); f.transB {
		p.args.B = matrix(f.n, f.k, 2)
	}
	p.args.C = matrix(f.m, f.n, 3)
	p.bind(t, d)
	return p
}

func (p *product) bind(t *testing.T, d *Device) {
	t.Helper()
	k, err := d.Gemm(p.args)
	must(t, err)
	p.kernel = k.(*kernel)
}

// run computes the product afresh, and returns all of C's buffer.
func (p *product) run(t *testing.T, run func() error) []float32 {
	t.Helper()
	d := p.kernel.dev
	must(t, kernels.Upload(d, p.args.C.Buf, 0, p.before))
	must(t, run())
	out := make([]float32, len(p.before))
	must(t, kernels.Download(d, out, p.args.C.Buf, 0))
	return out
}

// check compares with float64; factors may have been rounded by a share of themselves.
func (f productForm) check(t *testing.T, what string, got []float32, share float64) {
	t.Helper()
	f.checkSome(t, what, got, share, 1)
}

// checkSome is check of one element in so many, and of the last.
func (f productForm) checkSome(t *testing.T, what string, got []float32, share float64, every int) {
	t.Helper()
	matrix := func(stream uint64, rows, cols int) func(r, c int) float64 {
		v := values(f.offset+rows*(cols+f.gap), stream)
		return func(r, c int) float64 { return float64(v[f.offset+r*(cols+f.gap)+c]) }
	}
	atA, atB, before, bias := matrix(1, f.m, f.k), matrix(2, f.k, f.n), matrix(3, f.m, f.n), matrix(4, 1, f.n)
	if f.transA {
		a := matrix(1, f.k, f.m)
		atA = func(r, c int) float64 { return a(c, r) }
	}
	if f.transB {
		b := matrix(2, f.n, f.k)
		atB = func(r, c int) float64 { return b(c, r) }
	}
	const u = 0x1p-24
	bad := 0
	for i := range f.m {
		for j := range f.n + f.gap {
			if (i*(f.n+f.gap)+j)%every != 0 && (i < f.m-1 || j < f.n-1) {
				continue
			}
			g := float64(got[f.offset+i*(f.n+f.gap)+j])
			want, size := before(i, j), 0.0 // between rows nothing is written
			if j < f.n {
				if !f.accumulate {
					want = 0
				}
				if f.bias {
					want = bias(0, j)
				}
				size = math.Abs(want)
				rest := 0.0
				for l := range f.k {
					term := atA(i, l) * atB(l, j)
					want += term
					rest += math.Abs(term)
				}
				size = float64(f.k+2)*u*(size+rest) + share*(2+share)*rest
				formula := kerneltest.FormulaOf(f.activation)
				want = formula.Apply(want)
				size = formula.Steepest*size + 16*u*math.Abs(want)
			}
			if !(math.Abs(g-want) <= size) {
				if bad++; bad <= 3 {
					t.Errorf("%v, %s: C[%d, %d] = %v, want %v ± %.3g", f, what, i, j, g, want, size)
				}
			}
		}
	}
}

// productForms are products of all forms.
func productForms() []productForm {
	var forms []productForm
	for i, shape := range [][3]int{{2, 2, 2}, {64, 48, 32}, {65, 33, 70}, {3, 130, 17}} {
		for j := range 4 {
			f := productForm{m: shape[0], n: shape[1], k: shape[2], transA: j&1 != 0, transB: j&2 != 0, offset: i * j, gap: i * j % 3}
			forms = append(forms, f)
			f.accumulate = true
			forms = append(forms, f)
			f.accumulate = false
			for _, a := range kernels.Activations() {
				f.activation, f.bias = a, true
				forms = append(forms, f)
				f.bias = false
				forms = append(forms, f)
			}
		}
	}
	return forms
}

func sameBits(a, b []float32) bool {
	return string(kernels.Bytes(a)) == string(kernels.Bytes(b))
}

func TestConformanceWithBLASOnGPU(t *testing.T) {
	if inChild(t, "^(device|dense)") {
		kerneltest.Run(t, func(t *testing.T) kernels.Device {
			d := opened(t, Options{}) // the suite closes it
			if !d.blasReady() && !realGPU() {
				t.Error(d.Info().Notes)
			}
			return d
		})
	}
}

func TestAllocationsWithBLASOnGPU(t *testing.T) {
	if inChild(t, "") {
		kerneltest.RunAllocations(t, open)
	}
}

// Products by cuBLAS and by own kernels are what they are in float64, within what their precisions may lose: BF16 rounds factors to
// the nearest of 8 bits, TF32 to 11 bits or, on newer GPUs, towards zero ("wgmma" in the PTX ISA).
func TestProductsOnGPU(t *testing.T) {
	if !inChild(t, "") {
		return
	}
	own := openedWith(t, false, Options{})
	for p, share := range map[Precision]float64{FP32: 0, TF32: 0x1p-10, BF16: 0x1p-8} {
		d := openedWith(t, true, Options{Precision: p})
		if d.Precision() != p {
			t.Errorf("precision %v, asked for was %v: %s", d.Precision(), p, d.Info().Notes)
			continue
		}
		rounded := false
		for _, f := range productForms() {
			x, y := bindProduct(t, d, f), bindProduct(t, own, f)
			if y.kernel.full != nil {
				t.Fatalf("%v: cuBLAS on a device that does not use it", f)
			}
			if x.kernel.full == nil {
				if !realGPU() {
					t.Fatalf("%v, %v: not by cuBLAS: %s", p, f, d.Info().Notes)
				}
				t.Logf("%v, %v: not by cuBLAS: %s", p, f, d.Info().Notes)
			}
			got, want := x.run(t, x.kernel.Run), y.run(t, y.kernel.Run)
			f.check(t, "cuBLAS in "+p.String(), got, share)
			f.check(t, "own", want, 0)
			rounded = rounded || f.activation == kernels.Identity && worst(got, want) > 0x1p-14
		}
		if rounded != (p != FP32) {
			t.Errorf("%v: factors were rounded: %t", p, rounded)
		}
		level := regexp.MustCompile(`^sm_\d+\+cublas\d+\.\d+\.\d+` + regexp.QuoteMeta(map[Precision]string{TF32: "+tf32", BF16: "+bf16"}[p]) + `$`)
		if l := d.Info().Level; !level.MatchString(l) {
			t.Errorf("level %q", l)
		}
		if m := d.Memory()[workspacePurpose]; m != workspaceBytes {
			t.Errorf("%d bytes of workspace", m)
		}
	}
}

func worst(a, b []float32) float64 {
	w := 0.0
	for i := range a {
		w = max(w, math.Abs(float64(a[i])-float64(b[i])))
	}
	return w
}

// Products with vectors are left to own kernels, and so are those of nothing.
func TestProductsOfVectors(t *testing.T) {
	if !inChild(t, "") {
		return
	}
	d := openedWith(t, true, Options{})
	for _, shape := range [][3]int{{1, 8, 8}, {8, 1, 8}, {8, 8, 1}, {0, 8, 8}, {8, 0, 8}, {8, 8, 0}} {
		f := productForm{m: shape[0], n: shape[1], k: shape[2], bias: true}
		x := bindProduct(t, d, f)
		if x.kernel.full != nil {
			t.Errorf("%v: by cuBLAS", f)
		}
		f.check(t, "own", x.run(t, x.kernel.Run), 0)
	}
	if strings.Contains(d.Info().Notes, "does not do") {
		t.Errorf("notes %q", d.Info().Notes)
	}
}

// A count that never reaches all rows leaves cuBLAS out.
func TestCountBelowRows(t *testing.T) {
	if !inChild(t, "") {
		return
	}
	d := openedWith(t, true, Options{})
	p := bindProduct(t, d, productForm{m: 8, n: 8, k: 8})
	c, err := d.NewRowCount(7)
	must(t, err)
	p.args.A.Count = c
	p.args.C.Count = c
	p.bind(t, d)
	if p.kernel.full != nil {
		t.Error("by cuBLAS")
	}
}

// Plans live as long as the kernels that run them.
func TestPlansAreFreed(t *testing.T) {
	if !inChild(t, "") {
		return
	}
	d := openedWith(t, true, Options{})
	f := productForm{m: 9, n: 10, k: 11, bias: true, activation: kernels.ReLU}
	keep := bindProduct(t, d, f)
	e, err := d.Prepare([]kernels.Kernel{keep.kernel, keep.kernel})
	must(t, err)
	alone := *keep
	keep.kernel = nil
	for range 20 {
		for range 10 {
			alone.bind(t, d)
		}
		runtime.GC()
	}
	f.check(t, "alone", alone.run(t, alone.kernel.Run), 0)
	f.check(t, "in a list", alone.run(t, e.Run), 0)
}

// Where the library does not do a product, the own kernel does all.
func TestNoHeuristic(t *testing.T) {
	if realGPU() {
		t.Skip("the GPU's own library has one")
	}
	if !inChild(t, "", "DEBUT_EMU_NO_HEURISTIC=1") {
		return
	}
	d := openedWith(t, true, Options{})
	f := productForm{m: 9, n: 10, k: 11, bias: true}
	for range 3 {
		x := bindProduct(t, d, f)
		if x.kernel.full != nil {
			t.Fatal("by cuBLAS")
		}
		f.check(t, "own", x.run(t, x.kernel.Run), 0)
	}
	wantReason(t, "notes", d.Info().Notes, "own kernels for 3 products", "gemm+bias", "choosing an algorithm", "CUBLAS_STATUS_NOT_SUPPORTED")
}

// Without the library products are computed all the same, and people are told how.
func TestWithoutBLAS(t *testing.T) {
	if !inChild(t, "", cublas.Variable+"=none") {
		return
	}
	d := opened(t, Options{Precision: TF32})
	closed(t, d)
	f := productForm{m: 9, n: 10, k: 11, activation: kernels.Sigmoid}
	x := bindProduct(t, d, f)
	if x.kernel.full != nil {
		t.Error("by cuBLAS")
	}
	f.check(t, "own", x.run(t, x.kernel.Run), 0)
	i := d.Info()
	if strings.Contains(i.Level, "+") || d.Precision() != FP32 {
		t.Errorf("level %q, precision %v", i.Level, d.Precision())
	}
	wantReason(t, "notes", i.Notes, "own kernels", cublas.Variable+"=none", "fp32", "tf32 needs cuBLAS")
}

// A GPU without room for the workspace does without.
func TestNoRoomForWorkspace(t *testing.T) {
	if realGPU() {
		t.Skip("the GPU has room")
	}
	if !inChild(t, "", fmt.Sprintf("DEBUT_EMU_MEMORY=%d", workspaceBytes)) {
		return
	}
	d := openedWith(t, true, Options{})
	f := productForm{m: 9, n: 10, k: 11}
	x := bindProduct(t, d, f)
	if x.kernel.full != nil {
		t.Error("by cuBLAS")
	}
	f.check(t, "own", x.run(t, x.kernel.Run), 0)
	wantReason(t, "notes", d.Info().Notes, "32 MiB", kernels.ErrOutOfMemory.Error())
}

// Tensor cores that a GPU lacks are not asked for.
func TestOldTensorCores(t *testing.T) {
	if realGPU() {
		t.Skip("the GPU is what it is")
	}
	if !inChild(t, "", "DEBUT_EMU_DEVICES=7.5") {
		return
	}
	d := openedWith(t, true, Options{Precision: BF16})
	if l := d.Info().Level; d.Precision() != FP32 || !strings.HasPrefix(l, "sm_75+cublas") || strings.Contains(l, "bf16") {
		t.Errorf("level %q, precision %v", l, d.Precision())
	}
	wantReason(t, "notes", d.Info().Notes, "bf16 needs compute capability 8.0")
}
