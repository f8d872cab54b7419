// The device's memory, and the host's that is page-locked.
#ifndef EMULATOR_MEMORY_H
#define EMULATOR_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <string>
#include <vector>

#include "races.h"

namespace emu {

// Memory is a range of addresses out of which pieces are made usable. No address is used twice, and everything between the
// pieces faults when it is touched; what is left of pages has a pattern that check looks for.
class Memory {
public:
	Memory(size_t limit) : limit(limit) {}
	~Memory();

	// take returns memory filled with 0xff – NaNs –, or 0 where the limit does not allow it.
	uint64_t take(size_t n);
	// give takes memory back: false where there is none that begins at p.
	bool give(uint64_t p);
	// has says whether a range lies within one piece.
	bool has(uint64_t p, size_t n) const;
	// check returns which piece was written past its ends, or "".
	std::string check() const;
	// check_all is check for what lies before pieces too, at greater cost.
	std::string check_all() const;
	// clear zeroes a range that it has. Of a large one the pages are only promised.
	void clear(uint64_t p, size_t n);
	void give_all();

	size_t used() const { return taken; }
	// notes returns those of all of the memory, or null where there are none.
	Notes *notes();
	const size_t limit;

private:
	struct Piece {
		uint64_t first, last; // the pages
		size_t n, counted;
	};
	bool reserve();
	std::string look(uint64_t p, const Piece &) const;

	std::map<uint64_t, Piece> pieces; // by address
	std::vector<std::pair<uint64_t, size_t>> ragged; // those that do not fill their pages: address and size
	uint64_t base = 0, next = 0, end = 0;
	size_t taken = 0, page = 0;
	Notes watch;
};

} // namespace emu

#endif
