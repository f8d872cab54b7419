package engine_test

import (
	"fmt"
	"maps"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"testing"

	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/philox"
	"debut/layers"
)

// training is a float32 network in training on random data.
type training struct {
	t      testing.TB
	net    layers.Network
	params *engine.Parameters
	tr     *engine.Trainer
	batch  int
	x      []float32
	y, w   []float32
	ids    map[string][]int32
	scale  [1]float32
}

func newTraining(t testing.TB, threads, batch, accumulate int, o optim.Config, dropout float64, dt kernels.Dtype) *training {
	t.Helper()
	return newTrainingOn(t, openCPU(t, threads), batch, accumulate, o, dropout, dt)
}

func newTrainingOn(t testing.TB, dev kernels.Device, batch, accumulate int, o optim.Config, dropout float64, dt kernels.Dtype) *training {
	t.Helper()
	n := layers.Network{
		Numeric: []layers.Numeric{{Name: "a", Edges: []float64{-1, 0, 1}}, {Name: "b"}},
		Fields:  []layers.Field{{Name: "u", Cardinality: 40, Dim: 3}, {Name: "v", Cardinality: 7, Dim: 3}, {Name: "w", Cardinality: 5, Dim: 2}},
		Hidden:  []layers.Block{{Units: 33, Dropout: dropout}, {Units: 17, Activation: "tanh"}},
		Outputs: 1,
	}
	g := engine.NewGraph(dt, batch)
	loss := layers.BuildLoss(&layers.Builder{Graph: g, Training: true, Seed: 5}, kernels.LogisticLoss, 0, n.Build(&layers.Builder{Graph: g, Training: true, Seed: 5}))
	must(t, g.Differentiate(loss))
	p := engine.NewParameters(dev, dt, 11)
	opt := engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: p}, Loss: loss, Optimizer: o, Accumulate: accumulate}
	before := dev.Memory()
	estimate, err := engine.EstimateTrainer(g, opt)
	must(t, err)
	if after := dev.Memory(); !maps.Equal(before, after) {
		t.Errorf("estimating allocated: %v, before %v", after, before)
	}
	tr, err := engine.NewTrainer(g, opt)
	must(t, err)
	got := dev.Memory()
	for _, p := range []string{"scratch", "control", "staging", "cuBLAS workspace"} { // the device's own
		delete(got, p)
	}
	if !maps.Equal(got, estimate) {
		t.Errorf("the trainer takes %v bytes, estimated %v", got, estimate)
	}
	return &training{t: t, net: n, params: p, tr: tr, batch: batch, ids: map[string][]int32{}}
}

// fill makes rows of data, a function of the step.
func (tr *training) fill(step, rows int) {
	rnd := philox.New(3, uint64(step))
	tr.x, tr.y, tr.w = tr.x[:0], tr.y[:0], tr.w[:0]
	for k := range tr.ids {
		tr.ids[k] = tr.ids[k][:0]
	}
	for range rows {
		a, b := rnd.NormFloat64(), rnd.NormFloat64()
		tr.x = append(tr.x, float32(a), float32(b))
		tr.w = append(tr.w, float32(0.5+rnd.Float64()))
		y := float32(0)
		if a*b > 0 {
			y = 1
		}
		tr.y = append(tr.y, y)
		for _, g := range tr.net.IDInputs() {
			for i, f := range g.Fields {
				tr.ids[g.Input] = append(tr.ids[g.Input], int32(g.Offsets[i]+rnd.IntN(tr.net.Fields[f].Cardinality)))
			}
		}
	}
}

// run feeds rows lo … hi−1 of what fill made, in a step of stepRows rows.
func (tr *training) run(lo, hi, stepRows int, last bool) {
	must(tr.t, tr.tr.SetRows(hi-lo))
	must(tr.t, engine.Feed(tr.tr.Program, layers.InputNumeric, tr.x[2*lo:2*hi]))
	must(tr.t, engine.Feed(tr.tr.Program, layers.InputTarget, tr.y[lo:hi]))
	must(tr.t, engine.Feed(tr.tr.Program, layers.InputWeight, tr.w[lo:hi]))
	tr.scale[0] = 1 / float32(stepRows)
	must(tr.t, engine.Feed(tr.tr.Program, layers.InputScale, tr.scale[:]))
	for i := range tr.net.IDInputs() {
		g := tr.groups()[i]
		must(tr.t, tr.tr.FeedIDs(g.Input, tr.ids[g.Input][lo*len(g.Fields):hi*len(g.Fields)]))
	}
	must(tr.t, tr.tr.Step(last, nil))
}

func (tr *training) groups() []layers.Group { return tr.net.IDInputs() }

