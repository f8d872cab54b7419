package pricing_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/pricing"
	"debut/trainers/pricing/regress"
	"debut/trainers/run"
)

const small = `family: pricing
name: r
data: {source: sales.csv, product: item, store: store, category: kind, time: week, price: price, units: units, promotions: [leaflet], competitors: [theirs], cost: cost}
evaluation: {origins: 1, periods: 6}
`

// elasticity is the truth of item i.
func elasticity(i int) float64 { return -1.5 - .3*float64(i%6) }

// sales writes weeks of sales of items in stores to a file; each row may be changed, or left out where what comes back is "".
func sales(t testing.TB, items, stores, weeks int, change func(item, store, week int, fields map[string]string)) string {
	t.Helper()
	columns := []string{"item", "store", "kind", "week", "price", "units", "leaflet", "theirs", "cost", "currency"}
	var b strings.Builder
	b.WriteString(strings.Join(columns, ",") + "\n")
	for i := range items {
		for s := range stores {
			r := philox.New(5, uint64(100*i+s))
			for w := range weeks {
				list := 5 + float64(i)
				own := philox.New(6, uint64(1000*i+w))
				discount := 0.0
				if own.Float64() < .3 {
					discount = .1 * float64(1+own.IntN(4))
				}
				leaflet := own.IntN(4) / 3
				price := math.Round(100*list*(1-discount)) / 100
				eta := 3.5 + .2*math.Sin(float64(w)/4) + elasticity(i)*math.Log(price/list) + .3*float64(leaflet) + .1*float64(s) + .15*r.NormFloat64()
				f := map[string]string{
					"item": fmt.Sprintf("i%02d", i), "store": fmt.Sprint("s", s), "kind": fmt.Sprint("k", i%2), "week": fmt.Sprint(w + 1), "price": fmt.Sprintf("%.2f", price),
					"units": fmt.Sprintf("%.0f", math.Ceil(math.Exp(eta))), "leaflet": fmt.Sprint(leaflet), "theirs": fmt.Sprintf("%.2f", list*(.9+.2*r.Float64())),
					"cost": fmt.Sprintf("%.2f", list/2), "currency": "EUR",
				}
				if change != nil {
					change(i, s, w, f)
				}
				if f["item"] == "" {
					continue
				}
				for k, c := range columns {
					if k > 0 {
						b.WriteByte(',')
					}
					b.WriteString(f[c])
				}
				b.WriteByte('\n')
			}
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sales.csv"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func train(t testing.TB, dir, text string, overrides ...string) (*run.Outcome, error) {
	t.Helper()
	c, err := families.Parse("run.yaml", []byte(text), append(overrides, fmt.Sprintf("output=%q", filepath.Join(dir, "runs"))))
	if err != nil {
		return nil, err
	}
	return run.Train(t.Context(), c, run.Options{BaseDir: dir, ConfigPath: "run.yaml", Overwrite: true})
}

func open(t testing.TB, path string) *pricing.Model {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	m, err := families.Open(path, dev)
	if err != nil {
		t.Fatal(err)
	}
	return m.(*pricing.Model)
}

func found(t testing.TB, out *run.Outcome) pricing.Found {
	t.Helper()
	f, ok := out.Result.Found.(pricing.Found)
	if !ok {
		t.Fatalf("run.json has found %T", out.Result.Found)
	}
	return f
}

// numbers reads texts, NaN of "".
func numbers(t testing.TB, texts []string) (out []float64) {
	t.Helper()
	for _, s := range texts {
		v := math.NaN()
		if s != "" {
			var err error
			if v, err = strconv.ParseFloat(s, 64); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, v)
	}
	return out
}

// TestElasticities finds those that the sales were made with, writes them to the run folder, and forecasts better than least squares.
func TestElasticities(t *testing.T) {
	dir := sales(t, 12, 2, 60, nil)
	out, err := train(t, dir, small)
	if err != nil {
		t.Fatal(err)
	}
	inside := 0
	f := found(t, out)
	for _, e := range f.Elastic {
		var i int
		if _, err := fmt.Sscanf(e.Product, "i%d", &i); err != nil {
			t.Fatal(err)
		}
		if off := math.Abs(e.Value - elasticity(i)); off > .4 {
			t.Errorf("%s: %.2f (%.2f to %.2f), want %.2f", e.Product, e.Value, e.Low, e.High, elasticity(i))
		}
		if e.Low <= elasticity(i) && elasticity(i) <= e.High {
			inside++
		}
	}
	if f.Products != 12 || f.Certain != 12 || inside < 8 {
		t.Errorf("%d products, %d surely below 0, %d of 12 intervals cover", f.Products, f.Certain, inside)
	}
	text, err := os.ReadFile(filepath.Join(out.Folder, "elasticities.csv"))
	if err != nil || bytes.Count(text, []byte("\n")) != 13 {
		t.Errorf("the table has %d lines: %v", bytes.Count(text, []byte("\n")), err)
	}
	var kept struct {
		Found struct {
			Products, Certain int
			Categories        []struct {
				Name       string
				Elasticity float64
			}
		}
	}
	text, err = os.ReadFile(filepath.Join(out.Folder, "run.json"))
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil || kept.Found.Products != 12 || len(kept.Found.Categories) != 2 || kept.Found.Categories[0].Elasticity > -1 {
		t.Errorf("run.json has %+v: %v", kept, err)
	}
	test := out.Result.Metrics["test"]
	mine, _ := test.Get("rmse_log")
	simple, _ := test.Get("least_squares_rmse_log")
	if !(mine < simple) {
		t.Errorf("rmse of logarithms %.4f, by least squares %.4f", mine, simple)
	}
}

// TestThreads trains on 1, 2 and 7 threads, and again: folders are equal but for what tells of the run.
func TestThreads(t *testing.T) {
	dir := sales(t, 6, 2, 30, nil)
	var first, table []byte
	for _, threads := range []int{1, 2, 7} {
		out, err := train(t, dir, small, fmt.Sprint("threads=", threads))
		if err != nil {
			t.Fatal(err)
		}
		model, err := os.ReadFile(filepath.Join(out.Folder, "model", "response.json"))
		if err != nil {
			t.Fatal(err)
		}
		list, err := os.ReadFile(filepath.Join(out.Folder, "elasticities.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, table = model, list
		}
		if !bytes.Equal(first, model) || !bytes.Equal(table, list) {
			t.Errorf("%d threads: the model is another", threads)
		}
	}
}

// TestAnswers predicts and evaluates with a model that was read from its folder.
func TestAnswers(t *testing.T) {
	dir := sales(t, 12, 1, 60, nil)
	out, err := train(t, dir, strings.Replace(small, "store: store, ", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	m := open(t, out.Folder)
	rows := "item,kind,week,price,leaflet,theirs,cost,why\ni00,k0,61,5,0,5,2,usual\ni00,k0,62,4,0,5,2,cheap\nnew,k0,61,4,0,5,2,unknown\n"
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(rows), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := model.Collect(m.Predict(t.Context(), table.Source{Path: []string{"rows.csv"}, Format: "auto"}, dir, encoding.Input{Keep: []string{"why"}}))
	if err != nil {
		t.Fatal(err)
	}
	units := map[string][]float64{}
	for _, c := range p.Columns {
		if v, ok := c.Values.(table.TypedTexts); ok {
			units[c.Name] = numbers(t, v.Values)
		}
	}
	u := units["expected_units"]
	ratio := math.Log(u[1]/u[0]) / math.Log(4./5)
	if p.Rows != 3 || !math.IsNaN(u[2]) || math.Abs(ratio-elasticity(0)) > .5 || len(p.Report.Unseen) != 1 {
		t.Errorf("%d rows, %v units (an elasticity of %.2f), unseen %v", p.Rows, u, ratio, p.Report.Unseen)
	}
	r, _, err := m.Evaluate(t.Context(), table.Source{Path: []string{"sales.csv"}, Format: "auto"}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := r.Get("rmse_log"); !(v < .35) {
		t.Errorf("rmse of logarithms of the training rows: %.3f", v)
	}
}

// TestLinear compares kind linear with least squares.
func TestLinear(t *testing.T) {
	dir := sales(t, 4, 1, 30, nil)
	text := "family: pricing\nname: r\ndata: {source: sales.csv, product: item, time: week, price: price, units: units, competitors: [theirs]}\nmodel: {kind: linear}\n"
	out, err := train(t, dir, text)
	if err != nil {
		t.Fatal(err)
	}
	src := table.Source{Path: []string{"sales.csv"}, Format: "auto"}
	frame, err := table.Read(t.Context(), src, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ones := make([]float64, frame.Rows)
	for i := range ones {
		ones[i] = 1
	}
	want, err := regress.Least(&regress.Data{
		Y: frame.Column("price").Floats, X: [][]float64{ones, frame.Column("units").Floats, frame.Column("theirs").Floats}, Names: []string{"1", "demand", "competitor"},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := found(t, out).Formula
	for k, v := range want.Coefficients {
		if math.Abs(f.Coefficients[k]-v) > 1e-8 {
			t.Errorf("coefficient %d is %.10f, by least squares %.10f", k, f.Coefficients[k], v)
		}
	}
	m := open(t, out.Folder)
	p, err := model.Collect(m.Predict(t.Context(), src, dir, encoding.Input{}))
	if err != nil {
		t.Fatal(err)
	}
	units := numbers(t, p.Columns[len(p.Columns)-1].Values.(table.TypedTexts).Values)
	b := f.Coefficients
	i := 3
	if again := b[0] + b[1]*units[i] + b[2]*frame.Column("theirs").Floats[i]; units[i] > 0 && math.Abs(again-frame.Column("price").Floats[i]) > 1e-8 {
		t.Errorf("the units that are expected give a price of %.6f, not %.6f", again, frame.Column("price").Floats[i])
	}
}

// TestBad trains on data as they should not be: each has an answer.
func TestBad(t *testing.T) {
	one := func(field, value string) func(i, s, w int, f map[string]string) {
		return func(i, s, w int, f map[string]string) {
			if i == 1 && w == 3 {
				f[field] = value
			}
		}
	}
	for name, c := range map[string]struct {
		change    func(i, s, w int, f map[string]string)
		overrides []string
		refused   string // what the error says, "" where there is none
		told      string // what a warning says
		without   string // of the run file
		check     func(t *testing.T, f pricing.Found)
	}{
		"a price of zero":         {change: one("price", "0"), refused: "sales.csv:"},
		"a negative price":        {change: one("price", "-3"), refused: "prices are above 0"},
		"negative units":          {change: one("units", "-2"), refused: "fewer than none are not sold"},
		"two currencies":          {change: one("currency", "USD"), overrides: []string{"data.currency=currency"}, refused: "prices are in 2 currencies"},
		"a row twice":             {change: func(i, s, w int, f map[string]string) { f["week"] = fmt.Sprint(max(w, 1)) }, refused: "one product, store and period"},
		"two categories":          {change: one("kind", "other"), refused: "give each product one category"},
		"no number of promotions": {change: one("leaflet", ""), refused: "0 for no promotion"},
		"one competitor missing for months": {
			change: func(_, _, w int, f map[string]string) {
				if w > 15 {
					f["theirs"] = ""
				}
			}, told: "theirs has no price in",
		},
		"a product never discounted": {
			change: func(i, _, _ int, f map[string]string) {
				if i == 2 {
					f["price"], f["units"] = "7.00", "33"
				}
			}, told: "has never changed",
			check: func(t *testing.T, f pricing.Found) {
				e := f.Elastic[2]
				if e.Note == "" || e.Prices != 1 || e.Value > -1 || e.High-e.Low < f.Elastic[0].High-f.Elastic[0].Low {
					t.Errorf("%+v", e)
				}
			},
		},
		"promotions without a price change": {
			change: func(i, _, _ int, f map[string]string) { f["price"] = fmt.Sprint(5 + i) }, told: "has never changed",
			check: func(t *testing.T, f pricing.Found) {
				if f.Certain != 0 || f.Elastic[0].Note != "no price of the category has changed: nothing is known" {
					t.Errorf("%+v", f.Elastic[0])
				}
			},
		},
		"perfect collinearity": {
			change: func(_, _, w int, f map[string]string) { f["cost"] = f["leaflet"] }, overrides: []string{"data.promotions=[leaflet, cost]"}, without: ", cost: cost",
			told: "cost goes together with leaflet without fail",
		},
		"zeros without counts": {change: one("units", "0"), overrides: []string{"model.noise=lognormal"}, told: "rows without sales are left out"},
		"sold out": {
			change: func(_, _, w int, f map[string]string) {
				f["cost"] = "100000"
				if w%7 == 0 {
					f["cost"] = f["units"]
				}
			}, overrides: []string{"data.available=cost"}, without: ", cost: cost", told: "20 rows sold all that was available",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := sales(t, 4, 1, 30, c.change)
			out, err := train(t, dir, strings.Replace(small, c.without, "", 1), c.overrides...)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%q is not in: %v", c.refused, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if text := out.Result.Warnings.String(); !strings.Contains(text, c.told) {
				t.Errorf("%q is not in: %s", c.told, text)
			}
			if c.check != nil {
				c.check(t, found(t, out))
			}
		})
	}
}
