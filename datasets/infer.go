package datasets

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
)

const (
	// sampleValues present values decide whether a text column is read as
	// numbers; one that turns out otherwise is read a second time.
	sampleValues = 4096
	// numberShare of the values must be numbers for the rest to be mistakes
	// and not categories.
	numberShare = 0.95
	// markedShare is the same where all the rest look like marks of missing
	// values.
	markedShare = 0.5
	// keptBadValues bounds the distinct values remembered for messages.
	keptBadValues = 5
)

// textColumn builds a series from the texts of a column. While sampling, and
// for categories, it keeps codes into a dictionary; once the sample says that
// the values are numbers it parses them as they come, because a dictionary of
// distinct numbers would be as large as the column.
type textColumn struct {
	name     string
	declared string // one of the Type constants
	infer    bool   // decide the type by the values (else auto means text)
	null     map[string]bool

	numbers bool // parsing as numbers
	series  *Series
	index   map[string]int32
	counts  []int // of dictionary entries

	present int
	bad     badValues // values that are not numbers, while numbers
	wideness

	// learned columns are of a type that training found; their dates are
	// written in layout, or year first when that is "".
	learned bool
	layout  string
	applied bool                 // as in readOptions
	place   func(row int) string // names a row; nil: the origin does

	cuts // where the column is read in blocks
	// carried columns are only written out again: no dictionary of values that
	// hardly repeat is made.
	carried bool
}

// badValues collects what does not fit the type of a column.
type badValues struct {
	count     int
	unmarked  int      // of count, those that are no mark of a missing value
	commas    int      // of count, those that are numbers with a decimal comma
	examples  []string // distinct, in order of appearance
	overflown bool     // more distinct values than kept
}

func (b *badValues) add(text string, n int) {
	b.count += n
	if !isMissingMark(text) {
		b.unmarked += n
	}
	if decimalComma(text) {
		b.commas += n
	}
	for _, e := range b.examples {
		if e == text {
			return
		}
	}
	if len(b.examples) == keptBadValues {
		b.overflown = true
		return
	}
	b.examples = append(b.examples, strings.Clone(text))
}

// mistakes reports whether so many of all present values fit that the rest
// must be mistakes.
func (b *badValues) mistakes(present int) bool {
	good := float64(present - b.count)
	return good >= numberShare*float64(present) || b.unmarked == 0 && good >= markedShare*float64(present)
}

// decimalCommas reports whether nearly all values are numbers, once decimal
// commas are understood.
func (b *badValues) decimalCommas(present int) bool {
	return b.commas > 0 && float64(present-b.count+b.commas) >= numberShare*float64(present)
}

func newTextColumn(name, declared string, infer bool, null map[string]bool) *textColumn {
	t := &textColumn{name: name, declared: declared, infer: infer, null: null,
		series: &Series{Name: name, Kind: Text}, index: map[string]int32{}}
	if declared == TypeNumeric {
		t.toNumbers()
	}
	return t
}

// value returns a text without the space around it, "" where it is a missing value.
func (t *textColumn) value(text string) string {
	if text = strings.TrimSpace(text); t.null[text] {
		return ""
	}
	return text
}

// add appends a value. text is not kept.
func (t *textColumn) add(text string, valid bool) {
	if valid {
		text = t.value(text)
		valid = text != ""
	}
	if !valid {
		if t.numbers {
			t.series.Floats = append(t.series.Floats, math.NaN())
		} else {
			t.series.Codes = append(t.series.Codes, -1)
		}
		return
	}
	t.present++
	if t.numbers {
		v, ok := parseNumber(text)
		if !ok {
			v = math.NaN()
			t.bad.add(text, 1)
		} else {
			t.text(v, text)
		}
		t.series.Floats = append(t.series.Floats, v)
		return
	}
	code, ok := t.index[text]
	if !ok {
		code = int32(len(t.series.Dict))
		text = strings.Clone(text)
		t.series.Dict = append(t.series.Dict, text)
		t.counts = append(t.counts, 0)
		t.index[text] = code
	}
	t.code(code)
}

// code appends a present value by its code.
func (t *textColumn) code(code int32) {
	t.series.Codes = append(t.series.Codes, code)
	t.counts[code]++
	if t.present == sampleValues && t.infer && t.declared == TypeAuto && t.mostlyNumbers() {
		t.toNumbers()
	}
}

func (t *textColumn) mostlyNumbers() bool {
	good := 0
	for i, text := range t.series.Dict {
		if _, ok := parseNumber(text); ok {
			good += t.counts[i]
		}
	}
	return float64(good) >= markedShare*float64(t.present)
}

