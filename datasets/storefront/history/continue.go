package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/strictjson"
	"debut/datasets/warning"
)

// stateFile says where a continuation ends; what users and stock are like then is in tables under truth/.
const stateFile = "shop.json"

// State is where a shop stands at the end of its last day.
type State struct {
	Config Config `json:"config"` // of the shop that was simulated first
	Day    int    `json:"day"`    // the next, counted from the first of all
	// Sessions is how many there were: the next has that number.
	Sessions int64 `json:"sessions"`
	// Launched are the candidates that are sold by now.
	Launched []Launch `json:"launched,omitempty"`
	// Tables are the SHA-256 of those that say the rest, by file: those of another shop would fit, and be wrong.
	Tables map[string]string `json:"tables,omitempty"`

	dir    string
	parts  []manifest.Part // of a new shop, whose state follows from them
	events int64
	told   warning.List // of how the tables of a policy were understood
}

// Open reads where a shop stands that Write or Continue has left. events is how many views its simulation was asked for; 0: that is found
// out, where it was a round number.
func Open(ctx context.Context, dir string, events int) (*State, error) {
	made, err := manifest.Read(dir)
	if errors.Is(err, manifest.ErrNotFound) || err == nil && !made.Simulated() {
		return nil, fmt.Errorf("%w: %s holds no simulated shop; name the folder of one, or make one with \"debut data simulate\"", manifest.ErrNotFound, dir)
	}
	if err != nil {
		return nil, err
	}
	s := &State{dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err == nil {
		if err := strictjson.Unmarshal(text, s); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
		}
		if err := s.Config.Validate(); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
		}
		if made.Sources[0].From != s.Config.text() {
			return nil, fmt.Errorf("%s is of another shop than %s; simulate it again", filepath.Join(dir, stateFile), manifest.File)
		}
		if y, m, d := s.Config.Start.Date(); !s.Config.Start.Equal(time.Date(y, m, d, 0, 0, 0, 0, time.UTC)) {
			return nil, fmt.Errorf("%s: a start at %s, which is not the beginning of a day in UTC", filepath.Join(dir, stateFile), s.Config.Start.Format(time.RFC3339))
		}
		if s.Day < s.Config.Days || s.Day > s.Config.Days+maxDays || s.Sessions < 0 || s.Sessions > maxSessions {
			return nil, fmt.Errorf("%s: day %d of a shop of %d days", filepath.Join(dir, stateFile), s.Day, s.Config.Days)
		}
		for _, l := range s.Launched {
			if l.Item < s.Config.Items || l.Item >= s.Config.Items+s.Config.Candidates || l.Day < s.Config.Days || l.Day >= s.Day {
				return nil, fmt.Errorf("%s: a launch of item %d on day %d", filepath.Join(dir, stateFile), l.Item, l.Day)
			}
		}
		if events != 0 && events != s.Config.Events {
			return nil, fmt.Errorf("%s goes on with a shop of %d views; leave --events out", dir, s.Config.Events)
		}
		return s, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	c := &s.Config
	if err := c.parse(made.Sources[0].From); err != nil {
		return nil, fmt.Errorf("%s: the description of the shop cannot be read: %w", filepath.Join(dir, manifest.File), err)
	}
	if c.Warehouses > 0 {
		return nil, fmt.Errorf("%s: %s is gone, which says where a shop with warehouses stands; simulate it again", dir, stateFile)
	}
	s.Day = c.Days
	for _, p := range made.Parts {
		s.parts, s.events = append(s.parts, p), s.events+p.Rows
	}
	return s, s.findEvents(ctx, events)
}

// maxSessions bounds how many there were: their numbers are whole in 64-bit floats.
const maxSessions = 1 << 52

// firstDays are those by which the number of views is found that a shop was asked for.
const firstDays = 5

