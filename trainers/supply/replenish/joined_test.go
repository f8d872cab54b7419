package replenish

import (
	"reflect"
	"testing"
)

// joinedShop is a shop whose sites are joined by lanes.
func joinedShop(items, sites, weeks int) *Model {
	m := shop(items, sites, weeks, true)
	for a := range m.Sites {
		for b := range m.Sites {
			if a != b {
				m.Lanes = append(m.Lanes, Lane{From: m.Sites[a].Name, To: m.Sites[b].Name, Lead: 1, Cost: .4, Capacity: Unlimited})
			}
		}
	}
	return m
}

// TestJoined plans whole orders of sites that lanes join.
func TestJoined(t *testing.T) {
	m := joinedShop(4, 2, 5)
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
	m.Lanes = nil
	apart := solve(t, m, Options{Decompose: 1})
	t.Logf("cost %v, bound %v, gap %v, %d transfers; without lanes %v", plans[0].Cost, plans[0].Bound, plans[0].Gap, len(plans[0].Transfers), apart.Cost)
	if plans[0].Bound > apart.Cost || plans[0].Gap > .1 {
		t.Errorf("bound %v, gap %v; without lanes %v", plans[0].Bound, plans[0].Gap, apart.Cost)
	}
}
