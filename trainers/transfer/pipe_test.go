//go:build unix

package transfer

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"debut/engine/safetensors"
)

// A pipe to which nobody writes is an error, in the place of the tensors and of what their rows belong to; nothing waits for it.
func TestFillPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "x.safetensors")
	tensors := file(t, "", safetensors.Matrix("embedding.town", []float32{1, 2}, 1))
	for _, path := range []string{pipe, filepath.Join(filepath.Dir(tensors), "town.rows.csv")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{pipe, tensors} {
		if _, err := fill(path, newTarget("embedding.town", 1, []float32{0, 0}, "town", "a", "b")); !errors.Is(err, safetensors.ErrFormat) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
