package main

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"debut/kernels/cuda"
	"debut/kernels/cuda/emulator"
	"debut/trainers/runfolder"
)

// The demo on a GPU ranks as well as on the CPU.
func TestDemoOnGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: trains twice on 6,000 sessions")
	}
	if !cuda.Built {
		t.Skip("this build has no CUDA support: the tag gpu is missing")
	}
	lib, err := emulator.Build()
	if errors.Is(err, emulator.ErrUnavailable) {
		t.Skipf("the emulated GPU cannot be built here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DEBUT_CUDA_DRIVER", lib.Driver) // of the programs that are started
	t.Setenv("DEBUT_CUBLAS", lib.BLAS)
	dir := t.TempDir()
	auc := map[string]float64{}
	for _, device := range []string{"cpu", "cuda"} {
		debut(t, dir, 0, "demo", "--dir", device, "--device", device, "--sessions", "6000", "-q")
		text, err := os.ReadFile(filepath.Join(dir, device, "network", "run.json"))
		if err != nil {
			t.Fatal(err)
		}
		var r runfolder.RunResult
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		if auc[device], err = r.Metrics["test"].Get("auc"); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %s: test AUC %.4f", r.Device, r.SIMD, auc[device])
	}
	if !(math.Abs(auc["cuda"]-auc["cpu"]) <= 0.002) {
		t.Errorf("AUC %v", auc)
	}
}
