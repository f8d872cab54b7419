package bench

import (
	"time"

	"debut/bench/peak"
	"debut/kernels"
)

// peaks measures what a device can do at most, when it is first asked for and once in a run.
type peaks struct {
	known          bool // the device is this machine's processor
	level          string
	threads        int
	flops, largest float64
	copies         map[int]float64
}

const (
	peakRound = 20 * time.Millisecond
	// largeCopy is the bytes of the copy that is the peak of memory, beyond the caches of a processor's share of a machine.
	largeCopy = 256 << 20
)

func newPeaks(info kernels.Info) peaks {
	return peaks{known: info.Kind == "cpu", level: info.Level, threads: info.Threads, copies: map[int]float64{}}
}

// ofFLOPs returns which share of the processor's peak so many operations a second are, 0 if that is not known.
func (p *peaks) ofFLOPs(perSecond float64) float64 {
	if !p.known {
		return 0
	}
	if p.flops == 0 {
		p.flops = peak.FLOPs(p.level, p.threads, peakRound)
	}
	return perSecond / p.flops
}

// ofMemory returns which share of the speed of a large copy so many bytes a second are, 0 if that is not known.
func (p *peaks) ofMemory(perSecond float64) float64 {
	if !p.known {
		return 0
	}
	if p.largest == 0 {
		p.largest = peak.Copy(largeCopy/2, p.threads, peakRound)
	}
	return perSecond / p.largest
}

// limit returns the least seconds for a kernel's work, 0 if that is not known: its operations at the peak of the processor,
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
		p.copies[size] = peak.Copy(size/2, p.threads, peakRound/4)
	}
	return max(p.ofFLOPs(c.FLOPs), c.Bytes/p.copies[size])
}
