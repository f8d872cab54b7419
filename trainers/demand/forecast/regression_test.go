package forecast

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"debut/kernels/philox"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func TestMovingHolidays(t *testing.T) {
	for name, want := range map[string][]time.Time{
		"easter":       {day(2008, 3, 23), day(2010, 4, 4), day(2011, 4, 24), day(2012, 4, 8), day(2024, 3, 31), day(2038, 4, 25)},
		"thanksgiving": {day(2010, 11, 25), day(2011, 11, 24), day(2023, 11, 23)},
		"black_friday": {day(2012, 11, 23)},
		"super_bowl":   {day(2010, 2, 7), day(2012, 2, 5), day(2022, 2, 13), day(2024, 2, 11)},
		"labor_day":    {day(2010, 9, 6), day(2025, 9, 1)},
	} {
		for _, w := range want {
			if got := holidays[name](w.Year()); !got.Equal(w) {
				t.Errorf("%s of %d is %v, want %v", name, w.Year(), got, w)
			}
		}
	}
	var weeks []time.Time
	for i := range 105 {
		weeks = append(weeks, day(2010, 1, 30).AddDate(0, 0, 7*i))
	}
	v, err := Holiday("easter", 0, 0, weeks)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range v {
		want := 0.0
		if i == 9 || i == 64 { // weeks of 2010-04-03 and 2011-04-23
			want = 1
		}
		if x != want {
			t.Errorf("week of %v: %v", weeks[i], x)
		}
	}
	spread, err := Holiday("easter", 3, 3, weeks)
	if err != nil || math.Abs(spread[8]-2.0/7) > 1e-12 || math.Abs(spread[9]-5.0/7) > 1e-12 {
		t.Errorf("days about Easter: %v, %v", spread[8:10], err)
	}
	if _, err := Holiday("eastern", 0, 0, weeks); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "easter?") {
		t.Error(err)
	}
}

// A regression finds the effect of a promotion and of a season, and uses what is known ahead.
func TestRegressionCovariates(t *testing.T) {
	const n, steps = 120, 12
	stream := philox.New(1, 2)
	y, promotion := make([]float64, n), make([]float64, n+steps)
	season := func(i int) float64 { return 100 + 10*math.Sin(2*math.Pi*float64(i)/12) }
	for i := range promotion {
		promotion[i] = float64(stream.IntN(5) / 4)
		if i < n {
			y[i] = season(i) + 30*promotion[i] + stream.NormFloat64()
		}
	}
	s := Series{Values: y, Periods: []int{12}, Known: [][]float64{promotion}}
	p, err := Regression{}.Forecast(s, Options{Horizon: steps, Levels: levels80})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p.Mean {
		near(t, "forecast", v, season(n+i)+30*promotion[n+i], 2)
	}
	if width := p.Quantiles[2][0] - p.Quantiles[0][0]; width < 1.5 || width > 4 {
		t.Errorf("80 %% of unit noise lie within %v", width)
	}
	s.Known[0] = promotion[:n+steps-1]
	if _, err := (Regression{}).Forecast(s, Options{Horizon: steps}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "covariate 1 has 131 values") {
		t.Error(err)
	}
	promotion[n] = math.NaN()
	s.Known[0] = promotion
	if _, err := (Regression{}).Forecast(s, Options{Horizon: steps}); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "missing at step 121") {
		t.Error(err)
	}
}

// The default uses what is known ahead, too; with a regular season it is as good as the regression that knows its form.
func TestDefaultCovariates(t *testing.T) {
	const n, steps = 96, 8
	stream := philox.New(4, 2)
	y, price := make([]float64, n), make([]float64, n+steps)
	mean := func(i int) float64 { return (100 + 20*math.Cos(2*math.Pi*float64(i)/12)) * math.Exp(-1.5*price[i]) }
	for i := range price {
		price[i] = 0.2 * stream.NormFloat64()
	}
	for i := range y {
		y[i] = mean(i) * math.Exp(0.02*stream.NormFloat64())
	}
	p, err := (&Rule{}).Forecast(Series{Values: y, Periods: []int{12}, Known: [][]float64{price}}, Options{Horizon: steps})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p.Mean {
		near(t, "forecast", v, mean(n+i), 0.06*mean(n+i))
	}
}
