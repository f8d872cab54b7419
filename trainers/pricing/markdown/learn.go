package markdown

import (
	"errors"
	"fmt"
	"math"

	"debut/kernels/philox"
)

// Prior is what is thought of a new product before it sells, of its category usually: the mean demand of a period at price p is
// base·factor·(p/Reference)^−elasticity, factor being that of the season. The logarithm of the base and the elasticity are normal and independent.
type Prior struct {
	Reference       float64 // a price, above zero
	LogBase         float64 // the mean of ln base, base being units a period at the reference price
	LogBaseSpread   float64 // its standard deviation, above zero
	Elasticity      float64 // the mean: 2 where a price one percent higher sells two percent less
	ElasticityScale float64 // its standard deviation, above zero
}

// cellsOfBelief is how many values of each unknown a belief has, over reach standard deviations to either side.
const (
	cellsOfBelief = 41
	reach         = 4.0
)

// Belief is what is thought of a product: a distribution over a grid of bases and elasticities, exact on the grid whatever was sold.
type Belief struct {
	prior        Prior
	bases        []float64 // ln base
	elasticities []float64
	log          []float64 // of the probabilities, base by elasticity, the largest being 0
}

// NewBelief returns what is thought before anything was sold.
func NewBelief(prior Prior) (*Belief, error) {
	for _, v := range []struct {
		name  string
		value float64
		above bool
	}{
		{"reference price", prior.Reference, true}, {"spread of the base", prior.LogBaseSpread, true}, {"spread of the elasticity", prior.ElasticityScale, true},
		{"base", prior.LogBase, false}, {"elasticity", prior.Elasticity, false},
	} {
		if math.IsNaN(v.value) || math.IsInf(v.value, 0) || (v.above && v.value <= 0) {
			return nil, fmt.Errorf("markdown: the %s of a prior is %g: it must be a number, and above zero where it is a price or a spread", v.name, v.value)
		}
	}
	b := &Belief{prior: prior, log: make([]float64, cellsOfBelief*cellsOfBelief)}
	for i := range cellsOfBelief {
		z := reach * (2*float64(i)/(cellsOfBelief-1) - 1)
		b.bases = append(b.bases, prior.LogBase+z*prior.LogBaseSpread)
		// Demand that rises with the price is not thought of.
		b.elasticities = append(b.elasticities, math.Max(0, prior.Elasticity+z*prior.ElasticityScale))
		for j := range cellsOfBelief {
			w := reach * (2*float64(j)/(cellsOfBelief-1) - 1)
			b.log[i*cellsOfBelief+j] = -(z*z + w*w) / 2
		}
	}
	return b, nil
}

// Observe learns from a period: the price, the factor of its season, the units sold, and whether the stock ran out, in which case
// demand is known to have been as much at least.
func (b *Belief) Observe(price, factor float64, sold int, ranOut bool) error {
	if !(price > 0) || !(factor > 0) || math.IsInf(price, 0) || math.IsInf(factor, 0) || sold < 0 {
		return fmt.Errorf("markdown: a price of %g, a factor of %g and %d units sold: the first two must be above zero, the last not below", price, factor, sold)
	}
	distance := math.Log(price / b.prior.Reference)
	factorial, _ := math.Lgamma(float64(sold) + 1)
	most := math.Inf(-1)
	for i, base := range b.bases {
		for j, elasticity := range b.elasticities {
			log := base + math.Log(factor) - elasticity*distance
			lambda := math.Exp(log)
			likelihood := float64(sold)*log - lambda - factorial
			if ranOut {
				likelihood = logTail(sold, lambda)
			}
			at := i*cellsOfBelief + j
			b.log[at] += likelihood
			most = math.Max(most, b.log[at])
		}
	}
	if math.IsInf(most, -1) {
		return errors.New("markdown: what was sold is impossible by all that was thought: widen the prior")
	}
	for at := range b.log {
		b.log[at] -= most
	}
	return nil
}

// logTail returns the logarithm of the probability that a Poisson number is at least n.
func logTail(n int, lambda float64) float64 {
	if n == 0 {
		return 0
	}
	// The tail is summed from its first term on where that is small, else it is one less the rest.
	term := math.Exp(float64(n)*math.Log(lambda) - lambda - lgamma(n))
	if lambda < float64(n) {
		sum, part := 1.0, 1.0
		for k := n + 1; part > 1e-17*sum; k++ {
			part *= lambda / float64(k)
			sum += part
		}
		return float64(n)*math.Log(lambda) - lambda - lgamma(n) + math.Log(sum)
	}
	rest, part := 0.0, term
	for k := n; k > 0; k-- {
		part *= float64(k) / lambda
		rest += part
	}
	return math.Log1p(-math.Min(rest, 1-1e-16))
}

