#include "races.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "device.h"

namespace emu {

// ---- Notes ----------------------------------------------------------------------------------------------------------

Notes::~Notes() {
	if (words) munmap(words, 2 * size);
}

bool Notes::cover(uint64_t from, uint64_t n) {
	void *p = mmap(nullptr, 2 * n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) return false;
	base = from, size = n, words = (uint32_t *)p;
	return true;
}

void Notes::forget(uint64_t p, size_t n) {
	if (words) madvise(words + (p - base) / 4 * 2, 2 * n, MADV_DONTNEED);
}

// One number more stands for several readers.
uint32_t Notes::launch(uint64_t blocks) {
	if (blocks + 1 > UINT32_MAX - next) { // all numbers were used
		madvise(words, 2 * size, MADV_DONTNEED);
		next = 1;
	}
	uint32_t first = next;
	next += (uint32_t)blocks + 1;
	return first;
}

// ---- What kernels do ------------------------------------------------------------------------------------------------

std::vector<Doubt> &doubts() {
	static thread_local std::vector<Doubt> list;
	return list;
}

std::string block_name(uint32_t number, const uint32_t grid[3], uint32_t first) {
	char s[64];
	uint32_t i = number - first;
	if (i >= (uint64_t)grid[0] * grid[1] * grid[2]) return "several blocks";
	snprintf(s, sizeof s, "block (%u, %u, %u)", i % grid[0], i / grid[0] % grid[1], i / grid[0] / grid[1]);
	return s;
}

std::string settle(const uint32_t grid[3], uint32_t first) {
	std::vector<Doubt> &list = doubts();
	std::string out;
	for (const Doubt &d : list) {
		if (*(volatile uint32_t *)d.at == d.before) continue;
		char s[64];
		snprintf(s, sizeof s, "a word at %p, which ", (void *)d.at);
		out = s + block_name(d.other, grid, first) + (d.wrote ? " wrote otherwise" : " read");
		break;
	}
	list.clear();
	return out;
}

namespace {

void read(Place &p, uint64_t off, size_t n) {
	for (uint64_t w = off / 4, last = (off + n - 1) / 4; w <= last; w++) {
		uint32_t *note = p.notes + 2 * w, writer = note[0], reader = note[1];
		if (writer >= p.first && writer != p.number) {
			char s[80];
			snprintf(s, sizeof s, "reads a word at %p, which ", (void *)(p.memory + 4 * w));
			const uint32_t grid[3] = {p.grid_size.x, p.grid_size.y, p.grid_size.z};
			clash(s + block_name(writer, grid, p.first) + " writes");
		}
		if (reader == p.number) continue;
		uint32_t several = p.first + p.grid_size.x * p.grid_size.y * p.grid_size.z;
		if (reader != several) note[1] = reader < p.first ? p.number : several;
	}
}

void write(Place &p, uint64_t off, size_t n) {
	for (uint64_t w = off / 4, last = (off + n - 1) / 4; w <= last; w++) {
		uint32_t *note = p.notes + 2 * w, writer = note[0], reader = note[1];
		if (writer == p.number) continue;
		uint64_t at = p.memory + 4 * w;
		if (writer >= p.first)
			doubts().push_back({at, *(uint32_t *)at, writer, true});
		else if (reader >= p.first && reader != p.number)
			doubts().push_back({at, *(uint32_t *)at, reader, false});
		note[0] = p.number;
	}
}

} // namespace
} // namespace emu

// ---- What compilers call --------------------------------------------------------------------------------------------

// The functions that -fsanitize=thread has called before accesses. Of its library nothing is used.
#define WATCH(name, size, what) \
	extern "C" __attribute__((visibility("hidden"))) void __tsan_##name(void *at) { \
		emu::Place &p = emu::place(); \
		uint64_t off = (uint64_t)at - p.memory; \
		if (off < p.extent) emu::what(p, off, size); \
	}
#define WATCH_SIZE(size) \
	WATCH(read##size, size, read) \
	WATCH(write##size, size, write)
#define WATCH_UNALIGNED(size) \
	WATCH(unaligned_read##size, size, read) \
	WATCH(unaligned_write##size, size, write)
WATCH_SIZE(1)
WATCH_SIZE(2)
WATCH_SIZE(4)
WATCH_SIZE(8)
WATCH_SIZE(16)
WATCH_UNALIGNED(2)
WATCH_UNALIGNED(4)
WATCH_UNALIGNED(8)
WATCH_UNALIGNED(16)
#define WATCH_RANGE(name, what) \
	extern "C" __attribute__((visibility("hidden"))) void __tsan_##name##_range(void *at, size_t n) { \
		emu::Place &p = emu::place(); \
		uint64_t off = (uint64_t)at - p.memory; \
		if (off < p.extent && n) emu::what(p, off, n); \
	}
WATCH_RANGE(read, read)
WATCH_RANGE(write, write)
extern "C" __attribute__((visibility("hidden"))) void __tsan_init() {}
extern "C" __attribute__((visibility("hidden"))) void __tsan_func_entry(void *) {}
extern "C" __attribute__((visibility("hidden"))) void __tsan_func_exit() {}
