package forecast

import "math"

// kpss is the statistic of Kwiatkowski, Phillips, Schmidt and Shin (1992) for a level, with Bartlett weights of ⌊3√n/13⌋ lags. Above 0.463
// a series is not stationary, at 5 %.
func kpss(y []float64) float64 {
	n := len(y)
	m := mean(y)
	e := make([]float64, n)
	sum, squares := 0.0, 0.0
	for i, v := range y {
		e[i] = v - m
		sum += e[i]
		squares += sum * sum
	}
	lags := int(3 * math.Sqrt(float64(n)) / 13)
	s2 := 0.0
	for _, v := range e {
		s2 += v * v
	}
	for k := 1; k <= lags; k++ {
		c := 0.0
		for i := k; i < n; i++ {
			c += e[i] * e[i-k]
		}
		s2 += 2 * (1 - float64(k)/float64(lags+1)) * c
	}
	if s2 <= 0 {
		return 0
	}
	return squares / (float64(n) * s2)
}

// difference returns y_t − y_{t−lag}.
func difference(y []float64, lag int) []float64 {
	if len(y) <= lag {
		return nil
	}
	d := make([]float64, len(y)-lag)
	for i := range d {
		d[i] = y[i+lag] - y[i]
	}
	return d
}

func constant(y []float64) bool {
	for _, v := range y {
		if v != y[0] {
			return false
		}
	}
	return true
}

// differences chooses how often a series is differenced: D once where the seasonal strength is above 0.64, then d by KPSS tests, up to 2.
func differences(y []float64, period int) (d, seasonal int) {
	const strong, critical = 0.64, 0.463
	if period > 1 && len(y) >= 2*period+5 && seasonalStrength(y, period) > strong {
		if w := difference(y, period); !constant(w) {
			seasonal, y = 1, w
		}
	}
	for d < 2 && len(y) > 3 && kpss(y) > critical {
		w := difference(y, 1)
		d, y = d+1, w
		if constant(w) {
			break
		}
	}
	return d, seasonal
}
