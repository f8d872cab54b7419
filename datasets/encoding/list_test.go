package encoding

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"debut/datasets/table"
)

func textSeries(name string, values ...string) *table.Series {
	v := table.NewValues(name, table.TypeList, 0, len(values))
	for _, x := range values {
		if err := v.Text([]byte(x)); err != nil {
			panic(err)
		}
	}
	f, err := table.RowsFrame(v)
	if err != nil {
		panic(err)
	}
	return f.Columns[0]
}

// Lists are read as JSON has them, and as people write them.
func TestReadLists(t *testing.T) {
	var l listReader
	for text, want := range map[string][]string{
		`["a", "b c", "d\"e", "ü\/"]`: {"a", "b c", `d"e`, "ü/"},
		`[1, 2.0, null, 3]`:           {"1", "2.0", "3"},
		`["x,y", null, "", 7]`:        {"x,y", "7"},
		`[]`:                          nil,
		`[a, b]`:                      {"a", "b"},
		"a b\tc":                      {"a", "b", "c"},
		" a|b ; c,d ":                 {"a", "b", "c", "d"},
		"7:0.5 9:1e-3":                {"7:0.5", "9:1e-3"},
		"alone":                       {"alone"},
	} {
		got, err := l.read(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, error %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`["a" "b"]`, `[[1], [2]]`, `{"a": 1}`, `["a]`, `["a\x"]`, "[1", `["a", {"b": 1}]`} {
		if got, err := l.read(text); err == nil {
			t.Errorf("%s is read as %q", text, got)
		}
	}
}

// A list becomes ids, −1 behind them, and weights that add up to 1 where it is the mean that counts.
func TestEncodeLists(t *testing.T) {
	train := textSeries("h", "a b a", "b", "", "c b x y")
	enc, report, reason, err := FitList(train, nil, nil, Column{Type: table.TypeList, MinCount: 1, MaxItems: 3}, "columns.h")
	if err != nil || reason != "" {
		t.Fatal(reason, err)
	}
	if report.Cut != 1 || report.Longest != 4 || report.Cardinality != 6 || enc.Length != 3 || enc.Pooling != PoolingMean {
		t.Errorf("%+v, %+v", report, enc)
	}
	if !slices.Equal(enc.Vocabulary, []string{"b", "a", "c", "x", "y"}) {
		t.Errorf("vocabulary %q", enc.Vocabulary)
	}
	e := &Encoder{Columns: []ColumnEncoding{*enc}, Target: TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: TaskRegression, Scale: 1}}
	var saved bytes.Buffer
	if err := e.Save(&saved); err != nil {
		t.Fatal(err)
	}
	loaded, err := LoadEncoder(bytes.NewReader(saved.Bytes()))
	if err != nil || loaded.Version != listsVersion {
		t.Fatalf("version %d, error %v", loaded.Version, err)
	}
	f, _ := table.NewFrame(textSeries("h", `["b","new"]`, "", "a"))
	out, news, err := loaded.Encode(context.Background(), f, false)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out.Lists, []int32{1, 0, -1, -1, -1, -1, 2, -1, -1}) || !slices.Equal(out.ListWeights, []float32{0.5, 0.5, 0, 0, 0, 0, 1, 0, 0}) {
		t.Errorf("ids %v, weights %v", out.Lists, out.ListWeights)
	}
	if len(news.Unseen) != 1 || news.Unseen[0].Rows != 1 || !slices.Equal(news.Unseen[0].Examples, []string{"new"}) {
		t.Errorf("%+v", news)
	}
	both := new(Encoded)
	if err := both.Append(out); err != nil {
		t.Fatal(err)
	}
	if err := both.Append(out); err != nil || both.Rows != 6 || len(both.Lists) != 18 {
		t.Errorf("%+v, %v", both, err)
	}
}

