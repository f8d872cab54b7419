package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// counted is a source of n bytes, byte i being byte(i*7), that notes how it was asked.
func counted(name string, dtype Dtype, shape ...int) (Source, *[]int) {
	var pieces []int
	var at int64
	s := Source{Name: name, Dtype: dtype, Shape: shape}
	s.Read = func(dst []byte, off int64) error {
		if off != at {
			return fmt.Errorf("asked for byte %d after %d", off, at)
		}
		for i := range dst {
			dst[i] = byte((off + int64(i)) * 7)
		}
		at += int64(len(dst))
		pieces = append(pieces, len(dst))
		return nil
	}
	return s, &pieces
}

func TestStream(t *testing.T) {
	large, pieces := counted("large", F64, 3, 100_001)
	small, _ := counted("small", U32, 5)
	scalar, _ := counted("scalar", I64)
	none, _ := counted("none", I32, 0, 7)
	meta := map[string]string{"<k>": "v\n"}
	sources := []Source{large, small, scalar, none}
	var b bytes.Buffer
	if err := Stream(&b, sources, meta); err != nil {
		t.Fatal(err)
	}
	if want := []int{1 << 20, 1 << 20, 3*100_001*8 - 2<<20}; !reflect.DeepEqual(*pieces, want) {
		t.Errorf("fetched in pieces of %v, want %v", *pieces, want)
	}
	header, err := Header(sources, meta)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b.Bytes(), header) {
		t.Error("the file does not start with what Header returns")
	}

	f, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Metadata(), meta) || f.HeaderBytes() != int64(len(header)) {
		t.Errorf("metadata %v, header of %d bytes", f.Metadata(), f.HeaderBytes())
	}
	infos := f.Tensors()
	if len(infos) != len(sources) {
		t.Fatalf("%d tensors: %v", len(infos), infos)
	}
	at := int64(len(header))
	for i, info := range infos {
		s := sources[i]
		n, err := s.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		shape := append([]int{}, s.Shape...)
		if want := (Info{s.Name, s.Dtype, shape, at, n}); !reflect.DeepEqual(info, want) {
			t.Errorf("tensor %d is %+v, want %+v", i, info, want)
		}
		at += n
		got := make([]byte, n)
		for off := int64(0); off < n; off += 1000 {
			if err := f.ReadAt(info, got[off:min(off+1000, n)], off); err != nil {
				t.Fatal(err)
			}
		}
		for j := range got {
			if got[j] != byte(j*7) {
				t.Fatalf("byte %d of %s is %d", j, s.Name, got[j])
			}
		}
		for _, off := range []int64{-1, n, n + 1, math.MaxInt64} {
			if err := f.ReadAt(info, make([]byte, 1), off); err == nil {
				t.Errorf("byte %d of %s of %d bytes was read", off, s.Name, n)
			}
		}
	}
}

