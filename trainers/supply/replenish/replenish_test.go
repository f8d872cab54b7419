package replenish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"debut/kernels/philox"
	"debut/trainers/supply/inventory"
)

// one is a model of an item at a site with one edge and certain demand, waiting shortages that are never worth it.
func one(demand ...float64) *Model {
	m := &Model{
		Weeks: len(demand), Waits: true, RunDown: true, Budget: Unlimited,
		Items: []Item{{Name: "mug", Holding: 1, Shortage: 1000}}, Sites: []Site{{Name: "north", Storage: Unlimited, Handling: Unlimited}},
		Suppliers: []Supplier{{Name: "kiln", Capacity: Unlimited}},
		Edges:     []Edge{{Item: "mug", Supplier: "kiln", Site: "north", Capacity: Unlimited}},
	}
	for t, d := range demand {
		m.Demand = append(m.Demand, Demand{Item: "mug", Site: "north", Week: t + 1, Mean: d})
	}
	return m
}

func solve(t *testing.T, m *Model, o Options) *Plan {
	t.Helper()
	p, err := Solve(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func near(a, b, tolerance float64) bool {
	return math.Abs(a-b) <= tolerance*math.Max(1, math.Abs(b))
}

func TestCertainDemandIsLotSizing(t *testing.T) {
	stream := philox.New(1, philox.StreamOf("lots"))
	for round := range 8 {
		demand := make([]float64, 4+stream.IntN(6))
		periods := make([]inventory.Period, len(demand))
		fixed, unit := 20+float64(stream.IntN(200)), float64(stream.IntN(4))
		for i := range demand {
			demand[i] = float64(stream.IntN(90))
			periods[i] = inventory.Period{Demand: demand[i], Fixed: fixed, Unit: unit, Holding: 1}
		}
		m := one(demand...)
		m.Waits = round%2 == 0
		m.Edges[0].Fixed, m.Edges[0].Cost = fixed, unit
		_, want, err := inventory.Lots(periods)
		if err != nil {
			t.Fatal(err)
		}
		p := solve(t, m, Options{Gap: 1e-9})
		if !near(p.Cost, want, 1e-6) || !near(p.Costs.Total(), want, 1e-6) || p.Status != Optimal {
			t.Errorf("round %d: cost %v, by kind %+v, %s, want %v", round, p.Cost, p.Costs, p.Status, want)
		}
	}
}

func TestOneWeekIsTheNewsvendor(t *testing.T) {
	for _, waits := range []bool{true, false} {
		m := one(50)
		m.Waits = waits
		m.Demand[0].Deviation = 8
		m.Items[0].Holding, m.Items[0].Shortage = .18, .7
		p := solve(t, m, Options{})
		// The textbook case of inventory's tests.
		if got := p.Levels[0].Before; !near(got, 56.60395592743389, 1e-8) {
			t.Errorf("waits %v: level %v", waits, got)
		}
		if !near(p.Costs.Total(), 1.9976051931766445, 1e-9) {
			t.Errorf("waits %v: cost %v", waits, p.Costs.Total())
		}
	}
	// What is left is worth what it costs: a unit too many costs only its week.
	m := one(50)
	m.Waits, m.RunDown = false, false
	m.Demand[0] = Demand{Item: "mug", Site: "north", Week: 1, Levels: []float64{.1, .5, .9}, Values: []float64{20, 45, 90}}
	m.Items[0].Holding, m.Items[0].Shortage, m.Edges[0].Cost = .2, 3, 1
	q, err := inventory.NewQuantiles(m.Demand[0].Levels, m.Demand[0].Values)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := inventory.Newsvendor(q, inventory.Costs{Holding: .2, Shortage: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := solve(t, m, Options{}).Levels[0].Before; !near(got, want, 1e-8) {
		t.Errorf("level %v, want %v", got, want)
	}
}

// TestMinimumAndMultiple compares with all plans that there are.
func TestMinimumAndMultiple(t *testing.T) {
	stream := philox.New(2, philox.StreamOf("enumeration"))
	for round := range 6 {
		m := one(0, 0, 0)
		m.Waits = round%2 == 0
		m.Items[0].Holding, m.Items[0].Shortage = .5, 4+float64(stream.IntN(5))
		e := &m.Edges[0]
		e.Lead, e.Minimum, e.Multiple, e.Cost, e.Fixed, e.Capacity = round%3/2, 12, 6, 1, float64(stream.IntN(9)), 60
		m.Stock = []Stock{{Item: "mug", Site: "north", Units: 8}, {Item: "mug", Site: "north", Week: 2, Units: 5}}
		for i := range m.Demand {
			m.Demand[i].Mean, m.Demand[i].Deviation = 10+float64(stream.IntN(20)), 4
		}
		p := solve(t, m, Options{Gap: 1e-9})
		x, err := m.check()
		if err != nil {
			t.Fatal(err)
		}
		n, err := newNetwork(m, x)
		if err != nil {
			t.Fatal(err)
		}
		best := math.Inf(1)
		quantities := []float64{0, 12, 18, 24, 30, 36, 42, 48, 54, 60}
		var try func(f *flows, week int)
		try = func(f *flows, week int) {
			if week+e.Lead == m.Weeks {
				plan := &Plan{}
				n.evaluate(f, plan)
				best = math.Min(best, plan.Costs.Total())
				return
			}
			for _, q := range quantities {
				f.orders[0][week] = q
				try(f, week+1)
			}
			f.orders[0][week] = 0
		}
		try(n.noFlows(), 0)
		// The program has straight lines between points of the curves, so that what it takes for best may be beaten by a little.
		if got := p.Costs.Total(); got < best-1e-6 || got > best*1.001 {
			t.Errorf("round %d: cost %v, best of all %v", round, got, best)
		}
	}
}

// shop is a made-up case with suppliers and storage that are tight.
func shop(items, sites, weeks int, integers bool) *Model {
	m := &Model{Weeks: weeks, Budget: Unlimited}
	stream := philox.New(3, philox.StreamOf("shop"))
	for s := range sites {
		m.Sites = append(m.Sites, Site{Name: fmt.Sprintf("site%d", s), Storage: float64(items) * 90, Holding: .02, Handling: Unlimited})
	}
	for s := range 4 {
		m.Suppliers = append(m.Suppliers, Supplier{Name: fmt.Sprintf("supplier%d", s), Capacity: float64(items*sites) * 8})
	}
	for i := range items {
		cost := 2 + 10*stream.Float64()
		item := Item{Name: fmt.Sprintf("item%d", i), Volume: .5 + stream.Float64(), Holding: cost * .004, Shortage: cost * 1.8}
		m.Items = append(m.Items, item)
		for s := range sites {
			mean := 2 + 40*stream.Float64()*stream.Float64()
			for k := range 2 {
				e := Edge{
					Item: item.Name, Supplier: m.Suppliers[(i+k)%4].Name, Site: m.Sites[s].Name, Lead: 1 + (i+2*k)%4,
					Cost: cost * (1 - .1*float64(k)), Capacity: Unlimited,
				}
				if e.Lead >= weeks {
					continue
				}
				if integers {
					e.Fixed, e.Multiple, e.Minimum = 5+10*stream.Float64(), 6, 12
				}
				m.Edges = append(m.Edges, e)
			}
			m.Stock = append(m.Stock, Stock{Item: item.Name, Site: m.Sites[s].Name, Units: math.Round(mean * 3 * stream.Float64())})
			for t := range weeks {
				d := mean * (1 + .3*math.Sin(float64(t+i)))
				m.Demand = append(m.Demand, Demand{
					Item: item.Name, Site: m.Sites[s].Name, Week: t + 1,
					Levels: []float64{.1, .5, .9}, Values: []float64{.6 * d, d, 1.6 * d},
				})
			}
		}
	}
	return m
}

// kept checks that no limit is exceeded.
func kept(t *testing.T, m *Model, p *Plan) {
	t.Helper()
	bought := map[string]map[int]float64{}
	spent := map[int]float64{}
	edges := map[[3]string]*Edge{}
	for i := range m.Edges {
		e := &m.Edges[i]
		edges[[3]string{e.Item, e.Supplier, e.Site}] = e
	}
	for _, o := range p.Orders {
		if bought[o.Supplier] == nil {
			bought[o.Supplier] = map[int]float64{}
		}
		bought[o.Supplier][o.Week] += o.Units
		spent[o.Week] += o.Cost
		e := edges[[3]string{o.Item, o.Supplier, o.Site}]
		if o.Units < e.least()-1e-6 || o.Units > e.Capacity+1e-6 || e.Multiple > 0 && !near(o.Units/e.Multiple, math.Round(o.Units/e.Multiple), 1e-6) {
			t.Errorf("%+v breaks %+v", o, *e)
		}
	}
	for i := range m.Suppliers {
		for week, units := range bought[m.Suppliers[i].Name] {
			if units > m.Suppliers[i].Capacity*(1+1e-6) {
				t.Errorf("%s sells %v in week %d", m.Suppliers[i].Name, units, week)
			}
		}
	}
	for week, cost := range spent {
		if cost > m.Budget*(1+1e-6) {
			t.Errorf("%v spent in week %d", cost, week)
		}
	}
	for _, b := range p.Binding {
		if b.Over > 1e-6*b.Limit {
			t.Errorf("exceeded: %+v", b)
		}
	}
}

func TestPricesFindWhatTheWholeHas(t *testing.T) {
	m := shop(4, 3, 6, false)
	m.Budget = 900
	whole, parts := solve(t, m, Options{}), solve(t, m, Options{Decompose: 1})
	kept(t, m, whole)
	kept(t, m, parts)
	if !near(parts.Cost, whole.Cost, 2e-3) || parts.Gap > 2e-4 || parts.Bound > parts.Cost {
		t.Errorf("by prices %v to %v, as a whole %v", parts.Bound, parts.Cost, whole.Cost)
	}
	if len(whole.Binding) == 0 || !near(parts.Costs.Total(), parts.Cost, 5e-3) {
		t.Errorf("%d limits bind; by the curves %v, by the program %v", len(whole.Binding), parts.Costs.Total(), parts.Cost)
	}
}

func TestIntegersByPrices(t *testing.T) {
	m := shop(3, 2, 5, true)
	m.Budget = 700
	var plans []*Plan
	for _, threads := range []int{1, 2, 7} {
		p := solve(t, m, Options{Threads: threads, Decompose: 1})
		p.Seconds = 0
		plans = append(plans, p)
	}
	if !reflect.DeepEqual(plans[0], plans[1]) || !reflect.DeepEqual(plans[0], plans[2]) {
		t.Error("the plan depends on the threads")
	}
	kept(t, m, plans[0])
	t.Logf("cost %v, bound %v, gap %v", plans[0].Cost, plans[0].Bound, plans[0].Gap)
	whole := solve(t, m, Options{Decompose: 1 << 30, Gap: .002})
	kept(t, m, whole)
	if plans[0].Bound > whole.Cost*(1+1e-9) {
		t.Errorf("the bound %v is above a plan of %v", plans[0].Bound, whole.Cost)
	}
	if plans[0].Cost > 1.1*whole.Cost {
		t.Errorf("by prices %v, as a whole %v", plans[0].Cost, whole.Cost)
	}
}

var long = flag.Bool("long", false, "plan 400 items at 5 sites over 12 weeks")

func TestLarge(t *testing.T) {
	if !*long {
		t.Skip("takes minutes: give -long")
	}
	for _, integers := range []bool{false, true} {
		m := shop(400, 5, 12, integers)
		phase, began := "", time.Now()
		p := solve(t, m, Options{Threads: 2, Progress: func(g Progress) {
			if g.Phase != phase {
				phase = g.Phase
				t.Logf("%5.1f s: %s", g.Seconds, phase)
			}
		}})
		kept(t, m, p)
		if p.Gap > .001 {
			t.Errorf("the gap is %v", p.Gap)
		}
		t.Logf("integers %v: %v, cost %v, bound %v, gap %v, fill rate %v, %d limits bind", integers, time.Since(began), p.Cost, p.Bound, p.Gap, p.FillRate, len(p.Binding))
	}
}

// TestPricesOfLimits moves each limit that binds by a little.
func TestPricesOfLimits(t *testing.T) {
	m := shop(3, 2, 4, false)
	m.Budget = 500
	m.Edges[0].Capacity = 10
	p := solve(t, m, Options{})
	tried := map[string]bool{}
	const step = 1e-3
	for _, b := range p.Binding {
		if tried[b.Kind] || b.Price == nil || *b.Price < 1e-3 {
			continue
		}
		tried[b.Kind] = true
		x, err := m.check()
		if err != nil {
			t.Fatal(err)
		}
		// On one and the same program, whose points are where they are, the price is the slope.
		cost := func(by float64) float64 {
			n, err := newNetwork(m, x)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n.limits {
				if l := &n.limits[i]; l.kind == b.Kind && l.name == b.Name && l.week+1 == b.Week {
					l.most += by
				}
			}
			r := &planning{asked: context.Background(), ctx: context.Background(), n: n, o: Options{Threads: 1, Gap: 1e-4}}
			plan, err := r.whole()
			if err != nil {
				t.Fatal(err)
			}
			return plan.Cost
		}
		if slope := -(cost(step) - cost(-step)) / (2 * step); math.Abs(slope-*b.Price) > .02*math.Max(.1, *b.Price) {
			t.Errorf("%+v: the price is %v, the cost falls by %v", b, *b.Price, slope)
		}
	}
	if !tried["budget"] || !tried["supplier"] && !tried["edge"] {
		t.Errorf("bound: %v", tried)
	}
}

func TestFillRate(t *testing.T) {
	m := shop(2, 2, 6, false)
	for i := range m.Suppliers {
		m.Suppliers[i].Capacity = Unlimited
	}
	for _, want := range []float64{.9, .97} {
		for i := range m.Items {
			m.Items[i].Shortage, m.Items[i].FillRate = 0, want
		}
		p := solve(t, m, Options{})
		found := 0
		for _, b := range p.Binding {
			if b.Kind == "fill rate" {
				found++
				if math.Abs(b.Used-want) > .003 || *b.Price <= 0 {
					t.Errorf("asked for %v: %+v at a price of %v", want, b, *b.Price)
				}
			}
		}
		if found != 4 {
			t.Errorf("%d of 4 fill rates bind", found)
		}
	}
}

func TestLanes(t *testing.T) {
	m := one(10, 10, 10, 10)
	m.Waits = false
	m.Sites = append(m.Sites, Site{Name: "south", Storage: Unlimited, Handling: Unlimited})
	m.Lanes = []Lane{{From: "north", To: "south", Lead: 1, Cost: .25, Capacity: 7}}
	m.Items[0].Shortage, m.Items[0].Holding, m.Edges[0].Cost = 20, .1, 1
	for week := range 4 {
		m.Demand = append(m.Demand, Demand{Item: "mug", Site: "south", Week: week + 1, Mean: 6})
	}
	p := solve(t, m, Options{})
	// South has nothing in week 1, and 6 a week come for weeks 2 to 4.
	if len(p.Transfers) != 3 || !near(p.Costs.Transport, 3*6*.25, 1e-9) || !near(p.Lost, 6, 1e-9) || !near(p.Costs.Purchase, 58, 1e-9) {
		t.Errorf("%+v, costs %+v, lost %v", p.Transfers, p.Costs, p.Lost)
	}
	// Where shortages wait, nothing leaves that is not there.
	m.Waits = true
	m.Edges[0].Lead = 2
	for _, v := range solve(t, m, Options{}).Transfers {
		if v.Week < 3 && v.Units > 1e-6 {
			t.Errorf("%+v has not come yet", v)
		}
	}
}

func TestWaiting(t *testing.T) {
	m := one(0, 10, 10)
	m.Waits, m.Edges[0].Lead, m.Edges[0].Cost, m.Items[0].Shortage = false, 1, 1, 5
	p := solve(t, m, Options{})
	// An order of week 2 comes too late for week 2: 10 units are lost that would have brought 5 − 1 each.
	if len(p.Orders) == 0 || p.Orders[0].Week != 1 || p.Orders[0].Wait == nil || !near(*p.Orders[0].Wait, 40, 1e-6) {
		t.Errorf("%+v", p.Orders)
	}
}

func TestInterrupted(t *testing.T) {
	m := shop(4, 2, 6, true)
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Decompose: 1, Progress: func(p Progress) {
		if strings.HasPrefix(p.Phase, "integer") || p.Round == 2 {
			cancel()
		}
	}}
	p, err := Solve(ctx, m, o)
	if err != nil || p.Status != Interrupted {
		t.Fatal(p, err)
	}
	kept(t, m, p)
	if len(p.Orders) == 0 || p.Cost < p.Bound {
		t.Errorf("%d orders, cost %v, bound %v", len(p.Orders), p.Cost, p.Bound)
	}
	for _, decompose := range []int{1, 1 << 30} {
		p, err = Solve(ctx, m, Options{Decompose: decompose})
		if err != nil || p.Status != Interrupted || len(p.Orders) > 0 {
			t.Errorf("%+v, %v", p, err)
		}
		if text, err := json.Marshal(p); err != nil || !strings.Contains(string(text), `"bound":null,"gap":null`) {
			t.Errorf("%s, %v", text, err)
		}
	}
}

// TestKept has a search interrupted after some rounds and gone on with: the plan is that of a search at once.
func TestKept(t *testing.T) {
	m := shop(6, 2, 6, true)
	m.Budget = 700
	for i := range m.Items {
		m.Items[i].FillRate = .9
	}
	want := solve(t, m, Options{Decompose: 1})
	ctx, cancel := context.WithCancel(context.Background())
	var kept bytes.Buffer
	rounds := 0
	o := Options{Decompose: 1, Keep: func(write func(io.Writer) error) error {
		if rounds++; rounds == 3 {
			cancel()
		}
		kept.Reset()
		return write(&kept)
	}}
	p, err := Solve(ctx, m, o)
	if err != nil || p.Status != Interrupted || len(p.Orders) == 0 {
		t.Fatal(p, err)
	}
	text := kept.Bytes()
	got := solve(t, m, Options{Decompose: 1, Threads: 2, Kept: bytes.NewReader(text)})
	if got.Seconds = want.Seconds; !reflect.DeepEqual(got, want) {
		t.Errorf("gone on with: %v to %v, at once %v to %v", got.Bound, got.Cost, want.Bound, want.Cost)
	}
	m.Budget++
	for what, r := range map[string][]byte{"another plan": text, "half of it": text[:len(text)/2], "nothing": nil} {
		if _, err := Solve(context.Background(), m, Options{Decompose: 1, Kept: bytes.NewReader(r)}); !errors.Is(err, ErrKept) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestTimeLimit(t *testing.T) {
	m := shop(8, 2, 6, true)
	p := solve(t, m, Options{Decompose: 1, TimeLimit: 1})
	if p.Status != TimeLimit || len(p.Orders) > 0 {
		t.Errorf("%s, %d orders", p.Status, len(p.Orders))
	}
}

func TestStockThatDoesNotFit(t *testing.T) {
	m := one(10, 10, 10)
	m.Items[0].Volume, m.Sites[0].Storage = 1, 15
	m.Stock = []Stock{{Item: "mug", Site: "north", Units: 22}}
	p := solve(t, m, Options{})
	if len(p.Binding) == 0 || p.Binding[0].Kind != "storage" || !near(p.Binding[0].Over, 7, 1e-9) {
		t.Errorf("%+v", p.Binding)
	}
}

func TestBadModels(t *testing.T) {
	for _, c := range []struct {
		change func(m *Model)
		want   string
	}{
		{func(m *Model) { m.Demand[0].Levels, m.Demand[0].Values = []float64{.1, .9}, []float64{5, 4} }, "demand.csv:2: demand of mug at north in week 1: quantiles cross: 4 at level 0.9 is below 5"},
		{func(m *Model) { m.Edges[0].Lead = 3 }, "edges.csv:2: the edge of mug from kiln to north: the lead time is 3 weeks, so that an order of week 1 would arrive in week 4, after the last one, 3"},
		{func(m *Model) { m.Edges[0].Lead = -1 }, "the lead time is -1 weeks"},
		{func(m *Model) { m.Edges[0].Capacity = 0 }, "edges.csv:2: the edge of mug from kiln to north: the capacity is 0"},
		{func(m *Model) { m.Suppliers[0].Capacity = 0 }, "the capacity of kiln is 0"},
		{func(m *Model) { m.Sites[0].Storage = math.NaN() }, "the storage of north is NaN"},
		{func(m *Model) { m.Edges[0].Site = "nort" }, `edges.csv:2: the edge of mug from kiln to nort names the site "nort", which there is not; did you mean "north"?`},
		{func(m *Model) { m.Lanes = []Lane{{From: "north", To: "moon", Capacity: Unlimited}} }, `names the site "moon"`},
		{func(m *Model) { m.Lanes = []Lane{{From: "north", To: "north", Capacity: Unlimited}} }, "leads nowhere"},
		{func(m *Model) { m.Stock = []Stock{{Item: "mug", Site: "north", Units: -3, Place: "stock.csv:2"}} }, "stock.csv:2: stock of mug at north is -3 units"},
		{func(m *Model) { m.Demand = append(m.Demand, m.Demand[0]) }, "is there twice; first at demand.csv:2"},
		{func(m *Model) { m.Items = append(m.Items, m.Items[0]) }, `item "mug" is there twice`},
		{func(m *Model) { m.Edges[0].Minimum, m.Edges[0].Capacity = 20, 10 }, "the least order is 20, more than the capacity of 10"},
		{func(m *Model) { m.Items[0].Shortage = 0 }, "mug has neither a shortage cost nor a fill rate"},
		{func(m *Model) { m.Items[0].FillRate = 1 }, "the fill rate of mug is 1"},
		{func(m *Model) { m.Demand = nil }, "no demand"},
		{func(m *Model) { m.Weeks = 0 }, "there are 0 weeks"},
		{func(m *Model) { m.Budget = 0 }, "the budget of a week is 0"},
		{func(m *Model) { m.Edges[0].Cost = math.Inf(1) }, "the cost of a unit is +Inf"},
	} {
		m := one(5, 5, 5)
		m.Demand[0].Place, m.Edges[0].Place = "demand.csv:2", "edges.csv:2"
		c.change(m)
		_, err := Solve(context.Background(), m, Options{})
		var input *InputError
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &input) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
