package inventory

import "math"

// EOQ returns the economic order quantity, in units, and its cost a unit of time: demand flows at a constant rate, an order
// costs fixed, a unit costs holding for each unit of time that it lies there, nothing may run out.
//
// Source: Harris, "How Many Parts to Make at Once", Factory 10 (1913).
func EOQ(fixed, holding, rate float64) (quantity, cost float64, err error) {
	for _, check := range []error{positive("the fixed cost", fixed), positive("the holding cost", holding), positive("the rate of demand", rate)} {
		if check != nil {
			return 0, 0, check
		}
	}
	return math.Sqrt(2 * fixed * rate / holding), math.Sqrt(2 * fixed * rate * holding), nil
}

// EOQBackorders returns the economic order quantity where customers wait at a cost for each unit and unit of time, the level below zero at
// which it is ordered, and the cost a unit of time.
func EOQBackorders(fixed, rate float64, c Costs) (quantity, level, cost float64, err error) {
	if err := c.check(); err != nil {
		return 0, 0, 0, err
	}
	for _, check := range []error{positive("the fixed cost", fixed), positive("the rate of demand", rate)} {
		if check != nil {
			return 0, 0, 0, check
		}
	}
	quantity = math.Sqrt(2 * fixed * rate / (c.Holding * c.Ratio()))
	return quantity, -quantity * c.Holding / (c.Holding + c.Shortage), math.Sqrt(2 * fixed * rate * c.Holding * c.Ratio()), nil
}

// Newsvendor returns the level, in units, that costs least where a period's stock is bought once, and its expected cost. It is the
// base stock as well of an item that is ordered every period without fixed cost: demand is then that of the lead time and one
// period more (see [Sum]).
//
// For an item that sells at a price, costs c to buy and brings a salvage value when left over, a unit too many costs
// c − salvage (Holding), a unit too few price − c (Shortage).
//
// Source: Arrow, Harris, Marschak, "Optimal Inventory Policy", Econometrica 19 (1951).
func Newsvendor(d Demand, c Costs) (level, cost float64, err error) {
	if err := c.check(); err != nil {
		return 0, 0, err
	}
	if err := checkDemand(d); err != nil {
		return 0, 0, err
	}
	level = d.Quantile(c.Ratio())
	return level, c.Expected(d, level), nil
}

// ServiceLevel returns the level that meets all demand with the given probability, in units: that of a cycle, where the distribution is
// that of the demand until the next order arrives. What lies above the mean is the safety stock.
func ServiceLevel(d Demand, probability float64) (level float64, err error) {
	if err := within("the service level", probability); err != nil {
		return 0, err
	}
	if err := checkDemand(d); err != nil {
		return 0, err
	}
	return d.Quantile(probability), nil
}

// FillRate returns the least level from which the expected share of demand served is the given one. Exposed is the demand until the
// next order arrives, perCycle the mean demand between two arrivals: of what comes in a cycle, Loss(level) is short.
func FillRate(exposed Demand, perCycle, share float64) (level float64, err error) {
	for _, check := range []error{within("the fill rate", share), positive("the mean demand of a cycle", perCycle), checkDemand(exposed)} {
		if check != nil {
			return 0, check
		}
	}
	short := (1 - share) * perCycle
	low, high := exposed.Quantile(1e-9), exposed.Quantile(1-1e-9)
	for exposed.Loss(low) < short {
		low -= math.Max(1, high-low)
	}
	for range 200 { // the loss falls in the level: bisection to the last bit
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			break
		}
		if exposed.Loss(middle) > short {
			low = middle
		} else {
			high = middle
		}
	}
	return high, nil
}
