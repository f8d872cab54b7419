package inventory

import (
	"errors"
	"fmt"
	"math"
)

// Place is a place of a serial chain.
type Place struct {
	Holding  float64 // the echelon holding cost: what a unit costs more at this place than at the one that supplies it
	LeadTime float64 // units of time from the supplying place to this one
}

// chainCells is how many steps of the lattice a standard deviation of the shortest lead time's demand has. Four times as many change the
// seventh digit of a cost.
const chainCells = 100

// Chain returns the echelon base stock levels of a serial chain that serves normal demand of the given mean and standard deviation a unit of time, and the
// least cost a unit of time: every place orders, from the one before it, up to its level for all stock at and below it. Places are given from the supplier
// down to the customer; what is short there costs shortage a unit and unit of time and waits.
//
// The levels minimize, from the customer upwards, each place's own cost and what it makes the places below suffer: Clark, Scarf, "Optimal Policies
// for a Multi-Echelon Inventory Problem", Management Science 6 (1960). The cost is on the level and in-transit stock is not in it, as it
// does not depend on the levels.
func Chain(places []Place, demand Normal, shortage float64) (levels []float64, cost float64, err error) {
	if len(places) == 0 {
		return nil, 0, errors.New("inventory: a chain of no places")
	}
	if err := checkDemand(demand); err != nil {
		return nil, 0, err
	}
	if err := positive("the shortage cost", shortage); err != nil {
		return nil, 0, err
	}
	var local, total, shortest float64
	shortest = math.Inf(1)
	for i, p := range places {
		for _, check := range []error{positive("the echelon holding cost", p.Holding), positive("the lead time", p.LeadTime)} {
			if check != nil {
				return nil, 0, fmt.Errorf("place %d: %w", i+1, check)
			}
		}
		local, total, shortest = local+p.Holding, total+p.LeadTime, math.Min(shortest, p.LeadTime)
	}
	step := demand.Sigma * math.Sqrt(shortest) / chainCells
	reach := 9 * demand.Sigma * math.Sqrt(total)
	size := (demand.Mu*total + 2*reach) / step
	if !(size < 1<<18) {
		return nil, 0, errors.New("inventory: lead times of a chain differ too much for their demand to be computed on one lattice: join the short ones")
	}
	// A curve has the values at lowest + i·step; below, it goes on as a straight line with the slope at its end.
	lowest := math.Min(0, demand.Mu*total) - reach
	n := int(size) + 1
	below := make([]float64, n) // what the places below suffer, as a function of their echelon's stock
	for i := range below {
		below[i] = (shortage + local) * math.Max(0, -(lowest+float64(i)*step))
	}
	levels = make([]float64, len(places))
	for j := len(places) - 1; j >= 0; j-- {
		place := places[j]
		lead := Normal{Mu: demand.Mu * place.LeadTime, Sigma: demand.Sigma * math.Sqrt(place.LeadTime)}
		for i := range below {
			below[i] += place.Holding * (lowest + float64(i)*step)
		}
		curve := smoothed(below, step, lead)
		best := 0
		for i, c := range curve {
			if c < curve[best] {
				best = i
			}
		}
		at, least := vertex(curve, best)
		levels[j], cost = lowest+(float64(best)+at)*step, least
		// The place above cannot send more than is asked for: past the level, more of its stock is of no use down here.
		for i := best + 1; i < n; i++ {
			curve[i] = least
		}
		below = curve
	}
	return levels, cost, nil
}

// smoothed returns the expectation of a curve at y − D, for y on its lattice.
func smoothed(curve []float64, step float64, d Normal) []float64 {
	l := onLattice(d, step)
	first := int(math.Round(l.low / step))
	slope := curve[1] - curve[0]
	out := make([]float64, len(curve))
	for i := range out {
		var sum float64
		for k, p := range l.mass {
			at := i - first - k
			switch {
			case at < 0:
				sum += p * (curve[0] + slope*float64(at))
			case at >= len(curve):
				sum += p * curve[len(curve)-1]
			default:
				sum += p * curve[at]
			}
		}
		out[i] = sum
	}
	return out
}

// vertex returns where between the neighbors of its least value a curve's parabola is least, in steps from there, and its value.
func vertex(curve []float64, least int) (at, value float64) {
	if least == 0 || least == len(curve)-1 {
		return 0, curve[least]
	}
	left, middle, right := curve[least-1], curve[least], curve[least+1]
	bend := left - 2*middle + right
	if bend <= 0 {
		return 0, middle
	}
	at = (left - right) / bend / 2
	return at, middle - (left-right)*at/4
}
