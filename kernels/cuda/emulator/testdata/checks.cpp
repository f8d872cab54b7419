// Checks of the emulated driver and the stand-in for cuBLASLt, each in a process of its own: checks NAME. A check that
// fails says where, and ends the process with 1. Without a name it lists them.
#include <cuda.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <string>
#include <vector>

extern "C" {
int cublasLtCreate(void **);
int cublasLtMatmulDescCreate(void **, int, int);
int cublasLtMatmulDescSetAttribute(void *, int, const void *, size_t);
int cublasLtMatrixLayoutCreate(void **, int, uint64_t, uint64_t, int64_t);
int cublasLtMatmulPreferenceCreate(void **);
int cublasLtMatmulPreferenceSetAttribute(void *, int, const void *, size_t);
int cublasLtMatmulAlgoGetHeuristic(void *, void *, void *, void *, void *, void *, void *, int, void *, int *);
int cublasLtMatmul(void *, void *, const void *, const void *, void *, const void *, void *, const void *, const void *, void *, void *, void *, const void *, void *, size_t, CUstream);
}

static void is(long got, long want, int line, const char *what) {
	if (got == want) return;
	printf("line %d: %s is %ld, want %ld\n", line, what, got, want);
	exit(1);
}
#define IS(got, want) is((long)(got), (long)(want), __LINE__, #got)
#define OK(call) IS(call, CUDA_SUCCESS)

struct ScaleArgs {
	CUdeviceptr x, y;
	long long n;
	float by;
};

static const char *const names[] = {"scale", "total", "early", "mixed", "beyond", "clash", "agree", "shift", "tile"};
static std::string ptx(size_t size, const char *version = "7.8") {
	std::string s = std::string("// made up\n.version ") + version + "\n.target sm_70\n.address_size 64\n";
	for (const char *n : names)
		s += std::string(".visible .entry ") + n + "(\n\t.param .align 8 .b8 " + n + "_param_0[" + std::to_string(size) + "]\n)\n.maxntid 256, 1, 1\n{\n\tret;\n}\n";
	return s;
}

static CUcontext context;
static CUmodule module_;
static CUstream s1, s2;

static void begin() {
	OK(cuInit(0));
	OK(cuDevicePrimaryCtxRetain(&context, 0));
	OK(cuCtxSetCurrent(context));
	OK(cuModuleLoadData(&module_, ptx(sizeof(ScaleArgs)).c_str()));
	OK(cuStreamCreate(&s1, CU_STREAM_NON_BLOCKING));
	OK(cuStreamCreate(&s2, CU_STREAM_NON_BLOCKING));
}
static CUdeviceptr device(size_t floats) {
	CUdeviceptr p;
	OK(cuMemAlloc(&p, 4 * floats));
	return p;
}
static float *pinned(size_t floats) {
	void *p;
	OK(cuMemHostAlloc(&p, 4 * floats, 0));
	return (float *)p;
}
static CUresult launch(const char *name, CUstream s, CUdeviceptr x, CUdeviceptr y, long long n, float by, unsigned blocks = 1, unsigned down = 1) {
	CUfunction f;
	OK(cuModuleGetFunction(&f, module_, name));
	ScaleArgs a = {x, y, n, by};
	void *params[] = {&a};
	return cuLaunchKernel(f, blocks, down, 1, 256, 1, 1, 0, s, params, nullptr);
}
static float at(CUdeviceptr p, size_t i) {
	float v;
	OK(cuMemcpyDtoH(&v, p + 4 * i, 4));
	return v;
}

