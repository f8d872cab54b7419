package notation

// clock reads what is behind the date: a time of day up to the end of s.
func (d *date) clock(s string, i int) bool {
	l := &d.layout
	switch s[i] {
	case ' ':
	case 'T':
		if l.Order != YearFirst || l.Month != MonthNumber {
			return false
		}
		l.T = true
	default:
		return false
	}
	i++
	hour, width := digits(s, i)
	if i += width; width < 1 || width > 2 || i == len(s) || s[i] != ':' {
		return false
	}
	minute, width := digits(s, i+1)
	if i += 1 + width; width != 2 || minute > 59 {
		return false
	}
	l.Clock = Minutes
	second, fraction := 0, 0
	if i < len(s) && s[i] == ':' {
		l.Clock = Seconds
		second, width = digits(s, i+1)
		if i += 1 + width; width != 2 || second > 59 {
			return false
		}
		if i < len(s) && (s[i] == '.' || s[i] == ',') {
			first := i + 1
			unit := microsPerSecond
			for i = first; i < len(s) && digit(s[i]); i++ {
				unit /= 10
				fraction += unit * int(s[i]-'0')
			}
			if i == first {
				return false
			}
		}
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
	d.micros = int64(hour*3600+(minute-offset)*60+second)*microsPerSecond + int64(fraction)
	return ok && hour < 24
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
