package pricing_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/table"
	"debut/trainers/model"
)

// request is one that asks for prices within two fifths of those that are.
func request() model.PriceRequest {
	return model.PriceRequest{Goal: "profit", Periods: 4, Change: .4, Draws: 40}
}

// TestPrice sets prices that earn more than those that are, near those of the truth, twice the same.
func TestPrice(t *testing.T) {
	dir := sales(t, 12, 1, 80, nil)
	out, err := train(t, dir, strings.Replace(small, "store: store, ", "", 1), "model.cross=0")
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, out.Folder)
	plan, err := m.Price(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Price(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	var ours, best, now float64
	for k, s := range plan.Prices {
		if s != again.Prices[k] {
			t.Fatalf("%+v, and then %+v", s, again.Prices[k])
		}
		var i int
		if _, err := fmt.Sscanf(s.Product, "i%d", &i); err != nil {
			t.Fatal(err)
		}
		list := 5 + float64(i)
		truth := func(p float64) float64 { return (p - list/2) * math.Pow(p/list, elasticity(i)) }
		most := 0.0
		for p := .6 * s.Before; p <= 1.4*s.Before; p += .01 {
			most = math.Max(most, truth(p))
		}
		ours, best, now = ours+truth(s.Price), best+most, now+truth(s.Before)
		if s.ProfitLow > s.Profit || s.ProfitHigh < s.Profit || s.Price < .6*s.Before-.01 || s.Price > 1.4*s.Before+.01 {
			t.Errorf("%+v", s)
		}
	}
	t.Logf("profit by the truth: %.2f of the best, %.2f of that of the prices before", ours/best, ours/now)
	if ours < .93*best || ours < now {
		t.Errorf("the prices that are set earn %.1f %% of the best, those before %.1f %%", 100*ours/best, 100*now/best)
	}
	if plan.Set <= plan.Now || plan.Low > plan.High {
		t.Errorf("%.1f now, %.1f set, %.1f to %.1f more", plan.Now, plan.Set, plan.Low, plan.High)
	}
}

// TestPriceBounds asks for prices that cannot be, and that a table bounds.
func TestPriceBounds(t *testing.T) {
	dir := sales(t, 6, 1, 40, nil)
	out, err := train(t, dir, strings.Replace(small, "store: store, ", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, out.Folder)
	write := func(text string) *table.Source {
		if err := os.WriteFile(filepath.Join(dir, "terms.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return &table.Source{Path: []string{"terms.csv"}, Format: "auto"}
	}
	for name, c := range map[string]struct {
		change func(r *model.PriceRequest)
		want   string
	}{
		"a margin that no price has": {func(r *model.PriceRequest) { r.Margin, r.Change = .8, .1 }, "i00: no price is left: a margin of 80 % asks for"},
		"an ending":                  {func(r *model.PriceRequest) { r.Endings, r.Change = []float64{.37}, .01 }, "where none ends in .37"},
		"a goal":                     {func(r *model.PriceRequest) { r.Goal = "luck" }, "luck"},
		"a ladder over categories": {
			func(r *model.PriceRequest) { r.Ladders = []model.PriceLadder{{Lower: "i00", Upper: "i01", Share: 1}} }, "of two categories",
		},
		"an unknown product": {func(r *model.PriceRequest) { r.Terms = write("item,cost\nx,1\n") }, "which training has not seen"},
		"a negative cost":    {func(r *model.PriceRequest) { r.Terms = write("item,cost\ni00,-1\n") }, "are not negative"},
		"no stock":           {func(r *model.PriceRequest) { r.Falling = true }, "name a table"},
	} {
		r := request()
		r.BaseDir = dir
		c.change(&r)
		if _, err := m.Price(t.Context(), r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q is not in: %v", name, c.want, err)
		}
	}
	r := request()
	r.BaseDir, r.Terms, r.Curve = dir, write("item,max,stock\ni00,4.5,\ni02,,60\n"), true
	plan, err := m.Price(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Prices[0].Price > 4.5 || len(plan.Curve) < 100 {
		t.Errorf("a price of %.2f, where 4.50 is the highest; %d points", plan.Prices[0].Price, len(plan.Curve))
	}
	// A stock of 60 for eight periods is sold at prices that never rise.
	r.Falling, r.Periods, r.Salvage = true, 8, .3
	plan, err = m.Price(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Prices) != 8 {
		t.Fatalf("%d rows for 8 periods of one product", len(plan.Prices))
	}
	for i, s := range plan.Prices[1:] {
		if s.Price > plan.Prices[i].Price || s.Stock > plan.Prices[i].Stock {
			t.Errorf("period %d: %.2f with %.1f left, after %.2f with %.1f", s.Period, s.Price, s.Stock, plan.Prices[i].Price, plan.Prices[i].Stock)
		}
	}
}
