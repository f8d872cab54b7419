package history

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/table"
)

func supplied() Config {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events = 60, 800, 200, 30_000
	cfg.Warehouses, cfg.Suppliers, cfg.Deferred, cfg.Candidates, cfg.Substitution = 3, 4, 0.4, 10, 1
	return cfg
}

// everything are the tables that a continuation of parts has in parts.
var everything = []string{"test.parquet", "truth/test.parquet", "weeks.parquet", "truth/weeks.parquet", "warehouse_weeks.parquet", "truth/warehouse_weeks.parquet", "orders.parquet"}

// copyQuery writes the rows of a query into a Parquet file, and returns its path.
func copyQuery(t *testing.T, query string) string {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	if err := db.Query(context.Background(), "COPY ("+query+") TO "+duck.Literal(path)+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	return path
}

// With warehouses and suppliers too: twelve weeks are eight and then four, the bytes are the same for any number of threads, and a policy that
// repeats the shop's own orders changes nothing; a cut may lie within a week.
func TestSupplyContinues(t *testing.T) {
	cfg := supplied()
	dir, _ := write(t, cfg, 1)
	if other, _ := write(t, cfg, 7); sums(t, other) != sums(t, dir) {
		t.Error("7 threads give other bytes")
	}
	launches := Policy{Launches: []Launch{{Item: 200, Day: 70}, {Item: 204, Day: 75, Quantity: 31}, {Item: 205, Day: 75, Empty: true}}}
	whole, sum := goOnWith(t, dir, 84, 1, launches)
	for _, threads := range []int{2, 7} {
		if other, _ := goOnWith(t, dir, 84, threads, launches); sums(t, other) != sums(t, whole) {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
	first, _ := goOnWith(t, dir, 56, 2, launches)
	second, _ := goOnWith(t, first, 28, 2, Policy{})
	for _, name := range everything {
		if n := differing(t, files(name, whole), files(name, first, second)); n != 0 {
			t.Errorf("%s: %v rows of 12 weeks at once and of 8 and 4 differ", name, n)
		}
	}
	odd, _ := goOnWith(t, dir, 53, 2, launches)
	later, _ := goOnWith(t, odd, 31, 2, Policy{})
	for _, end := range []string{second, later} {
		for _, name := range []string{"habits", "stock", "arriving", "waiting", "used"} {
			if n := differing(t, files("truth/"+name+".parquet", whole), files("truth/"+name+".parquet", end)); n != 0 {
				t.Errorf("truth/%s: %v rows differ at the end", name, n)
			}
		}
	}
	for _, name := range []string{"test.parquet", "orders.parquet"} {
		if n := differing(t, files(name, whole), files(name, odd, later)); n != 0 {
			t.Errorf("%s: %v rows of 84 days and of 53 and 31 differ", name, n)
		}
	}

	s, err := Open(context.Background(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := launches
	orders := copyQuery(t, "SELECT item, date, quantity, warehouse, supplier FROM "+files("orders.parquet", whole))
	if own.Orders, err = s.ReadOrders(context.Background(), table.Source{Path: configfile.Strings{orders}}, ""); err != nil {
		t.Fatal(err)
	}
	repeated, _ := goOnWith(t, dir, 84, 2, own)
	for _, name := range everything {
		if n := differing(t, files(name, whole), files(name, repeated)); n != 0 || len(own.Orders) == 0 {
			t.Errorf("%s: %v rows differ under a policy that repeats the shop's own %d orders", name, n, len(own.Orders))
		}
	}
	m := sum.Money
	if m.Profit <= 0 || math.Abs(m.Revenue-m.Cost-m.Holding-m.Transport-m.Profit) > 1e-6*m.Revenue || m.Holding <= 0 || m.Spent <= 0 || sum.Deferred == 0 || m.Delivered == 0 {
		t.Errorf("%+v %+v %+v", sum, *m, *m.Warehousing)
	}
}

// What is true of warehouses: stocks and money add up, users are served from the warehouse of their country, orders keep what their edges say.
func TestSupplyAddsUp(t *testing.T) {
	dir, sum := write(t, supplied(), 2)
	next, more := goOnWith(t, dir, 56, 2, Policy{})
	if sum.Lost == 0 || sum.Deferred == 0 || more.Deferred == 0 {
		t.Errorf("%d lost, %d and %d deferred", sum.Lost, sum.Deferred, more.Deferred)
	}
	// Of those who did not get it at once, the share that was asked for waits, within 3 standard errors.
	if n := float64(sum.Lost + sum.Deferred); math.Abs(float64(sum.Deferred)/n-0.4) > 3*math.Sqrt(0.24/n) {
		t.Errorf("%d of %v wait", sum.Deferred, n)
	}
	for k, d := range []string{dir, next} {
		all := "(SELECT * FROM {0:test} UNION ALL SELECT * FROM {0:train} UNION ALL SELECT * FROM {0:validation})"
		if k == 1 {
			all = "{0:test}"
		}
		for what, query := range map[string]string{
			"weeks whose stocks do not add up": `SELECT count(*) FROM (SELECT stock + received - sold - sent AS left_over, lead(stock) OVER (PARTITION BY item, warehouse ORDER BY week) AS next FROM {0:warehouse_weeks}) WHERE left_over <> next`,
			"weeks that are not the sum of their warehouses'": `SELECT count(*) FROM {0:weeks} w JOIN (SELECT week, item, sum(stock) AS stock, sum(sold) AS sold, sum(views) AS views, sum(received) AS received, sum(revenue) AS revenue, sum(profit) AS profit, sum(holding) AS holding
				FROM {0:warehouse_weeks} GROUP BY ALL) s USING (week, item) WHERE w.stock <> s.stock OR w.sold <> s.sold OR w.views <> s.views OR w.received <> s.received OR abs(w.revenue - s.revenue) > 0.02 OR abs(w.profit - s.profit) > 0.03 OR abs(w.holding - s.holding) > 0.02`,
			"weeks of items without warehouses":      `SELECT count(*) FROM {0:weeks} ANTI JOIN {0:warehouse_weeks} USING (week, item)`,
			"weeks whose profit is not what is left": `SELECT count(*) FROM {0:warehouse_weeks} WHERE abs(revenue - cost - holding - transport - profit) > 0.03`,
			"views that are not counted where they are served": `SELECT count(*) FROM (SELECT item, r.warehouse, count(*) AS n FROM ` + all + ` e JOIN {0:regions} r USING (country) GROUP BY ALL) v FULL JOIN
				(SELECT item, warehouse, sum(views) AS n FROM {0:warehouse_weeks} GROUP BY ALL HAVING sum(views) > 0) w USING (item, warehouse) WHERE w.n IS DISTINCT FROM v.n`,
			"orders that their edges do not allow": `SELECT count(*) FROM {0:orders} o LEFT JOIN {0:edges} e USING (item, supplier, warehouse) WHERE e.cost IS NULL OR o.quantity < e.minimum_order OR o.quantity % e.multiple <> 0 OR o.arrives <> o.date + to_days(e.lead_time_days::INT)`,
			"weeks of edges beyond their capacity": fmt.Sprintf(`SELECT count(*) FROM (SELECT sum(quantity) AS q, any_value(capacity_week) AS c FROM {0:orders} o JOIN {0:edges} e USING (item, supplier, warehouse)
				GROUP BY item, supplier, warehouse, (epoch_us(date) - epoch_us(TIMESTAMP '2025-01-01') - %d * 86400000000) // (7 * 86400000000)) WHERE q > c`, 60*k),
			"sales out of stock":                    `SELECT count(*) FROM {0:test} WHERE purchased AND NOT in_stock`,
			"items without the shop's own supplier": `SELECT count(*) FROM (SELECT item, warehouse FROM {0:edges} GROUP BY ALL HAVING count(*) FILTER (WHERE own) <> 1)`,
			"own edges that are not of the catalog": `SELECT count(*) FROM {0:edges} e JOIN {0:items} i USING (item) WHERE e.own AND (e.cost <> i.cost OR e.lead_time_days <> i.lead_time_days)`,
			"candidates with another first order":   `SELECT count(*) FROM {0:edges} e JOIN {0:candidates} c USING (item) WHERE e.minimum_order <> c.minimum_order`,
		} {
			if n := figure(t, query, d); n != 0 {
				t.Errorf("%v %s", n, what)
			}
		}
	}
	// What is wanted is what is sold at once, waited for, or lost.
	if n := figure(t, `SELECT (SELECT count(*) FROM {0:truth/test} WHERE wanted) - (SELECT sum(sold - delivered + deferred) FROM {0:warehouse_weeks}) - (SELECT sum(lost) FROM {0:truth/warehouse_weeks})`, next); n != 0 {
		t.Errorf("%v units more are wanted than are sold, waited for and lost", n)
	}
	// Stock that waits for nobody: what users waited for is delivered before anything else is sold.
	if n := figure(t, `SELECT count(*) FROM (SELECT item, warehouse FROM read_parquet('`+filepath.Join(next, "truth/waiting.parquet")+`') q JOIN (SELECT row_number() OVER () - 1 AS code, country FROM {0:regions}) c ON q.country = c.code JOIN {0:regions} r ON r.country = c.country)
		JOIN read_parquet('`+filepath.Join(next, "truth/stock.parquet")+`') USING (item, warehouse) WHERE level > 0`, next); n != 0 {
		t.Errorf("%v users wait for what is in stock", n)
	}
}

// Orders of other suppliers come at their costs; transfers take what there is, and nothing is made or lost on the way.
func TestOrdersAndTransfers(t *testing.T) {
	cfg := supplied()
	cfg.Deferred = 0
	dir, _ := write(t, cfg, 2)
	w := newGoods(cfg)
	site, other := -1, edge{}
	for at := range len(w.items) * 3 {
		if list := w.supply.at(at); len(list) > 1 && at/3 > 20 && at%3 == 0 {
			site, other = at, list[1]
			break
		}
	}
	item := site / 3
	p := Policy{Orders: []Order{
		{Item: item, Day: 60, Quantity: int(other.minimum), Warehouse: 0, Source: int(other.supplier)},
		{Item: item, Day: 61, Quantity: 1_000_000, Warehouse: 1, Source: 0, Transfer: true},
		{Item: item, Day: 61, Quantity: 1_000_000, Warehouse: 1, Source: 0, Transfer: true},
	}}
	next, sum := goOnWith(t, dir, 70, 2, p)
	if n := figure(t, "SELECT count(*) FROM {0:orders}", next); n != 2 {
		t.Errorf("%v orders: the second transfer finds nothing left", n)
	}
	sent := figure(t, fmt.Sprintf("SELECT sum(sent) FROM {0:warehouse_weeks} WHERE item = %d AND warehouse = 0", item), next)
	before := figure(t, fmt.Sprintf("SELECT quantity FROM {0:orders} WHERE from_warehouse = 0 AND item = %d", item), next)
	_, days := w.supply.transfer(0, 1)
	came := figure(t, fmt.Sprintf("SELECT sum(received) FROM {0:warehouse_weeks} WHERE item = %d AND warehouse = 1 AND week = TIMESTAMP '%s'", item, cfg.at(60+(1+days)/7*7, 0).Format("2006-01-02")), next)
	if sent < 1 || sent != before || came < sent {
		t.Errorf("%v were sent, %v transferred, %v came", sent, before, came)
	}
	spent := figure(t, fmt.Sprintf("SELECT sum(spent) FROM {0:warehouse_weeks} WHERE item = %d AND warehouse = 0", item), next)
	own := figure(t, fmt.Sprintf("SELECT coalesce(sum(quantity), 0) FROM {0:orders} WHERE item = %d AND warehouse = 0 AND date < TIMESTAMP '%s'", item, cfg.at(60, 0).Format("2006-01-02")), dir)
	if least := float64(other.minimum) * other.delivered(); spent < least-0.01 || spent > least+own*100 {
		t.Errorf("%v were spent, the order costs %v", spent, least)
	}
	if sum.Deferred != 0 || sum.Money.Waiting != 0 {
		t.Errorf("%d wait where nobody does", sum.Deferred)
	}
}

// What cannot be ordered is an error with its place, whether it is read or given; nothing is written.
func TestDeliveryRefusals(t *testing.T) {
	cfg := supplied()
	cfg.Users, cfg.Items, cfg.Events, cfg.Suppliers = 300, 50, 3000, 2
	dir, _ := write(t, cfg, 2)
	s, err := Open(context.Background(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := newGoods(cfg)
	var boxed, alone int // a site of boxes, one with its own supplier alone
	for site := range w.supply.first[1:] {
		if e := w.supply.at(site); e[0].multiple > 1 && e[0].minimum > e[0].multiple {
			boxed = site
		} else if len(e) == 1 {
			alone = site
		}
	}
	e := w.supply.at(boxed)[0]
	row := func(date string, quantity, supplier, site int) string {
		return fmt.Sprintf("%d,%s,%d,%d,%d\n", site/3, date, quantity, supplier, site%3)
	}
	const head = "item,date,quantity,supplier,warehouse\n"
	path := filepath.Join(t.TempDir(), "orders.csv")
	read := func(text string) ([]Order, error) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return s.ReadOrders(context.Background(), table.Source{Path: configfile.Strings{path}}, "")
	}
	own, capacity := int(e.supplier), int(e.capacity)
	if list, err := read(head + row("2025-03-08", capacity, own, boxed) + row("2025-03-09", capacity, own, boxed)); err != nil || len(list) != 2 {
		t.Errorf("the capacity of two weeks: %v", err) // weeks begin on 2025-03-02
	}
	for text, want := range map[string]string{
		head + row("2025-03-10", int(e.minimum)-1, own, boxed):                                         fmt.Sprintf("is below the minimum order of %d that supplier %d has for item %d", e.minimum, own, boxed/3),
		head + row("2025-03-10", int(e.minimum)+1, own, boxed):                                         fmt.Sprintf("is no multiple of %d", e.multiple),
		head + row("2025-03-10", capacity, own, boxed) + row("2025-03-11", int(e.minimum), own, boxed): fmt.Sprintf("ordered in the week from 2025-03-09, to %d; his capacity is %d a week", 0, capacity),
		head + row("2025-03-10", 5, 1-int(w.supply.at(alone)[0].supplier), alone):                      "edges.parquet has who does",
		head + row("2025-03-10", 5, 2, boxed):                                                          "is of no supplier of the shop, which has 0 to 1",
		head + row("2025-03-10", 5, -1, boxed):                                                         "is no number of one",
		head + fmt.Sprintf("%d,2025-03-10,5,%d,3\n", boxed/3, own):                                     "is for no warehouse of the shop, which has 0 to 2",
		head + "60,2025-03-10,5,0,0\n":                                                                 "is no item of the shop, which has 0 to 59",
		head + "3,2025-03-10,0,0,0\n":                                                                  "is no quantity",
		head + "3,2025-03-10,5,,0\n":                                                                   "names neither a supplier nor",
		"item,date,quantity\n3,2025-03-10,5\n":                                                         "there is no column warehouse",
		"item,date,quantity,from_warehouse,warehouse\n3,2025-03-10,5,1,1\n":                            "is from the warehouse that it goes to",
		"item,date,quantity,from_warehouse,warehouse\n3,2025-03-10,5,4,1\n":                            "is from no warehouse of the shop",
		"item,date,quantity,supplier,from_warehouse,warehouse\n3,2025-03-10,5,0,2,1\n":                 "stands beside a from_warehouse",
	} {
		if strings.Contains(want, "to 0; his") {
			want = fmt.Sprintf("ordered in the week from 2025-03-09, to %d; his capacity is %d a week", capacity+int(e.minimum), capacity)
		}
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "orders.csv:") && !strings.Contains(want, "no column") {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	parent := t.TempDir()
	for want, o := range map[string]Order{
		"is below the minimum order": {Item: boxed / 3, Warehouse: boxed % 3, Source: own, Day: 61, Quantity: 1},
		"is for no warehouse":        {Item: 3, Warehouse: 3, Day: 61, Quantity: 1},
	} {
		if _, err := s.Continue(context.Background(), filepath.Join(parent, "x"), 7, Policy{Orders: []Order{o}}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if entries, _ := os.ReadDir(parent); len(entries) > 0 {
		t.Errorf("%v are left", entries)
	}
	// Orders of days that are not of the continuation are passed over, whatever they are.
	if _, err := s.Continue(context.Background(), filepath.Join(parent, "x"), 7, Policy{Orders: []Order{{Item: 3, Warehouse: 3, Day: 90, Quantity: 1}}}, Options{}); err != nil {
		t.Error(err)
	}
}

// A shop whose tables are another's, or gone, is refused: one with warehouses, a continuation, and a new one.
func TestAnotherShopsTables(t *testing.T) {
	sites := supplied()
	sites.Users, sites.Items, sites.Events = 300, 50, 3000
	plain := small()
	plain.Days, plain.Users, plain.Items, plain.Events = 30, 300, 50, 3000
	shop := func(cfg Config, seed uint64, further bool) string {
		cfg.Seed = seed
		dir, _ := write(t, cfg, 2)
		if further {
			s, err := Open(context.Background(), dir, cfg.Events)
			if err != nil {
				t.Fatal(err)
			}
			dir = filepath.Join(t.TempDir(), "next")
			if _, err := s.Continue(context.Background(), dir, 7, Policy{}, Options{Threads: 2}); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, c := range []struct {
		name       string
		dir, other string
		tables     []string
	}{
		{"with warehouses", shop(sites, 1, false), shop(sites, 2, false), []string{"truth/stock.parquet", "truth/habits.parquet", "truth/arriving.parquet", "truth/waiting.parquet", "truth/used.parquet", stateFile}},
		{"that went on", shop(plain, 1, true), shop(plain, 2, true), []string{"truth/stock.parquet", "truth/habits.parquet", "truth/arriving.parquet", stateFile}},
		{"that is new", shop(plain, 1, false), shop(plain, 2, false), []string{"train.parquet", "test.parquet", "truth/train.parquet", "truth/test.parquet"}},
	} {
		goOn := func() error {
			s, err := Open(context.Background(), c.dir, plain.Events*boolean(c.name == "that is new"))
			if err == nil {
				_, err = s.Continue(context.Background(), filepath.Join(t.TempDir(), "x"), 7, Policy{}, Options{})
			}
			return err
		}
		for _, name := range c.tables {
			path := filepath.Join(c.dir, name)
			mine, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := os.ReadFile(filepath.Join(c.other, name))
			if err != nil {
				t.Fatal(err)
			}
			if string(mine) != string(theirs) {
				if err := os.WriteFile(path, theirs, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := goOn(); err == nil || !strings.Contains(err.Error(), "simulate it again") && !strings.Contains(err.Error(), "its first days have other views") {
					t.Errorf("%s of another shop in one %s: %v", name, c.name, err)
				}
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := goOn(); err == nil || !strings.Contains(err.Error(), "again") && (name != stateFile || c.name == "with warehouses") {
				t.Errorf("one %s without %s: %v", c.name, name, err)
			}
			if err := os.WriteFile(path, mine, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := goOn(); err != nil {
			t.Errorf("one %s: %v", c.name, err)
		}
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// What a configuration of supply cannot be.
func TestSupplyConfig(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Warehouses = 9 }, func(c *Config) { c.Warehouses = -1 }, func(c *Config) { c.Suppliers = 0 }, func(c *Config) { c.Suppliers = 101 },
		func(c *Config) { c.Deferred = 1.5 }, func(c *Config) { c.Deferred = math.NaN() }, func(c *Config) { c.Warehouses = 0 },
	} {
		cfg := supplied()
		change(&cfg)
		if err := cfg.Validate(); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
