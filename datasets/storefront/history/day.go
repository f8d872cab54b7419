package history

import (
	"math"
	"slices"
	"sync"

	"debut/kernels/philox"
)

const (
	// blocks is how many parts the users are cut into, whatever the threads.
	blocks = 64
	// The number of views of a session is 1 + a geometric number, cut off.
	goOn     = 0.82
	maxViews = 40
)

// meanViews is the mean number of views of a session.
var meanViews = func() float64 {
	mean, p := 0.0, 1.0
	for range maxViews {
		mean += p
		p *= goOn
	}
	return mean
}()

// habits is what of a user changes.
type habits struct {
	last   int32 // day of the last session, -1 for none
	visits int16
	bought int16
}

// simulation is what changes.
type simulation struct {
	*world
	habits []habits
	offers []offer
	week   int
	stock  stock
	sites  *sites // stocks by warehouse, where there are any: stock is not used then
	origin int    // the day from which weeks are counted
	policy Policy // by item and day
	placed []Order
	shown  [][]shown // launched candidates, by category
	truth  bool      // what views would be worth at other prices is asked for
	from   int       // the first day
	// outlook is that of the week, where the truth is asked for.
	outlook *outlook
}

func newSimulation(w *world) *simulation {
	s := &simulation{world: w, habits: make([]habits, len(w.users)), offers: make([]offer, len(w.items)), week: -1, shown: make([][]shown, len(categories))}
	for u := range s.habits {
		s.habits[u].last = -1
		if w.users[u].signup < 0 { // was here before the period
			s.habits[u].last = -1 - int32(mix(w.cfg.Seed, forUser, uint64(u))%60)
			s.habits[u].visits = 1
		}
	}
	s.stock = newStock(w)
	if w.supply != nil {
		s.sites = newSites(w)
	}
	return s
}

// parallel runs f for every block on so many goroutines.
func parallel(threads, n int, f func(block int)) {
	var group sync.WaitGroup
	next := make(chan int, n)
	for b := range n {
		next <- b
	}
	close(next)
	for range threads {
		group.Go(func() {
			for b := range next {
				f(b)
			}
		})
	}
	group.Wait()
}

// draw returns the views of a day, in the order of time: who comes, what they
// see, and what they want. It changes the habits of those who come.
func (s *simulation) draw(day, threads int) []view {
	if week := day / 7; week != s.week {
		s.week = week
		parallel(threads, blocks, func(b int) {
			for i := b * len(s.items) / blocks; i < (b+1)*len(s.items)/blocks; i++ {
				s.offers[i] = s.offer(i, week)
			}
		})
	}
	s.reprice(day)
	s.age(day)
	contacts := s.policy.contactsOn(day)
	var parts [blocks][]view
	rate := s.rate * s.traffic(day)
	parallel(threads, blocks, func(b int) {
		for u := b * len(s.users) / blocks; u < (b+1)*len(s.users)/blocks; u++ {
			p := &s.users[u]
			if int(p.signup) > day {
				continue
			}
			came := share(mix(s.cfg.Seed, forSession, uint64(u), uint64(day))) < min(rate*float64(p.activity), 1)
			if came {
				parts[b] = s.session(parts[b], u, day)
			}
			if len(contacts) > 0 {
				parts[b] = s.contacted(parts[b], contacts, u, day, came)
			}
		}
	})
	all := slices.Concat(parts[:]...)
	slices.SortFunc(all, func(a, b view) int {
		switch {
		case a.second != b.second:
			return int(a.second) - int(b.second)
		case a.user != b.user:
			return int(a.user) - int(b.user)
		}
		return int(a.position) - int(b.position)
	})
	if s.truth {
		if s.outlook == nil || (day-s.origin)%7 == 0 {
			s.beginOutlook(day)
		}
		s.foresee(day, threads, all)
	}
	return all
}

