package pricing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/kernels/philox"
	"debut/trainers/model"
	"debut/trainers/pricing/markdown"
	"debut/trainers/pricing/response"
	"debut/trainers/pricing/setting"
)

// terms are what is known of products beside the model.
type terms struct {
	cost, stock, min, max float64 // NaN where it is not known
}

// readTerms reads a table of product, and cost, stock, min and max where it has them.
func (m *Model) readTerms(ctx context.Context, src *table.Source, baseDir string) (map[int32]terms, error) {
	out := map[int32]terms{}
	if src == nil {
		return out, nil
	}
	frame, _, err := table.ReadWith(ctx, src, baseDir, table.ReadOptions{Types: map[string]string{m.Data.Product: table.TypeCategorical}})
	if err != nil {
		return nil, err
	}
	products := frame.Column(m.Data.Product)
	column := func(name string) ([]float64, error) {
		for _, c := range frame.Names() {
			if c == name {
				s := frame.Column(name)
				if s.Kind != table.Numeric {
					for i := range frame.Rows {
						if text := s.Format(i); !s.Missing(i) {
							if _, err := strconv.ParseFloat(text, 64); err != nil {
								return nil, fmt.Errorf("%s has %q for %s, which is no number; give one, or leave it empty", frame.Place(i), text, name)
							}
						}
					}
					return nil, fmt.Errorf("%s: the column %q holds no numbers; write them plainly, or leave the column out", strings.Join(src.Path, ", "), name)
				}
				return s.Floats, nil
			}
		}
		return nil, nil
	}
	var columns [4][]float64
	for k, name := range []string{"cost", "stock", "min", "max"} {
		if columns[k], err = column(name); err != nil {
			return nil, err
		}
	}
	for i := range frame.Rows {
		j, known := m.products[products.Format(i)]
		if !known {
			return nil, fmt.Errorf("%s is of %q, which training has not seen", frame.Place(i), products.Format(i))
		}
		values := [4]float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		for k, c := range columns {
			if c == nil || math.IsNaN(c[i]) {
				continue
			}
			if c[i] < 0 || math.IsInf(c[i], 0) {
				return nil, fmt.Errorf("%s has %v: costs, stocks and bounds are not negative", frame.Place(i), c[i])
			}
			values[k] = c[i]
		}
		if _, twice := out[j]; twice {
			return nil, fmt.Errorf("%s: %q is there twice", frame.Place(i), products.Format(i))
		}
		out[j] = terms{values[0], values[1], values[2], values[3]}
	}
	return out, nil
}

func or(v, other float64) float64 {
	if math.IsNaN(v) {
		return other
	}
	return v
}

// Price chooses prices, category by category.
func (m *Model) Price(ctx context.Context, r model.PriceRequest) (*model.PricePlan, error) {
	if err := checkRequest(&r); err != nil {
		return nil, err
	}
	if m.Formula != nil {
		return nil, errors.New("a model of kind linear says which prices were asked at which demand, and not what demand answers; train kind loglog to set prices")
	}
	known, err := m.readTerms(ctx, r.Terms, r.BaseDir)
	if err != nil {
		return nil, err
	}
	b := &setting.Bounds{Margin: r.Margin, Change: r.Change, Endings: r.Endings, Periods: float64(r.Periods), Goal: r.Goal}
	if r.Band != nil {
		b.Band, b.Banded = *r.Band, true
	}
	ladders, err := m.ladders(r.Ladders)
	if err != nil {
		return nil, err
	}
	plan := &model.PricePlan{}
	p := &pricing{Model: m, r: r, b: b, plan: plan, terms: known, elasticities: m.Response.Elasticities(), low: make([]float64, r.Draws)}
	for c := range m.Response.Categories {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.Ladders = ladders[c]
		if err := p.category(c); err != nil {
			return nil, err
		}
	}
	if p.unknown > 0 {
		plan.Notes = append(plan.Notes, fmt.Sprintf("%d products keep their price: they were not sold in the last periods, or no price of their category has changed", p.unknown))
	}
	if p.costless > 0 {
		plan.Notes = append(plan.Notes, fmt.Sprintf("of %d products no cost is known, and they keep their price: name data.cost, or a table with costs", p.costless))
	}
	switch {
	case r.Falling && len(plan.Prices) == 0:
		return nil, errors.New("of no product with a price to choose the stock is known, and there is no markdown to plan: name it in the column stock of the table")
	case p.unplanned > 0:
		plan.Notes = append(plan.Notes, fmt.Sprintf("%d products have no plan: their stock is not in the table, or they have one price alone", p.unplanned))
	}
	if len(p.low) > 0 && !r.Falling {
		slices.Sort(p.low)
		plan.Low, plan.High = quantile(p.low, .05), quantile(p.low, .95)
	}
	return plan, nil
}

