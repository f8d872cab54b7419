package checkpoint

import (
	"errors"
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"debut/datasets/atomicfile"
	"debut/trainers/checkpoint/faultfs"
)

// effort 14 took two minutes on two cores.
var effort = flag.Int("effort", 1, "how many times as many crashes are tried")

const faultDir = "runs/r/checkpoints"

// script is a run that keeps two: better and worse scores, going back, and the same step twice.
var script = []struct{ step, best int64 }{
	{1, 0}, {2, 2}, {3, 2}, {4, 2}, {5, 5}, {6, 5}, {7, 5}, {6, 5}, {7, 7}, {7, 5}, {9, 9}, {10, 9},
}

func scripted(n int) Checkpoint {
	var best *int64
	if b := script[n].best; b > 0 {
		best = &b
	}
	return checkpointOf(n, script[n].step, best)
}

// bestWriteOf is the write that holds the best of write n: the last before it of that step.
func bestWriteOf(n int) int {
	if n < 0 || script[n].best == 0 {
		return -1
	}
	for i := n; ; i-- {
		if script[i].step == script[n].best {
			return i
		}
	}
}

// checkFiles wants nothing but whole checkpoints, and no more of them than are kept.
func checkFiles(t *testing.T, fsys *faultfs.FS, keep int) {
	t.Helper()
	files := map[string]int{}
	for _, path := range fsys.Names() {
		c, _, ok := parseName(filepath.Base(path))
		if !ok {
			t.Fatalf("%s was left", path)
		}
		files[c.stem()]++
	}
	for stem, n := range files {
		if n != 2 {
			t.Fatalf("%s is not whole", stem)
		}
	}
	if len(files) > 2*keep {
		t.Fatalf("%d checkpoints are kept", len(files))
	}
}

// writeOn does the rest of the script from write n on, where the first error is returned with its write.
func writeOn(s *Store, n int) (int, error) {
	for ; n < len(script); n++ {
		if err := s.Write(scripted(n)); err != nil {
			return n, err
		}
	}
	return n, nil
}

func checkLatest(t *testing.T, s *Store, allowed ...int) int {
	t.Helper()
	n, best := latestWrite(t, s)
	if !slices.Contains(allowed, n) {
		t.Fatalf("write %d was found, want one of %v", n, allowed)
	}
	if best != bestWriteOf(n) {
		t.Fatalf("the best of write %d is write %d, want %d", n, best, bestWriteOf(n))
	}
	return n
}

// TestEveryFault lets each operation of a run fail in each way; where the process stops, with many ways of how much of
// what was not flushed survives.
func TestEveryFault(t *testing.T) {
	fsys := faultfs.New("runs/r")
	if n, err := writeOn(open(t, fsys, faultDir, 2), 0); err != nil {
		t.Fatalf("write %d without faults: %v", n, err)
	}
	total := fsys.Ops()
	checkLatest(t, open(t, fsys, faultDir, 2), len(script)-1)
	checkFiles(t, fsys, 2)
	failures := 3 * *effort
	if testing.Short() {
		failures = 1
	}
	cases := 0
	for op := range total {
		for _, fault := range faultfs.Faults {
			tries := 1
			if fault == faultfs.Stop || fault == faultfs.StopAfter {
				tries += failures
			}
			for try := range tries {
				cases++
				oneFault(t, op, fault, try)
				if t.Failed() {
					t.Fatalf("operation %d, %v, try %d", op, fault, try)
				}
			}
		}
	}
	t.Logf("%d operations, %d cases", total, cases)
}

func oneFault(t *testing.T, op int, fault faultfs.Fault, try int) {
	t.Helper()
	fsys := faultfs.New("runs/r")
	fsys.Inject(map[int]faultfs.Fault{op: fault})
	defer func() {
		if t.Failed() {
			trace := fsys.Trace()
			t.Logf("%v at operation %d, try %d; last operations: %q", fault, op, try, trace[max(0, len(trace)-12):])
		}
	}()
	n := 0
	s, err := Open(faultDir, Options{FS: fsys, Keep: 2})
	if err == nil {
		if n, err = writeOn(s, 0); err != nil && !fsys.Stopped() {
			// The process goes on with the store that it has, after it looked at it.
			for _, path := range fsys.Names() {
				if _, temporary := atomicfile.TemporaryOf(filepath.Base(path)); temporary {
					t.Fatalf("%s was left", path)
				}
			}
			checkLatest(t, s, n-1, n)
		}
	}
	if fsys.Stopped() {
		if try == 0 {
			fsys.Restart()
		} else {
			fsys.PowerFailure(rand.New(rand.NewPCG(uint64(op), uint64(try))))
		}
	}
	if err != nil {
		s = open(t, fsys, faultDir, 2)
		if n < len(script) {
			found := checkLatest(t, s, n-1, n)
			// A power failure just now takes nothing away that was found.
			fsys.PowerFailure(rand.New(rand.NewPCG(uint64(op), uint64(try+1000))))
			checkLatest(t, s, found)
		}
		if n, err = writeOn(s, n); err != nil { // the failed one again
			t.Fatalf("write %d afterwards: %v", n, err)
		}
	}
	if fsys.Stopped() {
		t.Fatal("the process was stopped and nobody noticed")
	}
	checkLatest(t, s, len(script)-1)
	s = open(t, fsys, faultDir, 2)
	checkLatest(t, s, len(script)-1)
	fsys.PowerFailure(rand.New(rand.NewPCG(uint64(op), uint64(try+2000))))
	s = open(t, fsys, faultDir, 2)
	checkLatest(t, s, len(script)-1)
	if err := s.Write(scripted(len(script) - 1)); err != nil {
		t.Fatal(err)
	}
	checkFiles(t, fsys, 2)
}

