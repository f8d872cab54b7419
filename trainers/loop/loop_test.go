package loop

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyPlan(t *rapid.T) Plan {
	p := Plan{
		Rows:       rapid.IntRange(1, 60).Draw(t, "rows"),
		Batch:      rapid.IntRange(1, 70).Draw(t, "batch"),
		Accumulate: rapid.IntRange(0, 4).Draw(t, "accumulate"),
		Epochs:     rapid.IntRange(1, 4).Draw(t, "epochs"),
		Shuffle:    rapid.Bool().Draw(t, "shuffle"),
		Seed:       rapid.Uint64().Draw(t, "seed"),
		Evaluate:   rapid.Bool().Draw(t, "evaluate"),
		Higher:     rapid.Bool().Draw(t, "higher"),
		MinDelta:   rapid.SampledFrom([]float64{0, 0.1}).Draw(t, "min_delta"),
	}
	if p.Evaluate {
		p.EvaluateSteps = rapid.IntRange(0, 5).Draw(t, "evaluate_steps")
		p.Patience = rapid.IntRange(0, 3).Draw(t, "patience")
	}
	return p
}

// score is a deterministic score with ups, downs and a NaN.
func score(s State) float64 {
	if s.Evaluated%7 == 3 {
		return math.NaN()
	}
	return math.Sin(float64(s.Evaluated*s.Evaluated) + float64(s.Plan.Seed%10))
}

// advance carries out one event and describes it.
func advance(l *Loop) (string, Event) {
	e := l.Next()
	if e.Kind == Evaluate {
		v, err := l.Observe(score(l.State()))
		return fmt.Sprintf("%v %+v %v %v", e.Kind, v, err, l.State()), e
	}
	return fmt.Sprintf("%+v %v", e, l.State()), e
}

// TestResume checks that N+M events are N events, a restart through JSON, and M events.
func TestResume(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := anyPlan(t)
		whole, err := New(plan)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for {
			text, e := advance(whole)
			want = append(want, text)
			if e.Kind == Done {
				break
			}
		}
		l, err := New(plan)
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(0, len(want)-1).Draw(t, "cut")
		for i := range want {
			if i == cut {
				if rapid.Bool().Draw(t, "before observing") {
					probe, err := Restore(plan, l.State())
					if err != nil {
						t.Fatal(err)
					}
					// An evaluation that was asked for but not done is asked for again.
					if e := probe.Next(); e.Kind == Evaluate {
						l = probe
					}
				}
				data, err := json.Marshal(l.State())
				if err != nil {
					t.Fatal(err)
				}
				var s State
				if err := json.Unmarshal(data, &s); err != nil {
					t.Fatal(err)
				}
				if l, err = Restore(plan, s); err != nil {
					t.Fatal(err)
				}
			}
			if got, _ := advance(l); got != want[i] {
				t.Fatalf("event %d after a restart at %d:\n got %s\nwant %s", i, cut, got, want[i])
			}
		}
	})
}

