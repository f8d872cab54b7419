package markdown

import (
	"math"
	"strings"
	"testing"

	"debut/kernels/philox"
)

// season returns a small one with demand that differs by period.
func season(falling bool) Season {
	prices := []float64{12, 9, 6}
	return Season{
		Prices: prices, Periods: 3, Stock: 4, Salvage: 1, Unit: .5, Falling: falling,
		Mean: func(period, price int) float64 { return (1 + .5*float64(period)) * 2 * math.Pow(prices[price]/9, -2) },
	}
}

// enumerate returns the expected money of the best policy by going through every state and every demand up to far beyond the stock.
func enumerate(s Season, period, stock, last int) float64 {
	if period == s.Periods {
		return s.Salvage * float64(stock)
	}
	best := math.Inf(-1)
	for k, price := range s.Prices {
		if s.Falling && last >= 0 && price > s.Prices[last] {
			continue
		}
		lambda, sum := s.Mean(period, k), 0.0
		for d, p := 0, math.Exp(-lambda); d < 60; d++ {
			sold := min(d, stock)
			sum += p * (float64(sold)*(price-s.Unit) + enumerateKnown(s, period+1, stock-sold, k))
			p *= lambda / float64(d+1)
		}
		best = math.Max(best, sum)
	}
	return best
}

var memory map[[3]int]float64

func enumerateKnown(s Season, period, stock, last int) float64 {
	key := [3]int{period, stock, last}
	if v, ok := memory[key]; ok {
		return v
	}
	v := enumerate(s, period, stock, last)
	memory[key] = v
	return v
}

func TestBest(t *testing.T) {
	for _, falling := range []bool{false, true} {
		s := season(falling)
		memory = map[[3]int]float64{}
		want := enumerate(s, 0, s.Stock, -1)
		plan, err := Best(s)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(plan.Value-want) > 1e-10 {
			t.Errorf("falling %t: the plan is worth %.12f, enumeration finds %.12f", falling, plan.Value, want)
		}
	}
}

// TestPrices are the laws of the model: with more stock or less time the price is not higher.
func TestPrices(t *testing.T) {
	s := season(false)
	s.Stock, s.Periods = 20, 6
	s.Mean = func(_, price int) float64 { return 3 * math.Pow(s.Prices[price]/9, -2.5) }
	plan, err := Best(s)
	if err != nil {
		t.Fatal(err)
	}
	for period := range s.Periods {
		for stock := 1; stock <= s.Stock; stock++ {
			price := s.Prices[plan.Price(period, stock, -1)]
			if less := s.Prices[plan.Price(period, stock-1, -1)]; stock > 1 && price > less {
				t.Errorf("period %d: %g with %d units, %g with one less", period, price, stock, less)
			}
			if period > 0 && price > s.Prices[plan.Price(period-1, stock, -1)] {
				t.Errorf("%d units: the price rises to %g in period %d", stock, price, period)
			}
		}
	}
}

// TestFallingPrices follows plans whose prices may only fall through random demand.
func TestFallingPrices(t *testing.T) {
	s := season(true)
	s.Stock, s.Periods = 30, 10
	plan, err := Best(s)
	if err != nil {
		t.Fatal(err)
	}
	random := philox.New(1, 1)
	for range 200 {
		stock, last := s.Stock, -1
		for period := range s.Periods {
			k := plan.Price(period, stock, last)
			if last >= 0 && s.Prices[k] > s.Prices[last] {
				t.Fatalf("the price rises from %g to %g", s.Prices[last], s.Prices[k])
			}
			stock, last = stock-min(stock, draw(random, s.Mean(period, k))), k
		}
	}
}

// draw returns a Poisson number.
func draw(random *philox.Stream, lambda float64) int {
	n, sum := -1, 0.0
	for sum < lambda {
		n++
		sum -= math.Log(1 - random.Float64())
	}
	return max(n, 0)
}

