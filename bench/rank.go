package bench

import "slices"

// shift is how many times as fast as before something is now, with an interval.
type shift struct{ ratio, least, greatest float64 }

// rankShift compares samples of now and before by the ratios of all pairs: their median (Hodges and Lehmann), and the
// interval of them that the Mann-Whitney test does not refuse at a probability of alpha at each end. It takes nothing for
// granted about how samples are distributed, so that a few spoilt ones do little. With too few samples for alpha the
// interval is unbounded.
//
// Hodges, Lehmann: Estimates of location based on rank tests. Ann. Math. Statist. 34 (1963).
func rankShift(now, before []float64, alpha float64) shift {
	ratios := make([]float64, 0, len(now)*len(before))
	for _, n := range now {
		for _, b := range before {
			ratios = append(ratios, n/b)
		}
	}
	slices.Sort(ratios)
	s := shift{ratio: middle(ratios), greatest: inf}
	if cut := rankCut(len(now), len(before), alpha); cut > 0 {
		s.least, s.greatest = ratios[cut-1], ratios[len(ratios)-cut]
	}
	return s
}

// rankCut returns the greatest k so that of m and n samples of one distribution fewer than k pairs are in order with a
// probability of at most alpha; 0 where there is none.
func rankCut(m, n int, alpha float64) int {
	// ways[i][u] is in how many orders of i and j samples u pairs are in order, for j = 0, 1, … n.
	ways := make([][]float64, m+1)
	for i := range ways {
		ways[i] = make([]float64, m*n+1)
		ways[i][0] = 1
	}
	for j := 1; j <= n; j++ {
		next := make([][]float64, m+1)
		for i := range next {
			next[i] = make([]float64, m*n+1)
			for u := range next[i] {
				// The last in the order is one of the j, which is behind all i, or one of the i.
				if u >= i {
					next[i][u] = ways[i][u-i]
				}
				if i > 0 {
					next[i][u] += next[i-1][u]
				}
			}
		}
		ways = next
	}
	all := 0.0
	for _, w := range ways[m] {
		all += w
	}
	sum, k := 0.0, 0
	for ; k < m*n; k++ {
		if sum += ways[m][k]; sum > alpha*all {
			break
		}
	}
	return k
}
