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
	r := &Result{
		Task: TaskRegression, Rows: n, Weight: total,
		Values: Values{{"mse", mse}, {"rmse", math.Sqrt(mse)}, {"mae", absolute.value() / total}, {"r2", r2}},
	}
	r.undefine("all targets are equal", "r2")
	return r, nil
}

// Metrics of a regression that are measured where the model was trained for them.
const (
	PoissonDeviance = "poisson_deviance"
	Pinball         = "pinball"
)

// AddPoissonDeviance adds the mean deviance of counts from rates, 2·(y·log(y/ŷ) − y + ŷ), NaN where a count is negative or a rate is
// not positive, to a result of Regression.
func (r *Result) AddPoissonDeviance(pred, target, weights []float64) {
	r.add(PoissonDeviance, pred, target, weights, Deviance)
	r.undefine("a count is negative, or a rate is not positive", PoissonDeviance)
}

// Deviance is the Poisson deviance of a count y from a rate p.
func Deviance(p, y float64) float64 {
	switch {
	case y < 0 || p <= 0:
		return math.NaN()
	case y == 0:
		return 2 * p
	}
	return 2 * (y*math.Log(y/p) - y + p)
}

// AddPinball adds the mean pinball loss of predictions of the quantile τ to a result of Regression.
func (r *Result) AddPinball(pred, target, weights []float64, tau float64) {
	r.add(Pinball, pred, target, weights, PinballOf(tau))
}

// PinballOf returns the pinball loss of a prediction p of the quantile τ for a value y.
func PinballOf(tau float64) func(p, y float64) float64 {
	return func(p, y float64) float64 { return max(tau*(y-p), (1-tau)*(p-y)) }
}

// add adds the weighted mean of a loss of each row.
func (r *Result) add(name string, pred, target, weights []float64, loss func(p, y float64) float64) {
	var total sum
	for i, y := range target {
		if w := weightAt(weights, i); w > 0 {
			total.add(w * loss(pred[i], y))
		}
	}
	r.Values = append(r.Values, Value{name, total.value() / r.Weight})
}
