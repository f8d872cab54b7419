#include "memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace emu {

namespace {

constexpr size_t ALIGNMENT = 256, GRAIN = 512;
constexpr unsigned char PATTERN = 0xa5;

// Large pieces share the pages of one file full of 0xff until they are written.
constexpr size_t FILLED = 4 << 20;

int filled_file() {
	static int file = [] {
		int f = memfd_create("unwritten", MFD_CLOEXEC);
		if (f < 0) return -1;
		void *p = MAP_FAILED;
		if (ftruncate(f, FILLED) == 0) p = mmap(nullptr, FILLED, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
		if (p == MAP_FAILED) {
			close(f);
			return -1;
		}
		memset(p, 0xff, FILLED);
		munmap(p, FILLED);
		return f;
	}();
	return file;
}

size_t up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

} // namespace

bool Memory::reserve() {
	page = (size_t)sysconf(_SC_PAGESIZE);
	for (size_t size = (size_t)1 << 40; size >= (size_t)1 << 32; size >>= 2) {
		void *p = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED) continue;
		base = next = (uint64_t)p, end = base + size;
		return true;
	}
	return false;
}

Memory::~Memory() {
	if (base) munmap((void *)base, end - base);
}

uint64_t Memory::take(size_t n) {
	if (n == 0 || n > limit || taken + up(n, GRAIN) > limit || (!base && !reserve())) return 0;
	// It ends where its last page does, so that what lies behind faults, but for what alignment costs.
	size_t room = up(up(n, ALIGNMENT), page);
	uint64_t first = next, last = first + room, p = last - up(n, ALIGNMENT);
	if (last + page > end) return 0;
	bool done = false;
	if (room >= FILLED && FILLED % page == 0 && filled_file() >= 0) {
		done = true;
		for (uint64_t at = first; done && at < last; at += FILLED)
			done = mmap((void *)at, std::min<uint64_t>(FILLED, last - at), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, filled_file(), 0) != MAP_FAILED;
	}
	if (!done) {
		if (mprotect((void *)first, room, PROT_READ | PROT_WRITE) != 0) return 0;
		memset((void *)p, 0xff, n);
	}
	memset((void *)first, PATTERN, p - first);
	memset((void *)(p + n), PATTERN, last - p - n);
	next = last + page;
	pieces[p] = {first, last, n, up(n, GRAIN)};
	taken += up(n, GRAIN);
	if (n % ALIGNMENT) ragged.push_back({p, n});
	return p;
}

bool Memory::give(uint64_t p) {
	auto it = pieces.find(p);
	if (it == pieces.end()) return false;
	const Piece &m = it->second;
	mmap((void *)m.first, m.last - m.first, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	watch.forget(m.first, m.last - m.first);
	taken -= m.counted;
	ragged.erase(std::remove(ragged.begin(), ragged.end(), std::make_pair(p, m.n)), ragged.end());
	pieces.erase(it);
	return true;
}

Notes *Memory::notes() {
	return base && (watch.words || watch.cover(base, end - base)) ? &watch : nullptr;
}

void Memory::give_all() {
	while (!pieces.empty()) give(pieces.begin()->first);
}

bool Memory::has(uint64_t p, size_t n) const {
	auto it = pieces.upper_bound(p);
	if (it == pieces.begin()) return false;
	--it;
	return p - it->first <= it->second.n && n <= it->second.n - (p - it->first);
}

std::string Memory::look(uint64_t p, const Piece &m) const {
	char s[160];
	for (uint64_t at = p + m.n; at < m.last; at++)
		if (*(unsigned char *)at != PATTERN) {
			snprintf(s, sizeof s, "%zu bytes past the beginning of an allocation of %zu bytes something was written", (size_t)(at - p), m.n);
			return s;
		}
	for (uint64_t at = p; at > m.first && at > p - ALIGNMENT; at--)
		if (((unsigned char *)at)[-1] != PATTERN) {
			snprintf(s, sizeof s, "%zu bytes before an allocation of %zu bytes something was written", (size_t)(p - at + 1), m.n);
			return s;
		}
	return "";
}

// Behind pieces that fill their pages it faults.
std::string Memory::check() const {
	for (auto [p, n] : ragged) {
		uint64_t at = p + n, stop = p + up(n, ALIGNMENT);
		while (at < stop && *(unsigned char *)at == PATTERN) at++;
		if (at < stop) return look(p, pieces.at(p));
	}
	return "";
}

std::string Memory::check_all() const {
	for (auto &[p, m] : pieces) {
		std::string s = look(p, m);
		if (!s.empty()) return s;
	}
	return "";
}

void Memory::clear(uint64_t p, size_t n) {
	uint64_t first = up(p, page), last = (p + n) / page * page;
	if (n < FILLED || first >= last ||
	    mmap((void *)first, last - first, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
		memset((void *)p, 0, n);
		return;
	}
	memset((void *)p, 0, first - p);
	memset((void *)last, 0, p + n - last);
}

} // namespace emu
