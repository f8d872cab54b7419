// Package devices opens a compute device by the name that people write in run files and on the command line: "auto",
// "cpu", "cuda" or "cuda:1". It is the one place that knows which kinds of device a build holds.
package devices

import (
	"fmt"
	"strconv"
	"strings"

	"debut/kernels"
	"debut/kernels/cpu"
)

// Auto is the name that leaves the choice to the program.
const Auto = "auto"

// noCUDA is why "auto" never takes a GPU in this build.
const noCUDA = "no CUDA in this build"

// Names returns the names that [Open] understands, for help texts and messages.
func Names() []string { return []string{Auto, "cpu", "cuda", "cuda:N"} }

// Open starts the device of a name. threads is the number of worker threads of a CPU device, 0 for one for each
// processor. The empty name means "auto". The caller closes the device; its Info().Reason says why it was taken.
//
// A kind that this build does not hold is an error that wraps [kernels.ErrUnsupported].
func Open(name string, threads int) (kernels.Device, error) {
	switch kind, err := parse(name); {
	case err != nil:
		return nil, err
	case kind == "cuda":
		return nil, &withoutCUDA{name}
	default:
		dev, err := cpu.New(cpu.Options{Threads: threads})
		if err != nil {
			return nil, fmt.Errorf("devices: %w", err)
		}
		return &chosen{dev, reason(kind, dev.Info().Reason)}, nil
	}
}

// withoutCUDA is the error of a GPU asked for in a build that has none.
type withoutCUDA struct{ name string }

func (e *withoutCUDA) Error() string {
	return fmt.Sprintf("devices: %s: this program was built without CUDA; use --device cpu, or device: cpu in the run file", e.name)
}

// Unwrap returns the kind of error.
func (e *withoutCUDA) Unwrap() error { return kernels.ErrUnsupported }

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
	_, err := parse(name)
	return err
}

// List describes every device that can be opened here, the one that "auto" takes first.
func List() ([]kernels.Info, error) {
	dev, err := Open(Auto, 0)
	if err != nil {
		return nil, err
	}
	info := dev.Info()
	if err := dev.Close(); err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	return []kernels.Info{info}, nil
}

// CUDA says whether this build can use NVIDIA GPUs, in words.
func CUDA() string { return noCUDA }

// reason joins why the kind was chosen with why its instruction level was.
func reason(kind, level string) string {
	why := "asked for"
	if kind == Auto {
		why = noCUDA
	}
	if level == "" {
		return why
	}
	return why + "; level: " + level
}

// parse returns the kind of device that a name asks for.
func parse(name string) (kind string, err error) {
	kind, number, numbered := strings.Cut(name, ":")
	switch {
	case name == "":
		return Auto, nil
	case (kind == Auto || kind == "cpu") && !numbered, kind == "cuda" && !numbered:
		return kind, nil
	case kind == "cuda":
		if _, err := strconv.ParseUint(number, 10, 16); err != nil {
			return "", fmt.Errorf("devices: %q: %q is not the number of a GPU; they count from cuda:0", name, number)
		}
		return kind, nil
	}
	return "", fmt.Errorf("devices: there is no device %q; there are %s", name, strings.Join(Names(), ", "))
}
