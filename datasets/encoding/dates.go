package encoding

import (
	"math"
	"time"
)

const (
	secondsPerDay = 24 * 3600
	microsPerDay  = secondsPerDay * 1_000_000
)

// dateNames lists the parts a date is taken apart into, in the order of the
// features.
var dateNames = []string{"year", "month", "day", "weekday", "hour", "year_sin", "year_cos", "days"}

// dateParts computes each part. year_sin and year_cos are the day of the year
// on a circle, so that December is close to January; days counts from
// 1970-01-01, with fractions.
var dateParts = map[string]func(t time.Time) float64{
	"year":    func(t time.Time) float64 { return float64(t.Year()) },
	"month":   func(t time.Time) float64 { return float64(t.Month()) },
	"day":     func(t time.Time) float64 { return float64(t.Day()) },
	"weekday": func(t time.Time) float64 { return float64((t.Weekday() + 6) % 7) }, // Monday is 0
	"hour": func(t time.Time) float64 {
		return float64(t.Hour()) + float64(t.Minute())/60 + float64(t.Second())/3600
	},
	"year_sin": func(t time.Time) float64 { return math.Sin(yearAngle(t)) },
	"year_cos": func(t time.Time) float64 { return math.Cos(yearAngle(t)) },
	"days":     func(t time.Time) float64 { return float64(t.UnixMicro()) / microsPerDay },
}

func yearAngle(t time.Time) float64 { return 2 * math.Pi * float64(t.YearDay()-1) / 365.25 }
