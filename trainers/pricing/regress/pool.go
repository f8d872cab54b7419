package regress

import (
	"errors"
	"fmt"
	"math"
)

// Pooled are coefficients of many groups – the elasticities of products, say – each known by an estimate with an error of its own, shrunk towards the
// mean of all by how much of their scatter is error.
type Pooled struct {
	Mean   float64   // of the groups' true coefficients
	Error  float64   // its standard error
	Spread float64   // the standard deviation of the true coefficients
	Values []float64 // of each group: the posterior mean
	Errors []float64 // its standard deviation, with the uncertainty of Mean in it
}

// cellsOfSpread is how many values of the spread are thought possible.
const cellsOfSpread = 200

// Pool shrinks estimates with standard errors by partial pooling: true coefficients are normal around a mean, estimates normal around them. A group that has
// no estimate (NaN, or an infinite error) gets the mean, with the error of a new group.
//
// Neither mean nor spread are taken for known: results are averages over all that the estimates leave possible, every spread and mean being as likely
// before (Gelman, "Prior Distributions for Variance Parameters in Hierarchical Models", Bayesian Analysis 1, 2006). Less than three estimates say nothing of
// their spread: they are taken as they are, and the spread for that of the two.
func Pool(estimates, errs []float64) (*Pooled, error) {
	if len(estimates) != len(errs) {
		return nil, fmt.Errorf("regress: %d estimates and %d errors", len(estimates), len(errs))
	}
	var known []int
	for i, e := range errs {
		if math.IsNaN(estimates[i]) || math.IsInf(estimates[i], 0) || math.IsNaN(e) || math.IsInf(e, 0) {
			continue
		}
		if e < 0 {
			return nil, fmt.Errorf("regress: the error of estimate %d is %g: it must not be negative", i+1, e)
		}
		known = append(known, i)
	}
	if len(known) == 0 {
		return nil, errors.New("regress: no group has an estimate: there is nothing to pool")
	}
	p := &Pooled{Values: make([]float64, len(estimates)), Errors: make([]float64, len(estimates))}
	spreads := possible(estimates, errs, known)
	logs, most := make([]float64, len(spreads)), math.Inf(-1)
	for m, spread := range spreads {
		logs[m] = likelihood(estimates, errs, known, spread)
		most = math.Max(most, logs[m])
	}
	var total float64
	for m := range logs {
		logs[m] = math.Exp(logs[m] - most)
		total += logs[m]
	}
	var mean, square, spread2 average
	values, squares := make([]average, len(estimates)), make([]average, len(estimates))
	for m, spread := range spreads {
		share := logs[m] / total
		center, weights, _ := center(estimates, errs, known, spread)
		mean.add(share, center)
		square.add(share, center*center+1/weights)
		spread2.add(share, spread*spread)
		value, variance := center, spread*spread+1/weights // of a new group
		for i := range values {
			values[i].add(share, value)
			squares[i].add(share, variance+value*value)
		}
		for _, i := range known {
			own := errs[i] * errs[i]
			keep := 1.0 // the share of the estimate that is kept
			if own > 0 {
				keep = spread * spread / (spread*spread + own)
			}
			shrunk := center + keep*(estimates[i]-center)
			values[i].add(share, shrunk-value)
			squares[i].add(share, keep*own+(1-keep)*(1-keep)/weights+shrunk*shrunk-variance-value*value)
		}
	}
	p.Mean, p.Error, p.Spread = mean.sum, deviation(square.sum, mean.sum), math.Sqrt(spread2.sum)
	for i := range values {
		p.Values[i], p.Errors[i] = values[i].sum, deviation(squares[i].sum, values[i].sum)
	}
	return p, nil
}

// average adds up shares of values.
type average struct{ sum float64 }

func (a *average) add(share, value float64) { a.sum += share * value }

func deviation(square, mean float64) float64 { return math.Sqrt(math.Max(0, square-mean*mean)) }

// possible returns the spreads that estimates leave possible, evenly spaced, up to where none is likely.
func possible(estimates, errs []float64, known []int) []float64 {
	var lowest, highest, widest float64 = math.Inf(1), math.Inf(-1), 0
	for _, i := range known {
		lowest, highest = math.Min(lowest, estimates[i]), math.Max(highest, estimates[i])
		widest = math.Max(widest, errs[i])
	}
	if len(known) < 3 {
		return []float64{math.Max(highest-lowest, widest)}
	}
	most := highest - lowest
	if most == 0 {
		most = math.Max(widest, 1e-12)
	}
	// A spread of the whole range is out of the question for many groups: the grid ends where it has become unlikely.
	for range 20 {
		if likelihood(estimates, errs, known, most) > likelihood(estimates, errs, known, most/2)-12 {
			break
		}
		most /= 2
	}
	if len(known) < 10 {
		most *= 2
	}
	spreads := make([]float64, cellsOfSpread)
	for m := range spreads {
		spreads[m] = most * (float64(m) + .5) / cellsOfSpread
	}
	return spreads
}

// center returns the mean of all for a spread, the sum of the weights, and the weighted squares around the mean.
func center(estimates, errs []float64, known []int, spread float64) (mean, weights, squares float64) {
	for _, i := range known {
		w := 1 / (errs[i]*errs[i] + spread*spread)
		mean, weights = mean+w*estimates[i], weights+w
	}
	mean /= weights
	for _, i := range known {
		d := estimates[i] - mean
		squares += d * d / (errs[i]*errs[i] + spread*spread)
	}
	return mean, weights, squares
}

// likelihood returns the logarithm of the likelihood of a spread, over all means.
func likelihood(estimates, errs []float64, known []int, spread float64) float64 {
	_, weights, squares := center(estimates, errs, known, spread)
	sum := -math.Log(weights)/2 - squares/2
	for _, i := range known {
		sum -= math.Log(errs[i]*errs[i]+spread*spread) / 2
	}
	return sum
}
