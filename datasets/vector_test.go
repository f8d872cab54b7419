package datasets

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

func TestVectorMistakes(t *testing.T) {
	ctx := context.Background()
	declared := map[string]string{"v": table.TypeVector}
	for content, parts := range map[string][]string{
		"v,y\n1 2,1\n1 2 3,0\n":        {"data.csv:3", `column "v"`, `"1 2 3"`, "3 numbers", "has 2"},
		"v,y\n1 2,1\n,0\nred,0\n":      {"data.csv:4", `column "v"`, `"red"`, "not a vector"},
		"v,y\n1 2,1\n1 nan,0\n":        {"data.csv:3", `column "v"`, "missing values"},
		"v,y\n1 2,1\n\"[1, inf]\",0\n": {"data.csv:3", `column "v"`, "infinite"},
	} {
		_, err := readText(t, content, table.Source{}, declared)
		wantError(t, err, parts...)
	}
	dir := write(t, "r.jsonl", "{\"v\": [1, 2]}\n{\"v\": [1, 2]}\n{\"v\": [1, 2, 3]}\n")
	// Nobody called it a vector: the message is that of lists, with the reason.
	_, err := table.Read(ctx, table.Source{Path: configfile.Strings{"r.jsonl"}}, dir, nil)
	wantError(t, err, "r.jsonl", `column "v"`, "lists", "row 3", "3 numbers", "type: vector", "type: ignore", "query: SELECT")
	_, err = table.Read(ctx, table.Source{Path: configfile.Strings{"r.jsonl"}}, dir, declared)
	wantError(t, err, "r.jsonl: row 3", `column "v"`, "3 numbers")
	writeTo(t, dir, "r.jsonl", "{\"v\": [1, 2]}\n{\"v\": [1, null]}\n")
	_, err = table.Read(ctx, table.Source{Path: configfile.Strings{"r.jsonl"}}, dir, declared)
	wantError(t, err, "r.jsonl: row 2", `column "v"`, "missing values")
	_, err = table.Read(ctx, table.Source{Path: configfile.Strings{"r.jsonl"}, Query: "SELECT [1e300] AS v"}, dir, declared)
	wantError(t, err, "row 1 of the query's result", `column "v"`, "too large")
	// Lists of nothing but nulls, and empty ones, are missing.
	writeTo(t, dir, "r.jsonl", "{\"v\": [null, null]}\n{\"v\": []}\n{\"v\": [1, 2]}\n")
	f, err := table.Read(ctx, table.Source{Path: configfile.Strings{"r.jsonl"}}, dir, nil)
	if err != nil || formatted(f.Column("v")) != "||[1, 2]" {
		t.Errorf("%v: %+v", err, f)
	}
	for name, cfg := range map[string]Config{
		"target": {Target: "v"}, "split": {Target: "y", Split: Split{Method: SplitTime, Column: "v"}},
	} {
		_, err := loadJSON(t, numbered(40, func(i int) string { return fmt.Sprintf(`{"x": %d, "y": %d, "v": [%d, 2]}`, i, i%2, i) }), cfg)
		wantError(t, err, name, `"v"`, "vector")
	}
	for name, cfg := range map[string]Config{
		"weight": {Target: "y", Weight: "v"}, "id": {Target: "y", ID: configfile.Strings{"v"}},
		"categorical": {Target: "y", Columns: map[string]encoding.Column{"v": {Type: table.TypeCategorical}}},
		"text":        {Target: "y", Columns: map[string]encoding.Column{"v": {Type: table.TypeText}}},
	} {
		_, err := loadJSON(t, numbered(40, func(i int) string { return fmt.Sprintf(`{"x": %d, "y": %d, "v": [%d, 2]}`, i, i%2, i) }), cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		wantError(t, err, "data.jsonl", `"v"`, "lists", "type: vector")
	}
}

func loadJSON(t testing.TB, content string, cfg Config) (*Dataset, error) {
	t.Helper()
	cfg.Source.Path = configfile.Strings{"data.jsonl"}
	return Load(context.Background(), &cfg, write(t, "data.jsonl", content), 7, nil)
}

// vectorColumn loads vectors and targets, all rows for training.
func vectorColumn(t *testing.T, settings encoding.Column) *Dataset {
	t.Helper()
	rows := []string{"[3, 4]", "null", "[0, 0]", "[6, -8]", "[-3, 4]"}
	d, err := loadJSON(t, numbered(len(rows), func(i int) string { return fmt.Sprintf(`{"y": %d, "v": %s}`, i%2, rows[i]) }),
		Config{Target: "y", Columns: map[string]encoding.Column{"v": settings}, Split: Split{Method: SplitNone}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEncodeVectors(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		settings encoding.Column
		want     []float32
	}{
		"plain":     {encoding.Column{}, []float32{3, 4, 0, 0, 0, 0, 6, -8, -3, 4}},
		"mean":      {encoding.Column{Fill: encoding.FillMean}, []float32{3, 4, 1.5, 0, 0, 0, 6, -8, -3, 4}},
		"l2":        {encoding.Column{Transform: configfile.Strings{encoding.TransformL2}}, []float32{0.6, 0.8, 0, 0, 0, 0, 0.6, -0.8, -0.6, 0.8}},
		"l2 mean":   {encoding.Column{Transform: configfile.Strings{encoding.TransformL2}, Fill: encoding.FillMean}, []float32{0.6, 0.8, 0.15, 0.2, 0, 0, 0.6, -0.8, -0.6, 0.8}},
		"indicator": {encoding.Column{MissingIndicator: &yes}, []float32{3, 4, 0, 0, 0, 1, 0, 0, 0, 6, -8, 0, -3, 4, 0}},
	} {
		d := vectorColumn(t, c.settings)
		if !slices.EqualFunc(d.Train.Encoded().Numeric, c.want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("%s: %v, want %v", name, d.Train.Encoded().Numeric, c.want)
		}
		features := d.Encoder.NumericFeatures()
		if len(features) != d.Train.Encoded().D || features[0].Name != "v[0]" || features[1].Name != "v[1]" || features[1].Source != "v" {
			t.Errorf("%s: features %+v", name, features)
		}
		if r := d.Report.Columns[0]; r.Type != table.TypeVector || r.Width != 2 || r.Missing != 1 || r.Filled == "" {
			t.Errorf("%s: report %+v", name, r)
		}
	}
	for _, settings := range []encoding.Column{{Transform: configfile.Strings{encoding.TransformStandardize}}, {Transform: configfile.Strings{encoding.TransformL2, encoding.TransformStandardize}, Fill: encoding.FillMean}} {
		d := vectorColumn(t, settings)
		features := d.Encoder.NumericFeatures()
		for k := range 2 {
			var column []float64
			for r := range d.Train.Rows() {
				column = append(column, float64(d.Train.Encoded().Numeric[2*r+k]))
			}
			if mean, std := moments(column); math.Abs(mean) > 1e-6 || math.Abs(std-1) > 1e-6 {
				t.Errorf("%v: mean %v, deviation %v", settings.Transform, mean, std)
			}
			if features[k].Scale == 1 || features[k].Transformed != (len(settings.Transform) == 2) {
				t.Errorf("%v: feature %+v", settings.Transform, features[k])
			}
		}
	}
}

func TestVectorEncoderIsKept(t *testing.T) {
	ctx := context.Background()
	d := vectorColumn(t, encoding.Column{Transform: configfile.Strings{encoding.TransformL2, encoding.TransformStandardize}, Fill: encoding.FillMean})
	var saved, again bytes.Buffer
	if err := d.Encoder.Save(&saved); err != nil {
		t.Fatal(err)
	}
	content := saved.String()
	e, err := encoding.LoadEncoder(&saved)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Save(&again); err != nil || again.String() != content {
		t.Errorf("saved again differs (%v)", err)
	}
	if strings.Contains(content, "v[0]") {
		t.Errorf("the encoder lists features one by one:\n%s", content)
	}
	for _, change := range [][2]string{
		{`"width": 2`, `"width": 3`}, {`"width": 2`, `"width": -1`}, {`"type": "vector"`, `"type": "text"`}, {`"type": "vector"`, `"type": "boolean"`},
		{`"scales": [`, `"scales": [-`}, {`"means": [`, `"means": [0,`}, {`"means"`, `"old"`}, {`"fill_vector": [`, `"fill_vector": [1,`},
	} {
		damaged := strings.Replace(content, change[0], change[1], 1)
		if damaged == content {
			t.Fatalf("nothing to change for %q", change[0])
		}
		if _, err := encoding.LoadEncoder(strings.NewReader(damaged)); err == nil {
			t.Errorf("%q is accepted", change[1])
		}
	}
	old := strings.Replace(content, `"version": 3`, `"version": 1`, 1)
	_, err = encoding.LoadEncoder(strings.NewReader(old))
	wantError(t, err, "version 1", "train the model again")

	// New rows, in another format, encode to the same numbers.
	dir := write(t, "new.csv", "v\n3 4\n\n0 0\n6 -8\n-3 4\n")
	writeTo(t, dir, "new.csv", "n,v\n1,3 4\n2,\n3,0 0\n4,6 -8\n5,-3 4\n")
	f, err := e.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	out, report, err := e.Encode(ctx, f, false)
	if err != nil || !slices.Equal(out.Numeric, d.Train.Encoded().Numeric) {
		t.Errorf("%v: %v, want %v", err, out, d.Train.Encoded().Numeric)
	}
	if len(report.Missing) != 1 || report.Missing[0] != (encoding.MissingCount{Column: "v", Rows: 1}) {
		t.Errorf("report %+v", report)
	}
	// So they do where the file was read without the encoder.
	if f, err = table.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, map[string]string{"v": table.TypeCategorical}); err != nil {
		t.Fatal(err)
	}
	if out, _, err = e.Encode(ctx, f, false); err != nil || !slices.Equal(out.Numeric, d.Train.Encoded().Numeric) {
		t.Errorf("from texts: %v", err)
	}
	encode := func(content string) error {
		writeTo(t, dir, "new.csv", content)
		f, err := e.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, false)
		if err == nil {
			_, _, err = e.Encode(ctx, f, false)
		}
		return err
	}
	wantError(t, encode("n,v\n1,\n2,1 2 3\n"), "new.csv:3", `"v"`, "vectors of 3 numbers", "2 when")
	wantError(t, encode("n,v\n1,1 2\n2,red\n"), "new.csv:3", `"red"`, "not a vector")
	if err := encode("n,v\n1,\n2,\n"); err != nil {
		t.Errorf("all missing: %v", err)
	}
	numbers, err := table.NewFrame(&table.Series{Name: "v", Kind: table.Numeric, Floats: []float64{1}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Encode(ctx, numbers, false)
	wantError(t, err, "numeric values", "vector values")
}

func TestVectorsAreNoCategories(t *testing.T) {
	d := mustLoad(t, "c,y\n"+numbered(20, func(i int) string { return fmt.Sprintf("k%d,%d", i%3, i%2) }), Config{Target: "y"})
	s, err := table.NewVectors("c", 1, []float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	f, err := table.NewFrame(s)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.Encoder.Encode(context.Background(), f, false)
	wantError(t, err, "vector values", "categorical values")
}

func TestConstantVectors(t *testing.T) {
	d, err := loadJSON(t, numbered(20, func(i int) string { return fmt.Sprintf(`{"x": %d, "y": %d, "v": [1, 2]}`, i, i%2) }), Config{Target: "y"})
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, fmt.Errorf("%s", d.Report.Warnings), `column "v" is constant ([1, 2])`)
}

func TestDuplicateVectors(t *testing.T) {
	d, err := loadJSON(t, "{\"y\": 1, \"v\": [1, 2]}\n{\"y\": 1, \"v\": [1, 2]}\n{\"y\": 1, \"v\": [2, 1]}\n{\"y\": 1, \"v\": null}\n{\"y\": 1, \"v\": null}\n{\"y\": 0, \"v\": [1, -0.0]}\n{\"y\": 0, \"v\": [1, 0.0]}\n",
		Config{Target: "y", Deduplicate: true, Split: Split{Method: SplitNone}})
	if err != nil {
		t.Fatal(err)
	}
	if d.Report.Duplicates != 3 || d.Train.Rows() != 4 {
		t.Errorf("%d duplicates, %d rows left", d.Report.Duplicates, d.Train.Rows())
	}
}

func TestVectorSettings(t *testing.T) {
	for want, c := range map[string]encoding.Column{
		"columns.v.fill: ":        {Type: table.TypeVector, Fill: encoding.FillMedian},
		"columns.v.transform.0: ": {Type: table.TypeVector, Transform: configfile.Strings{encoding.TransformLog1p}},
		"columns.v.encoding: ":    {Type: table.TypeVector, Encoding: configfile.Strings{encoding.EncodingBuckets}},
		"columns.v.words: ":       {Type: table.TypeText, Words: []int{0, 0}, Characters: []int{0, 0}},
		"columns.v.words":         {Type: table.TypeText, Words: []int{2, 1}},
		"columns.v.characters":    {Type: table.TypeText, Characters: []int{3}},
		"columns.v.dimensions":    {Type: table.TypeText, Dimensions: -1},
		"columns.v.fill":          {Type: table.TypeText, Fill: encoding.FillMean},
		"columns.v.transform":     {Type: table.TypeText, Transform: configfile.Strings{encoding.TransformStandardize}},
	} {
		cfg := Config{Target: "y", Columns: map[string]encoding.Column{"v": c}}
		cfg.Source.Path = configfile.Strings{"x.csv"}
		cfg.SetDefaults()
		wantError(t, cfg.Validate(), want)
	}
	// What the type decides is an error too where the data settle the type.
	_, err := loadJSON(t, numbered(20, func(i int) string { return fmt.Sprintf(`{"y": %d, "v": [%d, 2]}`, i%2, i) }),
		Config{Target: "y", Columns: map[string]encoding.Column{"v": {Fill: encoding.FillMedian}}})
	wantError(t, err, "columns.v.fill", "vector", "zeros")
	for _, c := range []encoding.Column{{Fill: encoding.FillZeros}, {Transform: configfile.Strings{encoding.TransformL2}}} {
		_, err := loadText(t, "v,y\n"+numbered(20, func(i int) string { return fmt.Sprintf("%d,%d", i, i%2) }), Config{Target: "y", Columns: map[string]encoding.Column{"v": c}})
		wantError(t, err, "columns.v", "vectors")
	}
}

// TestWithoutVectors checks that data without vectors and texts are described as
// before there were any: older runs go on, and older programs read the encoder.
func TestWithoutVectors(t *testing.T) {
	cfg := Config{Target: "y"}
	d := mustLoad(t, "c,y\n"+numbered(20, func(i int) string { return fmt.Sprintf("k%d,%d", i%3, i%2) }), cfg)
	var b strings.Builder
	if err := d.Encoder.Save(&b); err != nil || !strings.Contains(b.String(), `"version": 2`) {
		t.Errorf("%v: %s", err, b.String())
	}
	cfg.SetDefaults()
	if got := cfg.Defaults; got.Vector.Type != "" || got.Text.Type != "" {
		t.Errorf("defaults %+v and %+v", got.Vector, got.Text)
	}
	cfg.Columns = map[string]encoding.Column{"v": {Type: table.TypeVector}, "t": {Type: table.TypeText}}
	cfg.SetDefaults()
	if got := cfg.Defaults; got.Vector.Fill != encoding.FillZeros || got.Text.Dimensions != 128 {
		t.Errorf("defaults %+v and %+v", got.Vector, got.Text)
	}
}
