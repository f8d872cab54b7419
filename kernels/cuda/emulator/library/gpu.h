/* What the sources of kernels find when they are compiled for the CPU: CUDA's words, and the registry of kernels. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
/* Blocks run one after another, so what a block shares may be static; another block finds what the one before has left. */
#define __shared__ static

struct uint3 { unsigned x, y, z; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) double2 { double x, y; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }

namespace gpu {

/* A warp exchanges values in two rooms in turn, so that a fast thread may write the next while a slow one reads. */
struct Warp {
	unsigned live, arrived, generation;
	uint64_t room[2][32];
};

struct Thread {
	uint3 index;
	unsigned lane;
	Warp *warp;
};

extern Thread *thread; /* that is running */
extern uint3 block_index, block_size, grid_size;

void block_barrier();
unsigned warp_barrier(); /* returns which room was filled */

/* exchange gives each lane the value that lane `from` has brought. */
template <class T> inline T exchange(T value, int from) {
	static_assert(sizeof(T) <= 8, "values of at most 8 bytes");
	Warp *w = thread->warp;
	uint64_t bits = 0;
	memcpy(&bits, &value, sizeof value);
	w->room[w->generation & 1][thread->lane] = bits;
	unsigned room = warp_barrier();
	if (from >= 0 && from < 32) memcpy(&value, &w->room[room][from], sizeof value);
	return value;
}

/* A kernel takes one struct. */
struct Kernel {
	const char *name;
	void (*call)(const void *args);
	size_t args;
	Kernel *next;
	static Kernel *all;
};

template <class A, void (*F)(A)> struct Registered {
	Kernel kernel;
	static void call(const void *args) { F(*(const A *)args); }
	explicit Registered(const char *name) : kernel{name, call, sizeof(A), Kernel::all} { Kernel::all = &kernel; }
};

template <class A> A argument(void (*)(const A));

} // namespace gpu

#define REGISTER(name) static gpu::Registered<decltype(gpu::argument(name)), name> gpu_##name(#name);

#define threadIdx (gpu::thread->index)
#define blockIdx gpu::block_index
#define blockDim gpu::block_size
#define gridDim gpu::grid_size
static const int warpSize = 32;

#define __syncthreads() gpu::block_barrier()
#define __syncwarp(...) ((void)gpu::warp_barrier())

#define GPU_LANE ((int)gpu::thread->lane)
template <class T> inline T __shfl_sync(unsigned, T v, int from, int width = 32) {
	return gpu::exchange(v, (GPU_LANE & ~(width - 1)) | (from & (width - 1)));
}
template <class T> inline T __shfl_xor_sync(unsigned, T v, int mask, int = 32) { return gpu::exchange(v, GPU_LANE ^ mask); }
template <class T> inline T __shfl_down_sync(unsigned, T v, int by, int width = 32) {
	return gpu::exchange(v, (GPU_LANE & (width - 1)) + by < width ? GPU_LANE + by : GPU_LANE);
}
template <class T> inline T __shfl_up_sync(unsigned, T v, int by, int width = 32) {
	return gpu::exchange(v, (GPU_LANE & (width - 1)) >= by ? GPU_LANE - by : GPU_LANE);
}
inline unsigned __ballot_sync(unsigned, int yes) {
	unsigned bits = 0;
	gpu::Warp *w = gpu::thread->warp;
	w->room[w->generation & 1][GPU_LANE] = yes != 0;
	unsigned room = gpu::warp_barrier();
	for (unsigned i = 0; i < 32; i++) bits |= (unsigned)(w->room[room][i] & 1) << i;
	return bits;
}
inline int __any_sync(unsigned mask, int yes) { return __ballot_sync(mask, yes) != 0; }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((uint64_t)x * y >> 32); }
inline unsigned __float_as_uint(float x) { unsigned u; memcpy(&u, &x, 4); return u; }
inline int __float_as_int(float x) { int u; memcpy(&u, &x, 4); return u; }
inline float __uint_as_float(unsigned u) { float x; memcpy(&x, &u, 4); return x; }
inline float __int_as_float(int u) { float x; memcpy(&x, &u, 4); return x; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
template <class T> inline T __ldg(const T *p) { return *p; }
