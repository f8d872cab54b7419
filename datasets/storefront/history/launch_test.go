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

// named puts files into a query that it names by FOLDER:NAME as in {0:weeks}.
func named(query string, dirs ...string) string {
	for i, d := range dirs {
		for _, name := range []string{"test", "train", "weeks", "items", "candidates", "truth/weeks", "truth/test", "orders", "validation", "warehouse_weeks", "truth/warehouse_weeks", "edges", "regions"} {
			query = strings.ReplaceAll(query, fmt.Sprintf("{%d:%s}", i, name), files(name+".parquet", d))
		}
	}
	return query
}

// figure returns the number that a query gives.
func figure(t *testing.T, query string, dirs ...string) float64 {
	t.Helper()
	query = named(query, dirs...)
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := math.NaN()
	err = db.Query(context.Background(), "SELECT CAST(v AS DOUBLE) FROM ("+query+") AS q(v)", func(c *duck.Chunk) error {
		v, _ := duck.Vector[float64](c, 0)
		out = v[0]
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func candidateShop(t *testing.T) (Config, string) {
	t.Helper()
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events = 60, 2500, 160, 60_000
	if testing.Short() {
		cfg.Users, cfg.Events = 1500, 20_000
	}
	plain, _ := write(t, cfg, 2)
	cfg.Candidates = 40
	dir, _ := write(t, cfg, 2)
	for _, name := range []string{"train.parquet", "test.parquet", "truth/train.parquet", "weeks.parquet", "items.parquet", "users.parquet"} {
		if n := differing(t, files(name, plain), files(name, dir)); n != 0 {
			t.Errorf("%s: %v rows are others where there are candidates", name, n)
		}
	}
	if n := figure(t, "SELECT count(*) FROM {0:candidates}", dir); n != 40 {
		t.Errorf("%v candidates", n)
	}
	return cfg, dir
}

// A candidate that is launched is looked at as items of the catalog are, from its day on, and sold from a stock of its own; in parts as at once.
func TestLaunches(t *testing.T) {
	cfg, dir := candidateShop(t)
	var p Policy
	for i := range 40 {
		p.Launches = append(p.Launches, Launch{Item: cfg.Items + i, Day: cfg.Days + 7})
	}
	whole, _ := goOnWith(t, dir, 56, 2, p)
	if other, _ := goOnWith(t, dir, 56, 7, p); sums(t, other) != sums(t, whole) {
		t.Error("7 threads give other bytes")
	}
	none, _ := goOnWith(t, dir, 56, 2, Policy{})
	if n := differing(t, fmt.Sprintf("(SELECT * FROM %s WHERE time < TIMESTAMP '%s')", files("test.parquet", none), cfg.at(cfg.Days+7, 0).Format("2006-01-02")),
		fmt.Sprintf("(SELECT * FROM %s WHERE time < TIMESTAMP '%s')", files("test.parquet", whole), cfg.at(cfg.Days+7, 0).Format("2006-01-02"))); n != 0 {
		t.Errorf("%v views before the launch are others", n)
	}
	if n := figure(t, fmt.Sprintf("SELECT count(*) FROM {0:test} WHERE item >= %d AND time < TIMESTAMP '%s'", cfg.Items, cfg.at(cfg.Days+7, 0).Format("2006-01-02")), whole); n != 0 {
		t.Errorf("%v views of candidates before their launch", n)
	}
	// Mean views of an item, when launches are no longer new.
	late := cfg.at(cfg.Days+35, 0).Format("2006-01-02")
	launched := figure(t, fmt.Sprintf("SELECT count(*) / 40.0 FROM {0:test} WHERE item >= %d AND time >= TIMESTAMP '%s'", cfg.Items, late), whole)
	others := figure(t, fmt.Sprintf("SELECT count(*) / %d.0 FROM {0:test} WHERE item < %d AND time >= TIMESTAMP '%s'", cfg.Items, cfg.Items, late), whole)
	if launched < 0.5*others || launched > 2*others {
		t.Errorf("%.1f views of a launched item, %.1f of others", launched, others)
	}
	if n := figure(t, fmt.Sprintf("SELECT sum(sold) FROM {0:weeks} WHERE item >= %d", cfg.Items), whole); n <= 0 {
		t.Error("nothing of what was launched is sold")
	}
	if n := figure(t, "SELECT count(*) FROM (SELECT stock + received - sold AS left_over, lead(stock) OVER (PARTITION BY item ORDER BY week) AS next FROM {0:weeks}) WHERE left_over <> next", whole); n != 0 {
		t.Errorf("%v weeks do not add up", n)
	}
	first, _ := goOnWith(t, dir, 28, 2, p)
	s, err := Open(context.Background(), first, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Launched) != 40 {
		t.Errorf("%d candidates are launched", len(s.Launched))
	}
	second, _ := goOnWith(t, first, 28, 2, Policy{})
	for _, name := range []string{"test.parquet", "weeks.parquet", "truth/weeks.parquet", "orders.parquet"} {
		if n := differing(t, files(name, whole), files(name, first, second)); n != 0 {
			t.Errorf("%s: %v rows of 8 weeks at once and of 4 and 4 differ", name, n)
		}
	}
}

// Contacts bring views of their items to their users, fewer where a user has had many; nobody else's change on that day.
func TestContacts(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it counts on many users")
	}
	cfg, dir := candidateShop(t)
	once, often := Policy{}, Policy{}
	for u := range 1000 {
		once.Contacts = append(once.Contacts, Contact{User: u, Item: 3, Day: cfg.Days})
		for day := range 7 {
			often.Contacts = append(often.Contacts, Contact{User: u, Item: 3, Day: cfg.Days + day})
		}
	}
	none, _ := goOnWith(t, dir, 7, 2, Policy{})
	a, _ := goOnWith(t, dir, 7, 2, once)
	b, _ := goOnWith(t, dir, 7, 2, often)
	views := func(where, dir string) float64 {
		return figure(t, "SELECT count(*) FROM {0:test} WHERE item = 3 AND "+where, dir)
	}
	first := fmt.Sprintf(`"user" < 1000 AND time < TIMESTAMP '%s'`, cfg.at(cfg.Days+1, 0).Format("2006-01-02"))
	last := fmt.Sprintf(`"user" < 1000 AND time >= TIMESTAMP '%s'`, cfg.at(cfg.Days+6, 0).Format("2006-01-02"))
	if more := views(first, a) - views(first, none); more < 300 || more > 600 {
		t.Errorf("1000 contacts bring %v views", more)
	}
	if more := views(last, b) - views(last, none); more > 150 {
		t.Errorf("the seventh of 1000 contacts in a week brings %v views", more)
	}
	if n := differing(t, "(SELECT \"user\", item, time, probability FROM "+files("test.parquet", none)+" POSITIONAL JOIN "+files("truth/test.parquet", none)+" WHERE \"user\" >= 1000)",
		"(SELECT \"user\", item, time, probability FROM "+files("test.parquet", a)+" POSITIONAL JOIN "+files("truth/test.parquet", a)+" WHERE \"user\" >= 1000)"); n != 0 {
		t.Errorf("%v views of users without contacts are others", n)
	}
}

// The price of an item changes what is wanted of others where there is substitution; elsewhere it does by nothing but that what is not in
// the cart makes users want a little more. What would be demanded at another price is what is then demanded.
func TestSubstitutionAndTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it counts on many users")
	}
	var moved [2]float64 // of what is wanted of other items, the share that another price of one changes
	for k, strength := range []float64{0, 4} {
		cfg := small()
		cfg.Days, cfg.Users, cfg.Items, cfg.Events, cfg.Substitution = 40, 2000, 60, 40_000, strength
		dir, _ := write(t, cfg, 2)
		s, err := Open(context.Background(), dir, 0)
		if err != nil || s.Config != cfg {
			t.Fatalf("%+v, %v", s, err)
		}
		w := newWorld(cfg)
		at := func(factor float64) string {
			t.Helper()
			var p Policy
			for i := range w.items { // prices stay, but for that of item 1
				price := w.offer(i, cfg.Days/7).price
				if i == 1 {
					price *= factor
				}
				p.Prices = append(p.Prices, Price{Item: i, Day: cfg.Days, Price: price, Discount: 0})
			}
			to := filepath.Join(t.TempDir(), "next")
			if _, err := s.Continue(context.Background(), to, 7, p, Options{Threads: 2, Truth: true}); err != nil {
				t.Fatal(err)
			}
			return to
		}
		same, dearer, much := at(1), at(1.05), at(1.5)
		moved[k] = figure(t, "SELECT abs(sum(b.expected_demand - a.expected_demand)) / sum(a.expected_demand) FROM {0:truth/weeks} a JOIN {1:truth/weeks} b USING (week, item) WHERE item <> 1", same, much)
		told := figure(t, "SELECT sum(expected_5_percent_dearer) FROM {0:truth/weeks} WHERE item = 1", same)
		then := figure(t, "SELECT sum(expected_demand) FROM {0:truth/weeks} WHERE item = 1", dearer)
		if math.Abs(told/then-1) > 0.02 {
			t.Errorf("substitution %v: at a price 5 %% higher %v were told, %v came", strength, told, then)
		}
		if now := figure(t, "SELECT sum(expected_demand) FROM {0:truth/weeks} WHERE item = 1", same); then >= now {
			t.Errorf("demand does not fall: %v, at a higher price %v", now, then)
		}
	}
	if moved[0] > 0.005 || moved[1] < 3*moved[0] {
		t.Errorf("a price half as high again moves %.5f of the demand of other items without substitution, %.5f with it", moved[0], moved[1])
	}
}

