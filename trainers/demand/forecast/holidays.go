package forecast

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"debut/datasets/nearest"
)

// Easter is the Sunday of a year of the Gregorian calendar (Meeus, "Astronomical Algorithms", 1991; the anonymous algorithm of 1876).
func Easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

// holidays by name. Those that move have another date each year.
var holidays = map[string]func(year int) time.Time{
	"easter":         Easter,
	"good_friday":    func(y int) time.Time { return Easter(y).AddDate(0, 0, -2) },
	"pentecost":      func(y int) time.Time { return Easter(y).AddDate(0, 0, 49) },
	"thanksgiving":   func(y int) time.Time { return weekday(y, time.November, time.Thursday, 4) },
	"black_friday":   func(y int) time.Time { return weekday(y, time.November, time.Thursday, 4).AddDate(0, 0, 1) },
	"cyber_monday":   func(y int) time.Time { return weekday(y, time.November, time.Thursday, 4).AddDate(0, 0, 4) },
	"labor_day":      func(y int) time.Time { return weekday(y, time.September, time.Monday, 1) },
	"super_bowl":     func(y int) time.Time { return weekday(y, time.February, time.Sunday, superBowl(y)) },
	"christmas":      fixed(time.December, 25),
	"new_year":       fixed(time.January, 1),
	"valentines_day": fixed(time.February, 14),
	"independence":   fixed(time.July, 4),
	"halloween":      fixed(time.October, 31),
	"singles_day":    fixed(time.November, 11),
}

// superBowl is which Sunday of February the game is on: the second since 2022, when the season became a week longer.
func superBowl(year int) int {
	if year >= 2022 {
		return 2
	}
	return 1
}

func fixed(m time.Month, day int) func(int) time.Time {
	return func(y int) time.Time { return time.Date(y, m, day, 0, 0, 0, 0, time.UTC) }
}

// weekday is the n-th of its name in a month.
func weekday(year int, m time.Month, d time.Weekday, n int) time.Time {
	first := time.Date(year, m, 1, 0, 0, 0, 0, time.UTC)
	return first.AddDate(0, 0, (int(d)-int(first.Weekday())+7)%7+7*(n-1))
}

// Holidays lists the names that [Holiday] knows.
func Holidays() []string {
	names := make([]string, 0, len(holidays))
	for name := range holidays {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Holiday makes a covariate of a holiday, moving or not: the share of its days – one, or more by days before and after – that fall into each
// step. Starts are the first moments of all steps and of the one after the last, so len(starts) − 1 values come back.
func Holiday(name string, before, after int, starts []time.Time) ([]float64, error) {
	date, ok := holidays[name]
	if !ok {
		hint := ""
		if near, ok := nearest.Of(name, Holidays()); ok {
			hint = fmt.Sprintf("; did you mean %s?", near)
		}
		return nil, fmt.Errorf("%w: holiday %q is not known%s; known are %s", ErrInput, name, hint, strings.Join(Holidays(), ", "))
	}
	if before < 0 || after < 0 || len(starts) < 2 {
		return nil, fmt.Errorf("%w: a holiday with %d days before and %d after, in %d steps", ErrInput, before, after, len(starts)-1)
	}
	values := make([]float64, len(starts)-1)
	days := float64(before + after + 1)
	for y := starts[0].Year() - 1; y <= starts[len(starts)-1].Year()+1; y++ {
		for k := -before; k <= after; k++ {
			day := date(y).AddDate(0, 0, k)
			i, exact := slices.BinarySearchFunc(starts, day, time.Time.Compare)
			if !exact {
				i--
			}
			if i >= 0 && i < len(values) {
				values[i] += 1 / days
			}
		}
	}
	return values, nil
}
