//go:build gpu && cgo && linux && (amd64 || arm64)

#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

/* Constants of cublas_api.h, cublasLt.h, library_types.h and cuda.h. */
enum { STATUS_SUCCESS = 0, STATUS_ALLOC_FAILED = 3, STATUS_NOT_SUPPORTED = 15 };
enum { R_32F = 0 };
enum { TRANSPOSE = 1 };
enum { PRODUCT_TRANSPOSE_A = 3, PRODUCT_TRANSPOSE_B = 4, PRODUCT_EPILOGUE = 7, PRODUCT_BIAS = 8 };
enum { EPILOGUE_BIAS = 4 };
enum { PREFERENCE_WORKSPACE = 1, PREFERENCE_ALIGNMENT_A = 5, PREFERENCE_ALIGNMENT_B, PREFERENCE_ALIGNMENT_C, PREFERENCE_ALIGNMENT_D };

static void copy(char *to, size_t size, const char *from) {
	strncpy(to, from ? from : "", size - 1);
	to[size - 1] = 0;
}

/* A library that lacks a function is left open: it may have started what cannot be stopped. */
int cublas_open(const char *name, cublas_library *l, char *text, size_t size) {
	memset(l, 0, sizeof *l);
	void *lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		copy(text, size, dlerror());
		return -1;
	}
	struct link_map *map = NULL;
	copy(l->file, sizeof l->file, dlinfo(lib, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : name);
	const struct {
		void *to;
		const char *symbol;
	} functions[] = {
		{&l->version, "cublasLtGetVersion"},
		{&l->create, "cublasLtCreate"},
		{&l->destroy, "cublasLtDestroy"},
		{&l->product_create, "cublasLtMatmulDescCreate"},
		{&l->product_destroy, "cublasLtMatmulDescDestroy"},
		{&l->product_set, "cublasLtMatmulDescSetAttribute"},
		{&l->layout_create, "cublasLtMatrixLayoutCreate"},
		{&l->layout_destroy, "cublasLtMatrixLayoutDestroy"},
		{&l->preference_create, "cublasLtMatmulPreferenceCreate"},
		{&l->preference_destroy, "cublasLtMatmulPreferenceDestroy"},
		{&l->preference_set, "cublasLtMatmulPreferenceSetAttribute"},
		{&l->choose, "cublasLtMatmulAlgoGetHeuristic"},
		{&l->matmul, "cublasLtMatmul"},
	};
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *function = dlsym(lib, functions[i].symbol);
		if (!function) {
			copy(text, size, l->file);
			strncat(text, " has no ", size - strlen(text) - 1);
			strncat(text, functions[i].symbol, size - strlen(text) - 1);
			return -1;
		}
		memcpy(functions[i].to, &function, sizeof function);
	}
	return 0;
}

size_t cublas_version(const cublas_library *l) { return l->version(); }
int cublas_create(const cublas_library *l, void **handle) { return l->create(handle); }
int cublas_destroy(const cublas_library *l, void *handle) { return l->destroy(handle); }

/* alignment is the largest power of two that divides an address, up to what the library assumes unless it is told. */
static uint32_t alignment(uint64_t at) {
	uint32_t a = 256;
	while (at % a) a /= 2;
	return a;
}

#define DO(what, call) \
	do { \
		*step = what; \
		int status_ = (call); \
		if (status_ != STATUS_SUCCESS) return status_; \
	} while (0)

