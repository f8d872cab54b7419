package prepare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// Series makes regular series of events: a row for each series and step.
type Series struct {
	Time     string                 `yaml:"time" jsonschema:"description=The column of an event's time; afterwards that of the step's beginning."`
	Step     string                 `yaml:"step" jsonschema:"enum=hour,enum=day,enum=week,enum=month,enum=quarter,enum=year,description=How long a step is."`
	By       configfile.Strings     `yaml:"by,omitempty" jsonschema:"description=Columns that name the series of an event such as [store; item]; none where there is one series."`
	Values   map[string]SeriesValue `yaml:"values" jsonschema:"description=New columns by name: what is made of the events of a step."`
	Gaps     string                 `yaml:"gaps" jsonschema:"enum=zero,enum=missing,enum=none,description=Steps without an event between the first of a series and the end: zero: nothing was sold; missing: a row without values; none: no row."`
	TimeZone string                 `yaml:"time_zone,omitempty" jsonschema:"description=Where the steps begin at midnight such as Europe/Berlin; of times with a zone. Default UTC."`
	Week     string                 `yaml:"week,omitempty" jsonschema:"enum=monday,enum=sunday,description=The day a week begins on. Default monday."`
	From     string                 `yaml:"from,omitempty" jsonschema:"description=All series begin on this day such as 2024-01-01; earlier events are left out. Default: each with its first event."`
	Until    string                 `yaml:"until,omitempty" jsonschema:"description=Steps end before this day; events from then on are left out. Default: the step of the latest event; which may have more events to come."`
}

// SeriesValue is what is made of the events of a step.
type SeriesValue struct {
	Function string `yaml:"function" jsonschema:"enum=sum,enum=count,enum=mean,enum=min,enum=max,enum=last,description=sum; count; mean; min; max; or last: the latest value up to the end of the step; which goes on through gaps."`
	Value    string `yaml:"value,omitempty" jsonschema:"description=A column of the events or a SQL expression."`
	Where    string `yaml:"where,omitempty" jsonschema:"description=SQL condition of the events that count."`
}

// What gaps in series mean.
const (
	seriesZero    = "zero"
	seriesMissing = "missing"
	seriesNone    = "none"
)

func (s *Series) validate(path string) error {
	if err := oneOf(path+".step", s.Step, "hour", "day", "week", "month", "quarter", "year"); err != nil {
		return err
	}
	if s.Gaps == "" {
		return configfile.Errorf(path+".gaps", "is not given; say what steps without an event mean: zero, missing or none")
	}
	if err := oneOf(path+".gaps", s.Gaps, seriesZero, seriesMissing, seriesNone); err != nil {
		return err
	}
	if s.Week != "" {
		if err := oneOf(path+".week", s.Week, "monday", "sunday"); err != nil {
			return err
		}
		if s.Step != "week" {
			return configfile.Errorf(path+".week", "goes with steps of a week, not of a %s", s.Step)
		}
	}
	if len(s.Values) == 0 {
		return configfile.Errorf(path+".values", "there are none; write {orders: {function: count}, or sold: {function: sum, value: quantity}}")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		v, at := s.Values[name], path+".values."+name
		if err := oneOf(at+".function", v.Function, featureSum, featureCount, featureMean, featureMin, featureMax, featureLast); err != nil {
			return err
		}
		if (v.Value == "") != (v.Function == featureCount) {
			if v.Value == "" {
				return configfile.Errorf(at+".value", "is not given; %s is about a column of the events", v.Function)
			}
			return configfile.Errorf(at+".value", "does not go with count; count those for which where holds")
		}
	}
	return nil
}

