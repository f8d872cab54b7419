//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// leastOpenFiles is how many files a process must be allowed to have open at a time. DuckDB ends the process where it cannot open one at some
// places, so that too few must be known beforehand.
const leastOpenFiles = 64

// setUp makes of the process what all commands rely on.
func setUp() error {
	// A crash, in Go or in native code, ends with SIGABRT rather than with exit code 2, which is that of wrong usage. It leaves no image of
	// the memory, where keys and decrypted rows are, unless whoever started the program asked for one.
	if os.Getenv("GOTRACEBACK") == "" {
		debug.SetTraceback("crash")
		var core syscall.Rlimit
		if syscall.Getrlimit(syscall.RLIMIT_CORE, &core) == nil {
			core.Cur = 0
			_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &core) // lowering what is allowed is always allowed
		}
	}
	// The Go runtime has raised this to the hard limit.
	if limit, err := openFiles(); err == nil && limit < leastOpenFiles {
		return fmt.Errorf("this process may have only %d files open at a time, and debut takes at least %d: %s", limit, leastOpenFiles, moreOpenFiles)
	}
	return nil
}

const moreOpenFiles = `raise the limit where the program is started ("ulimit -n 1024", LimitNOFILE= of systemd, --ulimit nofile=1024 of docker)`

func openFiles() (uint64, error) {
	var files syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	return uint64(files.Cur), err //nolint:unconvert // it is signed on some systems
}

// shortOfFiles adds to the message of an error that tells of too many open files how many may be, and what to do.
func shortOfFiles(err error, message string) string {
	if !errors.Is(err, syscall.EMFILE) && !strings.Contains(message, "Too many open files") { // DuckDB's are texts
		return message
	}
	limit, failed := openFiles()
	if failed != nil {
		return message
	}
	return fmt.Sprintf("%s; this process may have only %d files open at a time: %s, or compute with fewer threads", message, limit, moreOpenFiles)
}
