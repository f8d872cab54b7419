package datasets

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the candidate most similar to name, or "" when none is
// similar enough to be what was meant. Similarity is the edit distance
// (insertion, deletion, substitution, transposition of neighbors) without
// regard to case; a candidate may differ in a third of its letters, and one
// that merely continues name or is continued by it always qualifies. Of equally
// similar candidates the first wins.
func Nearest(name string, candidates []string) string {
	lower := strings.ToLower(name)
	best, bestDistance := "", -1
	for _, c := range candidates {
		lc := strings.ToLower(c)
		d := editDistance(lower, lc)
		limit := max(utf8.RuneCountInString(lower), utf8.RuneCountInString(lc))/3 + 1
		continues := len(lower) >= 3 && len(lc) >= 3 &&
			(strings.HasPrefix(lc, lower) || strings.HasPrefix(lower, lc))
		if d > limit && !continues {
			continue
		}
		if bestDistance < 0 || d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// didYouMean renders the suggestion for an unknown name, "" when there is none.
func didYouMean(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return "; did you mean " + quote(n) + "?"
	}
	return ""
}

// editDistance is the optimal string alignment distance.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, cur := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		cur[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(y)]
}
