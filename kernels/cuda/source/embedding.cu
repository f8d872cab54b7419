// Tables of which a step touches few rows.

struct GatherArgs {
  const int *halted;
  Mat table, out;
  IntMat ids;
  Walk walk;
};

struct Gather {
  const GatherArgs &a;
  // from returns where element c of row r of the result comes from, or null.
  __device__ const float *from(long long r, long long c) const {
    int field = (int)c / a.table.cols, id = row(a.ids, r)[field];
    return id >= 0 && id < a.table.rows ? row(a.table, id) + (c - (long long)field * a.table.cols) : nullptr;
  }
  __device__ void one(long long r, long long c) const {
    const float *p = from(r, c);
    row(a.out, r)[c] = p ? *p : 0.0f;
  }
  __device__ void four(long long r, long long c) const { // within one row of the table: its width is a multiple of four
    const float *p = from(r, c);
    store4(row(a.out, r) + c, p ? load4(p) : make4(0, 0, 0, 0));
  }
};

// gather: out[r, f·D …] = table[ids[r, f]]; random rows of the table limit it.
KERNEL(gather, GatherArgs) {
  if (*a.halted) return;
  Gather f{a};
  int rows = valid(a.out);
  elementwise_walk(a.walk, smaller(rows, valid(a.ids)), a.out.cols, f);
}

struct GatherSumArgs {
  const int *halted;
  Mat table, weights, out;
  IntMat ids;
};

// gather_sum: out[r] = Σ_f weights[r, f] · table[ids[r, f]], in their order. A warp has a row.
KERNEL(gather_sum, GatherSumArgs) {
  if (*a.halted) return;
  int rows = smaller(valid(a.out, a.weights), valid(a.ids)), cols = a.out.cols;
  for (int r = first_row(); r < rows; r += (int)gridDim.x * ROW_WARPS) {
    const int *ids = row(a.ids, r);
    const float *weights = row(a.weights, r);
    for (int c = (int)threadIdx.x % 32; c < cols; c += 32) {
      float sum = 0;
#pragma unroll 4
      for (int f = 0; f < a.ids.cols; f++)
        if (ids[f] >= 0 && ids[f] < a.table.rows) sum += weights[f] * row(a.table, ids[f])[c];
      row(a.out, r)[c] = sum;
    }
  }
}

// The segments of ids. Occurrences of ids, with their places in the batch, are sorted by a radix sort that keeps the order of
// equal ids, eight bits at a time from the least ones on. What is no valid id counts as `limit` and comes last. Then the sorted occurrences
// are numbered by id. Everything is counted, nothing races: the same ids give the same segments.

struct SegmentSort {
  unsigned *keys, *places;         // what is sorted
  unsigned *next_keys, *next_places;
  int *counts; // [tiles][256] occurrences of a digit in a tile; then where they go
  int n, tiles, shift;
};

enum { SORT_TILE = 2048, SORT_ROUNDS = SORT_TILE / 256 };

struct SegmentKeysArgs {
  const int *halted;
  IntMat ids;
  unsigned *keys, *places;
  int n, limit;
};

// segment_keys lists occurrences in the order of their places.
KERNEL(segment_keys, SegmentKeysArgs) {
  if (*a.halted) return;
  int rows = valid(a.ids);
  for (int i = (int)(blockIdx.x * 256 + threadIdx.x); i < a.n; i += (int)gridDim.x * 256) {
    int r = i / a.ids.cols;
    unsigned key = (unsigned)a.limit;
    if (r < rows) {
      int id = row(a.ids, r)[i - r * a.ids.cols];
      if (id >= 0 && id < a.limit) key = (unsigned)id;
    }
    a.keys[i] = key;
    a.places[i] = (unsigned)i;
  }
}

struct SegmentSortArgs {
  const int *halted;
  SegmentSort s;
};

// segment_ranks gives every occurrence of a tile its rank among those of the tile with the same digit. A warp has SORT_ROUNDS groups of 32
// adjacent occurrences; lanes with the same digit find each other by ballots. seen[w][d] is left as how many a warp has.
__device__ inline void segment_ranks(const SegmentSort &s, int (*seen)[256], unsigned (&key)[SORT_ROUNDS], int (&rank)[SORT_ROUNDS]) {
  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, base = (int)blockIdx.x * SORT_TILE + warp * 32 * SORT_ROUNDS + lane;
  for (int d = (int)threadIdx.x; d < 8 * 256; d += 256) seen[d / 256][d % 256] = 0;
  __syncthreads();
  for (int i = 0; i < SORT_ROUNDS; i++) {
    int at = base + 32 * i;
    bool there = at < s.n;
    key[i] = there ? s.keys[at] : 0;
    unsigned digit = key[i] >> s.shift & 255, peers = __ballot_sync(FULL_WARP, there);
    for (int bit = 0; bit < 8; bit++) {
      unsigned set = __ballot_sync(FULL_WARP, digit >> bit & 1);
      peers &= digit >> bit & 1 ? set : ~set;
    }
    int before = there ? seen[warp][digit] : 0, lower = __popc(peers & ((1u << lane) - 1));
    __syncwarp();
    rank[i] = before + lower;
    if (there && lower == 0) seen[warp][digit] = before + __popc(peers);
    __syncwarp();
  }
  __syncthreads();
}

