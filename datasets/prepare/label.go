package prepare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// The functions of Label.
const (
	labelAny   = "any"
	labelCount = "count"
	labelSum   = "sum"
)

// What Label does with rows whose label cannot be known.
const (
	incompleteDrop = "drop"
	incompleteKeep = "keep"
	incompleteFail = "fail"
)

// madeLabel is a column of a label step that was done.
type madeLabel struct {
	name, text string // text is its within, as written
	within     int64
}

func (l *Label) validate(c *Config, path string) error {
	if l.Events != "" {
		if err := c.checkSource(path+".events", l.Events); err != nil {
			return err
		}
	}
	if strings.TrimSpace(l.Name) == "" {
		return configfile.Errorf(path+".name", "is not given; name the new column")
	}
	if l.At == "" {
		return configfile.Errorf(path+".at", "is not given; name the column of a row's time, after which the label looks")
	}
	if l.Within == "" {
		return configfile.Errorf(path+".within", "is not given; say how far the label looks beyond the row's time, such as 30d")
	}
	within, err := parseGap(path+".within", l.Within)
	if err != nil {
		return err
	}
	if within == 0 {
		return configfile.Errorf(path+".within", "%q holds no moment after the row's own; write it like 30d, 12h or 90m", l.Within)
	}
	if l.Function != "" {
		if err := oneOf(path+".function", l.Function, labelAny, labelCount, labelSum); err != nil {
			return err
		}
	}
	if sum := l.Function == labelSum; sum != (l.Value != "") {
		if sum {
			return configfile.Errorf(path+".value", "is not given; sum is of a column of the events")
		}
		return configfile.Errorf(path+".value", "goes with the function sum; a condition on the events goes under where")
	}
	if l.Incomplete != "" {
		return oneOf(path+".incomplete", l.Incomplete, incompleteDrop, incompleteKeep, incompleteFail)
	}
	return nil
}

// label adds a column of what happens in (at, at + within]. The row's own moment is
// left to neither side: what aggregate sees ends before it, and an event that made the
// row, such as the order that it is, must not be its own future. The end counts, so
// that "within 30 days" has the thirtieth, and windows of one length put one behind the
// other hold each event once.
func (p *pipeline) label(l *Label) error {
	if err := p.checkNew("name", l.Name); err != nil {
		return err
	}
	t, err := p.timeline(l.Events, l.Key, l.Keys, l.At, l.Time, l.Where)
	if err != nil {
		return err
	}
	within, err := p.checkSpan("within", l.Within, t.clock, fmt.Sprintf("the values of column %q", l.At))
	if err != nil {
		return err
	}
	if err := t.refuseUnknown(l.At); err != nil {
		return err
	}
	value, typ := "", ""
	if l.Value != "" {
		if value, typ, err = t.value("value", l.Value, ""); err != nil {
			return err
		}
		if !isNumber(typ) {
			return p.configErrorf("value", "%q is %s; sum needs numbers", l.Value, typ)
		}
	}
	last, err := t.until(l)
	if err != nil {
		return err
	}
	over := " FILTER (WHERE __event)" + t.over("1 FOLLOWING", fmt.Sprintf("%d FOLLOWING", within))
	made := column{name: l.Name}
	item, holds := "", "> 0"
	switch cmp.Or(l.Function, labelAny) {
	case labelAny:
		item, made.typ, holds = "count(*)"+over+" > 0", "BOOLEAN", ""
	case labelCount:
		item, made.typ = "count(*)"+over, "BIGINT"
	case labelSum:
		item, made.typ, holds = "coalesce(CAST(sum("+exact(value, typ)+")"+over+" AS DOUBLE), 0)", "DOUBLE", "<> 0"
	}
	sql := t.sql([]string{item + " AS " + duck.Name(l.Name)})
	complete := "FALSE"
	if last >= math.MinInt64+within {
		complete = fmt.Sprintf("%s <= %d", t.at, last-within)
	}
	counts, err := p.integers("", 1, "SELECT count(*) FILTER (WHERE NOT ("+complete+")) FROM "+p.current)
	if err != nil {
		return err
	}
	reason := fmt.Sprintf("the %s after %s are not over: %s end at %s", l.Within, l.At, cmp.Or(l.Events, "the rows"), t.format(last))
	if err := p.decideIncomplete(l, counts[0], reason); err != nil {
		return err
	}
	if l.Incomplete != incompleteKeep {
		sql += " WHERE " + complete
	}
	if err := p.make("", sql, append(slices.Clone(p.columns), made)); err != nil {
		return err
	}
	if err := p.recount(reason); err != nil {
		return err
	}
	found, err := p.integer("", fmt.Sprintf("SELECT count(*) FILTER (WHERE %s %s) FROM %s", duck.Name(l.Name), holds, p.current))
	if err != nil {
		return err
	}
	p.step.Counts = map[string]int64{l.Name: found}
	if found == 0 {
		p.warn(fmt.Sprintf("no row of %d has an event within %s of its time: the label is the same in all; compare key, time and where with the events", p.rows, l.Within), "label", l.Name)
	}
	p.labels = append(p.labels, madeLabel{l.Name, l.Within, within})
	return nil
}

// warn tells of something about the step under way, and notes it in the description.
func (p *pipeline) warn(text string, args ...any) {
	p.step.Notes = append(p.step.Notes, text)
	p.log.Warn(text, args...)
}

