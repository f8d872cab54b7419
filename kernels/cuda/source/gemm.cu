// Matrix products in single precision: C = act(op(A)·op(B) + bias), or C += op(A)·op(B).
//
// Each element of C is a sum over the depth K in order, by one thread; where K is split, a sum of such sums over chunks
// whose length the shapes alone decide, added in a fixed order by gemm_combine. So neither the size of the tiles nor
// the GPU decides bits. Rows of the batch that are not valid count as absent: where the batch is M (or N) they are
// neither read nor written, where it is summed over, K ends before them.

struct GemmArgs {
  const int *halted;
  Mat a, b, c, bias;
  float *partial; // [splits][pitch]: the sums of the chunks, C's elements in order; null where K is in one piece
  long long pitch;
  int chunk, splits; // steps of K in a chunk, a multiple of the tiles' depth; chunks
  int transposed_a, transposed_b;
  int function, accumulate;
  int lanes; // of sum_columns, or threads a row in gemm_dots
};

// GemmSize is the valid part of a product.
struct GemmSize {
  int m, n, k;
};

__device__ inline GemmSize gemm_size(const GemmArgs &a) {
  GemmSize s;
  s.m = valid(a.c);
  s.n = a.c.cols;
  if (a.transposed_a) {
    s.k = valid(a.a);
  } else {
    s.m = smaller(s.m, valid(a.a));
    s.k = a.a.cols;
  }
  if (a.transposed_b)
    s.n = smaller(s.n, valid(a.b));
  else
    s.k = smaller(s.k, valid(a.b));
  return s;
}

// gemm_store writes an element of the product.
__device__ inline void gemm_store(const GemmArgs &a, int r, int c, float sum) {
  float *to = row(a.c, r) + c;
  if (a.accumulate) sum += *to;
  if (a.bias.data) sum += a.bias.data[c];
  *to = activate(a.function, sum);
}

// GemmSide carries tiles of one factor from memory to shared memory: WIDTH of its outer dimension by DEPTH of K, in two
// rounds, in each of which a thread takes four elements along the matrix's rows. ALONG says that rows lie along K. Tiles
// are kept as [DEPTH][WIDTH + 4], so that the products read both sides in the same way; the four columns of padding
// leave 2-way conflicts in the stores of the transposing side, eight a thread against 1024 multiplications.
template <bool ALONG, int WIDTH, int DEPTH> struct GemmSide {
  enum { PITCH = WIDTH + 4 };
  const float *next; // this thread's first group in the tile to come
  long long stride;
  int line, col; // of that group in the tile, as the matrix lies
  int outer;     // what is left of the outer dimension from the tile on
  bool whole;    // all of the tile's outer dimension is there, and aligned
  float4 held;   // what the last round has read

  // Along K a row of the tile is read by 4 threads, 64 bytes; the second round takes other rows or the other half.
  __device__ static int lines(int round) { return ALONG ? (WIDTH > 64 ? 64 * round : 0) : 256 / (WIDTH / 4) * round; }
  __device__ static int cols(int round) { return ALONG && WIDTH <= 64 ? 16 * round : 0; }

  __device__ void begin(const Mat &x, int outer0, int outer_end, int depth0) {
    static_assert(WIDTH * DEPTH == 2 * 4 * 256, "a tile is two rounds of the block");
    const int across = ALONG ? 4 : WIDTH / 4;
    line = (int)threadIdx.x / across;
    col = (int)threadIdx.x % across * 4;
    stride = x.stride;
    next = row(x, (long long)(ALONG ? outer0 : depth0) + line) + (ALONG ? depth0 : outer0) + col;
    outer = outer_end - outer0;
    whole = aligned16(x) && outer >= WIDTH;
  }

  // fetch reads a round of the next tile, of which `depth` steps of K are there; the rest of it is 0.
  __device__ void fetch(int round, int depth) {
    const float *p = next + lines(round) * stride + cols(round);
    if (whole && depth >= DEPTH) {
      held = load4(p);
      return;
    }
    int left = (ALONG ? depth : outer) - col - cols(round);
    if (line + lines(round) >= (ALONG ? outer : depth)) left = 0;
    held.x = left > 0 ? p[0] : 0.0f;
    held.y = left > 1 ? p[1] : 0.0f;
    held.z = left > 2 ? p[2] : 0.0f;
    held.w = left > 3 ? p[3] : 0.0f;
  }

  // put stores the round that was fetched.
  __device__ void put(int round, float (*tile)[PITCH]) const {
    int l = line + lines(round), c = col + cols(round);
    if (ALONG) {
      tile[c][l] = held.x;
      tile[c + 1][l] = held.y;
      tile[c + 2][l] = held.z;
      tile[c + 3][l] = held.w;
    } else {
      store4(&tile[l][c], held);
    }
  }

  // advance goes on to the tile after.
  __device__ void advance() { next += ALONG ? (long long)DEPTH : DEPTH * stride; }
};

