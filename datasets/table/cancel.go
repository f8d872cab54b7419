package table

import (
	"context"
	"io"
)

// interruptible is a reader whose reads fail once its context has ended.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (r *interruptible) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(b)
}
