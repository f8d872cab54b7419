package ahead_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"

	"debut/datasets/ahead"
)

// counting counts up to end, then fails with err where there is one. It notes how far it came, and whether it has ended.
type counting struct {
	end   int
	err   error
	made  int
	ended bool
	ctx   context.Context
}

func (c *counting) from(ctx context.Context) iter.Seq2[int, error] {
	c.ctx = ctx
	return func(yield func(int, error) bool) {
		defer func() { c.ended = true }()
		for i := range c.end {
			c.made++
			if !yield(i, nil) {
				return
			}
		}
		if c.err != nil {
			yield(0, c.err)
		}
	}
}

var errBroken = errors.New("broken")

// Elements come in order, and an error behind those before it.
func TestOrder(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		c := &counting{end: 50, err: errBroken}
		var got []int
		var last error
		for v, err := range ahead.Of(t.Context(), n, c.from) {
			if last != nil {
				t.Fatalf("%d ahead: %d after an error", n, v)
			}
			if last = err; err == nil {
				got = append(got, v)
			}
		}
		if !errors.Is(last, errBroken) || !c.ended || len(got) != 50 || !slices.IsSorted(got) {
			t.Errorf("%d ahead: %v, error %v", n, got, last)
		}
	}
}

// As many elements are made ahead as were asked for, and no more.
func TestAhead(t *testing.T) {
	for _, n := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			c := &counting{end: 50}
			for v, err := range ahead.Of(t.Context(), n, c.from) {
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if want := min(v+1+n, 50); c.made != want {
					t.Fatalf("%d ahead: %d made when %d is looked at, want %d", n, c.made, v, want)
				}
			}
		})
	}
}

// A consumer that breaks off ends the sequence and its context, and waits for both. synctest fails where a goroutine stays.
func TestBreak(t *testing.T) {
	for _, n := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			c := &counting{end: 50}
			for v, err := range ahead.Of(t.Context(), n, c.from) {
				if v == 7 || err != nil {
					break
				}
			}
			if !c.ended || c.ctx.Err() == nil {
				t.Errorf("%d ahead: ended %t, context %v", n, c.ended, c.ctx.Err())
			}
		})
	}
}

// A sequence that waits is woken when the consumer breaks off, and when its context ends; then its error arrives.
func TestWaiting(t *testing.T) {
	waits := func(ctx context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			if yield(1, nil) {
				<-ctx.Done()
				yield(0, ctx.Err())
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for _, err := range ahead.Of(t.Context(), 1, waits) {
			if err != nil {
				t.Error(err)
			}
			synctest.Wait()
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range ahead.Of(ctx, 1, waits) {
			synctest.Wait()
			cancel()
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("error %v", last)
		}
	})
}

// A consumer that panics leaves nothing behind either.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{end: 50}
		func() {
			defer func() { _ = recover() }()
			for _, err := range ahead.Of(t.Context(), 2, c.from) {
				panic(err)
			}
		}()
		if !c.ended {
			t.Error("the sequence goes on")
		}
	})
}

// Await gives what was made, or up as soon as the context ends, also before anything has begun.
func TestAwait(t *testing.T) {
	if v, err := ahead.Await(t.Context(), func() (int, error) { return 7, errBroken }); v != 7 || !errors.Is(err, errBroken) {
		t.Errorf("%d, %v", v, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		end, ended := make(chan struct{}), false
		go func() { synctest.Wait(); cancel() }()
		if _, err := ahead.Await(ctx, func() (int, error) { <-end; ended = true; return 7, nil }); !errors.Is(err, context.Canceled) || ended {
			t.Errorf("%v, ended %t", err, ended)
		}
		close(end) // what nobody awaits ends too
		if _, err := ahead.Await(ctx, func() (int, error) { t.Error("begun"); return 7, nil }); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