// gemm_tile computes a tile of C of 64·H × 64·H, for the chunk blockIdx.y of K, by 256 threads with (4·H)² elements
// each. blockIdx.x counts the tiles, column after column: in one dimension, since only the first may be long. A warp has 16·H × 32·H of them: its threads read four and eight neighboring float4 of the two sides, which
// shared memory serves without conflict. Tiles of K are DEPTH deep and kept twice, so that the next one is read from
// memory while one is multiplied, with one barrier a tile. It is read in two halves, which spares registers.
//
// With H = 2 a step of K costs a thread 4 loads of shared memory for 64 multiply-adds, so that arithmetic limits it: of
// the instructions that the loop issues for aligned matrices about 85 % multiply, at up to 128 registers a thread. H = 1
// is limited by shared memory; it is for products that do not make enough large tiles, or would leave much of them
// empty. Matrices that are not aligned are read by single elements.
//
// A block has 33.0 KiB of shared memory with H = 2, 34.0 KiB with H = 1, and registers allow two and three blocks a
// multiprocessor. They are resident on GPUs of compute capability 7.0, 8.0 and 9.0. With 8.6 and 8.9, whose
// multiprocessors have 100 KiB, two are either way, and with 7.5 (64 KiB) one: there too little hides the latency of
// memory, which costs speed alone.
template <int H, int DEPTH, bool TA, bool TB> __device__ inline void gemm_tile(const GemmArgs &a) {
  const int WIDTH = 64 * H;
  typedef GemmSide<!TA, WIDTH, DEPTH> SideA;
  typedef GemmSide<TB, WIDTH, DEPTH> SideB;
  alignas(16) __shared__ float tiles_a[2][DEPTH][SideA::PITCH];
  alignas(16) __shared__ float tiles_b[2][DEPTH][SideB::PITCH];

  GemmSize size = gemm_size(a);
  int down = (a.c.rows + WIDTH - 1) / WIDTH;
  int m0 = (int)blockIdx.x % down * WIDTH, n0 = (int)blockIdx.x / down * WIDTH;
  int k0 = (int)blockIdx.y * a.chunk;
  int k1 = a.chunk < size.k - k0 ? k0 + a.chunk : size.k;
  if (m0 >= size.m || n0 >= size.n || (a.partial && k0 >= k1)) return; // the whole block

  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32;
  int r0 = warp / 2 * (16 * H) + lane / 8 * 4, c0 = warp % 2 * (32 * H) + lane % 8 * 4;
  float sum[4 * H][4 * H];
#pragma unroll
  for (int i = 0; i < 4 * H; i++)
#pragma unroll
    for (int j = 0; j < 4 * H; j++) sum[i][j] = 0;

  SideA side_a;
  SideB side_b;
  side_a.begin(a.a, m0, size.m, k0);
  side_b.begin(a.b, n0, size.n, k0);
  if (k0 < k1) {
#pragma unroll
    for (int round = 0; round < 2; round++) {
      side_a.fetch(round, k1 - k0);
      side_b.fetch(round, k1 - k0);
      side_a.put(round, tiles_a[0]);
      side_b.put(round, tiles_b[0]);
    }
  }
  __syncthreads();
  int now = 0;
  for (int left = k1 - k0; left > 0; left -= DEPTH, now ^= 1) {
    side_a.advance();
    side_b.advance();
#pragma unroll 1
    for (int round = 0; round < 2; round++) {
      if (left > DEPTH) {
        side_a.fetch(round, left - DEPTH);
        side_b.fetch(round, left - DEPTH);
      }
      const float *at_a = &tiles_a[now][DEPTH / 2 * round][r0], *at_b = &tiles_b[now][DEPTH / 2 * round][c0];
#pragma unroll
      for (int d = 0; d < DEPTH / 2; d++) {
        float x[4 * H], y[4 * H];
#pragma unroll
        for (int h = 0; h < H; h++) {
          float4 u = load4(at_a + d * SideA::PITCH + 16 * h), v = load4(at_b + d * SideB::PITCH + 32 * h);
          x[4 * h] = u.x, x[4 * h + 1] = u.y, x[4 * h + 2] = u.z, x[4 * h + 3] = u.w;
          y[4 * h] = v.x, y[4 * h + 1] = v.y, y[4 * h + 2] = v.z, y[4 * h + 3] = v.w;
        }
#pragma unroll
        for (int i = 0; i < 4 * H; i++)
#pragma unroll
          for (int j = 0; j < 4 * H; j++) sum[i][j] += x[i] * y[j];
      }
      if (left > DEPTH) {
        side_a.put(round, tiles_a[now ^ 1]);
        side_b.put(round, tiles_b[now ^ 1]);
      }
    }
    __syncthreads();
  }

  // C or the chunk's sums, by rows of four.
  float *out = a.partial ? a.partial + blockIdx.y * a.pitch : a.c.data;
  long long stride = a.partial ? (long long)a.c.cols : a.c.stride;
  bool wide = a.partial ? a.c.cols % 4 == 0 : aligned16(a.c);
  bool adds = !a.partial && a.accumulate, relu = !a.partial && a.function == RELU;
#pragma unroll
  for (int h = 0; h < H; h++) {
    int c = n0 + c0 + 32 * h, left = size.n - c;
    bool group = wide && left >= 4;
    float bias[4] = {0, 0, 0, 0};
    if (a.bias.data && !a.partial) {
#pragma unroll
      for (int j = 0; j < 4; j++)
        if (j < left) bias[j] = a.bias.data[c + j];
    }
#pragma unroll
    for (int i = 0; i < 4 * H; i++) {
      int r = m0 + r0 + i / 4 * 16 + i % 4;
      if (r >= size.m) continue;
      float *to = out + r * stride + c;
      float v[4];
#pragma unroll
      for (int j = 0; j < 4; j++) v[j] = sum[i][4 * h + j] + bias[j];
      if (adds && group) {
        float4 old = load4(to);
        v[0] += old.x, v[1] += old.y, v[2] += old.z, v[3] += old.w;
      } else if (adds) {
#pragma unroll
        for (int j = 0; j < 4; j++)
          if (j < left) v[j] += to[j];
      }
      if (relu) {
#pragma unroll
        for (int j = 0; j < 4; j++) v[j] = activate(RELU, v[j]);
      }
      if (group) {
        store4(to, make4(v[0], v[1], v[2], v[3]));
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++)
          if (j < left) to[j] = v[j];
      }
    }
  }
  // The larger functions have a loop of their own, over what the thread has just written: unrolled with the sums they
  // would be most of the program.
  if (a.partial || a.function <= RELU) return;
