//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include <cuda.h>
#include <stdlib.h>

// load_module has the driver compile PTX; log gets what its compiler has to say of errors.
static CUresult load_module(CUmodule *out, const char *image, char *log, unsigned size) {
	CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)(size_t)size};
	return cuModuleLoadDataEx(out, image, 2, options, values);
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	"debut/kernels/cuda/cudrv"
)

// context is the primary context of a GPU with the kernels in it. A process makes it once: it takes a good part of a second, and so
// may the kernels.
type context struct {
	dev    cu.Device
	ctx    cu.CUContext
	module cu.Module
	users  int
	lost   bool
}

// contexts are those of the process, by the GPUs' numbers. They stay when nobody uses them any more, unless their GPU has failed.
var contexts = struct {
	sync.Mutex
	of map[int]*context
}{of: make(map[int]*context)}

// acquire returns the context of a GPU.
func acquire(index int, driver Driver) (*context, error) {
	contexts.Lock()
	defer contexts.Unlock()
	c := contexts.of[index]
	if c == nil {
		c = &context{}
		if err := c.open(index, driver); err != nil {
			return nil, err
		}
		contexts.of[index] = c
	}
	c.users++
	return c, nil
}

// release ends a use of a context. The last one gives back what cannot be used any more.
func (c *context) release(index int, lost bool) error {
	contexts.Lock()
	defer contexts.Unlock()
	c.lost = c.lost || lost
	if c.users--; c.users > 0 || !c.lost {
		return nil
	}
	delete(contexts.of, index)
	return c.dev.ReleasePrimaryCtx()
}

// open makes the context and loads the kernels.
func (c *context) open(index int, driver Driver) (err error) {
	if c.dev, err = cu.GetDevice(index); err != nil {
		return fmt.Errorf("asking for it: %s", reason(err))
	}
	if c.ctx, err = c.dev.RetainPrimaryCtx(); err != nil {
		return &unusable{"no context can be made on it: " + reason(err)}
	}
	if err = c.locked(func() error {
		c.module, err = loadModule(ptx, driver)
		return err
	}); err != nil {
		err = fmt.Errorf("loading the kernels: %w", err)
		if e := c.dev.ReleasePrimaryCtx(); e != nil {
			err = fmt.Errorf("%w; releasing its context: %s", err, reason(e))
		}
	}
	return err
}

// locked calls f with the context current. What cu does is done in here: contexts are current on threads.
func (c *context) locked(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(c.ctx); err != nil {
		return err
	}
	return f()
}

// loadModule loads PTX into the current context. The error has what the driver's compiler says.
func loadModule(text string, driver Driver) (cu.Module, error) {
	image := C.CString(text)
	defer C.free(unsafe.Pointer(image))
	var log [8 << 10]C.char
	var m C.CUmodule
	if r := C.load_module(&m, image, &log[0], C.uint(len(log))); r != 0 {
		return cu.Module{}, fmt.Errorf("%w%s", whyNoModule(cudrv.Result(r), driver), compilerSays(C.GoString(&log[0])))
	}
	return *(*cu.Module)(unsafe.Pointer(&m)), nil
}

// compilerSays adds the compiler's log to an error, in one line.
func compilerSays(log string) string {
	if log = strings.Join(strings.Fields(log), " "); log == "" {
		return ""
	}
	return "; the driver's compiler says: " + log
}

// whyNoModule explains why the driver does not take the kernels.
func whyNoModule(r cudrv.Result, driver Driver) error {
	if r == cudrv.UnsupportedPTX {
		return fmt.Errorf("%s: the driver (for CUDA %v) is older than CUDA 11.8; install a newer one", r.Name(), driver.Version)
	}
	return r
}
