package forecast

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// walmart reads weekly sales by store and department: series to 2012-02-03, the next 12 weeks, and the weights of these.
func walmart(t testing.TB, every int) (train []Series, test [][]float64, weights []float64) {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(root, "sales", "walmart_weekly.csv.gz"))
	if err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	first, last := day(2010, 2, 5), day(2012, 2, 3)
	n := int(last.Sub(first)/(7*24*time.Hour)) + 1
	weights = repeat(1, 12)
	var keys []string
	all := map[string][]float64{}
	for _, row := range rows[1:] {
		key := row[0] + "," + row[1]
		if all[key] == nil {
			all[key] = repeat(math.NaN(), n+12)
			keys = append(keys, key)
		}
		date, err := time.Parse("2006-01-02", row[2])
		if err != nil {
			t.Fatal(err)
		}
		week := int(date.Sub(first) / (7 * 24 * time.Hour))
		if all[key][week], err = strconv.ParseFloat(row[3], 64); err != nil {
			t.Fatal(err)
		}
		if row[4] == "True" && week >= n {
			weights[week-n] = 5
		}
	}
	slices.Sort(keys)
	for i := 0; i < len(keys); i += every {
		y := all[keys[i]]
		observed := func(v float64) bool { return !math.IsNaN(v) }
		if slices.ContainsFunc(y[:n], observed) && slices.ContainsFunc(y[n:], observed) {
			train, test = append(train, Series{Values: y[:n], Periods: []int{52}}), append(test, y[n:])
		}
	}
	return train, test, weights
}

// Twelve weeks of Walmart's departments, with Easter known: the errors of holidays count five times. The same weeks a year before have a WMAE of
// 1,954; the default has 1,489 on all series. Without -long it is an eighth of them.
func TestWalmart(t *testing.T) {
	every, most := 8, 1420.0
	if *long {
		every, most = 1, 1500
	}
	train, test, weights := walmart(t, every)
	var starts []time.Time
	for i := range 105 + 13 {
		starts = append(starts, day(2010, 2, 5).AddDate(0, 0, 7*i))
	}
	easter, err := Holiday("easter", 0, 0, starts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range train {
		train[i].Known = [][]float64{easter}
	}
	measure := func(m Method) (wmae, coverage float64) {
		p := make([]*Prediction, len(train))
		each(len(train), func(i int) {
			var err error
			if p[i], err = m.Forecast(train[i], Options{Horizon: 12, Levels: levels80, NonNegative: true}); err != nil {
				t.Error(err)
			}
		})
		if t.Failed() {
			t.FailNow()
		}
		var errors, total, covered, n float64
		for i, p := range p {
			for k, y := range test[i] {
				if math.IsNaN(y) {
					continue
				}
				errors += weights[k] * math.Abs(y-p.Mean[k])
				total += weights[k]
				if n++; y >= p.Quantiles[0][k] && y <= p.Quantiles[2][k] {
					covered++
				}
			}
		}
		return errors / total, covered / n
	}
	naive, _ := measure(SeasonalNaive{})
	wmae, coverage := measure(&Rule{})
	t.Logf("%d series: WMAE %.0f, of seasonal naive %.0f, intervals of 80 %% cover %.3f", len(train), wmae, naive, coverage)
	if wmae > most || wmae > 0.85*naive {
		t.Errorf("WMAE %.0f, want %.0f", wmae, most)
	}
	if coverage < 0.75 || coverage > 0.85 {
		t.Errorf("intervals of 80 %% cover %.3f", coverage)
	}
}
