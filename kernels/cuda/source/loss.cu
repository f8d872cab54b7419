// Training losses with their gradients, in float64: a row's loss is a small difference of large terms, and there are few rows.
// GPUs of compute capability 7.5, 8.6 and 8.9 compute it at a 32nd to a 64th of float32's rate: there softmax over many classes is
// limited by it.

enum { LOGISTIC = 0, SQUARED = 1, SOFTMAX = 2, POISSON = 3, HUBER = 4, QUANTILE = 5, FOCAL = 6, SOFTMAX_FOCAL = 7, CHAIN = 8 };

struct LossArgs {
  const int *halted;
  Mat p, target, weight, scale, upstream, dp;
  double *sums; // one a block, or null
  double parameter;
  int kind, lanes;
};

__device__ inline float infinity() { return __int_as_float(0x7f800000); }
__device__ inline float not_a_number() { return __int_as_float(0x7fc00000); }

// lanes_sum returns the sum over the 2ⁿ adjacent lanes of a row, to each of them.
__device__ inline double lanes_sum(int lanes, double x) {
  for (int lane = lanes / 2; lane > 0; lane /= 2) x += __shfl_xor_sync(FULL_WARP, x, lane);
  return x;
}

__device__ inline double lanes_max(int lanes, double x) {
  for (int lane = lanes / 2; lane > 0; lane /= 2) {
    double y = __shfl_xor_sync(FULL_WARP, x, lane);
    x = x != x || y < x ? x : y; // NaN stays
  }
  return x;
}

// both_logit is the logit of the product of two probabilities, of their logits.
__device__ inline double both_logit(double a, double b) {
  double top = -a > -b ? -a : -b;
  if (-a - b > top) top = -a - b;
  return -top - log(exp(-a - top) + exp(-b - top) + exp(-a - b - top));
}

