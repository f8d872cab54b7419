package comparison

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"debut/trainers/metrics"
)

func mulHigh(a, b uint64) uint64 {
	high, _ := bits.Mul64(a, b)
	return high
}

// statistic is a metric of rows of which each counts so many times. It is used by several goroutines at once.
type statistic interface{ value(counts []uint8) float64 }

// measurable lists the metrics that a sample can be compared by, at the usual cutoffs.
func measurable(s *metrics.Sample) (names []string) {
	if s.Units != nil {
		for _, m := range s.Units.Metrics {
			names = append(names, m.Name)
		}
		return names
	}
	return slices.DeleteFunc(metrics.Names(s.Task), func(name string) bool {
		return name == "ece" || name == metrics.GroupedAUC || strings.Contains(name, "@")
	})
}

// newStatistic makes the statistic of a metric, which the task has.
func newStatistic(s *metrics.Sample, name string) (statistic, error) {
	if s.Units != nil {
		for _, m := range s.Units.Metrics {
			if m.Name == name {
				values := make([]float64, len(m.Values))
				for i, v := range m.Values {
					values[i] = float64(v)
				}
				return newMean(values, nil), nil
			}
		}
		return nil, fmt.Errorf("%q is not measured for each of the %s, or not at this cutoff; compare by one of %s", name, metrics.Unit(s.Task), strings.Join(measurable(s), ", "))
	}
	if name == metrics.GroupedAUC {
		return nil, fmt.Errorf("%q: it is measured by debut evaluate --per; compare by auc", name)
	}
	if name == "ece" {
		return nil, fmt.Errorf("%q: that of draws is always larger, and an interval would be off; compare by log_loss", name)
	}
	switch s.Task {
	case metrics.TaskBinary:
		return binary(s, name)
	case metrics.TaskMultiClass:
		return multiClass(s, name)
	}
	return regression(s, name)
}

