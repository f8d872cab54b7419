package demand_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/table"
	"debut/kernels/cpu"
	"debut/kernels/philox"
	"debut/trainers/demand"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/run"
)

const small = `family: demand
name: r
data: {source: sales.csv, keys: [store, item], time: month, target: sold}
horizon: 4
`

// sales writes months of series, a promotion with them, to a file, and returns its folder. The last rows, of months to come, have no target.
func sales(t testing.TB, series, months, ahead int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("store,item,month,sold,promotion\n")
	for i := range series {
		s := philox.New(9, uint64(i))
		level := 50 + 100*s.Float64()
		for k := range months + ahead {
			promotion := s.IntN(4) / 3
			sold := level * (1 + 0.3*math.Sin(2*math.Pi*float64(k)/12)) * (1 + 0.4*float64(promotion)) * math.Exp(0.05*s.NormFloat64())
			text := fmt.Sprintf("%.2f", sold)
			if k >= months {
				text = ""
			}
			date := time.Date(2018, time.Month(1+k), 1, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
			fmt.Fprintf(&b, "s%d,i%d,%s,%s,%d\n", i%3, i/3, date, text, promotion)
		}
	}
	return write(t, t.TempDir(), "sales.csv", b.String())
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
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

func open(t testing.TB, path string) (*demand.Model, error) {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	m, err := families.Open(path, dev)
	if err != nil {
		return nil, err
	}
	d := m.(*demand.Model)
	t.Cleanup(func() { _ = d.Close() })
	return d, nil
}

func answer(ctx context.Context, m *demand.Model, r model.ForecastRequest) (*model.Predictions, error) {
	return model.Collect(m.Forecast(ctx, r))
}

func column[T any](t testing.TB, p *model.Predictions, name string) []T {
	t.Helper()
	for _, c := range p.Columns {
		if c.Name == name {
			return c.Values.([]T)
		}
	}
	t.Fatalf("there is no column %s", name)
	return nil
}

// A run is measured beside seasonal naive, leaves the same files for any number of threads, and its model goes on with the series.
func TestRun(t *testing.T) {
	dir := sales(t, 5, 48, 0)
	files := map[string]string{}
	for _, threads := range []int{1, 2, 7} {
		out, err := train(t, dir, small, fmt.Sprint("threads=", threads))
		if err != nil {
			t.Fatal(err)
		}
		r := out.Result.Metrics[run.PartTest]
		smape, err := r.Get("smape")
		if err != nil {
			t.Fatal(err)
		}
		naive, err := r.Get("seasonal_naive_smape")
		if err != nil || !(smape < naive) || r.Rows != 5 {
			t.Errorf("sMAPE %v, of seasonal naive %v, %d series, %v", smape, naive, r.Rows, err)
		}
		for _, name := range []string{"model.json", "series.safetensors", "keys.json"} {
			text, err := os.ReadFile(filepath.Join(out.Folder, "model", name))
			if err != nil {
				t.Fatal(err)
			}
			if before, ok := files[name]; ok && before != string(text) {
				t.Errorf("%s differs with %d threads", name, threads)
			}
			files[name] = string(text)
		}
	}
	m, err := open(t, filepath.Join(dir, "runs", "r"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := answer(t.Context(), m, model.ForecastRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Rows != 20 || column[string](t, p, "month")[0] != "2022-01-01" || column[string](t, p, "store")[4] != "s0" || column[string](t, p, "item")[4] != "i1" {
		t.Errorf("%+v", p)
	}
	low, mean, high := column[float64](t, p, "q0.1"), column[float64](t, p, "mean"), column[float64](t, p, "q0.9")
	for i := range mean {
		if !(low[i] < mean[i] && mean[i] < high[i]) {
			t.Errorf("row %d: %v, %v, %v", i, low[i], mean[i], high[i])
		}
	}
	// Later rows of one series: all are forecast from there on, the others from where they end.
	write(t, dir, "later.csv", "store,item,month,sold\ns0,i0,2022-01-01,100\ns9,i9,2022-01-01,7\n")
	p, err = answer(t.Context(), m, model.ForecastRequest{Horizon: 2, Update: &table.Source{Path: configfile.Strings{"later.csv"}}, BaseDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if p.Rows != 12 || column[string](t, p, "month")[1] != "2022-03-01" || column[float64](t, p, "mean")[11] != 7 || !strings.Contains(column[string](t, p, "notes")[11], "one observation") {
		t.Errorf("with later rows: %+v", p)
	}
}

// Later rows measure a model as hidden ends measure its training: the same forecasts, of the same steps.
func TestEvaluate(t *testing.T) {
	dir := sales(t, 5, 48, 0)
	whole, err := train(t, dir, small, "name=whole")
	if err != nil {
		t.Fatal(err)
	}
	out, err := train(t, dir, small, `data.source={query: "SELECT * FROM sales WHERE month < '2021-09-01'", tables: {sales: sales.csv}}`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(t, out.Folder)
	if err != nil {
		t.Fatal(err)
	}
	src := table.Source{Path: configfile.Strings{"sales.csv"}}
	r, report, err := m.Evaluate(t.Context(), src, dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := whole.Result.Metrics[run.PartTest]; fmt.Sprint(r.Values) != fmt.Sprint(want.Values) || r.Rows != 5 || report.Rows != 20 {
		t.Errorf("%v, %d rows, want %v", r.Values, report.Rows, want.Values)
	}
	// Two horizons are two origins; the second knows the first.
	out, err = train(t, dir, small, `data.source={query: "SELECT * FROM sales WHERE month < '2021-05-01'", tables: {sales: sales.csv}}`)
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := open(t, out.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if r, _, err = earlier.Evaluate(t.Context(), src, dir); err != nil || r.Rows != 10 {
		t.Errorf("%+v, %v", r, err)
	}
	// What is compared has the same units and means, of a file and of the run's own end.
	s, _, err := m.Sample(t.Context(), src, dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := families.Parse("run.yaml", []byte(small), nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := c.(run.Sampler).SamplePart(t.Context(), m, dir, run.PartTest, nil)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(own.Units) != fmt.Sprint(s.Units) || len(own.Files) != 1 {
		t.Errorf("%v, want %v", own.Units, s.Units)
	}
	for _, metric := range s.Units.Metrics {
		mean := 0.0
		for _, v := range metric.Values {
			mean += float64(v) / float64(len(metric.Values))
		}
		if want, err := whole.Result.Metrics[run.PartTest].Get(metric.Name); err != nil || !(math.Abs(mean-want) <= 1e-5*math.Abs(want)) {
			t.Errorf("%s is %v on average, want %v, %v", metric.Name, mean, want, err)
		}
	}
	if _, _, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"old.csv"}}, write(t, dir, "old.csv", "store,item,month,sold\ns0,i0,2021-01-01,3\n")); err == nil || !strings.Contains(err.Error(), "2021-08-01") {
		t.Error(err)
	}
	if _, _, err := m.Evaluate(t.Context(), table.Source{Path: configfile.Strings{"new.csv"}}, write(t, dir, "new.csv", "store,item,month,sold\nx,y,2021-09-01,3\n")); err == nil || !strings.Contains(err.Error(), "no series") {
		t.Error(err)
	}
}

// Covariates are used; where they are not known ahead, the error names what is missing, and a file of them helps.
func TestCovariates(t *testing.T) {
	const known = "data.known=[promotion]"
	dir := sales(t, 4, 48, 4)
	with, err := train(t, dir, small, known)
	if err != nil {
		t.Fatal(err)
	}
	without, err := train(t, dir, small, "name=plain")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := with.Result.Metrics[run.PartTest].Get("smape")
	b, _ := without.Result.Metrics[run.PartTest].Get("smape")
	if !(a < 0.7*b) {
		t.Errorf("sMAPE %v with the promotion, %v without", a, b)
	}
	m, err := open(t, with.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := answer(t.Context(), m, model.ForecastRequest{}); err != nil || p.Rows != 16 {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = answer(t.Context(), m, model.ForecastRequest{Horizon: 5})
	if err == nil || !strings.Contains(err.Error(), "promotion of store s0, item i0 is not known for 2022-05-01") || !strings.Contains(err.Error(), "--covariates") {
		t.Error(err)
	}
	write(t, dir, "ahead.csv", "store,item,month,promotion\ns0,i0,2022-05-01,1\ns0,i1,2022-05-01,0\ns1,i0,2022-05-01,0\ns2,i0,2022-05-01,0\n")
	ahead := &table.Source{Path: configfile.Strings{"ahead.csv"}}
	if p, err := answer(t.Context(), m, model.ForecastRequest{Horizon: 5, Covariates: ahead, BaseDir: dir}); err != nil || p.Rows != 20 {
		t.Errorf("%+v, %v", p, err)
	}
	plain, err := open(t, without.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answer(t.Context(), plain, model.ForecastRequest{Covariates: ahead, BaseDir: dir}); err == nil || !strings.Contains(err.Error(), "can use none") {
		t.Error(err)
	}
}

// goods writes weeks of items of two categories with prices and stock-outs, and rows of prices ahead, of an item that was not sold yet, too.
func goods(t testing.TB, items, weeks, ahead int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("item,category,size,week,sold,price,out\n")
	for i := range items + 1 {
		s := philox.New(4, uint64(i))
		size := 1 + float64(i%12)/2
		for k := range weeks + ahead {
			price, out := 10.0, s.IntN(8)/7
			if s.IntN(5) == 0 {
				price = 7
			}
			sold := math.Floor(200*size/(price*price)*(1+0.5*math.Sin(2*math.Pi*float64(k)/52+float64(i%2))) + s.Float64())
			text := fmt.Sprint(sold / float64(1+out))
			if k >= weeks {
				text = ""
			}
			if i == items && k < weeks {
				continue
			}
			fmt.Fprintf(&b, "i%02d,c%d,%g,%s,%s,%g,%d\n", i, i%2, size, time.Date(2021, 1, 4+7*k, 0, 0, 0, 0, time.UTC).Format("2006-01-02"), text, price, out)
		}
	}
	return write(t, t.TempDir(), "goods.csv", b.String())
}

const shop = `family: demand
name: r
data: {source: goods.csv, keys: [item], time: week, target: sold, known: [price], static: [category, size], stockout: out}
horizon: 6
`

// Attributes, stock-outs, an item without history, and sums that add up to the last digit.
func TestShop(t *testing.T) {
	dir := goods(t, 25, 110, 6)
	var before string
	for _, threads := range []int{1, 2, 7} {
		out, err := train(t, dir, shop, fmt.Sprint("threads=", threads), "hierarchy={levels: [[], [category]]}")
		if err != nil {
			t.Fatal(err)
		}
		m, err := open(t, out.Folder)
		if err != nil {
			t.Fatal(err)
		}
		p, err := answer(t.Context(), m, model.ForecastRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(p.Columns); before != "" && text != before {
			t.Errorf("%d threads forecast other bits", threads)
		} else {
			before = text
		}
		if threads > 1 {
			continue
		}
		level, item, category, mean := column[string](t, p, "level"), column[string](t, p, "item"), column[string](t, p, "category"), column[float64](t, p, "mean")
		methods, high := column[string](t, p, "method"), column[float64](t, p, "q0.9")
		if p.Rows != 6*(3+26) {
			t.Fatalf("%d rows", p.Rows)
		}
		sums := map[string]float64{}
		for i := range mean {
			step := fmt.Sprint(i % 6)
			switch level[i] {
			case "series":
				sums[step] -= mean[i]
				sums[category[i]+step] -= mean[i]
				if want := map[bool]string{true: "analogy", false: "pooled demand"}[item[i] == "i25"]; methods[i] != want || !(high[i] >= mean[i]*0.9) {
					t.Errorf("%s by %s, %v, %v", item[i], methods[i], mean[i], high[i])
				}
			case "all":
				sums[step] += mean[i]
			case "category":
				sums[category[i]+step] += mean[i]
			}
		}
		if len(sums) != 18 {
			t.Errorf("%v", sums)
		}
		for key, v := range sums {
			if math.Abs(v) > 1e-9 {
				t.Errorf("%s lacks %v", key, v)
			}
		}
		// The new item is of size 1.5, and sells 3 at the usual price; all sell 7.
		own := 0.0
		for i := range mean {
			if item[i] == "i25" {
				own += mean[i] / 6
			}
		}
		if !(own > 2 && own < 5.5) {
			t.Errorf("the new item sells %v", own)
		}
		one, err := answer(t.Context(), m, model.ForecastRequest{Keys: [][]string{{"i25"}, {"i03"}}})
		if err != nil || one.Rows != 6*(3+2) {
			t.Errorf("%+v, %v", one, err)
		}
		if _, err := answer(t.Context(), m, model.ForecastRequest{Keys: [][]string{{"i99"}}}); !errors.Is(err, model.ErrUnknown) {
			t.Error(err)
		}
	}
	for _, c := range []struct{ set, want string }{
		{"hierarchy={levels: [[brand]]}", "no column of data.keys or data.static"},
		{"hierarchy={levels: [[], []]}", "there twice"},
		{"hierarchy={levels: [[]], method: top}", "method"},
		{"hierarchy={levels: []}", "names no level"},
		{"data.static=[price, size]", "column of"},
		{"data.static=[out]", "column of"},
		{"data.stockout=outs", "outs"},
		{"model.members=[ets]", "none of them looks at covariates"},
	} {
		if _, err := train(t, dir, shop, c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.set, err, c.want)
		}
	}
	// Without attributes, what was never sold cannot be forecast, and is said with what helps.
	out, err := train(t, dir, shop, "data.static=[]", "model.members=[regression]")
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(t, out.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answer(t.Context(), m, model.ForecastRequest{}); err == nil || !strings.Contains(err.Error(), "item i25 has no history") || !strings.Contains(err.Error(), "static") {
		t.Error(err)
	}
	write(t, dir, "goods.csv", "item,category,size,week,sold,price,out\na,c1,1,2024-01-01,5,1,0\na,c2,1,2024-01-08,5,1,0\n")
	if _, err := train(t, dir, shop); err == nil || !strings.Contains(err.Error(), `category of series "a" is "c2", and "c1" in an earlier row`) {
		t.Error(err)
	}
}

func TestBadData(t *testing.T) {
	for _, c := range []struct{ rows, set, want string }{
		{"a,b,2024-01-01,1\na,b,2024-01-01,2\n", "horizon=1", `series "a, b" has two rows of 2024-01-01`},
		{"a,b,2024-01-01,1\na,b,2024-03-01,2\na,b,2024-04-01,2\n", "horizon=1", `series "a, b" has no row of 2024-02-01; say what that means, data: {gaps: zero}`},
		{"a,b,2024-01-01,1\n", "horizon=1", "no series has two times"},
		{"a,b,,1\n", "horizon=1", "has no time"},
		{"a,b,2024-01-01,x\n", "horizon=1", "x"},
		{"a,b,2024-01-01,1\n", "horizon=0", "horizon"},
		{"a,b,2024-01-01,1\n", "levels=[0.9, 0.1]", "ascending"},
		{"a,b,2024-01-01,1\n", "model.members=[etz]", `did you mean "ets"`},
		{"a,b,2024-01-01,1\n", "data.holidays=[eastern]", "easter"},
		{"a,b,2024-01-01,1\n", "data.frequency=weakly", "weekly"},
		{"a,b,2024-01-01,1\n", "data.target=month", "column of"},
		{"a,b,2024-01-01,1\n", "device=cuda", "computed on the CPU"},
	} {
		dir := write(t, t.TempDir(), "sales.csv", "store,item,month,sold\n"+c.rows)
		if _, err := train(t, dir, small, c.set); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %s: %v, want %q", c.rows, c.set, err, c.want)
		}
	}
	// One bad series never keeps the others from their forecasts: here one of zeros, one of a single row and a constant.
	rows := ""
	for k := range 30 {
		date := time.Date(2020, time.Month(1+k), 1, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
		rows += fmt.Sprintf("a,zero,%s,0\na,flat,%s,5\na,good,%s,%d\n", date, date, date, 20+k%12)
	}
	dir := write(t, t.TempDir(), "sales.csv", "store,item,month,sold\n"+rows+"a,one,2022-06-01,3\n")
	out, err := train(t, dir, small)
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(t, out.Folder)
	if err != nil {
		t.Fatal(err)
	}
	p, err := answer(t.Context(), m, model.ForecastRequest{Horizon: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(column[string](t, p, "item"), column[float64](t, p, "mean")); !strings.HasPrefix(got, "[flat good one zero] [5 26") || !strings.HasSuffix(got, " 3 0]") {
		t.Error(got)
	}
}

func TestTamperedFolder(t *testing.T) {
	dir := sales(t, 3, 30, 0)
	out, err := train(t, dir, small)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{"model.json": {`"horizon": 4`, `"horizon": 40`}, "keys.json": {"s0", "s7"}} {
		path := filepath.Join(out.Folder, "model", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("%s does not have %q", name, change[0])
		}
		write(t, filepath.Dir(path), name, changed)
		if _, err := open(t, out.Folder); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s was changed: %v", name, err)
		}
		write(t, filepath.Dir(path), name, string(text))
	}
	if _, err := open(t, out.Folder); err != nil {
		t.Error(err)
	}
}
