// Updates of parameters: each element of the parameter, its gradient and its state is read once and written once. Memory limits them.

enum { SGD = 0, MOMENTUM = 1, NESTEROV = 2, ADAM = 3, ADAMW = 4, ADAGRAD = 5 };

struct UpdateArgs {
  const int *halted;
  Mat param, grad, m, v;
  IntMat rows; // of a sparse update
  const float *hyper; // rate, factor, corrections
  Walk walk;
  int kind;
  float momentum, beta1, beta2, one_minus1, one_minus2; // 1−β, which must not be rounded through β
  float epsilon, l2, decay;
};

struct Update {
  const UpdateArgs &a;
  float rate, factor, correct1, correct2, keep;
  __device__ explicit Update(const UpdateArgs &args)
      : a(args), rate(args.hyper[0]), factor(args.hyper[1]), correct1(args.hyper[2]), correct2(args.hyper[3]), keep(1.0f - args.hyper[0] * args.decay) {}

  __device__ void element(float &w, float gradient, float &m, float &v) const {
    float g = factor * gradient + a.l2 * w;
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
    float m = 0, v = 0, *pw = row(a.param, w) + c, *pm = a.m.data ? row(a.m, w) + c : nullptr, *pv = a.v.data ? row(a.v, w) + c : nullptr;
    if (pm) m = *pm;
    if (pv) v = *pv;
    float x = *pw;
    element(x, row(a.grad, r)[c], m, v);
    *pw = x;
    if (pm) *pm = m;
    if (pv) *pv = v;
  }
  __device__ void four(long long r, long long c) const {
    long long w = of(r);
    float4 x = load4(row(a.param, w) + c), g = load4(row(a.grad, r) + c), m = make4(0, 0, 0, 0), v = m;
    if (a.m.data) m = load4(row(a.m, w) + c);
    if (a.v.data) v = load4(row(a.v, w) + c);
    element(x.x, g.x, m.x, v.x);
    element(x.y, g.y, m.y, v.y);
    element(x.z, g.z, m.z, v.z);
    element(x.w, g.w, m.w, v.w);
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
