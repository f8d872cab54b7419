package table

import (
	"math"
	"slices"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
)

// finished is a column as its reader leaves it.
type finished struct {
	series *Series
	reread bool
}

// columnReader takes one column out of chunks.
type columnReader interface {
	read(c *duck.Chunk, column int)
	finish(from *origin) (s *Series, reread bool, err error)
}

// newReader returns the reader for column i and the SQL that casts it to what
// the reader expects: numbers, booleans, timestamps or text.
func (r *relation) newReader(db *duck.DB, i int, declared string, p *plan) (columnReader, string, error) {
	name, column := r.names[i], duck.Name(r.columns[i].Name)
	wrong := notFinite{missing: infiniteOf(r.null)}
	if reader, sql := r.vectorReader(i, declared); reader != nil {
		return reader, sql, nil
	}
	if sql := r.listSQL(i, declared); sql != "" {
		return newTextReader(name, r.null), sql, nil
	}
	switch kindOf(r.columns[i].Type) {
	case Numeric:
		t := r.columns[i].Type
		switch declared {
		case TypeAuto, TypeNumeric:
			return &numberReader{series: &Series{Name: name, Kind: Numeric}, auto: declared == TypeAuto, floating: isFloating(t), wrong: wrong}, "CAST(" + column + " AS DOUBLE)", nil
		case TypeCategorical, TypeText, TypeList:
			if isFloating(t) {
				// Formatted in Go: 1, not 1.0.
				return &numberReader{series: &Series{Name: name, Kind: Numeric}, asText: true, wrong: wrong}, "CAST(" + column + " AS DOUBLE)", nil
			}
			reader := newTextReader(name, r.null)
			if isWhole(t) && !r.fromTexts() {
				reader.series.SQL = sqlWhole
			}
			return reader, exactText(column, t), nil
		}
	case Boolean:
		if declared == TypeAuto || declared == TypeBoolean {
			return &booleanReader{series: &Series{Name: name, Kind: Boolean}}, column, nil
		}
		if declared == TypeNumeric {
			return &numberReader{series: &Series{Name: name, Kind: Numeric}}, "CAST(" + column + " AS DOUBLE)", nil
		}
	case Date:
		if declared == TypeAuto || declared == TypeDate {
			// A time with a zone becomes its UTC reading.
			return &dateReader{series: &Series{Name: name, Kind: Date}}, "make_timestamp(epoch_us(" + column + "))", nil
		}
	}
	if r.columns[i].JSON {
		return &jsonReader{textReader: newTextReader(name, r.null), refuse: func() error { return r.nested(i, nestedJSON) }}, r.textSQL(i), nil
	}
	if r.byText(i, declared) {
		return r.textual(db, i, declared, p)
	}
	return newTextReader(name, r.null), r.textSQL(i), nil
}

// kindOf sorts DuckDB's types into kinds; what is not listed is read as text.
func kindOf(t mapping.Type) Kind {
	switch t {
	case mapping.TypeBoolean:
		return Boolean
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt,
		mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger, mapping.TypeUBigInt,
		mapping.TypeHugeInt, mapping.TypeUHugeInt, mapping.TypeFloat, mapping.TypeDouble, mapping.TypeDecimal:
		return Numeric
	case mapping.TypeDate, mapping.TypeTimestamp, mapping.TypeTimestampS, mapping.TypeTimestampMS,
		mapping.TypeTimestampNS, mapping.TypeTimestampTZ:
		return Date
	}
	return Text
}

// carriedReader returns the reader of column i as it is written, whatever else it is read as.
func (r *relation) carriedReader(i int) (columnReader, string) {
	t := r.columns[i].Type
	reader := newTextReader(r.names[i], r.null)
	reader.carried = true
	if !r.fromTexts() {
		switch kind := kindOf(t); {
		case isWhole(t):
			reader.series.SQL = sqlWhole
		case isFloating(t):
			reader.series.SQL = sqlFloating
		case kind == Boolean:
			reader.series.SQL = sqlBoolean
		case t == mapping.TypeDate:
			reader.series.SQL = sqlDate
		case kind == Date && t != mapping.TypeTimestampTZ:
			reader.series.SQL = sqlTimestamp
		}
	}
	if kindOf(t) == Numeric {
		return reader, exactText(duck.Name(r.columns[i].Name), t)
	}
	return reader, r.textSQL(i)
}

// Types of TypedTexts.
const (
	sqlWhole     = "BIGINT"
	sqlFloating  = "DOUBLE"
	sqlBoolean   = "BOOLEAN"
	sqlDate      = "DATE"
	sqlTimestamp = "TIMESTAMP"
)

// isWhole reports a type of whole numbers that fit 64 bits with a sign.
func isWhole(t mapping.Type) bool {
	switch t {
	case mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt, mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger:
		return true
	}
	return false
}

// fromTexts reports whether a file has no types, so that those of a query over it follow from its values.
func (r *relation) fromTexts() bool {
	return r.untyped || slices.ContainsFunc(r.tables, func(t *relation) bool { return t.untyped })
}

func isFloating(t mapping.Type) bool {
	return t == mapping.TypeFloat || t == mapping.TypeDouble
}

type numberReader struct {
	series   *Series
	asText   bool
	auto     bool // the type follows from the values
	floating bool // the file has floating-point numbers
	wrong    notFinite
	wideness
}

func (r *numberReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[float64](c, column)
	n := len(r.series.Floats)
	r.series.Floats = append(r.series.Floats, values...)
	for i, v := range r.series.Floats[n:] {
		switch {
		case !mask.Valid(i):
			r.series.Floats[n+i] = math.NaN()
		case v-v != 0: // NaN or infinite
			r.wrong.add(v, n+i)
			r.series.Floats[n+i] = math.NaN()
		default:
			r.series.Floats[n+i] = v + 0 // a zero has no sign
			if r.auto {
				r.value(v)
			}
		}
	}
}

func (r *numberReader) finish(from *origin) (*Series, bool, error) {
	if err := r.wrong.err(r.series.Name, from); err != nil {
		return r.series, false, err
	}
	switch {
	case r.asText:
		return r.series.Texts(), false, nil
	case r.ids() && !r.floating:
		return nil, true, nil
	case r.ids():
		r.series.told = lostNote()
	}
	return r.series, false, nil
}

type booleanReader struct{ series *Series }

func (r *booleanReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[uint8](c, column)
	for i, v := range values {
		f := math.NaN()
		if mask.Valid(i) {
			f = 0
			if v != 0 {
				f = 1
			}
		}
		r.series.Floats = append(r.series.Floats, f)
	}
}

func (r *booleanReader) finish(*origin) (*Series, bool, error) { return r.series, false, nil }

type dateReader struct{ series *Series }

func (r *dateReader) read(c *duck.Chunk, column int) {
	values, mask := duck.Vector[int64](c, column)
	for i, v := range values {
		if !mask.Valid(i) {
			v = MissingDate
		}
		r.series.Micros = append(r.series.Micros, v)
	}
}

func (r *dateReader) finish(*origin) (*Series, bool, error) { return r.series, false, nil }
