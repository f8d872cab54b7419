//go:build darwin || linux

package configfile

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe that nobody writes to does not hang.
func TestSecretOfAPipeWithoutAWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Secret{File: path}).Read("", "key", nil); err == nil || !strings.Contains(err.Error(), "fifo is empty") {
		t.Errorf("error %v", err)
	}
}
