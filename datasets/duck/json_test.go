package duck_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"debut/datasets/duck"
)

// TestDeepJSON calls every function of DuckDB that takes JSON with a value that is nested deeper than any stack.
func TestDeepJSON(t *testing.T) {
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	deep := func(n int, open, shut string) string {
		return fmt.Sprintf("SELECT repeat(%s, %d) || '1' || repeat(%s, %[2]d) AS x", duck.Literal(open), n, duck.Literal(shut))
	}
	for _, c := range []struct {
		refused bool
		exprs   []string
	}{
		{true, []string{"json_structure(x)", "json_structure(x::JSON)", "json_group_structure(x::JSON)", "json_pretty(x)", "json_contains(x, '1')", "json_contains('1', x)",
			"json_merge_patch(x, x)", "(SELECT count(*) FROM json_tree(x))", "x::JSON::VARIANT", "TRY_CAST(x::JSON AS VARIANT)"}},
		{false, []string{"json_transform(x, '{\"a\": \"JSON\"}')", "json_type(x)", "json_valid(x)", "x -> '$.a.a'", "json_keys(x)", "json_array_length(x)", "json_quote(x)",
			"to_json(x::JSON)", "x::JSON::STRUCT(a JSON)", "x::STRUCT(a VARCHAR)", "json_group_array(x::JSON)", "json_object('a', x::JSON)", "json_exists(x, '$.a')",
			"json_value(x, '$.a')", "json(x)", "[x::JSON]::JSON", "(SELECT count(*) FROM json_each(x))", "x::JSON::MAP(VARCHAR, JSON)"}},
	} {
		for _, expr := range c.exprs {
			query := func(rows string) error {
				sql := "SELECT length((" + expr + ")::VARCHAR) FROM (" + rows + ")"
				if _, err := db.Statement(ctx, sql); err != nil {
					return err
				}
				return db.Query(ctx, sql, nil)
			}
			if err := query(deep(100000, `{"a":`, `}`)); (err != nil) != c.refused {
				t.Errorf("%s of a value nested too deep: %v", expr, err)
			}
			if err := query(deep(99, `{"a":`, `}`)); err != nil && !strings.Contains(expr, "VARIANT") {
				t.Errorf("%s of a value that is not nested too deep: %v", expr, err)
			}
		}
	}
}
