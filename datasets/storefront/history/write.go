package history

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/table"
	"debut/datasets/warning"
)

// Options say how a history is written.
type Options struct {
	Threads   int  // 0: one for each processor
	Overwrite bool // replace an earlier history
	// Truth has a continuation write what would have been demanded at other prices.
	Truth    bool
	Progress func(day, days int, events int64)
}

// Summary says what was written.
type Summary struct {
	Events    int64            `json:"events"`
	Purchases int64            `json:"purchases"`
	Carts     int64            `json:"carts"`
	Lost      int64            `json:"lost"`               // wanted, and out of stock
	Deferred  int64            `json:"deferred,omitempty"` // wanted, out of stock, and waited for
	Tables    map[string]int64 `json:"tables"`
	Bytes     int64            `json:"bytes"`
	// BayesAUC is the area under the ROC curve of the true probabilities, of a purchase if there is stock, for what was wanted.
	BayesAUC float64 `json:"bayes_auc"`
	// BayesAUCInStock is that of the views of items in stock, which a model of purchases can reach.
	BayesAUCInStock float64 `json:"bayes_auc_in_stock"`
	// Money is what was taken and earned, in a continuation.
	Money *Money `json:"money,omitempty"`
	// Warnings are about what was asked for.
	Warnings warning.List `json:"warnings,omitempty"`
}

// Money is what sales came to, in the currency of the prices, and what they were expected to, by the truth, had there been stock.
type Money struct {
	Revenue         float64 `json:"revenue"`
	Cost            float64 `json:"cost"` // of what was sold
	Profit          float64 `json:"profit"`
	ExpectedUnits   float64 `json:"expected_units"`
	ExpectedRevenue float64 `json:"expected_revenue"`
	ExpectedProfit  float64 `json:"expected_profit"`
	*Warehousing
	Outside
}

// Warehousing is what a shop with warehouses has besides: its profit is the revenue less the costs of what was sold, holding and transport.
type Warehousing struct {
	Holding    float64 `json:"holding"`
	Transport  float64 `json:"transport"`   // to users, and between warehouses
	Spent      float64 `json:"spent"`       // on what was received of suppliers
	StockWorth float64 `json:"stock_worth"` // at the end: what was spent on what is left
	Delivered  int64   `json:"delivered"`   // units that users had waited for
	Waiting    int64   `json:"waiting"`     // units that they wait for at the end
}

// Outside are the rows of a policy of days that are not of the continuation, which were passed over.
type Outside struct {
	Prices   int `json:"prices_outside,omitempty"`
	Orders   int `json:"orders_outside,omitempty"`
	Launches int `json:"launches_outside,omitempty"`
	Contacts int `json:"contacts_outside,omitempty"`
}

// Shares of the events, by time, that are for validation and for testing.
const (
	validationShare = 0.1
	testShare       = 0.1
)

// Write simulates a history into a folder. The folder is prepared data: its
// parts are the events, the latest for testing. The tables items, users, weeks
// and, under truth/, what nobody knows of a real shop, stand beside them. The
// folder appears complete or not at all.
func Write(ctx context.Context, dir string, cfg Config, o Options) (_ Summary, err error) {
	if err := cfg.Validate(); err != nil {
		return Summary{}, err
	}
	if err := publish.Check(dir, o.Overwrite, kind); err != nil {
		return Summary{}, err
	}
	folder, err := publish.Begin(dir, kind)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, folder.Discard()) }()
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	w := &writer{dir: folder.Dir, world: newWorld(cfg), o: o, sum: Summary{Tables: map[string]int64{}}, shop: cfg, to: cfg.Days}
	sim := newSimulation(w.world)
	if w.supply != nil {
		w.sum.Money = &Money{Warehousing: &Warehousing{}}
	}
	if err := w.run(ctx, sim); err != nil {
		return Summary{}, err
	}
	if w.supply != nil { // without, where the shop stands follows from its tables
		if err := w.keep(ctx, sim); err != nil {
			return Summary{}, err
		}
	}
	if err := w.describe(ctx); err != nil {
		return Summary{}, err
	}
	return w.sum, folder.Commit()
}

// kind recognizes histories.
func kind(dir string) (owns func(name string) bool, err error) {
	switch d, err := manifest.Read(dir); {
	case errors.Is(err, manifest.ErrNotFound):
		return nil, err
	case err == nil && !d.Simulated():
		return nil, fmt.Errorf("%s holds data that no simulation made; choose another folder", filepath.Base(dir))
	}
	return func(name string) bool { // the same files always, whatever a damaged description says
		table, ok := strings.CutSuffix(strings.TrimPrefix(name, hiddenDir+"/"), ".parquet")
		return name == manifest.File || name == stateFile || ok && slices.Contains(tables, table)
	}, nil
}

