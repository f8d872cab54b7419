// What is queued runs only when something waits for it, and then as late or as early as streams and events allow.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>

#include "state.h"

namespace emu {

Settings settings;
Failure host_failure;

void complain(const char *format, ...) {
	if (getenv("DEBUT_EMU_QUIET")) return;
	va_list args;
	va_start(args, format);
	char s[512];
	vsnprintf(s, sizeof s, format, args);
	va_end(args);
	fprintf(stderr, "debut's emulated CUDA driver: %s\n", s);
}

void Settings::read() {
	const char *s = getenv("DEBUT_EMU_NULL");
	null = s && *s && strcmp(s, "0") != 0;
	order = TURNS;
	if ((s = getenv("DEBUT_EMU_ORDER"))) {
		static const char *const names[] = {"behind", "ahead", "mixed", "turns", "eager"};
		for (int i = 0; i < 5; i++)
			if (strcmp(s, names[i]) == 0) order = (Order)i;
	}
	queue = 4096;
	if ((s = getenv("DEBUT_EMU_QUEUE"))) queue = std::max(1ul, strtoul(s, nullptr, 10));
	blocks = 1;
	if ((s = getenv("DEBUT_EMU_BLOCKS"))) blocks = strcmp(s, "turns") == 0 ? 0 : std::max(1ul, strtoul(s, nullptr, 10));
	races = !(s = getenv("DEBUT_EMU_RACES")) || strcmp(s, "0") != 0;
	faults.clear();
	if (!(s = getenv("DEBUT_EMU_FAIL"))) return;
	static const struct {
		const char *name;
		CUresult result;
	} kinds[] = {{"launch", CUDA_ERROR_LAUNCH_FAILED}, {"lost", CUDA_ERROR_ECC_UNCORRECTABLE}, {"refuse", CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES},
	             {"alloc", CUDA_ERROR_OUT_OF_MEMORY}, {"copy", CUDA_ERROR_UNKNOWN}};
	for (std::string all = s, one; !all.empty();) {
		size_t comma = all.find(',');
		one = all.substr(0, comma);
		all = comma == std::string::npos ? "" : all.substr(comma + 1);
		size_t colon = one.find(':');
		bool known = false;
		for (int k = 0; k < 5 && colon != std::string::npos; k++) {
			if (one.substr(0, colon) != kinds[k].name) continue;
			long at = 0;
			int result = kinds[k].result;
			known = sscanf(one.c_str() + colon, ":%ld:%d", &at, &result) >= 1;
			faults.push_back({(Fault::Kind)k, at, (CUresult)result});
		}
		if (!known) complain("DEBUT_EMU_FAIL: %s is not understood", one.c_str());
	}
}

namespace {

double now() {
	timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

} // namespace

std::shared_ptr<const Plan> prepared(const CUgraph_st &g) {
	auto p = std::make_shared<Plan>();
	size_t n = g.nodes.size();
	std::vector<std::vector<int>> before(n);
	std::vector<int> missing(n);
	for (size_t i = 0; i < n; i++) {
		p->ops.push_back(g.nodes[i].op);
		if (p->ops.back().kind == Op::LAUNCH || p->ops.back().kind == Op::HOST) p->launches++;
		p->early.push_back((int)i); // nodes depend on earlier ones alone
		missing[i] = (int)g.nodes[i].after.size();
		for (int j : g.nodes[i].after) before[(size_t)j].push_back((int)i);
	}
	std::vector<int> ready; // the last of those is next
	for (size_t i = 0; i < n; i++)
		if (missing[i] == 0) ready.push_back((int)i);
	while (!ready.empty()) {
		auto it = std::max_element(ready.begin(), ready.end());
		int i = *it;
		ready.erase(it);
		p->late.push_back(i);
		for (int j : before[(size_t)i])
			if (--missing[(size_t)j] == 0) ready.push_back(j);
	}
	return p;
}

} // namespace emu

using emu::complain;
using emu::Failure;
using emu::Op;
using emu::Settings;
using emu::settings;

bool CUctx_st::host_has(uint64_t p, size_t n) const {
	auto it = pinned.upper_bound(p);
	if (it == pinned.begin()) return false;
	--it;
	return p - it->first <= it->second && n <= it->second - (p - it->first);
}

CUresult CUctx_st::fail(CUresult result) {
	lost = result;
	for (auto &s : streams) {
		s->ops.clear();
		s->done = s->last;
	}
	pending = 0;
	return result;
}

void CUctx_st::enqueue(CUstream_st *s, Op &&op) {
	s->ops.push_back(std::move(op));
	s->last++;
	s->asked = false;
	pending++;
}

CUresult CUctx_st::push(CUstream_st *s, Op &&op) {
	if (s->capture) {
		if (s->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
		auto &nodes = s->capture->graph->nodes;
		nodes.push_back({std::move(op), s->tail});
		s->tail.assign(1, (int)nodes.size() - 1);
		return CUDA_SUCCESS;
	}
	CUstream_st *legacy = streams[0].get();
	auto wait_for = [&](const std::shared_ptr<CUstream_st> &t) {
		if (t->done == t->last) return;
		Op w{Op::WAIT};
		w.on = t, w.until = t->last;
		enqueue(s, std::move(w));
	};
	if (s == legacy) {
		for (auto &t : streams) {
			if (t.get() == s || !t->blocking) continue;
			if (t->capture) { // the legacy stream would depend on what is captured
				t->capture->invalid = true;
				return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
			}
			wait_for(t);
		}
	} else if (s->blocking) {
		wait_for(streams[0]);
	}
	enqueue(s, std::move(op));
	if (settings.order == Settings::EAGER) return reach_all();
	if (pending > settings.queue) return reach(s, s->last - s->ops.size() / 2);
	return CUDA_SUCCESS;
}

// next_order takes turns where it may.
int CUctx_st::next_order() {
	drains++;
	if (settings.order != Settings::TURNS) return settings.order == Settings::EAGER ? Settings::MIXED : settings.order;
	return (int)(drains % 3);
}

void CUctx_st::check_memory(const char *after) {
	unchecked = false;
	std::string s = memory->check();
	if (s.empty()) return;
	complain("%s: %s", after, s.c_str());
	fail(CUDA_ERROR_ILLEGAL_ADDRESS);
}

Failure CUctx_st::perform(const Op &op, bool late) {
	auto there = [&](bool device, uint64_t p, size_t n) { return !device || memory->has(p, n); };
	if (op.fails) return {op.fails, "a launch fails by DEBUT_EMU_FAIL"};
	switch (op.kind) {
	case Op::LAUNCH: {
		unchecked = true;
		emu::Launch l{op.kernel, op.args.data(), {op.grid[0], op.grid[1], op.grid[2]}, {op.block[0], op.block[1], op.block[2]}, (launches & 1) != 0};
		launches++;
		if (settings.blocks) l.seed = settings.blocks * 0x9e3779b97f4a7c15 + launches;
		if (settings.races && !(l.notes = memory->notes())) return {CUDA_ERROR_OUT_OF_MEMORY, "there are no addresses for what finds races; DEBUT_EMU_RACES=0 does without"};
		Failure f = emu::run(l);
		if (f.result == CUDA_SUCCESS && memory->check() != "") check_memory(op.kernel->name);
		return f;
	}
	case Op::COPY:
		if (!there(op.dst_device, op.dst, op.n) || !there(op.src_device, op.src, op.n)) return {CUDA_ERROR_ILLEGAL_ADDRESS, "copy: memory was freed since it was queued"};
		memmove((void *)op.dst, (void *)op.src, op.n);
		return {};
	case Op::FILL:
		if (!there(true, op.dst, op.n * op.width)) return {CUDA_ERROR_ILLEGAL_ADDRESS, "memset: memory was freed since it was queued"};
		if (op.value == 0)
			memory->clear(op.dst, op.n * op.width);
		else if (op.width == 1)
			memset((void *)op.dst, (int)op.value, op.n);
		else
			std::fill_n((unsigned *)op.dst, op.n, op.value);
		return {};
	case Op::HOST:
		unchecked = true;
		emu::host_failure = {};
		op.host(op.args.empty() ? op.user : const_cast<unsigned char *>(op.args.data()));
		return emu::host_failure;
	case Op::RECORD:
		op.moment->time = emu::now();
		return {};
	case Op::WAIT:
		return {};
	case Op::GRAPH:
		for (int i : late ? op.plan->late : op.plan->early) {
			Failure f = perform(op.plan->ops[(size_t)i], late);
			if (f.result || lost) return f;
		}
		return {};
	}
	return {};
}

bool CUctx_st::stuck(CUstream_st *s) const {
	const Op &op = s->ops.front();
	return op.kind == Op::WAIT && op.on->done < op.until;
}

// step runs a stream's next operation: false where there is none, or it waits for another stream.
bool CUctx_st::step(CUstream_st *s) {
	if (s->ops.empty() || stuck(s)) return false;
	Op op = std::move(s->ops.front());
	s->ops.pop_front();
	pending--;
	Failure f = perform(op, drains % 2 != 0);
	s->done++;
	if (f.result) {
		complain("%s: result %d", f.text.c_str(), f.result);
		fail(f.result);
	}
	return true;
}

// others runs operations of other streams: all that can be run, or by chance.
void CUctx_st::others(CUstream_st *s, int order) {
	if (order == Settings::BEHIND) return;
	for (bool moved = true; moved && !lost;) {
		moved = false;
		for (size_t i = 0; i < streams.size(); i++) {
			CUstream_st *t = streams[i].get();
			if (t == s) continue;
			if (order == Settings::MIXED) {
				chance ^= chance << 13, chance ^= chance >> 7, chance ^= chance << 17;
				if (chance & 1) continue;
			}
			moved = step(t) || moved;
		}
		if (order == Settings::MIXED) return;
	}
}

void CUctx_st::towards(CUstream_st *s, uint64_t until, int order, int depth) {
	while (s->done < until && !lost) {
		if (depth == 0) others(s, order);
		if (lost || s->done >= until) return;
		if (stuck(s)) {
			std::shared_ptr<CUstream_st> on = s->ops.front().on; // it may be the last to hold it
			towards(on.get(), s->ops.front().until, order, depth + 1);
			continue;
		}
		step(s);
	}
}

void CUctx_st::on_engine(CUstream_st *s, uint64_t until, int order, long steps) {
	if (s->done >= until && !unchecked) return;
	emu::on_device([&] {
		for (long i = 0; steps < 0 ? i < 1 : i < steps; i++) towards(s, steps < 0 ? until : std::min(until, s->done + 1), order, 0);
		if (unchecked && !lost) check_memory("work that was waited for");
	});
	for (size_t i = streams.size(); i-- > 1;) // those that were destroyed and are done
		if (streams[i]->ops.empty() && !open.count(streams[i].get())) streams.erase(streams.begin() + (long)i);
}

CUresult CUctx_st::reach(CUstream_st *s, uint64_t until) {
	if (lost) return lost;
	if (s->done < until) on_engine(s, until, next_order(), -1);
	return lost;
}

CUresult CUctx_st::reach_all() {
	// Once in the order of their making, once against it.
	std::vector<std::shared_ptr<CUstream_st>> all = streams;
	if (drains % 2) std::reverse(all.begin(), all.end());
	for (auto &s : all)
		if (CUresult r = reach(s.get(), s->last)) return r;
	return lost;
}

void CUctx_st::poll(CUstream_st *s, uint64_t until) {
	if (!lost && s->done < until) on_engine(s, until, Settings::BEHIND, 16);
}
