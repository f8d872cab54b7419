package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"debut/datasets/atomicfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/publish"
	"debut/datasets/strictjson"
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

	dir    string
	parts  []string // of a new shop, whose state follows from them
	events int64
}

// Open reads where a shop stands that Write or Continue has left. events is how many views its simulation was asked for; 0: that is found
// out, where it was a round number.
func Open(ctx context.Context, dir string, events int) (*State, error) {
	made, err := manifest.Read(dir)
	if err != nil {
		return nil, err
	}
	if !made.Simulated() {
		return nil, fmt.Errorf("%s holds no simulated shop; name one of debut data simulate", dir)
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
	s.Day = c.Days
	for _, p := range made.Parts {
		s.parts, s.events = append(s.parts, p.File), s.events+p.Rows
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
		first, duck.Literal(filepath.Join(s.dir, s.parts[0])), end), func(c *duck.Chunk) error {
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
	last := filepath.Join(s.dir, s.parts[len(s.parts)-1])
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
	if same, err := samePlace(dir, s.dir); err != nil || same {
		return Summary{}, errors.Join(err, fmt.Errorf("%s is the shop that is gone on with; write to another folder", dir))
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
	w := &writer{dir: folder.Dir, world: newWorld(s.Config), o: o, sum: Summary{Tables: map[string]int64{}, Money: &Money{}}, from: s.Day, to: s.Day + days, continued: s, session: s.Sessions}
	sim := newSimulation(w.world)
	if err := s.restore(ctx, sim); err != nil {
		return Summary{}, err
	}
	if err := p.fits(&sim.stock); err != nil {
		return Summary{}, err
	}
	p.settle(w.world)
	sim.policy, sim.origin, sim.truth = p, s.Config.Days, o.Truth
	w.launched = slices.Clone(s.Launched)
	for _, l := range p.Launches {
		if l.Day < w.to {
			w.launched = append(w.launched, l)
		}
	}
	sim.launch(w.launched)
	w.sum.Money.Outside = p.outside(w.from, w.to)
	if err := w.run(ctx, sim); err != nil {
		return Summary{}, err
	}
	if err := w.keep(sim); err != nil {
		return Summary{}, err
	}
	return w.sum, folder.Commit()
}

// samePlace says whether two folders are one.
func samePlace(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y), err
}

// parse reads what dataset.json says of a shop.
func (c *Config) parse(from string) error {
	base, more, _ := strings.Cut(from, "; ")
	if _, err := fmt.Sscanf(base, simulatedFrom, &c.Users, &c.Items, &c.Days, &c.Seed); err != nil {
		return err
	}
	if more == "" {
		return nil
	}
	_, err := fmt.Sscanf(more, simulatedMore, &c.Candidates, &c.Substitution)
	return err
}

// text is what dataset.json says of a shop.
func (c *Config) text() string {
	text := fmt.Sprintf(simulatedFrom, c.Users, c.Items, c.Days, c.Seed)
	if c.Candidates > 0 || c.Substitution > 0 {
		text += "; " + fmt.Sprintf(simulatedMore, c.Candidates, c.Substitution)
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

// keep writes orders, and where the shop stands at the end.
func (w *writer) keep(s *simulation) error {
	orders, err := createTable(w.dir, "orders.parquet", field("date", moment), field("item", integer), field("quantity", integer), field("arrives", moment))
	if err != nil {
		return err
	}
	for _, o := range s.placed {
		orders.moment(w.cfg.at(o.Day, 0).UnixMicro())
		orders.integer(int64(o.Item))
		orders.integer(int64(o.Quantity))
		orders.moment(w.cfg.at(o.Day+w.items[o.Item].lead, 0).UnixMicro())
		orders.end()
	}
	habits, err := createTable(w.dir, hiddenDir+"/habits.parquet", field("user", integer), field("last_day", integer), field("visits", integer), field("wanted", integer))
	if err != nil {
		return errors.Join(err, orders.close())
	}
	for u, h := range s.habits {
		habits.integer(int64(u))
		habits.integer(int64(h.last))
		habits.integer(int64(h.visits))
		habits.integer(int64(h.bought))
		habits.end()
	}
	stock, err := createTable(w.dir, hiddenDir+"/stock.parquet", field("item", integer), field("level", integer), field("ordered", integer), field("due_day", integer), field("demand", decimal))
	if err != nil {
		return errors.Join(err, orders.close(), habits.close())
	}
	k := &s.stock
	for i := range k.level {
		stock.integer(int64(i))
		stock.integer(int64(k.level[i]))
		stock.integer(int64(k.ordered[i]))
		stock.integer(int64(k.due[i]))
		stock.real(float64(k.demand[i]))
		stock.end()
	}
	arriving, err := createTable(w.dir, hiddenDir+"/arriving.parquet", field("item", integer), field("quantity", integer), field("due_day", integer))
	if err != nil {
		return errors.Join(err, orders.close(), habits.close(), stock.close())
	}
	for _, a := range k.arriving {
		arriving.integer(int64(a.item))
		arriving.integer(int64(a.quantity))
		arriving.integer(int64(a.day))
		arriving.end()
	}
	for _, t := range []*tableFile{orders, habits, stock, arriving} {
		w.sum.Tables[t.name] = t.total + int64(t.rows)
		if e := t.close(); err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(State{Config: w.continued.Config, Day: w.to, Sessions: w.session, Launched: w.launched}, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(w.dir, stateFile), 0o644, func(f io.Writer) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
}

// restore brings a simulation to where the shop stands.
func (s *State) restore(ctx context.Context, sim *simulation) (err error) {
	defer func() { err = s.unreadable(ctx, err) }()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	file := func(name string) string { return "read_parquet(" + duck.Literal(filepath.Join(s.dir, name)) + ")" }
	if s.parts == nil {
		return s.reload(ctx, db, file, sim)
	}
	if err := s.habits(ctx, db, file, sim); err != nil {
		return err
	}
	return s.replay(ctx, db, file, sim)
}

// numbers runs a query of whole numbers and hands out its rows.
func numbers(ctx context.Context, db *duck.DB, columns int, query string, row func(v []int64) error) error {
	v := make([]int64, columns)
	return db.Query(ctx, query, func(c *duck.Chunk) error {
		all := make([][]int64, columns)
		for k := range all {
			all[k], _ = duck.Vector[int64](c, k)
		}
		for i := range c.Rows {
			for k := range v {
				v[k] = all[k][i]
			}
			if err := row(v); err != nil {
				return err
			}
		}
		return nil
	})
}

// errState is of tables that do not fit their shop.
func (s *State) errState(table string) error {
	return fmt.Errorf("%s: the table %s is not of this shop; simulate it again", s.dir, table)
}

// unreadable makes of the database's error about the shop's tables one that says what to do.
func (s *State) unreadable(ctx context.Context, err error) error {
	var fault *duck.Error
	if ctx.Err() != nil || !errors.As(err, &fault) {
		return err
	}
	what, _, _ := strings.Cut(fault.Message, "\n")
	return fmt.Errorf("%s: the shop's tables are damaged, or some are gone: %s; simulate it again", s.dir, what)
}

// habits counts what users have done, as the simulation does.
func (s *State) habits(ctx context.Context, db *duck.DB, file func(string) string, sim *simulation) error {
	var parts []string
	for _, p := range s.parts {
		parts = append(parts, "SELECT e.time, e.session, e.\"user\", h.wanted FROM "+file(p)+" e POSITIONAL JOIN "+file(hiddenDir+"/"+p)+" h")
	}
	query := fmt.Sprintf(`SELECT "user"::BIGINT, max((epoch_us(time) - %d) // 86400000000)::BIGINT, count(DISTINCT session)::BIGINT, count(*) FILTER (WHERE wanted)::BIGINT FROM (%s) GROUP BY 1`,
		s.Config.Start.UnixMicro(), strings.Join(parts, " UNION ALL "))
	return numbers(ctx, db, 4, query, func(v []int64) error {
		if v[0] < 0 || v[0] >= int64(len(sim.habits)) {
			return s.errState("events")
		}
		h := &sim.habits[v[0]]
		h.last = int32(v[1])
		h.visits = int16(min(int64(h.visits)+v[2], math.MaxInt16))
		h.bought = int16(min(int64(h.bought)+v[3], math.MaxInt16))
		return nil
	})
}

// replay sells what was sold, day by day: what is in stock and under way follows from it.
func (s *State) replay(ctx context.Context, db *duck.DB, file func(string) string, sim *simulation) error {
	sold := make([]map[int32]int32, s.Day)
	var parts []string
	for _, p := range s.parts {
		parts = append(parts, "SELECT time, item FROM "+file(p)+" WHERE purchased")
	}
	query := fmt.Sprintf(`SELECT ((epoch_us(time) - %d) // 86400000000)::BIGINT, item::BIGINT, count(*)::BIGINT FROM (%s) GROUP BY 1, 2`, s.Config.Start.UnixMicro(), strings.Join(parts, " UNION ALL "))
	err := numbers(ctx, db, 3, query, func(v []int64) error {
		if v[0] < 0 || v[0] >= int64(s.Day) || v[1] < 0 || v[1] >= int64(s.Config.Items) {
			return s.errState("events")
		}
		if sold[v[0]] == nil {
			sold[v[0]] = map[int32]int32{}
		}
		sold[v[0]][int32(v[1])] = int32(v[2])
		return nil
	})
	if err != nil {
		return err
	}
	for day, items := range sold {
		sim.receive(day)
		for i, n := range items {
			sim.stock.level[i] -= n
		}
		sim.restock(day, items)
	}
	sim.placed = nil
	return nil
}

// reload reads what a continuation has left.
func (s *State) reload(ctx context.Context, db *duck.DB, file func(string) string, sim *simulation) error {
	n := 0
	err := numbers(ctx, db, 4, `SELECT "user", last_day, visits, wanted FROM `+file(hiddenDir+"/habits.parquet"), func(v []int64) error {
		if v[0] != int64(n) || n >= len(sim.habits) || v[1] < math.MinInt32 || v[1] >= int64(s.Day) || min(v[2], v[3]) < 0 || max(v[2], v[3]) > math.MaxInt16 {
			return s.errState("habits")
		}
		sim.habits[n] = habits{int32(v[1]), int16(v[2]), int16(v[3])}
		n++
		return nil
	})
	if err == nil && n != len(sim.habits) {
		err = s.errState("habits")
	}
	if err != nil {
		return err
	}
	k := &sim.stock
	n = 0
	valid := func(v int64) bool { return v >= 0 && v <= math.MaxInt32 }
	err = db.Query(ctx, "SELECT item, level, ordered, due_day, demand FROM "+file(hiddenDir+"/stock.parquet"), func(c *duck.Chunk) error {
		item, _ := duck.Vector[int64](c, 0)
		level, _ := duck.Vector[int64](c, 1)
		ordered, _ := duck.Vector[int64](c, 2)
		due, _ := duck.Vector[int64](c, 3)
		demand, _ := duck.Vector[float64](c, 4)
		for i := range c.Rows {
			if item[i] != int64(n) || n >= len(k.level) || !valid(level[i]) || !valid(ordered[i]) || !valid(due[i]) || !(demand[i] >= 0 && demand[i] < math.MaxFloat32) {
				return s.errState("stock")
			}
			k.level[n], k.ordered[n], k.due[n], k.demand[n] = int32(level[i]), int32(ordered[i]), int32(due[i]), float32(demand[i])
			n++
		}
		return nil
	})
	if err == nil && n != len(k.level) {
		err = s.errState("stock")
	}
	if err != nil {
		return err
	}
	return numbers(ctx, db, 3, "SELECT item, quantity, due_day FROM "+file(hiddenDir+"/arriving.parquet"), func(v []int64) error {
		if v[0] < 0 || v[0] >= int64(len(k.level)) || !valid(v[1]) || !valid(v[2]) {
			return s.errState("arriving")
		}
		k.arriving = append(k.arriving, arrival{int32(v[0]), int32(v[1]), int32(v[2])})
		return nil
	})
}
