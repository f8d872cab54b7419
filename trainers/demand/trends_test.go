package demand_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/kernels/philox"
	"debut/trainers/model"
)

// courses writes series of months: of four stores and three items; item i0 rises, i1 falls, i2 does neither; one series is short.
func courses(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("store,item,month,sold\n")
	for i := range 12 {
		g := philox.New(4, uint64(i))
		rate := []float64{0.3, -0.3, 0}[i%3]
		for k := range 60 {
			sold := 100 * math.Exp(rate*float64(k)/12+0.2*math.Sin(2*math.Pi*float64(k)/12)+0.05*g.NormFloat64())
			fmt.Fprintf(&b, "s%d,i%d,%s,%.2f\n", i/3, i%3, time.Date(2019, time.Month(1+k), 1, 0, 0, 0, 0, time.UTC).Format("2006-01-02"), sold)
		}
	}
	b.WriteString("s9,<b>new</b>,2023-11-01,5\ns9,<b>new</b>,2023-12-01,6\n")
	return write(t, t.TempDir(), "sales.csv", b.String())
}

func TestTrends(t *testing.T) {
	dir := courses(t)
	out, err := train(t, dir, small, "model.members=[seasonal_naive]")
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(t, out.Folder)
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Trends(t.Context(), model.ForecastRequest{})
	if err != nil {
		t.Fatal(err)
	}
	stores, items, of := column[string](t, p, "store"), column[string](t, p, "item"), column[int64](t, p, "series")
	trends, share, from := column[string](t, p, "trend"), column[float64](t, p, "share"), column[string](t, p, "from")
	change, low, high := column[float64](t, p, "change"), column[float64](t, p, "low"), column[float64](t, p, "high")
	// Twelve series and a short one; sums of four stores, three items, all. The short one's store and item have no sum of their own.
	if p.Rows != 13+4+3+1 {
		t.Errorf("%d rows: %v %v", p.Rows, stores, items)
	}
	want := map[string]string{"i0": "rising", "i1": "falling", "i2": "steady", "<b>new</b>": "too short"}
	wrong := 0
	for i := range p.Rows {
		switch {
		case items[i] == "" && stores[i] == "" && of[i] != 13, items[i] == "" && stores[i] != "" && of[i] != 3, items[i] != "" && stores[i] == "" && of[i] != 4:
			t.Errorf("a sum over %d series: %q %q", of[i], stores[i], items[i])
		case items[i] != "" && trends[i] != want[items[i]]:
			wrong++
		}
		if trends[i] == "rising" && items[i] == "i0" && (math.Abs(share[i]-math.Expm1(0.3)) > 0.12 || from[i] != "2022-12-01" || !(low[i] < change[i] && change[i] < high[i])) {
			t.Errorf("i0 of store %q rises by %v (%v … %v), %v, from %s", stores[i], change[i], low[i], high[i], share[i], from[i])
		}
	}
	if wrong > 1 { // of those called rising or falling one in ten may be
		t.Errorf("%d wrong: %v %v %v", wrong, stores, items, trends)
	}
	if first, last := slices.Index(trends, "falling"), len(trends)-1-slices.IndexFunc(reversed(trends), func(s string) bool { return s == "rising" }); first < last || trends[len(trends)-1] != "too short" {
		t.Errorf("not in order: %v", trends)
	}
}

func reversed(list []string) []string {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

// The page shows what rises and falls and what is to come, in texts that stay texts; the same for any number of threads.
func TestPage(t *testing.T) {
	dir := courses(t)
	pages := map[string]bool{}
	for _, threads := range []int{1, 7} {
		out, err := train(t, dir, small, "model.members=[seasonal_naive]", fmt.Sprint("threads=", threads))
		if err != nil {
			t.Fatal(err)
		}
		m, err := open(t, filepath.Join(out.Folder, "model"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.Page(t.Context(), model.ForecastRequest{})
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		pages[b.String()] = true
	}
	for text := range pages {
		for _, want := range []string{"Forecast of sold", "13 series of monthly steps, observed from 2019-01-01 to 2023-12-01; 4 steps ahead, to 2024-04-01", "item i0 (4 series)", "80 % interval", "rising most",
			"falling most", "&lt;b&gt;new&lt;/b&gt;", "all 13 series"} {
			if !strings.Contains(text, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		if strings.Contains(text, "<b>new") || strings.Contains(text, "NaN") {
			t.Error("the page has a text as markup, or a number that is none")
		}
		if n := strings.Count(text, "<figure>"); n != 13 {
			t.Errorf("%d figures", n)
		}
	}
	if len(pages) != 1 {
		t.Error("the page depends on the number of threads")
	}
}
