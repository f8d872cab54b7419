package metrics

import (
	"math"
	"slices"
	"strconv"
)

// MultiClass measures a classifier of c classes. logits are the scores before the
// softmax, row by row [n*c]; labels [n] are class numbers 0 … c−1; weights [n] may be nil for
// ones; classes [c] names the classes, nil for their numbers. The predicted class
// is that of the largest logit, the lowest number among equals.
//
// Macro averages run over the classes that occur as a label or a prediction; weighted averages weight a class
// by its support. There are no micro averages: of a single-label classifier they all equal its accuracy.
// auc_ovr is the mean of the AUC of each class against the rest, by the logarithm of its probability, over the
// classes that occur as a label; auc_ovr_weighted weights them by their support; both as in scikit-learn, and left
// undefined for more than 100 classes, each of which needs the rows sorted. top_k_accuracy@k is the share of rows whose class
// is among the k likeliest. ECE, see [Calibration], is that of the predicted class.
//
// Errors match [ErrInput] and name the row, counted from 0.
func MultiClass(logits []float64, c int, labels []int, weights []float64, classes []string) (*Result, error) {
	if c < 2 {
		return nil, inputError("%d classes; at least 2 are needed", c)
	}
	n := len(labels)
	if len(logits)/c != n || len(logits)%c != 0 {
		return nil, inputError("%d logits for %d rows of %d classes", len(logits), n, c)
	}
	if classes == nil {
		classes = make([]string, c)
		for k := range classes {
			classes[k] = strconv.Itoa(k)
		}
	}
	if len(classes) != c {
		return nil, inputError("%d classes but %d names for them", c, len(classes))
	}
	total, err := checkWeights(n, weights)
	if err != nil {
		return nil, err
	}
	if err := checkFinite("a logit", logits, c); err != nil {
		return nil, err
	}
	var loss sum
	counts := make([]sum, c*c)
	var tops [len(topCutoffs)]sum
	curve := new(curve)
	norm := make([]float64, n) // log Σ exp(z)
	for i, y := range labels {
		if y < 0 || y >= c {
			return nil, inputError("row %d: label %d; the classes are numbered 0 to %d", i, y, c-1)
		}
		z := logits[i*c : (i+1)*c]
		best := 0
		for k, v := range z {
			if v > z[best] {
				best = k
			}
		}
		var rest float64 // Σ exp(z−max) without the largest itself, for log1p's precision
		for k, v := range z {
			if k != best {
				rest += math.Exp(v - z[best])
			}
		}
		w := weightAt(weights, i)
		loss.add(w * (math.Log1p(rest) + (z[best] - z[y])))
		counts[y*c+best].add(w)
		norm[i] = z[best] + math.Log1p(rest)
		hit := 0.0
		if best == y {
			hit = 1
		}
		curve.add(1/(1+rest), hit, w)
		place := placeOf(z, y)
		for t, k := range topCutoffs {
			if place < k {
				tops[t].add(w)
			}
		}
	}
	matrix := make([][]float64, c)
	var right sum
	for y := range matrix {
		matrix[y] = make([]float64, c)
		for k := range matrix[y] {
			matrix[y][k] = counts[y*c+k].value()
		}
		right.add(matrix[y][y])
	}
	table := classTable(classes, matrix)
	var macro, weighted [3]sum // precision, recall, F1
	present := 0.0
	for _, t := range table {
		if t.Support == 0 && t.Predicted == 0 {
			continue
		}
		present++
		for k, x := range [3]float64{t.Precision, t.Recall, t.F1} {
			macro[k].add(x)
			weighted[k].add(x * t.Support)
		}
	}
	accuracy := right.value() / total
	calibration := curve.table()
	r := &Result{
		Task: TaskMultiClass, Rows: n, Weight: total,
		Values:    Values{{"accuracy", accuracy}},
		Classes:   table,
		Confusion: &Confusion{Classes: slices.Clone(classes), Counts: matrix}, Calibration: calibration,
	}
	for t, k := range topCutoffs {
		if k < c {
			r.Values = append(r.Values, Value{At("top_k_accuracy@k", k), tops[t].value() / total})
		}
	}
	plain, byWeight := oneVersusRest(logits, norm, labels, weights, table)
	r.Values = append(r.Values, Values{
		{"auc_ovr", plain}, {"auc_ovr_weighted", byWeight}, {"log_loss", loss.value() / total}, {"ece", calibration.ECE()},
		{"precision_macro", macro[0].value() / present}, {"recall_macro", macro[1].value() / present}, {"f1_macro", macro[2].value() / present},
		{"precision_weighted", weighted[0].value() / total}, {"recall_weighted", weighted[1].value() / total}, {"f1_weighted", weighted[2].value() / total},
	}...)
	why := "all rows are of one class"
	if c > MaxRanked {
		why = "it is not computed for more than " + strconv.Itoa(MaxRanked) + " classes"
	}
	r.undefine(why, "auc_ovr", "auc_ovr_weighted")
	return r, nil
}

// topCutoffs are the k at which it is told whether the class is among the k likeliest.
var topCutoffs = [...]int{3, 5}

// MaxRanked is of how many classes the AUC is computed at most: the rows are sorted for each.
const MaxRanked = 100

// placeOf counts the classes that are likelier than y; among equals the lower number is.
func placeOf(z []float64, y int) int {
	place := 0
	for k, v := range z {
		if v > z[y] || v == z[y] && k < y {
			place++
		}
	}
	return place
}

// oneVersusRest returns the mean AUC of the classes, each against all others, plain and weighted by support.
func oneVersusRest(logits, norm []float64, labels []int, weights []float64, table []Class) (plain, weighted float64) {
	c := len(table)
	if c > MaxRanked {
		return math.NaN(), math.NaN()
	}
	scores, is := make([]float64, len(norm)), make([]float64, len(norm))
	var means [2]sum
	classes, support := 0.0, 0.0
	for k := range c {
		if table[k].Support == 0 {
			continue
		}
		for i := range scores {
			scores[i], is[i] = logits[i*c+k]-norm[i], 0
			if labels[i] == k {
				is[i] = 1
			}
		}
		auc := ranking(scores, is, weights).auc
		means[0].add(auc)
		means[1].add(auc * table[k].Support)
		classes++
		support += table[k].Support
	}
	return means[0].value() / classes, means[1].value() / support
}

// classTable returns the metrics of every class from the confusion matrix.
func classTable(names []string, matrix [][]float64) []Class {
	table := make([]Class, len(names))
	for k := range table {
		var support, predicted sum
		for j := range matrix {
			support.add(matrix[k][j])
			predicted.add(matrix[j][k])
		}
		hit := matrix[k][k]
		table[k] = Class{
			Class:     names[k],
			Precision: ratio(hit, predicted.value()),
			Recall:    ratio(hit, support.value()),
			F1:        ratio(2*hit, support.value()+predicted.value()),
			Support:   support.value(),
			Predicted: predicted.value(),
		}
	}
	return table
}
