package encoding

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"debut/datasets/strictjson"
	"debut/datasets/table"
)

// everyEncoder has columns of all types, and is none of those that Check refuses.
func everyEncoder() *Encoder {
	feature := func(column, name string) NumericFeature {
		return NumericFeature{Name: name, Source: column, Mean: 2, Scale: 3}
	}
	price := feature("price", "price")
	price.Transformed, price.Edges = true, []float64{-1, 0, 2}
	return &Encoder{
		Columns: []ColumnEncoding{
			{Name: "price", Type: table.TypeNumeric, Fill: FillMedian, FillNumber: 7, Log1p: true, Clip: true, Low: -1, High: 4, Features: []NumericFeature{price}, Indicator: true},
			{Name: "age", Type: table.TypeNumeric, Fill: FillMean, Bounds: []float64{18, 30, 65}, Embedding: 2},
			{Name: "vip", Type: table.TypeBoolean, Fill: FillMostFrequent, Features: []NumericFeature{feature("vip", "vip")}},
			{Name: "day", Type: table.TypeDate, Fill: FillMean, FillMicros: 5, DateLayout: "2006-01-02", Parts: []string{"month", "days"},
				Features: []NumericFeature{feature("day", "day.month"), feature("day", "day.days")}},
			{Name: "city", Type: table.TypeCategorical, Fill: FillCategory, Vocabulary: []string{"Ulm", "", "Bonn"}, MissingID: 4, Indicator: true},
			{Name: "item", Type: table.TypeCategorical, Fill: FillConstant, FillText: "x", HashBuckets: 9},
			{Name: "image", Type: table.TypeVector, Fill: FillMean, Width: 2, L2: true, FillVector: []float64{0, 1}, Means: []float64{1, 1}, Scales: []float64{2, 2}},
			{Name: "title", Type: table.TypeText, Fill: FillZeros, Width: 8, Words: []int{1, 2}, Characters: []int{0, 0}},
		},
		Target: TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: TaskMulticlass, Classes: []string{"1", "2.5", "-3"}, Scale: 1, Prior: []float64{0.5, 0.25, 0.25}},
		ID:     []string{"user"}, Weight: "w",
	}
}