// TestLearning sells 200 new products for twelve weeks from limited stock, whose elasticities and bases are drawn from their category: by who knows
// both, by the means of the belief, by Thompson's sampling, by the mean of eight such draws, by taking the present estimate for the truth, and at twice the cost.
func TestLearning(t *testing.T) {
	const products, weeks = 200, 12
	prior := Prior{Reference: 20, LogBase: math.Log(8), LogBaseSpread: .6, Elasticity: 2.5, ElasticityScale: .6}
	const cost = 10.0
	var prices []float64
	for p := 11.0; p <= 40; p *= 1.12 {
		prices = append(prices, p)
	}
	season := func(weeks, stock int, elasticity, base float64) Season {
		return Season{
			Prices: prices, Periods: weeks, Stock: stock, Salvage: .3 * cost,
			Mean: func(_, k int) float64 { return prior.Demand(prices[k], 1, elasticity, base) },
		}
	}
	profit := map[string]float64{}
	for product := range products {
		truth := philox.New(42, uint64(product))
		elasticity := math.Max(1.1, prior.Elasticity+prior.ElasticityScale*truth.NormFloat64())
		base := math.Exp(prior.LogBase + prior.LogBaseSpread*truth.NormFloat64())
		stock := 40 + truth.IntN(80)
		known, err := Best(season(weeks, stock, elasticity, base))
		if err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"knows", "means", "thompson", "sampled", "greedy", "cost-plus"} {
			belief, err := NewBelief(prior)
			if err != nil {
				t.Fatal(err)
			}
			own, left, money := philox.New(7, uint64(product)), stock, 0.0
			for week := range weeks {
				var k int
				switch who {
				case "knows":
					k = known.Price(week, left, -1)
				case "cost-plus":
					for k < len(prices)-1 && prices[k] < 2*cost {
						k++
					}
				default:
					if who == "sampled" {
						means := belief.Sample(prices, 1, 8, own)
						ahead := season(weeks-week, left, 1, 1)
						ahead.Mean = func(_, k int) float64 { return means[k] }
						plan, err := Best(ahead)
						if err != nil {
							t.Fatal(err)
						}
						k = plan.Price(0, left, -1)
						break
					}
					e, b := belief.Draw(own)
					if who == "greedy" {
						estimate := belief.Estimate()
						e, b = estimate.Elasticity, estimate.Base
					}
					ahead := season(weeks-week, left, e, b)
					if who == "means" {
						means := belief.Means(prices, 1)
						ahead.Mean = func(_, k int) float64 { return means[k] }
					}
					plan, err := Best(ahead)
					if err != nil {
						t.Fatal(err)
					}
					k = plan.Price(0, left, -1)
				}
				// The same luck for all: the demand of a week is the same number of its distribution.
				luck := philox.New(1000+uint64(week), uint64(product))
				demand := draw(luck, prior.Demand(prices[k], 1, elasticity, base))
				sold := min(left, demand)
				if err := belief.Observe(prices[k], 1, sold, demand >= left); err != nil {
					t.Fatal(err)
				}
				left -= sold
				money += prices[k] * float64(sold)
				if left == 0 {
					break
				}
			}
			profit[who] += money + .3*cost*float64(left) - cost*float64(stock)
		}
	}
	share := func(who string) float64 { return profit[who] / profit["knows"] }
	t.Logf("profit of all: knows %.0f, means %.3f of it, greedy %.3f, thompson %.3f, cost-plus %.3f", profit["knows"],
		share("means"), share("greedy"), share("thompson"), share("cost-plus"))
	if share("means") < .95 || share("thompson") < .9 {
		t.Error("learning earns less than it did: 95 % of the profit of who knows the demand by means, 90 % by sampling")
	}
	t.Logf("sampled by eight draws: %.4f, greedy %.4f", share("sampled"), share("greedy"))
	if share("means") <= share("greedy") || share("sampled") <= share("greedy") || share("thompson") <= share("cost-plus") {
		t.Error("what is learned is not above who takes the estimate for the truth, or above twice the cost")
	}
}

// TestBelief checks what is learned against sums over the grid by the definition, with a stock that ran out.
func TestBelief(t *testing.T) {
	prior := Prior{Reference: 10, LogBase: math.Log(5), LogBaseSpread: .5, Elasticity: 2, ElasticityScale: .5}
	b, err := NewBelief(prior)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Observe(8, 1.2, 6, false); err != nil {
		t.Fatal(err)
	}
	if err := b.Observe(12, 1, 3, true); err != nil {
		t.Fatal(err)
	}
	var total, mean float64
	for i, base := range b.bases {
		for j, e := range b.elasticities {
			z, w := (base-prior.LogBase)/.5, reach*(2*float64(j)/(cellsOfBelief-1)-1)
			_ = i
			first := math.Exp(base) * 1.2 * math.Pow(.8, -e)
			second := math.Exp(base) * math.Pow(1.2, -e)
			p := math.Exp(-(z*z+w*w)/2) * math.Pow(first, 6) * math.Exp(-first)
			p *= 1 - math.Exp(-second)*(1+second+second*second/2)
			total, mean = total+p, mean+p*e
		}
	}
	if got := b.Estimate().Elasticity; math.Abs(got-mean/total) > 1e-9 {
		t.Errorf("the mean elasticity is %.12f, by definition %.12f", got, mean/total)
	}
}

// TestTails compares the tail of the Poisson distribution with its sum.
func TestTails(t *testing.T) {
	for _, lambda := range []float64{.01, .5, 3, 40, 500} {
		for _, n := range []int{0, 1, 2, 5, 40, 60, 600} {
			term, sum := 0.0, 0.0
			for k := n; k < n+4000; k++ {
				term = math.Exp(float64(k)*math.Log(lambda) - lambda - lgamma(k))
				sum += term
			}
			if got := logTail(n, lambda); sum > 1e-300 && math.Abs(got-math.Log(sum)) > 1e-8*math.Max(1, math.Abs(got)) {
				t.Errorf("λ %g, n %d: %.12g, want %.12g", lambda, n, got, math.Log(sum))
			}
		}
	}
}

func TestRefused(t *testing.T) {
	fine := season(false)
	for want, change := range map[string]func(*Season){
		"0 prices":                     func(s *Season) { s.Prices = nil },
		"a price of 0":                 func(s *Season) { s.Prices = []float64{0} },
		"a price of NaN":               func(s *Season) { s.Prices = []float64{math.NaN()} },
		"a stock of -1":                func(s *Season) { s.Stock = -1 },
		"0 periods":                    func(s *Season) { s.Periods = 0 },
		"count in larger units":        func(s *Season) { s.Stock = 1 << 40 },
		"a salvage value of NaN":       func(s *Season) { s.Salvage = math.NaN() },
		"no demand is given":           func(s *Season) { s.Mean = nil },
		"period 2, price 12: the mean": func(s *Season) { s.Mean = func(int, int) float64 { return math.NaN() } },
	} {
		s := fine
		change(&s)
		if _, err := Best(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if _, err := NewBelief(Prior{}); err == nil || !strings.Contains(err.Error(), "the reference price of a prior is 0") {
		t.Errorf("an empty prior: %v", err)
	}
	b, err := NewBelief(Prior{Reference: 1, LogBaseSpread: 1, ElasticityScale: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Observe(-1, 1, 0, false); err == nil || !strings.Contains(err.Error(), "a price of -1") {
		t.Errorf("a negative price: %v", err)
	}
}
