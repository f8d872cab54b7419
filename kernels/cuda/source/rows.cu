// Rows as vectors. A warp has a row; memory limits all of it.

// row_inverse returns one over the length of a row, and 0 of zeros. All lanes of a warp call it.
__device__ inline double row_inverse(const float *x, int cols) {
  double sum = 0;
  for (int c = (int)threadIdx.x % 32; c < cols; c += 32) sum += (double)x[c] * x[c];
  sum = warp_sum(sum);
  return sum == 0 ? 0.0 : 1 / sqrt(sum);
}

struct NormalizeRowsArgs {
  const int *halted;
  Mat x, y;
};

// normalize_rows: y = x / |x|; y may be x.
KERNEL(normalize_rows, NormalizeRowsArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.y), cols = a.y.cols, lane = (int)threadIdx.x % 32;
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const float *x = row(a.x, r);
    float *y = row(a.y, r);
    double inverse = row_inverse(x, cols);
    for (int c = lane; c < cols; c += 32) y[c] = (float)(x[c] * inverse);
  }
}

struct NormalizeRowsGradArgs {
  const int *halted;
  Mat x, dy, dx;
};

// normalize_rows_grad: dx = (dy − y·(y·dy)) / |x|; dx may be dy.
KERNEL(normalize_rows_grad, NormalizeRowsGradArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.dy, a.dx), cols = a.x.cols, lane = (int)threadIdx.x % 32;
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const float *x = row(a.x, r), *dy = row(a.dy, r);
    float *dx = row(a.dx, r);
    double inverse = row_inverse(x, cols), along = 0;
    for (int c = lane; c < cols; c += 32) along += x[c] * inverse * dy[c];
    along = warp_sum(along);
    for (int c = lane; c < cols; c += 32) dx[c] = (float)((dy[c] - x[c] * inverse * along) * inverse);
  }
}

struct SumFieldsArgs {
  const int *halted;
  Mat fields, weights, sum, bias; // without weights they are 1, without a bias it is 0
};

// sum_fields: sum[r] = Σ_f weights[r, f] · fields[r, f·D …] + bias, field after field.
KERNEL(sum_fields, SumFieldsArgs) {
  if (*a.halted) return;
  int rows = valid(a.fields, a.weights, a.sum), cols = a.sum.cols, fields = a.fields.cols / larger(cols, 1);
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const float *from = row(a.fields, r), *weights = a.weights.data ? row(a.weights, r) : nullptr;
    for (int c = (int)threadIdx.x % 32; c < cols; c += 32) {
      float sum = (weights ? weights[0] : 1.0f) * from[c];
      for (int f = 1; f < fields; f++) sum += (weights ? weights[f] : 1.0f) * from[(long long)f * cols + c];
      row(a.sum, r)[c] = a.bias.data ? sum + a.bias.data[c] : sum;
    }
  }
}

// sum_fields_grad: fields[r, f·D …] = weights[r, f] · sum[r].
KERNEL(sum_fields_grad, SumFieldsArgs) {
  if (*a.halted) return;
  int rows = valid(a.fields, a.weights, a.sum), cols = a.sum.cols, fields = a.fields.cols / larger(cols, 1);
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const float *weights = a.weights.data ? row(a.weights, r) : nullptr, *from = row(a.sum, r);
    float *to = row(a.fields, r);
    for (int c = (int)threadIdx.x % 32; c < cols; c += 32)
      for (int f = 0; f < fields; f++) to[(long long)f * cols + c] = (weights ? weights[f] : 1.0f) * from[c];
  }
}
