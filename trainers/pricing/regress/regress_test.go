package regress

import (
	"encoding/csv"
	"flag"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"debut/kernels/philox"
)

var long = flag.Bool("long", false, "compare with R's package AER, where it is installed")

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: %.12g, want %.12g", what, got, want)
	}
}

// generated returns rows of a model with two regressors, groups of two effects, and errors that clusters share.
func generated(n int) (d *Data, effects [][]int32) {
	r := philox.New(3, 1)
	d = &Data{Names: []string{"constant", "a", "b"}, X: make([][]float64, 3)}
	effects = make([][]int32, 2)
	for i := range n {
		a, b := r.NormFloat64(), r.NormFloat64()
		g, h := int32(r.IntN(7)), int32(i%5)
		d.X[0], d.X[1], d.X[2] = append(d.X[0], 1), append(d.X[1], a+.3*float64(g)), append(d.X[2], .5*a+b)
		effects[0], effects[1] = append(effects[0], g), append(effects[1], h)
		d.Y = append(d.Y, 2-1.5*d.X[1][i]+.7*d.X[2][i]+float64(g)-.4*float64(h)+r.NormFloat64())
		d.Weights = append(d.Weights, .5+r.Float64())
		d.Clusters = append(d.Clusters, g)
	}
	return d, effects
}

// naive solves the weighted normal equations by elimination with long-hand sums.
func naive(x [][]float64, y, weights []float64) []float64 {
	k := len(x)
	m := make([][]float64, k)
	for a := range m {
		m[a] = make([]float64, k+1)
		for i, v := range y {
			for b := range k {
				m[a][b] += weight(weights, i) * x[a][i] * x[b][i]
			}
			m[a][k] += weight(weights, i) * x[a][i] * v
		}
	}
	for a := range k {
		for b := range k {
			if b == a {
				continue
			}
			f := m[b][a] / m[a][a]
			for c := range m[b] {
				m[b][c] -= f * m[a][c]
			}
		}
	}
	out := make([]float64, k)
	for a := range out {
		out[a] = m[a][k] / m[a][a]
	}
	return out
}

func TestLeast(t *testing.T) {
	d, _ := generated(200)
	for _, weights := range [][]float64{nil, d.Weights} {
		d.Weights = weights
		f, err := Least(d, 0)
		if err != nil {
			t.Fatal(err)
		}
		for j, want := range naive(d.X, d.Y, weights) {
			near(t, d.Names[j], f.Coefficients[j], want, 1e-11)
		}
	}
}

// TestIllConditioned fits a polynomial whose columns are nearly alike, where normal equations alone would lose half the digits.
func TestIllConditioned(t *testing.T) {
	const n = 60
	d := &Data{Names: []string{"1", "x", "x²", "x³", "x⁴"}, X: make([][]float64, 5)}
	want := []float64{1, -2, 3, -4, 5}
	for i := range n {
		x, y := 1+float64(i)/n, 0.0
		for j, p := 0, 1.0; j < 5; j, p = j+1, p*x {
			d.X[j] = append(d.X[j], p)
			y += want[j] * p
		}
		d.Y = append(d.Y, y)
	}
	f, err := Least(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	for j := range want {
		near(t, d.Names[j], f.Coefficients[j], want[j], 1e-8)
	}
}

// TestAbsorb compares effects that are taken out with indicators of every group.
func TestAbsorb(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		d, effects := generated(300)
		if !weighted {
			d.Weights = nil
		}
		d.Names, d.X = d.Names[1:], d.X[1:]
		whole := &Data{Y: slices.Clone(d.Y), Names: slices.Clone(d.Names), Weights: d.Weights, Clusters: d.Clusters}
		for _, column := range d.X {
			whole.X = append(whole.X, slices.Clone(column))
		}
		for e, effect := range effects {
			for g := range slices.Max(effect) + 1 {
				column := make([]float64, len(effect))
				for i, of := range effect {
					if of == g {
						column[i] = 1
					}
				}
				whole.X, whole.Names = append(whole.X, column), append(whole.Names, "effect "+strconv.Itoa(e)+" "+strconv.Itoa(int(g)))
			}
		}
		want, err := Least(whole, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Dropped) != 1 {
			t.Errorf("dropped %v: of two effects one group is given by the others", want.Dropped)
		}
		freedom, err := Absorb(append(slices.Clone(d.X), d.Y), effects, d.Weights)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Least(d, freedom)
		if err != nil {
			t.Fatal(err)
		}
		for j := range d.Names {
			near(t, d.Names[j], got.Coefficients[j], want.Coefficients[j], 1e-9)
			near(t, d.Names[j]+" error", got.Errors[j], want.Errors[j], 1e-9)
			near(t, d.Names[j]+" classical error", got.Classical[j], want.Classical[j], 1e-9)
		}
		if got.Freedom != want.Freedom {
			t.Errorf("%d degrees of freedom, want %d", got.Freedom, want.Freedom)
		}
	}
}

