// A stand-in for cuBLASLt on the emulated driver: products of float32 matrices, stored by columns as there, with the
// epilogues that need no second output. It checks its arguments, and that matrices are allocated on the device; it
// computes when its stream's turn comes. Of what it has not, heuristics find no algorithm. The environment:
//
//	DEBUT_EMU_NO_HEURISTIC  1: there is no algorithm for a product with a size that is no multiple of 8
//	DEBUT_EMU_BLAS_REFUSE   the status that all products are refused with, although there was an algorithm
#include <cuda.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <memory>

extern "C" {
// The driver's, see driver.cpp.
CUresult emu_submit(CUstream, void (*)(void *), const void *, size_t);
CUresult emu_share(long, void (*)(void *, long), void *);
int emu_allocated(CUdeviceptr, size_t);
}

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum Status { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { R_32F = 0 };
enum { COMPUTE_32F = 68, COMPUTE_32F_FAST_16BF = 75, COMPUTE_32F_FAST_TF32 = 77 };
enum { DESC_POINTER_MODE = 2, DESC_TRANSA = 3, DESC_TRANSB = 4, DESC_EPILOGUE = 7, DESC_BIAS = 8, DESC_AUX = 11, DESC_AUX_LD = 12 };
enum { PREF_MAX_WORKSPACE = 1, PREF_MIN_ALIGNMENT_A = 5, PREF_MIN_ALIGNMENT_D = 8 };
enum { TF32_BITS = 10, BF16_BITS = 7 };
enum { EPILOGUE_DEFAULT = 1, EPILOGUE_RELU = 2, EPILOGUE_BIAS = 4 };

enum Kind : uint32_t { HANDLE = 0xb1a51000, DESC, LAYOUT, PREFERENCE, ALGO };

struct Object {
	Kind kind;
};
struct Desc : Object {
	int compute;
	int trans[2];
	unsigned epilogue;
	uint64_t bias, aux;
	int64_t aux_ld;
};
struct Layout : Object {
	int type;
	uint64_t rows, cols;
	int64_t ld;
};
struct Preference : Object {
	uint64_t workspace;
	uint32_t alignment[4]; // of A, B, C and D, in bytes
};
// Algo is what the caller sees as 64 bytes.
struct Algo {
	Kind kind;
	uint32_t alignment[4];
	uint64_t workspace; // that it needs
};
static_assert(sizeof(Algo) <= 64, "an algorithm has 64 bytes");
struct Result {
	union {
		Algo algo;
		uint64_t data[8];
	};
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
};
static_assert(sizeof(Result) == 96, "the library's own size");

template <typename T> const T *as(const void *p, Kind kind) {
	return p && ((const Object *)p)->kind == kind ? (const T *)p : nullptr;
}

template <typename T> int create(void **out, Kind kind, T **made) {
	if (!out) return INVALID_VALUE;
	auto *t = new T();
	t->kind = kind;
	*out = *made = t;
	return SUCCESS;
}

template <typename T> int destroy(void *p, Kind kind) {
	T *t = const_cast<T *>(as<T>(p, kind));
	if (!t) return kind == HANDLE ? NOT_INITIALIZED : INVALID_VALUE;
	t->kind = Kind(0);
	delete t;
	return SUCCESS;
}

template <typename T> int take(T &to, const void *value, size_t size) {
	if (!value || size != sizeof to) return INVALID_VALUE;
	memcpy(&to, value, size);
	return SUCCESS;
}

// ---- The product ----------------------------------------------------------------------------------------------------

struct Factor {
	const float *data;
	long stride_outer, stride_k; // from an element to the next along M or N, and along K
};

struct Product {
	long m, n, k;
	Factor a, b;
	const float *c, *bias;
	float *d;
	long ldc, ldd;
	float alpha, beta;
	int relu, bits; // bits of the factors' mantissas
};

// rounded rounds to so many bits of mantissa: BF16's to nearest, ties to even; TF32's towards zero, as tensor cores of compute capability
// 9.0 do with float32 that nobody has rounded before.
inline float rounded(float x, int bits) {
	uint32_t u;
	memcpy(&u, &x, 4);
	if ((u & 0x7f800000) == 0x7f800000) return x;
	int drop = 23 - bits;
	if (bits == BF16_BITS) u += (1u << (drop - 1)) - 1 + (u >> drop & 1);
	u &= ~((1u << drop) - 1);
	memcpy(&x, &u, 4);
	return x;
}

// Tiles of C are TILE_M × TILE_N; each is computed by panels of 16 × 6, whose sums stay in registers. An element's sum begins
// at the end of K, however the tiles lie: so its bits are not those of kernels that begin at 0, as with the real library.
constexpr long PANEL_M = 16, PANEL_N = 6, TILE_M = 8 * PANEL_M, TILE_N = 32 * PANEL_N;
typedef float Vector __attribute__((vector_size(32)));

// pack lays out `count` rows of a factor in panels: [panel][k][width], what is missing as 0.
void pack(const Factor &f, long first, long count, long width, long k, int bits, float *out) {
	for (long p = 0; p < count; p += width) {
		const float *from = f.data + (first + p) * f.stride_outer;
		long some = std::min(width, count - p);
		if (f.stride_k == 1) { // along memory
			for (long i = 0; i < width; i++)
				for (long l = 0; l < k; l++) out[l * width + i] = i < some ? from[i * f.stride_outer + l] : 0;
		} else {
			for (long l = 0; l < k; l++)
				for (long i = 0; i < width; i++) out[l * width + i] = i < some ? from[i * f.stride_outer + l * f.stride_k] : 0;
		}
		if (bits < 23)
			for (long i = 0; i < width * k; i++) out[i] = rounded(out[i], bits);
		out += width * k;
	}
}

// panel computes 16 × 6 sums.
void panel(long k, const float *a, const float *b, float (*out)[PANEL_M]) {
	Vector sum[PANEL_N][2] = {};
	a += k * PANEL_M, b += k * PANEL_N;
	for (long l = 0; l < k; l++) {
		a -= PANEL_M, b -= PANEL_N;
		Vector a0, a1;
		memcpy(&a0, a, sizeof a0);
		memcpy(&a1, a + 8, sizeof a1);
#pragma GCC unroll 6
		for (long j = 0; j < PANEL_N; j++) {
			Vector bj = b[j] - (Vector){};
			sum[j][0] += a0 * bj;
			sum[j][1] += a1 * bj;
		}
	}
	memcpy(out, sum, sizeof sum);
}

void tile(void *context, long index) {
	const Product &p = *(const Product *)context;
	long down = (p.m + TILE_M - 1) / TILE_M, m0 = index % down * TILE_M, n0 = index / down * TILE_N;
	long rows = std::min(TILE_M, p.m - m0), cols = std::min(TILE_N, p.n - n0);
	static thread_local std::unique_ptr<float[]> room;
	static thread_local size_t size;
	size_t need = (size_t)((TILE_M + TILE_N) * std::max(p.k, 1l));
	if (size < need) room.reset(new float[need]), size = need;
	float *a = room.get(), *b = a + TILE_M * p.k;
	pack(p.a, m0, rows, PANEL_M, p.k, p.bits, a);
	pack(p.b, n0, cols, PANEL_N, p.k, p.bits, b);
	for (long j0 = 0; j0 < cols; j0 += PANEL_N)
		for (long i0 = 0; i0 < rows; i0 += PANEL_M) {
			float sum[PANEL_N][PANEL_M];
			panel(p.k, a + i0 * p.k, b + j0 * p.k, sum);
			for (long j = 0; j < std::min(PANEL_N, cols - j0); j++)
				for (long i = 0; i < std::min(PANEL_M, rows - i0); i++) {
					long r = m0 + i0 + i, c = n0 + j0 + j;
					float v = p.alpha * sum[j][i];
					if (p.beta != 0) v += p.beta * p.c[r + c * p.ldc];
					if (p.bias) v += p.bias[r];
					if (p.relu) v = v <= 0 ? 0 : v;
					p.d[r + c * p.ldd] = v;
				}
		}
}

void multiply(void *args) {
	Product p;
	memcpy(&p, args, sizeof p);
	emu_share((p.m + TILE_M - 1) / TILE_M * ((p.n + TILE_N - 1) / TILE_N), tile, &p);
}

// checked returns the product that descriptors describe, without its data.
int checked(const Desc *d, const Layout *a, const Layout *b, const Layout *c, const Layout *o, Product &p) {
	if (!d || !a || !b || !c || !o) return INVALID_VALUE;
	for (const Layout *l : {a, b, c, o}) {
		if (l->ld < (int64_t)l->rows) return INVALID_VALUE;
		if (l->type != R_32F) return NOT_SUPPORTED;
	}
	auto m = d->trans[0] ? a->cols : a->rows, k = d->trans[0] ? a->rows : a->cols;
	auto n = d->trans[1] ? b->rows : b->cols, k2 = d->trans[1] ? b->cols : b->rows;
	if (k != k2 || o->rows != m || o->cols != n || c->rows != m || c->cols != n) return INVALID_VALUE;
	if (d->epilogue & ~7u || !(d->epilogue == EPILOGUE_DEFAULT || d->epilogue == EPILOGUE_RELU || (d->epilogue & ~2u) == EPILOGUE_BIAS)) return NOT_SUPPORTED;
	p.m = (long)m, p.n = (long)n, p.k = (long)k;
	p.ldc = c->ld, p.ldd = o->ld;
	p.a.stride_outer = d->trans[0] ? a->ld : 1, p.a.stride_k = d->trans[0] ? 1 : a->ld;
	p.b.stride_outer = d->trans[1] ? 1 : b->ld, p.b.stride_k = d->trans[1] ? b->ld : 1;
	p.relu = (d->epilogue & EPILOGUE_RELU) != 0;
	p.bits = d->compute == COMPUTE_32F_FAST_TF32 ? TF32_BITS : d->compute == COMPUTE_32F_FAST_16BF ? BF16_BITS : 23;
	return SUCCESS;
}

// extent returns the bytes from a matrix's first element to its last.
size_t extent(const Layout *l) { return l->cols == 0 ? 0 : 4 * ((size_t)l->ld * (l->cols - 1) + l->rows); }

} // namespace

