package prepare_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The full proof: go test ./datasets/prepare -run TestAgree -agree-tables 10000
var (
	agreeTables = flag.Uint64("agree-tables", 150, "how many random tables all commands read")
	agreeSeed   = flag.Uint64("agree-seed", 1, "seed of the first of them; the others follow")
	agreeMost   = flag.Int64("agree-most", 3, "how many disagreements are shown")
)

// quickTables and less are each read in three of the ways alone, in turn.
const quickTables = 150

// shortTables are those under the race detector.
const shortTables = 40

// TestAgree writes random tables and has them read by everything that reads tables: a table means the same to all.
func TestAgree(t *testing.T) {
	tables := *agreeTables
	if testing.Short() {
		tables = min(tables, shortTables)
	}
	var next atomic.Uint64
	var failures atomic.Int64
	var all sync.WaitGroup
	var checkers []*checker
	for worker := range runtime.GOMAXPROCS(0) {
		c := newChecker(t, worker)
		checkers = append(checkers, c)
		all.Go(func() {
			for failures.Load() < *agreeMost {
				n := next.Add(1) - 1
				if n >= tables {
					return
				}
				seed := *agreeSeed + n
				made := randomTable(rand.New(rand.NewPCG(seed, 0)))
				c.quick, c.turn = *agreeTables <= quickTables, int(seed)
				found, err := c.disagreement(made.example())
				if err != nil {
					t.Errorf("seed %d: %v\n%s", seed, err, made.example())
					failures.Add(1)
					continue
				}
				if found == "" {
					continue
				}
				failures.Add(1)
				// What is left must fail in the same way.
				small := made.shrink(func(smaller *draft) bool {
					again, err := c.disagreement(smaller.example())
					return err == nil && sameKind(again, found)
				})
				found, _ = c.disagreement(small.example())
				t.Errorf("seed %d: %s\n%s", seed, found, small.example())
			}
		})
	}
	all.Wait()
	read, learned := 0, 0
	for _, c := range checkers {
		read, learned = read+c.read, learned+c.learned
	}
	t.Logf("%d tables: %d could be read, of %d models were made", tables, read, learned)
	if n := int(tables); !t.Failed() && (read < n/3 || learned < n/8) {
		t.Errorf("of %d tables, %d could be read and %d learned from: they no longer say much", n, read, learned)
	}
}

func newChecker(t *testing.T, worker int) *checker {
	t.Helper()
	return &checker{writer: newWriter(t), dir: filepath.Join(t.TempDir(), fmt.Sprint("w", worker)), ctx: context.Background()}
}

// sameKind reports disagreements of the same commands.
func sameKind(a, b string) bool {
	a, _, _ = strings.Cut(a, ": ")
	b, _, _ = strings.Cut(b, ": ")
	return a == b
}
