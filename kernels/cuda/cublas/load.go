//go:build gpu && cgo && linux && (amd64 || arm64)

package cublas

/*
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "library.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"unsafe"

	"debut/kernels/cuda/cudrv"
)

// ErrAbsent is the kind of error of a machine without the library, or where it was switched off.
var ErrAbsent = errors.New("no cuBLAS")

// Library is cuBLASLt. It stays open for as long as the program runs.
type Library struct {
	c       *C.cublas_library // C keeps a pointer to it
	file    string
	version string
}

// File returns the library's file, as the loader names it.
func (l *Library) File() string { return l.file }

// Version returns the library's version, such as "12.4.5".
func (l *Library) Version() string { return l.version }

var once = sync.OnceValues(search)

// Open finds and opens the library, the first time it is called; later calls return what that one did. The error wraps
// [ErrAbsent]. It is safe for concurrent use.
//
// The newest version that suits the driver is taken, from the first place that has one: what the environment variable [Variable] names
// and nothing else; or the loader's path, CUDA_HOME, CUDA_PATH, CUDA's and the distribution's usual folders, and the Python
// environments of VIRTUAL_ENV, CONDA_PREFIX, the interpreters in PATH and ~/.local.
func Open() (*Library, error) { return once() }

// Find says where the library is. It opens it: see [Open].
func Find() Report {
	l, err := Open()
	if err != nil {
		return Report{Reason: strings.TrimPrefix(err.Error(), ErrAbsent.Error()+": ")}
	}
	return Report{Found: true, File: l.file, Version: l.version}
}

func search() (*Library, error) {
	value := os.Getenv(Variable)
	var files []string
	switch value {
	case "none":
		return nil, fmt.Errorf("%w: switched off by %s=none", ErrAbsent, Variable)
	case "":
		files = candidates(sonames(usable(cudrv.Version())))
	default:
		var err error
		if files, err = named(value); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAbsent, Variable, err)
		}
	}
	// What the loader does not find says nothing; a file that is there and cannot be used does.
	var broken []string
	for _, file := range files {
		l, why := open(file)
		if l != nil {
			return l, nil
		}
		if strings.Contains(file, "/") || !strings.Contains(why, "No such file or directory") {
			broken = append(broken, why)
		}
	}
	if len(broken) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrAbsent, strings.Join(broken, "; "))
	}
	return nil, fmt.Errorf("%w: %s is not in the loader's path, an installation of CUDA, or a Python environment in sight; "+
		"%s may name it", ErrAbsent, strings.Join(sonames(usable(cudrv.Version())), " or "), Variable)
}

// open tries one library. Where it cannot be used, why says so.
func open(name string) (l *Library, why string) {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	c := (*C.cublas_library)(C.calloc(1, C.size_t(unsafe.Sizeof(C.cublas_library{}))))
	var text [1024]C.char
	if C.cublas_open(s, c, &text[0], C.size_t(len(text))) != 0 {
		C.free(unsafe.Pointer(c))
		return nil, C.GoString(&text[0])
	}
	return &Library{c: c, file: C.GoString(&c.file[0]), version: version(uint64(C.cublas_version(c)))}, ""
}

// version spells the library's number: 120405 is 12.4.5.
func version(n uint64) string { return fmt.Sprintf("%d.%d.%d", n/10000, n/100%100, n%100) }
