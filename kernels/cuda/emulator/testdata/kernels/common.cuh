// Kernels that the emulator's own tests run, some of which are wrong.
#define KERNEL(name, Args) extern "C" __global__ void __launch_bounds__(256) name(const Args a)

struct ScaleArgs {
  const float *x;
  float *y;
  long long n;
  float by;
};
