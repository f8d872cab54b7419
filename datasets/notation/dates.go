package notation

import "strings"

const (
	shortestDate = len("1/2/06")
	longestDate  = 64 // with digits of a fraction that are not read
)

// date is what is written in a text.
type date struct {
	// layout has no order where month and day are numbers and the year is last.
	layout     Layout
	may        bool // a month that is as short as its abbreviation
	year       int
	month, day int   // in the order written where there is no order
	micros     int64 // of the day, less the offset of the zone
}

// LayoutsOf tells the layouts in which s is a date: n of them, at most 2, in the
// order of preference. There are two where day and month could be exchanged, which
// are read day first with hyphens and month first with slashes, and where May may
// be short for May.
func LayoutsOf(s string) (layouts [2]Layout, n int) {
	layouts, n, _ = layoutsOf(s)
	return layouts, n
}

// layoutsOf is LayoutsOf that tells whether the layouts give different days.
func layoutsOf(s string) (layouts [2]Layout, n int, differ bool) {
	d, ok := scanDate(s)
	if !ok {
		return layouts, 0, false
	}
	orders := [2]Order{d.layout.Order}
	if d.layout.Order == 0 {
		orders[0] = preferred(d.layout.Separator)
		if orders[1] = DayFirst + MonthFirst - orders[0]; d.layout.Separator == '.' {
			orders[1] = 0
		}
	}
	for _, order := range orders {
		l := d.layout
		l.Order = order
		if order != 0 && d.exists(order) {
			layouts[n] = l
			n++
		}
	}
	if d.may && n == 1 {
		layouts[1] = layouts[0]
		layouts[1].Month = MonthFull
		return layouts, 2, false
	}
	return layouts, n, n > 1 && d.month != d.day
}

// Parse reads a date that is written in the layout, in microseconds since 1970 in
// UTC; a time without a zone is taken for one in UTC. A date that the calendar does
// not have is none, nor is 24:00 or second 60.
func (l Layout) Parse(s string) (micros int64, ok bool) {
	d, ok := scanDate(s)
	if !ok || l.Order == 0 {
		return 0, false
	}
	if d.layout.Order == 0 && l.Order != YearFirst {
		d.layout.Order = l.Order
	}
	if d.may && l.Month == MonthFull {
		d.layout.Month = MonthFull
	}
	if d.layout != l || l.Separator == '.' && l.Order == MonthFirst || !d.exists(l.Order) {
		return 0, false
	}
	return d.in(l.Order), true
}

// parts returns month and day.
func (d *date) parts(order Order) (month, day int) {
	if order == DayFirst && d.layout.Month == MonthNumber {
		return d.day, d.month
	}
	return d.month, d.day
}

// exists reports whether the calendar has the date.
func (d *date) exists(order Order) bool {
	month, day := d.parts(order)
	return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(d.year, month)
}

// in returns the microseconds since 1970.
func (d *date) in(order Order) int64 {
	month, day := d.parts(order)
	return daysSince1970(d.year, month, day)*microsPerDay + d.micros
}

const (
	microsPerSecond = 1_000_000
	microsPerDay    = 24 * 60 * 60 * microsPerSecond
)

func daysOf(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar, of years from 0. Years that
// begin with March have their leap day at the end, and the months before it have
// 153 days in every five.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	before := (153*(month-3) + 2) / 5
	// Shifted by the 400 years of a cycle, so that the divisions do not round up.
	y := year + 400
	const days1970 = 719468 + 146097 // from March 1 of the year -400
	return int64(365*y + y/4 - y/100 + y/400 + before + day - 1 - days1970)
}

// digits reads a number of up to four digits at i; more of them count as five.
func digits(s string, i int) (value, n int) {
	for n < 5 && i+n < len(s) && digit(s[i+n]) {
		value = value*10 + int(s[i+n]-'0')
		n++
	}
	return value, n
}

// scanDate reads a date in any layout but for its order. What is left to check is
// whether the calendar has it.
func scanDate(s string) (d date, ok bool) {
	if len(s) < shortestDate || len(s) > longestDate {
		return d, false
	}
	var i int
	switch {
	case digit(s[0]):
		i = d.number(s)
	case letter(s[0]):
		if s = s[d.weekday(s):]; s == "" {
			return d, false
		}
		if digit(s[0]) {
			i = d.number(s)
		} else if i = d.name(s); d.layout.Form == AsctimeForm {
			return d, i == len(s)
		}
	case s[0] == '[' && s[len(s)-1] == ']' && digit(s[1]):
		s = s[1 : len(s)-1]
		i = d.number(s)
		d.layout.Form = BracketForm
	}
	if i == 0 {
		return d, false
	}
	if d.layout.Weekday != NoWeekday {
		if l := d.layout; l.Order != 0 && !l.validWeekday() || l.Order == 0 && l.ShortYear {
			return d, false
		}
	}
	if d.layout.ShortYear {
		if d.year += 1900; d.year < 1969 {
			d.year += 100
		}
	}
	if i == len(s) {
		return d, d.layout.Form == UsualForm
	}
	return d, d.clock(s, i)
}