func (tr *training) all() map[string][]float64 {
	out := map[string][]float64{}
	for _, p := range tr.params.All() {
		v, err := tr.params.Read(p.Spec.Name)
		must(tr.t, err)
		out[p.Spec.Name] = v
	}
	return out
}

func optimizers() map[string]optim.Config {
	out := map[string]optim.Config{}
	for _, k := range kernels.Optimizers() {
		o := optim.Defaults(k)
		o.LearningRate = 0.01
		o.ClipNorm = 0.5
		if k != kernels.AdamW {
			o.L2 = 1e-3
		}
		out[k.String()] = o
	}
	return out
}

// The same bits for any number of threads, with dropout, clipping, partial batches and sparse updates.
func TestTrainingIsDeterministic(t *testing.T) {
	for name, o := range optimizers() {
		t.Run(name, func(t *testing.T) {
			var want map[string][]float64
			for _, threads := range []int{1, 2, 3, 7} {
				tr := newTraining(t, threads, 96, 1, o, 0.3, kernels.Float32)
				for step := range 12 {
					rows := 96 - 7*(step%3)
					tr.fill(step, rows)
					tr.run(0, rows, rows, true)
				}
				got := tr.all()
				if want == nil {
					want = got
					continue
				}
				for p := range want {
					if !slices.Equal(got[p], want[p]) {
						t.Fatalf("%s differs between 1 and %d threads", p, threads)
					}
				}
			}
		})
	}
}

// A network learns: a test of signs and wiring that no gradient check of parts replaces.
// lossSum returns the sum of the losses of the steps since it was last called.
func (tr *training) lossSum() (sum float64) {
	tr.t.Helper()
	losses, err := tr.tr.Losses(true)
	must(tr.t, err)
	for _, v := range losses {
		sum += v
	}
	return sum
}

func TestTrainingLearns(t *testing.T) {
	for name, o := range optimizers() {
		t.Run(name, func(t *testing.T) {
			o.ClipNorm = 0
			o.LearningRate = map[string]float64{"sgd": 0.5, "momentum": 0.1, "nesterov": 0.1, "adagrad": 0.05, "rowwise_adagrad": 0.05, "ftrl": 0.1}[name]
			if o.LearningRate == 0 {
				o.LearningRate = 0.01
			}
			tr := newTraining(t, 2, 128, 1, o, 0, kernels.Float32)
			mean := func(steps, from int) float64 {
				for s := range steps {
					tr.fill(from+s, 128)
					tr.run(0, 128, 128, true)
				}
				return tr.lossSum() / float64(steps)
			}
			first := mean(5, 0)
			mean(290, 5)
			if last := mean(5, 295); !(last < 0.5*first) {
				t.Errorf("loss %.4f at first, %.4f after 300 steps", first, last)
			}
		})
	}
}

// Micro-batches add up to the large batch, but for batch norm, which this network is therefore without.
func TestAccumulation(t *testing.T) {
	no := false
	build := func(batch, accumulate int) *training {
		n := layers.Network{
			Numeric: []layers.Numeric{{Name: "a"}, {Name: "b"}},
			Fields:  []layers.Field{{Name: "u", Cardinality: 9, Dim: 3}},
			Hidden:  []layers.Block{{Units: 6, BatchNorm: &no, Activation: "tanh"}},
			Outputs: 1,
		}
		dev := openCPU(t, 2)
		g := engine.NewGraph(kernels.Float64, batch)
		b := &layers.Builder{Graph: g, Training: true}
		loss := layers.BuildLoss(b, kernels.LogisticLoss, 0, n.Build(b))
		must(t, g.Differentiate(loss))
		p := engine.NewParameters(dev, kernels.Float64, 11)
		o := optim.Defaults(kernels.Adam)
		o.ClipNorm = 0.05
		tr, err := engine.NewTrainer(g, engine.TrainerOptions{Options: engine.Options{Device: dev, Parameters: p}, Loss: loss, Optimizer: o, Accumulate: accumulate})
		must(t, err)
		return &training{t: t, net: n, params: p, tr: tr, batch: batch, ids: map[string][]int32{}}
	}
	large, small := build(30, 1), build(12, 3)
	for step := range 20 {
		rows := 30 - step%2*20 // every other step has one micro-batch only
		large.fill(step, rows)
		small.fill(step, rows)
		large.run(0, rows, rows, true)
		for lo := 0; lo < rows; lo += 12 {
			hi := min(lo+12, rows)
			small.run(lo, hi, rows, hi == rows)
		}
	}
	if large.tr.Steps() != 20 || small.tr.Steps() != 20 {
		t.Fatalf("%d and %d steps", large.tr.Steps(), small.tr.Steps())
	}
	want, got := large.all(), small.all()
	for name := range want {
		for i := range want[name] {
			if d := math.Abs(got[name][i] - want[name][i]); d > 1e-9 {
				t.Fatalf("%s[%d]: %v accumulated, %v at once", name, i, got[name][i], want[name][i])
			}
		}
	}
	if a, b := large.lossSum(), small.lossSum(); math.Abs(a-b) > 1e-9 || a == 0 {
		t.Errorf("losses %v and %v", a, b)
	}
	small.fill(0, 30)
	for range 3 {
		small.run(0, 5, 15, false)
	}
	if err := small.tr.Step(true, nil); err == nil {
		t.Error("a fourth of three micro-batches is no error")
	}
}

