package forecast

import (
	"fmt"
	"math"
	"testing"

	"debut/kernels/philox"
)

// generated is a series of months with a trend, a season and noise, all drawn by its number.
func generated(number uint64, n int) Series {
	s := philox.New(17, number)
	level, slope, strength, noise := 50+500*s.Float64(), s.NormFloat64(), 0.3*s.Float64(), 0.02+0.15*s.Float64()
	y := make([]float64, n)
	walk := 0.0
	for i := range y {
		walk += 0.02 * s.NormFloat64()
		season := 1 + strength*math.Sin(2*math.Pi*float64(i)/12+6*float64(number%7))
		y[i] = math.Max((level+slope*float64(i))*season*math.Exp(walk+noise*s.NormFloat64()), 0.1)
	}
	return Series{Values: y, Periods: []int{12}}
}

// Time of one series of 70 months, on one processor.
func BenchmarkMethods(b *testing.B) {
	for _, m := range []Method{&Rule{}, Median{[]Method{ETS{}, ClassicTheta{}}}, ETS{}, ETS{Form: "ZZdZ"}, ARIMA{}, CES{}, Theta{Optimized: true, Dynamic: true}, ClassicTheta{}} {
		b.Run(fmt.Sprint(m.Name()), func(b *testing.B) {
			for i := range b.N {
				if _, err := m.Forecast(generated(uint64(i), 70), Options{Horizon: 12, Levels: levels80}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
