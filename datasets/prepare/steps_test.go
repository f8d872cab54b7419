package prepare

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/manifest"
)

const orders = `id,user,item,qty,price,when,note
1,ann,apple,2,1.50,2025-01-01 10:00:00,first
2,bob,pear,1,,2025-01-02 10:00:00,
3,ann,apple,2,1.50,2025-01-03 10:00:00,second
1,ann,apple,2,1.50,2025-01-01 10:00:00,first
4,cid,fig,-3,9.00,2025-01-04 10:00:00,back
5,ann,pear,1,2.50,2025-01-05 10:00:00,mail me: a.b@example.org
6,,pear,1,2.50,2025-01-06 10:00:00,
`

const source = `
sources: {orders: {path: orders.csv}}
split: {method: none}
`

func TestRowSteps(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	d := mustRun(t, dir, source+`
steps:
  - deduplicate: {}
  - filter: {where: qty > 0, reason: returns}
  - fill: {user: nobody}
  - derive: {total: qty * price, "big one": qty > 1}
  - rename: {when: time}
  - drop: [note]
  - cast: {id: VARCHAR, time: DATE}
  - count: {pears: item = 'pear'}
`)
	wantRows(t, dir, `SELECT id, "user", item, qty, coalesce(total, -1), "big one", "time" FROM out ORDER BY id`,
		"1 ann apple 2 3.0 true 2025-01-01 00:00:00", "2 bob pear 1 -1.0 false 2025-01-02 00:00:00", "3 ann apple 2 3.0 true 2025-01-03 00:00:00",
		"5 ann pear 1 2.5 false 2025-01-05 00:00:00", "6 nobody pear 1 2.5 false 2025-01-06 00:00:00")
	by := map[string]manifest.Step{}
	for _, s := range d.Steps {
		by[s.Kind] = s
	}
	if s := by["deduplicate"]; s.Dropped != 1 || s.RowsOut != 6 {
		t.Errorf("deduplicate %+v", s)
	}
	if s := by["filter"]; s.Dropped != 1 || s.Reason != "returns" {
		t.Errorf("filter %+v", s)
	}
	if by["fill"].Changed["user"] != 1 || by["count"].Counts["pears"] != 3 {
		t.Errorf("fill %v, count %v", by["fill"].Changed, by["count"].Counts)
	}
	if c := d.Column("id"); c.Type != manifest.Categorical || len(c.Vocabulary) != 5 {
		t.Errorf("id is %+v", c)
	}
	if c := d.Column("time"); c.Type != manifest.Date || c.First != "2025-01-01T00:00:00" {
		t.Errorf("time is %+v", c)
	}
	if c := d.Column("price"); c.Missing != 1 || *c.Min != 1.5 || *c.Max != 2.5 || *c.Mean != 2 || math.Abs(*c.Std-0.5) > 1e-12 {
		t.Errorf("price is %+v: %v %v %v %v", c, *c.Min, *c.Max, *c.Mean, *c.Std)
	}
	back, err := manifest.Read(filepath.Join(dir, "out"))
	if err != nil || back.Rows != 5 || back.Part(manifest.Train).RowGroups != 1 {
		t.Errorf("read back %+v, %v", back, err)
	}
}

func TestDeduplicateByKey(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	for keep, want := range map[string]string{
		"{key: user}":                             "1 2 4 6",
		"{key: user, keep: last}":                 "2 4 5 6",
		"{key: user, keep: newest, time: when}":   "2 4 5 6",
		"{key: [user, item], keep: last}":         "1 2 4 5 6",
		"{key: item, keep: oldest, time: when}":   "1 2 4",
		"{key: [item], keep: newest, time: when}": "3 4 6",
	} {
		mustRun(t, dir, source+"steps: [{deduplicate: "+keep+"}]")
		if got := strings.Join(rows(t, dir, "SELECT id FROM out ORDER BY id"), " "); got != want {
			t.Errorf("%s keeps %s, want %s", keep, got, want)
		}
	}
}

