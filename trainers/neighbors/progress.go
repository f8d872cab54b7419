package neighbors

import (
	"context"
	"sync"
	"time"
)

// progressKey is that of a context's progress.
type progressKey struct{}

// WithProgress returns a context with which FitItems and FitUsers tell how many of all rows have been compared, now and then, one call at
// a time, on the goroutines that compare.
func WithProgress(ctx context.Context, tell func(done, rows int)) context.Context {
	return context.WithValue(ctx, progressKey{}, tell)
}

// meter adds up the rows that have been compared.
type meter struct {
	mutex sync.Mutex
	done  int
	rows  int
	tell  func(done, rows int)
}

func newMeter(ctx context.Context, rows int) *meter {
	tell, _ := ctx.Value(progressKey{}).(func(done, rows int))
	return &meter{rows: rows, tell: tell}
}

func (m *meter) add(rows int) {
	if m.tell == nil {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.done += rows
	m.tell(m.done, m.rows)
}

// Of long jobs a few lines tell how far they are.
const (
	quiet = 10 * time.Second // what takes no longer needs none
	lines = 4
)

// progress returns what logs how far the search is.
func (t *training) progress() func(done, rows int) {
	began, told := time.Now(), 0
	return func(done, rows int) {
		spent := time.Since(began)
		if part := done * lines / rows; spent < quiet || part <= told || done == rows {
			return
		}
		told = done * lines / rows
		left := time.Duration(float64(spent) / float64(done) * float64(rows-done))
		t.log.Info("comparing", "done", done, "of", rows, "seconds", int(spent.Seconds()), "left", int(left.Seconds()))
	}
}
