package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Info says what a tensor in a file is and where its data lies.
type Info struct {
	Name   string
	Dtype  Dtype
	Shape  []int
	Offset int64 // from the start of the file
	Bytes  int64
}

// File is an opened safetensors file of which only the header has been read. Its methods may be called from several
// goroutines at once if its io.ReaderAt allows that.
type File struct {
	r        io.ReaderAt
	header   int64
	tensors  []Info
	metadata map[string]string
}

// Open reads and checks the header of a file of size bytes; the data stays where it is. What it allocates is bounded by
// the size of the header, which must lie within the file. Where the file is not an intact one, the error matches
// ErrFormat.
func Open(r io.ReaderAt, size int64) (*File, error) {
	if size < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes are too few: %w", size, ErrFormat)
	}
	var length [8]byte
	if err := readAt(r, length[:], 0); err != nil {
		return nil, fmt.Errorf("safetensors: header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || n > uint64(size-8) {
		return nil, fmt.Errorf("safetensors: a header of %d bytes in a file of %d: %w", n, size, ErrFormat)
	}
	raw := make([]byte, n)
	if err := readAt(r, raw, 8); err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	f := &File{r: r, header: 8 + int64(n)}
	var err error
	if f.tensors, f.metadata, err = parseHeader(raw); err != nil {
		return nil, err
	}
	slices.SortFunc(f.tensors, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Name, b.Name))
	})
	var end int64
	data := size - f.header
	for i := range f.tensors {
		t := &f.tensors[i]
		if t.Offset != end || t.Bytes > data-end {
			return nil, fmt.Errorf("safetensors: tensor %q of %d bytes lies at byte %d of %d, the one before ends at %d: %w",
				t.Name, t.Bytes, t.Offset, data, end, ErrFormat)
		}
		end += t.Bytes
		t.Offset += f.header
	}
	if end != data {
		return nil, fmt.Errorf("safetensors: %d bytes of data, tensors take %d: %w", data, end, ErrFormat)
	}
	return f, nil
}

// Tensors lists the tensors in the order of their data, those of no bytes at the same place by name.
func (f *File) Tensors() []Info {
	out := slices.Clone(f.tensors)
	for i := range out {
		out[i].Shape = slices.Clone(out[i].Shape)
	}
	return out
}

// Metadata returns the text metadata, nil where there is none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// HeaderBytes is the size of what lies before the data.
func (f *File) HeaderBytes() int64 { return f.header }

// ReadAt fills dst with the little-endian bytes of t that begin at byte off of its data.
func (f *File) ReadAt(t Info, dst []byte, off int64) error {
	if off < 0 || off > t.Bytes || int64(len(dst)) > t.Bytes-off {
		return fmt.Errorf("safetensors: tensor %q has %d bytes, asked for %d at %d", t.Name, t.Bytes, len(dst), off)
	}
	if err := readAt(f.r, dst, t.Offset+off); err != nil {
		return fmt.Errorf("safetensors: tensor %q at byte %d: %w", t.Name, off, err)
	}
	return nil
}

// readAt fills p; a file that ends too early is a damaged one.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p): // the last bytes of a file may come with io.EOF
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the file ends %d bytes too early: %w", len(p)-n, ErrFormat)
	}
	return err
}
