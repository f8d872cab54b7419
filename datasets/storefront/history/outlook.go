package history

import (
	"math"
	"slices"
)

// priceSteps are prices, as shares of the list price, at which the truth says what would be demanded.
var priceSteps = [...]float64{0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3}

// listPrice is the step of the list price.
const listPrice = 5

// outlook is what is to be expected of a week, by the truth, for those who plan: of views as they are.
type outlook struct {
	units    []float64 // by item and price step; of candidates as if they had been there for long
	launches []float64 // by candidate and week of its launch, at the list price; so many as there are up to this
	weeks    int
}

// glance is what decides on a view beside its item: what users would think of others in its place.
type glance struct {
	plain float64 // log-odds but for the own price
	base  float64 // and but for the item
	score [3]float64
	noise [3]float64
	found bool // it was searched for: score and noise are of the three that were drawn
}

// priceTerm is what a price adds to the log-odds, by the user's sensitivity, and by his budget where dear is over it.
type priceTerm struct{ fixed, sensitive, dear float64 }

func (t *priceTerm) of(u *user) float64 {
	z := t.fixed + t.sensitive*float64(u.sensitive)
	if t.dear > 0.8+float64(u.budget) {
		z -= 2
	}
	return z
}

// newPriceTerm returns that of an offer, as logit has it.
func (it *item) newPriceTerm(o *offer) priceTerm {
	t := priceTerm{sensitive: -it.elasticity * math.Log(o.price/it.price), dear: math.Log(o.price / categories[it.category].price)}
	if cents := int(math.Round(100*o.price)) % 100; cents == 99 {
		t.fixed += 0.12
	}
	if o.discount >= 10 {
		t.fixed += 0.3
	}
	if gap := o.price/o.lowest() - 1; gap > 0.03 {
		t.sensitive -= 3.5 * math.Min(gap-0.03, 0.25)
	}
	return t
}

// atStep is an offer at a price step, with the discount that follows from it.
func (it *item) atStep(o offer, step float64) offer {
	o.price = cents(it.price * step)
	o.discount = impliedDiscount(o.price, it.price)
	return o
}

// impliedDiscount is that of a price, in percent of the list price. As prices are rounded to cents, a round discount is one of about as much.
func impliedDiscount(price, list float64) float64 { return max(0, math.Round(1000*(1-price/list))/10) }

// liking is what the item itself adds to the log-odds, but for being new.
func (it *item) liking(u *user) float64 {
	dot := 0.0
	for f := range factors {
		dot += float64(u.taste[f]) * float64(it.taste[f])
	}
	return 2*math.Tanh(0.55*dot) + it.quality
}

// newness is what it adds that an item was launched so many days ago.
func newness(age int) float64 { return 0.6 * math.Exp(-float64(age)/14) }

// look keeps what decided on a view of log-odds z.
func (s *simulation) look(g *glance, u *user, it *item, o *offer, day int, z float64) {
	term := it.newPriceTerm(o)
	g.plain = z - term.of(u)
	g.base = g.plain - it.liking(u)
	if it.launch > 0 {
		g.base -= newness(day - it.launch)
	}
}

// beginOutlook begins a week that has the day.
func (s *simulation) beginOutlook(day int) {
	weeks := (day-s.origin)/7 - (s.from-s.origin)/7 + 1
	s.outlook = &outlook{units: make([]float64, len(s.items)*len(priceSteps)), launches: make([]float64, s.cfg.Candidates*weeks), weeks: weeks}
}

// launchDay is the day on which what is launched in a week of the continuation begins.
func (s *simulation) launchDay(week int) int {
	return max(s.from, s.origin+7*((s.from-s.origin)/7+week))
}

// chance is a view whose item was searched for, with what decides on whether another would have been looked at, side by side: each
// candidate of the category goes through all of them.
type chance struct {
	base   float64
	taste  [factors]float32
	rivals [3]float64 // the better score of the other two, for each of the three
	score  [3]float64
	noise  [3]float64 // 1.5 times it
	others [3]float64 // 1.5 times the greater noise of the other two
	person *user
}

