package encoding

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"debut/datasets/table"
	"debut/datasets/wording"
)

// maxGram bounds the length of n-grams.
const maxGram = 16

// Seeds keep n-grams of words and of characters apart.
const (
	wordSeed      = 0x2545f4914f6cdd1d
	characterSeed = 0x9fb21c651e98df25
)

// textHasher turns texts into numbers of a fixed width: the n-grams of their
// words and of the characters within words, hashed with a sign (Weinberger,
// Dasgupta, Langford, Smola, Attenberg, "Feature Hashing for Large Scale
// Multitask Learning", 2009), counted sublinearly (1 + log count) and scaled to
// length 1. A word is a run of letters, digits and marks, in lower case; its
// characters include the signs < and > for its ends, so that parts of words know
// where they stand (Bojanowski, Grave, Joulin, Mikolov, "Enriching Word Vectors
// with Subword Information", 2017).
type textHasher struct {
	words, characters [2]int

	// The words of a text one after another, each as <word>.
	bytes []byte
	ends  []int // of each word in bytes
	runes []int // where each character begins in bytes; one more at the end

	grams []gram
	table []int32 // open addressing: index of a gram + 1, 0 where free
	sums  []float64
}

// gram is a distinct n-gram of a text.
type gram struct {
	hash  uint64
	slot  int32 // in the table
	count int32
}

func newTextHasher(width int, words, characters []int) *textHasher {
	return &textHasher{words: [2]int(words), characters: [2]int(characters), sums: make([]float64, width), table: make([]int32, 512)}
}

// hash writes the features of a text to dst, of the hasher's width. A text
// without a word is all zeros.
func (h *textHasher) hash(dst []float32, text string) {
	h.split(text)
	h.count()
	clear(h.sums)
	width := uint64(len(h.sums))
	// In order of first appearance, so that the sums are the same everywhere.
	for _, g := range h.grams {
		weight := 1.0
		if g.count > 1 {
			weight += math.Log(float64(g.count))
		}
		if g.hash>>63 != 0 {
			weight = -weight
		}
		h.sums[(g.hash&math.MaxUint32)*width>>32] += weight
		h.table[g.slot] = 0
	}
	h.grams = h.grams[:0]
	squares := 0.0
	for _, v := range h.sums {
		squares += v * v
	}
	scale := 0.0
	if squares > 0 {
		scale = 1 / math.Sqrt(squares)
	}
	for i, v := range h.sums {
		dst[i] = float32(v * scale)
	}
}

// split finds the words of a text.
func (h *textHasher) split(text string) {
	h.bytes, h.ends, h.runes = h.bytes[:0], h.ends[:0], h.runes[:0]
	inside := false
	end := func() {
		if inside {
			h.runes = append(h.runes, len(h.bytes))
			h.bytes = append(h.bytes, '>')
			h.ends = append(h.ends, len(h.bytes))
			inside = false
		}
	}
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		i += size
		if !wordRune(r) {
			end()
			continue
		}
		if !inside {
			h.runes = append(h.runes, len(h.bytes))
			h.bytes = append(h.bytes, '<')
			inside = true
		}
		h.runes = append(h.runes, len(h.bytes))
		if r < utf8.RuneSelf {
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			h.bytes = append(h.bytes, byte(r))
		} else {
			h.bytes = utf8.AppendRune(h.bytes, unicode.ToLower(r))
		}
	}
	end()
	h.runes = append(h.runes, len(h.bytes))
}

// wordRune reports whether r is part of words. Marks are: they belong to the
// letter before them.
func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// count collects the n-grams of the words found by split.
func (h *textHasher) count() {
	for i := range h.ends {
		hash := fnvOffset ^ uint64(wordSeed)
		for k := i; k < len(h.ends) && k-i < h.words[1]; k++ {
			hash = fnv(hash, h.bytes[h.start(k):h.ends[k]])
			if k-i+1 >= h.words[0] {
				h.add(mix(hash))
			}
		}
	}
	first := 0 // character of the word
	for _, end := range h.ends {
		last := first
		for h.runes[last] < end {
			last++
		}
		for from := first; from < last; from++ {
			hash := fnvOffset ^ uint64(characterSeed)
			for to := from + 1; to <= last && to-from <= h.characters[1]; to++ {
				hash = fnv(hash, h.bytes[h.runes[to-1]:h.runes[to]])
				sign := to-from == 1 && (from == first || to == last) // < or > alone
				if to-from >= h.characters[0] && !sign {
					h.add(mix(hash))
				}
			}
		}
		first = last
	}
}

