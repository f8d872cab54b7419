/*
 * What this project calls of cuBLASLt. The functions and constants are the same from version 11.4 to 13; the sizes of the
 * descriptors are not, so the library makes them.
 */
#ifndef DEBUT_CUBLAS_LIBRARY_H
#define DEBUT_CUBLAS_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

/* cublasLtMatmulAlgo_t */
typedef struct {
	uint64_t data[8];
} cublas_algorithm;

/* cublasLtMatmulHeuristicResult_t */
typedef struct {
	cublas_algorithm algorithm;
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
} cublas_choice;

typedef struct {
	size_t (*version)(void);
	int (*create)(void **handle), (*destroy)(void *handle);
	int (*product_create)(void **product, int compute, int scale), (*product_destroy)(void *product);
	int (*product_set)(void *product, int attribute, const void *value, size_t size);
	int (*layout_create)(void **layout, int type, uint64_t rows, uint64_t cols, int64_t ld), (*layout_destroy)(void *layout);
	int (*preference_create)(void **preference), (*preference_destroy)(void *preference);
	int (*preference_set)(void *preference, int attribute, const void *value, size_t size);
	int (*choose)(void *handle, void *product, void *a, void *b, void *c, void *d, void *preference, int wanted, cublas_choice *choices, int *found);
	int (*matmul)(void *handle, void *product, const void *alpha, const void *a, void *a_layout, const void *b, void *b_layout, const void *beta,
		      const void *c, void *c_layout, void *d, void *d_layout, const cublas_algorithm *algorithm, void *workspace,
		      size_t workspace_size, void *stream);
	char file[4096]; /* as the loader names it */
} cublas_library;

/* cublas_open opens a library; where it fails, text says why. */
int cublas_open(const char *name, cublas_library *l, char *text, size_t size);

/* A column-major matrix. */
typedef struct {
	uint64_t at, rows, cols;
	int64_t ld;
} cublas_matrix;

/* A product: c = op(a)·op(b) + bias, or c += op(a)·op(b). */
typedef struct {
	cublas_matrix a, b, c;
	uint64_t bias; /* one number for each row of c, or 0 */
	int transpose_a, transpose_b, accumulate, compute;
	uint64_t workspace, workspace_size;
} cublas_product;

/* A product with all that the library wants to know of it. */
typedef struct {
	const cublas_library *library;
	void *handle, *product, *a_layout, *b_layout, *c_layout;
	const void *a, *b;
	void *c, *workspace;
	size_t workspace_size;
	float alpha, beta;
	cublas_algorithm algorithm;
} cublas_plan;

int cublas_create(const cublas_library *l, void **handle);
int cublas_destroy(const cublas_library *l, void *handle);

/* cublas_plan_make returns a status of the library's; *step says what failed. */
int cublas_plan_make(const cublas_library *l, void *handle, const cublas_product *p, cublas_plan **out, const char **step);
void cublas_plan_free(cublas_plan *plan);

/*
 * cublas_plan_run queues a planned product on a stream. It returns 0, or a status of the library's and CUBLAS_REFUSED, which no result
 * of the driver's is as large as: then nothing was queued.
 */
enum { CUBLAS_REFUSED = 1 << 24 };
int cublas_plan_run(void *plan, void *stream);

size_t cublas_version(const cublas_library *l);

#endif
