package cpu

import (
	"testing"

	"debut/kernels"
)

// TestActivationsInPlainGo checks that every activation has its loops in the table that the other levels are compared with.
func TestActivationsInPlainGo(t *testing.T) {
	if have, want := len(activations[float32]()), len(kernels.Activations()); have != want {
		t.Fatalf("the table in activation.go has %d rows for %d activations %v", have, want, kernels.Activations())
	}
}
