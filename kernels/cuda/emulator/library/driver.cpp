/*
 * An emulated libcuda.so.1 for tests. It runs the kernels that are compiled into it (kernels.cpp, made from the sources when it is
 * built) on the CPU, and holds them against the PTX that is loaded. It is stricter than a driver: what a driver may let pass is an
 * error here, with a line on standard error.
 *
 *   Asynchronous work runs when something waits for it, no sooner, and of other streams only what it depends on, so that a
 *   synchronization that is missing shows. Page-locked memory is read when the copy runs.
 *   Fresh memory is full of NaN. A kernel or a copy that writes past the end of an allocation is found after it ran.
 *
 * Environment:
 *   DEBUT_EMU_MEMORY   bytes of a GPU's memory, 2 GiB unless set
 *   DEBUT_EMU_DEVICES  compute capabilities, "9.0" unless set; "9.0,6.0" stands for two GPUs
 *   DEBUT_EMU_DRIVER   the CUDA version of the driver as 1000*major + 10*minor, 12040 unless set
 *   DEBUT_EMU_FAIL     "launch:N": the Nth kernel fails, and the GPU with it; "lost:N": the GPU is lost at the Nth; "alloc:N":
 *                      the Nth allocation finds no memory; "copy:N": the Nth copy fails
 *   DEBUT_EMU_NULL     1: kernels and graphs do nothing, to time what calls them
 */
#include <cuda.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "threads.h"

using Work = std::function<CUresult()>;

struct CUctx_st { int device; bool retained; };
struct CUmod_st { std::map<std::string, std::unique_ptr<CUfunc_st>> functions; };
struct CUfunc_st { const gpu::Kernel *kernel; };
struct CUgraph_st { std::vector<Work> work; };
struct CUgraphExec_st { std::vector<Work> work; };
struct CUstream_st {
	std::deque<Work> queue;
	CUgraph capture;
	bool draining;
};
struct CUevent_st {
	CUstream stream;
	unsigned long queued, done; /* records */
};

