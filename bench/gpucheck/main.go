// Command gpucheck tests and measures a GPU host that has neither Go nor a network, in less than ten minutes, and brings home whatever
// it has come to when it is ended: run.sh says how to call it, "make gpu-check-build" what it is carried with.
//
// Every measurement is a process of its own with a limit of its own, so that one that breaks, hangs or loses the GPU costs nothing but
// itself. Its numbers are appended to results.jsonl as soon as they are known. A deadline for all shortens what comes late: parts
// stand in the order of their value. At the end a table is written, and all logs go into one archive.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"debut/kernels/cuda/emulator"
)

// settings are what flags say.
type settings struct {
	out, version string
	seconds      float64
	limit        time.Duration
	small        bool
}

func main() {
	var s settings
	flag.StringVar(&s.out, "out", "results", "folder for results.jsonl, table.md and logs.tar.gz")
	flag.Float64Var(&s.seconds, "seconds", 1.5, "how long each case is measured")
	flag.DurationVar(&s.limit, "limit", 530*time.Second, "how long all may take")
	flag.BoolVar(&s.small, "small", os.Getenv("GPU_CHECK_EMULATED") == "1", "small cases, where the GPU is emulated")
	flag.StringVar(&s.version, "version", "unknown", "version of the program, for the record")
	flag.Usage = func() {
		_, _ = fmt.Fprintf(flag.CommandLine.Output(), "gpucheck [flags] [%s]\n", strings.Join(subcommands(), "|"))
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := untilSignal()
	defer stop()
	os.Exit(run(ctx, s, flag.Args()))
}

// untilSignal returns a context that ends when the program is told to: by Ctrl-C, or by timeout and whoever else ends a command.
func untilSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}

// run returns the exit code.
func run(ctx context.Context, s settings, args []string) int {
	if len(args) > 0 && args[0] == "measure" {
		err := measure(ctx, os.Stdout, s.small, time.Duration(s.seconds*float64(time.Second)), args[1:])
		switch {
		case err == nil:
			return 0
		case isAbsent(err):
			fmt.Fprintln(os.Stderr, err)
			return exitAbsent
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	name := "all"
	if len(args) > 0 {
		name = args[0]
	}
	if len(args) > 1 {
		fmt.Fprintf(os.Stderr, "gpucheck: one of %s is wanted\n", strings.Join(subcommands(), ", "))
		return 2
	}
	good, err := s.check(ctx, name)
	switch {
	case err != nil && ctx.Err() == nil:
		fmt.Fprintln(os.Stderr, err)
		return 1
	case ctx.Err() != nil:
		return 143
	case !good:
		return 1
	}
	return 0
}

// check does a subcommand, and says whether nothing failed.
func (s settings) check(ctx context.Context, name string) (good bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("gpucheck: %w", err)
	}
	work, err := os.MkdirTemp("", "debut-gpucheck-")
	if err != nil {
		return false, fmt.Errorf("gpucheck: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	p := &plan{self: self, root: filepath.Dir(self), small: s.small}
	p.flags = []string{"-seconds", fmt.Sprint(s.seconds)}
	if s.small {
		p.flags = append(p.flags, "-small")
		if err := emulate(); err != nil {
			return false, err
		}
	}
	sections, err := p.sections(name)
	if err != nil {
		return false, err
	}
	for variable, value := range map[string]string{
		"DEBUT_TEST_GPU": "1", "CUDA_CACHE_PATH": filepath.Join(work, "driver"),
		"TORCHINDUCTOR_CACHE_DIR": filepath.Join(work, "inductor"), "TORCHINDUCTOR_FX_GRAPH_CACHE": "1", "PYTHONUNBUFFERED": "1",
	} {
		if err := os.Setenv(variable, value); err != nil {
			return false, fmt.Errorf("gpucheck: %w", err)
		}
	}
	if err := os.Mkdir(filepath.Join(work, "driver"), 0o700); err != nil {
		return false, fmt.Errorf("gpucheck: %w", err)
	}
	return s.record(ctx, name, filepath.Join(work, "logs"), sections)
}

// emulate has everything use the emulated driver and cuBLAS, unless others are named already.
func emulate() error {
	if os.Getenv("DEBUT_CUDA_DRIVER") != "" {
		return nil
	}
	lib, err := emulator.Build()
	if err != nil {
		return fmt.Errorf("gpucheck: %w; or DEBUT_CUDA_DRIVER may name a driver", err)
	}
	return errors.Join(os.Setenv("DEBUT_CUDA_DRIVER", lib.Driver), os.Setenv("DEBUT_CUBLAS", lib.BLAS))
}

// record goes through sections and leaves the results.
func (s settings) record(ctx context.Context, name, logs string, sections []section) (good bool, err error) {
	for _, folder := range []string{s.out, logs} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return false, fmt.Errorf("gpucheck: %w", err)
		}
	}
	records, err := newRecorder(filepath.Join(s.out, "results.jsonl"))
	if err != nil {
		return false, err
	}
	c := &check{records: records, logs: logs, deadline: time.Now().Add(s.limit), least: 2 * time.Second, progress: os.Stderr}
	what := map[bool]string{true: "on an EMULATED GPU: no time or speed here means anything", false: "on a GPU"}[s.small]
	records.note("check", "%s, version %s, %s", name, s.version, what)
	start := time.Now()
	runErr := c.run(ctx, sections)
	records.note("check", "it took %.0f s", time.Since(start).Seconds())
	list := records.all()
	good = runErr == nil
	for _, r := range list {
		good = good && !r.Status.bad()
	}
	var table strings.Builder
	writeTable(&table, list)
	err = errors.Join(runErr, records.close(), os.WriteFile(filepath.Join(s.out, "table.md"), []byte(table.String()), 0o644),
		archive(filepath.Join(s.out, "logs.tar.gz"), logs))
	// Last: who reads the end of the output reads this.
	_, e := io.WriteString(os.Stdout, table.String())
	return good, errors.Join(err, e)
}
