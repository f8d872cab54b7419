package rivals

import (
	"math"
	"strings"
	"testing"

	"debut/kernels/philox"
)

// TestPrices matches by product and time, and passes over what is too old.
func TestPrices(t *testing.T) {
	quotes := []Quote{{"a", "x", 10, 5}, {"a", "x", 3, 4}, {"a", "y", 9, 6}, {"b", "x", 1, 7}}
	m, err := Prices(quotes, []string{"a", "a", "a", "b", "c"}, []float64{2, 5, 11, 40, 5}, 14)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]float64{{math.NaN(), 4, 5, math.NaN(), math.NaN()}, {math.NaN(), math.NaN(), 6, math.NaN(), math.NaN()}}
	for s := range want {
		for i, v := range want[s] {
			if got := m.Prices[s][i]; got != v && !(math.IsNaN(got) && math.IsNaN(v)) {
				t.Errorf("%s, row %d: %v, want %v", m.Sellers[s], i, got, v)
			}
		}
	}
	if m.Unknown != 1 || m.Ages[0].Stale != 1 || m.Ages[0].Days != 1.5 || m.Stale() != "x of 1 rows" {
		t.Errorf("%d unknown, %+v, %q", m.Unknown, m.Ages, m.Stale())
	}
	if _, err := Prices([]Quote{{"a", "x", 1, 0}}, nil, nil, 1); err == nil || !strings.Contains(err.Error(), "must be above zero") {
		t.Errorf("a price of zero: %v", err)
	}
}

// TestFollow finds a seller who answers two periods later, one who comes before, and one who does not care.
func TestFollow(t *testing.T) {
	r := philox.New(3, 1)
	const n = 200
	own, after, before, alone := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range own {
		own[i], alone[i] = math.Exp(.1*r.NormFloat64()), math.Exp(.1*r.NormFloat64())
	}
	for i := range own {
		after[i], before[i] = 1+.02*r.NormFloat64(), 1+.02*r.NormFloat64()
		if i >= 2 {
			after[i] *= own[i-2]
		}
		if i+1 < n {
			before[i] *= own[i+1]
		}
	}
	got := Follow([]string{"after", "before", "alone"}, [][]float64{own}, [][][]float64{{after}, {before}, {alone}})
	for i, want := range []int{2, -1} {
		if got[i].Lag != want || got[i].Correlation < .8 {
			t.Errorf("%+v, want a lag of %d", got[i], want)
		}
	}
	if got[2].Correlation > .3 || got[0].Sentence() != "after follows our price changes 2 periods later" || got[1].Sentence() != "before changes prices one period before us" {
		t.Errorf("%+v: %s; %s", got[2], got[0].Sentence(), got[1].Sentence())
	}
}