// TestCoverage counts how often intervals of clustered errors hold the truth where rows of a cluster go together, and that those of
// independent rows hold it too seldom.
func TestCoverage(t *testing.T) {
	const trials, clusters, size = 400, 40, 10
	var clustered, robust int
	for trial := range trials {
		r := philox.New(9, uint64(trial))
		d := &Data{Names: []string{"constant", "x"}, X: make([][]float64, 2)}
		for c := range clusters {
			x, u := r.NormFloat64(), r.NormFloat64()
			for range size {
				d.X[0], d.X[1] = append(d.X[0], 1), append(d.X[1], x)
				d.Y = append(d.Y, 1+2*x+u+.5*r.NormFloat64())
				d.Clusters = append(d.Clusters, int32(c))
			}
		}
		for _, with := range []bool{true, false} {
			if !with {
				d.Clusters = nil
			}
			f, err := Least(d, 0)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(f.Coefficients[1]-2) < 2.02*f.Errors[1] { // Student, 39 degrees
				if with {
					clustered++
				} else {
					robust++
				}
			}
		}
	}
	if share := float64(clustered) / trials; share < .9 || share > .98 {
		t.Errorf("clustered intervals hold the truth in %.3f of trials, want .95", share)
	}
	if share := float64(robust) / trials; share > .7 {
		t.Errorf("intervals of independent rows hold the truth in %.3f of trials: the test shows nothing", share)
	}
}

