// Races between the blocks of a grid. On a GPU blocks run side by side and in no order, so none may read what another one writes,
// and two may write the same word only if they write the same. Kernels whose every access is watched have each word of the
// device's memory remember who wrote it and who read it in this launch.
#ifndef EMULATOR_RACES_H
#define EMULATOR_RACES_H

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

namespace emu {

// Notes are two numbers of blocks for each word of a range of memory: the writer, and the reader. Blocks are numbered through
// all launches, so that notes of earlier ones need not be cleared; pages without notes take no memory.
class Notes {
public:
	~Notes();
	// cover has notes for memory from base on: false where there are no addresses for that.
	bool cover(uint64_t base, uint64_t size);
	// forget clears the notes of a range that is used no more.
	void forget(uint64_t p, size_t n);
	// launch returns the number of the first of so many blocks.
	uint32_t launch(uint64_t blocks);

	uint64_t base = 0, size = 0;
	uint32_t *words = nullptr;

private:
	uint32_t next = 1;
};

// Doubt is a word that two blocks had to do with. Whether it matters shows in what the second one leaves there.
struct Doubt {
	uint64_t at;
	uint32_t before, other; // the word's content before the second block wrote, and the number of the first one
	bool wrote;             // the first one, or else it read
};

// doubts are those of the block that runs on this thread.
std::vector<Doubt> &doubts();

// settle returns what is wrong with the words in doubt, or "", and forgets them. blocks is the number of those in the grid.
std::string settle(const uint32_t grid[3], uint32_t first);

// clash is called by a watched kernel that reads what another block wrote. It does not return.
[[noreturn]] void clash(std::string text);

// block_name spells the number of a block.
std::string block_name(uint32_t number, const uint32_t grid[3], uint32_t first);

} // namespace emu

#endif
