package forecast

import "math"

// Measures of forecasts. Steps whose actual value is NaN are left out; a measure of no step, or one whose scale is 0, is NaN.

// SMAPE is the symmetric mean absolute percentage error, 200·mean(|y−ŷ|/(|y|+|ŷ|)), as in the M3 and M4 competitions. 0/0 counts as 0.
func SMAPE(actual, forecast []float64) float64 {
	return meanOf(actual, func(i int) float64 {
		e, d := math.Abs(actual[i]-forecast[i]), math.Abs(actual[i])+math.Abs(forecast[i])
		if d == 0 {
			return 0
		}
		return 200 * e / d
	})
}

// MAE is the mean absolute error.
func MAE(actual, forecast []float64) float64 {
	return meanOf(actual, func(i int) float64 { return math.Abs(actual[i] - forecast[i]) })
}

// MASE is the mean absolute error over that of the seasonal naive method within the history (Hyndman, Koehler 2006).
func MASE(actual, forecast, history []float64, period int) float64 {
	return MAE(actual, forecast) / scaleOf(history, period, math.Abs)
}

// RMSSE is the root of the mean squared error over that of the seasonal naive method within the history, as in the M5 competition.
func RMSSE(actual, forecast, history []float64, period int) float64 {
	square := func(v float64) float64 { return v * v }
	mse := meanOf(actual, func(i int) float64 { return square(actual[i] - forecast[i]) })
	return math.Sqrt(mse / scaleOf(history, period, square))
}

// WMAE is the weighted mean absolute error Σw|y−ŷ|/Σw.
func WMAE(actual, forecast, weights []float64) float64 {
	sum, total := 0.0, 0.0
	for i, y := range actual {
		if !math.IsNaN(y) {
			sum += weights[i] * math.Abs(y-forecast[i])
			total += weights[i]
		}
	}
	if total == 0 {
		return math.NaN()
	}
	return sum / total
}

// Pinball is the mean quantile loss, without a factor of 2.
func Pinball(actual, quantile []float64, level float64) float64 {
	return meanOf(actual, func(i int) float64 {
		e := actual[i] - quantile[i]
		return math.Max(level*e, (level-1)*e)
	})
}

// Coverage is the share of values within their interval, both ends included.
func Coverage(actual, lower, upper []float64) float64 {
	return meanOf(actual, func(i int) float64 {
		if lower[i] <= actual[i] && actual[i] <= upper[i] {
			return 1
		}
		return 0
	})
}

// MSIS is the mean scaled interval score of intervals that miss a share alpha of the values (Gneiting, Raftery 2007), over the error of
// the seasonal naive method within the history.
func MSIS(actual, lower, upper, history []float64, period int, alpha float64) float64 {
	score := meanOf(actual, func(i int) float64 {
		y := actual[i]
		return upper[i] - lower[i] + 2/alpha*(math.Max(lower[i]-y, 0)+math.Max(y-upper[i], 0))
	})
	return score / scaleOf(history, period, math.Abs)
}

func meanOf(actual []float64, f func(i int) float64) float64 {
	sum, n := 0.0, 0
	for i, y := range actual {
		if !math.IsNaN(y) {
			sum += f(i)
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}

// scaleOf is the mean of f of the seasonal differences of a history, NaN where there are none or all are 0.
func scaleOf(history []float64, period int, f func(float64) float64) float64 {
	sum, n := 0.0, 0
	for i := period; i < len(history); i++ {
		if d := history[i] - history[i-period]; !math.IsNaN(d) {
			sum += f(d)
			n++
		}
	}
	if n == 0 || sum == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
