package duck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var sourceColumns = []ColumnDef{{"i", BigInt}, {"d", Double}, {"f", Float}, {"n", Integer}, {"b", Boolean}, {"s", Varchar}}

// feed makes rows of sourceColumns, and the texts that a query makes of them.
func feed(rows, atOnce int) (next func(*Rows) error, want *[]string) {
	at := 0
	want = new([]string)
	return func(r *Rows) error {
		r.Len = min(rows-at, atOnce, r.Most)
		var texts []string
		for k := range r.Len {
			i := at + k
			Fill[int64](r, 0)[k], Fill[float64](r, 1)[k], Fill[float32](r, 2)[k], Fill[int32](r, 3)[k] = int64(i), float64(i)+0.5, float32(i)+0.25, int32(-i)
			Fill[bool](r, 4)[k] = i%3 == 0
			texts = append(texts, strings.Repeat("ä", i%20))
			cell := texts[k]
			if cell == "" {
				cell = "∅"
			}
			*want = append(*want, fmt.Sprintf("%d|%v.5|%v.25|%d|%t|%s", i, i, i, -i, i%3 == 0, cell))
		}
		at += r.Len
		return r.Texts(5, texts)
	}, want
}

// Rows of every type come in order, in chunks of any size, and again from a source that begins anew.
func TestSource(t *testing.T) {
	for _, atOnce := range []int{1 << 20, 700, 1} {
		db := open(t)
		var next func(*Rows) error
		if err := db.AddSource("rows", sourceColumns, func(r *Rows) error { return next(r) }); err != nil {
			t.Fatal(err)
		}
		for _, rows := range []int{0, 1, 5000} {
			var want *[]string
			next, want = feed(rows, atOnce)
			if got := texts(t, db, "SELECT * FROM rows()"); !slices.Equal(got, *want) || len(got) != rows {
				t.Errorf("%d rows, %d at once: %d came back: %.200q", rows, atOnce, len(got), got)
			}
		}
	}
}

func TestSourceErrors(t *testing.T) {
	db := open(t)
	for name, c := range map[string]struct {
		next func(*Rows) error
		want string
	}{
		"own":      {func(*Rows) error { return errors.New("out of paper") }, "out of paper"},
		"utf8":     {func(r *Rows) error { r.Len = 1; return r.Texts(5, []string{"a\xff"}) }, "not valid UTF-8"},
		"too many": {func(r *Rows) error { r.Len = r.Most + 1; return nil }, "rows in a chunk"},
		"negative": {func(r *Rows) error { r.Len = -1; return nil }, "rows in a chunk"},
	} {
		if err := db.AddSource(strings.ReplaceAll(name, " ", "_"), sourceColumns, c.next); err != nil {
			t.Fatal(err)
		}
		err := db.Query(t.Context(), "SELECT * FROM "+strings.ReplaceAll(name, " ", "_")+"()", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if err := db.AddSource("lists", []ColumnDef{{"l", FloatList}}, nil); err == nil {
		t.Error("lists: no error")
	}
	// A statement that is interrupted between two chunks.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	chunks := 0
	err := db.AddSource("endless", sourceColumns, func(r *Rows) error {
		if chunks++; chunks == 3 {
			cancel()
		}
		r.Len = r.Most
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Query(ctx, "SELECT count(*) FROM endless()", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: error %v", err)
	}
}
