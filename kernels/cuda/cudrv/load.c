//go:build gpu && cgo && linux && (amd64 || arm64)

/*
 * The table through which every function of the driver is called, and what fills it.
 * The functions themselves are in jumps_*.S.
 */
#define _GNU_SOURCE
#include "load.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include <cuda.h>

#include "symbols.h"

typedef void (*target)(void);

/* What all functions return while there is no driver, and after its cuInit failed. */
static CUresult refusal = CUDA_ERROR_NOT_INITIALIZED;

/* On these processors a caller need not know how many arguments its callee takes. */
static CUresult refuse(void) { return refusal; }
static CUresult missing(void) { return CUDA_ERROR_NOT_SUPPORTED; }

__attribute__((visibility("hidden"))) target cudrv_table[CUDRV_SYMBOLS] = {
	[0 ... CUDRV_SYMBOLS - 1] = (target)refuse,
};

static const struct {
	const char *name;
	int needed;
} symbols[CUDRV_SYMBOLS] = {
#define SYMBOL(i, name, needed) [i] = {#name, needed},
#include "symbols.h"
#undef SYMBOL
};

/* gorgonia.org/cu calls this before main and ends the program if it fails: it must not. */
__attribute__((visibility("hidden"))) CUresult cuInit(unsigned flags) {
	(void)flags;
	return CUDA_SUCCESS;
}

static void copy(char *to, size_t size, const char *from) {
	strncpy(to, from ? from : "", size - 1);
	to[size - 1] = 0;
}

/*
 * cudrv_load opens the driver's library, initializes it, and points the table into it. The library stays open
 * whatever comes of it: drivers start threads.
 */
void cudrv_load(const char *library, cudrv_driver *out) {
	memset(out, 0, sizeof *out);
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		out->state = CUDRV_NOT_FOUND;
		copy(out->text, sizeof out->text, dlerror());
		return;
	}
	struct link_map *map = NULL;
	copy(out->file, sizeof out->file, dlinfo(lib, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : library);

	CUresult (*get_version)(int *) = (CUresult(*)(int *))dlsym(lib, "cuDriverGetVersion");
	if (get_version && get_version(&out->version) != CUDA_SUCCESS) out->version = 0;

	CUresult (*init)(unsigned) = (CUresult(*)(unsigned))dlsym(lib, "cuInit");
	if (!init) {
		out->state = CUDRV_NO_DRIVER;
		return;
	}
	setenv("CUDA_MODULE_LOADING", "LAZY", 0); /* the default from 12.2 on; loading all that cuBLAS has takes a second and much memory */
	refusal = init(0);
	if (refusal != CUDA_SUCCESS) {
		out->state = CUDRV_FAILED;
		out->result = (int)refusal;
		return;
	}
	for (int i = 0; i < CUDRV_SYMBOLS; i++) {
		target found = (target)dlsym(lib, symbols[i].name);
		cudrv_table[i] = found ? found : (target)missing;
	}
	out->state = CUDRV_READY;
}

const char *cudrv_symbol_name(int i) { return symbols[i].name; }
int cudrv_symbol_needed(int i) { return symbols[i].needed; }
int cudrv_symbol_found(int i) { return cudrv_table[i] != (target)missing; }
