package bench

import (
	"context"
	"errors"
	"os"
	"time"

	"debut/bench/peers"
	"debut/bench/training"
)

// measureSteps measures steps of so many rows.
func measureSteps(ctx context.Context, r *runner, w *training.Work, batch int) error {
	loss, err := w.LossAfter(ctx, lossSteps)
	if err != nil {
		return err
	}
	flops, err := w.FLOPs()
	if err != nil {
		return err
	}
	n, median, err := r.repeat(ctx, w.Burst)
	if err != nil {
		return err
	}
	t := median.Seconds() / float64(w.Steps)
	r.speed("rows_per_second", float64(batch)/t, r.peaks.ofFLOPs(flops/t))
	r.report("milliseconds_per_step", t*1e3)
	r.report("steps", float64(n*w.Steps))
	r.report(lossMetric, loss)
	return nil
}

// compareTorch takes turns with PyTorch on the steps of a work. Where it is not installed, it says so and has done nothing.
func compareTorch(ctx context.Context, r *runner, w *training.Work, batch int, start func(folder string) (*peers.Torch, error)) (done bool, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return false, err
	}
	defer removeAll(folder, &err)
	peer, err := start(folder)
	if errors.Is(err, peers.ErrAbsent) {
		r.absent(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer peer.Close()
	theirs, err := peer.Loss(lossSteps)
	if err != nil {
		return false, err
	}
	return true, compareSteps(ctx, r, w, batch, theirs, peer.Version()+", "+peer.Settings(), peerRun(peer.Peer))
}

// compareSteps takes turns with a peer, whose loss and way to run are given, and reports.
func compareSteps(ctx context.Context, r *runner, w *training.Work, batch int, theirLoss float64, peer string, run turn) error {
	loss, err := w.LossAfter(ctx, lossSteps)
	if err != nil {
		return err
	}
	if err := agree(loss, theirLoss, peer, Tolerance(r.Precision)); err != nil {
		return err
	}
	flops, err := w.FLOPs()
	if err != nil {
		return err
	}
	result, err := alternate(ctx, r.Duration, turnOf(w), run)
	if err != nil {
		return err
	}
	result.report(r, "rows_per_second", float64(batch), r.peaks.ofFLOPs(flops), peer)
	r.report(lossMetric, loss)
	r.report("peer_"+lossMetric, theirLoss)
	return nil
}

// turnOf is the turn that trains, whose runs are steps.
func turnOf(w *training.Work) turn {
	bursts := perSecond(w.Burst)
	return func(ctx context.Context, d time.Duration) (float64, error) {
		n, err := bursts(ctx, d)
		return n * float64(w.Steps), err
	}
}
