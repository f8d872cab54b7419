package run

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"strings"

	"debut/datasets/bytesize"
	"debut/kernels"
)

// PurposeBest is the copy of the best state in host memory. One that is too large for it is on the disk, and takes none.
const PurposeBest = "copy of the best state"

// Memory estimates what a training will take before any of it is taken.
type Memory struct {
	Device kernels.Device
	Log    *slog.Logger
	Batch  int // rows
	// Estimate returns the bytes that a training with batches of so many rows takes, by purpose.
	Estimate func(batch int) (map[string]int64, error)
	// Remedies say what to make smaller, by purpose.
	Remedies map[string]string
}

// Check returns an error, which matches kernels.ErrOutOfMemory, where the training takes more than is free: it says by what,
// and what to do.
func (m Memory) Check() error {
	estimate := func(batch int) (map[string]int64, error) {
		need, err := m.Estimate(batch)
		if need[PurposeBest] > mostCopied {
			delete(need, PurposeBest)
		}
		return need, err
	}
	need, err := estimate(m.Batch)
	if err != nil {
		return err
	}
	free := int64(0)
	if d, ok := m.Device.(interface{ Available() int64 }); ok {
		free = d.Available()
	}
	m.Log.Info("memory", "device", m.Device.Info().Name, "estimate", bytesize.Text(total(need)), "largest", memoryText(need, 3), "free", bytesize.Text(free))
	if fits(need, free) {
		return nil
	}
	// The smallest batch that does not fit, by bisection, and so the largest that does.
	largest := sort.Search(m.Batch, func(b int) bool {
		need, e := estimate(b + 1)
		if e != nil {
			err = e
		}
		return !fits(need, free)
	})
	if err != nil {
		return err
	}
	return m.tooLarge(need, free, largest)
}

// CheckMemory is Memory.Check for a task without a device, on the pool's memory: it returns an error, which matches
// kernels.ErrOutOfMemory, where a training takes more bytes than are free, and says what, by purpose, and what to try.
func (e *Env) CheckMemory(need map[string]int64, remedy string) error {
	free := int64(0)
	if e.free != nil {
		free = e.free()
	}
	e.Log.Info("memory", "estimate", bytesize.Text(total(need)), "largest", memoryText(need, 3), "free", bytesize.Text(free))
	return checkMemory(need, free, remedy)
}

// CheckDevice is CheckMemory for what lies in the memory of the run's device.
func (e *Env) CheckDevice(need map[string]int64, remedy string) error {
	dev, err := e.Device()
	if err != nil {
		return err
	}
	free := int64(0)
	if d, ok := dev.(interface{ Available() int64 }); ok {
		free = d.Available()
	}
	e.Log.Info("memory", "device", dev.Info().Name, "estimate", bytesize.Text(total(need)), "largest", memoryText(need, 3), "free", bytesize.Text(free))
	if err := checkMemory(need, free, remedy); err != nil {
		return fmt.Errorf("%s: %w", dev.Info().Name, err)
	}
	return nil
}

func checkMemory(need map[string]int64, free int64, remedy string) error {
	if fits(need, free) {
		return nil
	}
	return fmt.Errorf("training takes about %s (%s), and %s are free; try %s: %w",
		bytesize.Text(total(need)), memoryText(need, len(need)), bytesize.Text(free), remedy, kernels.ErrOutOfMemory)
}

func total(need map[string]int64) int64 {
	sum := int64(0)
	for _, n := range need {
		sum += n
	}
	return sum
}

// fits says whether there is enough memory; 0 free is unknown.
func fits(need map[string]int64, free int64) bool { return free <= 0 || total(need) <= free }

// tooLarge returns the error of a training that needs more than is free. The largest batch that would fit is 0 where none would.
func (m Memory) tooLarge(need map[string]int64, free int64, batch int) error {
	largest := sortedPurposes(need)[0]
	if byParameters := need["parameters"] + need["optimizer state"] + need[PurposeBest]; 2*byParameters > total(need) && need["parameters"] > free/4 {
		largest = "parameters" // what else there is grows with them
	}
	batches := "no train.batch is small enough"
	if batch == 0 {
		largest = "parameters"
	} else {
		batches = fmt.Sprintf("the largest train.batch that fits is about %d", batch)
	}
	return fmt.Errorf("training takes about %s (%s), and %s are free; %s; try %s: %w",
		bytesize.Text(total(need)), memoryText(need, len(need)), bytesize.Text(free), batches, m.Remedies[largest], kernels.ErrOutOfMemory)
}

// sortedPurposes lists the purposes, those of most bytes first.
func sortedPurposes(need map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(need), func(a, b string) int { return cmp.Or(cmp.Compare(need[b], need[a]), cmp.Compare(a, b)) })
}

func memoryText(need map[string]int64, most int) string {
	var parts []string
	for _, p := range sortedPurposes(need)[:min(most, len(need))] {
		parts = append(parts, p+" "+bytesize.Text(need[p]))
	}
	return strings.Join(parts, ", ")
}