// TestTwoStage has a regressor that goes together with the error: least squares misses the truth, instruments find it.
func TestTwoStage(t *testing.T) {
	const n = 20_000
	r := philox.New(5, 5)
	d := &Data{Names: []string{"constant", "price", "income"}, X: make([][]float64, 3)}
	instruments := make([][]float64, 2)
	for range n {
		hidden, income, z1, z2 := r.NormFloat64(), r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
		price := 1 + .8*hidden + .5*income + .7*z1 - .4*z2 + .5*r.NormFloat64()
		d.X[0], d.X[1], d.X[2] = append(d.X[0], 1), append(d.X[1], price), append(d.X[2], income)
		instruments[0], instruments[1] = append(instruments[0], z1), append(instruments[1], z2)
		d.Y = append(d.Y, 3-2*price+income+hidden+.5*r.NormFloat64())
	}
	plain, err := Least(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := TwoStage(d, []int{1}, instruments, 0)
	if err != nil {
		t.Fatal(err)
	}
	if bias := plain.Coefficients[1] + 2; bias < .3 {
		t.Errorf("least squares is off by %.3f: the test shows nothing", bias)
	}
	if off := math.Abs(f.Coefficients[1] + 2); off > 3*f.Errors[1] || f.Errors[1] > .02 {
		t.Errorf("the coefficient is %.4f ± %.4f, want −2", f.Coefficients[1], f.Errors[1])
	}
	if f.First[0].Statistic < 100 || f.Exogeneity.P > 1e-6 || f.Overidentification.P < .001 {
		t.Errorf("tests: %+v %+v %+v", f.First, f.Exogeneity, f.Overidentification)
	}
	// An instrument that moves the outcome by itself is found out.
	for i, z := range instruments[1] {
		d.Y[i] += .3 * z
	}
	if f, err = TwoStage(d, []int{1}, instruments, 0); err != nil || f.Overidentification.P > 1e-6 {
		t.Errorf("an instrument with an effect of its own: %+v, %v", f.Overidentification, err)
	}
	if _, err := TwoStage(d, []int{1}, [][]float64{d.X[2]}, 0); err == nil || !strings.Contains(err.Error(), "only 0 of 1 instruments") {
		t.Errorf("an instrument that is a column already: %v", err)
	}
}

// TestCigarettes is the demand for cigarettes in 48 states of 1995 (Stock and Watson): values computed by R's ivreg.
func TestCigarettes(t *testing.T) {
	if !*long {
		t.Skip("the comparison with R needs -long")
	}
	const script = `suppressMessages(library(AER)); data("CigarettesSW"); c <- subset(CigarettesSW, year == "1995")
write.csv(with(c, data.frame(log(packs), log(price/cpi), log(income/population/cpi), (taxs-tax)/cpi, tax/cpi)), row.names = FALSE)`
	out, err := exec.Command("Rscript", "-e", script).Output()
	if err != nil {
		t.Skipf("R with its package AER is not here (Debian: r-cran-aer): %v", err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns := make([][]float64, 5)
	for _, row := range rows[1:] {
		for j, cell := range row {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Fatal(err)
			}
			columns[j] = append(columns[j], v)
		}
	}
	ones := make([]float64, len(columns[0]))
	for i := range ones {
		ones[i] = 1
	}
	d := &Data{Y: columns[0], Names: []string{"constant", "price", "income"}, X: [][]float64{ones, columns[1], columns[2]}}
	plain, err := Least(d, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "least squares", plain.Coefficients[1], -1.406500, 1e-6)
	f, err := TwoStage(d, []int{1}, [][]float64{columns[3], columns[4]}, 0)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "price", f.Coefficients[1], -1.2774241334, 1e-9)
	near(t, "price error", f.Classical[1], .2631985903, 1e-9)
	near(t, "income", f.Coefficients[2], .2804048251, 1e-9)
	near(t, "constant", f.Coefficients[0], 9.8949555412, 1e-9)
	near(t, "first stage", f.First[0].Statistic, 244.73375, 1e-6)
	near(t, "Wu–Hausman", f.Exogeneity.Statistic, 3.06782, 2e-6)
	near(t, "Sargan", f.Overidentification.Statistic, .33262, 1e-5)
	near(t, "Sargan P", f.Overidentification.P, .564119, 1e-6)
}

// TestPool draws coefficients of groups around a mean and estimates with errors of very different size.
func TestPool(t *testing.T) {
	const groups, trials = 60, 200
	r := philox.New(8, 8)
	var pooled, alone float64
	var inside, all int
	var spread float64
	for range trials {
		truth, estimates, errs := make([]float64, groups), make([]float64, groups), make([]float64, groups)
		for i := range truth {
			truth[i] = -2 + .5*r.NormFloat64()
			errs[i] = .1 + 1.5*r.Float64()
			estimates[i] = truth[i] + errs[i]*r.NormFloat64()
		}
		truth[0] = -2 + .5*r.NormFloat64()
		estimates[0], errs[0] = math.NaN(), math.Inf(1) // a product whose price never moved
		p, err := Pool(estimates, errs)
		if err != nil {
			t.Fatal(err)
		}
		spread += p.Spread / trials
		for i := range truth {
			if math.Abs(p.Values[i]-truth[i]) < 1.96*p.Errors[i] {
				inside++
			}
			all++
			if i > 0 {
				pooled += (p.Values[i] - truth[i]) * (p.Values[i] - truth[i])
				alone += (estimates[i] - truth[i]) * (estimates[i] - truth[i])
			}
		}
		if p.Values[0] != p.Mean {
			t.Fatalf("a group without an estimate has %g, not the mean %g", p.Values[0], p.Mean)
		}
	}
	t.Logf("mean squared error %.3f of that of the estimates, spread %.3f, inside %.3f", pooled/alone, spread, float64(inside)/float64(all))
	if pooled > .3*alone {
		t.Errorf("shrunk coefficients have %.2f of the squared error", pooled/alone)
	}
	near(t, "spread", spread, .5, .03)
	near(t, "coverage", float64(inside)/float64(all), .95, .01)

	// Estimates without error are themselves.
	p, err := Pool([]float64{1, 3, 5}, []float64{0, 0, 0})
	if err != nil || math.Abs(p.Values[2]-5) > 1e-9 || p.Errors[2] > 1e-6 {
		t.Errorf("estimates without error: %+v, %v", p, err)
	}
	// Many estimates that differ by less than their errors say are nearly the mean.
	same, errs := make([]float64, 100), make([]float64, 100)
	for i := range same {
		same[i], errs[i] = 1+.01*float64(i%3), 1
	}
	if p, err = Pool(same, errs); err != nil || p.Spread > .3 || math.Abs(p.Values[2]-p.Mean) > .01 {
		t.Errorf("estimates within their errors: spread %g, value %g, mean %g, %v", p.Spread, p.Values[2], p.Mean, err)
	}
	if p, err = Pool([]float64{2}, []float64{.5}); err != nil || p.Values[0] != 2 {
		t.Errorf("one estimate: %+v, %v", p, err)
	}
}

func TestRefused(t *testing.T) {
	for want, d := range map[string]*Data{
		"there are no rows":           {},
		"1 names for 0 columns":       {Y: []float64{1}, Names: []string{"a"}},
		"row 2 of what is explained":  {Y: []float64{1, math.NaN()}},
		`row 1 of column "a" is +Inf`: {Y: []float64{1}, Names: []string{"a"}, X: [][]float64{{math.Inf(1)}}},
		`column "a" has 2 rows`:       {Y: []float64{1}, Names: []string{"a"}, X: [][]float64{{1, 2}}},
		"the weight of row 1 is 0":    {Y: []float64{1}, Weights: []float64{0}},
		"too few for 1 coefficients":  {Y: []float64{1}, Names: []string{"a"}, X: [][]float64{{1}}},
	} {
		if _, err := Least(d, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	// Collinear columns are told, not guessed.
	f, err := Least(&Data{Y: []float64{1, 2, 4, 3}, Names: []string{"a", "zero", "double"}, X: [][]float64{{1, 2, 3, 5}, {0, 0, 0, 0}, {2, 4, 6, 10}}}, 0)
	if err != nil || !slices.Equal(f.Dropped, []string{"zero", "double"}) || !math.IsNaN(f.Coefficients[2]) {
		t.Errorf("collinear columns: %+v, %v", f, err)
	}
	if _, err := Pool([]float64{math.NaN()}, []float64{1}); err == nil || !strings.Contains(err.Error(), "nothing to pool") {
		t.Errorf("no estimates: %v", err)
	}
}
