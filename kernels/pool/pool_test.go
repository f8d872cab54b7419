package pool

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter counts how often each part ran.
type counter []atomic.Int32

func (c counter) Part(i int) { c[i].Add(1) }

func TestRunDoesEachPartOnce(t *testing.T) {
	for _, threads := range []int{-1, 1, 2, 3, 8} {
		t.Run(fmt.Sprint(threads), func(t *testing.T) {
			p := New(threads)
			defer p.Close()
			for round := range 300 {
				c := make(counter, round%37)
				p.Run(len(c), c)
				for i := range c {
					if n := c[i].Load(); n != 1 {
						t.Fatalf("round %d: part %d of %d ran %d times", round, i, len(c), n)
					}
				}
				if round%100 == 99 {
					time.Sleep(2 * time.Millisecond) // let the workers fall asleep
				}
			}
		})
	}
}

// TestGrainsAndLimits checks that each part is done once, whatever is taken at a time and by how many.
func TestGrainsAndLimits(t *testing.T) {
	p := New(5)
	defer p.Close()
	for _, limit := range []int{5, 3, 1, 0, 2, 9} {
		p.Limit(limit)
		if got, want := p.Sharing(), min(max(limit, 1), 5); got != want {
			t.Fatalf("limit %d: %d share a run, want %d", limit, got, want)
		}
		for _, grain := range []int{-1, 1, 3, 16} {
			for parts := range 40 {
				c := make(counter, parts)
				p.RunGrains(parts, grain, c)
				for i := range c {
					if n := c[i].Load(); n != 1 {
						t.Fatalf("limit %d, %d at a time: part %d of %d ran %d times", limit, grain, i, parts, n)
					}
				}
			}
		}
	}
}

// TestLimitOfOneKeepsToTheCaller checks that the parts of a limited run come one after another.
func TestLimitOfOneKeepsToTheCaller(t *testing.T) {
	p := New(4)
	defer p.Close()
	p.Limit(1)
	o := &ordered{}
	p.Run(1000, o)
	if o.wrong || o.next != 1000 {
		t.Errorf("parts came out of order, or not all of them: %d", o.next)
	}
}

type ordered struct {
	next  int
	wrong bool
}

func (o *ordered) Part(i int) {
	o.wrong = o.wrong || i != o.next
	o.next++
}

// TestRunSeesPlainWrites checks that Run orders memory: what parts write without atomics, the caller reads.
func TestRunSeesPlainWrites(t *testing.T) {
	p := New(4)
	defer p.Close()
	s := &squares{out: make([]int, 100)}
	for round := range 200 {
		s.add = round
		p.Run(len(s.out), s)
		for i, v := range s.out {
			if v != i*i+round {
				t.Fatalf("round %d: part %d left %d", round, i, v)
			}
		}
	}
}

type squares struct {
	add int
	out []int
}

func (s *squares) Part(i int) { s.out[i] = i*i + s.add }

type failing struct {
	at   int
	with any
}

func (f *failing) Part(i int) {
	if i == f.at {
		panic(f.with)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	cause := errors.New("cause")
	for _, threads := range []int{2, 5} {
		p := New(threads)
		for at := range 20 {
			got := func() (v any) {
				defer func() { v = recover() }()
				p.Run(20, &failing{at: at, with: cause})
				return nil
			}()
			err, ok := got.(*Panic)
			if !ok {
				t.Fatalf("panic in part %d: Run panicked with %v", at, got)
			}
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), "failing") {
				t.Fatalf("panic in part %d: %v lacks its cause or its stack", at, err)
			}
			c := make(counter, 9)
			p.Run(len(c), c) // the pool is as good as before
			for i := range c {
				if c[i].Load() != 1 {
					t.Fatalf("after a panic, part %d ran %d times", i, c[i].Load())
				}
			}
		}
		p.Close()
	}
}

func TestClose(t *testing.T) {
	p := New(3)
	c := make(counter, 10)
	p.Run(len(c), c)
	p.Close()
	p.Close()
	p.Run(len(c), c)
	for i := range c {
		if c[i].Load() != 2 {
			t.Fatalf("part %d ran %d times", i, c[i].Load())
		}
	}
}

func TestMoreThreadsThanProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := New(4)
	defer p.Close()
	for range 100 {
		c := make(counter, 10)
		p.Run(len(c), c)
		for i := range c {
			if c[i].Load() != 1 {
				t.Fatalf("part %d ran %d times", i, c[i].Load())
			}
		}
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	p := New(2)
	defer p.Close()
	s := &squares{out: make([]int, 16)}
	if n := testing.AllocsPerRun(100, func() { p.Run(len(s.out), s) }); n != 0 {
		t.Errorf("Run allocates %v times", n)
	}
}

// BenchmarkRunAfterPause is a run after as long a pause as that between two steps.
func BenchmarkRunAfterPause(b *testing.B) {
	p := New(2)
	defer p.Close()
	s := &squares{out: make([]int, 8)}
	for b.Loop() {
		for start := time.Now(); time.Since(start) < 50*time.Microsecond; {
			continue
		}
		p.Run(len(s.out), s)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := New(threads)
			defer p.Close()
			s := &squares{out: make([]int, 8)}
			b.ReportAllocs()
			for b.Loop() {
				p.Run(len(s.out), s)
			}
		})
	}
}
