package genetic

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"testing"
	"time"

	"debut/kernels/philox"
)

var long = flag.Bool("long", false, "compare with DEAP, where Python has it")

// generated returns a knapsack of so many things whose value goes with their weight, which is what makes one hard, and its optimum.
func generated(items int, seed uint64) knapsack {
	random := philox.New(seed, 0)
	k := knapsack{values: make([]float64, items), weights: make([]float64, items)}
	for i := range items {
		k.weights[i] = float64(10 + random.IntN(90))
		k.values[i] = k.weights[i] + float64(random.IntN(40))
		k.capacity += k.weights[i]
	}
	k.capacity = float64(int(k.capacity * .4))
	best := make([]float64, int(k.capacity)+1) // by what may be used of the capacity
	for i, w := range k.weights {
		for c := len(best) - 1; c >= int(w); c-- {
			best[c] = max(best[c], best[c-int(w)]+k.values[i])
		}
	}
	k.best = best[len(best)-1]
	return k
}

// TestDEAP counts evaluations and seconds until a knapsack of 200 things is within 1 % of its optimum, here and with DEAP: the same population, operators,
// rates, repair and elite.
func TestDEAP(t *testing.T) {
	if !*long {
		t.Skip("the comparison with DEAP takes a minute: -long runs it")
	}
	python := ""
	for _, candidate := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(candidate, "-c", "import deap").Run() == nil {
			python = candidate
		}
	}
	if python == "" {
		t.Skip("Python has no DEAP here: install python3-deap")
	}
	const seeds = 20
	for _, items := range []int{30, 60} {
		k := generated(items, 1)
		target := .99 * k.best
		work, err := json.Marshal(map[string]any{
			"values": k.values, "weights": k.weights, "capacity": k.capacity, "target": target, "population": 100, "seeds": seeds,
		})
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(python, "testdata/deap_knapsack.py")
		command.Stdin = bytes.NewReader(work)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		theirs, theirSeconds := make([]float64, seeds), make([]float64, seeds)
		from := bytes.NewReader(out)
		for i := range theirs {
			var best float64
			if _, err := fmt.Fscan(from, &theirs[i], &theirSeconds[i], &best); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		ours, seconds := make([]float64, seeds), make([]float64, seeds)
		goal := -target
		for seed := range ours {
			start := time.Now()
			_, _, s := find(t, k.problem(), Options{Seed: uint64(seed), Evaluations: 20_000, Patience: -1, Target: &goal}, 1)
			ours[seed], seconds[seed] = float64(s.Progress().Evaluations), time.Since(start).Seconds()
		}
		for _, list := range [][]float64{ours, theirs, seconds, theirSeconds} {
			slices.Sort(list)
		}
		t.Logf("%d things: evaluations %g, DEAP %g; seconds %.4f, DEAP %.4f (%.0f ×)", items,
			ours[seeds/2], theirs[seeds/2], seconds[seeds/2], theirSeconds[seeds/2], theirSeconds[seeds/2]/seconds[seeds/2])
		// The same algorithm on other random numbers: medians of twenty may differ by their own error.
		if ours[seeds/2] > 1.15*theirs[seeds/2] {
			t.Errorf("%d things: %g evaluations, DEAP needs %g", items, ours[seeds/2], theirs[seeds/2])
		}
	}
}
