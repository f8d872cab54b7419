package cpu

import (
	"syscall"
	"unsafe"
)

// hugePage is the size of a huge page on the machines that have them at this level, amd64 and arm64.
const hugePage = 2 << 20

// hugeBuffer is the size from which a buffer is worth huge pages. Rows of a table of this size are looked up at random, and
// with pages of 4 KiB each of them would miss the translation cache; the tables of a program are few, so that the regions into which
// the advice cuts the address space are, too.
const hugeBuffer = 4 * hugePage

// adviseHuge asks the kernel to back the whole huge pages within a piece of memory with huge pages. It is advice: where it cannot be
// followed nothing changes but speed. The memory stays Go's own.
func adviseHuge(p unsafe.Pointer, bytes int) {
	skip := (hugePage - int(uintptr(p)%hugePage)) % hugePage
	n := (bytes - skip) / hugePage * hugePage
	if n <= 0 {
		return
	}
	const madvHugepage = 14
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(p, skip)), n), madvHugepage) // not supported: as before
}
