package model

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"debut/datasets/ahead"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// Written is what Write has written.
type Written struct {
	Rows    int
	Columns []string
	// Positive is the class that the column probability is of, where there is one.
	Positive string
	// Threshold is the probability from which on a row is predicted to be of that class.
	Threshold float64
	Report    encoding.EncodeReport
}

// Write writes predictions to a file while the next come, in the format of its extension. The file appears complete or not at all.
// The predictions are made in another goroutine, which has ended when Write returns.
func Write(ctx context.Context, path string, predictions iter.Seq2[*Predictions, error]) (*Written, error) {
	return WriteTo(ctx, func(columns []table.OutputColumn) (*table.Writer, error) { return table.NewWriter(path, "", columns) }, predictions)
}

// WriteTo is Write to the table that open begins when the columns are known.
func WriteTo(ctx context.Context, open func([]table.OutputColumn) (*table.Writer, error), predictions iter.Seq2[*Predictions, error]) (_ *Written, err error) {
	out := &Written{}
	var w *table.Writer
	defer func() {
		if w != nil {
			w.Abort()
		}
	}()
	next := func(context.Context) iter.Seq2[*Predictions, error] { return predictions }
	for p, err := range ahead.Of(ctx, 1, next) {
		if err != nil {
			return nil, err
		}
		if w == nil {
			if err = p.checkNames(); err != nil {
				return nil, err
			}
			if w, err = open(p.Columns); err != nil {
				return nil, err
			}
			for _, c := range p.Columns {
				out.Columns = append(out.Columns, c.Name)
			}
			out.Positive, out.Threshold = p.Positive, p.Threshold
		}
		if err := w.Append(ctx, p.Columns); err != nil {
			return nil, err
		}
		out.Rows, out.Report = p.First+p.Rows, p.Report
	}
	if w == nil {
		return nil, errors.New("there is nothing to predict: the data have no rows")
	}
	return out, w.Close(ctx)
}

// checkNames returns an error where a column of the data that is carried through has the name of an answer, or of another one but for
// capitals.
func (p *Predictions) checkNames() error {
	for i, c := range p.Columns {
		for _, other := range p.Columns[:i] {
			if strings.EqualFold(c.Name, other.Name) {
				return fmt.Errorf("two columns of the predictions would be named %q: leave the one of the data out, or rename it by a query: SELECT *, %s AS data_%s FROM data",
					c.Name, duck.Name(other.Name), strings.Map(plainLetter, other.Name))
			}
		}
	}
	return nil
}

func plainLetter(r rune) rune {
	if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
		return r
	}
	return '_'
}

// Collect returns all predictions at once.
func Collect(predictions iter.Seq2[*Predictions, error]) (*Predictions, error) {
	var all *Predictions
	for p, err := range predictions {
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = p
			continue
		}
		all.Rows, all.Report = p.First+p.Rows, p.Report
		for i := range all.Columns {
			if all.Columns[i].Values, err = join(all.Columns[i].Values, p.Columns[i].Values); err != nil {
				return nil, fmt.Errorf("column %q: %w", p.Columns[i].Name, err)
			}
		}
	}
	if all == nil {
		return nil, errors.New("there is nothing to predict: the data have no rows")
	}
	return all, nil
}

// join appends the values of a column.
func join(a, b any) (any, error) {
	switch a := a.(type) {
	case []string:
		return appended(a, b)
	case table.TypedTexts:
		if more, ok := b.(table.TypedTexts); ok {
			return table.TypedTexts{Values: slices.Concat(a.Values, more.Values), SQL: a.SQL}, nil
		}
		return nil, fmt.Errorf("values of type %T behind those of type %T", b, a)
	case []float32:
		return appended(a, b)
	case []float64:
		return appended(a, b)
	case []int32:
		return appended(a, b)
	case []int64:
		return appended(a, b)
	case []bool:
		return appended(a, b)
	}
	return nil, fmt.Errorf("values of type %T", a)
}

func appended[T any](a []T, b any) (any, error) {
	more, ok := b.([]T)
	if !ok {
		return nil, fmt.Errorf("values of type %T behind those of type %T", b, a)
	}
	return slices.Concat(a, more), nil
}
