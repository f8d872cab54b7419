// Updates of parameters: each element of the parameter, its gradient and its state is read once and written once. Memory limits them.

enum { SGD = 0, MOMENTUM = 1, NESTEROV = 2, ADAM = 3, ADAMW = 4, ADAGRAD = 5, ROWWISE_ADAGRAD = 6, FTRL = 7 };

struct UpdateArgs {
  const int *halted;
  Mat param, grad, m, v;
  IntMat rows, starts; // of a sparse update; where L2 is by occurrence
  const float *hyper; // rate, factor, corrections
  Walk walk;
  int kind;
  float momentum, beta1, beta2, one_minus1, one_minus2; // 1−β, which must not be rounded through β
  float epsilon, l2, decay, l1, beta;
};

struct Update {
  const UpdateArgs &a;
  float rate, factor, correct1, correct2, keep;
  __device__ explicit Update(const UpdateArgs &args)
      : a(args), rate(args.hyper[0]), factor(args.hyper[1]), correct1(args.hyper[2]), correct2(args.hyper[3]), keep(1.0f - args.hyper[0] * args.decay) {}

  // penalty returns what L2 is for a row of the gradient.
  __device__ float penalty(long long r) const {
    return a.starts.data ? a.l2 * a.hyper[4] * (float)(row(a.starts, r + 1)[0] - row(a.starts, r)[0]) : a.l2;
  }
  __device__ void element(float l2, float &w, float gradient, float &m, float &v) const {
    float g = factor * gradient + l2 * w;
    switch (a.kind) {
    case SGD: w -= rate * g; break;
    case MOMENTUM:
      m = a.momentum * m + g;
      w -= rate * m;
      break;
    case NESTEROV:
      m = a.momentum * m + g;
      w -= rate * (g + a.momentum * m);
      break;
    case ADAGRAD:
      v += g * g;
      w -= rate * g / (sqrtf(v) + a.epsilon);
      break;
    case FTRL: {
      g = factor * gradient;
      if (m == 0 && v == 0) m = -w * (a.beta / rate + a.l2);
      float before = sqrtf(v);
      v += g * g;
      float root = sqrtf(v);
      m += g - (root - before) / rate * w;
      float beyond = fabsf(m) - a.l1;
      w = beyond <= 0 ? 0.0f : -copysignf(beyond, m) / ((a.beta + root) / rate + a.l2);
      break;
    }
    default: // Adam, and AdamW, whose decay is in keep
      m = a.beta1 * m + a.one_minus1 * g;
      v = a.beta2 * v + a.one_minus2 * (g * g);
      w = keep * w - rate * (m * correct1) / (sqrtf(v * correct2) + a.epsilon);
    }
  }
  // of returns the parameter's row of row r of the gradient.
  __device__ long long of(long long r) const { return a.rows.data ? (long long)*row(a.rows, r) : r; }

  __device__ void one(long long r, long long c) const {
    long long w = of(r);
    float l2 = penalty(r), m = 0, v = 0, *pw = row(a.param, w) + c, *pm = a.m.data ? row(a.m, w) + c : nullptr, *pv = a.v.data ? row(a.v, w) + c : nullptr;
    if (pm) m = *pm;
    if (pv) v = *pv;
    float x = *pw;
    element(l2, x, row(a.grad, r)[c], m, v);
    *pw = x;
    if (pm) *pm = m;
    if (pv) *pv = v;
  }
  __device__ void four(long long r, long long c) const {
    long long w = of(r);
    float l2 = penalty(r);
    float4 x = load4(row(a.param, w) + c), g = load4(row(a.grad, r) + c), m = make4(0, 0, 0, 0), v = m;
    if (a.m.data) m = load4(row(a.m, w) + c);
    if (a.v.data) v = load4(row(a.v, w) + c);
    element(l2, x.x, g.x, m.x, v.x);
    element(l2, x.y, g.y, m.y, v.y);
    element(l2, x.z, g.z, m.z, v.z);
    element(l2, x.w, g.w, m.w, v.w);
    store4(row(a.param, w) + c, x);
    if (a.m.data) store4(row(a.m, w) + c, m);
    if (a.v.data) store4(row(a.v, w) + c, v);
  }
};

KERNEL(update, UpdateArgs) {
  if (*a.halted) return;
  Update f(a);
  int rows = valid(a.grad);
  if (a.rows.data) rows = smaller(rows, valid(a.rows));
  else rows = smaller(rows, valid(a.param));
  elementwise_walk(a.walk, rows, a.param.cols, f);
}

// update_rows is the update that has one number of state for a row: a warp has a row.
KERNEL(update_rows, UpdateArgs) {
  if (*a.halted) return;
  Update f(a);
  int rows = valid(a.grad), cols = a.param.cols, lane = (int)threadIdx.x % 32;
  if (a.rows.data) rows = smaller(rows, valid(a.rows));
  else rows = smaller(rows, valid(a.param));
  if (cols == 0) return;
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    long long at = f.of(r);
    float l2 = f.penalty(r), sum = 0, *w = row(a.param, at), *v = row(a.v, at);
    const float *grad = row(a.grad, r);
    for (int c = lane; c < cols; c += 32) {
      float g = f.factor * grad[c] + l2 * w[c];
      sum += g * g;
    }
    float state = *v + warp_sum(sum) / (float)cols, rate = f.rate / (sqrtf(state) + a.epsilon);
    for (int c = lane; c < cols; c += 32) w[c] -= rate * (f.factor * grad[c] + l2 * w[c]);
    __syncwarp();
    if (lane == 0) *v = state;
  }
}
