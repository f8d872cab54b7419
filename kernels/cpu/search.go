package cpu

import "sync"

// best are the loops of the best level, or of that which the environment names.
var best = sync.OnceValue(func() *loops[float32] {
	level, _, err := chooseLevel("")
	if err != nil {
		level = levelGeneric
	}
	return loopsOf(level)
})

// Reaches returns the index of the first element that is not below a floor, as NaN is not, or len(x): the same at every level.
func Reaches(x []float32, floor float32) int { return best().reaches(x, floor) }

func reaches[T float](x []T, floor T) int {
	for i, v := range x {
		if v >= floor || v != v {
			return i
		}
	}
	return len(x)
}
