/*
 * A CUDA driver for tests: it shows the GPUs that FAKE_DEVICES lists, as "major.minor" with commas, and computes
 * nothing. With FAKE_LOADING it starts only if CUDA_MODULE_LOADING is that. FAKE_INIT is what cuInit returns, FAKE_RETAIN what making a context returns, FAKE_MODE the compute mode.
 * Compiled with -Dname=other it lacks the function name, as an old driver does.
 */
#include <stdio.h>
#include <string.h>

#include <cuda.h>

#define GIB ((size_t)1 << 30)

static int ready;
static int retained[16];
static __thread CUcontext current;

static int from_environment(const char *name) {
	const char *s = getenv(name);
	return s ? atoi(s) : 0;
}

/* devices returns how many there are, and the capability of one. */
static int devices(int which, int *major, int *minor) {
	const char *s = getenv("FAKE_DEVICES");
	int n = 0;
	for (; s && *s; n++) {
		int a, b, used;
		if (sscanf(s, "%d.%d%n", &a, &b, &used) != 2) break;
		if (n == which) *major = a, *minor = b;
		s += used;
		if (*s == ',') s++;
	}
	return n;
}

static int unknown(CUdevice d) {
	int a, b;
	return d < 0 || d >= devices(-1, &a, &b);
}

CUresult cuInit(unsigned flags) {
	int result = from_environment("FAKE_INIT");
	const char *want = getenv("FAKE_LOADING"), *is = getenv("CUDA_MODULE_LOADING");
	if (flags || (want && (!is || strcmp(want, is) != 0))) return CUDA_ERROR_INVALID_VALUE;
	ready = result == 0;
	return (CUresult)result;
}

CUresult cuDriverGetVersion(int *version) {
	*version = 12040;
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
	int a, b;
	if (!ready) return CUDA_ERROR_NOT_INITIALIZED;
	*count = devices(-1, &a, &b);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
	*device = ordinal;
	return unknown(ordinal) ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int size, CUdevice d) {
	if (unknown(d)) return CUDA_ERROR_INVALID_DEVICE;
	snprintf(name, (size_t)size, "Fake GPU %d", d);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice d) {
	int major = 0, minor = 0;
	if (unknown(d)) return CUDA_ERROR_INVALID_DEVICE;
	devices(d, &major, &minor);
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = major; return CUDA_SUCCESS;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = minor; return CUDA_SUCCESS;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE: *value = from_environment("FAKE_MODE"); return CUDA_SUCCESS;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice d) {
	if (unknown(d)) return CUDA_ERROR_INVALID_DEVICE;
	*bytes = (size_t)(d + 1) * 8 * GIB;
	return CUDA_SUCCESS;
}

/* A context is the number of its device and one. */
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice d) {
	int result = from_environment("FAKE_RETAIN");
	if (unknown(d)) return CUDA_ERROR_INVALID_DEVICE;
	if (result) return (CUresult)result;
	retained[d]++;
	*context = (CUcontext)(uintptr_t)(d + 1);
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice d) {
	if (unknown(d) || retained[d] == 0) return CUDA_ERROR_INVALID_CONTEXT;
	retained[d]--;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice d, unsigned *flags, int *active) {
	*flags = 0;
	*active = retained[d] > 0;
	return unknown(d) ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
	current = context;
	return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
	if (!current) return CUDA_ERROR_INVALID_CONTEXT;
	*context = current;
	current = NULL;
	return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
	*context = current;
	return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
	size_t device = (uintptr_t)current;
	if (!device) return CUDA_ERROR_INVALID_CONTEXT;
	*free = device * GIB;
	*total = device * 8 * GIB;
	return CUDA_SUCCESS;
}

/* cuLaunchKernel succeeds when every argument arrived: 1 to 7, no stream, and a parameter of value 8. */
CUresult cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                        unsigned shared, CUstream stream, void **parameters, void **extra) {
	if (f || gx != 1 || gy != 2 || gz != 3 || bx != 4 || by != 5 || bz != 6 || shared != 7 || stream || extra)
		return CUDA_ERROR_INVALID_VALUE;
	return parameters && *(uint64_t *)parameters[0] == 8 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