// hiddenDir is where tables are that nobody has of a real shop. All tables have one there.
const hiddenDir = "truth"

var tables = []string{manifest.Train, manifest.Validation, manifest.Test, "items", "users", "weeks", "candidates", "orders", "habits", "stock", "arriving",
	"warehouses", "suppliers", "edges", "regions", "transfers", "warehouse_weeks", "waiting", "used", "demand", "launches", "contacts"}

// writer is one writing.
type writer struct {
	*world
	dir         string
	o           Options
	sum         Summary
	made        manifest.Dataset
	wants       ranks // what was wanted, of all views
	sales       ranks // what was bought, of views in stock
	weeks       *tableFile
	hid         *tableFile // truth about weeks
	sites       *tableFile // weeks by warehouse
	hiddenSites *tableFile
	demand      *tableFile // truth for planners
	launches    *tableFile

	from, to  int   // days
	session   int64 // the next
	launched  []Launch
	shop      Config // of the shop that was simulated first
	continued bool
}

// ranks counts views by their true probability.
type ranks struct {
	hits, all [aucBins]int64
}

func (r *ranks) add(bin int, hit bool) {
	r.all[bin]++
	if hit {
		r.hits[bin]++
	}
}

const aucBins = 1 << 14

// eventFields are the columns of events, with their types in training.
var eventFields = []struct {
	name string
	typ  arrow.DataType
	kind string
}{
	{"time", moment, manifest.Date}, {"session", integer, manifest.Numeric}, {"user", integer, manifest.Numeric}, {"item", integer, manifest.Numeric},
	{"category", text, manifest.Categorical}, {"brand", text, manifest.Categorical}, {"device", text, manifest.Categorical}, {"country", text, manifest.Categorical},
	{"age", integer, manifest.Numeric}, {"position", integer, manifest.Numeric}, {"price", decimal, manifest.Numeric}, {"discount", decimal, manifest.Numeric},
	{"competitor_gap", decimal, manifest.Numeric}, {"days_since_last_visit", decimal, manifest.Numeric}, {"visits_before", integer, manifest.Numeric},
	{"orders_before", integer, manifest.Numeric}, {"item_age_days", decimal, manifest.Numeric}, {"in_stock", truth, manifest.Boolean},
	{"carted", truth, manifest.Boolean}, {"purchased", truth, manifest.Boolean},
}

func (w *writer) run(ctx context.Context, s *simulation) (err error) {
	if err := w.catalog(); err != nil {
		return err
	}
	if err := w.audience(); err != nil {
		return err
	}
	known := []arrow.Field{field("week", moment), field("item", integer), field("price", decimal), field("discount", decimal),
		field("competitor_1", decimal), field("competitor_2", decimal), field("competitor_3", decimal), field("stock", integer), field("received", integer), field("sold", integer), field("views", integer)}
	hidden := []arrow.Field{field("week", moment), field("item", integer), field("expected_demand", decimal), field("lost", integer)}
	if w.priced() {
		known = append(known, field("revenue", decimal), field("cost", decimal), field("profit", decimal))
		hidden = append(hidden, field("expected_revenue", decimal), field("expected_profit", decimal))
		if w.o.Truth {
			hidden = append(hidden, field("expected_5_percent_dearer", decimal), field("expected_5_percent_cheaper", decimal))
		}
	}
	if w.supply != nil {
		known = append(known, field("holding", decimal), field("transport", decimal))
		if err := w.places(); err != nil {
			return err
		}
	}
	if w.weeks, err = createTable(w.dir, "weeks.parquet", known...); err == nil {
		w.hid, err = createTable(w.dir, hiddenDir+"/weeks.parquet", hidden...)
	}
	if err != nil {
		return err
	}
	open := []*tableFile{w.weeks, w.hid}
	if w.supply != nil {
		if err := w.openSites(); err != nil {
			return err
		}
		open = append(open, w.sites, w.hiddenSites)
	}
	if s.truth {
		if err := w.openOutlook(); err != nil {
			return err
		}
		open = append(open, w.demand)
		if w.launches != nil {
			open = append(open, w.launches)
			if err := w.writeContacts(s); err != nil {
				return err
			}
		}
	}
	if err := w.events(ctx, s); err != nil {
		for _, t := range open {
			err = errors.Join(err, t.close())
		}
		return err
	}
	return w.finish(open...)
}