// TestManyFaults lets random runs go through several random faults and crashes, of clearing up and loading, too.
func TestManyFaults(t *testing.T) {
	runs := 300 * *effort
	if testing.Short() {
		runs = 60
	}
	writes, errs, crashes := 0, 0, 0
	for seed := range runs {
		w, e, c := randomRun(t, uint64(seed))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		writes, errs, crashes = writes+w, errs+e, crashes+c
	}
	t.Logf("%d runs, %d writes, %d errors, %d crashes", runs, writes, errs, crashes)
}

// written is what a random run wrote; each write has the number of its place.
type written struct {
	step     int64
	best     *int64
	bestFrom int
}

func randomRun(t *testing.T, seed uint64) (writes, errs, crashes int) {
	r := rand.New(rand.NewPCG(seed, 7))
	keep := 1 + r.IntN(3)
	fsys := faultfs.New("runs/r")
	var done []written
	durable, current := -1, -1 // a write that must be found, or one after it up to current
	for session := range 8 {
		faults := map[int]faultfs.Fault{}
		for range r.IntN(4) {
			faults[r.IntN(120)] = faultfs.Faults[r.IntN(len(faultfs.Faults))]
		}
		fsys.Inject(faults)
		s, err := Open(faultDir, Options{FS: fsys, Keep: keep})
		for i := 0; err == nil && i < 6 && !fsys.Stopped(); i++ {
			next := nextWrite(r, done, current)
			number := len(done)
			done = append(done, next)
			writes++
			if writeErr := s.Write(checkpointOf(number, next.step, next.best)); writeErr == nil {
				durable, current = number, number
				continue
			}
			errs++
			if fsys.Stopped() {
				current = max(current, number)
				break
			}
			// In place or not: find out, without more faults.
			fsys.Inject(nil)
			found := find(t, s, done)
			if found != current && found != number {
				t.Fatalf("session %d: write %d was found after %d failed, before that %d", session, found, number, current)
			}
			current = found
			fsys.Inject(faults)
		}
		switch {
		case fsys.Stopped() && r.IntN(3) == 0:
			crashes++
			fsys.Restart()
		default:
			crashes++
			fsys.PowerFailure(r)
		}
		s = open(t, fsys, faultDir, keep)
		found := find(t, s, done)
		if found != current && found != durable && (found < durable || found > len(done)-1) {
			t.Fatalf("session %d: write %d was found, want %d or %d", session, found, durable, current)
		}
		durable, current = found, found
	}
	last := nextWrite(r, done, current)
	done = append(done, last)
	s := open(t, fsys, faultDir, keep)
	if err := s.Write(checkpointOf(len(done)-1, last.step, last.best)); err != nil {
		t.Fatalf("write at the end: %v", err)
	}
	if found := find(t, s, done); found != len(done)-1 {
		t.Fatalf("write %d was found at the end", found)
	}
	checkFiles(t, fsys, keep)
	return writes, errs, crashes
}

// nextWrite goes on from a write, or back to its best one.
func nextWrite(r *rand.Rand, done []written, from int) written {
	w := written{step: int64(1 + r.IntN(3)), bestFrom: -1}
	if from >= 0 {
		w.step += done[from].step
		w.best, w.bestFrom = done[from].best, done[from].bestFrom
		if w.best != nil && r.IntN(5) == 0 {
			w.step = *w.best + int64(1+r.IntN(3))
		}
	}
	if r.IntN(3) == 0 {
		w.best, w.bestFrom = new(w.step), len(done)
	}
	return w
}

// find is the write that is found again, with the right best one.
func find(t *testing.T, s *Store, done []written) int {
	t.Helper()
	n, best := latestWrite(t, s)
	if n >= 0 && best != done[n].bestFrom {
		t.Fatalf("the best of write %d is write %d, want %d", n, best, done[n].bestFrom)
	}
	return n
}

func TestNoSpaceInMemory(t *testing.T) {
	fsys := faultfs.New("runs/r")
	s := open(t, fsys, faultDir, 2)
	mustWrite(t, s, 0, 1, nil)
	fsys.SetCapacity(8000) // less than the reserve
	err := s.Write(checkpointOf(1, 2, nil))
	if !errors.Is(err, ErrNoSpace) {
		t.Fatalf("a full disk: %v", err)
	}
	// Where the system does not tell what is free, the write itself finds out.
	fsys.Inject(map[int]faultfs.Fault{1: faultfs.Fail})
	fsys.SetCapacity(2500)
	if err := s.Write(checkpointOf(1, 2, nil)); !errors.Is(err, ErrNoSpace) || fsys.Trace()[1] != "free checkpoints" {
		t.Errorf("a disk that turns out full: %v after %q", err, fsys.Trace())
	}
	fsys.Inject(nil)
	if n, _ := latestWrite(t, s); n != 0 || len(fsys.Names()) != 2 {
		t.Errorf("write %d and %q", n, fsys.Names())
	}
}
