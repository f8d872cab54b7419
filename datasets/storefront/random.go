package storefront

import (
	"math"

	"debut/kernels/philox"
)

// purpose separates the random numbers of one subject by what they decide.
type purpose uint64

// The purposes. Their values are part of what a seed means: append, never
// renumber.
const (
	forItem     purpose = iota + 1 // price and category of an item
	forUser                        // habits of a user
	forArrival                     // when a session begins, and whose it is
	forBehavior                    // what happens in a session
	forMissing                     // which values of a session are withheld
	forLabel                       // whether a session ends in a purchase
)

// random returns the random numbers for one purpose of one subject: an item, a
// user or a session by its index, which is far below 2⁵⁶.
func random(seed uint64, p purpose, index int) *philox.Stream {
	return philox.New(seed, uint64(p)<<56|uint64(index))
}

// weighted is a choice among alternatives, by cumulative weight.
type weighted []float64

// newWeighted returns the choice among len(weights) alternatives, each drawn
// in proportion to its positive weight.
func newWeighted(weights ...float64) weighted {
	cumulative := make(weighted, len(weights))
	sum := 0.0
	for i, w := range weights {
		sum += w
		cumulative[i] = sum
	}
	return cumulative
}

// draw returns the index of one alternative.
func (w weighted) draw(r *philox.Stream) int {
	last := len(w) - 1
	x := r.Float64() * w[last]
	for i, c := range w[:last] {
		if x < c {
			return i
		}
	}
	return last
}

// drawPopular returns an index below n, where index k is drawn about in
// proportion to 1/(k+1): the popularity of items by their rank.
func drawPopular(r *philox.Stream, n int) int {
	k := int(math.Exp(r.Float64()*math.Log(float64(n)+1))) - 1
	return min(max(k, 0), n-1)
}

// drawPoisson returns a Poisson number of the given mean, by inversion, at
// most limit.
func drawPoisson(r *philox.Stream, mean float64, limit int) int {
	x := r.Float64()
	mass := math.Exp(-mean)
	k := 0
	for sum := mass; x >= sum && k < limit; sum += mass {
		k++
		mass *= mean / float64(k)
	}
	return k
}

// roundTo rounds x to a multiple of 1/scale, so that the truth is a function
// of the very digits that are published.
func roundTo(x, scale float64) float64 { return math.Round(x*scale) / scale }

// sigmoid returns 1/(1+e⁻ˣ).
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
