// Dropout, whose mask is a pure function of seed, stream, step and place: Philox4x32-10, as package philox has it.

struct DropoutArgs {
  const int *halted;
  Mat x, y;
  IntMat step;                // [1, 2]: low and high word of the step's number
  unsigned int key0, key1;    // Philox' key
  unsigned int threshold;     // words below it drop their element
  float scale;                // of those that stay
  int across;                 // threads of a block side by side, a power of two
  int wide;                   // rows of x and y are aligned to four elements
};

// dropout_words returns the four words of a counter (Salmon, Moraes, Dror, Shaw, SC 2011).
__device__ inline uint4 dropout_words(unsigned int k0, unsigned int k1, unsigned int c0, unsigned int c1, unsigned int c2, unsigned int c3) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    unsigned int high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    unsigned int high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  uint4 words;
  words.x = c0, words.y = c1, words.z = c2, words.w = c3;
  return words;
}

// dropout_rows: y = x ⊙ mask·scale; y may be x. A thread has four neighboring columns, which are one block of Philox; its ten
// rounds and the memory take about equal time.
KERNEL(dropout_rows, DropoutArgs) {
  if (*a.halted) return;
  int rows = valid(a.x, a.y), cols = a.y.cols, down = 256 / a.across;
  unsigned int low = (unsigned int)a.step.data[0], high = (unsigned int)a.step.data[1];
  for (long long r = (long long)blockIdx.y * down + threadIdx.x / a.across; r < rows; r += (long long)gridDim.y * down)
    for (long long c = ((long long)blockIdx.x * a.across + threadIdx.x % a.across) * 4; c < cols; c += (long long)gridDim.x * a.across * 4) {
      uint4 w = dropout_words(a.key0, a.key1, (unsigned int)(c / 4), (unsigned int)r, low, high);
      const float *x = row(a.x, r) + c;
      float *y = row(a.y, r) + c;
      if (a.wide && c + 4 <= cols) {
        float4 v = load4(x);
        v.x = w.x < a.threshold ? 0.0f : v.x * a.scale;
        v.y = w.y < a.threshold ? 0.0f : v.y * a.scale;
        v.z = w.z < a.threshold ? 0.0f : v.z * a.scale;
        v.w = w.w < a.threshold ? 0.0f : v.w * a.scale;
        store4(y, v);
        continue;
      }
      y[0] = w.x < a.threshold ? 0.0f : x[0] * a.scale;
      if (c + 1 < cols) y[1] = w.y < a.threshold ? 0.0f : x[1] * a.scale;
      if (c + 2 < cols) y[2] = w.z < a.threshold ? 0.0f : x[2] * a.scale;
      if (c + 3 < cols) y[3] = w.w < a.threshold ? 0.0f : x[3] * a.scale;
    }
}
