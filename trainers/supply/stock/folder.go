package stock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"debut/datasets/atomicfile"
	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/table"
	"debut/trainers/supply/replenish"
)

const planFile = "plan.json"

// Formats of the tables of a plan.
func Formats() []string { return []string{table.Parquet, table.CSV} }

// kind recognizes the folder of a plan.
func kind(dir string) (func(name string) bool, error) {
	if _, err := os.Stat(filepath.Join(dir, planFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, manifest.ErrNotFound
	} else if err != nil {
		return nil, err
	}
	names := []string{planFile}
	for _, f := range Formats() {
		names = append(names, "orders."+f, "transfers."+f, "levels."+f, "limits."+f)
	}
	return func(name string) bool { return slices.Contains(names, name) }, nil
}

// Check is an error where a plan may not be written to a folder.
func Check(folder string, overwrite bool) error { return publish.Check(folder, overwrite, kind) }

// Write writes a plan: plan.json, and tables of orders, transfers, levels and limits that bind in a format. The folder is complete or absent.
func Write(ctx context.Context, folder, format string, overwrite bool, p *replenish.Plan) (err error) {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("there is no format %q; there are %v", format, Formats())
	}
	if err := Check(folder, overwrite); err != nil {
		return err
	}
	f, err := publish.Begin(folder, kind)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Discard()) }()
	for name, columns := range map[string][]table.OutputColumn{"orders": orders(p), "transfers": transfers(p), "levels": levels(p), "limits": limits(p)} {
		if err := table.Write(ctx, filepath.Join(f.Dir, name+"."+format), columns); err != nil {
			return err
		}
	}
	err = atomicfile.Write(filepath.Join(f.Dir, planFile), 0o644, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(p)
	})
	if err != nil {
		return err
	}
	return f.Commit()
}

func orders(p *replenish.Plan) []table.OutputColumn {
	n := len(p.Orders)
	item, supplier, site := make([]string, n), make([]string, n), make([]string, n)
	week, arrives := make([]int64, n), make([]int64, n)
	units, cost, wait := make([]float64, n), make([]float64, n), make([]string, n)
	for i := range p.Orders {
		o := &p.Orders[i]
		item[i], supplier[i], site[i], week[i], arrives[i], units[i], cost[i] = o.Item, o.Supplier, o.Site, int64(o.Week), int64(o.Arrives), o.Units, o.Cost
		wait[i] = written(o.Wait)
	}
	return []table.OutputColumn{
		{Name: "item", Values: item}, {Name: "supplier", Values: supplier}, {Name: "site", Values: site}, {Name: "week", Values: week},
		{Name: "arrives", Values: arrives}, {Name: "units", Values: units}, {Name: "cost", Values: cost}, {Name: "cost_of_waiting", Values: table.TypedTexts{Values: wait, SQL: "DOUBLE"}},
	}
}

// written is a number that may not be known.
func written(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

func limits(p *replenish.Plan) []table.OutputColumn {
	n := len(p.Binding)
	kind, name, week := make([]string, n), make([]string, n), make([]int64, n)
	limit, used, price, over := make([]float64, n), make([]float64, n), make([]string, n), make([]float64, n)
	for i := range p.Binding {
		b := &p.Binding[i]
		kind[i], name[i], week[i], limit[i], used[i], price[i], over[i] = b.Kind, b.Name, int64(b.Week), b.Limit, b.Used, written(b.Price), b.Over
	}
	return []table.OutputColumn{
		{Name: "kind", Values: kind}, {Name: "of", Values: name}, {Name: "week", Values: week}, {Name: "limit", Values: limit}, {Name: "used", Values: used},
		{Name: "price", Values: table.TypedTexts{Values: price, SQL: "DOUBLE"}}, {Name: "exceeded", Values: over},
	}
}

func transfers(p *replenish.Plan) []table.OutputColumn {
	n := len(p.Transfers)
	item, from, to := make([]string, n), make([]string, n), make([]string, n)
	week, arrives, units, cost := make([]int64, n), make([]int64, n), make([]float64, n), make([]float64, n)
	for i := range p.Transfers {
		v := &p.Transfers[i]
		item[i], from[i], to[i], week[i], arrives[i], units[i], cost[i] = v.Item, v.From, v.To, int64(v.Week), int64(v.Arrives), v.Units, v.Cost
	}
	return []table.OutputColumn{
		{Name: "item", Values: item}, {Name: "from", Values: from}, {Name: "to", Values: to}, {Name: "week", Values: week},
		{Name: "arrives", Values: arrives}, {Name: "units", Values: units}, {Name: "cost", Values: cost},
	}
}

func levels(p *replenish.Plan) []table.OutputColumn {
	n := len(p.Levels)
	item, site, week := make([]string, n), make([]string, n), make([]int64, n)
	demand, before, stock, short, unmet := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range p.Levels {
		l := &p.Levels[i]
		item[i], site[i], week[i] = l.Item, l.Site, int64(l.Week)
		demand[i], before[i], stock[i], short[i], unmet[i] = l.Demand, l.Before, l.Stock, l.Short, l.Unmet
	}
	return []table.OutputColumn{
		{Name: "item", Values: item}, {Name: "site", Values: site}, {Name: "week", Values: week}, {Name: "demand", Values: demand},
		{Name: "before", Values: before}, {Name: "stock", Values: stock}, {Name: "short", Values: short}, {Name: "unmet", Values: unmet},
	}
}
