package main

import (
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"debut/datasets/table"
	"debut/datasets/wording"
	"debut/trainers/model"
)

// priceFlags are those of price.
type priceFlags struct {
	device   deviceFlags
	keys     keyFlags
	to       predictionOutput
	curve    string
	terms    []string
	ladders  []string
	band     []float64
	endings  []float64
	date     string
	markdown bool
	asJSON   bool
	request  model.PriceRequest
}

func (a *app) price() *cobra.Command {
	f := &priceFlags{}
	cmd := &cobra.Command{
		Use:   "price MODEL -o OUT.csv",
		Short: "Set the prices of a model's products",
		Long: `Set the prices that bring most profit, revenue or units, by a model of the family pricing, and write a row for each product: the price before and the one
to set, with units, revenue and profit of all periods and the interval of the profit. MODEL is a run folder or its model/. Prices are set within
categories, jointly where prices of some products move the demand of others.

Bounds are the least margin, the largest change, what prices end in, a band around the cheapest price elsewhere, ladders between products, and
a table with the columns cost, stock, min and max, each where it is known. Where bounds exclude every price of a product, the error names them.

--markdown plans a price for each period from the stock in the table, such that prices never rise: what to take with the stock that is expected to be left.`,
		Example: `  debut price runs/pricing -o prices.csv --margin 0.2 --change 0.25 --endings 0.99
  debut price runs/pricing -o prices.csv --terms terms.csv --ladder "small<large" --curve curve.csv
  debut price runs/pricing -o markdown.csv --markdown --periods 8 --terms stock.csv --salvage 0.3`,
		Args: takes(1, 1, "a model"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runPrice(cmd, args[0], f) },
	}
	f.device.register(cmd)
	f.keys.register(a, cmd)
	r, flags := &f.request, cmd.Flags()
	flags.StringVar(&r.Goal, "goal", "profit", "what prices are to bring most of: profit, revenue or units")
	flags.IntVar(&r.Periods, "periods", 8, "periods that prices are for")
	flags.Float64Var(&r.Margin, "margin", 0, "least share of the price that is above the cost")
	flags.Float64Var(&r.Change, "change", 0, "largest share by which a price moves (default: any, of which half is looked at)")
	flags.Float64SliceVar(&f.endings, "endings", nil, "what prices end in behind the point, such as 0.99,0.49")
	flags.Float64SliceVar(&f.band, "band", nil, "shares below and above the cheapest price elsewhere, such as -0.1,0.05")
	flags.StringArrayVar(&f.ladders, "ladder", nil, "a product whose price is below another's, `LOWER<UPPER`, or at most a share of it, LOWER<0.8*UPPER; may be repeated")
	flags.StringSliceVar(&f.terms, "terms", nil, "table of the product and, where they are known, cost, stock, min and max")
	flags.StringVar(&f.curve, "curve", "", "also write what each price would bring to this file, with its interval")
	flags.StringVar(&f.date, "date", "", "add a column date with this day, from which prices hold")
	flags.IntVar(&r.Draws, "draws", 100, "demand curves that are drawn for the intervals")
	flags.BoolVar(&f.markdown, "markdown", false, "plan a price for each period from a limited stock, that never rises")
	flags.Float64Var(&r.Salvage, "salvage", 0, "with --markdown: what is left in the end is worth, as a share of the cost")
	flags.StringVarP(&f.to.path, "output", "o", "", "file to write: .csv, .tsv, .jsonl or .parquet, an existing one is replaced; or - for standard output")
	flags.StringVar(&f.to.format, "output-format", "", "format to write: "+strings.Join(outputFormats, ", ")+" (default: by the extension; of - csv)")
	flags.BoolVar(&f.asJSON, "json", false, "print a summary as JSON")
	complete(cmd, "output-format", outputFormats)
	complete(cmd, "goal", []string{"profit", "revenue", "units"})
	return cmd
}

