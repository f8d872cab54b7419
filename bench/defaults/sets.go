package defaults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"debut/datasets/duck"
)

// Halves of the sets.
const (
	Choose = "choose" // to choose defaults on
	Test   = "test"   // to say how good the chosen ones are
)

// Set is a table, how it is split, and what is to be predicted.
type Set struct {
	Half, Name, Summary string
	Target              string
	// Metric is what models are compared by: auc, r2 or log_loss.
	Metric string
	Splits int
	// Codes are columns of whole numbers that name things. Peers are told of them; the run file does not mention them.
	Codes []string
	// plan returns the data file of a split, without its output, after it has made what the file reads in a folder.
	plan func(ctx context.Context, w *Work, split int) (string, error)
}

// Case is the set's name as a case of the suite.
func (s *Set) Case() string { return s.Half + "." + s.Name }

// Sets lists all sets, those to choose on first.
func Sets() []*Set {
	shoppers := &Set{Half: Test, Name: "shoppers", Summary: "UCI online shoppers: does a session end in a purchase; the three given splits",
		Target: "Revenue", Metric: "auc", Splits: 3, Codes: []string{"OperatingSystems", "Browser", "Region", "TrafficType"}, plan: planShoppers}
	adult := &Set{Half: Test, Name: "adult", Summary: "UCI census income; the given test file", Target: "income", Metric: "auc", Splits: 1, plan: planAdult}
	walmart := &Set{Half: Test, Name: "walmart", Summary: "weekly sales of a store's department; the latest weeks are the test", Target: "Weekly_Sales", Metric: "r2", Splits: 1,
		Codes: []string{"Store", "Dept"}, plan: planWalmart}
	prices := &Set{Half: Test, Name: "retail-price", Summary: "how many of a product are sold in a month, by its price and its competitors': 676 rows", Target: "qty", Metric: "r2", Splits: 5, plan: planPrices}
	history := &Set{Half: Test, Name: "simulator-history", Summary: "a view of the simulated shop, by what was seen of its user and item before; does it end in a purchase",
		Target: "purchased", Metric: "auc", Splits: 1, plan: planHistory(1_000_000, 1)}
	ids := &Set{Half: Test, Name: "simulator-ids", Summary: "a view of the simulated shop, with user and item; does it end in a purchase",
		Target: "purchased", Metric: "auc", Splits: 1, Codes: []string{"user", "item"}, plan: planIDs(1_000_000, 1)}
	repurchase := &Set{Half: Test, Name: "repurchase", Summary: "an order of UCI online retail: does the customer order again within 30 days; five ends of the known time",
		Target: "again", Metric: "auc", Splits: len(cutoffs), plan: planRepurchase}
	category := &Set{Half: Test, Name: "category", Summary: "the category of an item of the simulated shop, by title and picture", Target: "category", Metric: "log_loss", Splits: 5,
		plan: planCategory(10_000, 1)}
	country := &Set{Half: Test, Name: "country", Summary: "a line of an invoice of UCI online retail: which of seven countries it goes to", Target: "Country", Metric: "log_loss", Splits: 5,
		plan: planCountry}
	fewer := func(s *Set, plan func(context.Context, *Work, int) (string, error)) *Set {
		other := *s
		other.Half, other.Splits, other.plan = Choose, 1, plan
		return &other
	}
	return []*Set{
		within(shoppers, "method: random, stratify: Revenue"), within(adult, "method: random, stratify: income"), within(walmart, "method: time, column: t"), within(repurchase, "method: time, column: ordered"),
		fewer(history, planHistory(200_000, 11)), fewer(ids, planIDs(300_000, 11)), fewer(category, planCategory(6_000, 11)),
		{Half: Choose, Name: "friedman", Summary: "ten numbers, five of which say something (Friedman 1991)", Target: "y", Metric: "r2", Splits: 1, plan: planSQL(friedman, 15_000)},
		{Half: Choose, Name: "skewed", Summary: "amounts and counts, skewed, full of zeros and gaps", Target: "y", Metric: "auc", Splits: 1, plan: planSQL(skewed, 20_000)},
		{Half: Choose, Name: "codes", Summary: "whole numbers that name stores, departments and weeks; sales", Target: "y", Metric: "r2", Splits: 1, Codes: []string{"place", "section", "week"},
			plan: planSQL(codes, 40_000)},
		{Half: Choose, Name: "small", Summary: "700 rows of numbers and two categories", Target: "y", Metric: "r2", Splits: 5, plan: planSQL(small, 700)},
		{Half: Choose, Name: "classes", Summary: "eight classes by numbers and categories", Target: "y", Metric: "log_loss", Splits: 1, plan: planSQL(classes, 12_000)},
		{Half: Choose, Name: "bills", Summary: "the country of a line of a bill, by item, number, price and time; all lines of a bill are in one part, and its time is in no other", Target: "land", Metric: "log_loss",
			Splits: 2, plan: planParts(bills, 12_000, billParts)},
		shoppers, adult, walmart, prices, history, ids, repurchase, category, country,
	}
}

