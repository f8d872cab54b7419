KERNEL(scale, ScaleArgs) {
  for (long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x; i < a.n; i += (long long)gridDim.x * blockDim.x) a.y[i] = a.x[i] * a.by;
}

// total adds up 256 elements a block: by warps, then by shared memory. Whether barriers and shuffles work shows in it.
KERNEL(total, ScaleArgs) {
  __shared__ float room[8];
  float v = a.x[blockIdx.x * 256 + threadIdx.x];
  for (int d = 16; d > 0; d >>= 1) v += __shfl_xor_sync(0xffffffffu, v, d);
  if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = v;
  __syncthreads();
  for (int half = 4; half > 0; half /= 2) {
    if (threadIdx.x < half) room[threadIdx.x] += room[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) a.y[blockIdx.x] = room[0] * a.by;
}

// early leaves before the barrier that others wait at.
KERNEL(early, ScaleArgs) {
  if (threadIdx.x == 7) return;
  __syncthreads();
}

// mixed has one warp at the barrier and others at a shuffle that waits for a lane of the barrier.
KERNEL(mixed, ScaleArgs) {
  if (threadIdx.x < 40)
    __syncthreads();
  else
    __syncwarp();
  __syncthreads();
}

// beyond writes n elements past the end.
KERNEL(beyond, ScaleArgs) { a.y[a.n] = 1; }

// What blocks must not do to each other. clash: each writes its number, and agree: the same number, to one place.
KERNEL(clash, ScaleArgs) {
  if (threadIdx.x == 0) a.y[0] = (float)blockIdx.x;
}
KERNEL(agree, ScaleArgs) {
  if (threadIdx.x == 0) a.y[0] = a.by;
}
// shift moves elements n further: all are read before any is written, in a block.
KERNEL(shift, ScaleArgs) {
  long long i = blockIdx.x * 256ll + threadIdx.x;
  float v = a.x[i];
  __syncthreads();
  a.y[i + a.n] = v;
}

// tile multiplies matrices of n × n, n a multiple of 64: y = x · x.
KERNEL(tile, ScaleArgs) {
  __shared__ float p[16][68], q[16][68];
  int n = (int)a.n, t = (int)threadIdx.x, tx = t % 16, ty = t / 16, r0 = (int)blockIdx.y * 64, c0 = (int)blockIdx.x * 64;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < n; k0 += 16) {
    for (int i = t; i < 1024; i += 256) {
      p[i % 16][i / 16] = a.x[(long long)(r0 + i / 16) * n + k0 + i % 16];
      q[i / 64][i % 64] = a.x[(long long)(k0 + i / 64) * n + c0 + i % 64];
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < 16; k++)
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] += p[k][ty * 4 + i] * q[k][tx * 4 + j];
    __syncthreads();
  }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) a.y[(long long)(r0 + ty * 4 + i) * n + c0 + tx * 4 + j] = sum[i][j];
}
