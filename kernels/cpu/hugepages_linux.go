package cpu

import (
	"math"
	"runtime"
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

// mapped is the size from which a buffer is outside of Go's heap: a table of gigabytes would have the collector wait for as much
// garbage before it looks.
const mapped = 32 * hugePage

// mapRegion maps zeroed memory of a size, which begins at a huge page and is backed by them where there are any. What was never written
// takes none. It returns nil where the system has none, and is unmapped when nobody refers to the region any more.
func mapRegion(size int) *region {
	if size > math.MaxInt-hugePage {
		return nil
	}
	all, err := syscall.Mmap(-1, 0, size+hugePage, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	skip := (hugePage - int(uintptr(unsafe.Pointer(&all[0]))%hugePage)) % hugePage
	adviseHuge(unsafe.Pointer(&all[skip]), size)
	r := &region{bytes: all[skip : skip+size : skip+size]}
	runtime.AddCleanup(r, func(all []byte) { _ = syscall.Munmap(all) }, all)
	return r
}
