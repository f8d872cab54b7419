package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"debut/engine"
	"debut/engine/optim"
	"debut/engine/safetensors"
	"debut/kernels"
)

// file is a checkpoint's tensors as a file in memory holds them.
type file struct {
	*safetensors.File
}

func (f file) ReadAt(name string, dst []byte, off int64) error {
	for _, t := range f.Tensors() {
		if t.Name == name {
			return f.File.ReadAt(t, dst, off)
		}
	}
	return fmt.Errorf("no tensor %q", name)
}

func written(t *testing.T, sources []safetensors.Source) file {
	t.Helper()
	var b bytes.Buffer
	must(t, safetensors.Stream(&b, sources, nil))
	f, err := safetensors.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	must(t, err)
	return file{f}
}

func (tr *training) steps(lo, hi, accumulate int) {
	for step := lo; step < hi; step++ {
		rows := tr.batch*accumulate - 5*(step%3)
		tr.fill(step, rows)
		for m := range accumulate {
			tr.run(m*rows/accumulate, (m+1)*rows/accumulate, rows, m == accumulate-1)
		}
	}
}

// N+M steps are N steps, a checkpoint, and M steps of another trainer that loads it, bit for bit: for every optimizer, under each
// schedule, with dropout, sparse tables, micro-batches and on other numbers of threads.
func TestResumedTrainingIsTheSame(t *testing.T) {
	schedules := []optim.Schedule{{}, {Kind: optim.Step, Every: 3, Gamma: 0.5}, {Kind: optim.Cosine, Warmup: 2, Total: 11}}
	for name, o := range optimizers() {
		for i, schedule := range schedules {
			for _, accumulate := range []int{1, 2} {
				t.Run(fmt.Sprintf("%s/%v/%d", name, schedule.Kind, accumulate), func(t *testing.T) {
					o.Schedule = schedule
					whole := newTraining(t, 2, 64, accumulate, o, 0.3, kernels.Float32)
					whole.steps(0, 12, accumulate)
					for _, at := range []int{0, 1, 5, 11} {
						first := newTraining(t, 1, 64, accumulate, o, 0.3, kernels.Float32)
						first.steps(0, at, accumulate)
						f := written(t, first.tr.Sources())
						snapshot, err := first.tr.SnapshotState(nil)
						must(t, err)
						if i == 0 { // what happens after a snapshot does not change it
							first.steps(at, at+1, accumulate)
						}
						for kind, from := range map[string]engine.StateReader{"file": f, "snapshot": snapshot, "snapshot in a file": written(t, snapshot.Sources())} {
							rest := newTraining(t, 3, 64, accumulate, o, 0.3, kernels.Float32)
							rest.steps(20, 22, accumulate) // leaves traces that loading must remove
							must(t, rest.tr.Load(from))
							must(t, rest.tr.SetCounters(snapshot.Counters))
							rest.steps(at, 12, accumulate)
							equalBits(t, fmt.Sprintf("resumed at step %d from a %s", at, kind), rest.all(), whole.all())
						}
					}
				})
			}
		}
	}
}

func equalBits(t *testing.T, what string, got, want map[string][]float64) {
	t.Helper()
	for name, w := range want {
		for i := range w {
			if math.Float64bits(got[name][i]) != math.Float64bits(w[i]) {
				t.Fatalf("%s: %s[%d] = %v, want %v", what, name, i, got[name][i], w[i])
			}
		}
	}
}

