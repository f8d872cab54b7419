package history

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"debut/datasets/duck"
)

// foresight is a shop with candidates and warehouses.
func foresight(seed uint64) Config {
	cfg := small()
	cfg.Days, cfg.Users, cfg.Items, cfg.Events, cfg.Candidates, cfg.Seed = 56, 1500, 80, 40_000, 40, seed
	cfg.Warehouses, cfg.Suppliers, cfg.Deferred, cfg.Substitution = 2, 2, 0.3, 1
	return cfg
}

// goOnKnowing continues a shop with the truth for planners.
func goOnKnowing(t *testing.T, dir string, days, threads int, p Policy) string {
	t.Helper()
	s, err := Open(context.Background(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "next")
	if _, err := s.Continue(context.Background(), to, days, p, Options{Threads: threads, Truth: true}); err != nil {
		t.Fatal(err)
	}
	return to
}

// agreement adds up what is expected and what is realized of groups.
type agreement map[string]*[3]float64 // expected, realized, variance

// add takes rows of group, expected, realized and variance.
func (a agreement) add(t *testing.T, query string, dirs ...string) {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	query = named(query, dirs...)
	err = db.Query(context.Background(), "SELECT CAST(a AS VARCHAR), CAST(b AS DOUBLE), CAST(c AS DOUBLE), CAST(d AS DOUBLE) FROM ("+query+") q(a, b, c, d)", func(c *duck.Chunk) error {
		group, _ := duck.Vector[duck.String](c, 0)
		for k := range 3 {
			v, _ := duck.Vector[float64](c, k+1)
			for i := range c.Rows {
				name := strings.Clone(group[i].Text())
				if a[name] == nil {
					a[name] = &[3]float64{}
				}
				a[name][k] += v[i]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// within says which groups are not within so many standard errors. The variance is that of the draws, whose probabilities are known.
func (a agreement) within(t *testing.T, what string, groups int, errors float64) {
	t.Helper()
	if len(a) != groups {
		t.Errorf("%s: %d groups, want %d", what, len(a), groups)
	}
	for name, v := range a {
		off := (v[1] - v[0]) / math.Sqrt(v[2])
		if !(math.Abs(off) <= errors) || v[2] < 10 {
			t.Errorf("%s %s: %.1f expected, %.0f came, which is %.2f standard errors off", what, name, v[0], v[1], off)
		}
		t.Logf("%s %s: %.1f expected, %.0f came: %+.2f standard errors", what, name, v[0], v[1], off)
	}
}

// What is expected comes: by category, by week, by what is in stock, and at each price step as it was foreseen under other prices.
func TestExpectedIsRealized(t *testing.T) {
	category, week, stock, step, other := agreement{}, agreement{}, agreement{}, agreement{}, agreement{}
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		cfg := foresight(seed + 1)
		dir, _ := write(t, cfg, 2)
		plain := goOnKnowing(t, dir, 56, 2, Policy{})
		rows := "FROM " + files("test.parquet", plain) + " e POSITIONAL JOIN " + files("truth/test.parquet", plain) + " h GROUP BY 1"
		category.add(t, "SELECT e.category, sum(probability), count(*) FILTER (WHERE wanted), sum(probability * (1 - probability)) "+rows)
		week.add(t, "SELECT ((epoch_us(e.time) - "+fmt.Sprint(cfg.at(56, 0).UnixMicro())+") // (7 * 86400000000)), sum(probability), count(*) FILTER (WHERE wanted), sum(probability * (1 - probability)) "+rows)
		stock.add(t, "SELECT e.in_stock, sum(probability), count(*) FILTER (WHERE purchased OR NOT in_stock AND wanted), sum(probability * (1 - probability)) "+rows)

		// All items at price steps, one after another, and in another run one of each category alone.
		w := newGoods(cfg)
		atSteps := func(items int) (p Policy, given string) {
			var cases []string
			for i := range items {
				k := (i + int(seed)) % len(priceSteps)
				p.Prices = append(p.Prices, Price{Item: i, Day: 56, Price: cents(w.items[i].price * priceSteps[k]), Discount: math.NaN()})
				cases = append(cases, fmt.Sprintf("(%d, %v)", i, priceSteps[k]))
			}
			return p, "(VALUES " + strings.Join(cases, ", ") + ") g(item, step)"
		}
		realized := `(SELECT e.item, sum(probability) AS expected, count(*) FILTER (WHERE wanted) AS realized, sum(probability * (1 - probability)) AS variance
			FROM {0:test} e POSITIONAL JOIN {0:truth/test} h GROUP BY 1)`
		p, given := atSteps(cfg.Items)
		priced := goOnKnowing(t, dir, 56, 2, p)
		step.add(t, "SELECT step, sum(expected), sum(realized), sum(variance) FROM "+realized+" JOIN "+given+" USING (item) GROUP BY step", priced)
		// At the prices that are in force, what is foreseen is what is expected.
		if n := figure(t, `SELECT count(*) FROM `+files("truth/demand.parquet", priced)+` d JOIN `+given+` USING (item, step) JOIN {0:truth/weeks} w USING (item, week) JOIN {0:weeks} k USING (item, week)
			WHERE abs(d.expected_demand - w.expected_demand) > 1e-5 * (1 + w.expected_demand) OR abs(d.price - k.price) > 1e-9`, priced); n != 0 {
			t.Errorf("%v weeks are foreseen otherwise than they are expected", n)
		}
		if n := figure(t, `SELECT count(*) FROM `+files("truth/demand.parquet", priced)+` d JOIN `+given+` USING (item, step)`, priced); n != float64(cfg.Items*8) {
			t.Errorf("%v weeks are foreseen", n)
		}
		p, given = atSteps(numCategories)
		alone := goOnKnowing(t, dir, 56, 2, p)
		other.add(t, `SELECT step, sum(foreseen), sum(realized), sum(variance) FROM `+realized+" JOIN "+given+
			` USING (item) JOIN (SELECT item, step, sum(expected_demand) AS foreseen FROM `+files("truth/demand.parquet", plain)+` GROUP BY ALL) USING (item, step) GROUP BY step`, alone)
	}
	if testing.Short() {
		return
	}
	category.within(t, "category", numCategories, 3)
	week.within(t, "week", 8, 3)
	stock.within(t, "in stock", 2, 3)
	step.within(t, "price step", len(priceSteps), 3)
	other.within(t, "price step foreseen", len(priceSteps), 3)
}

// A launch brings what was foreseen of it in each week after; so do contacts. The truth for planners is the same for any number of threads,
// and changes nothing else.
func TestLaunchesAreForeseen(t *testing.T) {
	launches, contacts := agreement{}, agreement{}
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		cfg := foresight(seed + 1)
		dir, _ := write(t, cfg, 2)
		plain := goOnKnowing(t, dir, 56, 2, Policy{})
		if seed == 0 {
			if other := goOnKnowing(t, dir, 56, 7, Policy{}); sums(t, other) != sums(t, plain) {
				t.Error("7 threads give other bytes")
			}
			blind, _ := goOnWith(t, dir, 56, 2, Policy{})
			for _, name := range []string{"test.parquet", "truth/test.parquet", "weeks.parquet", "warehouse_weeks.parquet", "orders.parquet"} {
				if n := differing(t, files(name, plain), files(name, blind)); n != 0 {
					t.Errorf("%s: %v rows are others where the truth is asked for", name, n)
				}
			}
		}
		// One of each category, so that each is alone in it.
		w := newGoods(cfg)
		var p Policy
		var taken [numCategories]bool
		for i := cfg.Items; i < len(w.items); i++ {
			if c := w.items[i].category; !taken[c] {
				taken[c] = true
				p.Launches = append(p.Launches, Launch{Item: i, Day: 56 + 14, Price: w.items[i].price, Quantity: 100})
			}
		}
		launched := goOnKnowing(t, dir, 56, 2, p)
		monday := cfg.at(56+14, 0).Format(time.DateOnly)
		launches.add(t, `SELECT date_diff('day', TIMESTAMP '`+monday+`', week), sum(f.expected_demand), sum(wanted), sum(f.expected_demand) FROM `+files("truth/launches.parquet", plain)+` f
			JOIN (SELECT item, week, sold - delivered + deferred + lost AS wanted FROM (SELECT item, week, sum(sold) AS sold, sum(delivered) AS delivered, sum(deferred) AS deferred FROM {0:warehouse_weeks} GROUP BY ALL)
			JOIN {0:truth/weeks} USING (item, week)) USING (item, week)
			WHERE launch_week = TIMESTAMP '`+monday+`' GROUP BY 1`, launched)
		if seed == 0 {
			if n := figure(t, `SELECT count(*) FROM `+files("truth/launches.parquet", plain)+` WHERE launch_week > week`, plain); n != 0 {
				t.Errorf("%v weeks before their launch", n)
			}
			if n := figure(t, `SELECT count(*) FROM `+files("truth/launches.parquet", plain), plain); n != 40*8*9/2 {
				t.Errorf("%v weeks of launches", n)
			}
		}
		// Contacts on the first day of those who are most likely to buy, of one candidate that is launched on it.
		item := cfg.Items + int(seed)
		told := Policy{Launches: []Launch{{Item: item, Day: 56, Price: w.items[item].price, Quantity: 500}}}
		silent, _ := goOnWith(t, dir, 1, 2, told)
		for u := range cfg.Users {
			told.Contacts = append(told.Contacts, Contact{User: u, Item: item, Day: 56})
		}
		loud, _ := goOnWith(t, dir, 1, 2, told)
		odds := "probability / (1 - probability) * exp(0.6)"
		chance := "0.5 * (" + odds + ") / (1 + " + odds + ")"
		query := "SELECT count(*) FROM {0:test} e POSITIONAL JOIN {0:truth/test} h WHERE wanted AND item = " + fmt.Sprint(item) + ` AND "user" IN (SELECT "user" FROM ` + files("truth/contacts.parquet", plain) + " WHERE item = " + fmt.Sprint(item) + ")"
		more := figure(t, query, loud) - figure(t, query, silent)
		contacts.add(t, fmt.Sprintf("SELECT 'all', sum(%s), %v, sum(%s) FROM %s WHERE item = %d", chance, more, chance, files("truth/contacts.parquet", plain), item))
		if n := figure(t, "SELECT count(*) FROM "+files("truth/contacts.parquet", plain), plain); n != 40*1000 {
			t.Errorf("%v contacts are foreseen", n)
		}
	}
	if testing.Short() {
		return
	}
	launches.within(t, "days after the launch", 6, 3)
	contacts.within(t, "contacts", 1, 3)
}
