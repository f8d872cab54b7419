// Package inventory answers when to order and how much, for one item at one place or along a chain, where the cost of
// an answer can be written down: economic order quantities, the newsvendor, base stocks, (s, S) and (r, Q) policies,
// lot sizes over a horizon of known demand, finite horizons of unknown demand, and serial chains.
//
// What must be answered for many items at once under shared limits is a program of trainers/supply/lp; where the cost is known
// only by simulation, it is searched for.
//
// Conventions, everywhere: demand is in units a period and demands of different periods are independent; costs are in
// money; a holding cost is paid for each unit on hand at the end of a period (or for each unit and unit of time, where time
// is continuous), a shortage cost for each unit then owed to customers, who wait (backorders); a fixed cost is paid for each
// order that is not empty. An answer is exact for these assumptions unless its comment names an approximation.
//
// Every function checks its input: a cost that is negative or no number, a variance of zero where one is needed, and the like
// are errors that name the argument.
package inventory

import (
	"fmt"
	"math"
)

// Costs are what a unit too many and a unit too few cost in a period.
type Costs struct {
	// Holding is the cost of a unit on hand at the end of a period, or of a unit left over. It is above zero.
	Holding float64

	// Shortage is the cost of a unit of demand that could not be served at the end of a period. It is above zero.
	Shortage float64
}

// Expected returns the expected cost of a period that begins, everything ordered having arrived, with the level y:
// Holding·E[(y−D)⁺] + Shortage·E[(D−y)⁺].
func (c Costs) Expected(d Demand, y float64) float64 {
	short := d.Loss(y)
	return c.Holding*(y-d.Mean()+short) + c.Shortage*short
}

// Ratio returns the critical ratio Shortage/(Shortage+Holding): the probability of meeting all demand at the best level.
func (c Costs) Ratio() float64 { return c.Shortage / (c.Shortage + c.Holding) }

func (c Costs) check() error {
	if err := positive("the holding cost", c.Holding); err != nil {
		return err
	}
	return positive("the shortage cost", c.Shortage)
}

// positive returns an error unless the value is a finite number above zero.
func positive(name string, value float64) error {
	if !(value > 0) || math.IsInf(value, 0) {
		return fmt.Errorf("inventory: %s is %g: it must be a number above zero", name, value)
	}
	return nil
}

// notNegative returns an error unless the value is a finite number, zero or above.
func notNegative(name string, value float64) error {
	if !(value >= 0) || math.IsInf(value, 0) {
		return fmt.Errorf("inventory: %s is %g: it must be a number, zero or above", name, value)
	}
	return nil
}

// within returns an error unless the value lies strictly between zero and one.
func within(name string, value float64) error {
	if !(value > 0 && value < 1) {
		return fmt.Errorf("inventory: %s is %g: it must lie between zero and one", name, value)
	}
	return nil
}
