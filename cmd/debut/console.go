package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"debut/datasets/configfile"
	"debut/datasets/scratch"
	"debut/datasets/wording"
)

// console is where the program talks to.
type console struct {
	out      io.Writer // results
	err      io.Writer // all else
	terminal bool      // err is a terminal: bars and colors
	json     bool      // messages are JSON lines
	quiet    bool
	logs     *redirected
	log      *slog.Logger
}

// logTime is how lines of messages begin where there is no terminal.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// newConsole sets up logging in a format: auto, text or json.
func newConsole(out, err io.Writer, format string, quiet bool) (*console, error) {
	c := &console{out: out, err: err, quiet: quiet, logs: &redirected{to: err}}
	var h slog.Handler
	if f, ok := err.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		c.terminal = term.IsTerminal(int(f.Fd()))
	}
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	switch {
	case format == "json":
		c.terminal, c.json = false, true
		h = slog.NewJSONHandler(jsonWriter{c.logs}, &slog.HandlerOptions{Level: level})
	case format == "auto" && c.terminal:
		// https://no-color.org: set and not empty
		h = rewriter{tint.NewTextHandler(c.logs, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}), wording.VisibleLine}
	case format == "auto": // for people too: what messages quote can be copied as it stands
		h = rewriter{tint.NewTextHandler(c.logs, &tint.Options{Level: level, TimeFormat: logTime, NoColor: true}), wording.VisibleLine}
	case format == "text":
		c.terminal = false
		// It quotes what is not printed, but for the character 0x7f.
		h = slog.NewTextHandler(wording.VisibleWriter(c.logs), &slog.HandlerOptions{Level: level})
	default:
		return nil, usagef("--log-format %s: there are auto, text and json", format)
	}
	c.log = slog.New(rewriter{h, configfile.Mask})
	return c, nil
}

// errUnread is matched where nobody reads the result to its end, as in "debut … | head".
var errUnread = errors.New("nobody reads it")

// sweep removes what commands that were killed have left among the temporary files.
func (c *console) sweep() {
	swept, err := scratch.Sweep("")
	for _, path := range swept {
		c.log.Info("removed what a command that was killed had left", "path", path)
	}
	if err != nil {
		c.log.Warn("what a command that was killed had left could not be removed", "error", err)
	}
}

// print writes a result. Whatever in it comes from data, models and files cannot change a terminal.
func (c *console) print(text string) error {
	if _, err := c.write([]byte(wording.Visible(text))); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func (c *console) write(text []byte) (int, error) {
	n, err := c.out.Write(text)
	if errors.Is(err, syscall.EPIPE) {
		err = errors.Join(errUnread, err)
	}
	return n, err
}

// resultWriter writes a result as it comes: byte for byte, but to a terminal, which it cannot change.
type resultWriter struct{ *console }

// Write implements io.Writer.
func (w resultWriter) Write(text []byte) (int, error) {
	if f, ok := w.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		_, err := w.write([]byte(wording.Visible(string(text))))
		return len(text), err
	}
	return w.write(text)
}

// printJSON writes a result as one indented JSON document.
func (c *console) printJSON(v any) error {
	text, err := encodeJSON(v, "  ")
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return c.print(text)
}

// encodeJSON returns v as JSON and a newline, on one line where indent is empty.
func encodeJSON(v any, indent string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	err := e.Encode(v)
	return visibleJSON(b.String()), err
}

// redirected is a writer whose target can change while it is in use: messages go above a progress bar while there
// is one.
type redirected struct {
	mu sync.Mutex
	to io.Writer
}

// Write writes to the present target.
func (r *redirected) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to.Write(p)
}

// redirect changes the target.
func (r *redirected) redirect(to io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}
