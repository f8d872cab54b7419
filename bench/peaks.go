package bench

import (
	"context"
	"errors"
	"time"

	"debut/bench/peak"
	"debut/bench/peers"
	"debut/bench/timing"
	"debut/kernels"
)

// peaks measures what a device can do at most, when it is first asked for and once in a run.
type peaks struct {
	ceilings
	known          bool
	flops, largest float64
	copies         map[int]float64
	err            error // of measuring
}

// ceilings measures a device.
type ceilings interface {
	// flopsPerSecond is of multiply-adds; where only products can be asked for, of a large one.
	flopsPerSecond() (float64, error)
	// copyPerSecond is bytes read and written by a copy of so many bytes in all.
	copyPerSecond(bytes int, round time.Duration) (float64, error)
}

const (
	peakRound = 20 * time.Millisecond
	// largeCopy is the bytes of the copy that is the peak of memory, beyond the caches of a processor's share of a machine.
	largeCopy = 256 << 20
)

func newPeaks(dev kernels.Device) peaks {
	p := peaks{copies: map[int]float64{}}
	info := dev.Info()
	switch _, elementwise := dev.(kernels.Elementwise); {
	case info.Kind == "cpu":
		p.ceilings, p.known = processor{info}, true
	case elementwise:
		p.ceilings, p.known = &accelerator{dev}, true
	}
	return p
}

// processor is this machine's.
type processor struct{ info kernels.Info }

func (p processor) flopsPerSecond() (float64, error) {
	return peak.FLOPs(p.info.Level, p.info.Threads, peakRound), nil
}

func (p processor) copyPerSecond(bytes int, round time.Duration) (float64, error) {
	return peak.Copy(bytes/2, p.info.Threads, round), nil
}

// accelerator is measured by its own kernels: what it can do at most is more.
type accelerator struct{ dev kernels.Device }

// flopsPerSecond grows a product until it takes long enough to be measured.
func (a *accelerator) flopsPerSecond() (best float64, err error) {
	for n := 256; n <= 8192; n *= 2 {
		p, err := newGemm(a.dev, peers.Gemm{M: n, N: n, K: n})
		if err != nil {
			return 0, err
		}
		median, err := p.median(context.Background(), &runner{Options: Options{Duration: peakRound}})
		p.release()
		if err != nil {
			return 0, err
		}
		t := median.Seconds()
		best = max(best, p.kernel.Cost().FLOPs/t)
		if t > 5e-3 {
			break
		}
	}
	return best, nil
}

func (a *accelerator) copyPerSecond(bytes int, round time.Duration) (_ float64, err error) {
	const cols = 1024
	rows := max(bytes/8/cols, 1)
	var ms [2]kernels.Matrix
	for i := range ms {
		buf, err := a.dev.Alloc(kernels.Float32, rows*cols, "bench")
		if err != nil {
			return 0, err
		}
		defer a.dev.Release(buf)
		ms[i] = kernels.NewMatrix(buf, rows, cols)
	}
	f, err := kernels.Family[kernels.Elementwise](a.dev)
	if err != nil {
		return 0, err
	}
	k, err := f.Copy(kernels.CopyArgs{Src: ms[0], Dst: ms[1]})
	if err != nil {
		return 0, err
	}
	watch, err := timing.New(a.dev)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	t, err := watch.Kernels(context.Background(), round, behind(a.dev), k)
	return 8 * float64(rows*cols) / max(t, time.Nanosecond).Seconds(), err
}

// behind is how often work is queued on a device before it is waited for: a device that computes behind the host must have
// something to do meanwhile.
func behind(dev kernels.Device) int {
	if dev.Info().Kind == "cpu" {
		return 1
	}
	return 16
}

// runs queues work n times and waits for it.
func runs(dev kernels.Device, run func() error, n int) error {
	for range n {
		if err := run(); err != nil {
			return err
		}
	}
	return dev.Synchronize()
}

// ofFLOPs returns which share of the device's peak so many operations a second are, 0 if that is not known.
func (p *peaks) ofFLOPs(perSecond float64) float64 {
	if p.known && p.flops == 0 {
		p.flops, p.err = p.flopsPerSecond()
	}
	if !p.known || p.err != nil {
		return 0
	}
	return perSecond / p.flops
}

// ofMemory returns which share of the speed of a large copy so many bytes a second are, 0 if that is not known.
func (p *peaks) ofMemory(perSecond float64) float64 {
	if p.known && p.largest == 0 {
		p.largest, p.err = p.copyPerSecond(largeCopy, peakRound)
	}
	if !p.known || p.err != nil {
		return 0
	}
	return perSecond / p.largest
}

// limit returns the least seconds for a kernel's work, 0 if that is not known: its operations at the peak of the device,
// or its bytes as fast as a copy that reads and writes as many, which may stay in a cache as the kernel's may.
func (p *peaks) limit(c kernels.Cost) float64 {
	if !p.known {
		return 0
	}
	// Sizes within a quarter of each other share a measurement.
	size := 1 << 12
	for size+size/4 < int(min(c.Bytes, largeCopy)) {
		size += size / 4
	}
	if p.copies[size] == 0 {
		p.copies[size], p.err = p.copyPerSecond(size, peakRound/4)
	}
	if p.err != nil {
		return 0
	}
	return max(p.ofFLOPs(c.FLOPs), c.Bytes/p.copies[size])
}
