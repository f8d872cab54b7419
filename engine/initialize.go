package engine

import (
	"fmt"
	"math"
	"runtime"

	"debut/kernels"
	"debut/kernels/philox"
	"debut/kernels/pool"
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

// initial fills dst with first values from element at on: a function of the seed, the parameter's name and its shape only. That of an
// element is counted out, so that pieces may be made in any order.
func initial[T float32 | float64](s ParameterSpec, seed uint64, at int, dst []T) {
	in, out := s.matrixShape()
	// stream returns the numbers from at on, each of which takes so many words.
	stream := func(words int) *philox.Stream {
		rnd := philox.New(seed, philox.StreamOf("parameter/"+s.Name))
		rnd.Seek(uint64(at) * uint64(words))
		return rnd
	}
	uniform := func(a float64) {
		rnd := stream(2)
		for i := range dst {
			dst[i] = T((2*rnd.Float64() - 1) * a)
		}
	}
	normal := func(sd float64) {
		rnd := stream(4)
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
			dst[i] = T(s.Given[at+i])
		}
	case UnitVariance:
		for i := range dst {
			dst[i] = T((at + i) / s.Shape[1])
		}
	case Identities:
		for i := range dst {
			r, c := (at+i)/out, (at+i)%out
			dst[i] = 0
			if c == r%out {
				dst[i] = 1
			}
		}
	}
}

// initialPiece is how many first values one thread makes at a time.
const initialPiece = 1 << 17

// uploadInitial gives a parameter its first values, which threads make side by side, piece by piece: a table has no second copy. Memory of a
// device is zeroed, so that zeros cost nothing.
func uploadInitial[T float32 | float64](dev kernels.Device, buf kernels.Buffer, spec ParameterSpec, seed uint64) error {
	n := spec.size()
	if spec.Init == Zeros {
		return nil
	}
	var threads *pool.Pool
	pieces := 1
	if n > initialPiece {
		pieces = runtime.GOMAXPROCS(0)
		threads = pool.New(pieces)
		defer threads.Close()
	}
	values := make([]T, min(n, pieces*initialPiece))
	for at := 0; at < n; at += len(values) {
		values = values[:min(len(values), n-at)]
		pool.Each(threads, (len(values)+initialPiece-1)/initialPiece, func(i int) {
			lo := i * initialPiece
			initial(spec, seed, at+lo, values[lo:min(lo+initialPiece, len(values))])
		})
		if err := kernels.Upload(dev, buf, at, values); err != nil {
			return err
		}
	}
	return nil
}
