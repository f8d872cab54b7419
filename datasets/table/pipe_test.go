//go:build unix

package table

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"

	"debut/datasets/configfile"
)

func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	for _, name := range []string{"pipe", "pip?"} {
		_, err := Read(context.Background(), Source{Path: configfile.Strings{name}}, dir, nil)
		wantError(t, err, "pipe", "not a regular file", "write the data to a file first")
	}
}
