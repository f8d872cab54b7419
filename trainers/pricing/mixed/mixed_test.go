package mixed

import (
	"math"
	"strings"
	"testing"

	"debut/kernels/philox"
	"debut/kernels/pool"
	"debut/trainers/pricing/regress"
)

// shop makes rows of products: counts or logarithms of sales, slopes scattered around −2.5 by 0.6, in weeks with effects of their own.
func shop(noise Noise, groups, weeks int, seed uint64) (*Data, []float64) {
	d := &Data{Noise: noise, Group: []int{0}, Classes: []Class{{Name: "price", Spread: 1}, {Name: "promotion", Spread: .3}}}
	price, promotion := Feature{Name: "price", Without: -1}, Feature{Name: "promotion", Class: 1, Without: -1}
	week := Effect{Name: "week"}
	shared := philox.New(seed, 999)
	season := make([]float64, weeks)
	for t := range season {
		season[t] = .3 * shared.NormFloat64()
	}
	var truth []float64
	for g := range groups {
		r := philox.New(seed, uint64(g))
		slope, level := -2.5+.6*r.NormFloat64(), 1.5+r.NormFloat64()
		truth = append(truth, slope)
		for t := range weeks {
			x, p := 0.0, 0.0
			if r.Float64() < .2 {
				x = math.Log(1 - .1*float64(1+r.IntN(4)))
				p = float64(r.IntN(2))
			}
			eta := level + slope*x + .3*p + season[t]
			y := eta + .4*r.NormFloat64()
			if noise == Poisson {
				y = 0
				for sum := -math.Log(1 - r.Float64()); sum < math.Exp(eta); sum -= math.Log(1 - r.Float64()) {
					y++
				}
			}
			d.Y = append(d.Y, y)
			price.X, promotion.X, week.Level = append(price.X, x), append(promotion.X, p), append(week.Level, int32(t))
		}
		d.Group = append(d.Group, len(d.Y))
	}
	d.Features, d.Effects = []Feature{price, promotion}, []Effect{week}
	return d, truth
}

// TestPooling looks whether intervals cover, whether means and spreads are found, and whether pooled slopes are nearer to the truth than
// those of each group by itself.
func TestPooling(t *testing.T) {
	for _, noise := range []Noise{Normal, Poisson} {
		d, truth := shop(noise, 150, 52, 3)
		p := pool.New(2)
		f, err := Solve(t.Context(), d, p)
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		inside, squares, alone := 0, 0.0, 0.0
		for g, want := range truth {
			off := f.Coefficients[g][0] - want
			if math.Abs(off) < 1.645*math.Sqrt(f.Covariance[g].At(0, 0)) {
				inside++
			}
			squares += off * off
			if noise == Normal {
				from, to := d.Group[g], d.Group[g+1]
				ones := make([]float64, to-from)
				for i := range ones {
					ones[i] = 1
				}
				own, err := regress.Least(&regress.Data{Y: d.Y[from:to], X: [][]float64{ones, d.Features[0].X[from:to], d.Features[1].X[from:to]}, Names: []string{"1", "price", "promotion"}}, 0)
				if err != nil {
					t.Fatal(err)
				}
				alone += (own.Coefficients[1] - want) * (own.Coefficients[1] - want)
			}
		}
		covered := float64(inside) / float64(len(truth))
		t.Logf("noise %d: mean %.3f±%.3f, spread %.3f, promotion %.3f, covered %.3f, rmse %.3f (alone %.3f), scale %.3f, rounds %d",
			noise, f.Means[0], f.MeanError[0], f.Spreads[0], f.Means[1], covered, math.Sqrt(squares/150), math.Sqrt(alone/150), f.Scale, f.Rounds)
		if math.Abs(f.Means[0]+2.5) > .25 || f.Spreads[0] < .3 || f.Spreads[0] > .9 || math.Abs(f.Means[1]-.3) > .1 {
			t.Error("means or spreads are not those of the truth: −2.5, 0.6 and 0.3")
		}
		if covered < .83 || covered > .97 {
			t.Errorf("intervals of 90 %% cover %.1f %%", 100*covered)
		}
		if noise == Normal && squares > .6*alone {
			t.Error("pooled slopes are hardly nearer to the truth than slopes of each by itself")
		}
	}
}