// chances sorts a day's views by category, each in the order of the views, where candidates are to be foreseen.
func (s *simulation) chances(views []view) (by [numCategories][]chance) {
	var wanted [numCategories]bool
	for i := s.cfg.Items; i < len(s.items); i++ {
		if s.items[i].launch == never {
			wanted[s.items[i].category] = true
		}
	}
	for n := range views {
		v := &views[n]
		c := s.items[v.item].category
		g := v.seen
		if !wanted[c] || !g.found {
			continue
		}
		u := &s.users[v.user]
		h := chance{base: g.base, taste: u.taste, score: g.score, person: u}
		for k := range 3 {
			a, b := (k+1)%3, (k+2)%3
			h.rivals[k] = max(g.score[a], g.score[b])
			h.noise[k] = 1.5 * g.noise[k]
			h.others[k] = 1.5 * max(g.noise[a], g.noise[b])
		}
		by[c] = append(by[c], h)
	}
	return by
}

// foresee adds what a day's views would have come to at other prices, and with other launches. Items are shared out among the threads;
// each sums up in the order of the views.
func (s *simulation) foresee(day, threads int, views []view) {
	var of [blocks][]int32
	for n := range views {
		b := int(views[n].item) * blocks / len(s.items)
		of[b] = append(of[b], int32(n))
	}
	parallel(threads, blocks, func(b int) {
		terms := make(map[int32][len(priceSteps)]priceTerm)
		for _, n := range of[b] {
			i := views[n].item
			list, known := terms[i]
			if !known {
				list = s.priceTerms(int(i))
				terms[i] = list
			}
			u, units := &s.users[views[n].user], s.outlook.units[int(i)*len(priceSteps):]
			for k := range priceSteps {
				units[k] += sigmoid(views[n].seen.plain + list[k].of(u))
			}
		}
	})
	by := s.chances(views)
	parallel(threads, s.cfg.Candidates, func(c int) {
		if i := s.cfg.Items + c; s.items[i].launch == never {
			terms := s.priceTerms(i)
			s.foreseeLaunch(day, by[s.items[i].category], i, &terms)
		}
	})
}

// priceTerms are an item's at the price steps.
func (s *simulation) priceTerms(i int) (terms [len(priceSteps)]priceTerm) {
	for k, step := range priceSteps {
		o := s.items[i].atStep(s.offers[i], step)
		terms[k] = s.items[i].newPriceTerm(&o)
	}
	return terms
}

// foreseeLaunch adds what a candidate would have been bought on a day, had it been there: in each view for which one of the three items
// that the user saw might have been it.
func (s *simulation) foreseeLaunch(day int, chances []chance, i int, terms *[len(priceSteps)]priceTerm) {
	it := &s.items[i]
	others := 1.0
	if list := s.shown[it.category]; len(list) > 0 {
		others += list[len(list)-1].now
	}
	weight := s.visible(i)
	units := s.outlook.units[i*len(priceSteps):]
	weeks := s.outlook.weeks
	launches := s.outlook.launches[(i-s.cfg.Items)*weeks:][:weeks]
	type since struct{ seen, odds float64 } // the share of what is drawn that it is, and what being new does to the odds against
	ages := make([]since, 0, weeks)
	for l := range weeks {
		age := day - s.launchDay(l)
		q := weight * (1 + launchBoost*math.Exp(-float64(age)/launchDays))
		ages = append(ages, since{q / (others + q), math.Exp(-newness(age))})
	}
	old := weight / (others + weight)
	for n := range chances {
		h := &chances[n]
		dot := 0.0
		for f := range factors {
			dot += float64(h.taste[f]) * float64(it.taste[f])
		}
		// In how many ways it is looked at, when one or two of the three are it.
		one, two := 0.0, 0.0
		for k := range 3 {
			if dot+h.noise[k] > h.rivals[k] {
				one++
			}
			if dot+h.others[k] > h.score[k] {
				two++
			}
		}
		z := h.base + 2*math.Tanh(0.55*dot) + it.quality
		looked := func(q float64) float64 { return q * (one*(1-q)*(1-q) + q*(two*(1-q)+q)) }
		share := looked(old)
		against := 0.0
		for k := range terms {
			odds := math.Exp(-z - terms[k].of(h.person))
			if k == listPrice {
				against = odds
			}
			units[k] += share * (1 / (1 + odds))
		}
		for l, a := range ages {
			launches[l] += looked(a.seen) / (1 + against*a.odds)
		}
	}
}

