package table

import (
	"context"
	"sync/atomic"
	"testing"
)

// countdown is a context that ends when it has been asked so often whether it
// has: in the middle of the work, however fast that is.
type countdown struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelFunc
}

func endsAfter(t *testing.T, questions int) *countdown {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c := &countdown{Context: ctx, cancel: cancel}
	c.left.Store(int64(questions))
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) == 0 {
		c.cancel()
	}
	return c.Context.Err()
}
