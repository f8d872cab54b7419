// Batch normalization. Memory limits all of it: the activations are read once a kernel, by warps that read whole lines.

// norm_pairs adds up two terms of every column over rows lo … hi−1, in blocks of 256 threads: 32 columns side by side from
// 32·blockIdx.x, 8 rows below each other, whose sums are added as a tree. f.add(r, c, s) adds the terms of an element to s[0]
// and s[1], f.done(c, s0, s1) takes a column's sums. All threads of the block call it, once a kernel.
template <typename F> __device__ inline void norm_pairs(int lo, int hi, int cols, const F &f) {
  __shared__ float room[2][256];
  int thread = (int)threadIdx.x, c = (int)blockIdx.x * 32 + thread % 32;
  float s[2] = {0, 0};
  if (c < cols) {
#pragma unroll 4
    for (int r = lo + thread / 32; r < hi; r += 8) f.add(r, c, s);
  }
  room[0][thread] = s[0], room[1][thread] = s[1];
  for (int half = 128; half >= 32; half /= 2) {
    __syncthreads();
    if (thread < half) room[0][thread] += room[0][thread + half], room[1][thread] += room[1][thread + half];
  }
  if (thread < 32 && c < cols) f.done(c, room[0][thread], room[1][thread]);
}

// What a chunk of rows leaves of a column: sums, and for statistics the value that they are taken about.
struct NormChunk { float first, second, about; };

struct NormSumsArgs {
  const int *halted;
  Mat x, stats, dy;
  NormChunk *chunks; // [chunks][cols]
  int chunk;
  float epsilon;
};

struct NormMoments {
  const NormSumsArgs &a;
  int lo;
  __device__ void add(int r, int c, float (&s)[2]) const {
    float d = row(a.x, r)[c] - row(a.x, lo)[c];
    s[0] += d, s[1] += d * d;
  }
  __device__ void done(int c, float s0, float s1) const {
    a.chunks[(long long)blockIdx.y * a.x.cols + c] = {s0, s1, lo < valid(a.x) ? row(a.x, lo)[c] : 0.0f};
  }
};

// norm_moments takes, for a chunk of rows, the sums of differences to its first row and of their squares. If that row lies far from
// the others, their variance is as large; so little is lost.
KERNEL(norm_moments, NormSumsArgs) {
  if (*a.halted) return;
  int rows = valid(a.x), lo = (int)blockIdx.y * a.chunk;
  NormMoments f{a, lo};
  norm_pairs(lo, smaller(lo + a.chunk, rows), a.x.cols, f);
}

struct NormCombineArgs {
  const int *halted;
  Mat x, out;
  const NormChunk *chunks;
  int count, chunk;
};

// norm_statistics brings the chunks of a column together, in float64 and in their order (Chan, Golub, LeVeque, "Updating formulae and a
// pairwise algorithm for computing sample variances", 1979). A thread a column: its chain of additions and divisions limits it, most on
// GPUs of compute capability 7.5, 8.6 and 8.9, whose float64 is slow.
KERNEL(norm_statistics, NormCombineArgs) {
  if (*a.halted) return;
  int c = (int)(blockIdx.x * blockDim.x + threadIdx.x), rows = valid(a.x);
  if (c >= a.x.cols) return;
  double n = 0, mean = 0, m2 = 0;
#pragma unroll 4
  for (int i = 0; i < a.count; i++) {
    NormChunk s = a.chunks[(long long)i * a.x.cols + c];
    double k = smaller(a.chunk, rows - i * a.chunk);
    if (k <= 0) break;
    double part = s.first / k, delta = s.about + part - mean;
    m2 += larger(s.second - s.first * part, 0.0) + delta * delta * (n * k / (n + k));
    n += k;
    mean += delta * (k / n);
  }
  // NaN is not larger than anything, but it must not be lost.
  if (n > 0 && !isfinite(mean)) m2 = mean - mean;
  row(a.out, 0)[c] = (float)mean;
  row(a.out, 1)[c] = n > 0 ? (float)(m2 / n) : 0.0f;
}

