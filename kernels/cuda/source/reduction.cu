// Sums of whole columns, and the norm of all gradients.

struct ColumnSumArgs {
  const int *halted;
  Mat x;
  float *sums; // [chunks][pitch], or with one chunk the result
  long long pitch;
  int chunk, lanes, wide;
};

struct ColumnSum {
  const ColumnSumArgs &a;
  __device__ float one(int r, int c) const { return row(a.x, r)[c]; }
  __device__ void four(int r, int c, float (&sum)[4]) const {
    float4 v = load4(row(a.x, r) + c);
    sum[0] += v.x, sum[1] += v.y, sum[2] += v.z, sum[3] += v.w;
  }
  __device__ void done(int c, float sum) const { a.sums[blockIdx.y * a.pitch + c] = sum; }
};

// column_sums adds up the columns of the chunk blockIdx.y of rows.
KERNEL(column_sums, ColumnSumArgs) {
  if (*a.halted) return;
  int rows = valid(a.x), lo = (int)blockIdx.y * a.chunk;
  ColumnSum f{a};
  sum_columns(a.lanes, lo, a.chunk < rows - lo ? lo + a.chunk : rows, a.x.cols, a.wide, f);
}

struct SquaresArgs {
  const int *halted;
  Mat x;
  double *sums; // one a block
};

// clip_squares adds up the squares of a matrix, in float64: a block takes the rows blockIdx.x, blockIdx.x + gridDim.x, …
KERNEL(clip_squares, SquaresArgs) {
  if (*a.halted) return;
  __shared__ double room[32];
  double sum = 0;
  int rows = valid(a.x);
  long long cols = a.x.cols, elements = a.x.stride == cols ? rows * cols : 0;
  if (elements) { // as one row
    for (long long i = (long long)blockIdx.x * 256 + threadIdx.x; i < elements; i += (long long)gridDim.x * 256) {
      double v = a.x.data[i];
      sum += v * v;
    }
  } else {
    for (int r = (int)blockIdx.x; r < rows; r += (int)gridDim.x)
      for (int c = (int)threadIdx.x; c < cols; c += 256) {
        double v = row(a.x, r)[c];
        sum += v * v;
      }
  }
  sum = block_sum(sum, room);
  if (threadIdx.x == 0) a.sums[blockIdx.x] = sum;
}

struct ClipArgs {
  const int *halted;
  const double *sums;
  float *norm, *factor;
  float most; // largest norm, 0: any
  int count;
};

// clip_factor runs on one block.
KERNEL(clip_factor, ClipArgs) {
  if (*a.halted) return;
  __shared__ double room[32];
  double sum = 0;
  for (int i = (int)threadIdx.x; i < a.count; i += 256) sum += a.sums[i];
  sum = block_sum(sum, room);
  if (threadIdx.x != 0) return;
  double norm = sqrt(sum), factor = 1;
  if (!isfinite(norm)) factor = norm - norm; // NaN, so that it shows
  else if (a.most > 0 && norm > a.most) factor = a.most / norm;
  *a.norm = (float)norm;
  *a.factor = (float)factor;
}
