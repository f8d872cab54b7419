package prepare

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
)

// vectorMean is a feature that is the mean of the vectors of the latest events.
type vectorMean struct {
	name   string // of the column
	key    string // of the configuration
	sql    string // over events: the vector, a list of DOUBLE, missing where the event does not count
	last   int    // of how many events at most
	window int64  // of events so long before the row; 0 for all
}

// mean returns a feature that is the mean of vectors.
func (w *windows) mean(name string, f Feature) (vectorMean, error) {
	m := vectorMean{name: name, key: "features." + name, last: cmp.Or(f.Last, usualLast)}
	if f.Window != "" {
		m.window, _ = parseSpan(f.Window) // checked by validate
	}
	m.sql = "CAST((" + f.Value + "\n) AS DOUBLE[])"
	if f.Where != "" {
		if err := w.p.condition(m.key+".where", f.Where, w.from); err != nil {
			return m, err
		}
		m.sql = "CASE WHEN (" + f.Where + "\n) THEN " + m.sql + " END"
	}
	return m, nil
}

// means makes a table of the means of rows, __id and a column of each feature. Rows and events lie in one table by key and time, and are
// walked through once: what is kept of a key is its latest events, whatever number there are. Sums are of 64 bits, the newest
// vector first, and so the same on any machine.
func (w *windows) means(of []vectorMean) (name string, err error) {
	laid, err := w.lay(of)
	if err != nil {
		return "", err
	}
	p := w.p
	defer func() {
		if dropped := p.db.Query(p.ctx, "DROP TABLE "+laid, nil); err == nil {
			err = dropped
		}
	}()
	rows, err := p.integer("", "SELECT count(*) FROM "+laid)
	if err != nil {
		return "", err
	}
	name = p.name("means")
	columns, types := []duck.ColumnDef{{Name: "__id", Type: duck.BigInt}}, []duck.ColumnType{duck.BigInt}
	for _, m := range of {
		columns, types = append(columns, duck.ColumnDef{Name: m.name, Type: duck.FloatList}), append(types, duck.FloatList)
	}
	if err := p.db.CreateTable(p.ctx, name, columns); err != nil {
		return "", err
	}
	a, err := p.db.NewAppender(name, types)
	if err != nil {
		return "", err
	}
	defer a.Abort()
	walk := meanWalk{windows: w, of: of, kept: make([]recent, len(of)), key: -1, to: a}
	// An appender cannot write while a result is read: one is read after the other.
	const part = 1 << 17
	for from := int64(0); from < rows; from += part {
		read := fmt.Sprintf("SELECT * FROM %s WHERE rowid >= %d AND rowid < %d", laid, from, from+part)
		if err := p.db.Query(p.ctx, read, walk.events); err != nil {
			return "", p.explain("", err)
		}
		if err := walk.flush(); err != nil {
			return "", err
		}
	}
	if err := walk.end(); err != nil {
		return "", err
	}
	return name, a.Close()
}

// lay makes a table of rows and events by key and time: a number of the key, the time, the row's number, which an event has not, and a
// vector of each mean.
func (w *windows) lay(of []vectorMean) (name string, err error) {
	p := w.p
	rowItems, eventItems, vectors := slices.Clone(w.rowItems), slices.Clone(w.eventItems), make([]string, len(of))
	counts := make([]string, len(of))
	for i, m := range of {
		vectors[i] = "__m" + strconv.Itoa(i)
		rowItems, eventItems = append(rowItems, "CAST(NULL AS DOUBLE[]) AS "+vectors[i]), append(eventItems, m.sql)
		counts[i] = vectors[i] + " IS NOT NULL"
	}
	both := fmt.Sprintf("SELECT %s FROM %s UNION ALL SELECT %s FROM %s WHERE %s", strings.Join(rowItems, ", "), p.current, strings.Join(eventItems, ", "), w.from, strings.Join(w.conditions, " AND "))
	number, by := "CAST(0 AS BIGINT)", ""
	if len(w.rowKeys) > 0 {
		keys, same := make([]string, len(w.rowKeys)), make([]string, len(w.rowKeys))
		for i, k := range w.rowKeys {
			key := "__key" + strconv.Itoa(i)
			keys[i], same[i] = k+" AS "+key, fmt.Sprintf("k.%s = u.%s", key, key)
		}
		number = "k.__number"
		by = fmt.Sprintf(" JOIN (SELECT *, row_number() OVER () AS __number FROM (SELECT DISTINCT %s FROM %s)) k ON %s", strings.Join(keys, ", "), p.current, strings.Join(same, " AND "))
	}
	name = p.name("laid")
	sql := fmt.Sprintf("CREATE TABLE %s AS SELECT %s AS __number, u.__time, u.__id, %s FROM (%s) u%s WHERE u.__time IS NOT NULL AND (NOT u.__event OR %s) ORDER BY __number, u.__time, u.__order",
		name, number, strings.Join(vectors, ", "), both, by, strings.Join(counts, " OR "))
	if p.serial {
		return name, p.alone(func() error { return p.exec("", sql) })
	}
	return name, p.exec("", sql)
}

// vectorAt is a vector and the time of its event.
type vectorAt struct {
	time   int64
	vector []float64
}