// series replaces the rows, which are events, by steps of series.
func (p *pipeline) series(s *Series) error {
	switch {
	case p.split:
		return p.configErrorf("", "the rows are split already, by a step that learns from the training rows; put this step before it")
	case len(p.labels) > 0:
		return p.configErrorf("", "a label of events was made before; make it of the steps, after this one")
	}
	c, err := p.column("time", s.Time)
	if err != nil {
		return err
	}
	local, err := p.local(s, c)
	if err != nil {
		return err
	}
	if err := p.materialize(); err != nil {
		return err
	}
	keys := make([]string, len(s.By))
	columns := make([]column, 0, len(s.By)+1+len(s.Values))
	empty := []string{duck.Name(c.name) + " IS NULL"}
	for i, name := range s.By {
		k, err := p.column("by."+strconv.Itoa(i), name)
		if err != nil {
			return err
		}
		if k.name == c.name {
			return p.configErrorf("by."+strconv.Itoa(i), "%q is the column of times", name)
		}
		keys[i], columns = duck.Name(name), append(columns, k)
		empty = append(empty, keys[i]+" IS NULL")
	}
	counts := make([]string, len(empty))
	for i, e := range empty {
		counts[i] = "count(*) FILTER (WHERE " + e + ")"
	}
	missing, err := p.integers("", len(counts), "SELECT "+strings.Join(counts, ", ")+" FROM "+p.current)
	if err != nil {
		return err
	}
	for i, n := range missing {
		key, name := "time", s.Time
		if i > 0 {
			key, name = "by."+strconv.Itoa(i-1), s.By[i-1]
		}
		if n > 0 {
			return p.configErrorf(key, "%d rows have no %s; fill it, or leave them out by a step before: filter: '%s IS NOT NULL'", n, name, duck.Name(name))
		}
	}

	aggregated, err := p.stepValues(s)
	if err != nil {
		return err
	}
	from, until, err := p.limits(s)
	if err != nil {
		return err
	}
	step := fmt.Sprintf("date_trunc('%s', %s)", s.Step, local)
	if s.Week == "sunday" {
		step = fmt.Sprintf("(date_trunc('week', %s + INTERVAL 1 DAY) - INTERVAL 1 DAY)", local)
	}
	among := "TRUE"
	if from != "" {
		among += " AND " + local + " >= " + from
	}
	if until != "" {
		among += " AND " + local + " < " + until
	}
	var group, selected []string
	for i := range s.By {
		selected, group = append(selected, keys[i]), append(group, keys[i])
	}
	var made []string
	for _, v := range aggregated {
		made = append(made, v.sql+" AS "+duck.Name(v.name))
	}
	events := fmt.Sprintf("SELECT %s FROM %s WHERE %s GROUP BY %s", strings.Join(append(append(selected, "CAST("+step+" AS TIMESTAMP) AS __step"), made...), ", "),
		p.current, among, strings.Join(append(group, "__step"), ", "))
	before, name := p.rows, p.name("events")
	if err := p.exec("", "CREATE TABLE "+name+" AS "+events); err != nil {
		return err
	}
	used, err := p.integer("", "SELECT count(*) FROM "+p.current+" WHERE "+among)
	if err != nil {
		return err
	}
	if used == 0 {
		return p.configErrorf("", "no event lies within from %q and until %q", s.From, s.Until)
	}

	typ, shown := "DATE", "CAST(__step AS DATE)"
	if s.Step == "hour" {
		typ, shown = "TIMESTAMP", "__step"
	}
	columns = append(columns, column{c.name, typ})
	items := append(slices.Clone(keys), shown+" AS "+duck.Name(c.name))
	for _, v := range aggregated {
		columns = append(columns, column{v.name, v.typ})
		item := duck.Name(v.name)
		switch {
		case v.function == featureLast:
			item = fmt.Sprintf("last_value(%s IGNORE NULLS) OVER (%sORDER BY __step ROWS UNBOUNDED PRECEDING) AS %[1]s", item, partition(keys))
		case s.Gaps == seriesZero && (v.function == featureSum || v.function == featureCount):
			item = fmt.Sprintf("coalesce(%s, 0) AS %[1]s", item)
		}
		items = append(items, item)
	}
	source := name
	if s.Gaps != seriesNone {
		if source, err = p.everyStep(s, name, keys, from, until); err != nil {
			return err
		}
	}
	order := strings.Join(append(slices.Clone(keys), "__step"), ", ")
	sql := fmt.Sprintf("SELECT row_number() OVER (ORDER BY %s) - 1 AS %s, %s FROM %s", order, rowColumn, strings.Join(items, ", "), source)
	if err := p.make("", sql, columns); err != nil {
		return err
	}
	if err := p.db.Query(p.ctx, "DROP TABLE "+name, nil); err != nil {
		return p.explain("", err)
	}
	if p.rows, err = p.integer("", "SELECT count(*) FROM "+p.current); err != nil {
		return err
	}
	p.tellSeries(s, c, before-used)
	return nil
}

