// Stochastic gradient steps on the factors and biases of users and items. Blocks of samples have nothing in common, and each is a block of
// threads; a warp has a sample of the group at hand. The latency of memory limits all of it.

enum { FACTOR_GROUP = 8 }; // samples of a group, and warps of a block

struct FactorArgs {
  const int *halted;
  Mat users, items, user_bias, item_bias, ratings, weights, hyper, loss;
  IntMat samples, blocks;
};

// The places of Hyper.
enum { FACTOR_RATE, FACTOR_BIAS_RATE, FACTOR_USER_L2, FACTOR_ITEM_L2, FACTOR_OTHER_L2, FACTOR_USER_BIAS_L2, FACTOR_ITEM_BIAS_L2, FACTOR_MEAN };

// FactorStep is what a block of samples has in common: rates, and the parts of factors that penalties leave.
struct FactorStep {
  const FactorArgs &a;
  float rate, bias_rate, keep_user, keep_item, keep_other, user_bias_l2, item_bias_l2, mean;

  __device__ FactorStep(const FactorArgs &args, float weight) : a(args) {
    const float *h = args.hyper.data;
    rate = weight * h[FACTOR_RATE], bias_rate = weight * h[FACTOR_BIAS_RATE];
    keep_user = 1 - rate * h[FACTOR_USER_L2], keep_item = 1 - rate * h[FACTOR_ITEM_L2], keep_other = 1 - rate * h[FACTOR_OTHER_L2];
    user_bias_l2 = h[FACTOR_USER_BIAS_L2], item_bias_l2 = h[FACTOR_ITEM_BIAS_L2], mean = h[FACTOR_MEAN];
  }

  // move takes a step on a bias.
  __device__ void move(float &bias, float g, float l2) const { bias += bias_rate * (g - l2 * bias); }
};

// FactorSample is the sample of a warp: ids that there are none of are −1, in all of them where the sample has no effect.
struct FactorSample {
  int user, item, other;

  __device__ bool there() const { return user >= 0; }

  __device__ bool meets(const FactorSample &s) const {
    return there() && s.there() && (user == s.user || item == s.item || (other >= 0 && (other == s.item || other == s.other || item == s.other)));
  }
};

// Ratings are the steps of a factorization of ratings.
struct Ratings {
  static __device__ FactorSample sample(const FactorArgs &a, int at) {
    const int *ids = row(a.samples, at);
    bool known = ids[0] >= 0 && ids[0] < a.users.rows && ids[1] >= 0 && ids[1] < a.items.rows;
    if (!known) return FactorSample{-1, -1, -1};
    return FactorSample{ids[0], ids[1], -1};
  }

  // tell returns the error of a sample. All lanes of a warp call it.
  static __device__ float tell(const FactorStep &s, const FactorSample &x, int at, int lane, double &loss) {
    const FactorArgs &a = s.a;
    const float *p = row(a.users, x.user), *q = row(a.items, x.item);
    float sum = 0;
    for (int c = lane; c < a.users.cols; c += 32) sum += p[c] * q[c];
    float e = row(a.ratings, at)[0] - (s.mean + a.user_bias.data[x.user] + a.item_bias.data[x.item]) - warp_sum(sum);
    loss += (double)e * e;
    return e;
  }

  // step takes the step that follows from the error.
  static __device__ void step(const FactorStep &s, const FactorSample &x, float e, int lane) {
    const FactorArgs &a = s.a;
    float *p = row(a.users, x.user), *q = row(a.items, x.item), step = s.rate * e;
    for (int c = lane; c < a.users.cols; c += 32) {
      float u = p[c], v = q[c];
      p[c] = s.keep_user * u + step * v;
      q[c] = s.keep_item * v + step * u;
    }
    if (lane == 0) {
      s.move(a.user_bias.data[x.user], e, s.user_bias_l2);
      s.move(a.item_bias.data[x.item], e, s.item_bias_l2);
    }
  }
};

