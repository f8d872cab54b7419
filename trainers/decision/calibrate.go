package decision

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"debut/trainers/metrics"
)

// Methods of calibration.
const (
	none     = "none"
	platt    = "platt"
	isotonic = "isotonic"
	// Temperature is one factor for all logits.
	Temperature = "temperature"
)

var methods = []string{none, platt, isotonic, Temperature}

// Calibrator maps the logits of a model to logits whose probabilities hold. The zero value leaves them as they are.
type Calibrator struct {
	Method string `json:"calibration,omitempty"`
	// Slope, and Intercept of platt alone: slope·logit + intercept.
	Slope     float64  `json:"slope,omitempty"`
	Intercept *float64 `json:"intercept,omitempty"`
	// Knots of isotonic, with the probability at each: between them it is linear, beyond them constant.
	Knots         []float64 `json:"knots,omitempty"`
	Probabilities []float64 `json:"probabilities,omitempty"`
}

// check returns an error that begins with a key.
func (c *Calibrator) check(classes int) error {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	linear := c.Method == platt || c.Method == Temperature
	switch {
	case c.Method != "" && !linear && c.Method != isotonic:
		return fmt.Errorf("calibration: there is no %.40q", c.Method)
	case c.Method != "" && classes < 2:
		return errors.New("calibration: the model is of no classes")
	case (c.Method == platt || c.Method == isotonic) && classes != 2:
		return errors.New("calibration: the model is not of two classes")
	case linear != (c.Slope > 0) || !finite(c.Slope):
		return fmt.Errorf("slope: %v, with calibration %q", c.Slope, c.Method)
	case (c.Method == platt) != (c.Intercept != nil) || c.Intercept != nil && !finite(*c.Intercept):
		return fmt.Errorf("intercept: it is no number, or calibration is %q", c.Method)
	case (c.Method == isotonic) != (len(c.Knots) > 0) || len(c.Knots) != len(c.Probabilities):
		return fmt.Errorf("knots: there are %d, and %d probabilities, with calibration %q", len(c.Knots), len(c.Probabilities), c.Method)
	}
	for i, k := range c.Knots {
		if !finite(k) || i > 0 && !(k > c.Knots[i-1]) {
			return fmt.Errorf("knots.%d: %v; they are numbers that rise", i, k)
		}
		p := c.Probabilities[i]
		if !(p > 0 && p < 1) || i > 0 && p < c.Probabilities[i-1] {
			return fmt.Errorf("probabilities.%d: %v; they are between 0 and 1 and do not fall", i, p)
		}
	}
	return nil
}

// logit maps a logit.
func (c *Calibrator) logit(z float64) float64 {
	switch c.Method {
	case "":
		return z
	case platt:
		return c.Slope*z + *c.Intercept
	case Temperature:
		return c.Slope * z
	}
	p := c.at(z)
	return math.Log(p / (1 - p))
}

// at is the probability of isotonic at a logit.
func (c *Calibrator) at(z float64) float64 {
	last := len(c.Knots) - 1
	i := sort.SearchFloat64s(c.Knots, z) // the first knot that is not below z
	if i == 0 || i > last {
		return c.Probabilities[min(i, last)]
	}
	share := (z - c.Knots[i-1]) / (c.Knots[i] - c.Knots[i-1])
	return c.Probabilities[i-1] + share*(c.Probabilities[i]-c.Probabilities[i-1])
}

// calibrate learns a calibration; nil where the scores are no help.
func calibrate(method string, s *metrics.Sample) (*Calibrator, error) {
	for _, z := range s.Outputs {
		if math.IsNaN(z) || math.IsInf(z, 0) {
			return nil, errors.New("decision: a score is no finite number")
		}
	}
	var c *Calibrator
	switch {
	case method == isotonic:
		c = fitIsotonic(s.Outputs, s.Targets, s.Weights)
	case method == platt:
		c = fitPlatt(s.Outputs, s.Targets, s.Weights)
	case s.Task == metrics.TaskBinary:
		// softmax(0, z) is a classifier of two classes.
		two := make([]float64, 2*len(s.Outputs))
		for i, z := range s.Outputs {
			two[2*i+1] = z
		}
		c = fitTemperature(two, 2, s.Targets, s.Weights)
	default:
		c = fitTemperature(s.Outputs, len(s.Classes), s.Targets, s.Weights)
	}
	return c, nil
}

