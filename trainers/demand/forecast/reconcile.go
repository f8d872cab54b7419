package forecast

import (
	"fmt"
	"math"
)

// Sums are series that are added up of others, the bottom ones.
type Sums struct {
	Bottom int     // number of bottom series
	Parts  [][]int // of each sum, bottom series, ascending
}

// Ways of making forecasts add up.
const (
	BottomUp     = "bottom_up"    // sums are those of the bottom forecasts
	Proportional = "proportional" // each of the first sums is divided as the bottom forecasts are
	MinTrace     = "mint"         // all forecasts change as their errors say, so that errors are the smallest
)

// Reconciliations lists the ways.
func Reconciliations() []string { return []string{BottomUp, Proportional, MinTrace} }

// maxSums bounds the square matrix that MinTrace solves.
const maxSums = 4000

// Reconcile makes forecasts add up: sums[j][t] and bottom[i][t] are those made one by one, in whose place the new ones stand. First is how many of the sums, from the
// first on, Proportional divides; each bottom series is to be part of one of them. Errors, of the bottom series and then of the sums, are those of as many steps that
// were forecast before and are known: MinTrace (Wickramasuriya, Athanasopoulos, Hyndman 2019) takes their covariances, shrunk to the diagonal as their noise demands
// (Schäfer, Strimmer 2005). With nonNegative, no bottom forecast is below 0.
func (s Sums) Reconcile(how string, bottom, sums [][]float64, first int, errors [][]float64, nonNegative bool) error {
	if len(bottom) != s.Bottom || len(sums) != len(s.Parts) {
		return fmt.Errorf("%w: %d and %d forecasts, where %d series are in %d sums", ErrInput, len(bottom), len(sums), s.Bottom, len(s.Parts))
	}
	steps := 0
	if len(bottom) > 0 {
		steps = len(bottom[0])
	}
	switch how {
	case BottomUp:
	case Proportional:
		for j, parts := range s.Parts[:first] {
			for t := range steps {
				total := 0.0
				for _, i := range parts {
					total += math.Max(bottom[i][t], 0)
				}
				for _, i := range parts {
					if total > 0 {
						bottom[i][t] = math.Max(bottom[i][t], 0) / total * sums[j][t]
					} else {
						bottom[i][t] = sums[j][t] / float64(len(parts))
					}
				}
			}
		}
	case MinTrace:
		if err := s.minTrace(bottom, sums, errors, steps); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: %q is no way of making forecasts add up", ErrInput, how)
	}
	for _, b := range bottom {
		for t, v := range b {
			if nonNegative && v < 0 {
				b[t] = 0
			}
		}
	}
	for j, parts := range s.Parts {
		for t := range steps {
			sums[j][t] = 0
			for _, i := range parts {
				sums[j][t] += bottom[i][t]
			}
		}
	}
	return nil
}

// minTrace changes the bottom forecasts. With W the covariances of the errors, U' = [I, −C] what sums lack to their parts, and all forecasts y, it is
// y − W·U·(U'·W·U)⁻¹·U'·y, of which the bottom rows are taken. W = λ·D + (1−λ)·E·E'/n is never made as a whole.
func (s Sums) minTrace(bottom, sums, errors [][]float64, steps int) error {
	m, n := len(s.Parts), s.Bottom
	if m > maxSums {
		return fmt.Errorf("%w: %d sums, of which mint takes %d at most; name fewer levels, or another method", ErrInput, m, maxSums)
	}
	if len(errors) != n+m {
		return fmt.Errorf("%w: errors of %d series, where there are %d and %d sums", ErrInput, len(errors), n, m)
	}
	variances, lambda, scores := shrunkCovariance(errors)
	u := make([][]float64, m) // U'E
	for j, parts := range s.Parts {
		u[j] = append([]float64(nil), scores[n+j]...)
		for _, i := range parts {
			for k, v := range scores[i] {
				u[j][k] -= v
			}
		}
	}
	a := make([]float64, m*m)
	in := make([][]int, n) // sums that a series is part of
	for j, parts := range s.Parts {
		a[j*m+j] += lambda * variances[n+j]
		for _, i := range parts {
			in[i] = append(in[i], j)
		}
	}
	for i, list := range in {
		for _, j := range list {
			for _, l := range list {
				a[j*m+l] += lambda * variances[i]
			}
		}
	}
	for j := range m {
		for l := range j + 1 {
			v := 0.0
			for k := range u[j] {
				v += u[j][k] * u[l][k]
			}
			a[j*m+l] += (1 - lambda) * v
		}
	}
	lack := make([]float64, m*steps)
	for j, parts := range s.Parts {
		for t := range steps {
			v := sums[j][t]
			for _, i := range parts {
				v -= bottom[i][t]
			}
			lack[j*steps+t] = v
		}
	}
	ridge := 0.0
	for j := range m {
		ridge = math.Max(ridge, a[j*m+j])
	}
	solveMany(a, lack, m, steps, 1e-12*ridge)
	width := 0
	if len(scores) > 0 {
		width = len(scores[0])
	}
	for t := range steps {
		common := make([]float64, width)
		for j := range m {
			for k, v := range u[j] {
				common[k] += v * lack[j*steps+t]
			}
		}
		for i := range n {
			change := 0.0
			for _, j := range in[i] {
				change += lambda * variances[i] * lack[j*steps+t]
			}
			for k, v := range scores[i] {
				change -= (1 - lambda) * v * common[k]
			}
			bottom[i][t] += change
		}
	}
	return nil
}

// shrunkCovariance are the variances of errors, by how much correlations shrink to none, and the errors over the root of their number. Errors that are unknown, NaN,
// count as none; a variance of 0 becomes a small one.
func shrunkCovariance(errors [][]float64) (variances []float64, lambda float64, scores [][]float64) {
	n, steps := len(errors), 0
	if n > 0 {
		steps = len(errors[0])
	}
	variances, scores = make([]float64, n), make([][]float64, n)
	total := 0.0
	for i, e := range errors {
		scores[i] = make([]float64, steps)
		for k, v := range e {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				scores[i][k] = v / math.Sqrt(float64(steps))
				variances[i] += scores[i][k] * scores[i][k]
			}
		}
		total += variances[i]
	}
	least := 1e-6*total/float64(max(n, 1)) + 1e-300
	for i := range variances {
		variances[i] = math.Max(variances[i], least)
	}
	if steps < 2 {
		return variances, 1, scores
	}
	// λ = Σ var(r)/Σ r² over pairs, whose sums follow from those over steps.
	squares, noise := 0.0, 0.0
	for i := range n {
		for j := range i {
			r, q := 0.0, 0.0
			for k := range steps {
				w := scores[i][k] * scores[j][k] / math.Sqrt(variances[i]*variances[j]) * float64(steps)
				r += w
				q += w * w
			}
			mean := r / float64(steps)
			squares += mean * mean
			noise += (q/float64(steps) - mean*mean) / float64(steps-1)
		}
		if i > 400 { // enough pairs to know
			break
		}
	}
	if squares == 0 {
		return variances, 1, scores
	}
	return variances, math.Min(math.Max(noise/squares, 0.05), 1), scores
}

// Filled are the values of a series as methods see them: gaps filled, bounds raised to what is usual; NaN before the first and after the last observation.
func Filled(s Series) []float64 {
	out := make([]float64, len(s.Values))
	for i := range out {
		out[i] = math.NaN()
	}
	s.Known = nil
	h, err := begin(s, Options{Horizon: 1}, 1)
	if err != nil {
		return out
	}
	for i, v := range h.y {
		out[h.first+i] = v * h.scale
	}
	return out
}