// TestWide compares what is fitted where nothing is pooled with least squares by group.
func TestWide(t *testing.T) {
	d, _ := shop(Normal, 4, 40, 5)
	d.Effects = nil
	for c := range d.Classes {
		d.Classes[c] = Class{Name: d.Classes[c].Name, Spread: 1e5, Fixed: true, Zero: true}
	}
	p := pool.New(1)
	defer p.Close()
	f, err := Solve(t.Context(), d, p)
	if err != nil {
		t.Fatal(err)
	}
	for g := range 4 {
		from, to := d.Group[g], d.Group[g+1]
		// Levels are pooled nevertheless: compare with the regression on what is left of the data beside them.
		ones := make([]float64, to-from)
		y := make([]float64, to-from)
		for i := range ones {
			ones[i], y[i] = 1, d.Y[from+i]-f.Intercept-f.Levels[g]
		}
		own, err := regress.Least(&regress.Data{Y: y, X: [][]float64{d.Features[0].X[from:to], d.Features[1].X[from:to]}, Names: []string{"price", "promotion"}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 2 {
			if math.Abs(own.Coefficients[k]-f.Coefficients[g][k]) > 1e-6 {
				t.Errorf("group %d, coefficient %d: %.9f, least squares %.9f", g, k, f.Coefficients[g][k], own.Coefficients[k])
			}
		}
	}
}

// TestThreads fits members, periods and effects on 1, 2 and 7 threads.
func TestThreads(t *testing.T) {
	d, _ := shop(Poisson, 9, 30, 7)
	d.Features[0].Members = true
	for i := range d.Y {
		d.Member, d.Period = append(d.Member, int32(i%3)), append(d.Period, d.Effects[0].Level[i]/2)
		d.Weights, d.Offset = append(d.Weights, 1+float64(i%2)), append(d.Offset, .1*float64(i%5))
	}
	var first *Fit
	for _, threads := range []int{1, 2, 7} {
		p := pool.New(threads)
		f, err := Solve(t.Context(), d, p)
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = f
		}
		for g := range f.Coefficients {
			for k, v := range f.Coefficients[g] {
				if v != first.Coefficients[g][k] || f.Covariance[g].At(k, k) != first.Covariance[g].At(k, k) {
					t.Fatalf("%d threads: group %d has %v, not %v", threads, g, v, first.Coefficients[g][k])
				}
			}
		}
	}
}

// TestNever has a group whose price never changed: its slope is the mean, with the error of one of whom nothing is known.
func TestNever(t *testing.T) {
	d, _ := shop(Poisson, 40, 52, 11)
	for i := d.Group[7]; i < d.Group[8]; i++ {
		d.Features[0].X[i] = 0
	}
	p := pool.New(2)
	defer p.Close()
	f, err := Solve(t.Context(), d, p)
	if err != nil {
		t.Fatal(err)
	}
	deviation := math.Sqrt(f.Covariance[7].At(0, 0))
	if math.Abs(f.Coefficients[7][0]-f.Means[0]) > .05 || f.Told[7][0] > .05 || deviation < f.Spreads[0] {
		t.Errorf("slope %.3f±%.3f, told %.3f; the mean is %.3f, the spread %.3f", f.Coefficients[7][0], deviation, f.Told[7][0], f.Means[0], f.Spreads[0])
	}
}

func TestRefused(t *testing.T) {
	p := pool.New(1)
	defer p.Close()
	for want, change := range map[string]func(d *Data){
		"it must be a number":      func(d *Data) { d.Y[3] = math.NaN() },
		"a count is not negative":  func(d *Data) { d.Y[3] = -1 },
		"group 2 has no rows":      func(d *Data) { d.Group[2] = d.Group[1] },
		"class 5 of 2":             func(d *Data) { d.Features[0].Class = 5 },
		"1 members for":            func(d *Data) { d.Member = []int32{0} },
		"the spread of class":      func(d *Data) { d.Classes[0].Spread = 0 },
		"row 3 of feature \"price": func(d *Data) { d.Features[0].X[2] = math.Inf(1) },
	} {
		d, _ := shop(Poisson, 3, 10, 1)
		change(d)
		if _, err := Solve(t.Context(), d, p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}