// recent is what is kept of the events of a key: those that rows may know of, at most so many as a mean is of, the oldest first, and
// behind them those that no row knows yet.
type recent struct {
	events []vectorAt
	known  int // of events
	spare  [][]float64
}

// forget drops the oldest events.
func (h *recent) forget(n int) {
	for _, e := range h.events[:n] {
		h.spare = append(h.spare, e.vector[:0])
	}
	h.events, h.known = slices.Delete(h.events, 0, n), h.known-n
}

// keep adds an event.
func (h *recent) keep(time int64, vector []float64) {
	var room []float64
	if n := len(h.spare); n > 0 {
		room, h.spare = h.spare[n-1], h.spare[:n-1]
	}
	h.events = append(h.events, vectorAt{time, append(room, vector...)})
}

// meanWalk goes through rows and events in their order.
type meanWalk struct {
	*windows
	of    []vectorMean
	kept  []recent
	key   int64
	rows  []rowAt   // of the key, where they are answered when all of its events are known
	done  []rowMean // rows that are to be written
	to    *duck.Appender
	sums  []float64
	width []int // of the vectors of each mean, 0 before the first
}

type rowAt struct{ id, time int64 }

// rowMean is a row's means, nil where there is none.
type rowMean struct {
	id    int64
	means [][]float32
}

// events takes rows and events.
func (m *meanWalk) events(c *duck.Chunk) error {
	keys, _ := duck.Vector[int64](c, 0)
	times, _ := duck.Vector[int64](c, 1)
	ids, isRow := duck.Vector[int64](c, 2)
	type lists struct {
		entries         []duck.ListEntry
		valid, elements duck.Validity
		values          []float64
	}
	vectors := make([]lists, len(m.of))
	for k := range m.of {
		v := &vectors[k]
		v.entries, v.valid, v.values, v.elements = duck.Lists[float64](c, 3+k)
	}
	for i := range c.Rows {
		if keys[i] != m.key {
			m.finish()
			m.key = keys[i]
		}
		if isRow.Valid(i) {
			m.row(rowAt{ids[i], times[i]})
			continue
		}
		for k, v := range vectors {
			if !v.valid.Valid(i) {
				continue
			}
			e := v.entries[i]
			missing := e.Length == 0
			for j := e.Offset; j < e.Offset+e.Length; j++ {
				missing = missing || !v.elements.Valid(int(j))
			}
			if missing { // as if there were none
				continue
			}
			if err := m.event(k, times[i], v.values[e.Offset:e.Offset+e.Length]); err != nil {
				return err
			}
		}
	}
	return nil
}

// event keeps an event of a mean.
func (m *meanWalk) event(k int, time int64, vector []float64) error {
	if m.width == nil {
		m.width = make([]int, len(m.of))
	}
	if w := &m.width[k]; *w == 0 {
		*w = len(vector)
	} else if *w != len(vector) {
		return m.p.configErrorf(m.of[k].key+".value", "there are vectors of %d numbers and of %d; a mean is of vectors of one length", *w, len(vector))
	}
	m.kept[k].keep(time, vector)
	m.learn(k, time)
	return nil
}

// learn tells which events rows of a time and later know, and forgets those that no mean is of any more.
func (m *meanWalk) learn(k int, time int64) {
	h := &m.kept[k]
	for h.known < len(h.events) && (m.future || h.events[h.known].time <= time-m.gap-1) {
		h.known++
	}
	h.forget(max(0, h.known-m.of[k].last))
}

// row answers for a row, or keeps it until the last event of its key.
func (m *meanWalk) row(r rowAt) {
	if m.future {
		m.rows = append(m.rows, r)
		return
	}
	for k := range m.kept {
		m.learn(k, r.time)
	}
	m.answer(r)
}

// finish ends a key.
func (m *meanWalk) finish() {
	for _, r := range m.rows {
		m.answer(r)
	}
	m.rows = m.rows[:0]
	for k := range m.kept {
		h := &m.kept[k]
		h.forget(len(h.events))
		h.known = 0
	}
}

// answer makes the means of a row.
func (m *meanWalk) answer(r rowAt) {
	out := rowMean{id: r.id, means: make([][]float32, len(m.of))}
	known := false
	for k, h := range m.kept {
		from, window := 0, m.of[k].window
		for window > 0 && from < h.known && h.events[from].time < r.time-window {
			from++
		}
		if from == h.known {
			continue
		}
		known = true
		m.sums = append(m.sums[:0], h.events[h.known-1].vector...)
		for _, e := range slices.Backward(h.events[from : h.known-1]) {
			for j, v := range e.vector {
				m.sums[j] += v
			}
		}
		out.means[k] = make([]float32, len(m.sums))
		for j, v := range m.sums {
			out.means[k][j] = float32(v / float64(h.known-from))
		}
	}
	if known {
		m.done = append(m.done, out)
	}
}

// flush writes the rows that are answered.
func (m *meanWalk) flush() error {
	for _, r := range m.done {
		m.to.Int(0, r.id)
		for k, mean := range r.means {
			if mean != nil {
				m.to.Float32s(1+k, mean)
			}
		}
		if err := m.to.EndRow(); err != nil {
			return err
		}
	}
	clear(m.done)
	m.done = m.done[:0]
	return nil
}

// end answers for the rows of the last key.
func (m *meanWalk) end() error {
	m.finish()
	return m.flush()
}
