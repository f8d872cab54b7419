package encoding

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"debut/datasets/table"
	"debut/datasets/warning"
)

// ranged is an encoder of a number, learned from the whole numbers below n, and of a date, of as many days.
func ranged(t *testing.T, n int) *Encoder {
	t.Helper()
	e := NewEncoder(TargetEncoding{}, nil, "")
	e.Rows = n
	for _, s := range series(n, 0) {
		c, _, _, err := FitColumn(s, Column{Fill: FillMedian}, "columns."+s.Name)
		if err != nil || c == nil {
			t.Fatal(c, err)
		}
		e.Columns = append(e.Columns, *c)
	}
	return e
}

// series has the whole numbers from a first one on, and as many days from that since 2020.
func series(n, first int) []*table.Series {
	number := &table.Series{Name: "n", Kind: table.Numeric}
	day := &table.Series{Name: "day", Kind: table.Date}
	for i := range n {
		number.Floats = append(number.Floats, float64(first+i))
		day.Micros = append(day.Micros, int64(18262+first+i)*secondsPerDay*1e6)
	}
	return []*table.Series{number, day}
}

func TestOutside(t *testing.T) {
	e := ranged(t, 1000)
	tell := func(part string, columns []*table.Series) (EncodeReport, warning.List) {
		t.Helper()
		_, r, err := e.Encode(t.Context(), &table.Frame{Rows: columns[0].Len(), Columns: columns}, false)
		if err != nil {
			t.Fatal(err)
		}
		return r, r.Warnings(part)
	}
	if r, list := tell("test", series(500, 300)); len(r.Outside)+len(list) > 0 {
		t.Errorf("within the range: %+v, told %q", r.Outside, list)
	}
	r, list := tell("test", series(500, 700))
	if len(r.Outside) != 2 || len(list) != 2 || r.Outside[0].Rows != 200 || r.Outside[0].Trained != "0 to 999" || r.Outside[0].Found != "1000 to 1199" {
		t.Fatalf("%+v, told %q", r.Outside, list)
	}
	if n := list[0].Numbers; list[0].Column != "n" || list[0].Part != "test" || n["share"] != 0.4 || n["rows"] != 200 || n["greatest"] != 1199 || n["trained_greatest"] != 999 {
		t.Errorf("%+v", list[0])
	}
	if m := list[1].Message; !strings.Contains(m, "trained on 2020-01-01 to 2022-09-26, found 2022-09-27 to 2023-04-14") {
		t.Error(m)
	}
	// A single row far beyond is told of, for a person asks about it; missing values are no values.
	e.Rows = 10_000
	one := series(1, 0)
	one[0].Floats[0] = -5
	if _, list = tell("", one); len(list) != 1 || !strings.Contains(list[0].Message, "1 of 1 rows (100 %)") {
		t.Errorf("told %q", list)
	}
	one[0].Floats[0], one[1].Micros[0] = math.NaN(), table.MissingDate
	if r, _ = tell("", one); len(r.Outside) > 0 {
		t.Errorf("missing values: %+v", r.Outside)
	}
	// Encoders of earlier versions have no ranges.
	for i := range e.Columns {
		e.Columns[i].Range = nil
	}
	if r, _ = tell("", series(500, 700)); len(r.Outside) > 0 {
		t.Errorf("without ranges: %+v", r.Outside)
	}
}

// What chance brings, or what lies near in few rows, is not worth a word.
func TestTelling(t *testing.T) {
	for _, c := range []struct {
		rows, outside, of int
		least, greatest   float64
		want              bool
	}{
		{100, 1, 900, 1, 5, false},     // one of ten such columns has that
		{100, 3, 900, 1, 5, false},     // 3 % of them, as far as chance goes
		{100, 5, 900, 1, 5, true},      // far beyond
		{100, 5, 900, 1, 1.05, false},  // a twentieth of the width beyond, in few rows
		{100, 20, 900, 1, 1.05, true},  // in many
		{1000, 9, 90_000, 1, 5, false}, // less than a hundredth
		{1, 1, 10_000, 1, 5, true}, {1, 1, 0, 1, 5, false},
	} {
		o := OutsideRange{Rows: c.outside, of: c.of, trained: [2]float64{0, 1}, found: [2]float64{c.least, c.greatest}}
		if got := o.telling(c.rows); got != c.want {
			t.Errorf("%+v: told %v", c, got)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{1: "100 %", 0.9999: "over 99 %", 0.5: "50 %", 0.123: "12 %", 0.0123: "1.2 %"} {
		if got := percent(share); got != want {
			t.Errorf("%v is %s, want %s", share, got, want)
		}
	}
}

// The ranges are in the file and change its version, not what a training knows its data by.
func TestRangesInTheFile(t *testing.T) {
	e := ranged(t, 50)
	e.Target = TargetEncoding{Name: "y", Type: table.TypeNumeric, Task: TaskRegression, Scale: 1}
	var with, plain strings.Builder
	if err := e.Save(&with); err != nil {
		t.Fatal(err)
	}
	if err := e.Identify(&plain); err != nil || strings.Contains(plain.String(), "range") || strings.Contains(plain.String(), `"rows"`) {
		t.Errorf("%v: %s", err, plain.String())
	}
	back, err := LoadEncoder(strings.NewReader(with.String()))
	if err != nil || back.Rows != 50 || fmt.Sprint(back.Columns[0].Range) != "[0 49]" || back.Version != rangesVersion {
		t.Fatalf("%v: %+v", err, back)
	}
	for from, to := range map[string]string{`"rows": 50`: `"rows": -1`, `"range": [`: `"range": [50, `} {
		damaged := strings.Replace(with.String(), from, to, 1)
		if damaged == with.String() {
			t.Fatalf("%q is not in %s", from, damaged)
		}
		if _, err := LoadEncoder(strings.NewReader(damaged)); err == nil {
			t.Errorf("%q is accepted", to)
		}
	}
}