// tellSeries notes what a person should know of the series.
func (p *pipeline) tellSeries(s *Series, c column, outside int64) {
	zone := s.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	if withZone(c.typ) {
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("a %s begins by the clock of %s", s.Step, zone))
		if s.Step == "hour" && zone != "UTC" {
			p.step.Notes = append(p.step.Notes, "where the clock is put back an hour is twice as long, and where it is put forward one is left out; hours of UTC are all alike")
		}
	}
	if outside > 0 {
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("%d events lie outside of from and until", outside))
	}
	if s.Until == "" {
		p.step.Notes = append(p.step.Notes, fmt.Sprintf("the last %s is that of the latest event and may have more to come; until: ends the series before a day", s.Step))
	}
}

func withZone(typ string) bool { return typ == "TIMESTAMP WITH TIME ZONE" }

// local is the time of an event by the clock of the place.
func (p *pipeline) local(s *Series, c column) (string, error) {
	expr := duck.Name(c.name)
	switch {
	case !isTime(c.typ):
		return "", p.configErrorf("time", "column %q is %s; cast it to TIMESTAMP before", c.name, c.typ)
	case !withZone(c.typ) && s.TimeZone != "":
		return "", p.configErrorf("time_zone", "column %q is %s, which has no zone: it is taken as it stands; leave time_zone out, or cast it to TIMESTAMPTZ before, as times of UTC", c.name, c.typ)
	case !withZone(c.typ):
		return "CAST(" + expr + " AS TIMESTAMP)", nil
	}
	zone := s.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	known, err := p.integer("time_zone", "SELECT count(*) FROM pg_timezone_names() WHERE name = "+duck.Literal(zone))
	if err != nil {
		return "", err
	}
	if known == 0 {
		return "", p.configErrorf("time_zone", "there is no zone %q; name one such as Europe/Berlin, America/New_York or UTC", zone)
	}
	return "(" + expr + " AT TIME ZONE " + duck.Literal(zone) + ")", nil
}

// limits are from and until as SQL, "" where they are not given. Both begin a step.
func (p *pipeline) limits(s *Series) (from, until string, err error) {
	for _, l := range []struct {
		key, text string
		to        *string
	}{{"from", s.From, &from}, {"until", s.Until, &until}} {
		if l.text == "" {
			continue
		}
		at := "TRY_CAST(" + duck.Literal(l.text) + " AS TIMESTAMP)"
		step := fmt.Sprintf("date_trunc('%s', %s)", s.Step, at)
		if s.Week == "sunday" {
			step = fmt.Sprintf("(date_trunc('week', %s + INTERVAL 1 DAY) - INTERVAL 1 DAY)", at)
		}
		found, err := p.texts(l.key, 3, fmt.Sprintf("SELECT CAST(%s IS NULL AS VARCHAR), CAST(%s = %[1]s AS VARCHAR), CAST(CAST(%[2]s AS DATE) AS VARCHAR)", at, step))
		if err != nil {
			return "", "", err
		}
		if found[0][0] == "true" {
			return "", "", p.configErrorf(l.key, "%q is no day; write it like 2024-01-31", l.text)
		}
		if found[0][1] != "true" {
			return "", "", p.configErrorf(l.key, "%s lies within a %s; give the day on which one begins, such as %s", l.text, s.Step, found[0][2])
		}
		*l.to = at
	}
	if from != "" && until != "" && s.From >= s.Until {
		return "", "", p.configErrorf("until", "%s is not after from, %s", s.Until, s.From)
	}
	return from, until, nil
}

// stepValue is an aggregate over the events of a step.
type stepValue struct{ name, function, sql, typ string }

