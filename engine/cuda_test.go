package engine_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"debut/engine"
	"debut/engine/optim"
	"debut/kernels"
	"debut/kernels/cuda"
	"debut/kernels/cuda/cudatest"
)

// onGPU compares the loss and every gradient of a graph on a GPU, in float32, with those of the CPU in float64, which other tests
// hold against finite differences.
func onGPU(t *testing.T, rows int, prepare func(c *checker), build func(dt kernels.Dtype) (g *engine.Graph, loss *engine.Node, wrt []*engine.Node)) {
	t.Helper()
	run := func(dev kernels.Device, dt kernels.Dtype) *checker {
		g, loss, wrt := build(dt)
		must(t, g.Err())
		c := &checker{t: t, g: g, loss: loss, wrt: wrt, rows: rows}
		c.compileOn(dev, dt, engine.Options{})
		c.feed = feeds(g, rows, 11)
		prepare(c)
		return c
	}
	want, got := run(openCPU(t, 1), kernels.Float64), run(cudatest.Open(t, cuda.Options{}), kernels.Float32)
	w, l := want.run(), got.run()
	if !(math.Abs(w-l) <= 1e-5*math.Abs(w)) {
		t.Errorf("loss %v, on the CPU %v", l, w)
	}
	for i, n := range want.wrt {
		want.compare(n.Name(), got.gradient(got.wrt[i]), want.gradient(n), 2e-5)
	}
}

func TestOpGradientsOnGPU(t *testing.T) {
	cudatest.Use(t)
	for name, b := range opCases() {
		t.Run(name, func(t *testing.T) {
			onGPU(t, opBatch, func(*checker) {}, func(dt kernels.Dtype) (*engine.Graph, *engine.Node, []*engine.Node) {
				g := engine.NewGraph(dt, opBatch)
				out, wrt := b(g)
				return g, squared(g, out), wrt
			})
		})
	}
}

func TestNetworkGradientsOnGPU(t *testing.T) {
	cudatest.Use(t)
	const batch = 12
	for _, kind := range kernels.Losses() {
		for _, rows := range []int{batch, 7} {
			outputs := 1
			if kind.OfClass() || kind == kernels.ChainLoss {
				outputs = 3
			}
			t.Run(fmt.Sprintf("%v/%d rows", kind, rows), func(t *testing.T) {
				_, _, _, n := network(kernels.Float64, batch, outputs, kind)
				onGPU(t, rows, func(c *checker) {
					targets(c.feed["target"], kind, outputs)
					c.ids = networkIDs(n, rows, 9)
				}, func(dt kernels.Dtype) (*engine.Graph, *engine.Node, []*engine.Node) {
					g, loss, wrt, _ := network(dt, batch, outputs, kind)
					return g, loss, wrt
				})
			})
		}
	}
}

func onEmulated(t testing.TB, opt cuda.Options, accumulate int, o optim.Config, dropout float64) *training {
	t.Helper()
	return newTrainingOn(t, cudatest.Open(t, opt), 64, accumulate, o, dropout, kernels.Float32)
}

// Every optimizer on a GPU does what it does on the CPU in float64.
func TestTrainingOnGPU(t *testing.T) {
	cudatest.Use(t)
	for name, o := range optimizers() {
		for _, accumulate := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", name, accumulate), func(t *testing.T) {
				gpu := onEmulated(t, cuda.Options{}, accumulate, o, 0.3)
				cpu := newTraining(t, 2, 64, accumulate, o, 0.3, kernels.Float64)
				gpu.steps(0, 10, accumulate)
				cpu.steps(0, 10, accumulate)
				got, want := gpu.all(), cpu.all()
				for name := range want {
					for i, w := range want[name] {
						if d := math.Abs(got[name][i] - w); !(d <= 2e-3*math.Max(1, math.Abs(w))) {
							t.Fatalf("%s[%d]: %v, on the CPU %v", name, i, got[name][i], w)
						}
					}
				}
				if a, b := gpu.lossSum(), cpu.lossSum(); !(math.Abs(a-b) <= 1e-4*math.Abs(b)) {
					t.Errorf("losses add up to %v, on the CPU to %v", a, b)
				}
			})
		}
	}
}

