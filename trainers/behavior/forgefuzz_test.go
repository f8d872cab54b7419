package behavior

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/table"
	"debut/kernels"
)

// surmise opens a forged model and has it score rows: it is refused with an error that names a file, or its parameters are numbers
// and it scores all rows, or says why not. Memory is bounded by the files' size.
func surmise(t *testing.T, dev kernels.Device, f *forger, rows *table.Frame) {
	dir := t.TempDir()
	f.write(t, dir)
	size := uint64(0)
	for _, name := range []string{"model.json", encoderFile, parametersFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		size += uint64(info.Size())
	}
	before := allocations()
	m, err := Open(dir, dev)
	switch {
	case err == nil:
		for _, p := range m.params.All() {
			values, err := m.params.Read(p.Spec.Name)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
				t.Fatalf("parameter %s holds %v", p.Spec.Name, values)
			}
		}
		d, _, err := m.Encoder.Encode(context.Background(), rows, false)
		if err != nil {
			break
		}
		out, err := m.Score(context.Background(), d)
		if err != nil || len(out) != rows.Rows*m.Network.Outputs {
			t.Fatalf("%d outputs for %d rows: %v", len(out), rows.Rows, err)
		}
	case !strings.Contains(err.Error(), "model.json") && !strings.Contains(err.Error(), encoderFile) && !strings.Contains(err.Error(), parametersFile):
		t.Fatalf("no file is named: %v", err)
	}
	if n := allocations() - before; n > bound+200*size {
		t.Fatalf("%d bytes were allocated for files of %d: %v", n, size, err)
	}
}

// fuzzed are the golden models that fuzzing begins with.
var fuzzed = []string{"network", "multiclass", "linear", "exact", "streamed"}

func goldenFrame(t testing.TB) *table.Frame {
	t.Helper()
	f, err := table.Read(context.Background(), goldenRows(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Whatever bytes the files of a model hold, with checksums that are right.
func FuzzModel(f *testing.F) {
	dev, rows := forgingDevice(f), goldenFrame(f)
	var base *forger
	for _, kind := range fuzzed {
		base = openForger(f, kind)
		dir := f.TempDir()
		base.write(f, dir)
		text := func(name string) []byte {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				f.Fatal(err)
			}
			return b
		}
		description := base.clone(f)
		delete(description.model, "sha256") // written anew
		f.Add(encode(f, description.model), text(encoderFile), text(parametersFile))
	}
	f.Fuzz(func(t *testing.T, description, encoder, parameters []byte) {
		forged := base.clone(t)
		forged.tensorText = func([]byte) []byte { return parameters }
		forged.encoderText = func([]byte) []byte { return encoder }
		forged.modelText = func(text []byte) []byte {
			// The checksums go in front of what the description begins with.
			from := bytes.Index(text, []byte(`"sha256":`))
			sums := text[from : from+bytes.IndexByte(text[from:], '}')+1]
			body, ok := bytes.CutPrefix(bytes.TrimLeft(description, " \t\r\n"), []byte("{"))
			if !ok {
				return description
			}
			return bytes.Join([][]byte{[]byte("{"), sums, []byte(","), body}, nil)
		}
		surmise(t, dev, forged, rows)
	})
}

// Whatever value stands in two places of model.json and encoder.json, and in one of the parameters.
func FuzzModelFields(f *testing.F) {
	dev, rows := forgingDevice(f), goldenFrame(f)
	var bases []*forger
	var paths [][]string
	for i, kind := range fuzzed {
		base := openForger(f, kind)
		var list []string
		leaves(base.model, "", func(path string, _ any) { list = append(list, "model."+path) })
		leaves(base.encoder, "", func(path string, _ any) { list = append(list, "encoder."+path) })
		bases, paths = append(bases, base), append(paths, list)
		for k := 0; k < len(list); k += 9 {
			f.Add(byte(i), uint16(k), `-1`, uint16(k*7), `[1,2]`, uint16(k), float32(k))
			f.Add(byte(i), uint16(k+3), `1e30`, uint16(k+1), `"numeric"`, uint16(k), float32(0.5))
			f.Add(byte(i), uint16(k+6), `true`, uint16(k+6), `1`, uint16(k), float32(math.Inf(1)))
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, first uint16, one string, second uint16, two string, parameter uint16, value float32) {
		k := int(kind) % len(bases)
		if len(one)+len(two) > 10_000 || !json.Valid([]byte(one)) || !json.Valid([]byte(two)) {
			t.Skip()
		}
		forged := bases[k].clone(t)
		put := func(at uint16, text string) {
			path := paths[k][int(at)%len(paths[k])]
			root, rest := forged.model, strings.TrimPrefix(path, "model.")
			if r, ok := strings.CutPrefix(path, "encoder."); ok {
				root, rest = forged.encoder, r
			}
			set(root, rest, raw(text))
		}
		put(first, one)
		put(second, two)
		tensor := forged.tensors[int(parameter)%len(forged.tensors)]
		tensor.Data[int(parameter)%len(tensor.Data)] = value
		surmise(t, dev, forged, rows)
	})
}
