// Least squares of the rows of a factor, each by itself: half a sweep of alternating least squares. Memory limits conjugate gradients, which
// read the rows of all entries once a product.

struct SolveRowsArgs {
  const int *halted;
  Mat x, y, weights, targets, gram, ridge, loss;
  IntMat offsets, columns, window;
  float *systems; // of Cholesky's method: one of D·D floats for each block of the grid
  float gram_weight;
  int steps;
  int least, most; // the rows that a kernel takes, by the number of their entries
};

// entries returns the first entry of a row and the one behind its last. Offsets that are not in order leave it without.
__device__ inline int2 entries(const SolveRowsArgs &a, int r) {
  int2 at;
  at.x = smaller(larger(row(a.offsets, r)[0], 0), a.columns.rows);
  at.y = smaller(larger(row(a.offsets, r + 1)[0], at.x), a.columns.rows);
  return at;
}

// fitted returns the first row that is fitted and the one behind the last.
__device__ inline int2 fitted(const SolveRowsArgs &a) {
  int2 rows;
  rows.x = 0, rows.y = smaller(valid(a.x, a.ridge), valid(a.x, a.loss));
  if (a.window.data) rows.x = larger(a.window.data[0], 0), rows.y = smaller(a.window.data[1], rows.y);
  return rows;
}

// known returns the row of y that an entry names, or null where there is none.
__device__ inline const float *known(const SolveRowsArgs &a, int column) {
  return column >= 0 && column < a.y.rows ? row(a.y, column) : nullptr;
}

enum { FIT_WARPS = 256 / 32 };