func TestStatisticsComeFromTrainingRows(t *testing.T) {
	var b strings.Builder
	b.WriteString("x,y,c,part\n")
	for i := range 100 {
		part, x, c := "a", fmt.Sprint(i%10), "often"
		if i >= 60 {
			part, x, c = "b", "1000", "later"
		}
		if i%20 == 7 {
			x, c = "", ""
		}
		fmt.Fprintf(&b, "%s,%d,%s,%s\n", x, i, c, part)
	}
	dir := folder(t, map[string]string{"t.csv": b.String()})
	const text = `
sources: {t: {path: t.csv}}
split: {method: column, column: part, test_values: b}
`
	d := mustRun(t, dir, text+"steps: [{fill: {x: {method: median}, c: {method: most_frequent}}}]")
	if d.Steps[1].Kind != "split" || d.Steps[2].Kind != "fill" {
		t.Errorf("the split does not come before the fill: %v, %v", d.Steps[1].Kind, d.Steps[2].Kind)
	}
	wantRows(t, dir, "SELECT x, c FROM out WHERE y % 20 = 7 GROUP BY ALL", "4 often")
	mustRun(t, dir, text+"steps: [{clip: {x: {quantiles: [0.1, 0.9]}}}]")
	wantRows(t, dir, "SELECT min(x), max(x) FROM out", "1 8")
	mustRun(t, dir, text+"steps: [{clip: {x: {min: 2}, y: {max: 50}}}]")
	wantRows(t, dir, "SELECT min(x), max(x), max(y), count(x) FROM out", "2 1000 50 95")
	mustRun(t, dir, text+"steps: [{fill: {x: {method: mean}}}]")
	wantRows(t, dir, "SELECT x FROM out WHERE y = 7", "4")
	d = mustRun(t, dir, text+"steps: [{resample: {label: c, rates: {often: 2.5}}}]")
	if n := d.Part(manifest.Train).Rows; n < 3+57*2+15 || n > 3+57*3-15 || d.Part(manifest.Test).Rows != 40 {
		t.Errorf("resampling gives %d training and %d test rows", n, d.Part(manifest.Test).Rows)
	}
}

func TestJoins(t *testing.T) {
	dir := folder(t, map[string]string{
		"orders.csv": orders,
		"items.csv":  "item,brand\napple,A\npear,P\n",
		"prices.csv": "product,at,price\napple,2025-01-01 00:00:00,10\napple,2025-01-03 10:00:00,11\napple,2025-01-03 10:00:00,12\npear,2025-01-05 10:00:01,20\n",
		"twice.csv":  "item,brand\napple,A\napple,B\n",
	})
	const text = `
sources: {orders: {path: orders.csv}, items: {path: items.csv}, prices: {path: prices.csv}, twice: {path: twice.csv}}
from: orders
split: {method: none}
`
	mustRun(t, dir, text+"steps: [{deduplicate: {}}, {join: {table: items, on: item}}]")
	wantRows(t, dir, "SELECT id, coalesce(brand, '-') FROM out ORDER BY id", "1 A", "2 P", "3 A", "4 -", "5 P", "6 P")
	d := mustRun(t, dir, text+"steps: [{deduplicate: {}}, {join: {table: items, on: item, how: inner, prefix: of_}}]")
	if last := d.Steps[2]; last.Dropped != 1 || !strings.Contains(last.Reason, "items") {
		t.Errorf("inner join %+v", last)
	}
	wantRows(t, dir, "SELECT id, of_brand FROM out WHERE id = 2", "2 P")
	mustRun(t, dir, text+"steps: [{deduplicate: {}}, {join: {table: prices, keys: {item: product}, columns: price, prefix: list_, as_of: {at: when, time: at}}}]")
	wantRows(t, dir, "SELECT id, coalesce(list_price, -1) FROM out ORDER BY id", "1 10", "2 -1", "3 12", "4 -1", "5 -1", "6 20")
	mustRun(t, dir, text+"steps: [{deduplicate: {}}, {join: {table: prices, keys: {item: product}, columns: price, prefix: list_, as_of: {at: when, time: at, gap: 1s}}}]")
	wantRows(t, dir, "SELECT id, coalesce(list_price, -1) FROM out WHERE id IN (3, 6) ORDER BY id", "3 10", "6 20")
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, dir, text+"steps: [{join: {table: twice, on: item}}]")
	wantError(t, dir, err, "steps.0.join.table", "2 rows", `"apple"`, "multiply")
}

