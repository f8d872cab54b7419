// What all kernels share. This file comes first in the one translation unit that the sources make up; it is compiled
// by NVRTC for GPUs and by g++ for the emulated driver, so it keeps to what both know.

// Mat is a row-major view of floats: data is at the view's first element, null where the operand is absent. Rows from
// valid() on, and the gaps between rows where stride > cols, are neither read nor written.
struct Mat {
  float *data;
  const int *count; // the valid rows, null: all of them
  long long stride;
  int rows, cols;
};

// IntMat is Mat for 32-bit integers: ids, counters, raw words.
struct IntMat {
  int *data;
  const int *count;
  long long stride;
  int rows, cols;
};

// KERNEL opens a kernel of at most 256 threads a block, whose parameter is `a`. Its first statement must be
// `if (*a.halted) return;`.
#define KERNEL(name, Args) extern "C" __global__ void __launch_bounds__(256) name(const Args a)

// KERNEL_RESIDENT is KERNEL with a number of blocks that a multiprocessor should hold, which bounds the registers.
#define KERNEL_RESIDENT(name, Args, resident) extern "C" __global__ void __launch_bounds__(256, resident) name(const Args a)

// FULL_WARP is the mask of the shuffles and ballots.
#define FULL_WARP 0xffffffffu

template <typename T> __device__ inline T smaller(T x, T y) { return y < x ? y : x; }
template <typename T> __device__ inline T larger(T x, T y) { return x < y ? y : x; }

// valid returns the rows of a matrix that are there in this step.
__device__ inline int valid(const Mat &m) { return m.count ? smaller(*m.count, m.rows) : m.rows; }
__device__ inline int valid(const IntMat &m) { return m.count ? smaller(*m.count, m.rows) : m.rows; }

// valid of several: the rows that all of them have; absent operands do not matter.
__device__ inline int valid(const Mat &x, const Mat &y) {
  if (!x.data) return valid(y);
  if (!y.data) return valid(x);
  return smaller(valid(x), valid(y));
}
__device__ inline int valid(const Mat &x, const Mat &y, const Mat &z) {
  return z.data ? smaller(valid(x, y), valid(z)) : valid(x, y);
}

// row returns the address of a row.
__device__ inline float *row(const Mat &m, long long r) { return m.data + r * m.stride; }
__device__ inline int *row(const IntMat &m, long long r) { return m.data + r * m.stride; }

// warp_sum returns the sum over a warp's 32 lanes, to each of them; the butterfly's order is fixed. All lanes call it.
template <typename T> __device__ inline T warp_sum(T x) {
  for (int lane = 16; lane > 0; lane >>= 1) x += __shfl_xor_sync(FULL_WARP, x, lane);
  return x;
}

// block_sum returns the sum over a block of whole warps (at most 1024 threads, counted along x), to each thread, in a
// fixed order. room is shared memory of 32 elements; all threads call it, and it may be called again with the same
// room.
template <typename T> __device__ inline T block_sum(T x, T *room) {
  int warps = (int)blockDim.x / 32;
  x = warp_sum(x);
  __syncthreads(); // the room of an earlier sum has been read
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = x;
  __syncthreads();
  T sum = room[0];
  for (int w = 1; w < warps; w++) sum += room[w];
  return sum;
}

// aligned16 says whether a row of a matrix can be read in groups of four elements, at every row.
__device__ inline bool aligned16(const Mat &m) { return ((unsigned long long)m.data & 15) == 0 && (m.stride & 3) == 0; }

// float4 access to aligned addresses.
__device__ inline float4 load4(const float *p) { return *(const float4 *)p; }
__device__ inline void store4(float *p, float4 v) { *(float4 *)p = v; }
__device__ inline float4 make4(float x, float y, float z, float w) {
  float4 v;
  v.x = x, v.y = y, v.z = z, v.w = w;
  return v;
}

// sum_columns adds up columns over rows lo … hi−1, in blocks of 256 threads. `lanes` of them (a power of two) stand side
// by side, each with four columns, and 256/lanes below each other, whose sums are added as a tree: the
// order of a column's sum depends on lanes and lo alone. blockIdx.x counts groups of 4·lanes columns. Threads take
// adjacent columns where the rows are aligned (wide), else columns `lanes` apart: either way a warp reads whole lines.
//
//   f.four(r, c, sum)  adds columns c … c+3 of a row to sum[0] … sum[3] (called where wide)
//   f.one(r, c)        is the term of one column
//   f.done(c, sum)     takes the sum of a column
//
// All threads of the block call it, once a kernel.
template <typename F> __device__ inline void sum_columns(int lanes, int lo, int hi, int cols, bool wide, const F &f) {
  __shared__ float room[4][256];
  int thread = (int)threadIdx.x, down = 256 / lanes;
  int first = (int)blockIdx.x * lanes * 4 + (wide ? thread % lanes * 4 : thread % lanes), apart = wide ? 1 : lanes;
  float sum[4] = {0, 0, 0, 0};
  if (wide && first + 4 <= cols) {
#pragma unroll 4
    for (long long r = lo + thread / lanes; r < hi; r += down) f.four((int)r, first, sum);
  } else if (first < cols) {
    for (long long r = lo + thread / lanes; r < hi; r += down)
#pragma unroll
      for (int v = 0; v < 4; v++)
        if (first + v * apart < cols) sum[v] += f.one((int)r, first + v * apart);
  }
#pragma unroll
  for (int v = 0; v < 4; v++) room[v][thread] = sum[v];
  for (int half = down / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half * lanes)
#pragma unroll
      for (int v = 0; v < 4; v++) room[v][thread] += room[v][thread + half * lanes];
  }
  if (thread < lanes) // the last sums of a thread are its own
    for (int v = 0; v < 4; v++)
      if (first + v * apart < cols) f.done(first + v * apart, room[v][thread]);
}

// Walk says how a grid goes over a matrix; the side that launches it knows the operands' strides and addresses.
struct Walk {
  int flat;   // no gaps between rows in any operand
  int wide;   // all operands' rows are aligned to four elements
  int across; // threads of a block side by side, a power of two; 256/across are below each other
};

// elementwise_walk calls f.four(r, c) or f.one(r, c) for every group of four elements, or element, of rows × cols. Where
// rows have no gaps all is row 0.
template <typename F> __device__ inline void elementwise_walk(const Walk &w, int rows, int cols, const F &f) {
  long long width = w.flat ? (long long)rows * cols : cols;
  int height = w.flat ? smaller(rows, 1) : rows;
  int group = w.wide ? 4 : 1, down = 256 / w.across;
  long long first = ((long long)blockIdx.x * w.across + threadIdx.x % w.across) * group;
  long long step = (long long)gridDim.x * w.across * group;
  for (long long r = (long long)blockIdx.y * down + threadIdx.x / w.across; r < height; r += (long long)gridDim.y * down)
    for (long long c = first; c < width; c += step) {
      if (!w.wide) {
        f.one(r, c);
      } else if (c + 4 <= width) {
        f.four(r, c);
      } else {
        for (long long i = c; i < width; i++) f.one(r, i);
      }
    }
}

// Where a warp has a row: the warps of a block below each other, and the row that a thread's warp begins with.
enum { ROW_WARPS = 256 / 32 };
__device__ inline int first_row() { return (int)blockIdx.x * ROW_WARPS + (int)threadIdx.x / 32; }