#pragma unroll 1
  for (int i = 0; i < 4 * H; i++) {
    int r = m0 + r0 + i / 4 * 16 + i % 4;
    if (r >= size.m) break;
#pragma unroll 1
    for (int j = 0; j < 4 * H; j++) {
      int c = n0 + c0 + j / 4 * 32 + j % 4;
      if (c < size.n) row(a.c, r)[c] = activate(a.function, row(a.c, r)[c]);
    }
  }
}

KERNEL_RESIDENT(gemm_128_nn, GemmArgs, 2) {
  if (*a.halted) return;
  gemm_tile<2, 16, false, false>(a);
}
KERNEL_RESIDENT(gemm_128_nt, GemmArgs, 2) {
  if (*a.halted) return;
  gemm_tile<2, 16, false, true>(a);
}
KERNEL_RESIDENT(gemm_128_tn, GemmArgs, 2) {
  if (*a.halted) return;
  gemm_tile<2, 16, true, false>(a);
}
KERNEL_RESIDENT(gemm_128_tt, GemmArgs, 2) {
  if (*a.halted) return;
  gemm_tile<2, 16, true, true>(a);
}
KERNEL_RESIDENT(gemm_64_nn, GemmArgs, 3) {
  if (*a.halted) return;
  gemm_tile<1, 32, false, false>(a);
}
KERNEL_RESIDENT(gemm_64_nt, GemmArgs, 3) {
  if (*a.halted) return;
  gemm_tile<1, 32, false, true>(a);
}
KERNEL_RESIDENT(gemm_64_tn, GemmArgs, 3) {
  if (*a.halted) return;
  gemm_tile<1, 32, true, false>(a);
}
KERNEL_RESIDENT(gemm_64_tt, GemmArgs, 3) {
  if (*a.halted) return;
  gemm_tile<1, 32, true, true>(a);
}

