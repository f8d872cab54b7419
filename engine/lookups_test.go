package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"debut/engine"
	"debut/engine/ops"
	"debut/engine/optim"
	"debut/kernels"
)

// A table that is looked up by several fields, once more, and by rows that a batch shares, moves by what all of them say of a row: against
// finite differences, for batches that are not full and for a step of two of them.
func TestLookupsOfOneTable(t *testing.T) {
	const batch, shared, rows, width, rate = 6, 4, 9, 3, 0.01
	table := engine.ParameterSpec{Name: "table", Shape: []int{rows, width}, Init: engine.Normal, Scale: 1}
	for _, micros := range []int{1, 2} {
		t.Run(fmt.Sprint(micros), func(t *testing.T) {
			dev := openCPU(t, 2)
			g := engine.NewGraph(kernels.Float64, batch)
			sum := g.Apply(ops.NewSumFields(2), g.Lookup("pair", table, 2), g.Input("shares", 2))
			x := g.Apply(ops.NewMultiply(), g.Apply(ops.NewNormalizeRows(), sum), g.Lookup("one", table, 1))
			loss := lossOf(g, kernels.SquaredLoss, g.Apply(ops.NewMatMul(false, true), x, g.FixedLookup("shared", table, shared)))
			must(t, g.Differentiate(loss))
			o := optim.Defaults(kernels.SGD)
			o.LearningRate = rate
			opt := engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float64, 3)}, Loss: loss, Optimizer: o, Accumulate: micros}
			estimate, err := engine.EstimateTrainer(g, opt)
			must(t, err)
			tr, err := engine.NewTrainer(g, opt)
			must(t, err)
			got := dev.Memory()
			delete(got, "scratch")
			if !maps.Equal(got, estimate) {
				t.Errorf("the trainer takes %v bytes, estimated %v", got, estimate)
			}
			check := engine.Options{Device: dev, Parameters: opt.Parameters, Outputs: []*engine.Node{loss}}
			p, err := engine.Compile(g, check)
			must(t, err)

			// Ids come twice in a lookup, in several, and some are none.
			feed := func(p *engine.Program, micro int) {
				n := batch - 1 - micro
				must(t, p.SetRows(n))
				for name, v := range feeds(g, n, uint64(5+micro)) {
					must(t, engine.Feed(p, name, v))
				}
				pair, one, all := make([]int32, 2*n), make([]int32, n), make([]int32, shared)
				for i := range pair {
					pair[i] = int32(i*5+micro)%rows - 1
				}
				for i := range one {
					one[i] = int32(i*2+micro) % 5
				}
				for i := range all {
					all[i] = int32(i*i+micro)%rows + int32(i/3)*20
				}
				must(t, p.FeedIDs("pair", pair))
				must(t, p.FeedIDs("one", one))
				must(t, p.FeedIDs("shared", all))
			}
			value := func() (sum float64) {
				for micro := range micros {
					feed(p, micro)
					must(t, p.Run())
					var v [1]float64
					_, err := engine.Read(p, loss, v[:])
					must(t, err)
					sum += v[0]
				}
				return sum
			}
			before, err := opt.Parameters.Read("table")
			must(t, err)
			want := make([]float64, len(before))
			const h = 1e-5
			for i, old := range before {
				for _, side := range []float64{1, -1} {
					before[i] = old + side*h
					must(t, opt.Parameters.Write("table", before))
					want[i] += side * value() / (2 * h)
				}
				before[i] = old
			}
			must(t, opt.Parameters.Write("table", before))
			for micro := range micros {
				feed(tr.Program, micro)
				must(t, tr.Step(micro == micros-1, nil))
			}
			after, err := opt.Parameters.Read("table")
			must(t, err)
			moved := 0
			for i := range after {
				if d := (before[i] - after[i]) / rate; math.Abs(d-want[i]) > 1e-6*(1+math.Abs(want[i])) {
					t.Errorf("row %d, column %d: the gradient is %v, by differences %v", i/width, i%width, d, want[i])
				}
				if want[i] != 0 {
					moved++
				}
			}
			if moved < len(after)/2 {
				t.Errorf("%d of %d numbers have a gradient", moved, len(after))
			}
		})
	}
}

