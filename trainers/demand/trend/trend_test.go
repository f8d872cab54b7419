package trend_test

import (
	"math"
	"slices"
	"testing"

	"debut/kernels/philox"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/trend"
)

var weekly = trend.Options{Window: 53, Level: 0.9}

// planted is a series of weeks: a level that grows by the rate a year from the change on, a season, noise of autocorrelation rho.
func planted(seed, id uint64, n, change int, rate, sd, rho float64) []float64 {
	g := philox.New(seed, id)
	y, e := make([]float64, n), 0.0
	for i := range y {
		e = rho*e + sd*math.Sqrt(1-rho*rho)*g.NormFloat64()
		y[i] = 100 * math.Exp(rate*float64(max(0, i-change))/52+0.3*math.Sin(2*math.Pi*float64(i)/52)+e)
	}
	return y
}

// Of planted trends the interval covers as often as it says, and what has none is hardly ever called rising or falling.
func TestIntervalsCover(t *testing.T) {
	for _, c := range []struct {
		name      string
		rate, rho float64
		n, change int
	}{{"none", 0, 0, 156, 0}, {"none, noise with memory", 0, 0.4, 156, 0}, {"rising", 0.3, 0, 156, 0}, {"since a change", 0.6, 0, 156, 80}, {"falling", -0.4, 0.3, 208, 0}} {
		const series = 300
		covered, sure := 0, 0
		for i := range uint64(series) {
			got, ok := trend.Find(forecast.Series{Values: planted(3, i, c.n, c.change, c.rate, 0.1, c.rho), Periods: []int{52}}, weekly)
			if !ok {
				t.Fatal("no course")
			}
			// Of the level now, which is estimated too, the slope's interval is left.
			now, want := got.Level, 1-math.Exp(-c.rate)
			if got.Low <= want*now && want*now <= got.High && got.Window == 53 {
				covered++
			}
			if got.P < 0.05 {
				sure++
			}
			if !(got.Low <= got.Change && got.Change <= got.High) {
				t.Fatalf("%+v", got)
			}
		}
		t.Logf("%s: %d of %d covered, %d significant", c.name, covered, series, sure)
		if covered < series*82/100 {
			t.Errorf("%s: intervals of 90 %% cover %d of %d", c.name, covered, series)
		}
		if c.rate == 0 && sure > series*12/100 {
			t.Errorf("%s: %d of %d series without a trend are said to have one at 5 %%", c.name, sure, series)
		}
		if c.rate != 0 && sure < series*85/100 {
			t.Errorf("%s: %d of %d trends found", c.name, sure, series)
		}
	}
}

// Changes of level and of slope are found where they are, and none where there are none.
func TestChanges(t *testing.T) {
	none, near := 0, 0
	for i := range uint64(100) {
		got, _ := trend.Find(forecast.Series{Values: planted(5, i, 156, 0, 0.2, 0.1, 0), Periods: []int{52}}, weekly)
		if len(got.Changes) > 0 {
			none++
		}
		y := planted(6, i, 156, 0, 0, 0.1, 0)
		for k := 90; k < len(y); k++ {
			y[k] *= 1.6
		}
		got, _ = trend.Find(forecast.Series{Values: y, Periods: []int{52}}, weekly)
		if slices.ContainsFunc(got.Changes, func(c int) bool { return c >= 88 && c <= 92 }) {
			near++
		}
	}
	t.Logf("%d of 100 series without a change have one; %d of 100 changes found", none, near)
	if none > 8 || near < 95 {
		t.Errorf("%d of 100 series without a change have one; %d of 100 changes found", none, near)
	}
}

// Exact courses: a line has its slope, a constant none, and the scale of the values does not matter.
func TestExact(t *testing.T) {
	grown := make([]float64, 60)
	for i := range grown {
		grown[i] = 7 * math.Pow(1.1, float64(i)/12)
	}
	got, ok := trend.Find(forecast.Series{Values: grown}, trend.Options{Window: 13, Level: 0.9})
	if !ok || math.Abs(got.Share-0.1) > 1e-9 || math.Abs(got.Change-(grown[59]-grown[47])) > 1e-9 || got.P > 1e-12 || got.Window != 13 || math.Abs(got.Level-grown[59]) > 1e-9 || got.Steps != 60 || len(got.Changes) > 0 {
		t.Errorf("%+v", got)
	}
	flat := slices.Repeat([]float64{5}, 40)
	if got, ok := trend.Find(forecast.Series{Values: flat}, weekly); !ok || math.Abs(got.Change) > 1e-12 || got.P != 1 || len(got.Changes) > 0 {
		t.Errorf("%+v", got)
	}
	zeros := make([]float64, 40)
	if got, ok := trend.Find(forecast.Series{Values: zeros}, weekly); !ok || got.Change != 0 || got.Share != 0 || got.P != 1 {
		t.Errorf("%+v", got)
	}
	line := make([]float64, 52)
	for i := range line {
		line[i] = float64(i) - 20
	}
	if got, ok := trend.Find(forecast.Series{Values: line}, weekly); !ok || math.Abs(got.Change-51) > 1e-9 || got.Window != 52 {
		t.Errorf("%+v", got)
	}
}

func TestHostile(t *testing.T) {
	nan := math.NaN()
	for _, y := range [][]float64{nil, {}, {nan, nan}, {1, 2, 3}, {math.Inf(1), 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1e300, 1, 1, 1, 1, 1, 1, 1, 1}} {
		if got, ok := trend.Find(forecast.Series{Values: y, Periods: []int{7}}, weekly); ok {
			t.Errorf("of %v: %+v", y, got)
		}
	}
	gaps := planted(9, 1, 120, 0, 0.2, 0.05, 0)
	for i := 30; i < 40; i++ {
		gaps[i] = nan
	}
	long := make([]float64, 20000)
	for i := range long {
		long[i] = 50 + 10*math.Sin(2*math.Pi*float64(i)/24) + float64(i)/1000
	}
	for name, s := range map[string]forecast.Series{"gaps": {Values: append([]float64{nan, nan}, gaps...), Periods: []int{52}}, "long": {Values: long, Periods: []int{24, 168}}} {
		got, ok := trend.Find(s, weekly)
		if !ok || math.IsNaN(got.Change) || math.IsNaN(got.Low) || got.Since < 0 || got.Since+got.Steps > len(s.Values) {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
}

// Of tests of which some are true, the share of wrong discoveries stays below what was asked.
func TestDiscoveries(t *testing.T) {
	g := philox.New(1, 2)
	wrong, all := 0, 0
	for range 200 {
		p := make([]float64, 100)
		for i := range p {
			p[i] = g.Float64()
			if i < 30 {
				p[i] *= 1e-3
			}
		}
		for i, yes := range trend.Discoveries(p, 0.1) {
			if yes {
				all++
				if i >= 30 {
					wrong++
				}
			}
		}
	}
	if share := float64(wrong) / float64(all); share > 0.1 || all < 200*28 {
		t.Errorf("%d discoveries, %.3f wrong", all, share)
	}
	if got := trend.Discoveries(nil, 0.1); len(got) != 0 {
		t.Error(got)
	}
}