// quantile of sorted numbers.
func quantile(sorted []float64, q float64) float64 {
	return sorted[int(math.Round(q*float64(len(sorted)-1)))]
}

// ladders sorts them by category, with numbers of products in it.
func (m *Model) ladders(list []model.PriceLadder) (map[int][]setting.Ladder, error) {
	out := map[int][]setting.Ladder{}
	for _, l := range list {
		low, ok := m.products[l.Lower]
		high, there := m.products[l.Upper]
		if !ok || !there {
			return nil, fmt.Errorf("the ladder %s<%s is of a product that training has not seen", l.Lower, l.Upper)
		}
		a, b := &m.Response.Products[low], &m.Response.Products[high]
		if a.Category != b.Category {
			return nil, fmt.Errorf("the ladder %s<%s is of products of two categories; prices are set within one", l.Lower, l.Upper)
		}
		out[a.Category] = append(out[a.Category], setting.Ladder{Lower: int(a.Local), Upper: int(b.Local), Share: l.Share})
	}
	return out, nil
}

// pricing is the work on a request.
type pricing struct {
	*Model
	r            model.PriceRequest
	b            *setting.Bounds
	plan         *model.PricePlan
	terms        map[int32]terms
	elasticities []response.Elasticity
	low          []float64 // by draw, by how much the prices that are set bring more

	unknown, costless, unplanned int
}