// fill makes the request of flags.
func (f *priceFlags) fill(cmd *cobra.Command) error {
	r := &f.request
	r.Falling, r.Curve = f.markdown, f.curve != ""
	for _, e := range f.endings {
		if !(e >= 0 && e < 1) {
			return usagef("--endings %v: give what is behind the point, such as 0.99", e)
		}
	}
	r.Endings = f.endings
	if cmd.Flags().Changed("band") {
		if len(f.band) != 2 || !(f.band[0] > -1 && f.band[0] <= f.band[1]) || math.IsInf(f.band[1], 0) {
			return usagef("--band %v: give two shares, the lower one first, such as -0.1,0.05", f.band)
		}
		r.Band = &[2]float64{f.band[0], f.band[1]}
	}
	for _, text := range f.ladders {
		lower, upper, ok := strings.Cut(text, "<")
		share := 1.0
		if number, rest, with := strings.Cut(upper, "*"); with {
			v, err := strconv.ParseFloat(number, 64)
			if err != nil || !(v > 0 && v <= 100) {
				return usagef("--ladder %q: %q is no share; write LOWER<0.8*UPPER", text, number)
			}
			share, upper = v, rest
		}
		if !ok || lower == "" || upper == "" || lower == upper {
			return usagef("--ladder %q: write LOWER<UPPER, two products", text)
		}
		r.Ladders = append(r.Ladders, model.PriceLadder{Lower: lower, Upper: upper, Share: share})
	}
	if len(f.terms) > 0 {
		r.Terms = &table.Source{Path: f.terms}
		r.Terms.SetDefaults()
	}
	if r.Draws < 0 || r.Draws > 10_000 {
		return usagef("--draws %d: give a number from 0 to 10000", r.Draws)
	}
	if f.date != "" {
		if _, err := time.Parse(time.DateOnly, f.date); err != nil {
			return usagef("--date %q: write a day like 2025-01-31", f.date)
		}
	}
	if cmd.Flags().Changed("salvage") && !f.markdown {
		return usagef("--salvage is of a plan with --markdown; give both or neither")
	}
	return nil
}

func (a *app) runPrice(cmd *cobra.Command, path string, f *priceFlags) error {
	ctx := cmd.Context()
	if err := f.to.check(cmd, f.terms, f.asJSON); err != nil {
		return err
	}
	if f.curve != "" {
		curve := predictionOutput{path: f.curve}
		if err := curve.check(cmd, f.terms, false); err != nil {
			return err
		}
		if err := apart([2]string{"--output", f.to.path}, [2]string{"--curve", f.curve}); err != nil {
			return err
		}
	}
	if err := f.fill(cmd); err != nil {
		return err
	}
	var plan *model.PricePlan
	var ids []string
	err := withModel(&f.device, &f.keys, path, func(m model.Model) (err error) {
		p, ok := m.(model.Pricer)
		if !ok {
			return fmt.Errorf("%s: a model of the family %s does not set prices%s", path, m.Family(), insteadOf(m))
		}
		if q, ok := m.(model.Predictor); ok {
			ids = q.IDs()
		}
		plan, err = p.Price(ctx, f.request)
		return err
	})
	if err != nil {
		return canceled(ctx, err)
	}
	name := "product"
	if len(ids) > 0 {
		name = ids[0]
	}
	written, err := model.WriteTo(ctx, f.to.open(a.console, nil), one(priceTable(plan, name, f)))
	if err != nil {
		return err
	}
	if f.curve != "" {
		if _, err := model.Write(ctx, f.curve, one(curveTable(plan, name))); err != nil {
			return err
		}
	}
	for _, note := range plan.Notes {
		a.console.log.Warn(note)
	}
	if f.asJSON {
		return a.console.printJSON(struct {
			Model   string   `json:"model"`
			Output  string   `json:"output"`
			Goal    string   `json:"goal"`
			Periods int      `json:"periods"`
			Rows    int      `json:"rows"`
			Now     float64  `json:"now"`
			Set     float64  `json:"set"`
			Low     float64  `json:"more_low"` // of by how much it is more, nine times in ten
			High    float64  `json:"more_high"`
			Notes   []string `json:"notes,omitempty"`
		}{path, f.to.path, f.request.Goal, f.request.Periods, written.Rows, plan.Now, plan.Set, plan.Low, plan.High, plan.Notes})
	}
	if f.to.path == standard {
		return nil
	}
	text := fmt.Sprintf("%s: %s rows; expected %s of %d periods: %s", f.to.path, wording.Thousands(int64(written.Rows)), f.request.Goal, f.request.Periods, amount(plan.Set))
	if !f.markdown {
		text += fmt.Sprintf(", at present prices %s; nine times in ten it is %s to %s more", amount(plan.Now), amount(plan.Low), amount(plan.High))
	}
	return a.console.print(text + "\n")
}