// Fit solves rows by conjugate gradients, TEAM warps a row. A lane has the columns lane, lane + 32, … of every vector, WIDTH of them; all
// warps of a team have the same. They part the entries and the rows of the Gram matrix among them, and add up what they found in the order of
// the warps.
template <int WIDTH, int TEAM> struct Fit {
  const SolveRowsArgs &a;
  float *vector; // of shared memory, the team's: the factor of a product
  float *room;   // of shared memory: the parts of a sum
  int cols, lane, member;

  static __device__ void meet() {
    if (TEAM == 1) __syncwarp();
    else __syncthreads();
  }

  __device__ float dot(const float (&u)[WIDTH], const float (&v)[WIDTH]) const {
    float sum = 0;
#pragma unroll
    for (int w = 0; w < WIDTH; w++) sum += u[w] * v[w];
    return warp_sum(sum);
  }

  // gram adds GramWeight·Gram·v, of the member's share of rows.
  __device__ void gram(float (&sum)[WIDTH]) const {
    if (!a.gram.data) return;
    int share = (cols + TEAM - 1) / TEAM, from = member * share, to = smaller(from + share, cols);
    for (int j = from; j < to; j++) {
      const float *g = row(a.gram, j);
      float factor = a.gram_weight * vector[j];
#pragma unroll
      for (int w = 0; w < WIDTH; w++)
        if (lane + 32 * w < cols) sum[w] += factor * g[lane + 32 * w];
    }
  }

  // observed adds Σ w·(v·y − t)·y over the member's share of entries, t = 0 where met is not asked for, and returns Σ w·(v·y − t)².
  __device__ double observed(const float (&v)[WIDTH], float (&sum)[WIDTH], int2 at, bool met) const {
    enum { AHEAD = WIDTH <= 2 ? 4 : WIDTH <= 4 ? 2 : 1 }; // rows that are on their way at a time
    int share = ((at.y - at.x + TEAM - 1) / TEAM + 31) / 32 * 32;
    int from = at.x + member * share, to = smaller(from + share, at.y);
    double missed = 0;
    for (int first = from; first < to; first += 32) {
      int n = smaller(to - first, 32), column = -1;
      float weight = 0, target = 0;
      if (lane < n) {
        column = row(a.columns, first + lane)[0], weight = row(a.weights, first + lane)[0];
        if (met) target = a.targets.data ? row(a.targets, first + lane)[0] : 1.0f;
      }
      for (int k = 0; k < n; k += AHEAD) {
        float y[AHEAD][WIDTH], product[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
          const float *from = known(a, __shfl_sync(FULL_WARP, column, k + i));
          product[i] = 0;
#pragma unroll
          for (int w = 0; w < WIDTH; w++) {
            y[i][w] = from && lane + 32 * w < cols ? from[lane + 32 * w] : 0.0f;
            product[i] += v[w] * y[i][w];
          }
        }
#pragma unroll
        for (int i = 0; i < AHEAD; i++) { // beyond the last entry weights are 0
          float wt = __shfl_sync(FULL_WARP, weight, k + i), miss = warp_sum(product[i]) - __shfl_sync(FULL_WARP, target, k + i);
          if (met) missed += (double)wt * miss * miss;
#pragma unroll
          for (int w = 0; w < WIDTH; w++) sum[w] += wt * miss * y[i][w];
        }
      }
    }
    return missed;
  }

  // all adds up what the members of the team have, to each of them.
  __device__ void all(float (&sum)[WIDTH]) const {
    if (TEAM == 1) return;
    meet(); // an earlier sum has been read
#pragma unroll
    for (int w = 0; w < WIDTH; w++) room[(member * WIDTH + w) * 32 + lane] = sum[w];
    meet();
#pragma unroll
    for (int w = 0; w < WIDTH; w++) {
      sum[w] = room[w * 32 + lane];
      for (int m = 1; m < TEAM; m++) sum[w] += room[(m * WIDTH + w) * 32 + lane];
    }
  }

  // product sets out to (GramWeight·Gram + ridge + Σ w·y·yᵀ)·v less, where met is asked for, Σ w·t·y. Then the sum that is left for v is
  // added to left, of which each member has a part.
  __device__ void product(const float (&v)[WIDTH], float (&out)[WIDTH], int2 at, float ridge, bool met, double &left) const {
    meet(); // the vector before has been read
    if (member == 0)
#pragma unroll
      for (int w = 0; w < WIDTH; w++) vector[lane + 32 * w] = v[w];
    meet();
#pragma unroll
    for (int w = 0; w < WIDTH; w++) out[w] = member == 0 ? ridge * v[w] : 0.0f;
    gram(out);
    if (met) left += dot(v, out);
    left += observed(v, out, at, met);
    all(out);
  }

  // solve fits row r.
  __device__ void solve(int r, int2 at) const {
    float x[WIDTH], g[WIDTH], p[WIDTH], q[WIDTH];
    float *to = row(a.x, r), ridge = row(a.ridge, r)[0];
#pragma unroll
    for (int w = 0; w < WIDTH; w++) x[w] = at.x < at.y && lane + 32 * w < cols ? to[lane + 32 * w] : 0.0f; // without entries nothing speaks against 0
    double left = 0, ignored = 0;
    if (at.x < at.y) {
      product(x, g, at, ridge, true, left);
#pragma unroll
      for (int w = 0; w < WIDTH; w++) p[w] = -g[w];
      float length = dot(g, g), least = length * 0x1p-48f, steepest = 0;
      for (int step = 0; step < a.steps && !(length <= least); step++) { // NaN goes on
        product(p, q, at, ridge, false, ignored);
        // Behind a solution there is nothing but rounding, which leads where the sum is flat: there a step would be a leap.
        float curve = dot(p, q), curvature = curve / dot(p, p);
        steepest = larger(steepest, curvature);
        if (curve <= 0 || curvature <= steepest * cols * 0x1p-24f) break;
        float alpha = length / curve, before = length;
#pragma unroll
        for (int w = 0; w < WIDTH; w++) x[w] += alpha * p[w], g[w] += alpha * q[w];
        if (member == 0) left -= (double)alpha * length;
        length = dot(g, g);
#pragma unroll
        for (int w = 0; w < WIDTH; w++) p[w] = length / before * p[w] - g[w];
      }
    }
    if (member == 0)
#pragma unroll
      for (int w = 0; w < WIDTH; w++)
        if (lane + 32 * w < cols) to[lane + 32 * w] = x[w];
    if (!a.loss.data) return;
    double *parts = (double *)room; // a team of one needs none
    if (TEAM > 1) {
      meet(); // a sum has been read
      if (lane == 0) parts[member] = left;
      meet();
      left = parts[0];
      for (int m = 1; m < TEAM; m++) left += parts[m];
    }
    if (member == 0 && lane == 0) row(a.loss, r)[0] = (float)larger(left, 0.0);
  }
};

