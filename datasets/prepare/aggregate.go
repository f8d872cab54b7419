package prepare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// Functions of features.
const (
	featureCount      = "count"
	featureDistinct   = "distinct"
	featureSum        = "sum"
	featureMean       = "mean"
	featureMin        = "min"
	featureMax        = "max"
	featureLast       = "last"
	featureSinceLast  = "since_last"
	featureSinceFirst = "since_first"
	featureActiveDays = "active_days"
	featureRatio      = "ratio"
	featureList       = "list"
)

// Bounds of how many events a list is of.
const (
	usualLast = 20
	mostLast  = 1000
)

const microsPerDay = 24 * 3600 * 1_000_000

// parseSpan reads a length of time like 30d, 12h or 1w2d as microseconds; a
// number alone counts the units of a column of whole numbers.
func parseSpan(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return n, true
	}
	total, rest := 0.0, text
	for _, u := range []struct {
		name string
		days float64
	}{{"w", 7}, {"d", 1}} {
		if before, after, ok := strings.Cut(rest, u.name); ok {
			n, err := strconv.ParseFloat(before, 64)
			if err != nil || !(n >= 0) {
				return 0, false
			}
			total += n * u.days * microsPerDay
			rest = after
		}
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return 0, false
		}
		total += float64(d.Microseconds())
	} else if text == "" {
		return 0, false
	}
	if total >= math.MaxInt64/4 {
		return 0, false
	}
	return int64(total), true
}

func parseGap(path, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, ok := parseSpan(text)
	if !ok {
		return 0, configfile.Errorf(path, "%q is no length of time; write it like 30d, 12h or 90m", text)
	}
	return n, nil
}

func (a *Aggregate) validate(c *Config, path string) error {
	if a.Events != "" {
		if err := c.checkSource(path+".events", a.Events); err != nil {
			return err
		}
	}
	if a.At == "" {
		return configfile.Errorf(path+".at", "is not given; name the column of a row's time, so that no row sees its future")
	}
	if len(a.Features) == 0 {
		return configfile.Errorf(path+".features", "there are none")
	}
	gap, err := parseGap(path+".gap", a.Gap)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(a.Features)) {
		f, at := a.Features[name], path+".features."+name
		if err := oneOf(at+".function", f.Function, featureCount, featureDistinct, featureSum, featureMean, featureMin, featureMax,
			featureLast, featureSinceLast, featureSinceFirst, featureActiveDays, featureRatio, featureList); err != nil {
			return err
		}
		needsValue := slices.Contains([]string{featureDistinct, featureSum, featureMean, featureMin, featureMax, featureLast, featureList}, f.Function)
		if needsValue != (f.Value != "") {
			if needsValue {
				return configfile.Errorf(at+".value", "is not given; %s is about a column of the events", f.Function)
			}
			return configfile.Errorf(at+".value", "does not go with %s", f.Function)
		}
		if f.Function == featureRatio && f.Where == "" {
			return configfile.Errorf(at+".where", "is not given; ratio is the share of events for which it holds")
		}
		if f.Last < 0 || f.Last > mostLast {
			return configfile.Errorf(at+".last", "%d events; give a number from 1 to %d", f.Last, mostLast)
		}
		if f.Last > 0 && f.Function != featureList && f.Function != featureMean {
			return configfile.Errorf(at+".last", "does not go with %s; it is of %s, and of %s of vectors", f.Function, featureList, featureMean)
		}
		if f.Window != "" {
			w, err := parseGap(at+".window", f.Window)
			if err != nil {
				return err
			}
			if w <= gap {
				return configfile.Errorf(at+".window", "%s is not longer than the gap of %q", f.Window, a.Gap)
			}
		}
	}
	return nil
}

// aggregate adds features about the events before each row. Rows and events of
// a key are laid out in one order of time, and each feature is a window over the
// events that ends before the row.
func (p *pipeline) aggregate(a *Aggregate) error {
	t, err := p.timeline(a.Events, a.Key, a.Keys, a.At, a.Time, a.Where)
	if err != nil {
		return err
	}
	w := windows{timeline: t, future: a.Future}
	if w.gap, err = parseGap("gap", a.Gap); err != nil {
		return err
	}
	if err := p.checkLabelsKnown(a, w.gap); err != nil {
		return err
	}
	all := slices.Clone(p.columns)
	var items []string
	var means []vectorMean
	for _, name := range slices.Sorted(maps.Keys(a.Features)) {
		if err := p.checkNew("features."+name, name); err != nil {
			return err
		}
		f := a.Features[name]
		if f.Function == featureMean {
			typ, err := p.typeOf("features."+name+".value", f.Value, w.from)
			if err != nil {
				return err
			}
			if isVector(typ) {
				m, err := w.mean(name, f)
				if err != nil {
					return err
				}
				means, all = append(means, m), append(all, column{name, "FLOAT[]"})
				continue
			}
		}
		sql, typ, err := w.feature("features."+name, f)
		if err != nil {
			return err
		}
		items = append(items, sql+" AS "+duck.Name(name))
		all = append(all, column{name, typ})
	}
	sql := t.sql(items)
	if len(means) == 0 {
		return p.make("", sql, all)
	}
	table, err := w.means(means)
	if err != nil {
		return err
	}
	if err := p.make("", fmt.Sprintf("SELECT b.*, m.* EXCLUDE (__id) FROM (%s) b LEFT JOIN %s m ON b.%s = m.__id", sql, table, rowColumn), all); err != nil {
		return err
	}
	return p.explain("", p.db.Query(p.ctx, "DROP TABLE "+table, nil))
}

