package table

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"debut/datasets/notation"
)

// Kind is the type of a column's values in memory.
type Kind uint8

// The kinds of columns.
const (
	Numeric Kind = iota // Floats, NaN where missing
	Boolean             // Floats of 0 and 1, NaN where missing
	Date                // Micros, MissingDate where missing
	Text                // Codes into Dict, -1 where missing
	Vector              // Codes into the rows of Floats32, -1 where missing
)

// String returns the name of the kind as used in configurations.
func (k Kind) String() string {
	switch k {
	case Numeric:
		return TypeNumeric
	case Boolean:
		return TypeBoolean
	case Date:
		return TypeDate
	case Text:
		return TypeCategorical
	case Vector:
		return TypeVector
	}
	return "kind " + strconv.Itoa(int(k))
}

// MissingDate marks a missing value in Series.Micros.
const MissingDate = math.MinInt64

// Series is a named column. Which slice holds the values depends on Kind.
type Series struct {
	Name   string
	Kind   Kind
	Floats []float64 // Numeric, Boolean; a zero has no sign
	Micros []int64   // Date: microseconds since 1970-01-01, without a time zone
	Codes  []int32   // Text: index into Dict; Vector: row of Floats32
	Dict   []string  // Text: distinct values in order of first appearance
	// Floats32 are the vectors of a Vector, [vectors, Width], all of them finite.
	// Rows share vectors: those of an item seen often are here once.
	Floats32 []float32
	Width    int

	// Layout is how the texts of a Date were read, "" when they were none.
	Layout string
	// Style is the notation of the texts of a Numeric.
	Style notation.Style
	// SQL is the type that values read as text have in the files, where these have types: BIGINT, of whole numbers of 64 bits, and of what
	// is Carried too DOUBLE, BOOLEAN, DATE and TIMESTAMP.
	SQL string
	// Note is what a person should know about how the column was understood.
	Note string
	told *Note
}

// Len returns the number of rows.
func (s *Series) Len() int {
	switch s.Kind {
	case Date:
		return len(s.Micros)
	case Text, Vector:
		return len(s.Codes)
	default:
		return len(s.Floats)
	}
}

// Missing reports whether row i has no value.
func (s *Series) Missing(i int) bool {
	switch s.Kind {
	case Date:
		return s.Micros[i] == MissingDate
	case Text, Vector:
		return s.Codes[i] < 0
	default:
		return math.IsNaN(s.Floats[i])
	}
}

// MissingCount returns the number of rows without a value.
func (s *Series) MissingCount() int {
	n := 0
	for i := range s.Len() {
		if s.Missing(i) {
			n++
		}
	}
	return n
}

// Format returns the value of row i as text: numbers in their shortest exact
// form, booleans as true and false, dates in ISO 8601, vectors as
// "[0.5, -1]", "" where missing.
func (s *Series) Format(i int) string {
	if s.Missing(i) {
		return ""
	}
	switch s.Kind {
	case Boolean:
		return strconv.FormatBool(s.Floats[i] != 0)
	case Date:
		return FormatMicros(s.Micros[i])
	case Text:
		return s.Dict[s.Codes[i]]
	case Vector:
		return FormatVector(s.Vector(i))
	default:
		return FormatNumber(s.Floats[i])
	}
}

