package inventory

import "math"

// QuantityPolicy orders the same quantity whenever what is on hand and on order, less what is owed, falls to Reorder: an (r, Q)
// policy, the stock being looked at all the time.
type QuantityPolicy struct {
	Reorder, Quantity float64 // units
}

// QuantityItem is an item under (r, Q) policies.
type QuantityItem struct {
	Rate     float64 // mean demand a unit of time, above zero
	LeadTime Normal  // the demand of the time between an order and its arrival
	Fixed    float64 // the cost of an order, above zero
	Costs    Costs   // a unit of time
}

func (q QuantityItem) check() error {
	if err := q.Costs.check(); err != nil {
		return err
	}
	if err := positive("the rate of demand", q.Rate); err != nil {
		return err
	}
	if err := positive("the fixed cost", q.Fixed); err != nil {
		return err
	}
	return checkDemand(q.LeadTime)
}

// cost returns the mean cost a unit of time: the level is evenly spread over (r, r+Q].
func (q QuantityItem) cost(p QuantityPolicy) float64 {
	low, high := p.Reorder-q.LeadTime.Mu, p.Reorder+p.Quantity-q.LeadTime.Mu
	levels := q.Costs.Holding*(high*high-low*low)/2 +
		(q.Costs.Holding+q.Costs.Shortage)*(q.LeadTime.secondLoss(p.Reorder)-q.LeadTime.secondLoss(p.Reorder+p.Quantity))
	return (q.Fixed*q.Rate + levels) / p.Quantity
}

// Cost returns the mean cost a unit of time of a policy whose quantity is above zero.
func (q QuantityItem) Cost(p QuantityPolicy) (float64, error) {
	if err := q.check(); err != nil {
		return 0, err
	}
	if err := positive("the quantity of an order", p.Quantity); err != nil {
		return 0, err
	}
	return q.cost(p), nil
}

// reorder returns the best reorder level for a quantity: the one from which both ends of the cycle cost the same.
func (q QuantityItem) reorder(quantity float64) float64 {
	best := q.LeadTime.Quantile(q.Costs.Ratio())
	low, high := best-quantity, best
	for range 200 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if q.Costs.Expected(q.LeadTime, middle) > q.Costs.Expected(q.LeadTime, middle+quantity) {
			low = middle
		} else {
			high = middle
		}
	}
	return low + (high-low)/2
}

// Reorder returns the best reorder level for a quantity.
func (q QuantityItem) Reorder(quantity float64) (level float64, err error) {
	if err := q.check(); err != nil {
		return 0, err
	}
	if err := positive("the quantity of an order", quantity); err != nil {
		return 0, err
	}
	return q.reorder(quantity), nil
}

// Best returns the policy of least cost, and that cost.
//
// Source: Zheng, "On Properties of Stochastic Inventory Systems", Management Science 38 (1992): with the best reorder level for each quantity,
// the cost is convex in the quantity, and at its least equals the period's cost at the reorder level.
func (q QuantityItem) Best() (policy QuantityPolicy, cost float64, err error) {
	if err := q.check(); err != nil {
		return QuantityPolicy{}, 0, err
	}
	// The economic order quantity is a lower bound; past the best one, the period's cost at the reorder level lies above the mean.
	low, _, _, err := EOQBackorders(q.Fixed, q.Rate, q.Costs)
	if err != nil {
		return QuantityPolicy{}, 0, err
	}
	past := func(quantity float64) bool {
		r := q.reorder(quantity)
		return q.Costs.Expected(q.LeadTime, r) > q.cost(QuantityPolicy{r, quantity})
	}
	high := 2 * low
	for !past(high) {
		high *= 2
	}
	for range 100 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if past(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	policy = QuantityPolicy{Reorder: q.reorder(high), Quantity: high}
	return policy, q.cost(policy), nil
}

// ApproximatelyEOQ returns the policy with the economic order quantity for backorders, and the best reorder level for it. Its
// cost is at most an eighth above the least.
//
// Source: Zheng (1992), as for Best.
func (q QuantityItem) ApproximatelyEOQ() (QuantityPolicy, error) {
	if err := q.check(); err != nil {
		return QuantityPolicy{}, err
	}
	quantity, _, _, err := EOQBackorders(q.Fixed, q.Rate, q.Costs)
	if err != nil {
		return QuantityPolicy{}, err
	}
	return QuantityPolicy{Reorder: q.reorder(quantity), Quantity: quantity}, nil
}

// ApproximatelyExpected returns the policy that is best where the shortage cost is paid once for a unit short, however long it waits, and the stock on
// hand is taken for the mean level (the expected inventory level approximation), and the cost by that approximation.
//
// Source: Hadley, Whitin, "Analysis of Inventory Systems" (1963), chapter 4.
func (q QuantityItem) ApproximatelyExpected() (policy QuantityPolicy, cost float64, err error) {
	if err := q.check(); err != nil {
		return QuantityPolicy{}, 0, err
	}
	quantity, _, err := EOQ(q.Fixed, q.Costs.Holding, q.Rate)
	if err != nil {
		return QuantityPolicy{}, 0, err
	}
	var reorder, short float64
	for range 1000 {
		// The chance to run short that is worth its cost; where holding is so dear that none is, any stock is too much.
		chance := math.Min(quantity*q.Costs.Holding/(q.Costs.Shortage*q.Rate), 1-1e-12)
		reorder = q.LeadTime.Quantile(1 - chance)
		short = q.LeadTime.Loss(reorder)
		next := math.Sqrt(2 * q.Rate * (q.Fixed + q.Costs.Shortage*short) / q.Costs.Holding)
		done := math.Abs(next-quantity) <= 1e-13*quantity
		quantity = next
		if done {
			break
		}
	}
	cost = q.Costs.Holding*(reorder-q.LeadTime.Mu+quantity/2) + q.Rate/quantity*(q.Fixed+q.Costs.Shortage*short)
	return QuantityPolicy{Reorder: reorder, Quantity: quantity}, cost, nil
}
