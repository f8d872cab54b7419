package textformat

// ParseNumber reads a finite decimal number, [+-]digits[.digits][e[+-]digits], correctly rounded. Words for NaN and
// infinity, hexadecimal notation and what float64 cannot hold are not numbers.
func ParseNumber(b []byte) (v float64, ok bool) {
	v, f := parseFloat(b)
	return v, f == number
}

// ParseTime reads a date, or a date and time, of ISO 8601 and returns the microseconds since 1970 in UTC.
func ParseTime(b []byte) (micros int64, ok bool) { return parseInstant(b) }
