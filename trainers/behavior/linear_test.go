package behavior

import (
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels/philox"
	"debut/trainers/model"
	"debut/trainers/run"
)

// A file of three lines finds the optimum of a linear model of classes: its figures are at least those of a long training by
// gradients, and its coefficients are in a file, those that matter most first.
func TestLinearByDefault(t *testing.T) {
	path := tableFile(t, 1500)
	for _, target := range []string{"y", "k"} {
		ignore := map[string]string{"y": "[id, k, amount, w]", "k": "[id, y, amount, w]"}[target]
		data := fmt.Sprintf("data: {source: {path: PATH}, target: %s, ignore: %s}\n", target, ignore)
		o := train(t, configure(t, path, data+"model: {kind: linear}\n"))
		by := train(t, configure(t, path, data+"model: {kind: linear}\ntrain: {epochs: 60, optimizer: {kind: nesterov, learning_rate: 0.05}, schedule: {kind: cosine}}\n"))
		exact, gradient := metric(t, o, run.PartTrain, "log_loss"), metric(t, by, run.PartTrain, "log_loss")
		// The penalty, 1 in sum, is next to nothing of a mean over a thousand rows.
		if exact > gradient+2e-3 {
			t.Errorf("%s: log-loss %v of the optimum, %v by gradients", target, exact, gradient)
		}
		if o.Result.Checkpoints != nil || by.Result.Checkpoints == nil {
			t.Errorf("%s: the optimum has checkpoints %v, gradients have %v", target, o.Result.Checkpoints, by.Result.Checkpoints)
		}
		resolved := read(t, filepath.Join(o.Folder, "run.yaml"))
		if !strings.Contains(resolved, "solver: exact") || !strings.Contains(resolved, "l2: 1") {
			t.Errorf("%s: run.yaml lacks what was decided:\n%s", target, resolved)
		}
		m := open(t, o.Folder)
		f, err := os.Open(filepath.Join(o.Folder, "model", "coefficients.csv"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		classes := 1 + len(m.Coefficients.More)
		if want := 1 + classes*(1+len(m.Coefficients.Features)); len(rows) != want {
			t.Errorf("%s: %d lines, want %d", target, len(rows), want)
		}
		last := math.Inf(1)
		for _, row := range rows[1 : len(rows)/classes] {
			row = row[len(row)-5:]
			if row[0] == "(intercept)" {
				continue
			}
			size, err := strconv.ParseFloat(row[4], 64)
			if err != nil || math.Abs(size) > last {
				t.Errorf("%s: %q after %v, %v", target, row, last, err)
			}
			last = math.Abs(size)
			if z, err := strconv.ParseFloat(row[3], 64); err != nil || math.IsNaN(z) {
				t.Errorf("%s: %q has no z: %v", target, row, err)
			}
		}
	}
}

// Coefficients and standard errors of a regression are those of the closed form in the units of the data.
func TestStandardErrors(t *testing.T) {
	rnd := philox.New(8, 8)
	const rows = 400
	x, y := mat.NewDense(rows, 4, nil), mat.NewVecDense(rows, nil)
	var b strings.Builder
	b.WriteString("price,area,kind,y\n")
	for i := range rows {
		price, area, kind := 100+40*rnd.NormFloat64(), 3*rnd.NormFloat64(), rnd.IntN(3)%2 // a, the more frequent, is the reference
		x.SetRow(i, []float64{1, float64(float32(price)), float64(float32(area)), float64(kind)})
		y.SetVec(i, 7+0.3*price-area+float64(kind)+5*rnd.NormFloat64())
		fmt.Fprintf(&b, "%v,%v,%s,%v\n", x.At(i, 1), x.At(i, 2), []string{"a", "b"}[kind], y.AtVec(i))
	}
	path := filepath.Join(t.TempDir(), "d.csv")
	writeFile(t, path, []byte(b.String()))
	o := train(t, configure(t, path, "data: {source: {path: PATH}, target: y, split: {method: none}}\nmodel: {kind: linear}\n"))
	var h, inverse mat.Dense
	h.Mul(x.T(), x)
	if err := inverse.Inverse(&h); err != nil {
		t.Fatal(err)
	}
	var rhs, beta, fitted mat.VecDense
	rhs.MulVec(x.T(), y)
	beta.MulVec(&inverse, &rhs)
	fitted.MulVec(x, &beta)
	fitted.SubVec(y, &fitted)
	noise := mat.Dot(&fitted, &fitted) / (rows - 4)
	c := o.Coefficients
	compare := func(name string, value float64, deviation *float64, i int) {
		t.Helper()
		near(t, name, value, beta.AtVec(i), 1e-5*(1+math.Abs(beta.AtVec(i))))
		if deviation == nil {
			t.Fatalf("%s has no standard error", name)
		}
		want := math.Sqrt(noise * inverse.At(i, i))
		near(t, "standard error of "+name, *deviation, want, 1e-5*want)
	}
	compare("intercept", c.Intercept, c.StandardError, 0)
	for _, f := range c.Features {
		switch f.Feature {
		case "price":
			compare(f.Feature, f.Value, f.StandardError, 1)
		case "area":
			compare(f.Feature, f.Value, f.StandardError, 2)
		case "kind=b":
			compare(f.Feature, f.Value, f.StandardError, 3)
		case "kind=a":
			if f.Value != 0 || f.StandardError != nil {
				t.Errorf("the reference: %+v", f)
			}
		}
	}
}

// countFile writes counts with a rate that depends on x, some of them far too large.
func countFile(t *testing.T, rows int) string {
	t.Helper()
	rnd := philox.New(9, 9)
	var b strings.Builder
	b.WriteString("x,city,n,t\n")
	for range rows {
		x, city := rnd.NormFloat64(), rnd.IntN(2)
		rate := math.Exp(1 + 0.5*x + 0.4*float64(city))
		n := 0
		for u := -math.Log(rnd.Float64()); u < rate; u -= math.Log(rnd.Float64()) {
			n++
		}
		amount := 10 + 2*x + rnd.NormFloat64()
		if rnd.IntN(20) == 0 {
			amount += 200
		}
		fmt.Fprintf(&b, "%.5f,%s,%d,%.5f\n", x, []string{"Ulm", "Bonn"}[city], n, amount)
	}
	path := filepath.Join(t.TempDir(), "counts.csv")
	writeFile(t, path, []byte(b.String()))
	return path
}

// Each loss predicts what it is for: means of counts, medians that outliers do not move, quantiles.
func TestLosses(t *testing.T) {
	path := countFile(t, 4000)
	frame, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{path}}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	const short = "epochs: 25, batch: 64, optimizer: {learning_rate: 0.01}, schedule: {kind: cosine}"
	network := "model: {hidden: [{units: 16}]}\ntrain: {" + short + ", "
	linear, gradual := "model: {kind: linear}\ntrain: {", "model: {kind: linear}\ntrain: {"+short+", "
	for _, c := range []struct{ name, target, other, text string }{
		{"poisson/network", "n", "t", network + "loss: poisson}"},
		{"poisson/exact", "n", "t", linear + "loss: poisson}"},
		{"poisson/gradient", "n", "t", gradual + "loss: poisson}"},
		{"quantile/network", "t", "n", network + "loss: quantile, quantile: 0.8}"},
		{"quantile/linear", "t", "n", gradual + "loss: quantile, quantile: 0.8}"},
		{"mae/network", "t", "n", network + "loss: mae}"},
		{"huber/network", "t", "n", network + "loss: huber, delta: 0.05}"},
		{"huber/exact", "t", "n", linear + "loss: huber, delta: 0.05}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := train(t, configure(t, path, fmt.Sprintf("data: {source: {path: PATH}, target: %s, ignore: [%s], split: {validation: 0.1, test: 0.1}}\n", c.target, c.other)+c.text+"\n"))
			m := open(t, o.Folder)
			p, err := model.Collect(m.Predict(t.Context(), table.Source{Path: configfile.Strings{path}}, "", encoding.Input{}))
			if err != nil {
				t.Fatal(err)
			}
			got, target, x := p.Columns[0].Values.([]float64), frame.Column(c.target).Floats, frame.Column("x").Floats
			below, total, sum, off := 0.0, 0.0, 0.0, 0.0
			for i, y := range target {
				if y <= got[i] {
					below++
				}
				total, sum = total+y, sum+got[i]
				off += math.Abs(got[i]-(10+2*x[i])) / float64(len(got))
			}
			share := below / float64(len(got))
			switch loss, _, _ := strings.Cut(c.name, "/"); loss {
			case "poisson":
				// At the optimum they are equal in the training rows.
				near(t, "sum of rates over that of counts", sum/total, 1, map[bool]float64{true: 0.01, false: 0.06}[c.name == "poisson/exact"])
				if d := metric(t, o, run.PartTest, "poisson_deviance"); !(d > 0.8 && d < 1.3) {
					t.Errorf("deviance %v, about 1 of counts with these rates", d)
				}
			case "quantile":
				near(t, "share below", share, 0.8, 0.05)
				if metric(t, o, run.PartTest, "pinball") <= 0 {
					t.Error("no pinball loss")
				}
			default:
				// The mean would be 10 too high.
				if off > 1 {
					t.Errorf("%v away from the middle", off)
				}
			}
		})
	}
}

