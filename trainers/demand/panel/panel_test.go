package panel

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func micros(s string) int64 {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro()
		}
	}
	panic(s)
}

func rows(key string, times ...string) Rows {
	var r Rows
	for i, t := range times {
		r.Keys, r.Times, r.Value = append(r.Keys, key), append(r.Times, micros(t)), append(r.Value, float64(i+1))
	}
	return r
}

func join(a, b Rows) Rows {
	return Rows{Keys: append(a.Keys, b.Keys...), Times: append(a.Times, b.Times...), Value: append(a.Value, b.Value...)}
}

func TestFrequencyIsFound(t *testing.T) {
	for want, times := range map[string][]string{
		"hourly":    {"2024-01-01 00:00", "2024-01-01 01:00", "2024-01-01 02:00"},
		"daily":     {"2024-02-28", "2024-02-29", "2024-03-01"},
		"weekly":    {"2010-02-05", "2010-02-12", "2010-02-19", "2010-03-05"},
		"monthly":   {"2024-01-31", "2024-02-29", "2024-03-31"},
		"quarterly": {"2024-01-01", "2024-04-01", "2024-07-01", "2025-01-01"},
		"yearly":    {"1999-06-15", "2000-06-15", "2001-06-15"},
	} {
		p, err := Build(rows("a", times...), Options{Gaps: GapsMissing})
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if p.Frequency.Name != want {
			t.Errorf("%v: %s, want %s", times, p.Frequency.Name, want)
		}
		last := times[len(times)-1]
		if got := p.TimeText(p.End - 1); !strings.HasPrefix(got, last) {
			t.Errorf("%s ends on %s, want %s", want, got, last)
		}
	}
	p, err := Build(rows("a", "2024-01-31", "2024-02-29"), Options{})
	if err != nil || p.TimeText(2) != "2024-03-31" || p.TimeText(13) != "2025-02-28" {
		t.Errorf("ends of months go on with %s, %v", p.TimeText(2), err)
	}
	p, err = Build(join(rows("a", "2024-01-01", "2024-02-01"), rows("b", "2024-04-01")), Options{})
	if err != nil || p.Frequency.Name != "monthly" || len(p.Series) != 2 || p.End != 4 || !math.IsNaN(p.Series[0].Values[3]) || len(p.Notes) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// What is wrong with rows is said with the series, the time and what to do; what is proposed helps.
func TestBadRows(t *testing.T) {
	gap := rows("a", "2024-01-01", "2024-01-02", "2024-01-04")
	for _, c := range []struct {
		rows Rows
		o    Options
		want string
	}{
		{Rows{}, Options{}, "there are no rows"},
		{gap, Options{Gaps: GapsRefused}, `series "a" has no row of 2024-01-03; say what that means, data: {gaps: zero}`},
		{rows("a", "2024-01-01", "2024-01-02", "2024-01-02"), Options{}, `series "a" has two rows of 2024-01-02, rows 2 and 3`},
		{rows("a", "2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00"), Options{}, "take times of UTC"},
		{rows("a", "2024-01-01"), Options{}, "no series has two times, and no step follows; name one, frequency: hourly"},
		{rows("a", "2024-01-01 00:00", "2024-01-01 00:10"), Options{}, "times lie 10m0s apart"},
		{join(rows("a", "2024-01-01", "2024-02-01", "2024-03-01"), rows("b", "2024-01-01", "2024-01-02")), Options{}, `series "a" has monthly rows, and together all have daily ones`},
		{rows("a", "2024-01-01", "2024-01-09"), Options{Frequency: "weekly"}, `2024-01-09, row 2, is not on the weekly steps through 2024-01-01`},
		{rows("a", "2024-01-01"), Options{Frequency: "weakly"}, `did you mean "weekly"`},
		{Rows{Keys: []string{"a"}, Times: []int64{0}, Value: []float64{math.NaN()}}, Options{Frequency: "daily"}, "no row has a value of the target"},
	} {
		if _, err := Build(c.rows, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.rows, err, c.want)
		}
	}
	for gaps, want := range map[string]string{GapsZero: "[1 2 0 3]", GapsMissing: "[1 2 NaN 3]"} {
		p, err := Build(gap, Options{Gaps: gaps})
		if err != nil || fmt.Sprint(p.Series[0].Values) != want {
			t.Errorf("%s: %v, %v", gaps, p.Series, err)
		}
	}
	if p, err := Build(rows("a", "2024-01-01"), Options{Frequency: "daily"}); err != nil || p.End != 1 {
		t.Errorf("one row, of a frequency that is named: %v", err)
	}
}

func TestCovariates(t *testing.T) {
	r := rows("a", "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04")
	nan := math.NaN()
	r.Value[3] = nan
	r.Known = [][]float64{{1, nan, 3, 4}}
	p, err := Build(r, Options{Names: []string{"price"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &p.Series[0]
	if p.End != 3 || fmt.Sprint(s.Values, s.Known) != "[1 2 3] [[1 1 3 4]]" {
		t.Errorf("%+v", p)
	}
	if c, _ := p.Lacks(s, 1); c != -1 {
		t.Error("price is known one step ahead")
	}
	if c, step := p.Lacks(s, 2); c != 0 || p.TimeText(step) != "2024-01-05" {
		t.Errorf("covariate %d of %s", c, p.TimeText(step))
	}
}
