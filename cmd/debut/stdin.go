package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"debut/datasets/ahead"
	"debut/datasets/scratch"
	"debut/datasets/table"
)

// standard is how an argument is called that stands for standard input, and an output that stands for standard output.
const standard = "-"

// sniffed is how much of standard input is looked at for its format.
const sniffed = 4096

// spool puts standard input, where a source names it, into a temporary file in its place: data are read more than once, to find out
// how they are written. What it returns removes the file.
func spool(ctx context.Context, src *table.Source) (remove func(), err error) {
	remove = func() {}
	at := slices.Index(src.Path, standard)
	if at < 0 {
		return remove, nil
	}
	if slices.Contains(src.Path[at+1:], standard) {
		return remove, usagef("%s is given twice: standard input can be read once", standard)
	}
	// What was encrypted until it came through the pipe does not get a name on the disk: the folder has a link to it, by which messages call it.
	dir, err := scratch.NewDir("", "stdin")
	if err != nil {
		return remove, fmt.Errorf("make room for standard input: %w", err)
	}
	file, err := scratch.NewFile("")
	if err != nil {
		return remove, errors.Join(fmt.Errorf("make room for standard input: %w", err), dir.Remove())
	}
	remove = func() { _ = errors.Join(file.Close(), dir.Remove()) } // the next command's sweep does it
	// Nothing can end a read that waits; the program does.
	path, err := ahead.Await(ctx, func() (string, error) { return copyStdin(file, dir.Path(), src.Format) })
	if err != nil {
		return remove, fmt.Errorf("read standard input: %w", err)
	}
	src.Path = slices.Clone(src.Path)
	src.Path[at] = path
	return remove, nil
}

// copyStdin copies standard input to a file, and returns a link to it in a folder, whose extension says what it is.
func copyStdin(file *scratch.File, dir, format string) (path string, err error) {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	head, err := in.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if _, err := io.Copy(file, in); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "stdin"+extensionOf(head, format))
	return path, os.Symlink(file.Path(), path)
}

// extensionOf is that of a file of such content, in a format where one is given.
func extensionOf(head []byte, format string) string {
	packed := ""
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		packed = ".gz"
		if r, err := gzip.NewReader(bytes.NewReader(head)); err == nil {
			plain := make([]byte, sniffed)
			n, _ := io.ReadFull(r, plain) // the rest is missing
			head = plain[:n]
		}
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		packed = ".zst" // of CSV, unless --format says otherwise
	}
	if format == "" || format == "auto" {
		text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
		switch {
		case bytes.HasPrefix(head, []byte("PAR1")):
			format = "parquet"
		case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
			format = "json"
		default:
			format = "csv"
		}
	}
	return "." + format + packed
}
