package inventory

import (
	"fmt"
	"math"
)

// ReorderPolicy orders up to the level Upper whenever what is on hand and on order, less what is owed, is at Reorder or
// below: an (s, S) policy.
type ReorderPolicy struct {
	Reorder, Upper float64 // units
}

// renewals holds what the cost of every (s, S) policy is made of.
type renewals struct {
	visits []float64 // visits[j]: how often, on the way down from S, the level S−j is the one of a period
	until  []float64 // until[j]: the sum of visits[:j], the expected periods between orders for S−s = j
	mass   []float64 // the demand of a period, in whole units
	idle   float64   // 1 − P(no demand)
}

func newRenewals(d *Lattice) *renewals {
	return &renewals{mass: d.mass, idle: 1 - d.mass[0], until: []float64{0}}
}

// reach extends the sums so that until[j] is there.
func (r *renewals) reach(j int) {
	for len(r.visits) < j {
		k := len(r.visits)
		m := 0.0
		if k == 0 {
			m = 1
		}
		for l := 1; l <= k && l < len(r.mass); l++ {
			m += r.mass[l] * r.visits[k-l]
		}
		m /= r.idle
		r.visits = append(r.visits, m)
		r.until = append(r.until, r.until[k]+m)
	}
}

// reorderModel is an item whose (s, S) policies are compared.
type reorderModel struct {
	fixed    float64
	renewals *renewals
	period   func(y int) float64 // the expected cost of a period at level y
}

// cost returns the mean cost a period of a policy, s < S.
func (m *reorderModel) cost(s, upper int) float64 {
	m.renewals.reach(upper - s)
	total := m.fixed
	for j, visits := range m.renewals.visits[:upper-s] {
		total += visits * m.period(upper-j)
	}
	return total / m.renewals.until[upper-s]
}

// newReorderModel checks what both questions about (s, S) policies are asked with.
func newReorderModel(d Demand, leadTime int, fixed float64, c Costs) (*reorderModel, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, check := range []error{notNegative("the fixed cost", fixed), notNegative("the lead time", float64(leadTime)), checkDemand(d)} {
		if check != nil {
			return nil, check
		}
	}
	whole, err := Whole(d)
	if err != nil {
		return nil, err
	}
	if whole.mass[0] >= 1 {
		return nil, fmt.Errorf("inventory: there is no demand: nothing is ever to be ordered")
	}
	parts := make([]Demand, leadTime+1)
	for i := range parts {
		parts[i] = whole
		if p, ok := d.(Poisson); ok {
			parts[i] = p
		}
	}
	exposed, err := Sum(parts...)
	if err != nil {
		return nil, err
	}
	known := map[int]float64{}
	period := func(y int) float64 {
		cost, ok := known[y]
		if !ok {
			cost = c.Expected(exposed, float64(y))
			known[y] = cost
		}
		return cost
	}
	return &reorderModel{fixed: fixed, renewals: newRenewals(whole), period: period}, nil
}

// ReorderCost returns the mean cost a period of an (s, S) policy in whole units, Reorder < Upper: the stock is looked at every
// period, what is ordered arrives after leadTime periods (0: at once, before the demand), what is short waits.
func ReorderCost(policy ReorderPolicy, d Demand, leadTime int, fixed float64, c Costs) (cost float64, err error) {
	m, err := newReorderModel(d, leadTime, fixed, c)
	if err != nil {
		return 0, err
	}
	s, upper := math.Round(policy.Reorder), math.Round(policy.Upper)
	if s != policy.Reorder || upper != policy.Upper || s >= upper || upper-s > 1<<20 {
		return 0, fmt.Errorf("inventory: a policy with reorder level %g and upper level %g: both must be whole units, the first below the second",
			policy.Reorder, policy.Upper)
	}
	return m.cost(int(s), int(upper)), nil
}

// Reorder returns the (s, S) policy in whole units with the least mean cost a period, and that cost; the conventions are
// those of [ReorderCost].
//
// Source: Zheng, Federgruen, "Finding Optimal (s, S) Policies Is About as Simple as Evaluating a Single Policy", Operations Research 39 (1991).
func Reorder(d Demand, leadTime int, fixed float64, c Costs) (policy ReorderPolicy, cost float64, err error) {
	m, err := newReorderModel(d, leadTime, fixed, c)
	if err != nil {
		return ReorderPolicy{}, 0, err
	}
	// The period's cost is convex, so its least point is found by walking from any level.
	best := 0
	for m.period(best+1) < m.period(best) {
		best++
	}
	s, upper := best-1, best
	for m.cost(s, upper) > m.period(s) {
		s--
	}
	cost = m.cost(s, upper)
	for y := upper + 1; m.period(y) <= cost; y++ {
		if m.cost(s, y) >= cost {
			continue
		}
		upper = y
		for m.cost(s, upper) <= m.period(s+1) {
			s++
		}
		cost = m.cost(s, upper)
	}
	return ReorderPolicy{Reorder: float64(s), Upper: float64(upper)}, cost, nil
}

// ReorderApproximately returns an (s, S) policy near the best one without a search, not in whole units: the power approximation, fitted to
// optimal policies over a wide grid of items. It needs the mean and the variance of a period's demand alone.
//
// Source: Ehrhardt, Mosier, "A Revision of the Power Approximation for Computing (s, S) Policies", Management Science 30 (1984).
func ReorderApproximately(d Normal, leadTime int, fixed float64, c Costs) (ReorderPolicy, error) {
	if err := c.check(); err != nil {
		return ReorderPolicy{}, err
	}
	for _, check := range []error{
		positive("the fixed cost", fixed), notNegative("the lead time", float64(leadTime)),
		positive("the mean demand", d.Mu), checkDemand(d),
	} {
		if check != nil {
			return ReorderPolicy{}, check
		}
	}
	periods := float64(leadTime + 1)
	exposed := Normal{Mu: d.Mu * periods, Sigma: d.Sigma * math.Sqrt(periods)}
	policy := fitted(d, exposed, fixed, c)
	if (policy.Upper-policy.Reorder)/d.Mu <= 1.5 {
		// Orders come nearly every period: the newsvendor's level bounds both.
		level := exposed.Quantile(c.Ratio())
		policy.Reorder, policy.Upper = math.Min(policy.Reorder, level), math.Min(policy.Upper, level)
	}
	return policy, nil
}

// fitted returns what the two regressions of the power approximation say.
func fitted(d, exposed Normal, fixed float64, c Costs) ReorderPolicy {
	ratio := exposed.Sigma / d.Mu
	q := 1.30 * math.Pow(d.Mu, .494) * math.Pow(fixed/c.Holding, .506) * math.Pow(1+ratio*ratio, .116)
	z := math.Sqrt(q * c.Holding / (exposed.Sigma * c.Shortage))
	s := .973*exposed.Mu + exposed.Sigma*(.183/z+1.063-2.192*z)
	return ReorderPolicy{Reorder: s, Upper: s + q}
}