// segment_counts counts the digits of a tile.
KERNEL(segment_counts, SegmentSortArgs) {
  if (*a.halted) return;
  __shared__ int seen[8][256];
  unsigned key[SORT_ROUNDS];
  int rank[SORT_ROUNDS];
  segment_ranks(a.s, seen, key, rank);
  int sum = 0;
  for (int w = 0; w < 8; w++) sum += seen[w][threadIdx.x];
  a.s.counts[(long long)blockIdx.x * 256 + threadIdx.x] = sum;
}

// block_before returns the sum of what the threads before this one have, in a block of 256. All threads call it.
__device__ inline int block_before(int x, int *room) {
  int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32, sum = x;
  for (int by = 1; by < 32; by *= 2) {
    int left = __shfl_up_sync(FULL_WARP, sum, by);
    if (lane >= by) sum += left;
  }
  __syncthreads(); // the room has been read
  if (lane == 31) room[warp] = sum;
  __syncthreads();
  int before = sum - x;
  for (int w = 0; w < warp; w++) before += room[w];
  return before;
}

// segment_offsets turns counts into the places where the first of a tile's digits goes: digits first, then tiles. One block, a thread a
// digit.
KERNEL(segment_offsets, SegmentSortArgs) {
  if (*a.halted) return;
  __shared__ int room[32];
  int digit = (int)threadIdx.x, sum = 0;
#pragma unroll 8
  for (int t = 0; t < a.s.tiles; t++) sum += a.s.counts[t * 256 + digit];
  int at = block_before(sum, room);
#pragma unroll 8
  for (int t = 0; t < a.s.tiles; t++) {
    int n = a.s.counts[t * 256 + digit];
    a.s.counts[t * 256 + digit] = at;
    at += n;
  }
}

// segment_scatter puts the occurrences of a tile where they go.
KERNEL(segment_scatter, SegmentSortArgs) {
  if (*a.halted) return;
  __shared__ int seen[8][256];
  unsigned key[SORT_ROUNDS];
  int rank[SORT_ROUNDS];
  segment_ranks(a.s, seen, key, rank);
  int at = a.s.counts[(long long)blockIdx.x * 256 + threadIdx.x];
  for (int w = 0; w < 8; w++) {
    int n = seen[w][threadIdx.x];
    seen[w][threadIdx.x] = at;
    at += n;
  }
  __syncthreads();
  int warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, base = (int)blockIdx.x * SORT_TILE + warp * 32 * SORT_ROUNDS + lane;
  for (int i = 0; i < SORT_ROUNDS; i++)
    if (base + 32 * i < a.s.n) {
      int to = seen[warp][key[i] >> a.s.shift & 255] + rank[i];
      a.s.next_keys[to] = key[i];
      a.s.next_places[to] = a.s.places[base + 32 * i];
    }
}

struct Segments {
  IntMat unique, starts, places, number;
};

struct SegmentPlanArgs {
  const int *halted;
  Segments s;
  const unsigned *keys, *places; // sorted
  int *counts; // heads in a tile; then those before it
  int *found;  // how many distinct ids
  int n, limit, tiles;
};

enum { SEGMENT_TILE = 256 };

__device__ inline bool segment_head(const SegmentPlanArgs &a, int i) {
  return i < a.n && a.keys[i] < (unsigned)a.limit && (i == 0 || a.keys[i] != a.keys[i - 1]);
}

// segment_heads counts the first occurrences of ids in a tile.
KERNEL(segment_heads, SegmentPlanArgs) {
  if (*a.halted) return;
  __shared__ int room[32];
  int n = block_sum(segment_head(a, (int)(blockIdx.x * SEGMENT_TILE + threadIdx.x)) ? 1 : 0, room);
  if (threadIdx.x == 0) a.counts[blockIdx.x] = n;
}