// writeOutlook writes the truth about a week for planners.
func (w *writer) writeOutlook(day int, monday int64, s *simulation, p *outlook) {
	first := (s.from - s.origin) / 7
	for i := range w.items {
		it := &w.items[i]
		if it.launch > day && it.launch != never {
			continue
		}
		for k, step := range priceSteps {
			t := w.demand
			t.moment(monday)
			t.integer(int64(i))
			t.real(step)
			t.real(cents(it.price * step))
			t.real(p.units[i*len(priceSteps)+k])
			t.end()
		}
		if it.launch != never {
			continue
		}
		for l := range p.weeks {
			t := w.launches
			t.integer(int64(i))
			t.moment(w.cfg.at(s.origin+7*(first+l), 0).UnixMicro())
			t.moment(monday)
			t.real(p.launches[(i-w.cfg.Items)*p.weeks+l])
			t.end()
		}
	}
}

// openOutlook begins the tables of the truth for planners.
func (w *writer) openOutlook() (err error) {
	w.demand, err = createTable(w.dir, hiddenDir+"/demand.parquet", field("week", moment), field("item", integer), field("step", decimal), field("price", decimal), field("expected_demand", decimal))
	if err != nil || w.cfg.Candidates == 0 {
		return err
	}
	w.launches, err = createTable(w.dir, hiddenDir+"/launches.parquet", field("item", integer), field("launch_week", moment), field("week", moment), field("expected_demand", decimal))
	return err
}

// Contacts are foreseen of so many users of each candidate, and in all.
const (
	mostContacted = 1000
	maxForeseen   = 10_000_000
)

// writeContacts writes what telling users of candidates is worth: the probability that one buys who follows a contact on the first day, at
// the list price, of a candidate that is not new; the users to whom it is most.
func (w *writer) writeContacts(s *simulation) error {
	t, err := createTable(w.dir, hiddenDir+"/contacts.parquet", field("item", integer), field("user", integer), field("probability", decimal))
	if err != nil {
		return err
	}
	most := min(mostContacted, len(w.users), max(1, maxForeseen/max(1, w.cfg.Candidates)))
	const size = 16
	for lo := w.cfg.Items; lo < len(w.items); lo += size {
		var lists [size][]float64
		hi := min(lo+size, len(w.items))
		parallel(w.o.Threads, hi-lo, func(b int) { lists[b] = s.worths(lo + b) })
		for i := lo; i < hi; i++ {
			all := lists[i-lo]
			sorted := slices.Clone(all)
			slices.Sort(sorted)
			least, left := sorted[len(sorted)-most], most
			for u, p := range all {
				if p >= least && left > 0 {
					t.integer(int64(i))
					t.integer(int64(u))
					t.real(p)
					t.end()
					left--
				}
			}
		}
	}
	return w.finish(t)
}

// worths are the probabilities with which users buy a candidate who look at it on the first day because they were told.
func (s *simulation) worths(i int) []float64 {
	it := s.items[i]
	it.launch = 0
	o := s.offer(i, s.from/7)
	o = it.atStep(o, 1)
	all := make([]float64, len(s.users))
	for u := range all {
		v := view{since: -1}
		if h := &s.habits[u]; h.visits > 0 {
			v.since = float32(int32(s.from) - h.last)
		}
		all[u] = sigmoid(s.logit(&s.users[u], &it, &o, s.from, &v, 0))
	}
	return all
}