// findEvents finds how many views a shop was asked for, and when it began.
func (s *State) findEvents(ctx context.Context, asked int) (err error) {
	defer func() { err = s.unreadable(ctx, err) }()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	first := int64(0)
	err = db.Query(ctx, "SELECT CAST(epoch_us(min(week)) AS BIGINT) FROM read_parquet("+duck.Literal(filepath.Join(s.dir, "weeks.parquet"))+")", func(c *duck.Chunk) error {
		v, _ := duck.Vector[int64](c, 0)
		first = v[0]
		return nil
	})
	if err != nil {
		return err
	}
	s.Config.Start = time.UnixMicro(first).UTC()
	s.Config.Events = max(100, int(s.events))
	if err := s.Config.Validate(); err != nil {
		return fmt.Errorf("%s: %w", s.dir, err)
	}
	want := make([]int64, firstDays)
	end := s.Config.at(firstDays, 0).UnixMicro()
	err = db.Query(ctx, fmt.Sprintf("SELECT CAST((epoch_us(time) - %d) // 86400000000 AS BIGINT), count(*) FROM read_parquet(%s) WHERE epoch_us(time) < %d GROUP BY ALL",
		first, duck.Literal(filepath.Join(s.dir, s.parts[0].File)), end), func(c *duck.Chunk) error {
		days, _ := duck.Vector[int64](c, 0)
		counts, _ := duck.Vector[int64](c, 1)
		for i, d := range days {
			if d >= 0 && d < firstDays {
				want[d] = counts[i]
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	last := filepath.Join(s.dir, s.parts[len(s.parts)-1].File)
	if err := numbers(ctx, db, 1, "SELECT max(session)::BIGINT + 1 FROM read_parquet("+duck.Literal(last)+")", func(v []int64) error { s.Sessions = v[0]; return nil }); err != nil {
		return err
	}
	w := newWorld(s.Config)
	candidates := roundNumbers(s.events)
	if asked != 0 {
		candidates = []int{asked}
	}
	for _, n := range candidates {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		w.expect(n)
		if w.begins(want) {
			s.Config.Events = n
			return nil
		}
	}
	if asked != 0 {
		return fmt.Errorf("%s was not simulated with --events %d: its first days have other views", s.dir, asked)
	}
	return fmt.Errorf("%s has %d views; give --events, the number that its simulation was asked for", s.dir, s.events)
}

// begins says whether the first days have so many views.
func (w *world) begins(want []int64) bool {
	sim := newSimulation(w)
	for day, n := range want {
		if int64(len(sim.draw(day, 1))) != n {
			return false
		}
	}
	return true
}

// roundNumbers are those near a number, the roundest first.
func roundNumbers(n int64) (list []int) {
	if n <= 0 {
		return nil
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(float64(n))))
	for digits := range 4 {
		unit := magnitude / math.Pow(10, float64(digits))
		middle := math.Round(float64(n) / unit)
		for _, step := range []float64{0, 1, -1, 2, -2, 3, -3} {
			v := int(math.Round((middle + step) * unit))
			if math.Abs(float64(v)/float64(n)-1) < 0.08 && !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
	}
	return list
}

// Continue goes on with a shop for so many days under a policy, into a folder of its own, which has the tables of a shop for these days;
// all of its events are in the part for testing. Weeks are counted from the end of the shop that was simulated first. Random numbers are
// functions of who, what and when: under two policies everything is the same that they do not change.
//
// A continuation can be gone on with: 12 weeks are the same as 8 and then 4.
func (s *State) Continue(ctx context.Context, dir string, days int, p Policy, o Options) (_ Summary, err error) {
	if days < 1 || s.Day+days > s.Config.Days+maxDays {
		return Summary{}, fmt.Errorf("%d days %w; give 1 to %d", days, ErrConfig, s.Config.Days+maxDays-s.Day)
	}
	if within, err := within(dir, s.dir); err != nil {
		return Summary{}, err
	} else if within {
		return Summary{}, fmt.Errorf("%s is in the folder of the shop that is gone on with; write to another folder", dir)
	}
	if err := publish.Check(dir, o.Overwrite, kind); err != nil {
		return Summary{}, err
	}
	folder, err := publish.Begin(dir, kind)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, folder.Discard()) }()
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	w := &writer{dir: folder.Dir, world: newWorld(s.Config), o: o, sum: Summary{Tables: map[string]int64{}, Money: &Money{}}, from: s.Day, to: s.Day + days, shop: s.Config, continued: true, session: s.Sessions}
	if w.supply != nil {
		w.sum.Money.Warehousing = &Warehousing{}
	}
	sim := newSimulation(w.world)
	if err := s.restore(ctx, sim, o.Threads); err != nil {
		return Summary{}, err
	}
	if err := errors.Join(p.fits(sim), p.deliverable(sim, s.Day, s.Day+days)); err != nil {
		return Summary{}, err
	}
	p.settle(w.world)
	sim.policy, sim.origin, sim.from, sim.truth = p, s.Config.Days, s.Day, o.Truth
	if weeks := days/7 + 2; o.Truth && weeks*weeks/2*s.Config.Candidates > maxForeseen {
		return Summary{}, fmt.Errorf("%d days of %d candidates %w with the truth about each week's launches; go on for fewer days", days, s.Config.Candidates, ErrConfig)
	}
	w.launched = slices.Clone(s.Launched)
	for _, l := range p.Launches {
		if l.Day < w.to {
			w.launched = append(w.launched, l)
		}
	}
	sim.launch(w.launched)
	w.sum.Money.Outside = p.outside(w.from, w.to)
	w.sum.Warnings = append(slices.Clone(s.told), p.unlaunched(s.Config.Items, w.launched)...)
	if err := w.run(ctx, sim); err != nil {
		return Summary{}, err
	}
	if err := w.keep(ctx, sim); err != nil {
		return Summary{}, err
	}
	if err := w.describe(ctx); err != nil {
		return Summary{}, err
	}
	return w.sum, folder.Commit()
}

// within says whether a folder, which need not be there yet, is another one or below it.
func within(dir, other string) (bool, error) {
	outer, err := os.Stat(other)
	if err != nil {
		return false, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, err
	}
	for {
		info, err := os.Stat(dir)
		switch {
		case err == nil && os.SameFile(info, outer):
			return true, nil
		case err == nil: // where links lead
			if dir, err = filepath.EvalSymlinks(dir); err != nil {
				return false, err
			}
		case !errors.Is(err, os.ErrNotExist):
			return false, err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false, nil
		}
		dir = parent
	}
}

// parse reads what dataset.json says of a shop.
func (c *Config) parse(from string) error {
	base, more, _ := strings.Cut(from, "; ")
	if _, err := fmt.Sscanf(base, simulatedFrom, &c.Users, &c.Items, &c.Days, &c.Seed); err != nil {
		return err
	}
	more, sites, _ := strings.Cut(more, "; ")
	if more != "" {
		if _, err := fmt.Sscanf(more, simulatedMore, &c.Candidates, &c.Substitution); err != nil {
			return err
		}
	}
	if sites != "" {
		if _, err := fmt.Sscanf(sites, simulatedSites, &c.Warehouses, &c.Suppliers, &c.Deferred); err != nil {
			return err
		}
	}
	return nil
}

// text is what dataset.json says of a shop.
func (c *Config) text() string {
	text := fmt.Sprintf(simulatedFrom, c.Users, c.Items, c.Days, c.Seed)
	if c.Candidates > 0 || c.Substitution > 0 || c.Warehouses > 0 {
		text += "; " + fmt.Sprintf(simulatedMore, c.Candidates, c.Substitution)
	}
	if c.Warehouses > 0 {
		text += "; " + fmt.Sprintf(simulatedSites, c.Warehouses, c.Suppliers, c.Deferred)
	}
	return text
}

// money writes what an item's week came to.
func (w *writer) money(i int, wk *weekly) {
	cost := w.items[i].cost
	spent := float64(wk.sold) * cost
	expected := wk.expectedRevenue - wk.expected*cost
	w.weeks.real(cents(wk.revenue))
	w.weeks.real(cents(spent))
	w.weeks.real(cents(wk.revenue - spent))
	w.hid.real(wk.expectedRevenue)
	w.hid.real(expected)
	if w.o.Truth {
		w.hid.real(wk.dearer)
		w.hid.real(wk.cheaper)
	}
	m := w.sum.Money
	m.Revenue += wk.revenue
	m.Cost += spent
	m.Profit += wk.revenue - spent
	m.ExpectedUnits += wk.expected
	m.ExpectedRevenue += wk.expectedRevenue
	m.ExpectedProfit += expected
}
