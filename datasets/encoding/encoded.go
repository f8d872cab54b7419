package encoding

import (
	"context"
	"fmt"
	"io"
	"slices"

	"debut/datasets/table"
	"debut/kernels/rawbytes"
)

// Encoded is a run of rows as a model reads them. Numbers and ids are
// row-major, so that gathering a batch copies one run of memory a row. What an
// Encoded holds by row is known to the methods in this file alone.
type Encoded struct {
	Rows    int
	Numeric []float32 // [Rows, D]: Encoder.NumericFeatures
	D       int       // numeric features
	IDs     []int32   // [Rows, F]: Encoder.CategoricalFields
	F       int       // categorical fields
	// Lists are the items of lists, [Rows, L]: for each of Encoder.ListFields the ids of its items, then −1; ListWeights what each is
	// multiplied by, divided by their sum where it is the mean that counts.
	Lists       []int32
	ListWeights []float32
	L           int
	Target      []float64  // [Rows]: 0 or 1, class index, the number of steps taken with the target, or the value as it is; nil if there was none
	Weight      []float64  // [Rows]; nil means 1 for every row
	IDColumns   []IDColumn // columns carried through to predictions
}

// IDColumn is a column carried through unchanged, as text.
type IDColumn struct {
	Name   string
	Values []string // "" where missing
	SQL    string   // the type that they have in the files, where these have types, as table.Series.SQL
}

// Carry adds a column that is carried through, behind the others; one of its name gives way.
func (e *Encoded) Carry(s *table.Series) {
	c := IDColumn{Name: s.Name, Values: make([]string, s.Len()), SQL: s.SQL}
	for i := range c.Values {
		c.Values[i] = s.Format(i)
	}
	switch s.Kind {
	case table.Numeric:
		c.SQL = "DOUBLE"
	case table.Boolean:
		c.SQL = "BOOLEAN"
	case table.Date:
		c.SQL = "TIMESTAMP"
	}
	e.IDColumns = append(slices.DeleteFunc(e.IDColumns, func(have IDColumn) bool { return have.Name == s.Name }), c)
}

// newEncoded makes room for rows, all zeros.
func newEncoded(rows int, by *compiled) *Encoded {
	out := &Encoded{Rows: rows, D: by.numeric, F: by.fields, L: by.lists, Numeric: make([]float32, rows*by.numeric), IDs: make([]int32, rows*by.fields)}
	if by.lists > 0 {
		out.Lists, out.ListWeights = make([]int32, rows*by.lists), make([]float32, rows*by.lists)
	}
	return out
}

// Append adds the rows of other, which must be of the same encoder, behind those
// of e. Targets, weights and id columns are kept where both have them.
func (e *Encoded) Append(other *Encoded) error {
	if e.Rows == 0 && e.D == 0 && e.F == 0 && e.L == 0 {
		e.D, e.F, e.L = other.D, other.F, other.L
	}
	if e.D != other.D || e.F != other.F || e.L != other.L {
		return fmt.Errorf("encoding: rows of %d numeric and %d categorical features and %d places of lists behind rows of %d, %d and %d", other.D, other.F, other.L, e.D, e.F, e.L)
	}
	e.Target = appendOptional(e.Target, other.Target, e.Rows, other.Rows)
	e.Weight = appendOptional(e.Weight, other.Weight, e.Rows, other.Rows)
	var ids []IDColumn
	for _, more := range other.IDColumns {
		column := IDColumn{Name: more.Name, SQL: more.SQL}
		for _, c := range e.IDColumns {
			if c.Name == more.Name {
				column.Values = c.Values
			}
		}
		if column.Values = appendOptional(column.Values, more.Values, e.Rows, other.Rows); column.Values != nil {
			ids = append(ids, column)
		}
	}
	e.IDColumns = ids
	e.Numeric = append(e.Numeric, other.Numeric...)
	e.IDs = append(e.IDs, other.IDs...)
	e.Lists, e.ListWeights = append(e.Lists, other.Lists...), append(e.ListWeights, other.ListWeights...)
	e.Rows += other.Rows
	return nil
}

// Grow makes room for rows in all.
func (e *Encoded) Grow(rows int) {
	more := rows - e.Rows
	e.Numeric, e.IDs = slices.Grow(e.Numeric, more*e.D), slices.Grow(e.IDs, more*e.F)
	e.Lists, e.ListWeights = slices.Grow(e.Lists, more*e.L), slices.Grow(e.ListWeights, more*e.L)
	if e.Target != nil {
		e.Target = slices.Grow(e.Target, more)
	}
	if e.Weight != nil {
		e.Weight = slices.Grow(e.Weight, more)
	}
}

