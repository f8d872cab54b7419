package table

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"debut/datasets/duck"
	"debut/datasets/npy"
)

func TestVectorTable(t *testing.T) {
	dir := t.TempDir()
	nan := float32(math.NaN())
	matrix := func(name string, values []float32) {
		var b bytes.Buffer
		if err := npy.Write(&b, values, 2); err != nil {
			t.Fatal(err)
		}
		writeTo(t, dir, name, b.String())
	}
	matrix("m.npy", []float32{0.5, -1, nan, nan, 2, 3})
	matrix("half.npy", []float32{0.5, nan})
	writeTo(t, dir, "names.txt", "a\n007\nc\n")
	writeTo(t, dir, "numbers.txt", "7\n-3\n20\n")
	writeTo(t, dir, "few.txt", "7\n8\n")
	stage := func(v VectorTable) (string, error) {
		db, err := duck.Open(duck.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := v.Stage(context.Background(), db, "v", dir); err != nil {
			return "", err
		}
		got := ""
		err = db.Query(context.Background(), "SELECT CAST(list(v ORDER BY rowid) AS VARCHAR) || ' ' || (SELECT column_type FROM (DESCRIBE v) LIMIT 1) FROM v", func(c *duck.Chunk) error {
			s, _ := duck.Vector[duck.String](c, 0)
			got = strings.Clone(s[0].Text())
			return nil
		})
		return got, err
	}
	for _, c := range []struct {
		table VectorTable
		want  string
	}{
		{VectorTable{Matrix: "m.npy"}, "[{'id': 0, 'vector': [0.5, -1.0]}, {'id': 1, 'vector': NULL}, {'id': 2, 'vector': [2.0, 3.0]}] BIGINT"},
		{VectorTable{Matrix: "m.npy", IDs: "names.txt", IDColumn: "sku", VectorColumn: "image"}, "[{'sku': a, 'image': [0.5, -1.0]}, {'sku': 007, 'image': NULL}, {'sku': c, 'image': [2.0, 3.0]}] VARCHAR"},
		{VectorTable{Matrix: "m.npy", IDs: "numbers.txt"}, "[{'id': 7, 'vector': [0.5, -1.0]}, {'id': -3, 'vector': NULL}, {'id': 20, 'vector': [2.0, 3.0]}] BIGINT"},
	} {
		if got, err := stage(c.table); err != nil || got != c.want {
			t.Errorf("%+v: %s, %v; want %s", c.table, got, err, c.want)
		}
	}
	for _, c := range []struct {
		table VectorTable
		parts []string
	}{
		{VectorTable{Matrix: "m.npy", IDs: "few.txt"}, []string{"few.txt has 2 ids", "3 rows"}},
		{VectorTable{Matrix: "half.npy"}, []string{"half.npy: row 0", "missing values"}},
		{VectorTable{Matrix: "names.txt"}, []string{"names.txt", "numpy.save"}},
		{VectorTable{Matrix: "absent.npy"}, []string{"absent.npy"}},
	} {
		_, err := stage(c.table)
		wantError(t, err, c.parts...)
	}
	// More rows than a block holds.
	large := make([]float32, 2*(vectorBlock+5))
	for i := range large {
		large[i] = float32(i)
	}
	matrix("large.npy", large)
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := (VectorTable{Matrix: "large.npy"}).Stage(context.Background(), db, "v", dir); err != nil {
		t.Fatal(err)
	}
	wrong := int64(-1)
	err = db.Query(context.Background(), fmt.Sprintf("SELECT count(*) FILTER (WHERE vector != [2 * id, 2 * id + 1]::FLOAT[]) + abs(count(*) - %d) FROM v", vectorBlock+5), func(c *duck.Chunk) error {
		v, _ := duck.Vector[int64](c, 0)
		wrong = v[0]
		return nil
	})
	if err != nil || wrong != 0 {
		t.Errorf("%d rows are wrong, %v", wrong, err)
	}
}
