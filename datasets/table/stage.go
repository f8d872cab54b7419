package table

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
	"debut/datasets/wording"
)

// StageOptions say how a table is made of a source. The zero value will do.
type StageOptions struct {
	// SetAside leaves rows out that hold values that do not fit their columns, and returns them. Without it they are
	// an error, *MisfitError.
	SetAside bool
	// Note receives the SQL that makes the table.
	Note func(sql string)
}

// Staged is what became of a source.
type Staged struct {
	Columns []StagedColumn
	Misfits []Misfit
	Notes   []string // on how the files are written
}

// StagedColumn is how a column of texts was read.
type StagedColumn struct {
	Name string
	Reading
	Note string // what a person should know of it
}

// Misfit is a row that was left out.
type Misfit struct {
	Place, Column, Value, Problem string
}

// MisfitError is a ValueError about the first of some rows that could be set aside.
type MisfitError struct {
	*ValueError
	Rows int64
}

// Unwrap returns the error about the value.
func (e *MisfitError) Unwrap() error { return e.ValueError }

// Stage makes a table of the source, its columns typed as Read would read them, its rows in the order of the files.
// A column that Read would refuse is an error, *ValueError.
func (t *Table) Stage(ctx context.Context, name string, o StageOptions) (*Staged, error) {
	s := &staging{ctx: ctx, db: t.db, rel: t.rel, name: name, options: o}
	if s.options.Note == nil {
		s.options.Note = func(string) {}
	}
	if err := t.rel.distinguishable(); err != nil {
		return nil, err
	}
	out, err := s.guess()
	if errors.Is(err, errGuess) {
		out, err = s.settle()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return out, err
}

// staging is the making of a table.
type staging struct {
	ctx     context.Context
	db      *duck.DB
	rel     *relation
	name    string
	options StageOptions
}

func (s *staging) create(sql string) error {
	s.options.Note("CREATE TABLE " + duck.Name(s.name) + " AS " + sql)
	return s.db.Query(s.ctx, "CREATE OR REPLACE TABLE "+duck.Name(s.name)+" AS "+sql, nil)
}

// guess makes the table of what the first rows say, and verifies it: errGuess where that is not so.
func (s *staging) guess() (*Staged, error) {
	r := s.rel
	if r.format != "csv" {
		return nil, errGuess
	}
	types := make([]string, len(r.columns))
	var all []int
	for i, name := range r.names {
		if t := r.castTo(i); t != "" && !textType.MatchString(t) {
			return nil, errGuess // what SQL takes for a value of its type says nothing about how it is written
		}
		types[i] = r.declaredFor(name)
		all = append(all, i)
	}
	found, err := r.survey(s.ctx, s.db, all, types, typeSample)
	if err != nil {
		return nil, errGuess // reading all of it will say what is wrong
	}
	columns := make([]sqlColumn, len(r.columns))
	for i, name := range r.names {
		f := found[i]
		_, _, _, either := f.tally.dates.Best()
		if f.fault.kind != noFault || f.Type == TypeDate && either || f.tally.perhapsArticles() || f.Style.Amount || f.tally.quantities > 0 {
			return nil, errGuess
		}
		columns[i] = sqlColumn{name: name, settled: f}
		if columns[i].expr, err = r.convertGuess(s.db, i, f); err != nil {
			return nil, err
		}
	}
	if err := s.create(r.selecting(columns)); err != nil {
		return nil, errGuess
	}
	for i, name := range r.names {
		if types[i] != TypeAuto || found[i].Type != TypeCategorical || found[i].wide64() {
			continue
		}
		if err := s.verify(name, i, found[i].tally.present > 0); err != nil {
			return nil, err
		}
	}
	return s.finish(columns), nil
}

// convertGuess is convert for a column of which the first rows are known: an error where a value does not fit.
func (r *relation) convertGuess(db *duck.DB, i int, s *settled) (string, error) {
	if isSQLType(r.types[r.names[i]]) {
		return r.convert(db, i, s)
	}
	column := duck.Name(r.columns[i].Name)
	declared := r.declaredFor(r.names[i]) != TypeAuto
	switch {
	case s.Type == TypeNumeric && s.plain() && s.Whole && !s.lossy(r.types[r.names[i]]):
		return r.numberSQL(db, column, "BIGINT", declared)
	case s.Type == TypeNumeric && s.plain():
		return r.numberSQL(db, column, "DOUBLE", declared)
	case s.wide64() && !declared:
		return r.numberSQL(db, column, "BIGINT", declared)
	case s.Type == TypeNumeric:
		return checked(db, r, "number", s.Style.Parse, column)
	case s.Type == TypeBoolean:
		return checked(db, r, "boolean", func(text string) (bool, bool) {
			v, ok := notation.Bool(text)
			return v, ok && (declared || notation.TrueFalse(text))
		}, column)
	case s.Type == TypeDate:
		sql, err := checked(db, r, "date", func(text string) (duck.Micros, bool) {
			v, ok := s.Layout.Parse(text)
			return duck.Micros(v), ok
		}, column)
		return timeSQL(s.Layout, sql), err
	}
	return define(db, r, "text", func(t *texts) func(string) (string, bool) {
		return func(text string) (string, bool) { text = t.value(text); return text, text != "" }
	}, column, func(expr string) string { return expr })
}

// checked defines a function that fails where a text cannot be converted.
func checked[T duck.Value](db *duck.DB, r *relation, what string, parse func(string) (T, bool), column string) (string, error) {
	t := &texts{null: r.null}
	name := fmt.Sprintf("%s%s_%d", duck.Reserved, what, db.Defined())
	err := duck.DefineChecked(db, name, func(text string) (v T, ok bool, err error) {
		if text = t.value(text); text == "" {
			return v, false, nil
		}
		if v, ok = parse(text); !ok {
			err = errGuess
		}
		return v, ok, err
	})
	return name + "(" + column + ")", err
}

// verify decides by all values of a column of the table whether it is text, as its first values, if there were some, are.
func (s *staging) verify(name string, i int, some bool) error {
	// What begins with a letter is no number and no date; only where half of the values do not is a closer look
	// needed.
	column := duck.Name(name)
	sql := fmt.Sprintf("SELECT count(%s), count(*) FILTER (WHERE %[1]s < ':' OR %[1]s >= chr(128)) FROM %s", column, duck.Name(s.name))
	var present, doubtful int64
	if err := s.db.Query(s.ctx, sql, func(c *duck.Chunk) error {
		a, _ := duck.Vector[int64](c, 0)
		b, _ := duck.Vector[int64](c, 1)
		present, doubtful = a[0], b[0]
		return nil
	}); err != nil {
		return err
	}
	if some && float64(doubtful) < markedShare*float64(present) {
		return nil
	}
	staged := &relation{sql: duck.Name(s.name), names: []string{name}, columns: []duck.Column{{Name: name, Type: s.rel.columns[i].Type}},
		untyped: true, null: s.rel.null, style: s.rel.style, origin: s.rel.origin}
	found, err := staged.survey(s.ctx, s.db, []int{0}, []string{TypeAuto}, 0)
	if err != nil {
		return err
	}
	if f := found[0]; f.fault.kind != noFault || f.Type != TypeCategorical || f.tally.quantities > 0 {
		return errGuess
	}
	return nil
}

// settle makes the table of what all rows say.
func (s *staging) settle() (*Staged, error) {
	r := s.rel
	if err := r.surveyAll(s.ctx, s.db); err != nil {
		return nil, err
	}
	columns, err := r.typed(s.db)
	if err != nil {
		return nil, err
	}
	refused, err := r.faults(s.ctx, s.db, r.surveyed)
	if err != nil {
		return nil, err
	}
	var faulty []int
	for _, i := range slices.Sorted(maps.Keys(refused)) {
		if s.options.SetAside && columns[i].settled.fault.kind != otherNumbers {
			faulty = append(faulty, i)
		}
	}
	if err := r.otherFaults(s.ctx, s.db, refused); err != nil {
		return nil, r.unreadable(s.ctx, err)
	}
	for _, i := range faulty {
		delete(refused, i)
	}
	if err := r.firstFault(refused); err != nil {
		return nil, s.misfit(err)
	}
	misfits, sql := []Misfit(nil), ""
	if len(faulty) > 0 {
		if misfits, sql, err = s.setAside(columns, faulty); err != nil {
			return nil, err
		}
	} else {
		sql = r.selecting(columns)
	}
	if err := s.create(sql); err != nil {
		return nil, r.unreadable(s.ctx, err)
	}
	out := s.finish(columns)
	out.Misfits = misfits
	return out, nil
}

// misfit adds to the error about a column how many rows could be set aside, where they could.
func (s *staging) misfit(err error) error {
	var v *ValueError
	if !errors.As(err, &v) {
		return err
	}
	for i, f := range s.rel.surveyed {
		if s.rel.names[i] == v.Column && f.fault.kind != noFault && f.fault.kind != otherNumbers {
			return &MisfitError{v, int64(f.bad())}
		}
	}
	return err
}

// setAside finds the rows whose values do not fit their columns, and leaves them out.
func (s *staging) setAside(columns []sqlColumn, faulty []int) (misfits []Misfit, sql string, err error) {
	r := s.rel
	conditions := make([]string, len(faulty))
	for k, i := range faulty {
		f := columns[i].settled
		fit := f.fault.fit()
		conditions[k], err = define(s.db, r, "fits", func(t *texts) func(string) (bool, bool) {
			return func(text string) (bool, bool) { text = t.value(text); return text == "" || fit(text), true }
		}, duck.Name(r.columns[i].Name), func(expr string) string { return "coalesce(" + expr + ", TRUE)" })
		if err != nil {
			return nil, "", err
		}
		reading := Reading{Type: TypeNumeric, Style: f.fault.style}
		switch f.fault.kind {
		case notBooleans:
			reading = Reading{Type: TypeBoolean}
		case notDates:
			reading = Reading{Type: TypeDate, Layout: f.fault.layout}
		}
		reading.odd = true
		f.Reading, f.fault = reading, fault{}
		if columns[i].expr, err = r.convert(s.db, i, f); err != nil {
			return nil, "", err
		}
		columns[i].expr = "CASE WHEN " + conditions[k] + " THEN " + columns[i].expr + " END"
	}
	items := make([]string, 0, len(faulty)+1)
	items = append(items, "row_number() OVER () - 1")
	for k, i := range faulty {
		items = append(items, "CASE WHEN NOT "+conditions[k]+" THEN "+r.textSQL(i)+" END")
	}
	var rows []int
	err = s.db.Query(s.ctx, "SELECT * FROM (SELECT "+strings.Join(items, ", ")+" FROM "+r.sql+") AS q("+aliases(len(items))+") WHERE "+anyOf(len(items)), func(c *duck.Chunk) error {
		numbers, _ := duck.Vector[int64](c, 0)
		for k, i := range faulty {
			values, mask := duck.Vector[duck.String](c, k+1)
			for row := range values {
				if mask.Valid(row) {
					rows = append(rows, int(numbers[row]))
					value := strings.Clone(values[row].Text())
					misfits = append(misfits, Misfit{Column: r.names[i], Value: value, Problem: columns[i].settled.problem(notation.Trim(value))})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, "", r.unreadable(s.ctx, err)
	}
	if _, err := r.unread(s.ctx, s.db); err != nil { // rows are counted without them
		return nil, "", err
	}
	for i, place := range r.origin.places(rows) {
		misfits[i].Place = place
	}
	return misfits, r.selecting(columns) + " WHERE " + strings.Join(conditions, " AND "), nil
}

func aliases(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("q%d", i)
	}
	return strings.Join(names, ", ")
}

func anyOf(n int) string {
	var parts []string
	for i := 1; i < n; i++ {
		parts = append(parts, fmt.Sprintf("q%d IS NOT NULL", i))
	}
	return strings.Join(parts, " OR ")
}

// finish describes the columns.
func (s *staging) finish(columns []sqlColumn) *Staged {
	out := &Staged{Notes: s.rel.notes()}
	for i, c := range columns {
		column := StagedColumn{Name: c.name}
		if c.settled != nil {
			column.Reading = c.settled.Reading
			if note := s.rel.noteOf(i, s.rel.declaredFor(c.name), c.settled.tally, column.Reading); note != nil {
				column.Note = note.text(c.name, s.rel.wording())
			}
		}
		out.Columns = append(out.Columns, column)
	}
	return out
}

// places names rows, which are counted from 0, in the order given.
func (o *origin) places(rows []int) []string {
	out := make([]string, len(rows))
	if o.dialect == nil || len(rows) == 0 {
		for i, row := range rows {
			out[i] = o.rowPlace(row)
		}
		return out
	}
	at := map[int][]int{}
	for i, row := range rows {
		at[row] = append(at[row], i)
	}
	last, n := slices.Max(rows), 0
	read := *o.dialect
	read.blank = true
	err := read.scan(o.files, func(file string, line int, record []string) bool {
		if len(record) != len(o.dialect.columns) {
			if n := len(o.dialect.columns); len(record) != n+1 || record[n] != "" { // DuckDB takes a delimiter at the end
				return true // kept aside already
			}
		}
		for _, i := range at[n] {
			out[i] = fmt.Sprintf("%s:%d", wording.FileName(file), line)
		}
		n++
		return n <= last
	})
	for i, row := range rows {
		if err != nil || out[i] == "" {
			out[i] = fmt.Sprintf("row %d", row+1)
		}
	}
	return out
}