func TestAggregateIsPointInTime(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders, "views.csv": `who,at,item,ms
ann,2025-01-01 10:00:00,apple,100
ann,2025-01-01 09:00:00,fig,300
ann,2025-01-02 12:00:00,apple,0.1
ann,2025-01-02 12:00:00,pear,0.2
bob,2025-01-30 00:00:00,fig,9
,2025-01-01 00:00:00,fig,9
`})
	const text = `
sources: {orders: {path: orders.csv}, views: {path: views.csv}}
from: orders
split: {method: none}
steps:
  - deduplicate: {}
  - aggregate:
      events: views
      keys: {user: who}
      at: when
      time: at
`
	mustRun(t, dir, text+`
      features:
        n: {function: count}
        items: {function: distinct, value: item}
        ms: {function: sum, value: ms}
        mean: {function: mean, value: ms}
        most: {function: max, value: ms}
        last: {function: last, value: item}
        days: {function: since_last}
        first: {function: since_first}
        active: {function: active_days}
        figs: {function: ratio, where: item = 'fig'}
        day: {function: count, window: 1d}
`)
	// Ann's first order sees the view of 9:00, not that of its own moment.
	wantRows(t, dir, "SELECT id, n, items, ms, mean, most, last, round(days * 24, 6), round(first * 24, 6), active, figs, day FROM out WHERE id IN (1, 3) ORDER BY id",
		"1 1 1 300.0 300.0 300.0 fig 1.0 1.0 1 1.0 1", "3 4 3 400.3 100.075 300.0 pear 22.0 49.0 2 0.25 2")
	wantRows(t, dir, "SELECT id, n, ms, mean IS NULL, last IS NULL, days IS NULL, figs IS NULL FROM out WHERE id IN (2, 6) ORDER BY id",
		"2 0 0.0 true true true true", "6 0 0.0 true true true true")
	mustRun(t, dir, text+"      gap: 2h\n      where: ms > 0.15\n      features: {n: {function: count}, d: {function: count, window: 1d}}")
	wantRows(t, dir, "SELECT id, n, d FROM out WHERE id IN (1, 3) ORDER BY id", "1 0 0", "3 3 1")
	mustRun(t, dir, strings.Replace(text, "      events: views\n      keys: {user: who}\n      at: when\n      time: at\n", `
      key: user
      at: when
      features: {before: {function: count}, spent: {function: sum, value: qty * price}}
`, 1))
	wantRows(t, dir, `SELECT id, before, spent FROM out WHERE "user" = 'ann' ORDER BY id`, "1 0 0.0", "3 1 3.0", "5 2 6.0")
}

