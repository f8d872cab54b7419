package interactions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/nearest"
	"debut/datasets/table"
	"debut/datasets/textformat"
)

// What a column of a table is, in the order of fields.
const (
	fieldUser = iota
	fieldItem
	fieldValue
	fieldTime
	fieldEvent
	fields
)

var fieldNames = [fields]string{"user", "item", "value", "time", "event"}

// form is what DuckDB hands a column over as.
type form uint8

const (
	absent form = iota
	text
	double
	integer
	micros
)

// tableReader takes the events out of the chunks of a table.
type tableReader struct {
	b       *Builder
	table   *table.Table
	sql     string // a FROM item of its columns
	names   [fields]string
	forms   [fields]form
	at      [fields]int // index among the selected columns
	strict  string      // how texts of times are written, "" for integers or ISO 8601
	event   string
	part    uint8
	row     int // of the whole source
	problem *table.ValueError
}

// readTable reads CSV, Parquet and JSON: ids as text, whatever they look like.
func (b *Builder) readTable(ctx context.Context, s *Source, baseDir string, part uint8) error {
	src := s.files()
	db, err := duck.Open(duck.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	r := &tableReader{b: b, event: s.Event, part: part, strict: b.cfg.TimeFormat,
		names: [fields]string{s.Columns.User, s.Columns.Item, s.Columns.Value, s.Columns.Time, s.Columns.Event}}
	if r.table, err = table.Open(ctx, db, src, baseDir, table.Options{}); err != nil {
		return err
	}
	columns := r.table.Columns()
	if err := r.find(columns); err != nil {
		return err
	}
	// Nothing is to be found out, so that no column that is not used can be wrong.
	r.sql = r.table.Raw()
	if r.table.Format() == "json" {
		// As written: what DuckDB makes of texts that look like dates or UUIDs is another text.
		var types []string
		for f, name := range r.names {
			if r.forms[f] != absent {
				types = append(types, duck.Literal(name)+": 'VARCHAR'")
			}
		}
		r.sql = "read_json(" + duck.Literals(r.table.Files().Paths()) + ", columns = {" + strings.Join(types, ", ") + "})"
	}
	if err := r.table.Files().Checked(r.stream(ctx, db)); err != nil {
		return err
	}
	b.report.Files = append(b.report.Files, r.table.Files()...)
	return nil
}

// find checks that the columns are there and are single values.
func (r *tableReader) find(columns []duck.Column) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	for f, name := range r.names {
		if name == "" {
			continue
		}
		found := false
		for _, c := range columns {
			if c.Name != name {
				continue
			}
			found = true
			switch c.Type {
			case mapping.TypeList, mapping.TypeArray, mapping.TypeStruct, mapping.TypeMap:
				return configfile.Errorf("columns."+fieldNames[f], "column %q holds lists or structs, not single values; flatten it first", name)
			}
			r.forms[f] = r.formOf(f, c.Type)
		}
		if !found {
			hint := nearest.DidYouMean(name, names)
			if hint == "" {
				hint = "; there are " + strings.Join(names[:min(len(names), 10)], ", ")
			}
			return configfile.Errorf("columns."+fieldNames[f], "there is no column %q%s", name, hint)
		}
	}
	return nil
}

func (r *tableReader) formOf(f int, t mapping.Type) form {
	if r.table.Format() != "parquet" {
		return text
	}
	switch t {
	case mapping.TypeVarchar:
		return text
	case mapping.TypeDate, mapping.TypeTimestamp, mapping.TypeTimestampS, mapping.TypeTimestampMS, mapping.TypeTimestampNS, mapping.TypeTimestampTZ:
		if f == fieldTime {
			return micros
		}
	case mapping.TypeBoolean, mapping.TypeTinyInt, mapping.TypeSmallInt, mapping.TypeInteger, mapping.TypeBigInt,
		mapping.TypeUTinyInt, mapping.TypeUSmallInt, mapping.TypeUInteger:
		switch f {
		case fieldValue:
			return double
		case fieldTime:
			return integer
		}
	case mapping.TypeFloat, mapping.TypeDouble, mapping.TypeDecimal, mapping.TypeUBigInt, mapping.TypeHugeInt, mapping.TypeUHugeInt:
		if f == fieldValue {
			return double
		}
	}
	return text
}

