// The rectifier with a learned slope for each column, and its gradients.

struct PReLUArgs {
  const int *halted;
  Mat x, slope, y;
  Walk walk;
};

__device__ inline float prelu(float x, float slope) { return x <= 0 ? slope * x : x; }

struct PReLUEach {
  const PReLUArgs &a;
  __device__ void one(long long r, long long c) const { row(a.y, r)[c] = prelu(row(a.x, r)[c], a.slope.data[c]); }
  __device__ void four(long long r, long long c) const {
    float4 x = load4(row(a.x, r) + c), s = load4(a.slope.data + c);
    store4(row(a.y, r) + c, make4(prelu(x.x, s.x), prelu(x.y, s.y), prelu(x.z, s.z), prelu(x.w, s.w)));
  }
};

// prelu_rows: y = x where x > 0 or NaN, slope·x elsewhere; y may be x.
KERNEL(prelu_rows, PReLUArgs) {
  if (*a.halted) return;
  PReLUEach f{a};
  elementwise_walk(a.walk, valid(a.x, a.y), a.y.cols, f);
}

struct PReLUGradArgs {
  const int *halted;
  Mat x, slope, dy, dx;
  Walk walk;
};

__device__ inline float prelu_grad(float x, float slope, float dy) { return x <= 0 ? slope * dy : dy; }

struct PReLUGradEach {
  const PReLUGradArgs &a;
  __device__ void one(long long r, long long c) const {
    row(a.dx, r)[c] = prelu_grad(row(a.x, r)[c], a.slope.data[c], row(a.dy, r)[c]);
  }
  __device__ void four(long long r, long long c) const {
    float4 x = load4(row(a.x, r) + c), s = load4(a.slope.data + c), d = load4(row(a.dy, r) + c);
    store4(row(a.dx, r) + c, make4(prelu_grad(x.x, s.x, d.x), prelu_grad(x.y, s.y, d.y), prelu_grad(x.z, s.z, d.z), prelu_grad(x.w, s.w, d.w)));
  }
};

// prelu_grad_rows: dx = dy where x > 0 or NaN, slope·dy elsewhere; dx may be dy.
KERNEL(prelu_grad_rows, PReLUGradArgs) {
  if (*a.halted) return;
  PReLUGradEach f{a};
  elementwise_walk(a.walk, valid(a.x, a.dy, a.dx), a.dx.cols, f);
}

struct PReLUSlopeArgs {
  const int *halted;
  Mat x, dy;
  float *sums; // [chunks][pitch] sums over chunks of rows, or with one chunk the slope's gradient
  long long pitch;
  int chunk, lanes, wide;
};

struct PReLUSlopeSum {
  const PReLUSlopeArgs &a;
  __device__ float term(float x, float dy) const { return dy * (x > 0 ? 0.0f : x); } // NaN stays
  __device__ float one(int r, int c) const { return term(row(a.x, r)[c], row(a.dy, r)[c]); }
  __device__ void four(int r, int c, float (&sum)[4]) const {
    float4 x = load4(row(a.x, r) + c), d = load4(row(a.dy, r) + c);
    sum[0] += term(x.x, d.x), sum[1] += term(x.y, d.y), sum[2] += term(x.z, d.z), sum[3] += term(x.w, d.w);
  }
  __device__ void done(int c, float sum) const { a.sums[blockIdx.y * a.pitch + c] = sum; }
};

// prelu_slope_sums adds up the columns of dy ⊙ min(x, 0) for the chunk blockIdx.y of rows. The grid is blocks of columns by chunks.
KERNEL(prelu_slope_sums, PReLUSlopeArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.dy), lo = (int)blockIdx.y * a.chunk;
  PReLUSlopeSum f{a};
  sum_columns(a.lanes, lo, a.chunk < rows - lo ? lo + a.chunk : rows, a.x.cols, a.wide, f);
}