// start is where word k begins in bytes.
func (h *textHasher) start(k int) int {
	if k == 0 {
		return 0
	}
	return h.ends[k-1]
}

// add counts an n-gram.
func (h *textHasher) add(hash uint64) {
	if 2*len(h.grams) >= len(h.table) {
		h.grow()
	}
	slot := h.find(hash)
	if at := h.table[slot]; at > 0 {
		h.grams[at-1].count++
		return
	}
	h.grams = append(h.grams, gram{hash: hash, slot: slot, count: 1})
	h.table[slot] = int32(len(h.grams))
}

// find returns the slot of an n-gram, or the one it would get.
func (h *textHasher) find(hash uint64) int32 {
	mask := uint64(len(h.table) - 1)
	for i := hash >> 16 & mask; ; i = (i + 1) & mask {
		if at := h.table[i]; at == 0 || h.grams[at-1].hash == hash {
			return int32(i)
		}
	}
}

// grow doubles the table.
func (h *textHasher) grow() {
	h.table = make([]int32, 2*len(h.table))
	for i := range h.grams {
		// Grams are distinct, those not yet in the new table are not found.
		slot := h.find(h.grams[i].hash)
		h.grams[i].slot = slot
		h.table[slot] = int32(i) + 1
	}
}

// fitWords settles the features of a column of free text.
func (c *ColumnEncoding) fitWords(s *table.Series, settings Column, report *ColumnReport) (reason string) {
	_, distinct, missing := fitVocabulary(s, 1, 0)
	report.Distinct = distinct
	if distinct == 1 && missing == 0 && !c.Indicator {
		return "is constant (" + wording.Quote(s.Dict[firstCode(s)]) + ")"
	}
	c.Width = settings.Dimensions
	c.Words, c.Characters = slices.Clone(settings.Words), slices.Clone(settings.Characters)
	return ""
}

// encodeWords writes the features of texts from d on. Each distinct text is
// hashed once.
func (c *ColumnEncoding) encodeWords(ctx context.Context, s *table.Series, out *Encoded, d int) error {
	h := newTextHasher(c.Width, c.Words, c.Characters)
	first := make([]int32, len(s.Dict)) // the row of each text + 1, 0 before it is met
	for r, code := range s.Codes {
		if r%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if code < 0 {
			continue // zeros
		}
		dst := out.Numeric[r*out.D+d : r*out.D+d+c.Width]
		if at := int(first[code]) - 1; at >= 0 {
			copy(dst, out.Numeric[at*out.D+d:at*out.D+d+c.Width])
			continue
		}
		h.hash(dst, s.Dict[code])
		first[code] = int32(r) + 1
	}
	return nil
}

// ManyValuesRemedy says what a column of categories that hardly repeat may be.
func ManyValuesRemedy(s *table.Series) string {
	remedy := "if it is an identifier, list it under id or ignore"
	if manyWords(s) {
		remedy = fmt.Sprintf("if it is text, such as titles, have its words read: columns: {%s: {type: text}}; ", wording.Quote(s.Name)) + remedy
	}
	return remedy
}

// manyWords reports whether the texts of a column look like titles or
// descriptions: most of those looked at have several words.
func manyWords(s *table.Series) bool {
	const looked, words = 1000, 3
	sample := s.Dict[:min(len(s.Dict), looked)]
	n := 0
	for _, text := range sample {
		if len(strings.Fields(text)) >= words {
			n++
		}
	}
	return 2*n > len(sample)
}
