// Package pool runs short parallel tasks on a fixed set of goroutines.
//
// A pool is for work that is cut into parts thousands of times a second: [Pool.Run] neither starts goroutines nor
// allocates, the caller takes its share of the parts, and nobody waits for a worker that is asleep. Each goroutine begins with a
// share of its own, the same in all runs of as many parts, so that what a kernel left in a processor's cache is there for the
// next one; who is done takes of what the others have left. So which goroutine runs which part is left to chance in the end, and a task
// whose result must not depend on the number of threads cuts its parts by its data.
package pool

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Task is work that can be done in parts, in any order and at the same time.
type Task interface {
	// Part does part i. It must not call Run of the pool it runs on.
	Part(i int)
}

// Panic is what Run panics with where a part panicked: the value, and the stack of the goroutine it happened on,
// which may be another than the caller's.
type Panic struct {
	Value any
	Stack []byte
}

// Error describes the panic with its stack.
func (p *Panic) Error() string {
	return fmt.Sprintf("pool: a part panicked: %v\n\n%s", p.Value, p.Stack)
}

// Unwrap returns the panic's value where it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// The state word: a run's number in the upper half, two flags and the number of workers inside the run below.
// Workers enter a run by adding one while it is open, so the caller waits for those that came, not for all.
const (
	numberShift = 32
	open        = uint64(1) << 31 // workers may enter
	waiting     = uint64(1) << 30 // the caller sleeps until the last worker leaves
	inside      = waiting - 1     // mask of the number of workers
)

// How long a goroutine looks for work before it sleeps: some hundred microseconds, the gap between two steps. It makes way for others
// now and then, but not while kernels follow each other: who goes on may do so on another processor, far from what it left in the cache.
const (
	spins      = 1 << 16
	yieldEvery = 1 << 13
)

// line is as much memory as processors pass between them at a time: a cache line and its neighbor, which is fetched ahead.
const line = 128

// Pool is a fixed set of goroutines. Its methods are for one goroutine at a time.
type Pool struct {
	threads int
	limit   int // of those that share a run
	spins   int
	workers []worker
	done    sync.WaitGroup

	shares []share // of the caller and the workers

	_       [line]byte // the word below is written by all, those above and below hardly ever
	state   atomic.Uint64
	_       [line]byte
	task    Task // written between runs only
	parts   int
	grain   int           // parts that a goroutine takes at a time
	sharing int           // how many shares the present run has
	left    chan struct{} // the last worker's word to a sleeping caller
	failed  atomic.Pointer[Panic]
	closed  atomic.Bool
}

// share is the parts that a goroutine begins with.
type share struct {
	next atomic.Int64 // the first that nobody has taken
	end  int64        // written between runs only
	_    [line - 16]byte
}

type worker struct {
	share  int
	asleep atomic.Bool
	wake   chan struct{}
	_      [line - 24]byte
}

// New returns a pool in which the caller of Run and threads−1 goroutines share the work. Fewer than one thread
// counts as one. Close ends the goroutines.
func New(threads int) *Pool {
	threads = max(threads, 1)
	p := &Pool{threads: threads, limit: threads, workers: make([]worker, threads-1), shares: make([]share, threads), left: make(chan struct{}, 1)}
	if runtime.GOMAXPROCS(0) >= threads {
		p.spins = spins // else looking for work would keep a processor from those that have some
	}
	for i := range p.workers {
		w := &p.workers[i]
		w.share, w.wake = i+1, make(chan struct{}, 1)
		p.done.Go(func() { p.work(w) })
	}
	return p
}

// Threads returns how many goroutines share the work, the caller among them.
func (p *Pool) Threads() int { return p.threads }

// Limit has no more than so many goroutines share the work of the runs to come, the caller among them; fewer than one counts as one.
func (p *Pool) Limit(threads int) { p.limit = min(max(threads, 1), p.threads) }

// Sharing returns how many goroutines share the work of a run at present, the caller among them.
func (p *Pool) Sharing() int { return p.limit }

// Run does parts 0 … parts−1 of a task and returns when all are done. One part, or a pool of one thread, runs in the
// caller alone, as does everything after Close.
//
// Where a part panics, parts not yet begun are dropped and Run panics with a [*Panic] once the others have ended.
func (p *Pool) Run(parts int, t Task) { p.RunGrains(parts, 1, t) }

