/* The threads of a block, as fibers of one thread of the CPU. */
#pragma once
#include "gpu.h"

namespace gpu {

/* run_grid computes a kernel over a grid, block after block. It returns false where a barrier is not reached by all threads. */
bool run_grid(const Kernel *k, const void *args, uint3 grid, uint3 block);

} // namespace gpu
