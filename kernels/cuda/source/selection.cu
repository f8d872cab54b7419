// The best of many scores, a warp a row. Reading the scores limits it.

enum { SELECT_SLOTS = 2048 }; // of all warps of a block

struct SelectArgs {
  const int *halted;
  Mat scores, weights, best;
  IntMat offsets, left_out, columns;
  int first; // the number of the first column of scores
  int room;  // slots of a warp's list, and of what waits to be sorted into it: a power of two from 32 on
};

// no_candidate is the score of a column that is none, −∞.
__device__ inline float no_candidate() { return __uint_as_float(0xff800000u); }

// select_key orders scores, the better the greater, and of equal ones the columns. 0 is below all keys, NaN above those of numbers.
__device__ inline unsigned long long select_key(float score, int column) {
  unsigned bits = __float_as_uint(score + 0.0f); // −0 is 0
  bits = score != score ? ~0u : bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return (unsigned long long)bits << 32 | ~(unsigned)column;
}

// select_score is the score of a key.
__device__ inline float select_score(unsigned long long key) {
  unsigned bits = (unsigned)(key >> 32);
  return __uint_as_float(bits == ~0u ? bits : bits & 0x80000000u ? bits ^ 0x80000000u : ~bits);
}

// Selected is a warp's list of the best, and behind it those that wait.
struct Selected {
  unsigned long long *keys; // [2·room]
  unsigned long long least; // that is in the list's last place
  int room, kept, waiting, lane;

  // sort puts all keys in order, the greatest first (Batcher's bitonic sort), and forgets those behind the list.
  __device__ void sort() {
    for (int i = room + waiting + lane; i < 2 * room; i += 32) keys[i] = 0;
    __syncwarp();
    for (int size = 2; size <= 2 * room; size *= 2)
      for (int step = size / 2; step > 0; step /= 2) {
        for (int i = lane; i < room; i += 32) {
          int low = 2 * i - (i & (step - 1)), high = low + step;
          unsigned long long x = keys[low], y = keys[high];
          if ((x < y) == ((low & size) == 0)) keys[low] = y, keys[high] = x;
        }
        __syncwarp();
      }
    least = kept > 0 ? keys[kept - 1] : ~0ull;
    waiting = 0;
    __syncwarp(); // all have read it
  }

  // offer shows each lane's key; 0 is none. All lanes of the warp call it.
  __device__ void offer(unsigned long long key) {
    unsigned lanes = __ballot_sync(FULL_WARP, key > least);
    if (lanes == 0) return;
    if (waiting + __popc(lanes) > room) {
      sort();
      lanes = __ballot_sync(FULL_WARP, key > least);
    }
    if (key > least) keys[room + waiting + __popc(lanes & ((1u << lane) - 1))] = key;
    waiting += __popc(lanes);
    __syncwarp();
  }
};

// select_best: the list of each row.
KERNEL(select_best, SelectArgs) {
  if (*a.halted) return;
  __shared__ unsigned long long slots[SELECT_SLOTS];
  int warps = (int)blockDim.x / 32, warp = (int)threadIdx.x / 32, lane = (int)threadIdx.x % 32, kept = a.best.cols;
  int rows = a.columns.count ? smaller(valid(a.scores, a.best), valid(a.columns)) : valid(a.scores, a.best);
  for (int r = (int)blockIdx.x * warps + warp; r < rows; r += (int)gridDim.x * warps) {
    float *scores = row(a.scores, r), *best = row(a.best, r);
    int *columns = row(a.columns, r);
    if (a.left_out.data) {
      int from = larger(row(a.offsets, r)[0], 0), to = smaller(row(a.offsets, r + 1)[0], a.left_out.rows);
      for (int i = from + lane; i < to; i += 32) {
        int c = row(a.left_out, i)[0] - a.first;
        if (c >= 0 && c < a.scores.cols) scores[c] = no_candidate();
      }
    }
    Selected s{slots + warp * 2 * a.room, 0, a.room, kept, 0, lane};
    for (int i = lane; i < a.room; i += 32) s.keys[i] = a.first > 0 && i < kept && columns[i] >= 0 ? select_key(best[i], columns[i]) : 0;
    s.sort();
    for (int first = 0; first < a.scores.cols; first += 32) {
      int c = first + lane;
      float v = c < a.scores.cols ? scores[c] : no_candidate();
      if (a.weights.data && c < a.scores.cols) v *= v < 0 ? 1 / a.weights.data[c] : a.weights.data[c]; // less of a debt is more
      s.offer(v == no_candidate() ? 0 : select_key(v, a.first + c));
    }
    s.sort();
    for (int i = lane; i < kept; i += 32) {
      unsigned long long key = s.keys[i];
      best[i] = key ? select_score(key) : no_candidate();
      columns[i] = key ? (int)~(unsigned)key : -1;
    }
    __syncwarp(); // the next row's list is in their place
  }
}
