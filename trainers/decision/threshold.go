package decision

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"debut/trainers/metrics"
)

// choose returns the threshold that does best on rows. The candidates lie halfway between neighboring probabilities, so that rows of
// other data that are alike fall on the same side. Of equal ones the highest is taken.
func (t *Threshold) choose(logits, labels, weights []float64) (threshold float64, warning string, err error) {
	type row struct{ p, positive, negative float64 }
	rows := make([]row, len(logits))
	var positives float64
	for i, z := range logits {
		if math.IsNaN(z) {
			return 0, "", errors.New("decision: a score is no number")
		}
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		rows[i] = row{p: metrics.Sigmoid(z), positive: w * labels[i], negative: w * (1 - labels[i])}
		positives += rows[i].positive
	}
	if positives == 0 {
		return DefaultThreshold, fmt.Sprintf("no validation row is positive: the threshold stays %v", DefaultThreshold), nil
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.p, a.p) })
	best, bestScore, found := 0.0, math.Inf(-1), false
	fallback, fallbackScore := 0.0, math.Inf(-1)
	consider := func(at, tp, fp float64) {
		precision, recall := 0.0, tp/positives
		if tp+fp > 0 {
			precision = tp / (tp + fp)
		}
		score, allowed := 0.0, true
		switch t.Choose {
		case chooseF1:
			score = 2 * tp / (positives + tp + fp)
		case chooseRecall:
			score, allowed = recall, precision >= *t.Precision
			if precision > fallbackScore {
				fallback, fallbackScore = at, precision
			}
		case choosePrecision:
			score, allowed = precision, recall >= *t.Recall
		case chooseCost:
			score = -(*t.FalsePositive*fp + *t.FalseNegative*(positives-tp))
		}
		if allowed && score > bestScore {
			best, bestScore, found = at, score, true
		}
	}
	if t.Choose == chooseCost { // nobody may be cheapest
		consider(between(1, rows[0].p), 0, 0)
	}
	var tp, fp float64
	for start := 0; start < len(rows); {
		end := start
		for ; end < len(rows) && rows[end].p == rows[start].p; end++ {
			tp += rows[end].positive
			fp += rows[end].negative
		}
		next := 0.0
		if end < len(rows) {
			next = rows[end].p
		}
		consider(between(rows[start].p, next), tp, fp)
		start = end
	}
	if !found {
		return fallback, fmt.Sprintf("no threshold has a precision of %v on the validation rows; the highest, %.4g, is that of %.4g, which is taken", *t.Precision, fallbackScore, fallback), nil
	}
	return best, "", nil
}

// between is a threshold that parts two probabilities, high ≥ threshold > low, and is itself neither 0 nor 1.
func between(high, low float64) float64 {
	at := low + (high-low)/2
	if at <= low {
		at = high
	}
	return max(math.SmallestNonzeroFloat64, min(at, math.Nextafter(1, 0)))
}
