package lu

// tiny is the size below which a number that a solve comes upon is nothing but rounding.
const tiny = 1e-14

// listedZero stands for a zero at a place that is listed, so that it is not listed again.
const listedZero = 1e-50

// Vector is a sparse vector: values by place, and the places whose value may be other than zero, each once.
type Vector struct {
	Value []float64
	Index []int32
}

// NewVector returns a zero of n places.
func NewVector(n int) *Vector { return &Vector{Value: make([]float64, n), Index: make([]int32, 0, n)} }

// Clear makes the vector zero.
func (v *Vector) Clear() {
	if 4*len(v.Index) > len(v.Value) {
		clear(v.Value)
	} else {
		for _, i := range v.Index {
			v.Value[i] = 0
		}
	}
	v.Index = v.Index[:0]
}

// Add adds x to the value at a place.
func (v *Vector) Add(i int32, x float64) {
	old := v.Value[i]
	if old == 0 {
		v.Index = append(v.Index, i)
	}
	if old += x; old == 0 {
		old = listedZero
	}
	v.Value[i] = old
}

// Copy takes over the values of another vector of the same length.
func (v *Vector) Copy(from *Vector) {
	v.Clear()
	v.Index = append(v.Index, from.Index...)
	for _, i := range from.Index {
		v.Value[i] = from.Value[i]
	}
}

// Square returns the sum of squares.
func (v *Vector) Square() float64 {
	sum := 0.0
	for _, i := range v.Index {
		sum += v.Value[i] * v.Value[i]
	}
	return sum
}

// list finds the places anew.
func (v *Vector) list() {
	v.Index = v.Index[:0]
	for i, x := range v.Value {
		if x != 0 {
			if x < tiny && x > -tiny {
				v.Value[i] = 0
				continue
			}
			v.Index = append(v.Index, int32(i))
		}
	}
}
