//go:build gpu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"fmt"

	"debut/kernels"
)

// rowCount is a number in the GPU's memory. The host knows what it has set itself, and asks the GPU for what kernels write.
type rowCount struct {
	dev   *Device
	buf   *buffer
	limit int
	n     int // what was set, at first the limit
	thaws int // of the device, when it was set
	set   bool
}

// NewRowCount returns a row count of at most limit, at first limit.
func (d *Device) NewRowCount(limit int) (kernels.RowCount, error) {
	if limit < 0 || limit > 1<<31-1 {
		return nil, fmt.Errorf("cuda: a row count of at most %d: %w", limit, kernels.ErrShape)
	}
	buf, err := d.alloc(kernels.Uint32, 1, "control")
	if err != nil {
		return nil, err
	}
	c := &rowCount{dev: d, buf: buf, limit: limit}
	if err := c.upload(limit); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *rowCount) upload(n int) error {
	v := [1]uint32{uint32(n)}
	c.n = n
	return kernels.Upload(c.dev, c.buf, 0, v[:])
}

// Set sets the count.
func (c *rowCount) Set(n int) error {
	if n < 0 || n > c.limit {
		return fmt.Errorf("cuda: row count %d is not in 0 … %d: %w", n, c.limit, kernels.ErrShape)
	}
	if err := c.dev.usable(); err != nil {
		return err
	}
	if c.set && c.n == n && c.thaws == c.dev.thaws {
		return nil
	}
	c.set, c.thaws = true, c.dev.thaws
	return c.upload(n)
}

// Get returns the count. Where the host has not set it, it waits for the GPU.
func (c *rowCount) Get() (int, error) {
	if c.set && c.thaws == c.dev.thaws {
		return c.n, c.dev.usable()
	}
	v := [1]uint32{}
	if err := kernels.Download(c.dev, v[:], c.buf, 0); err != nil {
		return 0, err
	}
	if c.set {
		c.n, c.thaws = int(v[0]), c.dev.thaws
	}
	return int(v[0]), nil
}

// Max returns the largest count.
func (c *rowCount) Max() int { return c.limit }

// allFull says whether the host knows that counts are at their maximum.
func allFull(counts []*rowCount) bool {
	for _, c := range counts {
		if !c.set || c.n != c.limit || c.thaws != c.dev.thaws {
			return false
		}
	}
	return true
}