// session appends the views of a user's session.
func (s *simulation) session(out []view, u, day int) []view {
	r := stream(s.cfg.Seed, forSession, uint64(day)<<40|uint64(u))
	p, h := &s.users[u], &s.habits[u]
	since := float32(-1)
	if h.visits > 0 {
		since = float32(int32(day) - h.last)
	}
	// More in the evening.
	second := int32(86_399 * math.Pow(r.Float64(), 0.7))
	carted, bought := 0, 0
	var seen [numCategories]float64 // probabilities of views, by category
	for position := range maxViews {
		var g *glance
		if s.truth {
			g = new(glance)
		}
		i, ok := s.find(r, p, day, g)
		if !ok {
			break
		}
		it, o := &s.items[i], &s.offers[i]
		v := view{
			user: int32(u), item: int32(i), second: second, position: int16(position), visits: h.visits, bought: h.bought, since: since,
			price: float32(o.price), discount: float32(o.discount), gap: float32(o.price/o.lowest() - 1),
		}
		z := s.logit(p, it, o, day, &v, carted)
		before := seen[it.category]
		if strength := s.cfg.Substitution; strength > 0 {
			z -= strength * before
			seen[it.category] += sigmoid(z)
		}
		v.probability = float32(sigmoid(z))
		if s.truth {
			s.otherPrices(p, it, o, day, &v, carted, before)
			s.look(g, p, it, o, day, z)
			v.seen = g
		}
		x := r.Float64()
		v.carted = x < sigmoid(z+1.1)
		v.wanted = x < sigmoid(z)
		if v.carted {
			carted++
		}
		if v.wanted {
			bought++
		}
		out = append(out, v)
		if second = min(second+5+int32(80*r.Float64()), 86_399); r.Float64() >= goOn {
			break
		}
	}
	h.last = int32(day)
	h.visits = int16(min(int(h.visits)+1, math.MaxInt16))
	h.bought = int16(min(int(h.bought)+bought, math.MaxInt16))
	return out
}