// GemmChunks adds up the chunks' sums: rows of a matrix with a column for each element of C.
struct GemmChunks {
  const GemmArgs &a;
  int n; // valid columns of C; the chunks hold nothing in those beyond
  __device__ void four(int s, int i, float (&sum)[4]) const {
    float4 v = load4(a.partial + s * a.pitch + i);
    sum[0] += v.x, sum[1] += v.y, sum[2] += v.z, sum[3] += v.w;
  }
  __device__ float one(int s, int i) const { return a.partial[s * a.pitch + i]; }
  __device__ void done(int i, float sum) const {
    int r = i / a.c.cols, c = i % a.c.cols;
    if (c < n) gemm_store(a, r, c, sum);
  }
};

// gemm_combine is the second pass of a product with a split K. Chunks in which nothing is valid were not computed, and
// are not read.
KERNEL(gemm_combine, GemmArgs) {
  if (*a.halted) return;
  GemmSize size = gemm_size(a);
  int live = (size.k + a.chunk - 1) / a.chunk;
  GemmChunks f{a, size.n};
  sum_columns(a.lanes, 0, live, size.m * a.c.cols, true, f);
}

// GemmVector describes y = X·v, which a product is where C is one column or one row.
struct GemmVector {
  const Mat &x;
  const float *v;
  long long step;    // from an element of v to the next
  bool column;       // C is a column
  int outs, depth;   // valid lengths of y and v
};

__device__ inline GemmVector gemm_vector(const GemmArgs &a) {
  GemmSize size = gemm_size(a);
  if (a.c.cols == 1) return GemmVector{a.a, a.b.data, a.transposed_b ? 1 : a.b.stride, true, size.n > 0 ? size.m : 0, size.k};
  return GemmVector{a.b, a.a.data, a.transposed_a ? a.a.stride : 1, false, size.m > 0 ? size.n : 0, size.k};
}

__device__ inline void gemm_put(const GemmArgs &a, bool column, int i, float sum) {
  gemm_store(a, column ? i : 0, column ? 0 : i, sum);
}

// gemm_dots is y = X·v with X's rows along K: a dot product by `lanes` threads for each element, four steps at a time.
// It reads X once, which memory limits.
KERNEL(gemm_dots, GemmArgs) {
  if (*a.halted) return;
  GemmVector p = gemm_vector(a);
  int lanes = a.lanes, lane = (int)threadIdx.x % lanes, rows = 256 / lanes;
  bool wide_x = aligned16(p.x), wide_v = p.step == 1 && ((unsigned long long)p.v & 15) == 0;
  for (long long first = (long long)blockIdx.x * rows; first < p.outs; first += (long long)gridDim.x * rows) {
    int i = (int)first + (int)threadIdx.x / lanes;
    float sum[4] = {0, 0, 0, 0};
    if (i < p.outs) {
      const float *x = row(p.x, i);
#pragma unroll 2
      for (int k = lane * 4; k < p.depth; k += lanes * 4) {
        const float *v = p.v + k * p.step;
        if (k + 4 <= p.depth) {
          float4 s = wide_x ? load4(x + k) : make4(x[k], x[k + 1], x[k + 2], x[k + 3]);
          float4 t = wide_v ? load4(v) : make4(v[0], v[p.step], v[2 * p.step], v[3 * p.step]);
          sum[0] += s.x * t.x, sum[1] += s.y * t.y, sum[2] += s.z * t.z, sum[3] += s.w * t.w;
          continue;
        }
        sum[0] += x[k] * v[0];
        if (k + 1 < p.depth) sum[1] += x[k + 1] * v[p.step];
        if (k + 2 < p.depth) sum[2] += x[k + 2] * v[2 * p.step];
      }
    }
    float total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (int apart = lanes / 2; apart > 0; apart /= 2) total += __shfl_xor_sync(FULL_WARP, total, apart);
    if (lane == 0 && i < p.outs) gemm_put(a, p.column, i, total);
  }
}

