package cpu

import "math"

// wideSoftmax is from how many classes on exponentials are those of expDown, and taken once: rows of a batch that compete with each other have
// thousands, and nothing else in a step takes as long.
const wideSoftmax = 64

// softmaxWide is softmaxRow for many classes in float32, to the precision of which its exponentials are right.
func softmaxWide(p, target, dp []float32, factor float64) float64 {
	t := float64(target[0])
	class := -1
	if t >= 0 && t < float64(len(p)) && t == math.Trunc(t) {
		class = int(t)
	}
	if class < 0 {
		for c := range dp {
			dp[c] = float32(math.NaN())
		}
		return math.NaN()
	}
	most := p[0]
	for _, v := range p {
		most = max(most, v)
	}
	top, sum := float64(most), 0.0
	if dp == nil {
		for _, v := range p {
			sum += expDown(float64(v) - top)
		}
		return math.Log(sum) + top - float64(p[class])
	}
	dp = dp[:len(p)]
	for c, v := range p {
		e := expDown(float64(v) - top)
		dp[c] = float32(e)
		sum += e
	}
	own := expDown(float64(p[class])-top) / sum
	scale := float32(factor / sum)
	for c := range dp {
		dp[c] *= scale
	}
	dp[class] = float32(factor * (own - 1))
	return math.Log(sum) + top - float64(p[class])
}

// Constants of expDown: ln 2 in two parts, so that multiples of the first are exact.
const (
	lnHigh      = 6.93147180369123816490e-01
	lnLow       = 1.90821492927058770002e-10
	leastExpArg = -708
)

// expDown is e to a power that is not above 0, or NaN, to nine digits; below e⁻⁷⁰⁸ it is 0. It is the series of degree 8 of what is left of
// a power of two, without a branch, so that a loop of them overlaps.
func expDown(x float64) float64 {
	if x < leastExpArg {
		return 0
	}
	n := int64(x*math.Log2E - 0.5) // to the nearest, as it is not above 0
	k := float64(n)
	r := x - k*lnHigh - k*lnLow
	s := 1 + r*(1+r*(1./2+r*(1./6+r*(1./24+r*(1./120+r*(1./720+r*(1./5040+r*(1./40320))))))))
	return s * math.Float64frombits(uint64(n+1023)<<52)
}
