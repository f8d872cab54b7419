package run

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"debut/engine/safetensors"
	"debut/trainers/runfolder"
)

// oneTensor is a state of one number.
type oneTensor struct {
	State
	value    float64
	counters string
	looked   int
	sources  []safetensors.Source
}

func (o *oneTensor) Sources() []safetensors.Source { return o.sources }

func (o *oneTensor) Counters() (json.RawMessage, error) { return json.RawMessage(o.counters), nil }

func (o *oneTensor) NonFinite() (string, float64, error) {
	o.looked++
	if math.IsNaN(o.value) {
		return "tensor", o.value, nil
	}
	return "", 0, nil
}

// Tensors are looked through once between two batches, and again when they have become others.
func TestNonFiniteIsLookedForOnce(t *testing.T) {
	state := &oneTensor{value: math.NaN(), counters: `{"steps":3}`}
	k := &checkpointer{state: state}
	check := func(when, want string, looks int) {
		t.Helper()
		state.looked = 0
		name, value, err := k.nonFinite()
		if err != nil || name != want || (name != "") != math.IsNaN(value) || state.looked != looks {
			t.Errorf("%s: the tensor %q holds %v, %v, after %d looks; want %q after %d", when, name, value, err, state.looked, want, looks)
		}
	}
	check("never looked", "tensor", 1)
	check("not finite", "tensor", 1)
	k.finite, state.value = nil, 1 // as loading does
	check("another state", "", 1)
	state.value = math.NaN()
	check("as no batch came in between", "", 0)
	k.finite = nil
	check("loaded at the same step", "tensor", 1)
	k.finite, state.value = nil, 1
	check("loaded", "", 1)
	state.value, state.counters = math.NaN(), `{"steps":4}`
	check("after a batch", "tensor", 1)
}

// The first checkpoint by time comes as soon as it is affordable, and further ones whenever the process has run twice as long, up to the
// usual interval: also where writing fails. Not so where the run file says when.
func TestEarlyCheckpoints(t *testing.T) {
	three, begun := 3.0, time.Now()
	const second = time.Second
	for name, c := range map[string]struct {
		set    Checkpoints
		rows   int // of the state
		writes float64
		want   []time.Duration // after the beginning
	}{
		"small":            {Checkpoints{Keep: 3}, 100, .001, []time.Duration{2 * second, 4 * second, 8 * second, 16 * second}},
		"slow disk":        {Checkpoints{}, 100, .1, []time.Duration{2 * second, 20 * second, 40 * second, 80 * second}},
		"never written":    {Checkpoints{}, 100, -1, []time.Duration{2 * second, 4 * second, 8 * second, 16 * second}},
		"a gigabyte":       {Checkpoints{}, 1 << 20, 5, []time.Duration{300 * second, 800 * second, 1300 * second}},
		"later":            {Checkpoints{}, 1 << 17, .2, []time.Duration{69 * second, 138 * second, 276 * second, 552 * second, 852 * second}},
		"by the run file":  {Checkpoints{EveryMinutes: &three}, 100, .001, []time.Duration{180 * second, 360 * second}},
		"by steps besides": {Checkpoints{EverySteps: 1000}, 100, .001, []time.Duration{300 * second, 600 * second}},
	} {
		state := &oneTensor{sources: []safetensors.Source{{Name: "w", Dtype: safetensors.F32, Shape: []int{c.rows, 256}}}}
		k := &checkpointer{s: &session{started: begun}, state: state}
		k.settle(c.set)
		k.plan(begun, 0)
		for i, want := range c.want {
			if got := k.due.Sub(begun); (got - want).Abs() > want/10 {
				t.Errorf("%s: checkpoint %d is due after %v, want about %v", name, i+1, got, want)
				break
			}
			if c.writes >= 0 {
				k.stats.Written, k.stats.LastSeconds, k.stats.Seconds = k.stats.Written+1, c.writes, k.stats.Seconds+c.writes
			}
			k.plan(k.due, k.due.Sub(begun))
		}
	}
}

// The best state goes to the disk besides as long as all writing takes less than one percent of the time.
func TestAffordable(t *testing.T) {
	size := func(rows int) *oneTensor {
		return &oneTensor{sources: []safetensors.Source{{Name: "w", Dtype: safetensors.F32, Shape: []int{rows, 256}}}}
	}
	for _, c := range []struct {
		name  string
		state *oneTensor
		stats runfolder.CheckpointStats
		ran   time.Duration
		want  bool
	}{
		{"a small state, after two seconds", size(100), runfolder.CheckpointStats{}, 1990 * time.Millisecond, false},
		{"a small state, a little later", size(100), runfolder.CheckpointStats{}, 2100 * time.Millisecond, true},
		{"a gigabyte", size(1 << 20), runfolder.CheckpointStats{}, 8 * time.Minute, false},
		{"a gigabyte, later", size(1 << 20), runfolder.CheckpointStats{}, 10 * time.Minute, true},
		{"what was written counts", size(100), runfolder.CheckpointStats{Written: 3, Seconds: 0.9, LastSeconds: 0.2}, 100 * time.Second, false},
		{"as measured", size(100), runfolder.CheckpointStats{Written: 3, Seconds: 0.9, LastSeconds: 0.05}, 100 * time.Second, true},
	} {
		k := &checkpointer{state: c.state, stats: c.stats}
		if got := k.affordable(c.ran); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
