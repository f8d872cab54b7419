package pricing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/trainers/pricing/response"
	"debut/trainers/pricing/rivals"
	"debut/trainers/runfolder"
)

// sales are the rows of a run.
type sales struct {
	rows     *response.Rows
	names    *response.Names
	grid     grid
	costs    []float64 // the last of each product, 0 where none is known
	follow   []rivals.Following
	files    []runfolder.DataFile
	warnings warning.List
	counts   bool // some row has no sales
	shares   bool // there is an exposure, and units are never more
}

// grid says which periods times are.
type grid struct {
	First  int64 `json:"first"`  // of period 0: microseconds since 1970, or a number
	Step   int64 `json:"step"`   // microseconds, or what numbers differ by
	Months bool  `json:"months"` // periods are months, Step of them
	Number bool  `json:"number"` // periods are numbers
}

const day = 24 * 3600 * 1_000_000

func months(micros int64) int64 {
	t := time.UnixMicro(micros).UTC()
	return int64(t.Year())*12 + int64(t.Month()) - 1
}

// newGrid finds the periods of times.
func newGrid(times []int64, number bool) (grid, error) {
	list := slices.Clone(times)
	slices.Sort(list)
	list = slices.Compact(list)
	g := grid{First: list[0], Step: 1, Number: number}
	if len(list) == 1 {
		return g, nil
	}
	if !number {
		g.Months = !slices.ContainsFunc(list, func(t int64) bool {
			return t%day != 0 || time.UnixMicro(t).UTC().Day() != time.UnixMicro(list[0]).UTC().Day()
		})
		g.Months = g.Months && list[1]-list[0] >= 28*day
	}
	of := func(t int64) int64 { return t }
	if g.Months {
		of = months
	}
	g.Step = 0
	for _, t := range list[1:] {
		for a, b := g.Step, of(t)-of(list[0]); ; a, b = b, a%b {
			if b == 0 {
				g.Step = a
				break
			}
		}
	}
	if n := (of(list[len(list)-1]) - of(list[0])) / g.Step; n > maxGrid {
		return g, configfile.Errorf("time", "there are %d periods between the first time and the last, by their smallest step; give the first day of each period, as by date_trunc in a query", n)
	}
	return g, nil
}

const maxGrid = 20_000

// period is that of a time; false where it lies between two.
func (g *grid) period(t int64) (int32, bool) {
	if g.Months {
		d := months(t) - months(g.First)
		return int32(d / g.Step), d%g.Step == 0
	}
	d := t - g.First
	return int32(d / g.Step), d%g.Step == 0
}

