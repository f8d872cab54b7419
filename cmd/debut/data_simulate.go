package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/storefront/history"
	"debut/datasets/table"
	"debut/datasets/wording"
)

func (a *app) dataSimulate() *cobra.Command {
	cfg := history.Default()
	var opt history.Options
	var output, start string
	var on continuation
	var source sourceFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "simulate -o FOLDER",
		Short: "Simulate the history of a shop whose truth is known",
		Long: `Simulate the history of a shop: users with tastes and budgets, a catalog with words, pictures (as vectors) and launches, views
that end in a purchase or not, seasons, prices, competitors, stock and lead times. What nobody knows of a real shop is
beside it, under truth/: tastes, elasticities, expected demand, lost sales, and the probability behind every view.

The folder is prepared data, to be trained on as "data: {prepared: FOLDER, target: purchased, ignore: [carted]}". The same
flags give the same bytes, for any number of threads.

--continue goes on with such a shop from its last day, for --days, into another folder. With --prices, a table of item, date, price (and discount, in percent),
items cost that from the date on; with --orders, a table of item, date and quantity, that is ordered in the place of what the shop would order; --launches puts
candidates of a shop with --candidates into it, and --contacts tells users of items. Whatever a policy does not change
stays as it is without: users come on the same days and see the same. weeks.parquet has units, revenue, cost and profit of each item and week, truth/weeks.parquet what was to be
expected had there been stock. --warehouses has users served from the warehouse of their country, and goods delivered by suppliers; orders name both then. A continuation can be gone on with. "debut help simulator" says what all columns are.`,
		Example: `  debut data simulate -o shop
  debut data simulate -o large --users 1000000 --items 100000 --events 100000000
  debut data simulate --continue shop --days 84 --prices prices.csv -o dearer
  debut data simulate -o supplied --warehouses 3 --suppliers 4 --defer 0.3 --candidates 50`,
		Args: takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return usagef("%s needs a folder to write, --output shop", cmd.CommandPath())
			}
			if err := checkShown("--output", output); err != nil {
				return err
			}
			if on.shop != "" {
				for _, name := range []string{"users", "items", "start", "seed", "candidates", "substitution", "warehouses", "suppliers", "defer"} {
					if cmd.Flags().Changed(name) {
						return usagef("--%s is the shop's, with which --continue goes on; leave it out", name)
					}
				}
			}
			if on.shop == "" && (on.prices+on.orders+on.launches+on.contacts != "" || opt.Truth) {
				return usagef("--prices, --orders, --launches, --contacts and --truth are how a shop goes on: name it with --continue SHOP")
			}
			if on.shop == "" && source.given(cmd.Flags()) {
				return usagef("--format, --decimal and the like say how the tables are written that go with --continue; leave them out")
			}
			on.source = func(path string) (table.Source, error) { return source.source(cmd.Flags(), []string{path}) }
			if start != "" {
				day, err := time.Parse(time.DateOnly, start)
				if err != nil {
					return usagef("--start %q: write a day like 2025-01-31", start)
				}
				cfg.Start = day
			}
			if cfg.Warehouses > 0 && !cmd.Flags().Changed("suppliers") {
				cfg.Suppliers = defaultSuppliers
			}
			if on.shop == "" {
				if err := cfg.Validate(); err != nil {
					return usagef("%v", err)
				}
			}
			began, reported := time.Now(), time.Now()
			opt.Progress = func(day, days int, events int64) {
				if time.Since(reported) > 10*time.Second {
					reported = time.Now()
					a.console.log.Info("simulating", "day", day, "of", days, "events", events)
				}
			}
			var sum history.Summary
			var err error
			if on.shop != "" {
				events := 0
				if cmd.Flags().Changed("events") {
					events = cfg.Events
				}
				days := defaultWeeks * 7
				if cmd.Flags().Changed("days") {
					days = cfg.Days
				}
				cfg, sum, err = on.run(cmd.Context(), output, events, days, opt)
			} else {
				sum, err = history.Write(cmd.Context(), output, cfg, opt)
			}
			if err != nil {
				return canceled(cmd.Context(), err)
			}
			sum.Warnings.Log(a.console.log)
			seconds := time.Since(began).Seconds()
			if asJSON {
				return a.console.printJSON(struct {
					Folder  string          `json:"folder"`
					Config  history.Config  `json:"config"`
					Seconds float64         `json:"seconds"`
					Summary history.Summary `json:"summary"`
				}{output, cfg, seconds, sum})
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%s: %s events, %s of them purchases; %s purchases were lost for want of stock\n", output, wording.Thousands(sum.Events), wording.Thousands(sum.Purchases), wording.Thousands(sum.Lost))
			if m := sum.Money; m != nil {
				fmt.Fprintf(&b, "revenue %.2f, cost of what was sold %.2f, profit %.2f; expected had there been stock: revenue %.2f, profit %.2f\n",
					m.Revenue, m.Cost, m.Profit, m.ExpectedRevenue, m.ExpectedProfit)
				if h := m.Warehousing; h != nil {
					fmt.Fprintf(&b, "of the costs, holding is %.2f and transport %.2f; %.2f were spent on what suppliers delivered, and what is left in stock is worth %.2f; %s users began to wait, %s got what they had waited for, %s wait\n",
						h.Holding, h.Transport, h.Spent, h.StockWorth, wording.Thousands(sum.Deferred), wording.Thousands(h.Delivered), wording.Thousands(h.Waiting))
				}
				outside := m.Outside
				for _, o := range []struct {
					what  string
					count int
				}{{"prices", outside.Prices}, {"orders", outside.Orders}, {"launches", outside.Launches}, {"contacts", outside.Contacts}} {
					if o.count > 0 {
						fmt.Fprintf(&b, "%s %s are of days that are not of these, and were passed over\n", wording.Thousands(int64(o.count)), o.what)
					}
				}
			}
			fmt.Fprintf(&b, "%s bytes in %.1f s, %s events/s; the true probabilities rank with an AUC of %.4f, among views of items in stock, which are all that can end in a purchase, of %.4f\n",
				wording.Thousands(sum.Bytes), seconds, wording.Thousands(int64(float64(sum.Events)/seconds)), sum.BayesAUC, sum.BayesAUCInStock)
			return a.console.print(b.String())
		},
	}
	source.register(cmd)
	flags := cmd.Flags()
	flags.Lookup("format").Usage = "with --continue: format of its tables: auto (by extension), csv, parquet or json"
	flags.StringVarP(&output, "output", "o", "", "folder to write")
	flags.IntVar(&cfg.Users, "users", cfg.Users, "users")
	flags.IntVar(&cfg.Items, "items", cfg.Items, "items in the catalog")
	flags.IntVar(&cfg.Events, "events", cfg.Events, "views of items, within about a percent")
	flags.IntVar(&cfg.Days, "days", cfg.Days, "days of the period; with --continue 84 by default")
	flags.StringVar(&on.shop, "continue", "", "go on with the shop in this folder")
	flags.StringVar(&on.prices, "prices", "", "with --continue: table of item, date and price, which holds from the date on")
	flags.StringVar(&on.orders, "orders", "", "with --continue: table of item, date and quantity, and supplier and warehouse of a shop that has them, ordered in the place of what the shop would order")
	flags.StringVar(&start, "start", "", "first day (default 2025-01-01)")
	flags.StringVar(&on.launches, "launches", "", "with --continue: table of item and date, price and quantity in stock where they are given, of candidates to be launched")
	flags.StringVar(&on.contacts, "contacts", "", "with --continue: table of user, item and date, of users who are told of an item")
	flags.BoolVar(&opt.Truth, "truth", false, "with --continue: write what would be demanded at other prices, and of candidates by the week of their launch and by contacts")
	flags.IntVar(&cfg.Candidates, "candidates", 0, "products that are not sold yet, to be launched when the shop goes on")
	flags.Float64Var(&cfg.Substitution, "substitution", 0, "how much less users want an item for those of its category that they have seen in the session")
	flags.IntVar(&cfg.Warehouses, "warehouses", 0, "warehouses, which serve the countries near them; 0: one stock of each item for all")
	flags.IntVar(&cfg.Suppliers, "suppliers", 0, "with --warehouses: suppliers, 3 by default")
	flags.Float64Var(&cfg.Deferred, "defer", 0, "with --warehouses: share of those who want what is not in stock that wait for it; the others are lost")
	flags.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of everything random")
	flags.Var((*threadCount)(&opt.Threads), "threads", "worker threads, 0: one for each core")
	flags.BoolVar(&opt.Overwrite, "overwrite", false, "replace an earlier output")
	flags.BoolVar(&asJSON, "json", false, "print the summary as JSON")
	return cmd
}

