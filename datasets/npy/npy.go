// Package npy reads and writes matrices in NumPy's .npy format (NEP 1, "A simple
// file format for NumPy arrays"): how image and text models hand over vectors.
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

const (
	magic = "\x93NUMPY"
	// maxHeader bounds the text that describes the array; NumPy's own is below
	// 200 bytes for a matrix of numbers.
	maxHeader = 1 << 20
)

// ErrFormat is matched by errors about a file that is no matrix that can be
// read.
var ErrFormat = errors.New("not a readable .npy matrix")

// Reader reads the rows of a matrix one after another as float32.
type Reader struct {
	name  string
	file  io.Closer // nil where the reader does not own it
	in    *bufio.Reader
	rows  int
	width int
	next  int
	size  int         // bytes of an element
	at    io.ReaderAt // nil where rows can be read in order only
	begin int64       // of the rows in at
	one   []byte      // of ReadRow
	value func([]byte) float32
	raw   []byte
}

// Open opens a file. The error matches ErrFormat where its content is at fault.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(f, filepath.Base(path))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.file, r.at = f, f
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		at, serr := f.Seek(0, io.SeekCurrent)
		have := info.Size() - at + int64(r.in.Buffered())
		if want := int64(r.rows) * int64(r.width) * int64(r.size); serr == nil && have != want {
			err = r.bad("has %d bytes of numbers, %d rows of %d need %d; copy it again", have, r.rows, r.width, want)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

var (
	descr   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([^'"]*)['"]`)
	fortran = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	shape   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([^)]*)\)`)
)

// NewReader reads the header of a matrix; name is for messages. A vector of n
// numbers is a matrix of n rows of one.
func NewReader(in io.Reader, name string) (*Reader, error) {
	r := &Reader{name: name, in: bufio.NewReaderSize(in, 1<<16)}
	head := make([]byte, 8)
	if _, err := io.ReadFull(r.in, head); err != nil || string(head[:6]) != magic {
		return nil, r.bad("does not begin as one; write it with numpy.save")
	}
	length := make([]byte, 2)
	if head[6] >= 2 {
		length = make([]byte, 4)
	}
	if head[6] < 1 || head[6] > 3 {
		return nil, r.bad("has version %d.%d of the format; versions 1.0 to 3.0 can be read", head[6], head[7])
	}
	if _, err := io.ReadFull(r.in, length); err != nil {
		return nil, r.bad("ends in its header; copy it again")
	}
	n := uint64(binary.LittleEndian.Uint16(length))
	if len(length) == 4 {
		n = uint64(binary.LittleEndian.Uint32(length))
	}
	if n > maxHeader {
		return nil, r.bad("has a header of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r.in, text); err != nil {
		return nil, r.bad("ends in its header; copy it again")
	}
	r.begin = int64(len(head)+len(length)) + int64(n)
	return r, r.describe(string(text))
}

func (r *Reader) bad(format string, args ...any) error {
	return fmt.Errorf("%s: %w: %s", r.name, ErrFormat, fmt.Sprintf(format, args...))
}

// describe takes the header's text.
func (r *Reader) describe(text string) error {
	d, f, s := descr.FindStringSubmatch(text), fortran.FindStringSubmatch(text), shape.FindStringSubmatch(text)
	if d == nil || f == nil || s == nil {
		return r.bad("its header cannot be read: %.100q", text)
	}
	var sizes []int
	for part := range strings.SplitSeq(s[1], ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSuffix(part, "L"))
		if err != nil || n < 0 {
			return r.bad("its shape (%s) cannot be read", s[1])
		}
		sizes = append(sizes, n)
	}
	switch len(sizes) {
	case 1:
		r.rows, r.width = sizes[0], 1
	case 2:
		r.rows, r.width = sizes[0], sizes[1]
	default:
		return r.bad("has %d dimensions; a matrix has two: reshape it", len(sizes))
	}
	if f[1] == "True" && r.rows > 1 && r.width > 1 {
		return r.bad("is stored column by column; save numpy.ascontiguousarray of it")
	}
	if !r.element(d[1]) {
		return r.bad("holds values of type %q; save it with astype('float32')", d[1])
	}
	if r.width > 0 && r.rows > math.MaxInt/(r.width*r.size) {
		return r.bad("claims %d rows of %d numbers", r.rows, r.width)
	}
	r.raw = make([]byte, min(1<<16, max(1, r.width)*r.size))
	return nil
}

// element sets how a number is read.
func (r *Reader) element(typ string) bool {
	if len(typ) != 3 || !strings.ContainsRune("<>|=", rune(typ[0])) {
		return false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if typ[0] == '>' {
		order = binary.BigEndian
	}
	values := map[string]func([]byte) float32{
		"f2": func(b []byte) float32 { return half(order.Uint16(b)) },
		"f4": func(b []byte) float32 { return math.Float32frombits(order.Uint32(b)) },
		"f8": func(b []byte) float32 { return float32(math.Float64frombits(order.Uint64(b))) },
		"i1": func(b []byte) float32 { return float32(int8(b[0])) },
		"u1": func(b []byte) float32 { return float32(b[0]) },
		"i2": func(b []byte) float32 { return float32(int16(order.Uint16(b))) },
		"i4": func(b []byte) float32 { return float32(int32(order.Uint32(b))) },
		"i8": func(b []byte) float32 { return float32(int64(order.Uint64(b))) },
	}
	r.value = values[typ[1:]]
	r.size = int(typ[2] - '0')
	return r.value != nil
}

// half widens a number of IEEE 754's binary16.
func half(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0:
		return math.Float32frombits(sign) + float32(int32(fraction))*(1-2*float32(h>>15))/(1<<24)
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// Rows returns the number of rows of the matrix.
func (r *Reader) Rows() int { return r.rows }

// Width returns the number of numbers in a row.
func (r *Reader) Width() int { return r.width }

// ReadRows reads as many of the next rows as dst has room for, [rows, Width],
// and returns how many. After the last row that is 0.
func (r *Reader) ReadRows(dst []float32) (int, error) {
	if r.width == 0 {
		return 0, nil
	}
	n := min(len(dst)/r.width, r.rows-r.next)
	dst = dst[:n*r.width]
	for len(dst) > 0 {
		k := min(len(dst), len(r.raw)/r.size)
		raw := r.raw[:k*r.size]
		if _, err := io.ReadFull(r.in, raw); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = r.bad("ends before row %d of %d; copy it again", r.next+1, r.rows)
			}
			return 0, err
		}
		for i := range k {
			dst[i] = r.value(raw[i*r.size:])
		}
		dst = dst[k:]
	}
	r.next += n
	return n, nil
}

// ReadRow reads one row, counted from 0, to dst, of the matrix' width. It is for
// matrices opened by Open, and does not move what ReadRows reads next.
func (r *Reader) ReadRow(row int, dst []float32) error {
	if r.at == nil || row < 0 || row >= r.rows || len(dst) != r.width {
		return r.bad("row %d of %d to %d numbers", row, r.rows, len(dst))
	}
	n := r.width * r.size
	if cap(r.one) < n {
		r.one = make([]byte, n)
	}
	raw := r.one[:n]
	if _, err := r.at.ReadAt(raw, r.begin+int64(row)*int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = r.bad("ends before row %d of %d; copy it again", row+1, r.rows)
		}
		return err
	}
	for i := range dst {
		dst[i] = r.value(raw[i*r.size:])
	}
	return nil
}

// Close closes the file that Open opened.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Write writes a matrix of rows of the given width as little-endian float32.
func Write(w io.Writer, values []float32, width int) error {
	if width < 1 || len(values)%width != 0 {
		return fmt.Errorf("npy: %d numbers are not rows of %d", len(values), width)
	}
	text := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", len(values)/width, width)
	// The numbers begin at a multiple of 64 bytes.
	text += strings.Repeat(" ", 63-(len(magic)+4+len(text))%64) + "\n"
	head := append([]byte(magic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(text)))
	b := bufio.NewWriter(w)
	if _, err := b.Write(append(head, text...)); err != nil {
		return err
	}
	var raw [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(raw[:], math.Float32bits(v))
		if _, err := b.Write(raw[:]); err != nil {
			return err
		}
	}
	return b.Flush()
}
