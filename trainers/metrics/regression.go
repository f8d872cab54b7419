package metrics

import "math"

// Regression measures predictions of a number; weights may be nil for ones. R² is
// 1 − Σw(y−ŷ)² / Σw(y−ȳ)² with the weighted mean ȳ, NaN for a constant target.
//
// Errors match [ErrInput] and name the row, counted from 0.
func Regression(pred, target, weights []float64) (*Result, error) {
	n := len(pred)
	if len(target) != n {
		return nil, inputError("%d predictions but %d targets", n, len(target))
	}
	total, err := checkWeights(n, weights)
	if err != nil {
		return nil, err
	}
	if err := checkFinite("the prediction", pred, 1); err != nil {
		return nil, err
	}
	// Targets are measured from one of them: of 1e12 + x, weighted, the digits of x would be rounded.
	var mean sum
	constant, first := true, math.NaN()
	for i, y := range target {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			return nil, inputError("row %d: the target is %v", i, y)
		}
		w := weightAt(weights, i)
		if w == 0 {
			continue
		}
		if math.IsNaN(first) {
			first = y
		}
		constant = constant && y == first
		mean.add(w * (y - first))
	}
	center := mean.value() / total
	var squares, absolute, spread sum
	for i, y := range target {
		w := weightAt(weights, i)
		if w == 0 {
			continue
		}
		e, d := y-pred[i], y-first-center
		squares.add(w * e * e)
		absolute.add(w * math.Abs(e))
		spread.add(w * d * d)
	}
	r2 := math.NaN()
	if !constant && spread.value() > 0 {
		r2 = 1 - squares.value()/spread.value()
	}
	mse := squares.value() / total
	return &Result{
		Task: TaskRegression, Rows: n, Weight: total,
		Values: Values{{"mse", mse}, {"rmse", math.Sqrt(mse)}, {"mae", absolute.value() / total}, {"r2", r2}},
	}, nil
}
