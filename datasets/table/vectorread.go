package table

import (
	"fmt"
	"math"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
)

// vectorBuilder collects the vectors of a column, all of the width of the
// first.
type vectorBuilder struct {
	series  *Series
	applied bool
	place   func(row int) string // names a row; nil: the origin does
	scratch []float32

	// The first value that does not fit.
	bad     string // why; "" when all fit
	badRow  int
	badText string
	first   int // the row of the first vector

	before int // rows of earlier blocks
}

func newVectorBuilder(name string, applied bool) *vectorBuilder {
	return &vectorBuilder{series: &Series{Name: name, Kind: Vector}, applied: applied}
}

// add appends a row; an empty vector is missing. text is the value as written,
// for messages.
func (b *vectorBuilder) add(v []float32, text string) {
	s := b.series
	present, err := checkVector(v)
	switch {
	case b.bad != "":
	case err != nil:
		b.misfit(err.Error(), text)
	case !present:
	case len(v) > MaxWidth:
		b.misfit(fmt.Sprintf("has %d numbers; a vector has at most %d", len(v), MaxWidth), text)
	case s.Width == 0:
		s.Width, b.first = len(v), len(s.Codes)
	case len(v) != s.Width:
		b.misfit(fmt.Sprintf("has %d numbers, but the first vector of the column has %d", len(v), s.Width), text)
	case len(s.Floats32)/s.Width == math.MaxInt32:
		b.misfit("is a vector too many", text)
	}
	if !present || b.bad != "" {
		s.Codes = append(s.Codes, -1)
		return
	}
	s.Codes = append(s.Codes, int32(len(s.Floats32)/s.Width))
	s.Floats32 = append(s.Floats32, v...)
}

func (b *vectorBuilder) misfit(why, text string) {
	b.bad, b.badRow, b.badText = why, b.before+len(b.series.Codes), strings.Clone(text)
}

// finish returns the column, or an error about its first misfit.
func (b *vectorBuilder) finish(from *origin) (*Series, error) {
	if b.bad == "" {
		if b.series.Width == 0 {
			b.series.Width = 1 // nothing but missing values
		}
		return b.series, nil
	}
	place := b.place
	if place == nil {
		place = from.rowPlace
	}
	remedy := "correct it, or leave the column out: set its type to ignore"
	if b.applied {
		remedy = "correct it in the file"
	}
	return nil, &ValueError{Place: place(b.badRow), Column: b.series.Name, Value: b.badText, Problem: b.bad, Remedies: []Remedy{ManualRemedy(remedy)}}
}

// listReader takes a column of lists of numbers, cast to FLOAT[] or, where
// that could overflow, to DOUBLE[].
type listReader struct {
	*vectorBuilder
	wide bool // DOUBLE[]
	// refuse, if not nil, makes the error about lists of different lengths in a
	// column that nobody called a vector.
	refuse func(difference string) error
}

func (r *listReader) read(c *duck.Chunk, column int) {
	if r.wide {
		readLists[float64](r.vectorBuilder, c, column)
	} else {
		readLists[float32](r.vectorBuilder, c, column)
	}
}

func readLists[T float32 | float64](b *vectorBuilder, c *duck.Chunk, column int) {
	entries, valid, values, elements := duck.Lists[T](c, column)
	ready, _ := any(values).([]float32) // as they are, where none is missing
	if elements != nil {
		ready = nil
	}
	for i, e := range entries {
		if ready != nil && valid.Valid(i) {
			b.add(ready[e.Offset:e.Offset+e.Length], "")
			continue
		}
		v := b.scratch[:0]
		if valid.Valid(i) {
			for k := int(e.Offset); k < int(e.Offset+e.Length); k++ {
				x := float32(math.NaN())
				if elements.Valid(k) {
					x = float32(values[k])
				}
				v = append(v, x)
			}
		}
		b.scratch = v
		b.add(v, "")
	}
}

func (r *listReader) finish(from *origin) (*Series, bool, error) {
	if r.bad != "" && r.refuse != nil {
		return nil, false, r.refuse(fmt.Sprintf("; that of row %d %s", r.badRow+1, r.bad))
	}
	s, err := r.vectorBuilder.finish(from)
	return s, false, err
}

// vectorTextReader takes a column of texts such as "[0.5, -1]".
type vectorTextReader struct {
	*vectorBuilder
	null map[string]bool
}

func (r *vectorTextReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[duck.String](c, column)
	for i := range values {
		text := ""
		if mask.Valid(i) {
			text = values[i].Text()
		}
		r.addText(text, r.null)
	}
}

// addText parses a value and appends it.
func (b *vectorBuilder) addText(text string, null map[string]bool) {
	text = strings.TrimSpace(text)
	if text == "" || null[text] {
		b.add(nil, "")
		return
	}
	v, err := parseVector(b.scratch[:0], text)
	b.scratch = v
	if err != nil {
		if b.bad == "" {
			b.misfit(err.Error(), text)
		}
		v = nil
	}
	b.add(v, text)
}

func (r *vectorTextReader) finish(from *origin) (*Series, bool, error) {
	s, err := r.vectorBuilder.finish(from)
	return s, false, err
}

// vectorReader returns the reader for column i as vectors and the SQL for it,
// nil for a column that holds none. A column not declared a vector is one if
// its type says that it holds lists of numbers.
func (r *relation) vectorReader(i int, declared string) (columnReader, string) {
	column := r.columns[i]
	name, expression := r.names[i], duck.Name(column.Name)
	if declared != TypeVector && declared != TypeAuto {
		return nil, ""
	}
	builder := newVectorBuilder(name, r.options.Applied)
	switch column.Type {
	case mapping.TypeList, mapping.TypeArray:
		if kindOf(column.Element) != Numeric {
			return nil, ""
		}
		reader := &listReader{vectorBuilder: builder, wide: column.Element != mapping.TypeFloat}
		if declared == TypeAuto {
			reader.refuse = func(difference string) error { return r.nestedWith(i, "lists", difference) }
		}
		if reader.wide {
			return reader, "CAST(" + expression + " AS DOUBLE[])"
		}
		return reader, "CAST(" + expression + " AS FLOAT[])"
	case mapping.TypeStruct, mapping.TypeMap:
		return nil, ""
	}
	if declared == TypeAuto {
		return nil, ""
	}
	sql := "CAST(" + expression + " AS VARCHAR)"
	if column.JSON {
		sql = "(" + expression + " ->> '$')" // texts without their quotes
	}
	return &vectorTextReader{vectorBuilder: builder, null: r.null}, sql
}

// Vectors turns a series of texts into Vectors, as where a file was read
// without the types of the encoder.
func (s *Series) Vectors(f *Frame) (*Series, error) {
	b := newVectorBuilder(s.Name, true)
	b.place = f.Place
	for i := range s.Codes {
		b.addText(s.Format(i), nil)
	}
	return b.finish(f.origin)
}
