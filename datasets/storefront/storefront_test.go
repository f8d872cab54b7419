package storefront

import (
	"errors"
	"iter"
	"math"
	"strings"
	"testing"
	"time"
)

// small returns a configuration that is quick to simulate.
func small() Config {
	cfg := DefaultConfig()
	cfg.Sessions, cfg.Users, cfg.Items, cfg.Days = 2000, 700, 100, 90
	return cfg
}

func mustSimulate(t *testing.T, cfg Config) iter.Seq[Session] {
	t.Helper()
	all, err := Simulate(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestValidateNamesEveryProblem(t *testing.T) {
	for _, test := range []struct {
		change func(*Config)
		want   []string
	}{
		{func(c *Config) { c.Sessions = 0 }, []string{"sessions is 0", "from 1 to"}},
		{func(c *Config) { c.Sessions = -3 }, []string{"sessions is -3"}},
		{func(c *Config) { c.Users = 0 }, []string{"users is 0"}},
		{func(c *Config) { c.Items = 9 }, []string{"items is 9", "from 10 to"}},
		{func(c *Config) { c.Days = 100_000 }, []string{"days is 100000"}},
		{func(c *Config) { c.Users = 40_002 }, []string{"40002 users", "at most 40000"}},
		{func(c *Config) { c.Start = time.Time{} }, []string{"start is not set"}},
		{func(c *Config) { c.Start = time.Date(1492, 1, 1, 0, 0, 0, 0, time.UTC) }, []string{"1492"}},
		{func(c *Config) { *c = Config{} }, []string{"sessions is 0", "users is 0", "items is 0", "days is 0", "start is not set"}},
	} {
		cfg := DefaultConfig()
		test.change(&cfg)
		err := cfg.Validate()
		if !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: error %v does not wrap ErrConfig", cfg, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
		}
		if _, err := Simulate(cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("Simulate(%+v): error %v", cfg, err)
		}
		if _, err := WriteCSV(t.TempDir(), cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("WriteCSV(%+v): error %v", cfg, err)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default configuration: %v", err)
	}
	for _, n := range []int{-1, 0, 2001} {
		if _, err := SimulateNew(small(), n); !errors.Is(err, ErrConfig) {
			t.Errorf("SimulateNew of %d: error %v", n, err)
		}
	}
}

// The audience is as large as configured, visits are consistent per user, and
// time goes forward within the period.
func TestSessionsAreConsistent(t *testing.T) {
	cfg := small()
	last := map[int]time.Time{}
	newcomers, repeat := 0, 0
	before := cfg.Start
	end := cfg.Start.AddDate(0, 0, cfg.Days)
	n := 0
	for s := range mustSimulate(t, cfg) {
		if s.Index != n {
			t.Fatalf("session %d has index %d", n, s.Index)
		}
		n++
		if s.Time.Before(before) || !s.Time.Before(end) {
			t.Fatalf("session %d is at %v, after one at %v, in a period until %v", s.Index, s.Time, before, end)
		}
		before = s.Time
		if s.NewVisitor {
			if want := cfg.knownUsers() + newcomers; s.User != want {
				t.Fatalf("session %d: new user %d, want %d", s.Index, s.User, want)
			}
			newcomers++
		}
		if previous, ok := last[s.User]; ok {
			repeat++
			if s.NewVisitor {
				t.Fatalf("session %d: user %d is new for the second time", s.Index, s.User)
			}
			if want := s.Time.Sub(previous).Hours() / 24; math.Abs(s.DaysSinceLastVisit-want) > 0.0501 {
				t.Fatalf("session %d: %v days since the last visit, want %v", s.Index, s.DaysSinceLastVisit, want)
			}
		}
		last[s.User] = s.Time
		if s.DaysSinceLastVisit < 0 || s.Pages < 1 || s.Minutes < 0 || s.MeanPrice < 1 ||
			s.BounceShare < 0 || s.BounceShare > 1 || s.CartAdds < 0 || s.CartAdds > s.Pages {
			t.Fatalf("session out of range: %+v", s)
		}
		if !(s.Probability > 0 && s.Probability < 1) {
			t.Fatalf("session %d: probability %v", s.Index, s.Probability)
		}
		if day := s.Time.Weekday(); s.Weekend != (day == time.Saturday || day == time.Sunday) {
			t.Fatalf("session %d: weekend %v on a %v", s.Index, s.Weekend, day)
		}
	}
	if n != cfg.Sessions {
		t.Errorf("%d sessions, want %d", n, cfg.Sessions)
	}
	if want := cfg.Users - cfg.knownUsers(); newcomers != want {
		t.Errorf("%d users came for the first time, want %d", newcomers, want)
	}
	if repeat < cfg.Sessions/4 {
		t.Errorf("only %d of %d sessions are of a user seen before", repeat, cfg.Sessions)
	}
}

// A range that is left early and begun again yields the same sessions, and so
// does simulating the new part alone: it continues time and audience.
func TestRangesBeginAnew(t *testing.T) {
	cfg := small()
	all := mustSimulate(t, cfg)
	var first []Session
	for s := range all {
		if first = append(first, s); len(first) == 50 {
			break
		}
	}
	i := 0
	var last Session
	for s := range all {
		if i < len(first) && s != first[i] {
			t.Fatalf("session %d differs: %+v and %+v", i, s, first[i])
		}
		i, last = i+1, s
	}

	later, err := SimulateNew(cfg, 300)
	if err != nil {
		t.Fatal(err)
	}
	// Asking for fewer new sessions gives the first of them.
	fewer, err := SimulateNew(cfg, 20)
	if err != nil {
		t.Fatal(err)
	}
	next, stop := iter.Pull(fewer)
	defer stop()
	n := 0
	for s := range later {
		if n == 0 && (s.Index != cfg.Sessions || s.Time.Before(last.Time)) {
			t.Fatalf("the new part begins with session %d at %v after %v", s.Index, s.Time, last.Time)
		}
		if n < 20 {
			if other, ok := next(); !ok || other != s {
				t.Fatalf("new session %d depends on their number: %+v and %+v", n, s, other)
			}
		}
		if s.Time.Before(cfg.Start.AddDate(0, 0, cfg.Days)) {
			t.Fatalf("new session %d at %v is within the period", n, s.Time)
		}
		n++
	}
	if n != 300 {
		t.Errorf("%d new sessions, want 300", n)
	}
}

func TestSeedsDiffer(t *testing.T) {
	cfg := small()
	other := cfg
	other.Seed++
	next, stop := iter.Pull(mustSimulate(t, other))
	defer stop()
	same := 0
	for s := range mustSimulate(t, cfg) {
		if o, _ := next(); o.Purchased == s.Purchased && o.Pages == s.Pages && o.MeanPrice == s.MeanPrice {
			same++
		}
	}
	if same > cfg.Sessions/20 {
		t.Errorf("%d of %d sessions are alike under two seeds", same, cfg.Sessions)
	}
}

// Withheld values come at their rates, and each value of a text column occurs,
// some of them rarely.
func TestMissingAndRareValues(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Sessions = 40_000
	var missing [withheldColumns]int
	counts := map[string]int{}
	for s := range mustSimulate(t, cfg) {
		for c := range withheldColumns {
			if s.Missing(c) {
				missing[c]++
			}
		}
		if s.Missing(withheldColumns) {
			t.Fatal("a column that does not exist is missing")
		}
		counts["device "+s.Device()]++
		counts["channel "+s.Channel()]++
		counts["country "+s.Country()]++
		counts["category "+s.Category()]++
		counts["month "+s.Month()]++
	}
	for c, got := range missing {
		want := withheld[c] * float64(cfg.Sessions)
		if math.Abs(float64(got)-want) > 5*math.Sqrt(want) {
			t.Errorf("column %d: %d values withheld, want about %.0f", c, got, want)
		}
	}
	if want := len(devices) + len(channels) + len(countries) + len(categories) + 12; len(counts) != want {
		t.Errorf("%d different values in the text columns, want %d: %v", len(counts), want, counts)
	}
	for _, rare := range []string{"device tv", "channel podcast", "country LU", "country IS", "category collectibles"} {
		if n := counts[rare]; n < 1 || n > cfg.Sessions/100 {
			t.Errorf("%s occurs %d times, want few", rare, n)
		}
	}
}

// FuzzSimulate checks that no configuration that passes Validate breaks the
// simulation, whatever its shape.
func FuzzSimulate(f *testing.F) {
	f.Add(1, 1, 10, 1, uint64(0), int64(0), 1)
	f.Add(1, 2, 10, 3660, uint64(7), int64(7_000_000_000), 1)
	f.Add(500, 1000, 11, 1, uint64(1)<<63, int64(1_735_689_599), 500)
	f.Add(300, 1, 400, 29, uint64(42), int64(-1), 10)
	f.Fuzz(func(t *testing.T, sessions, users, items, days int, seed uint64, start int64, later int) {
		if sessions > 500 || users > 1000 || items > 1000 {
			t.Skip("too large to be quick")
		}
		cfg := Config{Sessions: sessions, Users: users, Items: items, Days: days, Start: time.Unix(start, 0), Seed: seed}
		all, err := Simulate(cfg)
		if err != nil {
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("error %v does not wrap ErrConfig", err)
			}
			return
		}
		n := 0
		check := func(s Session) {
			n++
			if !(s.Probability > 0 && s.Probability < 1) || s.DaysSinceLastVisit < 0 || s.User < 0 {
				t.Fatalf("%+v: session %+v", cfg, s)
			}
		}
		for s := range all {
			check(s)
		}
		if n != sessions {
			t.Fatalf("%d sessions, want %d", n, sessions)
		}
		if all, err = SimulateNew(cfg, later); err != nil {
			return
		}
		for s := range all {
			check(s)
		}
		if n != sessions+later {
			t.Fatalf("%d sessions in all, want %d", n, sessions+later)
		}
	})
}
