// Package onnxruntimetest opens ONNX Runtime for tests.
package onnxruntimetest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"debut/engine/onnx"
	"debut/engine/onnxruntime"
)

// Open opens the library for the time of a test, which is skipped where there is none. Where the environment variable names one that
// cannot be opened, it fails.
func Open(t testing.TB) *onnxruntime.Runtime {
	t.Helper()
	r, err := onnxruntime.Open("")
	if err != nil {
		if os.Getenv(onnxruntime.Variable) != "" {
			t.Fatal(err)
		}
		t.Skipf("not compared with ONNX Runtime: %v; %s names its library", err, onnxruntime.Variable)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// Run writes a graph, loads it and runs it once.
func Run(t testing.TB, r *onnxruntime.Runtime, g *onnx.Graph, inputs map[string]onnx.Tensor) map[string]onnx.Tensor {
	t.Helper()
	var model bytes.Buffer
	if err := g.Write(&model); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, model.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return RunFile(t, r, path, inputs)
}

// RunFile loads a model and runs it once.
func RunFile(t testing.TB, r *onnxruntime.Runtime, path string, inputs map[string]onnx.Tensor) map[string]onnx.Tensor {
	t.Helper()
	s, err := r.Load(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	out, err := s.Run(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// check is what the Python package onnx does with each of the files that it is given.
const check = `import sys, onnx
for path in sys.argv[1:]:
    onnx.checker.check_model(path, full_check=True)
`

// Check has the checker of the Python package onnx look at models in full, with the shapes of all their nodes. The test goes on, and says so,
// where there is no such package.
func Check(t testing.TB, paths ...string) {
	t.Helper()
	python := ""
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) { // the first python3 need not be the one with the package
		path := filepath.Join(dir, "python3")
		if exec.Command(path, "-c", "import onnx").Run() == nil {
			python = path
			break
		}
	}
	if python == "" {
		t.Log("not checked by the Python package onnx: there is none; Debian has it as python3-onnx")
		return
	}
	if out, err := exec.Command(python, append([]string{"-c", check}, paths...)...).CombinedOutput(); err != nil {
		t.Errorf("the checker of onnx: %v\n%s", err, out)
	}
}
