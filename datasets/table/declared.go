package table

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// integerType are the SQL types of whole numbers.
var integerType = regexp.MustCompile(`(?i)^U?(TINYINT|SMALLINT|INTEGER|INT|INT(1|2|4|8|16|32|64|128)|BIGINT|HUGEINT)$`)

// textType are the SQL types of texts.
var textType = regexp.MustCompile(`(?i)^(VARCHAR|TEXT|STRING|CHAR|BPCHAR)(\s*\(\s*\d+\s*\))?$`)

// castTo returns the SQL type that column i is declared to have, "" for none.
func (r *relation) castTo(i int) string {
	if t := r.types[r.names[i]]; isSQLType(t) {
		return t
	}
	return ""
}

// castDeclared makes of the columns that are declared to have an SQL type what SQL makes of them, as in a view: a
// BIGINT has whole numbers, a DATE no time. Those that hold something else stay as they are, and are returned.
func (r *relation) castDeclared(ctx context.Context, db *duck.DB) (map[int]*ValueError, error) {
	var wanted, open []int
	types := make([]string, len(r.columns))
	for i, name := range r.names {
		types[i] = kindOfDeclared(r.types[name])
		if r.types[name] != "" && r.byText(i, types[i]) {
			open = append(open, i)
		}
		if t := r.castTo(i); t != "" && !textType.MatchString(t) {
			wanted = append(wanted, i)
		}
	}
	if len(wanted) == 0 || r.origin.query {
		return nil, nil
	}
	found, err := r.survey(ctx, db, open, types, 0)
	if err != nil {
		return nil, r.unreadable(ctx, err)
	}
	raw := *r
	raw.surveyed = found
	faults, err := raw.declaredFaults(ctx, db)
	if err != nil {
		return nil, err
	}
	wanted = slices.DeleteFunc(wanted, func(i int) bool { return faults[i] != nil })
	items := make([]string, len(r.columns))
	for i, c := range r.columns {
		items[i] = duck.Name(c.Name)
		if !slices.Contains(wanted, i) {
			continue
		}
		if items[i], err = r.convert(db, i, found[i]); err != nil {
			return nil, err
		}
		items[i] += " AS " + duck.Name(c.Name)
	}
	sql := "(SELECT " + strings.Join(items, ", ") + " FROM " + r.sql + ")"
	columns, err := db.Describe(ctx, "SELECT * FROM "+sql)
	if err != nil {
		return nil, r.unreadable(ctx, err)
	}
	r.raw, r.sql, r.columns, r.cast = &raw, sql, columns, map[int]bool{}
	for _, i := range wanted {
		r.cast[i] = !r.isText(i) // those of TIME or UUID are texts again
	}
	return faults, nil
}

// declaredFaults are the errors about the columns that are not what the source declares. All were surveyed.
func (r *relation) declaredFaults(ctx context.Context, db *duck.DB) (map[int]*ValueError, error) {
	declared := maps.Clone(r.surveyed)
	maps.DeleteFunc(declared, func(i int, _ *settled) bool { return r.types[r.names[i]] == "" || r.wantedText(i) })
	faults, err := r.faults(ctx, db, declared)
	if err != nil {
		return nil, err
	}
	if err := r.otherFaults(ctx, db, faults); err != nil {
		return nil, r.unreadable(ctx, err)
	}
	return faults, nil
}

// otherFaults adds the errors about columns that are declared to be something else than they are in the file to those
// about columns: values that are not of an SQL type, and numbers without a text.
func (r *relation) otherFaults(ctx context.Context, db *duck.DB, faults map[int]*ValueError) error {
	var searches []*search
	explain := map[int]func(found *search) error{}
	for i, name := range r.names {
		if t := r.types[name]; t != "" && kindOfDeclared(t) != TypeNumeric && isFloating(r.columns[i].Type) && faults[i] == nil && !r.byText(i, kindOfDeclared(t)) {
			look, say := r.searchInfinite(i)
			searches, explain[i] = append(searches, look), say
		}
	}
	if err := r.explained(ctx, db, searches, explain, faults); err != nil {
		return err
	}
	return r.castFaults(ctx, db, faults)
}

