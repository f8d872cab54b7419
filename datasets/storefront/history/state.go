package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"

	"debut/datasets/atomicfile"
	"debut/datasets/duck"
	"debut/datasets/table"
)

// stateTables are those that say where a shop stands, but for what is in stateFile.
func (s *simulation) stateTables() []string {
	names := []string{"habits", "stock", "arriving"}
	if s.sites != nil {
		names = append(names, "waiting", "used")
	}
	for i, name := range names {
		names[i] = hiddenDir + "/" + name + ".parquet"
	}
	return names
}

// keep writes orders, and where the shop stands at the end.
func (w *writer) keep(ctx context.Context, s *simulation) error {
	write := []func(*simulation) error{w.keepOrders, w.keepHabits, w.keepStock, w.keepArriving}
	if s.sites != nil {
		write = []func(*simulation) error{w.keepDeliveries, w.keepHabits, w.keepSites}
	}
	for _, f := range write {
		if err := f(s); err != nil {
			return err
		}
	}
	state := State{Config: w.shop, Day: w.to, Sessions: w.session, Launched: w.launched, Tables: map[string]string{}}
	for _, name := range s.stateTables() {
		h, err := table.HashFile(ctx, filepath.Join(w.dir, name))
		if err != nil {
			return err
		}
		state.Tables[name] = h.SHA256
	}
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(w.dir, stateFile), 0o644, func(f io.Writer) error {
		_, err := f.Write(append(text, '\n'))
		return err
	})
}

func (w *writer) keepOrders(s *simulation) error {
	t, err := createTable(w.dir, "orders.parquet", field("date", moment), field("item", integer), field("quantity", integer), field("arrives", moment))
	if err != nil {
		return err
	}
	for _, o := range s.placed {
		t.moment(w.cfg.at(o.Day, 0).UnixMicro())
		t.integer(int64(o.Item))
		t.integer(int64(o.Quantity))
		t.moment(w.cfg.at(o.Day+w.items[o.Item].lead, 0).UnixMicro())
		t.end()
	}
	return w.finish(t)
}

func (w *writer) keepHabits(s *simulation) error {
	t, err := createTable(w.dir, hiddenDir+"/habits.parquet", field("user", integer), field("last_day", integer), field("visits", integer), field("wanted", integer))
	if err != nil {
		return err
	}
	for u, h := range s.habits {
		t.integer(int64(u))
		t.integer(int64(h.last))
		t.integer(int64(h.visits))
		t.integer(int64(h.bought))
		t.end()
	}
	return w.finish(t)
}

func (w *writer) keepStock(s *simulation) error {
	t, err := createTable(w.dir, hiddenDir+"/stock.parquet", field("item", integer), field("level", integer), field("ordered", integer), field("due_day", integer), field("demand", decimal))
	if err != nil {
		return err
	}
	k := &s.stock
	for i := range k.level {
		t.integer(int64(i))
		t.integer(int64(k.level[i]))
		t.integer(int64(k.ordered[i]))
		t.integer(int64(k.due[i]))
		t.real(float64(k.demand[i]))
		t.end()
	}
	return w.finish(t)
}

func (w *writer) keepArriving(s *simulation) error {
	t, err := createTable(w.dir, hiddenDir+"/arriving.parquet", field("item", integer), field("quantity", integer), field("due_day", integer))
	if err != nil {
		return err
	}
	for _, a := range s.stock.arriving {
		t.integer(int64(a.item))
		t.integer(int64(a.quantity))
		t.integer(int64(a.day))
		t.end()
	}
	return w.finish(t)
}

// restore brings a simulation to where the shop stands.
func (s *State) restore(ctx context.Context, sim *simulation, threads int) (err error) {
	defer func() { err = s.unreadable(ctx, err) }()
	if s.parts == nil {
		threads = 1 // tables that are read in the order of their rows
	}
	db, err := duck.Open(duck.Options{Threads: threads})
	if err != nil {
		return err
	}
	defer db.Close()
	file := func(name string) string { return "read_parquet(" + duck.Literal(filepath.Join(s.dir, name)) + ")" }
	if s.parts == nil {
		if err := s.checkTables(ctx, sim.stateTables()); err != nil {
			return err
		}
		if err := s.reloadHabits(ctx, db, file, sim); err != nil {
			return err
		}
		if sim.sites != nil {
			return s.reloadSites(ctx, db, file, sim.sites)
		}
		return s.reloadStock(ctx, db, file, sim)
	}
	if err := s.checkParts(ctx); err != nil {
		return err
	}
	if err := s.habits(ctx, db, file, sim); err != nil {
		return err
	}
	return s.replay(ctx, db, file, sim)
}

// checkTables compares the tables that say where the shop stands with what is written of them.
func (s *State) checkTables(ctx context.Context, names []string) error {
	for _, name := range names {
		h, err := table.HashFile(ctx, filepath.Join(s.dir, name))
		if err != nil {
			return fmt.Errorf("%s: the table %s cannot be read: %w; simulate the shop again", s.dir, name, err)
		}
		if h.SHA256 != s.Tables[name] {
			return s.errState(name)
		}
	}
	return nil
}

// checkParts compares the events of a new shop with its description.
func (s *State) checkParts(ctx context.Context) error {
	for _, p := range s.parts {
		h, err := table.HashFile(ctx, filepath.Join(s.dir, p.File))
		if err != nil {
			return fmt.Errorf("%s: the table %s cannot be read: %w; simulate the shop again", s.dir, p.File, err)
		}
		if h.SHA256 != p.SHA256 {
			return s.errState(p.File)
		}
	}
	return nil
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

// habits counts what users have done, as the simulation does. Each session has a first view.
func (s *State) habits(ctx context.Context, db *duck.DB, file func(string) string, sim *simulation) error {
	var parts []string
	for _, p := range s.parts {
		parts = append(parts, "SELECT e.time, e.position, e.\"user\", h.wanted, e.purchased IS DISTINCT FROM (h.wanted AND e.in_stock) AS wrong FROM "+file(p.File)+" e POSITIONAL JOIN "+file(hiddenDir+"/"+p.File)+" h")
	}
	query := fmt.Sprintf(`SELECT "user"::BIGINT, max((epoch_us(time) - %d) // 86400000000)::BIGINT, count(*) FILTER (WHERE position = 0)::BIGINT, count(*) FILTER (WHERE wanted)::BIGINT, count(*) FILTER (WHERE wrong)::BIGINT FROM (%s) GROUP BY 1`,
		s.Config.Start.UnixMicro(), strings.Join(parts, " UNION ALL "))
	return numbers(ctx, db, 5, query, func(v []int64) error {
		if v[0] < 0 || v[0] >= int64(len(sim.habits)) {
			return s.errState("events")
		}
		if v[4] != 0 { // what is wanted and in stock is bought
			return s.errState("of the events under " + hiddenDir)
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
		parts = append(parts, "SELECT time, item FROM "+file(p.File)+" WHERE purchased")
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

// reloadHabits reads what a continuation has left.
func (s *State) reloadHabits(ctx context.Context, db *duck.DB, file func(string) string, sim *simulation) error {
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
	return err
}

// valid says whether a number is one of pieces or days.
func valid(v int64) bool { return v >= 0 && v <= math.MaxInt32 }

func (s *State) reloadStock(ctx context.Context, db *duck.DB, file func(string) string, sim *simulation) error {
	k, n := &sim.stock, 0
	err := db.Query(ctx, "SELECT item, level, ordered, due_day, demand FROM "+file(hiddenDir+"/stock.parquet"), func(c *duck.Chunk) error {
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
