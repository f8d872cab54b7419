package cpu

import (
	"math"

	"debut/kernels"
)

// loops are the inner loops that a level of instructions may have its own of. Slices given to one call have one
// length, save where a comment says otherwise; an output may be the same slice as an input.
type loops[T float] struct {
	tiling[T] // of matrix products

	// dot returns Σ xᵢ·yᵢ.
	dot func(x, y []T) T
	// axpy is y += alpha·x.
	axpy func(alpha T, x, y []T)

	activate     [4]func(y, x []T)      // by Activation
	activateGrad [4]func(dx, y, dy []T) // by Activation
	add          func(z, x, y []T)
	multiply     func(z, x, y []T)

	// deviations is sum += x − mean; squares += (x − mean)².
	deviations func(sum, squares, x, mean []T)
	// normalize is y = (x − mean)·scale + shift.
	normalize func(y, x, mean, scale, shift []T)
	// normGradParams is dgamma += dy·(x − mean)·inverse; dbeta += dy.
	normGradParams func(dgamma, dbeta, x, dy, mean, inverse []T)
	// normGradInput is dx = scale·(dy − shift − (x − mean)·slope).
	normGradInput func(dx, x, dy, mean, scale, shift, slope []T)

	update [6]func(h *hyper[T], w, g, m, v []T) // by OptimizerKind; m and v as it keeps them
}

// genericLoops returns the loops in plain Go.
func genericLoops[T float]() *loops[T] {
	return &loops[T]{
		tiling:         genericTiling[T](),
		dot:            dot[T],
		axpy:           axpy[T],
		activate:       [...]func(y, x []T){kernels.Identity: identity[T], kernels.ReLU: relu[T], kernels.Sigmoid: sigmoid[T], kernels.Tanh: tanh[T]},
		activateGrad:   [...]func(dx, y, dy []T){kernels.Identity: identityGrad[T], kernels.ReLU: reluGrad[T], kernels.Sigmoid: sigmoidGrad[T], kernels.Tanh: tanhGrad[T]},
		add:            add[T],
		multiply:       multiply[T],
		deviations:     deviations[T],
		normalize:      normalize[T],
		normGradParams: normGradParams[T],
		normGradInput:  normGradInput[T],
		update: [...]func(h *hyper[T], w, g, m, v []T){
			kernels.SGD: sgd[T], kernels.Momentum: momentum[T], kernels.Nesterov: nesterov[T],
			kernels.Adam: adam[T], kernels.AdamW: adam[T], kernels.Adagrad: adagrad[T],
		},
	}
}

func dot[T float](x, y []T) T {
	var s0, s1, s2, s3 T
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	y = y[:len(x)]
	for i, v := range x {
		s0 += v * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func axpy[T float](alpha T, x, y []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += alpha * v
	}
}

func identity[T float](y, x []T) { copy(y, x) }

func relu[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

func sigmoid[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(logistic(float64(v)))
	}
}

// logistic returns 1/(1+e⁻ˣ). Where the exponential overflows, the quotient is 0, as it should be.
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func tanh[T float](y, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = T(math.Tanh(float64(v)))
	}
}

func identityGrad[T float](dx, _, dy []T) { copy(dx, dy) }

func reluGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		g := dy[i]
		if v <= 0 {
			g = 0
		}
		dx[i] = g
	}
}

func sigmoidGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * (v * (1 - v))
	}
}

func tanhGrad[T float](dx, y, dy []T) {
	dx, dy = dx[:len(y)], dy[:len(y)]
	for i, v := range y {
		dx[i] = dy[i] * ((1 - v) * (1 + v)) // keeps its digits where v is near ±1
	}
}

func add[T float](z, x, y []T) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = x[i] + y[i]
	}
}

func multiply[T float](z, x, y []T) {
	x, y = x[:len(z)], y[:len(z)]
	for i := range z {
		z[i] = x[i] * y[i]
	}
}

func deviations[T float](sum, squares, x, mean []T) {
	sum, squares, mean = sum[:len(x)], squares[:len(x)], mean[:len(x)]
	for i, v := range x {
		d := v - mean[i]
		sum[i] += d
		squares[i] += d * d
	}
}

func normalize[T float](y, x, mean, scale, shift []T) {
	y, mean, scale, shift = y[:len(x)], mean[:len(x)], scale[:len(x)], shift[:len(x)]
	for i, v := range x {
		y[i] = (v-mean[i])*scale[i] + shift[i]
	}
}

func normGradParams[T float](dgamma, dbeta, x, dy, mean, inverse []T) {
	dgamma, dbeta, dy, mean, inverse = dgamma[:len(x)], dbeta[:len(x)], dy[:len(x)], mean[:len(x)], inverse[:len(x)]
	for i, v := range x {
		g := dy[i]
		dgamma[i] += g * ((v - mean[i]) * inverse[i])
		dbeta[i] += g
	}
}

func normGradInput[T float](dx, x, dy, mean, scale, shift, slope []T) {
	dx, dy, mean, scale, shift, slope = dx[:len(x)], dy[:len(x)], mean[:len(x)], scale[:len(x)], shift[:len(x)], slope[:len(x)]
	for i, v := range x {
		dx[i] = scale[i] * (dy[i] - shift[i] - (v-mean[i])*slope[i])
	}
}