// Find returns the set of a case, or an error with the list.
func Find(name string) (*Set, error) {
	var names []string
	for _, s := range Sets() {
		if s.Case() == name {
			return s, nil
		}
		names = append(names, s.Case())
	}
	return nil, fmt.Errorf("there is no set %q; there are %s", name, strings.Join(names, ", "))
}

// real returns the path of a file of the real data.
func (w *Work) real(name string) (string, error) {
	path := filepath.Join(w.Data, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the set needs %s in the folder of real data (%s names it): %w", name, DataVariable, err)
	}
	return path, nil
}

// within is a set of the rows of another that are not of its test part, split again: none of the test rows is looked at.
func within(s *Set, split string) *Set {
	inner := *s
	inner.Half, inner.Summary, inner.Splits = Choose, "its rows without those of the test, split again: "+s.Summary, 1
	inner.plan = func(ctx context.Context, w *Work, _ int) (string, error) {
		outer := *w
		outer.Folder = filepath.Join(w.Folder, "outer")
		if _, err := outer.prepare(ctx, s, 0); err != nil {
			return "", err
		}
		from := outer.prepared()
		return fmt.Sprintf("sources: {rows: {path: [%q, %q]}}\nsplit: {%s, test: 0.2, validation: 0.1}\n", filepath.Join(from, "train.parquet"), filepath.Join(from, "validation.parquet"), split), nil
	}
	return &inner
}

func planShoppers(_ context.Context, w *Work, split int) (string, error) {
	rows, err := w.real("shoppers/online_shoppers_intention.csv")
	if err != nil {
		return "", err
	}
	splits, err := w.real("shoppers/splits.csv")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`sources:
  sessions: {path: %q}
  splits: {path: %q}
  rows: {query: "SELECT d.*, CASE WHEN s.test_%d = 1 THEN 'test' WHEN hash(s.row) %% 8 = 0 THEN 'validation' ELSE 'train' END AS part FROM sessions d POSITIONAL JOIN splits s"}
from: rows
split: {method: column, column: part, test_values: test, validation_values: validation}
`, rows, splits, split), nil
}

func planAdult(_ context.Context, w *Work, _ int) (string, error) {
	train, err := w.real("adult/adult.data.gz")
	if err != nil {
		return "", err
	}
	test, err := w.real("adult/adult.test.gz")
	if err != nil {
		return "", err
	}
	const read = `header: false, "null": ["?"], names: [age, workclass, fnlwgt, education, education_num, marital_status, occupation, relationship, race, sex, capital_gain, capital_loss, hours_per_week, native_country, income]`
	return fmt.Sprintf(`sources:
  before: {path: %q, format: csv, %s}
  after: {path: %q, format: csv, %[2]s}
  rows:
    query: "SELECT *, CASE WHEN hash(fnlwgt, age, hours_per_week) %% 10 = 0 THEN 'validation' ELSE 'train' END AS part FROM before UNION ALL SELECT * REPLACE (rtrim(income, '.') AS income), 'test' AS part FROM after"
from: rows
split: {method: column, column: part, test_values: test, validation_values: validation}
`, train, read, test), nil
}