// TestEpochs checks the batches of an epoch: every row once, balanced, and steps
// that add up.
func TestEpochs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := anyPlan(t)
		plan.Patience = 0
		l, err := New(plan)
		if err != nil {
			t.Fatal(err)
		}
		var rows []int32
		smallest, largest, batches, steps, inStep, epochs := math.MaxInt, 0, 0, 0, 0, 0
		var evaluatedAt []int64
		left := l.RowsLeft()
		for done := false; !done; {
			e := l.Next()
			switch e.Kind {
			case Batch:
				if e.First != (inStep == 0) {
					t.Fatalf("batch %d of the epoch: First = %v", batches, e.First)
				}
				if len(e.Rows) == 0 || len(e.Rows) > plan.Batch {
					t.Fatalf("a batch of %d rows", len(e.Rows))
				}
				rows = append(rows, e.Rows...)
				inStep += len(e.Rows)
				batches++
				smallest, largest = min(smallest, len(e.Rows)), max(largest, len(e.Rows))
				left -= int64(len(e.Rows))
				if l.RowsLeft() != left {
					t.Fatalf("RowsLeft = %d, want %d", l.RowsLeft(), left)
				}
				if e.Step {
					if e.StepRows != inStep {
						t.Fatalf("a step of %d rows says %d", inStep, e.StepRows)
					}
					steps++
					inStep = 0
				}
			case Evaluate:
				if inStep != 0 {
					t.Fatal("an evaluation inside a step")
				}
				evaluatedAt = append(evaluatedAt, l.State().Step)
				if _, err := l.Observe(0); err != nil {
					t.Fatal(err)
				}
			case EpochEnd:
				if largest-smallest > 1 || batches != plan.Batches() || steps != plan.Steps() || inStep != 0 {
					t.Fatalf("batches of %d to %d rows, %d batches, %d steps", smallest, largest, batches, steps)
				}
				if e.Epoch != epochs {
					t.Fatalf("epoch %d, want %d", e.Epoch, epochs)
				}
				sorted := slices.Clone(rows)
				slices.Sort(sorted)
				for i, r := range sorted {
					if int(r) != i {
						t.Fatalf("rows of the epoch: %v", rows)
					}
				}
				if len(rows) != plan.Rows || !plan.Shuffle && !slices.IsSorted(rows) {
					t.Fatalf("rows of the epoch: %v", rows)
				}
				rows, smallest, largest, batches, steps = rows[:0], math.MaxInt, 0, 0, 0
				epochs++
			case Done:
				done = true
			}
		}
		s := l.State()
		if epochs != plan.Epochs || s.Stopped != StoppedEpochs || s.Rows != int64(plan.Rows*plan.Epochs) || s.Step != int64(plan.Steps()*plan.Epochs) {
			t.Fatalf("%d epochs, %+v", epochs, s)
		}
		var want []int64
		for step := int64(1); step <= s.Step && plan.Evaluate; step++ {
			if step%int64(plan.Steps()) == 0 || plan.EvaluateSteps > 0 && step%int64(plan.EvaluateSteps) == 0 {
				want = append(want, step)
			}
		}
		if !slices.Equal(evaluatedAt, want) {
			t.Fatalf("evaluated at steps %v, want %v", evaluatedAt, want)
		}
	})
}

func TestOrders(t *testing.T) {
	orders := func(seed uint64) [][]int32 {
		l, err := New(Plan{Rows: 50, Batch: 50, Epochs: 2, Shuffle: true, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		var out [][]int32
		for e := l.Next(); e.Kind != Done; e = l.Next() {
			if e.Kind == Batch {
				out = append(out, slices.Clone(e.Rows))
			}
		}
		return out
	}
	a, b, again := orders(1), orders(2), orders(1)
	if !reflect.DeepEqual(a, again) {
		t.Error("the same seed gives another order")
	}
	if slices.Equal(a[0], a[1]) || slices.Equal(a[0], b[0]) {
		t.Error("epochs or seeds share an order")
	}
}

// course runs a plan of one step an epoch over the scores and returns the verdicts.
func course(t *testing.T, p Plan, scores ...float64) (verdicts string, s State) {
	t.Helper()
	p.Rows, p.Batch, p.Epochs, p.Evaluate = 1, 1, len(scores), true
	l, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	for e := l.Next(); e.Kind != Done; e = l.Next() {
		if e.Kind != Evaluate {
			continue
		}
		v, err := l.Observe(scores[l.State().Epoch])
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case v.Improved:
			verdicts += "+"
		case v.Stop:
			verdicts += "!"
		default:
			verdicts += "-"
		}
	}
	return verdicts, l.State()
}

func TestEarlyStopping(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		plan    Plan
		scores  []float64
		want    string
		best    float64
		epoch   int
		stopped string
	}{
		{Plan{Higher: true, Patience: 2}, []float64{.5, .6, .6, .5, .9}, "++-!", .6, 1, StoppedEarly},
		{Plan{Higher: true, Patience: 2}, []float64{.5, .4, .6, .5, .9}, "+-+-+", .9, 4, StoppedEpochs},
		{Plan{Patience: 1}, []float64{3, 2, 1, 1}, "+++!", 1, 2, StoppedEarly},
		{Plan{Patience: 2, MinDelta: .5}, []float64{3, 2.6, 2.4, 2.3, 2.2}, "+-+-!", 2.4, 2, StoppedEarly},
		{Plan{}, []float64{1, 2, 3, 4}, "+---", 1, 0, StoppedEpochs},
		{Plan{Patience: 2}, []float64{nan, 5, inf, nan, -inf, 1}, "-+--!", 5, 1, StoppedEarly},
		{Plan{Patience: 2}, []float64{nan, nan, nan, 1}, "---+", 1, 3, StoppedEpochs},
	} {
		got, s := course(t, c.plan, c.scores...)
		if got != c.want || s.Best != c.best || s.BestEpoch != c.epoch || s.Stopped != c.stopped {
			t.Errorf("%v: %s %+v, want %s", c.scores, got, s, c.want)
		}
	}
}

