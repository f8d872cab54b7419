package table

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"debut/datasets/duck"
	"debut/datasets/notation"
)

// sqlColumn is a column of a table as SQL sees it.
type sqlColumn struct {
	name, expr string
	settled    *settled // where its texts were looked at
}

// view makes a view of the files, typed as all their rows say. A column that is read as text is text, unless computed
// says that the query computes with its values; kept says that there are such columns.
func (r *relation) view(ctx context.Context, db *duck.DB, name string, computed bool) (kept bool, err error) {
	if r.computed = computed; r.surveyed == nil {
		if err := r.surveyAll(ctx, db); err != nil {
			return false, err
		}
	}
	columns, err := r.typed(db)
	if err != nil {
		return false, err
	}
	faults, err := r.declaredFaults(ctx, db)
	if err == nil {
		err = r.firstFault(faults)
	}
	if err != nil {
		return false, err
	}
	for i, c := range columns {
		kept = kept || r.keptText(i, c.settled)
	}
	return kept, db.Query(ctx, "CREATE OR REPLACE VIEW "+duck.Name(name)+" AS "+r.selecting(columns), nil)
}

func (r *relation) selecting(columns []sqlColumn) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = c.expr + " AS " + duck.Name(c.name)
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + r.sql
}

// surveyAll decides what the columns are by all rows.
func (r *relation) surveyAll(ctx context.Context, db *duck.DB) error {
	if err := r.distinguishable(); err != nil {
		return err
	}
	types := make([]string, len(r.columns))
	var open []int
	for i, name := range r.names {
		if types[i] = r.declaredFor(name); types[i] == TypeCategorical && r.types[name] == "" {
			types[i] = TypeAuto // where it is looked at as what it may be too
		}
		if r.isText(i) && (r.format != "parquet" || types[i] != TypeAuto) || r.types[name] != "" && r.byText(i, types[i]) {
			open = append(open, i)
		}
	}
	var err error
	if r.surveyed, err = r.survey(ctx, db, open, types, 0); err != nil {
		return r.unreadable(ctx, err)
	}
	return nil
}