// RunGrains is Run for parts that are too small to be handed out one by one: a goroutine takes so many neighbors at a time, and where there
// are no more in all, the caller does them alone.
func (p *Pool) RunGrains(parts, grain int, t Task) {
	grain = max(grain, 1)
	if parts <= grain || p.limit == 1 || p.closed.Load() {
		for i := range parts {
			t.Part(i)
		}
		return
	}
	grains := (parts-1)/grain + 1
	p.task, p.parts, p.grain, p.sharing = t, parts, grain, min(p.limit, grains)
	for i := range p.sharing {
		p.shares[i].next.Store(int64(grains * i / p.sharing))
		p.shares[i].end = int64(grains * (i + 1) / p.sharing)
	}
	number := p.state.Load()>>numberShift + 1
	p.state.Store(number<<numberShift | open)
	for i := range p.sharing - 1 {
		w := &p.workers[i]
		if w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.take(0)
	p.state.And(^open)
	p.await()
	p.task = nil
	if f := p.failed.Swap(nil); f != nil {
		panic(f)
	}
}

// await returns when no worker is inside the run.
func (p *Pool) await() {
	for i := range p.spins {
		if p.state.Load()&inside == 0 {
			return
		}
		if i%yieldEvery == yieldEvery-1 {
			runtime.Gosched()
		}
	}
	for {
		s := p.state.Load()
		if s&inside == 0 {
			return
		}
		if p.state.CompareAndSwap(s, s|waiting) {
			<-p.left
			return
		}
	}
}

// take does parts until none is left: first those of a share, then those that are left of the others.
func (p *Pool) take(own int) {
	defer p.recover()
	for k := range p.sharing {
		s := &p.shares[(own+k)%p.sharing]
		for s.next.Load() < s.end {
			g := int(s.next.Add(1) - 1)
			if g >= int(s.end) {
				break
			}
			for i := g * p.grain; i < min((g+1)*p.grain, p.parts); i++ {
				p.task.Part(i)
			}
		}
	}
}

// recover keeps the first panic for Run and takes the parts that are left out of the run.
func (p *Pool) recover() {
	if v := recover(); v != nil {
		p.failed.CompareAndSwap(nil, &Panic{Value: v, Stack: debug.Stack()})
		for i := range p.sharing {
			p.shares[i].next.Store(p.shares[i].end)
		}
	}
}

// work is a worker's life: it enters each run it sees open, once.
func (p *Pool) work(w *worker) {
	seen := uint64(0)
	for {
		s, ok := p.look(w, seen)
		if !ok {
			return
		}
		if !p.state.CompareAndSwap(s, s+1) {
			continue
		}
		seen = s >> numberShift
		if w.share < p.sharing {
			p.take(w.share)
		}
		if s := p.state.Add(^uint64(0)); s&waiting != 0 && s&inside == 0 {
			p.left <- struct{}{}
		}
	}
}

// look returns the state of an open run other than the one seen last, or false when the pool is closed.
func (p *Pool) look(w *worker, seen uint64) (uint64, bool) {
	for {
		for i := 0; ; i++ {
			if s := p.state.Load(); s&open != 0 && s>>numberShift != seen {
				return s, true
			}
			if p.closed.Load() {
				return 0, false
			}
			if i >= p.spins {
				break
			}
			if i%yieldEvery == yieldEvery-1 {
				runtime.Gosched()
			}
		}
		w.asleep.Store(true)
		// A run opened, or the pool closed, before the flag was up would not wake this worker.
		if s := p.state.Load(); s&open != 0 && s>>numberShift != seen || p.closed.Load() {
			if w.asleep.CompareAndSwap(true, false) {
				continue
			}
		}
		<-w.wake
	}
}

// Close ends the pool's goroutines and returns when they are gone. It may be called more than once.
func (p *Pool) Close() {
	p.closed.Store(true)
	for i := range p.workers {
		w := &p.workers[i]
		if w.asleep.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
	p.done.Wait()
}

type part func(i int)

func (f part) Part(i int) { f(i) }

// Each calls f for 0 … n−1, on the goroutines of a pool, or on the caller's alone where it is nil.
func Each(p *Pool, n int, f func(i int)) {
	if p != nil {
		p.Run(n, part(f))
		return
	}
	for i := range n {
		f(i)
	}
}
