// What the driver reads of PTX: the kernels' names and parameters, not their instructions.
#ifndef EMULATOR_PTX_H
#define EMULATOR_PTX_H

#include <stddef.h>

#include <string>
#include <vector>

namespace emu {

struct Entry {
	std::string name;
	std::vector<size_t> params; // sizes in bytes
	size_t shared = 0;          // static shared memory in bytes
	unsigned max_threads = 1024;
};

struct Ptx {
	int major = 0, minor = 0; // of the language
	int target = 0;           // compute capability, 70 for 7.0
	std::vector<Entry> entries;
};

// read_ptx returns why the text is none, or "".
std::string read_ptx(const std::string &text, Ptx &out);

} // namespace emu

#endif
