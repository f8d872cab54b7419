package forecast

import "math"

// bfgs finds a minimum of a smooth f near x by the method of Broyden, Fletcher, Goldfarb and Shanno, with slopes by central differences and
// steps that are halved until they pay. It ends where a step gains less than a share of 1e-8, or after so many steps. x becomes the best point, whose value is
// returned. f may be +Inf where it is not defined, but not at x.
func bfgs(f func([]float64) float64, x []float64, steps int) float64 {
	const (
		reach   = 1e-4 // of differences
		gain    = 1e-8
		longest = 3.0 // of a step along an axis: parameters are of the order of 1
	)
	n := len(x)
	best := f(x)
	if n == 0 {
		return best
	}
	memory := make([]float64, n*n+5*n)
	h, memory := memory[:n*n], memory[n*n:]
	slope, before, direction, next, temp := memory[:n], memory[n:2*n], memory[2*n:3*n], memory[3*n:4*n], memory[4*n:]
	reset := func() {
		for i := range h {
			h[i] = 0
		}
		for i := range n {
			h[i*n+i] = 1
		}
	}
	gradient := func(g []float64) bool {
		for i := range n {
			at := x[i]
			x[i] = at + reach
			up := f(x)
			x[i] = at - reach
			down := f(x)
			x[i] = at
			g[i] = (up - down) / (2 * reach)
			if math.IsNaN(g[i]) || math.IsInf(g[i], 0) {
				return false
			}
		}
		return true
	}
	reset()
	if !gradient(slope) {
		return best
	}
	fresh := true
	for range steps {
		descent, size := 0.0, 0.0
		for i := range n {
			d := 0.0
			for j := range n {
				d -= h[i*n+j] * slope[j]
			}
			direction[i] = d
			descent += d * slope[i]
			size = math.Max(size, math.Abs(d))
		}
		if !(descent < 0) {
			if fresh {
				break
			}
			reset()
			fresh = true
			continue
		}
		t := 1.0
		if size > longest {
			t = longest / size
		}
		if fresh {
			t = math.Min(t, 0.3/size)
		}
		value := math.Inf(1)
		for range 30 {
			for i := range n {
				next[i] = x[i] + t*direction[i]
			}
			if value = f(next); value <= best+1e-4*t*descent {
				break
			}
			t *= 0.3
			value = math.Inf(1)
		}
		if math.IsInf(value, 1) {
			if fresh {
				break
			}
			reset()
			fresh = true
			continue
		}
		gained := best - value
		copy(before, slope)
		for i := range n {
			direction[i] = next[i] - x[i]
			x[i] = next[i]
		}
		best = value
		if gained < gain*(math.Abs(best)+gain) {
			break
		}
		if !gradient(slope) {
			break
		}
		// The inverse of the Hessian learns from the step s and the change y of the slope.
		sy := 0.0
		for i := range n {
			before[i] = slope[i] - before[i]
			sy += before[i] * direction[i]
		}
		if !(sy > 1e-12) {
			reset()
			fresh = true
			continue
		}
		if fresh {
			yy := 0.0
			for _, v := range before {
				yy += v * v
			}
			for i := range n {
				h[i*n+i] = sy / yy
			}
		}
		yhy := 0.0
		for i := range n {
			temp[i] = 0
			for j := range n {
				temp[i] += h[i*n+j] * before[j]
			}
			yhy += temp[i] * before[i]
		}
		c := (1 + yhy/sy) / sy
		for i := range n {
			for j := range n {
				h[i*n+j] += c*direction[i]*direction[j] - (temp[i]*direction[j]+direction[i]*temp[j])/sy
			}
		}
		fresh = false
	}
	return best
}
