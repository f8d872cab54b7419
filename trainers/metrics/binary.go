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
	for i, z := range logits {
		y, w := labels[i], weightAt(weights, i)
		p := sigmoid(z)
		loss.add(w * (math.Max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))))
		brier.add(w * (p - y) * (p - y))
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
	auc, average := ranking(logits, labels, weights)
	classes := classTable([]string{"0", "1"}, matrix)
	positive := classes[1]
	return &Result{
		Task: TaskBinary, Rows: n, Weight: total, Threshold: &threshold,
		Values: Values{
			{"auc", auc}, {"average_precision", average},
			{"log_loss", loss.value() / total}, {"brier", brier.value() / total},
			{"accuracy", (matrix[0][0] + matrix[1][1]) / total},
			{"precision", positive.Precision}, {"recall", positive.Recall}, {"f1", positive.F1},
		},
		Classes:   classes,
		Confusion: &Confusion{Classes: []string{"0", "1"}, Counts: matrix},
	}, nil
}

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

// sigmoid is 1/(1+e⁻ᶻ) without overflow.
func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}

// ranking returns AUC and average precision, NaN where the classes that they compare
// are not both there.
func ranking(scores, labels, weights []float64) (auc, average float64) {
	if uint64(len(scores)) <= math.MaxUint32 {
		return ranked(descending[uint32](scores), scores, labels, weights)
	}
	return ranked(descending[uint64](scores), scores, labels, weights)
}

// ranked is ranking of scores in their order, the highest first.
func ranked[I index](order []I, scores, labels, weights []float64) (auc, average float64) {
	var positives, negatives sum // weights ranked so far, the highest scores first
	var wins sum                 // weight of pairs with the positive ranked higher
	var area sum                 // Σ (weight of positives) · precision
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
		wins.add(q * (positives.value() + p/2)) // every positive above, and half of those beside
		positives.add(p)
		negatives.add(q)
		area.add(p * ratio(positives.value(), positives.value()+negatives.value()))
		start = end
	}
	p, q := positives.value(), negatives.value()
	if p == 0 {
		return math.NaN(), math.NaN()
	}
	if q == 0 {
		return math.NaN(), area.value() / p
	}
	return wins.value() / p / q, area.value() / p
}