// one hands out predictions at once.
func one(p *model.Predictions) iter.Seq2[*model.Predictions, error] {
	return func(yield func(*model.Predictions, error) bool) { yield(p, nil) }
}

// priceTable is the table of prices.
func priceTable(plan *model.PricePlan, name string, f *priceFlags) *model.Predictions {
	n := len(plan.Prices)
	p := &model.Predictions{Rows: n}
	text := func(of func(*model.SetPrice) string) []string {
		out := make([]string, n)
		for i := range plan.Prices {
			out[i] = of(&plan.Prices[i])
		}
		return out
	}
	number := func(of func(*model.SetPrice) float64) []float64 {
		out := make([]float64, n)
		for i := range plan.Prices {
			out[i] = of(&plan.Prices[i])
		}
		return out
	}
	p.Add(name, text(func(s *model.SetPrice) string { return s.Product }))
	if f.date != "" {
		p.Add("date", text(func(*model.SetPrice) string { return f.date }))
	}
	if f.markdown {
		p.Add("period", number(func(s *model.SetPrice) float64 { return float64(s.Period) }))
	}
	p.Add("price", number(func(s *model.SetPrice) float64 { return s.Price }))
	p.Add("price_before", number(func(s *model.SetPrice) float64 { return s.Before }))
	p.Add("cost", number(func(s *model.SetPrice) float64 { return s.Cost }))
	if f.markdown {
		p.Add("stock", number(func(s *model.SetPrice) float64 { return s.Stock }))
	} else {
		p.Add("units_before", number(func(s *model.SetPrice) float64 { return s.UnitsBefore }))
		p.Add("profit_before", number(func(s *model.SetPrice) float64 { return s.ProfitBefore }))
	}
	p.Add("units", number(func(s *model.SetPrice) float64 { return s.Units }))
	p.Add("revenue", number(func(s *model.SetPrice) float64 { return s.Revenue }))
	p.Add("profit", number(func(s *model.SetPrice) float64 { return s.Profit }))
	if !f.markdown {
		p.Add("profit_low", number(func(s *model.SetPrice) float64 { return s.ProfitLow }))
		p.Add("profit_high", number(func(s *model.SetPrice) float64 { return s.ProfitHigh }))
	}
	p.Add("elasticity", number(func(s *model.SetPrice) float64 { return s.Elasticity }))
	p.Add("note", text(func(s *model.SetPrice) string { return s.Note }))
	return p
}

// curveTable is the table of what each price would bring.
func curveTable(plan *model.PricePlan, name string) *model.Predictions {
	p := &model.Predictions{Rows: len(plan.Curve)}
	var products []string
	var columns [6][]float64
	for _, x := range plan.Curve {
		products = append(products, x.Product)
		for k, v := range []float64{x.Price, x.Units, x.Revenue, x.Profit, x.ProfitLow, x.ProfitHigh} {
			columns[k] = append(columns[k], v)
		}
	}
	p.Add(name, products)
	for k, column := range []string{"price", "units", "revenue", "profit", "profit_low", "profit_high"} {
		p.Add(column, columns[k])
	}
	return p
}
