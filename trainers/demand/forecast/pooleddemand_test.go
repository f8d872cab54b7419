package forecast

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"

	"debut/kernels/philox"
)

// shop makes series of counts, months of two groups with seasons and elasticities of their own, thin ones too, and what was expected of each step. The last steps are
// to come. Cut is the share of steps in which half of the demand found nothing.
func shop(series, months, ahead int, cut float64) (all []Series, expected [][]float64, sold [][]float64) {
	for i := range series {
		r := philox.New(5, uint64(i))
		group := i % 2
		size := r.Float64()
		level := math.Exp(2.5*size - 0.5 + 0.2*r.NormFloat64())
		elasticity := 1.5 + float64(group) + 0.2*r.NormFloat64()
		s := Series{Group: fmt.Sprint("g", group), Attributes: []string{strconv.FormatFloat(size, 'g', 6, 64)}, Periods: []int{12}, Known: make([][]float64, 1)}
		var mu, y []float64
		for t := range months + ahead {
			price := 10 * (1 + size)
			if r.Float64() < 0.2 {
				price *= 1 - 0.1*float64(1+r.IntN(3))
			}
			s.Known[0] = append(s.Known[0], price)
			m := level * math.Exp(0.6*math.Sin(2*math.Pi*(float64(t)/12+0.3*float64(group)))-elasticity*math.Log(price/(10*(1+size)))+0.004*float64(t))
			v := poisson(r, m)
			mu, y = append(mu, m), append(y, v)
			if t < months {
				lower := r.Float64() < cut
				if s.Lower = append(s.Lower, lower); lower {
					v = math.Floor(v / 2)
				}
				s.Values = append(s.Values, v)
			}
		}
		all, expected, sold = append(all, s), append(expected, mu[months:]), append(sold, y[months:])
	}
	return all, expected, sold
}

func poisson(r *philox.Stream, mu float64) float64 {
	p, k, limit := 1.0, 0.0, math.Exp(-mu)
	for {
		if p *= r.Float64(); p <= limit {
			return k
		}
		k++
	}
}

// Thin series with prices: forecasts are nearer to what is expected than those of each series by itself, and intervals cover what they should. What
// had run out is not taken for demand.
func TestPooledDemand(t *testing.T) {
	o := Options{Horizon: 6, Levels: levels80, NonNegative: true}
	for _, cut := range []float64{0, 0.25} {
		all, expected, sold := shop(160, 42, 6, cut)
		if cut == 0 {
			for i := range all {
				all[i].Lower = nil
			}
		}
		m, err := PooledDemand{}.Train(slices.Values(all), o)
		if err != nil {
			t.Fatal(err)
		}
		alone := &Rule{}
		var own, other, sum, there, bias, naive, covered, n float64
		for i, s := range all {

			p, err := m.Forecast(s, o)
			if err != nil {
				t.Fatal(err)
			}
			for k, mu := range expected[i] {
				own += math.Abs(p.Mean[k] - mu)
				sum += mu
				bias += p.Mean[k] - mu
				if n++; p.Quantiles[0][k] <= sold[i][k] && sold[i][k] <= p.Quantiles[2][k] {
					covered++
				}
			}
			if i/2%4 > 0 { // local methods take time
				continue
			}
			s.Lower = nil
			q, err := alone.Forecast(s, o)
			if err != nil {
				t.Fatal(err)
			}
			for k, mu := range expected[i] {
				there += mu
				other += math.Abs(q.Mean[k] - mu)
				naive += q.Mean[k] - mu
			}
		}
		own, bias, other, naive, covered = own/sum, bias/sum, other/there, naive/there, covered/n
		t.Logf("%v cut: errors of what is expected %.3f, alone %.3f; bias %.3f, alone %.3f; coverage %.3f", cut, own, other, bias, naive, covered)
		if !(own < 0.6*other) || math.Abs(bias) > 0.04 || covered < 0.78 || covered > 0.92 {
			t.Errorf("%v cut: errors %.3f, alone %.3f; bias %.3f; coverage %.3f", cut, own, other, bias, covered)
		}
		if cut > 0 && !(naive < -0.08) {
			t.Errorf("what had run out does not matter here: a bias of %.3f", naive)
		}
	}
}

