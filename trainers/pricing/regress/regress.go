// Package regress fits linear models by least squares: with effects of groups taken out, weights, errors that hold where rows of a cluster go
// together, instruments against confounding, and coefficients of many groups shrunk towards their mean.
//
// It is what demand by price is estimated with, and knows nothing of prices. All sums run in a fixed order; results do not depend
// on the number of threads.
package regress

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Data are the rows of a linear model. Columns of X are regressors; a constant is one of them where it is wanted and no effect is absorbed.
type Data struct {
	Y        []float64   // what is explained, a number a row
	X        [][]float64 // X[j] is column j, a number a row
	Names    []string    // of the columns
	Weights  []float64   // of rows, above zero; nil where all count the same
	Clusters []int32     // the cluster of each row, 0 … n−1; nil where rows are independent
}

// Fit is a fitted model.
type Fit struct {
	Names        []string
	Coefficients []float64
	Errors       []float64     // standard errors: of clusters where there are any, else robust to unequal variances (HC1)
	Classical    []float64     // standard errors if all rows had the same variance and were independent
	Covariance   *mat.SymDense // of the coefficients, that of Errors
	Residuals    []float64
	Variance     float64  // of the residuals, by the degrees of freedom
	R2           float64  // the share of the variance around the mean that is explained
	Freedom      int      // rows less columns that are estimated
	Dropped      []string // columns that others give already: their coefficients and errors are NaN
}

// tolerance is the share of a column's length that the columns before it must leave unexplained for it to count as another one.
const tolerance = 1e-9

func (d *Data) check() error {
	n := len(d.Y)
	if n == 0 {
		return errors.New("regress: there are no rows")
	}
	if len(d.Names) != len(d.X) {
		return fmt.Errorf("regress: %d names for %d columns", len(d.Names), len(d.X))
	}
	if err := finite("what is explained", d.Y); err != nil {
		return err
	}
	for j, column := range d.X {
		if len(column) != n {
			return fmt.Errorf("regress: column %q has %d rows, not %d", d.Names[j], len(column), n)
		}
		if err := finite(fmt.Sprintf("column %q", d.Names[j]), column); err != nil {
			return err
		}
	}
	if d.Weights != nil {
		if len(d.Weights) != n {
			return fmt.Errorf("regress: %d weights for %d rows", len(d.Weights), n)
		}
		for i, w := range d.Weights {
			if !(w > 0) || math.IsInf(w, 0) {
				return fmt.Errorf("regress: the weight of row %d is %g: it must be a number above zero", i+1, w)
			}
		}
	}
	if d.Clusters != nil && len(d.Clusters) != n {
		return fmt.Errorf("regress: %d clusters for %d rows", len(d.Clusters), n)
	}
	return nil
}

func finite(what string, column []float64) error {
	for i, v := range column {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("regress: row %d of %s is %g: it must be a number", i+1, what, v)
		}
	}
	return nil
}

