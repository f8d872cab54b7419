#include "fibers.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "device.h"

namespace emu {

// ---- Fibers ---------------------------------------------------------------------------------------------------------

// emu_switch saves the registers that a call keeps on the stack, leaves the stack pointer in *from, and returns on another
// stack that it left before.
extern "C" void emu_switch(void **from, void *to);
#if defined(__x86_64__)
asm(".text\n.globl emu_switch\n.hidden emu_switch\n.type emu_switch,@function\nemu_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
    ".size emu_switch,.-emu_switch\n");
#elif defined(__aarch64__)
asm(".text\n.globl emu_switch\n.hidden emu_switch\n.type emu_switch,%function\nemu_switch:\n"
    "sub sp,sp,#160\nstp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
    "stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\nstp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\n"
    "stp d14,d15,[sp,#144]\nmov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
    "ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\nldp x27,x28,[sp,#64]\n"
    "ldp x29,x30,[sp,#80]\nldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
    "add sp,sp,#160\nret\n.size emu_switch,.-emu_switch\n");
#else
#error "no switch of fibers for this processor"
#endif

namespace {

constexpr unsigned MAX_THREADS = 1024, WARP = 32;
constexpr size_t MOST_SHUFFLED = 1 << 24; // blocks of a grid; larger ones run in a simple order

struct Fiber {
	void *sp;
	char *base; // of the stack
	size_t number;
	uint3 thread; // that waits on it
	unsigned lane, warp;
};

struct Warp {
	unsigned lanes, arrived, ended, turn;
	Slots slots[2]; // of two exchanges in a row: lanes may write those of the next before others have read
	Fiber *waiting[WARP];
};

void fiber_main();

// Block is a block that is being run, and the fibers of the thread of the operating system that runs it.
struct Block : Place {
	std::vector<std::unique_ptr<Fiber>> all;
	std::vector<Fiber *> idle; // at the top of fiber_main
	Fiber *ready[MAX_THREADS]; // a ring of those that wait no more
	unsigned ready_first, ready_count;
	Fiber *waiting[MAX_THREADS]; // at the block's barrier
	Fiber *current;
	void *scheduler;
	unsigned count, next, ended, arrived; // threads
	unsigned warp;                        // of the thread that runs
	Warp warps[MAX_THREADS / WARP];
	const Launch *launch = nullptr;
	void (*kernel)(const void *); // as it is run

	// frame has the fiber begin at fiber_main.
	void frame(Fiber *f) {
		*(Place **)(f->base + STACK - sizeof(Place *)) = this;
		// Frames begin at different places of pages, and so of the cache, but in the same page as the pointer.
		void **sp = (void **)(f->base + STACK - 64 - f->number * 320 % 3072 / 64 * 64);
#if defined(__x86_64__)
		*--sp = nullptr; // where fiber_main would return to; it keeps the stack aligned as after a call
		*--sp = (void *)fiber_main;
		for (int i = 0; i < 6; i++) *--sp = nullptr;
#else
		sp -= 20;
		memset(sp, 0, 160);
		sp[11] = (void *)fiber_main;
#endif
		f->sp = sp;
	}

