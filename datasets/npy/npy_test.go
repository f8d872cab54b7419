package npy

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func file(descr, order, shape string, numbers ...byte) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape)
	text += strings.Repeat(" ", 127-(10+len(text))%64) + "\n"
	head := append([]byte("\x93NUMPY\x01\x00"), byte(len(text)), byte(len(text)>>8))
	return append(append(head, text...), numbers...)
}

func readAll(t *testing.T, data []byte) ([]float32, *Reader, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(data), "m.npy")
	if err != nil {
		return nil, nil, err
	}
	out := make([]float32, 0, 16)
	row := make([]float32, max(1, r.Width()))
	for {
		n, err := r.ReadRows(row)
		if err != nil || n == 0 {
			return out, r, err
		}
		out = append(out, row[:n*r.Width()]...)
	}
}

func TestReadTypes(t *testing.T) {
	for _, c := range []struct {
		descr string
		raw   []byte
		want  []float32
	}{
		{"<f4", []byte{0, 0, 128, 63, 0, 0, 0, 192}, []float32{1, -2}},
		{">f4", []byte{63, 128, 0, 0, 192, 0, 0, 0}, []float32{1, -2}},
		{"<f8", []byte{0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 192}, []float32{1, -2}},
		{"<f2", []byte{0, 0x3c, 0, 0xc0}, []float32{1, -2}},
		{"<i2", []byte{1, 0, 0xfe, 0xff}, []float32{1, -2}},
		{"|u1", []byte{1, 255}, []float32{1, 255}},
	} {
		got, r, err := readAll(t, file(c.descr, "False", "(2, 1)", c.raw...))
		if err != nil || !slices.Equal(got, c.want) || r.Rows() != 2 || r.Width() != 1 {
			t.Errorf("%s: %v, %v, want %v", c.descr, got, err, c.want)
		}
	}
}

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float32{0: 0, 1: 1.0 / (1 << 24), 0x3ff: 1023.0 / (1 << 24), 0x7bff: 65504, 0x8001: -1.0 / (1 << 24), 0x3555: 0.33325195} {
		if got := half(h); got != want {
			t.Errorf("half(%#x) = %v, want %v", h, got, want)
		}
	}
	if !math.IsInf(float64(half(0xfc00)), -1) || !math.IsNaN(float64(half(0x7e00))) || math.Signbit(float64(half(0x8000))) != true {
		t.Error("infinity, NaN or -0 is lost")
	}
}

func TestWriteThenOpen(t *testing.T) {
	values := []float32{1, 2.5, -3, 4, 0, float32(math.Inf(1))}
	path := filepath.Join(t.TempDir(), "m.npy")
	var b bytes.Buffer
	if err := Write(&b, values, 3); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make([]float32, 9)
	if n, err := r.ReadRows(got); n != 2 || err != nil || !slices.Equal(got[:6], values) {
		t.Errorf("%d rows %v, %v, want 2 rows %v", n, got, err, values)
	}
	if n, err := r.ReadRows(got); n != 0 || err != nil {
		t.Errorf("after the end: %d rows, %v", n, err)
	}
	if err := os.WriteFile(path, b.Bytes()[:b.Len()-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) {
		t.Errorf("a truncated file: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	good := file("<f4", "False", "(2, 2)", make([]byte, 16)...)
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("1,2,3\n4,5,6\n"), "short": good[:20], "no numbers": good[:len(good)-16],
		"version": append([]byte("\x93NUMPY\x09\x00"), good[8:]...), "complex": file("<c8", "False", "(2, 2)"),
		"object": file("|O", "False", "(2,)"), "columns first": file("<f4", "True", "(2, 2)", make([]byte, 16)...),
		"three dimensions": file("<f4", "False", "(2, 2, 2)"), "negative": file("<f4", "False", "(-2, 2)"),
		"huge": file("<f4", "False", "(9223372036854775807, 9223372036854775807)"), "scalar": file("<f4", "False", "()"),
	} {
		if _, _, err := readAll(t, data); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "m.npy") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(file("<f4", "False", "(2, 2)", make([]byte, 16)...))
	f.Add(file("<f2", "False", "(3,)", 1, 2, 3, 4, 5, 6))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), "m.npy")
		if err != nil {
			return
		}
		if r.Width() > 1<<16 {
			return
		}
		row := make([]float32, max(1, r.Width()))
		for range 1000 {
			if n, err := r.ReadRows(row); n == 0 || err != nil {
				return
			}
		}
	})
}