// vocabulary numbers names by their order in the alphabet.
func vocabulary(columns ...[]string) ([]string, map[string]int32) {
	var all []string
	for _, c := range columns {
		all = append(all, c...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	at := make(map[string]int32, len(all))
	for i, name := range all {
		at[name] = int32(i)
	}
	return all, at
}

// raw are rows as they are read.
type raw struct {
	product, store, category []string
	time                     []int64
	number                   bool // times are numbers
	numbers                  map[string][]float64
	place                    func(i int) string
	files                    table.Files
	rows                     int
}

// rowsOf reads rows; units need not be there with optional.
func (c *DataConfig) rowsOf(ctx context.Context, src table.Source, baseDir string, instruments []string, units bool) (*raw, error) {
	types := map[string]string{table.OtherColumns: table.TypeIgnore, c.Product: table.TypeCategorical, c.Price: table.TypeNumeric, c.Time: table.TypeDate}
	for _, name := range []string{c.Store, c.Category, c.Currency} {
		if name != "" {
			types[name] = table.TypeCategorical
		}
	}
	numbers := []string{c.Price, c.Exposure, c.Regular, c.Cost, c.Available}
	if units {
		numbers = append(numbers, c.Units)
	}
	numbers = slices.DeleteFunc(slices.Concat(numbers, c.Promotions, c.Competitors, instruments), func(s string) bool { return s == "" })
	for _, name := range numbers {
		types[name] = table.TypeNumeric
	}
	if t := src.Types[c.Time]; t != "" {
		delete(types, c.Time)
	}
	frame, files, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types})
	if err != nil && types[c.Time] != "" { // times may be numbers of periods
		types[c.Time] = table.TypeNumeric
		if f, n, second := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types}); second == nil {
			frame, files, err = f, n, nil
		}
	}
	if err != nil {
		return nil, err
	}
	if frame.Rows == 0 {
		return nil, fmt.Errorf("data: there are no rows")
	}
	out := &raw{numbers: map[string][]float64{}, place: frame.Place, files: files, rows: frame.Rows}
	times := frame.Column(c.Time)
	out.number = times.Kind == table.Numeric
	text := func(name string) []string {
		list := make([]string, frame.Rows)
		if name == "" {
			return list
		}
		s := frame.Column(name)
		for i := range list {
			list[i] = s.Format(i)
		}
		return list
	}
	out.product, out.store, out.category = text(c.Product), text(c.Store), text(c.Category)
	for _, name := range numbers {
		out.numbers[name] = frame.Column(name).Floats
	}
	price := out.numbers[c.Price]
	for i := range frame.Rows {
		switch {
		case times.Missing(i):
			return nil, configfile.Errorf("time", "%s has no time; give it one, or leave the row out by a query", frame.Place(i))
		case out.product[i] == "":
			return nil, configfile.Errorf("product", "%s has no product; give it one, or leave the row out by a query", frame.Place(i))
		case !(price[i] > 0) || math.IsInf(price[i], 0):
			return nil, configfile.Errorf("price", "%s has a price of %v, and prices are above 0; correct it, or leave the row out by a query: SELECT * FROM data WHERE %s > 0", frame.Place(i), price[i], c.Price)
		}
		if out.number {
			v := times.Floats[i]
			if v != math.Trunc(v) || math.Abs(v) > 1e9 {
				return nil, configfile.Errorf("time", "%s is of period %v; give whole numbers, or dates", frame.Place(i), v)
			}
			out.time = append(out.time, int64(v))
		} else {
			out.time = append(out.time, times.Micros[i])
		}
		if units {
			if u := out.numbers[c.Units][i]; u < 0 || math.IsInf(u, 0) {
				return nil, configfile.Errorf("units", "%s has %v units, and fewer than none are not sold; correct it, or leave returns out by a query: SELECT * FROM data WHERE %s >= 0", frame.Place(i), u, c.Units)
			}
		}
	}
	if c.Currency != "" {
		currencies, _ := vocabulary(text(c.Currency))
		if len(currencies) > 1 {
			return nil, configfile.Errorf("currency", "prices are in %d currencies, %s and %s among them; convert them by a query, or train on one: SELECT * FROM data WHERE %s = '%s'", len(currencies), currencies[0], currencies[1], c.Currency, currencies[len(currencies)-1])
		}
	}
	return out, nil
}