// Least fits a model by least squares. absorbed is how many degrees of freedom effects that were taken out before took ([Absorb]), 0 without.
func Least(d *Data, absorbed int) (*Fit, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	s, err := newSystem(d.X, d.Weights)
	if err != nil {
		return nil, err
	}
	f, err := s.fit(d, d.X, absorbed)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// system is the Gram matrix of columns, factorized; columns that others give are left out.
type system struct {
	columns [][]float64 // scaled by the roots of weights
	root    []float64   // of the weights, nil where all are one
	kept    []int
	scale   []float64     // the lengths of the kept columns
	chol    mat.Cholesky  // of the kept columns scaled to length one
	inverse *mat.SymDense // of their Gram matrix
}

func newSystem(x [][]float64, weights []float64) (*system, error) {
	s := &system{}
	if weights != nil {
		s.root = make([]float64, len(weights))
		for i, w := range weights {
			s.root[i] = math.Sqrt(w)
		}
	}
	for _, column := range x {
		s.columns = append(s.columns, s.weighted(column))
	}
	s.keep()
	if len(s.kept) == 0 {
		return s, nil
	}
	k := len(s.kept)
	gram := mat.NewSymDense(k, nil)
	for a, i := range s.kept {
		for b := range a + 1 {
			gram.SetSym(a, b, floats.Dot(s.columns[i], s.columns[s.kept[b]])/s.scale[a]/s.scale[b])
		}
	}
	if !s.chol.Factorize(gram) {
		return nil, errors.New("regress: columns are too nearly combinations of each other: leave one of them out")
	}
	s.inverse = mat.NewSymDense(k, nil)
	if err := s.chol.InverseTo(s.inverse); err != nil {
		var condition mat.Condition
		if !errors.As(err, &condition) {
			return nil, fmt.Errorf("regress: %w", err)
		}
	}
	return s, nil
}

func (s *system) weighted(column []float64) []float64 {
	if s.root == nil {
		return column
	}
	out := make([]float64, len(column))
	floats.MulTo(out, column, s.root)
	return out
}

// keep finds the columns that those before them do not give: what is left of each after projection on the kept ones, twice, as once leaves
// rounding of the size of the column.
func (s *system) keep() {
	var basis [][]float64
	for j, column := range s.columns {
		length := floats.Norm(column, 2)
		if length == 0 {
			continue
		}
		left := make([]float64, len(column))
		copy(left, column)
		for range 2 {
			for _, b := range basis {
				floats.AddScaled(left, -floats.Dot(left, b), b)
			}
		}
		rest := floats.Norm(left, 2)
		if rest <= tolerance*length {
			continue
		}
		floats.Scale(1/rest, left)
		basis = append(basis, left)
		s.kept, s.scale = append(s.kept, j), append(s.scale, length)
	}
}

// solve returns the coefficients of the kept columns for a weighted right side, refined by the residuals.
func (s *system) solve(y []float64) []float64 {
	k := len(s.kept)
	beta := make([]float64, k)
	if k == 0 {
		return beta
	}
	left := make([]float64, len(y))
	copy(left, y)
	right, step := mat.NewVecDense(k, nil), mat.NewVecDense(k, nil)
	for range 3 { // the squared condition of the first solution is mended by the next ones
		for a, j := range s.kept {
			right.SetVec(a, floats.Dot(s.columns[j], left)/s.scale[a])
		}
		_ = s.chol.SolveVecTo(step, right) // ill conditioned at worst: the next round sees what is left
		copy(left, y)
		for a, j := range s.kept {
			beta[a] += step.AtVec(a) / s.scale[a]
			floats.AddScaled(left, -beta[a], s.columns[j])
		}
	}
	return beta
}

// fit solves for d.Y with the system's columns as instruments of themselves and residuals by the columns x, which are the same but
// for two-stage least squares.
func (s *system) fit(d *Data, x [][]float64, absorbed int) (*Fit, error) {
	n, k := len(d.Y), len(s.kept)
	f := &Fit{Names: d.Names, Freedom: n - k - absorbed}
	if f.Freedom <= 0 {
		return nil, fmt.Errorf("regress: %d rows are too few for %d coefficients", n, k+absorbed)
	}
	beta := s.solve(s.weighted(d.Y))
	f.Residuals = make([]float64, n)
	copy(f.Residuals, d.Y)
	for a, j := range s.kept {
		floats.AddScaled(f.Residuals, -beta[a], x[j])
	}
	weighted := s.weighted(f.Residuals)
	squares := floats.Dot(weighted, weighted)
	f.Variance = squares / float64(f.Freedom)
	f.R2 = 1 - squares/around(d.Y, d.Weights)
	f.spread(s, beta, s.sandwich(d, weighted, absorbed))
	return f, nil
}

// around returns the sum of squares around the weighted mean.
func around(y, weights []float64) float64 {
	var sum, total float64
	for i, v := range y {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		sum, total = sum+w*v, total+w
	}
	mean, squares := sum/total, 0.0
	for i, v := range y {
		w := 1.0
		if weights != nil {
			w = weights[i]
		}
		squares += w * (v - mean) * (v - mean)
	}
	return squares
}

// sandwich returns the covariance of the kept coefficients from the scores of rows or clusters.
func (s *system) sandwich(d *Data, residuals []float64, absorbed int) *mat.SymDense {
	k, n := len(s.kept), len(residuals)
	if k == 0 {
		return nil
	}
	groups := n
	if d.Clusters != nil {
		groups = 0
		for _, c := range d.Clusters {
			groups = max(groups, int(c)+1)
		}
	}
	scores := mat.NewDense(groups, k, nil)
	present := make([]bool, groups)
	for i, u := range residuals {
		g := i
		if d.Clusters != nil {
			g = int(d.Clusters[i])
		}
		present[g] = true
		row := scores.RawRowView(g)
		for a, j := range s.kept {
			row[a] += u * s.columns[j][i] / s.scale[a]
		}
	}
	count := 0
	for _, there := range present {
		if there {
			count++
		}
	}
	meat := mat.NewSymDense(k, nil)
	meat.SymOuterK(1, scores.T())
	factor := float64(n) / float64(n-k-absorbed)
	if d.Clusters != nil && count > 1 {
		factor = float64(count) / float64(count-1) * float64(n-1) / float64(n-k-absorbed)
	}
	var half, whole mat.Dense
	half.Mul(s.inverse, meat)
	whole.Mul(&half, s.inverse)
	out := mat.NewSymDense(k, nil)
	for a := range k {
		for b := range a + 1 {
			out.SetSym(a, b, factor*(whole.At(a, b)+whole.At(b, a))/2/s.scale[a]/s.scale[b])
		}
	}
	return out
}

// spread puts coefficients and errors of the kept columns in their places among all.
func (f *Fit) spread(s *system, beta []float64, covariance *mat.SymDense) {
	all := len(f.Names)
	f.Coefficients, f.Errors, f.Classical = make([]float64, all), make([]float64, all), make([]float64, all)
	for j := range all {
		f.Coefficients[j], f.Errors[j], f.Classical[j] = math.NaN(), math.NaN(), math.NaN()
	}
	if all > 0 {
		f.Covariance = mat.NewSymDense(all, nil)
	}
	for a, j := range s.kept {
		f.Coefficients[j] = beta[a]
		f.Errors[j] = math.Sqrt(covariance.At(a, a))
		f.Classical[j] = math.Sqrt(f.Variance*s.inverse.At(a, a)) / s.scale[a]
		for b, i := range s.kept[:a+1] {
			f.Covariance.SetSym(j, i, covariance.At(a, b))
		}
	}
	kept := map[int]bool{}
	for _, j := range s.kept {
		kept[j] = true
	}
	for j, name := range f.Names {
		if !kept[j] {
			f.Dropped = append(f.Dropped, name)
		}
	}
}