namespace {

struct Allocation { size_t size; std::string what; };

const size_t fence = 256;
const unsigned char fence_byte = 0xa5;
const size_t most_queued = 4096;

std::recursive_mutex mutex;
bool started, nothing;
size_t total_memory = 2ull << 30, used_memory;
int driver_version = 12040;
std::vector<std::pair<int, int>> capabilities;
std::string fail_kind;
long fail_at, launches, allocations, copies;
CUresult lost = CUDA_SUCCESS; /* of a GPU that has failed, for ever */

std::map<CUdeviceptr, Allocation> memory;
std::map<uintptr_t, size_t> pinned;
CUctx_st contexts[16];
thread_local std::vector<CUcontext> current;
thread_local CUstream capturing; /* by this thread */
bool invalidated;
CUstream_st default_stream;
std::vector<CUstream> streams{&default_stream};

CUresult complain(CUresult r, const char *what) {
	fprintf(stderr, "emulated GPU: %s\n", what);
	return r;
}

size_t number(const char *name, size_t otherwise) {
	const char *s = getenv(name);
	return s && *s ? strtoull(s, nullptr, 0) : otherwise;
}

bool fails(const char *kind, long &count) { return ++count == fail_at && fail_kind == kind; }

bool on_gpu(CUdeviceptr p, size_t n) {
	auto it = memory.upper_bound(p);
	if (it == memory.begin()) return false;
	--it;
	return p + n <= it->first + it->second.size;
}

bool is_pinned(const void *p, size_t n) {
	auto it = pinned.upper_bound((uintptr_t)p);
	if (it == pinned.begin()) return false;
	--it;
	return (uintptr_t)p + n <= it->first + it->second;
}

/* intact says whether nobody has written past the end of an allocation. */
bool intact(CUdeviceptr p, const Allocation &a) {
	const unsigned char *end = (const unsigned char *)p + a.size;
	for (size_t i = 0; i < fence; i++)
		if (end[i] != fence_byte) return false;
	return true;
}

CUresult check_fences(const char *name) {
	for (auto &[p, a] : memory)
		if (!intact(p, a)) {
			fprintf(stderr, "emulated GPU: %s wrote past the end of %zu bytes\n", name, a.size);
			return lost = CUDA_ERROR_ILLEGAL_ADDRESS;
		}
	return CUDA_SUCCESS;
}

CUstream stream_of(CUstream s) { return s ? s : &default_stream; }

/* drain does what is queued on a stream, up to where `until` says that it is enough. */
CUresult drain(CUstream s, const std::function<bool()> &until = nullptr) {
	if (s->draining) return complain(CUDA_ERROR_ILLEGAL_STATE, "streams wait for each other");
	s->draining = true;
	CUresult r = lost;
	while (r == CUDA_SUCCESS && !s->queue.empty() && !(until && until())) {
		Work w = std::move(s->queue.front());
		s->queue.pop_front();
		r = w();
	}
	if (r != CUDA_SUCCESS) {
		s->queue.clear();
		if (lost == CUDA_SUCCESS) lost = r;
	}
	s->draining = false;
	return r;
}

CUresult drain_all() {
	CUresult r = lost;
	for (CUstream s : streams)
		if (CUresult e = drain(s)) r = e;
	return r;
}

CUresult submit(CUstream s, Work w) {
	s = stream_of(s);
	if (s->capture) {
		s->capture->work.push_back(std::move(w));
		return CUDA_SUCCESS;
	}
	s->queue.push_back(std::move(w));
	return s->queue.size() > most_queued ? drain(s) : CUDA_SUCCESS;
}

/* unsafe is what may not be called between the beginning and the end of a capture. */
CUresult unsafe(const char *what) {
	if (!capturing) return CUDA_SUCCESS;
	invalidated = true;
	fprintf(stderr, "emulated GPU: %s while a stream is captured\n", what);
	return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult entered() {
	if (!started) return CUDA_ERROR_NOT_INITIALIZED;
	if (current.empty() || !current.back()) return complain(CUDA_ERROR_INVALID_CONTEXT, "no context is current");
	if (!current.back()->retained) return complain(CUDA_ERROR_CONTEXT_IS_DESTROYED, "the context was released");
	return lost;
}

CUresult copy(void *dst, const void *src, size_t n) {
	if (fails("copy", copies)) return lost = CUDA_ERROR_ECC_UNCORRECTABLE;
	memmove(dst, src, n);
	return CUDA_SUCCESS;
}

CUresult check_copy(const char *what, const void *host, CUdeviceptr device, size_t n, bool asynchronous) {
	if (!on_gpu(device, n)) {
		fprintf(stderr, "emulated GPU: %s of %zu bytes that are not within an allocation\n", what, n);
		return CUDA_ERROR_INVALID_VALUE;
	}
	if (asynchronous && host && !is_pinned(host, n)) {
		fprintf(stderr, "emulated GPU: asynchronous %s of %zu bytes of memory that is not page-locked\n", what, n);
		return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

} // namespace

#define API extern "C" __attribute__((visibility("default"))) CUresult
#define LOCK std::lock_guard<std::recursive_mutex> guard(mutex)
#define TRY(call) \
	do { \
		if (CUresult result_ = (call)) return result_; \
	} while (0)

/* ---- the driver and its GPUs */

API cuInit(unsigned) {
	LOCK;
	if (started) return CUDA_SUCCESS;
	total_memory = number("DEBUT_EMU_MEMORY", total_memory);
	driver_version = number("DEBUT_EMU_DRIVER", driver_version);
	nothing = number("DEBUT_EMU_NULL", 0) != 0;
	const char *list = getenv("DEBUT_EMU_DEVICES");
	for (const char *s = list ? list : "9.0"; *s;) {
		int major = 0, minor = 0, length = 0;
		if (sscanf(s, "%d.%d%n", &major, &minor, &length) < 2) break;
		if (capabilities.size() < 16) capabilities.push_back({major, minor});
		s += length;
		if (*s == ',') s++;
	}
	if (const char *f = getenv("DEBUT_EMU_FAIL")) {
		const char *colon = strchr(f, ':');
		if (colon) fail_kind.assign(f, colon), fail_at = atol(colon + 1);
	}
	for (int i = 0; i < 16; i++) contexts[i].device = i;
	started = true;
	return capabilities.empty() ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

API cuDriverGetVersion(int *v) {
	*v = number("DEBUT_EMU_DRIVER", driver_version);
	return CUDA_SUCCESS;
}

API cuDeviceGetCount(int *n) {
	*n = (int)capabilities.size();
	return CUDA_SUCCESS;
}

API cuDeviceGet(CUdevice *d, int i) {
	if (i < 0 || i >= (int)capabilities.size()) return CUDA_ERROR_INVALID_DEVICE;
	*d = i;
	return CUDA_SUCCESS;
}

API cuDeviceGetName(char *s, int n, CUdevice) {
	snprintf(s, n, "Emulated GPU");
	return CUDA_SUCCESS;
}

API cuDeviceTotalMem_v2(size_t *n, CUdevice) {
	*n = total_memory;
	return CUDA_SUCCESS;
}

API cuDeviceGetAttribute(int *v, CUdevice_attribute a, CUdevice d) {
	switch ((int)a) {
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = capabilities[d].first; break;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = capabilities[d].second; break;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *v = 32; break;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = 2; break;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *v = 1024; break;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *v = 48 << 10; break;
	default: *v = 0;
	}
	return CUDA_SUCCESS;
}

/* ---- contexts */

API cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) {
	LOCK;
	*c = &contexts[d];
	(*c)->retained = true;
	return lost;
}

/* A context that others retain too stays; this one counts no more than whether there is memory left in it. */
API cuDevicePrimaryCtxRelease_v2(CUdevice) { return CUDA_SUCCESS; }

API cuCtxSetCurrent(CUcontext c) {
	if (current.empty()) current.push_back(c);
	else current.back() = c;
	return CUDA_SUCCESS;
}

API cuCtxGetCurrent(CUcontext *c) {
	*c = current.empty() ? nullptr : current.back();
	return CUDA_SUCCESS;
}

API cuCtxPushCurrent_v2(CUcontext c) {
	current.push_back(c);
	return CUDA_SUCCESS;
}

API cuCtxPopCurrent_v2(CUcontext *c) {
	if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
	if (c) *c = current.back();
	current.pop_back();
	return CUDA_SUCCESS;
}

API cuCtxSynchronize() {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuCtxSynchronize"));
	return drain_all();
}

/* ---- memory */

API cuMemGetInfo_v2(size_t *free, size_t *total) {
	LOCK;
	TRY(entered());
	*free = total_memory - used_memory, *total = total_memory;
	return CUDA_SUCCESS;
}

API cuMemAlloc_v2(CUdeviceptr *p, size_t n) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuMemAlloc"));
	if (!n) return CUDA_ERROR_INVALID_VALUE;
	if (fails("alloc", allocations) || n > total_memory - used_memory) return CUDA_ERROR_OUT_OF_MEMORY;
	void *q;
	if (posix_memalign(&q, 512, n + fence)) return CUDA_ERROR_OUT_OF_MEMORY;
	memset(q, 0xff, n);
	memset((char *)q + n, fence_byte, fence);
	*p = (CUdeviceptr)q;
	memory[*p] = {n, ""};
	used_memory += n;
	return CUDA_SUCCESS;
}

API cuMemFree_v2(CUdeviceptr p) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuMemFree"));
	if (!p) return CUDA_SUCCESS;
	auto it = memory.find(p);
	if (it == memory.end()) return complain(CUDA_ERROR_INVALID_VALUE, "memory is freed that was not allocated");
	TRY(drain_all()); /* as a driver does */
	TRY(check_fences("something"));
	used_memory -= it->second.size;
	memory.erase(it);
	free((void *)p);
	return CUDA_SUCCESS;
}

API cuMemHostAlloc(void **p, size_t n, unsigned) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuMemHostAlloc"));
	if (!n || posix_memalign(p, 4096, n)) return CUDA_ERROR_OUT_OF_MEMORY;
	pinned[(uintptr_t)*p] = n;
	return CUDA_SUCCESS;
}

