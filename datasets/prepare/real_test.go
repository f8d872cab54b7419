package prepare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/manifest"
)

// realData points the variable DATA at the folder of real data.
func realData(t *testing.T) {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	root, err := filepath.Abs(root)
	if err == nil {
		_, err = os.Stat(root)
	}
	if err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	t.Setenv("DATA", root)
}

const retail = `seed: 1
sources:
  orders:
    path: ${DATA}/retail/online_retail.csv.gz
    types: {InvoiceNo: VARCHAR, StockCode: VARCHAR, CustomerID: VARCHAR}
steps:
  - rename: {InvoiceNo: invoice, StockCode: item, Description: title, Quantity: quantity, InvoiceDate: time, UnitPrice: price, CustomerID: customer, Country: country}
  - cast: {time: {to: TIMESTAMP, format: "%m/%d/%y %H:%M"}}
  - count:
      cancellations: invoice LIKE 'C%'
      returns: quantity < 0
      missing customers: customer IS NULL
  - deduplicate: {}
  - filter: {where: customer IS NOT NULL, reason: no customer}
  - derive: {canceled: "invoice LIKE 'C%'", revenue: quantity * price}
  - aggregate:
      key: customer
      at: time
      features:
        orders_90d: {function: distinct, value: invoice, window: 90d, where: quantity > 0}
        spent_90d: {function: sum, value: revenue, window: 90d}
        return_share: {function: ratio, where: quantity < 0}
        days_since: {function: since_last}
  - filter: {where: quantity > 0 AND price > 0, reason: return or cancellation or gift}
  - clip: {price: {quantiles: [0.001, 0.999]}, quantity: {mad: 10}}
columns: {title: text}
split: {method: time, column: time, test_from: 2011-06-01, validation_from: 2011-05-01}
`

func TestRetail(t *testing.T) {
	realData(t)
	if n := strings.Count(retail, "\n"); n >= 40 {
		t.Errorf("the file has %d lines", n)
	}
	dir := t.TempDir()
	d := mustRun(t, dir, retail)
	found := map[string]int64{}
	for _, s := range d.Steps {
		for name, n := range s.Counts {
			found[name] = n
		}
		if s.Kind == "deduplicate" {
			found["duplicates"] = s.Dropped
		}
	}
	for name, want := range map[string]int64{"duplicates": 1970, "cancellations": 4350, "missing customers": 67225, "returns": 5087} {
		if found[name] != want {
			t.Errorf("%d %s, want %d", found[name], name, want)
		}
	}
	if d.Sources[0].Rows != 240007 {
		t.Errorf("%d rows read", d.Sources[0].Rows)
	}
	first := sums(t, dir)
	if testing.Short() {
		mustRun(t, dir, "threads: 7\n"+retail)
		if sums(t, dir) != first {
			t.Error("7 threads give other bytes")
		}
		return
	}
	for _, threads := range []string{"1", "7"} {
		mustRun(t, dir, "threads: "+threads+"\n"+retail)
		if sums(t, dir) != first {
			t.Errorf("%s threads give other bytes", threads)
		}
	}
	mustRun(t, dir, strings.Replace(retail, "seed: 1", "seed: 2", 1))
	if sums(t, dir) == first {
		t.Error("another seed gives the same bytes")
	}
}

func TestShoppersAndAdult(t *testing.T) {
	realData(t)
	dir := t.TempDir()
	d := mustRun(t, dir, `
sources: {sessions: {path: "${DATA}/shoppers/online_shoppers_intention.csv"}}
steps: [{deduplicate: {}}, {fill: {Administrative: {method: median}}}]
split: {method: random, stratify: Revenue, validation: 0.1, test: 0.2}
`)
	// 125 of the 12,330 sessions are exact repetitions.
	if d.Rows != 12330-125 || d.Column("Revenue").Type != manifest.Boolean || d.Column("Month").Distinct != 10 {
		t.Errorf("%d rows, Revenue %+v, Month %+v", d.Rows, d.Column("Revenue"), d.Column("Month"))
	}
	wantRows(t, dir, `SELECT part, round(avg("Revenue"::INT), 3) FROM out GROUP BY 1 ORDER BY 1`, "test 0.156", "train 0.156", "validation 0.156")
	d = mustRun(t, dir, `
sources:
  known:
    path: ${DATA}/adult/adult.data.gz
    names: [age, workclass, fnlwgt, education, education_num, marital, occupation, relationship, race, sex, gain, loss, hours, country, income]
    "null": "?"
  test: {path: "${DATA}/adult/adult.test.gz", names: [age, workclass, fnlwgt, education, education_num, marital, occupation, relationship, race, sex, gain, loss, hours, country, income], "null": "?"}
  all_rows: {query: "SELECT *, 'train' AS part FROM known UNION ALL SELECT *, 'test' FROM test"}
from: all_rows
steps:
  - derive: {rich: "income LIKE '>50K%'"}
  - fill: {workclass: unknown, occupation: unknown, country: {method: most_frequent}}
  - drop: [income]
split: {method: column, column: part, test_values: test}
`)
	if d.Part("train").Rows != 32561 || d.Part("test").Rows != 16281 {
		t.Errorf("parts %+v", d.Parts)
	}
	// Training rows without a workclass: 1,836; all 2,799.
	for _, s := range d.Steps {
		if s.Kind == "fill" && (s.Changed["workclass"] != 2799 || s.Changed["country"] != 857) {
			t.Errorf("filled %v", s.Changed)
		}
	}
	if v := d.Column("workclass").Vocabulary; v[2] != (manifest.Category{Value: "unknown", Count: 1836}) && v[3] != (manifest.Category{Value: "unknown", Count: 1836}) {
		t.Errorf("workclasses %v", v)
	}
}
