package forecast

import (
	"compress/gzip"
	"encoding/csv"
	"flag"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	long   = flag.Bool("long", false, "forecast whole competitions, which takes minutes")
	only   = flag.String("only", "", "methods of TestCompetitions, by name, with commas between")
	before = flag.Bool("before", false, "TestCompetitionMembers: the last horizon of the training parts is the test part")
	dump   = flag.String("dump", "", "TestCompetitionMembers: a folder for the forecasts")
	sample = flag.Int("sample", 0, "TestCompetitionMembers: every so many series")
)

// contest is a set of series of a competition with what came after them.
type contest struct {
	name   string
	period []int // seasons of the rule
	scale  int   // of MASE and MSIS
	train  []Series
	test   [][]float64
	most   float64 // sMAPE of all series
	sample float64 // and of the sample
}

// competitions reads M3 yearly and quarterly and M4 hourly, every so many series of each.
func competitions(t testing.TB, every int) []contest {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	root = filepath.Join(root, "forecasting")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	read := func(name string) [][]string {
		f, err := os.Open(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(z)
		r.FieldsPerRecord = -1
		rows, err := r.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows[1:]
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	yearly := contest{name: "M3 yearly", scale: 1, most: 16, sample: 18.6}
	quarterly := contest{name: "M3 quarterly", period: []int{4}, scale: 4, most: 9.05, sample: 10.2}
	hourly := contest{name: "M4 hourly", period: []int{24, 168}, scale: 24, most: 10, sample: 11.5}
	index := map[string]int{}
	for _, row := range read("m3_yearly_quarterly.csv.gz") {
		c := &yearly
		if row[1] == "QUARTERLY" {
			c = &quarterly
		}
		i, ok := index[row[0]]
		if !ok {
			i = len(c.train)
			index[row[0]] = i
			c.train, c.test = append(c.train, Series{Periods: c.period}), append(c.test, nil)
		}
		if row[6] == "train" {
			c.train[i].Values = append(c.train[i].Values, number(row[8]))
		} else {
			c.test[i] = append(c.test[i], number(row[8]))
		}
	}
	for part, name := range []string{"m4_hourly-train.csv.gz", "m4_hourly-test.csv.gz"} {
		for _, row := range read(name) {
			var y []float64
			for _, v := range row[1:] {
				if v != "" && v != "NA" {
					y = append(y, number(v))
				}
			}
			if part == 0 {
				hourly.train = append(hourly.train, Series{Values: y, Periods: hourly.period})
			} else {
				hourly.test = append(hourly.test, y)
			}
		}
	}
	all := []contest{yearly, quarterly, hourly}
	for i := range all {
		c := &all[i]
		var train []Series
		var test [][]float64
		for j := 0; j < len(c.train); j += every {
			train, test = append(train, c.train[j]), append(test, c.test[j])
		}
		c.train, c.test = train, test
	}
	return all
}

var competitionLevels = []float64{0.025, 0.1, 0.5, 0.9, 0.975}

// score is what a method reached on a contest.
type score struct {
	smape, mase, msis, cover80, cover95 float64
	failed                              int
}

func (c *contest) score(predictions []*Prediction) score {
	var s score
	n := 0.0
	for i, p := range predictions {
		if p == nil {
			s.failed++
			continue
		}
		n++
		y, history := c.test[i], c.train[i].Values
		s.smape += SMAPE(y, p.Mean)
		if v := MASE(y, p.Mean, history, c.scale); !math.IsNaN(v) {
			s.mase += v
			s.msis += MSIS(y, p.Quantiles[0], p.Quantiles[4], history, c.scale, 0.05)
		}
		s.cover80 += Coverage(y, p.Quantiles[1], p.Quantiles[3])
		s.cover95 += Coverage(y, p.Quantiles[0], p.Quantiles[4])
	}
	s.smape, s.mase, s.msis, s.cover80, s.cover95 = s.smape/n, s.mase/n, s.msis/n, s.cover80/n, s.cover95/n
	return s
}

func (s score) String() string {
	return fmt.Sprintf("sMAPE %.3f MASE %.3f MSIS %.2f coverage of 80 %% %.3f, of 95 %% %.3f, failed %d", s.smape, s.mase, s.msis, s.cover80, s.cover95, s.failed)
}

// each runs f for 0 … n−1 on all processors.
func each(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

func (c *contest) run(m Method) []*Prediction {
	predictions := make([]*Prediction, len(c.train))
	each(len(c.train), func(i int) {
		p, err := m.Forecast(c.train[i], Options{Horizon: len(c.test[i]), Levels: competitionLevels, Seed: 1})
		if err == nil {
			predictions[i] = p
		}
	})
	return predictions
}

// The default on competitions whose winners are known, by one rule. Without -long, it is a sample of the series that is forecast.
func TestCompetitions(t *testing.T) {
	every := 12
	if *long {
		every = 1
	}
	for _, c := range competitions(t, every) {
		s, naive := c.score(c.run(c.rule(t))), c.score(c.run(SeasonalNaive{}))
		t.Logf("%s: %v", c.name, s)
		t.Logf("%s, seasonal naive: %v", c.name, naive)
		most := c.sample
		if *long {
			most = c.most
		}
		if !(s.smape <= most) || s.failed > 0 {
			t.Errorf("%s: sMAPE %.3f, want %v; %d series failed", c.name, s.smape, most, s.failed)
		}
		if !(s.msis < naive.msis) {
			t.Errorf("%s: intervals score %.2f, those of the seasonal naive method %.2f", c.name, s.msis, naive.msis)
		}
		if s.cover80 < 0.75 || s.cover80 > 0.9 {
			t.Errorf("%s: intervals of 80 %% cover %.3f", c.name, s.cover80)
		}
	}
}

// TestCompetitionMembers measures methods one by one, to choose a rule by: a report.
func TestCompetitionMembers(t *testing.T) {
	if *only == "" {
		t.Skip("a measurement: name methods by -only")
	}
	members := map[string]Method{
		"arima": ARIMA{}, "ces": CES{}, "snaive": SeasonalNaive{}, "snaive168": SeasonalNaive{Longest: true}, "drift": Drift{}, "ets": ETS{}, "damped": ETS{Form: "ZZdZ"}, "theta": ClassicTheta{}, "stm": Theta{}, "otm": Theta{Optimized: true},
		"mstl": MSTL{}, "mstlarima": MSTL{Remainder: ARIMA{}}, "logmstl": Log{MSTL{}}, "logmstlarima": Log{MSTL{Remainder: ARIMA{}}}, "smean": SeasonalMean{}, "profile": Profile{}, "logprofile": Log{Profile{}},
		"logmstltheta": Log{MSTL{Remainder: Theta{Optimized: true, Dynamic: true}}},
		"dstm":         Theta{Dynamic: true}, "dotm": Theta{Optimized: true, Dynamic: true},
	}
	pooled := map[string]Pooled{
		"ridge": PooledRidge{Lags: 504, Level: 168, Stride: 5}, "logridge": PooledRidge{Lags: 504, Level: 168, Log: true, Stride: 5},
		"logridge24": PooledRidge{Lags: 504, Level: 24, Log: true, Stride: 5}, "logridge504": PooledRidge{Lags: 504, Level: 504, Log: true, Stride: 5},
		"logridge336": PooledRidge{Lags: 336, Level: 168, Log: true, Stride: 5}, "logridge192": PooledRidge{Lags: 192, Level: 168, Log: true, Stride: 5},
	}
	for _, c := range competitions(t, max(*sample, 1)) {
		if *before {
			c.hold()
		}
		for _, name := range strings.Split(*only, ",") {
			name, contest, _ := strings.Cut(name, "@")
			if !strings.Contains(c.name, contest) {
				continue
			}
			method := members[name]
			if m, ok := pooled[name]; ok {
				var err error
				if method, err = m.Train(slices.Values(c.train), Options{Horizon: len(c.test[0])}); err != nil {
					t.Fatal(err)
				}
			}
			if name == "default" {
				method = c.rule(t)
			}
			p := c.run(method)
			t.Logf("%s %s: %v", c.name, name, c.score(p))
			if *dump != "" {
				var b strings.Builder
				for i, p := range p {
					if p == nil {
						p = &Prediction{Mean: repeat(math.NaN(), len(c.test[i]))}
					}
					fmt.Fprintln(&b, strings.Trim(fmt.Sprint(p.Mean), "[]"))
				}
				file := filepath.Join(*dump, strings.ReplaceAll(c.name, " ", "_")+"."+name)
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// hold makes the last horizon of the training parts the test parts, of series that are long enough.
func (c *contest) hold() {
	var train []Series
	var test [][]float64
	for i, s := range c.train {
		if n := len(s.Values) - len(c.test[i]); n >= 8 {
			train = append(train, Series{Values: s.Values[:n], Periods: s.Periods})
			test = append(test, s.Values[n:])
		}
	}
	c.train, c.test = train, test
}

// rule is the default for a contest: trained and calibrated on the training parts.
func (c *contest) rule(t testing.TB) Method {
	t.Helper()
	o := Options{Horizon: len(c.test[0]), Levels: competitionLevels, Seed: 1}
	calibration, err := Calibrate(slices.Values(c.train), o, 1, each, func(known iter.Seq[Series]) Method { return NewRule(known, c.period, o) })
	if err != nil {
		t.Fatal(err)
	}
	return Calibrated{NewRule(slices.Values(c.train), c.period, o), calibration}
}
