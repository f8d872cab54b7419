// Kernels that touch every element once. Memory limits all of them: they read and write groups of four elements where
// every operand is aligned for it, and matrices without gaps between rows as one long row.

struct ActivateArgs {
  const int *halted;
  Mat x, y;
  Walk walk;
  int function;
};

struct ActivateEach {
  const ActivateArgs &a;
  __device__ void one(long long r, long long c) const { row(a.y, r)[c] = activate(a.function, row(a.x, r)[c]); }
  __device__ void four(long long r, long long c) const {
    float4 v = load4(row(a.x, r) + c);
    v.x = activate(a.function, v.x);
    v.y = activate(a.function, v.y);
    v.z = activate(a.function, v.z);
    v.w = activate(a.function, v.w);
    store4(row(a.y, r) + c, v);
  }
};

// activate_rows: y = act(x); y may be x.
KERNEL(activate_rows, ActivateArgs) {
  if (*a.halted) return;
  ActivateEach f{a};
  elementwise_walk(a.walk, valid(a.x, a.y), a.y.cols, f);
}

struct ActivateGradArgs {
  const int *halted;
  Mat at, dy, dx; // at: the activation's output or input, as activate_grad wants it
  Walk walk;
  int function;
};

__device__ inline float4 activate_grad4(int function, float4 at, float4 dy) {
  return make4(activate_grad(function, at.x, dy.x), activate_grad(function, at.y, dy.y), activate_grad(function, at.z, dy.z),
               activate_grad(function, at.w, dy.w));
}

struct ActivateGradEach {
  const ActivateGradArgs &a;
  __device__ void one(long long r, long long c) const {
    row(a.dx, r)[c] = activate_grad(a.function, row(a.at, r)[c], row(a.dy, r)[c]);
  }
  __device__ void four(long long r, long long c) const {
    store4(row(a.dx, r) + c, activate_grad4(a.function, load4(row(a.at, r) + c), load4(row(a.dy, r) + c)));
  }
};

// activate_grad_rows: dx = dy ⊙ act′; dx may be dy.
KERNEL(activate_grad_rows, ActivateGradArgs) {
  if (*a.halted) return;
  ActivateGradEach f{a};
  elementwise_walk(a.walk, valid(a.at, a.dy, a.dx), a.dx.cols, f);
}

struct ActivateGradSumArgs {
  const int *halted;
  Mat at, dy, dx;
  float *sums; // [chunks][pitch] sums of dx's columns over chunks of rows, or with one chunk the bias' gradient
  long long pitch;
  int chunk, lanes, wide, function;
};

struct ActivateGradSum {
  const ActivateGradSumArgs &a;
  __device__ float one(int r, int c) const {
    float v = activate_grad(a.function, row(a.at, r)[c], row(a.dy, r)[c]);
    row(a.dx, r)[c] = v;
    return v;
  }
  __device__ void four(int r, int c, float (&sum)[4]) const {
    float4 v = activate_grad4(a.function, load4(row(a.at, r) + c), load4(row(a.dy, r) + c));
    store4(row(a.dx, r) + c, v);
    sum[0] += v.x, sum[1] += v.y, sum[2] += v.z, sum[3] += v.w;
  }
  __device__ void done(int c, float sum) const { a.sums[blockIdx.y * a.pitch + c] = sum; }
};

// activate_grad_sums is activate_grad_rows that adds up the columns of dx on the way, for the chunk blockIdx.y of rows.
// The grid is blocks of columns by chunks.
KERNEL(activate_grad_sums, ActivateGradSumArgs) {
  if (*a.halted) return;
  int rows = valid(a.at, a.dy, a.dx), lo = (int)blockIdx.y * a.chunk;
  ActivateGradSum f{a};
  sum_columns(a.lanes, lo, a.chunk < rows - lo ? lo + a.chunk : rows, a.dx.cols, a.wide, f);
}

struct SumChunksArgs {
  const int *halted;
  float *sums; // [chunks][pitch]
  float *out;  // [cols]
  long long pitch;
  int chunks, cols, lanes;
};

struct SumChunks {
  const SumChunksArgs &a;
  __device__ float one(int s, int c) const { return a.sums[s * a.pitch + c]; }
  __device__ void four(int s, int c, float (&sum)[4]) const {
    float4 v = load4(a.sums + s * a.pitch + c);
    sum[0] += v.x, sum[1] += v.y, sum[2] += v.z, sum[3] += v.w;
  }
  __device__ void done(int c, float sum) const { a.out[c] = sum; }
};

