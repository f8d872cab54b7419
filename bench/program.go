package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Program is an earlier debut as a baseline. It takes turns with this one on the same machine at the same time.
type Program struct {
	Path   string
	Device string // as --device of both has it
}

// OpenBaseline opens what a path names: an executable file is a program, any other a results file.
func OpenBaseline(path, device string) (Baseline, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Baseline{}, fmt.Errorf("bench: open the baseline: %w", err)
	}
	if info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
		if path, err = filepath.Abs(path); err != nil {
			return Baseline{}, fmt.Errorf("bench: open the baseline: %w", err)
		}
		return Baseline{Program: &Program{Path: path, Device: device}}, nil
	}
	r, err := ReadResults(path)
	return Baseline{Results: r}, err
}

// programMeter measures rounds of a program with the settings of our own.
type programMeter struct {
	*Program
	own *ownMeter
}

func (p *Program) meter(own *ownMeter) meter { return &programMeter{p, own} }

func (p *programMeter) round(ctx context.Context, cases []string) (_ *Results, err error) {
	folder, err := os.MkdirTemp("", "debut-bench-")
	if err != nil {
		return nil, err
	}
	defer removeAll(folder, &err)
	file := filepath.Join(folder, "results.json")
	// One round takes the part of the seconds that it takes of all rounds.
	args := []string{
		"bench", p.own.suite.Name, "--output", file, "--rounds", "1", "--seconds", strconv.FormatFloat((p.own.Duration * Rounds).Seconds(), 'g', -1, 64),
		"--threads", strconv.Itoa(p.own.machine.Threads), "--device", p.Device, "--precision", p.own.machine.Precision,
		"--log-format", "text", "--quiet",
	}
	for _, name := range cases {
		args = append(args, "--case", name)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Path, args...)
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		if canceled := ctx.Err(); canceled != nil {
			return nil, canceled
		}
		message := strings.TrimSpace(stderr.String())
		if message == "" || errors.Is(err, exec.ErrNotFound) {
			message = err.Error()
		}
		return nil, fmt.Errorf("bench: the baseline %s: %s; it must be a debut that has bench --output and --rounds", p.Path, message)
	}
	r, err := ReadResults(file)
	if err != nil {
		return nil, err
	}
	mine := &Results{Suite: p.own.suite.Name, Machine: p.own.machine}
	if _, err := r.comparableWith(mine, false); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, err)
	}
	return r, nil
}
