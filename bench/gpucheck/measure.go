package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/bench/peers"
	"debut/bench/timing"
	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/devices"
	"debut/kernels/kerneltest"
)

// measurements are what a process of its own measures, by name.
var measurements = map[string]func(ctx context.Context, m *meter, args []string) error{
	"opening":  measureOpening,
	"ceilings": measureCeilings,
	"products": measureProducts,
	"losses":   measureLosses,
	"bits":     measureBits,
	"step":     measureStep,
	"kernels":  measureKernels,
	"tables":   measureTables,
	"peer":     measurePeer,
	"torch":    measurePeerTables,
	"warm":     warmPeers,
	"steps":    runSteps,
	"exercise": exercise,
}

// measure does one measurement in this process. What is not installed is an error that wraps peers.ErrAbsent.
func measure(ctx context.Context, out io.Writer, small bool, d time.Duration, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("gpucheck: measure what? There are %s", strings.Join(slices.Sorted(maps.Keys(measurements)), ", "))
	}
	f, ok := measurements[args[0]]
	if !ok {
		return fmt.Errorf("gpucheck: there is no measurement %q", args[0])
	}
	m := &meter{out: json.NewEncoder(out), small: small, seconds: d}
	if err := f(ctx, m, args[1:]); err != nil {
		return fmt.Errorf("gpucheck: %s: %w", strings.Join(args, " "), err)
	}
	return m.err
}

// arguments reads a measurement's arguments into strings and whole numbers.
func arguments(args []string, into ...any) error {
	if len(args) != len(into) {
		return fmt.Errorf("%d arguments, it takes %d", len(args), len(into))
	}
	for i, a := range args {
		switch v := into[i].(type) {
		case *string:
			*v = a
		case *int:
			n, err := strconv.Atoi(a)
			if err != nil || n < 1 {
				return fmt.Errorf("%q is no positive number", a)
			}
			*v = n
		}
	}
	return nil
}

// open opens the first GPU, or for the precision "cpu" the processor.
func open(precision string) (kernels.Device, error) {
	if precision == "cpu" {
		return devices.Open("cpu", devices.Options{})
	}
	return devices.Open("cuda", devices.Options{Precision: precision})
}

// with measures with a device open, and a stopwatch for it.
func with(precision string, f func(dev kernels.Device, watch *timing.Stopwatch) error) (err error) {
	dev, err := open(precision)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	watch, err := timing.New(dev)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.Close()) }()
	return f(dev, watch)
}

// tensorCores is the major compute capability from which on GPUs have tensor cores for TF32 and BF16: without cuBLAS, what they are bought for
// lies idle.
const tensorCores = 8

// driverLacks begins the list of functions that the driver has not.
const driverLacks = "the driver lacks "

// measureOpening tells what the machine is and how long a program waits for its first result. In the first process that opens the
// device the driver compiles the kernels; later ones find them in its cache.
func measureOpening(ctx context.Context, m *meter, args []string) error {
	if err := arguments(args); err != nil {
		return err
	}
	start := time.Now()
	report := cuda.Probe()
	m.report("", "seconds_to_probe", time.Since(start).Seconds())
	m.note("", "driver %s for CUDA %v", report.Driver.File, report.Driver.Version)
	for _, g := range report.Devices {
		m.note("", "cuda:%d: %s, compute capability %v, %d MiB, %d of them free; %s", g.Index, g.Name, g.Capability, g.MemoryTotal>>20, g.MemoryFree>>20,
			map[bool]string{true: "usable", false: "not usable: " + g.Reason}[g.Usable])
	}
	if len(report.Driver.Missing) > 0 {
		m.note("", driverLacks+"%s", strings.Join(report.Driver.Missing, ", "))
	}
	usable := report.Usable()
	if len(usable) == 0 {
		return errors.New(report.Reason)
	}
	for _, metric := range []string{"seconds_to_open", "seconds_to_open_again"} {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		dev, err := open("")
		if err != nil {
			return err
		}
		m.report("", metric, time.Since(start).Seconds())
		if metric == "seconds_to_open" {
			start := time.Now()
			err := tinyKernel(dev, func(k kernels.Kernel) error { return errors.Join(k.Run(), dev.Synchronize()) })
			if err != nil {
				return errors.Join(err, dev.Close())
			}
			m.report("", "seconds_to_first_kernel", time.Since(start).Seconds())
			start = time.Now()
			info := dev.Info() // looks for cuBLAS
			m.report("", "seconds_to_cublas", time.Since(start).Seconds())
			m.note("", "level %s; %s", info.Level, info.Notes)
			if lib := libraryFile(); lib != "" {
				m.note("", "cuBLAS is %s", lib)
			}
			if usable[0].Capability.Major >= tensorCores && !strings.Contains(info.Level, "cublas") && os.Getenv("DEBUT_CUBLAS") != "none" {
				m.fail(fmt.Errorf("THERE IS NO cuBLAS on a GPU with tensor cores: all products are by own kernels, in fp32 (%s)", info.Notes))
			}
		}
		if err := dev.Close(); err != nil {
			return err
		}
	}
	return nil
}

