package page

import (
	"math"
	"strconv"
	"strings"
)

// Number is a number for a reader: four digits that count, in groups of three; "" for NaN.
func Number(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	text := strconv.FormatFloat(x, 'g', 4, 64)
	if size := math.Abs(x); size < 999.95 || size >= 1e15 {
		return strings.Replace(text, "-", "−", 1)
	}
	round, _ := strconv.ParseFloat(text, 64)
	digits := strconv.FormatFloat(math.Abs(round), 'f', -1, 64)
	whole, rest, fraction := strings.Cut(digits, ".")
	var b strings.Builder
	if round < 0 {
		b.WriteString("−")
	}
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	if fraction {
		b.WriteString("." + rest)
	}
	return b.String()
}

// Signed is Number of a change: with its sign.
func Signed(x float64) string {
	if x > 0 {
		return "+" + Number(x)
	}
	return Number(x)
}
