package duck

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
)

// Order says what the order of a query's rows follows from.
type Order uint8

// The orders of a query's rows.
const (
	// Unordered rows come as joins, groups, windows or sets leave them.
	Unordered Order = iota
	// Kept is the order of the tables read: their rows are only selected, computed
	// with, and put one table behind the other (UNION ALL).
	Kept
	// Given is that of an ORDER BY at the end.
	Given
)

// Statement is what its text says about a SELECT.
type Statement struct {
	Order Order
	// Threads says that any number of threads gives the same rows, to the last
	// bit, in whatever order where Order is Unordered: nothing depends on which row
	// comes first, as sums of floating-point numbers, lists, first, arg_max, limits
	// of tied rows and numbers of rows do.
	Threads bool
	// Plain says that each value follows from those of its own row: there are no
	// windows, aggregates or subqueries in the SELECT list.
	Plain bool
}

// A VaryingError is a query whose result is not that of its data alone.
type VaryingError struct {
	What   string // "random()"
	Remedy string
}

func (e *VaryingError) Error() string {
	return e.What + " gives something else at another time, and the same data must give the same result: " + e.Remedy
}

// Statement looks at the text of a SELECT of a user. Its errors are those of Check.
func (d *DB) Statement(ctx context.Context, sql string) (Statement, error) {
	tree, err := d.check(ctx, sql)
	if err != nil {
		return Statement{}, err
	}
	s := &shape{aggregates: d.functions.aggregates}
	out := Statement{Order: s.order(tree), Plain: s.plain(tree["select_list"])}
	walk(tree["select_list"], func(n node) bool {
		out.Plain = out.Plain && n["class"] != "WINDOW"
		return out.Plain
	})
	if out.Threads = s.threads(tree, out.Order); out.Threads && out.Order != Kept {
		columns, err := d.Describe(ctx, sql)
		if err != nil {
			return Statement{}, err
		}
		out.Threads = !slices.ContainsFunc(columns, func(c Column) bool { return !exactTypes[c.Type] })
	}
	return out, nil
}

// Settled is Statement and a FROM item of the query's rows in an order that
// follows from the data: that of the query where it has one, else the order of all
// columns. The query is to run on one thread unless Threads says otherwise.
func (d *DB) Settled(ctx context.Context, sql string) (string, Statement, error) {
	s, err := d.Statement(ctx, sql)
	if err != nil {
		return "", s, err
	}
	// A newline ends a comment that the query may finish with.
	if s.Order == Unordered {
		return "(SELECT * FROM (" + sql + "\n) ORDER BY ALL)", s, nil
	}
	return "(" + sql + "\n)", s, nil
}

// node is a part of a parsed statement.
type node = map[string]any

// functions are what DuckDB says about what it has.
type functions struct {
	varying    map[string]bool
	aggregates map[string]bool
	tables     map[string]bool // functions that stand in FROM
	views      map[string]bool // of its own, by name and by schema.name
	session    map[string]bool // macros over those views, and functions that tell of a session
}

// knownFunctions are those of the version of DuckDB, once a database has been asked: what is defined here besides is
// neither an aggregate nor varies.
var knownFunctions atomic.Pointer[functions]