// refuseUnknown refuses rows without a time or a key, of whose future nobody can
// know: a label of false would be made up.
func (t *timeline) refuseUnknown(at string) error {
	names, items := append([]string{at}, t.keyNames...), append([]string{t.at}, t.rowKeys...)
	for i, item := range items {
		items[i] = "count(*) - count(" + item + ")"
	}
	missing, err := t.p.integers("", len(items), "SELECT "+strings.Join(items, ", ")+" FROM "+t.p.current)
	if err != nil {
		return err
	}
	for i, n := range missing {
		key, what := "key", "no value"
		if i == 0 {
			key, what = "at", "no value, or infinity,"
		}
		if n > 0 {
			return t.p.configErrorf(key, "column %q has %s in %d of %d rows, of which nobody can know the label; leave them out before, with the step filter: %s",
				names[i], what, n, t.p.rows, quoteText(duck.Name(names[i])+" IS NOT NULL"))
		}
	}
	bounds, err := t.p.integers("", 2, fmt.Sprintf("SELECT coalesce(min(%[1]s), 0), coalesce(max(%[1]s), 0) FROM %[2]s", t.at, t.p.current))
	if err == nil && (bounds[0] < -farthest || bounds[1] > farthest) {
		return t.tooFar("at", "the rows")
	}
	return err
}

// farthest is how far from zero times may lie, so that a length of time can be added.
const farthest = math.MaxInt64 / 2

func (t *timeline) tooFar(key, name string) error {
	return t.p.configErrorf(key, "times of %s are numbers of more than 2^62, which are no times; leave such rows out before, with a filter or a query", name)
}

// quoteText writes a text as a value of YAML.
func quoteText(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return strconv.Quote(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// until returns the last moment that the events cover. Rows before the first event are
// told: the label of those is that of events which may have happened, and are not there.
func (t *timeline) until(l *Label) (int64, error) {
	p := t.p
	bounds, err := p.integers("", 3, fmt.Sprintf("SELECT coalesce(min(%[1]s), 0), coalesce(max(%[1]s), 0), count(%[1]s) FROM %[2]s", t.then, t.from))
	if err != nil {
		return 0, err
	}
	first, last := bounds[0], bounds[1]
	if bounds[2] == 0 {
		return 0, p.configErrorf("time", "no event of %s has a time", t.name)
	}
	if first < -farthest || last > farthest {
		return 0, t.tooFar("time", t.name)
	}
	p.step.Notes = append(p.step.Notes, fmt.Sprintf("the events of %s are from %s to %s", t.name, t.format(first), t.format(last)))
	early, err := p.integer("", fmt.Sprintf("SELECT count(*) FROM %s WHERE %s < %d", p.current, t.at, first))
	if err != nil {
		return 0, err
	}
	if early > 0 {
		p.warn(fmt.Sprintf("%d of %d rows are earlier than the first event of %s, at %s: where events were not kept from the beginning, leave those rows out with a filter",
			early, p.rows, t.name, t.format(first)), "label", l.Name)
	}
	if l.Until == "" {
		return last, nil
	}
	literal := fmt.Sprintf("TRY_CAST(%s AS BIGINT)", duck.Literal(l.Until))
	if t.clock {
		literal = fmt.Sprintf("epoch_us(TRY_CAST(%s AS TIMESTAMP))", duck.Literal(l.Until))
	}
	known, err := p.integers("until", 2, "SELECT coalesce(v, 0), CAST(v IS NOT NULL AS BIGINT) FROM (SELECT "+literal+" AS v)")
	if err != nil {
		return 0, err
	}
	if known[1] == 0 {
		return 0, p.configErrorf("until", "%q is no time of the events, which are %s; write it like %s", l.Until, t.timeType, t.format(last))
	}
	return known[0], nil
}

// decideIncomplete says what becomes of rows whose label cannot be known.
func (p *pipeline) decideIncomplete(l *Label, rows int64, reason string) error {
	switch {
	case rows == 0:
	case l.Incomplete == incompleteFail:
		return p.configErrorf("", "the label of %d of %d rows cannot be known: %s; leave them out with incomplete: drop, or say with until up to when the events are complete", rows, p.rows, reason)
	case l.Incomplete == incompleteKeep:
		p.warn(fmt.Sprintf("the label of %d of %d rows is kept though it cannot be known: %s; what was not seen is taken for what did not happen", rows, p.rows, reason), "label", l.Name)
	case rows == p.rows:
		return p.configErrorf("within", "the label of none of the %d rows can be known: %s; take a shorter within, later events, or say with until up to when the events are complete", rows, reason)
	}
	return nil
}

// literals are texts in SQL.
var literals = regexp.MustCompile(`'[^']*'`)

// checkLabelsKnown refuses features of the rows' own past labels that were not known
// yet: that of a row is known only when its window is over.
func (p *pipeline) checkLabelsKnown(a *Aggregate, gap int64) error {
	if a.Events != "" || a.Future {
		return nil
	}
	for _, l := range p.labels {
		if gap >= l.within {
			continue
		}
		mention := regexp.MustCompile(`(?i)(^|[^\pL\pN_])` + regexp.QuoteMeta(l.name) + `($|[^\pL\pN_])`)
		check := func(key, expr string) error {
			if !mention.MatchString(literals.ReplaceAllString(expr, "''")) {
				return nil
			}
			return p.configErrorf(key, "%q is about the label %q of earlier rows, which is known only %s after their time; wait for it with gap: %s", expr, l.name, l.text, l.text)
		}
		if err := check("where", a.Where); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(a.Features)) {
			f := a.Features[name]
			if err := cmp.Or(check("features."+name+".value", f.Value), check("features."+name+".where", f.Where)); err != nil {
				return err
			}
		}
	}
	return nil
}
