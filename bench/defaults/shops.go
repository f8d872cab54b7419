package defaults

import (
	"context"
	"fmt"
	"path/filepath"

	"debut/datasets/storefront/history"
)

// cutoffs are ends of the known time, for sets that are split by it: each is a split of its own.
var cutoffs = []string{"2011-04-30", "2011-05-14", "2011-05-28", "2011-06-11", "2011-06-26"}

// planPrices is a month of a product: how much of it is sold, by its price and the competitors'. The total price, which is quantity
// times price, is left out.
func planPrices(_ context.Context, w *Work, split int) (string, error) {
	rows, err := w.real("pricing/retail_price.csv")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sources: {rows: {path: %q}}\nsteps: [drop: [total_price]]\nseed: %d\nsplit: {method: random, test: 0.2, validation: 0.1}\n", rows, split+1), nil
}

// planRepurchase is an order of a customer, with what he ordered before: does he come back within 30 days. The latest orders are
// the test; splits end at different times.
func planRepurchase(_ context.Context, w *Work, split int) (string, error) {
	lines, err := w.real("retail/online_retail.csv.gz")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`sources:
  lines: {path: %q, types: {InvoiceNo: VARCHAR, InvoiceDate: VARCHAR}}
  orders:
    query: >-
      SELECT CustomerID AS customer, min(strptime(InvoiceDate, '%%m/%%d/%%y %%H:%%M')) AS ordered, first(Country ORDER BY Country) AS country, count(*) AS lines,
      sum(Quantity) AS pieces, round(sum(Quantity * UnitPrice), 2) AS amount, max(UnitPrice) AS dearest
      FROM lines WHERE CustomerID IS NOT NULL AND InvoiceNo NOT LIKE 'C%%' AND strptime(InvoiceDate, '%%m/%%d/%%y %%H:%%M') <= TIMESTAMP '%s 23:59:59' GROUP BY InvoiceNo, CustomerID
from: orders
steps:
  - aggregate:
      key: customer
      at: ordered
      features:
        orders_before: {function: count}
        orders_30d: {function: count, window: 30d}
        spent_before: {function: sum, value: amount}
        mean_amount: {function: mean, value: amount}
        days_since_last: {function: since_last}
        days_since_first: {function: since_first}
  - label: {name: again, key: customer, at: ordered, within: 30d}
  - drop: [customer]
split: {method: time, column: ordered, test: 0.25, validation: 0.15}
`, lines, cutoffs[split]), nil
}

// planCountry is a line of an invoice to one of seven countries, which is to be told; all lines of an invoice are in one part.
func planCountry(_ context.Context, w *Work, split int) (string, error) {
	lines, err := w.real("retail/online_retail.csv.gz")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`sources:
  lines: {path: %q, types: {InvoiceNo: VARCHAR, InvoiceDate: VARCHAR}}
  rows:
    query: >-
      SELECT StockCode, Quantity, UnitPrice, strptime(InvoiceDate, '%%m/%%d/%%y %%H:%%M') AS ordered, Country,
      [%s][1 + (hash(InvoiceNo, %d) %% 10)::INT] AS part FROM lines WHERE Country IN ('Belgium', 'EIRE', 'France', 'Germany', 'Netherlands', 'Portugal', 'Spain') AND InvoiceNo NOT LIKE 'C%%'
from: rows
split: {method: column, column: part, test_values: test, validation_values: validation}
`, lines, "'test', 'test', 'validation', 'train', 'train', 'train', 'train', 'train', 'train', 'train'", split), nil
}

// planCategory is an item of the simulated shop: its category by title, picture and price. Half of the titles lack their last word,
// which says what the item is.
func planCategory(items int, seed uint64) func(context.Context, *Work, int) (string, error) {
	return func(ctx context.Context, w *Work, split int) (string, error) {
		shop := filepath.Join(w.Folder, "shop")
		cfg := history.Default()
		cfg.Events, cfg.Users, cfg.Items, cfg.Days, cfg.Seed = items, items, items, 30, seed
		if _, err := history.Write(ctx, shop, cfg, history.Options{Threads: w.Threads}); err != nil {
			return "", err
		}
		return fmt.Sprintf(`sources:
  items: {path: %q}
  rows: {query: "SELECT CASE WHEN hash(item) %% 2 = 0 THEN title ELSE regexp_replace(title, ' [^ ]+$', '') END AS title, image, list_price, category FROM items"}
from: rows
columns: {title: text, image: vector}
seed: %d
split: {method: random, stratify: category, test: 0.2, validation: 0.1}
`, filepath.Join(shop, "items.parquet"), split+1), nil
	}
}

// planHistory is a simulated shop of which nobody is known by name: users and items are what was seen of them before.
func planHistory(events int, seed uint64) func(context.Context, *Work, int) (string, error) {
	return func(ctx context.Context, w *Work, _ int) (string, error) {
		rows, err := simulate(ctx, w, events, seed)
		if err != nil {
			return "", err
		}
		return rows + `steps:
  - aggregate:
      key: user
      at: time
      features:
        user_views_7d: {function: count, window: 7d}
        user_bought: {function: sum, value: purchased::INT}
        user_carted: {function: sum, value: carted::INT}
        user_rate: {function: ratio, where: purchased}
        user_since: {function: since_last}
  - aggregate:
      key: item
      at: time
      features:
        item_views: {function: count}
        item_views_7d: {function: count, window: 7d}
        item_rate: {function: ratio, where: purchased}
        item_rate_30d: {function: ratio, where: purchased, window: 30d}
  - aggregate:
      key: [user, category]
      at: time
      features:
        category_views: {function: count}
        category_bought: {function: sum, value: purchased::INT}
  - aggregate:
      key: [user, item]
      at: time
      features:
        views_of_item: {function: count}
        since_item: {function: since_last}
  - drop: [session, carted, user, item]
split: {method: time, column: time, test: 0.2, validation: 0.1}
`, nil
	}
}

// planIDs is a simulated shop, the users and items of which are not marked as ids any more.
func planIDs(events int, seed uint64) func(context.Context, *Work, int) (string, error) {
	return func(ctx context.Context, w *Work, _ int) (string, error) {
		rows, err := simulate(ctx, w, events, seed)
		return rows + "steps: [drop: [session, carted]]\nsplit: {method: time, column: time, test: 0.2, validation: 0.1}\n", err
	}
}

// simulate makes the history of a shop, and returns the sources of a data file of its views.
func simulate(ctx context.Context, w *Work, events int, seed uint64) (string, error) {
	shop := filepath.Join(w.Folder, "shop")
	cfg := history.Default()
	cfg.Events, cfg.Users, cfg.Items, cfg.Seed = events, max(1000, events/20), max(500, events/200), seed
	if _, err := history.Write(ctx, shop, cfg, history.Options{Threads: w.Threads}); err != nil {
		return "", err
	}
	return fmt.Sprintf("sources: {rows: {path: [%q, %q, %q]}}\n", filepath.Join(shop, "train.parquet"), filepath.Join(shop, "validation.parquet"), filepath.Join(shop, "test.parquet")), nil
}
