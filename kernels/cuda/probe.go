//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"gorgonia.org/cu"

	"debut/kernels/cuda/cudrv"
)

// Built says whether this build can use GPUs.
const Built = true

// prohibited is the compute mode of a GPU whose administrator lets nobody compute on it.
const prohibited = 2

// Probe opens the CUDA driver, unless that was done before, and says what GPUs the machine has and which can be used.
// It asks those that can for their free memory, which makes a context on each for a moment: that takes a fraction of
// a second, and shows that the GPU works.
func Probe() Report {
	r := Look()
	for i := range r.Devices {
		d := &r.Devices[i]
		if !d.Usable {
			continue
		}
		if free, err := freeMemory(d.Index); err != nil {
			d.Usable, d.Reason = false, err.Error()
		} else {
			d.MemoryFree = uint64(free)
		}
	}
	r.conclude()
	return r
}

// Look is Probe without asking GPUs for anything that takes a context on them.
func Look() Report {
	r := Report{Built: true, Devices: []GPU{}}
	err := cudrv.Load()
	r.Driver.File, r.Driver.Version = cudrv.File(), Version(cudrv.Version())
	r.Driver.Found = r.Driver.File != "" && !errors.Is(err, cudrv.ErrAbsent)
	if err != nil {
		r.Reason = whyNoDriver(err)
		return r
	}
	r.Driver.Missing, r.Driver.Needed = cudrv.Missing()

	count, err := cu.NumDevices()
	if err != nil {
		r.Reason = fmt.Sprintf("counting GPUs: %s", reason(err))
		return r
	}
	for i := range count {
		r.Devices = append(r.Devices, inspect(i, r.Driver))
	}
	r.conclude()
	return r
}

// whyNoDriver says in words why the driver could not be loaded.
func whyNoDriver(err error) string {
	if errors.Is(err, cudrv.ErrAbsent) {
		return err.Error() + "; install NVIDIA's driver, give the container a GPU, or compute on the CPU"
	}
	return "the CUDA driver does not start: " + err.Error()
}

// inspect describes one GPU.
func inspect(index int, driver Driver) GPU {
	d := GPU{Index: index}
	dev, err := cu.GetDevice(index)
	if err != nil {
		d.Reason = fmt.Sprintf("asking for it: %s", reason(err))
		return d
	}
	if err := d.describe(dev); err != nil {
		d.Reason = err.Error()
		return d
	}
	switch mode, err := dev.Attribute(cu.ComputeMode); {
	case !d.Capability.supported():
		d.Reason = d.Capability.tooOld()
	case len(driver.Needed) > 0:
		d.Reason = fmt.Sprintf("the driver (for CUDA %v) is too old, it lacks %s; install a newer one",
			driver.Version, strings.Join(driver.Needed, ", "))
	case err != nil:
		d.Reason = fmt.Sprintf("asking for its compute mode: %s", reason(err))
	case mode == prohibited:
		d.Reason = "its compute mode is prohibited; change it with nvidia-smi -c DEFAULT"
	default:
		d.Usable = true
	}
	return d
}

// tooOld is the reason of a GPU that is not supported.
func (c Capability) tooOld() string {
	return fmt.Sprintf("its compute capability %v is below %d.%d, the oldest supported",
		c, minMajor, minMinor)
}

// describe asks for what needs no context.
func (d *GPU) describe(dev cu.Device) error {
	var err error
	if d.Name, err = dev.Name(); err != nil {
		return fmt.Errorf("asking for its name: %s", reason(err))
	}
	if d.Capability.Major, d.Capability.Minor, err = dev.ComputeCapability(); err != nil {
		return fmt.Errorf("asking for its compute capability: %s", reason(err))
	}
	total, err := dev.TotalMem()
	if err != nil {
		return fmt.Errorf("asking for its memory: %s", reason(err))
	}
	d.MemoryTotal = uint64(total)
	return nil
}

// freeMemory asks for the free memory of a GPU, in its primary context, which is current for as long as that takes.
func freeMemory(index int) (free int64, err error) {
	dev, err := cu.GetDevice(index)
	if err != nil {
		return 0, fmt.Errorf("asking for it: %s", reason(err))
	}
	// Contexts are current on threads.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, err := dev.RetainPrimaryCtx()
	if err != nil {
		return 0, fmt.Errorf("no context can be made on it: %s", reason(err))
	}
	defer func() {
		if e := dev.ReleasePrimaryCtx(); e != nil && err == nil {
			err = fmt.Errorf("releasing its context: %s", reason(e))
		}
	}()
	if err := cu.PushCurrentCtx(ctx); err != nil {
		return 0, fmt.Errorf("its context cannot be entered: %s", reason(err))
	}
	free, _, err = cu.MemInfo()
	if err != nil {
		err = fmt.Errorf("asking for its free memory: %s", reason(err))
	}
	if _, e := cu.PopCurrentCtx(); e != nil && err == nil {
		err = fmt.Errorf("its context cannot be left: %s", reason(e))
	}
	return free, err
}

// reason returns the driver's own name of an error of cu, and what to do about it where that is known.
func reason(err error) string {
	if r, ok := cudrv.ResultOf(err); ok {
		return r.Error()
	}
	return err.Error()
}
