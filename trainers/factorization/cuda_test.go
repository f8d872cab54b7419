package factorization_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"strings"
	"testing"

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
