package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

const (
	// maxHeader bounds the header that is written or accepted, as the reference implementation does.
	maxHeader = 100_000_000
	// pieceBytes is how much of a tensor is fetched at a time; a multiple of every element's size.
	pieceBytes = 1 << 20
	// metadataKey is the header's key for text metadata; no tensor may have this name.
	metadataKey = "__metadata__"
)

// Source is a tensor to be written whose bytes are fetched piece by piece, so that a table larger than the memory to
// spare can be written.
type Source struct {
	Name  string
	Dtype Dtype
	Shape []int // row-major; no dimensions at all: one element
	// Read fills dst with the little-endian bytes that begin at byte off. It is called in order, once for each
	// byte; off and len(dst) are multiples of the element's size. It must not keep dst.
	Read func(dst []byte, off int64) error
}

// Bytes is the size of the tensor's data.
func (s Source) Bytes() (int64, error) {
	n, err := size(s.Dtype, s.Shape)
	if err != nil {
		return 0, fmt.Errorf("safetensors: tensor %q: %w", s.Name, err)
	}
	return n, nil
}

type entry struct {
	Dtype   Dtype    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Header returns what Stream writes before the data: the length of the JSON header, and the JSON header padded to eight
// bytes. A file's size is that of its header and of its sources.
func Header(sources []Source, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("safetensors: metadata %q: %q is not UTF-8", k, v)
			}
		}
		b.WriteString(`"` + metadataKey + `":`)
		if err := appendJSON(&b, metadata); err != nil { // encoding/json sorts the keys
			return nil, err
		}
	}
	var off int64
	seen := make(map[string]bool, len(sources))
	for _, s := range sources {
		n, err := s.Bytes()
		if err != nil {
			return nil, err
		}
		if !utf8.ValidString(s.Name) {
			return nil, fmt.Errorf("safetensors: the name %q is not UTF-8", s.Name)
		}
		if seen[s.Name] || s.Name == metadataKey {
			return nil, fmt.Errorf("safetensors: the name %q is used twice or reserved", s.Name)
		}
		seen[s.Name] = true
		if n > math.MaxInt64-maxHeader-8-off {
			return nil, fmt.Errorf("safetensors: tensor %q ends beyond what a file can hold", s.Name)
		}
		if b.Len() > 8+1 {
			b.WriteByte(',')
		}
		if err := appendJSON(&b, s.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		shape := s.Shape
		if shape == nil {
			shape = []int{} // JSON's null is no shape
		}
		if err := appendJSON(&b, entry{s.Dtype, shape, [2]int64{off, off + n}}); err != nil {
			return nil, err
		}
		off += n
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	header := b.Bytes()
	if len(header)-8 > maxHeader {
		return nil, fmt.Errorf("safetensors: a header of %d bytes, more than the %d that the format allows", len(header)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-8))
	return header, nil
}

// Stream writes tensors and text metadata through a buffer of at most 1 MiB. The same input gives the same bytes.
func Stream(w io.Writer, sources []Source, metadata map[string]string) error {
	header, err := Header(sources, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	for _, s := range sources {
		if err := s.Copy(w); err != nil {
			return err
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

// Copy writes the tensor's data, and nothing else, through a buffer of at most 1 MiB.
func (s Source) Copy(w io.Writer) error {
	total, err := s.Bytes()
	if err != nil {
		return err
	}
	if total > 0 && s.Read == nil {
		return fmt.Errorf("safetensors: tensor %q has no Read function", s.Name)
	}
	buf := make([]byte, min(total, pieceBytes))
	for off := int64(0); off < total; {
		piece := buf[:min(total-off, pieceBytes)]
		if err := s.Read(piece, off); err != nil {
			return fmt.Errorf("safetensors: fetch tensor %q at byte %d: %w", s.Name, off, err)
		}
		if _, err := w.Write(piece); err != nil {
			return fmt.Errorf("safetensors: tensor %q at byte %d: %w", s.Name, off, err)
		}
		off += int64(len(piece))
	}
	return nil
}
