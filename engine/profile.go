package engine

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"debut/kernels"
)

// Profile adds up where the time of steps goes, by kernel. The zero value is ready to use.
type Profile struct {
	byName map[string]*ProfileEntry
	steps  int
}

// ProfileEntry is the total of the kernels of one name.
type ProfileEntry struct {
	Name  string        `json:"name"`
	Runs  int           `json:"runs"`
	Time  time.Duration `json:"nanoseconds"`
	FLOPs float64       `json:"flops"`
	Bytes float64       `json:"bytes"`
}

// Add counts time that is spent outside kernels, such as preparing batches.
func (pr *Profile) Add(name string, d time.Duration, c kernels.Cost) {
	if pr.byName == nil {
		pr.byName = map[string]*ProfileEntry{}
	}
	e := pr.byName[name]
	if e == nil {
		e = &ProfileEntry{Name: name}
		pr.byName[name] = e
	}
	e.Runs++
	e.Time += d
	e.FLOPs += c.FLOPs
	e.Bytes += c.Bytes
}

// EndStep counts a step.
func (pr *Profile) EndStep() { pr.steps++ }

func (pr *Profile) run(dev kernels.Device, ks []kernels.Kernel) error {
	for _, k := range ks {
		start := time.Now()
		if err := k.Run(); err != nil {
			return err
		}
		if err := dev.Synchronize(); err != nil {
			return err
		}
		pr.Add(k.Name(), time.Since(start), k.Cost())
	}
	return nil
}

// Entries returns the totals, the largest time first.
func (pr *Profile) Entries() []ProfileEntry {
	out := make([]ProfileEntry, 0, len(pr.byName))
	for _, e := range pr.byName {
		out = append(out, *e)
	}
	slices.SortFunc(out, func(a, b ProfileEntry) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Write prints the totals as a table.
func (pr *Profile) Write(w io.Writer) error {
	var b strings.Builder
	entries := pr.Entries()
	var total time.Duration
	for _, e := range entries {
		total += e.Time
	}
	fmt.Fprintf(&b, "%d steps, %.3f ms each\n", pr.steps, total.Seconds()*1e3/float64(max(pr.steps, 1)))
	fmt.Fprintf(&b, "%-44s %7s %12s %6s %10s %8s\n", "kernel", "runs", "µs a step", "share", "GFLOP/s", "GB/s")
	for _, e := range entries {
		s := e.Time.Seconds()
		rate := func(x float64) string {
			if x == 0 || s == 0 {
				return "–"
			}
			return fmt.Sprintf("%.2f", x/s/1e9)
		}
		fmt.Fprintf(&b, "%-44s %7d %12.1f %5.1f%% %10s %8s\n", e.Name, e.Runs, s*1e6/float64(max(pr.steps, 1)), 100*s/total.Seconds(), rate(e.FLOPs), rate(e.Bytes))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
