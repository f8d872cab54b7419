package configfile

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var (
	errSyntax = errors.New("not a number")
	errRange  = errors.New("out of range")
)

// The number forms of YAML 1.2's core schema, with "_" between digits.
var (
	decimalForm = regexp.MustCompile(`^[-+]?[0-9]+(_[0-9]+)*$`)
	radixForm   = regexp.MustCompile(`^[-+]?0[xob][0-9a-fA-F]+(_[0-9a-fA-F]+)*$`)
	floatForm   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(_[0-9]+)*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// parseInteger reads a whole number as sign and magnitude. "1e6" and "64.0" are
// whole numbers too, as far as a float64 counts exactly.
func parseInteger(text string) (negative bool, magnitude uint64, err error) {
	digits := strings.ReplaceAll(text, "_", "")
	negative = strings.HasPrefix(digits, "-")
	bare := strings.TrimLeft(digits, "+-")
	switch {
	case decimalForm.MatchString(text):
		magnitude, err = strconv.ParseUint(bare, 10, 64)
	case radixForm.MatchString(text):
		base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[bare[1]]
		magnitude, err = strconv.ParseUint(bare[2:], base, 64)
	case floatForm.MatchString(text):
		x, ferr := strconv.ParseFloat(bare, 64)
		if ferr != nil || x > 1<<53 {
			return negative, 0, errRange
		}
		if x != math.Trunc(x) {
			return negative, 0, errSyntax
		}
		return negative, uint64(x), nil
	default:
		return false, 0, errSyntax
	}
	if errors.Is(err, strconv.ErrRange) {
		return negative, 0, errRange
	}
	if err != nil {
		return negative, 0, errSyntax
	}
	return negative, magnitude, nil
}

// parseFloat reads a number of bits 32 or 64. ".inf" is a number, ".nan" is not.
func parseFloat(text string, bits int) (float64, error) {
	switch text {
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return math.Inf(1), nil
	case "-.inf", "-.Inf", "-.INF":
		return math.Inf(-1), nil
	}
	if radixForm.MatchString(text) {
		negative, magnitude, err := parseInteger(text)
		if err != nil {
			return 0, err
		}
		if negative {
			return -float64(magnitude), nil
		}
		return float64(magnitude), nil
	}
	if !floatForm.MatchString(text) {
		return 0, errSyntax
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), bits)
	if err != nil {
		return 0, errRange // the form has been checked
	}
	return x, nil
}

// parseBool reads true and false. The yes and no of YAML 1.1 are text.
func parseBool(text string) (value, ok bool) {
	switch text {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// natural returns the value a plain scalar has where no type is asked for: bool, int,
// float64 or string.
func natural(text string) any {
	if b, ok := parseBool(text); ok {
		return b
	}
	if decimalForm.MatchString(text) || radixForm.MatchString(text) {
		if negative, m, err := parseInteger(text); err == nil && m <= math.MaxInt64 {
			if negative {
				return int(-int64(m))
			}
			return int(m)
		}
	}
	if x, err := parseFloat(text, 64); err == nil {
		return x
	}
	return text
}

// describe says what a node is, for messages.
func describe(n *node) string {
	switch n.kind {
	case null:
		return "empty"
	case mapping:
		return "a mapping"
	case sequence:
		return "a list"
	case plain:
		switch natural(n.text).(type) {
		case bool:
			return "the boolean " + n.text
		case int, float64:
			return "the number " + short(n.text)
		}
	}
	return "the text " + strconv.Quote(short(n.text))
}

// short cuts long text for messages.
func short(s string) string {
	const limit = 60
	s = secretForms.ReplaceAllString(s, masked)
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