func lgamma(n int) float64 {
	v, _ := math.Lgamma(float64(n) + 1)
	return v
}

// Draw returns an elasticity and a base (units a period at the reference price) drawn from the belief: what Thompson's sampling acts on as if it
// were true.
//
// Source: Thompson, "On the Likelihood that One Unknown Probability Exceeds Another" (1933); for prices Ferreira, Simchi-Levi, Wang,
// "Online Network Revenue Management Using Thompson Sampling", Operations Research 66 (2018).
func (b *Belief) Draw(random *philox.Stream) (elasticity, base float64) {
	var total float64
	for _, l := range b.log {
		total += math.Exp(l)
	}
	u := random.Float64() * total
	last := 0
	for at, l := range b.log {
		p := math.Exp(l)
		if p == 0 {
			continue
		}
		last = at
		if u -= p; u < 0 {
			break
		}
	}
	// A cell stands for all that is near it.
	i, j := last/cellsOfBelief, last%cellsOfBelief
	stepBase, stepElasticity := b.bases[1]-b.bases[0], 2*reach*b.prior.ElasticityScale/(cellsOfBelief-1)
	base = math.Exp(b.bases[i] + (random.Float64()-.5)*stepBase)
	elasticity = math.Max(0, b.elasticities[j]+(random.Float64()-.5)*stepElasticity)
	return elasticity, base
}

// Sample returns the demand at each price, the mean of so many draws: Thompson's sampling with one, the means of the belief with very many. What one draw explores costs
// more than it teaches while stocks are limited and periods few, eight explore less and earned more than the present estimate taken for the truth (see TestLearning).
func (b *Belief) Sample(prices []float64, factor float64, draws int, random *philox.Stream) []float64 {
	means := make([]float64, len(prices))
	for range draws {
		elasticity, base := b.Draw(random)
		for k, price := range prices {
			means[k] += b.prior.Demand(price, factor, elasticity, base) / float64(draws)
		}
	}
	return means
}

// Means returns the mean demand at each price, over all that is thought possible. A plan made for these means, and anew after each period, earned more than one for a
// draw or for the present estimate wherever we tried it (see TestLearning): a few periods of limited stock move prices by themselves, and that teaches
// enough. Draws are for long times over which a wrong belief could stay unnoticed.
func (b *Belief) Means(prices []float64, factor float64) []float64 {
	means, total := make([]float64, len(prices)), 0.0
	for at, l := range b.log {
		p := math.Exp(l)
		if p < 1e-12 { // of the likeliest
			continue
		}
		total += p
		base, elasticity := math.Exp(b.bases[at/cellsOfBelief]), b.elasticities[at%cellsOfBelief]
		for k, price := range prices {
			means[k] += p * b.prior.Demand(price, factor, elasticity, base)
		}
	}
	for k := range means {
		means[k] /= total
	}
	return means
}

// Estimate is what a belief says of a product, in short.
type Estimate struct {
	Elasticity, ElasticityError float64 // mean and standard deviation
	Base, LogBaseError          float64 // the median of units a period at the reference price, and the standard deviation of its logarithm
}

// Estimate returns means and standard deviations.
func (b *Belief) Estimate() Estimate {
	var total, base, elasticity, base2, elasticity2 float64
	for at, l := range b.log {
		p := math.Exp(l)
		x, y := b.bases[at/cellsOfBelief], b.elasticities[at%cellsOfBelief]
		total += p
		base, base2 = base+p*x, base2+p*x*x
		elasticity, elasticity2 = elasticity+p*y, elasticity2+p*y*y
	}
	base, base2, elasticity, elasticity2 = base/total, base2/total, elasticity/total, elasticity2/total
	return Estimate{
		Elasticity: elasticity, ElasticityError: math.Sqrt(math.Max(0, elasticity2-elasticity*elasticity)),
		Base: math.Exp(base), LogBaseError: math.Sqrt(math.Max(0, base2-base*base)),
	}
}

// Demand returns the mean demand at a price for an elasticity and a base.
func (p Prior) Demand(price, factor, elasticity, base float64) float64 {
	return math.Min(base*factor*math.Pow(price/p.Reference, -elasticity), mostDemand)
}
