package history

import (
	"math"
)

// sites are the stocks of items in warehouses, by site. The units of a week are counted once, where they are sold from.
type sites struct {
	*supply
	level    []int32
	waiting  []int32   // units for which users wait
	onWay    []int32   // units ordered
	demand   []float32 // smoothed, a day
	worth    []float64 // what a piece in stock was bought for, on average
	week     []siteWeek
	today    []int32 // asked for on the day and not lost
	used     []int32 // of the capacity of the week, by edge
	arriving []delivery
	queue    []waiter // the first come, the first served
}

// delivery is on its way to a warehouse.
type delivery struct {
	site, quantity int32
	day            int32
	worth          float64 // of a piece
	carriage       float64 // of a piece, of a transfer; its worth is no money spent
	transfer       bool
}

// waiter is a user who waits for what was not in stock.
type waiter struct {
	site    int32
	country uint8
	price   float32
}

// siteWeek is what became of an item in a warehouse in a week. Received has transfers in it, sold what waiting users got.
type siteWeek struct {
	weekly
	sent, deferred, delivered int32   // to other warehouses; users who began to wait; who got what they had waited for
	cost                      float64 // of what was sold
	holding, transport        float64
	spent                     float64 // on what was received from suppliers
	expectedCost              float64 // of what would have been sold with stock, of the shop's own supplier and with its way to the user
}

// add adds another warehouse's.
func (wk *siteWeek) add(o *siteWeek) {
	wk.start += o.start
	wk.received += o.received
	wk.sold += o.sold
	wk.lost += o.lost
	wk.expected += o.expected
	wk.views += o.views
	wk.revenue += o.revenue
	wk.expectedRevenue += o.expectedRevenue
	wk.dearer += o.dearer
	wk.cheaper += o.cheaper
	wk.sent += o.sent
	wk.deferred += o.deferred
	wk.delivered += o.delivered
	wk.cost += o.cost
	wk.holding += o.holding
	wk.transport += o.transport
	wk.spent += o.spent
	wk.expectedCost += o.expectedCost
}

// profit is what is left of the revenue.
func (wk *siteWeek) profit() float64 { return wk.revenue - wk.cost - wk.holding - wk.transport }

func newSites(w *world) *sites {
	n := len(w.items) * len(w.supply.warehouses)
	k := &sites{
		supply: w.supply, level: make([]int32, n), waiting: make([]int32, n), onWay: make([]int32, n), demand: make([]float32, n), worth: make([]float64, n),
		week: make([]siteWeek, n), today: make([]int32, n), used: make([]int32, len(w.supply.edges)),
	}
	for i, d := range w.usual() {
		for n := range k.warehouses {
			site := k.site(i, n)
			k.demand[site] = d * float32(k.warehouses[n].share)
			k.level[site] = int32(math.Ceil(firstStock * float64(k.demand[site])))
			k.worth[site] = k.at(site)[0].delivered()
		}
	}
	return k
}

// serve gives those who want to buy what is in the warehouse of their country, in the order of time, and orders what runs low.
func (s *simulation) serve(day int, views []view) {
	k := s.sites
	if (day-s.origin)%7 == 0 {
		k.beginWeek()
		clear(k.used)
	}
	clear(k.today)
	s.arrive(day)
	s.firstStocks(day)
	k.handOut()
	for n := range views {
		v := &views[n]
		country := s.users[v.user].country
		site := k.site(int(v.item), k.serves[country])
		wk := &k.week[site]
		wk.see(v)
		wk.expectedCost += float64(v.probability) * (k.at(site)[0].delivered() + k.delivery[country])
		v.inStock = k.level[site] > 0
		if !v.wanted {
			continue
		}
		if !v.inStock {
			v.carted = false
			if v.deferred = share(mix(s.cfg.Seed, forWaiting, uint64(v.user), uint64(day)<<16|uint64(v.position), uint64(v.item))) < s.cfg.Deferred; !v.deferred {
				wk.lost++
				continue
			}
			wk.deferred++
			k.today[site]++
			k.waiting[site]++
			k.queue = append(k.queue, waiter{int32(site), country, v.price})
			continue
		}
		v.purchased = true
		k.today[site]++
		k.sell(site, country, v.price)
	}
	for site, level := range k.level {
		if level > 0 {
			k.week[site].holding += float64(level) * k.keeping(s.world, site)
		}
	}
	s.replenish(day)
}

// keeping is what it costs to keep a piece for a day.
func (k *sites) keeping(w *world, site int) float64 {
	n := len(k.warehouses)
	return w.items[site/n].cost * k.warehouses[site%n].holding / 365
}

// beginWeek begins to count anew.
func (k *sites) beginWeek() {
	for site := range k.week {
		k.week[site] = siteWeek{weekly: weekly{start: k.level[site]}}
	}
}