// What cannot be launched, and who cannot be told.
func TestLaunchRefusals(t *testing.T) {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events, cfg.Candidates = 30, 300, 50, 3000, 5
	dir, _ := write(t, cfg, 2)
	s, err := Open(context.Background(), dir, 3000)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "policy.csv")
	src := table.Source{Path: configfile.Strings{path}}
	for text, want := range map[string]string{
		"item,date\n3,2025-02-01\n":                 "is sold already; candidates are the items from 50 on",
		"item,date\n55,2025-02-01\n":                "is no item of the shop",
		"item,date\n52,2025-01-02\n":                "is in the past: the shop goes on from 2025-01-31",
		"item,date\n52,2025-02-02\n52,2025-02-03\n": "is launched twice",
		"item,date,price\n52,2025-02-02,0\n":        "is no price",
		"item,date,quantity\n52,2025-02-02,-1\n":    "is no quantity",
		"item,day\n52,2025-02-02\n":                 "there is no column date",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadLaunches(context.Background(), src, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"user,item,date\n300,3,2025-02-01\n": "is no user of the shop, which has 0 to 299",
		"user,item,date\n-1,3,2025-02-01\n":  "is no user",
		"user,item,date\n1,-3,2025-02-01\n":  "is no item",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadContacts(context.Background(), src, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}
