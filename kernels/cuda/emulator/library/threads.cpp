#include "threads.h"

#include <stdio.h>
#include <sys/mman.h>
#include <vector>

namespace gpu {

Thread *thread;
uint3 block_index, block_size, grid_size;
Kernel *Kernel::all;

/* gpu_switch saves the registers that a callee must keep on the present stack, stores the stack pointer, and goes on on another. */
extern "C" void gpu_switch(void **from, void *to);
#if defined(__x86_64__)
asm(R"(
.text
.globl gpu_switch
.hidden gpu_switch
.type gpu_switch, @function
gpu_switch:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
)");
enum { SAVED = 6, RETURN = 6 };
#elif defined(__aarch64__)
asm(R"(
.text
.globl gpu_switch
.hidden gpu_switch
.type gpu_switch, %function
gpu_switch:
	sub sp, sp, #160
	stp x19, x20, [sp]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x19, x20, [sp]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	ret
)");
enum { SAVED = 20, RETURN = 11 };
#else
#error "the emulator knows how to switch stacks on amd64 and arm64 only"
#endif

namespace {

const size_t stack_size = 256 << 10;

/* A fiber runs threads one after another until one of them waits: where no thread waits, nothing is ever switched. */
struct Fiber {
	void *stack;
	Thread *running;
	const unsigned *generation; /* of the barrier that it waits at */
	unsigned seen;
};

std::vector<Fiber *> idle, waiting;
Fiber *self;
void *scheduler;
bool parked; /* the fiber that has just stopped is idle, it does not wait */

std::vector<Thread> threads;
std::vector<Warp> warps;
unsigned next_thread, live, arrived, generation;
const Kernel *kernel;
const void *arguments;

void work() {
	for (;;) {
		while (next_thread < threads.size()) {
			Thread *t = &threads[next_thread++];
			self->running = thread = t;
			kernel->call(arguments);
			/* Those who wait do not wait for threads that have ended. */
			Warp *w = t->warp;
			live--, w->live--;
			if (live && arrived == live) arrived = 0, generation++;
			if (w->live && w->arrived == w->live) w->arrived = 0, w->generation++;
		}
		parked = true;
		gpu_switch(&self->stack, scheduler);
	}
}

Fiber *new_fiber() {
	char *low = (char *)mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mprotect(low, 4096, PROT_NONE); /* a stack that overflows must show */
	void **top = (void **)(low + stack_size - 64);
#if defined(__x86_64__)
	*--top = nullptr; /* as after a call */
	*--top = (void *)work;
	top -= SAVED;
	for (int i = 0; i < SAVED; i++) top[i] = nullptr;
#else
	top -= SAVED;
	for (int i = 0; i < SAVED; i++) top[i] = nullptr;
	top[RETURN] = (void *)work;
#endif
	return new Fiber{top, nullptr, nullptr, 0};
}

/* wait stops the present thread until a barrier's generation has moved on. */
void wait(const unsigned *at) {
	Fiber *f = self;
	f->generation = at, f->seen = *at;
	waiting.push_back(f);
	parked = false;
	gpu_switch(&f->stack, scheduler);
	thread = f->running;
}

void resume(Fiber *f) {
	self = f;
	gpu_switch(&scheduler, f->stack);
	if (parked) idle.push_back(f);
}

bool run_block() {
	live = threads.size();
	next_thread = arrived = generation = 0;
	for (Warp &w : warps) w.live = w.arrived = w.generation = 0;
	for (Thread &t : threads) t.warp->live++;
	std::vector<Fiber *> round;
	while (live) {
		bool progress = false;
		while (next_thread < threads.size()) {
			if (idle.empty()) idle.push_back(new_fiber());
			Fiber *f = idle.back();
			idle.pop_back();
			resume(f);
			progress = true;
		}
		round.swap(waiting);
		for (Fiber *f : round) {
			if (*f->generation == f->seen) {
				waiting.push_back(f);
				continue;
			}
			thread = f->running;
			resume(f);
			progress = true;
		}
		round.clear();
		if (!progress) {
			fprintf(stderr, "emulated GPU: %s: %zu threads wait at barriers that others never reach\n", kernel->name, waiting.size());
			waiting.clear(); /* their stacks are lost */
			return false;
		}
	}
	return true;
}

} // namespace

void block_barrier() {
	if (++arrived == live) {
		arrived = 0, generation++;
		return;
	}
	wait(&generation);
}

unsigned warp_barrier() {
	Warp *w = thread->warp;
	unsigned room = w->generation & 1;
	if (++w->arrived == w->live) {
		w->arrived = 0, w->generation++;
		return room;
	}
	wait(&w->generation);
	return room;
}

bool run_grid(const Kernel *k, const void *args, uint3 grid, uint3 block) {
	kernel = k, arguments = args;
	unsigned n = block.x * block.y * block.z;
	if (threads.size() != n || block_size.x != block.x || block_size.y != block.y) {
		threads.assign(n, Thread());
		warps.assign((n + 31) / 32, Warp());
		for (unsigned i = 0; i < n; i++) threads[i] = {{i % block.x, i / block.x % block.y, i / block.x / block.y}, i % 32, &warps[i / 32]};
	}
	grid_size = grid, block_size = block;
	for (block_index.z = 0; block_index.z < grid.z; block_index.z++)
		for (block_index.y = 0; block_index.y < grid.y; block_index.y++)
			for (block_index.x = 0; block_index.x < grid.x; block_index.x++)
				if (!run_block()) return false;
	return true;
}

} // namespace gpu
