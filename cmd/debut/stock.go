package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/atomicfile"
	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/supply/replenish"
	"debut/trainers/supply/stock"
)

// stockKind is the kind of plan files of debut stock plan.
const stockKind = "stock"

func (a *app) stock() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stock",
		Short: "Plan what to order for which site, and when",
	}
	cmd.AddCommand(a.stockPlan())
	group(cmd)
	return cmd
}

// stockFlags are the flags of stock plan.
type stockFlags struct {
	set                      []string
	output, format           string
	page, state              string
	limit                    time.Duration
	overwrite, check, asJSON bool
	threads                  threadCount
}

func (a *app) stockPlan() *cobra.Command {
	f := &stockFlags{}
	cmd := &cobra.Command{
		Use:   "plan PLAN.yaml",
		Short: "Plan purchases and transfers from forecasts, stock, and ways to buy",
		Long: `Plan purchases and transfers of items for sites over some weeks, from quantiles of demand, stock on hand and on order, and for each item, supplier and site
the lead time, minimum order, multiple, costs and capacity; within what suppliers, storage, handling and the budget allow, which items share.

Stock is planned by what is expected of it, with safety against what demand may be until an order of today can help. Plans without minimum orders, multiples
and fixed costs, and small ones with them, are optimal up to the gap that is told; large ones with them come with a bound and the
gap to it: mostly a small part of a percent, where transfers join sites some percent. A plan is to be made anew each week; its orders of week 1 are
those to be placed now, with what it costs to wait a week. What limits bind is told with what one unit more of them is worth.

"debut config init stock" writes a plan file to begin with. Ctrl-C and --time-limit end with the best plan so far, of which all
is written and told, after Ctrl-C with exit code 130. With --state a search that was ended, or killed, is gone on with by the same command, and leads to the plan that it would
have led to at once.`,
		Example: `  debut config init stock -o plan.yaml
  debut stock plan plan.yaml -o plan
  debut stock plan plan.yaml --set budget=20000 --json`,
		Args: takes(1, 1, "one plan file"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runStockPlan(cmd, args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.set, "set", nil, "override `key.path=value`; may be repeated")
	flags.StringVarP(&f.output, "output", "o", "", "also write the plan to this `folder`: plan.json, and tables of orders, transfers, levels and limits that bind")
	flags.StringVar(&f.format, "format", table.Parquet, "of the tables: "+strings.Join(stock.Formats(), " or "))
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace an earlier plan in the folder")
	flags.StringVar(&f.page, "html", "", "also write the plan to this `file`, as a page")
	flags.DurationVar(&f.limit, "time-limit", 0, "`time` after which to stop with the best plan so far, as 30s or 5m (default: none)")
	flags.StringVar(&f.state, "state", "", "keep in this `file` how far the search of a large plan has come, and go on from there if it exists; removed when the plan is done")
	flags.BoolVar(&f.check, "check", false, "read and check the tables, and plan nothing")
	flags.Var(&f.threads, "threads", "CPU threads, 0 for one for each processor; results do not depend on it")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	complete(cmd, "format", stock.Formats())
	return cmd
}

func (a *app) runStockPlan(cmd *cobra.Command, path string, f *stockFlags) error {
	ctx := cmd.Context()
	if !slices.Contains(stock.Formats(), f.format) {
		return usagef("--format %s: give %s", f.format, strings.Join(stock.Formats(), " or "))
	}
	if f.limit < 0 || cmd.Flags().Changed("time-limit") && f.limit == 0 {
		return usagef("--time-limit: %v; it is more than nothing, or left out", f.limit)
	}
	outputs := [][2]string{{"--output", f.output}, {"--html", f.page}, {"--state", f.state}}
	if err := apart(outputs...); err != nil {
		return err
	}
	for _, out := range outputs[1:] {
		if out[1] != "" {
			if err := checkOutput(out[0], out[1], []string{path}); err != nil {
				return err
			}
		}
	}
	if f.output != "" {
		if err := checkShown("--output", f.output); err != nil {
			return err
		}
		if err := stock.Check(f.output, f.overwrite); err != nil {
			return err
		}
	}
	config, err := stock.Load(path, f.set)
	if err != nil {
		return err
	}
	in, err := config.Read(ctx)
	if err != nil {
		return canceled(ctx, err)
	}
	for _, w := range in.Warnings {
		a.console.log.Warn(w)
	}
	m := in.Model
	if f.check {
		return a.console.print(fmt.Sprintf("%s: valid: %s items, %s sites, %s edges, %d weeks\n", path, wording.Thousands(int64(len(m.Items))), wording.Thousands(int64(len(m.Sites))), wording.Thousands(int64(len(m.Edges))), m.Weeks))
	}
	threads := int(f.threads)
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	reported := time.Now()
	options := replenish.Options{Threads: threads, Gap: in.Gap, TimeLimit: f.limit, Progress: func(p replenish.Progress) {
		if time.Since(reported) < 5*time.Second {
			return
		}
		reported = time.Now()
		fields := []any{"phase", p.Phase, "round", p.Round, "seconds", math.Round(p.Seconds)}
		if !math.IsNaN(p.Best) {
			fields = append(fields, "cost", p.Best)
		}
		if !math.IsNaN(p.Bound) && !math.IsInf(p.Bound, 0) {
			fields = append(fields, "bound", p.Bound)
		}
		a.console.log.Info("planning", fields...)
	}}
	plan, err := a.searched(ctx, m, options, f.state)
	if err != nil {
		return in.Located(err)
	}
	for _, w := range plan.Warnings {
		a.console.log.Warn(w)
	}
	if f.output != "" {
		// A plan that was interrupted is written nevertheless.
		if err := stock.Write(context.WithoutCancel(ctx), f.output, f.format, f.overwrite, plan); err != nil {
			return err
		}
		a.console.log.Info("wrote the plan", "path", f.output)
	}
	if f.page != "" {
		if err := atomicfile.Write(f.page, 0o644, stock.Page(path, plan).Write); err != nil {
			return err
		}
	}
	if f.asJSON {
		err = a.console.printJSON(plan)
	} else {
		err = a.console.print(planText(plan))
	}
	if err == nil && plan.Status == replenish.Interrupted {
		return ctx.Err()
	}
	return err
}

// searched plans with what an earlier search has kept in a file, if there is one; "": nothing is kept.
func (a *app) searched(ctx context.Context, m *replenish.Model, o replenish.Options, file string) (*replenish.Plan, error) {
	if file == "" {
		return replenish.Solve(ctx, m, o)
	}
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		o.Kept = bytes.NewReader(text)
		a.console.log.Info("going on with a search", "state", file)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	o.Keep = func(write func(io.Writer) error) error { return atomicfile.Write(file, 0o644, write) }
	plan, err := replenish.Solve(ctx, m, o)
	if errors.Is(err, replenish.ErrKept) {
		return nil, fmt.Errorf("%s: %w; remove the file to begin anew, or name another one", file, err)
	}
	if err == nil && plan.Status != replenish.Interrupted && plan.Status != replenish.TimeLimit {
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return plan, err
}

// mostRows is how many rows of a table of a plan are printed.
const mostRows = 20

// planText lays a plan out.
func planText(p *replenish.Plan) string {
	var b strings.Builder
	bound := "no bound is known"
	if !math.IsInf(p.Bound, 0) {
		bound = fmt.Sprintf("none costs less than %s (gap %.3g %%)", amount(p.Bound), 100*p.Gap)
	}
	fmt.Fprintf(&b, "%s, %d weeks: cost %s; %s\n", p.Status, p.Weeks, amount(p.Cost), bound)
	fmt.Fprintf(&b, "%s; %.1f s\n", p.Method, p.Seconds)
	fmt.Fprintf(&b, "served %.2f %% of %s units at once\n\n", 100*p.FillRate, amount(p.Demand))
	c := p.Costs
	costs := grid{{"cost", ""}}
	for _, row := range []struct {
		name string
		v    float64
	}{{"purchase", c.Purchase}, {"fixed", c.Fixed}, {"transport", c.Transport}, {"holding", c.Holding}, {"shortage", c.Shortage}, {"left over", c.Terminal}, {"total", c.Total()}} {
		costs = append(costs, []string{row.name, amount(row.v)})
	}
	b.WriteString(costs.text())

	var now []replenish.Order
	for _, o := range p.Orders {
		if o.Week == 1 {
			now = append(now, o)
		}
	}
	slices.SortStableFunc(now, func(x, y replenish.Order) int { return cmp.Compare(waitOf(y), waitOf(x)) })
	fmt.Fprintf(&b, "\nTo be ordered now: %s of %s orders in the plan, those first that lose most by waiting a week.\n", wording.Thousands(int64(len(now))), wording.Thousands(int64(len(p.Orders))))
	if len(now) > 0 {
		t := grid{{"item", "supplier", "site", "units", "cost", "arrives", "waiting costs"}}
		for _, o := range now[:min(mostRows, len(now))] {
			wait := "–"
			if o.Wait != nil {
				wait = amount(*o.Wait)
			}
			t = append(t, []string{o.Item, o.Supplier, o.Site, amount(o.Units), amount(o.Cost), fmt.Sprintf("week %d", o.Arrives), wait})
		}
		b.WriteString(t.aligned(3) + more(len(now)))
	}
	moved := 0
	for _, v := range p.Transfers {
		if v.Week == 1 {
			moved++
		}
	}
	if moved > 0 {
		fmt.Fprintf(&b, "\nTo be moved now: %s of %s transfers.\n", wording.Thousands(int64(moved)), wording.Thousands(int64(len(p.Transfers))))
		t := grid{{"item", "from", "to", "units", "cost", "arrives"}}
		for _, v := range p.Transfers[:min(mostRows, moved)] {
			t = append(t, []string{v.Item, v.From, v.To, amount(v.Units), amount(v.Cost), fmt.Sprintf("week %d", v.Arrives)})
		}
		b.WriteString(t.aligned(3) + more(moved))
	}
	if len(p.Binding) == 0 {
		b.WriteString("\nNo limit binds.\n")
		return b.String()
	}
	binding := slices.Clone(p.Binding)
	slices.SortStableFunc(binding, func(x, y replenish.Binding) int { return cmp.Compare(priceOf(y), priceOf(x)) })
	fmt.Fprintf(&b, "\nWhat binds; the price is by how much cost falls with one unit more, %s.\n", p.Duals)
	t := grid{{"limit", "of", "week", "limit", "used", "price", "exceeded"}}
	for _, l := range binding[:min(mostRows, len(binding))] {
		price, week, over := "–", fmt.Sprint(l.Week), ""
		if l.Price != nil {
			price = amount(*l.Price)
		}
		if l.Week == 0 {
			week = "all"
		}
		if l.Over > 0 {
			over = amount(l.Over)
		}
		t = append(t, []string{l.Kind, l.Name, week, amount(l.Limit), amount(l.Used), price, over})
	}
	b.WriteString(t.aligned(2) + more(len(binding)))
	return b.String()
}

func more(n int) string {
	if n <= mostRows {
		return ""
	}
	return fmt.Sprintf("… and %s more\n", wording.Thousands(int64(n-mostRows)))
}

func waitOf(o replenish.Order) float64 {
	if o.Wait == nil {
		return -1
	}
	return *o.Wait
}

func priceOf(b replenish.Binding) float64 {
	if b.Price == nil {
		return -1
	}
	return *b.Price
}

// amount writes units and money: two digits after the point, more where they are small.
func amount(v float64) string {
	if v != 0 && math.Abs(v) < 1 {
		return fmt.Sprintf("%.3g", v)
	}
	whole, fraction := math.Modf(math.Round(math.Abs(v)*100) / 100)
	text := wording.Thousands(int64(whole))
	if fraction != 0 {
		text += strings.TrimPrefix(fmt.Sprintf("%.2f", fraction), "0")
	}
	if v < 0 {
		return "-" + text
	}
	return text
}
