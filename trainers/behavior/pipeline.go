package behavior

import (
	"context"

	"debut/datasets"
	"debut/trainers/loop"
)

// pipeline gathers the rows of the next batch while the device works on this one. It has two feeders: one is being
// filled by a goroutine while the other is trained on. What is trained on, and in which order, does not depend on it.
type pipeline struct {
	s       *session
	rows    *datasets.Batches
	jobs    chan batchJob
	ready   chan batchJob
	free    []*feeder
	waiting int // batches handed out and not yet taken back
}

// batchJob is a batch with the feeder that holds, or will hold, its rows.
type batchJob struct {
	ev   loop.Event
	feed *feeder
	err  error // of reading its rows
}

// newPipeline starts the goroutine that gathers batches of training rows; close ends it.
func newPipeline(s *session, batch int) *pipeline {
	p := &pipeline{s: s, rows: s.train().Batches(s.order()), jobs: make(chan batchJob, 2), ready: make(chan batchJob, 2)}
	for range 2 {
		p.free = append(p.free, newFeeder(s.net, batch))
	}
	go p.work()
	return p
}

// work fills feeders until there are no more jobs.
func (p *pipeline) work() {
	for j := range p.jobs {
		gather := func(data *datasets.Encoded, rows []int32, done int) {
			j.feed.features(data, rows, done)
			j.feed.labels(p.s, data, rows, done)
		}
		// An interrupted training ends at a step's boundary, for which it needs the rows of the step.
		j.err = p.rows.Rows(context.Background(), j.ev.Epoch, j.ev.From, j.ev.N, j.ev.Rows, gather)
		if j.err == nil {
			j.feed.augment(p.s.cfg.Train.Augment, p.s.cfg.Seed, j.ev)
		}
		p.ready <- j
	}
	close(p.ready)
}

// push hands out a batch to be gathered. There must be a free feeder: at most one batch may be waiting.
func (p *pipeline) push(ev loop.Event) {
	f := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	p.waiting++
	p.jobs <- batchJob{ev: ev, feed: f}
}

// take waits for the oldest batch handed out.
func (p *pipeline) take() batchJob {
	p.waiting--
	return <-p.ready
}

// done gives a feeder back.
func (p *pipeline) done(j batchJob) { p.free = append(p.free, j.feed) }

// close ends the goroutine and waits for it.
func (p *pipeline) close() {
	close(p.jobs)
	for range p.ready { // what was handed out and is not wanted any more
	}
	p.rows.Close()
}
