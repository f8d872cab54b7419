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
