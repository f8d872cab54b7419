// Package memoryguard ends work that outgrows the control groups of its process with an error that says how much memory it takes:
// the system would kill the process without a word.
package memoryguard

/*
#include <stdlib.h>
#include "watch.h"
*/
import "C"

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"debut/kernels/hostmemory"
)

// Error is that the control groups have no memory left for the work.
type Error struct {
	Limit int64  // bytes that the control groups allow
	Need  int64  // bytes that the work takes, about; 0 where nothing is known but that it is more
	What  string // the work, such as "reading sessions.csv"; "" where nobody has said
}

func (e *Error) Error() string {
	what := e.What
	if what == "" {
		what = "this"
	}
	// It has been more than the limit, whatever was expected.
	need := max(e.Need, e.Limit/2*3)
	return fmt.Sprintf("too little memory: %s takes about %d MiB, and the control group of the process allows %d MiB; allow it more", what, mebi(need), mebi(e.Limit))
}

func mebi(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// guard watches the memory of a process.
type guard struct {
	limit   int64
	reserve int64
	bounded bool // Go's memory is, by us
	cancel  context.CancelCauseFunc
	word    func(message string) string

	mu    sync.Mutex
	need  int64
	what  string
	watch *C.struct_watch // nil once it has ended
}

type guardKey struct{}

// Watch returns a context that ends, with an *Error as its cause, shortly before the control groups of the process have no memory
// left. Where that does not help in time, the process ends with exit code 1, and says of the error what word makes of it. Go's memory is
// limited to what the rest of the process leaves, unless GOMEMLIMIT is set. Without control groups that are smaller than the machine nothing is done.
// stop ends the watch.
func Watch(parent context.Context, word func(message string) string) (_ context.Context, stop func()) {
	limit := hostmemory.Limit()
	if limit == 0 {
		return parent, func() {}
	}
	g := &guard{limit: limit, reserve: min(max(limit/6, 24<<20), 256<<20), bounded: os.Getenv("GOMEMLIMIT") == "", word: word}
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, guardKey{}, g))
	g.cancel = cancel
	events, err := g.start()
	if err != nil {
		cancel(nil)
		return parent, func() {} // it is a precaution
	}
	before := debug.SetMemoryLimit(-1)
	if g.bounded {
		debug.SetMemoryLimit(min(before, limit/4*3))
	}
	go g.listen(events)
	return ctx, sync.OnceFunc(func() {
		g.mu.Lock()
		C.watch_stop(g.watch)
		g.watch = nil
		g.mu.Unlock()
		if g.bounded {
			debug.SetMemoryLimit(before)
		}
		cancel(nil)
	})
}

// start begins the watch, whose events come out of the file.
func (g *guard) start() (*os.File, error) {
	var files []*os.File
	var groups []C.struct_watch_group
	defer func() {
		for _, f := range files {
			_ = f.Close() // nothing was written
		}
	}()
	// own has a descriptor of its own for what the watch takes over.
	own := func(path string) (C.int, error) {
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		files = append(files, f)
		fd, err := syscall.Dup(int(f.Fd()))
		if err == nil {
			syscall.CloseOnExec(fd)
		}
		return C.int(fd), err
	}
	for _, of := range hostmemory.ControlGroups() {
		usage, err := own(of.Usage)
		if err != nil {
			return nil, err
		}
		stat, err := own(of.Stat)
		if err != nil {
			return nil, err
		}
		groups = append(groups, C.struct_watch_group{limit: C.longlong(of.Limit), usage: usage, stat: stat})
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	files = append(files, in)
	fd, err := syscall.Dup(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	g.watch = C.watch_start(&groups[0], C.int(len(groups)), C.longlong(g.reserve), C.longlong(g.reserve/2), C.longlong(max(g.reserve/4, 8<<20)), C.int(fd))
	if g.watch == nil {
		return nil, syscall.ENOMEM
	}
	g.tell()
	return out, nil
}

// tell gives the watch its last words. g.mu is held, or nobody else knows of g.
func (g *guard) tell() {
	if g.watch == nil {
		return
	}
	text := C.CString(g.word((&Error{g.limit, g.need, g.what}).Error()) + "\n")
	C.watch_message(g.watch, text)
	C.free(unsafe.Pointer(text))
}

// Expect says that what a context's work does next takes about so many bytes more than are used: for the message, should they not be
// there. More than twice of what is left ends the work at once.
func Expect(ctx context.Context, what string, bytes int64) {
	g, _ := ctx.Value(guardKey{}).(*guard)
	if g == nil {
		return
	}
	left := hostmemory.Available()
	g.mu.Lock()
	defer g.mu.Unlock()
	if need := g.limit - left + bytes; need > g.need {
		g.need, g.what = need, what
		g.tell()
	}
	if bytes > 2*left {
		g.cancel(&Error{g.limit, g.need, g.what})
	}
}

// Watched reports whether the memory of a context's work is watched.
func Watched(ctx context.Context) bool { return ctx.Value(guardKey{}) != nil }

// GiveUp ends the context that Watch has made, with an *Error as its cause: for what has run into a limit of its own, within that of
// the control groups. Without such a context it does nothing.
func GiveUp(ctx context.Context) {
	if g, _ := ctx.Value(guardKey{}).(*guard); g != nil {
		g.cancel(g.err())
	}
}

func (g *guard) err() *Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return &Error{g.limit, g.need, g.what}
}

// collectEvery bounds how often garbage is looked for where memory is short.
const collectEvery = time.Second

// listen does what events of the watch ask for.
func (g *guard) listen(events *os.File) {
	defer func() { _ = events.Close() }() // nothing was written
	var collected time.Time
	for event := make([]byte, 1); ; {
		if n, err := events.Read(event); n == 0 || err != nil {
			return
		}
		switch {
		case event[0] == 'e':
			g.cancel(g.err())
		case time.Since(collected) > collectEvery:
			collected = time.Now()
			if g.bounded {
				g.bound()
			}
			debug.FreeOSMemory()
		}
	}
}

// bound limits Go's memory to what the rest of the process, above all the database, leaves.
func (g *guard) bound() {
	of := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(of)
	own := int64(of[0].Value.Uint64() - of[1].Value.Uint64())
	others := max(0, g.limit-hostmemory.Available()-own)
	debug.SetMemoryLimit(max(g.limit-others-g.reserve, 32<<20))
}