// read reads the sales of a run.
func (cfg *Config) read(ctx context.Context, baseDir string) (*sales, error) {
	c := &cfg.Data
	in, err := c.rowsOf(ctx, c.Source, baseDir, cfg.Model.Instruments, true)
	if err != nil {
		return nil, err
	}
	s := &sales{}
	note := func(name, remedy, format string, args ...any) {
		s.warnings = append(s.warnings, warning.Warning{Name: name, Message: fmt.Sprintf(format, args...), Remedy: remedy})
	}
	if s.grid, err = newGrid(in.time, in.number); err != nil {
		return nil, err
	}
	n := &response.Names{Promotions: c.Promotions}
	var products, stores, categories map[string]int32
	n.Products, products = vocabulary(in.product)
	n.Stores, stores = vocabulary(in.store)
	n.Categories, categories = vocabulary(in.category)
	n.Category = make([]int32, len(n.Products))
	for i := range n.Category {
		n.Category[i] = -1
	}
	s.names, s.costs = n, make([]float64, len(n.Products))
	units, available, exposure := in.numbers[c.Units], in.numbers[c.Available], in.numbers[c.Exposure]
	var list []int
	soldOut, unseen, unknown := 0, 0, 0
	s.shares = exposure != nil
	for i := range in.rows {
		j, cat := products[in.product[i]], categories[in.category[i]]
		if old := n.Category[j]; old >= 0 && old != cat {
			return nil, configfile.Errorf("category", "%s: %s is of category %s, and elsewhere of %s; give each product one category", in.place(i), in.product[i], in.category[i], n.Categories[old])
		}
		n.Category[j] = cat
		switch {
		case math.IsNaN(units[i]):
			unknown++
			continue
		case available != nil && units[i] >= available[i]:
			soldOut++
			continue
		case exposure != nil && !(exposure[i] > 0):
			if units[i] > 0 {
				return nil, configfile.Errorf("exposure", "%s has %v units and an exposure of %v; who buys was there: correct it, or leave the row out by a query", in.place(i), units[i], exposure[i])
			}
			unseen++
			continue
		}
		list = append(list, i)
		s.counts = s.counts || units[i] == 0
		if s.shares && units[i] > exposure[i] {
			if cfg.Model.Noise == noiseShares {
				return nil, configfile.Errorf("exposure", "%s has %v units of an exposure of %v; with model: {noise: shares} there are to be no more", in.place(i), units[i], exposure[i])
			}
			s.shares = false
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("data: no row says what was sold")
	}
	if soldOut > 0 {
		note(warning.Read, "", "%d rows sold all that was available: more may have been wanted, and they are left out", soldOut)
	}
	if unseen > 0 {
		note(warning.Read, "", "%d rows that nobody saw are left out", unseen)
	}
	if unknown > 0 {
		note(warning.Read, "", "%d rows without units are left out", unknown)
	}
	pick := func(v []float64) []float64 {
		if v == nil {
			return nil
		}
		out := make([]float64, len(list))
		for k, i := range list {
			out[k] = v[i]
		}
		return out
	}
	r := &response.Rows{Price: pick(in.numbers[c.Price]), Units: pick(units), Exposure: pick(exposure), Regular: pick(in.numbers[c.Regular])}
	seen := map[[3]int32]int{}
	for _, i := range list {
		j, store := products[in.product[i]], stores[in.store[i]]
		t, fits := s.grid.period(in.time[i])
		if !fits {
			return nil, configfile.Errorf("time", "%s lies between two periods; give the first day of each", in.place(i))
		}
		k := [3]int32{j, store, t}
		if other, twice := seen[k]; twice {
			return nil, fmt.Errorf("data: %s and %s are of one product, store and period, %s; add them up by a query, with GROUP BY", in.place(other), in.place(i), in.product[i])
		}
		seen[k] = i
		r.Product, r.Store, r.Period = append(r.Product, j), append(r.Store, store), append(r.Period, t)
	}
	for _, name := range c.Promotions {
		v := pick(in.numbers[name])
		if k := slices.IndexFunc(v, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }); k >= 0 {
			return nil, configfile.Errorf("promotions", "%s has no %s; give it a number, 0 for no promotion", in.place(list[k]), name)
		}
		r.Promotions = append(r.Promotions, v)
	}
	for _, name := range cfg.Model.Instruments {
		v := pick(in.numbers[name])
		if k := slices.IndexFunc(v, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }); k >= 0 {
			return nil, fmt.Errorf("model.instruments: %s has no %s; give it a number, or leave the row out by a query", in.place(list[k]), name)
		}
		r.Instruments = append(r.Instruments, v)
	}
	if err := s.competitors(ctx, c, baseDir, in, list, r, note); err != nil {
		return nil, err
	}
	last := make([]int32, len(n.Products))
	if costs := in.numbers[c.Cost]; costs != nil {
		for k, i := range list {
			if v := costs[i]; v > 0 && (s.costs[r.Product[k]] == 0 || r.Period[k] >= last[r.Product[k]]) {
				s.costs[r.Product[k]], last[r.Product[k]] = v, r.Period[k]
			}
		}
	}
	s.rows = r
	hashes, err := in.files.Hash(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range hashes {
		s.files = append(s.files, runfolder.DataFile{Path: f.Path, Bytes: f.Bytes, SHA256: f.SHA256})
	}
	return s, nil
}