// The rule takes pooled demand where groups are named.
func TestRuleOfGroups(t *testing.T) {
	all, _, _ := shop(20, 30, 3, 0)
	o := Options{Horizon: 3, Levels: levels80}
	r := NewRule(slices.Values(all), []int{12}, o)
	if p, err := r.Forecast(all[0], o); err != nil || p.Method != "pooled demand" {
		t.Errorf("%+v, %v", p, err)
	}
	for i := range all {
		all[i].Group = ""
	}
	r = NewRule(slices.Values(all), []int{12}, o)
	if p, err := r.Forecast(all[0], o); err != nil || p.Method == "pooled demand" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := r.Analogy(slices.Values(all)); err == nil {
		t.Error("an analogy without groups")
	}
	all[3].Values = slices.Clone(all[3].Values)
	all[3].Values[2] = -1
	if _, err := (PooledDemand{}).Train(slices.Values(all), o); err == nil {
		t.Error("amounts below 0")
	}
}

// Series without history are forecast by their attributes; 80 % intervals cover as much, and the errors are far below those of the mean of the group.
func TestAnalogy(t *testing.T) {
	const months, ahead, fresh = 36, 6, 80
	all, expected, sold := shop(240, months, ahead, 0)
	known := all[:len(all)-fresh]
	o := Options{Horizon: ahead, Levels: levels80, Seed: 3}
	for i := range known {
		known[i].Lower = nil
	}
	a, err := NewAnalogy(slices.Values(known), o)
	if err != nil {
		t.Fatal(err)
	}
	total, steps := map[string]float64{}, map[string]float64{}
	for _, s := range known {
		for _, v := range s.Values[months-12:] {
			total[s.Group] += v
			steps[s.Group]++
		}
	}
	var own, plain, covered, n float64
	for i := len(known); i < len(all); i++ {
		s := all[i]
		s.Values, s.Lower, s.Known = nil, nil, [][]float64{s.Known[0][months:]}
		s.Phase = make([]float64, ahead)
		for k := range s.Phase {
			s.Phase[k] = float64((months+k)%12) / 12
		}
		p, err := a.Forecast(s, o)
		if err != nil {
			t.Fatal(err)
		}
		for k, y := range sold[i] {
			own += math.Abs(p.Mean[k] - expected[i][k])
			plain += math.Abs(total[s.Group]/steps[s.Group] - expected[i][k])
			if n++; p.Quantiles[0][k] <= y && y <= p.Quantiles[2][k] {
				covered++
			}
		}
	}
	t.Logf("errors %.3f of those of the mean, coverage %.3f", own/plain, covered/n)
	if !(own < 0.6*plain) || covered/n < 0.75 || covered/n > 0.92 {
		t.Errorf("errors %.3f of those of the mean, coverage %.3f", own/plain, covered/n)
	}
	if _, err := a.Forecast(all[0], o); err == nil {
		t.Error("a series with values by analogy")
	}
}

func TestAmountQuantile(t *testing.T) {
	// Of a negative binomial of mean 4 and variance 8 (size 4, p ½): P(Y ≤ 3) = ½ exactly, by the symmetry of the race of 4 successes to 4 failures.
	if got := amountQuantile(4, 8, 0.499, true); got != 3 {
		t.Errorf("%v, want 3", got)
	}
	if got := amountQuantile(4, 8, 0.501, true); got != 4 {
		t.Errorf("%v, want 4", got)
	}
	// An exponential distribution has the median ln 2.
	if got := amountQuantile(1, 1, 0.5, false); math.Abs(got-math.Ln2) > 1e-9 {
		t.Errorf("%v, want ln 2", got)
	}
	// Above its mean, half of a normal distribution: the mean is σ√(2/π) beyond.
	if got := atLeast(10.5, 10, 4); math.Abs(got-10-2*math.Sqrt(2/math.Pi)) > 1e-9 {
		t.Errorf("%v", got)
	}
}
