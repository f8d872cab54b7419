//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

/*
#include "queue.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"debut/kernels"
)

// Uploads are gathered: a step feeds a batch, its row count, rates and counters, which are many small pieces. They are put one
// after another into page-locked memory and go to the GPU in one copy, before the next thing that is queued, where one kernel puts
// them in their places. The copy runs beside the step before: it is queued on a stream of its own.
const (
	segmentSize = 4 << 20 // bytes of a segment
	maxPieces   = 60      // pieces that the kernel's argument has room for
	unpackRow   = 64      // blocks of threads to a piece
)

// staging is the gathering.
type staging struct {
	segment int // being filled
	opened  int // segments that have memory
	used    int // bytes of it
	args    unpackArgs
}

// piece is where words of a segment belong.
type piece struct {
	dst   uint64
	at    int32 // in words
	words int32
}

// unpackArgs mirrors UnpackArgs.
type unpackArgs struct {
	head
	staging uint64
	count   int64
	pieces  [maxPieces]piece
}

// Upload copies host bytes to elements off… of dst; src may be reused on return. The GPU has them before whatever is queued next.
func (d *Device) Upload(dst kernels.Buffer, off int, src []byte) error {
	b, err := d.part("upload", dst, off, len(src))
	if err != nil {
		return err
	}
	at := b.address(off)
	for len(src) > 0 {
		n := min(len(src), segmentSize)
		if err := d.stage(at, src[:n]); err != nil {
			return err
		}
		src = src[n:]
		at += uint64(n)
	}
	return nil
}

// stage adds a piece to the segment. One for the place of an earlier piece replaces that. The segment is sent first if there is no room,
// or if the piece overlaps another in any other way.
func (d *Device) stage(at uint64, src []byte) error {
	s := &d.staging
	if len(src) == 0 {
		return nil
	}
	same, apart := s.find(at, len(src))
	if same != nil {
		copy(d.staged()[4*same.at:], src)
		return nil
	}
	if !apart || s.args.count == maxPieces || s.used+len(src) > segmentSize {
		if err := d.flush(); err != nil {
			return err
		}
	}
	if s.args.count == 0 { // a new segment
		if s.segment == s.opened {
			if err := d.openSegment(s.segment); err != nil {
				return err
			}
		}
		if err := d.check("waiting for an upload", C.queue_segment_wait(d.queue, C.int(s.segment))); err != nil {
			return err
		}
	}
	copy(d.staged()[s.used:], src)
	s.args.pieces[s.args.count] = piece{dst: at, at: int32(s.used / 4), words: int32(len(src) / 4)}
	s.args.count++
	s.used += (len(src) + 15) &^ 15 // so that pieces can be moved 16 bytes at a time
	return nil
}

// find returns the piece that is for n bytes from an address on, if there is one. Otherwise apart says that no piece is for any of them.
func (s *staging) find(at uint64, n int) (same *piece, apart bool) {
	end := at + uint64(n)
	for i := range s.args.pieces[:s.args.count] {
		p := &s.args.pieces[i]
		switch stop := p.dst + 4*uint64(p.words); {
		case p.dst == at && stop == end: // no other overlaps it
			return p, false
		case p.dst < end && at < stop:
			return nil, false
		}
	}
	return nil, true
}

// staged is the host's half of the segment that is being filled.
func (d *Device) staged() []byte {
	return unsafe.Slice((*byte)(d.queue.segments[d.staging.segment].host), segmentSize)
}

// openSegment makes the memory of a segment. There are none until they are needed.
func (d *Device) openSegment(i int) error {
	if err := d.check("page-locked memory for uploads", C.queue_segment_open(d.queue, C.int(i), segmentSize)); err != nil {
		return err
	}
	d.staging.opened++
	d.memory.used["staging"] += segmentSize
	return nil
}

// flush sends what has been gathered.
func (d *Device) flush() error {
	if err := d.usable(); err != nil {
		return err
	}
	s := &d.staging
	if s.args.count == 0 {
		return nil
	}
	s.args.head = d.head()
	s.args.staging = uint64(d.queue.segments[s.segment].device)
	widest := int32(0)
	for _, p := range s.args.pieces[:s.args.count] {
		widest = max(widest, p.words)
	}
	r := C.queue_flush(d.queue, C.int(s.segment), C.size_t(min(s.used, segmentSize)), unsafe.Pointer(&s.args),
		C.uint(min(unpackRow, blocks(int(widest), 1024))), C.uint(s.args.count))
	s.args.count, s.used = 0, 0
	s.segment = (s.segment + 1) % C.QUEUE_SEGMENTS
	return d.check("uploading", r)
}

// Download copies elements off… of src to host memory, after all queued work.
func (d *Device) Download(dst []byte, src kernels.Buffer, off int) error {
	b, err := d.part("download", src, off, len(dst))
	if err != nil {
		return err
	}
	if err := d.flush(); err != nil {
		return err
	}
	if len(dst) == 0 {
		return nil
	}
	return d.check("downloading", C.queue_download(d.queue, unsafe.Pointer(&dst[0]), C.CUdeviceptr(b.address(off)), C.size_t(len(dst))))
}

// part checks a range of a buffer's elements.
func (d *Device) part(what string, kb kernels.Buffer, off, bytes int) (*buffer, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	b, err := d.own(kb)
	if err != nil {
		return nil, fmt.Errorf("cuda: %s: %w", what, err)
	}
	if off < 0 || off > b.n || bytes%4 != 0 || bytes/4 > b.n-off {
		return nil, fmt.Errorf("cuda: %s of %d bytes at element %d of a buffer of %d %v: %w", what, bytes, off, b.n, b.dtype, kernels.ErrShape)
	}
	return b, nil
}

// own returns a buffer as the device's own, or ErrForeign.
func (d *Device) own(kb kernels.Buffer) (*buffer, error) {
	b, ok := kb.(*buffer)
	if !ok || b.dev != d {
		return nil, kernels.ErrForeign
	}
	if b.released {
		return nil, fmt.Errorf("the buffer was released: %w", kernels.ErrForeign)
	}
	return b, nil
}

// zero clears a buffer, after what is queued.
func (d *Device) zero(b *buffer) error {
	if err := d.flush(); err != nil {
		return err
	}
	return d.check("zeroing memory", C.queue_zero(d.queue, C.CUdeviceptr(b.address(0)), C.size_t(4*b.n)))
}
