package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// part is one thing to do, in a process of its own: what breaks it breaks nothing else.
type part struct {
	name    string
	limit   time.Duration
	command []string
	folder  string   // that it runs in
	env     []string // more of an environment
	text    bool     // its output is for people, and goes to its log; else it is records
	// then looks at a part that has ended, and returns what to do next.
	then func(c *check, p part, log string, s Status) []part
}

// section is a list of parts.
type section struct {
	name string
	// reserve is time that earlier sections leave to this one.
	reserve time.Duration
	parts   []part
	jobs    int  // parts at a time; where times are measured, one
	quiet   bool // what runs in the background is stopped meanwhile
	// background is begun with the section and ended when a section begins that says so.
	background     *part
	endsBackground bool
	then           func(c *check) // looks at what the section has measured
}

// exitAbsent is the code of a measurement whose subject is not installed.
const exitAbsent = 4

// check is a run of parts.
type check struct {
	records  *recorder
	logs     string // a folder
	deadline time.Time
	least    time.Duration // under which no part is begun
	progress io.Writer

	mu         sync.Mutex
	background *running
}

// run goes through sections. It returns the context's error if that ends it; how parts end is in the records.
func (c *check) run(ctx context.Context, sections []section) error {
	defer c.endBackground()
	for i, s := range sections {
		var later time.Duration
		for _, l := range sections[i+1:] {
			later += l.reserve
		}
		if s.endsBackground {
			c.endBackground()
		}
		if s.background != nil && ctx.Err() == nil {
			c.startBackground(ctx, *s.background)
		}
		c.pauseBackground(s.quiet)
		c.section(ctx, s, c.deadline.Add(-later))
		if s.then != nil {
			s.then(c)
		}
	}
	return ctx.Err()
}

// section does parts until they end or time is up.
func (c *check) section(ctx context.Context, s section, until time.Time) {
	type queue struct {
		sync.Mutex
		parts []part
		busy  int
	}
	q := queue{parts: s.parts}
	changed := sync.NewCond(&q)
	var all sync.WaitGroup
	for range max(s.jobs, 1) {
		all.Add(1)
		go func() {
			defer all.Done()
			q.Lock()
			defer q.Unlock()
			for {
				for len(q.parts) == 0 && q.busy > 0 {
					changed.Wait()
				}
				if len(q.parts) == 0 {
					return
				}
				p := q.parts[0]
				q.parts = q.parts[1:]
				q.busy++
				q.Unlock()
				more := c.part(ctx, p, until)
				q.Lock()
				q.parts = append(q.parts, more...)
				q.busy--
				changed.Broadcast()
			}
		}()
	}
	all.Wait()
}

// part does one part, and returns what to do next.
func (c *check) part(ctx context.Context, p part, until time.Time) []part {
	limit := min(p.limit, time.Until(until))
	switch {
	case ctx.Err() != nil:
		c.end(p, interrupted, 0, "it was not begun")
		return nil
	case limit < min(c.least, p.limit):
		c.end(p, skipped, 0, "there was no time left for it")
		return nil
	}
	start := time.Now()
	r, err := c.start(p)
	if err != nil {
		c.end(p, failed, 0, err.Error())
		return nil
	}
	status, why := r.wait(ctx, limit)
	c.end(p, status, time.Since(start), why)
	if p.then == nil {
		return nil
	}
	return p.then(c, p, r.log, status)
}

// tell writes to whom watches; that nobody can is no reason to end a check.
func (c *check) tell(format string, args ...any) { _, _ = fmt.Fprintf(c.progress, format, args...) }

// end records how a part ended.
func (c *check) end(p part, s Status, took time.Duration, why string) {
	c.records.add(Record{Part: p.name, Status: s, Seconds: took.Round(time.Millisecond).Seconds(), Text: why})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell("%-11s %s, %.1f s", s, p.name, took.Seconds())
	if s != passed && why != "" {
		c.tell(": %s", ending(why, 200))
	}
	c.tell("\n")
}

// running is a part at work.
type running struct {
	p     part
	cmd   *exec.Cmd
	log   string        // its file
	ended chan struct{} // closed when the part has ended, as err says
	err   error
	done  atomic.Bool // it is being ended, since its work is needed by now
}