API cuMemFreeHost(void *p) {
	LOCK;
	TRY(entered());
	TRY(drain_all());
	if (!pinned.erase((uintptr_t)p)) return CUDA_ERROR_INVALID_VALUE;
	free(p);
	return CUDA_SUCCESS;
}

/* Copies that wait do not wait for streams that do not block; only what the default stream has is done before. */
API cuMemcpyHtoD_v2(CUdeviceptr d, const void *s, size_t n) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuMemcpyHtoD"));
	TRY(check_copy("copy to the GPU", nullptr, d, n, false));
	TRY(drain(&default_stream));
	return copy((void *)d, s, n);
}

API cuMemcpyDtoH_v2(void *d, CUdeviceptr s, size_t n) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuMemcpyDtoH"));
	TRY(check_copy("copy from the GPU", nullptr, s, n, false));
	TRY(drain(&default_stream));
	return copy(d, (void *)s, n);
}

API cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void *s, size_t n, CUstream st) {
	LOCK;
	TRY(entered());
	TRY(check_copy("copy to the GPU", s, d, n, true));
	return submit(st, [=] { return copy((void *)d, s, n); });
}

API cuMemcpyDtoHAsync_v2(void *d, CUdeviceptr s, size_t n, CUstream st) {
	LOCK;
	TRY(entered());
	TRY(check_copy("copy from the GPU", d, s, n, true));
	return submit(st, [=] { return copy(d, (void *)s, n); });
}

API cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr s, size_t n, CUstream st) {
	LOCK;
	TRY(entered());
	TRY(check_copy("copy within the GPU", nullptr, d, n, true));
	TRY(check_copy("copy within the GPU", nullptr, s, n, true));
	return submit(st, [=] { return copy((void *)d, (void *)s, n); });
}

API cuMemsetD8Async(CUdeviceptr d, unsigned char v, size_t n, CUstream st) {
	LOCK;
	TRY(entered());
	if (!on_gpu(d, n)) return complain(CUDA_ERROR_INVALID_VALUE, "memory is set that is not within an allocation");
	return submit(st, [=] {
		memset((void *)d, v, n);
		return CUDA_SUCCESS;
	});
}

/* ---- modules: the PTX is not run, but it must be of the kernels that are compiled in */

static int parameter_bytes(const std::string &ptx, size_t from, size_t to, int *count) {
	int bytes = 0;
	*count = 0;
	for (size_t at = from; (at = ptx.find(".param ", at)) < to; at++, ++*count) {
		size_t bracket = ptx.find('[', at), end = ptx.find_first_of(",\n", at);
		if (bracket < end) bytes = atoi(ptx.c_str() + bracket + 1);
	}
	return bytes;
}

API cuModuleLoadData(CUmodule *out, const void *image) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuModuleLoadData"));
	std::string ptx((const char *)image);
	int major = 0, minor = 0;
	size_t v = ptx.find(".version ");
	if (v == std::string::npos || sscanf(ptx.c_str() + v, ".version %d.%d", &major, &minor) != 2) return complain(CUDA_ERROR_INVALID_PTX, "PTX without a version");
	/* CUDA 11.x reads PTX 7.x, 12.x reads 8.x. */
	if (10 * major + minor > 10 * (driver_version / 1000 - 4) + driver_version % 1000 / 10) return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
	auto m = std::make_unique<CUmod_st>();
	for (size_t at = 0; (at = ptx.find(".entry ", at)) != std::string::npos;) {
		at += 7;
		size_t open = ptx.find('(', at), close = ptx.find("\n)", at);
		std::string name = ptx.substr(at, open - at);
		const gpu::Kernel *k = gpu::Kernel::all;
		while (k && name != k->name) k = k->next;
		if (!k) {
			fprintf(stderr, "emulated GPU: the PTX has a kernel %s that the emulator has not\n", name.c_str());
			return CUDA_ERROR_INVALID_PTX;
		}
		int count, bytes = parameter_bytes(ptx, open, close, &count);
		if (count != 1 || bytes != (int)k->args) {
			fprintf(stderr, "emulated GPU: %s takes %d parameters of %d bytes in the PTX, one of %zu in the emulator\n", name.c_str(), count, bytes, k->args);
			return CUDA_ERROR_INVALID_PTX;
		}
		m->functions[name] = std::make_unique<CUfunc_st>(CUfunc_st{k});
	}
	if (m->functions.empty()) return complain(CUDA_ERROR_INVALID_PTX, "PTX without kernels");
	*out = m.release();
	return CUDA_SUCCESS;
}

