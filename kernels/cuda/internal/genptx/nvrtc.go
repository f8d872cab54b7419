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
} rtc;

static const char *nvrtc_open(const char *name) {
	void *lib = dlopen(name, RTLD_NOW);
	if (!lib) return dlerror();
	const struct { const char *name; void *at; } symbols[] = {
		{"nvrtcVersion", &rtc.version}, {"nvrtcCreateProgram", &rtc.create}, {"nvrtcCompileProgram", &rtc.compile},
		{"nvrtcGetProgramLogSize", &rtc.log_size}, {"nvrtcGetProgramLog", &rtc.log}, {"nvrtcGetPTXSize", &rtc.ptx_size}, {"nvrtcGetPTX", &rtc.ptx},
	};
	for (int i = 0; i < 7; i++)
		if (!(*(void **)symbols[i].at = dlsym(lib, symbols[i].name))) return symbols[i].name;
	return NULL;
}

static int nvrtc_version(int *major, int *minor) { return rtc.version(major, minor); }

// nvrtc_compile returns the PTX or, where there is none, NULL; log is what the compiler says. Both are the caller's to free.
static char *nvrtc_compile(const char *text, const char *name, int n, const char *const *options, char **log) {
	void *program;
	size_t size;
	*log = NULL;
	if (rtc.create(&program, text, name, 0, NULL, NULL)) return NULL;
	int result = rtc.compile(program, n, options);
	if (rtc.log_size(program, &size) == 0 && (*log = calloc(1, size + 1))) rtc.log(program, *log);
	if (result || rtc.ptx_size(program, &size)) return NULL;
	char *ptx = calloc(1, size + 1);
	if (ptx) rtc.ptx(program, ptx);
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
	library = "libnvrtc.so.11.2"
	version = "11.8"
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
	var major, minor C.int
	C.nvrtc_version(&major, &minor)
	if v := fmt.Sprintf("%d.%d", major, minor); v != version {
		return "", "", &errAbsent{"what is installed is " + v}
	}
	src, file := C.CString(source), C.CString("kernels.cu")
	defer C.free(unsafe.Pointer(src))
	defer C.free(unsafe.Pointer(file))
	list := (*[16]*C.char)(C.calloc(16, C.size_t(unsafe.Sizeof(src))))
	defer C.free(unsafe.Pointer(list))
	for i, o := range options {
		list[i] = C.CString(o)
		defer C.free(unsafe.Pointer(list[i]))
	}
	var log *C.char
	out := C.nvrtc_compile(src, file, C.int(len(options)), &list[0], &log)
	defer C.free(unsafe.Pointer(log))
	defer C.free(unsafe.Pointer(out))
	text = strings.TrimSpace(C.GoString(log))
	if out == nil {
		return "", text, fmt.Errorf("genptx: the kernels do not compile:\n%s", text)
	}
	return C.GoString(out), text, nil
}
