//go:build linux && cgo

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const kernel = `#line 1 "common.cuh"
struct Args { const int *halted; float *x; };
#line 1 "halve.cu"
extern "C" __global__ void __launch_bounds__(256) halve(const Args a) {
  if (*a.halted) return;
  a.x[threadIdx.x] *= 0.5f;
}
`

// generate writes the PTX of a text and returns it. It skips where there is no NVRTC.
func generate(t *testing.T, text, out string) string {
	t.Helper()
	err := run(text, out, false)
	var absent *errAbsent
	if errors.As(err, &absent) {
		t.Skipf("there is nothing to compile PTX with: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ptx, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(ptx)
}

func TestGenerateIsReproducible(t *testing.T) {
	dir := t.TempDir()
	first := generate(t, kernel, filepath.Join(dir, "a.ptx"))
	if second := generate(t, kernel, filepath.Join(dir, "b.ptx")); first != second {
		t.Errorf("two generations differ from line %d on", firstDifference(first, second))
	}
	for _, want := range []string{".target sm_70", ".visible .entry halve(", ".maxntid 256"} {
		if !strings.Contains(first, want) {
			t.Errorf("no %q in\n%s", want, first)
		}
	}
}

func TestCheck(t *testing.T) {
	out := filepath.Join(t.TempDir(), "kernels.ptx")
	ptx := generate(t, kernel, out)
	if err := run(kernel, out, true); err != nil {
		t.Errorf("what was generated: %v", err)
	}
	wantError := func(name, text, want string) {
		t.Helper()
		if err := run(text, out, true); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "make generate") {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantError("another source", kernel+"// more\n", "from line 2 on")
	if err := os.WriteFile(out, []byte(ptx+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantError("one more line", kernel, "from line")
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	wantError("no PTX", kernel, "no such file")
}

// Errors are reported by the file and line of the source, and leave the PTX as it was.
func TestErrorsNameTheSource(t *testing.T) {
	out := filepath.Join(t.TempDir(), "kernels.ptx")
	before := generate(t, kernel, out)
	err := run(strings.Replace(kernel, "0.5f", "half", 1), out, false)
	if err == nil || !strings.Contains(err.Error(), `halve.cu(3): error: identifier "half" is undefined`) {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(out); err != nil || string(after) != before {
		t.Errorf("the PTX was changed: %v", err)
	}
}

func TestFirstDifference(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "x", 1}, {"a\nb", "a\nc", 2}, {"a\n", "a\nb", 2}, {"x\na", "y\na", 1}} {
		if got := firstDifference(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, not %d", c.a, c.b, got, c.want)
		}
	}
}
