package forecast

import "math"

// nelderMead finds a minimum of f near x by the simplex method of Nelder and Mead (1965) in the variant of Nash, "Compact Numerical
// Methods for Computers" (1990), which contracts after each reflection that made no new best point. Coefficients are the usual ones: 1, 1/2,
// 2. The first simplex has x and x moved by step along each axis. f may be +Inf where it is not defined, but not at x. x becomes the best
// point found, whose value is returned. The search ends where the values in the simplex differ by less than tolerance, relatively, or after
// so many evaluations. The memory is kept for the next search.
type nelderMead struct {
	points [][]float64
	values []float64
	buffer []float64
}

func (s *nelderMead) minimize(f func([]float64) float64, x []float64, step float64, evaluations int, tolerance float64) float64 {
	n := len(x)
	if need := (n + 3) * n; cap(s.buffer) < need {
		s.buffer = make([]float64, need)
	}
	if cap(s.values) < n+1 {
		s.values, s.points = make([]float64, n+1), make([][]float64, n+1)
	}
	buffer := s.buffer[:cap(s.buffer)]
	take := func() []float64 {
		v := buffer[:n:n]
		buffer = buffer[n:]
		return v
	}
	points, values := s.points[:n+1], s.values[:n+1]
	size := 0.0
	for i := range points {
		points[i] = take()
		copy(points[i], x)
		if i > 0 {
			points[i][i-1] += step
			size += step
		}
		values[i] = f(points[i])
	}
	center, trial := take(), take()
	low, used := 0, n+1
	end := tolerance * (math.Abs(values[0]) + tolerance)
	for used <= evaluations {
		high := low
		for i, v := range values {
			if v < values[low] {
				low = i
			}
			if v > values[high] {
				high = i
			}
		}
		if values[high] <= values[low]+end {
			break
		}
		for j := range center {
			center[j] = 0
		}
		for i, p := range points {
			if i != high {
				for j, v := range p {
					center[j] += v
				}
			}
		}
		for j := range center {
			center[j] /= float64(n)
			trial[j] = 2*center[j] - points[high][j]
		}
		reflected := f(trial)
		used++
		worse := reflected >= values[high]
		if reflected < values[low] {
			points[high], trial = trial, points[high] // the worst point makes room for the expansion
			for j, v := range points[high] {
				trial[j] = 2*v - center[j]
			}
			values[high] = reflected
			expanded := f(trial)
			used++
			if expanded < reflected {
				points[high], trial = trial, points[high]
				values[high] = expanded
			}
			continue
		}
		if !worse {
			points[high], trial = trial, points[high]
			values[high] = reflected
		}
		for j, v := range points[high] {
			trial[j] = (v + center[j]) / 2
		}
		contracted := f(trial)
		used++
		if contracted < values[high] {
			points[high], trial = trial, points[high]
			values[high] = contracted
			continue
		}
		if !worse {
			continue
		}
		best, smaller := points[low], 0.0
		for i, p := range points {
			if i == low {
				continue
			}
			for j := range p {
				p[j] = (p[j]-best[j])/2 + best[j]
				smaller += math.Abs(p[j] - best[j])
			}
		}
		if smaller >= size {
			break
		}
		size = smaller
		for i, p := range points {
			if i != low {
				values[i] = f(p)
				used++
			}
		}
	}
	for i, v := range values {
		if v < values[low] {
			low = i
		}
	}
	copy(x, points[low])
	return values[low]
}

// minimum finds where f is least between two bounds: the best of a grid, then golden sections about it.
func minimum(f func(float64) float64, low, high float64) float64 {
	const points, golden = 12, 0.6180339887498949
	step := (high - low) / points
	best, least := low, f(low)
	for i := 1; i <= points; i++ {
		x := low + float64(i)*step
		if i == points {
			x = high
		}
		if v := f(x); v < least {
			best, least = x, v
		}
	}
	a, b := math.Max(best-step, low), math.Min(best+step, high)
	c, d := b-golden*(b-a), a+golden*(b-a)
	fc, fd := f(c), f(d)
	for b-a > 1e-7*(high-low) {
		if fc < fd {
			b, d, fd = d, c, fc
			c = b - golden*(b-a)
			fc = f(c)
		} else {
			a, c, fc = c, d, fd
			d = a + golden*(b-a)
			fd = f(d)
		}
	}
	if x := (a + b) / 2; f(x) < least {
		return x
	}
	return best
}
