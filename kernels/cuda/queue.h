/* What a step calls on the driver: lists of launches, captured graphs, staged copies. One call from Go does all of one thing. */
#ifndef DEBUT_CUDA_QUEUE_H
#define DEBUT_CUDA_QUEUE_H

#include <cuda.h>
#include <stddef.h>
#include <stdint.h>

enum { QUEUE_SEGMENTS = 4 };

/* An operation on the compute stream. */
typedef struct {
	CUfunction function; /* a kernel that takes one struct, or null: then call */
	int (*call)(void *state, CUstream); /* returns a CUresult */
	void *state;
	unsigned grid[3], block[3];
	unsigned args; /* where the struct begins in the list's arguments */
} queue_op;

/* Memory on its way to the GPU: the host's half is page-locked. */
typedef struct {
	void *host;
	CUdeviceptr device;
	CUevent copied; /* the copy has been done */
	CUevent taken;  /* the content has been put in its places: both halves are free */
	int busy;
} queue_segment;

typedef struct {
	CUcontext context;
	CUstream compute, copy;
	CUfunction unpack;
	queue_segment segments[QUEUE_SEGMENTS];
	void *landing; /* page-locked memory that downloads go through */
	size_t landing_size;
	int failed; /* operation of the list that the last error is about, or -1 */
} queue;

CUresult queue_open(queue *q);
void queue_close(queue *q);

CUresult queue_segment_open(queue *q, int i, size_t size);
CUresult queue_segment_wait(queue *q, int i);
CUresult queue_flush(queue *q, int i, size_t size, void *unpack_args, unsigned grid_x, unsigned grid_y);

CUresult queue_run(queue *q, const queue_op *ops, int n, char *args);
CUresult queue_capture(queue *q, const queue_op *ops, int n, char *args, CUgraphExec *out);
CUresult queue_launch(queue *q, CUgraphExec graph);
void queue_forget(queue *q, CUgraphExec graph);

CUresult queue_download(queue *q, void *dst, CUdeviceptr src, size_t size);
CUresult queue_zero(queue *q, CUdeviceptr dst, size_t size);
CUresult queue_synchronize(queue *q);

#endif
