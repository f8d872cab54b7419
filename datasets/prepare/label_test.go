package prepare

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/datasets/manifest"
)

// happening is a row or an event of a random history.
type happening struct {
	user   string
	at     time.Time
	amount float64
	kind   string
}

var began = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// histories are random rows and events of hours, many of which fall upon each other and
// upon the ends of windows.
func histories(r *rand.Rand, users, rows, events, days int) (first, second []happening) {
	draw := func(n int) []happening {
		out := make([]happening, n)
		for i := range out {
			out[i] = happening{
				user: fmt.Sprintf("u%d", r.IntN(users)), at: began.Add(time.Duration(r.IntN(days*4)) * 6 * time.Hour),
				amount: float64(r.IntN(1000)-300) / 100, kind: []string{"view", "buy"}[r.IntN(2)],
			}
		}
		return out
	}
	return draw(rows), draw(events)
}

// historyFiles writes rows.csv and events.csv.
func historyFiles(t *testing.T, rows, events []happening) string {
	t.Helper()
	var a, b strings.Builder
	a.WriteString("id,user,at\n")
	for i, h := range rows {
		fmt.Fprintf(&a, "%d,%s,%s\n", i, h.user, h.at.Format(time.DateTime))
	}
	b.WriteString("customer,time,amount,kind\n")
	for _, h := range events {
		fmt.Fprintf(&b, "%s,%s,%v,%s\n", h.user, h.at.Format(time.DateTime), h.amount, h.kind)
	}
	return folder(t, map[string]string{"rows.csv": a.String(), "events.csv": b.String()})
}

const historySources = `
sources: {rows: {path: rows.csv}, events: {path: events.csv}}
from: rows
`

// labels computes what Label says, one row at a time.
func labels(rows, events []happening, within time.Duration, until time.Time) (lines []string) {
	for i, r := range rows {
		if r.at.Add(within).After(until) {
			continue
		}
		count, sum := 0, 0.0
		for _, e := range events {
			if e.user == r.user && e.kind == "buy" && e.at.After(r.at) && !e.at.After(r.at.Add(within)) {
				count++
				sum += e.amount
			}
		}
		lines = append(lines, fmt.Sprintf("%d %t %d %.2f", i, count > 0, count, sum+0))
	}
	return lines
}

func TestLabelsAreThoseOfBruteForce(t *testing.T) {
	for seed := range uint64(3) {
		rowList, eventList := histories(rand.New(rand.NewPCG(seed, 1)), 20, 300, 600, 60)
		dir := historyFiles(t, rowList, eventList)
		step := func(function string) string {
			return fmt.Sprintf("  - label: {%s, events: events, keys: {user: customer}, at: at, time: time, within: 7d12h, where: \"kind = 'buy'\", incomplete: %%[1]s%%[2]s}\n", function)
		}
		text := historySources + "split: {method: none}\nsteps:\n" + step("name: buys") + step("name: n, function: count") + step("name: spent, function: sum, value: amount")
		last := slices.MaxFunc(eventList, func(a, b happening) int { return a.at.Compare(b.at) }).at
		for _, c := range []struct {
			incomplete, until string
			last              time.Time
		}{
			{"drop", "", last},
			{"keep", "", began.AddDate(1, 0, 0)},
			{"drop", ", until: 2025-02-10", began.AddDate(0, 0, 40)},
			{"fail", ", until: '2025-06-01 00:00:00'", began.AddDate(1, 0, 0)},
		} {
			d := mustRun(t, dir, fmt.Sprintf(text, c.incomplete, c.until))
			want := labels(rowList, eventList, 180*time.Hour, c.last)
			wantRows(t, dir, "SELECT id, buys, n, CAST(spent AS DECIMAL(18, 2)) FROM out ORDER BY id", want...)
			s := d.Steps[1]
			if dropped := int64(len(rowList) - len(want)); s.Kind != "label" || s.Dropped != dropped || (s.Reason == "") != (dropped == 0) || s.RowsOut != int64(len(want)) {
				t.Errorf("%+v, want %d rows dropped", s, dropped)
			}
			positives := int64(0)
			for _, line := range want {
				if strings.Contains(line, "true") {
					positives++
				}
			}
			if s.Counts["buys"] != positives || positives == 0 {
				t.Errorf("counts %v, want %d", s.Counts, positives)
			}
		}
		if len(labels(rowList, eventList, 180*time.Hour, last)) == len(rowList) {
			t.Error("no row was incomplete: nothing is tested")
		}
	}
}

