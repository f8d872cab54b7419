package page

import (
	"math"
	"strconv"
	"strings"

	"debut/datasets/wording"
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
	round, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	whole, rest := math.Modf(round)
	text = strings.Replace(wording.Thousands(int64(whole)), "-", "−", 1)
	if rest != 0 { // of 1,000 to 9,999 four digits have none
		text += strings.TrimPrefix(strconv.FormatFloat(math.Abs(rest), 'f', -1, 64), "0")
	}
	return text
}

// Signed is Number of a change: with its sign.
func Signed(x float64) string {
	if x > 0 {
		return "+" + Number(x)
	}
	return Number(x)
}