// Tables that are looked up by the same ids have the bits of those that are looked up by ids of their own, with one sort instead of two.
func TestTablesOfTheSameIDs(t *testing.T) {
	const batch, fields, rows, width = 8, 3, 11, 4
	for _, micros := range []int{1, 2} {
		train := func(wideIDs string) (values map[string][]float64, plans int) {
			dev := openCPU(t, 2)
			g := engine.NewGraph(kernels.Float32, batch)
			factors := engine.ParameterSpec{Name: "factors", Shape: []int{rows, width}, Init: engine.Normal, Scale: 0.3}
			wide := engine.ParameterSpec{Name: "wide", Shape: []int{rows, 1}, Init: engine.Normal, Scale: 0.3}
			sum := g.Apply(ops.NewSumFields(fields), g.Lookup("ids", factors, fields), g.Input("shares", fields))
			one := g.Apply(ops.NewSumFields(fields), g.Lookup(wideIDs, wide, fields), g.Input("all", fields))
			of := g.Apply(ops.NewMatMul(false, false), sum, g.Parameter(engine.ParameterSpec{Name: "w", Shape: []int{width, 1}, Init: engine.Ones}))
			loss := lossOf(g, kernels.SquaredLoss, g.Apply(ops.NewAdd(), of, one))
			must(t, g.Differentiate(loss))
			opt := engine.TrainerOptions{
				Options: engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float32, 3)}, Loss: loss,
				Optimizer: optim.Defaults(kernels.Adam), Accumulate: micros,
			}
			estimate, err := engine.EstimateTrainer(g, opt)
			must(t, err)
			tr, err := engine.NewTrainer(g, opt)
			must(t, err)
			got := dev.Memory()
			delete(got, "scratch")
			if !maps.Equal(got, estimate) {
				t.Errorf("the trainer takes %v bytes, estimated %v", got, estimate)
			}
			var profile engine.Profile
			for step := range 6 {
				n := batch - step%2
				must(t, tr.SetRows(n))
				for name, v := range feeds(g, n, uint64(step)) {
					must(t, engine.Feed(tr.Program, name, v))
				}
				ids := make([]int32, n*fields)
				for i := range ids {
					ids[i] = int32((i*7+step*5)%(rows+2)) - 1
				}
				must(t, tr.FeedIDs("ids", ids))
				must(t, tr.FeedIDs(wideIDs, ids))
				must(t, tr.Step(step%micros == micros-1, &profile))
			}
			values = map[string][]float64{}
			for _, p := range opt.Parameters.All() {
				values[p.Spec.Name], err = opt.Parameters.Read(p.Spec.Name)
				must(t, err)
			}
			for _, e := range profile.Entries() {
				if e.Name == "segment plan" {
					plans = e.Runs
				}
			}
			return values, plans
		}
		shared, once := train("ids")
		apart, twice := train("others")
		if once != 6/micros || twice != 2*once {
			t.Errorf("%d micro-batches: %d sorts with shared ids, %d without", micros, once, twice)
		}
		for name, want := range apart {
			if !slices.Equal(shared[name], want) {
				t.Errorf("%d micro-batches: %s is %v with shared ids, %v without", micros, name, shared[name], want)
			}
		}
	}
}

// A pooled lookup is one whose fields are added up, and trains its table as that does: alone, beside another lookup, and in micro-batches.
func TestPooledLookup(t *testing.T) {
	const batch, fields, rows, width = 7, 4, 9, 3
	table := engine.ParameterSpec{Name: "table", Shape: []int{rows, width}, Init: engine.Normal, Scale: 1}
	train := func(pooled, again bool, micros int) (losses, values []float64, kernelsRun map[string]bool) {
		dev := openCPU(t, 2)
		g := engine.NewGraph(kernels.Float64, batch)
		var x *engine.Node
		if pooled {
			x = g.PooledLookup("list", "shares", table, fields)
		} else {
			x = g.Apply(ops.NewSumFields(fields), g.Lookup("list", table, fields), g.Input("shares", fields))
		}
		if again {
			x = g.Apply(ops.NewMultiply(), x, g.Lookup("one", table, 1))
		}
		loss := squared(g, x)
		must(t, g.Differentiate(loss))
		opt := engine.TrainerOptions{
			Options: engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float64, 3)}, Loss: loss,
			Optimizer: optim.Defaults(kernels.Adagrad), Accumulate: micros,
		}
		estimate, err := engine.EstimateTrainer(g, opt)
		must(t, err)
		tr, err := engine.NewTrainer(g, opt)
		must(t, err)
		got := dev.Memory()
		delete(got, "scratch")
		if !maps.Equal(got, estimate) {
			t.Errorf("the trainer takes %v bytes, estimated %v", got, estimate)
		}
		var profile engine.Profile
		for step := range 6 {
			n := batch - step%3
			must(t, tr.SetRows(n))
			for name, v := range feeds(g, n, uint64(step)) {
				if name != "shares" {
					must(t, engine.Feed(tr.Program, name, v))
				}
			}
			list, shares, one := make([]int32, n*fields), make([]float64, n*fields), make([]int32, n)
			for i := range list {
				list[i], shares[i] = int32((i*5+step)%rows), 1/float64(1+i%3)
				if i%fields > i/fields%fields { // lists are of lengths 1 to fields
					list[i], shares[i] = -1, 77
				}
			}
			for i := range one {
				one[i] = int32(i*step) % rows
			}
			must(t, tr.FeedIDs("list", list))
			must(t, engine.Feed(tr.Program, "shares", shares))
			must(t, tr.FeedIDs("one", one))
			must(t, tr.Step(step%micros == micros-1, &profile))
		}
		losses, err = tr.Losses(true)
		must(t, err)
		losses = slices.Clone(losses)
		values, err = opt.Parameters.Read("table")
		must(t, err)
		kernelsRun = map[string]bool{}
		for _, e := range profile.Entries() {
			kernelsRun[e.Name] = true
		}
		return losses, values, kernelsRun
	}
	for _, again := range []bool{false, true} {
		for _, micros := range []int{1, 3} {
			losses, values, run := train(true, again, micros)
			wantLosses, want, _ := train(false, again, micros)
			if !run["gather and sum"] || run["sum of fields"] || run["sum of fields gradient"] == (!again && micros == 1) {
				t.Errorf("looked up again %t, %d micro-batches: kernels %v", again, micros, run)
			}
			for i, v := range losses {
				if math.Abs(v-wantLosses[i]) > 1e-12 {
					t.Errorf("looked up again %t, %d micro-batches: loss %d is %v, want %v", again, micros, i, v, wantLosses[i])
				}
			}
			for i, v := range values {
				if math.Abs(v-want[i]) > 1e-12 {
					t.Errorf("looked up again %t, %d micro-batches: value %d is %v, want %v", again, micros, i, v, want[i])
				}
			}
		}
	}
}