// fit_rows gives each team the rows that the kernel takes, one after another.
template <int WIDTH, int TEAM> __device__ inline void fit_rows(const SolveRowsArgs &a) {
  enum { TEAMS = FIT_WARPS / TEAM };
  __shared__ float vectors[TEAMS][32 * WIDTH];
  __shared__ double room[TEAM == 1 ? 1 : TEAM * WIDTH * 16];
  int warp = (int)threadIdx.x / 32, team = warp / TEAM;
  Fit<WIDTH, TEAM> f{a, vectors[team], (float *)room, a.x.cols, (int)threadIdx.x % 32, warp % TEAM};
  int2 rows = fitted(a);
  for (int r = rows.x + (int)blockIdx.x * TEAMS + team; r < rows.y; r += (int)gridDim.x * TEAMS) {
    int2 at = entries(a, r);
    if (at.y - at.x >= a.least && at.y - at.x <= a.most) f.solve(r, at);
  }
}

// fit_warp: conjugate gradients, a warp a row, of at most 32·n columns.
KERNEL(fit_warp_1, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<1, 1>(a);
}
KERNEL(fit_warp_2, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<2, 1>(a);
}
KERNEL(fit_warp_4, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<4, 1>(a);
}
KERNEL(fit_warp_8, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<8, 1>(a);
}

// fit_block: a block a row, for those of many entries or columns.
KERNEL(fit_block_2, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<2, FIT_WARPS>(a);
}
KERNEL(fit_block_8, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<8, FIT_WARPS>(a);
}
KERNEL(fit_block_32, SolveRowsArgs) {
  if (*a.halted) return;
  fit_rows<32, FIT_WARPS>(a);
}

// Solve solves the normal equations of rows by Cholesky's method, a block a row. The lower half of the system is in memory of the block's own,
// near enough to stay in a cache.
enum { SOLVE_COLUMNS = 1024, SOLVE_TILE = 4096, SOLVE_ENTRIES = 256 };

struct Solve {
  const SolveRowsArgs &a;
  float *system; // [cols][cols]
  float *tile;   // rows of entries at hand
  float *weight, *target;
  float *right, *found, *diagonal; // [cols]
  int cols, thread;

  // add adds the entries first … first+n−1. It returns Σ w·t² of those that are the thread's.
  __device__ double add(int first, int n) const {
    double squares = 0;
    __syncthreads(); // those before have been read
    for (int e = thread; e < n; e += 256) {
      float w = row(a.weights, first + e)[0], t = a.targets.data ? row(a.targets, first + e)[0] : 1.0f;
      weight[e] = w, target[e] = t;
      squares += (double)w * t * t;
    }
    for (int e = thread; e < n * cols; e += 256) {
      const float *from = known(a, row(a.columns, first + e / cols)[0]);
      tile[e] = from ? from[e % cols] : 0.0f;
    }
    __syncthreads();
    for (int e = thread; e < cols * cols; e += 256) {
      int i = e / cols, j = e % cols;
      if (j > i) continue;
      float sum = system[e];
      for (int k = 0; k < n; k++) sum += weight[k] * tile[k * cols + i] * tile[k * cols + j];
      system[e] = sum;
    }
    for (int c = thread; c < cols; c += 256) {
      float sum = right[c];
      for (int k = 0; k < n; k++) sum += weight[k] * target[k] * tile[k * cols + c];
      right[c] = sum;
    }
    return squares;
  }