// toNumbers turns what has been read so far into numbers.
func (t *textColumn) toNumbers() {
	values := make([]float64, len(t.series.Dict))
	for i, text := range t.series.Dict {
		v, ok := parseNumber(text)
		if !ok {
			v = math.NaN()
			t.bad.add(text, t.counts[i])
		} else {
			t.text(v, text)
		}
		values[i] = v
	}
	t.numbers = true
	t.series = &Series{Name: t.name, Kind: Numeric, Floats: decode(t.series.Codes, values, math.NaN())}
	t.index, t.counts = nil, nil
}

func decode[T any](codes []int32, values []T, missing T) []T {
	out := make([]T, len(codes))
	for i, c := range codes {
		if c < 0 {
			out[i] = missing
		} else {
			out[i] = values[c]
		}
	}
	return out
}

// finish decides the type, and notes spellings that a person should know of.
// reread means that the column was taken for numbers but is text, and has to be
// read once more as TypeCategorical.
func (t *textColumn) finish(from *origin) (s *Series, reread bool, err error) {
	s, reread, err = t.decide(from)
	if err == nil && !reread && !t.learned && t.declared != TypeText && s.note == "" {
		s.note = t.spellings(s)
	}
	return s, reread, err
}

func (t *textColumn) decide(from *origin) (s *Series, reread bool, err error) {
	if t.numbers {
		switch {
		case t.declared == TypeAuto && t.ids():
			return nil, true, nil
		case t.bad.count == 0:
			return t.series, false, nil
		case t.applied && t.bad.decimalCommas(t.present):
			return nil, false, t.commaNumbers(from)
		case t.declared == TypeNumeric || t.bad.mistakes(t.present):
			return nil, false, t.notNumbers(from)
		case t.bad.decimalCommas(t.present):
			return nil, false, t.commaNumbers(from)
		default:
			return nil, true, nil
		}
	}
	switch t.declared {
	case TypeBoolean:
		return t.booleans(from)
	case TypeDate:
		return t.dates(from)
	case TypeCategorical:
		return t.series, false, nil
	}
	if t.declared != TypeAuto || t.present == 0 {
		return t.series, false, nil
	}
	for i, text := range t.series.Dict {
		if _, ok := parseNumber(text); !ok {
			t.bad.add(text, t.counts[i])
		}
	}
	bad := t.bad
	t.bad = badValues{} // toNumbers counts again
	if bad.decimalCommas(t.present) {
		return nil, false, t.commaNumbers(from)
	}
	if !t.infer {
		// Text by the type of the file: that stands, unless all but a few values
		// are numbers, which made a column of numbers text.
		if bad.count > 0 && bad.mistakes(t.present) {
			t.bad = bad
			return nil, false, t.notNumbers(from)
		}
		return t.series, false, nil
	}
	if t.mostlyNumbers() {
		text := *t
		t.toNumbers()
		if t.ids() {
			return text.series, false, nil
		}
		if t.bad.count == 0 {
			return t.series, false, nil
		}
		if t.bad.mistakes(t.present) {
			return nil, false, t.notNumbers(from)
		}
		return text.series, false, nil
	}
	words := 0
	for i, text := range t.series.Dict {
		if strictBool(text) {
			words += t.counts[i]
		}
	}
	if words == t.present {
		return t.booleans(from)
	}
	if layout, fits := bestLayout(t.series.Dict, t.counts); float64(fits) >= numberShare*float64(t.present) {
		return t.datesIn(layout, from)
	}
	return t.series, false, nil
}

func (t *textColumn) booleans(from *origin) (*Series, bool, error) {
	values := make([]float64, len(t.series.Dict))
	for i, text := range t.series.Dict {
		v, ok := parseBool(text)
		if !ok {
			return nil, false, t.misfit(from, text, "is neither true nor false", t.remedy(text))
		}
		if v {
			values[i] = 1
		}
	}
	return &Series{Name: t.name, Kind: Boolean, Floats: decode(t.series.Codes, values, math.NaN())}, false, nil
}

func (t *textColumn) dates(from *origin) (*Series, bool, error) {
	layout := t.layout
	switch {
	case !t.learned:
		layout, _ = bestLayout(t.series.Dict, t.counts)
	case layout == "":
		layout, _ = bestOf(dateLayouts[:yearFirstLayouts], t.series.Dict, t.counts)
	}
	return t.datesIn(layout, from)
}

