package export_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/datasets/table"
	"debut/engine/onnxruntime/onnxruntimetest"
	"debut/kernels/cpu"
	"debut/trainers/export"
	"debut/trainers/families"
	"debut/trainers/model"
	"debut/trainers/recommender/recommendertest"
	"debut/trainers/run"
)

// withoutGraph are kinds that have no form in ONNX, and why. A kind that is not here is exported, and answers as it does itself.
var withoutGraph = map[string]string{
	"demand":          "forecasts are made of the series, which its methods fit anew, and not of rows",
	"pricing/loglog":  pricesMove,
	"pricing/semilog": pricesMove,
	"pricing/logit":   pricesMove,
	"pricing/linear":  "it explains prices, for those who set them; nothing is served by it",
}

const pricesMove = "what is sold depends on all prices of a category in a period, and not on a row"

// kindsOf lists the kinds of model that run files of a family may name, by its schema.
func kindsOf(t *testing.T, family string) (key string, kinds []string) {
	t.Helper()
	text, err := families.Schema(family)
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	// resolve follows a reference into the definitions.
	resolve := func(v any) map[string]any {
		m, _ := v.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			defs, _ := schema["$defs"].(map[string]any)
			m, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		return m
	}
	within := func(m map[string]any, name string) map[string]any {
		p, _ := m["properties"].(map[string]any)
		return resolve(p[name])
	}
	section := within(resolve(schema), "model")
	for _, key := range []string{"kind", "algorithm"} {
		list, _ := within(section, key)["enum"].([]any)
		for _, v := range list {
			if s, ok := v.(string); ok {
				kinds = append(kinds, s)
			}
		}
		if len(kinds) > 0 {
			return key, kinds
		}
	}
	t.Fatalf("the schema of %s names no kinds of model", family)
	return "", nil
}

// rowsCSV writes a table with columns of all types, some of whose values are missing, and with spoiled some that are in no other.
func rowsCSV(t *testing.T, path string, rows int, spoiled bool) {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 6))
	cities := []string{"Bonn", "Köln", "Mainz", "Trier", "Worms"}
	var b strings.Builder
	b.WriteString("id,price,visits,city,member,seen,bought,size,spent\n")
	for i := range rows {
		price, visits, city, member := 20*random.ExpFloat64(), random.IntN(6), random.IntN(len(cities)), random.IntN(2)
		x := 0.08*price - 0.5*float64(visits) + 0.8*float64(city-2) + float64(member) + random.NormFloat64()
		fields := []string{fmt.Sprint("r", i), fmt.Sprintf("%.2f", price), fmt.Sprint(visits), cities[city], []string{"no", "yes"}[member],
			fmt.Sprintf("2026-%02d-%02d", 1+random.IntN(12), 1+random.IntN(28)), "no", "small", fmt.Sprintf("%.3f", 3*x+10)}
		if x > 0.5 {
			fields[6] = "yes"
		}
		if x > -0.5 {
			fields[7] = "middle"
		}
		if x > 1 {
			fields[7] = "large"
		}
		for c := 1; c < 6; c++ {
			if random.IntN(12) == 0 {
				fields[c] = ""
			}
		}
		if spoiled && i%3 == 0 {
			fields[3] = fmt.Sprint("town ", i%5)
		}
		b.WriteString(strings.Join(fields, ",") + "\n")
	}
	recommendertest.Write(t, path, b.String())
}

