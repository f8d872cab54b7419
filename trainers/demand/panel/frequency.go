package panel

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"debut/datasets/nearest"
)

// Frequency is the step of a series: a number of months, or of microseconds.
type Frequency struct {
	Name    string
	Months  int
	Micros  int64
	Periods []int // lengths of seasons in steps
}

const (
	hour = int64(time.Hour / time.Microsecond)
	day  = 24 * hour
)

// frequencies in the order of messages.
var frequencies = []Frequency{
	{Name: "hourly", Micros: hour, Periods: []int{24, 168}},
	{Name: "daily", Micros: day, Periods: []int{7}},
	{Name: "weekly", Micros: 7 * day, Periods: []int{52}},
	{Name: "monthly", Months: 1, Periods: []int{12}},
	{Name: "quarterly", Months: 3, Periods: []int{4}},
	{Name: "yearly", Months: 12},
}

// Frequencies lists the names that a run file may have.
func Frequencies() []string {
	names := make([]string, len(frequencies))
	for i, f := range frequencies {
		names[i] = f.Name
	}
	return names
}

// ByName returns a frequency.
func ByName(name string) (Frequency, error) {
	for _, f := range frequencies {
		if f.Name == name {
			return f, nil
		}
	}
	return Frequency{}, fmt.Errorf("there is no frequency %q; there are %s%s", name, strings.Join(Frequencies(), ", "), nearest.DidYouMean(name, Frequencies()))
}

// grid numbers the steps of a frequency: step k begins k steps after the anchor.
type grid struct {
	Frequency
	anchor int64 // microseconds since 1970, without a time zone
	last   bool  // dates are the last days of their months
}

func civil(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// monthEnd says whether a date is the last day of its month.
func monthEnd(t time.Time) bool { return t.AddDate(0, 0, 1).Day() == 1 }

// newGrid lays a grid through times.
func newGrid(f Frequency, times []int64) grid {
	g := grid{Frequency: f, anchor: slices.Min(times)}
	if f.Months > 0 {
		g.last = !slices.ContainsFunc(times, func(t int64) bool { return !monthEnd(civil(t)) })
	}
	return g
}

// at is the time of a step.
func (g *grid) at(k int) int64 {
	if g.Months == 0 {
		return g.anchor + int64(k)*g.Micros
	}
	t := civil(g.anchor)
	if g.last {
		return time.Date(t.Year(), t.Month()+time.Month(k*g.Months)+1, 0, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).UnixMicro()
	}
	first := time.Date(t.Year(), t.Month()+time.Month(k*g.Months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	return first.AddDate(0, 0, min(t.Day(), first.AddDate(0, 1, -1).Day())-1).UnixMicro()
}

// step is the number of a time; false where it lies between two.
func (g *grid) step(micros int64) (int, bool) {
	var k int
	if g.Months == 0 {
		d := micros - g.anchor
		if k = int(d / g.Micros); d%g.Micros < 0 {
			k--
		}
	} else {
		a, b := civil(g.anchor), civil(micros)
		months := (b.Year()-a.Year())*12 + int(b.Month()) - int(a.Month())
		if k = months / g.Months; months%g.Months < 0 {
			k--
		}
	}
	return k, g.at(k) == micros
}

// find tells the frequency of series by their times, each ascending: the largest step that all lie on.
func find(series [][]int64) (Frequency, error) {
	var divisor int64
	var months int
	var all []int64
	for _, times := range series {
		all = append(all, times...)
		for i := 1; i < len(times); i++ {
			divisor = gcd(divisor, times[i]-times[i-1])
			a, b := civil(times[i-1]), civil(times[i])
			months = int(gcd(int64(months), int64((b.Year()-a.Year())*12+int(b.Month())-int(a.Month()))))
		}
	}
	if divisor == 0 {
		return Frequency{}, fmt.Errorf("no series has two times, and no step follows; name one, frequency: %s", strings.Join(Frequencies(), ", "))
	}
	for _, f := range slices.Backward(frequencies) {
		switch {
		case f.Months > 0 && months%f.Months == 0 && months > 0:
			if onOne(newGrid(f, all), all) {
				return f, nil
			}
		case f.Micros > 0 && divisor%f.Micros == 0:
			return f, nil
		}
	}
	return Frequency{}, fmt.Errorf("times lie %v apart, which is no multiple of an hour; make regular series of them by a query, such as a GROUP BY of date_trunc('day', time)",
		time.Duration(divisor)*time.Microsecond)
}

// onOne says whether all times lie on one grid.
func onOne(g grid, times []int64) bool {
	return !slices.ContainsFunc(times, func(t int64) bool { _, ok := g.step(t); return !ok })
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
