// Streams, events, and graphs captured from them.
#include <pthread.h>

#include <algorithm>

#include "api.h"

using namespace emu;

// ---- Streams --------------------------------------------------------------------------------------------------------

API cuStreamCreateWithPriority(CUstream *out, unsigned flags, int priority) {
	CALL;
	if (!out || flags > CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
	if (ctx->open.empty()) ctx->anew(); // programs that keep the context begin so
	auto s = std::make_shared<CUstream_st>();
	s->context = ctx, s->blocking = flags == 0, s->flags = flags, s->priority = std::min(0, std::max(-5, priority));
	ctx->streams.push_back(s);
	ctx->open[s.get()] = s;
	*out = s.get();
	return CUDA_SUCCESS;
}

API cuStreamCreate(CUstream *out, unsigned flags) { return cuStreamCreateWithPriority(out, flags, 0); }

API cuStreamGetPriority(CUstream handle, int *priority) {
	CALL;
	STREAM(handle);
	*priority = s->priority;
	return CUDA_SUCCESS;
}

API cuStreamGetFlags(CUstream handle, unsigned *flags) {
	CALL;
	STREAM(handle);
	*flags = s->flags;
	return CUDA_SUCCESS;
}

// What is queued is still done.
API cuStreamDestroy_v2(CUstream handle) {
	CALL;
	STREAM(handle);
	if (s == ctx->streams[0].get()) return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture) s->capture->invalid = true, ctx->drop_capture(s->capture.get());
	if (s->ops.empty()) ctx->streams.erase(std::find(ctx->streams.begin(), ctx->streams.end(), ctx->open[handle]));
	ctx->open.erase(handle);
	return CUDA_SUCCESS;
}

namespace {

// waiting refuses to wait for a stream that is captured.
CUresult waiting(CUstream_st *s, const char *what) {
	if (!s->capture) return CUDA_SUCCESS;
	s->capture->invalid = true;
	return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, what);
}

} // namespace

API cuStreamSynchronize(CUstream handle) {
	CALL;
	STREAM(handle);
	CHECK(waiting(s, "cuStreamSynchronize of a stream that is captured"));
	return ctx->reach(s, s->last);
}

