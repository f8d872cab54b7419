package regress

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"
)

// TwoStageFit is a model fitted with instruments, and what speaks for and against them.
type TwoStageFit struct {
	Fit

	// First has for each endogenous column how strongly the instruments move it, the other columns given. An F below ten is weak.
	First []Test

	// Exogeneity is the test of Wu and Hausman: a small P says that least squares would be biased.
	Exogeneity Test

	// Overidentification is Sargan's test, where there are more instruments than endogenous columns: a small P says that some instrument moves the
	// outcome by another way. Without, its statistic is NaN.
	Overidentification Test
}

// Test is a test of a hypothesis.
type Test struct {
	Name      string
	Statistic float64
	P         float64 // the probability of a statistic at least as large where the hypothesis holds
}

// TwoStage fits a model by two-stage least squares: the columns of d.X that endogenous names (by their numbers) go together with what is not explained, and
// are replaced by their projections on the instruments and on the other columns. There must be at least as many instruments as
// endogenous columns.
//
// Source: Theil, "Repeated Least Squares Applied to Complete Equation Systems" (1953); the tests by Wooldridge, "Econometric Analysis of Cross
// Section and Panel Data" (2010), chapters 5 and 6.
func TwoStage(d *Data, endogenous []int, instruments [][]float64, absorbed int) (*TwoStageFit, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if len(endogenous) == 0 || len(instruments) < len(endogenous) {
		return nil, fmt.Errorf("regress: %d instruments for %d endogenous columns: there must be at least as many, and one column", len(instruments), len(endogenous))
	}
	is := map[int]bool{}
	for _, j := range endogenous {
		if j < 0 || j >= len(d.X) || is[j] {
			return nil, fmt.Errorf("regress: endogenous column %d: there are columns 0 to %d, each once", j, len(d.X)-1)
		}
		is[j] = true
	}
	var exogenous [][]float64
	for j, column := range d.X {
		if !is[j] {
			exogenous = append(exogenous, column)
		}
	}
	for i, z := range instruments {
		if len(z) != len(d.Y) {
			return nil, fmt.Errorf("regress: instrument %d has %d rows, not %d", i+1, len(z), len(d.Y))
		}
		if err := finite(fmt.Sprintf("instrument %d", i+1), z); err != nil {
			return nil, err
		}
	}
	all := append(append([][]float64{}, exogenous...), instruments...)
	first, err := newSystem(all, d.Weights)
	if err != nil {
		return nil, err
	}
	restricted, err := newSystem(exogenous, d.Weights)
	if err != nil {
		return nil, err
	}
	strength := len(first.kept) - len(restricted.kept) // instruments that say something of their own
	if strength < len(endogenous) {
		return nil, fmt.Errorf("regress: only %d of %d instruments say more than the other columns do: %d endogenous columns cannot be told apart",
			strength, len(instruments), len(endogenous))
	}
	out := &TwoStageFit{}
	projected := append([][]float64{}, d.X...)
	extended := append([][]float64{}, d.X...)
	freedom := len(d.Y) - len(first.kept) - absorbed
	if freedom <= 0 {
		return nil, fmt.Errorf("regress: %d rows are too few for %d columns and instruments", len(d.Y), len(first.kept)+absorbed)
	}
	for _, j := range endogenous {
		left, squares := first.residuals(d.X[j])
		_, without := restricted.residuals(d.X[j])
		out.First = append(out.First, fTest(d.Names[j], (without-squares)/float64(strength)/(squares/float64(freedom)), strength, freedom))
		hat := make([]float64, len(left))
		floats.SubTo(hat, d.X[j], left)
		projected[j] = hat
		extended = append(extended, left)
	}
	second, err := newSystem(projected, d.Weights)
	if err != nil {
		return nil, err
	}
	f, err := second.fit(d, d.X, absorbed)
	if err != nil {
		return nil, err
	}
	out.Fit = *f
	out.Exogeneity, err = exogeneity(d, extended, len(endogenous), absorbed)
	if err != nil {
		return nil, err
	}
	out.Overidentification = Test{Name: "Sargan", Statistic: math.NaN(), P: math.NaN()}
	if more := strength - len(endogenous); more > 0 {
		_, squares := first.residuals(f.Residuals)
		weighted := first.weighted(f.Residuals)
		total := floats.Dot(weighted, weighted)
		statistic := float64(len(d.Y)) * (1 - squares/total)
		out.Overidentification.Statistic = statistic
		out.Overidentification.P = distuv.ChiSquared{K: float64(more)}.Survival(statistic)
	}
	return out, nil
}

// residuals returns what the columns leave of y, and the weighted sum of its squares.
func (s *system) residuals(y []float64) (left []float64, squares float64) {
	left = append([]float64(nil), y...)
	beta := s.solve(s.weighted(y))
	if s.root == nil {
		for a, j := range s.kept {
			floats.AddScaled(left, -beta[a], s.columns[j])
		}
		return left, floats.Dot(left, left)
	}
	for a, j := range s.kept {
		for i, v := range s.columns[j] {
			left[i] -= beta[a] * v / s.root[i]
		}
	}
	weighted := s.weighted(left)
	return left, floats.Dot(weighted, weighted)
}

func fTest(name string, statistic float64, numerator, denominator int) Test {
	return Test{Name: name, Statistic: statistic, P: distuv.F{D1: float64(numerator), D2: float64(denominator)}.Survival(statistic)}
}

// exogeneity is the regression form of the test of Wu and Hausman: whether what the first stage leaves explains anything.
func exogeneity(d *Data, extended [][]float64, endogenous, absorbed int) (Test, error) {
	with, err := newSystem(extended, d.Weights)
	if err != nil {
		return Test{}, err
	}
	without, err := newSystem(d.X, d.Weights)
	if err != nil {
		return Test{}, err
	}
	_, squares := with.residuals(d.Y)
	_, before := without.residuals(d.Y)
	freedom := len(d.Y) - len(with.kept) - absorbed
	if freedom <= 0 {
		return Test{Name: "Wu–Hausman", Statistic: math.NaN(), P: math.NaN()}, nil
	}
	return fTest("Wu–Hausman", (before-squares)/float64(endogenous)/(squares/float64(freedom)), endogenous, freedom), nil
}
