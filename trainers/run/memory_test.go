package run

import (
	"errors"
	"strings"
	"testing"

	"debut/kernels"
)

func TestMemoryError(t *testing.T) {
	need := map[string]int64{"parameters": 3 << 30, "optimizer state": 6 << 30, "activations": 5 << 20}
	err := Memory{Remedies: map[string]string{"parameters": "fewer values"}}.tooLarge(need, 8<<30, 77)
	if !errors.Is(err, kernels.ErrOutOfMemory) {
		t.Fatal(err)
	}
	for _, want := range []string{"about 9.0 GiB", "optimizer state 6.0 GiB, parameters 3.0 GiB, activations 5.0 MiB", "8.0 GiB are free", "largest train.batch that fits is about 77", "try fewer values"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	for _, free := range []int64{0, 10 << 30} {
		if !fits(need, free) {
			t.Errorf("%d bytes free are not enough", free)
		}
	}
}

func TestMemoryOfTasksWithoutDevice(t *testing.T) {
	need := map[string]int64{"neighbors": 3 << 40, "lists": 1 << 20}
	err := checkMemory(need, 8<<30, "fewer neighbors")
	if !errors.Is(err, kernels.ErrOutOfMemory) || !strings.Contains(err.Error(), "about 3.0 TiB (neighbors 3.0 TiB, lists 1.0 MiB), and 8.0 GiB are free; try fewer neighbors") {
		t.Errorf("%v", err)
	}
	for _, free := range []int64{0, 4 << 40} {
		if err := checkMemory(need, free, ""); err != nil {
			t.Error(err)
		}
	}
}