// castFaults adds the errors about the columns that are declared to have an SQL type and hold a value of another to
// those about columns.
func (r *relation) castFaults(ctx context.Context, db *duck.DB, faults map[int]*ValueError) error {
	if r.raw != nil {
		r = r.raw
	}
	for i, name := range r.names {
		typ := r.castTo(i)
		if typ == "" || textType.MatchString(typ) || faults[i] != nil {
			continue
		}
		expr, err := r.converted(db, i, r.surveyed[i], "TRY_CAST")
		if err != nil {
			return err
		}
		row, value, found := -1, "", errors.New("found")
		texts := texts{null: r.null}
		sql := "SELECT n, t FROM (SELECT row_number() OVER () - 1 AS n, " + r.textSQL(i) + " AS t, " + expr + " AS v FROM " + r.sql + ") WHERE t IS NOT NULL AND v IS NULL"
		err = db.Query(ctx, sql, func(c *duck.Chunk) error {
			numbers, _ := duck.Vector[int64](c, 0)
			values, _ := duck.Vector[duck.String](c, 1)
			for k := range values {
				if text := texts.value(values[k].Text()); text != "" {
					row, value = int(numbers[k]), strings.Clone(text)
					return found
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, found) {
			return err
		}
		if err != nil {
			faults[i] = &ValueError{Place: r.origin.places([]int{row})[0], Column: name, Value: value, row: row + 1, Problem: "is no " + typ, wording: r.wording(),
				Remedies: []Remedy{set(SetNull, value).when("if it stands for a missing value"), ManualRemedy("correct it, or give the column another type")}}
		}
	}
	return ctx.Err()
}

// castError is the first of castFaults, of the tables of a query too, where something could not be read for a reason that
// is to be found; nil where they are not it.
func (r *relation) castError(ctx context.Context, db *duck.DB) error {
	for _, of := range append(slices.Clone(r.tables), r) {
		faults := map[int]*ValueError{}
		if err := of.castFaults(ctx, db, faults); err != nil {
			continue
		}
		if err := of.firstFault(faults); err != nil {
			return err
		}
	}
	return nil
}

// typedDeclared is SQL for column i, which has a type in the file, as what it is declared to be.
func (r *relation) typedDeclared(db *duck.DB, i int) (string, error) {
	t, column := r.columns[i].Type, duck.Name(r.columns[i].Name)
	switch kind := kindOf(t); kindOfDeclared(r.types[r.names[i]]) {
	case TypeCategorical, TypeText, TypeList:
		switch {
		case isFloating(t):
			return define(db, r, "format", func(*texts) func(string) (string, bool) {
				return func(text string) (string, bool) {
					v, err := strconv.ParseFloat(text, 64)
					return FormatNumber(v), err == nil && v-v == 0
				}
			}, "CAST(CAST("+column+" AS DOUBLE) AS VARCHAR)", func(expr string) string { return expr })
		case kind == Numeric:
			return exactText(column, t), nil
		case kind != Text:
			return r.textSQL(i), nil
		}
	case TypeNumeric:
		switch t {
		case mapping.TypeBoolean, mapping.TypeBigInt, mapping.TypeUBigInt, mapping.TypeHugeInt, mapping.TypeUHugeInt, mapping.TypeDecimal:
			return "CAST(" + column + " AS DOUBLE)", nil // of which none is taken for an id
		}
	}
	return column, nil
}

// textsOf names the columns of tables that are texts, and are to be: not because some of their values are mistakes.
func textsOf(tables []*relation) map[string]bool {
	seen := map[string]bool{}
	for _, r := range tables {
		for i, name := range r.names {
			is := r.isText(i)
			if s := r.surveyed[i]; s != nil {
				is = s.fault.kind == noFault && s.Type == TypeCategorical
			}
			before, met := seen[name]
			seen[name] = is && (before || !met)
		}
	}
	return seen
}

// stylesOf says how numbers are declared to be written in the columns of tables, by their names, where tables that have a column agree.
func stylesOf(tables []*relation) map[string]notation.Style {
	styles := map[string]notation.Style{}
	for _, r := range tables {
		for _, name := range r.names {
			if before, met := styles[name]; met && before != r.style {
				styles[name] = notation.Style{}
				continue
			}
			styles[name] = r.style
		}
	}
	return styles
}

// CastError finds the first value that is not of the SQL type that its column is declared to have; nil where there is none.
func (t *Table) CastError(ctx context.Context) error { return t.rel.castError(ctx, t.db) }

// CheckResult refuses a table that a query made of views of the table, where Read would refuse the query's result: a
// column that is text because of a few mistakes.
func (t *Table) CheckResult(ctx context.Context, name string) error {
	columns, err := t.db.Describe(ctx, "SELECT * FROM "+duck.Name(name))
	if err != nil {
		return err
	}
	r := &relation{sql: duck.Name(name), columns: columns, null: t.rel.null, style: t.rel.style, options: t.rel.options,
		origin: &origin{query: true, files: t.rel.origin.files, dialect: t.rel.origin.dialect}, seen: textsOf([]*relation{t.rel})}
	types := make([]string, len(columns))
	var open []int
	for i, c := range columns {
		r.names = append(r.names, c.Name)
		types[i] = TypeAuto
		if r.isText(i) && r.inference(i) != inferNothing {
			open = append(open, i)
		}
	}
	found, err := r.survey(ctx, t.db, open, types, 0)
	if err != nil {
		return err
	}
	faults, err := r.faults(ctx, t.db, found)
	if err != nil {
		return err
	}
	return r.firstFault(faults)
}
