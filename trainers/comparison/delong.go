package comparison

import (
	"cmp"
	"math"
	"slices"

	"debut/trainers/metrics"
)

// deLong returns the p-value, two-sided, of no difference between the AUCs of two models on the same rows, which have no weights, and
// the standard error of the difference.
// Placements are found by sorting, as by Sun and Xu, IEEE Signal Processing Letters 21, 2014.
func deLong(a, b *metrics.Sample) (p, deviation float64) {
	pa, pb := placements(a), placements(b)
	var sums, squares, n [2]float64
	for i, y := range a.Targets {
		d := pb[i] - pa[i]
		sums[int(y)] += d
		n[int(y)]++
	}
	if n[0] < 2 || n[1] < 2 {
		return math.NaN(), math.NaN()
	}
	difference := sums[1] / n[1]
	for i, y := range a.Targets {
		d := pb[i] - pa[i] - sums[int(y)]/n[int(y)]
		squares[int(y)] += d * d
	}
	variance := squares[0]/(n[0]-1)/n[0] + squares[1]/(n[1]-1)/n[1]
	if variance == 0 {
		if difference == 0 {
			return 1, 0
		}
		return math.Pow(2, 1-n[0]-n[1]), 0 // each row says the same: the sign test
	}
	deviation = math.Sqrt(variance)
	return 2 * normal(-math.Abs(difference)/deviation), deviation
}

// placements are, of a positive row, the share of negative ones below it, and of a negative row, of positive ones above it; equal
// ones count half.
func placements(s *metrics.Sample) []float64 {
	order := make([]int, s.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(s.Outputs[i], s.Outputs[j]) })
	var total [2]float64
	for _, y := range s.Targets {
		total[int(y)]++
	}
	out := make([]float64, len(order))
	var below [2]float64
	for start := 0; start < len(order); {
		end := start
		var tied [2]float64
		for ; end < len(order) && s.Outputs[order[end]] == s.Outputs[order[start]]; end++ {
			tied[int(s.Targets[order[end]])]++
		}
		for _, i := range order[start:end] {
			if s.Targets[i] == 1 {
				out[i] = (below[0] + tied[0]/2) / total[0]
			} else {
				out[i] = (total[1] - below[1] - tied[1]/2) / total[1]
			}
		}
		below[0] += tied[0]
		below[1] += tied[1]
		start = end
	}
	return out
}