// Only rows of the batch change, whatever the optimizer.
func TestUntouchedRowsStay(t *testing.T) {
	for name, o := range optimizers() {
		t.Run(name, func(t *testing.T) {
			tr := newTraining(t, 2, 16, 1, o, 0, kernels.Float32)
			before := tr.all()["embedding.3"]
			touched := map[int32]bool{}
			for step := range 3 {
				tr.fill(step, 8)
				for _, id := range tr.ids["ids.3"] {
					touched[id] = true
				}
				tr.run(0, 8, 8, true)
			}
			after := tr.all()["embedding.3"]
			for r := range len(after) / 3 {
				same := slices.Equal(after[3*r:3*r+3], before[3*r:3*r+3])
				if same == touched[int32(r)] {
					t.Errorf("row %d: touched %v, unchanged %v", r, touched[int32(r)], same)
				}
			}
			if len(touched) == len(after)/3 {
				t.Error("every row was touched; the test shows nothing")
			}
		})
	}
}

// A step allocates nothing on the Go heap.
func TestStepAllocatesNothing(t *testing.T) {
	for _, accumulate := range []int{1, 2} {
		t.Run(fmt.Sprint(accumulate), func(t *testing.T) {
			newTraining(t, 2, 64, accumulate, optimizers()["adam"], 0.2, kernels.Float32).allocatesNothing(accumulate)
		})
	}
}

// allocatesNothing counts the allocations of steps on partial batches.
func (tr *training) allocatesNothing(accumulate int) {
	t := tr.t
	t.Helper()
	tr.fill(0, 64)
	groups := tr.groups()
	step := func() {
		for m := range accumulate {
			must(t, tr.tr.SetRows(60))
			must(t, engine.Feed(tr.tr.Program, layers.InputNumeric, tr.x[:120]))
			must(t, engine.Feed(tr.tr.Program, layers.InputTarget, tr.y[:60]))
			must(t, engine.Feed(tr.tr.Program, layers.InputWeight, tr.w[:60]))
			must(t, engine.Feed(tr.tr.Program, layers.InputScale, tr.scale[:]))
			for _, g := range groups {
				must(t, tr.tr.FeedIDs(g.Input, tr.ids[g.Input][:60*len(g.Fields)]))
			}
			must(t, tr.tr.Step(m == accumulate-1, nil))
		}
		_, err := tr.tr.Losses(false)
		must(t, err)
	}
	for range kernels.GuardHistory {
		step()
	}
	if n := testing.AllocsPerRun(2*kernels.GuardHistory, step); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

func TestProfileAddsUp(t *testing.T) {
	tr := newTraining(t, 1, 32, 1, optim.Defaults(kernels.Adam), 0, kernels.Float32)
	var pr engine.Profile
	tr.fill(0, 32)
	tr.run(0, 32, 32, true)
	for range 3 {
		must(t, tr.tr.Step(true, &pr))
		pr.EndStep()
	}
	runs, flops := 0, 0.0
	for _, e := range pr.Entries() {
		runs += e.Runs
		flops += e.FLOPs
	}
	if runs%3 != 0 || runs < 3*20 || flops == 0 {
		t.Errorf("%d kernel runs of %v FLOP in 3 steps", runs, flops)
	}
}

// Resident memory at step 50,000 is that at step 1,000, within a hundredth.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: 50,000 steps")
	}
	tr := newTraining(t, 2, 32, 1, optim.Defaults(kernels.Adam), 0.1, kernels.Float32)
	tr.fill(0, 32)
	tr.run(0, 32, 32, true)
	residentBytes(t) // what reading it takes is there from now on
	var early int64
	for step := 1; step <= 50_000; step++ {
		must(t, tr.tr.Step(true, nil))
		if step == 1000 {
			early = residentBytes(t)
		}
	}
	late := residentBytes(t)
	t.Logf("%d bytes at step 1,000, %d at step 50,000", early, late)
	if float64(late) > 1.01*float64(early) {
		t.Errorf("%d bytes at step 1,000, %d at step 50,000", early, late)
	}
}

func residentBytes(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory() // what garbage is left says nothing about the steps
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("resident memory is read from /proc: %v", err)
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