// A loss of counts refuses what is none.
func TestPoissonOfNegativeNumbers(t *testing.T) {
	path := tableFile(t, 200)
	c := configure(t, path, "data: {source: {path: PATH}, target: amount, features: [a, b]}\nmodel: {kind: linear}\ntrain: {loss: poisson}\n")
	_, err := run.Train(t.Context(), c, run.Options{})
	if err == nil || !strings.Contains(err.Error(), `run.yaml:5:15: train.loss: poisson is of counts, and the target "amount" has the value -`) {
		t.Errorf("%v", err)
	}
}

// What the optimum cannot be found of in one go is trained by gradients where nothing is said, and told otherwise.
func TestNoExactSolver(t *testing.T) {
	path := tableFile(t, 300)
	data := "data: {source: {path: PATH}, target: amount, features: [a, b]}\n"
	o := train(t, configure(t, path, data+"model: {kind: linear}\ntrain: {loss: mae}\n"))
	if o.Result.Checkpoints == nil {
		t.Error("not trained by gradients")
	}
	if y := read(t, filepath.Join(o.Folder, "run.yaml")); !strings.Contains(y, "solver: gradient") {
		t.Errorf("run.yaml does not say so:\n%s", y)
	}
	_, err := run.Train(t.Context(), configure(t, path, data+"model: {kind: linear, solver: exact}\ntrain: {loss: mae}\n"), run.Options{})
	if err == nil || !strings.Contains(err.Error(), "which mae has not; use solver: gradient") {
		t.Errorf("%v", err)
	}
	separated := "data: {source: {path: PATH}, target: k, features: [a], task: multiclass}\nmodel: {kind: linear, l2: 0}\n"
	if _, err := run.Train(t.Context(), configure(t, path, separated), run.Options{}); err == nil || !strings.Contains(err.Error(), "set l2: 1") {
		t.Errorf("separated classes: %v", err)
	}
	train(t, configure(t, path, strings.Replace(separated, "l2: 0", "l2: 1", 1)))
}

// Of hashed values a linear model lists those that a row came to, however many there might be, and a list of all is read as well.
func TestCoefficientsOfHashedValues(t *testing.T) {
	c := configure(t, tableFile(t, 400), `
data: {source: {path: PATH}, target: k, ignore: [id, y, amount, w], columns: {city: {hash_buckets: 300000}}}
model: {kind: linear, solver: gradient}
train: {epochs: 1}
`)
	m := open(t, train(t, c).Folder)
	for _, k := range append([]model.Coefficients{*m.Coefficients}, m.Coefficients.More...) {
		if n := len(k.Features); n != 5 { // two numbers and three cities
			t.Errorf("class %s: %d coefficients, want 5: %v", k.Output, n, k.Features)
		}
	}
	all := *m.Coefficients
	all.Features = append(slices.Clone(all.Features), model.Coefficient{Feature: "city=#7"}, model.Coefficient{Feature: "b=#7"})
	if kept := withoutUnmoved(m.Encoder, &all).Features; len(kept) != 6 || kept[5].Feature != "b=#7" {
		t.Errorf("of a list of all, these are kept: %v", kept)
	}
}