// elementwise_sum_chunks adds up the sums of chunks.
KERNEL(elementwise_sum_chunks, SumChunksArgs) {
  if (*a.halted) return;
  SumChunks f{a};
  sum_columns(a.lanes, 0, a.chunks, a.cols, true, f);
}

struct BinaryArgs {
  const int *halted;
  Mat x, y, z;
  Walk walk;
  int multiply; // or add
};

struct BinaryEach {
  const BinaryArgs &a;
  __device__ float apply(float x, float y) const { return a.multiply ? x * y : x + y; }
  __device__ void one(long long r, long long c) const { row(a.z, r)[c] = apply(row(a.x, r)[c], row(a.y, r)[c]); }
  __device__ void four(long long r, long long c) const {
    float4 x = load4(row(a.x, r) + c), y = load4(row(a.y, r) + c);
    store4(row(a.z, r) + c, make4(apply(x.x, y.x), apply(x.y, y.y), apply(x.z, y.z), apply(x.w, y.w)));
  }
};

// binary_rows: z = x + y or x ⊙ y; z may be x or y.
KERNEL(binary_rows, BinaryArgs) {
  if (*a.halted) return;
  BinaryEach f{a};
  elementwise_walk(a.walk, valid(a.x, a.y, a.z), a.z.cols, f);
}

struct CopyArgs {
  const int *halted;
  IntMat src, dst;
  Walk walk;
};

struct CopyEach {
  const CopyArgs &a;
  __device__ void one(long long r, long long c) const { row(a.dst, r)[c] = row(a.src, r)[c]; }
  __device__ void four(long long r, long long c) const { *(int4 *)(row(a.dst, r) + c) = *(const int4 *)(row(a.src, r) + c); }
};

// copy_rows: dst = src, of any type of four bytes.
KERNEL(copy_rows, CopyArgs) {
  if (*a.halted) return;
  CopyEach f{a};
  elementwise_walk(a.walk, smaller(valid(a.src), valid(a.dst)), a.dst.cols, f);
}

struct FillArgs {
  const int *halted;
  IntMat x;
  Walk walk;
  int bits;
};

struct FillEach {
  const FillArgs &a;
  __device__ void one(long long r, long long c) const { row(a.x, r)[c] = a.bits; }
  __device__ void four(long long r, long long c) const {
    int4 v;
    v.x = v.y = v.z = v.w = a.bits;
    *(int4 *)(row(a.x, r) + c) = v;
  }
};

// fill_rows: x = bits, in all rows whatever the count says.
KERNEL(fill_rows, FillArgs) {
  if (*a.halted) return;
  FillEach f{a};
  elementwise_walk(a.walk, a.x.rows, a.x.cols, f);
}

// PIECEWISE_FEATURES is how many features a launch of piecewise_linear encodes.
#define PIECEWISE_FEATURES 64

struct PiecewiseArgs {
  const int *halted;
  Mat x, edges, y;
  int features;                     // of this launch
  int feature, column;              // its first feature, and that one's first column of y
  int starts[PIECEWISE_FEATURES + 1]; // first column of each feature, from `column` on; last: the columns of the launch
  int lanes;                        // threads of a block side by side, a power of two
};

// piecewise_linear encodes numeric features: a thread has one column of y, keeps its two edges, and walks down rows.
KERNEL(piecewise_linear, PiecewiseArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.y), down = 256 / a.lanes;
  int c = (int)blockIdx.y * a.lanes + (int)threadIdx.x % a.lanes;
  if (c >= a.starts[a.features]) return;
  int f = 0;
  for (int step = PIECEWISE_FEATURES / 2; step > 0; step /= 2)
    if (f + step < a.features && a.starts[f + step] <= c) f += step;
  int bin = c - a.starts[f], bins = a.starts[f + 1] - a.starts[f];
  // Features before this one have an edge more than columns.
  const float *e = a.edges.data + a.column + c + a.feature + f;
  float lo = e[0], width = e[1] - e[0];
  for (long long r = (long long)blockIdx.x * down + threadIdx.x / a.lanes; r < rows; r += (long long)gridDim.x * down) {
    float p = (row(a.x, r)[a.feature + f] - lo) / width;
    if (bin > 0 && p < 0) p = 0;
    if (bin < bins - 1 && p > 1) p = 1;
    row(a.y, r)[a.column + c] = p;
  }
}
