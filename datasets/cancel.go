package datasets

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

// await returns what compute makes, or the error of ctx as soon as that has
// ended. compute then goes on to its end, unheard: it must change nothing that
// anybody else sees. It is for work on whole columns, such as sorting, that has
// no steps between which it could look up.
func await[T any](ctx context.Context, compute func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan result, 1)
	go func() {
		v, err := compute()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