// number reads a date that begins with a number, and returns where it ends, 0 where
// it is none.
func (d *date) number(s string) int {
	l := &d.layout
	first, width := digits(s, 0)
	yearFirst := width == 4
	if width > 2 && !yearFirst || width == len(s) {
		return 0
	}
	l.Separator = s[width]
	i := width + 1
	if l.Separator != '-' && l.Separator != '/' && l.Separator != '.' && l.Separator != ' ' || i == len(s) {
		return 0
	}
	second, padded := 0, width == 2
	if letter(s[i]) && l.Separator != '.' {
		second, width, d.may = monthName(s[i:])
		if l.Month = MonthFull; width == 3 {
			l.Month = MonthShort
		}
	} else if l.Separator != ' ' {
		second, width = digits(s, i)
		padded = padded && width == 2
		if width > 2 {
			return 0
		}
	} else {
		return 0
	}
	if i += width; width == 0 || i == len(s) || s[i] != l.Separator {
		return 0
	}
	i++
	third, width := digits(s, i)
	i += width
	if yearFirst {
		l.Order = YearFirst
		d.year, d.month, d.day = first, second, third
		if width < 1 || width > 2 {
			return 0
		}
		return i
	}
	d.month, d.day, d.year = first, second, third
	if l.Month != MonthNumber {
		l.Order = DayFirst
		d.month, d.day = second, first
	}
	switch width {
	case 4:
		return i
	case 2:
		l.ShortYear = true
		if l.Month == MonthNumber && (l.Separator == '-' || l.Separator == '.' && !padded) {
			return 0
		}
		return i
	}
	return 0
}

// name reads a date that begins with the name of a month, and returns where it
// ends, 0 where it is none.
func (d *date) name(s string) int {
	l := &d.layout
	l.Order = MonthFirst
	i := 0
	if d.month, i, d.may = monthName(s); i == 0 || i == len(s) {
		return 0
	}
	if l.Month = MonthFull; i == 3 {
		l.Month = MonthShort
	}
	l.Separator = s[i]
	if l.Separator != '-' && l.Separator != '/' && l.Separator != ' ' {
		return 0
	}
	i++
	if l.Weekday == WeekdayShort && !l.WeekdayComma && l.Separator == ' ' && i < len(s) && s[i] == ' ' {
		l.Form = AsctimeForm // which pads with a blank
		i++
	}
	width := 0
	d.day, width = digits(s, i)
	i += width
	if l.Separator == ' ' && i < len(s) && s[i] == ',' {
		l.Comma = true
		i++
	}
	if width < 1 || width > 2 || i == len(s) || s[i] != l.Separator {
		return 0
	}
	i++
	if l.Weekday == WeekdayShort && i+2 < len(s) && (s[i+1] == ':' || s[i+2] == ':') {
		return d.asctime(s, i)
	} else if l.Form != UsualForm {
		return 0
	}
	d.year, width = digits(s, i)
	l.ShortYear = width == 2
	if width != 4 && (width != 2 || l.Separator == ' ') {
		return 0
	}
	return i + width
}

var weekdayNames = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// weekday reads the name of a day of the week at the start of s, and returns where
// what is behind it begins, 0 where there is none.
func (d *date) weekday(s string) int {
	a, b, c := s[0]|0x20, s[1]|0x20, s[2]|0x20
	for _, name := range weekdayNames {
		if a != name[0] || b != name[1] || c != name[2] {
			continue
		}
		l := &d.layout
		i := len("Mon")
		l.Weekday = WeekdayShort
		if letter(s[i]) {
			if i = len(name); len(s) <= i || !strings.EqualFold(s[:i], name) {
				break
			}
			l.Weekday = WeekdayFull
		}
		if s[i] == ',' {
			l.WeekdayComma = true
			i++
		}
		if i < len(s) && s[i] == ' ' {
			return i + 1
		}
		break
	}
	d.layout = Layout{}
	return 0
}

var monthNames = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// monthName reads the name of a month at the start of s, of width letters, 0 for
// none; either says that it may be short or full.
func monthName(s string) (month, width int, either bool) {
	for width < len(s) && letter(s[width]) {
		width++
	}
	if width < 3 || width > len("september") {
		return 0, 0, false
	}
	a, b, c := s[0]|0x20, s[1]|0x20, s[2]|0x20
	for m, name := range monthNames {
		if a != name[0] || b != name[1] || c != name[2] {
			continue
		}
		if width == 3 || width == len(name) && strings.EqualFold(s[3:width], name[3:]) {
			return m + 1, width, len(name) == 3
		}
		break
	}
	return 0, 0, false
}
