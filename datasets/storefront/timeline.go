package storefront

import (
	"sort"
	"time"
)

const (
	secondsPerHour = 60 * 60
	secondsPerDay  = 24 * secondsPerHour
)

// hourTraffic is the relative number of visits by hour of the day.
var hourTraffic = [24]float64{
	0.45, 0.25, 0.15, 0.10, 0.10, 0.15, 0.30, 0.55, 0.80, 0.95, 1.05, 1.10,
	1.20, 1.10, 1.00, 1.00, 1.05, 1.15, 1.35, 1.60, 1.75, 1.65, 1.25, 0.80,
}

// monthTraffic is the relative number of visits a day by month, January first.
var monthTraffic = [12]float64{
	0.95, 0.85, 0.95, 0.95, 1.00, 0.95, 0.90, 0.85, 0.95, 1.05, 1.45, 1.35,
}

// weekendTraffic is how many times more visits a day of the weekend sees.
const weekendTraffic = 1.2

// timeline maps the cumulative traffic of the shop to moments. Session i of n
// stands in the i-th of n equal shares of the traffic of the period, so the
// sessions come in the order of time, and those after the period go on at the
// same pace.
type timeline struct {
	start      time.Time
	cumulative []float64 // traffic up to the end of each hour
	share      float64   // traffic of one session
}

// newTimeline builds the timeline of a valid configuration for as many
// sessions as asked for.
func newTimeline(cfg Config, sessions int) *timeline {
	t := &timeline{start: cfg.startDay()}
	sum := 0.0
	for day := 0; ; day++ {
		if day == cfg.Days {
			t.share = sum / float64(cfg.Sessions)
		}
		if day >= cfg.Days && sum >= t.share*float64(sessions) {
			return t
		}
		date := t.start.AddDate(0, 0, day)
		traffic := monthTraffic[date.Month()-1]
		if isWeekend(date) {
			traffic *= weekendTraffic
		}
		for _, h := range hourTraffic {
			sum += traffic * h
			t.cumulative = append(t.cumulative, sum)
		}
	}
}

// at returns the second, counted from the start, at which the session begins;
// jitter in [0,1) places it within its share.
func (t *timeline) at(session int, jitter float64) int64 {
	x := t.share * (float64(session) + jitter)
	hour := sort.Search(len(t.cumulative), func(h int) bool { return t.cumulative[h] > x })
	// Rounding may carry the last session past the end of the table.
	hour = min(hour, len(t.cumulative)-1)
	before := 0.0
	if hour > 0 {
		before = t.cumulative[hour-1]
	}
	second := int64((x - before) / (t.cumulative[hour] - before) * secondsPerHour)
	return int64(hour)*secondsPerHour + min(second, secondsPerHour-1)
}

// isWeekend reports whether a moment falls on a Saturday or a Sunday.
func isWeekend(t time.Time) bool {
	day := t.Weekday()
	return day == time.Saturday || day == time.Sunday
}
