package pricing

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/strictjson"
	"debut/datasets/table"
	"debut/trainers/metrics"
	"debut/trainers/model"
	"debut/trainers/modelfolder"
	"debut/trainers/pricing/response"
)

// responseFile is the file of a model folder that has the model.
const responseFile = "response.json"

// formatVersion is that of the layout of model folders.
const formatVersion = 1

// details describe a model in model.json.
type details struct {
	Data  DataConfig  `json:"data"`
	Model ModelConfig `json:"model"`
	Grid  grid        `json:"grid"`
	Seed  uint64      `json:"seed"`
}

// stored is the file of the model.
type stored struct {
	Response *response.Model   `json:"response,omitempty"`
	Formula  *response.Formula `json:"formula,omitempty"`
	Costs    []float64         `json:"costs,omitempty"` // by product, 0 where none is known
}

// Save writes the model.
func (t *training) Save(to *modelfolder.Writer) error {
	s := stored{t.model, t.formula, nil}
	if t.model != nil {
		s.Costs = t.data.costs
	}
	if err := to.File(responseFile, func(w io.Writer) error { return json.NewEncoder(w).Encode(s) }); err != nil {
		return err
	}
	d := details{Data: t.cfg.Data, Model: t.cfg.Model, Grid: t.data.grid, Seed: t.cfg.Seed}
	d.Data.Source, d.Data.Rivals = table.Source{}, nil // of what was read nothing is to be read again
	return to.Close(formatVersion, d)
}

// Model is a trained model.
type Model struct {
	details
	stored
	names    *response.Names
	products map[string]int32
	stores   map[string]int32
}

// Read reads a model from its folder.
func Read(r *modelfolder.Reader) (*Model, error) {
	if err := r.Version(formatVersion); err != nil {
		return nil, err
	}
	if err := r.Only(responseFile); err != nil {
		return nil, err
	}
	m := &Model{}
	if err := r.Details(&m.details); err != nil {
		return nil, err
	}
	c := New()
	c.Data, c.Model = m.Data, m.Model
	c.Data.Source = table.Source{Path: []string{"training"}} // that was
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		return nil, r.Misfit("%w", err)
	}
	if m.Grid.Step < 1 {
		return nil, r.Misfit("periods are %d long", m.Grid.Step)
	}
	text, err := r.Read(responseFile)
	if err != nil {
		return nil, err
	}
	if err := strictjson.Unmarshal(bytes.TrimSpace(text), &m.stored); err != nil {
		return nil, r.FileError(responseFile, err)
	}
	if (m.Model.Kind == Linear) != (m.Formula != nil) || (m.Formula == nil) != (m.Response != nil) {
		return nil, r.Misfit("a model of kind %q is not the one in %s", m.Model.Kind, responseFile)
	}
	if m.Response == nil {
		if len(m.Formula.Coefficients) != 3 {
			return nil, r.Misfit("%d coefficients of demand and competitor", len(m.Formula.Coefficients))
		}
		return m, nil
	}
	if err := m.Response.Check(); err != nil {
		return nil, r.Misfit("%w", err)
	}
	if len(m.Response.Promotions) != len(m.Data.Promotions) || len(m.Costs) != len(m.Response.Products) {
		return nil, r.Misfit("it has %d promotions and %d costs, where the data have %d and %d products", len(m.Response.Promotions), len(m.Costs), len(m.Data.Promotions), len(m.Response.Products))
	}
	m.names = m.Response.Names()
	index := func(names []string) map[string]int32 {
		out := make(map[string]int32, len(names))
		for i, name := range names {
			out[name] = int32(i)
		}
		return out
	}
	m.products, m.stores = index(m.names.Products), index(m.names.Stores)
	if len(m.products) != len(m.names.Products) || len(m.stores) != len(m.names.Stores) {
		return nil, r.Misfit("two products or stores have one name")
	}
	return m, nil
}

// Family is the family's name.
func (m *Model) Family() string { return Family }

// Task says what is measured.
func (m *Model) Task() metrics.Task {
	if m.Formula != nil {
		return metrics.TaskRegression
	}
	return Task
}

// IDs are the columns that name a row.
func (m *Model) IDs() []string {
	return slices.DeleteFunc([]string{m.Data.Product, m.Data.Store, m.Data.Time}, func(s string) bool { return s == "" })
}