func planWalmart(_ context.Context, w *Work, _ int) (string, error) {
	sales, err := w.real("sales/walmart_weekly.csv.gz")
	if err != nil {
		return "", err
	}
	features, err := w.real("sales/walmart_features.csv.gz")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`sources:
  sales: {path: %q}
  features: {path: %q, "null": [NA]}
  rows:
    query: >-
      SELECT s.Store, s.Dept, s.Weekly_Sales, f.* EXCLUDE (Store, "Date"), week(s."Date") AS week, month(s."Date") AS month, date_diff('week', DATE '2010-02-05', s."Date") AS t
      FROM sales s JOIN features f ON f.Store = s.Store AND f."Date" = s."Date"
from: rows
split: {method: time, column: t, test: 0.2, validation: 0.1}
`, sales, features), nil
}

// planSQL is rows that a query over numbers i computes. In it, {k} is a number in [0, 1) that looks random: the k-th of row i.
func planSQL(query string, rows int) func(context.Context, *Work, int) (string, error) {
	return planParts(query, rows, "method: random, test: 0.2, validation: 0.1")
}

// planParts is planSQL with a split of its own.
func planParts(query string, rows int, parts string) func(context.Context, *Work, int) (string, error) {
	return func(ctx context.Context, w *Work, split int) (string, error) {
		text := uniform.ReplaceAllString(query, "((hash(i, $1) % 1000003) / 1000003.0)")
		file := filepath.Join(w.Folder, "generated.parquet")
		if err := statement(ctx, fmt.Sprintf("COPY (SELECT * EXCLUDE (i) FROM (%s) ORDER BY i) TO %s (FORMAT parquet)", strings.ReplaceAll(text, "{rows}", fmt.Sprintf("range(%d) r(i)", rows)), duck.Literal(file))); err != nil {
			return "", err
		}
		return fmt.Sprintf("sources: {rows: {path: %q}}\nseed: %d\nsplit: {%s}\n", file, split+1, parts), nil
	}
}

const friedman = `SELECT i, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10,
10 * sin(pi() * x1 * x2) + 20 * (x3 - 0.5) ** 2 + 10 * x4 + 5 * x5 + sqrt(-2 * ln({11} + 1e-9)) * cos(2 * pi() * {12}) AS y
FROM (SELECT i, {1} AS x1, {2} AS x2, {3} AS x3, {4} AS x4, {5} AS x5, {6} AS x6, {7} AS x7, {8} AS x8, {9} AS x9, {10} AS x10 FROM {rows})`

// Half of the amounts are zero, some are missing, and what they say rises, falls and jumps.
const skewed = `SELECT i, amount, visits, duration, CASE WHEN {20} < 0.4 THEN NULL ELSE bonus END AS bonus, rate, days, device,
{21} < 1 / (1 + exp(-(-1.2 + 0.9 * sin(1.5 * ln(1 + amount)) + CASE WHEN visits = 0 THEN 1 WHEN visits < 4 THEN -0.5 ELSE 0.4 END
+ CASE WHEN bonus > 300 THEN 1.5 ELSE 0 END + 0.5 * ln(1 + duration) * (rate - 0.1) * 10 + CASE WHEN device = 'app' AND days < 20 THEN 1.2 ELSE 0 END))) AS y
FROM (SELECT i, CASE WHEN {1} < 0.5 THEN 0 ELSE round(exp(3 + 2 * (sqrt(-2 * ln({2} + 1e-9)) * cos(2 * pi() * {3}))), 2) END AS amount,
floor(-3 * ln({4} + 1e-9) * {5})::INT AS visits, round(exp(5 + 1.5 * sqrt(-2 * ln({6} + 1e-9)) * cos(2 * pi() * {7})), 1) AS duration,
CASE WHEN {8} < 0.92 THEN 0 ELSE [100, 250, 400, 500, 1200, 5000, 99999][(1 + floor(7 * {9}))::INT] END AS bonus,
{10} * {11} * 0.3 AS rate, floor(365 * {12})::INT AS days, ['app', 'phone', 'desktop'][(1 + floor(3 * {13}))::INT] AS device FROM {rows})`

