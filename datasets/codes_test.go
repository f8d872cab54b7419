package datasets

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
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
		return strings.Count(strings.Join(mustLoad(t, content, cfg).Report.Warnings, "\n"), "stand for things")
	}
	if n := told(Config{}); n != 2 {
		t.Errorf("told %d times", n)
	}
	if n := told(Config{ID: configfile.Strings{"user"}, Columns: map[string]encoding.Column{"store": {Type: table.TypeCategorical}}}); n != 0 {
		t.Errorf("told %d times of what is declared", n)
	}
	d := mustLoad(t, content, Config{Target: "y", ID: configfile.Strings{"user"}})
	if len(d.Report.Warnings) != 1 || !strings.Contains(d.Report.Warnings[0], "columns: {store: {type: categorical}}") {
		t.Errorf("warnings %q", d.Report.Warnings)
	}
}