// ---- The library's interface ----------------------------------------------------------------------------------------

API size_t cublasLtGetVersion() { return 120405; }

API int cublasLtCreate(void **out) {
	Object *o;
	return create(out, HANDLE, &o);
}
API int cublasLtDestroy(void *p) { return destroy<Object>(p, HANDLE); }

API int cublasLtMatmulDescCreate(void **out, int compute, int scale) {
	if (compute != COMPUTE_32F && compute != COMPUTE_32F_FAST_TF32 && compute != COMPUTE_32F_FAST_16BF) return NOT_SUPPORTED;
	if (scale != R_32F) return NOT_SUPPORTED;
	Desc *d;
	if (int r = create(out, DESC, &d)) return r;
	d->compute = compute, d->epilogue = EPILOGUE_DEFAULT;
	return SUCCESS;
}
API int cublasLtMatmulDescDestroy(void *p) { return destroy<Desc>(p, DESC); }

API int cublasLtMatmulDescSetAttribute(void *p, int attribute, const void *value, size_t size) {
	auto *d = const_cast<Desc *>(as<Desc>(p, DESC));
	if (!d) return INVALID_VALUE;
	int v = 0;
	switch (attribute) {
	case DESC_POINTER_MODE: // on the host
		if (int r = take(v, value, size)) return r;
		return v == 0 ? SUCCESS : NOT_SUPPORTED;
	case DESC_TRANSA:
	case DESC_TRANSB:
		if (int r = take(v, value, size)) return r;
		if (v < 0 || v > 2) return INVALID_VALUE;
		d->trans[attribute - DESC_TRANSA] = v != 0;
		return SUCCESS;
	case DESC_EPILOGUE: return take(d->epilogue, value, size);
	case DESC_BIAS: return take(d->bias, value, size);
	case DESC_AUX: return take(d->aux, value, size);
	case DESC_AUX_LD: return take(d->aux_ld, value, size);
	}
	return INVALID_VALUE;
}