// GemmColumns adds up the rows of X, each times its element of v.
struct GemmColumns {
  const GemmArgs &a;
  const GemmVector &p;
  __device__ void four(int k, int c, float (&sum)[4]) const {
    float4 x = load4(row(p.x, k) + c);
    float v = p.v[k * p.step];
    sum[0] += x.x * v, sum[1] += x.y * v, sum[2] += x.z * v, sum[3] += x.w * v;
  }
  __device__ float one(int k, int c) const { return row(p.x, k)[c] * p.v[k * p.step]; }
  __device__ void done(int i, float sum) const {
    if (a.partial)
      a.partial[blockIdx.y * a.pitch + i] = sum;
    else
      gemm_put(a, p.column, i, sum);
  }
};

// gemm_columns is y = Xᵀ·v with X's rows across K, for the chunk blockIdx.y of K: the gradient of a last layer's weights.
// It reads X once, which memory limits.
KERNEL(gemm_columns, GemmArgs) {
  if (*a.halted) return;
  GemmVector p = gemm_vector(a);
  int k0 = (int)blockIdx.y * a.chunk;
  int k1 = a.chunk < p.depth - k0 ? k0 + a.chunk : p.depth;
  if (a.partial && k0 >= k1) return; // the whole block
  GemmColumns f{a, p};
  sum_columns(a.lanes, k0, k1, p.outs, aligned16(p.x), f);
}

// gemm_outer is the product of a column and a row, K = 1: each thread has four neighboring columns and walks down rows.
// Writing C limits it.
KERNEL(gemm_outer, GemmArgs) {
  if (*a.halted) return;
  GemmSize size = gemm_size(a);
  int lanes = a.lanes, c0 = ((int)blockIdx.x * lanes + (int)threadIdx.x % lanes) * 4;
  if (c0 >= size.n || (size.k == 0 && a.accumulate)) return;
  long long step_a = a.transposed_a ? 1 : a.a.stride, step_b = a.transposed_b ? a.b.stride : 1;
  bool wide = aligned16(a.c) && c0 + 4 <= size.n;
  float y[4] = {0, 0, 0, 0}, bias[4] = {0, 0, 0, 0};
  for (int j = 0; j < 4 && c0 + j < size.n; j++) {
    if (size.k > 0) y[j] = a.b.data[(c0 + j) * step_b];
    if (a.bias.data) bias[j] = a.bias.data[c0 + j];
  }
  int rows = 256 / lanes;
  for (long long r = (long long)blockIdx.y * rows + threadIdx.x / lanes; r < size.m; r += (long long)gridDim.y * rows) {
    float x = size.k > 0 ? a.a.data[r * step_a] : 0.0f;
    float *to = row(a.c, r) + c0;
    float4 old = make4(0, 0, 0, 0);
    if (a.accumulate) {
      if (wide) {
        old = load4(to);
      } else {
        old.x = to[0];
        if (c0 + 1 < size.n) old.y = to[1];
        if (c0 + 2 < size.n) old.z = to[2];
        if (c0 + 3 < size.n) old.w = to[3];
      }
    }
    float4 v = make4(activate(a.function, x * y[0] + bias[0] + old.x), activate(a.function, x * y[1] + bias[1] + old.y),
                     activate(a.function, x * y[2] + bias[2] + old.z), activate(a.function, x * y[3] + bias[3] + old.w));
    if (wide) {
      store4(to, v);
      continue;
    }
    to[0] = v.x;
    if (c0 + 1 < size.n) to[1] = v.y;
    if (c0 + 2 < size.n) to[2] = v.z;
    if (c0 + 3 < size.n) to[3] = v.w;
  }
}
