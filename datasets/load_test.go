package datasets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// shop is a small table with every kind of column and some missing values.
func shop(n int) string {
	return "id,day,customer,price,city,vip,label,w\n" + numbered(n, func(i int) string {
		city := []string{"Rome", "Oslo", "", "Bern", "Rome"}[i%5]
		price := fmt.Sprint(i*i%97 + 1)
		if i%11 == 3 {
			price = ""
		}
		day := time.Date(2024, 1, 1+i/2, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		return fmt.Sprintf("%05d,%s,c%d,%s,%s,%t,%s,%d", i, day, i/3, price, city, i%4 == 0, []string{"no", "no", "yes"}[i%3], 1+i%2)
	})
}

func shopConfig() Config {
	return Config{Target: "label", ID: configfile.Strings{"id"}, Weight: "w", Ignore: configfile.Strings{"customer"}}
}

func TestLoad(t *testing.T) {
	d := mustLoad(t, shop(300), shopConfig())
	if d.Train.Rows() != 210 || d.Validation.Rows() != 30 || d.Test.Rows() != 60 {
		t.Errorf("parts %d, %d, %d, want 210, 30, 60", d.Train.Rows(), d.Validation.Rows(), d.Test.Rows())
	}
	for _, e := range []*encoding.Encoded{d.Train.Encoded(), d.Validation.Encoded(), d.Test.Encoded()} {
		sum := 0.0
		for _, y := range e.Target {
			sum += y
		}
		if share := sum / float64(e.Rows); math.Abs(share-1.0/3) > 0.01 {
			t.Errorf("share of positives %g in a part of %d rows, want 1/3", share, e.Rows)
		}
		if len(e.Weight) != e.Rows || len(e.IDColumns) != 1 || len(e.IDColumns[0].Values[0]) != 5 {
			t.Errorf("weights %d, id columns %v", len(e.Weight), e.IDColumns)
		}
	}
	var names []string
	for _, f := range d.Encoder.NumericFeatures() {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, " "), "day.month day.day day.weekday day.year_sin day.year_cos day.days price vip"; got != want {
		t.Errorf("numeric features %s\nwant %s", got, want)
	}
	fields := d.Encoder.CategoricalFields()
	// Unknown, three cities, missing.
	if len(fields) != 1 || fields[0].Name != "city" || fields[0].Cardinality != 5 {
		t.Errorf("fields %+v", fields)
	}
	if v := d.Encoder.Columns; v[2].Name != "city" || v[2].Vocabulary[0] != "Rome" {
		t.Errorf("columns %+v", v)
	}
	// Standardized on the training rows.
	for j, f := range d.Encoder.NumericFeatures() {
		if f.Name == "vip" {
			continue // booleans stay 0 and 1
		}
		column := make([]float64, d.Train.Rows())
		for r := range column {
			column[r] = float64(d.Train.Encoded().Numeric[r*d.Train.Encoded().D+j])
		}
		if mean, std := moments(column); math.Abs(mean) > 1e-6 || math.Abs(std-1) > 1e-6 {
			t.Errorf("%s: mean %g, deviation %g", f.Name, mean, std)
		}
	}
}

func TestLoadTwice(t *testing.T) {
	a, b := mustLoad(t, shop(300), shopConfig()), mustLoad(t, shop(300), shopConfig())
	a.Report.Files, b.Report.Files = nil, nil // temporary folders differ
	if !reflect.DeepEqual(a, b) {
		t.Error("two loads with the same seed differ")
	}
	cfg := shopConfig()
	cfg.Source.Path = configfile.Strings{"data.csv"}
	c, err := Load(context.Background(), &cfg, write(t, "data.csv", shop(300)), 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(a.Train.Encoded().IDColumns, c.Train.Encoded().IDColumns) {
		t.Error("another seed gives the same split")
	}
}

// TestFitOnTrainingRowsOnly gives the later rows values of their own.
func TestFitOnTrainingRowsOnly(t *testing.T) {
	content := "t,x,c,y\n" + numbered(100, func(i int) string {
		if i < 70 {
			return fmt.Sprintf("%d,%d,a%d,%d", i, i%7, i%3, i%2)
		}
		return fmt.Sprintf("%d,%d,late,%d", i, 1000000, i%2)
	})
	d := mustLoad(t, content, Config{Target: "y", Ignore: nil, Split: Split{Method: SplitTime, Column: "t"}})
	for _, c := range d.Encoder.Columns {
		if slices.Contains(c.Vocabulary, "late") {
			t.Error("a value of later rows is in the vocabulary")
		}
		for _, f := range c.Features {
			if c.Name == "x" && (f.Mean > 7 || f.Scale > 7) {
				t.Errorf("statistics %+v saw later rows", f)
			}
		}
	}
	for r := range d.Test.Rows() {
		if d.Test.Encoded().IDs[r] != 0 {
			t.Errorf("test row %d has id %d, want 0", r, d.Test.Encoded().IDs[r])
		}
	}
}

func TestEncoderRoundTrip(t *testing.T) {
	cfg := shopConfig()
	cfg.Defaults.Numeric = encoding.Column{Transform: configfile.Strings{"log1p", "clip", "standardize"}, Encoding: configfile.Strings{encoding.EncodingPiecewiseLinear}, Bins: 5, MissingIndicator: new(true)}
	cfg.Columns = map[string]encoding.Column{"city": {HashBuckets: 7, Embedding: 3}}
	d := mustLoad(t, shop(300), cfg)
	var first, second bytes.Buffer
	if err := d.Encoder.Save(&first); err != nil {
		t.Fatal(err)
	}
	e, err := encoding.LoadEncoder(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Save(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("saving a loaded encoder gives other bytes")
	}
	// Other order of columns, one more, the target absent.
	dir := write(t, "data.csv", shop(300))
	frame, err := e.Read(context.Background(), table.Source{Path: configfile.Strings{"data.csv"}}, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := d.Encoder.Encode(context.Background(), frame, true)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(frame.Columns)
	frame.Columns = append(frame.Columns, &table.Series{Name: "extra", Kind: table.Numeric, Floats: make([]float64, frame.Rows)})
	b, _, err := e.Encode(context.Background(), frame, true)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Error("the loaded encoder gives other bits")
	}
	features := e.NumericFeatures()
	at := slices.IndexFunc(features, func(f encoding.NumericFeature) bool { return f.Name == "price" })
	if f := features[at]; len(f.Edges) != 6 || !increasing(f.Edges) || !f.Transformed {
		t.Errorf("price = %+v", f)
	}
	if f := features[at+1]; f.Name != "price (missing)" {
		t.Errorf("after price comes %+v", f)
	}
	sum := float32(0)
	for r := range a.Rows {
		sum += a.Numeric[r*a.D+at+1]
	}
	if sum != 27 {
		t.Errorf("%g missing prices, want 27", sum)
	}
}

func TestLoadEncoderDamaged(t *testing.T) {
	d := mustLoad(t, shop(60), shopConfig())
	b, err := json.Marshal(d.Encoder)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]string{
		{`"version":2`, `"version":9`}, {`"scale":`, `"scale":-`}, {`"missing_id":4`, `"missing_id":9`},
		{`"type":"date"`, `"type":"what"`}, {`"task":"binary"`, `"task":""`}, {`{"version"`, `{{"version"`}, {`["day","weekday"`, `["day","moon"`},
	} {
		damaged := strings.Replace(string(b), r[0], r[1], 1)
		if damaged == string(b) {
			t.Fatalf("%s is not in %s", r[0], b)
		}
		if _, err := encoding.LoadEncoder(strings.NewReader(damaged)); err == nil {
			t.Errorf("an encoder with %s loads", r[1])
		}
	}
}

func TestEncodeUnseenAndMissingColumns(t *testing.T) {
	d := mustLoad(t, shop(300), shopConfig())
	e := d.Encoder
	ctx := context.Background()
	f := mustRead(t, "city,vip,price,day\nParis,1,2,2024-05-05\nLima,0,,\nRome,,3,2030-01-01\nParis,1,2,2024-05-05\n", table.Source{}, map[string]string{"vip": table.TypeBoolean})
	out, report, err := e.Encode(ctx, f, false)
	if err != nil {
		t.Fatal(err)
	}
	if u := report.Unseen; len(u) != 1 || u[0].Column != "city" || u[0].Rows != 3 || strings.Join(u[0].Examples, " ") != "Paris Lima" {
		t.Errorf("unseen %+v", u)
	}
	if got := fmt.Sprint(out.IDs); got != "[0 0 1 0]" {
		t.Errorf("ids %s", got)
	}
	if len(report.Missing) != 3 {
		t.Errorf("missing %+v", report.Missing)
	}
	if out.Target != nil {
		t.Error("a target without one")
	}
	_, _, err = e.Encode(ctx, f, true)
	wantError(t, err, `"label"`, `"w"`)
	dir := write(t, "new.csv", "City,vip,day,n\nRome,1,2024-05-05,x\n")
	f, err = e.Read(ctx, table.Source{Path: configfile.Strings{"new.csv"}}, dir, false)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = e.Encode(ctx, f, false)
	wantError(t, err, `"city"`, `"price"`, `did you mean "City"?`)
	f = mustRead(t, "city,vip,price,day\nRome,1,2024-05-05,2024-05-05\n", table.Source{}, nil)
	_, _, err = e.Encode(ctx, f, false)
	wantError(t, err, `column "price"`, "date", "numeric")
}

func TestDropsAndDuplicates(t *testing.T) {
	content := "x,c,empty,same,y\n" + numbered(20, func(i int) string { return fmt.Sprintf("%d,k%d,,5,%d", i%10, i%2, i%2) })
	d := mustLoad(t, content, Config{Target: "y", Deduplicate: true})
	if r := d.Report; r.Rows != 20 || r.Duplicates != 10 || r.Train+r.Validation+r.Test != 10 {
		t.Errorf("report %+v", r)
	}
	if w := d.Report.Warnings.String(); !strings.Contains(w, `"empty" has no value`) || !strings.Contains(w, `"same" is constant (5)`) {
		t.Errorf("warnings %s", w)
	}
	if len(d.Encoder.Columns) != 2 {
		t.Errorf("columns %+v", d.Encoder.Columns)
	}
	_, err := loadText(t, content, Config{Target: "y", Columns: map[string]encoding.Column{"empty": {Type: table.TypeNumeric}}})
	wantError(t, err, `column "empty"`, "no value in the training rows")
}

func TestTargets(t *testing.T) {
	table := func(label func(i int) string) string {
		return "x,y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%d,%s", i, label(i)) })
	}
	pick := func(values ...string) func(int) string {
		return func(i int) string { return values[i%len(values)] }
	}
	for _, c := range []struct {
		content, positive, task string
		wantTask, wantClasses   string
	}{
		{table(pick("FALSE", "TRUE")), "", "", encoding.TaskBinary, "false true"},
		{table(pick("yes", "no")), "", "", encoding.TaskBinary, "no yes"},
		{table(pick("yes", "no")), "no", "", encoding.TaskBinary, "yes no"},
		{table(pick("1", "2")), "", "", encoding.TaskBinary, "2 1"},
		{table(pick("-1", "1")), "", "", encoding.TaskBinary, "-1 1"},
		{table(pick("cat", "dog")), "", "", encoding.TaskBinary, "cat dog"},
		{table(pick("cat", "dog", "cow")), "", "", encoding.TaskMulticlass, "cat cow dog"},
		{table(pick("2", "10", "1")), "", "", encoding.TaskMulticlass, "1 2 10"},
		{table(pick("0.5", "10", "1")), "", "", encoding.TaskRegression, ""},
		{table(func(i int) string { return fmt.Sprint(i) }), "", "", encoding.TaskRegression, ""},
		{table(pick("2", "10", "1")), "", encoding.TaskRegression, encoding.TaskRegression, ""},
	} {
		d := mustLoad(t, c.content, Config{Target: "y", Task: c.task, Positive: c.positive})
		target := d.Encoder.Target
		if target.Task != c.wantTask || strings.Join(target.Classes, " ") != c.wantClasses {
			t.Errorf("task %s, classes %q; want %s, %q", target.Task, target.Classes, c.wantTask, c.wantClasses)
		}
		if c.wantTask == encoding.TaskBinary && target.Positive != target.Classes[1] {
			t.Errorf("positive %q of %q", target.Positive, target.Classes)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	base := "x,y\n" + numbered(30, func(i int) string { return fmt.Sprintf("%d,%d", i, i%2) })
	for name, c := range map[string]struct {
		content string
		cfg     Config
		path    string // of the FieldError; "-" when it is another error
		want    []string
	}{
		"label column":     {base, Config{Target: "yy"}, "target", []string{`no column "yy"`, `did you mean "y"?`}},
		"one class":        {"x,y\n1,1\n2,1\n3,1\n4,1\n", Config{Target: "y", Split: Split{Method: SplitNone}}, "target", []string{`the single value "1"`}},
		"missing label":    {"x,y\n1,1\n2,\n3,0\n4,\n", Config{Target: "y"}, "-", []string{"data.csv:3", `column "y"`, "in 2 of 4 rows", "drop_missing_target"}},
		"feature":          {base + "", Config{Target: "y", Features: configfile.Strings{"xx"}}, "features.0", []string{`did you mean "x"?`}},
		"ignore":           {base, Config{Target: "y", Ignore: configfile.Strings{"xy"}}, "ignore.0", []string{`no column "xy"`}},
		"id":               {base, Config{Target: "y", ID: configfile.Strings{"key"}}, "id.0", []string{`no column "key"`}},
		"column":           {base, Config{Target: "y", Columns: map[string]encoding.Column{"z": {Type: table.TypeNumeric}}}, "columns.z", []string{`no column "z"`}},
		"ignored column":   {base, Config{Target: "y", Columns: map[string]encoding.Column{"z": {Type: table.TypeIgnore}}}, "columns.z", []string{`no column "z"`}},
		"split column":     {base, Config{Target: "y", Split: Split{Method: SplitTime, Column: "when"}}, "split.column", []string{`no column "when"`}},
		"weight":           {"x,y,w\n1,1,1\n2,0,-1\n3,1,1\n4,0,1\n", Config{Target: "y", Weight: "w", Split: Split{Method: SplitNone}}, "-", []string{"data.csv:3", `column "w"`, "-1"}},
		"weight missing":   {"x,y,w\n1,1,1\n2,0,\n3,1,1\n4,0,1\n", Config{Target: "y", Weight: "w", Split: Split{Method: SplitNone}}, "-", []string{"data.csv:3", "weight is missing"}},
		"infinite target":  {"x,y\n1,1.5\n2,inf\n3,2.5\n", Config{Target: "y", Task: encoding.TaskRegression}, "-", []string{"data.csv:3", `"inf" is not a finite number`}},
		"huge target":      {"x,y\n1,1.5\n2,1e300\n3,2.5\n", Config{Target: "y", Split: Split{Method: SplitNone}, Task: encoding.TaskRegression}, "target", []string{"too large for sums of their squares"}},
		"tiny target":      {"x,y\n1,1e-200\n2,2e-200\n3,2.5e-200\n", Config{Target: "y", Split: Split{Method: SplitNone}, Task: encoding.TaskRegression}, "target", []string{"differ by 1.5e-200", "multiply"}},
		"text regression":  {"x,y\n1,a\n2,b\n3,c\n", Config{Target: "y", Task: encoding.TaskRegression}, "-", []string{`data.csv:2`, `"a" is not a number`}},
		"three of two":     {"x,y\n1,a\n2,b\n3,c\n", Config{Target: "y", Task: encoding.TaskBinary, Split: Split{Method: SplitNone}}, "task", []string{"has 3 values"}},
		"positive":         {base, Config{Target: "y", Positive: "yes"}, "positive", []string{`no value "yes"`}},
		"no features":      {base, Config{Target: "y", Ignore: configfile.Strings{"x"}}, "", []string{"no column is left"}},
		"fill":             {base, Config{Target: "y", Columns: map[string]encoding.Column{"x": {Fill: encoding.FillCategory}}}, "columns.x.fill", []string{"numeric", "missing_indicator"}},
		"fill value":       {base, Config{Target: "y", Columns: map[string]encoding.Column{"x": {Fill: encoding.FillConstant, FillValue: "many"}}}, "columns.x.fill_value", []string{"not a number"}},
		"split values":     {base + "", Config{Target: "y", Split: Split{Method: SplitColumn, Column: "x", TestValues: configfile.Strings{"a"}}}, "split.test_values", []string{`"x"`}},
		"wrong delimiter":  {strings.ReplaceAll(base, ",", ";"), Config{Source: table.Source{Delimiter: ","}, Target: "y"}, "target", []string{`seems to be ";"`}},
		"stratified":       {"x,y\n1,1.5\n2,2.25\n3,3.125\n", Config{Target: "y", Split: Split{Stratify: new(true)}}, "split.stratify", []string{"regression"}},
		"nothing to train": {"x,y\n1,1\n2,0\n", Config{Target: "y", Split: Split{Method: SplitColumn, Column: "x", TestValues: configfile.Strings{"1", "2"}}}, "split", []string{"left for training"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadText(t, c.content, c.cfg)
			wantError(t, err, c.want...)
			var ce *configfile.FieldError
			if is := errors.As(err, &ce); is != (c.path != "-") || is && ce.Path != c.path {
				t.Errorf("error %#v, want the path %q", err, c.path)
			}
		})
	}
}

func TestValidateErrors(t *testing.T) {
	for path, text := range map[string]string{
		"source.path":               "target: y",
		"target":                    "source: {path: a.csv}",
		"task":                      "{source: {path: a.csv}, target: y, task: binray}",
		"source.delimiter":          "{source: {path: a.csv, delimiter: ', '}, target: y}",
		"source.format":             "{source: {path: a.csv, format: xls}, target: y}",
		"source.tables":             "{source: {path: a.csv, tables: {b: {path: b.csv}}}, target: y}",
		"id.0":                      "{source: {path: a.csv}, target: y, id: y}",
		"ignore.1":                  "{source: {path: a.csv}, target: y, ignore: [a, a]}",
		"columns.a.type":            "{source: {path: a.csv}, target: y, columns: {a: {type: number}}}",
		"columns.a.transform.0":     "{source: {path: a.csv}, target: y, columns: {a: {transform: log}}}",
		"columns.a.clip_quantiles":  "{source: {path: a.csv}, target: y, columns: {a: {clip_quantiles: [0.9, 0.1]}}}",
		"columns.a.bins":            "{source: {path: a.csv}, target: y, columns: {a: {bins: 1}}}",
		"columns.a.fill_value":      "{source: {path: a.csv}, target: y, columns: {a: {fill: constant}}}",
		"defaults.categorical.fill": "{source: {path: a.csv}, target: y, defaults: {categorical: {fill: mean}}}",
		"split.test":                "{source: {path: a.csv}, target: y, split: {test: -0.1}}",
		"split":                     "{source: {path: a.csv}, target: y, split: {test: 0.5, validation: 0.5}}",
		"split.method":              "{source: {path: a.csv}, target: y, split: {method: rnadom}}",
		"split.column":              "{source: {path: a.csv}, target: y, split: {method: time}}",
		"split.test_values":         "{source: {path: a.csv}, target: y, split: {method: column, column: a}}",
		"split.test_values.0":       "{source: {path: a.csv}, target: y, split: {method: column, column: a, test_values: 1, validation_values: [1]}}",
		"columns.a.min_count":       "{source: {path: a.csv}, target: y, columns: {a: {min_count: -1}}}",
		"source.names.1":            "{source: {path: a.csv, names: [a, a]}, target: y}",
		"columns.a.transform.1":     "{source: {path: a.csv}, target: y, columns: {a: {transform: [log1p, none]}}}",
		"defaults.numeric.type":     "{source: {path: a.csv}, target: y, defaults: {numeric: {type: date}}}",
	} {
		var c Config
		if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		c.SetDefaults()
		err := c.Validate()
		var ce *configfile.FieldError
		if !errors.As(err, &ce) || ce.FieldPath() != path || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s:\nerror %v, want one at %s", text, err, path)
		}
	}
}