// appendOptional appends what both have, or nothing at all.
func appendOptional[T any](dst, src []T, have, more int) []T {
	if len(dst) != have || len(src) != more {
		return nil
	}
	return append(dst, src...)
}

// Hash writes the content to w, which is most often a hash: numbers, ids,
// targets and weights, each behind its length, in the byte order of the machine.
// Id columns are no part of it, for no model sees them.
func (e *Encoded) Hash(ctx context.Context, w io.Writer) error {
	parts := [][]byte{rawbytes.Of(e.Numeric), rawbytes.Of(e.IDs)}
	if e.L > 0 { // without, the hash is that of versions that did not know lists
		parts = append(parts, rawbytes.Of(e.Lists), rawbytes.Of(e.ListWeights))
	}
	for _, b := range parts {
		if err := hashBytes(ctx, w, len(b), func(from, to int) []byte { return b[from:to] }); err != nil {
			return err
		}
	}
	for _, v := range [][]float64{e.Target, e.Weight} {
		if err := hashNumbers(ctx, w, v); err != nil {
			return err
		}
	}
	return nil
}

// hashNumbers writes values with four bytes each where all are numbers of 32 bits,
// as classes and most weights are: their hash stays that of checkpoints of versions
// that kept them so. Else they have eight, and the length in front tells.
func hashNumbers(ctx context.Context, w io.Writer, values []float64) error {
	if slices.ContainsFunc(values, func(v float64) bool { return float64(float32(v)) != v }) {
		b := rawbytes.Of(values)
		return hashBytes(ctx, w, len(b), func(from, to int) []byte { return b[from:to] })
	}
	narrow := make([]float32, 0, min(len(values), hashChunk/4))
	return hashBytes(ctx, w, 4*len(values), func(from, to int) []byte {
		narrow = narrow[:0]
		for _, v := range values[from/4 : to/4] {
			narrow = append(narrow, float32(v))
		}
		return rawbytes.Of(narrow)
	})
}

// hashChunk is how many bytes are written between two looks at the context.
const hashChunk = 1 << 24

// hashBytes writes n and so many bytes, which chunk has a run of at a time.
func hashBytes(ctx context.Context, w io.Writer, n int, chunk func(from, to int) []byte) error {
	if _, err := fmt.Fprintf(w, "%d bytes\n", n); err != nil {
		return err
	}
	for from := 0; from < n; from += hashChunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Write(chunk(from, min(n, from+hashChunk))); err != nil {
			return err
		}
	}
	return nil
}

// Batch is where rows are gathered to. What is nil is left out.
type Batch struct {
	Numeric     []float32 // [rows, D]
	IDs         []int32   // [rows, F]
	Lists       []int32   // [rows, L]
	ListWeights []float32 // [rows, L]
	Target      []float64 // [rows]
	Weight      []float64 // [rows]; ones where the data have no weights
}

// Gather copies rows of e to b, from row at of b on. It allocates nothing; rows
// must be valid indexes, and b large enough.
func (e *Encoded) Gather(b *Batch, at int, rows []int32) {
	if b.Numeric != nil {
		gatherRows(b.Numeric[at*e.D:], e.Numeric, e.D, rows)
	}
	if b.IDs != nil {
		gatherRows(b.IDs[at*e.F:], e.IDs, e.F, rows)
	}
	if b.Lists != nil {
		gatherRows(b.Lists[at*e.L:], e.Lists, e.L, rows)
		gatherRows(b.ListWeights[at*e.L:], e.ListWeights, e.L, rows)
	}
	if b.Target != nil {
		gatherRows(b.Target[at:], e.Target, 1, rows)
	}
	switch {
	case b.Weight == nil:
	case e.Weight == nil:
		for i := range rows {
			b.Weight[at+i] = 1
		}
	default:
		gatherRows(b.Weight[at:], e.Weight, 1, rows)
	}
}

func gatherRows[T any](dst, src []T, width int, rows []int32) {
	if width == 1 {
		dst = dst[:len(rows)]
		for i, r := range rows {
			dst[i] = src[r]
		}
		return
	}
	for i, r := range rows {
		copy(dst[i*width:(i+1)*width], src[int(r)*width:(int(r)+1)*width])
	}
}