// Features and labels of the same events share none, and leave only those of the row's
// own moment out.
func TestLabelsAndFeaturesShareNoEvent(t *testing.T) {
	rowList, eventList := histories(rand.New(rand.NewPCG(4, 1)), 10, 200, 500, 40)
	dir := historyFiles(t, rowList, eventList)
	mustRun(t, dir, historySources+`split: {method: none}
steps:
  - aggregate: {events: events, keys: {user: customer}, at: at, time: time, features: {before: {function: count}}}
  - label: {name: after, events: events, keys: {user: customer}, at: at, time: time, within: 400d, function: count, until: 2030-01-01}
`)
	var want []string
	moments := 0
	for i, r := range rowList {
		before, same, after := 0, 0, 0
		for _, e := range eventList {
			switch {
			case e.user != r.user:
			case e.at.Before(r.at):
				before++
			case e.at.After(r.at):
				after++
			default:
				same++
			}
		}
		moments += same
		want = append(want, fmt.Sprintf("%d %d %d", i, before, after))
	}
	if moments == 0 {
		t.Fatal("no event falls on a row's moment")
	}
	wantRows(t, dir, "SELECT id, before, after FROM out ORDER BY id", want...)
}

// The rows themselves may be the events: who orders again?
func TestLabelOfTheRowsThemselves(t *testing.T) {
	dir := folder(t, map[string]string{"orders.csv": "user,day\nann,2025-01-01\nann,2025-01-31\nann,2025-03-03\nbob,2025-01-01\nbob,2025-02-01\ncid,2025-01-01\ncid,2025-01-01\nzoe,2025-06-01\n"})
	d := mustRun(t, dir, `
sources: {orders: {path: orders.csv}}
split: {method: none}
steps: [{label: {name: again, key: user, at: day, within: 30d}}, {label: {name: any_order, events: orders, at: day, within: 31d, function: count}}]
`)
	wantRows(t, dir, `SELECT "user", strftime("day", '%m%d') AS d, again, any_order FROM out ORDER BY ALL`,
		"ann 0101 true 2", "ann 0131 false 2", "ann 0303 false 0", "bob 0101 false 2", "bob 0201 false 1", "cid 0101 false 2", "cid 0101 false 2")
	if s := d.Steps[1]; s.Dropped != 1 || !strings.Contains(s.Reason, "30d after day") || !strings.Contains(s.Reason, "2025-06-01") {
		t.Errorf("%+v", s)
	}
	// Times may be whole numbers, and unsigned ones.
	dir = folder(t, map[string]string{"t.csv": "u,at\n1,5\n1,7\n1,9\n2,12\n"})
	for _, typ := range []string{"BIGINT", "UINTEGER", "TINYINT"} {
		mustRun(t, dir, "sources: {t: {path: t.csv}}\nsplit: {method: none}\nsteps: [{cast: {at: "+typ+"}}, {label: {name: y, key: u, at: at, within: \"2\"}}]")
		wantRows(t, dir, `SELECT "at", y FROM out ORDER BY 1`, "5 true", "7 true", "9 false")
	}
}

