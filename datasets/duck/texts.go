package duck

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"unicode/utf8"
	"unsafe"
)

// arenaBlock is what texts are gathered in.
const arenaBlock = 1 << 20

const (
	inlined = 12        // bytes that a String has in place
	longest = 1<<32 - 1 // bytes of the longest text
)

// inPlace makes a String of text, but for the pointer where it does not fit in
// place.
func inPlace(text []byte) (s String, all bool) {
	s.length = uint32(len(text))
	if copy(s.prefix[:], text); len(text) > inlined {
		return s, false
	}
	if len(text) > len(s.prefix) {
		copy(s.rest[:], text[len(s.prefix):])
	}
	return s, true
}

// textArena keeps copies of the texts of a chunk that DuckDB reads: those longer
// than what a String has in place. DuckDB's memory points at them, so they are
// pinned.
type textArena struct {
	blocks [][]byte // all but the last are full
	spare  []byte   // a block for the next chunk
	pinner runtime.Pinner
}

// put makes a String of text, which must be UTF-8, and returns how many bytes were
// copied for it. It is valid until release.
func (a *textArena) put(text []byte) (s String, long int, err error) {
	switch {
	case !utf8.Valid(text):
		return s, 0, fmt.Errorf("%.60q is not valid UTF-8", text)
	case uint64(len(text)) > longest:
		return s, 0, fmt.Errorf("a text of %d bytes, above 4 GiB", len(text))
	}
	s, all := inPlace(text)
	if all {
		return s, 0, nil
	}
	// As a number: a pointer store would have the garbage collector look at the
	// old content of DuckDB's memory.
	binary.NativeEndian.PutUint64(s.rest[:], uint64(uintptr(unsafe.Pointer(a.keep(text)))))
	return s, len(text), nil
}

// keep copies text to pinned memory.
func (a *textArena) keep(text []byte) *byte {
	n := len(a.blocks) - 1
	if n < 0 || cap(a.blocks[n])-len(a.blocks[n]) < len(text) {
		block := a.spare
		a.spare = nil
		if cap(block) < len(text) {
			block = make([]byte, 0, max(arenaBlock, len(text)))
		}
		a.pinner.Pin(unsafe.SliceData(block))
		a.blocks = append(a.blocks, block)
		n = len(a.blocks) - 1
	}
	at := len(a.blocks[n])
	a.blocks[n] = append(a.blocks[n], text...)
	return &a.blocks[n][at]
}

// release lets the texts go, but for a block to write the next ones to.
func (a *textArena) release() {
	a.pinner.Unpin()
	for i, block := range a.blocks {
		if cap(block) == arenaBlock {
			a.spare = block[:0]
		}
		a.blocks[i] = nil
	}
	a.blocks = a.blocks[:0]
}
