package prepare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/datasets/duck"
)

// timeline lays out the rows and the events of a key in one order of time, so that
// what is asked about the events around a row is a window of SQL.
type timeline struct {
	p          *pipeline
	from       string // the events, a FROM item
	name       string // of the events, in messages
	at, then   string // times of rows and events: SQL of whole numbers, see moment
	timeType   string // of the column of event times
	clock      bool   // times are microseconds
	rowKeys    []string
	keyNames   []string
	partition  string
	rowItems   []string // of the union
	eventItems []string
	conditions []string // of events that count
	values     []string // SQL over events, each a column __v of the union
	types      []string
}

// timeline resolves the columns of a step about the events of a source, "" for the
// rows themselves. The rows are a table then.
func (p *pipeline) timeline(source string, key []string, keys map[string]string, at, then, where string) (*timeline, error) {
	if err := p.materialize(); err != nil {
		return nil, err
	}
	t := &timeline{p: p, from: p.current, name: "the rows"}
	columns, order := p.columns, rowColumn
	if source != "" {
		var err error
		t.from, t.name = duck.Name(source), source
		if columns, err = p.describe(t.from); err != nil {
			return nil, err
		}
		order = rowNumber(columns)
	}
	pairs, err := p.keys(key, keys, columns, t.name, t.from)
	if err != nil {
		return nil, err
	}
	if t.at, err = p.moment("at", at, p.columns, "", "the rows"); err != nil {
		return nil, err
	}
	if then == "" {
		then = at
	}
	if t.then, err = p.moment("time", then, columns, "", t.name); err != nil {
		return nil, err
	}
	t.timeType = columns[slices.IndexFunc(columns, func(c column) bool { return c.name == then })].typ
	if t.clock = strings.HasPrefix(t.at, "epoch"); t.clock != isTime(t.timeType) {
		return nil, p.configErrorf("time", "rows and events have different kinds of time; cast both to TIMESTAMP")
	}
	t.rowItems = []string{"FALSE AS __event", t.at + " AS __time", rowColumn + " AS __id", "CAST(NULL AS BIGINT) AS __order"}
	t.eventItems = []string{"TRUE", t.then, "NULL", order}
	t.conditions = []string{t.then + " IS NOT NULL"}
	var partition []string
	for i, k := range pairs {
		own, other := duck.Name(k[0].name), duck.Name(k[1].name)
		t.rowKeys, t.keyNames = append(t.rowKeys, own), append(t.keyNames, k[0].name)
		t.rowItems = append(t.rowItems, fmt.Sprintf("%s AS __key%d", own, i))
		t.eventItems = append(t.eventItems, other)
		t.conditions = append(t.conditions, other+" IS NOT NULL")
		partition = append(partition, "__key"+strconv.Itoa(i))
	}
	if len(partition) > 0 {
		t.partition = "PARTITION BY " + strings.Join(partition, ", ") + " "
	}
	if where != "" {
		if err := p.condition("where", where, t.from); err != nil {
			return nil, err
		}
		t.conditions = append(t.conditions, "("+where+"\n)")
	}
	return t, nil
}

// moment returns a column of time as SQL of whole numbers: microseconds, or the
// numbers themselves.
func (p *pipeline) moment(key, name string, columns []column, qualifier, where string) (string, error) {
	c, err := p.find(key, name, columns, where)
	if err != nil {
		return "", err
	}
	switch {
	case isTime(c.typ):
		return fmt.Sprintf("epoch_us(%s%s)", qualifier, duck.Name(name)), nil
	case isInteger(c.typ):
		return fmt.Sprintf("CAST(%s%s AS BIGINT)", qualifier, duck.Name(name)), nil
	}
	return "", p.configErrorf(key, "column %q of %s is %s; cast it to TIMESTAMP or a whole number before", name, where, c.typ)
}

// value adds an expression over events to the union and returns its column.
func (t *timeline) value(key, expr, typ string) (string, string, error) {
	if typ == "" {
		var err error
		if typ, err = t.p.typeOf(key, expr, t.from); err != nil {
			return "", "", err
		}
	}
	i := slices.Index(t.values, expr)
	if i < 0 {
		i = len(t.values)
		t.values, t.types = append(t.values, expr), append(t.types, typ)
	}
	return "__v" + strconv.Itoa(i), t.types[i], nil
}

// over is a window around a row, from one bound of RANGE to another.
func (t *timeline) over(from, to string) string {
	return fmt.Sprintf(" OVER (%sORDER BY __time RANGE BETWEEN %s AND %s)", t.partition, from, to)
}

// sql is a SELECT of the rows with items computed over the union.
func (t *timeline) sql(items []string) string {
	if len(items) == 0 {
		return "SELECT * FROM " + t.p.current
	}
	rowItems, eventItems := slices.Clone(t.rowItems), slices.Clone(t.eventItems)
	for i, v := range t.values {
		rowItems = append(rowItems, fmt.Sprintf("CAST(NULL AS %s) AS __v%d", t.types[i], i))
		eventItems = append(eventItems, "("+v+"\n)")
	}
	current := t.p.current
	return fmt.Sprintf("SELECT r.*, f.* EXCLUDE (__id, __event) FROM %s r JOIN (SELECT * FROM (SELECT __event, __id, %s FROM (SELECT %s FROM %s UNION ALL SELECT %s FROM %s WHERE %s)) WHERE NOT __event) f ON r.%s = f.__id",
		current, strings.Join(items, ", "), strings.Join(rowItems, ", "), current, strings.Join(eventItems, ", "), t.from, strings.Join(t.conditions, " AND "), rowColumn)
}

// format writes a time of the timeline for messages.
func (t *timeline) format(moment int64) string { return formatMoment(moment, t.clock) }

// formatMoment writes a time of moment for messages.
func formatMoment(moment int64, clock bool) string {
	if !clock {
		return strconv.FormatInt(moment, 10)
	}
	at := time.UnixMicro(moment).UTC()
	if moment%microsPerDay == 0 {
		return at.Format(time.DateOnly)
	}
	return at.Format("2006-01-02T15:04:05.999999")
}

// checkSpan makes sure that a length of time is in the units of a column of time:
// with a unit for those of the calendar, without one for whole numbers. Nothing is
// nothing in either.
func (p *pipeline) checkSpan(key, text string, clock bool, what string) (int64, error) {
	n, ok := parseSpan(text)
	_, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	switch plain := err == nil; {
	case !ok:
		return 0, p.configErrorf(key, "%q is no length of time; write it like 30d, 12h or 90m", text)
	case n == 0 || plain != clock:
	case clock:
		return 0, p.configErrorf(key, "%q has no unit, and %s are times; write it like 30d, 12h or 90m", text, what)
	default:
		return 0, p.configErrorf(key, "%q is a length of time, and %s are whole numbers; give it in their units, or cast the column to TIMESTAMP before", text, what)
	}
	return n, nil
}