func TestSplits(t *testing.T) {
	var b strings.Builder
	b.WriteString("user,n,day,class\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "u%d,%d,2025-%02d-%02d,%t\n", i%100, i, 1+i/300, 1+i%28, i%10 == 0)
	}
	dir := folder(t, map[string]string{"t.csv": b.String()})
	part := func(split string) map[string]int64 {
		d := mustRun(t, dir, "sources: {t: {path: t.csv}}\nsplit: "+split)
		out := map[string]int64{}
		for _, p := range d.Parts {
			out[p.Name] = p.Rows
		}
		return out
	}
	for _, method := range []string{"random", "group, column: user"} {
		if n := part("{method: " + method + "}"); n["test"] < 400 || n["test"] > 800 || n["validation"] < 150 || n["validation"] > 500 {
			t.Errorf("%s gives %v", method, n)
		}
	}
	wantRows(t, dir, "SELECT max(n) FROM (SELECT count(DISTINCT part) AS n FROM out GROUP BY \"user\")", "1")
	if n := part("{stratify: class, test: 0.3, validation: 0.2}"); n["test"] != 900 || n["validation"] != 600 {
		t.Errorf("stratified gives %v", n)
	}
	wantRows(t, dir, "SELECT part, count(*) FROM out WHERE class GROUP BY 1 ORDER BY 1", "test 90", "train 150", "validation 60")
	// Files that have the words of earlier versions give the same bytes.
	for canonical, before := range map[string]string{"{method: group, column: user}": "{method: user, column: user}", "{stratify: class}": "{method: stratified, column: class}"} {
		part(canonical)
		want := sums(t, dir)
		if part(before); sums(t, dir) != want {
			t.Errorf("%s is not what %s is", before, canonical)
		}
	}
	part("{method: time, column: day, test: 0.1, validation: 0.1}")
	wantRows(t, dir, "SELECT (SELECT max(day) FROM out WHERE part = 'train') < (SELECT min(day) FROM out WHERE part = 'validation'), (SELECT max(day) FROM out WHERE part = 'validation') < (SELECT min(day) FROM out WHERE part = 'test')", "true true")
	part("{method: time, column: day, test_from: 2025-10-01}")
	wantRows(t, dir, "SELECT part, min(day)::DATE FROM out GROUP BY 1 ORDER BY 1", "test 2025-10-01", "train 2025-01-01")
	if n := part("{method: leave_last_out, column: user, time: day}"); n["test"] != 100 || n["validation"] != 100 {
		t.Errorf("leave_last_out gives %v", n)
	}
	wantRows(t, dir, "SELECT count(*) FROM (SELECT max(day) FILTER (WHERE part = 'train') AS a, max(day) FILTER (WHERE part = 'test') AS b FROM out GROUP BY \"user\") WHERE a > b", "0")
}

func TestNegatives(t *testing.T) {
	var b strings.Builder
	b.WriteString("user,item,ctx\n")
	for i := range 400 {
		fmt.Fprintf(&b, "u%d,i%d,%d\n", i%20, (i*i+i%7)%60, i)
	}
	dir := folder(t, map[string]string{"t.csv": b.String()})
	for _, by := range []string{"uniform", "popularity"} {
		mustRun(t, dir, "sources: {t: {path: t.csv}}\nsplit: {method: none}\nsteps: [{deduplicate: {key: [user, item]}}, {negatives: {user: user, item: item, label: chosen, ratio: 3, by: "+by+"}}]")
		wantRows(t, dir, `SELECT count(*) FROM out a JOIN out b ON a."user" = b."user" AND a.item = b.item AND a.chosen AND NOT b.chosen`, "0")
		wantRows(t, dir, "SELECT max(n) FROM (SELECT count(*) AS n, bool_or(chosen) FROM out WHERE NOT chosen GROUP BY ctx)", "3")
		wantRows(t, dir, "SELECT count(*) FILTER (WHERE NOT chosen) = 3 * count(*) FILTER (WHERE chosen) FROM out", "true")
	}
}

func TestSQLStep(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	mustRun(t, dir, source+"steps: [{sql: 'SELECT user, sum(qty) AS n FROM input WHERE user IS NOT NULL GROUP BY 1'}, {filter: n > 0}]")
	wantRows(t, dir, `SELECT "user", n FROM out ORDER BY 1`, "ann 7.0", "bob 1.0")
	mustRun(t, dir, source+"steps: [{sql: 'SELECT __row, id, (SELECT count(*) FROM orders) AS all_rows FROM input'}]")
	wantRows(t, dir, "SELECT count(*), max(all_rows) FROM out", "7 7")
}

