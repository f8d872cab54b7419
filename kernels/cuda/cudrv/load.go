//go:build gpu && cgo && linux && (amd64 || arm64)

package cudrv

/*
#cgo CFLAGS: -I${SRCDIR}/../include
// libcuda.a is an empty archive: the linker finds there what cu asks for, and nothing is left to resolve.
#cgo LDFLAGS: -Wl,--as-needed -L${SRCDIR}/lib -ldl
#include <stdlib.h>
#include "load.h"
#include "symbols.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"unsafe"
)

// ErrAbsent is the kind of error of a machine without a driver, or where it was switched off.
var ErrAbsent = errors.New("no CUDA driver")

// Variable is the environment variable that names the driver's library; "none" stands for no driver.
const Variable = "DEBUT_CUDA_DRIVER"

// libraries are tried in turn: what the loader finds, then where drivers lie that the loader does not look in (WSL,
// containers of Kubernetes, NixOS).
var libraries = []string{
	"libcuda.so.1",
	"/usr/lib/wsl/lib/libcuda.so.1",
	"/usr/local/nvidia/lib64/libcuda.so.1",
	"/run/opengl-driver/lib/libcuda.so.1",
}

// state is what the one load found.
var state struct {
	once    sync.Once
	err     error
	file    string
	version int
	missing []string
	needed  []string
}

// Load opens the driver and initializes it, the first time it is called; later calls return what that one did. An
// error wraps [ErrAbsent], or the [Result] of a driver that does not start. It is safe for concurrent use.
func Load() error {
	state.once.Do(load)
	return state.err
}

func load() {
	names := libraries
	if name := os.Getenv(Variable); name == "none" {
		state.err = fmt.Errorf("%w: switched off by %s=none", ErrAbsent, Variable)
		return
	} else if name != "" {
		names = []string{name}
	}
	var first string
	for _, name := range names {
		d, text := open(name)
		switch d.state {
		case C.CUDRV_NOT_FOUND:
			if first == "" {
				first = text
			}
			continue
		case C.CUDRV_NO_DRIVER:
			state.err = fmt.Errorf("%w: %s has no cuInit", ErrAbsent, state.file)
		case C.CUDRV_FAILED:
			state.err = fmt.Errorf("cuInit: %w", Result(d.result))
		default:
			for i := range C.int(C.CUDRV_SYMBOLS) {
				if C.cudrv_symbol_found(i) != 0 {
					continue
				}
				symbol := C.GoString(C.cudrv_symbol_name(i))
				state.missing = append(state.missing, symbol)
				if C.cudrv_symbol_needed(i) != 0 {
					state.needed = append(state.needed, symbol)
				}
			}
		}
		return
	}
	state.err = fmt.Errorf("%w: %s", ErrAbsent, first)
}

// open tries one library. Where it cannot be opened, text is the loader's reason.
func open(name string) (d C.cudrv_driver, text string) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	C.cudrv_load(s, &d)
	state.file, state.version = C.GoString(&d.file[0]), int(d.version)
	return d, C.GoString(&d.text[0])
}

// File returns the driver's library as the loader names it, or "" where none was opened. It calls [Load].
func File() string {
	_ = Load() // What it found is told either way.
	return state.file
}

// Version returns the newest CUDA version that the driver supports, as 1000*major + 10*minor, or 0. It calls [Load].
func Version() int {
	_ = Load() // What it found is told either way.
	return state.version
}

// Missing returns the functions that the driver does not have, of all those that are linked, and which of them are
// needed to use a GPU. It calls [Load].
func Missing() (all, needed []string) {
	_ = Load() // Where it failed there is nothing to list.
	return state.missing, state.needed
}