API int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t cols, int64_t ld) {
	Layout *l;
	if (int r = create(out, LAYOUT, &l)) return r;
	l->type = type, l->rows = rows, l->cols = cols, l->ld = ld;
	return SUCCESS;
}
API int cublasLtMatrixLayoutDestroy(void *p) { return destroy<Layout>(p, LAYOUT); }

API int cublasLtMatmulPreferenceCreate(void **out) {
	Preference *p;
	if (int r = create(out, PREFERENCE, &p)) return r;
	for (uint32_t &a : p->alignment) a = 256; // the library's
	return SUCCESS;
}
API int cublasLtMatmulPreferenceDestroy(void *p) { return destroy<Preference>(p, PREFERENCE); }

API int cublasLtMatmulPreferenceSetAttribute(void *q, int attribute, const void *value, size_t size) {
	auto *p = const_cast<Preference *>(as<Preference>(q, PREFERENCE));
	if (!p) return INVALID_VALUE;
	if (attribute == PREF_MAX_WORKSPACE) return take(p->workspace, value, size);
	if (attribute >= PREF_MIN_ALIGNMENT_A && attribute <= PREF_MIN_ALIGNMENT_D) return take(p->alignment[attribute - PREF_MIN_ALIGNMENT_A], value, size);
	return INVALID_VALUE;
}