func TestEncoderCheck(t *testing.T) {
	e := everyEncoder()
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if numeric, fields := e.Sizes(); numeric != len(e.NumericFeatures()) || fields != len(e.CategoricalFields()) || numeric == 0 || fields == 0 {
		t.Errorf("sizes %d and %d of %d and %d", numeric, fields, len(e.NumericFeatures()), len(e.CategoricalFields()))
	}
	var saved bytes.Buffer
	if err := e.Save(&saved); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadEncoder(bytes.NewReader(saved.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := loaded.Save(&again); err != nil || !bytes.Equal(saved.Bytes(), again.Bytes()) {
		t.Errorf("saved again differs (%v)", err)
	}

	nan, inf := math.NaN(), math.Inf(1)
	column := func(i int, change func(c *ColumnEncoding)) func(*Encoder) {
		return func(e *Encoder) { change(&e.Columns[i]) }
	}
	feature := func(i, k int, change func(f *NumericFeature)) func(*Encoder) {
		return func(e *Encoder) { change(&e.Columns[i].Features[k]) }
	}
	regression := func(change func(t *TargetEncoding)) func(*Encoder) {
		return func(e *Encoder) {
			e.Target = TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: TaskRegression, Mean: 4, Scale: 2}
			change(&e.Target)
		}
	}
	regression(func(*TargetEncoding) {})(e)
	if err := e.Check(); err != nil {
		t.Error(err)
	}
	for i, c := range []struct {
		path  string
		spoil func(*Encoder)
	}{
		{"columns", func(e *Encoder) { e.Columns = nil }},
		{"columns.1.name", column(1, func(c *ColumnEncoding) { c.Name = "price" })},
		{"columns.1.name", column(1, func(c *ColumnEncoding) { c.Name = "" })},
		{"columns.1.name", column(1, func(c *ColumnEncoding) { c.Name = "y" })},
		{"columns.1.name", column(1, func(c *ColumnEncoding) { c.Name = "user" })},
		{"columns.1.name", column(1, func(c *ColumnEncoding) { c.Name = "w" })},
		{"target.name", func(e *Encoder) { e.Target.Name = "" }},
		{"weight", func(e *Encoder) { e.Weight = "y" }},
		{"id.0", func(e *Encoder) { e.ID[0] = "" }},
		{"id.1", func(e *Encoder) { e.ID = append(e.ID, "user") }},

		{"columns.0.type", column(0, func(c *ColumnEncoding) { c.Type = table.TypeIgnore })},
		{"columns.0.fill", column(0, func(c *ColumnEncoding) { c.Fill = FillZeros })},
		{"columns.0.fill_number", column(0, func(c *ColumnEncoding) { c.FillNumber = nan })},
		{"columns.0.low", column(0, func(c *ColumnEncoding) { c.Low = 4 })},
		{"columns.0.low", column(0, func(c *ColumnEncoding) { c.Low = nan })},
		{"columns.0.low", column(0, func(c *ColumnEncoding) { c.Clip = false })},
		{"columns.0.features", column(0, func(c *ColumnEncoding) { c.Features = nil })},
		{"columns.0.features", column(0, func(c *ColumnEncoding) { c.Features = append(c.Features, c.Features...) })},
		{"columns.0.features.0.transformed", feature(0, 0, func(f *NumericFeature) { f.Transformed = false })},
		{"columns.0.features.0.name", feature(0, 0, func(f *NumericFeature) { f.Name = "age" })},
		{"columns.0.features.0.source", feature(0, 0, func(f *NumericFeature) { f.Source = "age" })},
		{"columns.0.features.0.mean", feature(0, 0, func(f *NumericFeature) { f.Mean = inf })},
		{"columns.0.features.0.scale", feature(0, 0, func(f *NumericFeature) { f.Scale = 0 })},
		{"columns.0.features.0.scale", feature(0, 0, func(f *NumericFeature) { f.Scale = -1 })},
		{"columns.0.features.0.scale", feature(0, 0, func(f *NumericFeature) { f.Scale = nan })},
		{"columns.0.features.0.scale", feature(0, 0, func(f *NumericFeature) { f.Scale = inf })},
		{"columns.0.features.0.edges", feature(0, 0, func(f *NumericFeature) { f.Edges = []float64{1} })},
		{"columns.0.features.0.edges", feature(0, 0, func(f *NumericFeature) { f.Edges = make([]float64, maxBins+2) })},
		{"columns.0.features.0.edges.1", feature(0, 0, func(f *NumericFeature) { f.Edges = []float64{1, 1 + 1e-10} })},
		{"columns.0.features.0.edges.1", feature(0, 0, func(f *NumericFeature) { f.Edges = []float64{1, 1e39} })},
		{"columns.0.features.0.edges.0", feature(0, 0, func(f *NumericFeature) { f.Edges = []float64{nan, 1} })},
		{"columns.0.vocabulary", column(0, func(c *ColumnEncoding) { c.Vocabulary = []string{"x"} })},
		{"columns.0.embedding", column(0, func(c *ColumnEncoding) { c.Embedding = 3 })},

		{"columns.1.bounds.1", column(1, func(c *ColumnEncoding) { c.Bounds[1] = 18 })},
		{"columns.1.bounds.0", column(1, func(c *ColumnEncoding) { c.Bounds[0] = nan })},
		{"columns.1.bounds", column(1, func(c *ColumnEncoding) { c.Bounds = []float64{} })},
		{"columns.1.bounds", column(1, func(c *ColumnEncoding) { c.Bounds = make([]float64, maxBins+1) })},
		{"columns.1.embedding", column(1, func(c *ColumnEncoding) { c.Embedding = -1 })},
		{"columns.1.features.0.name", column(1, func(c *ColumnEncoding) { c.Features = []NumericFeature{{Name: "old", Source: "age", Scale: 1}} })},

		{"columns.2.fill", column(2, func(c *ColumnEncoding) { c.Fill = FillMean })},
		{"columns.3.date_layout", column(3, func(c *ColumnEncoding) { c.DateLayout = "2006-13" })},
		{"columns.3.fill_micros", column(3, func(c *ColumnEncoding) { c.FillMicros = table.MissingDate })},
		{"columns.3.features", column(3, func(c *ColumnEncoding) { c.Parts = c.Parts[:1] })},
		{"columns.3.range", column(3, func(c *ColumnEncoding) { c.Range = []float64{2, 1} })},
		{"rows", func(e *Encoder) { e.Rows = -1 }},
		{"columns.3.parts.0", column(3, func(c *ColumnEncoding) { c.Parts[0] = "moon" })},
		{"columns.3.parts.1", column(3, func(c *ColumnEncoding) {
			slices.Reverse(c.Parts)
			slices.Reverse(c.Features)
			c.Features[0].Name = "day.days"
		})},
		{"columns.3.features.1.name", feature(3, 1, func(f *NumericFeature) { f.Name = "day.year" })},
		{"columns.3.features.1.scale", feature(3, 1, func(f *NumericFeature) { f.Scale = 1e-35 })},
		{"columns.3.features.1.transformed", feature(3, 1, func(f *NumericFeature) { f.Transformed = true })},
		{"columns.3.features.1.edges.1", feature(3, 1, func(f *NumericFeature) { f.Edges = []float64{1, 1} })},
		{"columns.3.log1p", column(3, func(c *ColumnEncoding) { c.Log1p = true })},

		{"columns.4.missing_id", column(4, func(c *ColumnEncoding) { c.MissingID = 3 })},
		{"columns.4.missing_id", column(4, func(c *ColumnEncoding) { c.MissingID = -1 })},
		{"columns.4.missing_id", column(4, func(c *ColumnEncoding) { c.Fill = FillMostFrequent })},
		{"columns.4.missing_id", column(4, func(c *ColumnEncoding) { c.HashBuckets, c.Vocabulary, c.MissingID = 5, nil, 1 })},
		{"columns.4.vocabulary.2", column(4, func(c *ColumnEncoding) { c.Vocabulary[2] = "Ulm" })},
		{"columns.5.hash_buckets", column(5, func(c *ColumnEncoding) { c.HashBuckets = math.MaxInt32 })},
		{"columns.5.hash_buckets", column(5, func(c *ColumnEncoding) { c.HashBuckets = -1 })},
		{"columns.5.vocabulary", column(5, func(c *ColumnEncoding) { c.Vocabulary = []string{"x"} })},

		{"columns.6.width", column(6, func(c *ColumnEncoding) { c.Width = table.MaxWidth + 1 })},
		{"columns.6.fill_vector", column(6, func(c *ColumnEncoding) { c.FillVector = nil })},
		{"columns.6.fill_vector", column(6, func(c *ColumnEncoding) { c.Fill = FillZeros })},
		{"columns.6.fill_vector.1", column(6, func(c *ColumnEncoding) { c.FillVector[1] = nan })},
		{"columns.6.fill_vector.1", column(6, func(c *ColumnEncoding) { c.FillVector[1] = 1e300 })},
		{"columns.6.means", column(6, func(c *ColumnEncoding) { c.Means = nil })},
		{"columns.6.scales", column(6, func(c *ColumnEncoding) { c.Scales = c.Scales[:1] })},
		{"columns.6.scales.1", column(6, func(c *ColumnEncoding) { c.Scales[1] = 0 })},
		{"columns.6.fill_vector.0", column(6, func(c *ColumnEncoding) { c.Scales[0], c.FillVector[0] = 1e-300, 2 })},
		{"columns.7.words", column(7, func(c *ColumnEncoding) { c.Words = []int{0, 0} })},
		{"columns.7.words", column(7, func(c *ColumnEncoding) { c.Characters = nil })},
		{"columns.7.characters", column(7, func(c *ColumnEncoding) { c.Characters = []int{2, maxGram + 1} })},
		{"columns.7.means", column(7, func(c *ColumnEncoding) { c.Means = make([]float64, 8) })},

		{"target.type", func(e *Encoder) { e.Target.Type = table.TypeDate }},
		{"target.task", func(e *Encoder) { e.Target.Task = TaskAuto }},
		{"target.mean", func(e *Encoder) { e.Target.Mean = inf }},
		{"target.scale", func(e *Encoder) { e.Target.Scale = 2 }},
		{"target.classes", func(e *Encoder) { e.Target.Classes = nil }},
		{"target.classes", func(e *Encoder) { e.Target.Classes = make([]string, maxClasses+1) }},
		{"target.classes.1", func(e *Encoder) { e.Target.Classes[1] = "1" }},
		{"target.classes", func(e *Encoder) { e.Target.Classes[1] = "1.0" }},
		{"target.classes", func(e *Encoder) { e.Target.Classes[1] = "many" }},
		{"target.classes", func(e *Encoder) { e.Target.Task = TaskBinary }},
		{"target.positive", func(e *Encoder) { e.Target.Positive = "1" }},
		{"target.prior", func(e *Encoder) { e.Target.Prior = nil }},
		{"target.prior", func(e *Encoder) { e.Target.Prior[0] = 0.6 }},
		{"target.prior.0", func(e *Encoder) { e.Target.Prior[0] = nan }},
		{"target.scale", regression(func(t *TargetEncoding) { t.Scale = 0 })},
		{"target.scale", regression(func(t *TargetEncoding) { t.Mean = 1e150 })},
		{"target.classes", regression(func(t *TargetEncoding) { t.Classes = []string{"a"} })},
		{"target.type", regression(func(t *TargetEncoding) { t.Type = table.TypeCategorical })},
	} {
		e := everyEncoder()
		c.spoil(e)
		var at *strictjson.Error
		if err := e.Check(); !errors.As(err, &at) || at.Path != c.path {
			t.Errorf("%d: %v, want an error at %s", i, err, c.path)
		}
	}
}

// A field that is behind those that Save writes, or twice, or in another place, is not passed over.
func TestLoadEncoderIsStrict(t *testing.T) {
	var saved bytes.Buffer
	if err := everyEncoder().Save(&saved); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{`"width": 2`, `"width": 2, "width": 3`, `columns.6: the key "width" stands in it twice`},
		{`"width": 2`, `"width": 2, "Width": 2`, `columns.6: the key "Width" stands in it twice`},
		{`"width": 2`, `"Width": 2`, `columns.6: the key "Width" is not known; did you mean "width"?`},
		{`"mean": 2,`, ``, `columns.0.features.0: the key "mean" is missing`},
		{`"scale": 3`, `"scale": 1e400`, `columns.0.features.0.scale: 1e400 is out of range`},
		{`"missing_id": 4`, `"missing_id": 4294967300`, `columns.4.missing_id: 4294967300 is out of range`},
		{`"user"`, `null`, `id.0: null is no text`},
		{`"version": 3`, `"version": 2`, `version: 2, but its columns are those of version 3`},
		{`"version": 3`, `"version": 9, "parts": 1`, `version 9`},
	} {
		text := strings.Replace(saved.String(), c[0], c[1], 1)
		if text == saved.String() {
			t.Fatalf("nothing to change for %s", c[1])
		}
		_, err := LoadEncoder(strings.NewReader(text))
		wantError(t, err, c[2])
	}
	for _, tail := range []string{"{}", "x", "\x00"} {
		if _, err := LoadEncoder(strings.NewReader(saved.String() + tail)); err == nil {
			t.Errorf("%q behind the end is passed over", tail)
		}
	}
	_, err := LoadEncoder(strings.NewReader(fmt.Sprintf("%s1%s", strings.Repeat("[", 1000), strings.Repeat("]", 1000))))
	wantError(t, err, "nested")
}
