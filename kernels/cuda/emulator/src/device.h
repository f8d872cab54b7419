// CUDA C++ for a C++ compiler: what kernels are written with, forced in front of their sources. It has what the sources
// are allowed to use and no more, so that anything else does not compile.
//
// A thread of a kernel is a call on a fiber; threads of a block take turns on one thread of the operating system, which
// changes hands only where one waits for others. Shared memory belongs to that thread of the operating system.
//
// The sources are compiled twice, as they are and with every access to memory watched, so nothing here may have external
// linkage: the linker would take one of the two for both.
#ifndef EMULATOR_DEVICE_H
#define EMULATOR_DEVICE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) alignas(n)

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x, y, z; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) double2 { double x, y; };

static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline double2 make_double2(double x, double y) { return {x, y}; }

namespace emu {

// Place says which thread of a grid is running.
struct Place {
	uint3 thread, block;
	dim3 block_size, grid_size;
	unsigned lane; // in its warp

	// For races.cpp: the device's memory, two notes for each of its words, the number of the grid's first block and of this one.
	uint64_t memory, extent;
	uint32_t *notes, first, number;
};

// Stacks of fibers are aligned to their size, and their highest word points to the place that is theirs: that is found
// faster than variables of a thread are.
constexpr size_t STACK = 128 << 10;
static inline Place &place() { return **(Place **)(((uintptr_t)__builtin_frame_address(0) | (STACK - 1)) - (sizeof(Place *) - 1)); }

// Slots are where the lanes of a warp hand values to each other.
struct Slots { uint64_t lane[32]; };

void block_barrier();
Slots *warp_slots(unsigned mask); // those of the exchange that the warp comes to next
void warp_barrier(unsigned mask);

template <typename T> static inline T exchange(unsigned mask, T v, unsigned source) {
	static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
	Slots *s = warp_slots(mask);
	memcpy(&s->lane[place().lane], &v, sizeof v);
	warp_barrier(mask);
	memcpy(&v, &s->lane[source], sizeof v);
	return v;
}

} // namespace emu

#define threadIdx (emu::place().thread)
#define blockIdx (emu::place().block)
#define blockDim (emu::place().block_size)
#define gridDim (emu::place().grid_size)
static const int warpSize __attribute__((unused)) = 32;

static inline void __syncthreads() { emu::block_barrier(); }
static inline void __syncwarp(unsigned mask = 0xffffffffu) {
	emu::warp_slots(mask);
	emu::warp_barrier(mask);
}

// Shuffles among groups of `width` lanes, a power of two. Where the source lies outside of the group it is the lane itself.
template <typename T> static inline T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
	unsigned lane = emu::place().lane, w = (unsigned)width;
	return emu::exchange(mask, v, (lane & ~(w - 1)) | ((unsigned)source & (w - 1)));
}
template <typename T> static inline T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32) {
	unsigned lane = emu::place().lane, to = lane ^ (unsigned)bits, w = (unsigned)width;
	return emu::exchange(mask, v, to >= (lane & ~(w - 1)) + w ? lane : to);
}
template <typename T> static inline T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
	unsigned lane = emu::place().lane, w = (unsigned)width;
	return emu::exchange(mask, v, (lane & (w - 1)) + by < w ? lane + by : lane);
}
template <typename T> static inline T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
	unsigned lane = emu::place().lane, w = (unsigned)width;
	return emu::exchange(mask, v, (lane & (w - 1)) >= by ? lane - by : lane);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate) {
	emu::Slots *s = emu::warp_slots(mask);
	s->lane[emu::place().lane] = predicate != 0;
	emu::warp_barrier(mask);
	unsigned bits = 0;
	for (int i = 0; i < 32; i++) bits |= (unsigned)s->lane[i] << i;
	return bits;
}
static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == 0xffffffffu; }

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((unsigned long long)x * y >> 32); }
static inline int __mulhi(int x, int y) { return (int)((long long)x * y >> 32); }
static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) { return (unsigned long long)((unsigned __int128)x * y >> 64); }

namespace emu {
template <typename To, typename From> static inline To bits(From v) {
	static_assert(sizeof(To) == sizeof(From), "as many bits");
	To out;
	memcpy(&out, &v, sizeof out);
	return out;
}
} // namespace emu
static inline int __float_as_int(float x) { return emu::bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return emu::bits<unsigned>(x); }
static inline float __int_as_float(int x) { return emu::bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return emu::bits<float>(x); }
static inline long long __double_as_longlong(double x) { return emu::bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return emu::bits<double>(x); }
template <typename T> static inline T __ldg(const T *p) { return *p; }

// Those of CUDA's functions that C has not.
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
static inline int min(int x, int y) { return y < x ? y : x; }
static inline int max(int x, int y) { return x < y ? y : x; }
static inline unsigned min(unsigned x, unsigned y) { return y < x ? y : x; }
static inline unsigned max(unsigned x, unsigned y) { return x < y ? y : x; }
static inline long long min(long long x, long long y) { return y < x ? y : x; }
static inline long long max(long long x, long long y) { return x < y ? y : x; }
static inline float min(float x, float y) { return fminf(x, y); }
static inline float max(float x, float y) { return fmaxf(x, y); }
static inline double min(double x, double y) { return fmin(x, y); }
static inline double max(double x, double y) { return fmax(x, y); }

#endif