// It finds one algorithm. As many of the library's do, it wants some workspace where it may have it.
API int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference, int requested, void *results, int *returned) {
	if (!as<Object>(handle, HANDLE)) return NOT_INITIALIZED;
	auto *pref = as<Preference>(preference, PREFERENCE);
	if (!pref || !results || !returned || requested <= 0) return INVALID_VALUE;
	*returned = 0;
	Product p;
	if (int r = checked(as<Desc>(desc, DESC), as<Layout>(a, LAYOUT), as<Layout>(b, LAYOUT), as<Layout>(c, LAYOUT), as<Layout>(d, LAYOUT), p)) return r;
	if (p.m == 0 || p.n == 0 || p.k == 0 || (getenv("DEBUT_EMU_NO_HEURISTIC") && (p.m | p.n | p.k) % 8 != 0)) return NOT_SUPPORTED;
	Result result;
	memset(&result, 0, sizeof result);
	result.algo.kind = ALGO;
	for (int i = 0; i < 4; i++) result.algo.alignment[i] = std::max(pref->alignment[i], 4u);
	result.algo.workspace = result.workspace = std::min<uint64_t>(pref->workspace, 1 << 16);
	result.waves = 1;
	memcpy(results, &result, sizeof result);
	*returned = 1;
	return SUCCESS;
}

API int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *la, const void *b, void *lb, const void *beta, const void *c, void *lc, void *d, void *ld,
                       const void *algo, void *workspace, size_t workspace_size, CUstream stream) {
	if (!as<Object>(handle, HANDLE)) return NOT_INITIALIZED;
	if (const char *s = getenv("DEBUT_EMU_BLAS_REFUSE"); s && *s) return atoi(s);
	if (!alpha || !beta || !a || !b || !d) return INVALID_VALUE;
	auto *de = as<Desc>(desc, DESC);
	const Layout *l[] = {as<Layout>(la, LAYOUT), as<Layout>(lb, LAYOUT), as<Layout>(lc, LAYOUT), as<Layout>(ld, LAYOUT)};
	Product p;
	if (int r = checked(de, l[0], l[1], l[2], l[3], p)) return r;
	memcpy(&p.alpha, alpha, 4);
	memcpy(&p.beta, beta, 4);
	if (p.beta != 0 && !c) return INVALID_VALUE;
	if (p.m == 0 || p.n == 0 || p.k == 0) return NOT_SUPPORTED;

	uint32_t alignment[] = {4, 4, 4, 4};
	if (algo) {
		Algo x;
		memcpy(&x, algo, sizeof x);
		if (x.kind != ALGO || workspace_size < x.workspace) return INVALID_VALUE;
		memcpy(alignment, x.alignment, sizeof alignment);
	}
	if (workspace_size && (!workspace || (uintptr_t)workspace % 16 != 0 || !emu_allocated((CUdeviceptr)workspace, workspace_size))) return INVALID_VALUE;
	const void *data[] = {a, b, c, d};
	for (int i = 0; i < 4; i++) {
		if (i == 2 && p.beta == 0) continue; // not read
		if ((uintptr_t)data[i] % alignment[i] != 0) return NOT_SUPPORTED;
		if (!emu_allocated((CUdeviceptr)data[i], extent(l[i]))) return EXECUTION_FAILED;
	}
	if (c == d && l[2]->ld != l[3]->ld) return INVALID_VALUE;
	p.bias = nullptr;
	if (de->epilogue & EPILOGUE_BIAS) {
		if (!de->bias) return INVALID_VALUE;
		if (!emu_allocated(de->bias, 4 * (size_t)p.m)) return EXECUTION_FAILED;
		p.bias = (const float *)de->bias;
	}
	p.a.data = (const float *)a, p.b.data = (const float *)b, p.c = (const float *)c, p.d = (float *)d;
	return emu_submit(stream, multiply, &p, sizeof p) == CUDA_SUCCESS ? SUCCESS : EXECUTION_FAILED;
}
