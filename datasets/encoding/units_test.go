package encoding

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

func TestStatistics(t *testing.T) {
	if mean, std := meanStd([]float64{2, 4, 4, 4, 5, 5, 7, 9}); mean != 5 || std != 2 {
		t.Errorf("mean %v, deviation %v, want 5 and 2", mean, std)
	}
	if mean, std := meanStd([]float64{1e9 + 1, 1e9 + 2, 1e9 + 3}); mean != 1e9+2 || math.Abs(std-math.Sqrt(2.0/3)) > 1e-12 {
		t.Errorf("mean %v, deviation %v of large values", mean, std)
	}
	if mean, _ := meanStd([]float64{1e308, 1.5e308}); math.Abs(mean-1.25e308) > 1e293 {
		t.Errorf("mean %v of huge values", mean)
	}
	// numpy.quantile([1, 2, 4, 8], [0, .1, .5, .9, 1])
	for q, want := range map[float64]float64{0: 1, 0.1: 1.3, 0.5: 3, 0.9: 6.8, 1: 8} {
		if got := quantile([]float64{1, 2, 4, 8}, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	if got := mostFrequent([]float64{1, 2, 2, 3, 3}); got != 2 {
		t.Errorf("most frequent %v, want 2", got)
	}
	if got := log1p(-math.E + 1); math.Abs(got+1) > 1e-15 {
		t.Errorf("log1p = %v, want -1", got)
	}
}

func TestQuantileEdges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 200).Draw(t, "values")
		bins := rapid.IntRange(2, 40).Draw(t, "bins")
		sorted := sortedCopy(values)
		edges := quantileEdges(sorted, bins)
		for i := 1; i < len(edges); i++ {
			if float32(edges[i]) <= float32(edges[i-1]) {
				t.Fatalf("edges %v do not increase", edges)
			}
		}
		if edges[0] != sorted[0] || len(edges) > bins+1 {
			t.Fatalf("edges %v of %v", edges, sorted)
		}
		// A heavy value adds itself and its neighbors.
		if bounds := bucketBounds(sorted, bins); len(bounds) == 0 || len(bounds) > 4*bins || !increasing(bounds) {
			t.Fatalf("bounds %v of %v", bounds, sorted)
		}
	})
}

// fitOne fits a numeric column and encodes it.
func fitOne(t *testing.T, values []float64, c Column) (*ColumnEncoding, []float32, []int32) {
	t.Helper()
	var defaults Defaults
	defaults.SetDefaults(false, false, false)
	c = defaults.Complete(c, table.TypeNumeric)
	s := &table.Series{Name: "x", Kind: table.Numeric, Floats: values}
	enc, _, reason, err := FitColumn(s, c, "columns.x")
	if err != nil || enc == nil {
		t.Fatal(reason, err)
	}
	e := &Encoder{Columns: []ColumnEncoding{*enc}}
	f, err := table.NewFrame(s)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := e.Encode(t.Context(), f, false)
	if err != nil {
		t.Fatal(err)
	}
	return enc, out.Numeric, out.IDs
}