// sell hands a piece out of a stock to a user.
func (k *sites) sell(site int, country uint8, price float32) {
	wk := &k.week[site]
	k.level[site]--
	wk.sold++
	wk.revenue += cents(float64(price))
	wk.cost += k.worth[site]
	wk.transport += k.delivery[country]
}

// take puts pieces into a stock.
func (k *sites) take(site int, quantity int32, worth float64) {
	k.worth[site] = (k.worth[site]*float64(k.level[site]) + worth*float64(quantity)) / float64(k.level[site]+quantity)
	k.level[site] += quantity
	k.week[site].received += quantity
}

// arrive takes in what arrives on a day.
func (s *simulation) arrive(day int) {
	k := s.sites
	left := k.arriving[:0]
	for _, d := range k.arriving {
		if int(d.day) > day {
			left = append(left, d)
			continue
		}
		site := int(d.site)
		k.onWay[site] -= d.quantity
		k.take(site, d.quantity, d.worth)
		if d.transfer {
			k.week[site].transport += float64(d.quantity) * d.carriage
		} else {
			k.week[site].spent += float64(d.quantity) * d.worth
		}
	}
	k.arriving = left
}

// handOut gives those who wait what there is.
func (k *sites) handOut() {
	left := k.queue[:0]
	for _, q := range k.queue {
		site := int(q.site)
		if k.level[site] == 0 {
			left = append(left, q)
			continue
		}
		k.waiting[site]--
		k.week[site].delivered++
		k.sell(site, q.country, q.price)
	}
	k.queue = left
}

// firstStocks takes in what candidates that are launched on a day begin with, in each warehouse by its share. Of those whose launch names no
// quantity it is as much as the shop would have, unless they are to begin with what orders have brought.
func (s *simulation) firstStocks(day int) {
	k := s.sites
	for _, l := range s.policy.Launches {
		if l.Day != day {
			continue
		}
		demand, before, sum := s.hoped(l.Item), 0, 0.0
		for n, h := range k.warehouses {
			site := k.site(l.Item, n)
			k.demand[site] = demand * float32(h.share)
			quantity := 0
			switch {
			case l.Quantity > 0:
				sum += h.share
				upTo := int(math.Round(float64(l.Quantity) * sum))
				if n == len(k.warehouses)-1 {
					upTo = l.Quantity
				}
				quantity, before = upTo-before, upTo
			case !l.Empty:
				quantity = int(math.Ceil(firstStock * float64(k.demand[site])))
			}
			if quantity > 0 {
				worth := k.at(site)[0].delivered()
				k.take(site, int32(quantity), worth)
				k.week[site].spent += float64(quantity) * worth
			}
		}
	}
}

// replenish notes what was sold on a day, and orders: what runs low, of the shop's own supplier, or what a policy says.
func (s *simulation) replenish(day int) {
	k := s.sites
	n := len(k.warehouses)
	for site := range k.level {
		i := site / n
		if i >= s.cfg.Items && s.items[i].launch > day { // a candidate
			continue
		}
		k.demand[site] += 0.05 * (float32(k.today[site]) - k.demand[site])
		if s.policy.Orders != nil || k.onWay[site] > 0 {
			continue
		}
		e := &k.at(site)[0]
		lead := float64(e.lead)
		if have := float64(k.level[site] - k.waiting[site]); have > float64(k.demand[site])*lead*0.9 {
			continue
		}
		want := int32(math.Ceil(float64(k.demand[site])*(lead+14))) + 1 + k.waiting[site]
		want = e.multiple * ((max(want, e.minimum) + e.multiple - 1) / e.multiple)
		if want = min(want, (e.capacity-k.used[k.first[site]])/e.multiple*e.multiple); want >= e.minimum {
			s.place(Order{Item: i, Day: day, Quantity: int(want), Warehouse: site % n, Source: int(e.supplier)})
		}
	}
	for _, o := range s.policy.ordersOn(day) {
		s.place(o)
	}
}

// place orders, or transfers what there is of it.
func (s *simulation) place(o Order) {
	k := s.sites
	site := k.site(o.Item, o.Warehouse)
	d := delivery{site: int32(site), quantity: int32(o.Quantity), transfer: o.Transfer}
	if o.Transfer {
		from := k.site(o.Item, o.Source)
		d.quantity = min(d.quantity, k.level[from])
		if d.quantity == 0 {
			return
		}
		k.level[from] -= d.quantity
		k.week[from].sent += d.quantity
		cost, days := k.transfer(o.Source, o.Warehouse)
		d.worth, d.carriage, d.day = k.worth[from], cost, int32(o.Day+days)
		o.Quantity = int(d.quantity)
	} else {
		at := k.find(site, o.Source)
		if at < 0 { // refused before
			return
		}
		e := &k.edges[at]
		k.used[at] += d.quantity
		d.worth, d.day = e.delivered(), int32(o.Day)+e.lead
	}
	k.onWay[site] += d.quantity
	k.arriving = append(k.arriving, d)
	s.placed = append(s.placed, o)
}
