package pricing

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"

	"debut/datasets/table"
	"debut/datasets/warning"
	"debut/kernels/pool"
	"debut/trainers/metrics"
	"debut/trainers/pricing/response"
	"debut/trainers/pricing/rivals"
	"debut/trainers/run"
	"debut/trainers/runfolder"
)

// Task is that of demand at given prices, measured on periods that were hidden.
const Task metrics.Task = "price_response"

// Names of metrics: those of one period ahead know what was sold until then.
const (
	ahead = "_one_ahead"
	plain = "least_squares_"
)

func init() {
	metrics.Register(Task, metrics.Catalog{
		Metrics: []metrics.Metric{
			{Name: "rmse_log"}, {Name: "rmse_log" + ahead}, {Name: "wape"}, {Name: "wape" + ahead}, {Name: plain + "rmse_log"}, {Name: "bias"},
		},
		Headline: []string{"rmse_log", "wape"}, Unit: "rows", Plain: "look at data.promotions and data.competitors: what moves sales beside prices is missing",
	})
}

// training is a run's task.
type training struct {
	cfg  *Config
	data *sales
	pool *pool.Pool
	log  *slog.Logger
	opt  response.Options

	noise   string
	model   *response.Model
	formula *response.Formula
}

func newTraining(cfg *Config, data *sales, p *pool.Pool, log *slog.Logger) *training {
	t := &training{cfg: cfg, data: data, pool: p, log: log}
	t.noise = noiseLog
	switch {
	case cfg.Model.Noise != "":
		t.noise = cfg.Model.Noise
	case cfg.Model.Kind == response.Logit:
	case data.shares:
		t.noise = noiseShares
	case data.counts:
		t.noise = noiseCounts
	}
	t.opt = cfg.options(t.noise)
	log.Info("data ready", "rows", len(data.rows.Price), "products", len(data.names.Products), "stores", len(data.names.Stores), "categories", len(data.names.Categories))
	data.warnings.Log(log)
	return t
}

// Describe says what is trained on what.
func (t *training) Describe() run.Description {
	r := t.data.rows
	task, protocol := Task, fmt.Sprintf("%d rows of %d products in %d categories, %d stores and %d periods; the last %d periods, %d times over, hidden for the test; the model is of all rows",
		len(r.Price), len(t.data.names.Products), len(t.data.names.Categories), len(t.data.names.Stores), slices.Max(r.Period)+1, t.cfg.Evaluation.Periods, *t.cfg.Evaluation.Origins)
	if t.cfg.Model.Kind == Linear {
		task, protocol = metrics.TaskRegression, fmt.Sprintf("the price of %d rows by demand and competitor, measured on the rows of the training", len(r.Price))
	}
	return run.Description{Task: task, Data: t.data.files, Warnings: t.data.warnings, Protocol: protocol}
}

// Resolved is the configuration as it is used.
func (t *training) Resolved() run.Config {
	c := *t.cfg
	if c.Model.Kind != Linear {
		c.Model.Noise = t.noise
	}
	return &c
}

// Parts are those to measure on: the ends of the series, or the rows of the training.
func (t *training) Parts() []string {
	switch last := slices.Max(t.data.rows.Period); {
	case t.cfg.Model.Kind == Linear:
		return []string{run.PartTrain}
	case *t.cfg.Evaluation.Origins > 0 && int(last)+1 > 2*t.cfg.Evaluation.Periods:
		return []string{run.PartTest}
	}
	return nil
}

// Close has nothing to end.
func (t *training) Close() error { return nil }

// Solve finds the model.
func (t *training) Solve(ctx context.Context) (err error) {
	r := t.data.rows
	if t.cfg.Model.Kind == Linear {
		if k := slices.IndexFunc(r.Competitor, math.IsNaN); k >= 0 {
			return fmt.Errorf("kind linear needs the competitor's price in every row, and %s has rows without; leave them out by a query", t.cfg.Data.Competitors[0])
		}
		t.formula, err = response.Explain(r.Price, r.Units, r.Competitor)
		return err
	}
	t.model, err = response.Fit(ctx, r, t.data.names, t.opt, t.pool)
	return err
}

