package encoding

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"testing"

	"debut/kernels/philox"
	"debut/kernels/rawbytes"
)

// A million values around 1e12: their sum has none of the digits that tell them
// apart.
func TestMeanOfManyLargeValues(t *testing.T) {
	rnd := philox.New(1, 2)
	const offset = 1e12
	values, plain := make([]float64, 1_000_000), make([]float64, 1_000_000)
	for i := range values {
		plain[i] = math.Floor(8*rnd.NormFloat64()) / 8
		values[i] = offset + plain[i]
	}
	mean, std := meanStd(values)
	wantMean, wantStd := meanStd(plain)
	if math.Abs(mean-offset-wantMean) > 2e-4 || math.Abs(std-wantStd) > 1e-6 {
		t.Errorf("%v ± %v, want %v ± %v", mean-offset, std, wantMean, wantStd)
	}
}

// Data that differ in digits that 32 bits do not have are other data to a
// checkpoint; what 32 bits do have keeps the hash it had.
func TestHashOfTargets(t *testing.T) {
	hash := func(target ...float64) [sha256.Size]byte {
		h := sha256.New()
		if err := (&Encoded{Rows: len(target), Target: target}).Hash(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		return [sha256.Size]byte(h.Sum(nil))
	}
	seen := map[[sha256.Size]byte][]float64{}
	for _, target := range [][]float64{{1e8, 1e8 + 8}, {1e8, 1e8 + 1}, {1e8, 1e8 + 2}, {0.1, 1}, {float64(float32(0.1)), 1}, {1}, {1, 0}} {
		h := hash(target...)
		if other := seen[h]; other != nil {
			t.Errorf("%v and %v have the same hash", target, other)
		}
		seen[h] = target
	}
	// More than is written at a time: the bytes of float32, as ever.
	long := &Encoded{Rows: hashChunk/4 + 3, Target: make([]float64, hashChunk/4+3)}
	narrow := make([]float32, long.Rows)
	for i := range narrow {
		narrow[i] = float32(i % 7)
		long.Target[i] = float64(narrow[i])
	}
	got, want := sha256.New(), sha256.New()
	if err := long.Hash(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	want.Write(fmt.Appendf(nil, "0 bytes\n0 bytes\n%d bytes\n%s0 bytes\n", 4*long.Rows, rawbytes.Of(narrow)))
	if !slices.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("another hash of many targets")
	}
}
