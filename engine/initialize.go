package engine

import (
	"fmt"
	"math"

	"debut/kernels"
	"debut/kernels/philox"
)

// Initialization is how a parameter gets its first values.
type Initialization uint8

// The initializations. Fan-in and fan-out are the rows and columns of a matrix [in, out].
const (
	Zeros         Initialization = iota
	Ones                         // 1
	GlorotUniform                // uniform in ±√(6/(in+out)) (Glorot, Bengio, 2010)
	HeNormal                     // normal, variance 2/in (He, Zhang, Ren, Sun, 2015)
	HeUniform                    // uniform in ±√(6/in), of the same variance
	Normal                       // normal, standard deviation Scale
	Uniform                      // uniform in ±Scale
	Values                       // the values given
	UnitVariance                 // [2, C]: row 0 is 0, row 1 is 1: running statistics before the first batch
	Identities                   // [k·C, C]: identity matrices below each other
)

// ParameterSpec declares a parameter.
type ParameterSpec struct {
	Name  string
	Shape []int // a vector or a matrix
	Init  Initialization
	Scale float64   // of Normal and Uniform
	Given []float64 // of Values, row-major
	// Frozen parameters are saved with the model but not trained: running statistics, constants.
	Frozen bool
	// Decay lets L2 and weight decay act on the parameter; biases and scales are usually left alone.
	Decay bool
}

func (s ParameterSpec) size() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// matrixShape returns the shape as kernels see it.
func (s ParameterSpec) matrixShape() (rows, cols int) {
	if len(s.Shape) == 1 {
		return 1, s.Shape[0]
	}
	return s.Shape[0], s.Shape[1]
}

func (s ParameterSpec) check() error {
	const maxValues = 1 << 48 // sums of sizes in bytes stay far from overflowing
	if s.Name == "" {
		return fmt.Errorf("engine: a parameter has no name")
	}
	if len(s.Shape) < 1 || len(s.Shape) > 2 {
		return fmt.Errorf("engine: parameter %q has shape %v; a vector or a matrix is wanted", s.Name, s.Shape)
	}
	for _, d := range s.Shape {
		if d < 1 {
			return fmt.Errorf("engine: parameter %q has shape %v", s.Name, s.Shape)
		}
	}
	if s.Shape[0] > maxValues/s.Shape[len(s.Shape)-1] && len(s.Shape) == 2 || s.Shape[0] > maxValues {
		return fmt.Errorf("engine: parameter %q of shape %v is larger than any memory: %w", s.Name, s.Shape, kernels.ErrOutOfMemory)
	}
	switch {
	case s.Init == Values && len(s.Given) != s.size():
		return fmt.Errorf("engine: parameter %q of shape %v is given %d values", s.Name, s.Shape, len(s.Given))
	case (s.Init == Normal || s.Init == Uniform) && !(s.Scale >= 0):
		return fmt.Errorf("engine: parameter %q is initialized with scale %v", s.Name, s.Scale)
	case s.Init == UnitVariance && (len(s.Shape) != 2 || s.Shape[0] != 2):
		return fmt.Errorf("engine: parameter %q of shape %v cannot hold means and variances", s.Name, s.Shape)
	case s.Init == Identities && (len(s.Shape) != 2 || s.Shape[0]%s.Shape[1] != 0):
		return fmt.Errorf("engine: parameter %q of shape %v cannot hold identity matrices below each other", s.Name, s.Shape)
	}
	return nil
}

// initial fills dst with first values: a function of the seed, the parameter's name and its shape only.
func initial[T float32 | float64](s ParameterSpec, seed uint64, dst []T) {
	rnd := philox.New(seed, philox.StreamOf("parameter/"+s.Name))
	in, out := s.matrixShape()
	uniform := func(a float64) {
		for i := range dst {
			dst[i] = T((2*rnd.Float64() - 1) * a)
		}
	}
	normal := func(sd float64) {
		for i := range dst {
			dst[i] = T(rnd.NormFloat64() * sd)
		}
	}
	switch s.Init {
	case Zeros:
		clear(dst)
	case Ones:
		for i := range dst {
			dst[i] = 1
		}
	case GlorotUniform:
		uniform(math.Sqrt(6 / float64(in+out)))
	case HeNormal:
		normal(math.Sqrt(2 / float64(in)))
	case HeUniform:
		uniform(math.Sqrt(6 / float64(in)))
	case Normal:
		normal(s.Scale)
	case Uniform:
		uniform(s.Scale)
	case Values:
		for i := range dst {
			dst[i] = T(s.Given[i])
		}
	case UnitVariance:
		for i := range dst {
			dst[i] = T(i / s.Shape[1])
		}
	case Identities:
		clear(dst)
		for r := range in {
			dst[r*out+r%out] = 1
		}
	}
}
