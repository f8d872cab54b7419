package cpu

import (
	"slices"
	"testing"
	"time"

	"debut/kernels"
)

// drive runs a crew so often, with the times that numbers of threads take, and returns how often each number ran.
func drive(c *crew, runs int, took func(threads int) time.Duration) map[int]int {
	ran := map[int]int{}
	for range runs {
		known := c.known()
		n := c.threads()
		ran[n]++
		if !known {
			c.took(took(n))
		}
	}
	return ran
}

// TestCrewTakesTheSoonest checks that the number of threads that is soonest does all runs after some trials, and that it is looked for again.
func TestCrewTakesTheSoonest(t *testing.T) {
	for _, soonest := range []int{1, 3, 7} {
		c := newCrew(7)
		if !slices.Equal(c.choices, []int{7, 3, 1}) {
			t.Fatalf("choices %v", c.choices)
		}
		took := func(threads int) time.Duration {
			if threads == soonest {
				return time.Millisecond
			}
			return 2 * time.Millisecond
		}
		trials := warmRuns + 3*triesOfEach*runsInARow
		for n, times := range drive(&c, trials, took) {
			if times < triesOfEach*runsInARow {
				t.Errorf("%d threads were tried %d times", n, times)
			}
		}
		if ran := drive(&c, 1000, took); ran[soonest] != 1000 {
			t.Errorf("after the trials, runs by number of threads are %v, want all by %d", ran, soonest)
		}
		soonest = map[int]int{1: 7, 3: 1, 7: 3}[soonest] // other processes have come or gone
		drive(&c, triedFor, took)
		if ran := drive(&c, 1000, took); ran[soonest] != 1000 {
			t.Errorf("after new trials, runs by number of threads are %v, want all by %d", ran, soonest)
		}
	}
}

// TestCrewLeavesLongProgramsAlone checks that a program with work for all gets all threads.
func TestCrewLeavesLongProgramsAlone(t *testing.T) {
	c := newCrew(4)
	ran := drive(&c, 3*triedFor, func(threads int) time.Duration { return time.Duration(threads) * 2 * thin })
	if len(ran) != 1 || ran[4] != 3*triedFor {
		t.Errorf("runs by number of threads are %v", ran)
	}
}

// TestProgramsLimitThemselvesAlone checks that what a program has found out is for its own runs.
func TestProgramsLimitThemselvesAlone(t *testing.T) {
	d, err := New(Options{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	var shared []int
	exec, err := d.Prepare([]kernels.Kernel{probe{func() { shared = append(shared, d.pool.Sharing()) }}})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := exec.Run(); err != nil {
			t.Fatal(err)
		}
		if n := d.pool.Sharing(); n != 3 {
			t.Fatalf("after a run, %d threads share the next", n)
		}
	}
	slices.Sort(shared)
	if got := slices.Compact(shared); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("runs were shared by %v threads, want 1 and 3 of them", got)
	}
}

// probe is a kernel of a caller's own.
type probe struct{ f func() }

func (p probe) Name() string       { return "probe" }
func (p probe) Cost() kernels.Cost { return kernels.Cost{} }
func (p probe) Run() error         { p.f(); return nil }
