package datasets

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
)

// dayRows has a row for each of 120 days: what lies beyond the training rows of a split by time, and what does not.
func dayRows() string {
	return "day,week,weekday,noise,y\n" + numbered(120, func(i int) string {
		return fmt.Sprintf("2024-%02d-%02d,%d,%d,%d,%d", 1+i/28, 1+i%28, i/7, i%7, i*37%101, i%2)
	})
}

func TestTrends(t *testing.T) {
	split := Split{Method: SplitTime, Column: "day"}
	names := func(d *Dataset) (all []string) {
		for _, f := range d.Encoder.NumericFeatures() {
			all = append(all, f.Name)
		}
		return all
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(dayRows()), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(cfg *Config) *Dataset {
		d, err := Load(t.Context(), cfg, dir, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := load(&Config{Source: table.Source{Path: configfile.Strings{"rows.csv"}}, Target: "y", Split: split, Trends: TrendsDrop})
	got := names(d)
	for _, name := range []string{"week", "day.days", "day.month"} {
		if slices.Contains(got, name) {
			t.Errorf("%s is still among %v", name, got)
		}
	}
	for _, name := range []string{"weekday", "noise", "day.day"} {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not among %v", name, got)
		}
	}
	if w := d.Report.Warnings.String(); !strings.Contains(w, "columns: {week: {type: numeric}}") || !strings.Contains(w, "columns: {day: {type: date}}") {
		t.Errorf("told %q", w)
	}
	if !slices.Contains(d.Resolved.Ignore, "week") {
		t.Errorf("resolved: ignore %v", d.Resolved.Ignore)
	}
	if again := load(d.Resolved); !slices.Equal(names(again), got) {
		t.Errorf("resolved, the features are %v, and were %v", names(again), got)
	}
	// The remedy keeps what it names; nothing is left out of rows at random, or unasked.
	remedied := Config{Target: "y", Split: split, Trends: TrendsDrop, Columns: map[string]encoding.Column{"week": {Type: table.TypeNumeric}, "day": {Type: table.TypeDate}}}
	for name, cfg := range map[string]Config{
		"remedied": remedied, "kept": {Target: "y", Split: split}, "at random": {Target: "y", Trends: TrendsDrop},
		"all there is": {Target: "y", Split: split, Trends: TrendsDrop, Ignore: []string{"weekday", "noise", "day"}},
	} {
		d := mustLoad(t, dayRows(), cfg)
		told := d.Report.Warnings
		if name == "kept" { // see TestSplitDate
			told = slices.DeleteFunc(told, func(w warning.Warning) bool { return w.Name == warning.SplitDate })
		}
		if !slices.Contains(names(d), "week") || len(told) > 0 {
			t.Errorf("%s: features %v, told %q", name, names(d), d.Report.Warnings)
		}
	}
}

// The time that rows are split by is told of where it is a feature, and the remedy is followed; not where it returns every week, was
// declared, or rows are not split by it.
func TestSplitDate(t *testing.T) {
	split := Split{Method: SplitTime, Column: "day"}
	declared := map[string]encoding.Column{"day": {Type: table.TypeDate}}
	for name, c := range map[string]struct {
		cfg  Config
		told bool
	}{
		"a feature": {Config{Split: split}, true}, "a feature by name": {Config{Split: split, Trends: TrendsDrop, Features: []string{"day", "noise"}}, true},
		"without validation": {Config{Split: Split{Method: SplitTime, Column: "day", Validation: new(0.0)}, Trends: TrendsDrop}, true},
		"a number":           {Config{Split: Split{Method: SplitTime, Column: "week"}, Ignore: []string{"day"}}, true},
		"its remedy":         {Config{Split: split, Ignore: []string{"day"}}, false},
		"left out":           {Config{Split: split, Trends: TrendsDrop}, false}, "declared": {Config{Split: split, Columns: declared}, false}, "at random": {Config{}, false},
	} {
		c.cfg.Target = "y"
		list := mustLoad(t, dayRows(), c.cfg).Report.Warnings.Named(warning.SplitDate)
		if len(list) > 0 != c.told {
			t.Errorf("%s: told %q", name, list)
		}
		if name == "a feature" && !strings.Contains(list.String(), `data: {ignore: ["day"]}`) {
			t.Errorf("the remedy of %q", list)
		}
	}
}

// The time of year of later dates is known where the training rows have seen a whole one.
func TestSeasonOfLaterDates(t *testing.T) {
	rows := func(days int) string {
		return "day,noise,y\n" + numbered(days, func(i int) string {
			return time.Date(2023, time.November, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) + fmt.Sprintf(",%d,%d", i*37%101, i%2)
		})
	}
	cfg := Config{Target: "y", Split: Split{Method: SplitTime, Column: "day"}, Trends: TrendsDrop}
	for days, known := range map[int]bool{150: false, 500: false, 530: true} {
		d := mustLoad(t, rows(days), cfg)
		var names []string
		for _, f := range d.Encoder.NumericFeatures() {
			names = append(names, f.Name)
		}
		for _, part := range []string{"month", "year_sin", "year_cos"} {
			if got := slices.Contains(names, "day."+part); got != known {
				t.Errorf("%d days, of which the first 70 %% are for training: %s is among %v: %v", days, part, names, got)
			}
		}
		if !slices.Contains(names, "day.weekday") || slices.Contains(names, "day.days") {
			t.Errorf("%d days: the features are %v", days, names)
		}
	}
	// At random, no date lies beyond, and every month has been seen.
	d := mustLoad(t, rows(150), Config{Target: "y", Trends: TrendsDrop})
	if !slices.ContainsFunc(d.Encoder.NumericFeatures(), func(f encoding.NumericFeature) bool { return f.Name == "day.month" }) {
		t.Error("the month is left out of rows at random")
	}
}

func TestBeyond(t *testing.T) {
	if got := beyond([]float64{1, 2, 3}, []float64{4, 5, 6}); !got {
		t.Error("what lies above is not beyond")
	}
	if got := beyond([]float64{1, 2, 3}, []float64{0, -5}); !got {
		t.Error("what lies below is not beyond")
	}
	if beyond([]float64{1, 2, 3}, []float64{0, 4, 0, 4}) || beyond([]float64{1}, nil) {
		t.Error("what lies about is beyond")
	}
}