	Fiber *fresh() {
		if (!idle.empty()) {
			Fiber *f = idle.back();
			idle.pop_back();
			return f;
		}
		// Before it a page that faults. What alignment leaves over is only addresses.
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *p = (char *)mmap(nullptr, 2 * STACK + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		char *base = (char *)(((uintptr_t)p + page + STACK - 1) & ~(STACK - 1));
		if (p == MAP_FAILED || mprotect(base - page, page, PROT_NONE) != 0) {
			fprintf(stderr, "debut's emulated CUDA driver: no memory for stacks\n");
			abort();
		}
		all.push_back(std::make_unique<Fiber>());
		Fiber *f = all.back().get();
		f->base = base, f->number = all.size();
		frame(f);
		return f;
	}

	// reset forgets what fibers were doing.
	void reset() {
		idle.clear();
		for (auto &f : all) {
			frame(f.get());
			idle.push_back(f.get());
		}
	}

	Fiber *pop() {
		Fiber *f = ready[ready_first];
		ready_first = (ready_first + 1) % MAX_THREADS;
		ready_count--;
		return f;
	}
	void push(Fiber *f) { ready[(ready_first + ready_count++) % MAX_THREADS] = f; }

	// park leaves the running thread where it is and goes on with another one.
	void park() {
		Fiber *f = current;
		f->thread = thread, f->lane = lane, f->warp = warp;
		if (ready_count)
			current = pop();
		else if (next < count)
			current = fresh();
		else
			current = nullptr;
		emu_switch(&f->sp, current ? current->sp : scheduler);
		thread = f->thread, lane = f->lane, warp = f->warp;
	}
};

// Worker is a thread of the operating system that computes.
struct Worker {
	Block block;
	sigjmp_buf escape;
	volatile sig_atomic_t armed = 0;
	Failure failure;
};
thread_local Worker *self;

[[noreturn]] void fail(CUresult result, std::string text) {
	self->failure = {result, std::move(text)};
	siglongjmp(self->escape, 1);
}

std::string where() {
	char s[160];
	const Place &place = self->block;
	snprintf(s, sizeof s, "%s, block (%u, %u, %u), thread (%u, %u, %u)", self->block.launch ? self->block.launch->kernel->name : "host function",
	         place.block.x, place.block.y, place.block.z, place.thread.x, place.thread.y, place.thread.z);
	return s;
}

// fiber_main runs threads one after another until one of them waits: kernels without barriers stay on one fiber.
void fiber_main() {
	Block &b = self->block;
	Place &place = b;
	for (;;) {
		while (b.ready_count == 0 && b.next < b.count) {
			const Launch &l = *b.launch;
			unsigned i = l.backwards ? b.count - 1 - b.next : b.next;
			b.next++;
			place.thread.x = i % l.block[0];
			if (l.block[0] == b.count) {
				place.thread.y = place.thread.z = 0;
			} else {
				place.thread.y = i / l.block[0] % l.block[1];
				place.thread.z = i / l.block[0] / l.block[1];
			}
			place.lane = i % WARP;
			b.warp = i / WARP;
			b.kernel(l.args);
			b.ended++;
			Warp &w = b.warps[b.warp];
			w.ended++;
			if (b.arrived) fail(CUDA_ERROR_LAUNCH_FAILED, where() + " ended while others wait at __syncthreads");
			if (w.arrived) fail(CUDA_ERROR_LAUNCH_FAILED, where() + " ended while lanes of its warp wait for it");
		}
		Fiber *f = b.current;
		b.idle.push_back(f);
		b.current = b.ready_count ? b.pop() : nullptr;
		emu_switch(&f->sp, b.current ? b.current->sp : b.scheduler);
	}
}

void run_block(Block &b) {
	b.next = b.ended = b.arrived = b.ready_first = b.ready_count = 0;
	for (unsigned w = 0; w * WARP < b.count; w++) {
		b.warps[w].lanes = std::min(WARP, b.count - w * WARP);
		b.warps[w].arrived = b.warps[w].ended = b.warps[w].turn = 0;
	}
	b.current = b.fresh();
	emu_switch(&b.scheduler, b.current->sp);
	if (b.ended == b.count) {
		if (doubts().empty()) return;
		std::string s = settle(b.launch->grid, b.first);
		if (!s.empty()) fail(CUDA_ERROR_LAUNCH_FAILED, std::string(b.launch->kernel->name) + ", " + block_name(b.number, b.launch->grid, b.first) + " writes " + s);
		return;
	}
	char s[200];
	snprintf(s, sizeof s, "%s, block (%u, %u, %u): deadlock, %u of %u threads ended, %u wait at __syncthreads, others at shuffles", b.launch->kernel->name,
	         b.block.x, b.block.y, b.block.z, b.ended, b.count, b.arrived);
	fail(CUDA_ERROR_LAUNCH_TIMEOUT, s);
}

// Grid is a launch with what its blocks share.
struct Grid {
	const Launch &launch;
	uint32_t first = 0;          // number of the first block, for races
	std::vector<uint32_t> order; // of the blocks, where it is no simple one
};

// shuffle fills in an order that a seed decides.
void shuffle(std::vector<uint32_t> &order, size_t n, uint64_t seed) {
	order.resize(n);
	for (size_t i = 0; i < n; i++) {
		seed += 0x9e3779b97f4a7c15; // splitmix64
		uint64_t x = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9;
		x = (x ^ x >> 27) * 0x94d049bb133111eb;
		size_t j = (size_t)(((x >> 32) * (i + 1)) >> 32);
		order[i] = order[j];
		order[j] = (uint32_t)i;
	}
}

void run_nth_block(void *context, long i) {
	Block &b = self->block;
	const Grid &g = *(const Grid *)context;
	const Launch &l = g.launch;
	long total = (long)l.grid[0] * l.grid[1] * l.grid[2];
	if (b.launch != &l) { // the first of this grid on this thread
		b.launch = &l;
		b.count = l.block[0] * l.block[1] * l.block[2];
		b.block_size = {l.block[0], l.block[1], l.block[2]};
		b.grid_size = {l.grid[0], l.grid[1], l.grid[2]};
		b.kernel = l.notes ? watched[l.kernel - kernels] : l.kernel->run;
		b.memory = l.notes ? l.notes->base : 0, b.extent = l.notes ? l.notes->size : 0;
		b.notes = l.notes ? l.notes->words : nullptr, b.first = g.first;
	}
	if (!g.order.empty())
		i = g.order[(size_t)i];
	else if (l.backwards)
		i = total - 1 - i;
	b.number = b.first + (uint32_t)i;
	b.block = {(unsigned)(i % l.grid[0]), (unsigned)(i / l.grid[0] % l.grid[1]), (unsigned)(i / l.grid[0] / l.grid[1])};
	run_block(b);
}

// here is the block whose thread calls it.
Block &here() { return static_cast<Block &>(place()); }

} // namespace

void block_barrier() {
	Block &b = here();
	if (b.ended) fail(CUDA_ERROR_LAUNCH_FAILED, where() + " is at __syncthreads, other threads of the block have ended");
	if (b.arrived + 1 < b.count) {
		b.waiting[b.arrived++] = b.current;
		b.park();
		return;
	}
	for (unsigned i = 0; i < b.arrived; i++) b.push(b.waiting[i]);
	b.arrived = 0;
}

Slots *warp_slots(unsigned mask) {
	Warp &w = here().warps[here().warp];
	if (mask != 0xffffffffu) fail(CUDA_ERROR_ILLEGAL_INSTRUCTION, where() + ": shuffles must be of the full warp");
	if (w.lanes != WARP || w.ended) fail(CUDA_ERROR_LAUNCH_FAILED, where() + ": lanes of its warp are missing in a shuffle");
	return &w.slots[w.turn & 1];
}

void warp_barrier(unsigned) {
	Block &b = here();
	Warp &w = b.warps[b.warp];
	if (w.arrived + 1 < w.lanes) {
		w.waiting[w.arrived++] = b.current;
		b.park();
		return;
	}
	for (unsigned i = 0; i < w.arrived; i++) b.push(w.waiting[i]);
	w.arrived = 0;
	w.turn++;
}

// ---- Faults of memory -----------------------------------------------------------------------------------------------

namespace {

struct sigaction before[NSIG];

// Workers by their threads: a handler of signals may not look at variables of a thread, for which memory may be missing yet.
struct {
	pthread_t thread;
	Worker *worker;
} workers[64];
std::atomic<int> worker_count;

Worker *worker_of(pthread_t thread) {
	for (int i = 0; i < worker_count; i++)
		if (pthread_equal(workers[i].thread, thread)) return workers[i].worker;
	return nullptr;
}

// on_fault leaves the kernel that did it. Faults of others are theirs: Go has handlers of its own.
void on_fault(int number, siginfo_t *info, void *context) {
	Worker *w = worker_of(pthread_self());
	if (w && w->armed) {
		CUresult result = number == SIGFPE || number == SIGILL ? CUDA_ERROR_ILLEGAL_INSTRUCTION : CUDA_ERROR_ILLEGAL_ADDRESS;
		// The processor's reports of misaligned accesses name no address.
		if (number == SIGBUS || (number == SIGSEGV && info->si_code == SI_KERNEL)) result = CUDA_ERROR_MISALIGNED_ADDRESS;
		char s[64];
		snprintf(s, sizeof s, ": %s at address %p", strsignal(number), info->si_addr);
		fail(result, where() + s);
	}
	struct sigaction &old = before[number];
	if (old.sa_flags & SA_SIGINFO) {
		old.sa_sigaction(number, info, context);
	} else if (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) {
		sigaction(number, &old, nullptr); // and again
	} else {
		old.sa_handler(number);
	}
}

void catch_faults() {
	struct sigaction a;
	memset(&a, 0, sizeof a);
	a.sa_sigaction = on_fault;
	a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER; // it is left by a jump that restores no mask
	for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(s, &a, &before[s]);
}

// work_with calls f with faults caught, and returns the failure.
template <typename F> Failure work_with(Worker *w, const F &f) {
	w->failure = Failure();
	if (sigsetjmp(w->escape, 0) == 0) {
		w->armed = 1;
		f();
	} else {
		w->block.reset();
		doubts().clear();
	}
	w->armed = 0;
	w->block.launch = nullptr;
	return std::move(w->failure);
}

// ---- Threads of the operating system --------------------------------------------------------------------------------

// Task is work that threads share.
struct Task {
	std::atomic<long> next{0};
	std::atomic<bool> stop{false};
	long count;
	void (*f)(void *, long);
	void *context;

