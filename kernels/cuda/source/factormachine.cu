// Factorization machines. A warp has a row; memory limits all of it.

struct FactorMachineArgs {
  const int *halted;
  Mat x, bias, y, dx;
  int fields;
};

// factor_machine: y[r, o] is the sum of the bias, the fields' weights and ½ Σ_k ((Σ_f v)² − Σ_f v²) of their factors.
KERNEL(factor_machine, FactorMachineArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.y), outputs = a.y.cols, width = a.x.cols / a.fields, factors = width / outputs - 1, lane = (int)threadIdx.x % 32;
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const float *x = row(a.x, r);
    for (int o = 0; o < outputs; o++) {
      float pairs = 0, weights = 0;
      for (int k = lane; k < factors; k += 32) {
        const float *v = x + outputs + (long long)o * factors + k;
        float sum = 0, square = 0;
        for (int f = 0; f < a.fields; f++, v += width) sum += *v, square += *v * *v;
        pairs += sum * sum - square;
      }
      for (int f = lane; f < a.fields; f += 32) weights += x[(long long)f * width + o];
      float y = warp_sum(weights + pairs / 2);
      if (lane == 0) row(a.y, r)[o] = a.bias.data ? y + a.bias.data[o] : y;
    }
  }
}

// factor_machine_grad: dx = y at a weight and y·(Σ_f x − x) at a factor, y being the gradient of the output; dx may be x.
KERNEL(factor_machine_grad, FactorMachineArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.y, a.dx), outputs = a.y.cols, width = a.x.cols / a.fields, factors = width / outputs - 1, lane = (int)threadIdx.x % 32;
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const float *y = row(a.y, r);
    for (int c = lane; c < width; c += 32) {
      const float *x = row(a.x, r) + c;
      float *dx = row(a.dx, r) + c;
      if (c < outputs) {
        for (int f = 0; f < a.fields; f++) dx[(long long)f * width] = y[c];
        continue;
      }
      float sum = 0, g = y[(c - outputs) / factors];
      for (int f = 0; f < a.fields; f++) sum += x[(long long)f * width];
      for (int f = 0; f < a.fields; f++) dx[(long long)f * width] = g * (sum - x[(long long)f * width]);
    }
  }
}
