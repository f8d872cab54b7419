package datasets

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"debut/datasets/duck"
)

// typeSample is how many rows of a CSV file are looked at to guess which of its
// columns DuckDB can convert while it reads.
const typeSample = 2048

// guess returns, by column, a reader of numbers or dates converted by DuckDB,
// for columns of texts whose first values are nothing else. Where a guess turns
// out wrong the file is read again without any: what a column is follows from all
// values, by the rules of textColumn.
func (r *relation) guess(ctx context.Context, db *duck.DB, indexes []int, types []string) (map[int]*convertedReader, error) {
	if !r.untyped || r.origin.query {
		return nil, nil
	}
	var candidates []int
	for _, i := range indexes {
		if types[i] == TypeAuto || types[i] == TypeNumeric {
			candidates = append(candidates, i)
		}
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	head := *r
	head.sql = fmt.Sprintf("(SELECT * FROM %s LIMIT %d)", r.sql, typeSample)
	readers := make([]columnReader, len(candidates))
	items := make([]string, len(candidates))
	for k, i := range candidates {
		readers[k], items[k] = head.newReader(i, types[i])
	}
	err := db.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+head.sql, func(c *duck.Chunk) error {
		for k := range readers {
			readers[k].read(c, k)
		}
		return nil
	})
	if err != nil {
		return nil, nil // reading all of it will say what is wrong
	}
	guesses, dates := map[int]*convertedReader{}, ""
	for k, i := range candidates {
		s, reread, err := readers[k].finish(nil)
		if err != nil || reread {
			continue
		}
		kind, layout := s.Kind, s.layout
		if kind == Date {
			// A reader of CSV takes one layout for all its columns.
			if !plainLayout(layout) || types[i] != TypeAuto || dates != "" && dates != layout {
				continue
			}
			dates = layout
		}
		if kind == Numeric || kind == Date {
			guesses[i] = &convertedReader{series: &Series{Name: r.names[i], Kind: kind, layout: layout}, exact: types[i] == TypeAuto}
		}
	}
	return guesses, nil
}

// plainLayout reports a layout that DuckDB reads as package time does: the year
// first, and no zone.
func plainLayout(layout string) bool {
	return slices.Contains(dateLayouts[:yearFirstLayouts], layout) && !strings.Contains(layout, "Z07")
}

// guessed is the relation with the guesses as types of its columns, which
// DuckDB then converts while it reads. A value that cannot be is an error there.
func (r *relation) guessed(guesses map[int]*convertedReader) *relation {
	d := r.origin.dialect
	columns, format := make([]string, len(d.columns)), ""
	for i := range columns {
		typ := "VARCHAR"
		if g := guesses[i]; g != nil {
			typ = "DOUBLE"
			if g.series.Kind == Date {
				typ, format = "TIMESTAMP", ", timestampformat = "+duck.Literal(strptimeFormat(g.series.layout))
			}
		}
		columns[i] = duck.Literal(positional(i)) + ": " + duck.Literal(typ)
	}
	null := []string{""}
	for _, n := range slices.Sorted(maps.Keys(r.null)) {
		null = append(null, n, " "+n)
	}
	typed := *r
	typed.sql = fmt.Sprintf("read_csv(%s, auto_detect = false, delim = %s, quote = '\"', escape = '\"', header = %t, skip = %d%s%s, nullstr = %s, columns = {%s})",
		duck.Literals(r.origin.files), duck.Literal(string(d.delimiter)), d.header, d.skip, d.newLine(), format, duck.Literals(null), strings.Join(columns, ", "))
	return &typed
}

// convertedReader takes a column that DuckDB has converted.
type convertedReader struct {
	series *Series
	exact  bool // a value must not lose digits
	wrong  bool // a value is not finite, or may have lost digits
}

func (g *convertedReader) read(c *duck.Chunk, column int) {
	if g.series.Kind == Numeric {
		values, mask := duck.Vector[float64](c, column)
		n := len(g.series.Floats)
		g.series.Floats = append(g.series.Floats, values...)
		out := g.series.Floats[n:]
		for i, v := range out {
			if !mask.Valid(i) {
				out[i] = math.NaN()
			} else if v-v != 0 || g.exact && math.Abs(v) >= maxWhole {
				g.wrong = true
			}
		}
		return
	}
	values, mask := duck.Vector[int64](c, column)
	n := len(g.series.Micros)
	g.series.Micros = append(g.series.Micros, values...)
	if mask != nil {
		for i := range values {
			if !mask.Valid(i) {
				g.series.Micros[n+i] = MissingDate
			}
		}
	}
}

func (g *convertedReader) finish(*origin) (*Series, bool, error) { return g.series, false, nil }
