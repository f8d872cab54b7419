package prepare

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/postgres/postgrestest"
)

// The full proof: go test ./datasets/prepare -run TestRepeat -repetitions 10
var repetitions = flag.Int("repetitions", 2, "how often each kind of source is prepared in each of its ways")

// kindsOfSources are sections of sources whose rows come from x, by what is particular to them.
var kindsOfSources = []struct{ name, sources string }{
	{"a file", "x: {path: a0.csv}"},
	{"a compressed file", "x: {path: c.csv.gz}"},
	{"a glob", `x: {path: "a*.csv"}`},
	{"JSON", "x: {path: j.json}"},
	{"Parquet", "x: {path: p.parquet}"},
	{"a query over files", `x: {path: "a*.csv", query: "SELECT *, hour(day) AS h, CAST(day AS VARCHAR) AS t FROM data WHERE price > 10"}`},
	{"GROUP BY and sums of floats", `a: {path: "a*.csv"}
  x: {query: "SELECT customer, sum(price) AS spent, avg(price) AS mean, stddev(price) AS deviation, sum(price / 3) FILTER (WHERE item < 20) AS part FROM a GROUP BY customer"}`},
	{"DISTINCT", `a: {path: "a*.csv"}
  x: {query: "SELECT DISTINCT customer, item FROM a"}`},
	{"a join", `a: {path: "a*.csv"}
  b: {path: p.parquet}
  x: {query: "SELECT a.customer, a.day, b.price * a.price AS product FROM a JOIN b USING (customer, item)"}`},
	{"windows", `a: {path: "a*.csv"}
  x: {query: "SELECT *, sum(price) OVER (PARTITION BY customer ORDER BY day) AS so_far, lag(item) OVER (ORDER BY day) AS before FROM a"}`},
	{"string_agg and lists", `a: {path: "a*.csv"}
  x: {query: "SELECT customer, string_agg(shop, ',') AS shops, list(price)[:3] AS prices, first(item) AS item FROM a GROUP BY customer"}`},
	{"sums of sums", `a: {path: "a*.csv"}
  g: {query: "SELECT customer, shop, sum(price) AS spent FROM a GROUP BY ALL"}
  x: {query: "SELECT shop, sum(spent) AS spent, count(*) AS n, max(customer) AS latest FROM g GROUP BY shop ORDER BY spent DESC"}`},
	{"PostgreSQL", `x: {postgres: {dsn: {env: DEBUT_REPEAT_DSN}, table: visits}}`},
}

// places are what a process may be surrounded by.
var places = [][]string{{"TZ=UTC", "LC_ALL=C"}, {"TZ=America/New_York", "LC_ALL=de_DE.UTF-8"}, {"TZ=Asia/Kolkata", "LC_ALL=de_DE.UTF-8"}}

// TestRepeatChild prepares all kinds of sources, in a process of its own, with so many threads: the zone of a process
// is that of its start.
func TestRepeatChild(t *testing.T) {
	dir := os.Getenv("DEBUT_REPEATED")
	if dir == "" {
		return // TestRepeat runs it
	}
	var said strings.Builder
	for _, kind := range kindsOfSources {
		if kind.name == "PostgreSQL" && os.Getenv("DEBUT_REPEAT_DSN") == "" {
			continue
		}
		mustRun(t, dir, fmt.Sprintf("threads: %s\nseed: 3\nfrom: x\nsources:\n  %s\nsplit: {method: none}\n", os.Getenv("DEBUT_REPEAT_THREADS"), kind.sources))
		fmt.Fprintf(&said, "%s\n%s\n", kind.name, sums(t, dir))
	}
	if err := os.WriteFile(filepath.Join(dir, "said"), []byte(said.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRepeat prepares sources of all kinds again and again: the same bytes come out, whatever the threads, the zone and
// the locale.
func TestRepeat(t *testing.T) {
	if testing.Short() {
		t.Skip("its processes do what other tests do under the race detector")
	}
	dir := t.TempDir()
	const columns = "hash(i) % 900 AS customer, (hash(i, 1) % 100000 / 700.0)::DOUBLE AS price, hash(i, 2) % 40 AS item, 'shop ' || hash(i, 3) % 7 AS shop"
	const day = "TIMESTAMP '2024-03-30 20:00:00' + INTERVAL (i * 37) SECOND AS day"
	for name, query := range map[string]string{
		"a0.csv":    "SELECT " + columns + ", " + day + " FROM range(6000) r(i)",
		"a1.csv":    "SELECT " + columns + ", " + day + " FROM range(6000, 13000) r(i)",
		"j.json":    "SELECT " + columns + ", " + day + " FROM range(5000) r(i)",
		"p.parquet": "SELECT " + columns + ", (" + day[:len(day)-len(" AS day")] + ")::TIMESTAMPTZ AS day FROM range(140000) r(i) WHERE i % 7 = 0",
	} {
		copyTo(t, filepath.Join(dir, name), query)
	}
	zip(t, filepath.Join(dir, "a0.csv"), filepath.Join(dir, "c.csv.gz"))
	dsn := ""
	t.Run("server", func(t *testing.T) { // skipped where there is no PostgreSQL
		s := postgrestest.Start(t)
		s.Exec(t, `CREATE TABLE visits AS SELECT i AS id, i % 90 AS customer, (i * 7919 % 10007) / 700.0::float8 AS price, timestamptz '2024-03-30 20:00:00+00' + i * interval '37 seconds' AS day FROM generate_series(1, 3000) AS i`)
		dsn = s.DSN()
		repeat(t, dir, dsn)
	})
	if dsn == "" {
		repeat(t, dir, "")
	}
}

// zip compresses a file.
func zip(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func repeat(t *testing.T, dir, dsn string) {
	t.Helper()
	first, at := "", 0
	for range *repetitions {
		for _, threads := range []int{1, 2, 7} {
			place := places[at%len(places)]
			if at++; threads == 1 {
				at++ // so that each number of threads meets all places
			}
			child := exec.Command(os.Args[0], "-test.run=^TestRepeatChild$")
			child.Env = append(append(os.Environ(), "DEBUT_REPEATED="+dir, "DEBUT_REPEAT_DSN="+dsn, fmt.Sprint("DEBUT_REPEAT_THREADS=", threads)), place...)
			if out, err := child.CombinedOutput(); err != nil {
				t.Fatalf("%d threads, %v: %v\n%s", threads, place, err, out)
			}
			text, err := os.ReadFile(filepath.Join(dir, "said"))
			if err != nil {
				t.Fatal(err)
			}
			if first == "" {
				first = string(text)
				continue
			}
			if got := string(text); got != first {
				t.Errorf("%d threads, %v: other bytes:\n%s\nand first\n%s", threads, place, got, first)
			}
		}
	}
}
