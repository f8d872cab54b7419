// What runs kernels: threads of the operating system that take blocks of a grid, and fibers on them for a block's threads.
#ifndef EMULATOR_FIBERS_H
#define EMULATOR_FIBERS_H

#include <cuda.h>
#include <stddef.h>

#include <functional>
#include <string>

#include "races.h"

namespace emu {

// Kernel is a function of the kernels' sources. Its list is generated from them.
struct Kernel {
	const char *name;
	size_t size; // of its one parameter
	void (*run)(const void *args); // one thread of it
};
extern const Kernel kernels[];
extern const size_t kernel_count;
// watched are the same kernels, in the same order, with every access to memory watched.
extern void (*const watched[])(const void *args);

// Launch is a grid to be run. Results must not depend on the order in which blocks run, nor on that of threads.
struct Launch {
	const Kernel *kernel;
	const void *args;
	unsigned grid[3], block[3];
	bool backwards;        // threads of a block begin in descending order, and blocks without a seed too
	uint64_t seed = 0;     // of the blocks' order, 0: ascending or descending
	Notes *notes = nullptr; // of the device's memory, where races are looked for
};

// Failure is an error of what runs on the device, with words for people.
struct Failure {
	CUresult result = CUDA_SUCCESS;
	std::string text;
};

// on_device calls f on the device's own thread, and waits for it.
void on_device(const std::function<void()> &f);

// running says whether the calling thread is one of the device's: it must not call the driver.
bool running();

// What follows is called on the device's thread.

// run runs a grid.
Failure run(const Launch &);

// share calls f(context, 0) … f(context, count-1) on the device's threads, in any order. Accesses to memory that is not
// there fail instead of ending the process.
Failure share(long count, void (*f)(void *context, long i), void *context);

} // namespace emu

#endif