// segment_number adds up the tiles' counts, and tells how many there are in all. One block.
KERNEL(segment_number, SegmentPlanArgs) {
  if (*a.halted) return;
  __shared__ int room[32];
  __shared__ int total;
  if (threadIdx.x == 0) total = 0;
  for (int lo = 0; lo < a.tiles; lo += 256) {
    int t = lo + (int)threadIdx.x, n = t < a.tiles ? a.counts[t] : 0, before = block_before(n, room);
    __syncthreads();
    int base = total;
    __syncthreads();
    if (t < a.tiles) a.counts[t] = base + before;
    if (threadIdx.x == 255) total = base + before + n;
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  *a.found = total;
  if (total == 0) row(a.s.starts, 0)[0] = 0;
}

// segment_lists lists the distinct ids and where their occurrences begin, the places, and the segments that they belong to.
KERNEL(segment_lists, SegmentPlanArgs) {
  if (*a.halted) return;
  __shared__ int room[32];
  int i = (int)(blockIdx.x * SEGMENT_TILE + threadIdx.x);
  bool head = segment_head(a, i);
  int number = a.counts[blockIdx.x] + block_before(head ? 1 : 0, room) - (head ? 0 : 1);
  if (i >= a.n || a.keys[i] >= (unsigned)a.limit) return;
  row(a.s.places, i)[0] = (int)a.places[i];
  row(a.s.number, i)[0] = number;
  if (head) {
    row(a.s.unique, number)[0] = (int)a.keys[i];
    row(a.s.starts, number)[0] = i;
  }
  if (i + 1 == a.n || a.keys[i + 1] >= (unsigned)a.limit) row(a.s.starts, number + 1)[0] = i + 1;
}

struct SegmentSumArgs {
  const int *halted;
  Segments s;
  Mat grad, sums, weights; // weights where the places of a row share its gradient
  float *first, *last; // [tiles][D] sums of the part of a tile's first segment that began before, and of its last that goes on
  int fields, across;  // columns of a thread: 4 where all rows are aligned
};

// segment_places returns how many places there are.
__device__ inline int segment_places(const Segments &s) { return row(s.starts, valid(s.unique))[0]; }

// segment_parts adds up gradients within a tile of places, in their order: a block has a tile, a thread some columns of a segment at a time.
// Segments that lie in the tile are done.
KERNEL(segment_parts, SegmentSumArgs) {
  if (*a.halted) return;
  __shared__ int begin[SEGMENT_TILE + 1];      // of the tile's segments: their first place in the tile
  __shared__ const float *from[SEGMENT_TILE];  // the gradient of a place
  __shared__ float weight[SEGMENT_TILE];
  int n = segment_places(a.s), lo = (int)blockIdx.x * SEGMENT_TILE, width = a.sums.cols;
  if (lo >= n) return;
  int end = smaller((int)SEGMENT_TILE, n - lo), base = row(a.s.number, lo)[0], segments = row(a.s.number, lo + end - 1)[0] - base + 1;
  for (int i = (int)threadIdx.x; i < end; i += 256) {
    int k = row(a.s.number, lo + i)[0] - base, place = row(a.s.places, lo + i)[0], r = place / a.fields;
    if (i == 0 || row(a.s.number, lo + i - 1)[0] - base != k) begin[k] = i;
    int f = place - r * a.fields;
    from[i] = row(a.grad, r) + (a.weights.data ? 0 : (long long)f * width);
    weight[i] = a.weights.data ? row(a.weights, r)[f] : 1.0f;
  }
  if (threadIdx.x == 0) begin[segments] = end;
  bool before = lo > 0 && row(a.s.number, lo - 1)[0] == base;
  bool after = lo + end < n && row(a.s.number, lo + end)[0] == base + segments - 1;
  __syncthreads();
  int lanes = width / a.across;
  for (int task = (int)threadIdx.x; task < segments * lanes; task += 256) {
    int k = task / lanes, c = (task - k * lanes) * a.across, i = begin[k], stop = begin[k + 1];
    float *to = row(a.sums, base + k);
    if (k == 0 && before) to = a.first + (long long)blockIdx.x * width;
    else if (k == segments - 1 && after) to = a.last + (long long)blockIdx.x * width;
    if (a.across == 4) {
      float4 sum = load4(from[i] + c);
      float w = weight[i]; // 1 where there are none: products and sums are then those of the gradients themselves
      sum.x *= w, sum.y *= w, sum.z *= w, sum.w *= w;
#pragma unroll 4
      for (i++; i < stop; i++) {
        float4 g = load4(from[i] + c);
        w = weight[i];
        sum.x += w * g.x, sum.y += w * g.y, sum.z += w * g.z, sum.w += w * g.w;
      }
      store4(to + c, sum);
    } else {
      float sum = weight[i] * from[i][c];
#pragma unroll 4
      for (i++; i < stop; i++) sum += weight[i] * from[i][c];
      to[c] = sum;
    }
  }
}

// segment_joins adds up the parts of the segments that go over tiles: a block has the one that goes on beyond tile blockIdx.x and began in it.
KERNEL(segment_joins, SegmentSumArgs) {
  if (*a.halted) return;
  int n = segment_places(a.s), next = ((int)blockIdx.x + 1) * SEGMENT_TILE, width = a.sums.cols;
  if (next >= n) return;
  int k = row(a.s.number, next)[0], from = row(a.s.starts, k)[0], to = row(a.s.starts, k + 1)[0];
  if (from >= next || from < next - SEGMENT_TILE) return; // none goes on, or it began before
  for (int c = (int)threadIdx.x; c < width; c += (int)blockDim.x) {
    float sum = a.last[(long long)blockIdx.x * width + c];
#pragma unroll 8
    for (int t = (int)blockIdx.x + 1; t * SEGMENT_TILE < to; t++) sum += a.first[(long long)t * width + c];
    row(a.sums, k)[c] = sum;
  }
}