static void rejections() {
	int v;
	IS(cuDeviceGetCount(&v), CUDA_ERROR_NOT_INITIALIZED);
	OK(cuInit(0));
	CUdeviceptr p;
	IS(cuMemAlloc(&p, 4), CUDA_ERROR_INVALID_CONTEXT);
	begin();
	CUmodule m;
	IS(cuModuleLoadData(&m, ptx(sizeof(ScaleArgs) + 8).c_str()), CUDA_ERROR_INVALID_PTX);
	IS(cuModuleLoadData(&m, ptx(sizeof(ScaleArgs), "8.5").c_str()), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
	IS(cuModuleLoadData(&m, "nonsense"), CUDA_ERROR_INVALID_PTX);
	std::string renamed = ptx(sizeof(ScaleArgs));
	renamed.replace(renamed.find("scale("), 5, "other");
	IS(cuModuleLoadData(&m, renamed.c_str()), CUDA_ERROR_INVALID_PTX);
	CUfunction f;
	IS(cuModuleGetFunction(&f, module_, "none"), CUDA_ERROR_NOT_FOUND);
	OK(cuModuleGetFunction(&f, module_, "scale"));
	OK(cuFuncGetAttribute(&v, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, f));
	IS(v, 256);
	p = device(100);
	ScaleArgs a = {p, p, 100, 1};
	void *params[] = {&a};
	IS(cuLaunchKernel(f, 1, 65536, 1, 32, 1, 1, 0, s1, params, nullptr), CUDA_ERROR_INVALID_VALUE);
	IS(cuLaunchKernel(f, 1, 1, 1, 2048, 1, 1, 0, s1, params, nullptr), CUDA_ERROR_INVALID_VALUE);
	IS(cuLaunchKernel(f, 1, 1, 1, 512, 1, 1, 0, s1, params, nullptr), CUDA_ERROR_INVALID_VALUE);
	IS(cuLaunchKernel(f, 0, 1, 1, 32, 1, 1, 0, s1, params, nullptr), CUDA_ERROR_INVALID_VALUE);
	IS(cuLaunchKernel((CUfunction)&v, 1, 1, 1, 32, 1, 1, 0, s1, params, nullptr), CUDA_ERROR_INVALID_HANDLE);
	float host[101] = {};
	IS(cuMemcpyHtoD(p, host, 404), CUDA_ERROR_INVALID_VALUE);
	IS(cuMemcpyHtoD(p + 4, host, 400), CUDA_ERROR_INVALID_VALUE);
	IS(cuMemcpyHtoDAsync(p, host, 400, s1), CUDA_ERROR_INVALID_VALUE);
	IS(cuMemsetD8Async(p, 0, 401, s1), CUDA_ERROR_INVALID_VALUE);
	IS(cuMemFree(p + 4), CUDA_ERROR_INVALID_VALUE);
	OK(cuMemFree(p));
	IS(cuMemFree(p), CUDA_ERROR_INVALID_VALUE);
	IS(cuMemcpyHtoD(p, host, 4), CUDA_ERROR_INVALID_VALUE);
	IS(cuMemAlloc(&p, (size_t)3 << 30), CUDA_ERROR_OUT_OF_MEMORY);
	OK(cuStreamDestroy(s1));
	IS(cuStreamSynchronize(s1), CUDA_ERROR_INVALID_HANDLE);
	OK(cuDevicePrimaryCtxRelease(0));
	IS(cuCtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

static void unwritten() {
	begin();
	CUdeviceptr p = device(10), q = device(8 << 20);
	IS(isnan(at(p, 9)), 1);
	IS(isnan(at(q, (8 << 20) - 1)), 1);
	OK(cuMemsetD8Async(q, 0, 32 << 20, s1));
	OK(cuMemsetD32Async(p, 0x40000000, 9, s1));
	OK(cuStreamSynchronize(s1));
	IS(at(q, 12345), 0);
	IS(at(p, 8), 2);
	IS(isnan(at(p, 9)), 1);
}

static void deferral() {
	begin();
	CUdeviceptr x = device(1), y = device(1);
	float *host = pinned(2);
	host[0] = 1;
	OK(cuMemcpyHtoDAsync(x, host, 4, s1));
	host[0] = 2; // too early, and so it is seen
	OK(launch("scale", s1, x, y, 1, 10));
	OK(cuMemcpyDtoHAsync(host + 1, y, 4, s1));
	IS(host[1], 0);
	CUevent e;
	OK(cuEventCreate(&e, 0));
	OK(cuEventRecord(e, s1));
	IS(cuEventQuery(e), CUDA_ERROR_NOT_READY);
	IS(host[1], 0);
	int asked = 1;
	for (CUresult r; (r = cuEventQuery(e)) != CUDA_SUCCESS; asked++) IS(r, CUDA_ERROR_NOT_READY);
	IS(host[1], 20);
	IS(cuStreamQuery(s1), CUDA_SUCCESS);
	OK(cuEventSynchronize(e));
}

// What a stream has to wait for is done before, and nothing else need be.
static void events() {
	begin();
	CUdeviceptr x = device(1), y = device(1), z = device(1);
	float *host = pinned(1);
	host[0] = 3;
	CUevent e;
	OK(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
	OK(cuMemsetD32Async(z, 0, 1, s2));
	OK(cuStreamSynchronize(s2));
	for (int i = 0; i < 20; i++) {
		OK(cuMemcpyHtoDAsync(x, host, 4, s1));
		OK(cuEventRecord(e, s1));
		OK(cuMemsetD32Async(z, 0x3f800000, 1, s1)); // after the event
		OK(cuStreamWaitEvent(s2, e, 0));
		OK(launch("scale", s2, x, y, 1, 2));
		OK(cuStreamSynchronize(s2));
		host[0]++;
	}
	IS(at(y, 0), 2 * 22);
	float ms;
	IS(cuEventElapsedTime(&ms, e, e), CUDA_ERROR_INVALID_HANDLE);
}

// Without an event another stream is seen too early, in one order or another.
static void missing(const char *order) {
	setenv("DEBUT_EMU_ORDER", order, 1);
	begin();
	bool ahead = strcmp(order, "ahead") == 0;
	CUdeviceptr x = device(1), y = device(1);
	OK(cuMemsetD32Async(x, 0x3f800000, 1, s1)); // 1
	OK(cuStreamSynchronize(s1));
	if (ahead) { // s2 overwrites what s1 still reads
		OK(launch("scale", s1, x, y, 1, 1));
		OK(cuMemsetD32Async(x, 0x40000000, 1, s2));
		OK(cuStreamSynchronize(s1));
		IS(at(y, 0), 2);
	} else { // s1 reads what s2 has not written
		OK(cuMemsetD32Async(x, 0x40000000, 1, s2));
		OK(launch("scale", s1, x, y, 1, 1));
		OK(cuStreamSynchronize(s1));
		IS(at(y, 0), 1);
	}
}
static void behind() { missing("behind"); }
static void ahead() { missing("ahead"); }

static void capture() {
	begin();
	const int n = 1000;
	CUdeviceptr x = device(n), y = device(n), z = device(n);
	float *host = pinned(n);
	for (int i = 0; i < n; i++) host[i] = (float)i;
	CUevent fork, join;
	OK(cuEventCreate(&fork, CU_EVENT_DISABLE_TIMING));
	OK(cuEventCreate(&join, CU_EVENT_DISABLE_TIMING));
	CUgraph g;
	CUgraphExec e;
	OK(cuStreamBeginCapture(s1, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	OK(cuMemcpyHtoDAsync(x, host, 4 * n, s1));
	OK(cuEventRecord(fork, s1));
	OK(cuStreamWaitEvent(s2, fork, 0));
	OK(launch("scale", s1, x, y, n, 2));
	OK(launch("scale", s2, x, z, n, 3));
	OK(cuEventRecord(join, s2));
	OK(cuStreamWaitEvent(s1, join, 0));
	OK(launch("scale", s1, z, x, n, 1));
	OK(cuStreamEndCapture(s1, &g));
	size_t nodes;
	OK(cuGraphGetNodes(g, nullptr, &nodes));
	IS(nodes, 4);
	OK(cuGraphInstantiateWithFlags(&e, g, 0));
	OK(cuGraphDestroy(g));
	OK(cuCtxSynchronize());
	IS(isnan(at(y, 5)), 1); // nothing ran yet
	for (int i = 0; i < 4; i++) {
		host[5]++;
		OK(cuGraphLaunch(e, s1));
		OK(cuStreamSynchronize(s1));
		IS(at(y, 5), 2 * host[5]);
		IS(at(x, 5), 3 * host[5]);
	}

	// What must not be done meanwhile.
	CUdeviceptr p;
	OK(cuStreamBeginCapture(s1, CU_STREAM_CAPTURE_MODE_GLOBAL));
	IS(cuMemAlloc(&p, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	IS(launch("scale", s1, x, y, n, 2), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	IS(cuStreamEndCapture(s1, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	OK(cuStreamBeginCapture(s1, CU_STREAM_CAPTURE_MODE_RELAXED));
	IS(cuStreamSynchronize(s1), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	IS(cuStreamEndCapture(s1, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	OK(cuStreamBeginCapture(s1, CU_STREAM_CAPTURE_MODE_RELAXED));
	OK(cuEventRecord(fork, s1));
	OK(cuStreamWaitEvent(s2, fork, 0));
	OK(launch("scale", s2, x, y, n, 2));
	IS(cuStreamEndCapture(s1, &g), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
	OK(cuEventRecord(fork, s2));
	OK(cuStreamBeginCapture(s1, CU_STREAM_CAPTURE_MODE_RELAXED));
	IS(cuStreamWaitEvent(s1, fork, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
	IS(cuStreamEndCapture(s1, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	OK(launch("scale", s1, x, y, n, 2)); // as before
	OK(cuStreamSynchronize(s1));
}

static void barriers() {
	begin();
	const int blocks = 50;
	CUdeviceptr x = device(256 * blocks), y = device(blocks);
	float *host = pinned(256 * blocks);
	for (int i = 0; i < 256 * blocks; i++) host[i] = (float)(i % 256 + i / 256);
	OK(cuMemcpyHtoDAsync(x, host, 1024 * blocks, s1));
	for (int turn = 0; turn < 2; turn++) {
		OK(launch("total", s1, x, y, 0, 1, blocks));
		OK(cuStreamSynchronize(s1));
		for (int i = 0; i < blocks; i++) IS(at(y, (size_t)i), 255 * 128 + 256 * i);
	}
}

// What fails on the device makes it unusable, until its context is made anew.
static void fatal(const char *kernel, CUresult want, long long n) {
	begin();
	CUdeviceptr y = device(100), z = device(1024);
	OK(launch(kernel, s1, z, n >= 1024 ? z : y, n, 1));
	IS(cuStreamSynchronize(s1), want);
	IS(cuMemAlloc(&y, 4), want);
	OK(cuDevicePrimaryCtxRelease(0));
	begin();
	y = device(1);
}
static void deadlock() { fatal("mixed", CUDA_ERROR_LAUNCH_TIMEOUT, 0); }
static void left() { fatal("early", CUDA_ERROR_LAUNCH_FAILED, 0); }
static void past() { fatal("beyond", CUDA_ERROR_ILLEGAL_ADDRESS, 100); }
static void far() { fatal("beyond", CUDA_ERROR_ILLEGAL_ADDRESS, 1024); } // fills its page: behind it lies nothing
static void before() {
	begin();
	CUdeviceptr y = device(100);
	OK(launch("beyond", s1, y, y, -1, 1));
	OK(cuStreamSynchronize(s1));
	IS(cuMemFree(y), CUDA_ERROR_ILLEGAL_ADDRESS);
}
static void freed() {
	begin();
	CUdeviceptr x = device(100), y = device(100);
	OK(cuMemsetD8Async(x, 0, 400, s1));
	OK(cuMemFree(y));
	OK(launch("scale", s1, x, y, 100, 1));
	IS(cuStreamSynchronize(s1), CUDA_ERROR_ILLEGAL_ADDRESS);
}

// Blocks of a grid must not depend on each other, in whatever order they run.
static void races(const char *blocks) {
	setenv("DEBUT_EMU_BLOCKS", blocks, 1);
	auto is_race = [](const char *kernel, CUresult want, long long n, unsigned grid, unsigned down = 1) {
		begin();
		CUdeviceptr x = device(2048);
		OK(cuMemsetD32Async(x, 0x3f800000, 1024, s1));
		OK(cuMemsetD32Async(x + 4096, 0x40000000, 1024, s1));
		OK(launch(kernel, s1, x, x, n, 5, grid, down));
		IS(cuStreamSynchronize(s1), want);
		OK(cuDevicePrimaryCtxRelease(0));
	};
	is_race("clash", CUDA_ERROR_LAUNCH_FAILED, 0, 2);
	is_race("clash", CUDA_ERROR_LAUNCH_FAILED, 0, 300);
	is_race("clash", CUDA_SUCCESS, 0, 1);
	is_race("clash", CUDA_SUCCESS, 0, 1, 9); // all write 0
	is_race("agree", CUDA_SUCCESS, 0, 300);
	is_race("scale", CUDA_SUCCESS, 2048, 8);
	is_race("shift", CUDA_SUCCESS, 0, 8);
	is_race("shift", CUDA_SUCCESS, 1024, 4);
	is_race("shift", CUDA_ERROR_LAUNCH_FAILED, 1, 4);    // onto the next block's first
	is_race("shift", CUDA_ERROR_LAUNCH_FAILED, 256, 7);  // 1s and a 2
	is_race("shift", CUDA_ERROR_LAUNCH_FAILED, 1023, 5); // what only the last one reads
	// Launches may overwrite what others wrote.
	begin();
	CUdeviceptr x = device(256), y = device(256);
	OK(cuMemsetD32Async(x, 0x3f800000, 256, s1));
	for (int i = 0; i < 100; i++) {
		OK(launch("scale", s1, x, y, 256, 2));
		OK(launch("scale", s1, y, x, 256, 2));
	}
	OK(cuStreamSynchronize(s1));
	OK(cuDevicePrimaryCtxRelease(0));
}
static void races_shuffled() { races("1"), races("12345"); }
static void races_in_turns() { races("turns"); }
static void races_unwatched() {
	setenv("DEBUT_EMU_RACES", "0", 1);
	begin();
	CUdeviceptr y = device(1);
	OK(launch("clash", s1, y, y, 0, 1, 2));
	OK(cuStreamSynchronize(s1));
}

// winners launches a race and returns which blocks came last.
static std::string winners(const char *blocks) {
	setenv("DEBUT_EMU_RACES", "0", 1);
	setenv("DEBUT_EMU_THREADS", "1", 1);
	setenv("DEBUT_EMU_BLOCKS", blocks, 1);
	begin();
	CUdeviceptr y = device(1);
	std::string s;
	for (int i = 0; i < 40; i++) {
		OK(launch("clash", s1, y, y, 0, 1, 8));
		OK(cuStreamSynchronize(s1));
		s += (char)('0' + (int)at(y, 0));
	}
	OK(cuDevicePrimaryCtxRelease(0));
	return s;
}
static void order() {
	std::string one = winners("1"), again = winners("1"), two = winners("2"), turns = winners("turns");
	IS(one == again, 1);
	IS(one == two, 0);
	for (char c = '0'; c < '8'; c++) IS(one.find(c) != std::string::npos, 1);
	IS(turns.find_first_not_of("07"), std::string::npos);
	IS(turns[0] != turns[1], 1);
}

static void faults() {
	setenv("DEBUT_EMU_FAIL", "refuse:2,alloc:3,copy:2,lost:4:79", 1);
	begin();
	CUdeviceptr x = device(1), y = device(1);
	IS(cuMemAlloc(&y, 4), CUDA_ERROR_OUT_OF_MEMORY);
	OK(launch("scale", s1, x, x, 1, 1));
	IS(launch("scale", s1, x, x, 1, 1), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
	OK(launch("scale", s1, x, x, 1, 1));
	float v;
	OK(cuMemcpyDtoH(&v, x, 4));
	IS(cuMemcpyDtoH(&v, x, 4), CUDA_ERROR_UNKNOWN);
	IS(launch("scale", s1, x, x, 1, 1), 79);
	IS(cuStreamSynchronize(s1), 79);
	setenv("DEBUT_EMU_FAIL", "launch:1", 1);
	OK(cuDevicePrimaryCtxRelease(0));
	begin();
	x = device(1);
	OK(launch("scale", s1, x, x, 1, 1));
	IS(cuStreamSynchronize(s1), CUDA_ERROR_LAUNCH_FAILED);
}

static void nothing() {
	setenv("DEBUT_EMU_NULL", "1", 1);
	begin();
	CUdeviceptr x = device(1);
	OK(launch("beyond", s1, x, x, 1000000, 1));
	OK(cuStreamSynchronize(s1));
}

static double now() {
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// What comes out must be right; how long it takes is told.
static void blas_of(int compute, long m, long n, long k, int ta, int tb, unsigned epilogue, float beta, double tolerance) {
	void *h, *desc, *la, *lb, *lc, *pref;
	IS(cublasLtCreate(&h), 0);
	IS(cublasLtMatmulDescCreate(&desc, compute, 0), 0);
	long sa = ta ? k : m, sb = tb ? n : k; // rows as they lie
	IS(cublasLtMatrixLayoutCreate(&la, 0, (uint64_t)sa, (uint64_t)(ta ? m : k), sa), 0);
	IS(cublasLtMatrixLayoutCreate(&lb, 0, (uint64_t)sb, (uint64_t)(tb ? k : n), sb), 0);
	IS(cublasLtMatrixLayoutCreate(&lc, 0, (uint64_t)m, (uint64_t)n, m + 3), 0);
	IS(cublasLtMatmulDescSetAttribute(desc, 3, &ta, 4), 0);
	IS(cublasLtMatmulDescSetAttribute(desc, 4, &tb, 4), 0);
	IS(cublasLtMatmulDescSetAttribute(desc, 7, &epilogue, 4), 0);
	size_t na = (size_t)(m * k), nb = (size_t)(k * n), nc = (size_t)((m + 3) * n);
	CUdeviceptr a = device(na), b = device(nb), c = device(nc), bias = device((size_t)m), room = device(1 << 18);
	std::vector<float> ha(na), hb(nb), hc(nc), hbias((size_t)m), out(nc);
	unsigned seed = 1;
	for (auto *v : {&ha, &hb, &hc, &hbias})
		for (float &x : *v) x = (float)((seed = seed * 1664525 + 1013904223) >> 8) / (1 << 23) - 1;
	OK(cuMemcpyHtoD(a, ha.data(), 4 * na));
	OK(cuMemcpyHtoD(b, hb.data(), 4 * nb));
	OK(cuMemcpyHtoD(c, hc.data(), 4 * nc));
	OK(cuMemcpyHtoD(bias, hbias.data(), 4 * (size_t)m));
	IS(cublasLtMatmulDescSetAttribute(desc, 8, &bias, 8), 0);
	uint64_t workspace = 1 << 20;
	IS(cublasLtMatmulPreferenceCreate(&pref), 0);
	IS(cublasLtMatmulPreferenceSetAttribute(pref, 1, &workspace, 8), 0);
	struct {
		uint64_t algo[8];
		size_t workspace;
		int state;
		float waves;
		int reserved[4];
	} found;
	int count = 0;
	IS(cublasLtMatmulAlgoGetHeuristic(h, desc, la, lb, lc, lc, pref, 1, &found, &count), 0);
	IS(count, 1);
	float one = 1;
	auto matmul = [&](CUdeviceptr pa, size_t ws) {
		return cublasLtMatmul(h, desc, &one, (void *)pa, la, (void *)b, lb, &beta, (void *)c, lc, (void *)c, lc, found.algo, (void *)room, ws, s1);
	};
	if (found.workspace) IS(matmul(a, found.workspace - 1), 7);
	IS(matmul(a + 4, workspace), 15);
	IS(matmul(0, workspace), 7);
	IS(cublasLtMatmul(h, desc, &one, (void *)a, la, (void *)b, la, &beta, (void *)c, lc, (void *)c, lc, found.algo, (void *)room, workspace, s1), m == k && k == n ? 0 : 7);
	double begun = now();
	IS(matmul(a, workspace), 0);
	OK(cuStreamSynchronize(s1));
	double took = now() - begun;
	OK(cuMemcpyDtoH(out.data(), c, 4 * nc));
	for (long j = 0; j < n; j += 1 + n / 37)
		for (long i = 0; i < m; i += 1 + i / 5) {
			double sum = 0;
			for (long l = 0; l < k; l++) sum += (double)ha[(size_t)(ta ? l + i * k : i + l * m)] * hb[(size_t)(tb ? j + l * n : l + j * k)];
			size_t at = (size_t)(i + j * (m + 3));
			if (beta != 0) sum += beta * hc[at];
			if (epilogue & 4) sum += hbias[(size_t)i];
			if (epilogue & 2 && sum < 0) sum = 0;
			if (!(fabs(out[at] - sum) <= tolerance * sqrt((double)k))) {
				printf("compute %d, %ld×%ld×%ld: element %ld, %ld is %g, want %g\n", compute, m, n, k, i, j, out[at], sum);
				exit(1);
			}
		}
	if (m * n * k > 1 << 27) printf("matmul of compute %d: %.1f GFLOP/s\n", compute, 2e-9 * (double)m * (double)n * (double)k / took);
}
static void blas() {
	begin();
	blas_of(68, 37, 53, 19, 0, 0, 1, 0, 1e-6);
	blas_of(68, 37, 53, 19, 1, 0, 6, 0, 1e-6);
	blas_of(68, 130, 200, 70, 0, 1, 4, 1, 1e-6);
	blas_of(68, 1, 7, 300, 1, 1, 2, 0.5f, 1e-6);
	blas_of(77, 64, 65, 128, 0, 0, 1, 0, 1e-3);
	blas_of(75, 64, 65, 128, 0, 0, 1, 0, 1e-2);
	blas_of(68, 768, 1024, 512, 1, 0, 6, 0, 1e-6);
}

static void speed() {
	begin();
	const long long n = 16 << 20;
	CUdeviceptr x = device(n), y = device(n);
	OK(cuMemsetD32Async(x, 0x3f800000, n, s1));
	OK(cuMemsetD32Async(y, 0x3f800000, n, s1));
	OK(cuStreamSynchronize(s1));
	for (int i = 0; i < 2; i++) {
		double begun = now();
		OK(launch("scale", s1, x, y, n, 2, i ? 1024 : 65536));
		OK(cuStreamSynchronize(s1));
		printf("elementwise, %d elements a thread: %.0f million a second\n", i ? 64 : 1, 1e-6 * (double)n / (now() - begun));
	}
	double begun = now();
	OK(launch("total", s1, x, y, 0, 1, n / 256));
	OK(cuStreamSynchronize(s1));
	printf("sums with shuffles: %.0f million a second\n", 1e-6 * (double)n / (now() - begun));
	const int m = 512;
	begun = now();
	OK(launch("tile", s1, x, y, m, 1, m / 64, m / 64));
	OK(cuStreamSynchronize(s1));
	printf("tiled product: %.1f GFLOP/s\n", 2e-9 * m * m * m / (now() - begun));
	IS(at(y, 12345), m);
	begun = now();
	for (int i = 0; i < 10000; i++) OK(launch("scale", s1, x, y, 1, 2));
	OK(cuStreamSynchronize(s1));
	printf("smallest launch: %.2f µs\n", 1e2 * (now() - begun));
}

static const struct {
	const char *name;
	void (*run)();
} checks[] = {{"rejections", rejections}, {"unwritten", unwritten}, {"deferral", deferral}, {"events", events}, {"behind", behind}, {"ahead", ahead},
              {"capture", capture}, {"barriers", barriers}, {"deadlock", deadlock}, {"left", left}, {"past", past}, {"far", far}, {"before", before},
              {"freed", freed}, {"faults", faults}, {"nothing", nothing}, {"races-shuffled", races_shuffled}, {"races-in-turns", races_in_turns},
              {"races-unwatched", races_unwatched}, {"order", order}, {"blas", blas}, {"speed", speed}};

int main(int argc, char **argv) {
	for (auto &c : checks) {
		if (argc < 2)
			puts(c.name);
		else if (strcmp(argv[1], c.name) == 0)
			return c.run(), 0;
	}
	return argc < 2 ? 0 : 2;
}
