package encoding

import (
	"cmp"
	"slices"

	"debut/datasets/notation"
	"debut/datasets/table"
)

// Categories is a column of texts as Categories: texts that stand for the same one share a code.
func Categories(s *table.Series) *table.Series {
	changed := slices.ContainsFunc(s.Dict, func(text string) bool { return notation.Category(text) != text })
	if !changed {
		return s
	}
	out := &table.Series{Name: s.Name, Kind: s.Kind, Codes: make([]int32, len(s.Codes))}
	index := make(map[string]int32, len(s.Dict))
	to := make([]int32, len(s.Dict))
	for i, text := range s.Dict {
		text = notation.Category(text)
		code, ok := index[text]
		if !ok {
			code = int32(len(out.Dict))
			index[text] = code
			out.Dict = append(out.Dict, text)
		}
		to[i] = code
	}
	for r, c := range s.Codes {
		out.Codes[r] = -1
		if c >= 0 {
			out.Codes[r] = to[c]
		}
	}
	return out
}

// fitVocabulary returns the categories of a text column that occur at least
// minCount times, by decreasing count and then by value, at most limit of them
// (0: all). distinct counts all categories that occur.
func fitVocabulary(s *table.Series, minCount, limit int) (vocabulary []string, distinct, missing int) {
	s = Categories(s)
	counts := make([]int, len(s.Dict))
	for _, c := range s.Codes {
		if c < 0 {
			missing++
		} else {
			counts[c]++
		}
	}
	for _, n := range counts {
		if n > 0 {
			distinct++
		}
	}
	return topCategories(s.Dict, counts, minCount, limit), distinct, missing
}

// topCategories returns the texts that occur at least minCount times, by decreasing count and then by value, at most limit of them
// (0: all).
func topCategories(dict []string, counts []int, minCount, limit int) []string {
	var codes []int32
	for code, n := range counts {
		if n > 0 && n >= minCount {
			codes = append(codes, int32(code))
		}
	}
	slices.SortFunc(codes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(dict[a], dict[b]))
	})
	if limit > 0 && len(codes) > limit {
		codes = codes[:limit]
	}
	vocabulary := make([]string, len(codes))
	for i, c := range codes {
		vocabulary[i] = dict[c]
	}
	return vocabulary
}

// hashID maps a category to 1 … buckets: FNV-1a over its bytes, mixed by the
// finalizer of SplitMix64 because FNV's low bits are weak.
func hashID(s string, buckets int) int32 {
	return int32(mix(fnv(fnvOffset, s))%uint64(buckets)) + 1
}

// fnvOffset is the state FNV-1a begins with.
const fnvOffset uint64 = 14695981039346656037

// fnv continues FNV-1a over further bytes.
func fnv[T string | []byte](h uint64, s T) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix is the finalizer of SplitMix64, which spreads every bit of h over all.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
