package setting

import (
	"math"
	"strings"
	"testing"
)

// constant is demand with an elasticity of −3 for all, of 10 units at a price of 10.
func constant(k int, prices []float64) float64 { return 10 * math.Pow(prices[k]/10, -3) }

func candidates(t *testing.T, b *Bounds, products []Product) (out [][]float64) {
	t.Helper()
	for k := range products {
		c, err := b.Candidates(&products[k])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// TestConstant compares with the price of a constant elasticity ε, cost·ε/(ε−1), and with those of other goals.
func TestConstant(t *testing.T) {
	products := []Product{{Name: "a", Now: 10, Cost: 8, Stock: math.Inf(1)}}
	for goal, want := range map[string]float64{Profit: 12, Revenue: 5, Units: 5} {
		b := &Bounds{Goal: goal, Periods: 4, Steps: 2001}
		prices, err := b.Best(products, candidates(t, b, products), constant, false)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(prices[0]-want) > .011 {
			t.Errorf("%s: a price of %.2f, want %.2f", goal, prices[0], want)
		}
	}
	// With 5 units for 4 periods the price is the one at which they are wanted.
	products[0].Stock = 5
	b := &Bounds{Goal: Profit, Periods: 4, Steps: 2001, LargeStep: .9}
	prices, err := b.Best(products, candidates(t, b, products), constant, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := 10 * math.Cbrt(40./5); math.Abs(prices[0]-math.Min(want, 19)) > .011 {
		t.Errorf("with a stock of 5: %.2f, want %.2f", prices[0], math.Min(want, 19))
	}
}

// TestLogit finds the prices of a multinomial logit, whose markups are equal, by ascent over prices: a = 1, 2, 1.5, b = 0.5, c = 1, 2, 1.2.
func TestLogit(t *testing.T) {
	a, cost := []float64{1, 2, 1.5}, []float64{1, 2, 1.2}
	demand := func(k int, prices []float64) float64 {
		total := 1.0
		for i := range a {
			total += math.Exp(a[i] - .5*prices[i])
		}
		return math.Exp(a[k]-.5*prices[k]) / total
	}
	var products []Product
	for i := range a {
		products = append(products, Product{Name: "p", Now: cost[i] * 3, Cost: cost[i], Stock: math.Inf(1), Min: .5, Max: 9})
	}
	b := &Bounds{Goal: Profit, Periods: 1, Steps: 851, LargeStep: .99}
	prices, err := b.Best(products, candidates(t, b, products), demand, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{4.92161633, 5.92161633, 5.12161633} {
		if math.Abs(prices[i]-want) > .03 {
			t.Errorf("product %d: %.3f, want %.3f", i+1, prices[i], want)
		}
	}
	if profit := b.Total(products, prices, demand); math.Abs(profit-1.92161633) > 1e-4 {
		t.Errorf("a profit of %.6f, want 1.921616", profit)
	}
}

// TestLadder holds a price below another's.
func TestLadder(t *testing.T) {
	products := []Product{{Name: "small", Now: 10, Cost: 8, Stock: math.Inf(1)}, {Name: "large", Now: 10, Cost: 6, Stock: math.Inf(1)}}
	b := &Bounds{Goal: Profit, Periods: 1, Ladders: []Ladder{{0, 1, .95}}}
	prices, err := b.Best(products, candidates(t, b, products), constant, false)
	if err != nil {
		t.Fatal(err)
	}
	if prices[0] > .95*prices[1]+1e-9 {
		t.Errorf("%.2f is not below 0.95 of %.2f", prices[0], prices[1])
	}
	b.Change, b.Ladders[0].Share = .01, .5
	if _, err := b.Best(products, candidates(t, b, products), constant, false); err == nil || !strings.Contains(err.Error(), "no prices keep the ladder of small at most 0.5 of large") {
		t.Errorf("a ladder that cannot be: %v", err)
	}
}

// TestExcluded names the bounds that leave no price.
func TestExcluded(t *testing.T) {
	p := Product{Name: "a", Now: 10, Cost: 9, Other: 8}
	for _, c := range []struct {
		b    Bounds
		min  float64
		want string
	}{
		{Bounds{Goal: Profit, Margin: .4, Change: .1}, 0, "a margin of 40 % asks for 15.00 at least, and a change of at most 10 % for 11.00 at most"},
		{Bounds{Goal: Profit, Banded: true, Band: [2]float64{-.1, 0}}, 0, "the cost asks for 9.00 at least, and the band around the cheapest price elsewhere for 8.00 at most"},
		{Bounds{Goal: Profit, Change: .05}, 12, "its own least price asks for 12.00 at least"},
		{Bounds{Goal: Profit, Change: .02, Endings: []float64{.49}}, 0, "where none ends in .49"},
	} {
		q := p
		q.Min = c.min
		if _, err := c.b.Candidates(&q); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q is not in: %v", c.want, err)
		}
	}
	b := Bounds{Goal: Profit, Change: .2, Endings: []float64{.99}, Margin: .05}
	list, err := b.Candidates(&p)
	if err != nil || len(list) != 3 || list[0] != 9.99 || list[2] != 11.99 {
		t.Errorf("prices that end in .99: %v, %v", list, err)
	}
}