// typed is how SQL makes of the columns what they were found to be.
func (r *relation) typed(db *duck.DB) ([]sqlColumn, error) {
	columns := make([]sqlColumn, len(r.columns))
	for i, name := range r.names {
		var err error
		columns[i] = sqlColumn{name: name, settled: r.surveyed[i]}
		if columns[i].expr, err = r.convert(db, i, r.surveyed[i]); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// keptText reports a column that is something else than text, but is read as text: an id, or a declared category. It
// stays as it is written, for what is made of a number or a date is another text.
func (r *relation) keptText(i int, s *settled) bool {
	return s != nil && r.wantedText(i) && s.Type != TypeCategorical && !s.canonical()
}

// wantedText reports a column that is read as text, whatever its source is declared to hold, unless the query computes
// with it.
func (r *relation) wantedText(i int) bool {
	t := r.options.Types[r.names[i]]
	if t == "" && slices.Contains(r.options.Carried, r.names[i]) {
		t = TypeCategorical
	}
	return !r.computed && r.castTo(i) == "" && isTexts(t)
}

// declaredFor returns what column name is declared to be, for the source or for what is made of it.
func (r *relation) declaredFor(name string) string {
	if t, ok := r.types[name]; ok {
		return kindOfDeclared(t)
	}
	if declared := r.options.Types[name]; declared != "" && declared != TypeIgnore {
		return declared
	}
	return TypeAuto
}

// convert is SQL that makes of column i what it was found to be.
func (r *relation) convert(db *duck.DB, i int, s *settled) (string, error) {
	return r.converted(db, i, s, "CAST")
}

// converted is convert with the function that makes values of an SQL type: CAST or TRY_CAST.
func (r *relation) converted(db *duck.DB, i int, s *settled, function string) (string, error) {
	column := duck.Name(r.columns[i].Name)
	declared := r.types[r.names[i]]
	sqlType := r.castTo(i)
	cast := func(expr string) string {
		if sqlType == "" {
			return expr
		}
		value := function + "(" + expr + " AS " + sqlType + ")"
		if !integerType.MatchString(sqlType) {
			return value
		}
		// SQL makes 2 of 1.5.
		refused := "NULL"
		if function == "CAST" {
			refused = "error('no whole number')"
		}
		return "CASE WHEN TRY_CAST(" + expr + " AS DOUBLE) <> trunc(TRY_CAST(" + expr + " AS DOUBLE)) THEN " + refused + " ELSE " + value + " END"
	}
	if s == nil {
		switch {
		case (sqlType == "" || textType.MatchString(sqlType)) && declared != "" && kindOf(r.columns[i].Type) != Text:
			return r.typedDeclared(db, i)
		case isFloating(r.columns[i].Type):
			column = infiniteOf(r.null).sql(column)
		case len(r.null) > 0 && r.isText(i):
			return define(db, r, "text", func(t *texts) func(string) (string, bool) {
				return func(text string) (string, bool) { text = t.value(text); return text, text != "" }
			}, r.textSQL(i), cast)
		}
		return cast(column), nil
	}
	if !r.isText(i) {
		column = r.textSQL(i)
	}
	if s.fault.kind != noFault && sqlType != "" {
		return cast(column), nil // and an error where a value does not fit
	}
	switch {
	case r.keptText(i, s):
	case s.Type == TypeNumeric:
		if s.plain() && !s.odd {
			switch {
			case sqlType != "":
				return cast(column), nil
			case s.Whole && !s.lossy(declared):
				return "CAST(" + column + " AS BIGINT)", nil
			}
			return "CAST(" + column + " AS DOUBLE)", nil
		}
		if s.plain() && (s.Whole && !s.lossy(declared) || sqlType != "") {
			typ := "BIGINT"
			if sqlType != "" {
				typ = sqlType
			}
			return define(db, r, "digits", func(t *texts) func(string) (string, bool) {
				return func(text string) (string, bool) {
					text = minuses.Replace(t.value(text))
					return text, text != ""
				}
			}, column, func(expr string) string { return function + "(" + expr + " AS " + typ + ")" })
		}
		return define(db, r, "number", func(t *texts) func(string) (float64, bool) {
			return func(text string) (float64, bool) { return s.Style.Parse(t.value(text)) }
		}, column, cast)
	case s.Type == TypeBoolean:
		return define(db, r, "boolean", func(t *texts) func(string) (bool, bool) {
			return func(text string) (bool, bool) { return notation.Bool(t.value(text)) }
		}, column, cast)
	case s.Type == TypeDate:
		day := cast
		if sqlType == "" {
			day = func(expr string) string { return timeSQL(s.Layout, expr) }
		}
		return define(db, r, "date", func(t *texts) func(string) (duck.Micros, bool) {
			return func(text string) (duck.Micros, bool) {
				v, ok := s.Layout.Parse(t.value(text))
				return duck.Micros(v), ok
			}
		}, column, day)
	}
	if s.wide64() && r.declaredFor(r.names[i]) != TypeText && r.declaredFor(r.names[i]) != TypeList && declared == "" {
		return cast("CAST(" + column + " AS BIGINT)"), nil // which has all their digits
	}
	if !s.odd {
		return cast(column), nil
	}
	return define(db, r, "text", func(t *texts) func(string) (string, bool) {
		return func(text string) (string, bool) { text = t.value(text); return text, text != "" }
	}, column, cast)
}

// lossy reports ids that are declared to be numbers, of which none may be taken for an id again.
func (s *settled) lossy(declared string) bool { return declared == TypeNumeric && s.tally.ids() }

// minuses replaces the minus signs of typography.
var minuses = strings.NewReplacer("\u2212", "-", "\ufe63", "-", "\uff0d", "-")

// canonical reports whole numbers of 64 bits that are written as formatting writes them.
func (s *settled) canonical() bool {
	t := s.tally
	return t.present > 0 && t.plain == t.present && !t.decimal && !t.uneven && !s.odd && t.zeros == 0
}

// wide64 reports ids that are texts for a float64 would lose their digits, but not an integer.
func (s *settled) wide64() bool { return s.tally.ids() && s.canonical() && !s.tally.articles() }

// define makes SQL that calls a Go function for the texts of a column.
func define[T duck.Value](db *duck.DB, r *relation, what string, convert func(t *texts) func(string) (T, bool), column string, wrap func(string) string) (string, error) {
	name := fmt.Sprintf("%s%s_%d", duck.Reserved, what, db.Defined())
	if err := duck.Define(db, name, convert(&texts{null: r.null})); err != nil {
		return "", err
	}
	return wrap(name + "(" + column + ")"), nil
}

// isColumnType reports the type of a column in a run file.
func isColumnType(t string) bool {
	switch t {
	case TypeNumeric, TypeCategorical, TypeBoolean, TypeDate, TypeText, TypeVector, TypeList, TypeIgnore, TypeAuto:
		return true
	}
	return false
}

var (
	numericType = regexp.MustCompile(`(?i)^(TINYINT|SMALLINT|INTEGER|INT|U?INT(1|2|4|8|16|32|64|128)|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|FLOAT|FLOAT[48]|REAL|DOUBLE|(DECIMAL|NUMERIC)(\s*\(\s*\d+\s*(,\s*\d+\s*)?\))?)$`)
	dateType    = regexp.MustCompile(`(?i)^(DATE|DATETIME|TIMESTAMP(_S|_MS|_NS|_US|TZ| WITH TIME ZONE)?)$`)
	// otherType are the rest of SQL's types that a column may be declared to have.
	otherType   = regexp.MustCompile(`(?i)^(TIME|UUID|INTERVAL|BIT|JSON|BLOB|BYTEA|BINARY|VARBINARY)$`)
	listSuffix  = regexp.MustCompile(`(\[\d*\])+$`)
	booleanType = regexp.MustCompile(`(?i)^(BOOLEAN|BOOL|LOGICAL)$`)
)

// isSQLType reports a declared type that is SQL's: neither one of a run file nor the layout of a date.
func isSQLType(t string) bool {
	_, layout := notation.NamedLayout(t)
	return t != "" && !isColumnType(t) && !layout
}

// kindOfDeclared sorts declared types into those of a run file.
func kindOfDeclared(t string) string {
	if _, ok := notation.NamedLayout(t); ok {
		return TypeDate
	}
	switch {
	case isColumnType(t):
		return t
	case numericType.MatchString(t):
		return TypeNumeric
	case dateType.MatchString(t):
		return TypeDate
	case booleanType.MatchString(t):
		return TypeBoolean
	}
	return TypeCategorical
}

// declarable are the types of a run file that a source may declare.
var declarable = []string{TypeNumeric, TypeCategorical, TypeBoolean, TypeDate, TypeText, TypeVector, TypeList}

// isType reports a type that a column can be declared to have.
func isType(t string) bool {
	if isColumnType(t) || !isSQLType(t) {
		return true
	}
	t = listSuffix.ReplaceAllString(t, "")
	return numericType.MatchString(t) || dateType.MatchString(t) || booleanType.MatchString(t) || textType.MatchString(t) || otherType.MatchString(t)
}

// timeSQL gives a TIMESTAMP in UTC the type that texts of a layout have: days, times, or times with a zone.
func timeSQL(l notation.Layout, expr string) string {
	switch {
	case !l.HasTime():
		return "CAST(" + expr + " AS DATE)"
	case l.Zone != notation.NoZone:
		return "(" + expr + " AT TIME ZONE 'UTC')"
	}
	return expr
}
