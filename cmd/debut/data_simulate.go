package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/storefront/history"
)

func (a *app) dataSimulate() *cobra.Command {
	cfg := history.Default()
	var opt history.Options
	var output, start string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "simulate -o FOLDER",
		Short: "Simulate the history of a shop whose truth is known",
		Long: `Simulate the history of a shop: users with tastes and budgets, a catalog with words, pictures (as vectors) and launches, views
that end in a purchase or not, seasons, prices, competitors, stock and lead times. What nobody knows of a real shop is
beside it, under truth/: tastes, elasticities, expected demand, lost sales, and the probability behind every view.

The folder is prepared data, to be trained on as "data: {prepared: FOLDER, target: purchased, ignore: [carted]}". The same
flags give the same bytes, for any number of threads.`,
		Example: "  debut data simulate -o shop\n  debut data simulate -o large --users 1000000 --items 100000 --events 100000000",
		Args:    takes(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return usagef("%s needs a folder to write, --output shop", cmd.CommandPath())
			}
			if err := checkShown("--output", output); err != nil {
				return err
			}
			if start != "" {
				day, err := time.Parse(time.DateOnly, start)
				if err != nil {
					return usagef("--start %q: write a day like 2025-01-31", start)
				}
				cfg.Start = day
			}
			if err := cfg.Validate(); err != nil {
				return usagef("%v", err)
			}
			began, reported := time.Now(), time.Now()
			opt.Progress = func(day, days int, events int64) {
				if time.Since(reported) > 10*time.Second {
					reported = time.Now()
					a.console.log.Info("simulating", "day", day, "of", days, "events", events)
				}
			}
			sum, err := history.Write(cmd.Context(), output, cfg, opt)
			if err != nil {
				return canceled(cmd.Context(), err)
			}
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
			fmt.Fprintf(&b, "%s: %s events, %s of them purchases; %s purchases were lost for want of stock\n", output, thousands(sum.Events), thousands(sum.Purchases), thousands(sum.Lost))
			fmt.Fprintf(&b, "%s bytes in %.1f s, %s events/s; the true probabilities rank with an AUC of %.4f\n",
				thousands(sum.Bytes), seconds, thousands(int64(float64(sum.Events)/seconds)), sum.BayesAUC)
			return a.console.print(b.String())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&output, "output", "o", "", "folder to write")
	flags.IntVar(&cfg.Users, "users", cfg.Users, "users")
	flags.IntVar(&cfg.Items, "items", cfg.Items, "items in the catalog")
	flags.IntVar(&cfg.Events, "events", cfg.Events, "views of items, within about a percent")
	flags.IntVar(&cfg.Days, "days", cfg.Days, "days of the period")
	flags.StringVar(&start, "start", "", "first day (default 2025-01-01)")
	flags.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of everything random")
	flags.Var((*threadCount)(&opt.Threads), "threads", "worker threads, 0: one for each core")
	flags.BoolVar(&opt.Overwrite, "overwrite", false, "replace an earlier output")
	flags.BoolVar(&asJSON, "json", false, "print the summary as JSON")
	return cmd
}
