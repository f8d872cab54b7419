package export_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/duck"
	"debut/datasets/npy"
	"debut/engine/safetensors"
	"debut/trainers/export"
	"debut/trainers/model"
)

const factors = "family: factorization\ndata: {sources: [{path: events.csv}], split: {method: leave_random_out}}\nmodel: {algorithm: als, factors: 8}\n"

// written exports a model in a format.
func written(t *testing.T, m model.Model, format string) *export.Result {
	t.Helper()
	out, err := export.Write(context.Background(), m, options(t, format))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tensor is one of a file, by the description of the format: eight bytes with the length of a JSON header, the header, and the data.
type tensor struct {
	Dtype   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
	data    []byte
}

// readSafetensors reads a file without the package that wrote it.
func readSafetensors(t *testing.T, path string) map[string]tensor {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := 8 + binary.LittleEndian.Uint64(text)
	var header map[string]json.RawMessage
	if err := json.Unmarshal(text[8:end], &header); err != nil {
		t.Fatal(err)
	}
	list := map[string]tensor{}
	for name, about := range header {
		if name == "__metadata__" {
			continue
		}
		var x tensor
		if err := json.Unmarshal(about, &x); err != nil {
			t.Fatal(err)
		}
		x.data = text[end:][x.Offsets[0]:x.Offsets[1]]
		list[name] = x
	}
	return list
}

// bytesOf are those of a tensor in the model.
func bytesOf(t *testing.T, x model.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Copy(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// All tensors, bit for bit, by an independent reader of safetensors and by the reader of .npy, and what their rows belong to.
func TestTensors(t *testing.T) {
	dir := folder(t)
	all := cases(t)
	for _, name := range []string{"behavior/network/size", "behavior/linear/spent", "factorization/als", "factorization/sgd", "factorization/bias", "factorization/simplex", "neighbors/item", "neighbors/user"} {
		t.Run(name, func(t *testing.T) {
			m := trained(t, dir, all[name])
			x, ok := m.(model.Tensors)
			if !ok {
				t.Fatalf("a model of %T has no tensors", m)
			}
			list, err := x.Tensors()
			if err != nil {
				t.Fatal(err)
			}
			out, arrays := written(t, m, export.Safetensors), written(t, m, export.NPY)
			got := readSafetensors(t, filepath.Join(out.Folder, "model.safetensors"))
			if len(got) != len(list) || len(out.Tensors) != len(list) {
				t.Errorf("%d tensors, want %d", len(got), len(list))
			}
			for _, want := range list {
				g := got[want.Name]
				if data := bytesOf(t, want); !bytes.Equal(g.data, data) || !slices.Equal(g.Shape, want.Shape) || g.Dtype != string(want.Dtype) {
					t.Errorf("%s: %d bytes of shape %v, want %d of %v", want.Name, len(g.data), g.Shape, len(data), want.Shape)
				}
				raw, err := os.ReadFile(filepath.Join(arrays.Folder, strings.ReplaceAll(want.Name, "/", "_")+".npy"))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.HasSuffix(raw, g.data) || (len(raw)-len(g.data))%64 != 0 {
					t.Errorf("%s.npy: %d bytes", want.Name, len(raw))
				}
				if want.Dtype == "F32" && len(want.Shape) == 2 {
					checkNPY(t, raw, want)
				}
				if want.RowIDs == nil {
					continue
				}
				if want.RowName != model.InputRows && !strings.Contains(want.Name, want.RowName) {
					t.Errorf("rows of %s belong to %s", want.Name, want.RowName)
				}
				checkRows(t, filepath.Join(out.Folder, want.RowName+".rows.csv"), want)
			}
		})
	}
}

// names is a model of tensors whose rows have names that make one name of a file.
type names struct {
	model.Model
	list []model.Tensor
}

func (names) Family() string                     { return "names" }
func (n names) Tensors() ([]model.Tensor, error) { return n.list, nil }

// Each thing that rows belong to has a file of its own, and the tensors say which.
func TestTensorsUnusualNames(t *testing.T) {
	var n names
	add := func(name, rows string, inputs bool, ids ...string) {
		n.list = append(n.list, model.Tensor{Source: safetensors.Matrix(name, make([]float32, len(ids)), 1), RowName: rows, RowIDs: slices.Values(ids), RowsOfInputs: inputs})
	}
	add("hidden", model.InputRows, true, "x", "y")
	add("embedding.inputs", model.InputRows, false, "p", "q")
	add("embedding.a/b", "a/b", false, "k")
	add("embedding.A:B", "A:B", false, "l")
	out := written(t, n, export.Safetensors)
	for i, file := range []string{"inputs", "inputs-2", "a_b", "A_B-2"} {
		checkRows(t, filepath.Join(out.Folder, file+".rows.csv"), n.list[i])
	}
	raw, err := os.ReadFile(filepath.Join(out.Folder, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"format": "debut names", model.RowsKey("embedding.inputs"): "inputs-2.rows.csv", model.RowsKey("embedding.A:B"): "A_B-2.rows.csv"}
	if got := f.Metadata(); !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	if written := written(t, n, export.Parquet).Tensors; !slices.Equal(written, []string{"embedding.inputs", "embedding.a/b", "embedding.A:B"}) {
		t.Errorf("tables of %v", written)
	}
}

func checkNPY(t *testing.T, raw []byte, want model.Tensor) {
	t.Helper()
	r, err := npy.NewReader(bytes.NewReader(raw), want.Name)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows() != want.Shape[0] || r.Width() != want.Shape[1] {
		t.Errorf("%s.npy: %d rows of %d, want %v", want.Name, r.Rows(), r.Width(), want.Shape)
	}
}

func checkRows(t *testing.T, path string, want model.Tensor) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for id := range want.RowIDs {
		n++
		if n < len(rows) && (rows[n][0] != strconv.Itoa(n-1) || rows[n][1] != id) {
			t.Fatalf("%s: row %d is %q, want %q", path, n-1, rows[n], id)
		}
	}
	if len(rows) != n+1 || n != want.Shape[0] {
		t.Errorf("%s: %d rows, want %d", path, len(rows)-1, want.Shape[0])
	}
}

// The factors of items, by their ids, joined with the catalog in DuckDB; and the dot products there are the model's scores.
func TestParquet(t *testing.T) {
	dir := folder(t)
	m := trained(t, dir, factors)
	out := written(t, m, export.Parquet)
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var catalog strings.Builder
	catalog.WriteString("item,title\n")
	for i := range 80 {
		fmt.Fprintf(&catalog, "i%d,item number %d\n", i, i)
	}
	titles := filepath.Join(dir, "catalog.csv")
	if err := os.WriteFile(titles, []byte(catalog.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := collect(m, "u3")
	if err != nil {
		t.Fatal(err)
	}
	query := fmt.Sprintf(`SELECT c.title || '|' || list_dot_product(u.vector, i.vector) FROM read_parquet(%s) u, read_parquet(%s) i JOIN read_csv(%s) c ON c.item = i.id
		WHERE u.id = 'u3' AND i.id = %s`, duck.Literal(filepath.Join(out.Folder, "users.factors.parquet")), duck.Literal(filepath.Join(out.Folder, "items.factors.parquet")),
		duck.Literal(titles), duck.Literal(list.Items[0]))
	answer := ""
	err = db.Query(context.Background(), query, func(c *duck.Chunk) error {
		v, _ := duck.Vector[duck.String](c, 0)
		for i := range v {
			answer += v[i].Text()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	title, score, _ := strings.Cut(answer, "|")
	if v, err := strconv.ParseFloat(score, 64); err != nil || title != "item number "+strings.TrimPrefix(list.Items[0], "i") || math.Abs(v-float64(list.Scores[0])) > 1e-5 {
		t.Errorf("%q, want %s with %v: %v", answer, list.Items[0], list.Scores[0], err)
	}
}

func collect(m model.Model, user string) (list model.List, err error) {
	r, ok := m.(model.Recommender)
	if !ok {
		return list, fmt.Errorf("%T recommends nothing", m)
	}
	for list, err = range r.Recommend(context.Background(), model.Request{Users: []string{user}, K: 1}) {
	}
	return list, err
}
