package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/cpu"

	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/cublas"
	"debut/kernels/devices"
	"debut/trainers/runfolder"
	"debut/trainers/supply/lp/kept"
)

// diagnosis is what doctor finds.
type diagnosis struct {
	Versions   runfolder.Versions `json:"versions"`
	Processors int                `json:"processors"`     // that Go may use
	SIMD       []string           `json:"simd_supported"` // what the processor has, not what this build uses
	Auto       *kernels.Info      `json:"auto_device"`    // what --device auto takes; null where that fails
	AutoError  string             `json:"auto_error,omitempty"`
	CUDA       cuda.Report        `json:"cuda"`
	BLAS       cublas.Report      `json:"cublas"`
	Solvers    []kept.Program     `json:"solvers"`   // of linear programs, that optimize can run
	Variables  []string           `json:"variables"` // DEBUT_*, as NAME=value
}

func (a *app) doctor() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Show what the program finds on this machine, what it uses, and why",
		Args:  takes(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			d := diagnose()
			var err error
			if asJSON {
				err = a.console.printJSON(d)
			} else {
				err = a.console.print(d.text())
			}
			if err == nil && d.Auto == nil {
				err = fmt.Errorf("no device can be used: %s", d.AutoError)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func diagnose() diagnosis {
	d := diagnosis{
		Versions: versions(), Processors: runtime.GOMAXPROCS(0), SIMD: simdSupported(), CUDA: cuda.Probe(), BLAS: cublas.Find(), Solvers: kept.All(), Variables: []string{},
	}
	if info, err := autoDevice(); err != nil {
		d.AutoError = err.Error()
	} else {
		d.Auto = &info
	}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "DEBUT_") {
			d.Variables = append(d.Variables, v)
		}
	}
	slices.Sort(d.Variables)
	return d
}

// autoDevice describes the device that --device auto takes.
func autoDevice() (kernels.Info, error) {
	dev, err := devices.Open(devices.Auto, devices.Options{})
	if err != nil {
		return kernels.Info{}, err
	}
	return dev.Info(), dev.Close()
}

// simdSupported lists the instruction sets of the processor that matter to kernels.
func simdSupported() []string {
	out := []string{}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		out = append(out, "avx2")
	}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		out = append(out, "avx512")
	}
	if cpu.ARM64.HasASIMD {
		out = append(out, "neon")
	}
	return out
}

// text is the diagnosis for people.
func (d diagnosis) text() string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("debut", "%s, %s, %s", d.Versions.Debut, d.Versions.Go, d.Versions.Platform)
	if d.Auto != nil {
		line("device", "%s (--device auto): %s", d.Auto.Kind, d.Auto.Reason)
		if d.Auto.Kind == "cpu" {
			line("processor", "%s", d.Auto.Name)
			line("SIMD", "uses %s; the processor has %s", d.Auto.Level, orNone(d.SIMD))
			line("threads", "%d of %d processors", d.Auto.Threads, d.Processors)
		} else {
			line("GPU", "%s, %s", d.Auto.Name, d.Auto.Level)
			line("SIMD", "the processor has %s", orNone(d.SIMD))
		}
		if d.Auto.Memory > 0 {
			line("memory", "%.1f GiB", float64(d.Auto.Memory)/(1<<30))
		}
		if d.Auto.Notes != "" {
			line("note", "%s", d.Auto.Notes)
		}
	} else {
		line("device", "none: %s", d.AutoError)
		line("SIMD", "the processor has %s", orNone(d.SIMD))
	}
	d.gpus(line)
	var solvers []string
	for _, p := range d.Solvers {
		solvers = append(solvers, p.Name+" ("+p.Path+")")
	}
	line("solvers", "%s", orNone(solvers))
	line("environment", "%s", orNone(d.Variables))
	for _, m := range notable {
		if v, ok := d.Versions.Modules[m]; ok {
			line("module", "%s %s", m, v)
		}
	}
	return b.String()
}

// gpus tells of GPUs and of what they need.
func (d diagnosis) gpus(line func(name, format string, args ...any)) {
	if driver := d.CUDA.Driver; driver.Found {
		line("CUDA", "driver for CUDA %v, %s", driver.Version, driver.File)
	}
	for _, g := range d.CUDA.Devices {
		state := "can be used"
		if !g.Usable {
			state = "cannot be used: " + g.Reason
		}
		line(fmt.Sprintf("cuda:%d", g.Index), "%s, compute capability %v, %.1f GiB, %.1f free; %s", g.Name, g.Capability,
			float64(g.MemoryTotal)/(1<<30), float64(g.MemoryFree)/(1<<30), state)
	}
	if len(d.CUDA.Devices) == 0 {
		line("CUDA", "%s", d.CUDA.Reason)
		return
	}
	if d.BLAS.Found {
		line("cuBLAS", "%s, %s", d.BLAS.Version, d.BLAS.File)
	} else {
		line("cuBLAS", "none, own kernels are used: %s", d.BLAS.Reason)
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