// start begins a part. Its process leads a group, so that what it starts ends with it.
func (c *check) start(p part) (*running, error) {
	log := filepath.Join(c.logs, strings.Map(func(r rune) rune {
		if strings.ContainsRune("/ :", r) {
			return '_'
		}
		return r
	}, p.name)+".log")
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env = p.folder, append(os.Environ(), p.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = file
	cmd.WaitDelay = 2 * time.Second // for what still holds its output
	lines := &lineWriter{line: func(line []byte) { c.line(p, file, line) }}
	if cmd.Stdout = io.Writer(lines); p.text {
		cmd.Stdout = file
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r := &running{p: p, cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		err := cmd.Wait()
		lines.flush()
		_ = file.Close() // a log that cannot be written says nothing of the part
		r.err = err
		close(r.ended)
	}()
	return r, nil
}

// line takes a line of a part's output: a record, or something that belongs in its log.
func (c *check) line(p part, log io.Writer, line []byte) {
	var x Record
	if err := json.Unmarshal(line, &x); err != nil || x.Value == nil && x.Text == "" {
		_, _ = fmt.Fprintf(log, "%s\n", line)
		return
	}
	x.Part, x.Status = p.name, ""
	c.records.add(x)
}

// signal sends a signal to the part and what it has started.
func (r *running) signal(s syscall.Signal) { _ = syscall.Kill(-r.cmd.Process.Pid, s) }

// wait waits for a part to end and has it end when its time is up. It returns how it ended and why.
func (r *running) wait(ctx context.Context, limit time.Duration) (Status, string) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var status Status
	var why string
	var err error
	select {
	case <-r.ended:
		err = r.err
		// What it has started and left behind would disturb what comes next.
		r.signal(syscall.SIGKILL)
		switch exit := (*exec.ExitError)(nil); {
		case err == nil:
			return passed, ""
		case errors.As(err, &exit) && exit.ExitCode() == exitAbsent:
			return absent, lastWords(r.log)
		case errors.As(err, &exit) && exit.ExitCode() < 0:
			return killed, fmt.Sprintf("%v; %s", exit, lastWords(r.log))
		}
		return failed, fmt.Sprintf("%v; %s", err, lastWords(r.log))
	case <-ctx.Done():
		status, why = interrupted, "it was told to end"
	case <-timer.C:
		status, why = late, fmt.Sprintf("it took longer than %v", limit.Round(100*time.Millisecond))
		// Programs in Go say where they are.
		r.signal(syscall.SIGQUIT)
		select {
		case <-r.ended:
			r.signal(syscall.SIGKILL)
			return status, why
		case <-time.After(time.Second):
		}
	}
	r.signal(syscall.SIGKILL)
	<-r.ended
	return status, why
}

// startBackground begins a part beside others, until endBackground.
func (c *check) startBackground(ctx context.Context, p part) {
	r, err := c.start(p)
	if err != nil {
		c.end(p, failed, 0, err.Error())
		return
	}
	start := time.Now()
	r2 := &running{p: p, cmd: r.cmd, log: r.log, ended: make(chan struct{})}
	c.background = r2
	go func() {
		status, why := r.wait(ctx, p.limit)
		if status == killed && r2.done.Load() {
			status, why = passed, "it was ended: what it makes ready is needed by now"
		}
		c.end(p, status, time.Since(start), why)
		close(r2.ended)
	}()
}

// pauseBackground stops what runs in the background, or lets it go on.
func (c *check) pauseBackground(stop bool) {
	switch {
	case c.background == nil:
	case stop:
		c.background.signal(syscall.SIGSTOP)
	default:
		c.background.signal(syscall.SIGCONT)
	}
}

func (c *check) endBackground() {
	if c.background == nil {
		return
	}
	c.background.done.Store(true)
	c.background.signal(syscall.SIGKILL)
	<-c.background.ended
	c.background = nil
}

// lineWriter calls a function with each line that is written to it.
type lineWriter struct {
	line    func([]byte)
	partial []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(b []byte) (int, error) {
	w.partial = append(w.partial, b...)
	for {
		i := strings.IndexByte(string(w.partial), '\n')
		if i < 0 {
			return len(b), nil
		}
		w.line(w.partial[:i])
		w.partial = w.partial[i+1:]
	}
}

// flush takes what is left as a line.
func (w *lineWriter) flush() {
	if len(w.partial) > 0 {
		w.line(w.partial)
		w.partial = nil
	}
}

// lastWords returns the end of a log, in a line.
func lastWords(log string) string {
	f, err := os.Open(log)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }() // it was only read
	var last []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if text := strings.TrimSpace(lines.Text()); text != "" {
			if last = append(last, text); len(last) > 3 {
				last = last[1:]
			}
		}
	}
	return ending(strings.Join(last, " / "), 400)
}

// ending cuts a text to its end, where programs say why they fail.
func ending(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + strings.ToValidUTF8(s[len(s)-n:], "")
}

// beginning cuts a text to its beginning.
func beginning(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
