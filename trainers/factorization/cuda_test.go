package factorization_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/cudatest"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

func TestMain(m *testing.M) {
	if err := cudatest.Main(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A GPU finds what the processor finds, but for rounding; a run that is interrupted there after an epoch goes on to the same bits.
func TestTrainingOnGPU(t *testing.T) {
	cudatest.Use(t)
	for _, c := range []struct {
		name, model string
		ratings     bool
	}{
		{"als", "{factors: 6, unobserved: 0.1, regularization: 0.01}", false},
		{"cholesky", "{factors: 20, unobserved: 0.1, regularization: 0.01, solver: cholesky}", false},
		{"explicit", "{factors: 5, feedback: explicit}", true},
		{"sgd", "{algorithm: sgd, factors: 5}", true},
		{"bpr", "{algorithm: bpr, factors: 5, negative_power: 0.5}", false},
		{"simplex", "{algorithm: simplex, factors: 6, negatives: 20, history: 4, batch: 64}", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, set := "", []string{"train.epochs=2", "model=" + c.model}
			if c.ratings {
				dir, set = ratings(t), append(set, "data.columns={value: stars}", "evaluation={}")
			} else {
				dir = recommendertest.Events(t, 60)
			}
			cpu := train(t, dir, small, run.Options{}, append(set, "name=processor", "device=cpu")...)
			set = append(set, "device=cuda")
			gpu := train(t, dir, small, run.Options{}, append(set, "name=whole")...)
			if !strings.HasPrefix(gpu.Result.SIMD, "sm_") {
				t.Errorf("ran on %s, %s", gpu.Result.Device, gpu.Result.SIMD)
			}
			for i, want := range losses(cpu) {
				if got := losses(gpu)[i]; !(math.Abs(got-want) <= 1e-4*math.Abs(want)) {
					t.Errorf("the loss of epoch %d is %v, on the processor %v", i+1, got, want)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			_, err := start(ctx, t, dir, small, run.Options{Progress: func(p run.Progress) {
				if p.Metrics != nil {
					stop()
				}
			}}, append(set, "name=cut")...)
			if !errors.Is(err, run.ErrInterrupted) {
				t.Fatal(err)
			}
			resumed := train(t, dir, small, run.Options{Resume: run.ResumeLast}, append(set, "name=cut")...)
			if !maps.Equal(recommendertest.Contents(t, resumed), recommendertest.Contents(t, gpu)) {
				t.Error("a run that was interrupted ends with another model")
			}
		})
	}
}

// leave takes the memory of the GPU but for some more than so many bytes, as tasks see it, until it is told to let go.
func leave(t *testing.T, bytes int64) (free func()) {
	t.Helper()
	dev, err := cuda.New(cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	free = sync.OnceFunc(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(free)
	task, err := cuda.New(cuda.Options{}) // which takes some for itself
	if err != nil {
		t.Fatal(err)
	}
	room, ok := task.(interface{ Available() int64 })
	if !ok {
		t.Fatalf("%T does not say what memory there is", task)
	}
	for size := int64(1 << 30); size >= 1<<12; size /= 2 {
		for room.Available() > size+size/8+bytes { // a thirty-second of what is free counts for what tasks leave
			if _, err := dev.Alloc(kernels.Float32, int(size/4), "what others hold"); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d bytes are left", room.Available())
	if err := task.Close(); err != nil {
		t.Fatal(err)
	}
	return free
}

// A training that a GPU has not room for goes through it in blocks, and comes to the model that it comes to with room, if it is interrupted too;
// where there is no room for a block, the error says with how many factors there is.
func TestLargerThanGPU(t *testing.T) {
	cudatest.Use(t)
	if cudatest.Real() {
		t.Skip("the emulated GPU's memory alone is taken to the last megabyte")
	}
	dir := recommendertest.Events(t, 400)
	set := []string{"device=cuda", "train.epochs=2", "model={factors: 8, unobserved: 0.1, regularization: 0.01}"}
	var log bytes.Buffer
	logged := func(o run.Options) run.Options {
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
		return o
	}
	const inBlocks = "rows are trained in blocks"
	whole := train(t, dir, small, logged(run.Options{}), append(set, "name=whole")...)
	if strings.Contains(log.String(), inBlocks) {
		t.Fatal("blocks where there is room")
	}
	free := leave(t, 32<<10)
	blocks := train(t, dir, small, logged(run.Options{}), append(set, "name=blocks")...)
	if !strings.Contains(log.String(), inBlocks) {
		t.Fatalf("no blocks: %s", log.String())
	}
	if !maps.Equal(recommendertest.Contents(t, blocks), recommendertest.Contents(t, whole)) || fmt.Sprint(losses(blocks)) != fmt.Sprint(losses(whole)) {
		t.Error("in blocks there is another model, or there are other losses")
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := start(ctx, t, dir, small, run.Options{Progress: func(p run.Progress) {
		if p.Metrics != nil {
			stop()
		}
	}}, append(set, "name=cut")...)
	if !errors.Is(err, run.ErrInterrupted) {
		t.Fatal(err)
	}
	free() // it goes on with room
	resumed := train(t, dir, small, run.Options{Resume: run.ResumeLast}, append(set, "name=cut")...)
	if !maps.Equal(recommendertest.Contents(t, resumed), recommendertest.Contents(t, whole)) {
		t.Error("a run that was interrupted in blocks ends with another model")
	}

	defer leave(t, 32<<10)()
	_, err = start(t.Context(), t, dir, small, run.Options{}, append(set, "name=wide", "model.factors=1000")...)
	if !errors.Is(err, kernels.ErrOutOfMemory) {
		t.Fatalf("1000 factors: %v", err)
	}
	remedy := regexp.MustCompile(`fewer factors: model: \{factors: ([0-9]+)\}`).FindStringSubmatch(err.Error())
	if remedy == nil {
		t.Fatal(err)
	}
	t.Log(err)
	train(t, dir, small, run.Options{}, append(set, "name=wide", "model.factors="+remedy[1])...)
}
