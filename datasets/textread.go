package datasets

import (
	"strings"

	"debut/datasets/duck"
)

// textReader takes a column of texts out of chunks.
type textReader struct {
	*textColumn
	recent [256]recentCode
	ends   []int // of the texts of a chunk, where they are carried
}

// recentCode is a text as DuckDB has it in place, and its code.
type recentCode struct {
	text  [2]uint64
	above int32 // the code plus one; 0 for none
}

func (t *textReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[duck.String](c, column)
	if t.carried && !t.numbers {
		t.carry(values, mask)
		return
	}
	for i := range values {
		if !mask.Valid(i) {
			t.add("", false)
			continue
		}
		text, short := values[i].Words()
		if !short || t.numbers {
			t.add(values[i].Text(), true)
			continue
		}
		// Most texts of a categorical column were seen a moment ago.
		r := &t.recent[(text[0]^text[1]*0x9e3779b97f4a7c15)*0xbf58476d1ce4e5b9>>56]
		if r.above > 0 && r.text == text {
			t.present++
			t.code(r.above - 1)
			continue
		}
		t.add(values[i].Text(), true)
		if n := len(t.series.Codes); !t.numbers {
			*r = recentCode{text, t.series.Codes[n-1] + 1}
		}
	}
}

func (t *textReader) cut(from *origin) *Series {
	clear(t.recent[:]) // codes are those of a block
	return t.textColumn.cut(from)
}

// carry takes values that are only written out again: no dictionary is made of what
// hardly repeats, and the texts of a chunk are copied into one piece of memory.
func (t *textReader) carry(values []duck.String, mask duck.Validity) {
	t.ends = t.ends[:0]
	bytes := 0
	for i := range values {
		if mask.Valid(i) {
			bytes += len(values[i].Text())
		}
	}
	var all strings.Builder
	all.Grow(bytes)
	for i := range values {
		code := int32(-1)
		if mask.Valid(i) {
			if text := t.value(values[i].Text()); text != "" {
				all.WriteString(text)
				code = int32(len(t.series.Dict) + len(t.ends))
				t.ends = append(t.ends, all.Len())
				t.present++
			}
		}
		t.series.Codes = append(t.series.Codes, code)
	}
	texts, from := all.String(), 0
	for _, end := range t.ends {
		t.series.Dict = append(t.series.Dict, texts[from:end])
		from = end
	}
}
