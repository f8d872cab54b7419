package table

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// typeSample is how many first rows of a table are looked at to guess what its columns of texts are.
const typeSample = 2048

// surveyor counts what the values of a column of texts could be as chunks come by.
type surveyor struct {
	texts
	tally
	recent [256]surveyed
	// strange says that DuckDB may understand a text otherwise: there are blanks around it.
	strange bool
	padded  padding
}

// padding is what is known of values with blanks around them.
type padding struct {
	rows  int
	first string
}

func (p *padding) add(text string, n int) {
	if p.rows == 0 {
		p.first = strings.Clone(text)
	}
	p.rows += n
}

// surveyed is a text as DuckDB has it in place, and how often it was met since it was counted last.
type surveyed struct {
	text  [2]uint64
	n     int
	known bool
}

func newSurveyor(name string, null map[string]bool) *surveyor {
	return &surveyor{texts: texts{name, null}}
}

func (s *surveyor) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[duck.String](c, column)
	for i := range values {
		if !mask.Valid(i) {
			continue
		}
		text, short := values[i].Words()
		if !short {
			s.count(values[i].Text(), 1)
			continue
		}
		// Most texts of a categorical column were seen a moment ago.
		r := &s.recent[(text[0]^text[1]*0x9e3779b97f4a7c15)*0xbf58476d1ce4e5b9>>56]
		if r.known && r.text == text {
			r.n++
			continue
		}
		s.settle(r)
		s.count(values[i].Text(), 1) // so that what is remembered of values is in the order of the rows
		*r = surveyed{text: text, known: true}
	}
}

func (s *surveyor) settle(r *surveyed) {
	if r.n > 0 {
		text := duck.FromWords(r.text)
		s.count(text.Text(), r.n)
	}
}

// count counts a text as it is in the file.
func (s *surveyor) count(raw string, n int) {
	text := s.value(raw)
	if text != raw {
		s.strange = true
		if text != "" {
			s.padded.add(raw, n)
		}
	}
	if text != "" {
		s.add(text, n)
	}
}

func (s *surveyor) finish(*origin) (*Series, bool, error) {
	for i := range s.recent {
		s.settle(&s.recent[i])
		s.recent[i].n = 0
	}
	return nil, false, nil
}

// settled is what a column of texts is read as, and why.
type settled struct {
	Reading
	fault  fault
	tally  *tally
	padded padding
	// misfits are all distinct values that the fault is about, where they are known and few.
	misfits []string
	rows    int // looked at
}

// survey looks at all rows of columns of texts, or at the first so many where most is not 0, and decides what they are.
// types are declared ones, as Type constants.
func (r *relation) survey(ctx context.Context, db *duck.DB, indexes []int, types []string, most int) (map[int]*settled, error) {
	if len(indexes) == 0 {
		return nil, nil
	}
	surveyors, items := make([]*surveyor, len(indexes)), make([]string, len(indexes))
	for k, i := range indexes {
		surveyors[k], items[k] = newSurveyor(r.names[i], r.null), r.textSQL(i)
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM " + r.sql
	if most > 0 {
		sql += fmt.Sprintf(" LIMIT %d", most)
	}
	rows := 0
	err := db.Stream(ctx, sql, func(c *duck.Chunk) error {
		rows += c.Rows
		for k, s := range surveyors {
			s.read(c, k)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[int]*settled{}
	for k, i := range indexes {
		s := surveyors[k]
		if _, _, err := s.finish(r.origin); err != nil {
			return nil, err
		}
		d := &settled{tally: &s.tally, padded: s.padded, rows: rows}
		d.Reading, d.fault = s.decide(types[i], r.rulesOf(i))
		d.odd = d.odd || s.strange
		out[i] = d
	}
	return out, nil
}

// rulesOf returns what is known about the texts of column i.
func (r *relation) rulesOf(i int) rules {
	style := cmp.Or(r.style, r.styles[r.names[i]])
	if learned, ok := r.options.Styles[r.names[i]]; ok && style == (notation.Style{}) {
		style = learned
	}
	return rules{style: style, learned: r.learnedNumbers(i), layout: r.layouts[r.names[i]], yearFirst: r.options.Learned && !r.leftOut(r.names[i]), from: r.inference(i)}
}

// leftOut reports a column that nothing is made of.
func (r *relation) leftOut(name string) bool {
	t, ok := r.options.Types[name]
	if !ok {
		t = r.options.Types[OtherColumns]
	}
	return t == TypeIgnore
}

// inference says how much the texts of column i tell.
func (r *relation) inference(i int) inference {
	switch {
	case r.origin.query && r.seen[r.names[i]]:
		return inferNothing
	case r.origin.query:
		return inferMistake
	case r.untyped:
		return inferAll
	case r.format == "json" && !r.wide[r.names[i]]:
		return inferDates
	}
	return inferNothing
}

// isText reports whether column i holds single texts.
func (r *relation) isText(i int) bool {
	return kindOf(r.columns[i].Type) == Text && nestedKinds[r.columns[i].Type] == "" && !r.columns[i].JSON
}

// byText reports whether the values of column i, declared to be of a type, are read by how they are written: texts, and
// what has another type than that.
func (r *relation) byText(i int, declared string) bool {
	switch kindOf(r.columns[i].Type) {
	case Numeric:
		return declared == TypeBoolean || declared == TypeDate
	case Boolean:
		return declared == TypeDate
	case Date:
		return declared == TypeNumeric || declared == TypeBoolean
	}
	return r.isText(i)
}

// textSQL is column i as text.
func (r *relation) textSQL(i int) string {
	text := "CAST(" + duck.Name(r.columns[i].Name) + " AS VARCHAR)"
	if isFloating(r.columns[i].Type) {
		return "regexp_replace(" + text + `, '\.0$', '')` // 1, not 1.0
	}
	return text
}
