package peak

import (
	"runtime"
	"sync/atomic"
	"time"
)

// Yardstick is fixed work that tells how fast the machine is just now, so that speeds measured at different times can be
// compared. It is work as kernels have it: every thread does its part, and all wait for the last, so that it suffers from
// a busy processor as they do. How soon threads see each other's words is measured by itself: on a virtual machine it
// changes severalfold with the cores that its processors happen to be on, and with it all work of short kernels.
//
// Nothing that it runs belongs to what is measured by it: a slower kernel or pool does not slow the yardstick.
type Yardstick struct {
	loop     func() float64
	threads  int
	src, dst [][]byte
}

// YardstickVersion names the work. Figures of different versions are not comparable; raise it with any change here or to the
// loops.
const YardstickVersion = 1

const (
	yardstickPieces  = 16 // between two waits …
	yardstickLoops   = 16 // … every thread does so many loops
	yardstickAnswers = time.Millisecond
	yardstickBytes   = 16 << 20 // copied at a time by all threads together: of the order of a cache that a host shares
)

// NewYardstick makes the yardstick of an instruction level, as [FLOPs] has it, and a number of threads.
func NewYardstick(level string, threads int) *Yardstick {
	y := &Yardstick{loop: loopOf(level), threads: max(threads, 1)}
	y.src, y.dst = make([][]byte, y.threads), make([][]byte, y.threads)
	each(y.threads, func(i int) { // each thread touches its own memory first
		y.src[i], y.dst[i] = make([]byte, yardstickBytes/y.threads), make([]byte, yardstickBytes/y.threads)
		for j := range y.src[i] {
			y.src[i][j] = byte(j)
		}
		copy(y.dst[i], y.src[i])
	})
	return y
}

// Speeds are what a yardstick shows: how often a second the machine does the fixed computation and the fixed copy, and two
// threads answer each other. With one thread there are no answers, and a 0.
type Speeds struct{ Compute, Memory, Answers float64 }

// Measure takes a few milliseconds.
func (y *Yardstick) Measure() (s Speeds) {
	s.Compute = rate(func() {
		for range yardstickPieces {
			each(y.threads, func(int) {
				for range yardstickLoops {
					y.loop()
				}
			})
		}
	})
	s.Memory = rate(func() { each(y.threads, func(i int) { copy(y.dst[i], y.src[i]) }) })
	if y.threads > 1 {
		s.Answers = answers(yardstickAnswers)
	}
	return s
}

// answers is how often a second two goroutines answer each other while both have a processor: the best of short batches, within
// a time or until there has been one.
func answers(d time.Duration) (perSecond float64) {
	const batch = 16
	var word atomic.Int64 // even: the first's turn, odd: the second's, negative: the end
	each(2, func(i int) {
		start := time.Now()
		last := start
		for n, spins := 1, 1; ; spins++ {
			switch w := word.Load(); {
			case w < 0:
				return
			case w&1 == int64(i):
				if i == 0 && n%batch == 0 {
					now := time.Now()
					perSecond = max(perSecond, batch/max(now.Sub(last), time.Nanosecond).Seconds())
					if last = now; now.Sub(start) >= d {
						word.Store(-1)
						return
					}
				}
				n++
				word.Store(w + 1)
			case spins%1024 == 0:
				runtime.Gosched() // the other may not have a processor yet
			}
		}
	})
	return perSecond
}

// rate is how often a second.
func rate(work func()) float64 {
	start := time.Now()
	work()
	// A clock too coarse to see the work must not make its speed infinite.
	return 1 / max(time.Since(start), time.Nanosecond).Seconds()
}
