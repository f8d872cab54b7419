package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"debut/datasets/warning"
	"debut/engine/safetensors"
	"debut/trainers/model"
)

// filled is a target that keeps what is written to it.
type filled struct {
	Target
	values []float32
}

func newTarget(name string, columns int, values []float32, of string, ids ...string) *filled {
	f := &filled{values: values}
	f.Tensor = model.Tensor{Source: safetensors.Matrix(name, values, columns)}
	if of != "" {
		f.RowName, f.RowIDs = of, slices.Values(ids)
	}
	f.Write = func(from int, v []float32) error {
		copy(f.values[from:], v)
		return nil
	}
	return f
}

// file writes tensors, and what their rows belong to, and returns its path.
func file(t *testing.T, rows string, list ...safetensors.Source) string {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	if err := safetensors.Stream(&b, list, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if rows != "" {
		if err := os.WriteFile(filepath.Join(dir, "town.rows.csv"), []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// fill fills targets from a file.
func fill(path string, list ...*filled) (*Report, error) {
	var targets []Target
	for _, f := range list {
		targets = append(targets, f.Target)
	}
	s, f, err := OpenFile(path, targets)
	if err != nil {
		return nil, err
	}
	r, err := s.Fill(targets)
	return r, errors.Join(err, f.Close())
}

// Rows go where what they belong to is; what has another shape or no namesake keeps its values.
func TestFill(t *testing.T) {
	path := file(t, "row,id\n0,Bonn\n1,\"Köln, alt\"\n2,gone\n",
		safetensors.Matrix("embedding.town", []float32{1, 2, 3, 4, 5, 6}, 2), safetensors.Matrix("hidden.0.weight", []float32{7, 8}, 1),
		safetensors.Matrix("output.weight", []float32{9, 9, 9}, 1), safetensors.Vector("other", []float32{1}))
	town := newTarget("embedding.town", 2, []float32{-1, -1, -2, -2, -3, -3, -4, -4}, "town", "new", "Köln, alt", "Bonn", "newer")
	hidden, output := newTarget("hidden.0.weight", 1, []float32{0, 0}, ""), newTarget("output.weight", 1, []float32{-5, -5}, "")
	r, err := fill(path, town, hidden, output)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{-1, -1, 3, 4, 1, 2, -4, -4}; !slices.Equal(town.values, want) || !slices.Equal(hidden.values, []float32{7, 8}) || !slices.Equal(output.values, []float32{-5, -5}) {
		t.Errorf("%v, %v, %v", town.values, hidden.values, output.values)
	}
	want := &Report{
		From: path, Taken: []string{"embedding.town", "hidden.0.weight"}, New: []string{"output.weight"}, LeftOut: []string{"output.weight", "other"},
		Rows: map[string]Rows{"town": {Taken: 2, New: 2, LeftOut: 1}}, Numbers: Numbers{Taken: 6, Has: 12, There: 12},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v", r)
	}
	for _, part := range []string{"2 tensors taken", "1 new", "2 left out", "town: 2 rows taken, 2 new, 1 left out"} {
		if !strings.Contains(r.String(), part) {
			t.Errorf("%s lacks %q", r, part)
		}
	}
}

// A matrix along inputs goes where these are, by rows and columns, and nowhere where it is not known which they are.
func TestFillAlongInputs(t *testing.T) {
	path := file(t, "", safetensors.Matrix("cross.0.weight", []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 3))
	along := func() *filled {
		to := newTarget("cross.0.weight", 3, []float32{-1, -2, -3, -4, -5, -6, -7, -8, -9}, model.InputRows, "c", "new", "a")
		to.ColumnIDs, to.RowsOfInputs = to.RowIDs, true
		return to
	}
	if _, err := fill(path, along()); !errors.Is(err, ErrNothing) {
		t.Errorf("without names of inputs: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "inputs.rows.csv"), []byte("row,id\n0,a\n1,b\n2,c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := along()
	r, err := fill(path, to)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{9, -2, 7, -4, -5, -6, 3, -8, 1}; !slices.Equal(to.values, want) {
		t.Errorf("%v, not %v", to.values, want)
	}
	if got := r.Rows[model.InputRows]; got != (Rows{Taken: 2, New: 1, LeftOut: 1}) {
		t.Errorf("%+v", got)
	}
}

// Two columns whose names would make one name of a file have files of their own, which the file of tensors names; it names none of another folder.
func TestFillUnusualNames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	for name, rows := range map[string]string{"a_b.rows.csv": "row,id\n0,x\n1,y\n", "a_b-2.rows.csv": "row,id\n0,y\n1,x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string][]float32{"a_b-2.rows.csv": {2, 1}, "../elsewhere/a_b-2.rows.csv": {2, 1}, "": {1, 2}} {
		var b bytes.Buffer
		if err := safetensors.Stream(&b, []safetensors.Source{safetensors.Matrix("embedding.a:b", []float32{1, 2}, 1)}, map[string]string{model.RowsKey("embedding.a:b"): file}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		to := newTarget("embedding.a:b", 1, []float32{0, 0}, "a:b", "x", "y")
		if _, err := fill(path, to); err != nil || !slices.Equal(to.values, want) {
			t.Errorf("%q: %v, not %v: %v", file, to.values, want, err)
		}
	}
}

// Files are anybody's.
func TestFillMistakes(t *testing.T) {
	town := func() *filled {
		return newTarget("embedding.town", 2, make([]float32, 4), "town", "Bonn", "Ulm")
	}
	matrix := safetensors.Matrix("embedding.town", []float32{1, 2, 3, 4}, 2)
	for want, path := range map[string]string{
		"has 1 rows, and the tensor 2":                     file(t, "row,id\n0,Bonn\n", matrix),
		"more rows than the 2":                             file(t, "row,id\n0,a\n1,b\n2,c\n", matrix),
		"wrong number of fields":                           file(t, "row\n0\n", matrix),
		"value 1 is NaN":                                   file(t, "row,id\n0,Bonn\n1,b\n", safetensors.Matrix("embedding.town", []float32{1, float32(math.NaN()), 3, 4}, 2)),
		`has "x", and the model`:                           file(t, "", safetensors.Vector("x", []float32{1})),
		"has the shape [2 1], and that of the model [2 2]": file(t, "", safetensors.Matrix("embedding.town", []float32{1, 2}, 1)),
		"of the type F64; write":                           file(t, "", safetensors.Source{Name: "embedding.town", Dtype: safetensors.F64, Shape: []int{2, 2}, Read: func([]byte, int64) error { return nil }}),
		"not an intact":                                    file(t, ""),
	} {
		if want == "not an intact" {
			if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fill(path, town()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := fill(t.TempDir(), town()); err == nil {
		t.Error("a folder is taken for a file")
	}
	if _, err := fill(filepath.Join(t.TempDir(), "none.safetensors"), town()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A hostile file is an error, never a crash, and fills nothing beyond a target.
func FuzzOpenFile(f *testing.F) {
	var b bytes.Buffer
	if err := safetensors.Stream(&b, []safetensors.Source{safetensors.Matrix("embedding.town", []float32{1, 2, 3, 4}, 2), safetensors.Vector("bias", []float32{1, 2})}, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), []byte("row,id\n0,Bonn\n1,Ulm\n"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), []byte("\"\n"))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, tensors, rows []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.safetensors")
		if err := errors.Join(os.WriteFile(path, tensors, 0o600), os.WriteFile(filepath.Join(dir, "town.rows.csv"), rows, 0o600)); err != nil {
			t.Fatal(err)
		}
		town, bias := newTarget("embedding.town", 2, make([]float32, 6), "town", "Bonn", "Ulm", ""), newTarget("bias", 1, make([]float32, 2), "")
		if _, err := fill(path, town, bias); err == nil {
			for _, v := range append(town.values, bias.values...) {
				if v != v || math.IsInf(float64(v), 0) {
					t.Errorf("%v was taken", v)
				}
			}
		}
	})
}

// A model that next to nothing is taken from is warned of; one that grows is not.
func TestWarnings(t *testing.T) {
	ids, values := make([]string, 100), make([]float32, 100)
	for i := range ids {
		ids[i] = fmt.Sprint("new", i)
	}
	ids[0] = "a"
	for rows, told := range map[string]bool{"row,id\n0,a\n": false, "row,id\n0,b\n1,a\n" + strings.Repeat("2,c\n", 98): true} {
		n := strings.Count(rows, "\n") - 1
		path := file(t, rows, safetensors.Matrix("embedding.town", make([]float32, n), 1))
		r, err := fill(path, newTarget("embedding.town", 1, values, "town", ids...))
		if err != nil {
			t.Fatal(err)
		}
		if w := r.Warnings(); (len(w) == 1) != told || told && (w[0].Name != warning.LittleTaken || !strings.Contains(w[0].Message, "1 of its 100 numbers")) {
			t.Errorf("%d rows: %+v", n, w)
		}
	}
}

// A file of ids that is one endless line is an error before it fills the memory.
func TestLongLine(t *testing.T) {
	path := file(t, "row,id\n0,\""+strings.Repeat("a\n", maxRow)+"\"\n", safetensors.Matrix("embedding.town", []float32{1}, 1))
	if _, err := fill(path, newTarget("embedding.town", 1, []float32{0}, "town", "a")); !errors.Is(err, safetensors.ErrFormat) || !strings.Contains(err.Error(), "a line of more than") {
		t.Errorf("%v", err)
	}
}
