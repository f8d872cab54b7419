package run

import (
	"encoding/json"
	"math"
	"testing"
)

// oneTensor is a state of one number.
type oneTensor struct {
	State
	value    float64
	counters string
	looked   int
}

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
