//go:build linux && cgo

package main

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// What is called of NVRTC; nvrtcResult is an int.
static struct {
	int (*version)(int *, int *);
	int (*create)(void **, const char *, const char *, int, const char *const *, const char *const *);
	int (*compile)(void *, int, const char *const *);
	int (*log_size)(void *, size_t *);
	int (*log)(void *, char *);
	int (*ptx_size)(void *, size_t *);
	int (*ptx)(void *, char *);
	const char *(*error)(int);
} rtc;

// nvrtc_have says whether a library can be loaded: NULL, or the reason why not.
static const char *nvrtc_have(const char *name) { return dlopen(name, RTLD_NOW) ? NULL : dlerror(); }

static const char *nvrtc_open(const char *name) {
	void *lib = dlopen(name, RTLD_NOW);
	if (!lib) return dlerror();
	const struct { const char *name; void *at; } symbols[] = {
		{"nvrtcVersion", &rtc.version}, {"nvrtcCreateProgram", &rtc.create}, {"nvrtcCompileProgram", &rtc.compile},
		{"nvrtcGetProgramLogSize", &rtc.log_size}, {"nvrtcGetProgramLog", &rtc.log}, {"nvrtcGetPTXSize", &rtc.ptx_size}, {"nvrtcGetPTX", &rtc.ptx},
		{"nvrtcGetErrorString", &rtc.error},
	};
	for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
		if (!(*(void **)symbols[i].at = dlsym(lib, symbols[i].name))) return dlerror();
	return NULL;
}

static int nvrtc_version(int *major, int *minor) { return rtc.version(major, minor); }

// nvrtc_compile returns the PTX or, where there is none, NULL; log is what the compiler says. Both are the caller's to free.
// why is NVRTC's name of what went wrong.
static char *nvrtc_compile(const char *text, const char *name, int n, const char *const *options, char **log, const char **why) {
	void *program;
	size_t size;
	*log = NULL;
	int result = rtc.create(&program, text, name, 0, NULL, NULL);
	if (!result) {
		result = rtc.compile(program, n, options);
		if (!rtc.log_size(program, &size) && (*log = calloc(1, size + 1))) rtc.log(program, *log);
	}
	char *ptx = NULL;
	if (!result && !(result = rtc.ptx_size(program, &size)) && (ptx = calloc(1, size + 1)) && (result = rtc.ptx(program, ptx))) {
		free(ptx);
		ptx = NULL;
	}
	*why = rtc.error(result);
	return ptx;
}
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// library is the NVRTC whose PTX is committed: another may write other text.
const (
	library  = "libnvrtc.so.11.2"
	builtins = "libnvrtc-builtins.so.11.8" // NVRTC loads it when it compiles
	version  = "11.8"
)

// errAbsent is the error of a machine without the library.
type errAbsent struct{ text string }

func (e *errAbsent) Error() string {
	return fmt.Sprintf("genptx: no NVRTC %s: %s; install Debian's packages libnvrtc11.2 and libnvrtc-builtins11.8 (component non-free)", version, e.text)
}

// compile turns CUDA C++ into PTX. The text is the compiler's log, with warnings where it succeeds.
func compile(source string, options []string) (ptx, text string, err error) {
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	if e := C.nvrtc_open(name); e != nil {
		return "", "", &errAbsent{C.GoString(e)}
	}
	more := C.CString(builtins)
	defer C.free(unsafe.Pointer(more))
	if e := C.nvrtc_have(more); e != nil {
		return "", "", &errAbsent{C.GoString(e)}
	}
	var major, minor C.int
	C.nvrtc_version(&major, &minor)
	if v := fmt.Sprintf("%d.%d", major, minor); v != version {
		return "", "", &errAbsent{"what is installed is " + v}
	}
	src, file := C.CString(source), C.CString("kernels.cu")
	defer C.free(unsafe.Pointer(src))
	defer C.free(unsafe.Pointer(file))
	room := C.calloc(C.size_t(len(options)+1), C.size_t(unsafe.Sizeof(src)))
	defer C.free(room)
	list := unsafe.Slice((**C.char)(room), len(options)+1)
	for i, o := range options {
		list[i] = C.CString(o)
		defer C.free(unsafe.Pointer(list[i]))
	}
	var log, why *C.char
	out := C.nvrtc_compile(src, file, C.int(len(options)), &list[0], &log, &why)
	defer C.free(unsafe.Pointer(log))
	defer C.free(unsafe.Pointer(out))
	text = strings.TrimSpace(C.GoString(log))
	if out == nil {
		return "", text, fmt.Errorf("genptx: the kernels do not compile: %s\n%s", C.GoString(why), text)
	}
	return C.GoString(out), text, nil
}
