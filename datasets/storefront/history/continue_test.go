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

// goOnWith continues a shop into a new folder.
func goOnWith(t *testing.T, dir string, days, threads int, p Policy) (string, Summary) {
	t.Helper()
	s, err := Open(context.Background(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "next")
	sum, err := s.Continue(context.Background(), to, days, p, Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return to, sum
}

// differing counts rows that are in one of two lists of files alone.
func differing(t *testing.T, a, b string) float64 {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := math.NaN()
	query := fmt.Sprintf("SELECT count(*)::BIGINT FROM ((SELECT * FROM %[1]s EXCEPT ALL SELECT * FROM %[2]s) UNION ALL (SELECT * FROM %[2]s EXCEPT ALL SELECT * FROM %[1]s))", a, b)
	if err := numbers(context.Background(), db, 1, query, func(v []int64) error { n = float64(v[0]); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func files(name string, dirs ...string) string {
	var list []string
	for _, d := range dirs {
		list = append(list, duck.Literal(filepath.Join(d, name)))
	}
	return "read_parquet([" + strings.Join(list, ", ") + "])"
}

// A shop that goes on is the shop that was simulated for longer: a period is cut off from its end, and made again.
func TestContinueIsTheSameShop(t *testing.T) {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events = 100, 800, 200, 30_000
	dir, _ := write(t, cfg, 2)
	s, err := Open(context.Background(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Config != cfg {
		t.Errorf("the shop is found to be %+v, it was %+v", s.Config, cfg)
	}
	// What follows from the tables is what the simulation had at the end.
	w := newWorld(cfg)
	whole := newSimulation(w)
	for day := range cfg.Days {
		whole.sell(day, whole.draw(day, 1))
	}
	again := newSimulation(newWorld(cfg))
	if err := s.restore(context.Background(), again, 2); err != nil {
		t.Fatal(err)
	}
	for u := range whole.habits {
		if whole.habits[u] != again.habits[u] {
			t.Fatalf("user %d: %+v, restored %+v", u, whole.habits[u], again.habits[u])
		}
	}
	for i := range whole.items {
		a, b := &whole.stock, &again.stock
		if a.level[i] != b.level[i] || a.ordered[i] != b.ordered[i] || a.demand[i] != b.demand[i] || a.ordered[i] > 0 && a.due[i] != b.due[i] {
			t.Fatalf("item %d: %d %d %d %v, restored %d %d %d %v", i, a.level[i], a.ordered[i], a.due[i], a.demand[i], b.level[i], b.ordered[i], b.due[i], b.demand[i])
		}
	}
}

// Twelve weeks are eight and then four, for any number of threads; a policy that repeats the shop's own changes nothing.
func TestContinue(t *testing.T) {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events = 100, 800, 200, 30_000
	dir, _ := write(t, cfg, 2)
	whole, sum := goOnWith(t, dir, 84, 1, Policy{})
	for _, threads := range []int{2, 7} {
		if other, _ := goOnWith(t, dir, 84, threads, Policy{}); sums(t, other) != sums(t, whole) {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
	first, _ := goOnWith(t, dir, 56, 2, Policy{})
	second, _ := goOnWith(t, first, 28, 2, Policy{})
	for _, name := range []string{"test.parquet", "truth/test.parquet", "weeks.parquet", "truth/weeks.parquet", "orders.parquet"} {
		if n := differing(t, files(name, whole), files(name, first, second)); n != 0 {
			t.Errorf("%s: %v rows of 12 weeks at once and of 8 and 4 differ", name, n)
		}
	}
	for _, name := range []string{"truth/habits.parquet", "truth/stock.parquet"} {
		if n := differing(t, files(name, whole), files(name, second)); n != 0 {
			t.Errorf("%s: %v rows differ at the end", name, n)
		}
	}
	if sum.Money.Profit <= 0 || math.Abs(sum.Money.Revenue-sum.Money.Cost-sum.Money.Profit) > 1e-6*sum.Money.Revenue || sum.BayesAUCInStock >= sum.BayesAUC+0.05 {
		t.Errorf("%+v %+v", sum, *sum.Money)
	}

	s, err := Open(context.Background(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := Policy{}
	prices := filepath.Join(t.TempDir(), "prices.parquet")
	orders := filepath.Join(t.TempDir(), "orders.parquet")
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// Prices of the shop change on Mondays of the period, which are not where the weeks of a continuation begin.
	var rows strings.Builder
	w := newWorld(cfg)
	for week := 100 / 7; week <= 184/7; week++ {
		for i := range w.items {
			o := w.offer(i, week)
			fmt.Fprintf(&rows, "%d,%s,%v,%v\n", i, cfg.at(7*week, 0).Format("2006-01-02"), o.price, o.discount)
		}
	}
	csv := filepath.Join(t.TempDir(), "prices.csv")
	if err := os.WriteFile(csv, []byte("item,date,price,discount\n"+rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for to, query := range map[string]string{prices: "SELECT * FROM read_csv(" + duck.Literal(csv) + ")", orders: "SELECT item, date, quantity FROM " + files("orders.parquet", whole)} {
		if err := db.Query(context.Background(), "COPY ("+query+") TO "+duck.Literal(to)+" (FORMAT parquet)", nil); err != nil {
			t.Fatal(err)
		}
	}
	if own.Prices, err = s.ReadPrices(context.Background(), table.Source{Path: configfile.Strings{prices}}, ""); err != nil {
		t.Fatal(err)
	}
	if own.Orders, err = s.ReadOrders(context.Background(), table.Source{Path: configfile.Strings{orders}}, ""); err != nil {
		t.Fatal(err)
	}
	repeated, _ := goOnWith(t, dir, 84, 2, own)
	for _, name := range []string{"test.parquet", "truth/test.parquet", "weeks.parquet", "truth/weeks.parquet", "orders.parquet"} {
		if n := differing(t, files(name, whole), files(name, repeated)); n != 0 {
			t.Errorf("%s: %v rows differ under a policy that repeats the shop's own", name, n)
		}
	}
	// Of policies in parts, what is not of the days is passed over.
	part, partly := goOnWith(t, dir, 56, 2, own)
	outside := partly.Money.Outside
	if n := differing(t, files("test.parquet", first), files("test.parquet", part)); n != 0 || outside.Orders == 0 {
		t.Errorf("%v rows differ under the first weeks of a policy; %d orders outside", n, outside.Orders)
	}
}

// Two policies meet the same users on the same days: what they differ by varies less from one world to another than it would between
// worlds that have nothing in common.
func TestCommonRandomNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it counts on many users")
	}
	t.Run("one stock", func(t *testing.T) { commonRandomNumbers(t, 0) })
	t.Run("warehouses", func(t *testing.T) { commonRandomNumbers(t, 2) })
}

func commonRandomNumbers(t *testing.T, warehouses int) {
	t.Helper()
	const worlds = 6
	var same, other []float64
	var raised []float64
	for seed := range worlds {
		cfg := small()
		cfg.Days, cfg.Users, cfg.Items, cfg.Events, cfg.Seed = 30, 800, 60, 20_000, uint64(seed+1)
		cfg.Warehouses, cfg.Suppliers = warehouses, warehouses
		dir, _ := write(t, cfg, 2)
		_, plain := goOnWith(t, dir, 21, 2, Policy{})
		var dearer Policy
		w := newWorld(cfg)
		for i := range w.items {
			dearer.Prices = append(dearer.Prices, Price{Item: i, Day: 30, Price: cents(1.05 * w.items[i].price)})
		}
		_, changed := goOnWith(t, dir, 21, 2, dearer)
		same = append(same, float64(changed.Purchases-plain.Purchases))
		other = append(other, float64(plain.Purchases))
		raised = append(raised, float64(changed.Purchases))
	}
	// The difference to another world's.
	var independent []float64
	for i := range raised {
		independent = append(independent, raised[i]-other[(i+1)%worlds])
	}
	if a, b := variance(same), variance(independent); a > b/3 {
		t.Errorf("paired differences vary by %.1f, independent ones by %.1f", a, b)
	} else {
		t.Logf("the variance of paired differences is %.3f of that of independent ones", a/b)
	}
}

func variance(x []float64) float64 {
	mean, v := 0.0, 0.0
	for _, a := range x {
		mean += a / float64(len(x))
	}
	for _, a := range x {
		v += (a - mean) * (a - mean) / float64(len(x)-1)
	}
	return v
}

// What a policy cannot mean is an error with its place, and nothing is written.
func TestPolicyRefusals(t *testing.T) {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events = 30, 300, 50, 3000
	dir, _ := write(t, cfg, 2)
	s, err := Open(context.Background(), dir, 3000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), dir, 4000); err == nil || !strings.Contains(err.Error(), "--events 4000") {
		t.Errorf("another number of events: %v", err)
	}
	path := filepath.Join(t.TempDir(), "policy.csv")
	for text, want := range map[string]string{
		"item,date,price\n1,2025-02-01,0\n":                                 "is no price",
		"item,date,price\n1,2025-02-01,-3\n":                                "is no price",
		"item,date,price\n50,2025-02-01,3\n":                                "is no item of the shop, which has 0 to 49",
		"item,date,price\n1.5,2025-02-01,3\n":                               "is no item of the shop",
		"item,date\n1,2025-02-01\n":                                         "there is no column price",
		"item,date,price\n1,,3\n2,2025-02-01,3\n":                           "is missing",
		"item,date,price\n1,4025-02-01,3\n":                                 "far from the days of the shop",
		"item,date,price\n1,2025-02-01,cheap\n":                             `"cheap" is not a number`,
		"item,date,price\n1,soon,3\n":                                       `"soon" is not a date`,
		"item,date,price\n1,2025-02-01,3\n1,2025-02-01,3\n1,2025-02-01,4\n": "is the item's second price from that day on, beside 3",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadPrices(context.Background(), table.Source{Path: configfile.Strings{path}}, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"item,date,quantity\n1,2025-02-01,0\n":   "is no quantity",
		"item,date,quantity\n1,2025-02-01,2.5\n": "is no quantity",
		"item,date,quantity\n99,2025-02-01,2\n":  "is no item",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadOrders(context.Background(), table.Source{Path: configfile.Strings{path}}, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	before := sums(t, dir)
	much := Policy{Orders: []Order{{Item: 1, Day: 31, Quantity: maxQuantity}, {Item: 1, Day: 32, Quantity: maxQuantity}, {Item: 2, Day: 31, Quantity: 1}, {Item: 1, Day: 33, Quantity: maxQuantity}}}
	if _, err := s.Continue(context.Background(), filepath.Join(t.TempDir(), "x"), 7, much, Options{}); err == nil || !strings.Contains(err.Error(), "item 1: ") || !strings.Contains(err.Error(), "order less") {
		t.Errorf("more than can be counted: %v", err)
	}
	if _, err := s.Continue(context.Background(), dir, 7, Policy{}, Options{Overwrite: true}); err == nil || !strings.Contains(err.Error(), "another folder") {
		t.Errorf("into itself: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, below := range []string{filepath.Join(dir, "next"), filepath.Join(dir, "truth", "more", "next"), filepath.Join(link, "next")} {
		if _, err := s.Continue(context.Background(), below, 7, Policy{}, Options{}); err == nil || !strings.Contains(err.Error(), "in the folder of the shop") {
			t.Errorf("into %s: %v", below, err)
		}
	}
	if _, err := s.Continue(context.Background(), filepath.Join(t.TempDir(), "x"), 0, Policy{}, Options{}); err == nil {
		t.Error("no days are gone on with")
	}
	if sums(t, dir) != before {
		t.Error("the shop has changed")
	}
	if _, err := Open(context.Background(), t.TempDir(), 0); err == nil {
		t.Error("an empty folder is a shop")
	}
}

// What a policy says of other days is counted, but for prices of before, which hold.
func TestOutside(t *testing.T) {
	p := Policy{
		Prices: []Price{{Day: 3}, {Day: 10}, {Day: 20}}, Orders: []Order{{Day: 9}, {Day: 10}, {Day: 19}, {Day: 20}, {Day: 21}},
		Launches: []Launch{{Day: 10}, {Day: 30}}, Contacts: []Contact{{Day: 3}, {Day: 12}, {Day: 20}},
	}
	if got, want := p.outside(10, 20), (Outside{Prices: 1, Orders: 3, Launches: 1, Contacts: 2}); got != want {
		t.Errorf("%+v are outside, want %+v", got, want)
	}
}

// Of a shop whose files are damaged is said which, and what to do.
func TestDamagedShop(t *testing.T) {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events = 30, 300, 50, 3000
	dir, _ := write(t, cfg, 2)
	next, _ := goOnWith(t, dir, 7, 2, Policy{})
	open := func(dir string) error {
		s, err := Open(context.Background(), dir, 0)
		if err == nil {
			_, err = s.Continue(context.Background(), filepath.Join(t.TempDir(), "x"), 7, Policy{}, Options{})
		}
		return err
	}
	for _, c := range []struct{ dir, file string }{
		{next, "truth/stock.parquet"}, {next, "truth/habits.parquet"}, {next, "truth/arriving.parquet"}, {dir, "weeks.parquet"}, {dir, "train.parquet"}, {dir, "truth/train.parquet"},
	} {
		path := filepath.Join(c.dir, c.file)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, whole[:len(whole)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		err = open(c.dir)
		if err == nil || !strings.Contains(err.Error(), c.file) || !strings.Contains(err.Error(), "simulate it again") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s cut off: %v", c.file, err)
		}
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(next, stateFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for old, changed := range map[string]string{`"start": "2025-01-01T00:00:00Z"`: `"start": "2025-01-01T07:30:00+02:00"`, `"sessions": `: `"sessions": 9000000000000000`} {
		if !strings.Contains(string(text), old) {
			t.Fatalf("the state has no %s: %s", old, text)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), old, changed, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := open(next); err == nil || !strings.Contains(err.Error(), stateFile) {
			t.Errorf("%s: %v", changed, err)
		}
	}
}
