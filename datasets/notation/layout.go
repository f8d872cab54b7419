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

// Weekday is how the day of the week is written in front of a date.
type Weekday uint8

// Weekdays: none, and English names in upper or lower case: Mon, Monday.
const (
	NoWeekday Weekday = iota
	WeekdayShort
	WeekdayFull
)

// Form is what sets some layouts apart from all the others.
type Form uint8

// Forms: none; 10/Oct/2000:13:55:36 -0700 as in the access logs of web servers; the same
// in brackets, as it stands there; and Tue Oct 10 13:55:36 2000, as C's asctime writes it, with
// the zone before the year where there is one.
const (
	UsualForm Form = iota
	LogForm
	BracketForm
	AsctimeForm
)

// Layout is a way to write dates. The zero value is none.
//
// Day, month and hour may have one digit or two, for the same person writes 9:30
// and 10:30; minutes and seconds have two. Seconds may have a fraction after a
// point or comma, of which microseconds are kept. A year of two digits is of
// 1969–2068, as in POSIX. What day of the week is written does not matter.
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
	// Weekday stands in front, apart by a space, with a comma before that or without.
	Weekday      Weekday
	WeekdayComma bool
	ClockComma   bool // before the time, and a space: 1/5/2024, 1:30 PM
	Form         Form
}

// Valid reports whether there are dates in this layout. There are none where it
// would take what is usually something else for dates: a year of two digits never
// comes first, nor is it set apart by hyphens from months that are numbers, as in
// 20-12-26; between points, as in 05.01.24, day and month must have two digits, so
// that few versions of software are dates. Nobody writes the month first with
// points. Days of the week stand before days of full years, or of years of two digits
// behind names of months.
func (l Layout) Valid() bool {
	named := l.Month != MonthNumber
	switch {
	case l.Order < YearFirst || l.Order > MonthFirst, l.Month > MonthFull, l.Clock > Seconds, l.Zone > ZoneName, l.Weekday > WeekdayFull, l.Form > AsctimeForm:
		return false
	case l.Form != UsualForm:
		return l.validForm()
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
	case !l.validWeekday():
		return false
	case l.Clock == NoClock:
		return !l.Half && !l.T && l.Zone == NoZone && !l.ClockComma
	}
	return !l.T || !l.Half && !named && l.Order == YearFirst && !l.ClockComma && l.Weekday == NoWeekday
}

// validWeekday reports whether there are dates with this day of the week in front.
func (l Layout) validWeekday() bool {
	switch {
	case l.Weekday == NoWeekday:
		return !l.WeekdayComma
	case l.Month == MonthNumber:
		return !l.ShortYear && (l.Order != YearFirst || l.Separator == '-')
	}
	return l.Order != YearFirst && l.Separator != '/' && (l.Separator == ' ' || l.Order == DayFirst)
}

// validForm reports whether there are dates in this layout of a form of its own.
func (l Layout) validForm() bool {
	form := Layout{Order: DayFirst, Separator: '/', Month: MonthShort, Clock: Seconds, Zone: l.Zone, Form: l.Form}
	if l.Form == AsctimeForm {
		form.Order, form.Separator, form.Weekday = MonthFirst, ' ', WeekdayShort
	} else if l.Zone == ZoneName {
		return false
	}
	return l == form
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
			int(l.Clock), bit(l.Half), bit(l.T), int(l.Zone), int(l.Weekday), bit(l.WeekdayComma), bit(l.ClockComma), int(l.Form)} {
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
						if date.Valid() && !weekdays(date, yield) {
							return
						}
					}
				}
			}
		}
	}
	for form := LogForm; form <= AsctimeForm; form++ {
		for zone := NoZone; zone <= ZoneName; zone++ {
			l := Layout{Order: DayFirst, Separator: '/', Month: MonthShort, Clock: Seconds, Zone: zone, Form: form}
			if form == AsctimeForm {
				l.Order, l.Separator, l.Weekday = MonthFirst, ' ', WeekdayShort
			}
			if l.Valid() && !yield(l) {
				return
			}
		}
	}
}

// weekdays yields a layout of dates with all days of the week and times.
func weekdays(date Layout, yield func(Layout) bool) bool {
	for weekday := NoWeekday; weekday <= WeekdayFull; weekday++ {
		for _, comma := range [...]bool{false, true} {
			date.Weekday, date.WeekdayComma = weekday, comma
			if date.Valid() && !clocks(date, yield) {
				return false
			}
		}
	}
	return true
}

// clocks yields a layout of dates with all valid times.
func clocks(date Layout, yield func(Layout) bool) bool {
	bools := [...]bool{false, true}
	for clock := NoClock; clock <= Seconds; clock++ {
		for _, half := range bools {
			for _, t := range bools {
				for _, comma := range bools {
					for zone := NoZone; zone <= ZoneName; zone++ {
						l := date
						l.Clock, l.Half, l.T, l.ClockComma, l.Zone = clock, half, t, comma, zone
						if l.Valid() && !yield(l) {
							return false
						}
					}
				}
			}
		}
	}
	return true
}
