package duck

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A statement that would not end ends in time, whatever is read of it; what is done with its rows takes as long as it takes.
func TestTimeout(t *testing.T) {
	const limit = 200 * time.Millisecond
	db, err := Open(Options{Timeout: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	const endless = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range % 7 = 9"
	rows := func(*Chunk) error { return nil }
	var late *TimeoutError
	if err := db.Query(ctx, endless, rows); !errors.As(err, &late) || late.Limit != limit {
		t.Errorf("Query: %v", err)
	}
	if err := db.Stream(ctx, "SELECT * FROM range(1000000000) a, range(1000000000) b", rows); !errors.As(err, &late) {
		t.Errorf("Stream: %v", err)
	}
	seen := 0
	if err := db.Stream(ctx, "SELECT * FROM range(5000)", func(c *Chunk) error {
		if seen == 0 {
			time.Sleep(2 * limit)
		}
		seen += c.Rows
		return nil
	}); err != nil || seen != 5000 {
		t.Errorf("%d rows, %v", seen, err)
	}
	wrong := errors.New("wrong")
	if err := db.Query(ctx, "SELECT 1", func(*Chunk) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("error of a visitor: %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Query(canceled, endless, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := db.Describe(ctx, "SELECT 1 AS a"); err != nil {
		t.Error(err)
	}
}
