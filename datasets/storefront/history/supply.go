package history

import (
	"math"
	"slices"
)

// numCountries is len(countries).
const numCountries = 8

// places are where the countries' users are, in km to the east and to the north of those of the first.
var places = [numCountries][2]float64{{0, 0}, {-450, -130}, {-250, 220}, {560, -210}, {-1050, -1080}, {40, -520}, {890, 240}, {-310, 90}}

// distance is that between two countries, in km.
func distance(a, b int) float64 {
	return math.Hypot(places[a][0]-places[b][0], places[a][1]-places[b][1])
}

// Costs of the way of one piece, in the shop's currency, and how far it comes on a day.
const (
	deliveryCost, deliveryKm = 1.20, 0.0012 // from a warehouse to a user
	transferCost, transferKm = 0.30, 0.0006 // from a warehouse to another
	freightCost, freightKm   = 0.15, 0.0003 // from a supplier to a warehouse
	transferSpeed            = 500.0        // km a day, beside the day on which it is packed
)

// supply is where goods come from, and where they wait for their buyers. Nothing in it changes.
type supply struct {
	warehouses []warehouse
	suppliers  []int                 // the country of each
	serves     [numCountries]int     // which warehouse serves a country
	delivery   [numCountries]float64 // what the way of a piece to a user there costs
	edges      []edge                // by site; of each, that of the shop's own supplier of the item first
	first      []int32               // of each site, and after the last
}

// warehouse stands in a country, and serves those that no other is nearer to.
type warehouse struct {
	country int
	holding float64 // cost of keeping a piece for a year, as a share of the item's cost
	share   float64 // of the sessions, about: of the users that it serves
}

// edge is how a supplier delivers an item to a warehouse.
type edge struct {
	supplier                    int32
	lead                        int32 // days
	minimum, multiple, capacity int32 // of an order, and of the orders of a week
	cost, freight               float64
}

// delivered is what a piece costs with the way to the warehouse.
func (e *edge) delivered() float64 { return e.cost + e.freight }

// site is the number of an item in a warehouse.
func (s *supply) site(item, warehouse int) int { return item*len(s.warehouses) + warehouse }

// at are the edges by which an item comes to a warehouse.
func (s *supply) at(site int) []edge { return s.edges[s.first[site]:s.first[site+1]] }

// find returns the number of the edge from a supplier, −1 where there is none.
func (s *supply) find(site, supplier int) int {
	i := slices.IndexFunc(s.at(site), func(e edge) bool { return int(e.supplier) == supplier })
	if i < 0 {
		return -1
	}
	return int(s.first[site]) + i
}

// transfer is what the way of a piece from a warehouse to another costs, and how many days it takes.
func (s *supply) transfer(from, to int) (cost float64, days int) {
	km := distance(s.warehouses[from].country, s.warehouses[to].country)
	return cents(transferCost + transferKm*km), 1 + int(math.Ceil(km/transferSpeed))
}

// level is how dear a supplier is; who is dear is fast.
func (w *world) level(supplier int) float64 {
	return 0.94 + 0.16*share(mix(w.cfg.Seed, forSupply, 1, uint64(supplier)))
}

// newSupply draws warehouses, suppliers and edges.
func (w *world) newSupply() *supply {
	s := &supply{}
	seed := w.cfg.Seed
	for n := range w.cfg.Warehouses {
		s.warehouses = append(s.warehouses, warehouse{country: n, holding: math.Round(100*(0.15+0.15*share(mix(seed, forSupply, 0, uint64(n))))) / 100})
	}
	for c := range numCountries {
		for n := range s.warehouses {
			if distance(n, c) < distance(s.serves[c], c) {
				s.serves[c] = n
			}
		}
		s.delivery[c] = cents(deliveryCost + deliveryKm*distance(s.serves[c], c))
		// Countries are drawn by the square of an even number.
		s.warehouses[s.serves[c]].share += math.Sqrt(float64(c+1)/numCountries) - math.Sqrt(float64(c)/numCountries)
	}
	for n := range w.cfg.Suppliers {
		s.suppliers = append(s.suppliers, int(mix(seed, forSupply, 2, uint64(n))%numCountries))
	}
	demand := w.usual()
	for i := range w.items {
		if i >= w.cfg.Items {
			demand[i] = w.hoped(i)
		}
		list := w.sources(i)
		for n := range s.warehouses {
			s.first = append(s.first, int32(len(s.edges)))
			for k, supplier := range list {
				if k > 0 && share(mix(seed, forSupply, 3, uint64(i), uint64(n), uint64(k))) > 0.7 {
					continue // delivers to other warehouses alone
				}
				s.edges = append(s.edges, w.newEdge(s, i, n, list[0], supplier, float64(demand[i])))
			}
		}
	}
	s.first = append(s.first, int32(len(s.edges)))
	return s
}

// sources are the suppliers of an item, the shop's own first.
func (w *world) sources(item int) []int {
	n := uint64(w.cfg.Suppliers)
	list := []int{int(mix(w.cfg.Seed, forSupply, 4, uint64(item)) % n)}
	for k := range uint64(2) {
		h := mix(w.cfg.Seed, forSupply, 5+k, uint64(item))
		if other := int(mix(h, 1) % n); share(h) < 0.6 && !slices.Contains(list, other) {
			list = append(list, other)
		}
	}
	return list
}

// multiples are the sizes of boxes.
var multiples = []int32{1, 2, 5, 6, 10, 12, 20, 24, 50}

// newEdge draws how a supplier delivers an item, of which so many are bought on a day, to a warehouse. The shop's own supplier of an
// item asks the cost and takes the time that the catalog says, others as they are dearer and faster than him.
func (w *world) newEdge(s *supply, item, warehouse, own, supplier int, demand float64) edge {
	it := &w.items[item]
	h := mix(w.cfg.Seed, forSupply, 7, uint64(item), uint64(supplier))
	dear := w.level(supplier) / w.level(own)
	e := edge{
		supplier: int32(supplier),
		lead:     max(1, int32(math.Round(float64(it.lead)*math.Exp(-3*(dear-1))))),
		cost:     max(0.01, cents(it.cost*dear)),
		freight:  cents(freightCost + freightKm*distance(s.suppliers[supplier], s.warehouses[warehouse].country)),
	}
	demand *= s.warehouses[warehouse].share
	// A box holds what is bought in two weeks at most, an order is of one to four.
	fit := 1
	for fit < len(multiples) && float64(multiples[fit]) <= 14*demand {
		fit++
	}
	e.multiple = multiples[mix(h, 1)%uint64(fit)]
	e.minimum = e.multiple * int32(1+mix(h, 2)%4)
	if item >= w.cfg.Items { // what the table of candidates says
		e.multiple, e.minimum = 10, w.firstOrder(item)
	}
	week := float64(e.minimum) + 7*demand*(3+5*share(mix(h, 3, uint64(warehouse))))
	e.capacity = e.multiple * int32(min(math.Ceil(week/float64(e.multiple)), maxQuantity/float64(e.multiple)))
	return e
}

// firstOrder is the least that can be ordered of a candidate.
func (w *world) firstOrder(item int) int32 {
	return int32(10 * (1 + mix(mix(w.cfg.Seed, forCandidate, uint64(item), 1), 2)%10))
}
