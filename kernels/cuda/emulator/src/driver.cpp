// An emulated CUDA driver, for tests: a libcuda.so.1 that runs kernels, compiled from their sources, on the CPU. It is
// strict where a GPU is: what would be an error there is one here, and what would go well there by luck only should fail.
//
// The environment says what it emulates. It is read when the driver is initialized (the first four) and whenever a
// device's context is made, or a stream in a context that has none (the others):
//
//	DEBUT_EMU_DEVICES   compute capabilities of the GPUs, with commas: 9.0
//	DEBUT_EMU_MEMORY    memory of each GPU in bytes: 2147483648
//	DEBUT_EMU_DRIVER    the CUDA version that the driver is for: 12040
//	DEBUT_EMU_THREADS   threads of the CPU that compute: 2, at most as many as there are
//	DEBUT_EMU_ORDER     what other streams do while one is waited for: they stay behind, go ahead as far as they may,
//	                    or are mixed by chance ("behind", "ahead", "mixed"); "turns" is one after another, the default.
//	                    With "eager" everything runs as soon as it is queued.
//	DEBUT_EMU_BLOCKS    in which order the blocks of a grid begin: a number is the seed of orders by chance, another one for
//	                    each launch: 1; "turns" is ascending and descending. Threads of a block always take turns so.
//	DEBUT_EMU_RACES     0: what blocks of a grid do to each other is not looked at. Otherwise a launch fails (719) in which a
//	                    block reads what another one writes, or two write something else to the same place
//	DEBUT_EMU_QUEUE     operations that may be queued before the oldest run: 4096
//	DEBUT_EMU_NULL      1: launches do nothing, and cost nothing
//	DEBUT_EMU_FAIL      faults, with commas, by the number of a call since the environment was read, from 1; for launches, of
//	                    a kernel, also one that a graph launches:
//	                    launch:N  the Nth launch fails when it runs, and the device is lost (result 719)
//	                    lost:N    from the Nth launch on every call fails (214)
//	                    refuse:N  the Nth launch is refused (701)
//	                    alloc:N   the Nth allocation fails (2)
//	                    copy:N    the Nth copy fails (999)
//	                    A third number is another result, as in lost:5:79.
//	DEBUT_EMU_TRACE     1: it says on standard error when a context is made and when kernels are loaded
//	DEBUT_EMU_QUIET     1: it does not say on standard error why it refuses something
#include <cuda.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "api.h"

using namespace emu;

namespace emu {
std::mutex mu;
bool initialized;
thread_local std::vector<CUcontext> current;
thread_local CUstreamCaptureMode capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
} // namespace emu

namespace {

int driver_version = 12040;
size_t memory_size = (size_t)2 << 30;
std::vector<CUctx_st *> contexts; // the primary ones: devices, in fact

// Of the context that was made last; calls are counted for the faults.
std::atomic<long> launch_calls, alloc_calls, copy_calls;

CUctx_st *device(CUdevice d) { return d >= 0 && (size_t)d < contexts.size() ? contexts[(size_t)d] : nullptr; }

// fault returns the result of a fault that is due with the last `n` calls of `count`.
CUresult fault(CUctx_st *ctx, Settings::Fault::Kind kind, long count, long n = 1) {
	for (const auto &f : settings.faults) {
		if (f.kind != kind || f.at > count || f.at <= count - n) continue;
		complain("call %ld fails by DEBUT_EMU_FAIL: result %d", f.at, f.result);
		return kind == Settings::Fault::LOST ? ctx->fail(f.result) : f.result;
	}
	return CUDA_SUCCESS;
}

} // namespace

emu::Call::Call() : lock(mu, std::defer_lock) {
	result = CUDA_ERROR_NOT_PERMITTED;
	if (running()) return; // a host function: its caller holds the lock
	lock.lock();
	if (!initialized)
		result = CUDA_ERROR_NOT_INITIALIZED;
	else if (current.empty() || !current.back())
		result = CUDA_ERROR_INVALID_CONTEXT;
	else if (ctx = current.back(); ctx->refs == 0)
		result = CUDA_ERROR_CONTEXT_IS_DESTROYED;
	else
		result = ctx->lost;
}

