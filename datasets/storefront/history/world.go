package history

import (
	"math"
	"strings"
	"time"

	"debut/kernels/philox"
)

// factors is the width of tastes, picture that of an item's picture.
const (
	factors = 8
	picture = 16
)

// category is a department: how many items and users it has, its median price
// and the month of its peak (0: none).
type category struct {
	name  string
	share float64
	price float64
	peak  time.Month
	noun  []string
}

var categories = []category{
	{"fashion", 0.24, 45, time.September, []string{"jacket", "dress", "shirt", "jeans"}},
	{"electronics", 0.17, 180, time.December, []string{"headphones", "camera", "speaker", "tablet"}},
	{"home", 0.16, 60, 0, []string{"lamp", "chair", "vase", "blanket"}},
	{"beauty", 0.13, 25, 0, []string{"cream", "perfume", "serum", "soap"}},
	{"sports", 0.11, 55, time.May, []string{"shoes", "mat", "bottle", "racket"}},
	{"toys", 0.08, 30, time.December, []string{"puzzle", "robot", "doll", "game"}},
	{"books", 0.07, 15, time.December, []string{"novel", "atlas", "cookbook", "comic"}},
	{"garden", 0.04, 50, time.May, []string{"rake", "planter", "grill", "hose"}},
}

// words say what an item is like, by factor: the first where the factor is
// high, the second where it is low.
var words = [factors][2]string{
	{"modern", "classic"}, {"colorful", "plain"}, {"premium", "simple"}, {"compact", "large"},
	{"handmade", "precise"}, {"soft", "rugged"}, {"quiet", "bold"}, {"organic", "technical"},
}

var (
	devices   = []string{"mobile", "desktop", "app", "tablet"}
	countries = []string{"DE", "FR", "NL", "AT", "ES", "IT", "PL", "BE"}
)

// Purposes of random numbers. Append, never renumber.
const (
	forItem uint64 = iota + 1
	forUser
	forSession
	forWeek
	forProjection
	forCandidate
	forContact
	forSupply
	forWaiting
)

// stream returns the random numbers of one purpose of one subject.
func stream(seed, purpose, subject uint64) *philox.Stream {
	return philox.New(seed, purpose<<56|subject)
}

