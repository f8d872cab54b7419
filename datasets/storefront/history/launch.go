package history

import (
	"math"
	"slices"
)

// numCategories is len(categories).
const numCategories = 8

// shown is a candidate that was launched: how often it is seen, as a share of the views of the items of its category that were there before.
type shown struct {
	item   int
	weight float64 // when it is no longer new
	now    float64 // on the day, summed up with those before it in the list
}

// A launched product is seen more often at first.
const (
	launchBoost = 1.5
	launchDays  = 14.0 // until a third is left of it
)

// launch puts candidates into the shop. How often one is seen is drawn among the places of the catalog: it does not depend on where it
// stands among the candidates.
func (s *simulation) launch(list []Launch) {
	for _, l := range list {
		it := &s.items[l.Item]
		it.launch = l.Day
		s.shown[it.category] = append(s.shown[it.category], shown{item: l.Item, weight: s.visible(l.Item)})
	}
	for _, list := range s.shown {
		slices.SortFunc(list, func(a, b shown) int { return a.item - b.item })
	}
}

// visible is how often a candidate is seen that is no longer new, as a share of the views of the items of its category in the catalog.
func (w *world) visible(item int) float64 {
	n := float64(len(w.by[w.items[item].category]))
	place := math.Floor(share(mix(w.cfg.Seed, forCandidate, uint64(item))) * n)
	return math.Log((place+2)/(place+1)) / math.Log(n+1)
}

// stockUp takes in the first stock of what is launched on a day.
func (s *simulation) stockUp(day int) {
	k := &s.stock
	for _, l := range s.policy.Launches {
		if l.Day != day {
			continue
		}
		k.demand[l.Item] = s.hoped(l.Item)
		quantity := int32(l.Quantity)
		if quantity == 0 && !l.Empty {
			quantity = int32(math.Ceil(firstStock * float64(k.demand[l.Item])))
		}
		k.level[l.Item] += quantity
		k.week[l.Item].received += quantity
	}
}

// hoped is about how many of a candidate are bought on a day when it is no longer new.
func (w *world) hoped(item int) float32 {
	return float32(w.perDay() * categories[w.items[item].category].share / w.choose[len(w.choose)-1] * w.visible(item))
}

// firstStock is how many days the stock is for that an item begins with.
const firstStock = 30

// perDay is about how many items are bought on a day.
func (w *world) perDay() float64 { return float64(w.cfg.Events) * 0.12 / float64(w.cfg.Days) }

// age sets how often launched products are seen on a day.
func (s *simulation) age(day int) {
	for _, list := range s.shown {
		sum := 0.0
		for i := range list {
			if since := day - s.items[list[i].item].launch; since >= 0 {
				sum += list[i].weight * (1 + launchBoost*math.Exp(-float64(since)/launchDays))
			}
			list[i].now = sum
		}
	}
}

// instead returns an item that was drawn, or a launched one that is seen in its place. x is the number that the item was drawn by; what
// decides is a function of it, so that the numbers that follow are the same with launches and without.
func (s *simulation) instead(c, i int, x float64) int {
	list := s.shown[c]
	total := list[len(list)-1].now
	at := share(mix(s.cfg.Seed, forCandidate, math.Float64bits(x), uint64(c))) * (1 + total)
	for _, l := range list {
		if at < l.now {
			return l.item
		}
	}
	return i
}

// A contact is followed by a view with this probability, less for each one of the user's in the days before.
const (
	contactView = 0.5
	contactTire = 0.4 // in the exponent, for each beyond the first
	contactDays = 7
)

// contactsOn are the contacts of a day, by user.
func (p *Policy) contactsOn(day int) []Contact {
	from, _ := slices.BinarySearchFunc(p.Contacts, day, func(c Contact, day int) int { return c.Day - day })
	to := from
	for to < len(p.Contacts) && p.Contacts[to].Day == day {
		to++
	}
	return p.Contacts[from:to]
}

// contactsBefore counts the contacts of a user in the days before one.
func (p *Policy) contactsBefore(user, day int) (n int) {
	for d := day - contactDays; d < day; d++ {
		list := p.contactsOn(d)
		at, _ := slices.BinarySearchFunc(list, user, func(c Contact, u int) int { return c.User - u })
		for ; at < len(list) && list[at].User == user; at++ {
			n++
		}
	}
	return n
}

// contacted appends the views that contacts of a user bring on a day.
func (s *simulation) contacted(out []view, today []Contact, u, day int, came bool) []view {
	at, _ := slices.BinarySearchFunc(today, u, func(c Contact, u int) int { return c.User - u })
	h, p := &s.habits[u], &s.users[u]
	before := s.policy.contactsBefore(u, day)
	for k := 0; at < len(today) && today[at].User == u; at, k = at+1, k+1 {
		c := today[at]
		it, o := &s.items[c.Item], &s.offers[c.Item]
		if it.launch > day {
			continue
		}
		r := stream(s.cfg.Seed, forContact, uint64(day)<<40|uint64(u))
		for range 3 * k { // of several on a day, each has its own
			r.Float64()
		}
		tired := math.Exp(-contactTire * float64(before+k))
		follows, second, x := r.Float64() < contactView*tired, int32(86_399*r.Float64()), r.Float64()
		if !follows {
			continue
		}
		since := float32(-1)
		if h.visits > 0 {
			since = float32(int32(day) - h.last)
		}
		v := view{
			user: int32(u), item: int32(c.Item), second: second, position: 0, visits: h.visits, bought: h.bought, since: since,
			price: float32(o.price), discount: float32(o.discount), gap: float32(o.price/o.lowest() - 1),
		}
		z := s.logit(p, it, o, day, &v, 0)
		v.probability = float32(sigmoid(z))
		if s.truth {
			s.otherPrices(p, it, o, day, &v, 0, 0)
			v.seen = new(glance)
			s.look(v.seen, p, it, o, day, z)
		}
		v.carted, v.wanted = x < sigmoid(z+1.1), x < sigmoid(z)
		if v.wanted {
			h.bought = int16(min(int(h.bought)+1, math.MaxInt16))
		}
		if !came {
			h.last, h.visits, came = int32(day), int16(min(int(h.visits)+1, math.MaxInt16)), true
		}
		out = append(out, v)
	}
	return out
}
