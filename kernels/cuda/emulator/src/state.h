// The driver's objects: contexts, streams, events, graphs, and what is queued.
#ifndef EMULATOR_STATE_H
#define EMULATOR_STATE_H

#include <cuda.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fibers.h"
#include "memory.h"
#include "ptx.h"

namespace emu {

struct Plan;

// Op is something queued on a stream, or a node of a graph.
struct Op {
	enum Kind { LAUNCH, COPY, FILL, HOST, RECORD, WAIT, GRAPH } kind;
	explicit Op(Kind kind) : kind(kind) {}
	CUresult fails = CUDA_SUCCESS; // by DEBUT_EMU_FAIL, when it runs

	const Kernel *kernel = nullptr;
	unsigned grid[3] = {}, block[3] = {};
	std::vector<unsigned char> args; // of the kernel or the host function

	uint64_t dst = 0, src = 0;
	size_t n = 0;
	bool dst_device = false, src_device = false;
	unsigned value = 0, width = 0; // of FILL: n elements of so many bytes

	void (*host)(void *) = nullptr;
	void *user = nullptr; // the argument where args is empty

	std::shared_ptr<struct Moment> moment; // that is recorded
	std::shared_ptr<CUstream_st> on;       // that is waited for, until done ≥ until
	uint64_t until = 0;
	std::shared_ptr<const Plan> plan;
};

// Moment is when an event was reached.
struct Moment {
	double time = 0; // ms
};

// Plan is a graph that can be run: its operations, and two orders that keep to their dependencies.
struct Plan {
	std::vector<Op> ops;
	std::vector<int> early, late;
	long launches = 0; // of kernels
};

// Capture is a graph in the making.
struct Capture {
	CUgraph graph;
	CUstream_st *origin;
	CUstreamCaptureMode mode;
	unsigned long thread;
	bool invalid = false;
};

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Settings are read from the environment when a context is made.
struct Settings {
	bool null = false;
	enum Order { BEHIND, AHEAD, MIXED, TURNS, EAGER } order = TURNS;
	size_t queue = 4096; // operations that may wait
	uint64_t blocks = 1;   // seed of the blocks' orders, 0: ascending and descending by turns
	bool races = true;     // are looked for
	struct Fault {
		enum Kind { LAUNCH, LOST, REFUSE, ALLOC, COPY } kind;
		long at;
		CUresult result;
	};
	std::vector<Fault> faults;
	void read();
};
extern Settings settings;

// host_failure is what emu_share has failed with, in the host function that runs.
extern Failure host_failure;

} // namespace emu

struct CUstream_st {
	CUcontext context;
	bool blocking; // waits for the legacy stream, which waits for it
	unsigned flags;
	int priority;
	std::deque<emu::Op> ops;
	uint64_t last = 0, done = 0; // numbers of operations: the last queued, the last that ran
	bool asked = false;          // whether it is done, since something was queued
	std::shared_ptr<emu::Capture> capture;
	std::vector<int> tail; // nodes that the next node depends on
};

struct CUevent_st {
	CUcontext context;
	unsigned flags;
	std::shared_ptr<CUstream_st> on; // where it was recorded last
	uint64_t at = 0;
	bool asked = false;
	std::shared_ptr<emu::Moment> moment;
	std::shared_ptr<emu::Capture> capture; // of the record, where that was captured
	std::vector<int> nodes;
};

struct CUgraphNode_st {
	emu::Op op;
	std::vector<int> after;
};

struct CUgraph_st {
	std::deque<CUgraphNode_st> nodes;
};

struct CUgraphExec_st {
	std::shared_ptr<const emu::Plan> plan;
};

struct CUfunc_st {
	CUmodule module;
	const emu::Kernel *kernel;
	emu::Entry entry;
	int ptx;
};

struct CUmod_st {
	std::map<std::string, CUfunc_st> functions;
};

// A primary context, one for each device. It is the process's; what is in it goes when nobody holds it any more.
struct CUctx_st {
	int device = 0;
	int major = 9, minor = 0;
	int refs = 0;
	CUresult lost = CUDA_SUCCESS; // what every call returns since the device failed
	std::unique_ptr<emu::Memory> memory;
	std::map<uint64_t, size_t> pinned;
	std::vector<std::shared_ptr<CUstream_st>> streams; // also destroyed ones with work left; the first is the legacy stream
	std::unordered_map<CUstream, std::shared_ptr<CUstream_st>> open;
	std::unordered_set<CUevent> events;
	std::unordered_set<CUmodule> modules;
	std::unordered_set<CUfunction> functions;
	std::unordered_set<CUgraph> graphs;
	std::unordered_set<CUgraphExec> executables;
	std::vector<emu::Capture *> captures;
	size_t pending = 0; // operations that wait
	unsigned long drains = 0, launches = 0;
	uint64_t chance = 0x9e3779b97f4a7c15;
	bool unchecked = false; // kernels ran since memory was checked

	void begin();
	void end();
	void anew(); // reads the settings

	// push queues an operation, behind those that the legacy stream's rules put before it, or captures it.
	CUresult push(CUstream_st *, emu::Op &&);
	// reach runs what must be run for a stream to be done with an operation; other streams' work as the order has it.
	CUresult reach(CUstream_st *, uint64_t until);
	CUresult reach_all();
	// poll runs a little.
	void poll(CUstream_st *, uint64_t until);
	// fail makes the device unusable.
	CUresult fail(CUresult);
	bool host_has(uint64_t p, size_t n) const;
	CUresult drop_capture(emu::Capture *);

private:
	bool step(CUstream_st *);
	bool stuck(CUstream_st *) const;
	void others(CUstream_st *, int order);
	void towards(CUstream_st *, uint64_t until, int order, int depth);
	emu::Failure perform(const emu::Op &, bool late);
	void on_engine(CUstream_st *, uint64_t until, int order, long steps);
	int next_order();
	void enqueue(CUstream_st *, emu::Op &&);
	void check_memory(const char *after);
};

namespace emu {
// prepared returns what running a graph needs.
std::shared_ptr<const Plan> prepared(const CUgraph_st &);
} // namespace emu

#endif
