package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"debut/datasets/atomicfile"
	"debut/engine/safetensors"
)

// tensorData is the content of a test's tensors for the n-th write of a run.
func tensorData(n int) map[string][]byte {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	data := map[string][]byte{}
	for name, size := range map[string]int{"dense.weight": 4 * 60, "table \"item\"": 8 * 33, "empty": 0, "scalar": 8} {
		data[name] = make([]byte, size)
	}
	for _, name := range []string{"dense.weight", "table \"item\"", "scalar"} {
		for i := range data[name] {
			data[name][i] = byte(r.Uint32())
		}
	}
	return data
}

// checkpointOf makes the n-th checkpoint of a run.
func checkpointOf(n int, step int64, best *int64) Checkpoint {
	data := tensorData(n)
	source := func(name string, d safetensors.Dtype, shape ...int) safetensors.Source {
		return safetensors.Source{Name: name, Dtype: d, Shape: shape, Read: func(dst []byte, off int64) error {
			if copy(dst, data[name][off:]) != len(dst) {
				return errors.New("asked for too much")
			}
			return nil
		}}
	}
	return Checkpoint{
		Step: step, Best: best, State: json.RawMessage(fmt.Sprintf(`{"write": %d, "text": "<&\u2028>"}`, n)),
		Tensors: []safetensors.Source{
			source("dense.weight", safetensors.F32, 6, 10), source("table \"item\"", safetensors.F64, 33, 1),
			source("empty", safetensors.F32, 0, 3), source("scalar", safetensors.I64),
		},
	}
}

// writeOf is the number of the write that made a checkpoint, of which every bit is compared.
func writeOf(t testing.TB, l *Loaded) int {
	t.Helper()
	defer func() {
		if err := l.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	var s struct {
		Write int
		Text  string
	}
	if err := json.Unmarshal(l.State, &s); err != nil || s.Text != "<&\u2028>" {
		t.Fatalf("state %s: %v", l.State, err)
	}
	data := tensorData(s.Write)
	infos := l.Tensors()
	if len(infos) != len(data) {
		t.Fatalf("write %d: tensors %v", s.Write, infos)
	}
	for _, info := range infos {
		got := make([]byte, info.Bytes)
		if err := l.ReadAt(info.Name, got, 0); err != nil {
			t.Fatalf("write %d: %v", s.Write, err)
		}
		if !bytes.Equal(got, data[info.Name]) {
			t.Fatalf("write %d: tensor %q is not what was written", s.Write, info.Name)
		}
	}
	return s.Write
}

// latestWrite is the number of the write that is found again, -1 where there is none, and that of its best, -1 where
// it names none.
func latestWrite(t testing.TB, s *Store) (n, best int) {
	t.Helper()
	l, err := s.Latest()
	if errors.Is(err, ErrNone) {
		return -1, -1
	}
	if err != nil {
		t.Fatalf("latest: %v", err)
	}
	hasBest := l.Best != nil
	n = writeOf(t, l)
	b, err := s.Best()
	if !hasBest {
		if !errors.Is(err, ErrNone) {
			t.Fatalf("best of a checkpoint that names none: %v", err)
		}
		return n, -1
	}
	if err != nil {
		t.Fatalf("best: %v", err)
	}
	return n, writeOf(t, b)
}

func open(t testing.TB, fsys atomicfile.FS, dir string, keep int) *Store {
	t.Helper()
	s, err := Open(dir, Options{FS: fsys, Keep: keep})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

// tableOf is a checkpoint with one tensor of n MiB, all of the byte given.
func tableOf(step int64, n int, fill byte) Checkpoint {
	return Checkpoint{Step: step, Tensors: []safetensors.Source{{Name: "table", Dtype: safetensors.U8, Shape: []int{n << 20}, Read: func(dst []byte, _ int64) error {
		for i := range dst {
			dst[i] = fill
		}
		return nil
	}}}}
}
