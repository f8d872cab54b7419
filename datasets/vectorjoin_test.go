package datasets

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/npy"
	"debut/datasets/table"
)

// matrix writes a .npy file of float32.
func matrix(t testing.TB, dir, name string, width int, values []float32) {
	t.Helper()
	var b bytes.Buffer
	if err := npy.Write(&b, values, width); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestJoinVectors(t *testing.T) {
	ctx := context.Background()
	nan := float32(math.NaN())
	dir := write(t, "clicks.csv", "item,page,y\n7,2,1\n0012,0,0\n99,1,1\n7,,0\nx,2,1\n")
	matrix(t, dir, "image.npy", 2, []float32{1, 2, 3, 4, 5, 6, nan, nan})
	writeTo(t, dir, "ids.txt", "7\r\n8\n0012\nx\n")
	byID := table.VectorFile{Path: "image.npy", On: "item", IDs: "ids.txt"}
	read := func(v table.VectorFile, types map[string]string) (*table.Frame, error) {
		return table.Read(ctx, table.Source{Path: configfile.Strings{"clicks.csv"}, Vectors: map[string]table.VectorFile{"image": v}}, dir, types)
	}
	for name, types := range map[string]map[string]string{
		"all": nil, "without the id": {"item": table.TypeIgnore}, "only": {table.OtherColumns: table.TypeIgnore, "image": table.TypeVector},
	} {
		f, err := read(byID, types)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := formatted(f.Column("image")); got != "[1, 2]|[5, 6]||[1, 2]|" {
			t.Errorf("%s: %s", name, got)
		}
		if len(f.Column("image").Floats32) != 4 {
			t.Errorf("%s: vectors %v", name, f.Column("image").Floats32)
		}
		if name != "all" && f.Column("item") != nil {
			t.Errorf("%s: columns %q", name, f.Names())
		}
	}
	f, err := read(table.VectorFile{Path: "image.npy", On: "page"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Column("image")); got != "[5, 6]|[1, 2]|[3, 4]||[5, 6]" || f.Column("page").Kind != table.Numeric {
		t.Errorf("by number: %s", got)
	}
	if f, err = read(byID, map[string]string{"image": table.TypeIgnore}); err != nil || f.Column("image") != nil {
		t.Errorf("ignored: %v", err)
	}
	f, err = table.Read(ctx, table.Source{Path: configfile.Strings{"clicks.csv"}, Query: "SELECT upper(item) AS item FROM data WHERE y = 1",
		Vectors: map[string]table.VectorFile{"image": byID}}, dir, nil)
	if err != nil || formatted(f.Column("image")) != "[1, 2]||" {
		t.Errorf("query: %v", err)
	}

	_, err = read(table.VectorFile{Path: "image.npy", On: "items", IDs: "ids.txt"}, nil)
	wantError(t, err, "vectors image", `no column "items"`, `did you mean "item"`)
	_, err = read(table.VectorFile{Path: "images.npy", On: "item"}, nil)
	wantError(t, err, "vectors image", "images.npy", "did you mean")
	_, err = read(table.VectorFile{Path: "image.npy", On: "item"}, nil)
	wantError(t, err, "clicks.csv:2", `column "item"`, `"7"`, "rows 0 to 3", "ids")
	_, err = read(byID, map[string]string{"image": table.TypeText})
	wantError(t, err, "columns.image.type", "vector")
	_, err = table.Read(ctx, table.Source{Path: configfile.Strings{"clicks.csv"}, Vectors: map[string]table.VectorFile{"y": byID}}, dir, nil)
	wantError(t, err, "vectors y", "already")
	writeTo(t, dir, "ids.txt", "7\n8\n")
	_, err = read(byID, nil)
	wantError(t, err, "vectors image", "ids.txt has 2 ids", "4 rows")
	writeTo(t, dir, "ids.txt", "7\n8\n7\n9\n")
	_, err = read(byID, nil)
	wantError(t, err, "ids.txt:3", `"7"`, "line 1")
	writeTo(t, dir, "ids.txt", "7\n\n8\n9\n")
	_, err = read(byID, nil)
	wantError(t, err, "ids.txt:2", "empty")
	writeTo(t, dir, "ids.txt", "a\nb\nc\nd\n")
	_, err = read(byID, nil)
	wantError(t, err, "clicks.csv", `column "item"`, "none of its", "ids.txt")
	writeTo(t, dir, "ids.txt", "7\n8\n0012\nx\n")
	matrix(t, dir, "image.npy", 2, []float32{1, 2, 3, 4, 5, nan, nan, nan})
	_, err = read(byID, nil)
	wantError(t, err, "image.npy: row 2", `column "image"`, "missing values")

	for want, src := range map[string]table.Source{
		"source.vectors.image.path":   {Vectors: map[string]table.VectorFile{"image": {On: "item"}}},
		"source.vectors.image.on":     {Vectors: map[string]table.VectorFile{"image": {Path: "image.npy"}}},
		"source.tables.items.vectors": {Query: "SELECT 1", Tables: map[string]table.Source{"items": {Path: configfile.Strings{"a.csv"}, Vectors: map[string]table.VectorFile{"image": byID}}}},
	} {
		src.Path = configfile.Strings{"clicks.csv"}
		cfg := Config{Source: src, Target: "y"}
		cfg.SetDefaults()
		wantError(t, cfg.Validate(), want)
	}
}

// TestJoinedVectorsAreFeatures trains, as it were, on vectors of a matrix and
// applies the encoder to rows of another source.
func TestJoinedVectorsAreFeatures(t *testing.T) {
	ctx := context.Background()
	dir := write(t, "clicks.csv", "item,y\n"+numbered(200, func(i int) string { return fmt.Sprintf("i%d,%d", i%10, i%2) }))
	values, ids := make([]float32, 30), ""
	for i := range values {
		values[i] = float32(i)
	}
	for i := range 10 {
		ids += "i" + strconv.Itoa(i) + "\n"
	}
	matrix(t, dir, "image.npy", 3, values)
	writeTo(t, dir, "ids.txt", ids)
	cfg := Config{Target: "y", Features: configfile.Strings{"image"}, Columns: map[string]encoding.Column{"image": {Transform: configfile.Strings{encoding.TransformStandardize}}}}
	cfg.Source = table.Source{Path: configfile.Strings{"clicks.csv"}, Vectors: map[string]table.VectorFile{"image": {Path: "image.npy", On: "item", IDs: "ids.txt"}}}
	d, err := Load(ctx, &cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Encoded().D != 3 || d.Train.Encoded().F != 0 {
		t.Fatalf("%d numeric and %d categorical features", d.Train.Encoded().D, d.Train.Encoded().F)
	}
	if len(d.Report.Files) != 3 {
		t.Errorf("files %+v", d.Report.Files)
	}
	matrix(t, dir, "new.npy", 3, values[3:9])
	writeTo(t, dir, "new.csv", "item\n1\n0\n0\n")
	src := table.Source{Path: configfile.Strings{"new.csv"}, Vectors: map[string]table.VectorFile{"image": {Path: "new.npy", On: "item"}}}
	f, err := d.Encoder.Read(ctx, src, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := d.Encoder.Encode(ctx, f, false)
	if err != nil {
		t.Fatal(err)
	}
	features := d.Encoder.NumericFeatures()
	for r, vector := range [][]float32{values[6:9], values[3:6], values[3:6]} {
		for k, x := range vector {
			if want := float32((float64(x) - features[k].Mean) / features[k].Scale); out.Numeric[3*r+k] != want {
				t.Errorf("row %d, number %d: %v, want %v", r, k, out.Numeric[3*r+k], want)
			}
		}
	}
	matrix(t, dir, "new.npy", 2, values[:6])
	if f, err = d.Encoder.Read(ctx, src, dir, false); err == nil {
		_, _, err = d.Encoder.Encode(ctx, f, false)
	}
	wantError(t, err, `"image"`, "vectors of 2 numbers", "3 when")
	if f, err = d.Encoder.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, false); err == nil {
		_, _, err = d.Encoder.Encode(ctx, f, false)
	}
	wantError(t, err, `"image"`, "lack")
}
