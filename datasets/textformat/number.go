package textformat

import (
	"math"
	"strconv"
	"unsafe"
)

// found is what the reading of a number comes to.
type found uint8

const (
	number     found = iota
	notNumber        // something else stands there
	outOfRange       // it is a number, but too large
)

// powers of ten that float64 holds exactly.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// parseFloat reads [+-]digits[.digits][e[+-]digits], correctly rounded: NaN,
// infinities and hexadecimal numbers, which strconv takes, are none here.
func parseFloat(b []byte) (float64, found) {
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		i = 1
	}
	var mantissa uint64
	digits, exponent := 0, 0
	exact := true
	add := func(c byte) bool {
		if mantissa < 1<<53 {
			mantissa = mantissa*10 + uint64(c-'0')
			return true
		}
		exact = false
		return false
	}
	for ; i < len(b) && b[i]-'0' < 10; i++ {
		digits++
		add(b[i])
	}
	if i < len(b) && b[i] == '.' {
		for i++; i < len(b) && b[i]-'0' < 10; i++ {
			digits++
			if add(b[i]) {
				exponent--
			}
		}
	}
	if digits == 0 {
		return 0, notNumber
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		minus := false
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			minus = b[i] == '-'
			i++
		}
		if i == len(b) {
			return 0, notNumber
		}
		e := 0
		for ; i < len(b) && b[i]-'0' < 10; i++ {
			e = min(e*10+int(b[i]-'0'), 1<<20)
		}
		if minus {
			e = -e
		}
		exponent += e
	}
	if i != len(b) {
		return 0, notNumber
	}
	// The product and the quotient of two exact numbers are rounded once (Clinger,
	// How to read floating point numbers accurately, 1990).
	if exact && mantissa < 1<<53 && -22 <= exponent && exponent <= 22 {
		v := float64(mantissa)
		if exponent < 0 {
			v /= powers[-exponent]
		} else {
			v *= powers[exponent]
		}
		if negative {
			v = -v
		}
		return v, number
	}
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, outOfRange
	}
	return v, number
}

// parseInt reads [+-]digits.
func parseInt(b []byte) (int64, found) {
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		i = 1
	}
	if i == len(b) {
		return 0, notNumber
	}
	// Negative, as there is one more of these.
	var v int64
	over := false
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			return 0, notNumber
		}
		if v < (math.MinInt64+int64(c))/10 {
			over = true
			v = 0
		}
		v = v*10 - int64(c)
	}
	if over || !negative && v == math.MinInt64 {
		return 0, outOfRange
	}
	if !negative {
		v = -v
	}
	return v, number
}

// parseIndex reads digits up to 2147483647.
func parseIndex(b []byte) (int32, found) {
	if len(b) == 0 {
		return 0, notNumber
	}
	v, over := uint64(0), false
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, notNumber
		}
		if v = v*10 + uint64(c); v > math.MaxInt32 {
			v, over = math.MaxInt32+1, true
		}
	}
	if over {
		return 0, outOfRange
	}
	return int32(v), number
}