API cuModuleUnload(CUmodule m) {
	LOCK;
	TRY(entered());
	TRY(drain_all());
	delete m;
	return CUDA_SUCCESS;
}

API cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name) {
	LOCK;
	TRY(entered());
	auto it = m->functions.find(name);
	if (it == m->functions.end()) return CUDA_ERROR_NOT_FOUND;
	*f = it->second.get();
	return CUDA_SUCCESS;
}

API cuLaunchKernel(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream s,
		   void **params, void **extra) {
	if (nothing) return CUDA_SUCCESS;
	LOCK;
	TRY(entered());
	if (!f || !params || extra || !gx || !gy || !gz || !bx || !by || !bz || bx > 1024 || by > 1024 || bz > 64 || bx * by * bz > 1024 || gx > 0x7fffffff ||
	    gy > 65535 || gz > 65535 || shared > 48 << 10) {
		fprintf(stderr, "emulated GPU: launch of %s with a grid of %u×%u×%u blocks of %u×%u×%u threads\n", f ? f->kernel->name : "nothing", gx, gy, gz, bx, by, bz);
		return CUDA_ERROR_INVALID_VALUE;
	}
	const gpu::Kernel *k = f->kernel;
	auto args = std::make_shared<std::vector<uint64_t>>((k->args + 7) / 8 + 2);
	char *at = (char *)(((uintptr_t)args->data() + 15) & ~(uintptr_t)15);
	memcpy(at, params[0], k->args);
	return submit(s, [=]() -> CUresult {
		(void)args;
		if (fails("launch", launches)) return lost = CUDA_ERROR_LAUNCH_FAILED;
		if (launches == fail_at && fail_kind == "lost") return lost = CUDA_ERROR_ECC_UNCORRECTABLE;
		if (!gpu::run_grid(k, at, {gx, gy, gz}, {bx, by, bz})) return lost = CUDA_ERROR_LAUNCH_TIMEOUT;
		return check_fences(k->name);
	});
}

/* ---- streams and events */

API cuStreamCreate(CUstream *s, unsigned) {
	LOCK;
	TRY(entered());
	*s = new CUstream_st();
	streams.push_back(*s);
	return CUDA_SUCCESS;
}

API cuStreamDestroy_v2(CUstream s) {
	LOCK;
	TRY(entered());
	TRY(drain(s));
	for (size_t i = 0; i < streams.size(); i++)
		if (streams[i] == s) streams.erase(streams.begin() + i);
	delete s;
	return CUDA_SUCCESS;
}

API cuStreamSynchronize(CUstream s) {
	LOCK;
	TRY(entered());
	TRY(unsafe("cuStreamSynchronize"));
	return drain(stream_of(s));
}

API cuStreamQuery(CUstream s) {
	LOCK;
	TRY(entered());
	s = stream_of(s);
	if (s->queue.empty()) return CUDA_SUCCESS;
	size_t left = s->queue.size() - 1;
	TRY(drain(s, [=] { return s->queue.size() <= left; }));
	return CUDA_ERROR_NOT_READY;
}

API cuEventCreate(CUevent *e, unsigned) {
	LOCK;
	TRY(entered());
	*e = new CUevent_st();
	return CUDA_SUCCESS;
}

