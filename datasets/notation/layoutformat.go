package notation

import (
	"strings"
	"sync"
)

// spelling is how the parts of a layout are written in a notation of layouts.
type spelling struct {
	year, shortYear  string
	months           [3]string // by Month
	day              string
	weekdays         [3]string // by Weekday
	hour, half       string
	minute, second   string
	marker           string // AM or PM
	offset, zone     string
	padMonth, padDay string // where people write two digits; "" for no difference
}

var (
	people = spelling{year: "YYYY", shortYear: "YY", months: [3]string{"MM", "Mon", "Month"}, day: "DD", weekdays: [3]string{"", "Dy", "Day"}, hour: "hh", half: "hh",
		minute: "mm", second: "ss", marker: " AM", offset: "+hh:mm", zone: " UTC"}
	golang = spelling{year: "2006", shortYear: "06", months: [3]string{"1", "Jan", "January"}, day: "2", weekdays: [3]string{"", "Mon", "Monday"}, hour: "15", half: "3",
		minute: "04", second: "05", marker: " PM", offset: "Z07:00", zone: " MST", padMonth: "01", padDay: "02"}
)

// render writes the layout in a notation.
func (l Layout) render(p *spelling) string {
	year, month, day, hour := p.year, p.months[min(l.Month, MonthFull)], p.day, p.hour
	if l.ShortYear {
		year = p.shortYear
	}
	if p.padDay != "" && l.Month == MonthNumber && (l.Separator != '/' || l.Order == YearFirst) {
		month, day = p.padMonth, p.padDay
	}
	if l.Half {
		hour = p.half
	}
	var b strings.Builder
	separator := string(rune(l.Separator))
	if l.Form == BracketForm {
		b.WriteByte('[')
	}
	if l.Weekday != NoWeekday {
		b.WriteString(p.weekdays[min(l.Weekday, WeekdayFull)])
		if l.WeekdayComma {
			b.WriteByte(',')
		}
		b.WriteByte(' ')
	}
	if l.Form == AsctimeForm {
		b.WriteString(month + " " + day + " " + hour + ":" + p.minute + ":" + p.second)
		switch l.Zone {
		case ZoneOffset:
			b.WriteString(" " + strings.TrimPrefix(p.offset, " "))
		case ZoneName:
			b.WriteString(p.zone)
		}
		b.WriteString(" " + year)
		return b.String()
	}
	switch l.Order {
	case YearFirst:
		b.WriteString(year + separator + month + separator + day)
	case DayFirst:
		b.WriteString(day + separator + month + separator + year)
	default:
		b.WriteString(month + separator + day)
		if l.Comma {
			b.WriteByte(',')
		}
		b.WriteString(separator + year)
	}
	if l.Clock == NoClock {
		return b.String()
	}
	switch {
	case l.T:
		b.WriteByte('T')
	case l.Form == LogForm, l.Form == BracketForm:
		b.WriteByte(':')
	case l.ClockComma:
		b.WriteString(", ")
	default:
		b.WriteByte(' ')
	}
	b.WriteString(hour + ":" + p.minute)
	if l.Clock == Seconds {
		b.WriteString(":" + p.second)
	}
	if l.Half {
		b.WriteString(p.marker)
	}
	switch l.Zone {
	case ZoneOffset:
		b.WriteString(p.offset)
	case ZoneName:
		b.WriteString(p.zone)
	}
	if l.Form == BracketForm {
		b.WriteByte(']')
	}
	return b.String()
}

// Name renders the layout as people write it: DD/MM/YY hh:mm. It is "" where the
// layout is not valid.
func (l Layout) Name() string {
	if !l.Valid() {
		return ""
	}
	return l.render(&people)
}

// String is Name.
func (l Layout) String() string { return l.Name() }

// Go renders the layout for the package time, "" where it is not valid.
// ParseLayout reads it. What time.Parse reads in it, with offsets below a day and
// an hour of 1 to 12 where there is AM or PM, Parse reads alike.
func (l Layout) Go() string {
	if !l.Valid() {
		return ""
	}
	return l.render(&golang)
}

// ParseLayout reads what Go renders.
func ParseLayout(layout string) (Layout, bool) {
	l, ok := byGo()[layout]
	return l, ok
}

var byGo = sync.OnceValue(func() map[string]Layout {
	all := map[string]Layout{}
	for l := range layouts {
		all[l.Go()] = l
	}
	return all
})

// Strptime renders the layout for DuckDB's strptime and try_strptime, which take a
// list of formats: those that together read what Parse reads, the commonest first;
// nil where the layout is not valid. What they do not read are fractions after a
// comma or of more than six digits, and no-break spaces. Where one has an offset,
// DuckDB's result is a time with a zone.
func (l Layout) Strptime() []string {
	if !l.Valid() {
		return nil
	}
	p := spelling{year: "%Y", shortYear: "%y", months: [3]string{"%m", "%b", "%B"}, day: "%d", weekdays: [3]string{"", "%a", "%A"}, hour: "%H", half: "%I", minute: "%M"}
	seconds, markers, zones := []string{"%S"}, []string{""}, []string{""}
	if l.Clock == Seconds {
		seconds = append(seconds, "%S.%f")
	}
	if l.Half {
		markers = []string{" %p", "%p"}
	}
	switch l.Zone {
	case ZoneOffset:
		zones = []string{"%z", "Z", " %z"} // %z does not read Z
	case ZoneName:
		zones = []string{" UTC", " GMT"}
	}
	var formats []string
	for _, zone := range zones {
		for _, marker := range markers {
			for _, second := range seconds {
				p.second, p.marker, p.offset, p.zone = second, marker, zone, zone
				formats = append(formats, l.render(&p))
			}
		}
	}
	return formats
}
