/* A matrix product of debut's gemm suite in OpenBLAS.
 *
 * Run with M N K, two letters n or t, and the files of A, B (read) and C (written), raw float32. Reads requests from
 * standard input, one a line, and answers each with a line of JSON:
 *
 *   run SECONDS   multiply for a time: runs and seconds
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Declared here, so that no header is needed, which several packages give in several places. */
enum { row_major = 101, no_trans = 111, trans = 112 };
void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc);
char *openblas_get_config(void);
char *openblas_get_corename(void);

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *matrix(size_t n, const char *file) {
	void *p = NULL;
	if (posix_memalign(&p, 4096, n * sizeof(float)) != 0) {
		fprintf(stderr, "no memory for %zu numbers\n", n);
		exit(1);
	}
	if (file != NULL) {
		FILE *f = fopen(file, "rb");
		if (f == NULL || fread(p, sizeof(float), n, f) != n) {
			fprintf(stderr, "cannot read %zu numbers from %s\n", n, file);
			exit(1);
		}
		fclose(f);
	}
	return p;
}

int main(int argc, char **argv) {
	if (argc != 9) {
		fprintf(stderr, "usage: %s M N K n|t n|t A B C\n", argv[0]);
		return 2;
	}
	int m = atoi(argv[1]), n = atoi(argv[2]), k = atoi(argv[3]);
	int ta = argv[4][0] == 't', tb = argv[5][0] == 't';
	size_t size = (size_t)m * (size_t)n;
	float *a = matrix((size_t)m * (size_t)k, argv[6]);
	float *b = matrix((size_t)k * (size_t)n, argv[7]);
	float *c = matrix(size, NULL);
#define MULTIPLY() \
	cblas_sgemm(row_major, ta ? trans : no_trans, tb ? trans : no_trans, m, n, k, 1, a, ta ? m : k, b, tb ? k : n, 0, c, n)
	MULTIPLY();
	FILE *f = fopen(argv[8], "wb");
	if (f == NULL || fwrite(c, sizeof(float), size, f) != size || fclose(f) != 0) {
		fprintf(stderr, "cannot write %s\n", argv[8]);
		return 1;
	}
	printf("{\"version\": \"%s, kernels of %s\"}\n", openblas_get_config(), openblas_get_corename());
	fflush(stdout);
	double seconds;
	while (scanf(" run %lf", &seconds) == 1) {
		double start = now(), elapsed;
		long runs = 0;
		do {
			MULTIPLY();
			runs++;
			elapsed = now() - start;
		} while (elapsed < seconds);
		printf("{\"runs\": %ld, \"seconds\": %.9f}\n", runs, elapsed);
		fflush(stdout);
	}
	return 0;
}