// Evaluate hides the ends of the data, one after another, and compares forecasts at the prices that were. Metrics are means over the ends.
func (t *training) Evaluate(ctx context.Context, _ string) (*metrics.Result, error) {
	r := t.data.rows
	if t.cfg.Model.Kind == Linear {
		pred := make([]float64, len(r.Price))
		b := t.formula.Coefficients
		for i := range pred {
			pred[i] = b[0] + b[1]*r.Units[i] + b[2]*r.Competitor[i]
		}
		return metrics.Regression(pred, r.Price, nil)
	}
	var all []tally
	rows := 0
	for origin := 1; origin <= *t.cfg.Evaluation.Origins; origin++ {
		first := slices.Max(r.Period) + 1 - int32(origin*t.cfg.Evaluation.Periods)
		train, test := r.Before(first, int32(t.cfg.Evaluation.Periods))
		if len(train.Price) == 0 || len(test.Price) == 0 || int(first) < t.cfg.Evaluation.Periods {
			break
		}
		m, err := response.Fit(ctx, train, t.data.names, t.opt, t.pool)
		if err != nil {
			return nil, fmt.Errorf("%d periods hidden: %w", origin*t.cfg.Evaluation.Periods, err)
		}
		simple, err := response.Plain(train, test, t.data.names, t.opt)
		if err != nil {
			return nil, err
		}
		v := measure(m, test, t.data.names, true)
		v.plain = rmse(simple, test.Units)
		all = append(all, v)
		rows += len(test.Price)
	}
	return result(all, rows), nil
}

// tally has the metrics of an end.
type tally struct{ rmse, rmseAhead, wape, wapeAhead, plain, bias float64 }

// measure compares forecasts with what was sold.
func measure(m *response.Model, test *response.Rows, n *response.Names, next bool) (v tally) {
	of := func(ahead bool) (e, wape, bias float64) {
		etas := m.Forecast(test, n, ahead)
		var errors, total, sum float64
		logs := make([]float64, len(etas))
		expected := m.Expected(test, n, etas)
		for i, eta := range etas {
			logs[i] = math.NaN()
			if !math.IsNaN(eta) && !math.IsNaN(test.Units[i]) {
				logs[i] = eta
				if m.Options.Kind == response.Logit || m.Options.Shares {
					logs[i] = math.Log(expected[i])
				}
				errors += math.Abs(expected[i] - test.Units[i])
				sum += expected[i] - test.Units[i]
				total += test.Units[i]
			}
		}
		return rmse(logs, test.Units), errors / total, sum / total
	}
	v.rmse, v.wape, v.bias = of(false)
	v.rmseAhead, v.wapeAhead, v.plain = math.NaN(), math.NaN(), math.NaN()
	if next {
		v.rmseAhead, v.wapeAhead, _ = of(true)
	}
	return v
}

// rmse is that of logarithms, of rows with sales.
func rmse(logs, units []float64) float64 {
	sum, n := 0.0, 0.0
	for i, y := range units {
		if y > 0 && !math.IsNaN(logs[i]) {
			d := math.Log(y) - logs[i]
			sum, n = sum+d*d, n+1
		}
	}
	return math.Sqrt(sum / n)
}

// result is the mean of tallies.
func result(all []tally, rows int) *metrics.Result {
	r := &metrics.Result{Task: Task, Rows: rows, Weight: float64(rows)}
	mean := func(name string, of func(*tally) float64) {
		sum := 0.0
		for i := range all {
			sum += of(&all[i])
		}
		v := sum / float64(len(all))
		r.Values = append(r.Values, metrics.Value{Name: name, Value: v})
		if math.IsNaN(v) {
			if r.Undefined == nil {
				r.Undefined = map[string]string{}
			}
			r.Undefined[name] = "no rows have values to measure it by"
		}
	}
	mean("rmse_log", func(t *tally) float64 { return t.rmse })
	mean("rmse_log"+ahead, func(t *tally) float64 { return t.rmseAhead })
	mean("wape", func(t *tally) float64 { return t.wape })
	mean("wape"+ahead, func(t *tally) float64 { return t.wapeAhead })
	mean(plain+"rmse_log", func(t *tally) float64 { return t.plain })
	mean("bias", func(t *tally) float64 { return t.bias })
	return r
}

// Found is what run.json has of a run of prices.
type Found struct {
	Table      string                `json:"table,omitempty"` // of elasticities
	Products   int                   `json:"products,omitempty"`
	Negative   int                   `json:"negative,omitempty"` // products whose elasticity is below 0
	Certain    int                   `json:"certain,omitempty"`  // whose interval is
	Categories []FoundCategory       `json:"categories,omitempty"`
	Following  []FoundFollowing      `json:"following,omitempty"`
	Formula    *response.Formula     `json:"formula,omitempty"`
	Elastic    []response.Elasticity `json:"-"`
}

