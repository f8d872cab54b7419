package table

import "math"

// Deduplicate returns the rows of a frame without those equal to an earlier
// row in every column. Missing values equal each other.
func Deduplicate(f *Frame) []int32 {
	keep := make([]int32, 0, f.Rows)
	seen := make(map[uint64][]int32, f.Rows) // hash → rows kept
	for r := range f.Rows {
		h := rowHash(f, r)
		duplicate := false
		for _, other := range seen[h] {
			if equalRows(f, r, int(other)) {
				duplicate = true
				break
			}
		}
		if !duplicate {
			seen[h] = append(seen[h], int32(r))
			keep = append(keep, int32(r))
		}
	}
	return keep
}

// rowHash mixes the values of a row. Collisions cost time only.
func rowHash(f *Frame, r int) uint64 {
	h := uint64(0)
	for _, c := range f.Columns {
		var v uint64
		switch c.Kind {
		case Text:
			v = uint64(c.Codes[r])
		case Date:
			v = uint64(c.Micros[r])
		case Vector:
			v = vectorKey(c, r)
		default:
			v = floatKey(c.Floats[r])
		}
		h = addKey(h, v)
	}
	return h
}

// addKey adds a value to the hash of some.
func addKey(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// floatKey maps equal values to equal keys: both zeros, and every NaN.
func floatKey(v float64) uint64 {
	switch {
	case v == 0:
		return 0
	case math.IsNaN(v):
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(v)
}

func equalRows(f *Frame, a, b int) bool {
	for _, c := range f.Columns {
		var equal bool
		switch c.Kind {
		case Text:
			equal = c.Codes[a] == c.Codes[b]
		case Date:
			equal = c.Micros[a] == c.Micros[b]
		case Vector:
			equal = EqualVectors(c, a, b)
		default:
			equal = floatKey(c.Floats[a]) == floatKey(c.Floats[b])
		}
		if !equal {
			return false
		}
	}
	return true
}

// PresentRows returns the rows in which s has a value.
func PresentRows(s *Series) []int32 {
	rows := make([]int32, 0, s.Len())
	for i := range s.Len() {
		if !s.Missing(i) {
			rows = append(rows, int32(i))
		}
	}
	return rows
}