struct NormGradSums {
  const NormSumsArgs &a;
  __device__ void add(int r, int c, float (&s)[2]) const {
    float g = row(a.dy, r)[c];
    s[0] += g * ((row(a.x, r)[c] - row(a.stats, 0)[c]) / sqrtf(row(a.stats, 1)[c] + a.epsilon));
    s[1] += g;
  }
  __device__ void done(int c, float s0, float s1) const { a.chunks[(long long)blockIdx.y * a.x.cols + c] = {s0, s1, 0}; }
};

// norm_grad_sums takes, for a chunk of rows, Σ dy·x̂ and Σ dy.
KERNEL(norm_grad_sums, NormSumsArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.dy), lo = (int)blockIdx.y * a.chunk;
  NormGradSums f{a};
  norm_pairs(lo, smaller(lo + a.chunk, rows), a.x.cols, f);
}

// norm_grad_params adds up the sums of chunks.
KERNEL(norm_grad_params, NormCombineArgs) {
  if (*a.halted) return;
  int c = (int)(blockIdx.x * blockDim.x + threadIdx.x);
  if (c >= a.x.cols) return;
  double first = 0, second = 0;
#pragma unroll 4
  for (int i = 0; i < a.count; i++) {
    NormChunk s = a.chunks[(long long)i * a.x.cols + c];
    first += s.first, second += s.second;
  }
  row(a.out, 0)[c] = (float)first;
  row(a.out, 1)[c] = (float)second;
}

struct NormApplyArgs {
  const int *halted;
  Mat x, stats, gamma, beta, y;
  float epsilon;
  int function;
};

// norm_apply: y = act(gamma·x̂ + beta). A thread keeps to its columns, 32 side by side, and goes down the rows.
KERNEL(norm_apply, NormApplyArgs) {
  if (*a.halted) return;
  int c = (int)blockIdx.x * 32 + (int)threadIdx.x % 32, rows = valid(a.x, a.y);
  if (c >= a.y.cols) return;
  float mean = row(a.stats, 0)[c], scale = a.gamma.data[c] / sqrtf(row(a.stats, 1)[c] + a.epsilon), beta = a.beta.data[c];
#pragma unroll 4
  for (int r = (int)blockIdx.y * 8 + (int)threadIdx.x / 32; r < rows; r += (int)gridDim.y * 8)
    row(a.y, r)[c] = activate(a.function, (row(a.x, r)[c] - mean) * scale + beta);
}

struct NormGradInputArgs {
  const int *halted;
  Mat x, stats, gamma, dy, grad, dx;
  float epsilon;
};

// norm_grad_input: dx = gamma/σ·(dy − (dbeta + x̂·dgamma)/rows).
KERNEL(norm_grad_input, NormGradInputArgs) {
  if (*a.halted) return;
  int c = (int)blockIdx.x * 32 + (int)threadIdx.x % 32, rows = valid(a.x, a.dy, a.dx);
  if (c >= a.dx.cols || rows == 0) return;
  float mean = row(a.stats, 0)[c], inverse = 1.0f / sqrtf(row(a.stats, 1)[c] + a.epsilon);
  float scale = a.gamma.data[c] * inverse, dgamma = row(a.grad, 0)[c] / (float)rows, dbeta = row(a.grad, 1)[c] / (float)rows;
#pragma unroll 4
  for (int r = (int)blockIdx.y * 8 + (int)threadIdx.x / 32; r < rows; r += (int)gridDim.y * 8) {
    float normal = (row(a.x, r)[c] - mean) * inverse;
    row(a.dx, r)[c] = scale * (row(a.dy, r)[c] - (dbeta + normal * dgamma));
  }
}

struct NormRunningArgs {
  const int *halted;
  Mat x, stats, running, out;
  float momentum, keep; // keep = 1 − momentum, which must not be rounded through momentum
};

// norm_running moves running statistics towards a batch's. A thread a column.
KERNEL(norm_running, NormRunningArgs) {
  if (*a.halted) return;
  int c = (int)(blockIdx.x * blockDim.x + threadIdx.x), rows = valid(a.x);
  if (c >= a.out.cols) return;
  float unbiased = rows > 1 ? (float)((double)rows / (rows - 1)) : 1.0f;
  row(a.out, 0)[c] = a.keep * row(a.running, 0)[c] + a.momentum * row(a.stats, 0)[c];
  row(a.out, 1)[c] = a.keep * row(a.running, 1)[c] + a.momentum * (row(a.stats, 1)[c] * unbiased);
}
