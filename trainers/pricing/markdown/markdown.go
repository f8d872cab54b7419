// Package markdown prices a limited stock over a finite time: which price to take in each period, given what is left, and how to find out how
// demand answers to prices while selling.
package markdown

import (
	"errors"
	"fmt"
	"math"
)

// Season is a stock that is sold over some periods at prices from a list. Demand of a period is Poisson, its mean depends on the price and the period, and what
// is not there is lost.
type Season struct {
	Prices  []float64                       // that may be taken, above zero
	Periods int                             // to sell in
	Stock   int                             // units at the beginning
	Salvage float64                         // money for a unit that is left in the end
	Unit    float64                         // money that a unit sold costs beyond the stock, as freight
	Mean    func(period, price int) float64 // the mean demand of a period, from 0 on, at a price of the list
	Falling bool                            // whether a price may never be above the one before
}

// Plan is the best answer to each state.
type Plan struct {
	Value float64 // the expected money of the season
	price [][]uint16
	value [][]float64 // value[t][state]: expected money from period t on
	size  int         // states of a period: stocks, for each last price where prices may only fall
	last  int
	stock int
}

// limits of a plan.
const (
	mostPrices = 1 << 12
	mostStates = 1 << 26
	mostDemand = 1e6
)

// Best returns the plan that brings most expected money, by recursion over periods and stocks.
//
// Source: Gallego, van Ryzin, "Optimal Dynamic Pricing of Inventories with Stochastic Demand over Finite Horizons", Management Science 40 (1994), in
// discrete time.
func Best(s Season) (*Plan, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	lasts := 1
	if s.Falling {
		lasts = len(s.Prices)
	}
	p := &Plan{size: (s.Stock + 1) * lasts, last: lasts, stock: s.Stock}
	value := make([]float64, p.size)
	for state := range value {
		value[state] = s.Salvage * float64(state/lasts)
	}
	p.value, p.price = make([][]float64, s.Periods+1), make([][]uint16, s.Periods)
	p.value[s.Periods] = value
	gain := make([]float64, s.Stock+1)
	mass := make([]float64, s.Stock+1)
	for t := s.Periods - 1; t >= 0; t-- {
		now, choice := make([]float64, p.size), make([]uint16, p.size)
		for state := range now {
			now[state] = math.Inf(-1)
		}
		for k, price := range s.Prices {
			lambda := s.Mean(t, k)
			if !(lambda >= 0 && lambda <= mostDemand) {
				return nil, fmt.Errorf("markdown: period %d, price %g: the mean demand is %g: it must be from 0 to %g", t, price, lambda, mostDemand)
			}
			next := k // the last price of the next period
			if !s.Falling {
				next = 0
			}
			likely := poisson(mass, lambda)
			for stock := range gain {
				gain[stock] = expected(likely, stock, price-s.Unit, p.value[t+1], lasts, next)
			}
			for last := range lasts {
				if s.Falling && price > s.Prices[last] {
					continue
				}
				for stock, v := range gain {
					if state := stock*lasts + last; v > now[state] {
						now[state], choice[state] = v, uint16(k)
					}
				}
			}
		}
		p.value[t], p.price[t] = now, choice
	}
	p.Value = p.value[0][s.Stock*lasts+highest(s.Prices, lasts)]
	return p, nil
}

// highest is the state of having taken no price yet.
func highest(prices []float64, lasts int) int {
	best := 0
	for k := range lasts {
		if prices[k] > prices[best] {
			best = k
		}
	}
	return best
}

// expected returns the expected money from a period on with a stock, at a margin, given the probabilities of demand.
func expected(mass []float64, stock int, margin float64, after []float64, lasts, last int) float64 {
	sum, left := 0.0, 1.0
	for d := range min(stock, len(mass)) {
		sum += mass[d] * (margin*float64(d) + after[(stock-d)*lasts+last])
		left -= mass[d]
	}
	return sum + math.Max(left, 0)*(margin*float64(stock)+after[last])
}

// poisson fills in the probabilities of 0, 1, … of demand with a mean, and returns those up to where the rest is nothing.
func poisson(mass []float64, lambda float64) []float64 {
	if lambda == 0 {
		mass[0] = 1
		return mass[:1]
	}
	log := math.Log(lambda)
	for d := range mass {
		mass[d] = math.Exp(float64(d)*log - lambda - lgamma(d))
		if float64(d) > lambda && mass[d] < 1e-17 {
			return mass[:d]
		}
	}
	return mass
}

func (s *Season) check() error {
	if len(s.Prices) == 0 || len(s.Prices) > mostPrices {
		return fmt.Errorf("markdown: %d prices: there must be from 1 to %d", len(s.Prices), mostPrices)
	}
	for _, price := range s.Prices {
		if !(price > 0) || math.IsInf(price, 0) {
			return fmt.Errorf("markdown: a price of %g: it must be a number above zero", price)
		}
	}
	if s.Periods < 1 || s.Stock < 0 {
		return fmt.Errorf("markdown: %d periods and a stock of %d: there must be a period, and no less than no stock", s.Periods, s.Stock)
	}
	lasts := 1
	if s.Falling {
		lasts = len(s.Prices)
	}
	if (s.Stock+1)*lasts > mostStates/s.Periods {
		return fmt.Errorf("markdown: a stock of %d over %d periods is too much to be counted one by one: count in larger units", s.Stock, s.Periods)
	}
	for _, v := range []float64{s.Salvage, s.Unit} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("markdown: a salvage value of %g and a cost of %g a unit: both must be numbers", s.Salvage, s.Unit)
		}
	}
	if s.Mean == nil {
		return errors.New("markdown: no demand is given")
	}
	return nil
}

// Price returns which price of the list to take in a period with a stock; last is the price taken before, of interest where prices may only
// fall, −1 where there was none.
func (p *Plan) Price(period, stock, last int) int {
	return int(p.price[period][p.state(stock, last)])
}

// state is the number of a stock and a last price. Without a last price the state of the greatest value is meant, which is that of the highest one.
func (p *Plan) state(stock, last int) int {
	if p.last == 1 {
		return stock
	}
	if last >= 0 {
		return stock*p.last + last
	}
	best := stock * p.last
	for k := range p.last {
		if p.value[0][stock*p.last+k] > p.value[0][best] {
			best = stock*p.last + k
		}
	}
	return best
}
