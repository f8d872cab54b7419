//go:build gpu && cgo && linux && (amd64 || arm64)

#include "queue.h"

#include <string.h>

/*
 * Each function makes the context current itself: Go moves goroutines from thread to thread, but not within a call. That is cheaper
 * than a thread of its own, which would cost two switches a call.
 */
#define CHECK(call) \
	do { \
		CUresult result_ = (call); \
		if (result_ != CUDA_SUCCESS) return result_; \
	} while (0)

static CUresult enter(queue *q) {
	q->failed = -1;
	return cuCtxSetCurrent(q->context);
}

CUresult queue_open(queue *q) {
	CHECK(enter(q));
	CHECK(cuStreamCreate(&q->compute, CU_STREAM_NON_BLOCKING));
	CHECK(cuStreamCreate(&q->copy, CU_STREAM_NON_BLOCKING));
	return cuMemHostAlloc(&q->landing, q->landing_size, 0);
}

/* queue_close gives everything back. Of a GPU that has failed nothing can be had but errors; they are left alone. */
void queue_close(queue *q) {
	if (enter(q) != CUDA_SUCCESS) return;
	if (q->compute) cuStreamSynchronize(q->compute);
	if (q->copy) cuStreamSynchronize(q->copy);
	for (int i = 0; i < QUEUE_SEGMENTS; i++) {
		queue_segment *s = &q->segments[i];
		if (s->copied) cuEventDestroy(s->copied);
		if (s->taken) cuEventDestroy(s->taken);
		if (s->device) cuMemFree(s->device);
		if (s->host) cuMemFreeHost(s->host);
		memset(s, 0, sizeof *s);
	}
	if (q->landing) cuMemFreeHost(q->landing);
	if (q->compute) cuStreamDestroy(q->compute);
	if (q->copy) cuStreamDestroy(q->copy);
	q->landing = NULL;
	q->compute = q->copy = NULL;
}

CUresult queue_segment_open(queue *q, int i, size_t size) {
	queue_segment *s = &q->segments[i];
	CHECK(enter(q));
	CHECK(cuEventCreate(&s->copied, CU_EVENT_DISABLE_TIMING));
	/* Whoever waits for it is far ahead of the GPU, and leaves the processor to those who prepare batches. */
	CHECK(cuEventCreate(&s->taken, CU_EVENT_DISABLE_TIMING | CU_EVENT_BLOCKING_SYNC));
	CHECK(cuMemAlloc(&s->device, size));
	return cuMemHostAlloc(&s->host, size, 0);
}

/* queue_segment_wait waits until the content of a segment has been put in its places. */
CUresult queue_segment_wait(queue *q, int i) {
	queue_segment *s = &q->segments[i];
	if (!s->busy) return CUDA_SUCCESS;
	CHECK(enter(q));
	CHECK(cuEventSynchronize(s->taken));
	s->busy = 0;
	return CUDA_SUCCESS;
}

/*
 * queue_flush sends a segment to the GPU on the copy stream, beside what is being computed, and has a kernel put its pieces in their
 * places on the compute stream, after what was queued before.
 */
CUresult queue_flush(queue *q, int i, size_t size, void *unpack_args, unsigned grid_x, unsigned grid_y) {
	queue_segment *s = &q->segments[i];
	void *params[] = {unpack_args};
	CHECK(enter(q));
	CHECK(cuMemcpyHtoDAsync(s->device, s->host, size, q->copy));
	CHECK(cuEventRecord(s->copied, q->copy));
	CHECK(cuStreamWaitEvent(q->compute, s->copied, 0));
	CHECK(cuLaunchKernel(q->unpack, grid_x, grid_y, 1, 256, 1, 1, 0, q->compute, params, NULL));
	CHECK(cuEventRecord(s->taken, q->compute));
	s->busy = 1;
	return CUDA_SUCCESS;
}

static CUresult run(queue *q, const queue_op *ops, int n, char *args) {
	for (int i = 0; i < n; i++) {
		const queue_op *o = &ops[i];
		CUresult result;
		if (o->function) {
			void *params[] = {args + o->args};
			result = cuLaunchKernel(o->function, o->grid[0], o->grid[1], o->grid[2], o->block[0], o->block[1], o->block[2], 0, q->compute, params, NULL);
		} else {
			result = (CUresult)o->call(o->state, q->compute);
		}
		if (result != CUDA_SUCCESS) {
			q->failed = i;
			return result;
		}
	}
	return CUDA_SUCCESS;
}

CUresult queue_run(queue *q, const queue_op *ops, int n, char *args) {
	CHECK(enter(q));
	return run(q, ops, n, args);
}

/* queue_capture makes a graph of a list; nothing is computed. */
CUresult queue_capture(queue *q, const queue_op *ops, int n, char *args, CUgraphExec *out) {
	CHECK(enter(q));
	CHECK(cuStreamBeginCapture(q->compute, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	CUresult result = run(q, ops, n, args);
	CUgraph graph = NULL;
	CUresult ended = cuStreamEndCapture(q->compute, &graph);
	if (result == CUDA_SUCCESS) result = ended;
	if (result == CUDA_SUCCESS) result = cuGraphInstantiateWithFlags(out, graph, 0);
	if (graph) cuGraphDestroy(graph);
	return result;
}

CUresult queue_launch(queue *q, CUgraphExec graph) {
	CHECK(enter(q));
	return cuGraphLaunch(graph, q->compute);
}

void queue_forget(queue *q, CUgraphExec graph) {
	if (enter(q) == CUDA_SUCCESS) cuGraphExecDestroy(graph);
}

CUresult queue_download(queue *q, void *dst, CUdeviceptr src, size_t size) {
	CHECK(enter(q));
	for (size_t off = 0; off < size; off += q->landing_size) {
		size_t n = size - off < q->landing_size ? size - off : q->landing_size;
		CHECK(cuMemcpyDtoHAsync(q->landing, src + off, n, q->compute));
		CHECK(cuStreamSynchronize(q->compute));
		memcpy((char *)dst + off, q->landing, n);
	}
	return CUDA_SUCCESS;
}

CUresult queue_zero(queue *q, CUdeviceptr dst, size_t size) {
	CHECK(enter(q));
	return cuMemsetD8Async(dst, 0, size, q->compute);
}

CUresult queue_synchronize(queue *q) {
	CHECK(enter(q));
	CHECK(cuStreamSynchronize(q->copy));
	return cuStreamSynchronize(q->compute);
}