// rows reads rows to answer for, those of products that the model knows; list has their numbers.
func (m *Model) rows(ctx context.Context, src table.Source, baseDir string, units bool) (*raw, *response.Rows, []int, encoding.EncodeReport, error) {
	var report encoding.EncodeReport
	in, err := m.Data.rowsOf(ctx, src, baseDir, nil, units)
	if err != nil {
		return nil, nil, nil, report, err
	}
	report.Rows = in.rows
	if in.number != m.Grid.Number {
		return nil, nil, nil, report, configfile.Errorf("time", "periods are numbers in one of training and these data, and dates in the other; write %s as it was", m.Data.Time)
	}
	r := &response.Rows{}
	d := &m.Data
	if d.Exposure != "" {
		r.Exposure = []float64{}
	}
	unseen := encoding.UnseenValues{Column: d.Product}
	distinct := map[string]bool{}
	var list []int
	for i := range in.rows {
		j, known := m.products[in.product[i]]
		if !known && m.Response != nil {
			unseen.Rows++
			if !distinct[in.product[i]] && len(distinct) < 5 {
				unseen.Examples = append(unseen.Examples, in.product[i])
			}
			distinct[in.product[i]] = true
			continue
		}
		store, there := m.stores[in.store[i]]
		if !there && m.Response != nil {
			return nil, nil, nil, report, configfile.Errorf("store", "%s is of store %q, which training has not seen", in.place(i), in.store[i])
		}
		t, fits := m.Grid.period(in.time[i])
		if !fits {
			return nil, nil, nil, report, configfile.Errorf("time", "%s lies between two periods of the training; give the first day of each", in.place(i))
		}
		list = append(list, i)
		r.Product, r.Store, r.Period, r.Price = append(r.Product, j), append(r.Store, store), append(r.Period, t), append(r.Price, in.numbers[d.Price][i])
		u := math.NaN()
		if units {
			u = in.numbers[d.Units][i]
		}
		r.Units = append(r.Units, u)
		if d.Exposure != "" {
			v := in.numbers[d.Exposure][i]
			if !(v > 0) || math.IsInf(v, 0) {
				return nil, nil, nil, report, configfile.Errorf("exposure", "%s has an exposure of %v; give how many will see it, above 0", in.place(i), v)
			}
			r.Exposure = append(r.Exposure, v)
		}
	}
	if unseen.Rows > 0 {
		report.Unseen = []encoding.UnseenValues{unseen}
	}
	of := func(name string) []float64 {
		out := make([]float64, len(list))
		for k, i := range list {
			out[k] = in.numbers[name][i]
		}
		return out
	}
	for _, name := range d.Promotions {
		v := of(name)
		if k := slices.IndexFunc(v, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }); k >= 0 {
			return nil, nil, nil, report, configfile.Errorf("promotions", "%s has no %s; give it a number, 0 for no promotion", in.place(list[k]), name)
		}
		r.Promotions = append(r.Promotions, v)
	}
	if d.Regular != "" {
		r.Regular = of(d.Regular)
	}
	if len(d.Competitors) > 0 {
		r.Competitor = make([]float64, len(list))
		for k := range list {
			r.Competitor[k] = math.NaN()
		}
		for _, name := range d.Competitors {
			for k, v := range of(name) {
				if v > 0 && !(v >= r.Competitor[k]) {
					r.Competitor[k] = v
				}
			}
		}
	}
	return in, r, list, report, nil
}

// Evaluate measures forecasts by the levels of the end of the training.
func (m *Model) Evaluate(ctx context.Context, src table.Source, baseDir string) (*metrics.Result, encoding.EncodeReport, error) {
	_, r, list, report, err := m.rows(ctx, src, baseDir, true)
	if err != nil {
		return nil, report, m.Data.located(err)
	}
	if len(list) == 0 {
		return nil, report, fmt.Errorf("no row is of a product that training has seen")
	}
	if f := m.Formula; f != nil {
		pred := make([]float64, len(list))
		for i := range pred {
			pred[i] = f.Coefficients[0] + f.Coefficients[1]*r.Units[i] + f.Coefficients[2]*r.Competitor[i]
		}
		result, err := metrics.Regression(pred, r.Price, nil)
		return result, report, err
	}
	return result([]tally{measure(m.Response, r, m.names, true)}, len(list)), report, nil
}

// located names the section of an error about a column.
func (c *DataConfig) located(err error) error { return configfile.Prefix("data", err) }

// Predict hands out the units that are expected at the prices of rows, with the columns that name them and those that in keeps. Rows of products that training has not
// seen have none.
func (m *Model) Predict(ctx context.Context, src table.Source, baseDir string, in encoding.Input) iter.Seq2[*model.Predictions, error] {
	return func(yield func(*model.Predictions, error) bool) {
		p, err := m.predict(ctx, src, baseDir, in)
		yield(p, err)
	}
}

func (m *Model) predict(ctx context.Context, src table.Source, baseDir string, in encoding.Input) (*model.Predictions, error) {
	raw, r, list, report, err := m.rows(ctx, src, baseDir, false)
	if err != nil {
		return nil, m.Data.located(err)
	}
	units, elasticity, deviation := make([]float64, raw.rows), make([]float64, raw.rows), make([]float64, raw.rows)
	for i := range units {
		units[i], elasticity[i], deviation[i] = math.NaN(), math.NaN(), math.NaN()
	}
	switch {
	case m.Formula != nil:
		for k, i := range list {
			units[i] = m.Formula.Units(r.Price[k], r.Competitor[k])
		}
	default:
		etas := m.Response.Forecast(r, m.names, false)
		expected := m.Response.Expected(r, m.names, etas)
		values, deviations := m.Response.ElasticitiesAt(r, etas, expected)
		for k, i := range list {
			units[i], elasticity[i], deviation[i] = expected[k], values[k], deviations[k]
		}
	}
	p := &model.Predictions{Rows: raw.rows, Report: report}
	p.Add(m.Data.Product, raw.product)
	if m.Data.Store != "" {
		p.Add(m.Data.Store, raw.store)
	}
	times := make([]string, raw.rows)
	for i, t := range raw.time {
		if raw.number {
			times[i] = fmt.Sprint(t)
		} else {
			times[i] = table.FormatMicros(t)
		}
	}
	p.Add(m.Data.Time, times)
	if len(in.Keep) > 0 {
		types := map[string]string{table.OtherColumns: table.TypeIgnore}
		for _, name := range in.Keep {
			types[name] = table.TypeCategorical
		}
		f, _, err := table.ReadWith(ctx, &src, baseDir, table.ReadOptions{Types: types})
		if err != nil {
			return nil, err
		}
		for _, name := range in.Keep {
			v := make([]string, f.Rows)
			for i := range v {
				v[i] = f.Column(name).Format(i)
			}
			p.Add(name, v)
		}
	}
	p.Add("expected_units", optional(units))
	if m.Formula == nil {
		p.Add("elasticity", optional(elasticity))
		p.Add("elasticity_error", optional(deviation))
	}
	return p, nil
}