	void work(double patience, const std::function<void()> &impatient);
};

double seconds() {
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// work takes pieces until none are left. After `patience` it calls for help, once.
void Task::work(double patience, const std::function<void()> &impatient) {
	double deadline = impatient && count > 1 ? seconds() + patience : 0;
	while (!stop.load(std::memory_order_relaxed)) {
		long i = next.fetch_add(1, std::memory_order_relaxed);
		if (i >= count) return;
		f(context, i);
		if (deadline != 0 && seconds() > deadline) {
			deadline = 0;
			if (next.load(std::memory_order_relaxed) < count) impatient();
		}
	}
}

// Crew is the device's threads: one that does what it is told, and some that help it.
class Crew {
public:
	Crew() {
		catch_faults();
		long want = sysconf(_SC_NPROCESSORS_ONLN);
		if (want > 2) want = 2;
		if (const char *s = getenv("DEBUT_EMU_THREADS")) want = atol(s);
		start([this] { lead(); });
		for (long i = 1; i < std::min(want, 64L); i++) {
			helpers++;
			start([this] { help(); });
		}
	}

	void call(const std::function<void()> &f) {
		std::unique_lock<std::mutex> lock(mu);
		called.wait(lock, [this] { return !order; }); // another caller's turn
		order = &f;
		wake.notify_all();
		done.wait(lock, [&] { return order != &f; });
	}

	Failure share(long count, void (*f)(void *, long), void *context) {
		Task t;
		t.count = count, t.f = f, t.context = context;
		bool asked = false;
		// A thread that has to be woken takes some microseconds, and is not worth it for less.
		auto ask = [&] {
			std::lock_guard<std::mutex> lock(mu);
			task = &t, generation++, busy = helpers, asked = true;
			wake.notify_all();
		};
		std::function<void()> impatient;
		if (helpers) impatient = ask;
		Failure mine;
		mine = work_with(self, [&] { t.work(50e-6, impatient); });
		if (mine.result) t.stop = true;
		if (!asked) return mine;
		std::unique_lock<std::mutex> lock(mu);
		task = nullptr;
		done.wait(lock, [this] { return busy == 0; });
		if (!mine.result) mine = std::move(helped);
		helped = Failure();
		return mine;
	}

private:
	template <typename F> void start(F f) {
		// Signals are for the process's other threads, faults apart.
		sigset_t all, old;
		sigfillset(&all);
		for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&all, s);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		std::thread([this, f] {
			static constexpr size_t size = 64 << 10;
			stack_t s;
			memset(&s, 0, sizeof s);
			s.ss_sp = malloc(size), s.ss_size = size;
			sigaltstack(&s, nullptr);
			self = new Worker(); // for the life of the process
			{
				std::lock_guard<std::mutex> lock(mu);
				workers[worker_count] = {pthread_self(), self};
				worker_count++;
			}
			f();
		}).detach();
		pthread_sigmask(SIG_SETMASK, &old, nullptr);
	}

	void lead() {
		std::unique_lock<std::mutex> lock(mu);
		for (;;) {
			wake.wait(lock, [this] { return order != nullptr; });
			const std::function<void()> *f = order;
			lock.unlock();
			(*f)();
			lock.lock();
			order = nullptr;
			done.notify_all();
			called.notify_one();
		}
	}

	void help() {
		std::unique_lock<std::mutex> lock(mu);
		for (unsigned long seen = 0;;) {
			wake.wait(lock, [&] { return generation != seen; });
			seen = generation;
			Task *t = task;
			Failure f;
			if (t) {
				lock.unlock();
				f = work_with(self, [&] { t->work(0, nullptr); });
				if (f.result) t->stop = true;
				lock.lock();
			}
			if (f.result) helped = std::move(f);
			if (--busy == 0) done.notify_all();
		}
	}

	std::mutex mu;
	std::condition_variable wake, done, called;
	const std::function<void()> *order = nullptr;
	Task *task = nullptr;
	unsigned long generation = 0;
	long helpers = 0, busy = 0;
	Failure helped;
};

Crew &crew() {
	static Crew *c = new Crew(); // its threads outlive everything
	return *c;
}

} // namespace

void on_device(const std::function<void()> &f) { crew().call(f); }

bool running() { return self != nullptr; }

Failure share(long count, void (*f)(void *, long), void *context) { return crew().share(count, f, context); }

Failure run(const Launch &l) {
	size_t blocks = (size_t)l.grid[0] * l.grid[1] * l.grid[2];
	Grid g{l};
	if (l.seed && blocks > 1 && blocks <= MOST_SHUFFLED) shuffle(g.order, blocks, l.seed);
	if (l.notes) g.first = l.notes->launch(blocks);
	return crew().share((long)blocks, run_nth_block, &g);
}

void clash(std::string text) { fail(CUDA_ERROR_LAUNCH_FAILED, where() + " " + text); }

} // namespace emu
