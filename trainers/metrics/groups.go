package metrics

import (
	"math"
	"slices"
)

// GroupAUC is the mean of the AUCs of groups of rows, such as those of a user, each by the weight of its rows. Groups whose rows are all of one
// class have no AUC and are left out; covered is the share of the weight that the others have. It tells how a model orders what is shown
// to one user, which the AUC of all rows mixes with which users buy at all (Zhu, Jin, Tan, Pan, Zeng, Li, Gai, "Optimized Cost per Click in Taobao
// Display Advertising", KDD 2017). Scores, labels, weights and groups have one element a row; weights may be nil.
func GroupAUC(scores, labels, weights []float64, groups []uint32) (auc, covered float64) {
	order := make([]int, len(groups))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(int64(groups[a]) - int64(groups[b])) })
	var mean, used, all sum
	var s, y, w []float64
	for lo := 0; lo < len(order); {
		hi := lo
		var weight sum
		s, y, w = s[:0], y[:0], w[:0]
		for ; hi < len(order) && groups[order[hi]] == groups[order[lo]]; hi++ {
			i := order[hi]
			s, y, w = append(s, scores[i]), append(y, labels[i]), append(w, weightAt(weights, i))
			weight.add(w[len(w)-1])
		}
		all.add(weight.value())
		if a := ranking(s, y, w).auc; !math.IsNaN(a) {
			mean.add(a * weight.value())
			used.add(weight.value())
		}
		lo = hi
	}
	if used.value() == 0 {
		return math.NaN(), 0
	}
	return mean.value() / used.value(), used.value() / all.value()
}

// addGroupAUC adds the AUC of groups behind that of all rows.
func (r *Result) addGroupAUC(scores, labels, weights []float64, groups []uint32) {
	auc, _ := GroupAUC(scores, labels, weights, groups)
	r.Values = slices.Insert(r.Values, 1, Value{GroupedAUC, auc})
	r.undefine("no group has rows of both classes", GroupedAUC)
}

// GroupedAUC is the name of the metric that GroupAUC computes.
const GroupedAUC = "gauc"
