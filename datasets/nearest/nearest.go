// Package nearest finds the name a person most likely meant: the valid name with
// the smallest edit distance to the one that was written. Error messages about
// unknown keys, metrics and files end with its answer.
package nearest

import (
	"strconv"
	"strings"
)

// maxRunes bounds the work for hostile input; no name worth suggesting is longer.
const maxRunes = 128

// Of returns the candidate nearest to name and true, or "" and false where none
// is near enough to be worth suggesting. The distance counts insertions,
// deletions, substitutions and swaps of neighbors (optimal string alignment),
// ignoring case. A candidate is near when at most a third of the longer of the
// two names, and at least one letter, has to change, or when one name is a
// prefix of the other and at least three letters long. Ties go to the candidate
// that comes first.
func Of(name string, candidates []string) (string, bool) {
	want := []rune(strings.ToLower(name))
	if len(want) == 0 || len(want) > maxRunes {
		return "", false
	}
	best, bestDistance := "", -1
	for _, c := range candidates {
		have := []rune(strings.ToLower(c))
		if len(have) == 0 || len(have) > maxRunes {
			continue
		}
		d := distance(want, have)
		if d > max(1, max(len(want), len(have))/3) && !prefix(want, have) {
			continue
		}
		if d >= max(len(want), len(have)) {
			continue // nothing in common
		}
		if bestDistance < 0 || d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best, bestDistance >= 0
}

// DidYouMean returns `; did you mean "x"?` for the nearest candidate, or "" where
// there is none: made to be appended to an error message.
func DidYouMean(name string, candidates []string) string {
	if c, ok := Of(name, candidates); ok {
		return "; did you mean " + strconv.Quote(c) + "?"
	}
	return ""
}

// prefix reports whether the shorter of a and b starts the longer and is long
// enough to identify it.
func prefix(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 3 && string(b[:len(a)]) == string(a)
}

// distance is the optimal string alignment distance of a and b.
func distance(a, b []rune) int {
	before := make([]int, len(b)+1) // row i-2
	above := make([]int, len(b)+1)  // row i-1
	row := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
