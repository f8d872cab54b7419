package factorization

import (
	"fmt"

	"debut/kernels"
	"debut/kernels/cpu"
)

// mirror is memory of the host that a device sees: the same, or a copy where the device has its own.
type mirror[T kernels.Element] struct {
	dev    kernels.Device
	buffer kernels.Buffer
	data   []T
	shared bool
}

// newMirror allocates n elements.
func newMirror[T kernels.Element](dev kernels.Device, n int, purpose string) (*mirror[T], error) {
	b, err := dev.Alloc(kernels.DtypeOf[T](), n, purpose)
	if err != nil {
		return nil, fmt.Errorf("factorization: %w", err)
	}
	return mirrored[T](dev, b), nil
}

// mirrored is that of a buffer of a device. What a copy holds is to be got.
func mirrored[T kernels.Element](dev kernels.Device, b kernels.Buffer) *mirror[T] {
	if data := cpu.Slice[T](b); data != nil {
		return &mirror[T]{dev, b, data, true}
	}
	return &mirror[T]{dev, b, make([]T, b.Len()), false}
}

// mirrorOf has a device see what is there.
func mirrorOf[T kernels.Element](dev kernels.Device, data []T, purpose string) (*mirror[T], error) {
	if dev.Info().Kind == "cpu" {
		return &mirror[T]{dev, cpu.Wrap(data), data, true}, nil
	}
	b, err := dev.Alloc(kernels.DtypeOf[T](), len(data), purpose)
	if err != nil {
		return nil, fmt.Errorf("factorization: %w", err)
	}
	m := &mirror[T]{dev, b, data, false}
	return m, m.put()
}

// put has the device see what was written; of no mirror nothing.
func (m *mirror[T]) put() error {
	if m == nil || m.shared {
		return nil
	}
	return kernels.Upload(m.dev, m.buffer, 0, m.data)
}

// get has what the device wrote into elements lo … hi−1 be seen.
func (m *mirror[T]) get(lo, hi int) error {
	if m.shared {
		return nil
	}
	return kernels.Download(m.dev, m.data[lo:hi], m.buffer, lo)
}

// matrix views all of it; no mirror is no matrix.
func (m *mirror[T]) matrix(rows, cols int) kernels.Matrix {
	if m == nil {
		return kernels.Matrix{}
	}
	return kernels.NewMatrix(m.buffer, rows, cols)
}

// release gives the device's memory back.
func (m *mirror[T]) release() {
	if m != nil {
		m.dev.Release(m.buffer)
	}
}
