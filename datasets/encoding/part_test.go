package encoding

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
)

// The hash of encoded rows is part of checkpoints: it must stay what it was.
func TestEncodedHash(t *testing.T) {
	e := &Encoded{Rows: 2, D: 2, F: 1, Numeric: []float32{1, -2.5, 0, 3}, IDs: []int32{7, 1}, Target: []float64{1, 0}}
	h := sha256.New()
	if err := e.Hash(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	// printf '16 bytes\n…8 bytes\n…8 bytes\n…0 bytes\n', little endian.
	const want = "e41343d3566afd0cf62f7058b28b85f7c30cd5269d3b8736d46434b4670b114d"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Hash(ctx, sha256.New()); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
