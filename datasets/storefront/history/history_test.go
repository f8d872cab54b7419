package history

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/strictjson"
)

func small() Config {
	c := Default()
	c.Users, c.Items, c.Events, c.Days = 3000, 400, 120_000, 120
	return c
}

func write(t *testing.T, cfg Config, threads int) (string, Summary) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	s, err := Write(context.Background(), dir, cfg, Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func sums(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(&b, "%s %x\n", e.Name(), sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSameBytes(t *testing.T) {
	cfg := small()
	dir, _ := write(t, cfg, 1)
	want := sums(t, dir)
	for _, threads := range []int{2, 7} {
		if other, _ := write(t, cfg, threads); sums(t, other) != want {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
	cfg.Seed = 2
	if other, _ := write(t, cfg, 2); sums(t, other) == want {
		t.Error("another seed gives the same bytes")
	}
}

// The bytes of a shop and of its continuation are those that they were before there were warehouses.
func TestBytesOfBefore(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the sums are of amd64; other processors round the last digit of functions differently")
	}
	cfg := small()
	cfg.Users, cfg.Items, cfg.Days, cfg.Events = 200, 50, 40, 3000
	plain, _ := write(t, cfg, 2)
	cfg.Candidates, cfg.Substitution = 5, 2
	more, _ := write(t, cfg, 2)
	next, _ := goOnWith(t, more, 20, 2, Policy{
		Prices: []Price{{Item: 3, Day: 42, Price: 9.99, Discount: math.NaN()}}, Orders: []Order{{Item: 3, Day: 41, Quantity: 5}, {Item: 4, Day: 45, Quantity: 70}},
		Launches: []Launch{{Item: 50, Day: 43, Price: 19.99, Quantity: 50}, {Item: 52, Day: 45}}, Contacts: []Contact{{User: 5, Item: 50, Day: 44}, {User: 6, Item: 3, Day: 44}},
	})
	// But for what a state says of its tables since.
	state := filepath.Join(next, stateFile)
	text, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	var old State
	if err := strictjson.Unmarshal(text, &old); err != nil {
		t.Fatal(err)
	}
	if len(old.Tables) != 3 {
		t.Errorf("the state knows the tables %v", old.Tables)
	}
	old.Tables = nil
	if text, err = json.MarshalIndent(old, "", "  "); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(state, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{plain: "379eb5ade1d34ee2", more: "9531f5c70226d28f", next: "1751f3cd6e97ece8"} {
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(sums(t, dir))))[:16]; got != want {
			t.Errorf("%s has other bytes: %s, not %s", filepath.Base(dir), got, want)
		}
	}
}

// number returns the single number of a query over the files, whose tables are
// called as the files are.
func number(t *testing.T, dir, query string) float64 {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, name := range []string{"train", "validation", "test", "items", "users", "weeks", "truth/train", "truth/items", "truth/users", "truth/weeks"} {
		sql := "CREATE VIEW " + duck.Name(name) + " AS SELECT * FROM read_parquet(" + duck.Literal(filepath.Join(dir, name+".parquet")) + ")"
		if err := db.Query(context.Background(), sql, nil); err != nil {
			t.Fatal(err)
		}
	}
	out := math.NaN()
	err = db.Query(context.Background(), "SELECT CAST(v AS VARCHAR) FROM ("+query+") AS q(v)", func(c *duck.Chunk) error {
		v, _ := duck.Vector[duck.String](c, 0)
		out, err = strconv.ParseFloat(v[0].Text(), 64)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func TestWhatIsTrueOfAShop(t *testing.T) {
	dir, sum := write(t, small(), 2)
	if off := math.Abs(float64(sum.Events)/120_000 - 1); off > 0.03 {
		t.Errorf("%d events, 120000 were asked for", sum.Events)
	}
	if sum.BayesAUC < 0.78 || sum.BayesAUC > 0.95 {
		t.Errorf("the truth ranks with an AUC of %.3f", sum.BayesAUC)
	}
	if s := float64(sum.Purchases) / float64(sum.Events); s < 0.02 || s > 0.15 {
		t.Errorf("%.3f of the views end in a purchase", s)
	}
	if sum.Lost == 0 || sum.Lost > sum.Purchases {
		t.Errorf("%d purchases and %d lost", sum.Purchases, sum.Lost)
	}
	d, err := manifest.Read(dir)
	if err != nil || d.Rows != sum.Events || len(d.Parts) != 3 {
		t.Errorf("%+v, %v", d, err)
	}
	for what, query := range map[string]string{
		"views before the launch":       `SELECT count(*) FROM train e JOIN items i USING (item) WHERE e.time < i.launch`,
		"views before the signup":       `SELECT count(*) FROM train e JOIN users u USING ("user") WHERE e.time < u.signup`,
		"events out of order":           `SELECT count(*) FROM (SELECT time < lag(time) OVER () AS back FROM train) WHERE back`,
		"weeks that do not add up":      `SELECT count(*) FROM (SELECT stock + received - sold AS left_over, lead(stock) OVER (PARTITION BY item ORDER BY week) AS next FROM weeks) WHERE left_over <> next`,
		"sales out of stock":            `SELECT count(*) FROM train WHERE purchased AND NOT in_stock`,
		"purchases that are not carted": `SELECT count(*) FROM train WHERE purchased AND NOT carted`,
		"sales that weeks do not count": `SELECT abs((SELECT sum(sold) FROM weeks) - (SELECT count(*) FROM (SELECT * FROM train UNION ALL SELECT * FROM validation UNION ALL SELECT * FROM test) WHERE purchased))`,
		"test before training":          `SELECT count(*) FROM test WHERE time <= (SELECT max(time) FROM train)`,
		"titles without their property": `SELECT count(*) FROM items i JOIN "truth/items" h USING (item) WHERE h.taste[1] > 0.8 AND NOT contains(i.title, 'modern')`,
	} {
		if n := number(t, dir, query); n != 0 {
			t.Errorf("%v %s", n, what)
		}
	}
	// What is wanted is as probable as the truth says.
	if r := number(t, dir, `SELECT sum(wanted::INT) / sum(probability) FROM "truth/train"`); math.Abs(r-1) > 0.05 {
		t.Errorf("%.3f times as many purchases are wanted as expected", r)
	}
	// Demand falls with the price as the elasticities say: week by week, within items, the odds of a purchase against the
	// logarithm of the own price, for items of high elasticity more than for those of low.
	slope := func(where string) float64 {
		return number(t, dir, `SELECT regr_slope(y, x) FROM (SELECT ln(expected_demand / views) - avg(ln(expected_demand / views)) OVER (PARTITION BY item) AS y, ln(price) - avg(ln(price)) OVER (PARTITION BY item) AS x
			FROM weeks w JOIN "truth/weeks" h USING (week, item) JOIN "truth/items" i USING (item) WHERE views >= 20 AND `+where+`)`)
	}
	low, high := slope("elasticity < 1.9"), slope("elasticity > 2.5")
	if !(high < low && low < -0.8 && high > -8) {
		t.Errorf("demand answers to prices with %.2f for inelastic items and %.2f for elastic ones", low, high)
	}
}

func TestRefusals(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Users = 1 }, func(c *Config) { c.Items = 0 }, func(c *Config) { c.Events = 1 << 40 }, func(c *Config) { c.Days = -1 },
		func(c *Config) { c.Events = 100_000_000 }, func(c *Config) { c.Start = c.Start.AddDate(900, 0, 0) },
	} {
		cfg := small()
		change(&cfg)
		if _, err := Write(context.Background(), filepath.Join(t.TempDir(), "x"), cfg, Options{}); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Write(ctx, filepath.Join(parent, "shop"), small(), Options{Progress: func(day, _ int, _ int64) {
		if day == 30 {
			cancel()
		}
	}})
	if entries, _ := os.ReadDir(parent); !errors.Is(err, context.Canceled) || len(entries) > 0 {
		t.Errorf("%v left %v", err, entries)
	}
}
