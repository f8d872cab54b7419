package storefront

import (
	"math"
	"time"

	"debut/kernels/philox"
)

// The values of the text columns. Those at the end of each list are rare.
var (
	devices   = []string{"mobile", "desktop", "app", "tablet", "tv"}
	channels  = []string{"search", "direct", "paid_search", "email", "social", "affiliate", "display", "podcast"}
	countries = []string{"DE", "FR", "NL", "AT", "BE", "ES", "IT", "PL", "LU", "IS"}
)

// Indexes into devices and channels that the behavior or the truth refers to.
const (
	deviceMobile  = 0
	deviceDesktop = 1
	deviceApp     = 2
	deviceTV      = 4

	channelPaid      = 2
	channelEmail     = 3
	channelSocial    = 4
	channelAffiliate = 5
	channelDisplay   = 6
)

// category is one department of the shop.
type category struct {
	name   string
	weight float64 // share of items, and of users who like it best
	price  float64 // median price
	spread float64 // standard deviation of the logarithm of the price
}

// categories lists the departments; the last two are rare.
var categories = [...]category{
	{"fashion", 0.24, 45, 0.50},
	{"electronics", 0.18, 180, 0.70},
	{"home", 0.15, 60, 0.60},
	{"beauty", 0.13, 25, 0.40},
	{"sports", 0.11, 55, 0.50},
	{"toys", 0.08, 30, 0.45},
	{"books", 0.07, 15, 0.30},
	{"garden", 0.03, 50, 0.60},
	{"gift_cards", 0.006, 40, 0.25},
	{"collectibles", 0.004, 120, 0.80},
}

// Indexes into categories that the truth refers to.
const (
	categoryElectronics = 1
	categoryBeauty      = 3
	categoryToys        = 5
	categoryBooks       = 6
	categoryGarden      = 7
	categoryGiftCards   = 8
)

// discounts are the reductions a session may see, in percent.
var discounts = [...]float64{0, 5, 10, 15, 20, 30, 40}

var (
	chooseDevice           = newWeighted(0.46, 0.30, 0.16, 0.076, 0.004)
	chooseCountry          = newWeighted(0.38, 0.17, 0.13, 0.09, 0.08, 0.06, 0.05, 0.032, 0.005, 0.003)
	chooseChannelNew       = newWeighted(0.36, 0.10, 0.20, 0.01, 0.18, 0.08, 0.064, 0.006)
	chooseChannelReturning = newWeighted(0.25, 0.31, 0.11, 0.17, 0.07, 0.05, 0.037, 0.003)
	chooseDiscount         = newWeighted(0.52, 0.12, 0.13, 0.09, 0.08, 0.04, 0.02)
	chooseDiscountInSale   = newWeighted(0.16, 0.08, 0.16, 0.16, 0.20, 0.15, 0.09)
	chooseCategory         = func() weighted {
		weights := make([]float64, len(categories))
		for i, c := range categories {
			weights[i] = c.weight
		}
		return newWeighted(weights...)
	}()
)

// catalog holds the items' prices by category, most popular first.
type catalog [][]float64

// newCatalog draws the items of a shop. Every category has at least one.
func newCatalog(cfg Config) catalog {
	prices := make(catalog, len(categories))
	for i := range cfg.Items {
		r := random(cfg.Seed, forItem, i)
		c := chooseCategory.draw(r)
		if i < len(categories) {
			c = i
		}
		price := categories[c].price * math.Exp(categories[c].spread*r.NormFloat64())
		prices[c] = append(prices[c], math.Max(1, roundTo(price, 100)))
	}
	return prices
}

// user is what a person brings to each of their sessions.
type user struct {
	country  int
	device   int
	favorite int     // category
	budget   float64 // logarithm of what they spend over the median price
	away     float64 // days since the last visit when the period begins
}

// newUser draws the habits of the user with the given index.
func newUser(seed uint64, index int) user {
	r := random(seed, forUser, index)
	return user{
		country:  chooseCountry.draw(r),
		device:   chooseDevice.draw(r),
		favorite: chooseCategory.draw(r),
		budget:   0.4 * r.NormFloat64(),
		away:     -45 * math.Log(1-r.Float64()),
	}
}

// Limits of what happens in one session.
const (
	maxPages    = 150
	maxMinutes  = 240
	maxCartAdds = 12
)

// behave fills in what happens in a session of user u: all columns but the
// ids, the time and the visits before, which the session has already. One
// hidden mood moves pages, time, bounces and the cart together.
func behave(s *Session, u user, items catalog, r *philox.Stream) {
	mood := r.NormFloat64()

	s.country = u.country
	s.device = u.device
	if r.Float64() < 0.3 {
		s.device = chooseDevice.draw(r)
	}
	if s.NewVisitor {
		s.channel = chooseChannelNew.draw(r)
	} else {
		s.channel = chooseChannelReturning.draw(r)
	}

	pages := math.Exp(1.5 + 0.55*mood + 0.65*r.NormFloat64())
	s.Pages = 1 + int(math.Min(pages, maxPages-1))
	pace := -0.5 + 0.25*mood + 0.5*r.NormFloat64()
	if s.device == deviceDesktop || s.device == deviceTV {
		pace += 0.25
	}
	s.Minutes = roundTo(math.Min(float64(s.Pages)*math.Exp(pace), maxMinutes), 10)

	bounced := 0
	leave := sigmoid(-1.4 - 0.9*mood)
	for range s.Pages {
		if r.Float64() < leave {
			bounced++
		}
	}
	s.BounceShare = roundTo(float64(bounced)/float64(s.Pages), 1000)

	browse(s, u, items, r)

	if month := s.Time.Month(); month == time.November || month == time.January || month == time.July {
		s.Discount = discounts[chooseDiscountInSale.draw(r)]
	} else {
		s.Discount = discounts[chooseDiscount.draw(r)]
	}
	wish := math.Exp(-1.5 + 0.6*mood + 0.3*math.Log(float64(s.Pages)) + 0.01*s.Discount)
	s.CartAdds = drawPoisson(r, wish, min(s.Pages, maxCartAdds))
}

// browse draws an item a page, and from them the category seen most and the
// mean price.
func browse(s *Session, u user, items catalog, r *philox.Stream) {
	focus := u.favorite
	if r.Float64() < 0.45 {
		focus = chooseCategory.draw(r)
	}
	var seen [len(categories)]int
	sum := 0.0
	for range s.Pages {
		c := focus
		if r.Float64() < 0.25 {
			c = chooseCategory.draw(r)
		}
		seen[c]++
		// Of two popular items, the user opens the one closer to their budget.
		a := items[c][drawPopular(r, len(items[c]))]
		b := items[c][drawPopular(r, len(items[c]))]
		wanted := math.Log(categories[c].price) + u.budget
		if math.Abs(math.Log(b)-wanted) < math.Abs(math.Log(a)-wanted) {
			a = b
		}
		sum += a
	}
	s.MeanPrice = roundTo(sum/float64(s.Pages), 100)
	s.category = 0
	for c := range categories {
		if seen[c] > seen[s.category] {
			s.category = c
		}
	}
}