// FormatNumber writes whole numbers without an exponent, so that codes and
// identifiers read as such.
func FormatNumber(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) <= maxWhole {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// FormatMicros writes a time in ISO 8601, a day where it is midnight.
func FormatMicros(m int64) string {
	t := time.UnixMicro(m).UTC()
	switch {
	case m%(24*3600*1_000_000) == 0:
		return t.Format(time.DateOnly)
	case m%1_000_000 == 0:
		return t.Format("2006-01-02T15:04:05")
	default:
		return t.Format("2006-01-02T15:04:05.999999")
	}
}

// Texts returns a dictionary-coded copy of the series.
func (s *Series) Texts() *Series {
	if s.Kind == Text {
		return s
	}
	out := &Series{Name: s.Name, Kind: Text, Codes: make([]int32, s.Len())}
	index := map[string]int32{}
	for i := range out.Codes {
		if s.Missing(i) {
			out.Codes[i] = -1
			continue
		}
		text := s.Format(i)
		code, ok := index[text]
		if !ok {
			code = int32(len(out.Dict))
			index[text] = code
			out.Dict = append(out.Dict, text)
		}
		out.Codes[i] = code
	}
	return out
}

// pick returns the series with the given rows only.
func (s *Series) pick(rows []int32) *Series {
	out := &Series{Name: s.Name, Kind: s.Kind, Dict: s.Dict, Floats32: s.Floats32, Width: s.Width, Layout: s.Layout, Style: s.Style, SQL: s.SQL}
	switch s.Kind {
	case Date:
		out.Micros = gather(s.Micros, rows)
	case Text, Vector:
		out.Codes = gather(s.Codes, rows)
	default:
		out.Floats = gather(s.Floats, rows)
	}
	return out
}

func gather[T any](values []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}

// Frame is a table in memory, its columns in the order of the source.
type Frame struct {
	Columns []*Series
	Rows    int

	// Carried are the columns of ReadOptions.Carried, as texts.
	Carried []*Series

	origin *origin
	// Available names all columns of the source, those not read too.
	Available []string
	// original holds each row's number in what was read; nil while no row has
	// been removed.
	original []int32
	// Notes are what a person should know of how the files are written.
	Notes []string
	// Decisions are what was found out about the files and their columns.
	Decisions *Decisions
	// First is the number of row 0 in what is read, where the frame is a block.
	First int
}

// NewFrame makes a frame of columns built in memory. It is an error if their
// lengths differ or a name occurs twice.
func NewFrame(columns ...*Series) (*Frame, error) {
	f := &Frame{Columns: columns}
	for i, c := range columns {
		if i == 0 {
			f.Rows = c.Len()
		}
		if c.Len() != f.Rows {
			return nil, fmt.Errorf("frame: column %q has %d rows, column %q has %d", c.Name, c.Len(), columns[0].Name, f.Rows)
		}
		if f.Column(c.Name) != c {
			return nil, fmt.Errorf("frame: two columns are named %q", c.Name)
		}
	}
	return f, nil
}

// Column returns the column of the given name, nil when there is none.
func (f *Frame) Column(name string) *Series {
	for _, c := range f.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Names returns the names of the columns.
func (f *Frame) Names() []string {
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = c.Name
	}
	return names
}

// Pick returns the frame with the given rows, in the given order.
func (f *Frame) Pick(rows []int32) *Frame {
	out := &Frame{Rows: len(rows), origin: f.origin, Columns: make([]*Series, len(f.Columns))}
	for i, c := range f.Columns {
		out.Columns[i] = c.pick(rows)
	}
	if f.original == nil {
		out.original = slices.Clone(rows)
	} else {
		out.original = gather(f.original, rows)
	}
	return out
}

// Place says where row i came from: "orders.csv:1042" for rows read straight
// from a CSV file, otherwise the number of the row, counted from 1. It may
// have to read the file again.
func (f *Frame) Place(i int) string {
	if f.original != nil {
		i = int(f.original[i])
	}
	return f.origin.rowPlace(f.First + i)
}

// Applied reports whether the frame was read for a finished model, where messages
// must not propose to change the run file.
func (f *Frame) Applied() bool { return f.origin != nil && f.origin.applied }

// Retyped reads a column of texts as a type, as a finished model reads it: dates in
// the given layout.
func (f *Frame) Retyped(s *Series, typ, layout string) (*Series, error) {
	reading := Reading{Type: typ}
	if typ == TypeDate {
		if reading.Layout = LayoutOf(layout); layout == "" {
			var t notation.DateTally
			for i, n := range counts(s) {
				t.Add(s.Dict[i], n)
			}
			reading.Layout, _, _, _ = t.BestOf(notation.Layout.YearFirst)
		}
	}
	return reading.read(s, f.Place)
}
