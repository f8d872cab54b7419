package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// logMost is how much of a log is kept: its beginning and, three times as much, its end.
const logMost = 4 << 20

// archive packs the files of a folder.
func archive(name, folder string) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("gpucheck: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zip := gzip.NewWriter(f)
	files := tar.NewWriter(zip)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("gpucheck: %w", err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return fmt.Errorf("gpucheck: %w", err)
		}
		if len(text) > logMost {
			gap := fmt.Sprintf("\n… %d bytes are left out …\n", len(text)-logMost)
			text = append(append(text[:logMost/4:logMost/4], gap...), text[len(text)-logMost/4*3:]...)
		}
		if len(text) == 0 {
			continue
		}
		if err := files.WriteHeader(&tar.Header{Name: "logs/" + e.Name(), Mode: 0o644, Size: int64(len(text))}); err != nil {
			return fmt.Errorf("gpucheck: %w", err)
		}
		if _, err := files.Write(text); err != nil {
			return fmt.Errorf("gpucheck: %w", err)
		}
	}
	if err := errors.Join(files.Close(), zip.Close()); err != nil {
		return fmt.Errorf("gpucheck: %w", err)
	}
	return nil
}
