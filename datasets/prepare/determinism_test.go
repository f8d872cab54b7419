package prepare

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/duck"
)

// events are more rows than one thread takes from a table at a time, with sums that
// are another number in another order.
const events = `
  events: {query: "SELECT hash(i) % 5000 AS customer, (hash(i, 1) % 100000 / 700.0)::DOUBLE AS price, hash(i, 2) % 40 AS item, i // 3 AS moment FROM range(300000) r(i)"}
  shops: {query: "SELECT i AS item, 'shop ' || i % 7 AS shop, (hash(i) % 1000 / 7.0)::DOUBLE AS share FROM range(40) r(i)"}`

// queries over them hang on the order in which rows are met, in their values or in
// the order of their rows.
var queries = []string{
	"SELECT customer, sum(price) AS spent, avg(price) AS mean, stddev(price) AS deviation FROM events GROUP BY customer",
	"SELECT customer, count(*) AS n, sum(item) AS items, max(moment) AS latest FROM events GROUP BY customer",
	"SELECT DISTINCT customer, item FROM events",
	"SELECT customer, first(item) AS item, arg_max(price, moment) AS price, string_agg(item, ' ') AS trail, list(price)[:3] AS prices FROM events GROUP BY customer",
	"SELECT e.customer, s.shop, sum(e.price * s.share) AS spent FROM events e JOIN shops s USING (item) GROUP BY ALL",
	"SELECT customer, price, row_number() OVER (PARTITION BY customer ORDER BY moment) AS n, sum(price) OVER (PARTITION BY item ORDER BY moment) AS so_far FROM events QUALIFY n < 4",
	"SELECT * FROM events ORDER BY item LIMIT 5000",
	"(SELECT customer, item FROM events WHERE price > 50) EXCEPT (SELECT customer, item FROM events WHERE price < 20)",
	"SELECT customer FROM events WHERE price > (SELECT avg(price) FROM events) AND item IN (SELECT item FROM shops WHERE share > 70)",
}

// tables are hashes of the tables of all queries, rows with their numbers.
func tables(t *testing.T, threads int) []string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "threads: %d\nfrom: z0\nsources:%s\n", threads, events)
	for i, q := range queries {
		fmt.Fprintf(&b, "  z%d: {query: %q}\n", i, q)
	}
	cfg := parse(t, b.String())
	cfg.SetDefaults()
	p := &pipeline{ctx: context.Background(), cfg: cfg, log: slog.New(slog.DiscardHandler), temp: t.TempDir(), laid: map[string]bool{}}
	if err := p.openDatabase(); err != nil {
		t.Fatal(err)
	}
	defer p.db.Close()
	if err := p.openSources(); err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(queries))
	for i := range queries {
		rows, err := p.texts("", 1, fmt.Sprintf("SELECT concat(count(*), ' rows, ', sum(hash(CAST(z%d AS VARCHAR), rowid)::HUGEINT)) FROM z%[1]d", i))
		if err != nil {
			t.Fatal(err)
		}
		out[i] = rows[0][0]
	}
	return out
}

func TestQueriesGiveTheSameRows(t *testing.T) {
	first := tables(t, 1)
	for _, threads := range []int{2, 7} {
		for i, got := range tables(t, threads) {
			if got != first[i] {
				t.Errorf("%d threads give %s, one %s, for %s", threads, got, first[i], queries[i])
			}
		}
	}
}

// Steps see the rows in their order, however they came to lie.
func TestStepsOfSQLGiveTheSameBytes(t *testing.T) {
	dir, first := t.TempDir(), ""
	for _, threads := range []int{1, 2, 7} {
		mustRun(t, dir, fmt.Sprintf("threads: %d\nfrom: events\nsources:%s", threads, events)+`
steps:
  - deduplicate: {key: [customer, item]}
  - derive: {place: "row_number() OVER ()", so_far: "sum(price) OVER (PARTITION BY customer)", above: "price > (SELECT avg(share) FROM shops)"}
  - filter: {where: "price < (SELECT sum(share) / 20 FROM shops)"}
  - sql: "SELECT customer, sum(price) AS spent, first(item) AS item, list(place)[:3] AS places, any_value(so_far) AS so_far FROM input GROUP BY customer"
  - sql: "SELECT customer, spent, item, len(places) AS n FROM input ORDER BY spent DESC, customer"
shuffle: false
split: {method: none}
`)
		if got := sums(t, dir); first == "" {
			first = got
		} else if got != first {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
	wantRows(t, dir, "SELECT count(*), count(*) FILTER (WHERE spent > before) FROM (SELECT spent, lag(spent) OVER (ORDER BY file_row_number) AS before FROM read_parquet("+
		duck.Literal(filepath.Join(dir, "out", "train.parquet"))+", file_row_number = true))", "5000 0")
}

func TestWhatVariesIsRefused(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "k,day\n1,2026-01-02\n2,2026-01-03\n"})
	const table = "sources: {t: {path: t.csv}}\nsplit: {method: none}\n"
	for text, want := range map[string]string{
		"sources: {t: {query: \"SELECT random() AS x FROM range(3)\"}}":                                      "sources.t.query: random() gives something else at another time",
		"sources: {t: {path: t.csv, query: \"SELECT k, uuid() AS u FROM data\"}}":                            "sources.t.query: uuid()",
		table + "steps: [{derive: {x: \"random()\"}}]":                                                       "steps.0.derive.x: random()",
		table + "steps: [{derive: {age: \"date_diff('day', day, current_date)\"}}]":                          "DATE '2026-01-31'",
		table + "steps: [{filter: {where: \"day < now()\"}}]":                                                "steps.0.filter: now()",
		table + "steps: [{count: {late: \"day > today()\"}}]":                                                "steps.0.count.late: today()",
		table + "steps: [{sql: \"SELECT * FROM input USING SAMPLE 1\"}]":                                     "steps.0.sql: a sample without a seed",
		table + "steps: [{aggregate: {at: day, features: {n: {function: count, where: \"random() < 1\"}}}}]": "steps.0.aggregate.features.n.where: random()",
	} {
		_, err := run(t, dir, text)
		wantError(t, dir, err, want)
	}
	mustRun(t, dir, table+"steps: [{derive: {x: \"hash(k, 1) / 18446744073709551615.0\"}}]")
}