CUresult emu::refuse(CUresult result, const char *why) {
	complain("%s", why);
	return result;
}

CUstream_st *emu::stream(CUctx_st *ctx, CUstream s) {
	if (!s || s == (CUstream)1) return ctx->streams[0].get(); // CU_STREAM_LEGACY
	auto it = ctx->open.find(s);
	return it == ctx->open.end() ? nullptr : it->second.get();
}
CUresult emu::unsafe(CUctx_st *ctx, const char *what) {
	if (capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_SUCCESS;
	for (Capture *c : ctx->captures) {
		bool own = c->thread == (unsigned long)pthread_self();
		if (c->mode == CU_STREAM_CAPTURE_MODE_RELAXED || (c->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && !own)) continue;
		if (capture_mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && !own) continue;
		c->invalid = true;
		complain("%s while a stream is captured", what);
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	return CUDA_SUCCESS;
}

CUresult emu::launch_faults(CUctx_st *ctx, Op &op, long n) {
	long count = launch_calls += n;
	if (settings.faults.empty()) return CUDA_SUCCESS;
	CHECK(fault(ctx, Settings::Fault::LOST, count, n));
	CHECK(fault(ctx, Settings::Fault::REFUSE, count, n));
	op.fails = fault(ctx, Settings::Fault::LAUNCH, count, n);
	return CUDA_SUCCESS;
}

void emu::trace(const CUctx_st *ctx, const char *what) {
	if (getenv("DEBUT_EMU_TRACE")) fprintf(stderr, "debut's emulated CUDA driver: device %d: %s\n", ctx->device, what);
}

void CUctx_st::anew() {
	settings.read();
	launch_calls = alloc_calls = copy_calls = 0;
	drains = launches = 0;
}

void CUctx_st::begin() {
	trace(this, "context made");
	anew();
	lost = CUDA_SUCCESS;
	memory = std::make_unique<Memory>(memory_size);
	pending = 0;
	auto legacy = std::make_shared<CUstream_st>();
	legacy->context = this, legacy->blocking = true;
	streams.push_back(legacy);
}

void CUctx_st::end() {
	fail(CUDA_ERROR_CONTEXT_IS_DESTROYED);
	for (auto &[p, n] : pinned) munmap((void *)p, n);
	for (CUevent e : events) delete e;
	for (CUmodule m : modules) delete m;
	for (CUgraph g : graphs) delete g;
	for (CUgraphExec e : executables) delete e;
	pinned.clear(), events.clear(), modules.clear(), functions.clear(), graphs.clear(), executables.clear();
	streams.clear(), open.clear(), captures.clear();
	memory.reset();
}

// ---- The driver and its devices -------------------------------------------------------------------------------------

API cuInit(unsigned flags) {
	std::lock_guard<std::mutex> lock(mu);
	if (flags) return CUDA_ERROR_INVALID_VALUE;
	if (initialized) return CUDA_SUCCESS;
	settings.read();
	if (const char *s = getenv("DEBUT_EMU_DRIVER")) driver_version = atoi(s);
	if (const char *s = getenv("DEBUT_EMU_MEMORY")) memory_size = (size_t)strtoull(s, nullptr, 10);
	const char *s = getenv("DEBUT_EMU_DEVICES");
	if (!s) s = "9.0";
	for (int major, minor, used; sscanf(s, "%d.%d%n", &major, &minor, &used) == 2;) {
		auto *c = new CUctx_st();
		c->device = (int)contexts.size(), c->major = major, c->minor = minor;
		contexts.push_back(c);
		s += used;
		if (*s == ',') s++;
	}
	if (contexts.empty()) return CUDA_ERROR_NO_DEVICE;
	initialized = true;
	return CUDA_SUCCESS;
}

API cuDriverGetVersion(int *version) {
	if (!version) return CUDA_ERROR_INVALID_VALUE;
	const char *s = initialized ? nullptr : getenv("DEBUT_EMU_DRIVER");
	*version = s ? atoi(s) : driver_version;
	return CUDA_SUCCESS;
}

API cuDeviceGetCount(int *count) {
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	*count = (int)contexts.size();
	return CUDA_SUCCESS;
}

API cuDeviceGet(CUdevice *d, int ordinal) {
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	if (!device(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
	*d = ordinal;
	return CUDA_SUCCESS;
}

API cuDeviceGetName(char *name, int size, CUdevice d) {
	if (!device(d)) return CUDA_ERROR_INVALID_DEVICE;
	snprintf(name, (size_t)size, "Emulated GPU %d", d);
	return CUDA_SUCCESS;
}

API cuDeviceGetPCIBusId(char *id, int size, CUdevice d) {
	if (!device(d)) return CUDA_ERROR_INVALID_DEVICE;
	if (size < 13) return CUDA_ERROR_INVALID_VALUE;
	snprintf(id, (size_t)size, "0000:%02X:00.0", d + 1);
	return CUDA_SUCCESS;
}

API cuDeviceGetUuid(CUuuid *id, CUdevice d) {
	if (!device(d)) return CUDA_ERROR_INVALID_DEVICE;
	memset(id, 0, sizeof *id);
	id->bytes[15] = (char)(d + 1);
	return CUDA_SUCCESS;
}

API cuDeviceTotalMem_v2(size_t *bytes, CUdevice d) {
	if (!device(d)) return CUDA_ERROR_INVALID_DEVICE;
	*bytes = memory_size;
	return CUDA_SUCCESS;
}

API cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice d) {
	CUctx_st *c = device(d);
	if (!c) return CUDA_ERROR_INVALID_DEVICE;
	switch (attribute) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = c->major; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = c->minor; break;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *value = 32; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *value = 2; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *value = 1024; break;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *value = 64; break;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *value = 2147483647; break;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *value = 65535; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *value = 48 << 10; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: *value = 96 << 10; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *value = 2048; break;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: *value = 32; break;
	case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
	case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: *value = 65536; break;
	case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: *value = 64 << 10; break;
	case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *value = 1000000; break;
	case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *value = 1000000; break;
	case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *value = 128; break;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *value = 2 << 20; break;
	case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: *value = 2; break;
	case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
	case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
	case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
	case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP: *value = 1; break;
	case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID: *value = d + 1; break;
	default: *value = 0;
	}
	return CUDA_SUCCESS;
}

namespace {
const struct {
	CUresult result;
	const char *name, *text;
} errors[] = {
#define ERROR(name, text) {name, #name, text}
	ERROR(CUDA_SUCCESS, "no error"),
	ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
	ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
	ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
	ERROR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
	ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
	ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
	ERROR(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
	ERROR(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
	ERROR(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
	ERROR(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
	ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
	ERROR(CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
	ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
	ERROR(CUDA_ERROR_NOT_READY, "device not ready"),
	ERROR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
	ERROR(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
	ERROR(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
	ERROR(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
	ERROR(CUDA_ERROR_ILLEGAL_INSTRUCTION, "an illegal instruction was encountered"),
	ERROR(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
	ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
	ERROR(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
	ERROR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_MERGE, "operation would result in a merge of separate capture sequences"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not ended in the same stream as it began"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "dependency created on uncaptured work in another stream"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "operation would make the legacy stream depend on a capturing blocking stream"),
	ERROR(CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a capturing stream"),
	ERROR(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "attempt to terminate a thread-local capture sequence from another thread"),
	ERROR(CUDA_ERROR_UNKNOWN, "unknown error"),
#undef ERROR
};

CUresult describe(CUresult r, const char **out, bool name) {
	*out = nullptr;
	for (auto &e : errors)
		if (e.result == r) *out = name ? e.name : e.text;
	return *out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
} // namespace

API cuGetErrorName(CUresult r, const char **name) { return describe(r, name, true); }
API cuGetErrorString(CUresult r, const char **text) { return describe(r, text, false); }

// ---- Contexts -------------------------------------------------------------------------------------------------------

API cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice d) {
	std::lock_guard<std::mutex> lock(mu);
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	CUctx_st *c = device(d);
	if (!c) return CUDA_ERROR_INVALID_DEVICE;
	if (c->refs++ == 0) c->begin();
	*out = c;
	return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(CUdevice d) {
	std::lock_guard<std::mutex> lock(mu);
	CUctx_st *c = device(d);
	if (!c) return CUDA_ERROR_INVALID_DEVICE;
	if (c->refs == 0) return CUDA_ERROR_INVALID_CONTEXT;
	if (--c->refs == 0) c->end();
	return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxGetState(CUdevice d, unsigned *flags, int *active) {
	std::lock_guard<std::mutex> lock(mu);
	CUctx_st *c = device(d);
	if (!c) return CUDA_ERROR_INVALID_DEVICE;
	*flags = 0, *active = c->refs > 0;
	return CUDA_SUCCESS;
}

namespace {
bool known(CUcontext c) { return std::find(contexts.begin(), contexts.end(), c) != contexts.end(); }
} // namespace

API cuCtxSetCurrent(CUcontext c) {
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	if (c && !known(c)) return CUDA_ERROR_INVALID_CONTEXT;
	if (current.empty())
		current.push_back(c);
	else
		current.back() = c;
	return CUDA_SUCCESS;
}

API cuCtxGetCurrent(CUcontext *c) {
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	*c = current.empty() ? nullptr : current.back();
	return CUDA_SUCCESS;
}

API cuCtxPushCurrent_v2(CUcontext c) {
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	if (!known(c)) return CUDA_ERROR_INVALID_CONTEXT;
	current.push_back(c);
	return CUDA_SUCCESS;
}

API cuCtxPopCurrent_v2(CUcontext *c) {
	if (!initialized) return CUDA_ERROR_NOT_INITIALIZED;
	if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
	if (c) *c = current.back();
	current.pop_back();
	return CUDA_SUCCESS;
}

API cuCtxGetDevice(CUdevice *d) {
	CALL;
	*d = ctx->device;
	return CUDA_SUCCESS;
}

API cuCtxGetStreamPriorityRange(int *least, int *greatest) {
	CALL;
	if (least) *least = 0;
	if (greatest) *greatest = -5;
	return CUDA_SUCCESS;
}

API cuCtxSynchronize(void) {
	CALL;
	if (!ctx->captures.empty()) {
		for (Capture *c : ctx->captures) c->invalid = true;
		return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "cuCtxSynchronize while a stream is captured");
	}
	return ctx->reach_all();
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

API cuMemGetInfo_v2(size_t *free, size_t *total) {
	CALL;
	*total = ctx->memory->limit;
	*free = *total - ctx->memory->used();
	return CUDA_SUCCESS;
}

API cuMemAlloc_v2(CUdeviceptr *p, size_t n) {
	CALL;
	if (!p || n == 0) return CUDA_ERROR_INVALID_VALUE;
	CHECK(unsafe(ctx, "cuMemAlloc"));
	CHECK(fault(ctx, Settings::Fault::ALLOC, ++alloc_calls));
	*p = ctx->memory->take(n);
	return *p ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

API cuMemFree_v2(CUdeviceptr p) {
	CALL;
	CHECK(unsafe(ctx, "cuMemFree"));
	if (!p) return CUDA_SUCCESS;
	CHECK(ctx->reach_all());
	std::string s = ctx->memory->check_all();
	if (!s.empty()) {
		complain("cuMemFree: %s", s.c_str());
		return ctx->fail(CUDA_ERROR_ILLEGAL_ADDRESS);
	}
	return ctx->memory->give(p) ? CUDA_SUCCESS : refuse(CUDA_ERROR_INVALID_VALUE, "cuMemFree: nothing is allocated there");
}

API cuMemHostAlloc(void **p, size_t n, unsigned flags) {
	CALL;
	if (!p || n == 0 || flags & ~7u) return CUDA_ERROR_INVALID_VALUE;
	CHECK(unsafe(ctx, "cuMemHostAlloc"));
	CHECK(fault(ctx, Settings::Fault::ALLOC, ++alloc_calls));
	void *q = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
	ctx->pinned[(uint64_t)q] = n;
	*p = q;
	return CUDA_SUCCESS;
}

API cuMemFreeHost(void *p) {
	CALL;
	CHECK(unsafe(ctx, "cuMemFreeHost"));
	auto it = ctx->pinned.find((uint64_t)p);
	if (it == ctx->pinned.end()) return refuse(CUDA_ERROR_INVALID_VALUE, "cuMemFreeHost: nothing is allocated there");
	CHECK(ctx->reach_all());
	munmap(p, it->second);
	ctx->pinned.erase(it);
	return CUDA_SUCCESS;
}

namespace {

// copy queues a copy. Sides on the host must be page-locked where it is not waited for.
CUresult copy(CUctx_st *ctx, CUstream_st *s, uint64_t dst, bool dst_device, uint64_t src, bool src_device, size_t n, bool wait) {
	CHECK(fault(ctx, Settings::Fault::COPY, ++copy_calls));
	for (auto [p, on_device] : {std::make_pair(dst, dst_device), std::make_pair(src, src_device)}) {
		if (!p && n) return refuse(CUDA_ERROR_INVALID_VALUE, "copy: a null pointer");
		if (on_device && !ctx->memory->has(p, n)) return refuse(CUDA_ERROR_INVALID_VALUE, "copy: a range is not allocated on the device");
		if (!on_device && !wait && n && !ctx->host_has(p, n))
			return refuse(CUDA_ERROR_INVALID_VALUE, "asynchronous copy: the host's memory is not page-locked; a GPU's driver would make it synchronous");
	}
	if (n == 0) return CUDA_SUCCESS;
	Op op{Op::COPY};
	op.dst = dst, op.src = src, op.n = n, op.dst_device = dst_device, op.src_device = src_device;
	CHECK(ctx->push(s, std::move(op)));
	return wait ? ctx->reach(s, s->last) : CUDA_SUCCESS;
}

CUresult fill(CUctx_st *ctx, CUstream_st *s, uint64_t dst, unsigned value, unsigned width, size_t n) {
	if (dst % width || n > ctx->memory->limit || !ctx->memory->has(dst, n * width)) return refuse(CUDA_ERROR_INVALID_VALUE, "memset: the range is not allocated on the device");
	if (n == 0) return CUDA_SUCCESS;
	Op op{Op::FILL};
	op.dst = dst, op.value = value, op.width = width, op.n = n;
	return ctx->push(s, std::move(op));
}

} // namespace

API cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src, size_t n) {
	CALL;
	CHECK(unsafe(ctx, "cuMemcpyHtoD"));
	return copy(ctx, ctx->streams[0].get(), dst, true, (uint64_t)src, false, n, true);
}

API cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t n) {
	CALL;
	CHECK(unsafe(ctx, "cuMemcpyDtoH"));
	return copy(ctx, ctx->streams[0].get(), (uint64_t)dst, false, src, true, n, true);
}

// As on a GPU the host does not wait for it.
API cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src, size_t n) {
	CALL;
	CHECK(unsafe(ctx, "cuMemcpyDtoD"));
	return copy(ctx, ctx->streams[0].get(), dst, true, src, true, n, false);
}

API cuMemcpyHtoDAsync_v2(CUdeviceptr dst, const void *src, size_t n, CUstream stream_) {
	CALL;
	STREAM(stream_);
	return copy(ctx, s, dst, true, (uint64_t)src, false, n, false);
}

API cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src, size_t n, CUstream stream_) {
	CALL;
	STREAM(stream_);
	return copy(ctx, s, (uint64_t)dst, false, src, true, n, false);
}

API cuMemcpyDtoDAsync_v2(CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream stream_) {
	CALL;
	STREAM(stream_);
	return copy(ctx, s, dst, true, src, true, n, false);
}

API cuMemsetD8Async(CUdeviceptr dst, unsigned char value, size_t n, CUstream stream_) {
	CALL;
	STREAM(stream_);
	return fill(ctx, s, dst, value, 1, n);
}

API cuMemsetD32Async(CUdeviceptr dst, unsigned value, size_t n, CUstream stream_) {
	CALL;
	STREAM(stream_);
	return fill(ctx, s, dst, value, 4, n);
}

// ---- Modules and launches -------------------------------------------------------------------------------------------

namespace {

// load makes a module of PTX; why says what is wrong with it.
CUresult load(CUctx_st *ctx, CUmodule *out, const char *image, std::string &why) {
	if (!out || !image) return CUDA_ERROR_INVALID_VALUE;
	Ptx ptx;
	why = read_ptx(image, ptx);
	if (!why.empty()) return CUDA_ERROR_INVALID_PTX;
	// CUDA 11.y knows PTX to 7.y, 12.y to 8.y.
	int newest = (driver_version / 1000 - 4) * 10 + driver_version % 1000 / 10;
	if (ptx.major * 10 + ptx.minor > newest) {
		why = "the PTX is newer than the driver";
		return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
	}
	if (ptx.target > ctx->major * 10 + ctx->minor) {
		why = "the PTX is for a newer GPU";
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	}
	auto m = std::make_unique<CUmod_st>();
	for (Entry &e : ptx.entries) {
		const Kernel *k = std::find_if(kernels, kernels + kernel_count, [&](const Kernel &k) { return e.name == k.name; });
		if (k == kernels + kernel_count) {
			why = "kernel " + e.name + " is not in the sources that the emulator was built from";
			return CUDA_ERROR_INVALID_PTX;
		}
		if (e.params.size() != 1 || e.params[0] != k->size) {
			why = "kernel " + e.name + " has other parameters in the sources that the emulator was built from: " + std::to_string(k->size) + " bytes";
			return CUDA_ERROR_INVALID_PTX;
		}
		if (e.shared > 48 << 10 || k->size > 4096) {
			why = "kernel " + e.name + " uses too much shared memory, or its parameters are too large";
			return CUDA_ERROR_INVALID_PTX;
		}
		m->functions[e.name] = {m.get(), k, e, ptx.target};
	}
	for (auto &[name, f] : m->functions) ctx->functions.insert(&f);
	ctx->modules.insert(m.get());
	*out = m.release();
	return CUDA_SUCCESS;
}

} // namespace

API cuModuleLoadDataEx(CUmodule *out, const void *image, unsigned n, CUjit_option *options, void **values) {
	CALL;
	CHECK(unsafe(ctx, "cuModuleLoadDataEx"));
	trace(ctx, "kernels loaded");
	std::string why;
	CUresult r = load(ctx, out, (const char *)image, why);
	if (r == CUDA_SUCCESS) return r;
	complain("loading a module: %s", why.c_str());
	char *buffer = nullptr;
	size_t size = 0;
	for (unsigned i = 0; i < n; i++) {
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER) buffer = (char *)values[i];
		if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) size = (size_t)(unsigned)(uintptr_t)values[i];
	}
	if (buffer && size) snprintf(buffer, size, "%s", why.c_str());
	return r;
}

API cuModuleLoadData(CUmodule *out, const void *image) { return cuModuleLoadDataEx(out, image, 0, nullptr, nullptr); }

API cuModuleGetFunction(CUfunction *out, CUmodule m, const char *name) {
	CALL;
	if (!ctx->modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
	auto it = m->functions.find(name);
	if (it == m->functions.end()) return CUDA_ERROR_NOT_FOUND;
	*out = &it->second;
	return CUDA_SUCCESS;
}

API cuModuleUnload(CUmodule m) {
	CALL;
	CHECK(unsafe(ctx, "cuModuleUnload"));
	if (!ctx->modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
	CHECK(ctx->reach_all());
	for (auto &[name, f] : m->functions) ctx->functions.erase(&f);
	ctx->modules.erase(m);
	delete m;
	return CUDA_SUCCESS;
}

API cuFuncGetAttribute(int *value, CUfunction_attribute a, CUfunction f) {
	CALL;
	if (!ctx->functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	switch ((int)a) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = (int)f->entry.max_threads; break;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = (int)f->entry.shared; break;
	case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES: *value = (int)f->kernel->size; break;
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES: *value = 0; break;
	case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; break;
	case CU_FUNC_ATTRIBUTE_PTX_VERSION: *value = f->ptx; break;
	case CU_FUNC_ATTRIBUTE_BINARY_VERSION: *value = ctx->major * 10 + ctx->minor; break;
	case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA: *value = 0; break;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = (48 << 10) - (int)f->entry.shared; break;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: *value = -1; break;
	default: return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

API cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int value) {
	CALL;
	if (!ctx->functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	switch ((int)a) {
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: return value < 0 || value + (int)f->entry.shared > 48 << 10 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT: return value < -1 || value > 100 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	}
	return CUDA_ERROR_INVALID_VALUE;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction f, int threads, size_t) {
	CALL;
	if (!ctx->functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	if (threads <= 0) return CUDA_ERROR_INVALID_VALUE;
	*blocks = std::min(32, 2048 / ((threads + 31) / 32 * 32));
	if (f->entry.shared) *blocks = std::min(*blocks, (96 << 10) / (int)f->entry.shared);
	return CUDA_SUCCESS;
}

API cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream stream_, void **params, void **extra) {
	if (settings.null) return current.empty() || !current.back() ? CUDA_ERROR_INVALID_CONTEXT : current.back()->lost;
	CALL;
	STREAM(stream_);
	if (!ctx->functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	if (!params || !params[0] || extra) return refuse(CUDA_ERROR_INVALID_VALUE, "launch: the parameters are not given as an array");
	if (!gx || !gy || !gz || gx > 2147483647u || gy > 65535 || gz > 65535) return refuse(CUDA_ERROR_INVALID_VALUE, "launch: a grid of no blocks, or of too many");
	if (!bx || !by || !bz || bx > 1024 || by > 1024 || bz > 64 || bx * by * bz > 1024) return refuse(CUDA_ERROR_INVALID_VALUE, "launch: a block of no threads, or of too many");
	if (bx * by * bz > f->entry.max_threads) return refuse(CUDA_ERROR_INVALID_VALUE, "launch: a block of more threads than the kernel's launch bounds");
	if (shared) return refuse(CUDA_ERROR_INVALID_VALUE, "launch: dynamic shared memory is not emulated");
	Op op{Op::LAUNCH};
	CHECK(launch_faults(ctx, op, s->capture ? 0 : 1));
	op.kernel = f->kernel;
	op.grid[0] = gx, op.grid[1] = gy, op.grid[2] = gz, op.block[0] = bx, op.block[1] = by, op.block[2] = bz;
	op.args.assign((unsigned char *)params[0], (unsigned char *)params[0] + f->kernel->size);
	return ctx->push(s, std::move(op));
}

// emu_submit queues a host function with a copy of its argument, as libraries queue their kernels. emu_share is for it to
// call: it calls f(context, i) for i < count on the device's threads. It returns the first failure.
API emu_submit(CUstream stream_, void (*fn)(void *), const void *arg, size_t size) {
	if (settings.null) return CUDA_SUCCESS;
	CALL;
	STREAM(stream_);
	Op op{Op::HOST};
	CHECK(launch_faults(ctx, op, s->capture ? 0 : 1));
	op.host = fn;
	op.args.assign((const unsigned char *)arg, (const unsigned char *)arg + size);
	return ctx->push(s, std::move(op));
}

API emu_share(long count, void (*f)(void *, long), void *context) {
	if (!running()) return CUDA_ERROR_NOT_PERMITTED;
	Failure x = share(count, f, context);
	if (x.result) host_failure = x;
	return x.result;
}

// emu_allocated says whether a range is memory of the current context's device.
extern "C" __attribute__((visibility("default"))) int emu_allocated(CUdeviceptr p, size_t n) {
	Call call;
	return !call.result && call.ctx->memory->has(p, n);
}

API cuLaunchHostFunc(CUstream stream_, CUhostFn fn, void *user) {
	CALL;
	STREAM(stream_);
	if (!fn) return CUDA_ERROR_INVALID_VALUE;
	Op op{Op::HOST};
	op.host = fn, op.user = user;
	return ctx->push(s, std::move(op));
}
