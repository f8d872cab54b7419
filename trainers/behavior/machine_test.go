package behavior

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/kernels/philox"
	"debut/trainers/metrics"
	"debut/trainers/run"
)

// visit is a row of ids, and what came of it.
type visit struct {
	ids [3]int // of all fields one behind the other
	y   float64
}

// visitIDs are how many ids each field has.
var visitIDs = [3]int{3500, 1900, 100}

// visits draws rows whose outcome follows from the tastes of a user and what an item and a shop are.
func visits(rows int, stream uint64) []visit {
	rnd := philox.New(12, stream)
	hidden := func(field, id, k int) float64 { return math.Sin(float64(1+field) * float64(id+7*k+1) * 1.6180339) }
	all := make([]visit, rows)
	for r := range all {
		var own [3]int
		z, first := -0.5, 0
		for f, n := range visitIDs {
			own[f] = int(float64(n) * math.Pow(rnd.Float64(), 3))
			all[r].ids[f] = first + own[f]
			z += 1.5 * hidden(f, own[f], 9)
			first += n
		}
		for k := range 2 {
			z += 0.8*hidden(0, own[0], k)*hidden(1, own[1], k) + 0.5*hidden(1, own[1], k)*hidden(2, own[2], k)
		}
		if rnd.Float64() < metrics.Sigmoid(z) {
			all[r].y = 1
		}
	}
	return all
}

// adam is Adam on a row of a table, at the step of the run.
func adam(w, m, v, g []float64, rate float64, step int) {
	for i := range w {
		m[i] += 0.1 * (g[i] - m[i])
		v[i] += 0.001 * (g[i]*g[i] - v[i])
		w[i] -= rate * m[i] / (1 - math.Pow(0.9, float64(step))) / (math.Sqrt(v[i]/(1-math.Pow(0.999, float64(step)))) + 1e-8)
	}
}

// plainMachine trains a factorization machine written out in float64 by Adam on batches, with an order and first values of its own, and returns
// the logits of other rows.
func plainMachine(rows, others []visit, factors, epochs, batch int, rate float64) []float64 {
	rnd := philox.New(77, 1)
	total := visitIDs[0] + visitIDs[1] + visitIDs[2]
	table := func() [][]float64 {
		t := make([][]float64, total+1) // the last has the bias
		for i := range t {
			t[i] = make([]float64, 1+factors)
		}
		return t
	}
	w, m, v := table(), table(), table()
	for _, row := range w[:total] {
		for k := 1; k <= factors; k++ {
			row[k] = 0.01 * rnd.NormFloat64()
		}
	}
	sums := make([]float64, 1+factors)
	logit := func(ids [3]int) float64 {
		z := w[total][0]
		for k := range sums {
			sums[k] = 0
			squares := 0.0
			for _, id := range ids {
				sums[k] += w[id][k]
				squares += w[id][k] * w[id][k]
			}
			if k == 0 {
				z += sums[0]
			} else {
				z += (sums[k]*sums[k] - squares) / 2
			}
		}
		return z
	}
	step := 0
	for range epochs {
		order := rnd.Perm(len(rows))
		for lo := 0; lo < len(order); lo += batch {
			step++
			part := order[lo:min(lo+batch, len(order))]
			grads := map[int][]float64{total: make([]float64, 1+factors)}
			for _, r := range part {
				row := rows[r]
				d := (metrics.Sigmoid(logit(row.ids)) - row.y) / float64(len(part))
				grads[total][0] += d
				for _, id := range row.ids {
					g := grads[id]
					if g == nil {
						g = make([]float64, 1+factors)
						grads[id] = g
					}
					g[0] += d
					for k := 1; k <= factors; k++ {
						g[k] += d * (sums[k] - w[id][k])
					}
				}
			}
			for id, g := range grads {
				adam(w[id], m[id], v[id], g, rate, step)
			}
		}
	}
	out := make([]float64, len(others))
	for i, row := range others {
		out[i] = logit(row.ids)
	}
	return out
}

// A factorization machine of 5,500 ids ranks as one that is written for this test, with the same settings and an order and first values of
// its own.
func TestMachineRanksAsAPlainOne(t *testing.T) {
	const factors, epochs, batch, rate = 4, 2, 128, 0.005
	dir := t.TempDir()
	write := func(name string, rows []visit) string {
		var b strings.Builder
		b.WriteString("user,item,shop,y\n")
		for _, r := range rows {
			fmt.Fprintf(&b, "u%d,i%d,s%d,%v\n", r.ids[0], r.ids[1], r.ids[2], r.y)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	rows, others := visits(80_000, 1), visits(20_000, 2)
	c := configure(t, write("train.csv", rows), fmt.Sprintf(`
data:
  source: {path: PATH}
  test: {path: %q}
  target: y
  defaults: {categorical: {min_count: 1}}
  split: {validation: 0}
model: {kind: fm, factors: %d}
train: {epochs: %d, batch: %d, optimizer: {kind: adam, learning_rate: %v}, schedule: {kind: constant}}
`, write("test.csv", others), factors, epochs, batch, rate))
	o := train(t, c)
	got := metric(t, o, run.PartTest, "auc")
	labels := make([]float64, len(others))
	for i, r := range others {
		labels[i] = r.y
	}
	plain, err := metrics.Binary(plainMachine(rows, others, factors, epochs, batch, rate), labels, nil, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := plain.Values.Get("auc")
	t.Logf("AUC %.4f, of the plain one %.4f", got, want)
	if !(math.Abs(got-want) <= 0.004) || want < 0.75 {
		t.Errorf("AUC %.4f, of the plain one %.4f", got, want)
	}
}
