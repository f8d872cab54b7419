package forecast

import "math"

// decompose returns the seasonal pattern of a series of at least two seasons, by position (observation i has pattern[i mod period]):
// what is left of the values over a centered moving average, averaged over the seasons. It sums to 0, or averages 1 where it is a factor.
func decompose(y []float64, period int, factor bool) []float64 {
	pattern, counts := make([]float64, period), make([]int, period)
	trend := movingAverage(y, period)
	for i, t := range trend {
		if math.IsNaN(t) {
			continue
		}
		if factor {
			pattern[i%period] += y[i] / t
		} else {
			pattern[i%period] += y[i] - t
		}
		counts[i%period]++
	}
	mean := 0.0
	for i := range pattern {
		pattern[i] /= float64(max(counts[i], 1))
		mean += pattern[i]
	}
	mean /= float64(period)
	for i := range pattern {
		if factor {
			pattern[i] /= mean
		} else {
			pattern[i] -= mean
		}
	}
	return pattern
}

// movingAverage over a season, centered; of an even one the ends count half. NaN where the window leaves the series.
func movingAverage(y []float64, period int) []float64 {
	half := period / 2
	m := make([]float64, len(y))
	for i := range m {
		if i < half || i+half >= len(y) {
			m[i] = math.NaN()
			continue
		}
		sum := 0.0
		for j := i - half; j <= i+half; j++ {
			sum += y[j]
		}
		if period%2 == 0 {
			sum -= (y[i-half] + y[i+half]) / 2
		}
		m[i] = sum / float64(period)
	}
	return m
}

// seasonal tests whether the autocorrelation at the season stands out of the noise: |r_m| > z·√((1 + 2·Σ_{k<m} r_k²)/n), Bartlett's
// formula. z is 1.645 for a test at 10 %.
func seasonal(y []float64, period int, z float64) bool {
	if period < 2 || len(y) < 2*period {
		return false
	}
	r := autocorrelation(y, period)
	sum := 0.0
	for _, v := range r[:period-1] {
		sum += v * v
	}
	return math.Abs(r[period-1]) > z*math.Sqrt((1+2*sum)/float64(len(y)))
}

// autocorrelation at lags 1 … lags; zeros for a constant.
func autocorrelation(y []float64, lags int) []float64 {
	r := make([]float64, lags)
	m := mean(y)
	c0 := 0.0
	for _, v := range y {
		c0 += (v - m) * (v - m)
	}
	if c0 == 0 {
		return r
	}
	for k := 1; k <= lags && k < len(y); k++ {
		c := 0.0
		for i := k; i < len(y); i++ {
			c += (y[i] - m) * (y[i-k] - m)
		}
		r[k-1] = c / c0
	}
	return r
}

func mean(y []float64) float64 {
	s := 0.0
	for _, v := range y {
		s += v
	}
	return s / float64(len(y))
}

// variance about the mean, over n − 1.
func variance(y []float64) float64 {
	m, s := mean(y), 0.0
	for _, v := range y {
		s += (v - m) * (v - m)
	}
	return s / float64(max(len(y)-1, 1))
}

// line fits y ≈ a + b·i, i = 0, 1, …, by least squares.
func line(y []float64) (a, b float64) {
	n := float64(len(y))
	if n < 2 {
		return mean(y), 0
	}
	m, x := mean(y), (n-1)/2
	sxy := 0.0
	for i, v := range y {
		sxy += (float64(i) - x) * (v - m)
	}
	b = sxy / (n * (n*n - 1) / 12)
	return m - b*x, b
}