// Weights stand behind their items, or in a column beside; what does not fit is an error with its place.
func TestWeightsOfLists(t *testing.T) {
	enc, _, _, err := FitList(textSeries("h", "1:0.5 2:3", "2:-1"), nil, nil, Column{MinCount: 1}, "columns.h")
	if err != nil || !enc.Weighted || enc.Pooling != PoolingSum {
		t.Fatalf("%+v, %v", enc, err)
	}
	target := TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: TaskRegression, Scale: 1}
	encode := func(enc *ColumnEncoding, columns ...*table.Series) (*Encoded, error) {
		f, err := table.NewFrame(columns...)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := (&Encoder{Columns: []ColumnEncoding{*enc}, Target: target}).Encode(context.Background(), f, false)
		return out, err
	}
	out, err := encode(enc, textSeries("h", "2:0.25", "1:2 9:4"))
	if err != nil || !slices.Equal(out.Lists, []int32{1, -1, 2, 0}) || !slices.Equal(out.ListWeights, []float32{0.25, 0, 2, 4}) {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := encode(enc, textSeries("h", "2:0.25", "7")); err == nil || !strings.Contains(err.Error(), "not item:weight") {
		t.Error(err)
	}
	weights := textSeries("w", "[0.5, 3]", "[-1]")
	beside, _, _, err := FitList(textSeries("h", "[1, 2]", "[2]"), weights, nil, Column{MinCount: 1}, "columns.h")
	if err != nil || beside.Weights != "w" || beside.Weighted {
		t.Fatalf("%+v, %v", beside, err)
	}
	out, err = encode(beside, textSeries("h", "[2]", ""), textSeries("w", "[7]", ""))
	if err != nil || !slices.Equal(out.Lists, []int32{1, -1, -1, -1}) || !slices.Equal(out.ListWeights, []float32{7, 0, 0, 0}) {
		t.Errorf("%+v, %v", out, err)
	}
	for want, columns := range map[string][]*table.Series{
		"1 weights for the 2 items": {textSeries("h", "[2, 1]"), textSeries("w", "[7]")},
		`"x" is no weight`:          {textSeries("h", "[2]"), textSeries("w", `["x"]`)},
		`lack "w"`:                  {textSeries("h", "[2]")},
		"is not a list":             {textSeries("h", "[[2]]"), textSeries("w", "[1]")},
	} {
		if _, err := encode(beside, columns...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

// Lists with the ids of a column have its vocabulary, and its hash.
func TestListsLikeColumns(t *testing.T) {
	items := textSeries("item", "a", "b", "a")
	for _, buckets := range []int{0, 100} {
		of, _, reason, err := FitColumn(items, Column{Fill: FillCategory, MinCount: 1, HashBuckets: buckets}, "columns.item")
		if err != nil || reason != "" {
			t.Fatal(reason, err)
		}
		enc, _, _, err := FitList(textSeries("h", "b a z", "z z", "c"), nil, of, Column{MinCount: 1}, "columns.h")
		if err != nil || !slices.Equal(enc.Vocabulary, of.Vocabulary) || enc.HashBuckets != buckets {
			t.Fatalf("%+v, %v", enc, err)
		}
		e := &Encoder{Columns: []ColumnEncoding{*of, *enc}, Target: TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: TaskRegression, Scale: 1}}
		f, _ := table.NewFrame(textSeries("item", "b"), textSeries("h", "b"))
		out, _, err := e.Encode(context.Background(), f, false)
		if err != nil || out.IDs[0] != out.Lists[0] || out.IDs[0] == 0 {
			t.Errorf("ids %v and %v, %v", out.IDs, out.Lists, err)
		}
	}
}

// What fitting cannot have made of lists is refused.
func TestForgedLists(t *testing.T) {
	good := ColumnEncoding{Name: "h", Type: table.TypeList, Fill: FillZeros, Vocabulary: []string{"a"}, Length: 2, Pooling: PoolingMean}
	for want, spoil := range map[string]func(c *ColumnEncoding){
		"length":     func(c *ColumnEncoding) { c.Length = 0 },
		"pooling":    func(c *ColumnEncoding) { c.Pooling = "most" },
		"weights":    func(c *ColumnEncoding) { c.Weighted, c.Weights = true, "w" },
		"missing_id": func(c *ColumnEncoding) { c.MissingID = 2 },
		"bounds":     func(c *ColumnEncoding) { c.Bounds = []float64{1} },
		"fill":       func(c *ColumnEncoding) { c.Fill = FillCategory },
	} {
		c := good
		spoil(&c)
		if err := c.check("columns.0"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := good.check("columns.0"); err != nil {
		t.Error(err)
	}
	number := ColumnEncoding{Name: "x", Type: table.TypeNumeric, Fill: FillMean, Length: 1, Features: []NumericFeature{{Name: "x", Source: "x", Scale: 1}}}
	if err := number.check("columns.0"); err == nil {
		t.Error("a number with a length")
	}
	for want, c := range map[string]Column{
		"max_items": {Type: table.TypeList, MaxItems: -1}, "pooling": {Type: table.TypeList, Pooling: "x"}, "like": {Type: table.TypeList, Like: "i", HashBuckets: 5},
		"fill": {Type: table.TypeList, Fill: FillMean}, "type: list": {Type: table.TypeNumeric, Pooling: PoolingMean},
	} {
		if err := c.Validate("columns.h", c.Type); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