func TestStreamErrors(t *testing.T) {
	broken := errors.New("broken")
	bad, _ := counted("bad", F32, 2)
	bad.Read = func([]byte, int64) error { return broken }
	if err := Stream(io.Discard, []Source{bad}, nil); !errors.Is(err, broken) || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("error of a source: %v", err)
	}
	good, _ := counted("good", F32, 2)
	header, err := Header([]Source{good}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for room := range len(header) + 8 {
		s, _ := counted("good", F32, 2)
		if err := Stream(&limited{room}, []Source{s}, nil); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a writer with room for %d bytes: %v", room, err)
		}
	}
	for name, s := range map[string][]Source{
		"type":     {{Name: "x", Dtype: "F31", Shape: []int{1}}},
		"negative": {{Name: "x", Dtype: F32, Shape: []int{-1}}},
		"overflow": {{Name: "x", Dtype: F32, Shape: []int{math.MaxInt / 2, 3}}},
		"sum":      {{Name: "x", Dtype: F32, Shape: []int{math.MaxInt / 8}}, {Name: "y", Dtype: F32, Shape: []int{math.MaxInt / 6}}},
		"twice":    {{Name: "x", Dtype: F32, Shape: []int{0}}, {Name: "x", Dtype: F32, Shape: []int{0}}},
		"reserved": {{Name: "__metadata__", Dtype: F32, Shape: []int{0}}},
		"utf8":     {{Name: "\xff", Dtype: F32, Shape: []int{0}}},
		"no Read":  {{Name: "x", Dtype: F32, Shape: []int{1}}},
	} {
		if err := Stream(io.Discard, s, nil); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if err := Stream(io.Discard, nil, map[string]string{"k": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8 was written")
	}
}

type limited struct{ room int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.room {
		return l.room, io.ErrShortWrite
	}
	l.room -= len(p)
	return len(p), nil
}

// framed puts a header's length before it, and data behind.
func framed(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

var refused = map[string]struct {
	header string
	data   int
}{
	"nothing":             {``, 0},
	"no object":           {`[]`, 0},
	"two objects":         {`{}{}`, 0},
	"trailing":            {`{}x`, 0},
	"not UTF-8":           {"{\"\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4},
	"missing comma":       {`{"a":{"dtype":"F32" "shape":[1],"data_offsets":[0,4]}}`, 4},
	"same name":           {`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0},
	"same name, escaped":  {`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0},
	"same key":            {`{"a":{"dtype":"F32","dtype":"F32","data_offsets":[0,4]}}`, 4},
	"key of another case": {`{"a":{"Dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4},
	"unknown key":         {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4},
	"missing key":         {`{"a":{"dtype":"F32","shape":[1]}}`, 4},
	"tensor is null":      {`{"a":null}`, 0},
	"shape is null":       {`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4},
	"shape with null":     {`{"a":{"dtype":"F32","shape":[null],"data_offsets":[0,4]}}`, 4},
	"shape nested":        {`{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}`, 4},
	"shape with fraction": {`{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`, 4},
	"shape with exponent": {`{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}`, 4},
	"shape below zero":    {`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4},
	"shape overflows":     {`{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}`, 16},
	"shape beyond 64 bit": {`{"a":{"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4]}}`, 4},
	"unknown type":        {`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4},
	"three offsets":       {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 4},
	"offsets backwards":   {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4},
	"size and shape":      {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4},
	"hole at the start":   {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8},
	"hole":                {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`, 12},
	"overlap":             {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4},
	"beyond the end":      {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4},
	"data left over":      {`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 5},
	"metadata is number":  {`{"__metadata__":{"a":1}}`, 0},
	"metadata twice":      {`{"__metadata__":{"a":"1","a":"2"}}`, 0},
	"deep":                {`{"a":` + strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000) + `}`, 0},
	"deep objects":        {strings.Repeat(`{"a":`, 9_000) + `1` + strings.Repeat(`}`, 9_000), 0},
}

func TestOpenRefuses(t *testing.T) {
	for name, c := range refused {
		file := framed(c.header, c.data)
		if _, err := Open(bytes.NewReader(file), int64(len(file))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := Read(file); !errors.Is(err, ErrFormat) {
			t.Errorf("%s, read whole: %v", name, err)
		}
	}
	whole := framed(`{"b":{"shape":[],"data_offsets":[0,4],"dtype":"F32"}, "a":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}  `, 7)
	f, err := Open(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatalf("keys in another order and blanks: %v", err)
	}
	if ts := f.Tensors(); len(ts) != 2 || ts[0].Name != "b" || ts[1].Name != "a" {
		t.Errorf("tensors are %v", ts)
	}
	// A size that lies about the reader: damage found while reading is damage, too.
	if _, err := Open(bytes.NewReader(whole[:20]), int64(len(whole))); !errors.Is(err, ErrFormat) {
		t.Errorf("a reader that ends early: %v", err)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allowance is what reading a header of n bytes may allocate: two bytes can be a dimension, which is a token, a number
// and an element of growing slices.
func allowance(n int) uint64 { return 1<<20 + 256*uint64(n) }

func TestOpenAllocatesNoMoreThanTheHeader(t *testing.T) {
	lie := make([]byte, 1000)
	binary.LittleEndian.PutUint64(lie, maxHeader)
	claims := framed(`{"a":{"dtype":"U8","shape":[1000000000000],"data_offsets":[0,1000000000000]}}`, 10)
	dims := framed(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("0,", 500_000)+`0],"data_offsets":[0,0]}}`, 0)
	for name, file := range map[string][]byte{"a header's length that lies": lie, "a tensor of a terabyte": claims, "many dimensions": dims} {
		n := allocated(func() { _, _ = Open(bytes.NewReader(file), int64(len(file))) })
		if n > allowance(len(file)) {
			t.Errorf("%s: %d bytes allocated for a file of %d", name, n, len(file))
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, c := range refused {
		if len(c.header) < 1000 {
			f.Add(framed(c.header, c.data))
		}
	}
	ts, meta := sample()
	var b bytes.Buffer
	if err := Write(&b, ts, meta); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(framed(`{"b":{"shape":[],"data_offsets":[0,4],"dtype":"F32"}, "a":{"dtype":"U8","shape":[3],"data_offsets":[4,7]}}  `, 7))
	f.Fuzz(func(t *testing.T, data []byte) {
		// As a whole file, and as a header with the right length and as much data as it asks for in its tail.
		files := [][]byte{data}
		if len(data) > 0 {
			files = append(files, framed(string(data[:len(data)-1]), int(data[len(data)-1])))
		}
		for _, file := range files {
			var opened *File
			var err error
			if n := allocated(func() { opened, err = Open(bytes.NewReader(file), int64(len(file))) }); n > allowance(len(file)) {
				t.Fatalf("%d bytes allocated for a file of %d", n, len(file))
			}
			if err != nil {
				if !errors.Is(err, ErrFormat) {
					t.Fatalf("an error that is not of the format: %v", err)
				}
				continue
			}
			checkOpened(t, opened, file)
		}
	})
}

// checkOpened writes what was opened again: the same tensors must come back.
func checkOpened(t *testing.T, f *File, file []byte) {
	at := f.HeaderBytes()
	var sources []Source
	for _, info := range f.Tensors() {
		if info.Offset != at {
			t.Fatalf("%+v lies at %d, not %d", info, info.Offset, at)
		}
		at += info.Bytes
		sources = append(sources, Source{Name: info.Name, Dtype: info.Dtype, Shape: info.Shape, Read: func(dst []byte, off int64) error {
			return f.ReadAt(info, dst, off)
		}})
	}
	if at != int64(len(file)) {
		t.Fatalf("tensors end at %d of %d", at, len(file))
	}
	var b bytes.Buffer
	if err := Stream(&b, sources, f.Metadata()); err != nil {
		t.Fatalf("what was opened cannot be written: %v", err)
	}
	again, err := Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatalf("what was written again cannot be opened: %v", err)
	}
	before, after := f.Tensors(), again.Tensors()
	for i := range after {
		after[i].Offset += f.HeaderBytes() - again.HeaderBytes()
	}
	if !reflect.DeepEqual(before, after) || len(f.Metadata()) != len(again.Metadata()) {
		t.Fatalf("written again: %v, before: %v", after, before)
	}
	if !bytes.Equal(b.Bytes()[again.HeaderBytes():], file[f.HeaderBytes():]) {
		t.Fatal("the data changed")
	}
}
