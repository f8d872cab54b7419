package encodergraph

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/engine/onnx"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/trainers/model"
)

// every is an encoder with columns of every kind, and settings of each.
func every() *encoding.Encoder {
	feature := func(name string, mean, scale float64) []encoding.NumericFeature {
		return []encoding.NumericFeature{{Name: name, Source: name, Mean: mean, Scale: scale}}
	}
	date := encoding.ColumnEncoding{Name: "date", Type: table.TypeDate, FillMicros: 1_600_000_000_123_456, Indicator: true}
	for i, part := range []string{"year", "month", "day", "weekday", "hour", "year_sin", "year_cos", "days"} {
		f := encoding.NumericFeature{Name: "date." + part, Source: "date", Mean: float64(i), Scale: 1 + float64(i)/2}
		if part == "days" {
			f.Mean, f.Scale, f.Edges = 19000, 5000, []float64{-2, 0, 1}
		}
		date.Parts, date.Features = append(date.Parts, part), append(date.Features, f)
	}
	return &encoding.Encoder{Version: 6, Target: encoding.TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: encoding.TaskRegression, Scale: 1}, Columns: []encoding.ColumnEncoding{
		{Name: "plain", Type: table.TypeNumeric, Fill: encoding.FillMean, FillNumber: 2.5, Features: feature("plain", 1, 3)},
		{Name: "city", Type: table.TypeCategorical, Fill: encoding.FillCategory, Vocabulary: []string{"Bonn", "7", "né", "01"}, MissingID: 5, Indicator: true},
		{Name: "skewed", Type: table.TypeNumeric, Fill: encoding.FillMean, FillNumber: 100, Log1p: true, Clip: true, Low: -1, High: 4, Features: feature("skewed", 2, 0.7), Indicator: true},
		{Name: "bucketed", Type: table.TypeNumeric, Fill: encoding.FillMean, Log1p: true, Bounds: []float64{-0.5, 0, math.Log1p(3)}},
		{Name: "both", Type: table.TypeNumeric, Fill: encoding.FillMean, FillNumber: 1, Bounds: []float64{0, 1}, Features: feature("both", 0, 2)},
		{Name: "truth", Type: table.TypeBoolean, Fill: encoding.FillMostFrequent, FillNumber: 1, Features: feature("truth", 0.5, 0.5)},
		date,
		{Name: "hashed", Type: table.TypeCategorical, Fill: encoding.FillMostFrequent, FillText: "b", HashBuckets: 13, Whole: true, Indicator: true},
		{Name: "picture", Type: table.TypeVector, Fill: encoding.FillMean, FillVector: []float64{0.1, 0.2, 0.3}, Width: 3, L2: true, Means: []float64{0, 0.1, 0}, Scales: []float64{1, 2, 1}, Indicator: true},
		{Name: "raw", Type: table.TypeVector, Fill: encoding.FillZeros, Width: 2},
		{Name: "title", Type: table.TypeText, Width: 8, Words: []int{1, 2}, Characters: []int{3, 4}, Indicator: true},
		{Name: "filled", Type: table.TypeCategorical, Fill: encoding.FillMostFrequent, FillText: "x", Vocabulary: []string{"x", "y"}},
	}}
}