// finish completes tables.
func (w *writer) finish(tables ...*tableFile) error {
	var all error
	for _, t := range tables {
		w.sum.Tables[t.name] = t.total + int64(t.rows)
		all = errors.Join(all, t.close())
	}
	return all
}

// priced says whether weeks tell what they came to.
func (w *writer) priced() bool { return w.continued || w.supply != nil }

// part is the part of a day: the boundaries are days. A continuation is all for testing.
func (w *writer) part(day int) int {
	if w.continued {
		return 2
	}
	switch f := float64(day) / float64(w.cfg.Days); {
	case f >= 1-testShare:
		return 2
	case f >= 1-testShare-validationShare:
		return 1
	}
	return 0
}

// events simulates the period and writes its views. A day is drawn while the
// one before is written.
func (w *writer) events(ctx context.Context, s *simulation) error {
	names := []string{manifest.Train, manifest.Validation, manifest.Test}
	drawn := make(chan []view, 1)
	days := make(chan int)
	go func() {
		for day := range days {
			drawn <- s.draw(day, w.o.Threads)
		}
		close(drawn)
	}()
	defer func() {
		close(days)
		for range drawn { // what was drawn and is not wanted any more
		}
	}()
	var table, hidden *tableFile
	closeBoth := func() error {
		if table == nil {
			return nil
		}
		err := errors.Join(table.close(), hidden.close())
		if table.total > 0 {
			w.made.Parts = append(w.made.Parts, manifest.Part{Name: strings.TrimSuffix(table.name, ".parquet"), File: table.name, Rows: table.total, RowGroups: table.groups})
			w.sum.Tables[table.name], w.sum.Tables[hidden.name] = table.total, hidden.total
		}
		return err
	}
	part := -1
	offers := make([]offer, len(w.items))
	days <- w.from
	for day := w.from; day < w.to; day++ {
		views := <-drawn
		copy(offers, s.offers) // before the next day may change them
		outlook := s.outlook
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), closeBoth())
		}
		if day+1 < w.to {
			days <- day + 1
		}
		s.sell(day, views)
		if p := w.part(day); p != part {
			if err := closeBoth(); err != nil {
				return err
			}
			part = p
			var fields []arrow.Field
			for _, f := range eventFields {
				fields = append(fields, field(f.name, f.typ))
			}
			var err error
			if table, err = createTable(w.dir, names[p]+".parquet", fields...); err == nil {
				hidden, err = createTable(w.dir, hiddenDir+"/"+names[p]+".parquet", append([]arrow.Field{field("probability", decimal), field("wanted", truth)}, w.waits()...)...)
			}
			if err != nil {
				return err
			}
		}
		w.writeDay(day, views, table, hidden)
		if table.err != nil {
			return errors.Join(table.err, closeBoth())
		}
		if (day-s.origin)%7 == 6 || day == w.to-1 {
			w.writeWeek(day, offers, s)
			if outlook != nil {
				w.writeOutlook(day, w.cfg.at(day-(day-s.origin)%7, 0).UnixMicro(), s, outlook)
			}
		}
		if w.o.Progress != nil {
			w.o.Progress(day+1-w.from, w.to-w.from, w.sum.Events)
		}
	}
	return closeBoth()
}

// writeDay writes the views of a day.
func (w *writer) writeDay(day int, views []view, t, hidden *tableFile) {
	midnight := w.cfg.at(day, 0).UnixMicro()
	numbers := map[int32]int64{} // of the day's sessions, by user
	for n := range views {
		v := &views[n]
		id, ok := numbers[v.user]
		if !ok {
			id = w.session
			w.session++
			numbers[v.user] = id
		}
		u, it := &w.users[v.user], &w.items[v.item]
		t.moment(midnight + int64(v.second)*1_000_000)
		t.integer(id)
		t.integer(int64(v.user))
		t.integer(int64(v.item))
		t.text(categories[it.category].name)
		t.text(brand(it.brand))
		t.text(devices[u.device])
		t.text(countries[u.country])
		t.integer(int64(u.age))
		t.integer(int64(v.position))
		t.real(cents(float64(v.price)))
		t.real(float64(v.discount))
		t.real(math.Round(10_000*float64(v.gap)) / 10_000)
		if v.since < 0 {
			t.missing()
		} else {
			t.real(float64(v.since))
		}
		t.integer(int64(v.visits))
		t.integer(int64(v.bought))
		if it.launch > 0 {
			t.real(float64(day - it.launch))
		} else {
			t.missing()
		}
		t.truth(v.inStock)
		t.truth(v.carted)
		t.truth(v.purchased)
		t.end()
		hidden.real(float64(v.probability))
		hidden.truth(v.wanted)
		if w.supply != nil {
			hidden.truth(v.deferred)
		}
		hidden.end()
		w.count(v)
	}
}