// defaultSuppliers is how many there are where there are warehouses.
const defaultSuppliers = 3

// defaultWeeks is how long a continuation is.
const defaultWeeks = 12

// continuation is a shop that goes on.
type continuation struct {
	shop, prices, orders, launches, contacts string

	source func(path string) (table.Source, error) // a table, as flags say that it is written
}

// run goes on with the shop, and returns its configuration.
func (c *continuation) run(ctx context.Context, output string, events, days int, opt history.Options) (history.Config, history.Summary, error) {
	s, err := history.Open(ctx, c.shop, events)
	if err != nil {
		return history.Config{}, history.Summary{}, err
	}
	var p history.Policy
	if err := errors.Join(
		readTable(ctx, c, c.prices, s.ReadPrices, &p.Prices), readTable(ctx, c, c.orders, s.ReadOrders, &p.Orders),
		readTable(ctx, c, c.launches, s.ReadLaunches, &p.Launches), readTable(ctx, c, c.contacts, s.ReadContacts, &p.Contacts),
	); err != nil {
		return s.Config, history.Summary{}, err
	}
	sum, err := s.Continue(ctx, output, days, p, opt)
	return s.Config, sum, err
}

// readTable reads a table of a policy, if there is one.
func readTable[R any](ctx context.Context, c *continuation, path string, read func(context.Context, table.Source, string) ([]R, error), to *[]R) error {
	if path == "" {
		return nil
	}
	src, err := c.source(path)
	if err == nil {
		*to, err = read(ctx, src, "")
	}
	return err
}
