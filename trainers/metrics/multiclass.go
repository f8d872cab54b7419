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
// Macro averages run over the classes that occur as a label or a prediction; micro averages
// of a single-label classifier all equal its accuracy; weighted averages weight a class by its support.
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
	return &Result{
		Task: TaskMultiClass, Rows: n, Weight: total,
		Values: Values{
			{"accuracy", accuracy}, {"log_loss", loss.value() / total},
			{"precision_macro", macro[0].value() / present}, {"recall_macro", macro[1].value() / present}, {"f1_macro", macro[2].value() / present},
			{"precision_micro", accuracy}, {"recall_micro", accuracy}, {"f1_micro", accuracy},
			{"precision_weighted", weighted[0].value() / total}, {"recall_weighted", weighted[1].value() / total}, {"f1_weighted", weighted[2].value() / total},
		},
		Classes:   table,
		Confusion: &Confusion{Classes: slices.Clone(classes), Counts: matrix},
	}, nil
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
