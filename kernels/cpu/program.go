package cpu

import (
	"fmt"
	"slices"
	"time"

	"debut/kernels"
)

// program is a list of kernels as an Executable.
type program struct {
	dev     *Device
	kernels []kernels.Kernel
	crew    crew
}

func newProgram(d *Device, list []kernels.Kernel) *program {
	return &program{dev: d, kernels: list, crew: newCrew(d.pool.Threads())}
}

// Run runs the kernels in order, up to the first error.
func (p *program) Run() error {
	if p.crew.known() {
		return p.run(p.crew.threads())
	}
	threads, start := p.crew.threads(), time.Now()
	err := p.run(threads)
	p.crew.took(time.Since(start))
	return err
}

func (p *program) run(threads int) error {
	p.dev.pool.Limit(threads)
	defer p.dev.pool.Limit(p.dev.pool.Threads())
	for i, k := range p.kernels {
		if err := k.Run(); err != nil {
			return fmt.Errorf("kernel %d of %d: %w", i, len(p.kernels), err)
		}
	}
	return nil
}

// How a crew is chosen. A program that takes longer than thin is for all threads: it has work enough for each. Others try each number of
// threads for so many runs in a row, of which the first does not count, as it moves memory from cache to cache; so often; and anew after so many runs,
// since other processes come and go.
const (
	thin        = 5 * time.Millisecond
	warmRuns    = 3
	runsInARow  = 4
	triesOfEach = 3
	triedFor    = 1 << 12
)

// crew finds out how many threads do a program soonest. Where a step is little work on much memory, as that of a factorization machine is,
// more of them may be slower: what one has written the other must fetch, which takes half a microsecond a line on some machines.
// Results do not depend on it.
type crew struct {
	choices []int             // numbers of threads: all, half of them, … 1
	times   [][]time.Duration // of each choice, those that count
	best    int               // the choice that was found, the first until then
	runs    int               // since the last choice
}

func newCrew(threads int) crew {
	var c crew
	for n := threads; n > 0; n /= 2 {
		c.choices = append(c.choices, n)
		c.times = append(c.times, make([]time.Duration, 0, triesOfEach*(runsInARow-1)))
	}
	return c
}

// known counts a run, and says whether the choice is made and the run's time of no interest.
func (c *crew) known() bool {
	if len(c.choices) == 1 {
		return true
	}
	c.runs++
	if c.runs == triedFor && len(c.times[0]) > 0 {
		c.runs = warmRuns + 1
		for i := range c.times {
			c.times[i] = c.times[i][:0]
		}
	}
	return c.runs > warmRuns+len(c.choices)*triesOfEach*runsInARow
}

// trial returns the choice that the present run tries, and whether its time counts.
func (c *crew) trial() (choice int, counts bool) {
	n := c.runs - warmRuns - 1
	return n / runsInARow % len(c.choices), n%runsInARow > 0
}

// threads returns how many threads the present run is for.
func (c *crew) threads() int {
	if n := c.runs - warmRuns; n > 0 && n <= len(c.choices)*triesOfEach*runsInARow && len(c.choices) > 1 {
		choice, _ := c.trial()
		return c.choices[choice]
	}
	return c.choices[c.best]
}

// took tells how long the present run, which is not known, has taken.
func (c *crew) took(d time.Duration) {
	last := warmRuns + len(c.choices)*triesOfEach*runsInARow
	switch {
	case c.runs < warmRuns:
		return
	case c.runs == warmRuns:
		if d > thin {
			c.runs = last // the last trial is over, and there were none
		}
		return
	}
	choice, counts := c.trial()
	if counts {
		c.times[choice] = append(c.times[choice], d)
	}
	if c.runs < last {
		return
	}
	least := time.Duration(0)
	for i, times := range c.times {
		slices.Sort(times)
		if median := times[len(times)/2]; i == 0 || median < least {
			c.best, least = i, median
		}
	}
}