const codes = `SELECT i, place, section, week, size, price, promotion,
exp(7 + 1.5 * ((hash(place, 101) % 1009) / 1009.0 - 0.5) + 3 * ((hash(section, 102) % 1009) / 1009.0 - 0.5) + 2 * ((hash(place, section, 103) % 1009) / 1009.0 - 0.5)
+ 0.3 * sin(2 * pi() * week / 52) + CASE WHEN week = 51 THEN 0.6 ELSE 0 END + CASE WHEN promotion THEN 0.2 ELSE 0 END - 0.5 * ln(price) + 0.3 * (sqrt(-2 * ln({11} + 1e-9)) * cos(2 * pi() * {12}))) AS y
FROM (SELECT i, 1 + floor(45 * {1})::INT AS place, 1 + floor(80 * {2} * {3})::INT AS section, 1 + floor(52 * {4})::INT AS week, round(1 + 9 * {5}, 2) AS price, {6} < 0.2 AS promotion,
1000 * (1 + (hash(1 + floor(45 * {1})::INT, 104) % 97)) AS size FROM {rows})`

const small = `SELECT i, a, b, c, d, e, kind, month, 3 * a + 2 * b * b - 4 * a * c + CASE kind WHEN 'x' THEN 2 WHEN 'y' THEN -1 ELSE 0 END + sin(month) + 0.2 * d + 0.7 * (sqrt(-2 * ln({11} + 1e-9)) * cos(2 * pi() * {12})) AS y
FROM (SELECT i, {1} * 2 - 1 AS a, {2} * 2 - 1 AS b, {3} * 2 - 1 AS c, -ln({4} + 1e-9) * 3 AS d, {5} AS e, ['x', 'y', 'z', 'w', 'v', 'u'][(1 + floor(6 * {6} * {7}))::INT] AS kind, 1 + floor(12 * {8})::INT AS month FROM {rows})`

const classes = `SELECT i, a, b, c, city, plan, 'class' || (1 + (CASE WHEN {13} < 0.15 THEN floor(8 * {14}) ELSE (floor(3 * a) + CASE WHEN b > 0.7 THEN 3 ELSE 0 END + (hash(city, 9) % 3) + CASE WHEN plan = 'gold' AND c < 0.5 THEN 1 ELSE 0 END) % 8 END)::INT) AS y
FROM (SELECT i, {1} AS a, {2} AS b, {3} AS c, 'city' || floor(300 * {4} * {5} * {6})::INT AS city, ['gold', 'silver', 'free'][(1 + floor(3 * {7}))::INT] AS plan FROM {rows})`

const billParts = "method: column, column: part, test_values: test, validation_values: validation"

// A bill has about twenty lines, a time, and a country; an item in four is one that the country likes.
const bills = `SELECT i, item, floor(-6 * ln({5} + 1e-9) * (1 + (hash(land, 9) % 4)))::INT + 1 AS number, round(exp(((hash(item, 3) % 997) / 997.0) * 3) * (0.9 + 0.2 * {6}), 2) AS price,
TIMESTAMP '2011-01-03' + to_minutes((480 + 10080 * (hash(bill, 7) % 48) + 1440 * (hash(bill, 6) % 6) + hash(bill, 5) % 540)::BIGINT) AS ordered, land,
CASE WHEN hash(bill, 11) % 10 < 2 THEN 'test' WHEN hash(bill, 11) % 10 = 2 THEN 'validation' ELSE 'train' END AS part
FROM (SELECT i, bill, land, 'item' || CASE WHEN {2} < 0.25 THEN hash(land, floor(60 * {3})) % 900 ELSE floor(900 * {3} * {4}) END AS item
FROM (SELECT i, bill, 'land' || (floor(7 * ((hash(bill, 1) % 1009) / 1009.0) * (0.4 + 0.6 * ((hash(bill, 2) % 1009) / 1009.0))))::INT AS land FROM (SELECT i, floor(600 * {1} * (0.5 + 0.5 * {7}))::INT AS bill FROM {rows})))`
