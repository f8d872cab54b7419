// Command debut trains and applies the models of a product launch.
//
// Each subcommand has a file of its own, which declares flags, calls the packages below and prints. Results go to
// standard output, everything else to standard error. Exit codes: 0 success, 1 failure, 2 wrong usage, 3 a metric worse than
// --fail-under, 129, 130 and 143 ended by SIGHUP, Ctrl-C and SIGTERM, 134 a crash, 141 nobody read the result to its end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"debut/datasets/configfile"
	"debut/datasets/memoryguard"
	"debut/datasets/wording"
	"debut/trainers/run"
)

// version is stamped by the Makefile.
var version = "unknown"

// The exit codes beside 0. A signal's is 128 and its number.
const (
	exitFailure = 1
	exitUsage   = 2
	exitGate    = 3 // a metric is worse than --fail-under
	exitSignal  = 128
)

func main() {
	if err := setUp(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, newApp(os.Stdout, os.Stderr).worded(os.Args[1:], err.Error(), exitFailure)) // there is nowhere else to say that this failed
		os.Exit(exitFailure)
	}
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs a command line and returns the exit code.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := withSignals(context.Background())
	defer stop()
	a := newApp(stdout, stderr)
	ctx, unwatched := memoryguard.Watch(ctx, func(message string) string { return a.worded(args, message, exitFailure) })
	defer unwatched()
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	code, message := exitFailure, err.Error()
	var sig *interruption
	var usage *usageError
	var gate *gateError
	var memory *memoryguard.Error
	switch {
	case errors.As(context.Cause(ctx), &memory):
		message = memory.Error()
	case errors.As(context.Cause(ctx), &sig) &&
		(errors.Is(err, run.ErrInterrupted) || errors.Is(err, context.Canceled)):
		code = exitSignal + int(sig.signal)
		if plainlyInterrupted(err) {
			message = sig.Error()
		} else { // something else went wrong on the way out
			message = sig.Error() + ": " + message
		}
	case errors.Is(err, errUnread):
		return exitSignal + int(syscall.SIGPIPE) // as programs do that say nothing of it
	case errors.As(err, &gate):
		code = exitGate
	case errors.As(err, &usage):
		code = exitUsage
		message += fmt.Sprintf("\nrun %q for help", cmd.CommandPath()+" --help")
	default:
		message = shortOfFiles(err, message)
	}
	_, _ = fmt.Fprintln(stderr, a.worded(args, message, code)) // there is nowhere else to say that this failed
	return code
}

// worded is the last line of the program: why it ends.
func (a *app) worded(args []string, message string, code int) string {
	message = configfile.Mask(message)
	if !a.jsonMessages(args) {
		return "debut: " + wording.Visible(message)
	}
	var line strings.Builder
	slog.New(slog.NewJSONHandler(jsonWriter{&line}, nil)).Error(message, "code", code)
	return strings.TrimSuffix(line.String(), "\n")
}

// jsonMessages says whether messages are JSON lines. The arguments tell where the command line was not understood.
func (a *app) jsonMessages(args []string) bool {
	if a.console != nil {
		return a.console.json
	}
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case arg == "--json", arg == "--json=true", arg == "--log-format=json",
			arg == "--log-format" && i+1 < len(args) && args[i+1] == "json":
			return true
		}
	}
	return false
}

// plainlyInterrupted says that an error tells of nothing but the end of its context.
func plainlyInterrupted(err error) bool {
	text := err.Error()
	return text == run.ErrInterrupted.Error() || text == context.Canceled.Error()
}

// interruption is why a context was canceled: a signal.
type interruption struct{ signal syscall.Signal }

// Error names what ended the program.
func (i *interruption) Error() string {
	switch i.signal {
	case syscall.SIGINT:
		return "interrupted"
	case syscall.SIGHUP:
		return "ended by SIGHUP"
	}
	return "ended by SIGTERM"
}

// withSignals returns a context that the first SIGINT, SIGTERM or SIGHUP cancels, with an *interruption as its cause. After
// it the signals do again what they do by default, so that a second one ends the program at once. A signal that whoever
// started the program had it ignore, as nohup does with SIGHUP, stays ignored.
func withSignals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	// Otherwise the first message that nobody reads, as in 2>&1 | head, would end the program there and then. It is an error of
	// writing, with which each writer does what is right.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal) // the only kind on systems with signals
			cancel(&interruption{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		cancel(nil)
	}
}
