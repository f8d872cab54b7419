package metrics

import (
	"math"
	"slices"
)

// Binary measures a binary classifier. logits are the scores before the sigmoid, labels
// are 0 or 1, weights may be nil for ones; all have one element a row. A row is
// predicted positive when its probability is at least threshold, in (0, 1).
//
// AUC is the weight of (positive, negative) pairs ranked right, ties counting half, in
// O(n log n) by ranks; average precision is Σ (Rₖ−Rₖ₋₁)·Pₖ over the distinct scores, without
// interpolation; log-loss is taken from the logits, so that it stays finite for confident mistakes.
// Lift at k % is the share of positives among the k % of the rows with the highest scores, divided by
// that among all rows; of equal scores at the boundary each counts in part. ECE is the expected
// calibration error of [Calibration].
//
// Normalized entropy is the log-loss divided by that of the positives' share, predicted for every row: 1 for a model that knows no more than that
// (He, Pan, Jin, Xu, Liu, Xu, Shi, Atallah, Herbrich, Bowers, Candela, "Practical Lessons from Predicting Clicks on Ads at Facebook", 2014).
//
// Errors match [ErrInput] and name the row, counted from 0.
func Binary(logits, labels, weights []float64, threshold float64) (*Result, error) {
	n := len(logits)
	if len(labels) != n {
		return nil, inputError("%d predictions but %d labels", n, len(labels))
	}
	total, err := checkWeights(n, weights)
	if err != nil {
		return nil, err
	}
	if !(threshold > 0 && threshold < 1) {
		return nil, inputError("threshold %v; it is a probability between 0 and 1", threshold)
	}
	if err := checkFinite("the logit", logits, 1); err != nil {
		return nil, err
	}
	for i, y := range labels {
		if y != 0 && y != 1 {
			return nil, inputError("row %d: label %v; labels of a binary target are 0 and 1", i, y)
		}
	}
	var loss, brier sum
	var counts [2][2]sum
	curve := new(curve)
	for i, z := range logits {
		y, w := labels[i], weightAt(weights, i)
		p := Sigmoid(z)
		loss.add(w * logLoss(z, y))
		brier.add(w * (p - y) * (p - y))
		curve.add(p, y, w)
		predicted := 0
		if p >= threshold {
			predicted = 1
		}
		counts[int(y)][predicted].add(w)
	}
	matrix := [][]float64{
		{counts[0][0].value(), counts[0][1].value()},
		{counts[1][0].value(), counts[1][1].value()},
	}
	ranks := ranking(logits, labels, weights)
	classes := classTable([]string{"0", "1"}, matrix)
	positive := classes[1]
	decided := [3]float64{positive.Precision, positive.Recall, positive.F1}
	if positive.Support == 0 {
		decided = [3]float64{math.NaN(), math.NaN(), math.NaN()}
	}
	calibration := curve.table()
	r := &Result{
		Task: TaskBinary, Rows: n, Weight: total, Threshold: &threshold,
		Values:    Values{{"auc", ranks.auc}, {"average_precision", ranks.average}},
		Classes:   classes,
		Confusion: &Confusion{Classes: []string{"0", "1"}, Counts: matrix}, Calibration: calibration,
	}
	for i, k := range liftShares {
		r.Values = append(r.Values, Value{At("lift@k%", k), ranks.lift[i]})
	}
	r.Values = append(r.Values, Values{
		{"log_loss", loss.value() / total}, {"normalized_entropy", loss.value() / total / Entropy(positive.Support/total)}, {"brier", brier.value() / total}, {"ece", calibration.ECE()},
		{"accuracy", (matrix[0][0] + matrix[1][1]) / total},
		{"precision", decided[0]}, {"recall", decided[1]}, {"f1", decided[2]},
	}...)
	switch {
	case positive.Support == 0:
		r.undefine("no row is positive", Names(TaskBinary)...)
	case classes[0].Support == 0:
		r.undefine("all rows are positive", Names(TaskBinary)...)
	}
	return r, nil
}

// Entropy is that of something that happens with a probability.
func Entropy(p float64) float64 { return -p*math.Log(p) - (1-p)*math.Log1p(-p) }

// NameClasses puts names in the place of the class numbers of a classification, in
// their order; a result with another number of classes stays as it is.
func (r *Result) NameClasses(names []string) {
	if r.Confusion == nil || len(names) != len(r.Classes) {
		return
	}
	r.Confusion.Classes = slices.Clone(names)
	for i := range r.Classes {
		r.Classes[i].Class = names[i]
	}
}

// liftShares are the shares of rows, in percent, at which the lift is told.
var liftShares = [...]int{1, 5, 10}

// Sigmoid is 1/(1+e⁻ᶻ) without overflow.
func Sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// logLoss is the logistic loss of a logit for a label of 0 or 1.
func logLoss(z, y float64) float64 {
	return math.Max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
}

// ranks is what the order of scores says, NaN where the classes that it compares are not both there.
type ranks struct {
	auc, average float64
	lift         [len(liftShares)]float64
}

// ranking measures the order of scores.
func ranking(scores, labels, weights []float64) ranks {
	if uint64(len(scores)) <= math.MaxUint32 {
		return ranked(descending[uint32](scores), scores, labels, weights)
	}
	return ranked(descending[uint64](scores), scores, labels, weights)
}

// ranked is ranking of scores in their order, the highest first.
func ranked[I index](order []I, scores, labels, weights []float64) ranks {
	var all sum // weight
	for _, i := range order {
		all.add(weightAt(weights, int(i)))
	}
	var positives, negatives sum       // weights ranked so far, the highest scores first
	var wins sum                       // weight of pairs with the positive ranked higher
	var area sum                       // Σ (weight of positives) · precision
	var first [len(liftShares)]float64 // weight of positives among the first rows
	var settled int                    // how many of first are known
	at := func(share int) float64 { return all.value() * float64(share) / 100 }
	for start := 0; start < len(order); {
		end := start
		var tiedPositive, tiedNegative sum
		for ; end < len(order) && scores[order[end]] == scores[order[start]]; end++ {
			i := int(order[end])
			if labels[i] == 1 {
				tiedPositive.add(weightAt(weights, i))
			} else {
				tiedNegative.add(weightAt(weights, i))
			}
		}
		p, q := tiedPositive.value(), tiedNegative.value()
		before := positives.value() + negatives.value()
		for ; settled < len(first) && p+q > 0 && before+p+q >= at(liftShares[settled]); settled++ {
			first[settled] = positives.value() + p*(at(liftShares[settled])-before)/(p+q)
		}
		wins.add(q * (positives.value() + p/2)) // every positive above, and half of those beside
		positives.add(p)
		negatives.add(q)
		area.add(p * ratio(positives.value(), positives.value()+negatives.value()))
		start = end
	}
	none := math.NaN()
	r := ranks{auc: none, average: none, lift: [...]float64{none, none, none}}
	p, q := positives.value(), negatives.value()
	if p == 0 {
		return r
	}
	r.average = area.value() / p
	for i, share := range liftShares {
		r.lift[i] = first[i] / at(share) / (p / all.value())
	}
	if q > 0 {
		r.auc = wins.value() / p / q
	}
	return r
}
