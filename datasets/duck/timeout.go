package duck

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TimeoutError is that a statement took longer than Options.Timeout allows.
type TimeoutError struct{ Limit time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("SQL took longer than %s, the most that timeout: (on the command line --timeout) lets a statement take, one that reads the files for it too; let it select and join less, or give it more time", e.Limit)
}

var errTimeout = errors.New("duckdb: the statement takes too long")

// timed calls f, which runs a statement, with a context that ends after the time that a statement may take. What visit
// takes, which gets rows of the statement, does not count.
func (d *DB) timed(ctx context.Context, visit func(*Chunk) error, f func(ctx context.Context, visit func(*Chunk) error) error) error {
	if d.timeout <= 0 {
		return f(ctx, visit)
	}
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	left, since := d.timeout, time.Now()
	timer := time.AfterFunc(left, func() { cancel(errTimeout) })
	defer timer.Stop()
	counted := visit
	if visit != nil {
		counted = func(c *Chunk) error {
			if timer.Stop() {
				left -= time.Since(since)
				defer func() {
					since = time.Now()
					timer.Reset(max(left, 0))
				}()
			}
			return visit(c)
		}
	}
	err := f(limited, counted)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errTimeout) {
		return &TimeoutError{d.timeout}
	}
	return err
}
