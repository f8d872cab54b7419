package kernels

import (
	"fmt"
	"testing"
)

// Every value of an enumeration has a row in its table, and values are told apart by their names.
func TestEnumerations(t *testing.T) {
	check := func(kind string, count int, values []fmt.Stringer) {
		if len(values) != count || count == 0 {
			t.Errorf("%s: %d values are listed, there are %d", kind, len(values), count)
		}
		seen := map[string]bool{}
		for i, v := range values {
			if v.String() == "" || seen[v.String()] {
				t.Errorf("%s %d is called %q, as another or not at all", kind, i, v)
			}
			seen[v.String()] = true
		}
	}
	check("activation", int(activationCount), stringers(Activations()))
	check("optimizer", int(optimizerCount), stringers(Optimizers()))
	check("loss", int(lossCount), stringers(Losses()))
	check("binary operation", int(binaryCount), stringers(BinaryKinds()))
	for _, beyond := range []fmt.Stringer{Activation(activationCount), OptimizerKind(optimizerCount), LossKind(lossCount), BinaryKind(binaryCount)} {
		if s := beyond.String(); s[len(s)-1] != ')' {
			t.Errorf("a value that is none is called %q", s)
		}
	}
}

func stringers[E fmt.Stringer](values []E) []fmt.Stringer {
	out := make([]fmt.Stringer, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