// trained is a model of a run file, opened for the time of a test.
func trained(t testing.TB, dir, text string) model.Model {
	t.Helper()
	c, err := families.Parse("run.yaml", []byte(text), []string{fmt.Sprintf("output=%q", filepath.Join(t.TempDir(), "runs")), "name=r", "seed=3", "device=cpu"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.Train(context.Background(), c, run.Options{BaseDir: dir, ConfigPath: "run.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, out.Folder)
}

func opened(t testing.TB, folder string) model.Model {
	t.Helper()
	dev, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := families.Open(folder, dev)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c, ok := m.(io.Closer); ok {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// cases are run files for every kind of model of every family.
func cases(t *testing.T) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, family := range families.Names() {
		if family == "demand" { // its run files name no kind
			list[family] = "family: demand\ndata: {source: series.csv, time: day, target: sold}\nhorizon: 3\n"
			continue
		}
		key, kinds := kindsOf(t, family)
		for _, kind := range kinds {
			section := fmt.Sprintf("family: %s\nmodel: {%s: %s", family, key, kind)
			if family == "pricing" {
				list[family+"/"+kind] = section + "}\ndata: {source: prices.csv, product: product, category: category, time: week, price: price, units: units, competitors: [theirs], exposure: views}\nevaluation: {origins: 0}\n"
				if kind == "linear" {
					list[family+"/"+kind] = strings.Replace(list[family+"/"+kind], ", exposure: views", "", 1)
				}
				continue
			}
			if family != "behavior" {
				// Ratings are the events' number of times.
				data := "data: {sources: [{path: events.csv}], split: {method: leave_random_out}}"
				if kind == "sgd" || kind == "bias" {
					data = "data: {sources: [{path: ratings.csv}], columns: {value: rating}, split: {method: random}}"
				}
				list[family+"/"+kind] = section + "}\n" + data + "\n"
				continue
			}
			for _, target := range []string{"bought", "size", "spent"} {
				train := "\ntrain: {epochs: 2, batch: 64}"
				list[family+"/"+kind+"/"+target] = fmt.Sprintf("%s}%s\ndata: {source: {path: rows.csv}, target: %s, id: id, ignore: [%s]}\n", section, train, target,
					strings.Join(slices.DeleteFunc([]string{"bought", "size", "spent"}, func(s string) bool { return s == target }), ", "))
			}
		}
	}
	events := "\ndata: {sources: [{path: events.csv}], split: {method: leave_random_out}}\n"
	rows := func(target, rest string) string {
		return "family: behavior\ndata: {source: {path: rows.csv}, target: " + target + ", id: id, ignore: [size, " + map[bool]string{true: "spent", false: "bought"}[target == "bought"] + "]}\ntrain: {epochs: 2, batch: 64" + rest
	}
	list["few neighbors of items"] = "family: neighbors\nmodel: {kind: item, neighbors: 5}" + events
	list["few neighbors of users"] = "family: neighbors\nmodel: {kind: user, neighbors: 5}" + events
	list["reweighted"] = "family: neighbors\nmodel: {kind: item}\nreweight: {popularity: -0.5}" + events
	list["platt"] = rows("bought", "}\ndecision: {calibration: platt, threshold: {choose: f1}}\n")
	list["temperature"] = rows("bought", "}\ndecision: {calibration: temperature}\n")
	list["poisson"] = strings.ReplaceAll(rows("visits", ", loss: poisson}\n"), "ignore: [size, bought]", "ignore: [size, bought, spent], drop_missing_target: true")
	return list
}

// folder has the data of cases.
func folder(t *testing.T) string {
	t.Helper()
	dir := recommendertest.Events(t, 60)
	rowsCSV(t, filepath.Join(dir, "rows.csv"), 500, false)
	rowsCSV(t, filepath.Join(dir, "spoiled.csv"), 1000, true)
	var b strings.Builder
	b.WriteString("user,item,rating\n")
	random := rand.New(rand.NewPCG(7, 8))
	for u := range 60 {
		for range 12 {
			i := random.IntN(40)
			fmt.Fprintf(&b, "u%d,i%d,%d\n", u, i, 1+(u+i+random.IntN(3))%5)
		}
	}
	recommendertest.Write(t, filepath.Join(dir, "ratings.csv"), b.String())
	b.Reset()
	b.WriteString("day,sold\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%s,%d\n", time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), 20+i%7+random.IntN(5))
	}
	recommendertest.Write(t, filepath.Join(dir, "series.csv"), b.String())
	b.Reset()
	b.WriteString("product,category,week,price,theirs,units,views\n")
	for i := range 120 {
		price := float64(8 + random.IntN(5))
		fmt.Fprintf(&b, "p%d,c,%s,%.2f,%d,%d,200\n", i%3, time.Date(2026, 1, 5+i/3*7, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), price, 9+random.IntN(3), 2+int(300/(price*price))*(5+random.IntN(4)))
	}
	recommendertest.Write(t, filepath.Join(dir, "prices.csv"), b.String())
	return dir
}

// options of an export for tests.
func options(t *testing.T, format string) export.Options {
	t.Helper()
	return export.Options{
		Format: format, Folder: filepath.Join(t.TempDir(), "out"), Name: "shop model", Version: "test",
		Graph: model.GraphOptions{Vocabulary: export.DefaultVocabulary, K: 7},
	}
}

// Every kind of model of every family is exported, passes the full check of the Python package onnx, and answers by ONNX Runtime as it does
// itself: a thousand rows with missing and unseen values, lists of users and items.
func TestEveryKind(t *testing.T) {
	r := onnxruntimetest.Open(t)
	dir := folder(t)
	outputs := t.TempDir()
	var paths []string
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && strings.HasPrefix(name, "behavior/") && !strings.HasSuffix(name, "/bought") {
				t.Skip("the kind is exported for another target")
			}
			m := trained(t, dir, text)
			for _, vocabulary := range []int{0, export.DefaultVocabulary} {
				o := options(t, export.ONNX)
				o.Graph.Vocabulary = vocabulary
				o.Folder = filepath.Join(outputs, fmt.Sprint(len(paths)))
				if vocabulary == 0 {
					o.Tables = export.Beside
				}
				o.Verify = &export.Verification{Runtime: r, Limit: 50, Threads: 1}
				if x, ok := m.(model.RowReader); ok {
					o.Verify.Rows = func(ctx context.Context) (*table.Frame, error) {
						return x.ReadRows(ctx, table.Source{Path: []string{filepath.Join(dir, "spoiled.csv")}}, "", 1000)
					}
				}
				out, err := export.Write(context.Background(), m, o)
				if why := withoutGraph[name]; why != "" {
					if err == nil {
						t.Errorf("it has a form in ONNX, and it is said why not: %s", why)
					}
					return
				}
				if err != nil {
					t.Fatalf("%v; give the kind a form in ONNX, or say in this test why it has none", err)
				}
				if len(out.Verified) != len(out.Graphs) || len(out.Graphs) == 0 {
					t.Errorf("%d graphs, %d verified", len(out.Graphs), len(out.Verified))
				}
				for i, v := range out.Verified {
					if !(v.Largest <= 1e-5) || v.Texts > 0 || v.Rows < 40 {
						t.Errorf("%+v", v)
					}
					t.Logf("%+v", v)
					paths = append(paths, filepath.Join(out.Folder, out.Graphs[i].File))
				}
			}
		})
	}
	onnxruntimetest.Check(t, paths...)
}
