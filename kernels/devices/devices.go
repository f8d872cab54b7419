// Package devices opens a compute device by the name that people write in run files and on the command line: "auto",
// "cpu", "cuda" or "cuda:1". It is the one place that knows which kinds of device there are.
package devices

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"debut/kernels"
	"debut/kernels/cpu"
	"debut/kernels/cuda"
)

// Auto is the name that leaves the choice to the program: what [Variable] names, or the first GPU that can be used, else the CPU.
const Auto = "auto"

// Variable is the environment variable that names the device that "auto" stands for, if it is set.
const Variable = "DEBUT_DEVICE"

// Names returns the names that [Open] understands, for help texts and messages.
func Names() []string { return []string{Auto, "cpu", "cuda", "cuda:N"} }

// Options say how a device computes.
type Options struct {
	Threads   int    // worker threads of a CPU, 0 for one for each processor; GPUs have none
	Precision string // of a GPU's matrix products, one of [Precisions]; a CPU computes in fp32
}

// Precisions returns the names of precisions, the default first.
func Precisions() []string { return cuda.Precisions() }

// Open starts the device of a name; the empty one means "auto". The caller closes the device; its Info().Reason says why it
// was taken.
//
// A GPU that is asked for and cannot be used is an error that wraps [kernels.ErrUnsupported] and says why.
func Open(name string, opt Options) (kernels.Device, error) {
	precision, err := cuda.ParsePrecision(opt.Precision)
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	kind, index, err := parse(name)
	if err != nil {
		return nil, err
	}
	why := "asked for"
	if v := os.Getenv(Variable); kind == Auto && v != "" {
		if kind, index, err = parse(v); err != nil {
			return nil, fmt.Errorf("devices: %s: %w", Variable, err)
		}
		why += " by " + Variable
	}
	switch kind {
	case "cuda":
		return openGPU(index, precision, why)
	case Auto:
		dev, reason := autoGPU(precision)
		if dev != nil {
			return dev, nil
		}
		why = reason
	}
	dev, err := cpu.New(cpu.Options{Threads: opt.Threads})
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	if level := dev.Info().Reason; level != "" {
		why += "; level: " + level
	}
	return &chosen{dev, why}, nil
}

// openGPU opens the GPU that was asked for; without a number, the first that can be used.
func openGPU(index int, precision cuda.Precision, why string) (kernels.Device, error) {
	var dev kernels.Device
	var err error
	if index < 0 {
		if dev, err = firstGPU(precision, why); dev == nil && err == nil {
			index = 0 // there is none, and that is what the error says
		}
	}
	if index >= 0 {
		dev, err = cuda.New(cuda.Options{Index: index, Precision: precision, Reason: why})
	}
	if err != nil {
		return nil, fmt.Errorf("devices: %w; use a GPU that can be used (see debut doctor), or --device cpu or auto", err)
	}
	return dev, nil
}

// autoGPU opens the first GPU that can be used, or says why there is none.
func autoGPU(precision cuda.Precision) (dev kernels.Device, reason string) {
	dev, err := firstGPU(precision, "the first GPU that can be used")
	if dev != nil {
		return dev, ""
	}
	if err != nil {
		return nil, "no GPU: " + err.Error()
	}
	return nil, "no GPU: " + cuda.Look().Reason
}

// firstGPU opens the first GPU that can be opened, of those that look as if they could. Without any it returns nil and no error.
func firstGPU(precision cuda.Precision, why string) (dev kernels.Device, err error) {
	for _, g := range cuda.Look().Usable() {
		if dev, err = cuda.New(cuda.Options{Index: g.Index, Precision: precision, Reason: why}); err == nil {
			return dev, nil
		}
	}
	return nil, err
}

// chosen is a CPU device, with all its families, that knows why it was taken.
type chosen struct {
	*cpu.Device
	reason string
}

// Info describes the device.
func (c *chosen) Info() kernels.Info {
	info := c.Device.Info()
	info.Reason = c.reason
	return info
}

// Check returns the error of [Open] for a name that is malformed, without starting anything. It accepts the names of
// devices that this build or machine lacks.
func Check(name string) error {
	_, _, err := parse(name)
	return err
}

// parse returns the kind of device that a name asks for, and the number of a GPU or -1.
func parse(name string) (kind string, index int, err error) {
	kind, number, numbered := strings.Cut(name, ":")
	switch {
	case name == "":
		return Auto, -1, nil
	case (kind == Auto || kind == "cpu" || kind == "cuda") && !numbered:
		return kind, -1, nil
	case kind == "cuda":
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return "", 0, fmt.Errorf("devices: %q: %q is not the number of a GPU; they count from cuda:0", name, number)
		}
		return kind, int(n), nil
	}
	return "", 0, fmt.Errorf("devices: there is no device %q; there are %s", name, strings.Join(Names(), ", "))
}