// loss_rows: a row is `lanes` threads' (a power of two, at most a warp), a block has 256/lanes rows. It leaves the sum of a
// block's losses, and the gradients.
KERNEL(loss_rows, LossArgs) {
  if (*a.halted) return;
  __shared__ double room[32];
  int lane = (int)threadIdx.x % a.lanes, cols = a.p.cols;
  int r = (int)blockIdx.x * (256 / a.lanes) + (int)threadIdx.x / a.lanes;
  bool there = r < smaller(valid(a.p, a.target, a.weight), a.dp.data ? valid(a.dp) : a.p.rows);
  const float *p = row(a.p, there ? r : 0), *t = row(a.target, there ? r : 0);
  float *dp = a.dp.data ? row(a.dp, there ? r : 0) : nullptr;
  double weight = there ? row(a.weight, r)[0] : 0, factor = 0, loss = 0;
  if (there && dp) factor = weight * a.scale.data[0] * (a.upstream.data ? a.upstream.data[0] : 1.0f);
  int end = there ? cols : 0; // all lanes take part in sums
  if (a.kind == SOFTMAX || a.kind == SOFTMAX_FOCAL) {
    double top = -infinity(), sum = 0;
    for (int c = lane; c < end; c += a.lanes) top = p[c] > top || p[c] != p[c] ? (double)p[c] : top;
    top = lanes_max(a.lanes, top);
    for (int c = lane; c < end; c += a.lanes) sum += exp(p[c] - top);
    sum = lanes_sum(a.lanes, sum);
    double class_ = there ? t[0] : 0;
    bool known = class_ >= 0 && class_ < cols && class_ == floor(class_);
    int at = known ? (int)class_ : 0;
    if (a.kind == SOFTMAX) {
      double spread = a.parameter / cols, all = 0;
      if (dp)
        for (int c = lane; c < end; c += a.lanes)
          dp[c] = known ? (float)(factor * (exp(p[c] - top) / sum - (c == at ? 1 - a.parameter : 0.0) - spread)) : not_a_number();
      if (a.parameter > 0) {
        for (int c = lane; c < end; c += a.lanes) all += p[c];
        all = spread * lanes_sum(a.lanes, all);
      }
      if (there && lane == 0) loss = known ? log(sum) + top - (1 - a.parameter) * p[at] - all : (double)not_a_number();
    } else {
      double wrong = 0; // the other classes' probabilities, which keep their digits where they are small
      for (int c = lane; c < end; c += a.lanes) wrong += c == at ? 0.0 : exp(p[c] - top) / sum;
      wrong = lanes_sum(a.lanes, wrong);
      double of = there && cols > 0 ? p[at] : 0, right = exp(of - top) / sum, log_right = of - top - log(sum);
      double weighed = pow(wrong, a.parameter), slope = -weighed;
      if (wrong != 0) slope += a.parameter * pow(wrong, a.parameter - 1) * right * log_right;
      if (dp)
        for (int c = lane; c < end; c += a.lanes)
          dp[c] = known ? (float)(factor * slope * (c == at ? wrong : -exp(p[c] - top) / sum)) : not_a_number();
      if (there && lane == 0) loss = known ? -weighed * log_right : (double)not_a_number();
    }
  } else if (a.kind == CHAIN) {
    for (int c = lane; c < end; c += a.lanes) {
      double x = p[c], rest = -(x > 0 || x != x ? x : 0) - log1p(exp(-fabs(x))), all = 0, slope = 0; // rest: log 1 - sigmoid(x)
      for (int k = 0; k < cols; k++) {
        double y = t[k];
        all = k == 0 ? (double)p[k] : both_logit(all, p[k]);
        if (k == c) loss += (all > 0 || all != all ? all : 0) - all * y + log1p(exp(-fabs(all)));
        if (k >= c) slope += (1 - y) * exp(rest + all) - y * exp(rest);
      }
      if (dp) dp[c] = (float)(factor * slope / cols);
    }
    if (cols > 0) loss /= cols;
  } else {
    for (int c = lane; c < end; c += a.lanes) {
      double x = p[c], y = t[c], gradient, d = x - y;
      if (a.kind == LOGISTIC) {
        double e = exp(-fabs(x)), q = 1 / (1 + e);
        loss += (x > 0 || x != x ? x : 0) - x * y + log1p(e);
        gradient = (x < 0 ? e * q : q) - y;
      } else if (a.kind == POISSON) {
        double rate = exp(x);
        loss += rate - x * y;
        gradient = rate - y;
      } else if (a.kind == HUBER) {
        bool far = fabs(d) > a.parameter;
        gradient = far ? copysign(a.parameter, d) : d; // NaN stays
        loss += far ? a.parameter * (fabs(d) - a.parameter / 2) : d * d / 2;
      } else if (a.kind == QUANTILE) {
        gradient = d > 0 ? 1 - a.parameter : d < 0 ? -a.parameter : d; // 0, or NaN
        loss += gradient * d;
      } else if (a.kind == FOCAL) {
        double e = exp(-fabs(x)), far = 1 / (1 + e), q = x < 0 ? e * far : far, rest = x < 0 ? far : e * far;
        double log_q = (x < 0 || x != x ? x : 0) - log1p(e), log_rest = -(x > 0 || x != x ? x : 0) - log1p(e);
        double positive = y * pow(rest, a.parameter), negative = (1 - y) * pow(q, a.parameter);
        loss -= positive * log_q + negative * log_rest;
        gradient = positive * (a.parameter * q * log_q - rest) + negative * (q - a.parameter * rest * log_rest);
      } else {
        loss += d * d;
        gradient = 2 * d;
      }
      if (dp) dp[c] = (float)(factor * gradient / cols);
    }
    if (cols > 0) loss /= cols;
  }
  if (!a.sums) return; // all threads of the grid
  loss = block_sum(there ? weight * loss : 0.0, room);
  if (threadIdx.x == 0) a.sums[blockIdx.x] = loss;
}

struct LossTotalArgs {
  const int *halted;
  Mat scale;
  const double *sums;
  float *out;
  int count;
};

// loss_total runs on one block.
KERNEL(loss_total, LossTotalArgs) {
  if (*a.halted) return;
  __shared__ double room[32];
  double sum = 0;
  for (int i = (int)threadIdx.x; i < a.count; i += 256) sum += a.sums[i];
  sum = block_sum(sum, room);
  if (threadIdx.x == 0) *a.out = (float)(a.scale.data[0] * sum);
}
