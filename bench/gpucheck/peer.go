package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"debut/bench/peers"
	"debut/bench/training"
	"debut/kernels/devices"
)

// describe returns the network and the data of a case, in a folder for a peer's files.
func describe(net string, batch int) (_ peers.MLP, folder string, err error) {
	widths, err := training.ParseWidths(net)
	if err != nil {
		return peers.MLP{}, "", err
	}
	// The initial values are the same on any device, and the GPU is the peer's.
	dev, err := open("cpu")
	if err != nil {
		return peers.MLP{}, "", err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	s, err := training.New(dev, widths, batch)
	if err != nil {
		return peers.MLP{}, "", err
	}
	d, err := s.Describe()
	if err != nil {
		return d, "", err
	}
	folder, err = os.MkdirTemp("", "debut-check-")
	return d, folder, err
}

// measurePeer measures PyTorch in one of its ways to run a step, at every precision. One that it cannot do does not cost the others.
func measurePeer(ctx context.Context, m *meter, args []string) (err error) {
	var mode, net string
	var batch int
	if err := arguments(args, &mode, &net, &batch); err != nil {
		return err
	}
	d, folder, err := describe(net, batch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	p, err := peers.StartTorchCUDAMode(ctx, folder, d)
	if err != nil {
		return err
	}
	defer p.Close()
	m.note("", "%s", p.Version())
	for _, precision := range devices.Precisions() {
		name := fmt.Sprintf("%s %s %d", net, precision, batch)
		if err := measureTorch(m, p, mode, precision, name); err != nil {
			m.fail(fmt.Errorf("%s: %w", name, err))
			if ctx.Err() != nil || strings.Contains(err.Error(), " ended (") {
				return err
			}
		}
	}
	return nil
}

func measureTorch(m *meter, p *peers.Torch, mode, precision, name string) error {
	if err := p.SetCUDA(mode, precision); err != nil {
		return err
	}
	loss, err := p.Loss(lossSteps)
	if err != nil {
		return err
	}
	m.report(name, "loss_after_50_steps", loss)
	if _, err := p.Run(m.seconds / 4); err != nil {
		return err
	}
	steps, err := p.Run(m.seconds)
	if err != nil {
		return err
	}
	var net, at string
	var batch int
	if _, err := fmt.Sscan(name, &net, &at, &batch); err != nil {
		return err
	}
	m.report(name, "rows_per_second", steps*float64(batch))
	return nil
}

// warmPeers has PyTorch compile what measurePeer will ask for, all at a time, so that it lies in the compiler's cache by then. Captured or
// not, a compiled step is the same to the compiler.
func warmPeers(ctx context.Context, m *meter, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("a network and sizes of batches are wanted")
	}
	modes := []string{"compiled", "reduce-overhead"}
	batches := make([]int, len(args)-1)
	for i, size := range args[1:] {
		if err := arguments([]string{size}, &batches[i]); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	errs := make([]error, len(modes)*len(batches))
	for i := range errs {
		all.Go(func() { errs[i] = warm(ctx, m, args[0], batches[i/len(modes)], modes[i%len(modes)]) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err // what one lacks, all lack
		}
	}
	return nil
}

// warm has PyTorch compile for one mode.
func warm(ctx context.Context, m *meter, net string, batch int, mode string) (err error) {
	d, folder, err := describe(net, batch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	p, err := peers.StartTorchCUDAMode(ctx, folder, d)
	if err != nil {
		return err
	}
	defer p.Close()
	for _, precision := range devices.Precisions() {
		if err := p.SetCUDA(mode, precision); err != nil {
			return err
		}
		if _, err := p.Loss(2); err != nil {
			return err
		}
		m.note("", "%s, %s, batches of %d: compiled", mode, precision, batch)
	}
	return nil
}

// measurePeerTables measures PyTorch at the work of measureTables.
func measurePeerTables(ctx context.Context, m *meter, args []string) (err error) {
	w := peers.Tables{Width: tableWidth}
	if err := arguments(args, &w.Rows, &w.Batch, &w.Fields); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "debut-check-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	for _, w.Zipf = range []bool{false, true} {
		err := peers.TorchTables(ctx, folder, w, m.seconds/2, func(way string, speed float64, err error) {
			if err != nil {
				m.fail(err)
				return
			}
			m.report(tableCase(w.Rows, w.Batch, w.Fields, w.Zipf), peerTableMetric+way, speed)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// peerTableMetric is what PyTorch's figures for tables are called, with the way behind it.
const peerTableMetric = "rows_per_second "
