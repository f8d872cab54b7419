package stock

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"debut/trainers/page"
	"debut/trainers/supply/replenish"
)

// How many rows and charts a page shows.
const (
	pageRows   = 50
	pageCharts = 12
)

// Page is a plan as a page: what is to be ordered now, what binds, and stock over time.
func Page(name string, p *replenish.Plan) *page.Page {
	out := &page.Page{Title: "debut stock plan", Heading: "Stock plan " + name}
	say := func(format string, args ...any) { out.Body = append(out.Body, page.Plainly(format, args...)) }
	bound := "no bound is known"
	if !math.IsInf(p.Bound, 0) {
		bound = fmt.Sprintf("no plan costs less than %s (gap %.3g %%)", figure(p.Bound), 100*p.Gap)
	}
	say("%s, %d weeks: cost %s; %s. Served at once: %.2f %% of %s units. Method: %s; %.1f s.", p.Status, p.Weeks, figure(p.Cost), bound, 100*p.FillRate, figure(p.Demand), p.Method, p.Seconds)
	for _, w := range p.Warnings {
		out.Body = append(out.Body, page.Notice{Severity: page.Warning, Text: page.Plainly("%s", w)})
	}
	c := p.Costs
	out.Body = append(out.Body, tabled("cost by kind", []page.Column{{Name: "kind"}, {Name: "cost", Number: true}}, [][]page.Cell{
		page.Cells("purchase", figure(c.Purchase)), page.Cells("fixed", figure(c.Fixed)), page.Cells("transport", figure(c.Transport)), page.Cells("holding", figure(c.Holding)),
		page.Cells("shortage", figure(c.Shortage)), page.Cells("left over", figure(c.Terminal)), page.Cells("total", figure(c.Total())),
	}))

	out.Body = append(out.Body, page.Heading("To be ordered now"))
	now := slices.Clone(p.Orders)
	now = slices.DeleteFunc(now, func(o replenish.Order) bool { return o.Week != 1 })
	slices.SortStableFunc(now, func(a, b replenish.Order) int { return cmp.Compare(value(b.Wait), value(a.Wait)) })
	say("%d of %d orders; those first that lose most by waiting a week.", len(now), len(p.Orders))
	var rows [][]page.Cell
	for _, o := range now[:min(pageRows, len(now))] {
		rows = append(rows, page.Cells(o.Item, o.Supplier, o.Site, figure(o.Units), figure(o.Cost), strconv.Itoa(o.Arrives), known(o.Wait)))
	}
	out.Body = append(out.Body, tabled("orders of week 1", []page.Column{{Name: "item"}, {Name: "supplier"}, {Name: "site"}, {Name: "units", Number: true}, {Name: "cost", Number: true},
		{Name: "arrives in week", Number: true}, {Name: "waiting a week costs", Number: true}}, rows))

	if len(p.Transfers) > 0 {
		out.Body = append(out.Body, page.Heading("Transfers"))
		rows = nil
		for _, v := range p.Transfers[:min(pageRows, len(p.Transfers))] {
			rows = append(rows, page.Cells(v.Item, v.From, v.To, strconv.Itoa(v.Week), strconv.Itoa(v.Arrives), figure(v.Units), figure(v.Cost)))
		}
		out.Body = append(out.Body, tabled(fmt.Sprintf("the first of %d transfers", len(p.Transfers)), []page.Column{{Name: "item"}, {Name: "from"}, {Name: "to"}, {Name: "week", Number: true},
			{Name: "arrives in week", Number: true}, {Name: "units", Number: true}, {Name: "cost", Number: true}}, rows))
	}

	out.Body = append(out.Body, page.Heading("What binds"))
	binding := slices.Clone(p.Binding)
	slices.SortStableFunc(binding, func(a, b replenish.Binding) int { return cmp.Compare(value(b.Price), value(a.Price)) })
	if len(binding) == 0 {
		say("No limit binds.")
	} else {
		say("The price is by how much cost falls with one unit more of the limit, %s.", p.Duals)
		rows = nil
		for _, l := range binding[:min(pageRows, len(binding))] {
			week, over := strconv.Itoa(l.Week), ""
			if l.Week == 0 {
				week = "all"
			}
			if l.Over > 0 {
				over = figure(l.Over)
			}
			rows = append(rows, page.Cells(l.Kind, l.Name, week, figure(l.Limit), figure(l.Used), known(l.Price), over))
		}
		out.Body = append(out.Body, tabled("limits that are reached", []page.Column{{Name: "limit"}, {Name: "of"}, {Name: "week", Number: true}, {Name: "limit", Number: true},
			{Name: "used", Number: true}, {Name: "price", Number: true}, {Name: "exceeded", Number: true}}, rows))
	}
	out.Body = append(out.Body, page.Heading("Stock over time"), charts(p))
	return out
}