// libraryFile returns the file of the cuBLASLt that this process has loaded, or "".
func libraryFile() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(maps)) {
		if i := strings.IndexByte(line, '/'); i >= 0 && strings.Contains(line[i:], "cublasLt") {
			return strings.TrimSpace(line[i:])
		}
	}
	return ""
}

// tinyKernel calls f with a kernel that does next to nothing.
func tinyKernel(dev kernels.Device, f func(kernels.Kernel) error) error {
	family, err := kernels.Family[kernels.Elementwise](dev)
	if err != nil {
		return err
	}
	buf, err := dev.Alloc(kernels.Float32, 1, "check")
	if err != nil {
		return err
	}
	defer dev.Release(buf)
	k, err := family.Fill(kernels.FillArgs{X: kernels.NewMatrix(buf, 1, 1), Value: 1})
	if err != nil {
		return err
	}
	return f(k)
}

// graphNodes is how many kernels the graphs have that single kernels are timed by.
const graphNodes = 50

// measureCeilings measures what bounds everything else.
func measureCeilings(ctx context.Context, m *meter, args []string) error {
	if err := arguments(args); err != nil {
		return err
	}
	return with("", func(dev kernels.Device, watch *timing.Stopwatch) error {
		if t, ok := dev.(interface {
			Transfers(bytes, rounds int) (cuda.Transfers, error)
		}); ok {
			size, rounds := 1<<30, 9
			if m.small {
				size, rounds = 1<<20, 3
			}
			speeds, err := t.Transfers(size, rounds)
			if err != nil {
				return err
			}
			m.report("copy on the device", "gbyte_per_second", speeds.DeviceToDevice/1e9)
			m.report("copy to the device, pinned", "gbyte_per_second", speeds.HostToDevice/1e9)
			m.report("copy to the host, pinned", "gbyte_per_second", speeds.DeviceToHost/1e9)
		}
		return tinyKernel(dev, func(k kernels.Kernel) error {
			t, err := watch.Kernels(ctx, m.seconds/8, graphNodes, k)
			if err != nil {
				return err
			}
			m.report(fmt.Sprintf("a node of a graph of %d", graphNodes), "microseconds", micro(t))
			// Few enough that the driver's queue never is full.
			const few = 200
			start := time.Now()
			for range few {
				if err := k.Run(); err != nil {
					return err
				}
			}
			host := time.Since(start) / few
			if err := dev.Synchronize(); err != nil {
				return err
			}
			m.report("a launch, on the host", "microseconds", micro(host))
			start = time.Now()
			for range few {
				if err := errors.Join(k.Run(), dev.Synchronize()); err != nil {
					return err
				}
			}
			m.report("a launch and waiting for it", "microseconds", micro(time.Since(start)/few))
			return nil
		})
	})
}

func micro(t time.Duration) float64 { return float64(t) / 1e3 }

// exercise runs every kernel on one device, for tools that watch it.
func exercise(ctx context.Context, m *meter, args []string) error {
	if err := arguments(args); err != nil {
		return err
	}
	return with("", func(dev kernels.Device, _ *timing.Stopwatch) error {
		forms := map[string]int{}
		last := ""
		err := kerneltest.Exercise(dev, func(form string) error {
			family, _, _ := strings.Cut(form, ":")
			forms[family]++
			last = form
			return ctx.Err()
		})
		for _, family := range slices.Sorted(maps.Keys(forms)) {
			m.report(family, "forms", float64(forms[family]))
		}
		if err != nil {
			return fmt.Errorf("at %s: %w", last, err)
		}
		return nil
	})
}

// missing is a command that says what is not installed.
func missing(what string) []string {
	return []string{"sh", "-c", "echo " + strconv.Quote(what) + " >&2; exit " + strconv.Itoa(exitAbsent)}
}

// tool returns the path of a program of CUDA's, or "".
func tool(name string) string {
	for _, path := range []string{name, "/usr/local/cuda/bin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	return ""
}

// isAbsent says whether an error is that something is not installed.
func isAbsent(err error) bool { return errors.Is(err, peers.ErrAbsent) }