// Tables may have an optimizer of their own, whose L2 is by occurrence: where nothing else has a gradient, a row shrinks by the share of the
// step's rows that look it up, however they are cut into micro-batches.
func TestOptimizerOfTables(t *testing.T) {
	const batch, fields, rows, width, rate, l2 = 10, 2, 7, 3, 0.5, 0.2
	for _, micros := range []int{1, 3} {
		dev := openCPU(t, 2)
		g := engine.NewGraph(kernels.Float64, batch)
		table := engine.ParameterSpec{Name: "table", Shape: []int{rows, width}, Init: engine.Normal, Scale: 1}
		w := g.Parameter(engine.ParameterSpec{Name: "w", Shape: []int{fields * width, 1}, Init: engine.Ones, Decay: true})
		loss := lossOf(g, kernels.SquaredLoss, g.Apply(ops.NewMatMul(false, false), g.Lookup("ids", table, fields), w))
		must(t, g.Differentiate(loss))
		dense, own := optim.Defaults(kernels.Adam), optim.Defaults(kernels.SGD)
		own.LearningRate, own.L2, dense.ClipNorm = rate, l2, 1
		opt := engine.TrainerOptions{
			Options: engine.Options{Device: dev, Parameters: engine.NewParameters(dev, kernels.Float64, 3)}, Loss: loss,
			Optimizer: dense, Tables: &own, Accumulate: micros,
		}
		estimate, err := engine.EstimateTrainer(g, opt)
		must(t, err)
		tr, err := engine.NewTrainer(g, opt)
		must(t, err)
		got := dev.Memory()
		delete(got, "scratch")
		if !maps.Equal(got, estimate) {
			t.Errorf("the trainer takes %v bytes, estimated %v", got, estimate)
		}
		before, err := opt.Parameters.Read("table")
		must(t, err)
		occurs, total := make([]float64, rows), 0
		for micro := range micros {
			n := batch - micro
			total += n
			must(t, tr.SetRows(n))
			for name, v := range feeds(g, n, 3) {
				if name == "weight" {
					clear(v)
				}
				must(t, engine.Feed(tr.Program, name, v))
			}
			ids := make([]int32, n*fields)
			for i := range ids {
				ids[i] = int32(i*i+micro)%(rows+1) - 1
				if ids[i] >= 0 {
					occurs[ids[i]]++
				}
			}
			must(t, tr.FeedIDs("ids", ids))
			must(t, tr.Step(micro == micros-1, nil))
		}
		after, err := opt.Parameters.Read("table")
		must(t, err)
		for i, v := range after {
			if want := before[i] * (1 - rate*l2*occurs[i/width]/float64(total)); math.Abs(v-want) > 1e-12 {
				t.Errorf("%d micro-batches: row %d, which occurs %v times in %d rows, is %v, want %v", micros, i/width, occurs[i/width], total, v, want)
			}
		}
		for _, s := range tr.Sources() {
			if s.Name == "optimizer/table.m" || s.Name == "optimizer/table.v" {
				t.Errorf("the table has %s, its optimizer has no state", s.Name)
			}
		}
	}
}

// What cannot be looked up by the same ids is told.
func TestIDsOfAnotherShape(t *testing.T) {
	table := func(name string) engine.ParameterSpec { return engine.ParameterSpec{Name: name, Shape: []int{5, 2}} }
	for what, again := range map[string]func(g *engine.Graph){
		"the same table": func(g *engine.Graph) { g.Lookup("ids", table("a"), 2) },
		"other fields":   func(g *engine.Graph) { g.Lookup("ids", table("b"), 3) },
		"other rows":     func(g *engine.Graph) { g.FixedLookup("ids", table("b"), 4) },
		"weights of another shape": func(g *engine.Graph) {
			g.PooledLookup("list", "shares", table("b"), 3)
			g.PooledLookup("more", "shares", table("b"), 2)
		},
	} {
		g := engine.NewGraph(kernels.Float32, 4)
		g.Lookup("ids", table("a"), 2)
		if again(g); !errors.Is(g.Err(), kernels.ErrShape) {
			t.Errorf("%s: error %v", what, g.Err())
		}
	}
}