// category sets the prices of one.
func (p *pricing) category(number int) error {
	c := &p.Response.Categories[number]
	curves := p.Response.Curves(number, nil)
	products := make([]setting.Product, len(c.Products))
	candidates := make([][]float64, len(c.Products))
	now, notes := make([]float64, len(c.Products)), make([]string, len(c.Products))
	for k, j := range c.Products {
		q := &p.Response.Products[j]
		t, there := p.terms[j]
		if !there {
			t = terms{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
		}
		products[k] = setting.Product{
			Name: q.Name, Now: q.Price, Cost: or(t.cost, p.Costs[j]), Other: q.Other, Stock: or(t.stock, math.Inf(1)), Min: or(t.min, 0), Max: or(t.max, 0),
		}
		now[k] = q.Price
	}
	for k, j := range c.Products {
		q := &p.Response.Products[j]
		switch {
		case q.Rate == 0 || len(q.Gradient) == 0:
			candidates[k], notes[k] = []float64{q.Price}, "nothing is known of its demand: the price stays"
			p.unknown++
		case products[k].Cost == 0 && p.r.Goal == setting.Profit:
			candidates[k], notes[k] = []float64{q.Price}, "no cost is known: the price stays"
			p.costless++
		default:
			var err error
			if candidates[k], err = p.b.Candidates(&products[k]); err != nil {
				return err
			}
		}
	}
	if p.r.Falling {
		return p.falling(number, curves, products, candidates)
	}
	prices, err := p.b.Best(products, candidates, curves.Units, curves.Crossed())
	if err != nil {
		return err
	}
	drawn := make([]*response.Curves, p.r.Draws)
	for d := range drawn {
		drawn[d] = p.Response.Curves(number, philox.New(p.Seed, uint64(d)<<32|uint64(number)))
		p.low[d] += p.b.Total(products, prices, drawn[d].Units) - p.b.Total(products, now, drawn[d].Units)
	}
	for k, j := range c.Products {
		s := model.SetPrice{
			Product: products[k].Name, Category: c.Name, Before: now[k], Price: prices[k], Cost: products[k].Cost, Elasticity: p.elasticities[j].Value, Note: notes[k],
		}
		if notes[k] == "" && p.elasticities[j].Note != "" {
			s.Note = p.elasticities[j].Note
		}
		if s.Note == "" && len(candidates[k]) > 1 && p.b.Change == 0 && (prices[k] == candidates[k][0] || prices[k] == candidates[k][len(candidates[k])-1]) {
			s.Note = "the best price lies at the end of what was looked at: give bounds"
		}
		s.UnitsBefore, s.RevenueBefore, s.ProfitBefore = p.brings(&products[k], now[k], curves.Units(k, now))
		s.Units, s.Revenue, s.Profit = p.brings(&products[k], prices[k], curves.Units(k, prices))
		s.ProfitLow, s.ProfitHigh = p.interval(drawn, products, prices, k)
		p.plan.Prices = append(p.plan.Prices, s)
		if p.r.Curve {
			p.curve(curves, drawn, products, prices, candidates, k)
		}
	}
	p.plan.Now += p.b.Total(products, now, curves.Units)
	p.plan.Set += p.b.Total(products, prices, curves.Units)
	return nil
}

// brings are units, revenue and profit of all periods.
func (p *pricing) brings(q *setting.Product, price, units float64) (sold, revenue, profit float64) {
	if math.IsNaN(units) {
		return 0, 0, 0
	}
	sold = math.Min(units*p.b.Periods, q.Stock)
	return sold, price * sold, (price - q.Cost) * sold
}

// interval is that of the profit of a product over draws of demand.
func (p *pricing) interval(drawn []*response.Curves, products []setting.Product, prices []float64, k int) (low, high float64) {
	if len(drawn) == 0 {
		return 0, 0
	}
	list := make([]float64, len(drawn))
	for d, c := range drawn {
		_, _, list[d] = p.brings(&products[k], prices[k], c.Units(k, prices))
	}
	slices.Sort(list)
	return quantile(list, .05), quantile(list, .95)
}

// curve adds the points of a product's.
func (p *pricing) curve(curves *response.Curves, drawn []*response.Curves, products []setting.Product, prices []float64, candidates [][]float64, k int) {
	at := slices.Clone(prices)
	for _, v := range candidates[k] {
		at[k] = v
		x := model.PricePoint{Product: products[k].Name, Price: v}
		x.Units, x.Revenue, x.Profit = p.brings(&products[k], v, curves.Units(k, at))
		x.ProfitLow, x.ProfitHigh = p.interval(drawn, products, at, k)
		p.plan.Curve = append(p.plan.Curve, x)
	}
}

// mostUnits bounds the stock that a plan counts one by one; larger ones are counted in packs.
const mostUnits = 2000

// falling plans a price for each period, from the stock of each product by itself.
func (p *pricing) falling(number int, curves *response.Curves, products []setting.Product, candidates [][]float64) error {
	c := &p.Response.Categories[number]
	for k, j := range c.Products {
		q := &products[k]
		if math.IsInf(q.Stock, 1) || len(candidates[k]) < 2 {
			p.unplanned++
			continue
		}
		if q.Cost == 0 {
			return fmt.Errorf("%s: a markdown needs the cost, of which a share is left of what is not sold; name data.cost, or a table with costs", q.Name)
		}
		now := make([]float64, len(products))
		for i := range products {
			now[i] = products[i].Now
		}
		prices := candidates[k]
		for len(prices) > 24 { // every second, and both ends
			var less []float64
			for i, v := range prices {
				if i%2 == 0 || i == len(prices)-1 {
					less = append(less, v)
				}
			}
			prices = less
		}
		pack := math.Max(1, math.Ceil(q.Stock/mostUnits))
		means := make([]float64, len(prices))
		for i, v := range prices {
			now[k] = v
			means[i] = curves.Units(k, now) / pack
		}
		season := markdown.Season{
			Prices: prices, Periods: p.r.Periods, Stock: int(q.Stock / pack), Salvage: p.r.Salvage * q.Cost, Falling: true,
			Mean: func(_, i int) float64 { return means[i] },
		}
		plan, err := markdown.Best(season)
		if err != nil {
			return fmt.Errorf("%s: %w", q.Name, err)
		}
		left, last := float64(season.Stock), -1
		for t := range p.r.Periods {
			i := plan.Price(t, int(math.Round(left)), last)
			sold := math.Min(means[i], left)
			p.plan.Prices = append(p.plan.Prices, model.SetPrice{
				Product: q.Name, Category: c.Name, Before: q.Now, Price: prices[i], Cost: q.Cost, Units: sold * pack, Revenue: sold * pack * prices[i],
				Profit: sold * pack * (prices[i] - q.Cost), Elasticity: p.elasticities[j].Value, Period: t + 1, Stock: left * pack,
			})
			left, last = left-sold, i
		}
		p.plan.Set += plan.Value*pack - q.Cost*float64(season.Stock)*pack
	}
	return nil
}

// checkRequest refuses requests that mean nothing; names are those of the command line.
func checkRequest(r *model.PriceRequest) error {
	switch {
	case !slices.Contains([]string{setting.Profit, setting.Revenue, setting.Units}, r.Goal):
		return configfile.OneOf("goal", r.Goal, setting.Profit, setting.Revenue, setting.Units)
	case r.Periods < 1 || r.Periods > maxPeriods:
		return fmt.Errorf("periods %d: give a number from 1 to %d", r.Periods, maxPeriods)
	case !(r.Margin >= 0 && r.Margin < 1):
		return fmt.Errorf("margin %v: it is the share of the price that is above the cost; give a number from 0 to below 1", r.Margin)
	case !(r.Change >= 0 && r.Change < 1):
		return fmt.Errorf("change %v: it is a share of the price; give a number from 0 to below 1", r.Change)
	case r.Falling && r.Terms == nil:
		return errors.New("a markdown is of a stock: name a table with the columns of product and stock")
	case !(r.Salvage >= 0 && r.Salvage <= 1):
		return fmt.Errorf("salvage %v: it is a share of the cost; give a number from 0 to 1", r.Salvage)
	}
	return nil
}