func (d *DB) learnFunctions(ctx context.Context) error {
	if d.functions == nil {
		d.functions = knownFunctions.Load()
	}
	if d.functions != nil {
		return nil
	}
	f := &functions{varying: map[string]bool{}, aggregates: map[string]bool{}, tables: map[string]bool{}, views: map[string]bool{}, session: map[string]bool{"getvariable": true}}
	sets := []map[string]bool{f.varying, f.aggregates, f.tables, f.views}
	err := d.Query(ctx, `SELECT DISTINCT function_name, CASE WHEN function_type = 'aggregate' THEN 1 WHEN function_type = 'scalar' THEN 0 ELSE 2 END FROM duckdb_functions()
WHERE function_type IN ('aggregate', 'table', 'table_macro') OR function_type = 'scalar' AND stability <> 'CONSISTENT'
UNION ALL SELECT schema_name || '.' || view_name, 3 FROM duckdb_views() WHERE internal
UNION ALL SELECT view_name, 3 FROM duckdb_views() WHERE internal AND schema_name <> 'information_schema'`, func(c *Chunk) error {
		names, _ := Vector[String](c, 0)
		kinds, _ := Vector[int32](c, 1)
		for i := range names {
			sets[kinds[i]][strings.Clone(names[i].Text())] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	// These differ within no run, or end it.
	for _, name := range []string{"error", "current_schema", "current_schemas", "current_database", "in_search_path"} {
		delete(f.varying, name)
	}
	// DuckDB takes these for functions of their arguments.
	for _, name := range []string{"current_setting", "current_localtime", "current_localtimestamp"} {
		f.varying[name] = true
	}
	if err := d.learnMacros(ctx, f); err != nil {
		return err
	}
	d.functions = f
	knownFunctions.Store(f)
	return nil
}

// learnMacros adds the macros whose definitions vary, such as ago(), to what varies, and those that look at the session, such
// as pg_get_viewdef(), to what does.
func (d *DB) learnMacros(ctx context.Context, f *functions) error {
	return d.Query(ctx, "SELECT function_name, CAST(json_serialize_sql('SELECT ' || macro_definition) AS VARCHAR) FROM duckdb_functions() WHERE function_type = 'macro' AND internal", func(c *Chunk) error {
		names, _ := Vector[String](c, 0)
		texts, _ := Vector[String](c, 1)
		for i := range names {
			definition, err := readParsed(texts[i].Text())
			if err != nil {
				return err
			}
			for _, s := range definition.Statements {
				if f.varies(s.Node) != nil {
					f.varying[strings.Clone(names[i].Text())] = true
				}
				if f.refused(s.Node, false) != nil {
					f.session[strings.Clone(names[i].Text())] = true
				}
			}
		}
		return nil
	})
}

// clocks are words for the present moment that need no parentheses.
var clocks = []string{"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}

const (
	clockRemedy  = "write the moment out, such as DATE '2026-01-31'"
	randomRemedy = "take a hash of columns, such as hash(id, 1) / 18446744073709551615.0, which is from 0 to 1"
	idRemedy     = "take a hash of columns, such as md5(concat_ws('|', shop, id))"
	sampleRemedy = "give it a seed: TABLESAMPLE reservoir(1000 ROWS) REPEATABLE (1)"
	otherRemedy  = "leave it out"
)

// varies looks for what gives something else at every run.
func (f *functions) varies(tree any) (found error) {
	walk(tree, func(n node) bool {
		if found != nil {
			return false
		}
		if sample, ok := n["sample"].(node); ok && sample["seed"] == float64(-1) {
			found = &VaryingError{What: "a sample without a seed", Remedy: sampleRemedy}
			return false
		}
		switch n["class"] {
		case "COLUMN_REF":
			names, _ := n["column_names"].([]any)
			if len(names) != 1 {
				break
			}
			if name, _ := names[0].(string); slices.Contains(clocks, strings.ToLower(name)) {
				found = &VaryingError{What: strings.ToLower(name), Remedy: clockRemedy + "; a column of that name is written with its table: data." + Name(name)}
			}
		case "FUNCTION":
			name, _ := n["function_name"].(string)
			name = strings.ToLower(name)
			arguments, _ := n["children"].([]any)
			switch {
			case name == "age" && len(arguments) == 1:
				found = &VaryingError{What: "age() of one moment", Remedy: "give it both: age(TIMESTAMP '2026-01-31', time)"}
			case !f.varying[name]:
			case name == "random" || name == "setseed":
				found = &VaryingError{What: name + "()", Remedy: randomRemedy}
			case strings.Contains(name, "uuid"):
				found = &VaryingError{What: name + "()", Remedy: idRemedy}
			case strings.HasSuffix(name, "val"):
				found = &VaryingError{What: name + "()", Remedy: "number the rows with row_number() OVER (ORDER BY …)"}
			case slices.Contains([]string{"now", "today", "current_date", "get_current_time", "get_current_timestamp", "transaction_timestamp", "current_localtime", "current_localtimestamp", "ago"}, name):
				found = &VaryingError{What: name + "()", Remedy: clockRemedy}
			default:
				found = &VaryingError{What: name + "()", Remedy: otherRemedy}
			}
		}
		return found == nil
	})
	return found
}

// walk visits the objects of a tree; it does not go into those for which visit is
// false.
func walk(tree any, visit func(n node) bool) {
	switch t := tree.(type) {
	case node:
		if !visit(t) {
			return
		}
		for _, child := range t {
			walk(child, visit)
		}
	case []any:
		for _, child := range t {
			walk(child, visit)
		}
	}
}
