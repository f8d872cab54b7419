package memoryguard

import (
	"context"
	"strings"
	"testing"
)

func TestError(t *testing.T) {
	for _, c := range []struct {
		err  Error
		want string
	}{
		{Error{Limit: 200 << 20, Need: 410 << 20, What: "reading big.csv"}, "reading big.csv takes about 410 MiB, and the control group of the process allows 200 MiB"},
		{Error{Limit: 200 << 20, Need: 100 << 20, What: "reading big.csv"}, "reading big.csv takes about 300 MiB"},
		{Error{Limit: 200 << 20}, "this takes about 300 MiB"},
	} {
		if got := c.err.Error(); !strings.Contains(got, c.want) {
			t.Errorf("%q does not say %q", got, c.want)
		}
	}
}

// What is not watched can be told of all the same.
func TestUnwatched(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	Expect(ctx, "reading", 1<<60)
	GiveUp(ctx)
	if Watched(ctx) || ctx.Err() != nil {
		t.Errorf("watched: %v, %v", Watched(ctx), ctx.Err())
	}
}
