package forecast

import "math"

// stlResult is a series as trend + season + remainder.
type stlResult struct {
	trend, season, remainder []float64
}

// stl decomposes a series of at least two periods by loess (Cleveland, Cleveland, McRae, Terpenning, "STL: A Seasonal-Trend Decomposition
// Procedure Based on Loess", 1990), not robustly. window is that of the values of a season over the years, at least 7 and odd.
func stl(y []float64, period, window int) stlResult {
	n := len(y)
	trendWindow := nextOdd(int(math.Ceil(1.5 * float64(period) / (1 - 1.5/float64(window)))))
	lowWindow := nextOdd(period)
	r := stlResult{make([]float64, n), make([]float64, n), make([]float64, n)}
	cycle := make([]float64, n+2*period)
	one, two := make([]float64, n+2*period), make([]float64, n+2*period)
	sub := make([]float64, n/period+1)
	smooth := make([]float64, n/period+3)
	for range 2 {
		for s := range period {
			k := 0
			for i := s; i < n; i += period {
				sub[k] = y[i] - r.trend[i]
				k++
			}
			loess(sub[:k], window, 0, -1, smooth[:k+2])
			for j, v := range smooth[:k+2] {
				cycle[s+j*period] = v
			}
		}
		a := average(cycle, period, one)
		b := average(a, period, two)
		c := average(b, 3, one) // n values
		loess(c, lowWindow, 1, 0, two[:n])
		for i := range y {
			r.season[i] = cycle[i+period] - two[i]
			r.remainder[i] = y[i] - r.season[i]
		}
		loess(r.remainder, trendWindow, 1, 0, r.trend)
	}
	for i := range y {
		r.remainder[i] -= r.trend[i]
	}
	return r
}

func nextOdd(n int) int { return n + 1 - n%2 }

// average writes the moving average of width w into out and returns it, len(x) − w + 1 values.
func average(x []float64, w int, out []float64) []float64 {
	out = out[:len(x)-w+1]
	for i := range out { // each sum afresh: a running one would gather rounding errors
		s := 0.0
		for _, v := range x[i : i+w] {
			s += v
		}
		out[i] = s / float64(w)
	}
	return out
}

// loess smooths y, at positions 0 … n−1, at first, first + 1, …; windows of many values are evaluated at every tenth of their width, with
// lines between. The degree is 0 or 1.
func loess(y []float64, window, degree, first int, out []float64) {
	jump := (window + 9) / 10
	last := len(out) - 1
	for i := 0; ; i += jump {
		i = min(i, last)
		out[i] = loessAt(y, window, degree, float64(first+i))
		if from := max((i-1)/jump*jump, 0); i > from+1 {
			for j := from + 1; j < i; j++ {
				t := float64(j-from) / float64(i-from)
				out[j] = out[from]*(1-t) + out[i]*t
			}
		}
		if i == last {
			return
		}
	}
}

// loessAt is the local fit at x, with tricube weights of the window nearest to it.
func loessAt(y []float64, window, degree int, x float64) float64 {
	n := len(y)
	left, right := 0, n-1
	if window < n {
		left = min(max(int(math.Round(x))-window/2, 0), n-window)
		right = left + window - 1
	}
	h := math.Max(x-float64(left), float64(right)-x)
	if window > n {
		h += float64((window - n) / 2)
	}
	if h == 0 {
		return y[left]
	}
	var w, wx, wxx, wy, wxy float64
	for i := left; i <= right; i++ {
		d := float64(i) - x
		r := math.Abs(d) / h
		if r > 0.999 {
			continue
		}
		v := 1.0
		if r > 0.001 {
			v = 1 - r*r*r
			v = v * v * v
		}
		w += v
		wx += v * d
		wxx += v * d * d
		wy += v * y[i]
		wxy += v * d * y[i]
	}
	if det := w*wxx - wx*wx; degree > 0 && det > 1e-6*w*w*float64((n-1)*(n-1)) {
		return (wxx*wy - wx*wxy) / det
	}
	return wy / w
}

// mstl takes seasons of several lengths out of a series, the shortest first, twice over (Bandara, Hyndman, Bergmeir 2021). Seasons are by
// period, each of the length of y.
func mstl(y []float64, periods []int) (trend []float64, seasons [][]float64, remainder []float64) {
	seasons = make([][]float64, len(periods))
	rest := append([]float64(nil), y...)
	rounds := 2
	if len(periods) == 1 {
		rounds = 1
	}
	for round := range rounds {
		for k, p := range periods {
			if round > 0 {
				for i, s := range seasons[k] {
					rest[i] += s
				}
			}
			r := stl(rest, p, 11+4*k)
			seasons[k], trend = r.season, r.trend
			for i, s := range r.season {
				rest[i] -= s
			}
		}
	}
	remainder = make([]float64, len(y))
	for i, v := range rest {
		remainder[i] = v - trend[i]
	}
	return trend, seasons, remainder
}

// seasonalStrength is 1 − var(remainder)/var(season + remainder), within [0, 1] (Wang, Smith, Hyndman 2006).
func seasonalStrength(y []float64, period int) float64 {
	r := stl(y, period, 11)
	both := make([]float64, len(y))
	for i := range both {
		both[i] = r.season[i] + r.remainder[i]
	}
	v := variance(both)
	if v == 0 {
		return 0
	}
	return math.Max(0, math.Min(1, 1-variance(r.remainder)/v))
}

// Seasons is what the seasons of at least two of which a series consists add to it, summed over all lengths, by MSTL; nil where there are none. y holds no NaN.
func Seasons(y []float64, periods []int) []float64 {
	var whole []int
	for _, p := range periods {
		if p >= 2 && len(y) >= 2*p {
			whole = append(whole, p)
		}
	}
	if len(whole) == 0 {
		return nil
	}
	_, seasons, _ := mstl(y, whole)
	sum := make([]float64, len(y))
	for _, s := range seasons {
		for i, v := range s {
			sum[i] += v
		}
	}
	return sum
}