// find chooses an item to look at: of a few popular ones the one closest to the
// user's taste. What decided is kept in g, unless that is nil.
func (s *simulation) find(r *philox.Stream, p *user, day int, g *glance) (int, bool) {
	c := p.favorite
	if r.Float64() < 0.5 {
		c = s.pick(r.Float64())
	}
	list := s.by[c]
	best, score := -1, math.Inf(-1)
	if g != nil {
		g.found, g.score = true, [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	}
	for n := range 3 {
		x := r.Float64()
		k := int(math.Exp(x*math.Log(float64(len(list))+1))) - 1
		i := int(list[min(max(k, 0), len(list)-1)])
		if len(s.shown[c]) > 0 {
			i = s.instead(c, i, x)
		}
		if s.items[i].launch > day {
			continue
		}
		dot := 0.0
		for f := range factors {
			dot += float64(p.taste[f]) * float64(s.items[i].taste[f])
		}
		noise := r.NormFloat64()
		dot += 1.5 * noise
		if g != nil {
			g.score[n], g.noise[n] = dot, noise
		}
		if dot > score {
			best, score = i, dot
		}
	}
	if best < 0 { // the first of a category is there from the beginning
		best = int(list[0])
		if s.items[best].launch > day {
			return 0, false
		}
	}
	return best, true
}

// stock is what is there to be sold.
type stock struct {
	level   []int32
	ordered []int32
	due     []int32   // day that the order arrives
	demand  []float32 // smoothed, a day
	week    []weekly

	arriving []arrival // of a policy's orders
}

// arrival is an order under way.
type arrival struct {
	item, quantity int32
	day            int32
}

// weekly is what became of an item in a week.
type weekly struct {
	start, received, sold, lost int32
	expected                    float64 // purchases, had there been stock
	views                       int32
	revenue, expectedRevenue    float64
	dearer, cheaper             float64 // expected at prices higher and lower by priceStep
}

func newStock(w *world) stock {
	n := len(w.items)
	s := stock{level: make([]int32, n), ordered: make([]int32, n), due: make([]int32, n), demand: w.usual(), week: make([]weekly, n)}
	for i, d := range s.demand {
		s.level[i] = int32(math.Ceil(firstStock * float64(d)))
	}
	return s
}

// usual is about how many of each item of the catalog are bought on a day, by its place there, as items are found; 0 for candidates.
func (w *world) usual() []float32 {
	demand := make([]float32, len(w.items))
	perDay := w.perDay()
	for c, list := range w.by {
		share := categories[c].share / w.choose[len(w.choose)-1]
		harmonic := math.Log(float64(len(list)) + 1)
		for k, i := range list {
			demand[i] = float32(perDay * share / (float64(k) + 1) / harmonic)
		}
	}
	return demand
}

// sell gives those who want to buy what is there, in the order of time, and
// orders what runs low.
func (s *simulation) sell(day int, views []view) {
	if s.sites != nil {
		s.serve(day, views)
		return
	}
	k := &s.stock
	if (day-s.origin)%7 == 0 {
		for i := range k.week {
			k.week[i] = weekly{start: k.level[i]}
		}
	}
	s.receive(day)
	s.stockUp(day)
	sold := make(map[int32]int32)
	for n := range views {
		v := &views[n]
		wk := &k.week[v.item]
		wk.see(v)
		v.inStock = k.level[v.item] > 0
		if !v.wanted {
			continue
		}
		if !v.inStock {
			wk.lost++
			v.carted = false
			continue
		}
		v.purchased = true
		k.level[v.item]--
		wk.sold++
		wk.revenue += cents(float64(v.price))
		sold[v.item]++
	}
	s.restock(day, sold)
}

// see counts a view.
func (wk *weekly) see(v *view) {
	wk.views++
	wk.expected += float64(v.probability)
	wk.expectedRevenue += float64(v.probability) * cents(float64(v.price))
	wk.dearer += float64(v.dearer)
	wk.cheaper += float64(v.cheaper)
}

// receive takes in what arrives on a day.
func (s *simulation) receive(day int) {
	k := &s.stock
	for i := range k.level {
		if k.ordered[i] > 0 && int(k.due[i]) <= day {
			k.level[i] += k.ordered[i]
			k.week[i].received += k.ordered[i]
			k.ordered[i] = 0
		}
	}
	k.arriving = slices.DeleteFunc(k.arriving, func(a arrival) bool {
		if int(a.day) > day {
			return false
		}
		k.level[a.item] += a.quantity
		k.week[a.item].received += a.quantity
		return true
	})
}

// restock notes what was sold on a day, and orders: what runs low, or what a policy says.
func (s *simulation) restock(day int, sold map[int32]int32) {
	k := &s.stock
	under := map[int32]bool{}
	for _, a := range k.arriving {
		under[a.item] = true
	}
	for i := range k.level {
		if i >= s.cfg.Items && s.items[i].launch > day { // a candidate
			continue
		}
		k.demand[i] += 0.05 * (float32(sold[int32(i)]) - k.demand[i])
		lead := float64(s.items[i].lead)
		if s.policy.Orders == nil && k.ordered[i] == 0 && !under[int32(i)] && float64(k.level[i]) <= float64(k.demand[i])*lead*0.9 {
			k.ordered[i] = int32(math.Ceil(float64(k.demand[i])*(lead+14))) + 1
			k.due[i] = int32(day) + int32(s.items[i].lead)
			s.placed = append(s.placed, Order{Item: i, Day: day, Quantity: int(k.ordered[i])})
		}
	}
	for _, o := range s.policy.ordersOn(day) {
		k.arriving = append(k.arriving, arrival{int32(o.Item), int32(o.Quantity), int32(day + s.items[o.Item].lead)})
		s.placed = append(s.placed, o)
	}
}
