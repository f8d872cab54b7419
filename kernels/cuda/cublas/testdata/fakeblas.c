/*
 * A cuBLASLt for tests that can be found and computes nothing. VERSION is what it says it is; with INCOMPLETE it lacks a function, with
 * STARTS it can be used but for choosing an algorithm, as one that does not know the GPU.
 */
#include <stddef.h>

size_t cublasLtGetVersion(void) { return VERSION; }

#ifdef STARTS
#define STATUS 0
#else
#define STATUS 15
#endif
#define FUNCTION(name) \
	int name(void) { return STATUS; }
FUNCTION(cublasLtCreate)
FUNCTION(cublasLtDestroy)
FUNCTION(cublasLtMatmulDescCreate)
FUNCTION(cublasLtMatmulDescDestroy)
FUNCTION(cublasLtMatmulDescSetAttribute)
FUNCTION(cublasLtMatrixLayoutCreate)
FUNCTION(cublasLtMatrixLayoutDestroy)
FUNCTION(cublasLtMatmulPreferenceCreate)
FUNCTION(cublasLtMatmulPreferenceDestroy)
FUNCTION(cublasLtMatmulPreferenceSetAttribute)
int cublasLtMatmulAlgoGetHeuristic(void) { return 8; }
#ifndef INCOMPLETE
FUNCTION(cublasLtMatmul)
#endif