// Preferences are the steps of Bayesian personalized ranking.
struct Preferences {
  static __device__ FactorSample sample(const FactorArgs &a, int at) {
    FactorSample s = Ratings::sample(a, at);
    s.other = row(a.samples, at)[2];
    if (s.other < 0 || s.other >= a.items.rows || s.other == s.item) return FactorSample{-1, -1, -1};
    return s;
  }

  // tell returns 1/(1 + exp(x)).
  static __device__ float tell(const FactorStep &s, const FactorSample &t, int, int lane, double &loss) {
    const FactorArgs &a = s.a;
    const float *p = row(a.users, t.user), *q = row(a.items, t.item), *o = row(a.items, t.other);
    float sum = 0;
    for (int c = lane; c < a.users.cols; c += 32) sum += p[c] * (q[c] - o[c]);
    float x = a.item_bias.data[t.item] - a.item_bias.data[t.other] + warp_sum(sum), tail = expf(-fabsf(x));
    loss += (double)larger(-x, 0.0f) + log1pf(tail);
    return (x > 0 ? tail : 1.0f) / (1 + tail);
  }

  static __device__ void step(const FactorStep &s, const FactorSample &t, float z, int lane) {
    const FactorArgs &a = s.a;
    float *p = row(a.users, t.user), *q = row(a.items, t.item), *o = row(a.items, t.other), step = s.rate * z;
    for (int c = lane; c < a.users.cols; c += 32) {
      float u = p[c], v = q[c], w = o[c];
      p[c] = s.keep_user * u + step * (v - w);
      q[c] = s.keep_item * v + step * u;
      o[c] = s.keep_other * w - step * u;
    }
    if (lane == 0) {
      s.move(a.item_bias.data[t.item], z, s.item_bias_l2);
      s.move(a.item_bias.data[t.other], -z, s.item_bias_l2);
    }
  }
};

// factor_updates takes the samples of a block, group after group. Where no two samples of a group have a row in common their steps are taken
// at the same time, else one after another: the same result.
template <typename Kind> __device__ inline void factor_updates(const FactorArgs &a) {
  __shared__ FactorSample group[FACTOR_GROUP];
  __shared__ double losses[FACTOR_GROUP];
  int b = (int)blockIdx.x, warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  if (b >= smaller(valid(a.blocks), valid(a.loss, a.weights))) return;
  FactorStep s(a, a.weights.data ? row(a.weights, b)[0] : 1.0f);
  int from = larger(row(a.blocks, b)[0], 0), to = larger(from, smaller(row(a.blocks, b)[1], a.samples.rows));
  double loss = 0;
  for (int first = from; first < to; first += FACTOR_GROUP) {
    int at = first + warp;
    FactorSample x = {-1, -1, -1};
    if (at < to) x = Kind::sample(a, at);
    float tells = x.there() ? Kind::tell(s, x, at, lane, loss) : 0.0f;
    if (lane == 0) group[warp] = x;
    __syncthreads(); // all is told before any step
    bool meet = false;
    for (int pair = lane; pair < FACTOR_GROUP * FACTOR_GROUP; pair += 32)
      if (pair / FACTOR_GROUP < pair % FACTOR_GROUP) meet |= group[pair / FACTOR_GROUP].meets(group[pair % FACTOR_GROUP]);
    if (!__any_sync(FULL_WARP, meet)) {
      if (x.there()) Kind::step(s, x, tells, lane);
    } else {
      for (int turn = 0; turn < FACTOR_GROUP; turn++) {
        if (turn == warp && x.there()) Kind::step(s, x, tells, lane);
        __syncthreads();
      }
    }
    __syncthreads(); // the group has been read, and all steps are taken
  }
  if (lane == 0) losses[warp] = loss;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int w = 1; w < FACTOR_GROUP; w++) loss += losses[w];
  row(a.loss, b)[0] = (float)loss;
}

KERNEL(rating_updates, FactorArgs) {
  if (*a.halted) return;
  factor_updates<Ratings>(a);
}

KERNEL(preference_updates, FactorArgs) {
  if (*a.halted) return;
  factor_updates<Preferences>(a);
}
