package inventory

import (
	"fmt"
	"math"
)

// Period is what is known of a period of a horizon of known demand.
type Period struct {
	Demand   float64 // units, to be served in this period
	Fixed    float64 // the cost of an order in this period
	Unit     float64 // the cost of a unit ordered in this period
	Holding  float64 // the cost of a unit left at the end of this period
	Capacity float64 // the most that can be ordered in this period, in units; used by [CapacitatedLots] alone
}

func checkPeriods(periods []Period) error {
	for i, p := range periods {
		for _, check := range []error{
			notNegative("the demand", p.Demand), notNegative("the fixed cost", p.Fixed),
			notNegative("the cost of a unit", p.Unit), notNegative("the holding cost", p.Holding),
		} {
			if check != nil {
				return fmt.Errorf("period %d: %w", i+1, check)
			}
		}
	}
	return nil
}

// Lots returns what to order in each period, in units, so that all demand is served in its period at the least sum of fixed, unit and
// holding costs, and that cost; without limits on an order. Time and memory grow with the square and with the number of periods.
//
// Source: Wagner, Whitin, "Dynamic Version of the Economic Lot Size Model", Management Science 5 (1958).
func Lots(periods []Period) (orders []float64, cost float64, err error) {
	if err := checkPeriods(periods); err != nil {
		return nil, 0, err
	}
	n := len(periods)
	// least[j] is the least cost of the first j periods; an order serves the periods from its own to the next one's.
	least, from := make([]float64, n+1), make([]int, n+1)
	for j := 1; j <= n; j++ {
		least[j] = math.Inf(1)
	}
	for i := range periods {
		lot, held, unitHeld := 0.0, 0.0, 0.0 // unitHeld: the cost of holding one unit from i to the period served
		for j := i; j < n; j++ {
			if j > i {
				unitHeld += periods[j-1].Holding
			}
			lot += periods[j].Demand
			held += unitHeld * periods[j].Demand
			total := least[i] + periods[i].Unit*lot + held
			if lot > 0 {
				total += periods[i].Fixed
			}
			if total < least[j+1] {
				least[j+1], from[j+1] = total, i
			}
		}
	}
	orders = make([]float64, n)
	for j := n; j > 0; j = from[j] {
		for _, p := range periods[from[j]:j] {
			orders[from[j]] += p.Demand
		}
	}
	return orders, least[n], nil
}

// statesLimit bounds the memory of [CapacitatedLots]: periods × units of stock.
const statesLimit = 1 << 27

// CapacitatedLots returns what [Lots] does where no order may be above its period's capacity; demands and capacities are whole units. It is
// an error where the capacities up to some period do not suffice. Time and memory grow with the number of periods times the total demand; for
// more, or for several items that share a capacity, there are the programs of trainers/supply/lp.
//
// Source: Florian, Klein, "Deterministic Production Planning with Concave Costs and Capacity Constraints", Management Science 18 (1971), for the
// problem; the recursion over the stock at the end of a period takes its minimum over a window of orders.
func CapacitatedLots(periods []Period) (orders []float64, cost float64, err error) {
	if err := checkPeriods(periods); err != nil {
		return nil, 0, err
	}
	n := len(periods)
	var demand, capacity float64
	for i, p := range periods {
		if err := notNegative("the capacity", p.Capacity); err != nil {
			return nil, 0, fmt.Errorf("period %d: %w", i+1, err)
		}
		if p.Demand != math.Floor(p.Demand) || p.Capacity != math.Floor(p.Capacity) {
			return nil, 0, fmt.Errorf("inventory: period %d: a demand of %g and a capacity of %g: both must be whole units", i+1, p.Demand, p.Capacity)
		}
		demand, capacity = demand+p.Demand, capacity+p.Capacity
		if capacity < demand {
			return nil, 0, fmt.Errorf("inventory: the capacities of the first %d periods are %g units together, their demand is %g", i+1, capacity, demand)
		}
	}
	if (demand+1)*float64(n) > statesLimit {
		return nil, 0, fmt.Errorf("inventory: %g units over %d periods are too many to be counted one by one: count in larger units", demand, n)
	}
	// left[i] is the demand from period i on: no more stock than that is of use.
	left := make([]int, n+1)
	for i := n - 1; i >= 0; i-- {
		left[i] = left[i+1] + int(periods[i].Demand)
	}
	// least[x] is the least cost so far with x units on hand; ordered[i][x] is what period i ordered to end with x.
	least := []float64{0}
	ordered := make([][]int32, n)
	for i, p := range periods {
		least, ordered[i] = p.serve(least, left[i+1])
	}
	orders = make([]float64, n)
	stock := 0
	for i := n - 1; i >= 0; i-- {
		orders[i] = float64(ordered[i][stock])
		stock += int(periods[i].Demand) - int(ordered[i][stock])
	}
	return orders, least[0], nil
}

// serve goes through a period: before[x] is the least cost of coming with x units, what it returns that of leaving with y = 0…most, and
// the order that does it.
func (p Period) serve(before []float64, most int) (least []float64, ordered []int32) {
	demand, capacity := int(p.Demand), int(p.Capacity)
	least, ordered = make([]float64, most+1), make([]int32, most+1)
	// Leaving with y, having come with x, orders q = y + demand − x; with an order the cost is before[x] − Unit·x + a function of y, so the best x
	// is the least of before[x] − Unit·x over the window y + demand − capacity ≤ x < y + demand, kept as a queue whose costs rise.
	key := func(x int) float64 { return before[x] - p.Unit*float64(x) }
	var queue []int
	next := 0
	for y := range least {
		for ; next < y+demand && next < len(before); next++ {
			for len(queue) > 0 && key(queue[len(queue)-1]) > key(next) {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, next)
		}
		for len(queue) > 0 && queue[0] < y+demand-capacity {
			queue = queue[1:]
		}
		best, order := math.Inf(1), 0
		if y+demand < len(before) {
			best = before[y+demand]
		}
		if len(queue) > 0 {
			if cost := key(queue[0]) + p.Unit*float64(y+demand) + p.Fixed; cost < best {
				best, order = cost, y+demand-queue[0]
			}
		}
		least[y], ordered[y] = best+p.Holding*float64(y), int32(order)
	}
	return least, ordered
}
