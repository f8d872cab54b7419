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

// binEdges returns what bounds up to so many bins of sorted values: all values where there are not more than edges of
// the bins, else their quantiles. Values that more rows share than a bin has, such as the zero of an amount, are between
// edges of their own, and do not use up the quantiles of the others. Edges increase as float32.
func binEdges(sorted []float64, bins int) []float64 {
	var values []float64
	var counts []int
	for _, v := range sorted {
		if n := len(values); n > 0 && float32(values[n-1]) == float32(v) {
			counts[n-1]++
			continue
		}
		values, counts = append(values, v), append(counts, 1)
	}
	if len(values) <= bins+1 {
		return values
	}
	var edges, rest []float64
	for i, v := range values {
		if counts[i]*bins <= len(sorted) {
			rest = append(rest, slices.Repeat([]float64{v}, counts[i])...)
			continue
		}
		edges = append(edges, v)
		if i > 0 {
			edges = append(edges, values[i-1])
		}
		if i+1 < len(values) {
			edges = append(edges, values[i+1])
		}
	}
	edges = append(edges, values[0], values[len(values)-1])
	edges = append(edges, quantileEdges(rest, bins)...)
	slices.Sort(edges)
	edges = slices.CompactFunc(edges, func(a, b float64) bool { return float32(a) == float32(b) })
	if len(edges) > maxBins+1 {
		return quantileEdges(sorted, bins)
	}
	return edges
}

// distinct counts the different numbers among sorted values, as float32, up to one more than limit.
func distinct(sorted []float64, limit int) int {
	n := 0
	for i, v := range sorted {
		if i == 0 || float32(v) != float32(sorted[i-1]) {
			n++
		}
		if n > limit {
			break
		}
	}
	return n
}

// skewed reports whether a logarithm makes values less lopsided by far: of amounts and counts it does, of what lies about a
// middle it does not.
func skewed(values []float64) bool {
	logs := make([]float64, len(values))
	for i, v := range values {
		logs[i] = log1p(v)
	}
	before, after := math.Abs(skewness(values)), math.Abs(skewness(logs))
	return before > 1.5 && after < before/2
}

// skewness is the third standardized moment, 0 where it is not a number.
func skewness(values []float64) float64 {
	mean, std := meanStd(values)
	if !(std > 0) || math.IsInf(std, 0) {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		d := (v - mean) / std
		sum += d * d * d
	}
	return sum / float64(len(values))
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
