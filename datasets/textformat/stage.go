package textformat

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"debut/datasets/duck"
)

const (
	// autoColumns is how many features, or fields, Layout auto gives columns to.
	autoColumns = 1000
	// mostColumns is how many Layout columns gives columns to: DuckDB makes a
	// chunk of 2048 rows of all of them.
	mostColumns = 10_000
)

// Stage makes a DuckDB table of files. Rows are in the order of the files. The
// files are read twice, first to know which columns the table needs:
//
//   - libsvm and libfm: label DOUBLE, qid BIGINT where there is one, and in the
//     layout columns f1 … fN DOUBLE, from f0 where indexes begin at 0 and up to
//     the largest index of the file or so many as Options.Features says, 0 where a
//     row has no entry; in the layout
//     lists indexes INTEGER[], as in the file, and values FLOAT[]. Layout auto
//     means columns up to an index of 1000.
//   - libffm: label DOUBLE, and in the layout columns field_i VARCHAR for each
//     field i of the file, which holds the feature, NULL where a row has none: that
//     is possible where every field has at most one feature a row, of value 1. In
//     the layout lists fields INTEGER[], indexes INTEGER[] and values FLOAT[].
//     Layout auto means columns where that is possible, up to 1000 fields.
//   - log: user VARCHAR, item VARCHAR and, where the file has them, rating DOUBLE
//     and time: TIMESTAMP where the times are texts, or all of them are the seconds,
//     milliseconds or microseconds of an instant from 1990 to 2099, otherwise
//     BIGINT. Options.Columns gives other names.
//   - adjacency: user VARCHAR, item VARCHAR and, where it has them, weight DOUBLE.
//
// The table is there, complete, or not at all. Stage begins a transaction of
// its own: db must not be in one.
func Stage(ctx context.Context, db *duck.DB, table string, paths []string, o Options) (res Result, err error) {
	survey := o
	survey.Rejects = nil // the second time
	s := survey.newSurvey()
	if res, err = Read(ctx, paths, survey, s.add); err != nil {
		return res, err
	}
	if res.Rows == 0 {
		return res, fmt.Errorf("%s: there are no rows in %s", o.Format, strings.Join(paths, ", "))
	}
	columns, put, err := s.plan(o, &res)
	if err != nil {
		return res, fmt.Errorf("%s: %w", o.Format, err)
	}
	if err := db.Query(ctx, "BEGIN TRANSACTION", nil); err != nil {
		return res, fmt.Errorf("make table %s: %w", table, err)
	}
	defer func() {
		if err != nil {
			if undone := db.Query(context.WithoutCancel(ctx), "ROLLBACK", nil); undone != nil {
				err = errors.Join(err, fmt.Errorf("take table %s back: %w", table, undone))
			}
		}
	}()
	if err := db.CreateTable(ctx, table, columns); err != nil {
		return res, fmt.Errorf("make table %s: %w", table, err)
	}
	types := make([]duck.ColumnType, len(columns))
	for i, c := range columns {
		types[i] = c.Type
	}
	a, err := db.NewAppender(table, types)
	if err != nil {
		return res, err
	}
	defer a.Abort()
	again, err := Read(ctx, paths, o, func(b *Batch) error { return put(b, a) })
	if err != nil {
		return again, err
	}
	if again.Rows != res.Rows || again.Lines != res.Lines || again.Rejected != res.Rejected {
		return again, fmt.Errorf("%s: the files changed while they were read: %d rows, before %d; read them when nothing writes them", o.Format, again.Rows, res.Rows)
	}
	if err := a.Close(); err != nil {
		return again, err
	}
	if err := db.Query(ctx, "COMMIT", nil); err != nil {
		return again, fmt.Errorf("make table %s: %w", table, err)
	}
	return again, nil
}

// survey is what must be known of the rows before the table is made.
type survey struct {
	format     string
	queries    bool
	smallest   int32 // index
	largest    int32 // index, -1 where there is none
	fields     []int32
	manyFields bool // more than mostColumns
	several    bool // features of one field, or values other than 1
	textTimes  bool
	anyTime    bool
	first      int64 // time
	last       int64
}

func (o *Options) newSurvey() *survey {
	return &survey{format: o.Format, smallest: math.MaxInt32, largest: -1, first: math.MaxInt64, last: math.MinInt64}
}