func TestStopInsideEpoch(t *testing.T) {
	l, err := New(Plan{Rows: 10, Batch: 1, Epochs: 5, Evaluate: true, EvaluateSteps: 2, Patience: 1})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for {
		e := l.Next()
		kinds = append(kinds, e.Kind.String())
		if e.Kind == Done {
			break
		}
		if e.Kind == Evaluate {
			if _, err := l.Observe(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := "batch,batch,evaluate,batch,batch,evaluate,epoch end,done"
	if got := strings.Join(kinds, ","); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if l.RowsLeft() != 0 || l.Next().Kind != Done {
		t.Error("it goes on after the end")
	}
	if _, err := l.Observe(1); !errors.Is(err, ErrNotEvaluating) {
		t.Error(err)
	}
}

func TestMoreEpochs(t *testing.T) {
	plan := Plan{Rows: 4, Batch: 2, Epochs: 1}
	l, err := New(plan)
	if err != nil {
		t.Fatal(err)
	}
	for e := l.Next(); e.Kind != Done; {
		e = l.Next()
	}
	plan.Epochs = 2
	more, err := Restore(plan, l.State())
	if err != nil {
		t.Fatal(err)
	}
	if e := more.Next(); e.Kind != Batch || e.Epoch != 1 {
		t.Errorf("%+v", e)
	}
}

func TestInvalid(t *testing.T) {
	good := Plan{Rows: 10, Batch: 3, Epochs: 2, Seed: 1}
	for want, change := range map[string]func(*Plan){
		"0 rows": func(p *Plan) { p.Rows = 0 }, "2147483648 rows": func(p *Plan) { p.Rows = math.MaxInt32 + 1 },
		"batch of 0": func(p *Plan) { p.Batch = 0 }, "accumulation of -1": func(p *Plan) { p.Accumulate = -1 },
		"0 epochs": func(p *Plan) { p.Epochs = 0 }, "min_delta NaN": func(p *Plan) { p.MinDelta = math.NaN() },
		"patience of -1":          func(p *Plan) { p.Patience = -1 },
		"evaluation every -1":     func(p *Plan) { p.EvaluateSteps = -1 },
		"needs evaluations":       func(p *Plan) { p.Patience = 1 },
		"min_delta -1; it must b": func(p *Plan) { p.MinDelta = -1 },
	} {
		p := good
		change(&p)
		if _, err := New(p); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	l, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	l.Next()
	for want, change := range map[string]func(*Plan){
		"training rows 10, now it is 11": func(p *Plan) { p.Rows = 11 },
		"batch 3, now it is 4":           func(p *Plan) { p.Batch = 4 },
		"seed 1, now it is 2":            func(p *Plan) { p.Seed = 2 },
		"shuffle false":                  func(p *Plan) { p.Shuffle = true },
		"accumulate 1, now it is 2":      func(p *Plan) { p.Accumulate = 2 },
	} {
		p := good
		change(&p)
		if _, err := Restore(p, l.State()); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for want, change := range map[string]func(*State){
		"phase":                     func(s *State) { s.Phase = "x" },
		"counter":                   func(s *State) { s.Batch = 5 },
		"over but not closed":       func(s *State) { s.Batch = 4 },
		"best score":                func(s *State) { s.Best = math.NaN() },
		"finished for no reason":    func(s *State) { s.Phase = Finished },
		"epoch ends before it bega": func(s *State) { s.Phase, s.Batch = Closing, 0 },
	} {
		s := l.State()
		change(&s)
		if _, err := Restore(good, s); !errors.Is(err, ErrPlan) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	l, err := New(Plan{Rows: 1000, Batch: 10, Accumulate: 2, Epochs: 1000, Shuffle: true, Evaluate: true})
	if err != nil {
		t.Fatal(err)
	}
	epoch := func() {
		for {
			e := l.Next()
			if e.Kind == Evaluate {
				_, _ = l.Observe(1)
			}
			if e.Kind == EpochEnd {
				return
			}
		}
	}
	epoch()
	// The one is the random stream of the epoch; its 102 events make none.
	if n := testing.AllocsPerRun(50, epoch); n > 1 {
		t.Errorf("%v allocations an epoch", n)
	}
}
