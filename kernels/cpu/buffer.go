package cpu

import (
	"fmt"
	"unsafe"

	"debut/kernels"
)

// buffer is memory of the device, or a wrapped slice (dev nil), which serves any device.
type buffer[T kernels.Element] struct {
	data     []T
	region   *region // that data is in, nil: in Go's heap
	dev      *Device
	purpose  string
	released bool
}

// region is memory outside of Go's heap. Whoever has a slice of it keeps the region, too.
type region struct{ bytes []byte }

func (b *buffer[T]) Dtype() kernels.Dtype { return kernels.DtypeOf[T]() }
func (b *buffer[T]) Len() int             { return len(b.data) }

// host is what buffers of all element types have in common.
type host interface {
	kernels.Buffer
	bytes() []byte
	owner() *Device
	live() bool
	release() (purpose string)
}

func (b *buffer[T]) bytes() []byte  { return kernels.Bytes(b.data) }
func (b *buffer[T]) owner() *Device { return b.dev }
func (b *buffer[T]) live() bool     { return !b.released }

func (b *buffer[T]) release() string {
	b.data, b.region, b.released = nil, nil, true
	return b.purpose
}

// Wrap views a slice as a buffer, without copying. Kernels of any Device of this package can be bound to it.
func Wrap[T kernels.Element](s []T) kernels.Buffer { return &buffer[T]{data: s} }

// Slice returns the memory of a buffer of this package, without copying, and nil for any other buffer or where T is
// not its type. It is there as long as the buffer is referred to and was not released.
func Slice[T kernels.Element](b kernels.Buffer) []T {
	if h, ok := b.(*buffer[T]); ok {
		return h.data
	}
	return nil
}

// Alloc returns a zeroed buffer of n elements.
func (d *Device) Alloc(dt kernels.Dtype, n int, purpose string) (kernels.Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if n < 0 || dt.Size() == 0 {
		return nil, fmt.Errorf("cpu: buffer of %d elements of %v for %s: %w", n, dt, purpose, kernels.ErrShape)
	}
	if err := d.fits(n, dt.Size()); err != nil {
		return nil, fmt.Errorf("buffer for %s: %w", purpose, err)
	}
	d.memory[purpose] += int64(n) * int64(dt.Size())
	switch dt {
	case kernels.Float32:
		return alloc[float32](d, n, purpose), nil
	case kernels.Float64:
		return alloc[float64](d, n, purpose), nil
	case kernels.Int32:
		return alloc[int32](d, n, purpose), nil
	default:
		return alloc[uint32](d, n, purpose), nil
	}
}

func alloc[T kernels.Element](d *Device, n int, purpose string) kernels.Buffer {
	b := &buffer[T]{dev: d, purpose: purpose}
	if size := int(unsafe.Sizeof(*new(T))); n >= mapped/size {
		b.region = mapRegion(n * size)
	}
	if b.region != nil {
		b.data = unsafe.Slice((*T)(unsafe.Pointer(&b.region.bytes[0])), n)
	} else {
		b.data = aligned[T](n)
	}
	return b
}

// Release gives a buffer back; buffers of other devices, wrapped slices and buffers released before are left alone.
func (d *Device) Release(b kernels.Buffer) {
	h, ok := b.(host)
	if !ok || h.owner() != d || !h.live() {
		return
	}
	bytes := int64(len(h.bytes()))
	purpose := h.release()
	if d.memory[purpose] -= bytes; d.memory[purpose] <= 0 {
		delete(d.memory, purpose)
	}
}

// Upload copies host bytes to elements off… of dst.
func (d *Device) Upload(dst kernels.Buffer, off int, src []byte) error {
	part, err := d.part("upload", dst, off, len(src))
	if err != nil {
		return err
	}
	copy(part, src)
	return nil
}

// Download copies elements off… of src to host memory.
func (d *Device) Download(dst []byte, src kernels.Buffer, off int) error {
	part, err := d.part("download", src, off, len(dst))
	if err != nil {
		return err
	}
	copy(dst, part)
	return nil
}

// part returns the bytes of a buffer's elements off… .
func (d *Device) part(what string, b kernels.Buffer, off, bytes int) ([]byte, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	h, err := d.own(b)
	if err != nil {
		return nil, fmt.Errorf("cpu: %s: %w", what, err)
	}
	size := b.Dtype().Size()
	if off < 0 || off > b.Len() || bytes%size != 0 || bytes/size > b.Len()-off {
		return nil, fmt.Errorf("cpu: %s of %d bytes at element %d of a buffer of %d %v: %w", what, bytes, off, b.Len(), b.Dtype(), kernels.ErrShape)
	}
	return h.bytes()[off*size : off*size+bytes], nil
}

// own returns a buffer as the device's own, or ErrForeign.
func (d *Device) own(b kernels.Buffer) (host, error) {
	h, ok := b.(host)
	if !ok || h.owner() != nil && h.owner() != d {
		return nil, fmt.Errorf("a %T: %w", b, kernels.ErrForeign)
	}
	if !h.live() {
		return nil, fmt.Errorf("the buffer was released: %w", kernels.ErrShape)
	}
	return h, nil
}

// rowCount is the number of valid rows of a batch.
type rowCount struct {
	dev    *Device
	n, max int
}

// NewRowCount returns a row count of at most limit, at first limit.
func (d *Device) NewRowCount(limit int) (kernels.RowCount, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if limit < 0 {
		return nil, fmt.Errorf("cpu: row count of at most %d: %w", limit, kernels.ErrShape)
	}
	return &rowCount{dev: d, n: limit, max: limit}, nil
}

func (c *rowCount) Set(n int) error {
	if n < 0 || n > c.max {
		return fmt.Errorf("cpu: %d valid rows in a batch of at most %d: %w", n, c.max, kernels.ErrShape)
	}
	c.n = n
	return nil
}

func (c *rowCount) Get() (int, error) { return c.n, nil }
func (c *rowCount) Max() int          { return c.max }