func (s *survey) add(b *Batch) error {
	for _, q := range b.Queries {
		s.queries = s.queries || q != NoQuery
	}
	for _, i := range b.Indexes {
		s.smallest, s.largest = min(s.smallest, i), max(s.largest, i)
	}
	if s.format == "libffm" {
		s.addFields(b)
	}
	s.textTimes = b.TextTimes
	for _, t := range b.Times {
		if t != NoTime {
			s.first, s.last, s.anyTime = min(s.first, t), max(s.last, t), true
		}
	}
	return nil
}

func (s *survey) addFields(b *Batch) {
	for row := range b.Rows {
		at := 0 // in s.fields: both are sorted
		for i := b.Offsets[row]; i < b.Offsets[row+1]; i++ {
			f := b.Fields[i]
			if i > b.Offsets[row] && b.Fields[i-1] == f || b.Values[i] != 1 {
				s.several = true
			}
			if s.several || s.manyFields {
				return // no columns: the fields are of no use
			}
			for at < len(s.fields) && s.fields[at] < f {
				at++
			}
			if at == len(s.fields) || s.fields[at] != f {
				s.fields = slices.Insert(s.fields, at, f)
				s.manyFields = len(s.fields) > mostColumns
			}
		}
	}
}

// put adds a batch's rows to a table.
type put func(*Batch, *duck.Appender) error

func (s *survey) plan(o Options, res *Result) ([]duck.ColumnDef, put, error) {
	layout := o.Layout
	switch o.Format {
	case "log", "adjacency":
		columns, put := s.pairs(res)
		return columns, put, nil
	case "libffm":
		if layout == "columns" && s.several {
			return nil, nil, errors.New("layout columns: a field has several features in one row, or a value is not 1; use the layout lists")
		}
		if layout == "columns" && s.manyFields {
			return nil, nil, fmt.Errorf("layout columns: there are more than %d fields; use the layout lists", mostColumns)
		}
		if layout == "columns" || layout != "lists" && !s.several && len(s.fields) <= autoColumns {
			columns, put := s.fieldColumns()
			return columns, put, nil
		}
	default:
		if o.Features > 0 {
			first := s.firstIndex(o.Base)
			last := first + int32(o.Features) - 1
			if s.largest > last {
				return nil, nil, fmt.Errorf("features: the largest index is %d, but %d features from index %d on end at %d; raise the number, or correct the index", s.largest, o.Features, first, last)
			}
			s.largest, layout = last, "columns"
		}
		if layout == "columns" && s.largest > mostColumns {
			return nil, nil, fmt.Errorf("layout columns: the largest index is %d, above %d; use the layout lists", s.largest, mostColumns)
		}
		if layout == "columns" || layout != "lists" && s.largest <= autoColumns {
			columns, put := s.featureColumns(o.Base)
			return columns, put, nil
		}
	}
	columns, put := s.lists()
	return columns, put, nil
}

func (s *survey) head() []duck.ColumnDef {
	columns := []duck.ColumnDef{{Name: "label", Type: duck.Double}}
	if s.queries {
		columns = append(columns, duck.ColumnDef{Name: "qid", Type: duck.BigInt})
	}
	return columns
}

// putHead sets the label and the query of a row.
func (s *survey) putHead(b *Batch, row int, a *duck.Appender) {
	a.Float(0, b.Labels[row])
	if s.queries && b.Queries[row] != NoQuery {
		a.Int(1, b.Queries[row])
	}
}

var errChanged = errors.New("the files changed while they were read; read them when nothing writes them")

// firstIndex is where indexes begin.
func (s *survey) firstIndex(base Base) int32 {
	if base == BaseZero || s.smallest == 0 {
		return 0
	}
	return 1
}

