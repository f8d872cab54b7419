/*
 * A stand-in for libcublasLt.so.12 that computes on the CPU, in the emulated driver's streams: what of the library's functions
 * this project calls, with the checks that the real one does. Matrices are column-major, as there.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

namespace {

/* cublasStatus_t */
enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
/* cublasComputeType_t */
enum { COMPUTE_32F = 68, COMPUTE_32F_FAST_16BF = 75, COMPUTE_32F_FAST_TF32 = 77 };
/* cublasLtEpilogue_t */
enum { EPILOGUE_DEFAULT = 1, EPILOGUE_RELU = 2, EPILOGUE_BIAS = 4, EPILOGUE_RELU_BIAS = 6 };

struct Description {
	int compute, scale;
	int transa, transb, epilogue;
	uint64_t bias;
};
struct Layout {
	int type;
	uint64_t rows, cols;
	int64_t ld;
};
struct Preference { uint64_t workspace; };

/* A product, complete. */
struct Product {
	Description d;
	Layout a, b, c;
	const float *pa, *pb, *pc;
	float *pd;
	float alpha, beta;
};

int (*submit)(void *stream, int (*f)(const void *), const void *args, size_t size);
int (*within)(unsigned long long p, size_t n);

/* The emulated driver is loaded already, by a path that this library does not know: dlopen by name finds it. */
bool bind() {
	if (submit) return true;
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
	if (!driver) return false;
	submit = (decltype(submit))dlsym(driver, "emulated_submit");
	within = (decltype(within))dlsym(driver, "emulated_within");
	return submit && within;
}

/* rounded keeps so many bits after the leading one, to nearest, ties to even. */
float rounded(float x, int bits) {
	if (!isfinite(x)) return x;
	uint32_t u, drop = 23 - bits;
	memcpy(&u, &x, 4);
	u += (1u << (drop - 1)) - 1 + (u >> drop & 1);
	u &= ~((1u << drop) - 1);
	memcpy(&x, &u, 4);
	return x;
}

int compute(const void *args) {
	const Product &p = *(const Product *)args;
	const int64_t m = p.c.rows, n = p.c.cols, k = p.d.transa ? p.a.rows : p.a.cols;
	const int bits = p.d.compute == COMPUTE_32F_FAST_TF32 ? 10 : p.d.compute == COMPUTE_32F_FAST_16BF ? 7 : 23;
	std::vector<float> a(m * k), column(k), sum(m); /* op(A) with its columns one after another */
	for (int64_t j = 0; j < k; j++)
		for (int64_t i = 0; i < m; i++) {
			float v = p.d.transa ? p.pa[i * p.a.ld + j] : p.pa[j * p.a.ld + i];
			a[j * m + i] = bits < 23 ? rounded(v, bits) : v;
		}
	for (int64_t c = 0; c < n; c++) {
		for (int64_t j = 0; j < k; j++) {
			float v = p.d.transb ? p.pb[j * p.b.ld + c] : p.pb[c * p.b.ld + j];
			column[j] = bits < 23 ? rounded(v, bits) : v;
		}
		float *s = sum.data();
		memset(s, 0, m * sizeof *s);
		int64_t j = 0;
		for (; j + 4 <= k; j += 4) {
			const float *a0 = &a[j * m], *a1 = a0 + m, *a2 = a1 + m, *a3 = a2 + m;
			const float v0 = column[j], v1 = column[j + 1], v2 = column[j + 2], v3 = column[j + 3];
			for (int64_t i = 0; i < m; i++) s[i] += a0[i] * v0 + a1[i] * v1 + (a2[i] * v2 + a3[i] * v3);
		}
		for (; j < k; j++)
			for (int64_t i = 0; i < m; i++) s[i] += a[j * m + i] * column[j];
		const float *bias = p.d.epilogue & EPILOGUE_BIAS ? (const float *)p.d.bias : nullptr;
		for (int64_t i = 0; i < m; i++) {
			float v = p.alpha * s[i];
			if (p.beta != 0) v += p.beta * p.pc[c * p.c.ld + i];
			if (bias) v += bias[i];
			if (p.d.epilogue & EPILOGUE_RELU && v <= 0) v = 0;
			p.pd[c * p.c.ld + i] = v;
		}
	}
	return 0;
}

bool fits(const void *p, const Layout &l) {
	return p && within((unsigned long long)(uintptr_t)p, ((l.cols - 1) * l.ld + l.rows) * sizeof(float));
}

