package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"
)

func sample() ([]Tensor, map[string]string) {
	return []Tensor{
		{"b", []int{2, 3}, []float32{1, 2, 3, 4, 5, float32(math.Inf(-1))}},
		{"a \"quoted\"", []int{1}, []float32{-0.5}},
		{"empty", []int{0, 4}, []float32{}},
	}, map[string]string{"z": "1", "a": "two"}
}

func TestRoundTrip(t *testing.T) {
	ts, meta := sample()
	var x, y bytes.Buffer
	for _, w := range []*bytes.Buffer{&x, &y} {
		if err := Write(w, ts, meta); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(x.Bytes(), y.Bytes()) {
		t.Fatal("two writes differ")
	}
	if n := binary.LittleEndian.Uint64(x.Bytes()); n%8 != 0 {
		t.Errorf("header of %d bytes leaves the data unaligned", n)
	}
	got, m, err := Read(x.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, ts) || !reflect.DeepEqual(m, meta) {
		t.Errorf("read %v, %v", got, m)
	}
}

func TestDamage(t *testing.T) {
	ts, meta := sample()
	var b bytes.Buffer
	if err := Write(&b, ts, meta); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	for n := range whole {
		if _, _, err := Read(whole[:n]); !errors.Is(err, ErrFormat) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(whole), err)
		}
	}
	if _, _, err := Read(append(bytes.Clone(whole), 0)); !errors.Is(err, ErrFormat) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, ts := range [][]Tensor{
		{{"a", []int{2}, []float32{1}}},
		{{"a", []int{1}, []float32{1}}, {"a", []int{1}, []float32{1}}},
		{{"__metadata__", []int{1}, []float32{1}}},
	} {
		if err := Write(&bytes.Buffer{}, ts, nil); err == nil {
			t.Errorf("%v was written", ts)
		}
	}
}

func FuzzRead(f *testing.F) {
	ts, meta := sample()
	var b bytes.Buffer
	if err := Write(&b, ts, meta); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		ts, _, err := Read(file)
		if err != nil {
			return
		}
		total := 0
		for _, x := range ts {
			total += 4 * len(x.Data)
		}
		if total > len(file) {
			t.Fatalf("%d bytes of tensors from a file of %d", total, len(file))
		}
	})
}