func TestNumericSettings(t *testing.T) {
	nan := math.NaN()
	values := []float64{1, nan, 3, 3, 9}
	for _, c := range []struct {
		column Column
		want   string
	}{
		{Column{Transform: configfile.Strings{"none"}}, "[1 3 3 3 9]"},
		{Column{Transform: configfile.Strings{"none"}, Fill: FillMean}, "[1 4 3 3 9]"},
		{Column{Transform: configfile.Strings{"none"}, Fill: FillMostFrequent}, "[1 3 3 3 9]"},
		{Column{Transform: configfile.Strings{"none"}, Fill: FillConstant, FillValue: "-2"}, "[1 -2 3 3 9]"},
		{Column{Transform: configfile.Strings{"clip"}, ClipQuantiles: []float64{0, 0.75}}, "[1 3 3 3 3]"},
		{Column{Transform: configfile.Strings{"none"}, MissingIndicator: new(true)}, "[1 0 3 1 3 0 3 0 9 0]"},
		{Column{Transform: configfile.Strings{"log1p"}}, fmt.Sprint([]float32{float32(math.Log(2)), float32(math.Log(4)), float32(math.Log(4)), float32(math.Log(4)), float32(math.Log(10))})},
	} {
		if _, got, _ := fitOne(t, values, c.column); fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v, want %s", c.column, got, c.want)
		}
	}
	// The observed values 1 3 3 9 have a bucket each, for half of them share the 3; id 0 is missing.
	enc, _, ids := fitOne(t, values, Column{Transform: configfile.Strings{"none"}, Encoding: configfile.Strings{EncodingBuckets}, Bins: 2})
	if got := fmt.Sprint(ids, enc.Bounds, enc.Cardinality()); got != "[1 0 2 2 3] [1 3] 4" {
		t.Errorf("buckets %s", got)
	}
	// A minimum shared by many rows has a bucket of its own, and so has its neighbor, beside the quantiles of the others.
	_, _, ids = fitOne(t, []float64{0, 0, 0, 0, 5, 6, 7, 8, 9, 10}, Column{Encoding: configfile.Strings{EncodingBuckets}, Bins: 3})
	if got := fmt.Sprint(ids); got != "[1 1 1 1 2 3 4 4 5 5]" {
		t.Errorf("buckets with a heavy minimum %s", got)
	}
	// Two views: what is fed, and the bin as a category.
	enc, numbers, ids := fitOne(t, []float64{1, 2, 4, nan}, Column{Transform: configfile.Strings{"none"}, Encoding: configfile.Strings{EncodingPiecewiseLinear, EncodingBuckets}, Bins: 2, Buckets: 8})
	if got := fmt.Sprint(numbers, ids, enc.Features[0].Edges, enc.Bounds); got != "[1 2 4 2] [1 2 3 0] [1 2 4] [1 2]" || !enc.views() {
		t.Errorf("two views %s", got)
	}
	// Standardizing keeps later columns comparable: the fit is that of training.
	enc, _, _ = fitOne(t, []float64{0, 10}, Column{})
	if f := enc.Features[0]; f.Mean != 5 || f.Scale != 5 {
		t.Errorf("feature %+v", f)
	}
}

