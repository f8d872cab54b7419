package genetic

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"debut/kernels/philox"
)

// knapsack is a 0/1 knapsack.
type knapsack struct {
	values, weights []float64
	capacity        float64
	best            float64 // the published optimum
	rounded         float64 // half a unit of its last digit
}

// knapsacks reads the public test problems.
func knapsacks(t *testing.T) map[string]knapsack {
	t.Helper()
	folder := os.Getenv("DEBUT_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(folder, "knapsack", "low-dimensional", "*"))
	if len(files) == 0 {
		t.Skip("the knapsacks are not there: DEBUT_DATA names no folder with them")
	}
	all := map[string]knapsack{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var k knapsack
		var n int
		from := bytes.NewReader(data)
		if _, err := fmt.Fscan(from, &n, &k.capacity); err != nil {
			t.Fatal(err)
		}
		k.values, k.weights = make([]float64, n), make([]float64, n)
		for i := range n {
			if _, err := fmt.Fscan(from, &k.values[i], &k.weights[i]); err != nil {
				t.Fatal(err)
			}
		}
		answer, err := os.ReadFile(strings.Replace(file, "low-dimensional", "low-dimensional-optimum", 1))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSpace(string(answer))
		if k.best, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatal(err)
		}
		k.rounded = 1e-9
		if _, digits, ok := strings.Cut(text, "."); ok {
			k.rounded = .5 * math.Pow(10, -float64(len(digits)))
		}
		all[filepath.Base(file)] = k
	}
	return all
}

// problem is the search for the most valuable set: what does not fit is taken out at random.
func (k knapsack) problem() Problem[[]bool] {
	evaluate := func(x []bool) Score {
		var value, weight float64
		for i, in := range x {
			if in {
				value, weight = value+k.values[i], weight+k.weights[i]
			}
		}
		return Score{Cost: -value, Violation: max(0, weight-k.capacity)}
	}
	repair := func(x []bool, random *philox.Stream) {
		var weight float64
		for i, in := range x {
			if in {
				weight += k.weights[i]
			}
		}
		for _, i := range random.Perm(len(x)) {
			if weight <= k.capacity {
				return
			}
			if x[i] {
				x[i] = false
				weight -= k.weights[i]
			}
		}
	}
	return Problem[[]bool]{Coding: Binary{Genes: len(k.values)}, Evaluate: evaluate, Repair: repair}
}

// TestKnapsacks solves each public problem to its optimum, with five seeds.
func TestKnapsacks(t *testing.T) {
	for name, k := range knapsacks(t) {
		target := -k.best + k.rounded
		for seed := range uint64(5) {
			_, score, s := find(t, k.problem(), Options{Seed: seed, Generations: 1000, Target: &target}, 2)
			if score.Violation > 0 || score.Cost > target {
				t.Errorf("%s, seed %d: %g, the optimum is %g", name, seed, -score.Cost, k.best)
			} else {
				t.Logf("%s, seed %d: %d evaluations", name, seed, s.Progress().Evaluations)
			}
		}
	}
}
