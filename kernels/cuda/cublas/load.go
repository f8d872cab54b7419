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
	"slices"
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

// found is what has been found so far: each library is opened once.
var found struct {
	sync.Mutex
	searched  bool
	files     []string // still to be tried
	err       error    // why there are none
	libraries []*Library
	broken    []string // why others cannot be used
}

// Open finds and opens the library, the first time it is called; later calls return what that one did. The error wraps
// [ErrAbsent]. It is safe for concurrent use.
//
// The newest version that suits the driver is taken, from the first place that has one: what the environment variable [Variable] names
// and nothing else; or the loader's path, CUDA_HOME, CUDA_PATH, CUDA's and the distribution's usual folders, and the Python
// environments of VIRTUAL_ENV, CONDA_PREFIX, the interpreters in PATH and ~/.local.
func Open() (*Library, error) { return First(func(*Library) error { return nil }) }

// First returns the first library, in the order of [Open], that a function accepts. A library may open and still not serve a GPU: the
// newest does not know the oldest GPUs. Where none serves, the error wraps [ErrAbsent] and says what was wrong with each.
func First(accept func(*Library) error) (*Library, error) {
	found.Lock()
	defer found.Unlock()
	if !found.searched {
		found.searched = true
		found.files, found.err = search()
	}
	if found.err != nil {
		return nil, found.err
	}
	var why []string
	for i := 0; i < len(found.libraries) || more(); i++ {
		l := found.libraries[i]
		err := accept(l)
		if err == nil {
			return l, nil
		}
		why = append(why, err.Error())
	}
	if why = append(why, found.broken...); len(why) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrAbsent, strings.Join(why, "; "))
	}
	return nil, fmt.Errorf("%w: %s is not in the loader's path, an installation of CUDA, or a Python environment in sight; "+
		"%s may name it", ErrAbsent, strings.Join(sonames(usable(cudrv.Version())), " or "), Variable)
}

// more opens another library, and returns false where there is none.
func more() bool {
	for len(found.files) > 0 {
		file := found.files[0]
		found.files = found.files[1:]
		l, why := open(file)
		switch {
		case l == nil:
			// What the loader does not find says nothing; a file that is there and cannot be used does.
			if strings.Contains(file, "/") || !strings.Contains(why, "No such file or directory") {
				found.broken = append(found.broken, why)
			}
		case !slices.ContainsFunc(found.libraries, func(other *Library) bool { return other.file == l.file }):
			found.libraries = append(found.libraries, l)
			return true
		}
	}
	return false
}

// Find says where the library is. It opens it: see [Open].
func Find() Report {
	l, err := Open()
	if err != nil {
		return Report{Reason: strings.TrimPrefix(err.Error(), ErrAbsent.Error()+": ")}
	}
	return Report{Found: true, File: l.file, Version: l.version}
}

// search lists the files to try.
func search() ([]string, error) {
	switch value := os.Getenv(Variable); value {
	case "none":
		return nil, fmt.Errorf("%w: switched off by %s=none", ErrAbsent, Variable)
	case "":
		return candidates(sonames(usable(cudrv.Version()))), nil
	default:
		files, err := named(value)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAbsent, Variable, err)
		}
		return files, nil
	}
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
