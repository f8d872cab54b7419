package encoding

import (
	"math"
	"testing"

	"debut/datasets/table"
)

// Values beyond the range of an encoding are counted, those of the range itself are not, whatever the transform rounds.
func TestOutside(t *testing.T) {
	for _, transform := range [][]string{{"none"}, {"log1p"}, {"standardize"}, {"log1p", "standardize"}, {"log1p", "clip", "standardize"}, {"auto"}} {
		values := make([]float64, 2000)
		for i := range values {
			values[i] = math.Expm1(float64(i%500)/70) - 3.7
		}
		s := &table.Series{Name: "x", Kind: table.Numeric, Floats: values}
		c, _, reason, err := FitColumn(s, Column{Type: table.TypeNumeric, Fill: FillMedian, Transform: transform, ClipQuantiles: []float64{0, 1}, Encoding: []string{EncodingPiecewiseLinear}, Bins: 16}, "columns.x")
		if err != nil || c == nil {
			t.Fatal(transform, reason, err)
		}
		e := NewEncoder(TargetEncoding{}, nil, "")
		e.Columns = []ColumnEncoding{*c}
		report := func(values ...float64) []OutsideCount {
			f, err := table.NewFrame(&table.Series{Name: "x", Kind: table.Numeric, Floats: values})
			if err != nil {
				t.Fatal(err)
			}
			_, r, err := e.Encode(t.Context(), f, false)
			if err != nil {
				t.Fatal(err)
			}
			return r.Outside
		}
		if got := report(values...); got != nil {
			t.Errorf("%v: %+v of the training rows", transform, got)
		}
		low, high := values[0], values[499]
		got := report(low, low-0.01, high, high+0.01, math.NaN(), 1e6, -1e6)
		if len(got) != 1 || got[0].Rows != 4 || math.Abs(got[0].Low-low) > 1e-5*math.Abs(low) || math.Abs(got[0].High-high) > 1e-5*high {
			t.Errorf("%v: %+v, of %v to %v", transform, got, low, high)
		}
	}
}