func weightAt(weights []float64, i int) float64 {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// counts returns the weights of the negative and the positive rows.
func counts(labels, weights []float64) (negative, positive float64) {
	for i, y := range labels {
		w := weightAt(weights, i)
		positive += w * y
		negative += w * (1 - y)
	}
	return negative, positive
}

const (
	newtonSteps = 100
	newtonEnd   = 1e-10 // length of the last step
)

// fitPlatt is logistic regression on the score, with targets that are a little off 0 and 1, as if there were a row more of each
// class (Platt, "Probabilistic Outputs for Support Vector Machines", 1999; Lin, Lin and Weng, Machine Learning 68, 2007).
func fitPlatt(scores, labels, weights []float64) *Calibrator {
	negative, positive := counts(labels, weights)
	low, high := 1/(negative+2), (positive+1)/(positive+2)
	target := func(y float64) float64 { return low + y*(high-low) }
	loss := func(a, b float64) float64 {
		sum := 0.0
		for i, z := range scores {
			f := a*z + b
			sum += weightAt(weights, i) * (max(f, 0) - f*target(labels[i]) + math.Log1p(math.Exp(-math.Abs(f))))
		}
		return sum
	}
	a, b := 0.0, math.Log((positive+1)/(negative+1))
	at := loss(a, b)
	for range newtonSteps {
		var ga, gb, haa, hab, hbb float64
		for i, z := range scores {
			p := metrics.Sigmoid(a*z + b)
			w := weightAt(weights, i)
			g, h := w*(p-target(labels[i])), w*p*(1-p)
			ga += g * z
			gb += g
			haa += h * z * z
			hab += h * z
			hbb += h
		}
		haa, hbb = haa+1e-12*(1+haa), hbb+1e-12*(1+hbb)
		det := haa*hbb - hab*hab
		if !(det > 0) {
			break
		}
		da, db := -(hbb*ga-hab*gb)/det, -(haa*gb-hab*ga)/det
		step := 1.0
		for ; step > 1e-10; step /= 2 {
			if next := loss(a+step*da, b+step*db); next < at || step*math.Hypot(da, db) < newtonEnd {
				at = next
				break
			}
		}
		a, b = a+step*da, b+step*db
		if step*math.Hypot(da, db) < newtonEnd {
			break
		}
	}
	if !(a > 0) {
		return nil
	}
	return &Calibrator{Method: platt, Slope: a, Intercept: &b}
}

// fitTemperature divides all logits by one number, the best by log-loss (Guo et al., ICML 2017): the order of the classes stays.
// logits are [n*c]. The loss is convex in the slope, whose sign of derivative is bisected.
func fitTemperature(logits []float64, c int, labels, weights []float64) *Calibrator {
	p := make([]float64, c)
	// As in Platt's method, a row of n may be of any other class with a probability of 1/(n+2): rows that are all told right
	// do not make probabilities sure beyond what they can show.
	counted := 0
	for i := range labels {
		if weightAt(weights, i) > 0 {
			counted++
		}
	}
	doubt := 1 / float64(counted+2)
	slopeOf := func(a float64) float64 {
		sum := 0.0
		for i, y := range labels {
			z := logits[i*c : (i+1)*c]
			most := a * slices.Max(z)
			total, mean, wanted := 0.0, 0.0, (1-doubt)*z[int(y)]
			for k, v := range z {
				if k != int(y) {
					wanted += doubt / float64(c-1) * v
				}
				p[k] = math.Exp(a*v - most)
				total += p[k]
				mean += p[k] * v
			}
			sum += weightAt(weights, i) * (mean/total - wanted)
		}
		return sum
	}
	low, high := 1.0/64, 64.0
	if slopeOf(low) >= 0 { // flatter than any use
		return nil
	}
	for range 80 {
		middle := math.Sqrt(low * high)
		if slopeOf(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return &Calibrator{Method: Temperature, Slope: math.Sqrt(low * high)}
}

// fitIsotonic is isotonic regression by pooling adjacent violators (Zadrozny and Elkan, KDD 2002). Of n rows no probability beyond
// 1/(n+2) and (n+1)/(n+2) follows, so that no row to come has an infinite loss. Where it all but jumps, it is made less steep.
func fitIsotonic(scores, labels, weights []float64) *Calibrator {
	type block struct{ from, to, weight, positive float64 }
	order := make([]int, 0, len(scores))
	for i := range scores {
		if weightAt(weights, i) > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	var blocks []block
	total := 0.0
	for _, i := range order {
		w := weightAt(weights, i)
		total += w
		if n := len(blocks); n > 0 && blocks[n-1].to == scores[i] && blocks[n-1].from == scores[i] {
			blocks[n-1].weight += w
			blocks[n-1].positive += w * labels[i]
			continue
		}
		blocks = append(blocks, block{scores[i], scores[i], w, w * labels[i]})
	}
	pooled := blocks[:0]
	for _, b := range blocks {
		pooled = append(pooled, b)
		for n := len(pooled); n > 1 && pooled[n-2].positive*pooled[n-1].weight >= pooled[n-1].positive*pooled[n-2].weight; n = len(pooled) {
			last := pooled[n-1]
			before := &pooled[n-2]
			before.to, before.weight, before.positive = last.to, before.weight+last.weight, before.positive+last.positive
			pooled = pooled[:n-1]
		}
	}
	c := &Calibrator{Method: isotonic}
	least := 1 / (total + 2)
	for _, b := range pooled {
		p := min(max(b.positive/b.weight, least), 1-least)
		c.Knots, c.Probabilities = append(c.Knots, b.from), append(c.Probabilities, p)
		if b.to > b.from {
			c.Knots, c.Probabilities = append(c.Knots, b.to), append(c.Probabilities, p)
		}
	}
	if len(pooled) < 2 {
		return nil
	}
	square := 0.0
	for i, z := range scores {
		square += weightAt(weights, i) * z * z
	}
	c.flatten(steepest / math.Sqrt(square/total))
	return c
}

// steepest is how much a probability rises at most where the score rises by its root mean square. A network's scores are sums in 32 bits, whose last
// digits differ from one machine to another: between two scores that are all but equal a probability would jump by them. One that holds
// rises by a quarter of the root mean square, at most.
const steepest = 8

// flatten makes ramps of what rises by more than most for each unit of the score, as wide as they have to be, and as far to the left of the rise as to the
// right: the mean of the highest line below and the lowest above that are nowhere steeper.
func (c *Calibrator) flatten(most float64) {
	knots := slices.Clone(c.Knots)
	for i := 1; i < len(c.Knots); i++ {
		if rise := c.Probabilities[i] - c.Probabilities[i-1]; rise > most*(c.Knots[i]-c.Knots[i-1]) {
			knots = append(knots, c.Knots[i-1]-rise/most, c.Knots[i]+rise/most)
		}
	}
	if len(knots) == len(c.Knots) {
		return
	}
	slices.Sort(knots)
	knots = slices.Compact(knots)
	below, above := make([]float64, len(knots)), make([]float64, len(knots))
	for i, k := range knots {
		if below[i] = c.at(k); i > 0 {
			below[i] = min(below[i], below[i-1]+most*(k-knots[i-1]))
		}
	}
	for i := len(knots) - 1; i >= 0; i-- {
		if above[i] = c.at(knots[i]); i+1 < len(knots) {
			above[i] = max(above[i], above[i+1]-most*(knots[i+1]-knots[i]))
		}
	}
	for i := range below {
		below[i] = (below[i] + above[i]) / 2
		if i > 0 { // rounding does not break the order
			below[i] = max(below[i], below[i-1])
		}
	}
	c.Knots, c.Probabilities = knots, below
}
