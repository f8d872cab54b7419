// Package peers runs the work of a benchmark in other people's programs, beside ours: PyTorch and scikit-learn as Debian
// packages them, and OpenBLAS.
//
// A peer is a process that answers requests, so that it and we can take turns on a machine whose speed wavers. What it
// computes with comes from us by files: the same numbers, so that results can be compared and not only times. Its source
// is part of this binary; its libraries are found on the machine or [ErrAbsent] says which package has them.
package peers

import (
	"bufio"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"debut/kernels"
)

//go:embed source
var sources embed.FS

// ErrAbsent says that a peer is not installed; the error that wraps it says what is missing and which package has it.
var ErrAbsent = errors.New("the peer is not installed")

// libraries are the environment variables that decide how a peer's libraries work.
type libraries struct {
	// core is OPENBLAS_CORETYPE, "" to leave the choice to OpenBLAS: it does not know processors younger than itself,
	// and may take kernels of 2004 for them.
	core     string
	openBLAS int // OPENBLAS_NUM_THREADS
	openMP   int // OMP_NUM_THREADS
}

func (l libraries) environment() []string {
	env := []string{fmt.Sprintf("OPENBLAS_NUM_THREADS=%d", l.openBLAS), fmt.Sprintf("OMP_NUM_THREADS=%d", l.openMP)}
	if l.core != "" {
		env = append(env, "OPENBLAS_CORETYPE="+l.core)
	}
	return env
}

// cores lists the families of kernels of OpenBLAS worth trying: its own choice, AVX2, AVX-512. One that the processor
// cannot run ends the peer, which is no harm.
func cores() []string { return []string{"", "Haswell", "SkylakeX"} }

// Peer is a peer that runs. It is used by one goroutine at a time.
type Peer struct {
	version  string
	settings string
	ctx      context.Context
	cmd      *exec.Cmd
	requests io.WriteCloser
	answers  *bufio.Reader
	messages *tail
}

// answer is a line of a peer.
type answer struct {
	Version string  `json:"version"`
	Runs    float64 `json:"runs"`
	Seconds float64 `json:"seconds"`
	Loss    float64 `json:"loss"`
	Error   string  `json:"error"`
	// Values are what else was measured, by name.
	Values map[string]float64 `json:"values"`
	Absent string             `json:"absent"` // what the peer needs and has not found
}

// start starts a peer and waits until it says its version.
func start(ctx context.Context, lib libraries, name string, args ...string) (*Peer, error) {
	p := &Peer{ctx: ctx, cmd: exec.CommandContext(ctx, name, args...), messages: &tail{}}
	p.settings = strings.Join(lib.environment(), " ")
	p.cmd.Env = append(os.Environ(), lib.environment()...)
	p.cmd.Stderr = p.messages
	// What a killed peer leaves behind must not keep us waiting for its output to end.
	p.cmd.WaitDelay = 5 * time.Second
	var err error
	if p.requests, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	p.answers = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	a, err := p.read()
	if err != nil {
		p.Close()
		return nil, err
	}
	p.version = a.Version
	return p, nil
}

// ask sends a request and returns the answer.
func (p *Peer) ask(format string, args ...any) (answer, error) {
	if err := p.resume(); err != nil {
		return answer{}, p.failed(err)
	}
	if _, err := fmt.Fprintf(p.requests, format+"\n", args...); err != nil {
		return answer{}, p.failed(err)
	}
	return p.read()
}

func (p *Peer) read() (a answer, err error) {
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		return a, p.failed(err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("peers: %s answers %q: %w", filepath.Base(p.cmd.Path), line, err)
	}
	if a.Absent != "" {
		return a, fmt.Errorf("peers: %s: %w", a.Absent, ErrAbsent)
	}
	if a.Error != "" {
		return a, fmt.Errorf("peers: %s: %s", filepath.Base(p.cmd.Path), a.Error)
	}
	return a, nil
}

// failed explains why a peer does not talk any more, and ends it.
func (p *Peer) failed(err error) error {
	p.end(2 * time.Second) // it is about to end of itself, and its exit code says why
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	return fmt.Errorf("peers: %s ended (%v): %w; its last words: %s", filepath.Base(p.cmd.Path), p.cmd.ProcessState, err, p.messages)
}

// Version names the peer and its version.
func (p *Peer) Version() string { return p.version }

// Settings tells how the peer is set up.
func (p *Peer) Settings() string { return p.settings }

// Run repeats the peer's work for at least d, and at least once, and returns how often a second.
func (p *Peer) Run(d time.Duration) (float64, error) {
	a, err := p.ask("run %.6f", d.Seconds())
	if err != nil {
		return 0, err
	}
	if err := p.pause(); err != nil {
		return 0, fmt.Errorf("peers: %s: %w", filepath.Base(p.cmd.Path), err)
	}
	if !(a.Runs > 0 && a.Seconds > 0) {
		return 0, fmt.Errorf("peers: %s says that it made %v runs in %v s", filepath.Base(p.cmd.Path), a.Runs, a.Seconds)
	}
	return a.Runs / a.Seconds, nil
}

