package replenish

import (
	"math"
	"testing"

	"debut/kernels/philox"
)

// TestLines compares with values at many places.
func TestLines(t *testing.T) {
	stream := philox.New(5, philox.StreamOf("lines"))
	random := func(right float64) *lines {
		f := &lines{right: right}
		x := 0.0
		for range 3 + stream.IntN(9) {
			f.x, f.v = append(f.x, x), append(f.v, 20*stream.Float64())
			x += .2 + 3*stream.Float64()
		}
		return f
	}
	for range 200 {
		f, g, out := random(1), random(1), &lines{}
		by, plus := 4*stream.Float64(), stream.Float64()
		out.lower(0, f, g, by, plus)
		for x := 0.0; x < 40; x += .173 {
			if want := math.Min(f.at(x), g.at(x+by)+plus); math.Abs(out.at(x)-want) > 1e-8 {
				t.Fatalf("at %v: %v, want %v", x, out.at(x), want)
			}
		}
		least, most := 3*stream.Float64(), math.Inf(1)
		if stream.IntN(2) == 0 {
			most = least + 9*stream.Float64()
		}
		cost := 2 * stream.Float64()
		out.leastAhead(0, f, cost, least, most)
		for x := 0.0; x < 40; x += .173 {
			want := f.at(x+least) + cost*least
			if !math.IsInf(most, 1) {
				want = math.Min(want, f.at(x+most)+cost*most)
			}
			for i := range f.x {
				if q := f.x[i] - x; q >= least && q <= most {
					want = math.Min(want, f.v[i]+cost*q)
				}
			}
			if math.Abs(out.at(x)-want) > 1e-7 {
				t.Fatalf("least ahead at %v: %v, want %v", x, out.at(x), want)
			}
		}
	}
}

// TestRecursion compares plans of single series with those of branch and bound.
func TestRecursion(t *testing.T) {
	stream := philox.New(6, philox.StreamOf("recursion"))
	for round := range 24 {
		m := one(make([]float64, 2+round%4)...)
		m.Waits = round%2 == 0
		m.RunDown = round%5 == 0
		m.Items[0].Holding, m.Items[0].Shortage = .5, 4+float64(stream.IntN(5))
		m.Items[0].Volume, m.Sites[0].Storage = 1, 60
		m.Suppliers = append(m.Suppliers, Supplier{Name: "dear", Capacity: Unlimited})
		m.Edges = append(m.Edges, Edge{Item: "mug", Supplier: "dear", Site: "north", Cost: 1.5, Capacity: 25})
		e := &m.Edges[0]
		e.Lead, e.Cost, e.Capacity = 1, 1, 60
		if round%3 < 2 {
			e.Minimum, e.Multiple, e.Fixed = 12, float64(round%2*6), float64(stream.IntN(9))
			m.Edges[1].Fixed, m.Edges[1].Minimum = float64(stream.IntN(4)), float64(stream.IntN(9))
		}
		m.Stock = []Stock{{Item: "mug", Site: "north", Units: 8}, {Item: "mug", Site: "north", Week: 2, Units: 5}}
		for i := range m.Demand {
			m.Demand[i].Mean, m.Demand[i].Deviation = 10+float64(stream.IntN(20)), 4
		}
		x, err := m.check()
		if err != nil {
			t.Fatal(err)
		}
		n, err := newNetwork(m, x)
		if err != nil {
			t.Fatal(err)
		}
		prices := make([]float64, len(n.limits))
		for i := range prices {
			prices[i] = .3 * stream.Float64()
		}
		d := &decomposed{planning: &planning{ctx: t.Context(), n: n}, prices: prices}
		want := d.solveBlock(t.Context(), 0, asked{prices: prices}, true)
		if want.failed != nil {
			t.Fatal(want.failed)
		}
		r := &recursion{}
		r.prepare(m.Weeks, 2)
		r.price(n, 0, prices, 0)
		value := r.solve(n, 0, n.series[0].arriving, -1)
		cost := 0.0
		for t, y := range r.level {
			cost += r.charge(&n.series[0], t, y)
		}
		for k := range r.orders {
			for t, q := range r.orders[k] {
				cost += r.unit[k][t] * q
				if q > 0 {
					cost += r.fixed[k][t]
				}
			}
		}
		if !near(cost, value, 1e-9) {
			t.Errorf("round %d: the orders cost %v, the recursion says %v: %v", round, cost, value, r.orders)
		}
		if v := d.valued(&want); value > v+1e-7*math.Abs(v) || value < want.value-1e-6*math.Abs(v) {
			t.Errorf("round %d: %v by recursion, %v (at least %v) by branch and bound: %v", round, value, v, want.value, r.orders)
		}
	}
}