func tabled(caption string, columns []page.Column, rows [][]page.Cell) *page.Table {
	return &page.Table{Caption: caption, Columns: columns, Rows: rows}
}

// course is the demand and stock of something by week.
type course struct {
	name                 string
	demand, stock, unmet []float64
	total                float64 // of demand
}

func (c *course) add(l *replenish.Level) {
	c.demand[l.Week-1] += l.Demand
	c.stock[l.Week-1] += l.Stock
	c.unmet[l.Week-1] += l.Unmet
	c.total += l.Demand
}

// charts draws each site, and the items at sites with most demand.
func charts(p *replenish.Plan) (out page.Figures) {
	sites, items := courses{weeks: p.Weeks}, courses{weeks: p.Weeks}
	for i := range p.Levels {
		l := &p.Levels[i]
		sites.of("all items at " + l.Site).add(l)
		items.of(l.Item + " at " + l.Site).add(l)
	}
	slices.SortStableFunc(items.list, func(a, b *course) int { return cmp.Compare(b.total, a.total) })
	for _, c := range slices.Concat(sites.list[:min(pageCharts, len(sites.list))], items.list[:min(pageCharts, len(items.list))]) {
		weeks := make([]float64, p.Weeks)
		for t := range weeks {
			weeks[t] = float64(t + 1)
		}
		out = append(out, page.Figure{Caption: c.name, Chart: &page.Lines{
			Says:   fmt.Sprintf("%s: stock goes from %s in week 1 to %s in week %d, demand is %s a week", c.name, figure(c.stock[0]), figure(c.stock[p.Weeks-1]), p.Weeks, figure(c.total/float64(p.Weeks))),
			XLabel: "week", YLabel: "units", Zero: true,
			Series: []page.Series{{Name: "stock at the end", X: weeks, Y: c.stock}, {Name: "demand", X: weeks, Y: c.demand}, {Name: "not served at once", X: weeks, Y: c.unmet}},
		}})
	}
	return out
}

// courses are some by name, in the order of their first mention.
type courses struct {
	weeks int
	list  []*course
	index map[string]*course
}

func (c *courses) of(name string) *course {
	if found := c.index[name]; found != nil {
		return found
	}
	if c.index == nil {
		c.index = map[string]*course{}
	}
	made := &course{name: name, demand: make([]float64, c.weeks), stock: make([]float64, c.weeks), unmet: make([]float64, c.weeks)}
	c.index[name] = made
	c.list = append(c.list, made)
	return made
}

// value is a number that may not be known, −1 then.
func value(v *float64) float64 {
	if v == nil {
		return -1
	}
	return *v
}

func known(v *float64) string {
	if v == nil {
		return "–"
	}
	return figure(*v)
}

// figure writes units and money: two digits after the point, more where they are small.
func figure(v float64) string {
	if v != 0 && math.Abs(v) < 1 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	text := strconv.FormatFloat(v, 'f', 2, 64)
	for len(text) > 0 && (text[len(text)-1] == '0' || text[len(text)-1] == '.') {
		point := text[len(text)-1] == '.'
		if text = text[:len(text)-1]; point {
			break
		}
	}
	return text
}