func TestFeaturesOfNoiseDoNotTellTheLabel(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	rowList, eventList := histories(r, 800, 4000, 3000, 120)
	dir := historyFiles(t, rowList, eventList)
	mustRun(t, dir, historySources+`split: {method: none}
steps:
  - aggregate:
      events: events
      keys: {user: customer}
      at: at
      time: time
      features: {n: {function: count, window: 10d}, amount: {function: sum, value: amount, window: 10d}, since: {function: since_last}, kinds: {function: distinct, value: kind, window: 10d}}
  - label: {name: label, events: events, keys: {user: customer}, at: at, time: time, within: 10d}
  - filter: id >= 0 AND "at" >= TIMESTAMP '2025-01-11'
`)
	// Windows of 10 days overlap, so that the rows of a user within 20 days have much in
	// common; one row of a user is left, of all of whose 20 days nothing else is seen.
	for _, f := range []string{"n", "amount", "since", "kinds"} {
		got, width := auc(t, rows(t, dir, "SELECT coalesce("+f+", 99)::DOUBLE, label FROM out QUALIFY row_number() OVER (PARTITION BY \"user\" ORDER BY hash(id)) = 1"))
		if math.Abs(got-0.5) > width {
			t.Errorf("%s tells the label with an AUC of %.4f, which must be within %.4f of 0.5", f, got, width)
		}
	}
	// A feature that reaches past the row by as much as the label does tells it.
	mustRun(t, dir, historySources+`split: {method: none}
steps:
  - aggregate: {events: events, keys: {user: customer}, at: at, time: time, see_the_future: true, features: {n: {function: count, window: 1d}}}
  - label: {name: label, events: events, keys: {user: customer}, at: at, time: time, within: 10d}
`)
	if got, _ := auc(t, rows(t, dir, "SELECT n::DOUBLE, label FROM out")); got < 0.65 {
		t.Errorf("without the guard the AUC is %.4f: the test could not tell a leak", got)
	}
}

// splitOf reads which rows are in which part.
func splitOf(t *testing.T, dir string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, line := range rows(t, dir, "SELECT part, id FROM out ORDER BY id") {
		part, id, _ := strings.Cut(line, " ")
		out[part] = append(out[part], id)
	}
	return out
}