func cents(x float64) float64 { return math.Round(100*x) / 100 }

func (w *writer) count(v *view) {
	w.sum.Events++
	bin := min(int(v.probability*aucBins), aucBins-1)
	w.wants.add(bin, v.wanted)
	if v.inStock {
		w.sales.add(bin, v.purchased)
	}
	switch {
	case v.purchased:
		w.sum.Purchases++
	case v.deferred:
		w.sum.Deferred++
	case v.wanted:
		w.sum.Lost++
	}
	if v.carted {
		w.sum.Carts++
	}
}

// writeWeek writes prices and stock of the week that ends with a day.
func (w *writer) writeWeek(day int, offers []offer, s *simulation) {
	origin := s.origin
	monday := w.cfg.at(day-(day-origin)%7, 0).UnixMicro()
	for i := range w.items {
		var all siteWeek
		if s.sites != nil {
			all = w.siteWeeks(day, monday, i, s.sites)
		}
		if w.items[i].launch > day && !all.stocked() {
			continue
		}
		o, wk := &offers[i], &s.stock.week[i]
		if s.sites != nil {
			wk = &all.weekly
		}
		t := w.weeks
		t.moment(monday)
		t.integer(int64(i))
		t.real(o.price)
		t.real(o.discount)
		for _, c := range o.competitors {
			t.real(c)
		}
		t.integer(int64(wk.start))
		t.integer(int64(wk.received))
		t.integer(int64(wk.sold))
		t.integer(int64(wk.views))
		w.hid.moment(monday)
		w.hid.integer(int64(i))
		w.hid.real(wk.expected)
		w.hid.integer(int64(wk.lost))
		switch {
		case s.sites != nil:
			w.siteMoney(&all)
		case w.continued:
			w.money(i, wk)
		}
		t.end()
		w.hid.end()
	}
}

// catalog writes what is known of items, and what is not; those that are not sold yet are in a table of their own.
func (w *writer) catalog() error {
	sold, waiting := []int{}, []int{}
	for i := range w.items {
		if w.items[i].launch == never {
			waiting = append(waiting, i)
		} else {
			sold = append(sold, i)
		}
	}
	if err := w.list("items", sold); err != nil || w.cfg.Candidates == 0 {
		return err
	}
	return w.list("candidates", waiting)
}

// list writes a table of items, and what is not known of them.
func (w *writer) list(name string, items []int) error {
	candidates := name != "items"
	fields := []arrow.Field{field("item", integer), field("category", text), field("brand", text), field("title", text), field("list_price", decimal),
		field("cost", decimal), field("launch", moment), field("lead_time_days", integer), field("image", vector)}
	if candidates {
		fields = append(fields, field("competitor_price", decimal), field("minimum_order", integer))
	}
	known, err := createTable(w.dir, name+".parquet", fields...)
	if err != nil {
		return err
	}
	hidden, err := createTable(w.dir, hiddenDir+"/"+name+".parquet", field("item", integer), field("taste", vector), field("quality", decimal), field("elasticity", decimal))
	if err != nil {
		return errors.Join(err, known.close())
	}
	for _, i := range items {
		it := &w.items[i]
		known.integer(int64(i))
		known.text(categories[it.category].name)
		known.text(brand(it.brand))
		known.text(it.title(i))
		known.real(it.price)
		known.real(it.cost)
		if it.launch > 0 && it.launch != never {
			known.moment(w.cfg.at(it.launch, 0).UnixMicro())
		} else {
			known.missing()
		}
		known.integer(int64(it.lead))
		known.vector(w.picture(i))
		if candidates {
			h := mix(w.cfg.Seed, forCandidate, uint64(i), 1)
			if o := w.offer(i, w.cfg.Days/7); share(h) < sharedProducts { // others sell it already
				known.real(o.lowest())
			} else {
				known.missing()
			}
			known.integer(int64(w.firstOrder(i)))
		}
		known.end()
		hidden.integer(int64(i))
		hidden.vector(it.taste[:])
		hidden.real(it.quality)
		hidden.real(it.elasticity)
		hidden.end()
	}
	w.sum.Tables[known.name], w.sum.Tables[hidden.name] = int64(len(items)), int64(len(items))
	return errors.Join(known.close(), hidden.close())
}