func TestMistakes(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders})
	for text, want := range map[string][]string{
		"steps: [{filter: quantity(3)}]":                                     {"steps.0.filter", "duckdb"},
		"steps: [{filter: qty}]":                                             {"steps.0.filter", "true or false"},
		"steps: [{filter: qty > 100}]":                                       {"steps.0.filter", "no row is left"},
		"steps: [{filter: 'qty > 0) OR (1=1'}]":                              {"steps.0.filter"},
		"steps: [{rename: {quantty: n}}]":                                    {"steps.0.rename.quantty", "no column", "id, user"},
		"steps: [{drop: [itm]}]":                                             {"steps.0.drop.0", `did you mean "item"`},
		"steps: [{rename: {user: item}}]":                                    {"steps.0.rename", "two columns"},
		"steps: [{derive: {qty: 1}}]":                                        {"steps.0.derive.qty", "already"},
		"steps: [{derive: {__x: 1}}]":                                        {"reserved"},
		"steps: [{cast: {note: DOUBLE}}]":                                    {"steps.0.cast.note", "5 values", "first", "on_error"},
		"steps: [{cast: {price: INTEGER}}]":                                  {"steps.0.cast.price", "1.5"},
		"steps: [{cast: {price: MONEY}}]":                                    {"steps.0.cast.price.to"},
		"steps: [{fill: {qty: many}}]":                                       {"steps.0.fill.qty", `"many"`, "BIGINT"},
		"steps: [{fill: {note: {method: median}}}]":                          {"for numbers"},
		"steps: [{filter: qty > 0, drop: [id]}]":                             {"steps.0", "drop and filter", "a step for each"},
		"steps: [{}]":                                                        {"steps.0", "says nothing"},
		"steps: [{clip: {qty: {mad: 3, min: 1}}}]":                           {"steps.0.clip.qty", "one of"},
		"steps: [{clip: {note: {max: 3}}}]":                                  {"only numbers"},
		"steps: [{join: {table: items, on: item}}]":                          {"steps.0.join.table", `no source "items"`},
		"steps: [{aggregate: {key: user, at: when}}]":                        {"features"},
		"steps: [{aggregate: {at: note, features: {n: {function: count}}}}]": {"steps.0.aggregate.at", "TIMESTAMP"},
		"steps: [{aggregate: {at: when, features: {n: {function: cuont}}}}]": {`did you mean "count"`},
		"steps: [{aggregate: {at: when, features: {n: {function: sum}}}}]":   {"value", "not given"},
		"steps: [{deduplicate: {key: user, keep: newest}}]":                  {"steps.0.deduplicate.time"},
		"steps: [{pseudonymize: {user: user}}]":                              {"key", "DEBUT_KEY"},
		"steps: [{sql: DROP TABLE orders}]":                                  {"steps.0.sql"},
		"steps: [{sql: 'SELECT 1; SELECT 2'}]":                               {"steps.0.sql"},
		"steps: [{drop: [id, user, item, qty, price, when, note]}]":          {"no column is left"},
		"steps: [{k_anonymity: {columns: [user], k: 50}}]":                   {"generalize"},
		"columns: {nope: text}":                                              {"columns.nope"},
		"columns: {qty: text}":                                               {"columns.qty", "cannot be text"},
		"steps: [{resample: {label: item, rates: {kiwi: 2}}}]":               {"kiwi"},
		"memory: 3MiB":                                {"memory"},
		"row_group: 3":                                {"row_group"},
		"from: other":                                 {"from", `no source "other"`},
		"rejects: {file: ../x}":                       {"rejects.file"},
		"steps: [{derive: {x: 'read_text(1)'}}]":      {"steps.0.derive.x"},
		"columns: {qty: ''}":                          {"columns.qty", "empty"},
		"steps: [{generalize: {qty: {unit: month}}}]": {"dates and times"},
		"steps: [{negatives: {user: user, item: itm, label: y}}]":               {"steps.0.negatives.item", "item"},
		"steps: [{join: {table: orders, on: user, as_of: {at: when, gap: x}}}]": {"as_of.gap"},
	} {
		_, err := run(t, dir, source+text)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		wantError(t, dir, err, want...)
	}
	for _, split := range []string{"{method: time}", "{method: rnadom}", "{test: 1}", "{test: 0.6, validation: 0.4}", "{method: group, column: usr}", "{method: stratified}", "{method: stratified, column: item, stratify: user}", "{method: group, column: user, stratify: item}", "{stratify: itm}", "{column: user}", "{method: time, column: note}", "{method: column, column: item, test_values: kiwi}", "{method: time, column: when, test_from: soon}"} {
		_, err := run(t, dir, "sources: {orders: {path: orders.csv}}\nsplit: "+split)
		wantError(t, dir, err, "split")
	}
}

