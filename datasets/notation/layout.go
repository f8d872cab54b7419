package notation

import "strings"

// Order is the order of year, month and day.
type Order uint8

// Orders. No Layout has the zero value.
const (
	YearFirst Order = iota + 1
	DayFirst
	MonthFirst
)

// Month is how months are written.
type Month uint8

// Months as numbers, and as English names in upper or lower case: Jan, January.
const (
	MonthNumber Month = iota
	MonthShort
	MonthFull
)

// Clock is how much of the time of day is written.
type Clock uint8

// Times of day: none, hh:mm, and hh:mm:ss with or without a fraction.
const (
	NoClock Clock = iota
	Minutes
	Seconds
)

// Zone is how the zone of a time is written.
type Zone uint8

// Zones: none; Z or an offset as +hh:mm, +hhmm or +hh, with or without a space
// before it; UTC or GMT after a space.
const (
	NoZone Zone = iota
	ZoneOffset
	ZoneName
)

// Layout is a way to write dates. The zero value is none.
//
// Day, month and hour may have one digit or two, for the same person writes 9:30
// and 10:30; minutes and seconds have two. Seconds may have a fraction after a
// point or comma, of which microseconds are kept. A year of two digits is of
// 1969–2068, as in POSIX.
type Layout struct {
	Order Order
	// Separator is between year, month and day: '-', '/', '.', or ' ' with names of
	// months, which do not go with points.
	Separator byte
	ShortYear bool // of two digits
	Month     Month
	Comma     bool // behind the day: Jan 5, 2024
	Clock     Clock
	Half      bool // twelve hours with AM or PM, with or without a space before it
	T         bool // a T between date and time, not a space
	Zone      Zone
}

// Valid reports whether there are dates in this layout. There are none where it
// would take what is usually something else for dates: a year of two digits never
// comes first, nor is it set apart by hyphens from months that are numbers, as in
// 20-12-26; between points, as in 05.01.24, day and month must have two digits, so
// that few versions of software are dates. Nobody writes the month first with
// points.
func (l Layout) Valid() bool {
	named := l.Month != MonthNumber
	switch {
	case l.Order < YearFirst || l.Order > MonthFirst, l.Month > MonthFull, l.Clock > Seconds, l.Zone > ZoneName:
		return false
	case l.Separator == ' ' && !named, l.Separator == '.' && (named || l.Order == MonthFirst):
		return false
	case strings.IndexByte("-/. ", l.Separator) < 0:
		return false
	case l.ShortYear && (l.Order == YearFirst || l.Separator == '-' && !named):
		return false
	case l.ShortYear && l.Order == MonthFirst && l.Separator == ' ': // May 10 24
		return false
	case l.Comma && (l.Order != MonthFirst || l.Separator != ' '):
		return false
	case l.Clock == NoClock:
		return !l.Half && !l.T && l.Zone == NoZone
	}
	return !l.T || !l.Half && !named && l.Order == YearFirst
}

// HasTime reports whether the layout has a time of day.
func (l Layout) HasTime() bool { return l.Clock != NoClock }

// YearFirst reports whether the year comes first, so that day and month cannot be
// mistaken for each other.
func (l Layout) YearFirst() bool { return l.Order == YearFirst }

// exchanged returns the layout with day and month exchanged, if there is one.
func (l Layout) exchanged() (Layout, bool) {
	if l.Month != MonthNumber {
		return Layout{}, false
	}
	switch l.Order {
	case DayFirst:
		l.Order = MonthFirst
	case MonthFirst:
		l.Order = DayFirst
	default:
		return Layout{}, false
	}
	return l, l.Valid()
}

// preferred is the order that is read first where day and month could be
// exchanged.
func preferred(separator byte) Order {
	if separator == '/' {
		return MonthFirst
	}
	return DayFirst
}

// before reports whether l is read rather than other where both fit.
func (l Layout) before(other Layout) bool {
	rank := func(l Layout) int {
		order := 2
		switch l.Order {
		case YearFirst:
			order = 0
		case preferred(l.Separator):
			order = 1
		}
		r := order
		for _, field := range [...]int{int(l.Month), bit(l.ShortYear), strings.IndexByte("-/. ", l.Separator), bit(l.Comma),
			int(l.Clock), bit(l.Half), bit(l.T), int(l.Zone)} {
			r = r<<2 | field
		}
		return r
	}
	return rank(l) < rank(other)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// layouts yields all valid layouts.
func layouts(yield func(Layout) bool) {
	bools := [...]bool{false, true}
	for _, order := range [...]Order{YearFirst, DayFirst, MonthFirst} {
		for _, separator := range []byte("-/. ") {
			for month := MonthNumber; month <= MonthFull; month++ {
				for _, short := range bools {
					for _, comma := range bools {
						date := Layout{Order: order, Separator: separator, ShortYear: short, Month: month, Comma: comma}
						if date.Valid() && !clocks(date, yield) {
							return
						}
					}
				}
			}
		}
	}
}

// clocks yields a layout of dates with all valid times.
func clocks(date Layout, yield func(Layout) bool) bool {
	bools := [...]bool{false, true}
	for clock := NoClock; clock <= Seconds; clock++ {
		for _, half := range bools {
			for _, t := range bools {
				for zone := NoZone; zone <= ZoneName; zone++ {
					l := date
					l.Clock, l.Half, l.T, l.Zone = clock, half, t, zone
					if l.Valid() && !yield(l) {
						return false
					}
				}
			}
		}
	}
	return true
}