// sharedProducts is the share of candidates that competitors sell already.
const sharedProducts = 0.7

// audience writes what is known of users, and what is not.
func (w *writer) audience() error {
	known, err := createTable(w.dir, "users.parquet", field("user", integer), field("email", text), field("device", text), field("country", text), field("age", integer), field("signup", moment))
	if err != nil {
		return err
	}
	hidden, err := createTable(w.dir, hiddenDir+"/users.parquet", field("user", integer), field("taste", vector), field("price_sensitivity", decimal), field("budget", decimal), field("activity", decimal), field("favorite", text))
	if err != nil {
		return errors.Join(err, known.close())
	}
	for i := range w.users {
		u := &w.users[i]
		known.integer(int64(i))
		known.text(fmt.Sprintf("user%d@mail.example", i))
		known.text(devices[u.device])
		known.text(countries[u.country])
		known.integer(int64(u.age))
		if u.signup >= 0 {
			known.moment(w.cfg.at(int(u.signup), 0).UnixMicro())
		} else {
			known.missing()
		}
		known.end()
		hidden.integer(int64(i))
		hidden.vector(u.taste[:])
		hidden.real(float64(u.sensitive))
		hidden.real(float64(u.budget))
		hidden.real(float64(u.activity))
		hidden.text(categories[u.favorite].name)
		hidden.end()
	}
	w.sum.Tables[known.name], w.sum.Tables[hidden.name] = int64(len(w.users)), int64(len(w.users))
	return errors.Join(known.close(), hidden.close())
}

// simulatedFrom is what dataset.json says of a shop.
const (
	simulatedFrom  = manifest.SimulatedBy + ": %d users, %d items, %d days, seed %d"
	simulatedMore  = "%d candidates, substitution %g"
	simulatedSites = "%d warehouses, %d suppliers, %g of the buyers wait"
)

// describe writes dataset.json.
func (w *writer) describe(ctx context.Context) error {
	w.sum.BayesAUC, w.sum.BayesAUCInStock = w.wants.auc(), w.sales.auc()
	w.made.Version, w.made.Rows, w.made.Seed = manifest.Version, w.sum.Events, w.cfg.Seed
	sql := map[string]string{manifest.Date: "TIMESTAMP", manifest.Numeric: "DOUBLE", manifest.Categorical: "VARCHAR", manifest.Boolean: "BOOLEAN"}
	for _, f := range eventFields {
		c := manifest.Column{Name: f.name, Type: f.kind, SQL: sql[f.kind], ID: f.name == "session" || f.name == "user" || f.name == "item"}
		if f.typ == integer {
			c.SQL = "BIGINT"
		}
		w.made.Columns = append(w.made.Columns, c)
	}
	w.made.Sources = []manifest.Source{{Name: "simulation", Rows: w.sum.Events, From: w.cfg.text()}}
	if w.supply != nil {
		for _, name := range slices.Sorted(maps.Keys(w.sum.Tables)) {
			if slices.ContainsFunc(w.made.Parts, func(p manifest.Part) bool { return p.File == name }) {
				continue
			}
			h, err := table.HashFile(ctx, filepath.Join(w.dir, name))
			if err != nil {
				return err
			}
			w.made.Tables = append(w.made.Tables, manifest.Table{File: name, Rows: w.sum.Tables[name], Bytes: h.Bytes, SHA256: h.SHA256})
		}
	}
	for i := range w.made.Parts {
		p := &w.made.Parts[i]
		h, err := table.HashFile(ctx, filepath.Join(w.dir, p.File))
		if err != nil {
			return err
		}
		p.Bytes, p.SHA256 = h.Bytes, h.SHA256
	}
	for name := range w.sum.Tables {
		info, err := os.Stat(filepath.Join(w.dir, name))
		if err != nil {
			return err
		}
		w.sum.Bytes += info.Size()
	}
	return w.made.Write(w.dir)
}

// auc ranks by the true probabilities.
func (r *ranks) auc() float64 {
	ordered, below, positives, negatives := 0.0, 0.0, 0.0, 0.0
	for bin := range r.all {
		hit, miss := float64(r.hits[bin]), float64(r.all[bin]-r.hits[bin])
		ordered += hit * (below + miss/2)
		below += miss
		positives += hit
		negatives += miss
	}
	if positives*negatives == 0 {
		return 0
	}
	return ordered / (positives * negatives)
}
