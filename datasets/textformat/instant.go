package textformat

// days returns the days from 1970-01-01 to a date of the proleptic Gregorian
// calendar (Hinnant, chrono-compatible low-level date algorithms, 2013).
func days(year, month, day int) int64 {
	if month <= 2 {
		year--
	}
	year += 400 // so that the January of the year 0 is in no negative one
	era := year / 400
	ofEra := year - era*400
	ofYear := (153*((month+9)%12)+2)/5 + day - 1
	return int64(era-1)*146097 + int64(ofEra*365+ofEra/4-ofEra/100+ofYear) - 719468
}

func daysIn(year, month int) int {
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

// digits reads n digits at the start of b.
func digits(b []byte, n int) (v int, rest []byte, ok bool) {
	if len(b) < n {
		return 0, b, false
	}
	for _, c := range b[:n] {
		if c -= '0'; c > 9 {
			return 0, b, false
		}
		v = v*10 + int(c)
	}
	return v, b[n:], true
}

// after reads a separator and n digits.
func after(b []byte, separator byte, n int) (v int, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != separator {
		return 0, b, false
	}
	return digits(b[1:], n)
}

// parseInstant reads an ISO 8601 date or date and time,
// YYYY-MM-DD[(T| )hh:mm[:ss[.fraction]][Z|±hh[[:]mm]]], and returns the
// microseconds from 1970 in UTC; what is finer is cut off.
func parseInstant(b []byte) (int64, bool) {
	year, b, ok1 := digits(b, 4)
	month, b, ok2 := after(b, '-', 2)
	day, b, ok3 := after(b, '-', 2)
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	micros := days(year, month, day) * 86_400_000_000
	if len(b) == 0 {
		return micros, true
	}
	if b[0] != 'T' && b[0] != 't' && b[0] != ' ' {
		return 0, false
	}
	hour, b, ok1 := digits(b[1:], 2)
	minute, b, ok2 := after(b, ':', 2)
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false
	}
	micros += int64(hour*60+minute) * 60_000_000
	if second, rest, ok := after(b, ':', 2); ok {
		if second > 59 {
			return 0, false
		}
		micros += int64(second) * 1_000_000
		if b = rest; len(b) > 0 && b[0] == '.' {
			b = b[1:]
			if len(b) == 0 || b[0]-'0' > 9 {
				return 0, false
			}
			for unit := int64(100_000); len(b) > 0 && b[0]-'0' < 10; unit /= 10 {
				micros += int64(b[0]-'0') * unit
				b = b[1:]
			}
		}
	}
	if len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') || len(b) == 0 {
		return micros, true
	}
	sign := int64(1)
	switch b[0] {
	case '+':
	case '-':
		sign = -1
	default:
		return 0, false
	}
	hour, b, ok1 = digits(b[1:], 2)
	minute = 0
	if len(b) > 0 {
		if b[0] == ':' {
			b = b[1:]
		}
		minute, b, ok2 = digits(b, 2)
	}
	if !ok1 || !ok2 || len(b) > 0 || hour > 23 || minute > 59 {
		return 0, false
	}
	return micros - sign*int64(hour*60+minute)*60_000_000, true
}