// What lies beyond the training rows is fed as the nearest of their values, and so extrapolates nothing.
func TestClamped(t *testing.T) {
	enc, _, _ := fitOne(t, []float64{3, 1, 2, 5}, Column{Transform: configfile.Strings{"none"}, Encoding: configfile.Strings{EncodingPiecewiseLinear}})
	e := &Encoder{Columns: []ColumnEncoding{*enc}}
	f, err := table.NewFrame(&table.Series{Name: "x", Kind: table.Numeric, Floats: []float64{-1e9, 0, 4, 6, 1e9, math.NaN()}})
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := e.Encode(t.Context(), f, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(out.Numeric); got != "[1 1 4 5 5 2.5]" {
		t.Errorf("beyond 1 … 5: %s", got)
	}
	var defaults Defaults
	defaults.SetDefaults(false, false, false)
	day := func(texts ...string) *table.Series {
		s := &table.Series{Name: "day", Kind: table.Date}
		for _, text := range texts {
			at, err := time.Parse(time.DateOnly, text)
			if err != nil {
				t.Fatal(err)
			}
			s.Micros = append(s.Micros, at.UnixMicro())
		}
		return s
	}
	c := defaults.Complete(Column{Transform: configfile.Strings{"none"}, Encoding: configfile.Strings{EncodingPiecewiseLinear}}, table.TypeDate)
	date, _, reason, err := FitColumn(day("2024-03-01", "2025-03-02"), c, "columns.day")
	if err != nil || date == nil {
		t.Fatal(reason, err)
	}
	if f, err = table.NewFrame(day("2027-03-02", "2024-03-01")); err != nil {
		t.Fatal(err)
	}
	if out, _, err = (&Encoder{Columns: []ColumnEncoding{*date}}).Encode(t.Context(), f, false); err != nil {
		t.Fatal(err)
	}
	at := slices.Index(date.Parts, "year")
	if got := out.Numeric[at]; got != 2025 || !date.views() {
		t.Errorf("a year after the training rows is %v", got)
	}
}

// The zeros that most rows have do not use up the bins of the others, and what is missing has none.
func TestBinsOfObserved(t *testing.T) {
	var values []float64
	for i := range 1000 {
		v := 0.0
		switch {
		case i%10 == 0:
			v = float64(100 + i)
		case i%2 == 0:
			v = math.NaN()
		}
		values = append(values, v)
	}
	enc, _, ids := fitOne(t, values, Column{Fill: FillConstant, FillValue: "7", Encoding: configfile.Strings{EncodingPiecewiseLinear, EncodingBuckets}, Bins: 8})
	if n := len(enc.Features[0].Edges); n < 9 || n > 12 {
		t.Errorf("%d edges %v", n, enc.Features[0].Edges)
	}
	used := map[int32]int{}
	for _, id := range ids {
		used[id]++
	}
	if used[0] != 400 || used[1] != 500 || len(used) < 10 {
		t.Errorf("rows by bucket: %v", used)
	}
	// The mode may lie in the midst of the others.
	middle := make([]float64, 0, 90)
	for i := range 90 {
		middle = append(middle, float64(i))
		if i >= 30 && i < 60 {
			middle[i] = 45
		}
	}
	slices.Sort(middle)
	if edges := binEdges(middle, 4); !slices.Contains(edges, 29) || !slices.Contains(edges, 45) || !slices.Contains(edges, 60) {
		t.Errorf("edges %v around the mode 45", edges)
	}
}

func TestSkewed(t *testing.T) {
	var amounts, even, logs []float64
	for i := range 1000 {
		u := (float64(i) + 0.5) / 1000
		amounts, even, logs = append(amounts, math.Exp(8*u)), append(even, u), append(logs, -8*u)
	}
	if !skewed(amounts) || skewed(even) || skewed(logs) || skewed([]float64{3, 3}) {
		t.Error("amounts are skewed, even values are not")
	}
	auto := func(values []float64) bool {
		enc, _, _ := fitOne(t, values, Column{Transform: configfile.Strings{TransformAuto}})
		return enc.Log1p
	}
	if !auto(amounts) || auto(even) {
		t.Error("auto takes the logarithm of skewed values alone")
	}
}

func TestVocabulary(t *testing.T) {
	s := &table.Series{Kind: table.Text, Dict: []string{"rare", "b", "a", "often", "absent"}, Codes: []int32{3, 1, 2, 3, -1, 2, 1, 3, 0}}
	v, distinct, missing := fitVocabulary(s, 2, 0)
	if !slices.Equal(v, []string{"often", "a", "b"}) || distinct != 4 || missing != 1 {
		t.Errorf("vocabulary %q, %d distinct, %d missing", v, distinct, missing)
	}
	if v, _, _ = fitVocabulary(s, 1, 2); !slices.Equal(v, []string{"often", "a"}) {
		t.Errorf("limited vocabulary %q", v)
	}
	used := map[int32]int{}
	for i := range 10_000 {
		id := hashID(fmt.Sprint("user-", i), 100)
		if id < 1 || id > 100 {
			t.Fatalf("hash id %d", id)
		}
		used[id]++
	}
	for id, n := range used {
		if n < 50 || n > 160 {
			t.Errorf("hash id %d has %d of 10000 values", id, n)
		}
	}
	// Saved models depend on these values.
	if a, b := hashID("", 1_000_000), hashID("Rome", 1_000_000); a != 26204 || b != 399483 {
		t.Errorf("hash ids %d and %d have changed", a, b)
	}
}
