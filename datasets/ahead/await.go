package ahead

import "context"

// Await returns what compute makes, or the error of ctx as soon as that has ended. compute then goes on to its end, unheard: it
// must change nothing that anybody else sees, and nobody may change what it reads. It is for work that has no steps between which
// it could look up, such as sorting.
func Await[T any](ctx context.Context, compute func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan element[T], 1)
	go func() {
		v, err := compute()
		done <- element[T]{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
