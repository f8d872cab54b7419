package table

import (
	"context"
	"maps"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"debut/datasets/duck"
)

// jsonTypes are the types of DuckDB that values of JSON have: what else it makes of their texts, such as times, dates
// and UUIDs, are texts.
var jsonTypes = map[mapping.Type]bool{
	mapping.TypeBoolean: true, mapping.TypeBigInt: true, mapping.TypeUBigInt: true, mapping.TypeHugeInt: true, mapping.TypeUHugeInt: true,
	mapping.TypeDouble: true, mapping.TypeVarchar: true, mapping.TypeList: true, mapping.TypeArray: true, mapping.TypeStruct: true, mapping.TypeMap: true,
}

// jsonReaderSQL is a FROM item that reads JSON files: texts as texts, and whole numbers that are too large for DuckDB's
// integers, whose columns are named in wide, as texts too.
func jsonReaderSQL(ctx context.Context, db *duck.DB, files []string) (sql string, wide map[string]bool, err error) {
	sql = "read_json(" + duck.Literals(files) + ", sample_size = -1)"
	columns, err := db.Describe(ctx, "SELECT * FROM "+sql)
	if err != nil {
		return "", nil, err
	}
	texts := map[string]bool{}
	for _, c := range columns {
		switch {
		case c.JSON:
			// Where the rows disagree about a type, values are what they are written as.
			if texts[c.Name], err = single(ctx, db, sql, c.Name); err != nil {
				return "", nil, err
			}
		case !jsonTypes[c.Type]:
			texts[c.Name] = true
		}
	}
	maps.DeleteFunc(texts, func(_ string, is bool) bool { return !is })
	reread := func(texts map[string]bool) (string, error) { return rereadJSON(ctx, db, files, texts) }
	if len(texts) > 0 {
		if sql, err = reread(texts); err != nil {
			return "", nil, err
		}
	}
	names, err := writtenWide(ctx, db, sql, func(names []string) (string, error) {
		all := map[string]bool{}
		for name := range texts {
			all[name] = true
		}
		for _, name := range names {
			all[name] = true
		}
		return reread(all)
	})
	if err != nil || len(names) == 0 {
		return sql, nil, err
	}
	wide = map[string]bool{}
	for _, name := range names {
		wide[name], texts[name] = true, true
	}
	sql, err = reread(texts)
	return sql, wide, err
}

// single reports a column of JSON without objects and lists.
func single(ctx context.Context, db *duck.DB, from, column string) (is bool, err error) {
	err = db.Query(ctx, "SELECT coalesce(bool_and(json_type("+duck.Name(column)+") NOT IN ('OBJECT', 'ARRAY')), TRUE) FROM "+from, func(c *duck.Chunk) error {
		v, _ := duck.Vector[bool](c, 0)
		is = v[0]
		return nil
	})
	return is, err
}

// rereadJSON is the reader of JSON files with the named columns as text, in all their digits.
func rereadJSON(ctx context.Context, db *duck.DB, files []string, texts map[string]bool) (string, error) {
	var items []string
	err := db.Query(ctx, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_json("+duck.Literals(files)+", sample_size = -1))", func(c *duck.Chunk) error {
		columns, _ := duck.Vector[duck.String](c, 0)
		types, _ := duck.Vector[duck.String](c, 1)
		for i := range columns {
			typ := types[i].Text()
			if texts[columns[i].Text()] {
				typ = "VARCHAR"
			}
			items = append(items, duck.Literal(columns[i].Text())+": "+duck.Literal(typ))
		}
		return nil
	})
	return "read_json(" + duck.Literals(files) + ", columns = {" + strings.Join(items, ", ") + "})", err
}
