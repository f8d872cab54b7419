package datasets

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
)

func TestNumbersThatNameThings(t *testing.T) {
	for name, want := range map[string]bool{
		"store": true, "Store": true, "user_id": true, "ProductID": true, "zip code": true, "dept": true, "item": true,
		"store_size": false, "days_since_id": false, "item_count": false, "customer age": false, "price": false, "items": false, "width": false,
	} {
		if got := namesThings(&table.Series{Name: name, Kind: table.Numeric, Floats: []float64{3, math.NaN(), 1, 2}}); got != want {
			t.Errorf("%q names things: %v", name, got)
		}
	}
	for _, values := range [][]float64{{1, 1, 1}, {0.5, 1}, {-1, 2}, {math.NaN()}, nil} {
		if namesThings(&table.Series{Name: "store", Kind: table.Numeric, Floats: values}) {
			t.Errorf("%v name things", values)
		}
	}
}

// Training says it, with a line that mends it; what is declared, carried along or left out is nobody's concern.
func TestNumbersThatNameThingsAreTold(t *testing.T) {
	content := "user,store,price,y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%d,%d,%d.5,%d", i, i%4, i, i%2) })
	told := func(cfg Config) int {
		t.Helper()
		cfg.Target = "y"
		return strings.Count(mustLoad(t, content, cfg).Report.Warnings.String(), "stand for things")
	}
	if n := told(Config{}); n != 2 {
		t.Errorf("told %d times", n)
	}
	if n := told(Config{ID: configfile.Strings{"user"}, Columns: map[string]encoding.Column{"store": {Type: table.TypeCategorical}}}); n != 0 {
		t.Errorf("told %d times of what is declared", n)
	}
	d := mustLoad(t, content, Config{Target: "y", ID: configfile.Strings{"user"}})
	if len(d.Report.Warnings) != 1 || !strings.Contains(d.Report.Warnings[0].String(), "columns: {store: {type: categorical}}") {
		t.Errorf("warnings %q", d.Report.Warnings)
	}
}

// What a name with a thing in it counts is no code: a warning of it would be a false alarm. Ids are ids wherever they stand.
func TestCountsAreNoCodes(t *testing.T) {
	content := "ProductRelated,zip_delivery,y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%d,%d,%d", i%7, 10115+i%5, i%2) })
	list := mustLoad(t, content, Config{Target: "y", Codes: CodesCategories}).Report.Warnings.Named(warning.Codes)
	if len(list) != 1 || list[0].Column != "zip_delivery" {
		t.Errorf("told %q", list)
	}
}

func TestNameOfThings(t *testing.T) {
	for name, want := range map[string]bool{
		"store": true, "Dept": true, "user_id": true, "ProductID": true, "zip code": true, "item2": false,
		"ProductRelated": false, "product_views": false, "item_discount": false, "": false,
	} {
		if got := nameOfThings(name); got != want {
			t.Errorf("%q names things for sure: %v", name, got)
		}
	}
}

// Where categories are asked for they are taken, of files that other programs wrote too, and rows read later have the same ones.
func TestNumbersThatNameThingsAreCategories(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, store func(i int) string) string {
		path := filepath.Join(dir, name)
		content := "store,price,y\n" + numbered(60, func(i int) string { return fmt.Sprintf("%s,%d.5,%d", store(i), i, i%2) })
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := func(i int) string { return fmt.Sprint(1000 + i%4) }
	later := write("later.csv", plain)
	for name, store := range map[string]func(i int) string{
		"plain":     plain,
		"gaps":      func(i int) string { return []string{"1000.0", "1001.0", "1002.0", ""}[i%4] },
		"thousands": func(i int) string { return []string{`"1,000"`, `"1,001"`, `"1,002"`, `"1,003"`}[i%4] },
	} {
		cfg := Config{Source: table.Source{Path: configfile.Strings{write(name+".csv", store)}}, Target: "y", Codes: CodesCategories}
		if name == "thousands" {
			cfg.Source.Decimal, cfg.Source.Thousands = ".", ","
		}
		d, err := Load(t.Context(), &cfg, dir, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := d.Encoder.Columns[0]
		if name == "thousands" { // a category would be read as it is written
			if c.Type != table.TypeNumeric || !strings.Contains(d.Report.Warnings.String(), "stand for things") {
				t.Errorf("%s: %s, told %q", name, c.Type, d.Report.Warnings)
			}
			continue
		}
		if c.Type != table.TypeCategorical || d.Resolved.Columns["store"].Type != table.TypeCategorical || len(cfg.Columns) != 0 || len(d.Report.Warnings) != 0 {
			t.Errorf("%s: %s, resolved %+v, told %q", name, c.Type, d.Resolved.Columns, d.Report.Warnings)
		}
		f, err := d.Encoder.Read(t.Context(), table.Source{Path: configfile.Strings{later}}, dir, true)
		if err != nil {
			t.Fatal(err)
		}
		_, report, err := d.Encoder.Encode(t.Context(), f, true)
		if err != nil || len(report.Unseen) > 0 && name == "plain" || len(report.Unseen) > 0 && report.Unseen[0].Rows != 15 {
			t.Errorf("%s: unseen %+v, error %v", name, report.Unseen, err)
		}
		// What is resolved gives the same again.
		again, err := Load(t.Context(), d.Resolved, dir, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := again.Encoder.Columns[0], c; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: again %+v, want %+v", name, got, want)
		}
	}
}
