package encoding

import (
	"cmp"
	"math"
	"slices"
)

// meanStd returns the mean and the population standard deviation of finite
// values, by the corrected two-pass algorithm, summing in order. The mean is as
// near to the true one as 32 bits can see among the deviations, however far from
// 0 the values are and however many.
func meanStd(values []float64) (mean, std float64) {
	if len(values) == 0 {
		return 0, 0
	}
	n := float64(len(values))
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	mean = sum / n
	if math.IsInf(mean, 0) { // values near the end of the range
		mean = 0
		for _, v := range values {
			mean += v / n
		}
	}
	sum, correction := 0.0, 0.0
	for _, v := range values {
		d := v - mean
		sum += d * d
		correction += d
	}
	// The second term takes out the rounding error of the mean (Chan, Golub,
	// LeVeque, 1983).
	std = math.Sqrt(max(0, (sum-correction*correction/n)/n))
	// Of millions of values around 1e12 the sum has lost the digits that tell them
	// apart; the sum of what is left of each has not.
	if off := correction / n; math.Abs(off) > visible*std && !math.IsInf(correction, 0) {
		mean += off
	}
	return mean, std
}

// visible is what an error of the mean may be at most of the standard deviation:
// far below what is left of it in 32 bits.
const visible = 1.0 / (1 << 30)

// quantile returns the q-quantile of sorted values by linear interpolation
// between order statistics (Hyndman and Fan, "Sample Quantiles in Statistical
// Packages", 1996, definition 7).
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	f := at - float64(low)
	if f == 0 {
		return sorted[low]
	}
	return sorted[low]*(1-f) + sorted[low+1]*f
}

// quantileEdges returns bins+1 quantiles from the least to the greatest value,
// without those that coincide as float32, which is what a model computes in.
func quantileEdges(sorted []float64, bins int) []float64 {
	var edges []float64
	for k := 0; k <= bins; k++ {
		v := quantile(sorted, float64(k)/float64(bins))
		if n := len(edges); n == 0 || float32(v) > float32(edges[n-1]) {
			edges = append(edges, v)
		}
	}
	return edges
}

// mostFrequent returns the most frequent of sorted values, the least of equally
// frequent ones.
func mostFrequent[T cmp.Ordered](sorted []T) T {
	var best T
	bestCount := 0
	for i := 0; i < len(sorted); {
		j := i + 1
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		if j-i > bestCount {
			best, bestCount = sorted[i], j-i
		}
		i = j
	}
	return best
}

func sortedCopy[T cmp.Ordered](values []T) []T {
	out := slices.Clone(values)
	slices.Sort(out)
	return out
}

// log1p is log(1+|x|) with the sign of x.
func log1p(x float64) float64 { return math.Copysign(math.Log1p(math.Abs(x)), x) }
