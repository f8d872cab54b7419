package strictjson

import (
	"encoding/binary"
	"math/bits"
)

// MaxDepth bounds how deep objects and lists of JSON lie in each other. Nobody's data come near it. Programs that
// look at each level from within the one above need a stack that grows with it, and DuckDB time that grows with its
// square.
const MaxDepth = 100

// Nesting finds out how deep the values of a text in JSON are nested, piece by piece, in one pass and without memory.
// Strings end with their line at the latest, so that a quote too many leads astray to there only. What is no JSON may be nested
// by up to 64 levels more than is noticed. The zero value is at the beginning of a text.
type Nesting struct {
	depth   int
	lines   int
	text    bool // within a string
	escaped bool // the next character of it is
}

// Line is the line of what was looked at last, counted from 1.
func (n *Nesting) Line() int { return n.lines + 1 }

// Deep looks at the next piece, and reports whether a value is nested more than MaxDepth deep there; Line is then its line.
func (n *Nesting) Deep(piece []byte) bool {
	for len(piece) >= 64 {
		if !n.block((*[64]byte)(piece)) && n.each(piece[:64]) {
			return true
		}
		piece = piece[64:]
	}
	return n.each(piece)
}

// each looks at the bytes one by one.
func (n *Nesting) each(piece []byte) bool {
	for _, c := range piece {
		switch {
		case c == '\n':
			n.lines++
			n.text, n.escaped = false, false
		case n.escaped:
			n.escaped = false
		case c == '"':
			n.text = !n.text
		case n.text:
			n.escaped = c == '\\'
		case c == '{' || c == '[':
			if n.depth++; n.depth > MaxDepth {
				return true
			}
		case c == '}' || c == ']':
			n.depth = max(0, n.depth-1)
		}
	}
	return false
}

// block looks at 64 bytes at once, as the bits of words. It reports false, and has done nothing, where the order of
// the bytes matters: near MaxDepth, and where a line ends within a string. The masks are those of Langdale and Lemire, "Parsing
// gigabytes of JSON per second" (2019).
func (n *Nesting) block(b *[64]byte) bool {
	var quotes, escapes, opens, closes, ends uint64
	for i := 0; i < 64; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		folded := w | each8*0x20 // [ and {, ] and } differ in this bit alone
		quotes |= equal(w, '"') << i
		escapes |= equal(w, '\\') << i
		opens |= equal(folded, '{') << i
		closes |= equal(folded, '}') << i
		ends |= equal(w, '\n') << i
	}
	escaped := n.escaped
	if escapes != 0 || escaped {
		var behind uint64
		behind, escaped = escapedBytes(escapes, escaped)
		quotes &^= behind
	}
	text := quotes // a bit for each byte within a string, and the quote that opens it
	for shift := 1; shift < 64; shift *= 2 {
		text ^= text << shift
	}
	if n.text {
		text = ^text
	}
	opens, closes = opens&^text, closes&^text
	more := bits.OnesCount64(opens)
	if ends&text != 0 || n.depth+more > MaxDepth {
		return false
	}
	n.depth = max(0, n.depth+more-bits.OnesCount64(closes))
	n.lines += bits.OnesCount64(ends)
	n.text, n.escaped = text>>63 != 0, escaped
	return true
}

// escapedBytes returns a bit for each byte that a backslash stands before that is not escaped itself, and whether the first byte
// of the next block is one, as the first of this one was.
func escapedBytes(escapes uint64, first bool) (behind uint64, next bool) {
	const even = 0x5555555555555555
	var carry uint64
	if first {
		carry = 1
	}
	escapes &^= carry
	follows := escapes<<1 | carry
	sequences, over := bits.Add64(escapes&^even&^follows, escapes, 0)
	return (even ^ sequences<<1) & follows, over != 0
}

const each8 = 0x0101010101010101

// equal returns a bit, from the lowest, for each of the eight bytes of a word that is c.
func equal(w uint64, c byte) uint64 {
	x := w ^ each8*uint64(c)
	const low = each8 * 0x7f
	zero := ^((x&low + low) | x | low) // the highest bit of each byte
	return zero >> 7 * 0x0102040810204080 >> 56
}