func TestOutputIsCompleteOrAbsent(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": orders, "bad.csv": "a,b\n1,2\n"})
	cfg := parse(t, source)
	cfg.Output = "out"
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Run(ctx, cfg, Options{BaseDir: dir})
	wantError(t, dir, err, "canceled")
	mustRun(t, dir, source)
	before := sums(t, dir)
	if _, err := Run(context.Background(), parse(t, "output: out"+source), Options{BaseDir: dir}); err == nil || !strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("an earlier output is replaced unasked: %v", err)
	}
	if _, err := run(t, dir, source+"steps: [{filter: qty > 100}]"); err == nil || sums(t, dir) != before {
		t.Errorf("a failed run changed the earlier output: %v", err)
	}
	if _, err := Run(context.Background(), parse(t, "output: ."+source), Options{BaseDir: dir, Overwrite: true}); err == nil || !strings.Contains(err.Error(), "orders.csv lies in the output folder") {
		t.Errorf("a folder of other files is replaced: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "orders.csv")); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 3 {
		t.Errorf("the folder holds %v", entries)
	}
	if _, err := manifest.Read(dir); !errors.Is(err, manifest.ErrNotFound) {
		t.Error(err)
	}
}

func TestRejects(t *testing.T) {
	text := "id,n\n"
	for i := range 3000 {
		switch i {
		case 700:
			text += "700,many,\n"
		case 2000:
			text += "2000\n"
		default:
			text += fmt.Sprintf("%d,%d\n", i, i*2)
		}
	}
	dir := folder(t, map[string]string{"t.csv": text})
	const file = "sources: {t: {path: t.csv, types: {n: BIGINT}}}\nsplit: {method: none}\n"
	_, err := run(t, dir, file)
	wantError(t, dir, err, "source t", "t.csv:702", `"many" is not a number`, "rejects: {limit: 2}")
	_, err = run(t, dir, file+"rejects: {limit: 1}")
	wantError(t, dir, err, "t.csv:702")
	d := mustRun(t, dir, file+"rejects: {limit: 2}")
	if d.Rejected != 2 || d.Rows != 2998 {
		t.Errorf("%d rejected, %d rows", d.Rejected, d.Rows)
	}
	kept, err := os.ReadFile(filepath.Join(dir, "out", d.Rejects))
	if err != nil || !strings.Contains(string(kept), "t.csv:702") || !strings.Contains(string(kept), "many") || strings.Count(string(kept), "\n") != 3 {
		t.Errorf("rejects are %q, %v", kept, err)
	}
}

func TestWhatTrainingRefuses(t *testing.T) {
	dir := folder(t, map[string]string{
		"huge.csv": "x,y\n1e308,0\n-1e308,1\n1e308,0\n",
		"row.csv":  "x,__ROW\n1,2\n",
	})
	copyTo(t, filepath.Join(dir, "nan.parquet"), "SELECT * FROM (VALUES ('nan'::DOUBLE, 0), (1, 1), (2, 0)) v(x, y)")
	copyTo(t, filepath.Join(dir, "inf.parquet"), "SELECT * FROM (VALUES (3::DOUBLE, 0, 'train'), (1, 1, 'train'), ('-inf', 0, 'test')) v(x, y, part)")
	for text, want := range map[string]string{
		"sources: {s: {path: nan.parquet}}\nsplit: {method: none}\n":                                      `column "x" has NaN or infinity in 1 of the train rows`,
		"sources: {s: {path: inf.parquet}}\nsplit: {method: column, column: part, test_values: [test]}\n": `column "x" has NaN or infinity in 1 of the test rows`,
		"sources: {s: {path: row.csv}}\nsplit: {method: none}\n":                                          `column "__ROW" has a name that is taken`,
	} {
		_, err := run(t, dir, text)
		wantError(t, dir, err, want)
	}
	d := mustRun(t, dir, "sources: {s: {path: nan.parquet}}\nsplit: {method: none}\nsteps: [{sql: 'SELECT * REPLACE (CASE WHEN isfinite(x) THEN x END AS x) FROM input'}]\n")
	if d.Column("x").Missing != 1 || d.Rows != 3 {
		t.Errorf("%+v", d.Column("x"))
	}
	d = mustRun(t, dir, "sources: {s: {path: huge.csv}}\nsplit: {method: none}\n")
	if c := d.Column("x"); c.Std != nil || *c.Max != 1e308 {
		t.Errorf("%+v", c)
	}
}
