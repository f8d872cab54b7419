package main

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// How often TestKillFactors kills, over all its runs. The full proof: go test ./cmd/debut -run TestKillFactors -factor-kills 100 -v
var factorKills = flag.Int("factor-kills", 4, "how often a training of factors is killed")

// TestKillFactors kills trainings of factors as TestKill kills networks, in mid-sweep: passes over users and then items, rounds
// of blocks, and steps of the engine.
func TestKillFactors(t *testing.T) {
	processes(t)
	algorithms := []string{
		"model: {algorithm: als, factors: 8, unobserved: 0.1, regularization: 0.01}\nevaluation: {cutoffs: [5]}\ntrain: {epochs: 4}\n",
		"model: {algorithm: sgd, factors: 8}\ntrain: {epochs: 4}\n",
	}
	kills := *factorKills
	if kills > 4 {
		algorithms = append(algorithms, "model: {algorithm: bpr, factors: 8}\nevaluation: {cutoffs: [5]}\ntrain: {epochs: 4}\n",
			"model: {algorithm: simplex, factors: 8, batch: 2000, negatives: 64}\nevaluation: {cutoffs: [5]}\ntrain: {epochs: 3}\n")
	}
	for i, model := range algorithms {
		share := kills / len(algorithms)
		if i < kills%len(algorithms) {
			share++
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			dir := t.TempDir()
			rnd := rand.New(rand.NewPCG(*killSeed, 5))
			var b bytes.Buffer
			b.WriteString("user,item,stars\n")
			for range 40_000 {
				u, item := rnd.IntN(5000), int(1000*rnd.Float64()*rnd.Float64())
				fmt.Fprintf(&b, "u%d,i%d,%.2f\n", u, item, 2+float64((u+item)%3)+rnd.Float64())
			}
			runFile := "family: factorization\nname: r\nseed: 3\ndata: {sources: [{path: events.csv}], columns: {value: stars}, split: {method: random, validation: 0.02, test: 0.02}}\n" +
				"checkpoint: {every_steps: 1, every_minutes: 0}\n" + model
			for name, data := range map[string][]byte{"events.csv": b.Bytes(), "run.yaml": []byte(runFile)} {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			killTraining(t, dir, share, uint64(100+i), nil, false)
		})
	}
}