func TestConfigResolvedIsStable(t *testing.T) {
	var c Config
	text := "{source: {path: a.csv, header: false, names: [a, y]}, test: {path: b.csv}, target: y, columns: {a: {fill_value: 3, fill: constant}}, split: {validation: 0}}"
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	c.SetDefaults()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	first, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Config
	if err := yaml.UnmarshalWithOptions(first, &again, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	again.SetDefaults()
	second, err := yaml.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("resolved twice:\n%s\n%s", first, second)
	}
	if *c.Split.Test != 0 || *c.Split.Validation != 0 || c.Test.Names[1] != "y" || *c.Test.Header {
		t.Errorf("resolved to\n%s", first)
	}
}

func TestSeparateSources(t *testing.T) {
	dir := write(t, "train.csv", "x,c,y\n"+numbered(40, func(i int) string { return fmt.Sprintf("%d,k%d,%s", i, i%3, []string{"no", "yes"}[i%2]) }))
	writeTo(t, dir, "test.csv", "y,c,x\nyes,k1,1\nyes,k9,2\n")
	cfg := &Config{Source: table.Source{Path: configfile.Strings{"${DEBUT_TEST_NAME:-train}.csv"}}, Test: &table.Source{Path: configfile.Strings{"test.csv"}}, Target: "y"}
	d, err := Load(context.Background(), cfg, dir, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Train.Rows() != 36 || d.Validation.Rows() != 4 || d.Test.Rows() != 2 || d.Test.Encoded().Target[0] != 1 || d.Report.Rows != 42 || len(d.Report.Files) != 2 {
		t.Errorf("train %d, validation %d, test %+v, report %+v", d.Train.Rows(), d.Validation.Rows(), d.Test, d.Report)
	}
	writeTo(t, dir, "test.csv", "y,c,x\nyes,k1,1\nnever,k9,2\n")
	_, err = Load(context.Background(), cfg, dir, 3, nil)
	wantError(t, err, "test rows", "test.csv:3", `"never" is not among the classes`)
}

func TestGather(t *testing.T) {
	d := mustLoad(t, shop(100), shopConfig())
	e := d.Train.Encoded()
	rows := []int32{3, 0, 3}
	numeric, ids := make([]float32, 3*e.D), make([]int32, 3*e.F)
	target, weight := make([]float64, 3), make([]float64, 3)
	allocations := testing.AllocsPerRun(10, func() {
		e.Gather(&encoding.Batch{Numeric: numeric, IDs: ids, Target: target, Weight: weight}, 0, rows)
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	for i, r := range rows {
		if !slices.Equal(numeric[i*e.D:(i+1)*e.D], e.Numeric[int(r)*e.D:(int(r)+1)*e.D]) || ids[i] != e.IDs[r] ||
			target[i] != e.Target[r] || weight[i] != e.Weight[r] {
			t.Errorf("row %d gathered wrongly", r)
		}
	}
	(&encoding.Encoded{Rows: 5}).Gather(&encoding.Batch{Weight: weight}, 0, rows)
	if !slices.Equal(weight, []float64{1, 1, 1}) {
		t.Errorf("weights %v without weights", weight)
	}
}