func (t *textColumn) datesIn(layout string, from *origin) (*Series, bool, error) {
	values := make([]int64, len(t.series.Dict))
	for i, text := range t.series.Dict {
		v, ok := parseDate(layout, text)
		if !ok {
			return nil, false, t.noDate(from, layout, t.before+t.row(text), text)
		}
		values[i] = v
	}
	s := &Series{Name: t.name, Kind: Date, layout: layout, Micros: decode(t.series.Codes, values, MissingDate)}
	if other := otherReading(layout, t.series.Dict); !t.learned && other != "" {
		s.note = fmt.Sprintf("column %s: its dates fit both %s and %s; they are read as %s. If that is wrong, convert them: query: SELECT * REPLACE (strptime(%s, '%s') AS %s) FROM data",
			quote(t.name), layoutName(layout), layoutName(other), layoutName(layout), duck.Name(t.name), strptimeFormat(other), duck.Name(t.name))
	}
	return s, false, nil
}

// noDate describes a value that is no date in the layout of its column.
func (t *textColumn) noDate(from *origin, layout string, row int, text string) error {
	problem, like := "is not a date", "; dates look like 2026-01-31 or 2026-01-31 12:30:00"
	switch {
	case t.layout != "":
		problem, like = "is not a date written "+layoutName(layout)+" like those the model was trained on", ""
	case layout != "":
		problem, like = "is not a date written "+layoutName(layout)+" like the others of the column", ""
	}
	return t.misfitAt(from, row, text, problem, t.remedy(text)+like)
}

// remedy says what can be done about a single value.
func (t *textColumn) remedy(text string) string {
	if t.applied {
		return fmt.Sprintf("correct it in the file, or, if it stands for a missing value, pass --null %s; to accept such values, train the model again", quote(shorten(text, 40)))
	}
	return "correct it, list it under null, or set the column's type to categorical"
}

// notNumbers describes the first value that is not a number.
func (t *textColumn) notNumbers(from *origin) error {
	first := t.bad.examples[0]
	problem := "is not a number"
	if _, err := strconv.ParseFloat(first, 64); plainNumber(first) && errors.Is(err, strconv.ErrRange) {
		problem = "is out of range: numbers reach up to 1.8e308"
	}
	if strings.Contains(strings.ToLower(first), "nan") || strings.Contains(strings.ToLower(first), "inf") {
		problem = "is not a finite number"
	}
	if t.bad.count > 1 {
		problem += fmt.Sprintf(" (nor are %d other values of the column)", t.bad.count-1)
	}
	if t.applied {
		return t.misfit(from, first, problem, t.remedy(first))
	}
	remedy := "correct it, or set the column's type to categorical"
	if comma := strings.Replace(first, ",", ".", 1); comma != first {
		if _, ok := parseNumber(comma); ok {
			remedy = `write a decimal point, not a comma, or set the column's type to categorical`
		}
	}
	if !t.bad.overflown {
		remedy = fmt.Sprintf("if it stands for a missing value, list it: null: [%s]; otherwise %s", list(t.bad.examples, keptBadValues), remedy)
	}
	return t.misfit(from, first, problem, remedy)
}

// commaNumbers describes the first number with a decimal comma.
func (t *textColumn) commaNumbers(from *origin) error {
	name := duck.Name(t.name)
	remedy := "convert the column: " + querySetting(t.applied, fmt.Sprintf("SELECT * REPLACE (CAST(replace(%s, ',', '.') AS DOUBLE) AS %s) FROM data", name, name))
	if !t.applied {
		remedy += "; or set its type to categorical"
	}
	first := ""
	place, text := from.find(t.name, decimalComma)
	if first = text; text == "" {
		for _, v := range append(slices.Clone(t.series.Dict), t.bad.examples...) {
			if decimalComma(v) {
				first = v
				break
			}
		}
		if row := t.row(first); row >= 0 {
			place = t.rowPlace(from, t.before+row)
		}
	}
	return &ValueError{Place: place, Column: t.name, Value: first, Problem: "is a number with a decimal comma, as nearly all values of the column", Remedy: remedy}
}

// row returns the first row that holds text, -1 when that is not known.
func (t *textColumn) row(text string) int {
	if code := slices.Index(t.series.Dict, text); code >= 0 {
		return slices.Index(t.series.Codes, int32(code))
	}
	return -1
}

func (t *textColumn) rowPlace(from *origin, row int) string {
	if t.place != nil {
		return t.place(row)
	}
	return from.rowPlace(row)
}

func (t *textColumn) misfit(from *origin, text, problem, remedy string) error {
	row := t.row(text)
	if row >= 0 {
		row += t.before
	}
	return t.misfitAt(from, row, text, problem, remedy)
}

// misfitAt is misfit with the row of the value among all rows, -1 when that is
// not known.
func (t *textColumn) misfitAt(from *origin, row int, text, problem, remedy string) error {
	place, found := from.find(t.name, func(s string) bool { return s == text })
	if found == "" && row >= 0 {
		place = t.rowPlace(from, row)
	}
	return &ValueError{Place: place, Column: t.name, Value: text, Problem: problem, Remedy: remedy}
}