// A checkpoint that is not this trainer's is refused, and changes nothing.
func TestLoadRefusesOtherCheckpoints(t *testing.T) {
	tr := newTraining(t, 1, 32, 1, optim.Defaults(kernels.Adam), 0, kernels.Float32)
	tr.steps(0, 2, 1)
	before := tr.all()
	sources := tr.tr.Sources()
	other := func(edit func(s []safetensors.Source) []safetensors.Source) engine.StateReader {
		return written(t, edit(append([]safetensors.Source(nil), sources...)))
	}
	zeros := func(dst []byte, _ int64) error { clear(dst); return nil }
	sgd := newTraining(t, 1, 32, 1, optim.Defaults(kernels.SGD), 0, kernels.Float32)
	for want, r := range map[string]engine.StateReader{
		`has no tensor "parameter/hidden.0.weight"`: other(func(s []safetensors.Source) []safetensors.Source {
			for i := range s {
				if s[i].Name == "parameter/hidden.0.weight" {
					s[i].Name = "parameter/hidden.9.weight"
				}
			}
			return s
		}),
		`has a tensor "parameter/extra" that the model has not`: other(func(s []safetensors.Source) []safetensors.Source {
			return append(s, safetensors.Source{Name: "parameter/extra", Dtype: safetensors.F32, Shape: []int{1}, Read: zeros})
		}),
		"of shape": other(func(s []safetensors.Source) []safetensors.Source {
			s[0].Shape, s[0].Read = []int{3}, zeros
			return s
		}),
		`has no tensor "optimizer/`: written(t, sgd.tr.Sources()),
	} {
		if err := tr.tr.Load(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	equalBits(t, "after refused checkpoints", tr.all(), before)
	for _, c := range []engine.Counters{{Steps: -1}, {Steps: 2, Batches: 1}, {Rate: -1}, {Rate: math.NaN()}} {
		if err := tr.tr.SetCounters(c); err == nil {
			t.Errorf("counters %+v were accepted", c)
		}
	}
}

// A batch whose loss is not finite changes nothing, and its diagnosis names where the first such number comes from.
func TestGuardAndDiagnosis(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, tr *training)
		want  string
	}{
		"input": {func(_ *testing.T, tr *training) { tr.x[8] = float32(nan) }, `the input "numeric" holds NaN`},
		"parameter": {func(t *testing.T, tr *training) {
			w, err := tr.params.Read("hidden.1.weight")
			must(t, err)
			w[3] = nan
			must(t, tr.params.Write("hidden.1.weight", w))
		}, `parameter "hidden.1.weight" of layer "hidden.1" holds NaN since the update of step 3`},
		"overflow": {func(t *testing.T, tr *training) { // finite numbers whose product is not
			w, err := tr.params.Read("output.weight")
			must(t, err)
			for i := range w {
				w[i] = 3e38
			}
			must(t, tr.params.Write("output.weight", w))
		}, `layer "output": dense`},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTraining(t, 1, 32, 1, optim.Defaults(kernels.Adam), 0, kernels.Float32)
			tr.steps(0, 3, 1)
			tr.fill(3, 32)
			c.spoil(t, tr)
			before := tr.all()
			must(t, tr.tr.SetRows(32))
			must(t, engine.Feed(tr.tr.Program, "numeric", tr.x))
			must(t, engine.Feed(tr.tr.Program, "target", tr.y))
			must(t, engine.Feed(tr.tr.Program, "weight", tr.w))
			for _, g := range tr.groups() {
				must(t, tr.tr.FeedIDs(g.Input, tr.ids[g.Input]))
			}
			err := tr.tr.Step(true, nil)
			var bad *engine.NonFiniteError
			if !errors.As(err, &bad) || bad.Step != 3 || !strings.Contains(err.Error(), "step 4: the loss is") {
				t.Fatalf("error %v, want a NonFiniteError after step 3", err)
			}
			for name, w := range tr.all() {
				for i := range w {
					if math.Float64bits(w[i]) != math.Float64bits(before[name][i]) {
						t.Fatalf("%s[%d] changed from %v to %v", name, i, before[name][i], w[i])
					}
				}
			}
			text, err := tr.tr.Diagnose()
			must(t, err)
			if !strings.Contains(text, c.want) {
				t.Errorf("diagnosis %q, want %q", text, c.want)
			}
			if got := tr.tr.Counters(); got.Steps != 3 || got.Batches != 3 {
				t.Errorf("counters %+v after a refused step", got)
			}
		})
	}
}