func TestEmbargoIsThatOfBruteForce(t *testing.T) {
	rowList, eventList := histories(rand.New(rand.NewPCG(9, 1)), 20, 400, 400, 100)
	dir := historyFiles(t, rowList, eventList)
	const label = "  - label: {name: buys, events: events, keys: {user: customer}, at: at, time: time, within: 5d, until: 2026-01-01}\n"
	validation, test := began.AddDate(0, 0, 60), began.AddDate(0, 0, 80)
	for _, c := range []struct {
		split, steps        string
		train, validation   time.Duration // embargoes
		validationFrom, log string
	}{
		{"validation_from: 2025-03-02, test_from: 2025-03-22", label, 120 * time.Hour, 120 * time.Hour, "yes", ""},
		{"validation_from: 2025-03-02, test_from: 2025-03-22, embargo: 60h", "", 60 * time.Hour, 60 * time.Hour, "yes", ""},
		{"test_from: 2025-03-22", label, 120 * time.Hour, 0, "", ""},
		{"test_from: 2025-03-22, embargo: 7d", label, 168 * time.Hour, 0, "", ""},
		{"test_from: 2025-03-22, embargo: 0", label, 0, 0, "", "rows of the future"},
		{"test_from: 2025-03-22, embargo: 2d", label, 48 * time.Hour, 0, "", "rows of the future"},
		{"test_from: 2025-03-22, embargo: 0d", "", 0, 0, "", ""},
		// The split comes before the label, with a step that learns.
		{"validation_from: 2025-03-02, test_from: 2025-03-22", "  - fill: {user: {method: most_frequent}}\n" + label, 120 * time.Hour, 120 * time.Hour, "yes", ""},
	} {
		want, dropped := map[string][]string{}, int64(0)
		for i, r := range rowList {
			part, next, wait := "train", test, c.train
			if c.validationFrom != "" {
				next = validation
			}
			if !r.at.Before(test) {
				part, wait = "test", 0
			} else if c.validationFrom != "" && !r.at.Before(validation) {
				part, next, wait = "validation", test, c.validation
			}
			if part != "test" && r.at.Add(wait).After(next) {
				dropped++
				continue
			}
			want[part] = append(want[part], fmt.Sprint(i))
		}
		text := historySources + "split: {method: time, column: at, " + c.split + "}\n"
		if c.steps != "" {
			text += "steps:\n" + c.steps
		}
		var log strings.Builder
		cfg := parse(t, text)
		cfg.Output = "out"
		d, err := Run(context.Background(), cfg, Options{BaseDir: dir, Overwrite: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if got := splitOf(t, dir); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: parts\n%v\nwant\n%v", c.split, got, want)
		}
		i := slices.IndexFunc(d.Steps, func(s manifest.Step) bool { return s.Kind == "split" })
		if s := d.Steps[i]; s.Dropped != dropped || (s.Reason != "") != (dropped > 0) || strings.Contains(log.String(), "are left out") != (dropped > 0) {
			t.Errorf("%s: split is %+v, want %d rows dropped; log:\n%s", c.split, s, dropped, log.String())
		}
		if strings.Contains(log.String(), "rows of the future") != (c.log != "") {
			t.Errorf("%s: log:\n%s", c.split, log.String())
		}
	}
}

// Fractions are of the rows that the embargo leaves: the validation part does not go under.
func TestEmbargoLeavesTheFractions(t *testing.T) {
	rowList, eventList := histories(rand.New(rand.NewPCG(2, 1)), 20, 1000, 100, 100)
	dir := historyFiles(t, rowList, eventList)
	mustRun(t, dir, historySources+"split: {method: time, column: at, test: 0.2, validation: 0.1, embargo: 20d}\n")
	got := splitOf(t, dir)
	extreme := func(part string, pick func(a, b time.Time) bool) (out time.Time) {
		for i, id := range got[part] {
			var row int
			if _, err := fmt.Sscan(id, &row); err != nil {
				t.Fatal(err)
			}
			if i == 0 || pick(rowList[row].at, out) {
				out = rowList[row].at
			}
		}
		return out
	}
	first := func(part string) time.Time { return extreme(part, time.Time.Before) }
	last := func(part string) time.Time { return extreme(part, time.Time.After) }
	for part, want := range map[string]int{"test": 200, "validation": 100} {
		if n := len(got[part]); n < want-10 || n > want+15 {
			t.Errorf("%d rows in the %s part, want about %d", n, part, want)
		}
	}
	if len(got["train"]) < 250 || first("test").Sub(last("validation")) < 480*time.Hour || first("validation").Sub(last("train")) < 480*time.Hour {
		t.Errorf("%d training rows until %v, validation %v to %v, test from %v", len(got["train"]), last("train"), first("validation"), last("validation"), first("test"))
	}
}

func TestSplitsThatMixTimesAreTold(t *testing.T) {
	rowList, eventList := histories(rand.New(rand.NewPCG(5, 5)), 20, 300, 300, 100)
	dir := historyFiles(t, rowList, eventList)
	const steps = "\nsteps: [{label: {name: buys, events: events, keys: {user: customer}, at: at, time: time, within: 5d}}%s]\n"
	for split, told := range map[string]bool{
		"{method: random}":                                                     true,
		"{method: group, column: user}":                                        true,
		"{stratify: buys}":                                                     true,
		"{method: leave_last_out, column: user, time: at}":                     true,
		"{method: column, column: user, test_values: [u1]}":                    true,
		"{method: column, column: late, test_values: ['true']}":                false,
		"{method: time, column: at, validation: 0.2}":                          false,
		"{method: time, column: at_ms, validation: 0.2, embargo: '432000000'}": false,
		"{method: none}":                                                       false,
	} {
		more := `, {derive: {late: '"at" > TIMESTAMP ''2025-03-01''', at_ms: 'epoch_ms("at")'}}, {filter: late OR "at" < TIMESTAMP '2025-02-20'}`
		d := mustRun(t, dir, historySources+"split: "+split+fmt.Sprintf(steps, more))
		s := d.Steps[len(d.Steps)-1]
		if got := strings.Contains(strings.Join(s.Notes, "\n"), "rows of the future"); got != told {
			t.Errorf("%s: notes %q", split, s.Notes)
		}
	}
}

func TestLabelsGiveTheSameBytes(t *testing.T) {
	first, dir := "", t.TempDir()
	for _, threads := range []int{1, 2, 7} {
		mustRun(t, dir, fmt.Sprintf("threads: %d\nfrom: buys\nsources:", threads)+`
  buys: {query: "SELECT hash(i) % 2000 AS customer, DATE '2025-01-01' + CAST(hash(i, 1) % 300 AS INTEGER) AS day FROM range(100000) r(i)"}
  views: {query: "SELECT hash(i, 7) % 2000 AS customer, TIMESTAMP '2025-01-01' + to_seconds(hash(i, 2) % 25920000) AS seen, (hash(i, 3) % 100000 / 700.0)::DOUBLE AS price FROM range(200000) r(i)"}
steps:
  - label: {name: spent, events: views, key: customer, at: day, time: seen, within: 20d, function: sum, value: price}
  - label: {name: again, key: customer, at: day, within: 20d}
split: {method: time, column: day, test: 0.2, validation: 0.3}
`)
		if got := sums(t, dir); first == "" {
			first = got
		} else if got != first {
			t.Errorf("%d threads give other bytes", threads)
		}
	}
}

func TestMistakesInLabels(t *testing.T) {
	rowList, eventList := histories(rand.New(rand.NewPCG(3, 1)), 5, 50, 50, 40)
	dir := historyFiles(t, rowList, eventList)
	if err := os.WriteFile(filepath.Join(dir, "gaps.csv"), []byte("user,at,n\nann,2025-01-01,1\n,2025-01-02,2\nbob,,3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const head = "\nsources: {rows: {path: rows.csv}, events: {path: events.csv}, gaps: {path: gaps.csv}}\nfrom: rows\n"
	label := func(fields string) string {
		return head + "split: {method: none}\nsteps: [{label: {" + fields + "}}]"
	}
	const good = "name: y, events: events, keys: {user: customer}, at: at, time: time, "
	for text, want := range map[string][]string{
		label("events: events, at: at, within: 3d"):            {"steps.0.label.name", "not given"},
		label("name: y, within: 3d"):                           {"steps.0.label.at", "not given"},
		label("name: y, at: at"):                               {"steps.0.label.within", "30d"},
		label(good + "within: soon"):                           {"steps.0.label.within", "no length of time"},
		label(good + "within: 0d"):                             {"steps.0.label.within", "no moment"},
		label(good + "within: '3'"):                            {"steps.0.label.within", "no unit", "30d"},
		label(good + "within: 3d, function: cuont"):            {"steps.0.label.function", `did you mean "count"`},
		label(good + "within: 3d, function: sum"):              {"steps.0.label.value", "not given"},
		label(good + "within: 3d, value: amount"):              {"steps.0.label.value", "where"},
		label(good + "within: 3d, function: sum, value: kind"): {"steps.0.label.value", "VARCHAR", "numbers"},
		label(good + "within: 3d, incomplete: no"):             {"steps.0.label.incomplete"},
		label(good + "within: 3d, incomplete: fail"):           {"steps.0.label: ", "cannot be known", "until"},
		label(good + "within: 900d"):                           {"steps.0.label.within", "none of the 50 rows"},
		label(good + "within: 3d, until: soon"):                {"steps.0.label.until", `"soon"`, "2025-"},
		label(good + "within: 3d, where: amount"):              {"steps.0.label.where", "true or false"},
		label("name: y, events: evnts, at: at, within: 3d"):    {"steps.0.label.events", `did you mean "events"`},
		label("name: y, events: events, at: at, within: 3d"):   {"steps.0.label.time", "time"},
		label("name: user, at: at, within: 3d"):                {"steps.0.label.name", "already"},
		label("name: y, key: usr, at: at, within: 3d"):         {"steps.0.label.on", `did you mean "user"`},
		label("name: y, at: user, within: 3d"):                 {"steps.0.label.at", "VARCHAR"},
		label("name: y, at: id, within: 3d"):                   {"steps.0.label.within", "whole numbers"},
		strings.Replace(label("name: y, key: user, at: at, within: 1d"), "from: rows", "from: gaps", 1):                                                {"steps.0.label.at", "1 of 3 rows", `filter: '"at" IS NOT NULL'`},
		strings.Replace(label("name: y, key: user, at: n, within: '1'"), "from: rows", "from: gaps", 1):                                                {"steps.0.label.key", "1 of 3 rows", `'"user" IS NOT NULL'`},
		head + "steps: [{label: {" + good + "within: 3d}}, {aggregate: {key: user, at: at, features: {r: {function: mean, value: y::INT}}}}]":          {"steps.1.aggregate.features.r.value", `label "y"`, "gap: 3d"},
		head + "steps: [{label: {" + good + "within: 3d}}, {aggregate: {key: user, at: at, gap: 2d, features: {r: {function: ratio, where: NOT y}}}}]": {"steps.1.aggregate.features.r.where", "gap: 3d"},
		head + "split: {embargo: 3d}":                                                                                  {"split.embargo", "method time"},
		head + "split: {method: time, column: at, embargo: soon}":                                                      {"split.embargo", "no length of time"},
		head + "split: {method: time, column: at, embargo: '3'}":                                                       {"split.embargo", "no unit"},
		head + "split: {method: time, column: id, embargo: 3d}":                                                        {"split.embargo", "whole numbers"},
		head + "split: {method: time, column: id}\nsteps: [{label: {" + good + "within: 3d}}]":                         {"split.embargo", `label "y"`, "units of column"},
		head + "split: {method: time, column: at, validation: 0.1, test: 0.3, embargo: 30d}":                           {"split.embargo", "validation part", "fractions smaller"},
		head + "split: {method: time, column: at, validation_from: 2025-01-20, test_from: 2025-01-25, embargo: 10d}":   {"split.embargo", "validation part", "an earlier validation_from"},
		head + "split: {method: time, column: at, test_from: 2025-01-08}\nsteps: [{label: {" + good + "within: 20d}}]": {"split.embargo", "train part", `within of the label "y"`, "2025-01-08"},
	} {
		_, err := run(t, dir, text)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		wantError(t, dir, err, want...)
	}
	copyTo(t, filepath.Join(dir, "ever.parquet"), "SELECT 1 AS u, unnest([TIMESTAMP '2025-01-01', TIMESTAMP 'infinity']) AS t, unnest([-9223372036854775808, 3]) AS n, unnest([1, 3]) AS m")
	const ever = "\nsources: {ever: {path: ever.parquet}}\nsteps: [{label: {name: y, key: u, "
	for text, want := range map[string][]string{
		"at: t, within: 1d}}]":             {"steps.0.label.at", "infinity", "1 of 2 rows"},
		"at: n, within: \"1\"}}]":          {"steps.0.label.at", "2^62", "filter"},
		"at: m, time: n, within: \"1\"}}]": {"steps.0.label.time", "2^62", "filter"},
	} {
		_, err := run(t, dir, ever+text)
		wantError(t, dir, err, want...)
	}
	// What is waited for is known, and texts are no columns.
	mustRun(t, dir, head+"split: {method: none}\nsteps: [{label: {"+good+"within: 3d}}, {aggregate: {key: user, at: at, gap: 3d, features: {r: {function: ratio, where: y}}}}, {aggregate: {key: user, at: at, features: {s: {function: ratio, where: \"\\\"user\\\" = 'y'\"}}}}]")
}