// FoundCategory is what the products of a category share.
type FoundCategory struct {
	Name        string            `json:"name"`
	Products    int               `json:"products"`
	Elasticity  float64           `json:"elasticity"` // the mean of its products'
	Coefficient []response.Shared `json:"coefficients"`
	Instruments []response.Test   `json:"instruments,omitempty"`
	Dropped     []string          `json:"dropped,omitempty"`
}

// FoundFollowing says who follows whom.
type FoundFollowing struct {
	rivals.Following
	Says string `json:"says"`
}

// Findings are the elasticities, and who follows whom.
func (t *training) Findings() (any, map[string][]table.OutputColumn, warning.List) {
	var f Found
	var list warning.List
	for _, x := range t.data.follow {
		f.Following = append(f.Following, FoundFollowing{x, x.Sentence()})
	}
	if t.model == nil {
		f.Formula = t.formula
		return f, nil, nil
	}
	f.Table = runfolder.ElasticitiesFile
	f.Elastic = t.model.Elasticities()
	naive := response.Naive(t.data.rows, t.data.names)
	var products, categories, notes []string
	var values, errors, low, high, told, price, units, simple []float64
	var prices []int64
	sums, counts := make([]float64, len(t.model.Categories)), make([]int, len(t.model.Categories))
	never := 0
	for j, e := range f.Elastic {
		products, categories, notes = append(products, e.Product), append(categories, e.Category), append(notes, e.Note)
		values, errors, low, high = append(values, e.Value), append(errors, e.Error), append(low, e.Low), append(high, e.High)
		told, price, units, prices, simple = append(told, e.Told), append(price, e.Price), append(units, e.Units), append(prices, int64(e.Prices)), append(simple, naive[j])
		f.Products++
		if e.Value < 0 {
			f.Negative++
		}
		if e.High < 0 {
			f.Certain++
		}
		if e.Prices < 2 {
			never++
		}
		c := t.model.Products[j].Category
		sums[c] += e.Value
		counts[c]++
	}
	for c := range t.model.Categories {
		q := &t.model.Categories[c]
		f.Categories = append(f.Categories, FoundCategory{q.Name, counts[c], sums[c] / math.Max(1, float64(counts[c])), q.Classes, q.First, q.Dropped})
		for _, d := range q.Dropped {
			list = append(list, warning.Warning{Name: warning.LeftOut, Message: inCategory(q.Name) + d + ", and has no effect of its own"})
		}
		if q.Zeros > 0 {
			list = append(list, warning.Warning{Name: warning.Read, Message: fmt.Sprintf("%s%d rows without sales are left out, for their logarithm is none", inCategory(q.Name), q.Zeros), Remedy: "model: {noise: counts} has them count"})
		}
		for _, test := range q.First {
			if test.Name == "price" && test.Statistic < 10 {
				list = append(list, warning.Warning{Name: warning.Decision, Message: fmt.Sprintf("%sinstruments hardly move the price (F %.1f, below 10): elasticities by them are far from sure", inCategory(q.Name), test.Statistic)})
			}
		}
	}
	if never > 0 {
		list = append(list, warning.Warning{Name: warning.Undecided, Message: fmt.Sprintf("the price of %d of %d products has never changed: their elasticities cannot be known, and are those of their category", never, f.Products)})
	}
	columns := []table.OutputColumn{
		{Name: "product", Values: products}, {Name: "category", Values: categories}, {Name: "elasticity", Values: values}, {Name: "error", Values: errors},
		{Name: "low", Values: low}, {Name: "high", Values: high}, {Name: "told", Values: told}, {Name: "prices", Values: prices}, {Name: "price", Values: price},
		{Name: "units", Values: units}, {Name: "naive", Values: optional(simple)}, {Name: "note", Values: notes},
	}
	return f, map[string][]table.OutputColumn{runfolder.ElasticitiesFile: columns}, list
}

// optional makes numbers some of which are not known, NaN, a column of a table.
func optional(v []float64) table.TypedTexts {
	out := table.TypedTexts{SQL: "DOUBLE", Values: make([]string, len(v))}
	for i, x := range v {
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			out.Values[i] = strconv.FormatFloat(x, 'g', -1, 64)
		}
	}
	return out
}

func inCategory(name string) string {
	if name == "" {
		return ""
	}
	return "category " + name + ": "
}
