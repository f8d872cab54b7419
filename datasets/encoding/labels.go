package encoding

import (
	"maps"
	"slices"
	"strings"

	"debut/datasets/notation"
	"debut/datasets/table"
)

// Labels are the ids of a column's texts as a list, for what cannot call the encoder.
type Labels struct {
	Texts []string
	IDs   []int32 // of each of them; every other text has the id 0
	// Missing is the id of a missing value.
	Missing int32
}

// Labels returns the ids of the texts of a column of categories, by its place among Columns. A whole number is there with a fraction of
// zero, too, as floating point writes it. Without a vocabulary, of values that are hashed, the list is empty.
func (e *Encoder) Labels(column int) Labels {
	by, c := &e.compile().columns[column], &e.Columns[column]
	l := Labels{Missing: by.missing}
	seen := make(map[string]bool, len(by.ids))
	add := func(text string, id int32) {
		if !seen[text] && text != "" { // which is a missing value
			seen[text] = true
			l.Texts, l.IDs = append(l.Texts, text), append(l.IDs, id)
		}
	}
	for _, text := range c.Vocabulary {
		add(text, by.ids[text])
	}
	for _, text := range slices.Sorted(maps.Keys(by.ids)) {
		add(text, by.ids[text])
	}
	for _, text := range slices.Clone(l.Texts) {
		if whole := strings.Trim(text, "-0123456789") == ""; whole {
			if id, ok := notation.FindCategory(by.ids, text+".0"); ok {
				add(text+".0", id)
			}
		}
	}
	return l
}

// Typed returns a frame with the columns of the features in the kinds that the encoder learned, as Encode takes them.
func (e *Encoder) Typed(f *table.Frame) (*table.Frame, error) {
	if err := e.CheckColumns(f, false); err != nil {
		return nil, err
	}
	out := *f
	out.Columns = slices.Clone(f.Columns)
	for i := range e.Columns {
		c := &e.Columns[i]
		at := slices.IndexFunc(out.Columns, func(s *table.Series) bool { return s.Name == c.Name })
		s, err := c.convert(f, out.Columns[at])
		if err != nil {
			return nil, err
		}
		out.Columns[at] = s
	}
	return &out, nil
}

// Example makes up rows: of numbers and dates what replaces missing ones, of categories the most frequent first, and in the last row
// nothing.
func (e *Encoder) Example(rows int) *table.Frame {
	f, _ := e.complete(&table.Frame{Rows: rows})
	for i := range e.Columns {
		c, s := &e.Columns[i], f.Column(e.Columns[i].Name)
		for r := range rows - 1 {
			switch c.Type {
			case table.TypeList:
				if n := len(c.Vocabulary); n > 0 {
					s.Dict = c.Vocabulary[:min(n, rows)]
					s.Codes[r] = int32(r % len(s.Dict))
				}
			case table.TypeCategorical:
				if n := len(c.Vocabulary); n > 0 {
					s.Dict = c.Vocabulary[:min(n, rows)]
					s.Codes[r] = int32(r % len(s.Dict))
				}
			case table.TypeDate:
				s.Micros[r] = c.FillMicros
			case table.TypeNumeric, table.TypeBoolean:
				s.Floats[r] = c.FillNumber
			}
		}
	}
	return f
}
