package table

import (
	"math"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// texts is what the readers of texts have in common: whether a value is missing.
type texts struct {
	name string
	null map[string]bool
}

// value returns a text without the blanks around it, "" where it is a missing value.
func (t *texts) value(text string) string {
	if text = notation.Trim(text); t.null[text] {
		return ""
	}
	return text
}

// textReader takes a column of texts out of chunks, as codes into a dictionary.
type textReader struct {
	texts
	series *Series
	index  map[string]int32
	counts []int // of dictionary entries
	recent [256]recentCode
	before int // rows of earlier blocks
	// carried columns are only written out again: no dictionary of values that
	// hardly repeat is made.
	carried bool
	ends    []int // of the texts of a chunk, where they are carried
}

// recentCode is a text as DuckDB has it in place, and its code.
type recentCode struct {
	text  [2]uint64
	above int32 // the code plus one; 0 for none
}

func newTextReader(name string, null map[string]bool) *textReader {
	return &textReader{texts: texts{name: name, null: null}, series: &Series{Name: name, Kind: Text}, index: map[string]int32{}}
}

func (t *textReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[duck.String](c, column)
	if t.carried {
		t.carry(values, mask)
		return
	}
	for i := range values {
		if !mask.Valid(i) {
			t.series.Codes = append(t.series.Codes, -1)
			continue
		}
		text, short := values[i].Words()
		if !short {
			t.add(values[i].Text())
			continue
		}
		// Most texts of a categorical column were seen a moment ago.
		r := &t.recent[(text[0]^text[1]*0x9e3779b97f4a7c15)*0xbf58476d1ce4e5b9>>56]
		if r.above > 0 && r.text == text {
			t.series.Codes = append(t.series.Codes, r.above-1)
			t.counts[r.above-1]++
			continue
		}
		if code := t.add(values[i].Text()); code >= 0 {
			*r = recentCode{text, code + 1}
		}
	}
}

// add appends a value and returns its code, -1 where it is missing. text is not kept.
func (t *textReader) add(text string) int32 {
	if text = t.value(text); text == "" {
		t.series.Codes = append(t.series.Codes, -1)
		return -1
	}
	code, ok := t.index[text]
	if !ok {
		code = int32(len(t.series.Dict))
		text = strings.Clone(text)
		t.series.Dict = append(t.series.Dict, text)
		t.counts = append(t.counts, 0)
		t.index[text] = code
	}
	t.series.Codes = append(t.series.Codes, code)
	t.counts[code]++
	return code
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

func (t *textReader) finish(*origin) (*Series, bool, error) { return t.series, false, nil }

func (t *textReader) cut(*origin) *Series {
	clear(t.recent[:]) // codes are those of a block
	out := t.series
	t.before += len(out.Codes)
	t.series = &Series{Name: out.Name, Kind: Text, SQL: out.SQL, Codes: make([]int32, 0, len(out.Codes))}
	if t.carried {
		t.series.Dict = make([]string, 0, len(out.Dict))
	}
	t.counts = t.counts[:0]
	clear(t.index)
	return out
}

func (t *textReader) end(*origin) error { return nil }

// tally counts what the values could be.
func (t *textReader) tally() *tally {
	out := new(tally)
	for i, text := range t.series.Dict {
		out.add(text, t.counts[i])
	}
	return out
}

// missingNumber is what stands for a missing value among numbers.
var missingNumber = math.NaN()

// misfits are the values that do not fit the type of their column.
type misfits struct {
	count int
	first string
	row   int // of the first, in what is read
}

func (m *misfits) add(text string, row int) {
	if m.count == 0 {
		m.first, m.row = strings.Clone(text), row
	}
	m.count++
}

// valueReader takes a column of texts out of chunks that are all values of a type: numbers, truth values, dates.
type valueReader[T float64 | int64] struct {
	texts
	series  *Series
	values  *[]T // of the series
	missing T
	parse   func(text string) (T, bool)
	before  int // rows of earlier blocks
	misfits misfits
	// explain makes the error about the misfits.
	explain func(from *origin, m *misfits) error
	note    func() *Note // on how the values are written
}

func (r *valueReader[T]) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[duck.String](c, column)
	out := *r.values
	for i := range values {
		v := r.missing
		if mask.Valid(i) {
			if text := r.value(values[i].Text()); text != "" {
				parsed, ok := r.parse(text)
				if ok {
					v = parsed + 0 // a zero has no sign
				} else {
					r.misfits.add(text, r.before+len(out))
				}
			}
		}
		out = append(out, v)
	}
	*r.values = out
}

func (r *valueReader[T]) finish(from *origin) (*Series, bool, error) {
	if r.misfits.count > 0 {
		return nil, false, r.explain(from, &r.misfits)
	}
	if r.note != nil {
		r.series.told = r.note()
	}
	return r.series, false, nil
}

func (r *valueReader[T]) cut(*origin) *Series {
	out := *r.series
	r.before += len(*r.values)
	*r.values = make([]T, 0, len(*r.values))
	if r.misfits.count > 0 {
		return nil
	}
	return &out
}

func (r *valueReader[T]) end(from *origin) error {
	_, _, err := r.finish(from)
	return err
}

// newNumberText returns the reader of numbers in a notation.
func newNumberText(name string, null map[string]bool, style notation.Style) *valueReader[float64] {
	r := &valueReader[float64]{texts: texts{name, null}, series: &Series{Name: name, Kind: Numeric, Style: style}, missing: missingNumber}
	r.values = &r.series.Floats
	if r.parse = style.Parse; style == (notation.Style{}) {
		r.parse = notation.Number
	}
	return r
}

// newBooleanText returns the reader of true and false; where it was inferred, of these words alone.
func newBooleanText(name string, null map[string]bool, inferred bool) *valueReader[float64] {
	r := &valueReader[float64]{texts: texts{name, null}, series: &Series{Name: name, Kind: Boolean}, missing: missingNumber}
	r.values = &r.series.Floats
	var ways []spelling
	r.parse = func(text string) (float64, bool) {
		v, ok := notation.Bool(text)
		if !ok || inferred && !notation.TrueFalse(text) {
			return 0, false
		}
		i := slices.IndexFunc(ways, func(w spelling) bool { return w.text == text })
		if i < 0 {
			i = len(ways)
			ways = append(ways, spelling{text: strings.Clone(text)})
		}
		if ways[i].rows++; v {
			return 1, true
		}
		return 0, true
	}
	r.note = func() *Note { return booleanNote(name, ways) }
	return r
}

// newDateText returns the reader of dates written in a layout.
func newDateText(name string, null map[string]bool, layout notation.Layout) *valueReader[int64] {
	r := &valueReader[int64]{texts: texts{name, null}, series: &Series{Name: name, Kind: Date, Layout: layout.Go()}, missing: MissingDate}
	r.values, r.parse = &r.series.Micros, layout.Parse
	return r
}

// decode replaces codes by what they stand for.
func decode[T any](codes []int32, values []T, missing T) []T {
	out := slices.Repeat([]T{missing}, len(codes))
	for i, c := range codes {
		if c >= 0 {
			out[i] = values[c]
		}
	}
	return out
}
