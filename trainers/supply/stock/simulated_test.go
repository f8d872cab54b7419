package stock_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"debut/datasets/duck"
	"debut/datasets/storefront/history"
	"debut/trainers/supply/replenish"
)

var long = flag.Bool("long", false, "plan for a larger shop")

// weeksAhead is the horizon of plans, and lived how many weeks are lived through: 12 with -long.
const weeksAhead = 8

var lived = 8

// rowsOf returns the rows of a query, as numbers.
func rowsOf(t *testing.T, query string, columns int) (out [][]float64) {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Query(context.Background(), "SELECT COLUMNS(*)::DOUBLE FROM ("+query+")", func(c *duck.Chunk) error {
		vectors := make([][]float64, columns)
		for k := range vectors {
			vectors[k], _ = duck.Vector[float64](c, k)
		}
		for i := range vectors[0] {
			row := make([]float64, columns)
			for k := range row {
				row[k] = vectors[k][i]
			}
			out = append(out, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func read(dir, name string) string {
	return "read_parquet(" + duck.Literal(filepath.Join(dir, name)) + ")"
}

// site is an item at a warehouse, and edge a way to buy for one.
type site struct{ item, warehouse int }

type edge struct {
	site
	supplier, lead, minimum, multiple int
	cost, capacity                    float64
}

// market is what all policies know of a shop.
type market struct {
	sites  []site
	edges  []edge
	price  []float64 // by item
	cost   []float64
	landed map[site]float64 // cheapest cost of a unit
	rate   float64          // of holding, a year
}

func openMarket(t *testing.T, shop string) *market {
	m := &market{landed: map[site]float64{}}
	for _, r := range rowsOf(t, "SELECT list_price, cost FROM "+read(shop, "items.parquet")+" ORDER BY item", 2) {
		m.price, m.cost = append(m.price, r[0]), append(m.cost, r[1])
	}
	m.rate = rowsOf(t, "SELECT avg(holding_cost_year) FROM "+read(shop, "warehouses.parquet"), 1)[0][0]
	for _, r := range rowsOf(t, "SELECT item, warehouse, supplier, lead_time_days, minimum_order, multiple, cost + freight, capacity_week FROM "+read(shop, "edges.parquet")+" ORDER BY ALL", 8) {
		e := edge{site{int(r[0]), int(r[1])}, int(r[2]), int(r[3]), int(r[4]), int(r[5]), r[6], r[7]}
		if c, known := m.landed[e.site]; !known {
			m.sites = append(m.sites, e.site)
			m.landed[e.site] = e.cost
		} else {
			m.landed[e.site] = math.Min(c, e.cost)
		}
		m.edges = append(m.edges, e)
	}
	return m
}

func (e *edge) weeks() int { return (e.lead + 6) / 7 }

// state is what is there, and what was sold, at the beginning of a week.
type state struct {
	day      int
	stock    map[site]float64
	arriving map[site][]float64 // by week from 0, beside the stock
	sold     map[site][]float64 // of weeks so far, negative where all was sold out
}

func (m *market) look(t *testing.T, dir string, before *state, day int) *state {
	s := &state{day: day, stock: map[site]float64{}, arriving: map[site][]float64{}, sold: map[site][]float64{}}
	for _, r := range rowsOf(t, "SELECT item, warehouse, level FROM "+read(dir, "truth/stock.parquet"), 3) {
		s.stock[site{int(r[0]), int(r[1])}] = r[2]
	}
	for _, r := range rowsOf(t, "SELECT item, warehouse, quantity, due_day FROM "+read(dir, "truth/arriving.parquet"), 4) {
		at := site{int(r[0]), int(r[1])}
		if s.arriving[at] == nil {
			s.arriving[at] = make([]float64, weeksAhead)
		}
		if week := (int(r[3]) - day + 6) / 7; week < weeksAhead {
			s.arriving[at][week] += r[2]
		}
	}
	if before != nil {
		for at, list := range before.sold {
			s.sold[at] = slices.Clone(list)
		}
	}
	for _, r := range rowsOf(t, "SELECT item, warehouse, sold, stock + received - sold FROM "+read(dir, "warehouse_weeks.parquet")+" ORDER BY item, warehouse, week", 4) {
		at := site{int(r[0]), int(r[1])}
		if r[3] <= 0 {
			r[2] = -r[2] - 1e-9
		}
		s.sold[at] = append(s.sold[at], r[2])
	}
	return s
}

// forecast is the mean of a week and its deviation, by what was sold in weeks that did not end without stock.
func (s *state) forecast(at site) (mean, deviation float64) {
	list := s.sold[at]
	list = list[max(0, len(list)-8):]
	weight, sum, most := 0.0, 0.0, 0.0
	for i, v := range list {
		most = math.Max(most, math.Abs(v))
		if v >= 0 {
			w := math.Pow(.8, float64(len(list)-1-i))
			weight, sum = weight+w, sum+w*v
		}
	}
	if weight == 0 {
		return 1.2 * most, math.Sqrt(most) + .4*most
	}
	mean = sum / weight
	// Beside chance, weeks with promotions and what the mean does not know.
	return mean, math.Sqrt(mean + .09*mean*mean)
}

var levels = []float64{.02, .1, .25, .5, .75, .9, .98}

// quantiles of demand with a mean and a deviation.
func quantiles(mean, deviation float64) []float64 {
	mean = math.Max(mean, .05)
	deviation = math.Max(deviation, .2)
	g := distuv.Gamma{Alpha: mean * mean / (deviation * deviation), Beta: mean / (deviation * deviation)}
	out := make([]float64, len(levels))
	for i, p := range levels {
		out[i] = g.Quantile(p)
	}
	return out
}

// model is what to plan: demand by a forecast, shortages at the price that is lost.
func (m *market) model(s *state, demand func(at site, week int) (mean, deviation float64)) *replenish.Model {
	out := &replenish.Model{Weeks: weeksAhead, Budget: replenish.Unlimited}
	for i := range m.price {
		out.Items = append(out.Items, replenish.Item{Name: fmt.Sprint(i), Holding: m.cost[i] * m.rate * 7 / 365, Shortage: m.price[i]})
	}
	warehouses, suppliers := map[int]bool{}, map[int]bool{}
	for _, e := range m.edges {
		warehouses[e.warehouse], suppliers[e.supplier] = true, true
		out.Edges = append(out.Edges, replenish.Edge{
			Item: fmt.Sprint(e.item), Supplier: fmt.Sprint(e.supplier), Site: fmt.Sprint(e.warehouse), Lead: e.weeks(),
			Minimum: float64(e.minimum), Multiple: float64(e.multiple), Cost: e.cost, Capacity: e.capacity,
		})
	}
	for w := range len(warehouses) {
		out.Sites = append(out.Sites, replenish.Site{Name: fmt.Sprint(w), Storage: replenish.Unlimited, Handling: replenish.Unlimited})
	}
	for p := range len(suppliers) {
		out.Suppliers = append(out.Suppliers, replenish.Supplier{Name: fmt.Sprint(p), Capacity: replenish.Unlimited})
	}
	for _, at := range m.sites {
		item, name := fmt.Sprint(at.item), fmt.Sprint(at.warehouse)
		out.Stock = append(out.Stock, replenish.Stock{Item: item, Site: name, Units: s.stock[at]})
		for week, units := range s.arriving[at] {
			if units > 0 {
				out.Stock = append(out.Stock, replenish.Stock{Item: item, Site: name, Week: week + 1, Units: units})
			}
		}
		for week := range weeksAhead {
			mean, deviation := demand(at, week)
			out.Demand = append(out.Demand, replenish.Demand{Item: item, Site: name, Week: week + 1, Levels: levels, Values: quantiles(mean, deviation)})
		}
	}
	return out
}

// order is one of this week: it arrives as a later week begins.
func (e *edge) order(s *state, units float64) history.Order {
	return history.Order{Item: e.item, Warehouse: e.warehouse, Source: e.supplier, Quantity: int(math.Round(units)), Day: s.day + 7*e.weeks() - e.lead}
}

// policy says what to order in a week.
type policy func(t *testing.T, s *state, week int) []history.Order

func (m *market) planned(demand func(s *state, at site, week int) (mean, deviation float64)) policy {
	return func(t *testing.T, s *state, _ int) (list []history.Order) {
		plan, err := replenish.Solve(context.Background(), m.model(s, func(at site, week int) (float64, float64) { return demand(s, at, week) }), replenish.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range plan.Orders {
			if o.Week > 1 {
				break
			}
			for i := range m.edges {
				if e := &m.edges[i]; fmt.Sprint(e.item) == o.Item && fmt.Sprint(e.supplier) == o.Supplier && fmt.Sprint(e.warehouse) == o.Site {
					list = append(list, e.order(s, o.Units))
				}
			}
		}
		return list
	}
}

// baseStock orders up to the mean demand of the weeks until an order of the next week has come.
func (m *market) baseStock(_ *testing.T, s *state, _ int) (list []history.Order) {
	for _, at := range m.sites {
		var best *edge
		for i := range m.edges {
			if e := &m.edges[i]; e.site == at && (best == nil || e.cost < best.cost) {
				best = e
			}
		}
		mean, _ := s.forecast(at)
		want := mean*float64(best.weeks()+1) - s.stock[at]
		for _, units := range s.arriving[at] {
			want -= units
		}
		if want <= 0 {
			continue
		}
		multiple := float64(best.multiple)
		units := multiple * math.Ceil(math.Max(want, float64(best.minimum))/multiple)
		list = append(list, best.order(s, math.Min(units, multiple*math.Floor(best.capacity/multiple))))
	}
	return list
}

// outcome is what came of a policy.
type outcome struct {
	cost  float64 // purchases, holding and lost sales at their prices, less what stock has grown by
	ruled float64 // the same without the cost of what was sold: what a policy can rule
	fill  float64 // share of what was asked for that was there, of the weeks that orders can reach
}

// live goes on with a shop week by week.
func (m *market) live(t *testing.T, shop string, day int, decide policy) (o outcome) {
	t.Helper()
	dir := shop
	s := m.look(t, dir, nil, day)
	m.worth(&o, s, 1)
	var later []history.Order
	var sold, lost float64
	for week := range lived {
		later = append(later, decide(t, s, week)...)
		p := history.Policy{Orders: []history.Order{}}
		rest := later[:0:0]
		for _, order := range later { // those for the days of this week, the others keep
			if order.Day < s.day+7 {
				p.Orders = append(p.Orders, order)
			} else {
				rest = append(rest, order)
			}
		}
		later = rest
		from, err := history.Open(context.Background(), dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(t.TempDir(), "week")
		if _, err := from.Continue(context.Background(), next, 7, p, history.Options{Threads: 2}); err != nil {
			t.Fatal(err)
		}
		dir, s = next, m.look(t, next, s, s.day+7)
		for _, order := range later { // decided already
			at := site{order.Item, order.Warehouse}
			if s.arriving[at] == nil {
				s.arriving[at] = make([]float64, weeksAhead)
			}
			for _, e := range m.edges {
				if e.site == at && e.supplier == order.Source {
					s.arriving[at][(order.Day+e.lead-s.day)/7] += float64(order.Quantity)
				}
			}
		}
		for _, r := range rowsOf(t, "SELECT item, warehouse, a.sold, b.lost, a.holding, a.spent FROM "+read(dir, "warehouse_weeks.parquet")+" a JOIN "+
			read(dir, "truth/warehouse_weeks.parquet")+" b USING (week, item, warehouse)", 6) {
			at := site{int(r[0]), int(r[1])}
			o.cost += r[5] + r[4] + m.price[at.item]*r[3]
			o.ruled -= m.landed[at] * r[2]
			if week >= 3 {
				sold, lost = sold+r[2], lost+r[3]
			}
		}
	}
	m.worth(&o, s, -1)
	o.ruled += o.cost
	o.fill = sold / (sold + lost)
	return o
}

// worth adds what stock is worth, times a sign.
func (m *market) worth(o *outcome, s *state, sign float64) {
	for at, units := range s.stock {
		o.cost += sign * units * m.landed[at]
	}
}

// TestLivedThrough has plans that are made anew each week carried out by the simulator.
func TestLivedThrough(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	cfg := history.Default()
	cfg.Items, cfg.Users, cfg.Events, cfg.Days, cfg.Warehouses, cfg.Suppliers = 30, 2000, 150_000, 105, 2, 3
	if *long {
		lived = 12
		cfg.Items, cfg.Users, cfg.Events, cfg.Days, cfg.Warehouses = 200, 20_000, 2_000_000, 280, 3
	}
	shop := filepath.Join(t.TempDir(), "shop")
	if _, err := history.Write(context.Background(), shop, cfg, history.Options{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	m := openMarket(t, shop)
	base := m.live(t, shop, cfg.Days, m.baseStock)

	// What is to be expected of the weeks to come does not depend on what is ordered.
	truth := map[site][]float64{}
	from, err := history.Open(context.Background(), shop, 0)
	if err != nil {
		t.Fatal(err)
	}
	ahead := filepath.Join(t.TempDir(), "ahead")
	if _, err := from.Continue(context.Background(), ahead, 7*(lived+weeksAhead), history.Policy{}, history.Options{Threads: 2}); err != nil {
		t.Fatal(err)
	}
	for _, r := range rowsOf(t, "SELECT item, warehouse, expected_demand FROM "+read(ahead, "truth/warehouse_weeks.parquet")+" ORDER BY week", 3) {
		at := site{int(r[0]), int(r[1])}
		truth[at] = append(truth[at], r[2])
	}
	byTruth := func(s *state, at site, week int) (float64, float64) {
		list := truth[at]
		mean := list[min(len(list)-1, (s.day-cfg.Days)/7+week)]
		return mean, math.Sqrt(mean)
	}
	byForecast := func(s *state, at site, _ int) (float64, float64) { return s.forecast(at) }
	best := m.live(t, shop, cfg.Days, m.planned(byTruth))
	plan := m.live(t, shop, cfg.Days, m.planned(byForecast))
	t.Logf("base stock %+v\ntruth %+v\nplan %+v", base, best, plan)
	if plan.cost > 1.1*best.cost {
		t.Errorf("planned by forecasts %v, by the truth %v", plan.cost, best.cost)
	}
	if plan.cost > base.cost || plan.ruled > base.ruled {
		t.Errorf("planned %+v, by base stock %+v", plan, base)
	}
}
