// Package ahead does work in the background for somebody who may lose interest: the next elements of a sequence while a consumer is
// busy with one, so that stages work at the same time ([Of]), and work that cannot be interrupted ([Await]).
package ahead

import (
	"context"
	"iter"
)

type element[V any] struct {
	value V
	err   error
}

// Of hands out what the sequence of from does, errors too, in its order, and makes up to n elements, at least one, before they
// are asked for. Elements must stay as they are while later ones are made.
//
// The sequence runs in a goroutine of its own, with a context that ends with ctx, and also when the consumer breaks off. The
// goroutine has ended when the iteration has.
func Of[V any](ctx context.Context, n int, from func(context.Context) iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		// The goroutine holds one element more than the channel.
		made, enough := make(chan element[V], max(n, 1)-1), make(chan struct{})
		defer func() {
			close(enough)
			cancel()
			for range made { // until the goroutine closes it
			}
		}()
		go func() {
			defer close(made)
			for v, err := range from(ctx) {
				// Not ctx: a consumer that still listens is told how the sequence ends.
				select {
				case made <- element[V]{v, err}:
				case <-enough:
					return
				}
			}
		}()
		for e := range made {
			if !yield(e.value, e.err) {
				return
			}
		}
	}
}
