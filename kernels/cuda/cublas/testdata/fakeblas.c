/* A cuBLASLt for tests that can be found and computes nothing. VERSION is what it says it is; with INCOMPLETE it lacks a function. */
#include <stddef.h>

size_t cublasLtGetVersion(void) { return VERSION; }

#define FUNCTION(name) \
	int name(void) { return 15; }
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
FUNCTION(cublasLtMatmulAlgoGetHeuristic)
#ifndef INCOMPLETE
FUNCTION(cublasLtMatmul)
#endif
