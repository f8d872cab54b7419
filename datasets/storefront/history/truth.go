package history

import (
	"math"
	"time"
)

// view is one product seen by one user, and what came of it.
type view struct {
	user, item  int32
	second      int32 // of the day
	position    int16 // in the session
	visits      int16 // of the user before, as far as they count
	bought      int16 // items bought before
	since       float32
	price       float32
	discount    float32
	gap         float32 // own price over the lowest elsewhere, less one
	probability float32 // of a purchase, if there is stock
	dearer      float32 // that at a price higher by priceStep
	cheaper     float32 // and at one lower
	seen        *glance // where the truth is asked for
	carted      bool
	wanted      bool // a purchase, if there is stock
	inStock     bool
	purchased   bool
	deferred    bool // wanted and not in stock: the user waits for it
}

// intercept sets the share of views that end in a purchase, about 6 %.
const intercept = -3.55

// logit is the truth about a view: the log-odds of a purchase.
func (w *world) logit(u *user, it *item, o *offer, day int, v *view, carted int) float64 {
	dot := 0.0
	for f := range factors {
		dot += float64(u.taste[f]) * float64(it.taste[f])
	}
	// Saturation: what one likes enough is not liked better.
	z := intercept + 2*math.Tanh(0.55*dot) + it.quality
	if it.category == u.favorite {
		z += 0.5
	}
	// The own price, by the user's sensitivity, with steps: a price that ends in
	// .99 looks lower; what is beyond the budget is not bought.
	sensitive := float64(u.sensitive)
	z -= it.elasticity * sensitive * math.Log(o.price/it.price)
	if cents := int(math.Round(100*o.price)) % 100; cents == 99 {
		z += 0.12
	}
	if math.Log(o.price/categories[it.category].price) > 0.8+float64(u.budget) {
		z -= 2
	}
	// A discount is noticed from 10 % on; competitors are when they are cheaper by
	// more than 3 %, and up to a point.
	if o.discount >= 10 {
		z += 0.3
	}
	if gap := o.price/o.lowest() - 1; gap > 0.03 {
		z -= 3.5 * sensitive * math.Min(gap-0.03, 0.25)
	}
	// Who was here lately remembers; who has something in the cart needs less.
	if v.since >= 0 {
		z += 0.7 * math.Exp(-float64(v.since)/7)
	} else {
		z -= 0.4
	}
	z -= 0.5 * (1 - math.Exp(-float64(carted)))
	z -= 0.6 * (1 - math.Exp(-float64(v.position)/10))
	if it.launch > 0 {
		z += 0.6 * math.Exp(-float64(day-it.launch)/14)
	}
	return z + w.season(it.category, day)
}

// priceStep is by how much prices differ at which demand is said to be known, for arc elasticities.
const priceStep = 0.05

// otherPrices sets what a view would be worth at a higher and at a lower price of its item, with everything else as it is; seen
// are the probabilities of the views of its category before it in the session.
func (s *simulation) otherPrices(u *user, it *item, o *offer, day int, v *view, carted int, seen float64) {
	at := func(factor float64) float32 {
		other := *o
		other.price *= factor
		z := s.logit(u, it, &other, day, v, carted)
		if strength := s.cfg.Substitution; strength > 0 {
			z -= strength * seen
		}
		return float32(sigmoid(z))
	}
	v.dearer, v.cheaper = at(1+priceStep), at(1-priceStep)
}

// season is what the time of the year adds.
func (w *world) season(c, day int) float64 {
	date := w.cfg.Start.AddDate(0, 0, day)
	z := 0.0
	if peak := categories[c].peak; peak != 0 {
		away := math.Abs(math.Mod(float64(date.YearDay())/30.5-float64(peak)+0.5+18, 12) - 6)
		z += 1.2*math.Exp(-away*away/1.5) - 0.25
	}
	if wd := date.Weekday(); wd == time.Saturday || wd == time.Sunday {
		z += 0.15
	}
	return z
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
