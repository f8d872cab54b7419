package encoding

import (
	"debut/datasets/notation"
	"debut/datasets/table"
)

// compiled is an encoder made ready to be applied: what would otherwise be
// counted or looked up anew for every block of rows. What Encode spends on a
// block depends on the block, not on vocabularies or numbers of features.
type compiled struct {
	numeric, fields int
	lists           int              // places of lists
	columns         []compiledColumn // as Encoder.Columns
	classes         classIndex
}

// compiledColumn is what a categorical column looks up.
type compiledColumn struct {
	ids     map[string]int32 // of the vocabulary; nil where values are hashed
	missing int32            // the id of a missing value
}

// classIndex finds the class of a value of the target.
type classIndex struct {
	texts    map[string]int
	numbers  map[float64]int // of a numeric target
	booleans map[bool]int    // of a boolean one
}

// compile prepares the encoder, once. The encoder must not be changed after it
// was used.
func (e *Encoder) compile() *compiled {
	e.once.Do(func() {
		c := &compiled{columns: make([]compiledColumn, len(e.Columns)), classes: indexClasses(&e.Target)}
		for i := range e.Columns {
			column := &e.Columns[i]
			c.numeric += column.numeric()
			if column.categorical() {
				c.fields++
			}
			if column.Type == table.TypeCategorical || column.Type == table.TypeList {
				c.columns[i] = column.compile()
			}
			c.lists += column.Length
		}
		e.compiled = c
	})
	return e.compiled
}

func (c *ColumnEncoding) compile() compiledColumn {
	out := compiledColumn{missing: c.MissingID}
	if c.HashBuckets == 0 {
		out.ids = make(map[string]int32, len(c.Vocabulary))
		for i, v := range c.Vocabulary {
			out.ids[v] = int32(i) + 1
		}
		notation.IndexCategories(out.ids, c.Vocabulary)
	}
	if c.Fill != FillCategory && c.Type != table.TypeList {
		out.missing = c.id(&out, c.FillText)
	}
	return out
}

// id returns the id of a category, 0 for an unknown one.
func (c *ColumnEncoding) id(by *compiledColumn, text string) int32 {
	if c.HashBuckets > 0 {
		if c.Whole {
			text = notation.Category(text)
		}
		return hashID(text, c.HashBuckets)
	}
	id, _ := notation.FindCategory(by.ids, text)
	return id
}

func indexClasses(t *TargetEncoding) classIndex {
	x := classIndex{texts: make(map[string]int, len(t.Classes))}
	for i := len(t.Classes) - 1; i >= 0; i-- { // the first of equal ones stays
		c := t.Classes[i]
		x.texts[c] = i
		switch t.Type {
		case table.TypeBoolean:
			if v, ok := notation.Bool(c); ok {
				if x.booleans == nil {
					x.booleans = map[bool]int{}
				}
				x.booleans[v] = i
			}
		case table.TypeNumeric:
			if v, ok := notation.Number(c); ok {
				if x.numbers == nil {
					x.numbers = map[float64]int{}
				}
				x.numbers[v] = i
			}
		}
	}
	if t.Type == table.TypeCategorical {
		notation.IndexCategories(x.texts, t.Classes)
	}
	return x
}

// class returns the index of a class, -1 when there is none. Spellings of the
// same truth value or number are the same class, because a file of a single
// class, or of another format, may be typed otherwise.
func (x *classIndex) class(text string) int {
	if i, ok := notation.FindCategory(x.texts, text); ok {
		return i
	}
	if x.booleans != nil {
		if v, ok := notation.Bool(text); ok {
			if i, ok := x.booleans[v]; ok {
				return i
			}
		}
	}
	if x.numbers != nil {
		if v, ok := notation.Number(text); ok {
			if i, ok := x.numbers[v]; ok {
				return i
			}
		}
	}
	return -1
}