API cuEventDestroy_v2(CUevent e) {
	LOCK;
	TRY(entered());
	TRY(drain_all());
	delete e;
	return CUDA_SUCCESS;
}

API cuEventRecord(CUevent e, CUstream s) {
	if (nothing) return CUDA_SUCCESS;
	LOCK;
	TRY(entered());
	s = stream_of(s);
	if (s->capture) return complain(CUDA_ERROR_NOT_SUPPORTED, "events in captured streams are not emulated");
	e->stream = s;
	unsigned long mine = ++e->queued;
	return submit(s, [=] {
		e->done = mine;
		return CUDA_SUCCESS;
	});
}

static CUresult wait_for(CUevent e, unsigned long record) {
	if (e->done >= record) return CUDA_SUCCESS;
	return drain(e->stream, [=] { return e->done >= record; });
}

API cuStreamWaitEvent(CUstream s, CUevent e, unsigned) {
	if (nothing) return CUDA_SUCCESS;
	LOCK;
	TRY(entered());
	s = stream_of(s);
	if (s->capture) return complain(CUDA_ERROR_NOT_SUPPORTED, "events in captured streams are not emulated");
	unsigned long record = e->queued;
	return submit(s, [=] { return wait_for(e, record); });
}

API cuEventSynchronize(CUevent e) {
	if (nothing) return CUDA_SUCCESS;
	LOCK;
	TRY(entered());
	TRY(unsafe("cuEventSynchronize"));
	return wait_for(e, e->queued);
}

API cuEventQuery(CUevent e) {
	LOCK;
	TRY(entered());
	if (e->done >= e->queued) return CUDA_SUCCESS;
	CUresult r = cuStreamQuery(e->stream);
	return r == CUDA_SUCCESS || r == CUDA_ERROR_NOT_READY ? CUDA_ERROR_NOT_READY : r;
}

/* ---- graphs */

API cuStreamBeginCapture_v2(CUstream s, CUstreamCaptureMode) {
	LOCK;
	TRY(entered());
	if (!s) return complain(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot be captured");
	if (s->capture || capturing) return CUDA_ERROR_ILLEGAL_STATE;
	s->capture = new CUgraph_st();
	capturing = s;
	invalidated = false;
	return CUDA_SUCCESS;
}

API cuStreamEndCapture(CUstream s, CUgraph *g) {
	LOCK;
	TRY(entered());
	if (!s || !s->capture) return CUDA_ERROR_ILLEGAL_STATE;
	if (capturing != s) return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	*g = s->capture;
	s->capture = nullptr;
	capturing = nullptr;
	if (!invalidated) return CUDA_SUCCESS;
	delete *g;
	*g = nullptr;
	return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
}

API cuGraphInstantiateWithFlags(CUgraphExec *e, CUgraph g, unsigned long long) {
	LOCK;
	TRY(entered());
	*e = new CUgraphExec_st{g->work};
	return CUDA_SUCCESS;
}

API cuGraphLaunch(CUgraphExec e, CUstream s) {
	if (nothing) return CUDA_SUCCESS;
	LOCK;
	TRY(entered());
	for (const Work &w : e->work) TRY(submit(s, w));
	return CUDA_SUCCESS;
}

API cuGraphDestroy(CUgraph g) {
	LOCK;
	delete g;
	return CUDA_SUCCESS;
}

API cuGraphExecDestroy(CUgraphExec e) {
	LOCK;
	TRY(drain_all());
	delete e;
	return CUDA_SUCCESS;
}

/* ---- for the stand-in of cuBLASLt: work of the host's on a stream */

extern "C" __attribute__((visibility("default"))) int emulated_submit(CUstream s, int (*f)(const void *), const void *args, size_t size) {
	LOCK;
	TRY(entered());
	std::vector<char> copied((const char *)args, (const char *)args + size);
	return submit(s, [=] { return f(copied.data()) ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS; });
}

extern "C" __attribute__((visibility("default"))) int emulated_within(unsigned long long p, size_t n) {
	LOCK;
	return on_gpu(p, n);
}
