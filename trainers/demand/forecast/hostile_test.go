package forecast

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// everything are the methods of one series.
var everything = []Method{
	SeasonalNaive{}, SeasonalNaive{Longest: true}, SeasonalGrowth{}, Drift{}, SeasonalMean{}, ETS{}, ETS{MultiplicativeTrend: true}, ETS{Form: "AAdN"}, ETS{Form: "MMdM"}, ETS{Form: "ZZdZ"},
	HoltWinters{}, HoltWinters{Multiplicative: true}, ClassicTheta{}, Theta{}, Theta{Optimized: true}, Theta{Dynamic: true},
	Theta{Optimized: true, Dynamic: true}, ARIMA{}, ARIMA{Order: &Order{P: 1, Q: 1, Constant: true}}, CES{}, MSTL{}, MSTL{Remainder: ARIMA{}}, Log{MSTL{}}, Profile{}, Log{Profile{}},
	Regression{}, Regression{Remainder: ARIMA{}, Harmonics: 2}, Croston{}, Croston{SBA: true}, TSB{}, &Rule{},
}

// checkPrediction says what is wrong with the answer of a method.
func checkPrediction(t interface{ Fatalf(string, ...any) }, m Method, s Series, o Options, p *Prediction, err error) {
	if err != nil {
		if !errors.Is(err, ErrInput) && !errors.Is(err, ErrShort) && !errors.Is(err, ErrUnfit) {
			t.Fatalf("%s on %v: an error of no kind: %v", m.Name(), s, err)
		}
		return
	}
	if len(p.Mean) != o.Horizon || len(p.Quantiles) != len(o.Levels) || p.Method == "" {
		t.Fatalf("%s on %v: %d steps of %d, %d quantiles of %d", m.Name(), s, len(p.Mean), o.Horizon, len(p.Quantiles), len(o.Levels))
	}
	for i, v := range p.Mean {
		before := math.Inf(-1)
		for k := range p.Quantiles {
			q := p.Quantiles[k][i]
			if math.IsNaN(q) || math.IsInf(q, 0) || q < before-1e-9*math.Abs(before) {
				t.Fatalf("%s on %v: quantile %v of step %d is %v after %v", m.Name(), s, o.Levels[k], i+1, q, before)
			}
			before = q
		}
		if math.IsNaN(v) || math.IsInf(v, 0) || o.NonNegative && v < 0 {
			t.Fatalf("%s on %v: step %d is %v", m.Name(), s, i+1, v)
		}
	}
}

// Whatever a series is, a method answers with numbers or an error of a known kind; the default always answers.
func TestHostileSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		kind := rapid.SampledFrom([]string{"noise", "constant", "zeros", "rare", "line", "huge", "tiny", "spike", "steps", "season", "explosion", "nearly constant"}).Draw(t, "kind")
		draw := rapid.Float64Range(-1, 1)
		y := make([]float64, n)
		for i := range y {
			u := draw.Draw(t, "u")
			switch kind {
			case "noise":
				y[i] = u
			case "constant":
				y[i] = 3.7
			case "rare":
				if u > 0.7 {
					y[i] = math.Ceil(10 * (u - 0.7))
				}
			case "line":
				y[i] = 2*float64(i) - 7
			case "huge":
				y[i] = 1e307 * u
			case "tiny":
				y[i] = 1e-306 * u
			case "spike":
				y[i] = 1
				if i == n/2 {
					y[i] = 1e9
				}
			case "steps":
				y[i] = math.Floor(float64(i)/7) + 5
			case "season":
				y[i] = 10 + float64(i%4)
			case "explosion":
				y[i] = math.Exp(float64(i))
			case "nearly constant":
				y[i] = 1e6 + 1e-9*u
			}
			if gap := rapid.IntRange(0, 9).Draw(t, "gap"); gap == 0 {
				y[i] = math.NaN()
			}
		}
		s := Series{Values: y, Periods: rapid.SampledFrom([][]int{nil, {4}, {12}, {7, 14}, {30}}).Draw(t, "periods")}
		o := Options{Horizon: rapid.IntRange(1, 15).Draw(t, "horizon"), Levels: []float64{0.05, 0.5, 0.95}, NonNegative: rapid.Bool().Draw(t, "amounts")}
		keep := slices.Clone(y)
		m := rapid.SampledFrom(everything).Draw(t, "method")
		p, err := m.Forecast(s, o)
		checkPrediction(t, m, s, o, p, err)
		if !slices.EqualFunc(y, keep, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
			t.Fatalf("%s changed the series", m.Name())
		}
		if _, ok := m.(*Rule); ok && err != nil && slices.ContainsFunc(y, func(v float64) bool { return !math.IsNaN(v) }) {
			t.Fatalf("the default does not answer for %v: %v", s, err)
		}
	})
}

func TestBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := Options{Horizon: 2, Levels: levels80}
	for _, c := range []struct {
		name string
		s    Series
		o    Options
		want string
	}{
		{"no value", Series{}, good, "no value was observed"},
		{"nothing observed", Series{Values: []float64{nan, nan}}, good, "no value was observed"},
		{"infinite", Series{Values: []float64{1, inf}}, good, "value 2 is infinite"},
		{"no horizon", Series{Values: []float64{1}}, Options{}, "a horizon of 0 steps"},
		{"levels", Series{Values: []float64{1}}, Options{Horizon: 1, Levels: []float64{0.9, 0.1}}, "level 0.1"},
		{"season", Series{Values: []float64{1}, Periods: []int{1}}, good, "a season of 1 steps"},
	} {
		for _, m := range everything {
			_, err := m.Forecast(c.s, c.o)
			if !errors.Is(err, ErrInput) {
				t.Errorf("%s, %s: %v", m.Name(), c.name, err)
			}
		}
		_, err := (&Rule{}).Forecast(c.s, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want one of %q", c.name, err, c.want)
		}
	}
	for name, values := range map[string][]float64{"one observation": {5}, "constant": {5, 5, 5, 5, 5, 5, 5, 5}, "zeros": make([]float64, 30)} {
		p, err := (&Rule{}).Forecast(Series{Values: values, Periods: []int{12}}, good)
		if err != nil {
			t.Fatal(err)
		}
		if p.Mean[0] != values[0] || p.Quantiles[2][1] != values[0] || len(p.Notes) == 0 {
			t.Errorf("%s: %+v", name, p)
		}
	}
}
