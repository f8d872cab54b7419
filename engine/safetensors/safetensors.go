// Package safetensors reads and writes tensors in the safetensors format: eight bytes of header length, a JSON header
// that names types, shapes and places, and the raw little-endian data.
//
// Format: https://huggingface.co/docs/safetensors.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// ErrFormat says that a file is no intact safetensors file.
var ErrFormat = errors.New("not an intact safetensors file")

// maxHeader bounds the header that a reader accepts, as the reference implementation does.
const maxHeader = 100_000_000

// Tensor is a named array of float32, row-major.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

type entry struct {
	Dtype   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// Write writes tensors and text metadata. The same input gives the same bytes.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	var header bytes.Buffer
	header.WriteByte('{')
	if len(metadata) > 0 {
		header.WriteString(`"__metadata__":`)
		if err := appendJSON(&header, metadata); err != nil { // encoding/json sorts the keys
			return err
		}
	}
	var off uint64
	seen := map[string]bool{}
	for _, t := range tensors {
		if n, err := elements(t.Shape); err != nil || n != len(t.Data) {
			return fmt.Errorf("safetensors: tensor %q of shape %v has %d values", t.Name, t.Shape, len(t.Data))
		}
		if seen[t.Name] || t.Name == "__metadata__" {
			return fmt.Errorf("safetensors: the name %q is used twice or reserved", t.Name)
		}
		seen[t.Name] = true
		if header.Len() > 1 {
			header.WriteByte(',')
		}
		if err := appendJSON(&header, t.Name); err != nil {
			return err
		}
		header.WriteByte(':')
		end := off + 4*uint64(len(t.Data))
		if err := appendJSON(&header, entry{"F32", t.Shape, [2]uint64{off, end}}); err != nil {
			return err
		}
		off = end
	}
	header.WriteByte('}')
	for header.Len()%8 != 0 {
		header.WriteByte(' ')
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(header.Len()))
	if _, err := w.Write(length[:]); err != nil {
		return err
	}
	if _, err := w.Write(header.Bytes()); err != nil {
		return err
	}
	var chunk []byte
	for _, t := range tensors {
		for data := t.Data; len(data) > 0; {
			n := min(len(data), 1<<14)
			chunk = chunk[:0]
			for _, v := range data[:n] {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			if _, err := w.Write(chunk); err != nil {
				return err
			}
			data = data[n:]
		}
	}
	return nil
}

func appendJSON(b *bytes.Buffer, v any) error {
	j, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	b.Write(j)
	return nil
}

func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/4/d {
			return 0, fmt.Errorf("safetensors: shape %v: %w", shape, ErrFormat)
		}
		n *= d
	}
	return n, nil
}

// Read parses a whole file. What it allocates is bounded by the file's size. Tensors come in the order of their data.
func Read(file []byte) (tensors []Tensor, metadata map[string]string, err error) {
	if len(file) < 8 {
		return nil, nil, fmt.Errorf("safetensors: %d bytes are too few: %w", len(file), ErrFormat)
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeader || n > uint64(len(file)-8) {
		return nil, nil, fmt.Errorf("safetensors: a header of %d bytes in a file of %d: %w", n, len(file), ErrFormat)
	}
	data := file[8+n:]
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(file[8:8+n], &raw); err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w: %w", err, ErrFormat)
	}
	if m, ok := raw["__metadata__"]; ok {
		if err := json.Unmarshal(m, &metadata); err != nil {
			return nil, nil, fmt.Errorf("safetensors: metadata: %w: %w", err, ErrFormat)
		}
		delete(raw, "__metadata__")
	}
	entries := map[string]entry{}
	for name, r := range raw {
		var e entry
		d := json.NewDecoder(bytes.NewReader(r))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			return nil, nil, fmt.Errorf("safetensors: tensor %q: %w: %w", name, err, ErrFormat)
		}
		entries[name] = e
	}
	names := slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		if x, y := entries[a].Offsets, entries[b].Offsets; x != y {
			return slices.Compare(x[:], y[:])
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	var at uint64
	for _, name := range names {
		e := entries[name]
		t, err := tensor(name, e, at, data)
		if err != nil {
			return nil, nil, err
		}
		at = e.Offsets[1]
		tensors = append(tensors, t)
	}
	if at != uint64(len(data)) {
		return nil, nil, fmt.Errorf("safetensors: %d bytes of data, tensors take %d: %w", len(data), at, ErrFormat)
	}
	return tensors, metadata, nil
}

func tensor(name string, e entry, at uint64, data []byte) (Tensor, error) {
	size, err := elements(e.Shape)
	switch {
	case err != nil:
		return Tensor{}, fmt.Errorf("safetensors: tensor %q: %w", name, err)
	case e.Dtype != "F32":
		return Tensor{}, fmt.Errorf("safetensors: tensor %q is %s, only F32 is read: %w", name, e.Dtype, ErrFormat)
	case e.Offsets[0] != at || e.Offsets[1] < at || e.Offsets[1] > uint64(len(data)) || e.Offsets[1]-at != 4*uint64(size):
		return Tensor{}, fmt.Errorf("safetensors: tensor %q of shape %v lies at bytes %v of %d, the one before ends at %d: %w", name, e.Shape, e.Offsets, len(data), at, ErrFormat)
	}
	t := Tensor{Name: name, Shape: e.Shape, Data: make([]float32, size)}
	for i := range t.Data {
		t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[at+4*uint64(i):]))
	}
	return t, nil
}
