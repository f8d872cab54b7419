package datasets

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseNumber parses a decimal number. Words for NaN and infinity, hexadecimal
// notation and digit separators are not numbers here: in a data file they are
// mistakes or marks of missing values.
func parseNumber(s string) (float64, bool) {
	if s == "" || !plainNumber(s) {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// plainNumber reports whether s has only the characters of decimal notation.
func plainNumber(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return false
		}
	}
	return true
}

// decimalComma reports whether s is a number with a decimal comma, such as
// 36,61 or 1.234,5.
func decimalComma(s string) bool {
	whole, fraction, found := strings.Cut(strings.TrimLeft(s, "+-"), ",")
	return found && fraction != "" && whole != "" && strings.Trim(fraction, "0123456789") == "" && strings.Trim(whole, "0123456789.") == ""
}

// parseBool understands the usual spellings of true and false.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "t", "yes", "y", "1":
		return true, true
	case "false", "f", "no", "n", "0":
		return false, true
	}
	return false, false
}

// strictBool understands only the words true and false, for inference.
func strictBool(s string) bool {
	return strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}

// missingMarks are texts that usually mean a missing value. They are not
// treated so silently; they make error messages and inference better.
var missingMarks = map[string]bool{
	"na": true, "n/a": true, "#n/a": true, "null": true, "none": true, "nil": true, "nan": true, "-": true, "--": true,
	"?": true, ".": true, "missing": true, "unknown": true, `\n`: true,
	"inf": true, "-inf": true, "+inf": true, "infinity": true, "-infinity": true, "#div/0!": true, "#value!": true,
}

func isMissingMark(s string) bool { return missingMarks[strings.ToLower(s)] }

// dateLayouts are tried in order; one must fit every value of a column. Where
// day and month could be exchanged, the first of the two that fits all values
// wins: day first with - and ., month first with /.
var dateLayouts = []string{
	"2006-01-02",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	time.RFC3339,
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006/01/02",
	"2006/01/02 15:04:05",
	"2006/01/02 15:04",
	"02-01-2006",
	"02-01-2006 15:04:05",
	"02-01-2006 15:04",
	"01-02-2006",
	"02.01.2006",
	"02.01.2006 15:04:05",
	"02.01.2006 15:04",
	"1/2/2006",
	"1/2/2006 15:04:05",
	"1/2/2006 15:04",
	"2/1/2006",
	"2/1/2006 15:04:05",
	"2/1/2006 15:04",
	"1/2/06",
	"1/2/06 15:04",
	"2/1/06",
	"2/1/06 15:04",
}

// yearFirstLayouts is how many of dateLayouts put the year first, and so cannot
// be mistaken for each other.
const yearFirstLayouts = 10

// layoutName renders a layout as people write it, DD/MM/YYYY.
func layoutName(layout string) string {
	return strings.NewReplacer("2006", "YYYY", "Z07:00", "+hh:mm", "01", "MM", "02", "DD", "03", "hh", "04", "mm", "05", "ss", "06", "YY",
		"15", "hh", "1", "MM", "2", "DD").Replace(layout)
}

// strptimeFormat renders a layout for DuckDB's strptime.
func strptimeFormat(layout string) string {
	return strings.NewReplacer("2006", "%Y", "Z07:00", "%z", "01", "%m", "02", "%d", "04", "%M", "05", "%S", "06", "%y",
		"15", "%H", "1", "%m", "2", "%d").Replace(layout)
}

// otherReading returns another layout that fits every value too but gives one
// of them another day, "" when there is none.
func otherReading(layout string, values []string) string {
	for _, other := range dateLayouts {
		if other == layout {
			continue
		}
		fits, differs := true, false
		for _, v := range values {
			a, _ := parseDate(layout, v)
			b, ok := parseDate(other, v)
			if !ok {
				fits = false
				break
			}
			differs = differs || a != b
		}
		if fits && differs {
			return other
		}
	}
	return ""
}

// parseDate parses a date in the given layout into microseconds since 1970,
// converting an explicit zone to UTC.
func parseDate(layout, s string) (int64, bool) {
	// A date starts with a digit and is short; most texts fail here cheaply.
	if len(s) < 6 || len(s) > 40 || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	t, err := time.Parse(layout, s)
	if err != nil {
		return 0, false
	}
	return t.UnixMicro(), true
}

// bestLayout returns the first layout that fits the most values, and how many
// it fits.
func bestLayout(values []string, counts []int) (layout string, fits int) {
	return bestOf(dateLayouts, values, counts)
}

func bestOf(layouts, values []string, counts []int) (layout string, fits int) {
	for _, l := range layouts {
		n := 0
		for i, v := range values {
			if _, ok := parseDate(l, v); ok {
				n += counts[i]
			}
		}
		if n > fits {
			layout, fits = l, n
		}
	}
	return layout, fits
}
