package duck

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A RefusedError is a statement that does more than select from the tables there are.
type RefusedError struct {
	What string // "read_text()"
	Why  string
	// External says that a database with Options.External takes it.
	External bool
}

// Error says what is refused, and why.
func (e *RefusedError) Error() string { return e.What + " " + e.Why }

const (
	whyFile    = "reads a file that is not one of the source's"
	whySession = "tells of the program that runs, not of the data: leave it out"
	whyChanges = "is none of the functions that FROM takes here: select from the sources, or from unnest, range, generate_series, repeat or json_each"
	whyHidden  = "runs SQL that stands in a text, which nobody has looked at; write it out"
)

// rowFunctions are the table functions that make rows of their arguments, or of tables that they are named, alone.
var rowFunctions = []string{"unnest", "range", "generate_series", "repeat", "repeat_row", "json_each", "json_tree", "query_table", "histogram", "histogram_values"}

// fileFunctions are the table functions that read files by their names and do nothing else.
var fileFunctions = []string{
	"read_csv", "read_csv_auto", "sniff_csv", "read_text", "read_blob", "glob", "read_duckdb",
	"read_json", "read_json_auto", "read_json_objects", "read_json_objects_auto", "read_ndjson", "read_ndjson_auto", "read_ndjson_objects",
	"read_parquet", "parquet_scan", "parquet_metadata", "parquet_file_metadata", "parquet_full_metadata", "parquet_kv_metadata", "parquet_schema", "parquet_bloom_probe",
}

// schemas are those of DuckDB that have functions.
var schemas = []string{"main", "system", "temp", "pg_catalog", "information_schema"}

// Confine lets statements reach the given files, and what is in the given folders, and no others, until the database is
// closed: not those of a user, and not our own. The database's own file and its TempDir stay open to it, and settings can
// be changed no more, but for the number of threads. A database with Options.External is left as it is.
func (d *DB) Confine(ctx context.Context, files, folders []string) error {
	if d.external {
		return nil
	}
	for _, sql := range []string{
		"SET GLOBAL allowed_paths = " + Literals(files),
		"SET GLOBAL allowed_directories = " + Literals(folders),
		"SET GLOBAL allowed_configs = ['threads']",
		"SET GLOBAL enable_external_access = false",
		"SET GLOBAL lock_configuration = true",
	} {
		if err := d.Query(ctx, sql, nil); err != nil {
			return fmt.Errorf("duckdb: confine a database: %w", err)
		}
	}
	return nil
}

// unreachable makes a RefusedError of what DuckDB says of a file that it must not read, nil of other messages.
func unreachable(message string) error {
	_, name, found := strings.Cut(message, "Permission Error: Cannot access ")
	if !found {
		return nil
	}
	name, _, _ = strings.Cut(name, " - file system operations are disabled")
	return &RefusedError{What: name, Why: "is not one of the source's files", External: true}
}

// Check reports what a user's text is besides a single SELECT over the tables there are, a *RefusedError, and what in it
// gives something else at another time, a *VaryingError. It comes before anything else is done with the text: to prepare
// a statement may open files, make folders, or run a part of it.
func (d *DB) Check(ctx context.Context, sql string) error {
	_, err := d.check(ctx, sql)
	return err
}

func (d *DB) check(ctx context.Context, sql string) (node, error) {
	if d.checked.tree != nil && d.checked.sql == sql {
		return d.checked.tree, nil
	}
	if err := d.learnFunctions(ctx); err != nil {
		return nil, err
	}
	tree, err := d.parse(ctx, sql)
	if err != nil {
		return nil, err
	}
	if err := d.functions.refused(tree, d.external); err != nil {
		return nil, err
	}
	if err := variants(tree); err != nil {
		return nil, err
	}
	if err := d.functions.varies(tree); err != nil {
		return nil, err
	}
	d.checked.sql, d.checked.tree = sql, tree
	return tree, nil
}

