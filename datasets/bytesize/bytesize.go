// Package bytesize reads and writes amounts of memory as people do: 512MiB, 2GB.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. In text it is a number and a unit: B, the decimal
// KB, MB, GB, TB, or the binary KiB, MiB, GiB, TiB; K, M, G and T alone are
// binary. A number alone is of bytes.
type Size int64

var units = []struct {
	name  string
	bytes float64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40},
	{"B", 1},
}

// Parse reads a size. It is not negative.
func Parse(text string) (Size, error) {
	number, factor := strings.ToUpper(strings.TrimSpace(text)), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not an amount of memory; write it like 512MiB or 2GiB", text)
	}
	if v *= factor; v >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is more than any machine has", text)
	}
	return Size(v), nil
}

// String writes the size with the largest binary unit that divides it, or with
// one decimal where none does.
func (s Size) String() string {
	if s < 0 {
		return strconv.FormatInt(int64(s), 10) + "B"
	}
	names := []string{"TiB", "GiB", "MiB", "KiB"}
	for i, name := range names {
		unit := Size(1) << (40 - 10*i)
		if s >= unit {
			if s%unit == 0 {
				return strconv.FormatInt(int64(s/unit), 10) + name
			}
			if i+1 < len(names) && s%(unit>>10) == 0 && s/(unit>>10) < 10240 {
				return strconv.FormatInt(int64(s/(unit>>10)), 10) + names[i+1]
			}
			return strconv.FormatFloat(float64(s)/float64(unit), 'f', 1, 64) + name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText writes the size exactly.
func (s Size) MarshalText() ([]byte, error) {
	text := s.String()
	if back, err := Parse(text); err != nil || back != s {
		text = strconv.FormatInt(int64(s), 10) + "B"
	}
	return []byte(text), nil
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = Parse(string(text))
	return err
}

// Text writes a number of bytes for people: with one decimal and the largest
// binary unit that it reaches, "1.5 GiB".
func Text(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d B", n)
}