// competitors finds the cheapest price elsewhere of each row, and who follows whom.
func (s *sales) competitors(ctx context.Context, c *DataConfig, baseDir string, in *raw, list []int, r *response.Rows, note func(name, remedy, format string, args ...any)) error {
	var sellers []string
	var prices [][]float64
	for _, name := range c.Competitors {
		all := in.numbers[name]
		v := make([]float64, len(list))
		missing, absent := 0, 0
		for k, i := range list {
			v[k] = all[i]
			if !math.IsNaN(v[k]) && (!(v[k] > 0) || math.IsInf(v[k], 0)) {
				return configfile.Errorf("competitors", "%s has a price of %v in %s, and prices are above 0; leave it empty where it is not known", in.place(i), v[k], name)
			}
			if math.IsNaN(v[k]) {
				missing++
			}
		}
		sellers, prices = append(sellers, name), append(prices, v)
		if absent = missing; absent > 0 {
			note(warning.Absent, "", "%s has no price in %d of %d rows; the others' stand for it there, or the usual distance to what is cheapest elsewhere", name, absent, len(list))
		}
	}
	if q := c.Rivals; q != nil {
		if in.number {
			return configfile.Errorf("rivals", "prices that were seen have days, and the periods of the data are numbers; give dates in %s", c.Time)
		}
		match, err := q.match(ctx, baseDir, in, list)
		if err != nil {
			return err
		}
		sellers, prices = match.Sellers, match.Prices
		if stale := match.Stale(); stale != "" {
			note(warning.Absent, "see prices more often, or raise data.rivals.max_age", "prices elsewhere that were seen more than %g days before are not used: %s", q.MaxAge, stale)
		}
		if match.Unknown > 0 {
			note(warning.Absent, "", "%d of %d rows are of products that nobody was seen to sell", match.Unknown, len(list))
		}
	}
	if len(sellers) == 0 {
		return nil
	}
	r.Competitor = make([]float64, len(list))
	for k := range list {
		r.Competitor[k] = math.NaN()
		for _, v := range prices {
			if !math.IsNaN(v[k]) && !(v[k] >= r.Competitor[k]) {
				r.Competitor[k] = v[k]
			}
		}
	}
	s.follow = follow(sellers, prices, r)
	return nil
}

// match reads prices that were seen.
func (q *Rivals) match(ctx context.Context, baseDir string, in *raw, list []int) (*rivals.Match, error) {
	types := map[string]string{table.OtherColumns: table.TypeIgnore, q.Product: table.TypeCategorical, q.Seller: table.TypeCategorical, q.Time: table.TypeDate, q.Price: table.TypeNumeric}
	src := q.Source
	frame, files, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types})
	if err != nil {
		return nil, err
	}
	in.files = append(in.files, files...)
	product, seller, at, price := frame.Column(q.Product), frame.Column(q.Seller), frame.Column(q.Time), frame.Column(q.Price).Floats
	var quotes []rivals.Quote
	for i := range frame.Rows {
		if at.Missing(i) || !(price[i] > 0) {
			return nil, configfile.Errorf("rivals", "%s has a price of %v; each price that was seen has a time and is above 0: leave the row out by a query", frame.Place(i), price[i])
		}
		quotes = append(quotes, rivals.Quote{Product: product.Format(i), Seller: seller.Format(i), Time: float64(at.Micros[i]) / day, Price: price[i]})
	}
	products, times := make([]string, len(list)), make([]float64, len(list))
	for k, i := range list {
		products[k], times[k] = in.product[i], float64(in.time[i])/day
	}
	return rivals.Prices(quotes, products, times, q.MaxAge)
}

// follow lays prices out by series and period.
func follow(sellers []string, prices [][]float64, r *response.Rows) []rivals.Following {
	type series struct{ product, store int32 }
	at := map[series]int{}
	var own [][]float64
	others := make([][][]float64, len(sellers))
	last := slices.Max(r.Period)
	empty := func() []float64 {
		v := make([]float64, last+1)
		for t := range v {
			v[t] = math.NaN()
		}
		return v
	}
	for i := range r.Price {
		k := series{r.Product[i], r.Store[i]}
		n, there := at[k]
		if !there {
			n = len(own)
			at[k] = n
			own = append(own, empty())
			for s := range others {
				others[s] = append(others[s], empty())
			}
		}
		own[n][r.Period[i]] = r.Price[i]
		for s := range others {
			others[s][n][r.Period[i]] = prices[s][i]
		}
	}
	return rivals.Follow(sellers, own, others)
}
