package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"debut/kernels"
)

// Gemm is a matrix product C = op(A)·op(B), row-major: op(A) is [M, K], op(B) is [K, N], each stored transposed where it
// says so.
type Gemm struct {
	M, N, K        int
	TransA, TransB bool
	A, B           []float32
}

// OpenBLAS is OpenBLAS computing a matrix product; a run is one product.
type OpenBLAS struct {
	*Peer
	// C is the product as OpenBLAS computes it.
	C []float32
}

// StartOpenBLAS compiles and starts OpenBLAS on a product, with at most so many threads, at the best of its kernels
// and threads. The folder is for files; the caller removes it. Each setting is tried for as long as trial says.
func StartOpenBLAS(ctx context.Context, folder string, g Gemm, threads int, trial time.Duration) (*OpenBLAS, error) {
	program, err := compile(ctx, folder)
	if err != nil {
		return nil, err
	}
	a, err := writeFloats(folder, "a", g.A)
	if err != nil {
		return nil, err
	}
	b, err := writeFloats(folder, "b", g.B)
	if err != nil {
		return nil, err
	}
	c := filepath.Join(folder, "c.f32")
	letter := func(transposed bool) string {
		if transposed {
			return "t"
		}
		return "n"
	}
	args := []string{strconv.Itoa(g.M), strconv.Itoa(g.N), strconv.Itoa(g.K), letter(g.TransA), letter(g.TransB), a, b, c}
	o := &OpenBLAS{C: make([]float32, g.M*g.N)}
	o.Peer, _, err = best(ctx, threads, trial, []request{{}}, func(l libraries) (*Peer, error) {
		return start(ctx, l, program, args...)
	})
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(c)
	if err == nil && len(raw) != 4*len(o.C) {
		err = fmt.Errorf("%d bytes, not %d", len(raw), 4*len(o.C))
	}
	if err != nil {
		o.Close()
		return nil, fmt.Errorf("peers: the product of OpenBLAS: %w", err)
	}
	copy(kernels.Bytes(o.C), raw)
	return o, nil
}

// compile builds the program with the machine's C compiler.
func compile(ctx context.Context, folder string) (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return "", fmt.Errorf("peers: there is no C compiler, cc, on PATH; Debian's package is gcc: %w", ErrAbsent)
	}
	source, err := unpack(folder, "openblas_gemm.c")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "openblas_gemm")
	out, err := exec.CommandContext(ctx, cc, "-O2", "-o", program, source, "-lopenblas").CombinedOutput()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t := &tail{}
		_, _ = t.Write(out)
		return "", fmt.Errorf("peers: cc -lopenblas fails; Debian's package is libopenblas-dev; cc says: %v: %w", t, ErrAbsent)
	}
	if err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	return program, nil
}
