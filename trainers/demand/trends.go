package demand

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"debut/kernels/pool"
	"debut/trainers/demand/forecast"
	"debut/trainers/demand/trend"
	"debut/trainers/model"
)

// Of the courses that are called rising or falling a share of at most this is wrong on average; their intervals are of the rest.
const wrongTrends = 0.1

// fewestTold is over how many steps a change is told at least, where a year has fewer.
const fewestTold = 8

// year is how many steps it takes from one to the same of the next year, that one too.
func (s *series) year() int {
	if s.Frequency.Months > 0 {
		return max(12/s.Frequency.Months+1, fewestTold)
	}
	return int(math.Round(365.2425*86400e6/float64(s.Frequency.Micros))) + 1
}

// course is a series, or a sum of several, with what it does.
type course struct {
	keys   []string // a value for each key column; "" where it is a sum over all of them
	of     int      // series that it is the sum of
	first  int      // step of values[0]
	values []float64
	found  bool
	trend.Course
	direction string
}

// Directions of a course.
const (
	rising  = "rising"
	falling = "falling"
	steady  = "steady"
	unknown = "too short"
)

// courses are those of all series, and of their sums by each key column and over all where there are several keys.
func (m *Model) courses(ctx context.Context, s *series) ([]course, error) {
	var list []course
	for i := range s.Series {
		p := &s.Series[i]
		list = append(list, course{keys: strings.Split(p.Key, separator), of: 1, first: p.First, values: p.Values})
	}
	if len(s.cfg.Keys) == 0 {
		list[0].keys = nil
	}
	single := len(list)
	if single > 1 {
		if len(s.cfg.Keys) > 1 {
			for k := range s.cfg.Keys {
				list = append(list, sums(list[:single], func(keys []string) []string {
					only := make([]string, len(keys))
					only[k] = keys[k]
					return only
				})...)
			}
		}
		list = append(list, sums(list[:single], func(keys []string) []string { return make([]string, len(keys)) })...)
	}
	o := trend.Options{Window: s.year(), Level: 1 - wrongTrends}
	for from := 0; from < len(list); from += batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pool.Each(m.pool, min(batch, len(list)-from), func(i int) {
			c := &list[from+i]
			c.Course, c.found = trend.Find(forecast.Series{Values: c.values, Periods: s.Frequency.Periods}, o)
		})
	}
	// The sums are believed or not beside each other, and so are the series.
	for _, part := range [][]course{list[:single], list[single:]} {
		var p []float64
		var of []int
		for i := range part {
			if part[i].direction = unknown; part[i].found {
				part[i].direction = steady
				p, of = append(p, part[i].P), append(of, i)
			}
		}
		for k, believed := range trend.Discoveries(p, wrongTrends) {
			if c := &part[of[k]]; believed && c.Change > 0 {
				c.direction = rising
			} else if believed && c.Change < 0 {
				c.direction = falling
			}
		}
	}
	return list, nil
}

// sums adds up series whose keys are the same under by. A step at which none of them was observed is missing; before a series begins it adds nothing. Sums of one are left out.
func sums(list []course, by func([]string) []string) []course {
	at := map[string]int{}
	var out []course
	for i := range list {
		keys := by(list[i].keys)
		name := strings.Join(keys, separator)
		k, ok := at[name]
		if !ok {
			k = len(out)
			at[name], out = k, append(out, course{keys: keys, first: list[i].first})
		}
		c := &out[k]
		if d := c.first - list[i].first; d > 0 {
			c.values = append(slices.Repeat([]float64{math.NaN()}, d), c.values...)
			c.first = list[i].first
		}
		for j, v := range list[i].values {
			p := list[i].first + j - c.first
			for len(c.values) <= p {
				c.values = append(c.values, math.NaN())
			}
			switch {
			case math.IsNaN(v):
			case math.IsNaN(c.values[p]):
				c.values[p] = v
			default:
				c.values[p] += v
			}
		}
		c.of++
	}
	out = slices.DeleteFunc(out, func(c course) bool { return c.of == 1 }) // which is there already
	slices.SortStableFunc(out, func(a, b course) int { return slices.Compare(a.keys, b.keys) })
	return out
}

// Trends says what every series does since its last change, and what their sums do: by each key where there are several, and over all.
func (m *Model) Trends(ctx context.Context, r model.ForecastRequest) (*model.Predictions, error) {
	rows, err := m.merged(ctx, r)
	if err != nil {
		return nil, err
	}
	s, err := m.panel(rows)
	if err != nil {
		return nil, err
	}
	list, err := m.courses(ctx, s)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, compared)
	p := &model.Predictions{Rows: len(list)}
	for k, name := range s.cfg.Keys {
		p.Add(name, values(list, func(c *course) string { return c.keys[k] }))
	}
	p.Add("series", values(list, func(c *course) int64 { return int64(c.of) }))
	p.Add("trend", values(list, func(c *course) string { return c.direction }))
	number := func(f func(c *course) float64) []float64 {
		return values(list, func(c *course) float64 {
			if !c.found {
				return math.NaN()
			}
			return f(c)
		})
	}
	p.Add("change", number(func(c *course) float64 { return c.Change }))
	p.Add("low", number(func(c *course) float64 { return c.Low }))
	p.Add("high", number(func(c *course) float64 { return c.High }))
	p.Add("share", number(func(c *course) float64 { return c.Share }))
	p.Add("p", number(func(c *course) float64 { return c.P }))
	p.Add("level", number(func(c *course) float64 { return c.Level }))
	p.Add("from", values(list, func(c *course) string {
		if !c.found {
			return ""
		}
		return s.TimeText(c.first + c.Since + c.Steps - c.Window)
	}))
	p.Add("changes", values(list, func(c *course) string {
		var at []string
		for _, k := range c.Changes {
			at = append(at, s.TimeText(c.first+k))
		}
		return strings.Join(at, " ")
	}))
	return p, nil
}

// compared orders courses: those that surely rise most, then those of which it is not sure, then those that surely fall, the most of them last; at the
// very end those that are too short.
func compared(a, b course) int {
	places := map[string]int{rising: 0, steady: 1, falling: 2, unknown: 3}
	if c := cmp.Compare(places[a.direction], places[b.direction]); c != 0 {
		return c
	}
	switch a.direction {
	case rising:
		return cmp.Compare(b.Low, a.Low)
	case falling:
		return cmp.Compare(b.High, a.High)
	}
	return cmp.Compare(b.Change, a.Change)
}

func values[T any](list []course, f func(*course) T) []T {
	out := make([]T, len(list))
	for i := range list {
		out[i] = f(&list[i])
	}
	return out
}
