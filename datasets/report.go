package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// Report says what Load read and did.
type Report struct {
	Rows                 int            `json:"rows"` // read, before cleaning, from all sources
	Duplicates           int            `json:"duplicates"`
	DroppedMissingTarget int            `json:"dropped_missing_target"`
	Train                int            `json:"train"` // rows of each part
	Validation           int            `json:"validation"`
	Test                 int            `json:"test"`
	Task                 string         `json:"task"`
	Classes              []string       `json:"classes,omitempty"`
	Columns              []ColumnReport `json:"columns"`
	Warnings             []string       `json:"warnings,omitempty"`
	Files                []FileHash     `json:"files"`
}

// ColumnReport describes a feature as found in the training rows.
type ColumnReport struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Missing     int    `json:"missing"`
	Filled      string `json:"filled,omitempty"`      // what replaces missing values
	Distinct    int    `json:"distinct,omitempty"`    // categories seen
	Cardinality int    `json:"cardinality,omitempty"` // ids, after rare ones are joined
	Width       int    `json:"width,omitempty"`       // features of a vector or text
	Dropped     string `json:"dropped,omitempty"`     // why the column is no feature
}

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
		return FileHash{}, fmt.Errorf("hash %s: %w", displayName(path), err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, &interruptible{ctx, f})
	if err != nil {
		return FileHash{}, fmt.Errorf("hash %s: %w", displayName(path), err)
	}
	return FileHash{Path: path, Bytes: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