// N+M steps on a GPU are N steps, a checkpoint, and M steps of another trainer, bit for bit; and steps captured as graphs are the
// same as uncaptured ones.
func TestResumedTrainingOnGPU(t *testing.T) {
	cudatest.Use(t)
	for name, o := range optimizers() {
		for _, accumulate := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", name, accumulate), func(t *testing.T) {
				whole := onEmulated(t, cuda.Options{}, accumulate, o, 0.3)
				whole.steps(0, 6, accumulate)
				plain := onEmulated(t, cuda.Options{Uncaptured: true}, accumulate, o, 0.3)
				plain.steps(0, 6, accumulate)
				equalBits(t, "uncaptured", plain.all(), whole.all())
				first := onEmulated(t, cuda.Options{}, accumulate, o, 0.3)
				first.steps(0, 3, accumulate)
				_, err := first.tr.Losses(true)
				must(t, err)
				f := written(t, first.tr.Sources())
				rest := onEmulated(t, cuda.Options{}, accumulate, o, 0.3)
				rest.steps(20, 22, accumulate)
				must(t, rest.tr.Load(f))
				must(t, rest.tr.SetCounters(first.tr.Counters()))
				rest.steps(3, 6, accumulate)
				equalBits(t, "resumed", rest.all(), whole.all())
			})
		}
	}
}

// A batch that is no number halts the device until somebody asks: nothing has learned from it or from what was queued behind.
func TestGuardOnGPU(t *testing.T) {
	cudatest.Use(t)
	o := optimizers()["adam"]
	for _, accumulate := range []int{1, 2} {
		for _, wait := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/wait=%v", accumulate, wait), func(t *testing.T) {
				want := onEmulated(t, cuda.Options{}, accumulate, o, 0.3)
				want.steps(0, 3, accumulate)
				got := onEmulated(t, cuda.Options{}, accumulate, o, 0.3)
				got.steps(0, 3, accumulate)
				// The first micro-batch of the fourth step.
				bad := func() (err error) {
					got.fill(3, 64*accumulate)
					got.w[0] = float32(math.NaN())
					for m := range accumulate {
						got.run(64*m, 64*(m+1), 64*accumulate, m == accumulate-1)
					}
					var step int
					for step = 4; step < 6; step++ {
						got.steps(step, step+1, accumulate)
					}
					if wait {
						_, err = got.tr.Losses(true)
						return err
					}
					for range 2 * kernels.GuardHistory {
						got.fill(step, 64*accumulate)
						if err := got.tr.Step(true, nil); err != nil {
							return err
						}
					}
					return nil
				}
				err := bad()
				var nonFinite *engine.NonFiniteError
				if !errors.As(err, &nonFinite) || nonFinite.Step != 3 {
					t.Fatalf("error %v", err)
				}
				if s := got.tr.Steps(); s != 3 {
					t.Errorf("the trainer is at step %d", s)
				}
				equalBits(t, "after a batch that is no number", got.all(), want.all())
				if what, err := got.tr.Diagnose(); err != nil || !strings.Contains(what, `input "weight"`) {
					t.Errorf("diagnosis %q, %v", what, err)
				}
				must(t, got.tr.SetCounters(want.tr.Counters()))
				got.steps(3, 6, accumulate)
				want.steps(3, 6, accumulate)
				equalBits(t, "going on", got.all(), want.all())
			})
		}
	}
}

func TestStepAllocatesNothingOnGPU(t *testing.T) {
	for _, accumulate := range []int{1, 2} {
		onEmulated(t, cuda.Options{}, accumulate, optimizers()["adam"], 0.2).allocatesNothing(accumulate)
	}
}