func weightAt(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// mean is a weighted mean of values of rows.
type mean struct {
	weighted []float64 // weight times value
	weights  []float64 // nil for ones
}

func newMean(values, weights []float64) mean {
	if weights == nil {
		return mean{values, nil}
	}
	weighted := make([]float64, len(values))
	for i, v := range values {
		weighted[i] = weights[i] * v
	}
	return mean{weighted, weights}
}

func (m mean) value(counts []uint8) float64 {
	sum, total := 0.0, 0.0
	for i, c := range counts {
		sum += float64(c) * m.weighted[i]
	}
	if m.weights == nil {
		rows := 0
		for _, c := range counts {
			rows += int(c)
		}
		return sum / float64(rows)
	}
	for i, c := range counts {
		total += float64(c) * m.weights[i]
	}
	return sum / total
}

// logLoss is that of a logit for a label of 0 or 1.
func logLoss(z, y float64) float64 {
	return math.Max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
}

// normalized is a loss divided by the entropy of a share.
type normalized struct{ loss, share statistic }

func (n normalized) value(counts []uint8) float64 {
	return n.loss.value(counts) / metrics.Entropy(n.share.value(counts))
}

// apply is a function of a statistic.
type apply struct {
	of statistic
	f  func(float64) float64
}

func (a apply) value(counts []uint8) float64 { return a.f(a.of.value(counts)) }

// explained is 1 less the ratio of squared errors to squared distances from the mean: R².
type explained struct {
	squares, targets, weights []float64 // targets are measured from one of them; weights may be nil
}

func (e explained) value(counts []uint8) float64 {
	var n, errors, first, second float64
	for i, c := range counts {
		w := float64(c) * weightAt(e.weights, i)
		n += w
		errors += w * e.squares[i]
		first += w * e.targets[i]
		second += w * e.targets[i] * e.targets[i]
	}
	spread := second - first*first/n
	if !(spread > 1e-12*second) {
		return math.NaN()
	}
	return 1 - errors/spread
}

func regression(s *metrics.Sample, name string) (statistic, error) {
	squares, absolute := make([]float64, s.Len()), make([]float64, s.Len())
	targets, center := make([]float64, s.Len()), 0.0
	for _, y := range s.Targets {
		center += y / float64(s.Len())
	}
	for i, y := range s.Targets {
		e := y - s.Outputs[i]
		squares[i], absolute[i], targets[i] = e*e, math.Abs(e), y-center
	}
	switch name {
	case "mse":
		return newMean(squares, s.Weights), nil
	case "rmse":
		return apply{newMean(squares, s.Weights), math.Sqrt}, nil
	case "mae":
		return newMean(absolute, s.Weights), nil
	case "r2":
		return explained{squares, targets, s.Weights}, nil
	}
	if name == s.Loss {
		loss := metrics.Deviance
		if name == metrics.Pinball {
			loss = metrics.PinballOf(s.Quantile)
		}
		values := make([]float64, s.Len())
		for i, y := range s.Targets {
			if weightAt(s.Weights, i) > 0 {
				values[i] = loss(s.Outputs[i], y)
			}
		}
		return newMean(values, s.Weights), nil
	}
	return nil, unknown(name)
}

func unknown(name string) error {
	return fmt.Errorf("models are not compared by %q", name)
}

// ranked are the rows of two classes by descending score, equal ones in groups.
type ranked struct {
	rows    []uint32 // those of a group from ends[g-1] to ends[g]
	ends    []uint32
	label   []uint8 // in the order of rows
	weights []float64
	f       func(*ranked, []uint8) float64
}

func (r *ranked) value(counts []uint8) float64 { return r.f(r, counts) }

func rank(scores []float64, positive func(int) bool, weights []float64, f func(*ranked, []uint8) float64) *ranked {
	r := &ranked{rows: make([]uint32, len(scores)), label: make([]uint8, len(scores)), f: f}
	for i := range r.rows {
		r.rows[i] = uint32(i)
	}
	slices.SortStableFunc(r.rows, func(a, b uint32) int { return cmp.Compare(scores[b], scores[a]) })
	for k, i := range r.rows {
		if positive(int(i)) {
			r.label[k] = 1
		}
		if k+1 == len(r.rows) || scores[i] != scores[r.rows[k+1]] {
			r.ends = append(r.ends, uint32(k+1))
		}
	}
	if weights != nil {
		r.weights = make([]float64, len(scores))
		for k, i := range r.rows {
			r.weights[k] = weights[i]
		}
	}
	return r
}

// groups hands the weights of positive and negative rows of each group to visit, the best first.
func (r *ranked) groups(counts []uint8, visit func(positive, negative float64)) {
	start := uint32(0)
	for _, end := range r.ends {
		var w [2]float64
		for k := start; k < end; k++ {
			c := float64(counts[r.rows[k]])
			if r.weights != nil {
				c *= r.weights[k]
			}
			w[r.label[k]&1] += c
		}
		start = end
		if w[0]+w[1] > 0 {
			visit(w[1], w[0])
		}
	}
}

// auc counts pairs: without weights in whole numbers, twice the wins.
func (r *ranked) auc(counts []uint8) float64 {
	if r.weights != nil || len(r.rows) > 1<<31 {
		var positives, negatives, wins float64
		r.groups(counts, func(p, q float64) {
			wins += q * (positives + p/2)
			positives += p
			negatives += q
		})
		return wins / positives / negatives
	}
	var both [2]uint64 // negatives and positives so far
	var wins uint64
	if len(r.ends) == len(r.rows) { // no two scores are equal
		for k, i := range r.rows {
			c, y := uint64(counts[i]), uint64(r.label[k]&1)
			wins += (1 - y) * c * both[1]
			both[1] += c * y
			both[0] += c * (1 - y)
		}
		return float64(wins) / float64(both[1]) / float64(both[0])
	}
	start := uint32(0)
	for _, end := range r.ends {
		var w [2]uint64
		for k := start; k < end; k++ {
			w[r.label[k]&1] += uint64(counts[r.rows[k]])
		}
		start = end
		wins += w[0] * (2*both[1] + w[1])
		both[1] += w[1]
		both[0] += w[0]
	}
	return float64(wins) / 2 / float64(both[1]) / float64(both[0])
}

// averagePrecision is Σ (share of the positives) · precision.
func (r *ranked) averagePrecision(counts []uint8) float64 {
	var positives, all, area float64
	r.groups(counts, func(p, q float64) {
		positives += p
		all += p + q
		area += p * positives / all
	})
	return area / positives
}

// lift is the share of positives among the first rows over that among all.
func (r *ranked) lift(percent int) func(*ranked, []uint8) float64 {
	return func(r *ranked, counts []uint8) float64 {
		var positives, all float64
		r.groups(counts, func(p, q float64) {
			positives += p
			all += p + q
		})
		wanted := all * float64(percent) / 100
		first, before := 0.0, 0.0
		r.groups(counts, func(p, q float64) {
			first += p * min(1, max(0, (wanted-before)/(p+q)))
			before += p + q
		})
		return first / wanted / (positives / all)
	}
}

// table counts rows by true and predicted class.
type table struct {
	truth, predicted []uint16
	classes          int
	weights          []float64
	f                func(hits, support, predicted []float64) float64
}

func (t *table) value(counts []uint8) float64 {
	hits, support, predicted := make([]float64, t.classes), make([]float64, t.classes), make([]float64, t.classes)
	for i, c := range counts {
		w := float64(c) * weightAt(t.weights, i)
		y, k := t.truth[i], t.predicted[i]
		support[y] += w
		predicted[k] += w
		if y == k {
			hits[y] += w
		}
	}
	return t.f(hits, support, predicted)
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// binary makes a statistic of two classes.
func binary(s *metrics.Sample, name string) (statistic, error) {
	positive := func(i int) bool { return s.Targets[i] == 1 }
	values := func(f func(z, y float64) float64) statistic {
		v := make([]float64, s.Len())
		for i, z := range s.Outputs {
			v[i] = f(z, s.Targets[i])
		}
		return newMean(v, s.Weights)
	}
	decided := func(f func(hits, support, predicted []float64) float64) statistic {
		t := &table{truth: make([]uint16, s.Len()), predicted: make([]uint16, s.Len()), classes: 2, weights: s.Weights, f: f}
		for i, z := range s.Outputs {
			t.truth[i] = uint16(s.Targets[i])
			if metrics.Sigmoid(z) >= s.Threshold {
				t.predicted[i] = 1
			}
		}
		return t
	}
	// Where no row is positive they have no value.
	unless := func(f func(hit, support, predicted float64) float64) statistic {
		return decided(func(hits, support, predicted []float64) float64 {
			if support[1] == 0 {
				return math.NaN()
			}
			return f(hits[1], support[1], predicted[1])
		})
	}
	switch name {
	case "auc":
		return rank(s.Outputs, positive, s.Weights, (*ranked).auc), nil
	case "average_precision":
		return rank(s.Outputs, positive, s.Weights, (*ranked).averagePrecision), nil
	case "log_loss":
		return values(logLoss), nil
	case "normalized_entropy":
		return normalized{values(logLoss), values(func(_, y float64) float64 { return y })}, nil
	case "brier":
		return values(func(z, y float64) float64 { return math.Pow(metrics.Sigmoid(z)-y, 2) }), nil
	case "accuracy":
		return decided(func(hits, support, _ []float64) float64 { return (hits[0] + hits[1]) / (support[0] + support[1]) }), nil
	case "precision":
		return unless(func(hit, _, predicted float64) float64 { return ratio(hit, predicted) }), nil
	case "recall":
		return unless(func(hit, support, _ float64) float64 { return ratio(hit, support) }), nil
	case "f1":
		return unless(func(hit, support, predicted float64) float64 { return ratio(2*hit, support+predicted) }), nil
	}
	if percent, ok := cutoff(name, "lift@", "%"); ok {
		r := rank(s.Outputs, positive, s.Weights, nil)
		r.f = r.lift(percent)
		return r, nil
	}
	return nil, unknown(name)
}

// cutoff is the number in a name.
func cutoff(name, before, behind string) (int, bool) {
	digits, ok := strings.CutPrefix(name, before)
	if !ok {
		return 0, false
	}
	k, err := strconv.Atoi(strings.TrimSuffix(digits, behind))
	return k, err == nil
}

// oneVersusRest is the mean of the AUC of classes.
type oneVersusRest struct {
	classes  []*ranked
	truth    []uint16
	weights  []float64
	weighted bool
}

func (o *oneVersusRest) value(counts []uint8) float64 {
	support := make([]float64, len(o.classes))
	for i, c := range counts {
		support[o.truth[i]] += float64(c) * weightAt(o.weights, i)
	}
	sum, total := 0.0, 0.0
	for k, r := range o.classes {
		if support[k] == 0 {
			continue
		}
		w := 1.0
		if o.weighted {
			w = support[k]
		}
		sum += w * r.auc(counts)
		total += w
	}
	return sum / total
}

// multiClass makes a statistic of several classes.
func multiClass(s *metrics.Sample, name string) (statistic, error) {
	n, c := s.Len(), len(s.Classes)
	if c > math.MaxUint16 {
		return nil, fmt.Errorf("%d classes are too many", c)
	}
	t := &table{truth: make([]uint16, n), predicted: make([]uint16, n), classes: c, weights: s.Weights}
	norm := make([]float64, n)
	loss := make([]float64, n)
	place := make([]int, n)
	for i := range n {
		z := s.Outputs[i*c : (i+1)*c]
		y, best := int(s.Targets[i]), 0
		for k, v := range z {
			if v > z[best] {
				best = k
			}
		}
		rest := 0.0
		for k, v := range z {
			if k != best {
				rest += math.Exp(v - z[best])
			}
			if v > z[y] || v == z[y] && k < y {
				place[i]++
			}
		}
		norm[i] = z[best] + math.Log1p(rest)
		loss[i] = math.Log1p(rest) + (z[best] - z[y])
		t.truth[i], t.predicted[i] = uint16(y), uint16(best)
	}
	among := func(k int) statistic {
		v := make([]float64, n)
		for i, p := range place {
			if p < k {
				v[i] = 1
			}
		}
		return newMean(v, s.Weights)
	}
	switch name {
	case "accuracy":
		return among(1), nil
	case "log_loss":
		return newMean(loss, s.Weights), nil
	case "auc_ovr", "auc_ovr_weighted":
		if c > metrics.MaxRanked {
			return nil, fmt.Errorf("%q is not computed for more than %d classes", name, metrics.MaxRanked)
		}
		o := &oneVersusRest{truth: t.truth, weights: s.Weights, weighted: name == "auc_ovr_weighted"}
		scores := make([]float64, n)
		for k := range c {
			for i := range scores {
				scores[i] = s.Outputs[i*c+k] - norm[i]
			}
			o.classes = append(o.classes, rank(scores, func(i int) bool { return int(t.truth[i]) == k }, s.Weights, nil))
		}
		return o, nil
	}
	if k, ok := cutoff(name, "top_k_accuracy@", ""); ok {
		return among(k), nil
	}
	what, average, ok := strings.Cut(name, "_")
	if !ok {
		return nil, unknown(name)
	}
	t.f = func(hits, support, predicted []float64) float64 {
		sum, total := 0.0, 0.0
		for k := range hits {
			if support[k] == 0 && predicted[k] == 0 {
				continue
			}
			v, w := 0.0, 1.0
			switch what {
			case "precision":
				v = ratio(hits[k], predicted[k])
			case "recall":
				v = ratio(hits[k], support[k])
			default:
				v = ratio(2*hits[k], support[k]+predicted[k])
			}
			if average == "weighted" {
				w = support[k]
			}
			sum += w * v
			total += w
		}
		return sum / total
	}
	return t, nil
}
