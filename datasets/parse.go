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
	for _, l := range dateLayouts {
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
