// Functions of an element. Kernels of other files end with them; this file comes before those.

// The activations, by kernels.Activation's numbers.
enum { IDENTITY = 0, RELU = 1, SIGMOID = 2, TANH = 3, SILU = 4, GELU = 5 };

// sigmoid never exponentiates a positive number, so that it cannot overflow.
__device__ inline float sigmoid(float x) {
  float e = expf(-fabsf(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}

// silu_slope is the derivative of x·sigmoid(x). q and rest are the sigmoids of |x| and −|x|.
__device__ inline float silu_slope(float x) {
  float e = expf(-fabsf(x)), q = 1.0f / (1.0f + e), rest = e * q;
  return (x < 0 ? rest : q) + x * (q * rest);
}

// normal returns Φ(x), the distribution function of the normal distribution, and e = exp(−x²/2); see normal in
// kernels/cpu/_asm/loops/activations.go, which computes the same.
__device__ inline float normal(float x, float &e) {
  float a = fabsf(x) > 16.0f ? 16.0f : fabsf(x); // NaN stays, and e is 0 there
  float square = a * a, lost = fmaf(a, a, -square);
  e = expf(-0.5f * square);
  e = fmaf(-0.5f * lost, e, e);
  float t = 1.0f / fmaf(0.3f, a, 1.0f), p = -0.0208441569f;
  p = fmaf(p, t, 0.113666144f);
  p = fmaf(p, t, -0.23117905f);
  p = fmaf(p, t, 0.195827148f);
  p = fmaf(p, t, -0.0828487351f);
  p = fmaf(p, t, 0.0980214165f);
  p = fmaf(p, t, 0.0777396438f);
  p = fmaf(p, t, 0.110374917f);
  p = fmaf(p, t, 0.119555137f);
  p = fmaf(p, t, 0.119687535f);
  p *= t * e;
  return x < 0 ? p : 1.0f - p;
}

// activate applies an activation; NaN stays NaN.
__device__ inline float activate(int function, float x) {
  float e;
  switch (function) {
  case RELU: return x <= 0 ? 0.0f : x;
  case SIGMOID: return sigmoid(x);
  case TANH: return tanhf(x);
  case SILU: return x * sigmoid(x);
  case GELU: return x * normal(x, e);
  }
  return x;
}

// activate_grad returns dy·act′, by the activation's output or, for SiLU and GELU, its input.
__device__ inline float activate_grad(int function, float at, float dy) {
  float e;
  switch (function) {
  case RELU: return at <= 0 ? 0.0f : dy;
  case SIGMOID: return dy * (at * (1.0f - at));
  case TANH: return dy * ((1.0f - at) * (1.0f + at)); // keeps its digits where the output is near ±1
  case SILU: return dy * silu_slope(at);
  case GELU: {
    float phi = normal(at, e);
    return dy * fmaf(at, 0.39894228f * e, phi);
  }
  }
  return dy;
}
