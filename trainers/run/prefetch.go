package run

import "debut/trainers/loop"

// slots is how many batches are in memory: one is gathered by a goroutine while the other is trained on. What is trained on, and
// in which order, does not depend on it.
const slots = 2

// prefetch gathers the next batch while this one is trained on.
type prefetch struct {
	jobs    chan batch
	ready   chan batch
	free    []int // slots
	waiting int   // batches handed out and not yet taken back
}

// batch is one of the loop's, with the slot that holds, or will hold, its rows.
type batch struct {
	ev   loop.Event
	slot int
	err  error // of gathering its rows
}

// newPrefetch starts the goroutine that gathers batches; close ends it.
func newPrefetch(gather func(ev loop.Event, slot int) error) *prefetch {
	p := &prefetch{jobs: make(chan batch, slots), ready: make(chan batch, slots)}
	for slot := range slots {
		p.free = append(p.free, slot)
	}
	go func() {
		for b := range p.jobs {
			b.err = gather(b.ev, b.slot)
			p.ready <- b
		}
		close(p.ready)
	}()
	return p
}

// push hands out a batch to be gathered. There must be a free slot: at most one batch may be waiting.
func (p *prefetch) push(ev loop.Event) {
	slot := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	p.waiting++
	p.jobs <- batch{ev: ev, slot: slot}
}

// take waits for the oldest batch handed out.
func (p *prefetch) take() batch {
	p.waiting--
	return <-p.ready
}

// done gives a slot back.
func (p *prefetch) done(b batch) { p.free = append(p.free, b.slot) }

// drop forgets the batches handed out.
func (p *prefetch) drop() {
	for p.waiting > 0 {
		p.done(p.take())
	}
}

// close ends the goroutine and waits for it.
func (p *prefetch) close() {
	close(p.jobs)
	for range p.ready { // what was handed out and is not wanted any more
	}
}