  // factorize puts L of the system L·Lᵀ in its place, and L⁻¹·found in that of found. A pivot that is lost in rounding becomes 0: so does its
  // unknown, which others can stand for.
  __device__ void factorize() const {
    for (int j = 0; j < cols; j++) {
      __syncthreads();
      float pivot = system[j * cols + j];
      bool lost = pivot <= diagonal[j] * cols * 0x1p-24f; // NaN goes on, and shows
      float root = sqrtf(pivot), z = lost ? 0.0f : found[j] / root;
      __syncthreads(); // the pivot has been read
      for (int i = j + 1 + thread; i < cols; i += 256) {
        float l = lost ? 0.0f : system[i * cols + j] / root;
        system[i * cols + j] = l;
        found[i] -= l * z;
      }
      if (thread == 0) system[j * cols + j] = lost ? 0.0f : root, found[j] = z;
      __syncthreads();
      int n = cols - j - 1;
      for (int e = thread; e < n * n; e += 256) {
        int i = j + 1 + e / n, k = j + 1 + e % n;
        if (k <= i) system[i * cols + k] -= system[i * cols + j] * system[k * cols + j];
      }
    }
  }

  // substitute sets found to the solution.
  __device__ void substitute() const {
    for (int j = cols - 1; j >= 0; j--) {
      __syncthreads();
      float l = system[j * cols + j], x = l == 0 ? 0.0f : found[j] / l;
      __syncthreads(); // all have read it
      if (thread == 0) found[j] = x;
      for (int i = thread; i < j; i += 256) found[i] -= system[j * cols + i] * x;
    }
    __syncthreads();
  }
};

// solve_rows: Cholesky's method.
KERNEL(solve_rows, SolveRowsArgs) {
  if (*a.halted) return;
  __shared__ float tile[SOLVE_TILE], weight[SOLVE_ENTRIES], target[SOLVE_ENTRIES];
  __shared__ float right[SOLVE_COLUMNS], found[SOLVE_COLUMNS], diagonal[SOLVE_COLUMNS];
  __shared__ double room[32];
  int cols = a.x.cols, thread = (int)threadIdx.x;
  Solve s{a, a.systems + (long long)blockIdx.x * cols * cols, tile, weight, target, right, found, diagonal, cols, thread};
  int2 rows = fitted(a);
  int turn = smaller(SOLVE_TILE / larger(cols, 1), (int)SOLVE_ENTRIES);
  for (int r = rows.x + (int)blockIdx.x; r < rows.y; r += (int)gridDim.x) {
    int2 at = entries(a, r);
    float ridge = row(a.ridge, r)[0];
    for (int e = thread; e < cols * cols; e += 256) {
      int i = e / cols, j = e % cols;
      s.system[e] = (a.gram.data ? a.gram_weight * row(a.gram, i)[j] : 0.0f) + (i == j ? ridge : 0.0f);
    }
    for (int c = thread; c < cols; c += 256) right[c] = 0;
    double left = 0;
    for (int first = at.x; first < at.y; first += turn) left += s.add(first, smaller(at.y - first, turn));
    __syncthreads();
    for (int c = thread; c < cols; c += 256) found[c] = right[c], diagonal[c] = s.system[c * cols + c];
    s.factorize();
    s.substitute();
    for (int c = thread; c < cols; c += 256) {
      float x = at.x < at.y ? found[c] : 0.0f; // without entries nothing speaks against 0
      row(a.x, r)[c] = x;
      left -= (double)right[c] * x;
    }
    left = block_sum(left, room);
    if (a.loss.data && thread == 0) row(a.loss, r)[0] = (float)larger(left, 0.0);
    __syncthreads();
  }
}