API cuStreamQuery(CUstream handle) {
	CALL;
	STREAM(handle);
	CHECK(waiting(s, "cuStreamQuery of a stream that is captured"));
	if (s->asked) ctx->poll(s, s->last);
	s->asked = true;
	if (ctx->lost) return ctx->lost;
	return s->done == s->last ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

// ---- Events ---------------------------------------------------------------------------------------------------------

API cuEventCreate(CUevent *out, unsigned flags) {
	CALL;
	if (!out || flags & ~3u) return CUDA_ERROR_INVALID_VALUE;
	auto *e = new CUevent_st();
	e->context = ctx, e->flags = flags;
	ctx->events.insert(e);
	*out = e;
	return CUDA_SUCCESS;
}

#define EVENT(e) \
	if (!ctx->events.count(e)) return CUDA_ERROR_INVALID_HANDLE

API cuEventDestroy_v2(CUevent e) {
	CALL;
	EVENT(e);
	ctx->events.erase(e);
	delete e;
	return CUDA_SUCCESS;
}

API cuEventRecord(CUevent e, CUstream handle) {
	CALL;
	STREAM(handle);
	EVENT(e);
	if (s->capture) {
		if (s->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
		e->capture = s->capture, e->nodes = s->tail, e->on = nullptr;
		return CUDA_SUCCESS;
	}
	Op op{Op::RECORD};
	op.moment = std::make_shared<Moment>();
	e->moment = op.moment;
	e->capture = nullptr, e->asked = false;
	CHECK(ctx->push(s, std::move(op)));
	e->on = s == ctx->streams[0].get() ? ctx->streams[0] : ctx->open[handle];
	e->at = s->last;
	return CUDA_SUCCESS;
}

API cuEventQuery(CUevent e) {
	CALL;
	EVENT(e);
	if (e->capture) return e->capture->invalid = true, CUDA_ERROR_CAPTURED_EVENT;
	if (!e->on) return CUDA_SUCCESS; // never recorded
	if (e->asked) ctx->poll(e->on.get(), e->at);
	e->asked = true;
	if (ctx->lost) return ctx->lost;
	return e->on->done >= e->at ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

API cuEventSynchronize(CUevent e) {
	CALL;
	EVENT(e);
	if (e->capture) return e->capture->invalid = true, CUDA_ERROR_CAPTURED_EVENT;
	return e->on ? ctx->reach(e->on.get(), e->at) : CUDA_SUCCESS;
}

API cuEventElapsedTime(float *ms, CUevent a, CUevent b) {
	CALL;
	EVENT(a);
	EVENT(b);
	if ((a->flags | b->flags) & CU_EVENT_DISABLE_TIMING || !a->on || !b->on) return CUDA_ERROR_INVALID_HANDLE;
	if (a->on->done < a->at || b->on->done < b->at) return CUDA_ERROR_NOT_READY;
	*ms = (float)(b->moment->time - a->moment->time);
	return CUDA_SUCCESS;
}

API cuStreamWaitEvent(CUstream handle, CUevent e, unsigned) {
	CALL;
	STREAM(handle);
	EVENT(e);
	if (e->capture) {
		if (e->capture->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
		if (s->capture && s->capture != e->capture) {
			s->capture->invalid = e->capture->invalid = true;
			return CUDA_ERROR_STREAM_CAPTURE_MERGE;
		}
		if (std::find(ctx->captures.begin(), ctx->captures.end(), e->capture.get()) == ctx->captures.end()) return CUDA_ERROR_CAPTURED_EVENT;
		s->capture = e->capture; // the stream is captured too from here on
		for (int node : e->nodes)
			if (std::find(s->tail.begin(), s->tail.end(), node) == s->tail.end()) s->tail.push_back(node);
		return CUDA_SUCCESS;
	}
	if (s->capture) {
		if (!e->on) return CUDA_SUCCESS;
		s->capture->invalid = true;
		return refuse(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "cuStreamWaitEvent: the stream is captured, the event was recorded outside");
	}
	if (!e->on || e->on->done >= e->at) return CUDA_SUCCESS;
	Op op{Op::WAIT};
	op.on = e->on, op.until = e->at;
	return ctx->push(s, std::move(op));
}

// ---- Capture --------------------------------------------------------------------------------------------------------

// drop_capture ends a capture for all streams that take part.
CUresult CUctx_st::drop_capture(Capture *c) {
	captures.erase(std::find(captures.begin(), captures.end(), c));
	std::shared_ptr<Capture> hold;
	for (auto &s : streams) {
		if (s->capture.get() != c) continue;
		hold = std::move(s->capture);
		s->capture = nullptr;
		s->tail.clear();
	}
	return CUDA_SUCCESS;
}

API cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
	CALL;
	STREAM(handle);
	if (s == ctx->streams[0].get()) return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the legacy stream cannot be captured");
	if ((unsigned)mode > CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_ERROR_INVALID_VALUE;
	if (s->capture) return CUDA_ERROR_ILLEGAL_STATE;
	auto c = std::make_shared<Capture>();
	c->graph = new CUgraph_st(), c->origin = s, c->mode = mode, c->thread = (unsigned long)pthread_self();
	s->capture = c;
	s->tail.clear();
	ctx->captures.push_back(c.get());
	return CUDA_SUCCESS;
}

API cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status) {
	CALL;
	STREAM(handle);
	*status = !s->capture            ? CU_STREAM_CAPTURE_STATUS_NONE
	          : s->capture->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
	                                : CU_STREAM_CAPTURE_STATUS_ACTIVE;
	return CUDA_SUCCESS;
}

API cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode) {
	if (!mode || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED) return CUDA_ERROR_INVALID_VALUE;
	std::swap(*mode, capture_mode);
	return CUDA_SUCCESS;
}

API cuStreamEndCapture(CUstream handle, CUgraph *out) {
	CALL;
	STREAM(handle);
	if (!out) return CUDA_ERROR_INVALID_VALUE;
	*out = nullptr;
	if (!s->capture) return CUDA_ERROR_ILLEGAL_STATE;
	std::shared_ptr<Capture> c = s->capture;
	if (c->origin != s) return c->invalid = true, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
	if (c->mode != CU_STREAM_CAPTURE_MODE_RELAXED && c->thread != (unsigned long)pthread_self()) return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;

	// All that was captured must lie before the end of the stream where it began.
	auto &nodes = c->graph->nodes;
	std::vector<bool> before(nodes.size());
	for (int i : s->tail) before[(size_t)i] = true;
	for (size_t i = nodes.size(); i-- > 0;)
		if (before[i])
			for (int j : nodes[i].after) before[(size_t)j] = true;
	bool joined = std::find(before.begin(), before.end(), false) == before.end();
	ctx->drop_capture(c.get());
	if (c->invalid || !joined) {
		delete c->graph;
		c->invalid = true;
		return joined ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : refuse(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "cuStreamEndCapture: work of another stream was not joined");
	}
	ctx->graphs.insert(c->graph);
	*out = c->graph;
	return CUDA_SUCCESS;
}

// ---- Graphs ---------------------------------------------------------------------------------------------------------

API cuGraphGetNodes(CUgraph g, CUgraphNode *nodes, size_t *n) {
	CALL;
	if (!ctx->graphs.count(g)) return CUDA_ERROR_INVALID_HANDLE;
	if (!n) return CUDA_ERROR_INVALID_VALUE;
	if (nodes)
		for (size_t i = 0; i < *n; i++) nodes[i] = i < g->nodes.size() ? &g->nodes[i] : nullptr;
	*n = nodes ? std::min(*n, g->nodes.size()) : g->nodes.size();
	return CUDA_SUCCESS;
}

API cuGraphInstantiateWithFlags(CUgraphExec *out, CUgraph g, unsigned long long) {
	CALL;
	if (!out) return CUDA_ERROR_INVALID_VALUE;
	if (!ctx->graphs.count(g)) return CUDA_ERROR_INVALID_HANDLE;
	CHECK(unsafe(ctx, "cuGraphInstantiate"));
	*out = new CUgraphExec_st{prepared(*g)};
	ctx->executables.insert(*out);
	return CUDA_SUCCESS;
}

API cuGraphUpload(CUgraphExec e, CUstream handle) {
	CALL;
	STREAM(handle);
	return ctx->executables.count(e) && s ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

API cuGraphLaunch(CUgraphExec e, CUstream handle) {
	if (settings.null) return current.empty() || !current.back() ? CUDA_ERROR_INVALID_CONTEXT : current.back()->lost;
	CALL;
	STREAM(handle);
	if (!ctx->executables.count(e)) return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture) return refuse(CUDA_ERROR_NOT_SUPPORTED, "graphs within graphs are not emulated");
	Op op{Op::GRAPH};
	CHECK(launch_faults(ctx, op, e->plan->launches));
	op.plan = e->plan;
	return ctx->push(s, std::move(op));
}

API cuGraphDestroy(CUgraph g) {
	CALL;
	if (!ctx->graphs.erase(g)) return CUDA_ERROR_INVALID_HANDLE;
	delete g;
	return CUDA_SUCCESS;
}

API cuGraphExecDestroy(CUgraphExec e) {
	CALL;
	if (!ctx->executables.erase(e)) return CUDA_ERROR_INVALID_HANDLE;
	delete e; // what is queued holds the plan
	return CUDA_SUCCESS;
}