static int describe(cublas_plan *plan, const cublas_product *p, const char **step) {
	const cublas_library *l = plan->library;
	const int transpose = TRANSPOSE, epilogue = EPILOGUE_BIAS;
	DO("describing the product", l->product_create(&plan->product, p->compute, R_32F));
	if (p->transpose_a) DO("transposing", l->product_set(plan->product, PRODUCT_TRANSPOSE_A, &transpose, sizeof transpose));
	if (p->transpose_b) DO("transposing", l->product_set(plan->product, PRODUCT_TRANSPOSE_B, &transpose, sizeof transpose));
	if (p->bias) {
		DO("adding the bias", l->product_set(plan->product, PRODUCT_EPILOGUE, &epilogue, sizeof epilogue));
		DO("adding the bias", l->product_set(plan->product, PRODUCT_BIAS, &p->bias, sizeof p->bias));
	}
	DO("describing a matrix", l->layout_create(&plan->a_layout, R_32F, p->a.rows, p->a.cols, p->a.ld));
	DO("describing a matrix", l->layout_create(&plan->b_layout, R_32F, p->b.rows, p->b.cols, p->b.ld));
	DO("describing a matrix", l->layout_create(&plan->c_layout, R_32F, p->c.rows, p->c.cols, p->c.ld));
	return STATUS_SUCCESS;
}

static int choose(cublas_plan *plan, void *preference, const cublas_product *p, const char **step) {
	const cublas_library *l = plan->library;
	const uint64_t at[] = {p->a.at, p->b.at, p->c.at, p->c.at};
	cublas_choice choice;
	int found = 0;
	DO("limiting its workspace", l->preference_set(preference, PREFERENCE_WORKSPACE, &p->workspace_size, sizeof p->workspace_size));
	for (int i = 0; i < 4; i++) {
		uint32_t a = alignment(at[i]);
		DO("telling the alignment", l->preference_set(preference, PREFERENCE_ALIGNMENT_A + i, &a, sizeof a));
	}
	memset(&choice, 0, sizeof choice);
	DO("choosing an algorithm", l->choose(plan->handle, plan->product, plan->a_layout, plan->b_layout, plan->c_layout, plan->c_layout,
					      preference, 1, &choice, &found));
	if (found < 1) return STATUS_NOT_SUPPORTED;
	if (choice.state != STATUS_SUCCESS) return choice.state;
	if (choice.workspace > p->workspace_size) return STATUS_NOT_SUPPORTED;
	plan->algorithm = choice.algorithm;
	return STATUS_SUCCESS;
}

int cublas_plan_make(const cublas_library *l, void *handle, const cublas_product *p, cublas_plan **out, const char **step) {
	*step = "making room";
	cublas_plan *plan = calloc(1, sizeof *plan);
	if (!plan) return STATUS_ALLOC_FAILED;
	plan->library = l;
	plan->handle = handle;
	plan->a = (const void *)(uintptr_t)p->a.at;
	plan->b = (const void *)(uintptr_t)p->b.at;
	plan->c = (void *)(uintptr_t)p->c.at;
	plan->workspace = (void *)(uintptr_t)p->workspace;
	plan->workspace_size = p->workspace_size;
	plan->alpha = 1;
	plan->beta = p->accumulate ? 1 : 0;
	int status = describe(plan, p, step);
	if (status == STATUS_SUCCESS) {
		void *preference = NULL;
		*step = "making a preference";
		status = l->preference_create(&preference);
		if (status == STATUS_SUCCESS) {
			status = choose(plan, preference, p, step);
			l->preference_destroy(preference);
		}
	}
	if (status != STATUS_SUCCESS) {
		cublas_plan_free(plan);
		return status;
	}
	*out = plan;
	return STATUS_SUCCESS;
}

void cublas_plan_free(cublas_plan *plan) {
	const cublas_library *l = plan->library;
	if (plan->product) l->product_destroy(plan->product);
	if (plan->a_layout) l->layout_destroy(plan->a_layout);
	if (plan->b_layout) l->layout_destroy(plan->b_layout);
	if (plan->c_layout) l->layout_destroy(plan->c_layout);
	free(plan);
}

int cublas_plan_run(void *state, void *stream) {
	const cublas_plan *p = state;
	int status = p->library->matmul(p->handle, p->product, &p->alpha, p->a, p->a_layout, p->b, p->b_layout, &p->beta, p->c, p->c_layout, p->c,
					p->c_layout, &p->algorithm, p->workspace, p->workspace_size, stream);
	return status == STATUS_SUCCESS ? 0 : CUBLAS_REFUSED + status;
}
