package table

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/wording"
)

// MaxWidth bounds the features that one vector or text becomes: each is a
// number in every row.
const MaxWidth = 1 << 16

// NewVectors makes a series of vectors, one a row: values is [rows, width],
// row-major, and is kept. A row without a single number, all NaN, is missing;
// NaN and infinity among numbers are errors, as is a width that does not divide
// the values.
func NewVectors(name string, width int, values []float32) (*Series, error) {
	if width < 1 || width > MaxWidth || len(values)%width != 0 {
		return nil, fmt.Errorf("column %s: %d values are no vectors of %d numbers; a width of 1 to %d is wanted", wording.Quote(name), len(values), width, MaxWidth)
	}
	s := &Series{Name: name, Kind: Vector, Width: width, Floats32: values, Codes: make([]int32, len(values)/width)}
	if len(s.Codes) > math.MaxInt32 {
		return nil, fmt.Errorf("column %s: %d vectors are too many; there may be %d", wording.Quote(name), len(s.Codes), math.MaxInt32)
	}
	for i := range s.Codes {
		present, err := checkVector(values[i*width : (i+1)*width])
		switch {
		case err != nil:
			return nil, fmt.Errorf("column %s: vector %d %w", wording.Quote(name), i+1, err)
		case present:
			s.Codes[i] = int32(i)
		default:
			s.Codes[i] = -1
		}
	}
	return s, nil
}

// MissingVectors is a series of rows without a vector.
func MissingVectors(name string, width, rows int) *Series {
	return &Series{Name: name, Kind: Vector, Width: width, Codes: slices.Repeat([]int32{-1}, rows)}
}

// Vector returns the vector of row i, nil where it is missing. It is the
// series' own memory.
func (s *Series) Vector(i int) []float32 {
	c := int(s.Codes[i])
	if c < 0 {
		return nil
	}
	return s.Floats32[c*s.Width : (c+1)*s.Width]
}

// vectorKey hashes the vector of row i; equal vectors have equal keys.
func vectorKey(s *Series, i int) uint64 {
	h := uint64(len(s.Floats32)) // what a missing vector hashes to
	for _, v := range s.Vector(i) {
		h = addKey(h, floatKey(float64(v)))
	}
	return h
}

// EqualVectors reports whether two rows have the same vector; missing ones are equal.
func EqualVectors(s *Series, a, b int) bool {
	if s.Codes[a] == s.Codes[b] {
		return true
	}
	return !s.Missing(a) && !s.Missing(b) && slices.Equal(s.Vector(a), s.Vector(b))
}

// FormatVector writes a vector as "[0.5, -1]".
func FormatVector(v []float32) string {
	out := []byte{'['}
	for i, x := range v {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = strconv.AppendFloat(out, float64(x), 'g', -1, 32)
	}
	return string(append(out, ']'))
}

// Problems of vectors; the column and the place of the value are the caller's
// to say.
var (
	errVectorMissing = errors.New("has missing values (NaN) among its numbers")
	errVectorSize    = errors.New("has a number that is infinite or too large for 32-bit arithmetic")
	errVectorText    = errors.New("is not a vector; vectors look like [0.5, -1, 2] or 0.5 -1 2")
)

// checkVector reports whether v has a value: a vector of nothing but NaN is a
// missing one.
func checkVector(v []float32) (present bool, err error) {
	missing := 0
	for _, x := range v {
		if x-x != 0 { // NaN or infinite
			if x == x {
				return false, errVectorSize
			}
			missing++
		}
	}
	switch missing {
	case 0:
		return len(v) > 0, nil
	case len(v):
		return false, nil
	}
	return false, errVectorMissing
}

// parseVector appends the numbers of a text such as "[0.5, -1, 2]" or
// "0.5 -1 2" to dst. They are separated by commas, by semicolons or by white
// space, and may stand in brackets. NaN, null and None are read as NaN.
func parseVector(dst []float32, text string) ([]float32, error) {
	text = strings.TrimSpace(text)
	if n := len(text); n >= 2 && (text[0] == '[' && text[n-1] == ']' || text[0] == '(' && text[n-1] == ')') {
		text = strings.TrimSpace(text[1 : n-1])
		if text == "" {
			return dst, nil // an empty list
		}
	}
	separator := byte(0)
	for i := 0; ; {
		end := i
		for end < len(text) && !isSpace(text[end]) && text[end] != ',' && text[end] != ';' {
			end++
		}
		v, err := parseElement(text[i:end])
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
		next := end
		for next < len(text) && isSpace(text[next]) {
			next++
		}
		if next == len(text) {
			// Trailing white space is gone: a separator cannot be last.
			return dst, nil
		}
		found := byte(' ')
		if text[next] == ',' || text[next] == ';' {
			found = text[next]
			for next++; next < len(text) && isSpace(text[next]); {
				next++
			}
		}
		if separator == 0 {
			separator = found
		}
		if found != separator { // such as numbers with decimal commas
			return dst, errVectorText
		}
		i = next
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func parseElement(s string) (float32, error) {
	if s == "" || strings.Trim(s, "0123456789.+-eE") != "" {
		switch strings.ToLower(s) {
		case "nan", "null", "none":
			return float32(math.NaN()), nil
		case "inf", "-inf", "+inf", "infinity", "-infinity":
			return 0, errVectorSize
		}
		return 0, errVectorText
	}
	v, err := strconv.ParseFloat(s, 32)
	if err != nil {
		if errors.Is(err, strconv.ErrRange) {
			return 0, errVectorSize
		}
		return 0, errVectorText
	}
	return float32(v), nil
}
