// Package modelfile reads and writes linear and integer programs: MPS in its fixed and free forms and the LP text form of CPLEX, plain
// or packed by gzip.
package modelfile

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"debut/datasets/atomicfile"
	"debut/trainers/supply/lp/problem"
)

// maxBytes is the size from which on a file is refused, unpacked.
const maxBytes = 4 << 30

// Options say how a file is read.
type Options struct {
	Fixed bool // MPS whose fields are columns of characters; otherwise this is found out
}

// File is what was read, and what a person should know of the reading.
type File struct {
	Problem *problem.Problem
	Notes   []string
}

// Open reads a file: the LP form where its name ends in .lp, else MPS, either followed by .gz. Errors have the file and the line.
func Open(path string, options Options) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return Read(f, path, options)
}

// Read reads a problem; name is for errors and, by its ending, says the form.
func Read(from io.Reader, name string, options Options) (*File, error) {
	in := bufio.NewReader(from)
	var reader io.Reader = in
	if head, err := in.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		packed, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		reader = packed
	}
	data, err := io.ReadAll(&limitedReader{reader, maxBytes})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: the gzip file is cut off after %d bytes of content; copy it anew", name, len(data))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if isLP(name) {
		return readLP(name, data)
	}
	return readMPS(name, data, options)
}

// isLP says whether a name is of a file of the LP form.
func isLP(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.ToLower(name), ".gz"), ".lp")
}

// Write writes a problem to a file, in the form that its name says, as Open reads it; the file is complete or absent.
func Write(path string, p *problem.Problem) error {
	if err := p.Check(); err != nil {
		return err
	}
	form := WriteMPS
	if isLP(path) {
		form = WriteLP
	}
	return atomicfile.Write(path, 0o644, func(w io.Writer) error {
		if !strings.HasSuffix(strings.ToLower(path), ".gz") {
			return form(w, p)
		}
		packed := gzip.NewWriter(w)
		return errors.Join(form(packed, p), packed.Close())
	})
}