// stepValues are the aggregates; sums and means are exact, whatever the order in which the events are met.
func (p *pipeline) stepValues(s *Series) ([]stepValue, error) {
	var out []stepValue
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		f, key := s.Values[name], "values."+name
		switch {
		case strings.TrimSpace(name) == "" || strings.HasPrefix(name, "__"):
			return nil, p.configErrorf(key, "%q is no name of a column; choose another", name)
		case strings.EqualFold(name, s.Time) || slices.ContainsFunc(s.By, func(k string) bool { return strings.EqualFold(k, name) }):
			return nil, p.configErrorf(key, "there is a column %q of the series already; choose another name", name)
		}
		filter := ""
		if f.Where != "" {
			if err := p.condition(key+".where", f.Where, p.current); err != nil {
				return nil, err
			}
			filter = " FILTER (WHERE (" + f.Where + "\n))"
		}
		if f.Function == featureCount {
			out = append(out, stepValue{name, f.Function, "count(*)" + filter, "BIGINT"})
			continue
		}
		typ, err := p.typeOf(key+".value", f.Value, p.current)
		if err != nil {
			return nil, err
		}
		v := "(" + f.Value + "\n)"
		switch {
		case (f.Function == featureSum || f.Function == featureMean) && !isNumber(typ):
			return nil, p.configErrorf(key+".value", "%q is %s; %s needs numbers", f.Value, typ, f.Function)
		case f.Function == featureSum:
			out = append(out, stepValue{name, f.Function, "CAST(sum(" + exact(v, typ) + ")" + filter + " AS DOUBLE)", "DOUBLE"})
		case f.Function == featureMean:
			out = append(out, stepValue{name, f.Function, "CAST(sum(" + exact(v, typ) + ")" + filter + " AS DOUBLE) / nullif(count(" + v + ")" + filter + ", 0)", "DOUBLE"})
		case f.Function == featureLast:
			// Of events of one moment the last in the source counts.
			when := fmt.Sprintf("CAST(epoch_us(CAST(%s AS TIMESTAMP)) AS HUGEINT) * 1099511627776 + %s", duck.Name(s.Time), rowColumn)
			present := " FILTER (WHERE " + v + " IS NOT NULL"
			if f.Where != "" {
				present += " AND (" + f.Where + "\n)"
			}
			out = append(out, stepValue{name, f.Function, "arg_max(" + v + ", " + when + ")" + present + ")", typ})
		default:
			out = append(out, stepValue{name, f.Function, f.Function + "(" + v + ")" + filter, typ})
		}
	}
	return out, nil
}

func partition(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return "PARTITION BY " + strings.Join(keys, ", ") + " "
}

// mostSteps is how many rows series may have, so that a single date far away does not fill the disk.
const mostSteps = 2_000_000_000

// everyStep is a SELECT of all steps of all series, with the values of those that have events.
func (p *pipeline) everyStep(s *Series, events string, keys []string, from, until string) (string, error) {
	width := "INTERVAL 1 " + strings.ToUpper(s.Step)
	if s.Step == "quarter" {
		width = "INTERVAL 3 MONTH"
	}
	first, last := "min(__step)", "(SELECT max(__step) FROM "+events+")"
	if from != "" {
		first = from
	}
	if until != "" {
		last = "(" + until + " - " + width + ")"
	}
	head := strings.Join(append(slices.Clone(keys), ""), ", ")
	spans := fmt.Sprintf("SELECT %s%s AS a, %s AS b FROM %s%s", head, first, last, events, group(keys))
	n, err := p.integer("", fmt.Sprintf("SELECT CAST(coalesce(sum(date_diff('%s', a, b) + 1), 0) AS BIGINT) FROM (%s)", s.Step, spans))
	if err != nil {
		return "", err
	}
	if n > mostSteps {
		return "", p.configErrorf("", "the series would have %d steps; is a time far off? give from and until, or a longer step", n)
	}
	on := "e.__step = g.__step"
	selected := "g.__step"
	for _, k := range keys {
		on += " AND e." + k + " = g." + k
		selected += ", g." + k
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		selected += ", e." + duck.Name(name)
	}
	return fmt.Sprintf("(SELECT %s FROM (SELECT %sunnest(generate_series(a, b, %s)) AS __step FROM (%s)) g LEFT JOIN %s e ON %s)", selected, head, width, spans, events, on), nil
}

func group(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return " GROUP BY " + strings.Join(keys, ", ")
}
