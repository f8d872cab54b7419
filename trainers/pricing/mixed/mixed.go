// Package mixed fits regressions of many groups at once, the products of a category usually: each group has coefficients of its own, which are thought to
// scatter around a mean of all by a spread that is learned – partial pooling –, and all share effects such as those of weeks. What is
// explained is a number with normal noise, or a count.
//
// Given the spreads, the coefficients are the maximum of a concave penalized likelihood, found by Newton's method on an arrow: a block for each group and
// a border that they share. Given these, spreads and noise follow by MacKay's fixed point ("Bayesian Interpolation", Neural Computation 4, 1992), which
// is that of restricted maximum likelihood where noise is normal, and Laplace's approximation of it for counts (Breslow, Clayton, "Approximate Inference in Generalized
// Linear Mixed Models", JASA 88, 1993). Sums run in a fixed order: results do not depend on the number of threads.
package mixed

import (
	"errors"
	"fmt"
	"math"
)

// Noise is how what is explained differs from its mean.
type Noise int

// The kinds of noise. Counts may scatter more than their distribution says: by a factor that is estimated.
const (
	Normal   Noise = iota
	Poisson        // the linear predictor is the logarithm of the mean
	Binomial       // counts of Trials; the linear predictor is the log-odds
)

// Data are rows, those of a group one after another.
type Data struct {
	Noise   Noise
	Y       []float64 // what is explained; counts are not negative
	Trials  []float64 // of Binomial, above 0 and at least as many as Y
	Offset  []float64 // is added to the linear predictor; nil: nothing
	Weights []float64 // of rows, above 0; nil where all count the same
	Group   []int     // the first row of each group, and behind the last
	// Member is the member of its group that a row is of, such as the store of a product, 0 … in each group: members have a level of their own, and
	// of each feature with Members a coefficient of their own. nil: groups have no members.
	Member []int32
	// Period is the period that a row is of, 0 …: rows of a group and a period have a level that they share, beside that of the period for all groups, so
	// that what happens to a product everywhere in a week counts as one event. nil: there is none.
	Period   []int32
	Features []Feature
	Effects  []Effect
	Classes  []Class // of features
}

// Feature is a column whose coefficient each group has by itself.
type Feature struct {
	Name    string
	Class   int // features of a class scatter around a mean that they share
	X       []float64
	Without int  // a group that has no such coefficient, −1 for none
	Members bool // members of groups have it, too, around that of their group
}

// Class is what the coefficients of features have in common.
type Class struct {
	Name string
	// Spread is that of the coefficients of groups around the mean, as far as is known before, above 0: it counts as much as one coefficient does.
	Spread float64
	// Fixed holds the spread as it is.
	Fixed bool
	// Zero holds the mean at 0.
	Zero bool
}

// Effect is a level that rows of all groups share, such as that of a week: one for each value, around 0.
type Effect struct {
	Name  string
	Level []int32 // of each row, 0 …
}

// most bounds rounds of learning, and Newton's steps.
const (
	mostRounds = 40
	mostSteps  = 50
	// leastSpread is where a spread is taken for none: coefficients of a class are equal then.
	leastSpread = 1e-5
)

func (d *Data) check() error {
	n := len(d.Y)
	if n == 0 || len(d.Group) < 2 || d.Group[0] != 0 || d.Group[len(d.Group)-1] != n {
		return errors.New("mixed: groups must begin with row 0 and end with the last one, and there must be a row")
	}
	for g := range len(d.Group) - 1 {
		if d.Group[g+1] <= d.Group[g] {
			return fmt.Errorf("mixed: group %d has no rows", g+1)
		}
	}
	for _, v := range []struct {
		name  string
		there bool
		rows  int
	}{{"offsets", d.Offset != nil, len(d.Offset)}, {"members", d.Member != nil, len(d.Member)}, {"periods", d.Period != nil, len(d.Period)}, {"trials", d.Noise == Binomial, len(d.Trials)}, {"weights", d.Weights != nil, len(d.Weights)}} {
		if v.there && v.rows != n {
			return fmt.Errorf("mixed: %d %s for %d rows", v.rows, v.name, n)
		}
	}
	for i, y := range d.Y {
		if math.IsNaN(y) || math.IsInf(y, 0) || d.Noise != Normal && y < 0 {
			return fmt.Errorf("mixed: row %d is %g: it must be a number, and a count is not negative", i+1, y)
		}
		if d.Noise == Binomial && !(d.Trials[i] > 0 && d.Trials[i] >= y && d.Trials[i] <= math.MaxFloat64) {
			return fmt.Errorf("mixed: row %d is %g of %g trials: there must be as many, and one at least", i+1, y, d.Trials[i])
		}
		if d.Weights != nil && !(d.Weights[i] > 0 && d.Weights[i] <= math.MaxFloat64) {
			return fmt.Errorf("mixed: the weight of row %d is %g: it must be a number above zero", i+1, d.Weights[i])
		}
		if d.Offset != nil && (math.IsNaN(d.Offset[i]) || math.IsInf(d.Offset[i], 0)) {
			return fmt.Errorf("mixed: the offset of row %d is %g: it must be a number", i+1, d.Offset[i])
		}
	}
	for _, f := range d.Features {
		if len(f.X) != n || f.Class < 0 || f.Class >= len(d.Classes) {
			return fmt.Errorf("mixed: feature %q has %d rows of %d, and class %d of %d", f.Name, len(f.X), n, f.Class, len(d.Classes))
		}
		for i, x := range f.X {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("mixed: row %d of feature %q is %g: it must be a number", i+1, f.Name, x)
			}
		}
	}
	for _, c := range d.Classes {
		if !(c.Spread > 0) || math.IsInf(c.Spread, 0) {
			return fmt.Errorf("mixed: the spread of class %q is %g: it must be above zero", c.Name, c.Spread)
		}
	}
	for _, e := range d.Effects {
		if len(e.Level) != n {
			return fmt.Errorf("mixed: effect %q has %d rows, not %d", e.Name, len(e.Level), n)
		}
	}
	return nil
}