// mix is a random number of a few subjects, cheaper than a stream (the finalizer
// of SplitMix64; Steele, Lea, Flood, 2014).
func mix(seed uint64, subjects ...uint64) uint64 {
	h := seed
	for _, s := range subjects {
		h = (h ^ s) * 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// share makes a number in [0, 1) of mix.
func share(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// item is a product.
type item struct {
	category   int
	brand      int
	price      float64 // list price
	cost       float64
	quality    float64
	elasticity float64 // of the odds of a purchase to the price, for a user of usual sensitivity
	taste      [factors]float32
	launch     int // day, 0 or before for those there from the beginning
	lead       int // days from order to arrival
}

// user is a person.
type user struct {
	taste     [factors]float32
	favorite  int
	device    uint8
	country   uint8
	age       uint8
	signup    int32   // day
	activity  float32 // relative number of sessions
	sensitive float32 // to prices, about 1
	budget    float32 // logarithm of what is affordable over the usual
}

// never is the launch of a candidate that is not launched.
const never = math.MaxInt32

// world is what does not change.
type world struct {
	cfg    Config
	items  []item
	by     [][]int32 // items of each category, most popular first
	users  []user
	rate   float64 // sessions of a user of activity 1 on a day of usual traffic
	choose []float64

	supply *supply // nil where one stock of each item serves everybody

	sessions float64 // of the period, in sessions of a user of activity 1 on a day of usual traffic
}

func newWorld(cfg Config) *world {
	w := newGoods(cfg)
	w.users = make([]user, cfg.Users)
	started := make([]float64, cfg.Days) // activity by day of signup
	for u := range w.users {
		w.users[u] = w.newUser(u)
		started[max(0, w.users[u].signup)] += float64(w.users[u].activity)
	}
	active := 0.0
	for d := range cfg.Days {
		active += started[d]
		w.sessions += active * w.traffic(d)
	}
	w.expect(cfg.Events)
	return w
}

// newGoods returns a world without users: what there is to be sold, and where it comes from.
func newGoods(cfg Config) *world {
	w := &world{cfg: cfg, by: make([][]int32, len(categories))}
	sum := 0.0
	for _, c := range categories {
		sum += c.share
		w.choose = append(w.choose, sum)
	}
	w.items = make([]item, cfg.Items+cfg.Candidates)
	for i := range w.items {
		w.items[i] = w.newItem(i)
		if i >= cfg.Items {
			w.items[i].launch = never
			continue
		}
		c := w.items[i].category
		w.by[c] = append(w.by[c], int32(i))
	}
	if cfg.Warehouses > 0 {
		w.supply = w.newSupply()
	}
	return w
}

// expect sets how many views are to come about.
func (w *world) expect(events int) {
	w.cfg.Events = events
	w.rate = float64(events) / meanViews / w.sessions
}

func (w *world) pick(x float64) int {
	for i, c := range w.choose {
		if x*w.choose[len(w.choose)-1] < c {
			return i
		}
	}
	return len(w.choose) - 1
}

func (w *world) newItem(i int) item {
	r := stream(w.cfg.Seed, forItem, uint64(i))
	c := w.pick(r.Float64())
	if i < len(categories) {
		c = i
	}
	it := item{category: c, brand: int(40 * math.Pow(r.Float64(), 2)), quality: 0.5 * r.NormFloat64(), elasticity: 1.2 + 2*r.Float64(), lead: 3 + r.IntN(25)}
	for f := range it.taste {
		it.taste[f] = float32(r.NormFloat64())
	}
	price := categories[c].price * math.Exp(0.5*r.NormFloat64()+0.2*it.quality)
	it.price = math.Max(1.99, math.Floor(price)+0.99)
	if r.Float64() < 0.4 {
		it.price = math.Max(1, math.Floor(price))
	}
	it.cost = math.Round(100*it.price*(0.45+0.2*r.Float64())) / 100
	if r.Float64() < 0.2 && i >= len(categories) { // a new product
		it.launch = 1 + r.IntN(w.cfg.Days)
	}
	return it
}

func (w *world) newUser(u int) user {
	r := stream(w.cfg.Seed, forUser, uint64(u))
	p := user{favorite: w.pick(r.Float64()), device: uint8(r.IntN(len(devices))), country: uint8(float64(len(countries)) * math.Pow(r.Float64(), 2)), age: uint8(18 + 55*math.Pow(r.Float64(), 1.3))}
	// Tastes gather around those of a few kinds of people.
	kind := stream(w.cfg.Seed, forProjection, uint64(1+r.IntN(12)))
	for f := range p.taste {
		p.taste[f] = float32(0.8*kind.NormFloat64() + 0.6*r.NormFloat64())
	}
	p.activity = float32(math.Exp(0.9 * r.NormFloat64()))
	p.sensitive = float32(math.Exp(0.35 * r.NormFloat64()))
	p.budget = float32(0.5 * r.NormFloat64())
	if r.Float64() < 0.5 {
		p.signup = int32(r.IntN(w.cfg.Days))
	} else {
		p.signup = -1
	}
	return p
}

// traffic is the relative number of sessions on a day.
func (w *world) traffic(day int) float64 {
	date := w.cfg.Start.AddDate(0, 0, day)
	t := 1 + 0.15*math.Cos(2*math.Pi*(float64(date.YearDay())-340)/365)
	switch {
	case date.Month() == time.November && date.Day() >= 24 && date.Day() <= 30:
		t *= 1.8
	case date.Month() == time.December && date.Day() < 22:
		t *= 1.35
	}
	if wd := date.Weekday(); wd == time.Saturday || wd == time.Sunday {
		t *= 1.2
	}
	return t
}

// title is what the shop calls an item: its strongest properties and its kind.
func (it *item) title(i int) string {
	parts := []string{brand(it.brand)}
	for f, v := range it.taste {
		if v > 0.8 {
			parts = append(parts, words[f][0])
		} else if v < -0.8 {
			parts = append(parts, words[f][1])
		}
	}
	return strings.Join(append(parts, categories[it.category].noun[i%4]), " ")
}

func brand(b int) string { return "brand" + string(rune('a'+b/10)) + string(rune('0'+b%10)) }

// picture is an item's picture as a vector: a projection of what it is like,
// with noise.
func (w *world) picture(i int) []float32 {
	out := make([]float32, picture)
	noise := stream(w.cfg.Seed, forItem, 1<<40|uint64(i))
	projection := stream(w.cfg.Seed, forProjection, 0)
	for k := range out {
		sum := 0.0
		for f := range factors {
			sum += projection.NormFloat64() * float64(w.items[i].taste[f]) / math.Sqrt(factors)
		}
		out[k] = float32(sum + 0.3*noise.NormFloat64())
	}
	return out
}

// offer is what an item costs in a week, here and elsewhere.
type offer struct {
	price       float64
	discount    float64 // percent
	competitors [3]float64
}

// lowest is the lowest price elsewhere.
func (o *offer) lowest() float64 { return min(o.competitors[0], o.competitors[1], o.competitors[2]) }

// offer returns the prices of a week. Competitors answer a promotion a week
// later.
func (w *world) offer(i, week int) offer {
	it := &w.items[i]
	promotion := func(week int) float64 {
		h := mix(w.cfg.Seed, forWeek, uint64(i), uint64(week+1000))
		if share(h) > 0.18 {
			return 0
		}
		return []float64{5, 10, 15, 20, 30, 40}[mix(h, 1)%6]
	}
	o := offer{discount: promotion(week)}
	o.price = math.Round(100*it.price*(1-o.discount/100)) / 100
	answer := 0.5 * promotion(week-1) / 100
	for k := range o.competitors {
		h := mix(w.cfg.Seed, forWeek, uint64(i), uint64(k)+7)
		level := 0.9 + 0.25*share(h) + 0.06*(share(mix(h, uint64(week+1000)))-0.5)
		if mix(h, uint64(week+1000), 3)%3 == 0 {
			level -= answer
		}
		o.competitors[k] = math.Round(100*it.price*level) / 100
	}
	return o
}