// Close ends the peer. It may be called twice.
func (p *Peer) Close() { p.end(0) }

// end waits that long for the peer to end, and then no longer.
func (p *Peer) end(grace time.Duration) {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.resume() // where it has ended already there is nothing to resume
	// It holds nothing worth saving, and how it ends is of no interest but to failed, which asks ProcessState.
	_ = p.requests.Close()
	kill := time.AfterFunc(grace, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	kill.Stop()
}

// mixes lists the numbers of threads worth trying where up to n are to be used: one or all, for each library.
func mixes(core string, n int) []libraries {
	if n <= 1 {
		return []libraries{{core, 1, 1}}
	}
	return []libraries{{core, 1, 1}, {core, 1, n}, {core, n, 1}, {core, n, n}}
}

// best starts a peer with every family of kernels, with the best of them in every mix of settings up to n threads, and
// within each with the requests that change what a process can change itself, as long as they promise something: the first process looks at all of
// them for a moment, and those that come nowhere near its best are tried no more. It returns the peer, started anew, at its best, with that request.
func best(ctx context.Context, n int, trial time.Duration, inner []request, start func(libraries) (*Peer, error)) (*Peer, request, error) {
	var (
		most   float64
		chosen request
		at     libraries
	)
	screened := len(inner) == 1
	try := func(l libraries) error {
		p, err := start(l)
		if err != nil {
			return err
		}
		defer p.Close()
		if !screened {
			if inner, err = p.screen(inner, trial/4); err != nil {
				return err
			}
			screened = true
		}
		for _, r := range inner {
			speed, err := p.try(r, trial)
			if err != nil {
				return err
			}
			if speed > most {
				most, at, chosen = speed, l, r
			}
		}
		return nil
	}
	all := max(n, 1)
	for _, core := range cores() {
		if err := try(libraries{core, all, all}); err != nil && (core == "" || ctx.Err() != nil) {
			return nil, request{}, err
		}
	}
	for _, l := range mixes(at.core, n) {
		if l.openBLAS == all && l.openMP == all {
			continue // tried above
		}
		if err := try(l); err != nil {
			return nil, request{}, err
		}
	}
	p, err := start(at)
	if err != nil {
		return nil, request{}, err
	}
	if err := p.set(chosen); err != nil {
		p.Close()
		return nil, request{}, err
	}
	return p, chosen, nil
}

// promising is the share of the best speed, at a look, from which on a request is tried in earnest: threads and libraries change which of two
// is better, not by a factor of two.
const promising = 0.5

// screen looks at each request for so long and returns those that promise something, in their order.
func (p *Peer) screen(all []request, look time.Duration) (kept []request, err error) {
	speeds := make([]float64, len(all))
	for i, r := range all {
		if speeds[i], err = p.try(r, look); err != nil {
			return nil, err
		}
	}
	for i, r := range all {
		if speeds[i] >= promising*slices.Max(speeds) {
			kept = append(kept, r)
		}
	}
	return kept, nil
}

// request is what changes a running peer, and how to say so; the empty one changes nothing.
type request struct{ text, meaning string }

func (p *Peer) set(r request) error {
	if r.text == "" {
		return nil
	}
	if _, err := p.ask("%s", r.text); err != nil {
		return err
	}
	p.settings += " " + r.meaning
	return nil
}

func (p *Peer) try(r request, trial time.Duration) (float64, error) {
	if r.text != "" {
		if _, err := p.ask("%s", r.text); err != nil {
			return 0, err
		}
	}
	if _, err := p.Run(trial / 4); err != nil { // warm up
		return 0, err
	}
	return p.Run(trial)
}

// unpack writes a source to a folder and returns its path.
func unpack(folder, name string) (string, error) {
	text, err := sources.ReadFile("source/" + name)
	if err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	return path, nil
}

// writeFloats writes numbers as they lie in memory.
func writeFloats(folder, name string, v []float32) (string, error) {
	path := filepath.Join(folder, name+".f32")
	return path, writeRaw(path, v)
}

// writeRaw writes a slice as it lies in memory.
func writeRaw[T kernels.Element](path string, v []T) error {
	if err := os.WriteFile(path, kernels.Bytes(v), 0o600); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	return nil
}

// readRaw reads a file of so many numbers.
func readRaw[T kernels.Element](path string, n int) ([]T, error) {
	v := make([]T, n)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	if want := len(kernels.Bytes(v)); len(b) != want {
		return nil, fmt.Errorf("peers: %s has %d bytes, want the %d of %d numbers", path, len(b), want, n)
	}
	copy(kernels.Bytes(v), b)
	return v, nil
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

const tailBytes = 2000

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.text = append(t.text, b...)
	if n := len(t.text); n > tailBytes {
		t.text = append(t.text[:0], t.text[n-tailBytes:]...)
	}
	return len(b), nil
}

// String returns the text, or says that there is none.
func (t *tail) String() string {
	if len(t.text) == 0 {
		return "none"
	}
	return strings.TrimSpace(string(t.text))
}