// isVector reports the type of lists of numbers.
func isVector(typ string) bool {
	of, list := strings.CutSuffix(typ, "]")
	open := strings.LastIndexByte(of, '[')
	return list && open > 0 && isNumber(of[:open])
}

// windows builds the SQL of features.
type windows struct {
	*timeline
	gap    int64
	future bool // the guard is off
}

// feature returns the SQL of a feature over the union, and its type.
func (w *windows) feature(key string, f Feature) (sql, typ string, err error) {
	frame := "UNBOUNDED PRECEDING"
	if f.Window != "" {
		span, _ := parseSpan(f.Window) // checked by validate
		frame = fmt.Sprintf("%d PRECEDING", span)
	}
	end := fmt.Sprintf("%d PRECEDING", w.gap+1)
	if w.future {
		end = "UNBOUNDED FOLLOWING"
	}
	over := w.over(frame, end)
	filter := "__event"
	if f.Where != "" {
		if err := w.p.condition(key+".where", f.Where, w.from); err != nil {
			return "", "", err
		}
		c, _, err := w.value(key+".where", f.Where, "BOOLEAN")
		if err != nil {
			return "", "", err
		}
		filter += " AND " + c
	}
	call := func(function, extra string) string { return function + " FILTER (WHERE " + filter + extra + ")" + over }
	unit := 1.0
	if w.clock {
		unit = microsPerDay
	}
	v, vtype := "", ""
	if f.Value != "" {
		if v, vtype, err = w.value(key+".value", f.Value, ""); err != nil {
			return "", "", err
		}
	}
	// The latest values, the newest first; of events of one moment the last in the source is the newest.
	latest := func() string {
		return call(fmt.Sprintf("arg_max(%s, CAST(__time AS HUGEINT) * 1099511627776 + __order, %d)", v, cmp.Or(f.Last, usualLast)), " AND "+v+" IS NOT NULL")
	}
	if f.Function == featureMean && f.Last > 0 {
		return "", "", w.p.configErrorf(key+".last", "goes with the mean of vectors, and %q is %s; use window", f.Value, vtype)
	}
	if f.Function == featureList && (strings.HasSuffix(vtype, "]") || strings.HasPrefix(vtype, "STRUCT") || strings.HasPrefix(vtype, "MAP")) {
		return "", "", w.p.configErrorf(key+".value", "%q is %s; a list is of single values, such as ids", f.Value, vtype)
	}
	if (f.Function == featureSum || f.Function == featureMean) && !isNumber(vtype) {
		return "", "", w.p.configErrorf(key+".value", "%q is %s; %s needs numbers", f.Value, vtype, f.Function)
	}
	switch f.Function {
	case featureCount:
		return call("count(*)", ""), "BIGINT", nil
	case featureDistinct:
		return call("count(DISTINCT "+v+")", ""), "BIGINT", nil
	case featureSum:
		return "coalesce(CAST(" + call("sum("+exact(v, vtype)+")", "") + " AS DOUBLE), 0)", "DOUBLE", nil
	case featureMean:
		return "CAST(" + call("sum("+exact(v, vtype)+")", "") + " AS DOUBLE) / nullif(" + call("count("+v+")", "") + ", 0)", "DOUBLE", nil
	case featureMin, featureMax:
		return call(f.Function+"("+v+")", ""), vtype, nil
	case featureLast:
		// Of events of one moment the last in the source counts.
		return call("arg_max("+v+", CAST(__time AS HUGEINT) * 1099511627776 + __order)", " AND "+v+" IS NOT NULL"), vtype, nil
	case featureList:
		return "CAST(" + latest() + " AS VARCHAR[])", "VARCHAR[]", nil // ids, whatever they look like
	case featureSinceLast:
		return "(__time - " + call("max(__time)", "") + ") / " + number(unit), "DOUBLE", nil
	case featureSinceFirst:
		return "(__time - " + call("min(__time)", "") + ") / " + number(unit), "DOUBLE", nil
	case featureActiveDays:
		return call(fmt.Sprintf("count(DISTINCT __time // %d)", int64(unit)), ""), "BIGINT", nil
	}
	// The share of the events in the window for which the condition holds.
	return call("count(*)", "") + " / nullif(CAST(count(*) FILTER (WHERE __event)" + over + " AS DOUBLE), 0)", "DOUBLE", nil
}
