package kernels

import "time"

// Timing is offered by devices that compute behind the host and have a clock of their own: what the host sees of their work is when it
// was queued, or when all of it was done.
type Timing interface {
	// NewClock returns a clock of so many marks, numbered from 0.
	NewClock(marks int) (Clock, error)
}

// Clock times queued work by the device's own clock.
type Clock interface {
	// Mark puts mark i behind what is queued; where it was before does not matter.
	Mark(i int) error
	// Between waits for mark j, and returns how much later than mark i the device came to it. Both must have been set.
	Between(i, j int) (time.Duration, error)
	// Close frees the marks.
	Close() error
}