/* check looks at shapes, as both the heuristic and the product do. */
int check(const Description *d, const Layout *a, const Layout *b, const Layout *c, const Layout *e) {
	if (!d || !a || !b || !c || !e) return INVALID_VALUE;
	if (a->type || b->type || c->type || e->type || d->scale) return NOT_SUPPORTED;
	if (d->compute != COMPUTE_32F && d->compute != COMPUTE_32F_FAST_TF32 && d->compute != COMPUTE_32F_FAST_16BF) return NOT_SUPPORTED;
	uint64_t m = d->transa ? a->cols : a->rows, k = d->transa ? a->rows : a->cols;
	uint64_t bk = d->transb ? b->cols : b->rows, n = d->transb ? b->rows : b->cols;
	if (!m || !n || !k || k != bk || c->rows != m || c->cols != n || e->rows != m || e->cols != n || e->ld != c->ld) return INVALID_VALUE;
	for (const Layout *l : {a, b, c})
		if (l->ld < (int64_t)l->rows) return INVALID_VALUE;
	if (d->epilogue != EPILOGUE_DEFAULT && d->epilogue != EPILOGUE_RELU && d->epilogue != EPILOGUE_BIAS && d->epilogue != EPILOGUE_RELU_BIAS)
		return NOT_SUPPORTED;
	return OK;
}

} // namespace

#define API extern "C" __attribute__((visibility("default")))

struct Heuristic { /* cublasLtMatmulHeuristicResult_t */
	uint64_t algorithm[8];
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
};

API size_t cublasLtGetVersion() { return 120405; }

API int cublasLtCreate(void **h) {
	if (!bind()) return NOT_INITIALIZED;
	*h = malloc(1);
	return OK;
}

API int cublasLtDestroy(void *h) {
	free(h);
	return OK;
}

API int cublasLtMatmulDescCreate(void **d, int compute, int scale) {
	*d = new Description{compute, scale, 0, 0, EPILOGUE_DEFAULT, 0};
	return OK;
}

API int cublasLtMatmulDescDestroy(void *d) {
	delete (Description *)d;
	return OK;
}

API int cublasLtMatmulDescSetAttribute(void *d, int attribute, const void *value, size_t size) {
	auto *desc = (Description *)d;
	int *where[] = {nullptr, nullptr, nullptr, &desc->transa, &desc->transb, nullptr, nullptr, &desc->epilogue};
	if (attribute == 8) {
		if (size != 8) return INVALID_VALUE;
		memcpy(&desc->bias, value, 8);
		return OK;
	}
	if (attribute < 0 || attribute > 7 || !where[attribute] || size != 4) return INVALID_VALUE;
	memcpy(where[attribute], value, 4);
	return OK;
}

API int cublasLtMatrixLayoutCreate(void **l, int type, uint64_t rows, uint64_t cols, int64_t ld) {
	*l = new Layout{type, rows, cols, ld};
	return OK;
}

API int cublasLtMatrixLayoutDestroy(void *l) {
	delete (Layout *)l;
	return OK;
}

API int cublasLtMatmulPreferenceCreate(void **p) {
	*p = new Preference{0};
	return OK;
}

API int cublasLtMatmulPreferenceDestroy(void *p) {
	delete (Preference *)p;
	return OK;
}

API int cublasLtMatmulPreferenceSetAttribute(void *p, int attribute, const void *value, size_t size) {
	if (attribute == 1 && size == 8) memcpy(&((Preference *)p)->workspace, value, 8);
	else if (attribute < 5 || attribute > 8 || size != 4) return INVALID_VALUE; /* least alignments */
	return OK;
}

/* DEBUT_EMU_NO_HEURISTIC has the heuristic find nothing. */
API int cublasLtMatmulAlgoGetHeuristic(void *h, void *d, void *a, void *b, void *c, void *e, void *p, int wanted, Heuristic *out, int *found) {
	*found = 0;
	if (!h || !p || wanted < 1) return INVALID_VALUE;
	if (int r = check((Description *)d, (Layout *)a, (Layout *)b, (Layout *)c, (Layout *)e)) return r;
	if (getenv("DEBUT_EMU_NO_HEURISTIC")) return NOT_SUPPORTED;
	memset(out, 0, sizeof *out);
	out->algorithm[0] = 0x616c676f;
	out->workspace = ((Preference *)p)->workspace;
	*found = 1;
	return OK;
}

API int cublasLtMatmul(void *h, void *d, const float *alpha, const float *a, void *la, const float *b, void *lb, const float *beta, const float *c,
		       void *lc, float *e, void *le, const uint64_t *algorithm, void *workspace, size_t size, void *stream) {
	if (!h || !alpha || !beta) return INVALID_VALUE;
	if (int r = check((Description *)d, (Layout *)la, (Layout *)lb, (Layout *)lc, (Layout *)le)) return r;
	if (!algorithm || algorithm[0] != 0x616c676f) return INVALID_VALUE;
	Product p{*(Description *)d, *(Layout *)la, *(Layout *)lb, *(Layout *)lc, a, b, c, e, *alpha, *beta};
	if (!fits(a, p.a) || !fits(b, p.b) || !fits(c, p.c) || !fits(e, p.c)) return INVALID_VALUE;
	if (p.d.epilogue & EPILOGUE_BIAS && !within(p.d.bias, p.c.rows * sizeof(float))) return INVALID_VALUE;
	if (size && (((uintptr_t)workspace & 15) || !within((unsigned long long)(uintptr_t)workspace, size))) return INVALID_VALUE;
	return submit(stream, compute, &p, sizeof p) ? EXECUTION_FAILED : OK;
}
