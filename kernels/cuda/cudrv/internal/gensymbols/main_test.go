package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is committed is what the generator writes from the committed header.
func TestCommittedFilesAreCurrent(t *testing.T) {
	dir := t.TempDir()
	symbols, results, archive := filepath.Join(dir, "symbols.h"), filepath.Join(dir, "results.go"), filepath.Join(dir, "libcuda.a")
	if err := run("../../../include/cuda.h", symbols, results, archive); err != nil {
		t.Fatal(err)
	}
	for name, written := range map[string]string{"../../symbols.h": symbols, "../../results.go": results, "../../lib/libcuda.a": archive} {
		want, err := os.ReadFile(written)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what its generator writes; run go generate ./kernels/cuda/...", name)
		}
	}
}

func TestParse(t *testing.T) {
	h, err := parse([]byte(`
typedef enum {
	CUDA_SUCCESS = 0, CUDA_ERROR_B = 7, CUDA_ERROR_A = 2,
	CUDA_ERROR_C = 999,
} CUresult;
#define cuB cuB_v2
CUDRV_NEEDED CUresult cuInit(unsigned);
CUDRV_NEEDED CUresult cuB_v2(int);
CUresult cuA(void);
 *     CUresult cuName(...);
`))
	if err != nil {
		t.Fatal(err)
	}
	want := "SYMBOL(0, cuA, 0)\nSYMBOL(1, cuB_v2, 1)\n#endif\n"
	if got := string(h.symbols()); !strings.HasSuffix(got, want) || !strings.Contains(got, "CUDRV_SYMBOLS 2\n") {
		t.Errorf("symbols:\n%s", got)
	}
	got, err := h.results()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), "\t2:   \"CUDA_ERROR_A\",\n\t7:   \"CUDA_ERROR_B\",\n\t999: \"CUDA_ERROR_C\",\n}") {
		t.Errorf("results:\n%s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	const enum = "typedef enum { CUDA_ERROR_A = 1, } CUresult;\n"
	for name, text := range map[string]string{
		"nothing declared": enum,
		"no errors":        "CUresult cuA(void);\n",
		"declared twice":   enum + "CUresult cuA(void);\nCUresult cuA(int);\n",
		"one code twice":   "typedef enum { CUDA_ERROR_A = 1, CUDA_ERROR_B = 1, } CUresult;\nCUresult cuA(void);\n",
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whatever the header, what is written of it is a Go file and a list without gaps.
func FuzzParse(f *testing.F) {
	header, err := os.ReadFile("../../../include/cuda.h")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header)
	f.Add([]byte("typedef enum { CUDA_ERROR_A = 1, } CUresult;\nCUresult cuA(void);\nCUDRV_NEEDED CUresult cuB(void);\n"))
	f.Add([]byte("typedef enum { CUDA_ERROR_A = 99999999999999999999, } CUresult;\nCUresult cuA(void);\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := parse(text)
		if err != nil {
			return
		}
		if _, err := h.results(); err != nil {
			t.Errorf("results: %v", err)
		}
		if got := bytes.Count(h.symbols(), []byte("\nSYMBOL(")); got != len(h.functions) {
			t.Errorf("%d lines for %d functions", got, len(h.functions))
		}
	})
}
