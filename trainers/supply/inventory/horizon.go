package inventory

import (
	"fmt"
	"math"
)

// Stage is a period of a finite horizon of unknown demand.
type Stage struct {
	Demand Demand
	Fixed  float64 // the cost of an order
	Unit   float64 // the cost of a unit ordered
	Costs  Costs
}

// Horizon returns the best reorder policy of each stage of a finite horizon – order up to Upper when the stock is at Reorder or
// below – and the least expected cost from the start, where nothing is on hand. Orders arrive at once, what is short waits, and
// what is left or owed after the last stage costs end.Holding or end.Shortage a unit (zero: nothing). Stock is in whole units;
// demand is taken as [Whole] has it.
//
// Source: Scarf, "The Optimality of (S, s) Policies in the Dynamic Inventory Problem" (1960).
func Horizon(stages []Stage, end Costs) (policies []ReorderPolicy, cost float64, err error) {
	for _, check := range []error{notNegative("the last holding cost", end.Holding), notNegative("the last shortage cost", end.Shortage)} {
		if check != nil {
			return nil, 0, check
		}
	}
	demands := make([]*Lattice, len(stages))
	var most int // no stock above all demand that can come is of use
	for i, stage := range stages {
		if demands[i], err = stage.check(); err != nil {
			return nil, 0, fmt.Errorf("stage %d: %w", i+1, err)
		}
		most += len(demands[i].mass) - 1
	}
	if most > 1<<16 {
		return nil, 0, fmt.Errorf("inventory: demand of up to %d units over the horizon is too much to be counted one by one: count in larger units", most)
	}
	// ahead(x) is the least expected cost of what follows with x units at hand, owed ones below zero; before the first stage
	// nothing can be owed, and after i stages no more than their demand.
	owed := most
	value := make([]float64, owed+most+1) // value[x+owed]
	for i := range value {
		x := float64(i - owed)
		value[i] = end.Holding*math.Max(x, 0) + end.Shortage*math.Max(-x, 0)
	}
	policies = make([]ReorderPolicy, len(stages))
	for i := len(stages) - 1; i >= 0; i-- {
		policies[i], value = stages[i].best(demands[i], value, owed)
		owed -= len(demands[i].mass) - 1
	}
	if len(stages) == 0 {
		return policies, 0, nil
	}
	return policies, value[0], nil
}

func (s Stage) check() (*Lattice, error) {
	if err := s.Costs.check(); err != nil {
		return nil, err
	}
	for _, check := range []error{notNegative("the fixed cost", s.Fixed), notNegative("the cost of a unit", s.Unit), checkDemand(s.Demand)} {
		if check != nil {
			return nil, check
		}
	}
	return Whole(s.Demand)
}

// best returns the policy of a stage and the value of each stock before it, from −(owed − the stage's most demand) up to the end of the value
// that it is given.
func (s Stage) best(d *Lattice, after []float64, owed int) (ReorderPolicy, []float64) {
	span := len(d.mass) - 1
	before := owed - span // what can be owed before this stage
	most := len(after) - 1 - owed
	// level[y+before] is the expected cost of this stage and all later ones with y at hand after ordering, the units' cost included: y
	// costs Unit·y, of which the stock that was there before gives its own part back.
	level := make([]float64, before+most+1)
	for i := range level {
		y := i - before
		sum := s.Unit*float64(y) + s.Costs.Expected(d, float64(y))
		for k, p := range d.mass {
			sum += p * after[y-k+owed]
		}
		level[i] = sum
	}
	upper := 0
	for i, cost := range level {
		if cost < level[upper] {
			upper = i
		}
	}
	reorder := upper // the greatest stock from which an order is worth its fixed cost
	for reorder >= 0 && level[reorder] <= level[upper]+s.Fixed {
		reorder--
	}
	value := make([]float64, len(level))
	for i := range value {
		own := s.Unit * float64(i-before)
		if i <= reorder {
			value[i] = level[upper] + s.Fixed - own
		} else {
			value[i] = level[i] - own
		}
	}
	return ReorderPolicy{Reorder: float64(reorder - before), Upper: float64(upper - before)}, value
}