// stream runs the query for the columns.
func (r *tableReader) stream(ctx context.Context, db *duck.DB) error {
	var items []string
	for f, name := range r.names {
		if r.forms[f] == absent {
			continue
		}
		r.at[f] = len(items)
		column := duck.Name(name)
		switch r.forms[f] {
		case double:
			column = "CAST(" + column + " AS DOUBLE)"
		case integer:
			column = "CAST(" + column + " AS BIGINT)"
		case micros:
			column = "epoch_us(CAST(" + column + " AS TIMESTAMP))"
		default:
			column = "CAST(" + column + " AS VARCHAR)"
			if f == fieldTime && r.strict != "" {
				// NULL is a missing time; a text of another form stays one, which then is no time.
				column = "coalesce(CAST(epoch_us(try_strptime(trim(" + column + "), " + duck.Literal(r.strict) + ")) AS VARCHAR), " + column + " || '?')"
			}
		}
		items = append(items, column)
	}
	err := db.Stream(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+r.sql, r.chunk)
	switch {
	case r.problem != nil:
		r.problem.Place = r.table.Place(r.row)
		return r.problem
	case err == nil:
		return nil
	}
	var d *duck.Error
	if errors.As(err, &d) {
		return r.table.Explain(ctx, err)
	}
	return err
}

var errProblem = errors.New("a value cannot be used")

// vectors are the columns of a chunk.
type vectors struct {
	texts  [fields][]duck.String
	floats []float64
	times  []int64
	mask   [fields]duck.Validity
}

func (r *tableReader) chunk(c *duck.Chunk) error {
	var v vectors
	for f, form := range r.forms {
		switch form {
		case text:
			v.texts[f], v.mask[f] = duck.Vector[duck.String](c, r.at[f])
		case double:
			v.floats, v.mask[f] = duck.Vector[float64](c, r.at[f])
		case integer, micros:
			v.times, v.mask[f] = duck.Vector[int64](c, r.at[f])
		}
	}
	for i := range c.Rows {
		if err := r.take(&v, i); err != nil {
			return err
		}
		r.row++
	}
	return nil
}

// get returns the text of a field, "" where it is missing.
func (v *vectors) get(f, i int) string {
	if v.texts[f] == nil || !v.mask[f].Valid(i) {
		return ""
	}
	return strings.TrimSpace(v.texts[f][i].Text())
}

// refuse notes what is wrong with a value, and ends the stream.
func (r *tableReader) refuse(f int, value, problem string) error {
	r.problem = &table.ValueError{Problem: problem}
	if f >= 0 {
		r.problem.Column, r.problem.Value = r.names[f], strings.Clone(value) // texts of a chunk do not outlast it
	}
	return errProblem
}

// take adds the event of row i of a chunk.
func (r *tableReader) take(v *vectors, i int) error {
	value, time, kind := 1.0, int64(NoTime), r.event
	switch r.forms[fieldValue] {
	case double:
		if !v.mask[fieldValue].Valid(i) {
			return r.refuse(fieldValue, "", "is missing; write a number, or leave the row out")
		}
		value = v.floats[i]
	case text:
		s := v.get(fieldValue, i)
		var ok bool
		if value, ok = textformat.ParseNumber([]byte(s)); !ok {
			if s == "" {
				return r.refuse(fieldValue, "", "is missing; write a number, or leave the row out")
			}
			return r.refuse(fieldValue, s, "is not a finite number; correct it, or leave the row out")
		}
	}
	if r.forms[fieldValue] != absent && !isWeight(value) {
		return r.refuse(fieldValue, fmt.Sprint(value), noWeight+"; correct it, or leave the row out")
	}
	if r.forms[fieldTime] != absent && v.mask[fieldTime].Valid(i) {
		unit := unitInteger
		switch r.forms[fieldTime] {
		case integer:
			time = v.times[i]
		case micros:
			time, unit = v.times[i], unitDate
		default:
			if s := v.get(fieldTime, i); s != "" {
				at, date, ok := parseTime(s)
				if !ok {
					return r.refuse(fieldTime, strings.TrimSuffix(s, "?"), "is no time: neither an integer nor a date YYYY-MM-DD with or without a time; correct it, or say how times are written with time_format")
				}
				if time = at; date || r.strict != "" {
					unit = unitDate
				}
			}
		}
		if time != NoTime {
			if err := r.b.unit(unit); err != nil {
				return r.refuse(fieldTime, "", err.Error())
			}
		}
	}
	if r.forms[fieldEvent] != absent {
		if kind = v.get(fieldEvent, i); kind == "" {
			return r.refuse(fieldEvent, "", "is missing; say what kind of event it is, or leave the row out")
		}
	}
	problem, err := r.b.add([]byte(v.get(fieldUser, i)), []byte(v.get(fieldItem, i)), value, time, kind, r.part)
	if err != nil {
		return err
	}
	if problem != "" {
		return r.refuse(-1, "", problem)
	}
	return nil
}