// refused looks for what reaches beyond the tables there are, and beyond files where external is set.
func (f *functions) refused(tree any, external bool) (found error) {
	refuse := func(what, why string) { found = &RefusedError{What: what, Why: why, External: why == whyFile} }
	walk(tree, func(n node) bool {
		if found != nil {
			return false
		}
		switch n["type"] {
		case "TABLE_FUNCTION":
			call, _ := n["function"].(node)
			name, _ := call["function_name"].(string)
			switch name = strings.ToLower(name); {
			case slices.Contains(rowFunctions, name):
			case slices.Contains(fileFunctions, name):
				if !external {
					refuse(name+"()", whyFile)
				}
			case name == "query" || name == "json_execute_serialized_sql":
				refuse(name+"()", whyHidden)
			case strings.HasPrefix(name, "duckdb_") || strings.HasPrefix(name, "pragma_"):
				refuse(name+"()", whySession)
			case f.tables[name]:
				refuse(name+"()", whyChanges)
			}
		case "BASE_TABLE":
			schema, _ := n["schema_name"].(string)
			name, _ := n["table_name"].(string)
			if full := strings.ToLower(schema + "." + name); f.views[full] || schema == "" && f.views[strings.ToLower(name)] {
				refuse(name, whySession)
			}
		case "SHOW_REF":
			if n["query"] == nil {
				refuse("SHOW", whySession)
			}
		}
		if n["class"] == "FUNCTION" {
			name, _ := n["function_name"].(string)
			name = strings.ToLower(name)
			schema, _ := n["schema"].(string)
			switch {
			case f.session[name]:
				refuse(name+"()", whySession)
			case name == "json_serialize_plan":
				refuse(name+"()", whyHidden)
			case strings.Contains(name, "json") && slices.Contains(schemas, strings.ToLower(schema)):
				// Functions of the program's own stand before some of DuckDB, which end it where values are nested deep.
				refuse(name+"()", "is called by the schema that it is in; leave that out")
			}
		}
		return found == nil
	})
	return found
}

// parse returns the tree of a query. It looks at the text alone.
func (d *DB) parse(ctx context.Context, sql string) (node, error) {
	if strings.ContainsRune(sql, 0) {
		return nil, &Error{Message: "Parser Error: a character of the code 0 stands in the statement"}
	}
	var answer parsed
	err := d.Query(ctx, "SELECT CAST(json_serialize_sql("+Literal(sql)+") AS VARCHAR)", func(c *Chunk) (err error) {
		values, _ := Vector[String](c, 0)
		answer, err = readParsed(values[0].Text())
		return err
	})
	if err != nil {
		return nil, err
	}
	switch {
	case answer.Error && answer.Type == "parser":
		return nil, &Error{Message: "Parser Error: " + answer.Message + marking(sql, answer.Position)}
	case answer.Error:
		return nil, &RefusedError{What: "the statement", Why: "is not a SELECT, which is all that is run here: write what to read as one"}
	case len(answer.Statements) != 1:
		return nil, &RefusedError{What: "the text", Why: fmt.Sprintf("has %d statements, and is to be a single SELECT", len(answer.Statements))}
	}
	return answer.Statements[0].Node, nil
}

// parsed is what json_serialize_sql says of a text.
type parsed struct {
	Error      bool
	Type       string `json:"error_type"`
	Message    string `json:"error_message"`
	Position   string // in characters
	Statements []struct{ Node node }
}

func readParsed(text string) (p parsed, err error) {
	if err = json.Unmarshal([]byte(text), &p); err != nil {
		err = fmt.Errorf("duckdb: read a parsed statement: %w", err)
	}
	return p, err
}

// marking shows a place in a statement as DuckDB does.
func marking(sql, position string) string {
	at, err := strconv.Atoi(position)
	runes := []rune(sql)
	if err != nil || at < 0 || at > len(runes) {
		return ""
	}
	before, rest := string(runes[:at]), string(runes[at:])
	start := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(before[start:]+rest, "\n")
	label := fmt.Sprintf("LINE %d: ", strings.Count(before, "\n")+1)
	return "\n\n" + label + line + "\n" + strings.Repeat(" ", len(label)+len([]rune(before[start:]))) + "^"
}
