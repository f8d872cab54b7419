package inspect

import (
	"math"
	"testing"
)

// Mean and deviation of a million numbers do not depend on how far they are from 0.
func TestMomentsOfLargeValues(t *testing.T) {
	const n = 1_000_000
	plain, moved := make([]float64, n), make([]float64, n)
	for i := range plain {
		plain[i] = float64(i*7919%1001) / 1024
		moved[i] = 1e12 + math.Floor(plain[i]*4096)/4096
	}
	mean, std := moments(moved)
	wantMean, wantStd := moments(plain)
	if math.Abs(mean-1e12-wantMean) > 2e-4 || math.Abs(std-wantStd) > 1e-6 {
		t.Errorf("%v ± %v, want %v ± %v", mean-1e12, std, wantMean, wantStd)
	}
	if mean, std := moments([]float64{1e308, -1e308, 1.5e308}); math.Abs(mean/0.5e308-1) > 1e-12 || math.Abs(std/1.3228756555322954e308-1) > 1e-12 {
		t.Errorf("of numbers near the end of the range %v ± %v", mean, std)
	}
}
