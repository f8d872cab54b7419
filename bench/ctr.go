package bench

import (
	"context"
	"errors"

	"debut/bench/peers"
	"debut/bench/training"
)

// ctr is the suite of whole training steps of models of ids: batch assembly, lookups, forward, backward and the optimizer.
var ctr = Suite{
	Name: "ctr",
	Summary: "training steps of models of ids, batches of 4096, Adam, float32: a factorization machine of the 10 fields and 5,382 ids of Frappe, 16 factors;\n" +
		"a DeepFM of these, 400-400 with batch norm; DCN-V2 of 39 fields, 1 M ids, width 10, 3 cross layers, 400-400-400",
	Cases:   []string{"fm", "deepfm", "dcnv2-39"},
	Form:    training.CTRForm,
	Peer:    "PyTorch",
	Metrics: trainingMetrics,
	measure: measureCTR,
}

func measureCTR(ctx context.Context, name string, r *runner) error {
	c, err := training.ParseCTR(name)
	if err != nil {
		return err
	}
	step, err := training.NewCTR(r.Device, c)
	if err != nil {
		return err
	}
	if r.Peers {
		done, err := compareCTR(ctx, r, step)
		if done || err != nil {
			return err
		}
	}
	return measureSteps(ctx, r, &step.Work, c.Batch)
}

// errPeerOnCPU says that the peer of models of ids trains on the processor.
var errPeerOnCPU = errors.New("PyTorch trains models of ids on the processor alone here; compare on --device cpu")

// compareCTR takes turns with PyTorch. Where that is not installed, it says so and has done nothing.
func compareCTR(ctx context.Context, r *runner, step *training.CTR) (done bool, err error) {
	info := r.Device.Info()
	if info.Kind != "cpu" {
		r.absent(errPeerOnCPU)
		return false, nil
	}
	m, err := step.Describe()
	if err != nil {
		return false, err
	}
	return compareTorch(ctx, r, &step.Work, step.Case.Batch, func(folder string) (*peers.Torch, error) {
		return peers.StartTorchCTR(ctx, folder, m, info.Threads, trial(r.Duration))
	})
}