func (s *survey) featureColumns(base Base) ([]duck.ColumnDef, put) {
	columns := s.head()
	first := s.firstIndex(base)
	head := len(columns)
	for i := first; i <= s.largest; i++ {
		columns = append(columns, duck.ColumnDef{Name: "f" + strconv.Itoa(int(i)), Type: duck.Double})
	}
	return columns, func(b *Batch, a *duck.Appender) error {
		for row := range b.Rows {
			s.putHead(b, row, a)
			at := head
			for i := b.Offsets[row]; i < b.Offsets[row+1]; i++ {
				column := head + int(b.Indexes[i]-first)
				if column < head || column >= len(columns) {
					return errChanged
				}
				for ; at < column; at++ {
					a.Float(at, 0)
				}
				a.Float(at, b.Values[i])
				at++
			}
			for ; at < len(columns); at++ {
				a.Float(at, 0)
			}
			if err := a.EndRow(); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *survey) fieldColumns() ([]duck.ColumnDef, put) {
	columns := s.head()
	head := len(columns)
	for _, f := range s.fields {
		columns = append(columns, duck.ColumnDef{Name: "field_" + strconv.Itoa(int(f)), Type: duck.Varchar})
	}
	var text []byte
	return columns, func(b *Batch, a *duck.Appender) error {
		for row := range b.Rows {
			s.putHead(b, row, a)
			at := 0
			for i := b.Offsets[row]; i < b.Offsets[row+1]; i++ {
				for at < len(s.fields) && s.fields[at] < b.Fields[i] {
					at++
				}
				if at == len(s.fields) || s.fields[at] != b.Fields[i] || b.Values[i] != 1 {
					return errChanged
				}
				text = strconv.AppendInt(text[:0], int64(b.Indexes[i]), 10)
				a.Text(head+at, text)
			}
			if err := a.EndRow(); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *survey) lists() ([]duck.ColumnDef, put) {
	columns := s.head()
	fields := len(columns)
	if s.format == "libffm" {
		columns = append(columns, duck.ColumnDef{Name: "fields", Type: duck.IntegerList})
	}
	indexes := len(columns)
	columns = append(columns, duck.ColumnDef{Name: "indexes", Type: duck.IntegerList}, duck.ColumnDef{Name: "values", Type: duck.FloatList})
	var values []float32
	return columns, func(b *Batch, a *duck.Appender) error {
		for row := range b.Rows {
			from, to := b.Offsets[row], b.Offsets[row+1]
			s.putHead(b, row, a)
			if fields < indexes {
				a.Ints(fields, b.Fields[from:to])
			}
			a.Ints(indexes, b.Indexes[from:to])
			values = values[:0]
			for _, v := range b.Values[from:to] {
				values = append(values, float32(v))
			}
			a.Float32s(indexes+1, values)
			if err := a.EndRow(); err != nil {
				return err
			}
		}
		return nil
	}
}

// instants are the seconds from 1990 to 2099, in which times are taken for
// instants rather than for numbers: in each of the units below, others.
const firstSecond, lastSecond = 631_152_000, 4_102_444_799

// unit returns how many microseconds one unit of the times is, 0 where they
// are no instants.
func (s *survey) unit() int64 {
	if s.textTimes {
		return 1
	}
	for _, perSecond := range []int64{1, 1000, 1_000_000} {
		if s.anyTime && s.first >= firstSecond*perSecond && s.last < (lastSecond+1)*perSecond {
			return 1_000_000 / perSecond
		}
	}
	return 0
}

func (s *survey) pairs(res *Result) ([]duck.ColumnDef, put) {
	columns := []duck.ColumnDef{{Name: res.Columns[user], Type: duck.Varchar}, {Name: res.Columns[item], Type: duck.Varchar}}
	ratings, times := 0, 0
	if name := res.Columns[rating]; name != "" {
		ratings = len(columns)
		columns = append(columns, duck.ColumnDef{Name: name, Type: duck.Double})
	}
	unit := s.unit()
	if name := res.Columns[time]; name != "" {
		times = len(columns)
		c := duck.ColumnDef{Name: name, Type: duck.Timestamp}
		if unit == 0 {
			c.Type = duck.BigInt
		}
		columns = append(columns, c)
	}
	return columns, func(b *Batch, a *duck.Appender) error {
		for row := range b.Rows {
			a.Text(0, b.Users.At(row))
			a.Text(1, b.Items.At(row))
			if ratings > 0 && !math.IsNaN(b.Ratings[row]) {
				a.Float(ratings, b.Ratings[row])
			}
			if times > 0 && b.Times[row] != NoTime {
				t := b.Times[row]
				if unit > 1 {
					if t < s.first || t > s.last {
						return errChanged
					}
					t *= unit
				}
				a.Int(times, t)
			}
			if err := a.EndRow(); err != nil {
				return err
			}
		}
		return nil
	}
}
