package behavior

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"debut/kernels"
	"debut/kernels/cuda/cudatest"
	"debut/trainers/run"
)

func TestMain(m *testing.M) {
	if err := cudatest.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// Training runs on a GPU and on the CPU end at the same quality, up to what rounding does to a course.
func TestTrainingOnGPU(t *testing.T) {
	cudatest.Use(t)
	for _, name := range []string{"shoppers", "adult"} {
		t.Run(name, func(t *testing.T) {
			if name == "adult" && testing.Short() {
				t.Skip("left out with -short: trains on 32,561 rows")
			}
			cpu, gpu := trainExample(t, name, "device=cpu"), trainExample(t, name, "device=cuda")
			if d := gpu.Result.Device; strings.Contains(d, "Intel") || gpu.Result.SIMD[:3] != "sm_" {
				t.Errorf("ran on %s, %s", d, gpu.Result.SIMD)
			}
			want, got := metric(t, cpu, run.PartTest, "auc"), metric(t, gpu, run.PartTest, "auc")
			t.Logf("test AUC %.4f, on the CPU %.4f", got, want)
			if !(math.Abs(got-want) <= 0.002) {
				t.Errorf("test AUC %.4f, on the CPU %.4f", got, want)
			}
		})
	}
}

// gpuConfig is a small run with all that has state.
func gpuConfig(t *testing.T) *Config {
	t.Helper()
	return configure(t, tableFile(t, 600), `
seed: 3
device: cuda
data: {source: {path: PATH}, target: y, id: id, ignore: [k, amount, w]}
model: {hidden: [{units: 16, dropout: 0.2}, {units: 8}]}
train: {epochs: 4, batch: 64, optimizer: {learning_rate: 0.01}}
checkpoint: {every_steps: 4, every_minutes: 0}
`)
}

// A run that is interrupted on a GPU, and resumed there, ends as one that is not, bit for bit.
func TestResumedRunOnGPU(t *testing.T) {
	cudatest.Use(t)
	want := train(t, gpuConfig(t))
	for _, moments := range [][]int{{5}, {9, 3}, {1, 12, 2}} {
		sameRun(t, interruptedRun(t, gpuConfig(t), moments...), want)
	}
}

// A training that leaves the finite numbers on a GPU goes back and on there.
func TestRollbackOnGPU(t *testing.T) {
	cudatest.Use(t)
	c := gpuConfig(t)
	rate := 1e38
	c.Train.Optimizer.Kind, c.Train.Optimizer.LearningRate = "sgd", &rate
	c.Train.Divergence.Rollbacks, c.Train.Divergence.RateFactor = 3, 1e-20
	o := train(t, c)
	if len(o.Result.Rollbacks) == 0 {
		t.Error("nothing was rolled back; the test shows nothing")
	}
}

// More memory than the GPU has is an error before the training begins, with the largest batch that would fit.
func TestGPUMemory(t *testing.T) {
	cudatest.Use(t)
	if cudatest.Real() {
		t.Skip("the emulated GPU has 2 GiB; a real one has more than this test asks for")
	}
	c := gpuConfig(t)
	c.Train.Batch, c.Model.Hidden[0].Units = 400, 1<<20
	_, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml"})
	if !errors.Is(err, kernels.ErrOutOfMemory) || !strings.Contains(err.Error(), "are free; ") {
		t.Errorf("error %v", err)
	}
}

// faultChild is set in a process whose GPU fails.
const faultChild = "DEBUT_TEST_FAULT_RUN"

// A GPU that fails in the middle of a run: the run ends with an error that names it, and with a checkpoint that loads.
func TestGPUFaults(t *testing.T) {
	if dir := os.Getenv(faultChild); dir != "" {
		c := gpuConfig(t)
		c.Output = dir
		_, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml"})
		fmt.Printf("ended: %v\n", err)
		return
	}
	cudatest.Use(t)
	if cudatest.Real() {
		t.Skip("real GPUs do not fail on request")
	}
	for fault, want := range map[string]string{
		"launch:700": "CUDA_ERROR_LAUNCH_FAILED",
		"lost:700":   "CUDA_ERROR",
		"copy:60":    "CUDA_ERROR",
	} {
		t.Run(fault, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestGPUFaults$", "-test.v")
			cmd.Env = append(os.Environ(), faultChild+"="+dir, "DEBUT_EMU_FAIL="+fault)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, message, _ := strings.Cut(string(out), "ended: ")
			if !strings.Contains(message, want) || !strings.Contains(message, "cuda:0") {
				t.Fatalf("the run ended with %s", message)
			}
			t.Logf("%s", message)
			if _, err := os.Stat(filepath.Join(dir, "r", "checkpoints")); err != nil {
				t.Skip("it failed before the first checkpoint")
			}
			c := gpuConfig(t)
			c.Output = dir
			o, err := run.Train(context.Background(), c, run.Options{ConfigPath: "run.yaml", Resume: run.ResumeLast})
			if err != nil {
				t.Fatal(err)
			}
			sameRun(t, o, train(t, gpuConfig(t)))
		})
	}
}
