package mixed

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"debut/kernels/pool"
)

// tally adds up what is known of the numbers of a kind.
type tally struct{ squares, share, count float64 }

// learn sets spreads and scale by the present numbers, and returns the largest relative change.
func (s *solver) learn() float64 {
	tallies := make([][]tally, s.groups)
	pool.Each(s.pool, s.groups, func(g int) {
		t := make([]tally, len(s.spreads))
		variances := s.variances(g)
		add := func(kind, at int) {
			v, spread := s.local[g][at], s.spreads[kind]
			t[kind].squares += v * v
			t[kind].share += math.Max(0, 1-variances[at]/(spread*spread))
			t[kind].count++
		}
		for f := range s.d.Features {
			if s.d.Features[f].Without != g {
				add(s.d.Features[f].Class, f)
			}
		}
		add(s.groupSpread(), len(s.d.Features))
		if s.members[g] > 1 {
			at := len(s.d.Features) + 1
			for range s.members[g] {
				add(s.memberSpread(), at)
				for r := range s.within {
					add(s.slopeSpread(r), at+1+r)
				}
				at += 1 + len(s.within)
			}
		}
		for k := range s.periods[g] {
			add(s.periodSpread(), s.firstPeriod(g)+k)
		}
		tallies[g] = t
	})
	total := make([]tally, len(s.spreads))
	for g := range tallies {
		for k, t := range tallies[g] {
			total[k].squares, total[k].share, total[k].count = total[k].squares+t.squares, total[k].share+t.share, total[k].count+t.count
		}
	}
	for e, from := range s.effect {
		k := s.effectSpread(e)
		for l := range s.levels[e] {
			v := s.border[from+l]
			total[k].squares += v * v
			total[k].share += math.Max(0, 1-s.sigma.At(from+l, from+l)/(s.spreads[k]*s.spreads[k]))
			total[k].count++
		}
	}
	s.learned = make([]float64, len(total))
	free, change := float64(s.shared), 0.0 // the border's levels are counted as learned below
	for e := range s.effect {
		free -= float64(s.levels[e])
	}
	for k, t := range total {
		s.learned[k] = t.share
		free += t.share
		if t.count == 0 || k < len(s.d.Classes) && s.d.Classes[k].Fixed {
			continue
		}
		if k < len(s.d.Classes) { // a few coefficients say little of their spread
			t.squares, t.share = t.squares+s.d.Classes[k].Spread*s.d.Classes[k].Spread, t.share+1
		}
		now := leastSpread
		if t.share > 0 {
			now = math.Max(leastSpread, math.Sqrt(t.squares/t.share))
		}
		now = math.Max(now, s.spreads[k]/4) // so that it does not vanish in one go
		change = math.Max(change, math.Abs(now-s.spreads[k])/math.Max(s.spreads[k], 1e-2))
		s.spreads[k] = now
	}
	pearson := 0.0
	for g := range s.blocks {
		pearson += s.blocks[g].pearson
	}
	scale := pearson / math.Max(1, float64(len(s.d.Y))-free)
	if s.d.Noise != Normal {
		scale = math.Max(1, scale)
	}
	scale = math.Max(scale, 1e-12)
	change = math.Max(change, math.Abs(scale-s.scale)/s.scale)
	s.scale = scale
	return change
}

// variances of a group's own numbers.
func (s *solver) variances(g int) []float64 {
	b, m := &s.blocks[g], s.width(g)
	b.inverse = mat.NewSymDense(m, nil)
	_ = b.chol.InverseTo(b.inverse) // ill conditioned at worst
	var spread mat.Dense
	spread.Mul(b.solved, s.sigma)
	out := make([]float64, m)
	for k := range out {
		out[k] = b.inverse.At(k, k) + mat.Dot(spread.RowView(k), b.solved.RowView(k))
	}
	return out
}

// result gathers the numbers.
func (s *solver) result(rounds int) *Fit {
	f := &Fit{
		Intercept: s.border[0], Scale: s.scale, Fitted: s.fitted, Rounds: rounds, Spreads: s.spreads[:len(s.d.Classes):len(s.d.Classes)],
		Coefficients: make([][]float64, s.groups), Covariance: make([]*mat.SymDense, s.groups), Levels: make([]float64, s.groups),
		Members: make([][]float64, s.groups), Slopes: make([][][]float64, s.groups), Told: make([][]float64, s.groups), Periods: make([][]float64, s.groups),
		Learned: s.learned[:len(s.d.Classes):len(s.d.Classes)],
	}
	for _, k := range s.mean {
		mean, variance := 0.0, 0.0
		if k >= 0 {
			mean, variance = s.border[k], s.sigma.At(k, k)
		}
		f.Means, f.MeanError = append(f.Means, mean), append(f.MeanError, math.Sqrt(variance))
	}
	for e, from := range s.effect {
		f.Effects = append(f.Effects, s.border[from:from+s.levels[e]:from+s.levels[e]])
	}
	pool.Each(s.pool, s.groups, func(g int) { s.group(g, f) })
	return f
}

// group gathers those of a group.
func (s *solver) group(g int, f *Fit) {
	n := len(s.d.Features)
	variances := s.variances(g)
	b := &s.blocks[g]
	own := make([]float64, n)
	told := make([]float64, n)
	// A coefficient is its class's mean and a deviation; given the border, deviations are what is left of −solved·border.
	lead := mat.NewDense(n, s.shared, nil)
	for k := range n {
		q := &s.d.Features[k]
		if q.Without == g {
			continue
		}
		own[k] = f.Means[q.Class] + s.local[g][k]
		told[k] = math.Max(0, 1-variances[k]/(s.spreads[q.Class]*s.spreads[q.Class]))
		for l := range s.shared {
			lead.Set(k, l, -b.solved.At(k, l))
		}
		if at := s.mean[q.Class]; at >= 0 {
			lead.Set(k, at, lead.At(k, at)+1)
		}
	}
	var half, whole mat.Dense
	half.Mul(lead, s.sigma)
	whole.Mul(&half, lead.T())
	covariance := mat.NewSymDense(n, nil)
	for k := range n {
		for l := range k + 1 {
			if s.d.Features[k].Without != g && s.d.Features[l].Without != g {
				covariance.SetSym(k, l, b.inverse.At(k, l)+(whole.At(k, l)+whole.At(l, k))/2)
			}
		}
	}
	f.Coefficients[g], f.Covariance[g], f.Levels[g], f.Told[g] = own, covariance, s.local[g][n], told
	from := s.firstPeriod(g)
	f.Periods[g] = s.local[g][from : from+s.periods[g]]
	f.Members[g] = make([]float64, s.members[g])
	if s.members[g] == 1 {
		return
	}
	if len(s.within) > 0 {
		f.Slopes[g] = make([][]float64, n)
	}
	for r, feature := range s.within {
		slopes := make([]float64, s.members[g])
		for m := range slopes {
			slopes[m] = s.local[g][n+1+m*(1+len(s.within))+1+r]
		}
		f.Slopes[g][feature] = slopes
	}
	for m := range f.Members[g] {
		f.Members[g][m] = s.local[g][n+1+m*(1+len(s.within))]
	}
}
