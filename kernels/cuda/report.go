// Package cuda finds NVIDIA GPUs. It is built in two ways: with the tag gpu, on Linux, it opens the CUDA driver when it
// is first asked for; without, it has the same functions and says that this build has no CUDA. A program built with
// the tag starts and works on machines that have no driver.
//
// It is the one package that imports gorgonia.org/cu, which is usable only with debut/kernels/cuda/cudrv beside it.
package cuda

import (
	"fmt"
	"strings"

	"debut/kernels"
)

// The oldest compute capability that kernels are built for.
const (
	minMajor = 7
	minMinor = 0
)

// Report is what [Probe] found.
type Report struct {
	// Built says whether this build has CUDA support at all.
	Built  bool   `json:"built"`
	Driver Driver `json:"driver"`
	// Devices are the GPUs that the driver shows, in its order; Index is what people write after "cuda:".
	Devices []GPU `json:"devices"`
	// Reason says why no GPU can be used, and what to do; it is empty when one can.
	Reason string `json:"reason,omitempty"`
}

// Driver is the CUDA driver of the machine.
type Driver struct {
	Found bool `json:"found"`
	// File is the driver's library, as the loader names it.
	File string `json:"file,omitempty"`
	// Version is the newest CUDA version that the driver supports.
	Version Version `json:"version,omitempty"`
	// Missing are functions that the driver lacks, of all those linked. Needed are those without which no GPU is used.
	Missing []string `json:"missing,omitempty"`
	Needed  []string `json:"needed,omitempty"`
}

// Version is a version of CUDA: 1000*major + 10*minor, or 0 where it is not known.
type Version int

// String returns the version as people write it, such as "12.4".
func (v Version) String() string {
	if v <= 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d.%d", int(v)/1000, int(v)%1000/10)
}

// GPU describes one GPU.
type GPU struct {
	Index      int        `json:"index"`
	Name       string     `json:"name"`
	Capability Capability `json:"capability"`
	// MemoryTotal and MemoryFree are in bytes. What is free is asked only of GPUs that are otherwise usable, 0 stands
	// for unknown.
	MemoryTotal uint64 `json:"memory_total"`
	MemoryFree  uint64 `json:"memory_free,omitempty"`
	Usable      bool   `json:"usable"`
	// Reason says why the GPU cannot be used; it is empty when it can.
	Reason string `json:"reason,omitempty"`
}

// Capability is the compute capability of a GPU.
type Capability struct {
	Major int `json:"major"`
	Minor int `json:"minor"`
}

// String returns the capability as people write it, such as "9.0".
func (c Capability) String() string { return fmt.Sprintf("%d.%d", c.Major, c.Minor) }

// supported says whether there are kernels for the capability.
func (c Capability) supported() bool {
	return c.Major > minMajor || c.Major == minMajor && c.Minor >= minMinor
}

// Usable returns the GPUs that can be used, in order.
func (r Report) Usable() []GPU {
	var out []GPU
	for _, d := range r.Devices {
		if d.Usable {
			out = append(out, d)
		}
	}
	return out
}

// Check returns nil if GPU index can be used. Else its error, which wraps [kernels.ErrUnsupported], says why not.
func (r Report) Check(index int) error {
	switch {
	case len(r.Devices) == 0:
		return &unusable{fmt.Sprintf("cuda:%d: %s", index, r.Reason)}
	case index < 0 || index >= len(r.Devices):
		return &unusable{fmt.Sprintf("cuda:%d: there is no such GPU; the last is cuda:%d", index, len(r.Devices)-1)}
	case !r.Devices[index].Usable:
		d := r.Devices[index]
		return &unusable{fmt.Sprintf("cuda:%d: %s cannot be used: %s", index, d.Name, d.Reason)}
	}
	return nil
}

// conclude sets the report's reason from its devices, where nothing else went wrong before.
func (r *Report) conclude() {
	if r.Reason != "" || len(r.Usable()) > 0 {
		return
	}
	if len(r.Devices) == 0 {
		r.Reason = "the driver shows no GPU; look at CUDA_VISIBLE_DEVICES, and whether the container was given one"
		return
	}
	var why []string
	for _, d := range r.Devices {
		why = append(why, fmt.Sprintf("cuda:%d (%s): %s", d.Index, d.Name, d.Reason))
	}
	r.Reason = strings.Join(why, "; ")
}

// unusable is the error of a GPU asked for that cannot be had.
type unusable struct{ text string }

func (e *unusable) Error() string { return e.text }

// Unwrap returns the kind of error.
func (e *unusable) Unwrap() error { return kernels.ErrUnsupported }
