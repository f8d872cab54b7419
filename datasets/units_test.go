package datasets

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestExpandPath(t *testing.T) {
	env := map[string]string{"A": "x", "EMPTY": ""}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	base := filepath.FromSlash("/base")
	for path, want := range map[string]string{
		"d.csv": "/base/d.csv", "/abs/d.csv": "/abs/d.csv", "${A}/d": "/base/x/d", "${B:-y}/${A}": "/base/y/x",
		"${EMPTY:-z}": "/base/z", "a$b": "/base/a$b", "${B:-/r}/f": "/r/f", "../f": "/f", "${A}${A}": "/base/xx", "${B:-a:-b}": "/base/a:-b",
	} {
		if got, err := expandPath(path, base, lookup); err != nil || filepath.ToSlash(got) != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	for path, want := range map[string]string{"${B}": "B is not set", "${A": "no closing brace", "${}": "not a variable name", "": "is empty", "${EMPTY}": "is empty", "a\x00b": "zero byte"} {
		_, err := expandPath(path, base, lookup)
		wantError(t, err, want)
	}
}

func FuzzExpandPath(f *testing.F) {
	for _, s := range []string{"", "a", "${A}", "${A:-b}", "${", "$", "${:-}", "${A}}${", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := expandPath(path, t.TempDir(), func(n string) (string, bool) { return n, strings.HasPrefix(n, "A") })
		if err == nil && !filepath.IsAbs(got) {
			t.Errorf("%q became the relative %q", path, got)
		}
	})
}

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
		if bounds := bucketBounds(sorted, bins); len(bounds) == 0 || len(bounds) > bins || !increasing(bounds) {
			t.Fatalf("bounds %v of %v", bounds, sorted)
		}
	})
}

// fitOne fits a numeric column and encodes it.
func fitOne(t *testing.T, values []float64, c Column) (*ColumnEncoding, []float32, []int32) {
	t.Helper()
	var defaults Defaults
	defaults.setDefaults(false, false)
	c = defaults.complete(c, TypeNumeric)
	s := &Series{Name: "x", Kind: Numeric, Floats: values}
	enc, _, reason, err := fitColumn(s, c, "columns.x")
	if err != nil || enc == nil {
		t.Fatal(reason, err)
	}
	e := &Encoder{Columns: []ColumnEncoding{*enc}}
	f, err := NewFrame(s)
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
		{Column{Transform: Strings{"none"}}, "[1 3 3 3 9]"},
		{Column{Transform: Strings{"none"}, Fill: FillMean}, "[1 4 3 3 9]"},
		{Column{Transform: Strings{"none"}, Fill: FillMostFrequent}, "[1 3 3 3 9]"},
		{Column{Transform: Strings{"none"}, Fill: FillConstant, FillValue: "-2"}, "[1 -2 3 3 9]"},
		{Column{Transform: Strings{"clip"}, ClipQuantiles: []float64{0, 0.75}}, "[1 3 3 3 3]"},
		{Column{Transform: Strings{"none"}, MissingIndicator: new(true)}, "[1 0 3 1 3 0 3 0 9 0]"},
		{Column{Transform: Strings{"log1p"}}, fmt.Sprint([]float32{float32(math.Log(2)), float32(math.Log(4)), float32(math.Log(4)), float32(math.Log(4)), float32(math.Log(10))})},
	} {
		if _, got, _ := fitOne(t, values, c.column); fmt.Sprint(got) != c.want {
			t.Errorf("%+v: %v, want %s", c.column, got, c.want)
		}
	}
	// The filled values 1 3 3 3 9 have the median 3; id 0 is missing.
	enc, _, ids := fitOne(t, values, Column{Transform: Strings{"none"}, Encoding: EncodingBuckets, Bins: 2})
	if got := fmt.Sprint(ids, enc.Bounds, enc.cardinality()); got != "[1 0 1 1 2] [3] 3" {
		t.Errorf("buckets %s", got)
	}
	// A minimum shared by many rows has a bucket of its own.
	_, _, ids = fitOne(t, []float64{0, 0, 0, 5, 6, 7, 8, 9}, Column{Encoding: EncodingBuckets, Bins: 4})
	if got := fmt.Sprint(ids); got != "[1 1 1 2 3 3 4 4]" {
		t.Errorf("buckets with a heavy minimum %s", got)
	}
	// Standardizing keeps later columns comparable: the fit is that of training.
	enc, _, _ = fitOne(t, []float64{0, 10}, Column{})
	if f := enc.Features[0]; f.Mean != 5 || f.Scale != 5 {
		t.Errorf("feature %+v", f)
	}
}

func TestVocabulary(t *testing.T) {
	s := &Series{Kind: Text, Dict: []string{"rare", "b", "a", "often", "absent"}, Codes: []int32{3, 1, 2, 3, -1, 2, 1, 3, 0}}
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

func TestFrame(t *testing.T) {
	if _, err := NewFrame(&Series{Name: "a", Floats: []float64{1}}, &Series{Name: "b"}); err == nil {
		t.Error("columns of different lengths make a frame")
	}
	if _, err := NewFrame(&Series{Name: "a"}, &Series{Name: "a"}); err == nil {
		t.Error("two columns of one name make a frame")
	}
	f, err := NewFrame(&Series{Name: "a", Kind: Numeric, Floats: []float64{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	if p := f.Pick([]int32{2, 0}).Pick([]int32{0}); p.Columns[0].Floats[0] != 3 || p.Place(0) != "row 3" {
		t.Errorf("picked %v at %s", p.Columns[0].Floats, p.Place(0))
	}
}

func TestPlaceAfterDeduplication(t *testing.T) {
	f := mustRead(t, "a,b\n1,x\n1,x\n\n2,y\n", Source{}, nil)
	p := f.Pick(deduplicate(f))
	if p.Rows != 2 || p.Place(1) != "data.csv:5" {
		t.Errorf("%d rows, the second at %s, want data.csv:5", p.Rows, p.Place(1))
	}
}