// rowsOf makes a frame for the encoder, a value in six of which is missing.
func rowsOf(t *testing.T, n int) *table.Frame {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 4))
	missing := func() bool { return random.IntN(6) == 0 }
	numbers := func(name string, kind table.Kind, of func() float64) *table.Series {
		s := &table.Series{Name: name, Kind: kind, Floats: make([]float64, n)}
		for i := range s.Floats {
			if s.Floats[i] = of(); missing() {
				s.Floats[i] = math.NaN()
			}
		}
		return s
	}
	texts := func(name string, from ...string) *table.Series {
		s := &table.Series{Name: name, Kind: table.Text, Codes: make([]int32, n), Dict: from}
		for i := range s.Codes {
			if s.Codes[i] = int32(random.IntN(len(from))); missing() {
				s.Codes[i] = -1
			}
		}
		return s
	}
	vectors := func(name string, width int) *table.Series {
		s := &table.Series{Name: name, Kind: table.Vector, Codes: make([]int32, n), Width: width}
		for range 20 * width {
			s.Floats32 = append(s.Floats32, float32(random.NormFloat64()))
		}
		clear(s.Floats32[:width]) // a vector without a direction
		for i := range s.Codes {
			if s.Codes[i] = int32(random.IntN(20)); missing() {
				s.Codes[i] = -1
			}
		}
		return s
	}
	days := &table.Series{Name: "date", Kind: table.Date, Micros: make([]int64, n)}
	for i := range days.Micros {
		// From the year 1600 to 2400, and the days at which calendars go wrong.
		days.Micros[i] = -11_676_096_000_000_000 + random.Int64N(25_246_000_000_000_000)
		if i < 8 {
			days.Micros[i] = []int64{0, -1, 951_782_400_000_000, 951_868_799_999_999, 4_107_542_400_000_000, 1_709_164_800_000_000, 1_735_603_200_000_000, 1_735_689_599_999_999}[i]
		} else if missing() {
			days.Micros[i] = table.MissingDate
		}
	}
	f, err := table.NewFrame(
		numbers("plain", table.Numeric, func() float64 { return 5 * random.NormFloat64() }), texts("city", "Bonn", "7", "7.0", "né", "01", "1", "Nowhere", "Bonn "),
		numbers("skewed", table.Numeric, func() float64 { return math.Exp(3*random.NormFloat64()) - 1 }),
		numbers("bucketed", table.Numeric, func() float64 { return float64(random.IntN(9) - 4) }), numbers("both", table.Numeric, func() float64 { return float64(random.IntN(4)) }),
		numbers("truth", table.Boolean, func() float64 { return float64(random.IntN(2)) }), days, texts("hashed", "a", "b", "c", "1", "1.0", "zzz"),
		vectors("picture", 3), vectors("raw", 2), texts("title", "A long dress", "", "Kleid, rot", "a long Dress", "...", "ba ba ba"), texts("filled", "x", "y", "z"),
	)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ONNX Runtime makes of columns of every kind what the encoder does.
func TestAdd(t *testing.T) {
	r := onnxruntimetest.Open(t)
	const n = 1000
	e, f := every(), rowsOf(t, n)
	want, _, err := e.Encode(context.Background(), f, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, vocabulary := range []int{3, 100} {
		t.Run(fmt.Sprint(vocabulary), func(t *testing.T) {
			to := onnx.NewGraph("encoder")
			out := Add(to, e, model.GraphOptions{Vocabulary: vocabulary})
			to.Output(out.Numeric, "numeric out", onnx.Float, []int{onnx.Batch, want.D}, "")
			for k, v := range out.Fields {
				to.Output(v, fmt.Sprint("field ", k), onnx.Int64, []int{onnx.Batch, 1}, "")
			}
			encoded := 0
			for _, p := range out.Inputs {
				if p.Encoded != "" {
					encoded++
				}
			}
			if want := map[int]int{3: 3, 100: 2}[vocabulary]; encoded != want || len(out.Fields) != 5 {
				t.Errorf("%d encoded inputs, %d fields", encoded, len(out.Fields))
			}
			in, err := Feed(e, out.Inputs, f, want)
			if err != nil {
				t.Fatal(err)
			}
			got := onnxruntimetest.Run(t, r, to, in)
			numeric, ok := got["numeric out"].Data.([]float32)
			if !ok || len(numeric) != len(want.Numeric) {
				t.Fatalf("%d numbers, want %d", len(numeric), len(want.Numeric))
			}
			names := e.NumericFeatures()
			for i, v := range want.Numeric {
				if d := math.Abs(float64(v - numeric[i])); !(d <= 1e-6*max(1, math.Abs(float64(v)))) {
					t.Fatalf("row %d: %s is %v, not %v", i/want.D, names[i%want.D].Name, numeric[i], v)
				}
			}
			for k := range out.Fields {
				ids, ok := got[fmt.Sprint("field ", k)].Data.([]int64)
				if !ok {
					t.Fatalf("%T", got[fmt.Sprint("field ", k)].Data)
				}
				for row, id := range ids {
					if v := int64(want.IDs[row*want.F+k]); id != v {
						t.Fatalf("row %d: field %d is %d, not %d", row, k, id, v)
					}
				}
			}
		})
	}
}

// Ids of an encoder that a graph is given may be anything.
func TestEncodedIDs(t *testing.T) {
	r := onnxruntimetest.Open(t)
	e := every()
	e.Columns = slices.DeleteFunc(e.Columns, func(c encoding.ColumnEncoding) bool { return c.Name != "hashed" })
	to := onnx.NewGraph("ids")
	to.Output(Add(to, e, model.GraphOptions{}).Fields[0], "id", onnx.Int64, []int{onnx.Batch, 1}, "")
	got := onnxruntimetest.Run(t, r, to, map[string]onnx.Tensor{"hashed": onnx.NewTensor([]int64{0, 13, 14, -2, math.MaxInt64, math.MinInt64, 5}, 1)})
	if ids, ok := got["id"].Data.([]int64); !ok || !slices.Equal(ids, []int64{0, 13, 0, 0, 0, 0, 5}) {
		t.Errorf("%v", got["id"])
	}
}
