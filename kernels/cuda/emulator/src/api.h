// What the functions of the driver's interface begin with.
#ifndef EMULATOR_API_H
#define EMULATOR_API_H

#include "state.h"

#define API extern "C" __attribute__((visibility("default"))) CUresult
#define CHECK(call) \
	do { \
		if (CUresult result_ = (call)) return result_; \
	} while (0)

namespace emu {

extern std::mutex mu;
extern bool initialized;
extern thread_local std::vector<CUcontext> current;
extern thread_local CUstreamCaptureMode capture_mode;

// Call is what most functions begin with: it holds the lock and knows the context.
class Call {
public:
	Call();
	CUresult result;
	CUctx_st *ctx = nullptr;

private:
	std::unique_lock<std::mutex> lock;
};
#define CALL \
	Call call; \
	if (call.result) return call.result; \
	CUctx_st *const ctx __attribute__((unused)) = call.ctx

// stream returns a stream by its handle, or null.
CUstream_st *stream(CUctx_st *, CUstream);
#define STREAM(handle) \
	CUstream_st *const s = stream(ctx, handle); \
	if (!s) return CUDA_ERROR_INVALID_HANDLE

// refuse says why, and returns the result.
CUresult refuse(CUresult, const char *why);

// trace tells what was done, where that is asked for.
void trace(const CUctx_st *, const char *what);

// unsafe refuses calls that must not be made while something is captured, by the rules of cuStreamBeginCapture.
CUresult unsafe(CUctx_st *, const char *what);

// launch_faults counts n launches of kernels, and fails them where that is asked for.
CUresult launch_faults(CUctx_st *, Op &, long n);

} // namespace emu

#endif
