package emulator_test

import (
	"errors"
	"os"
	"testing"

	"debut/kernels/cuda/emulator"
)

// The libraries can be built, once.
func TestBuild(t *testing.T) {
	first, err := emulator.Build()
	if errors.Is(err, emulator.ErrUnavailable) {
		t.Skipf("the emulated GPU cannot be built here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(first.Driver)
	if err != nil {
		t.Fatal(err)
	}
	again, err := emulator.Build()
	if err != nil || again != first {
		t.Fatalf("%+v, %v, then %+v", first, err, again)
	}
	if after, err := os.Stat(again.Driver); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("it was built again: %v", err)
	}
	if _, err := os.Stat(first.BLAS); err != nil {
		t.Error(err)
	}
}
