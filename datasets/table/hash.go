package table

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"debut/datasets/wording"
)

// FileHash identifies the content of a file read.
type FileHash struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// HashFile returns size and SHA-256 of a file as it is on disk.
func HashFile(ctx context.Context, path string) (h FileHash, err error) {
	f, err := os.Open(path)
	if err != nil {
		return FileHash{}, fmt.Errorf("hash %s: %w", wording.FileName(path), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, &interruptible{ctx, f})
	if err != nil {
		return FileHash{}, fmt.Errorf("hash %s: %w", wording.FileName(path), err)
	}
	return FileHash{Path: path, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
