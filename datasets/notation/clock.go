package notation

// clock reads what is behind the date: a time of day up to the end of s.
func (d *date) clock(s string, i int) bool {
	l := &d.layout
	switch s[i] {
	case ' ':
	case ',':
		if i++; i == len(s) || s[i] != ' ' {
			return false
		}
		l.ClockComma = true
	case ':':
		if l.Order != DayFirst || l.Separator != '/' || l.Month != MonthShort || l.ShortYear || l.Weekday != NoWeekday {
			return false
		}
		d.may = false
		if l.Form == UsualForm {
			l.Form = LogForm
		}
	case 'T':
		if l.Order != YearFirst || l.Month != MonthNumber || l.Weekday != NoWeekday {
			return false
		}
		l.T = true
	default:
		return false
	}
	if l.Form == BracketForm && s[i] != ':' {
		return false
	}
	i++
	i, hour, ok := d.timeOfDay(s, i)
	if !ok {
		return false
	}
	if afternoon, width := marker(s[i:]); width > 0 && !l.T {
		l.Half = true
		i += width
		if hour < 1 || hour > 12 {
			return false
		}
		hour %= 12
		if afternoon {
			hour += 12
		}
	}
	offset, zone, ok := zoneOf(s[i:])
	l.Zone = zone
	d.micros += int64(hour*3600-offset*60) * microsPerSecond
	return ok && hour < 24 && (l.Form == UsualForm || l.validForm())
}

// asctime reads a time of day at i, the zone where there is one, and the year, and returns
// where it ends, 0 where it is none.
func (d *date) asctime(s string, i int) int {
	l := &d.layout
	l.Form = AsctimeForm
	i, hour, ok := d.timeOfDay(s, i)
	if !ok || hour > 23 || len(s)-i < len(" 2006") {
		return 0
	}
	year := len(s) - len(" 2006")
	offset := 0
	if i < year {
		zone := s[i:year]
		if zone[0] == ' ' && zone != " UTC" && zone != " GMT" {
			zone = zone[1:]
		}
		if offset, l.Zone, ok = zoneOf(zone); !ok || l.Zone == NoZone || s[i] != ' ' {
			return 0
		}
	}
	width := 0
	if d.year, width = digits(s, year+1); width != 4 || s[year] != ' ' {
		return 0
	}
	d.may = false
	d.micros += int64(hour*3600-offset*60) * microsPerSecond
	if !l.validForm() {
		return 0
	}
	return len(s)
}

// timeOfDay reads hours, minutes and seconds at i. It returns where they end, and the hours; what is
// less than an hour is added to the microseconds of d.
func (d *date) timeOfDay(s string, i int) (end, hour int, ok bool) {
	l := &d.layout
	hour, width := digits(s, i)
	if i += width; width < 1 || width > 2 || i == len(s) || s[i] != ':' {
		return 0, 0, false
	}
	minute, width := digits(s, i+1)
	if i += 1 + width; width != 2 || minute > 59 {
		return 0, 0, false
	}
	l.Clock = Minutes
	second, fraction := 0, 0
	if i < len(s) && s[i] == ':' {
		l.Clock = Seconds
		second, width = digits(s, i+1)
		if i += 1 + width; width != 2 || second > 59 {
			return 0, 0, false
		}
		if i < len(s) && (s[i] == '.' || s[i] == ',') {
			first := i + 1
			unit := microsPerSecond
			for i = first; i < len(s) && digit(s[i]); i++ {
				unit /= 10
				fraction += unit * int(s[i]-'0')
			}
			if i == first {
				return 0, 0, false
			}
		}
	}
	d.micros += int64(minute*60+second)*microsPerSecond + int64(fraction)
	return i, hour, true
}

// marker reads AM or PM at the start of s, with or without a space before it, of
// width bytes, 0 for none.
func marker(s string) (afternoon bool, width int) {
	i := blank(s)
	if len(s) < i+2 || s[i+1]|0x20 != 'm' {
		return false, 0
	}
	switch s[i] {
	case 'A', 'a':
		return false, i + 2
	case 'P', 'p':
		return true, i + 2
	}
	return false, 0
}

// zoneOf reads the zone that all of s is, its offset from UTC in minutes.
func zoneOf(s string) (offset int, zone Zone, ok bool) {
	switch s {
	case "":
		return 0, NoZone, true
	case "Z":
		return 0, ZoneOffset, true
	case " UTC", " GMT":
		return 0, ZoneName, true
	}
	if s[0] == ' ' {
		s = s[1:]
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, 0, false
	}
	negative := s[0] == '-'
	s = s[1:]
	hours, width := digits(s, 0)
	minutes := 0
	switch {
	case width == 4 && len(s) == 4:
		hours, minutes = hours/100, hours%100
	case width == 2 && len(s) == 5 && s[2] == ':':
		if minutes, width = digits(s, 3); width != 2 {
			return 0, 0, false
		}
	case width != 2 || len(s) != 2:
		return 0, 0, false
	}
	if hours > 23 || minutes > 59 {
		return 0, 0, false
	}
	offset = hours*60 + minutes
	if negative {
		offset = -offset
	}
	return offset, ZoneOffset, true
}
