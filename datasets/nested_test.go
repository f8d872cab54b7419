package datasets

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/duck"
)

// remedyOf returns the SQL that a message proposes.
func remedyOf(t *testing.T, message string) string {
	t.Helper()
	_, sql, found := strings.Cut(message, "query: ")
	if !found {
		if _, sql, found = strings.Cut(message, "--query '"); found {
			sql, _, _ = strings.Cut(sql, "'"+"\n")
			sql = strings.TrimSuffix(sql, "'")
		}
	}
	if !found {
		t.Fatalf("no query in %q", message)
	}
	return sql
}

// nestedRows writes 40 rows of JSON, whose column n holds value.
func nestedRows(t *testing.T, value string) string {
	return write(t, "rows.jsonl", numbered(40, func(i int) string { return fmt.Sprintf(`{"x": %d, "y": %d, "n": %s}`, i, i%2, fmt.Sprintf(value, i)) }))
}

func TestNestedColumns(t *testing.T) {
	ctx := context.Background()
	for value, kind := range map[string]string{
		`["a%d", "b"]`:        "lists",
		`{"a": %d, "b": "z"}`: "structs",
		`[{"a": %d}]`:         "lists",
	} {
		dir := nestedRows(t, value)
		for name, cfg := range map[string]Config{
			"feature":  {Target: "y"},
			"declared": {Target: "y", Columns: map[string]Column{"n": {Type: TypeCategorical}}},
			"target":   {Target: "n"},
			"weight":   {Target: "y", Weight: "n"},
			"id":       {Target: "y", ID: Strings{"n"}},
			"split":    {Target: "y", Split: Split{Method: SplitGroup, Column: "n"}},
		} {
			cfg.Source.Path = Strings{"rows.jsonl"}
			_, err := Load(ctx, &cfg, dir, 1, nil)
			if err == nil {
				t.Fatalf("%s as %s: no error", value, name)
			}
			wantError(t, err, "rows.jsonl", `column "n"`, kind, "columns", "features", "query: SELECT")
		}
		for name, cfg := range map[string]Config{
			"ignore":   {Target: "y", Ignore: Strings{"n"}},
			"columns":  {Target: "y", Columns: map[string]Column{"n": {Type: TypeIgnore}}},
			"features": {Target: "y", Features: Strings{"x"}},
		} {
			cfg.Source.Path = Strings{"rows.jsonl"}
			d, err := Load(ctx, &cfg, dir, 1, nil)
			if err != nil {
				t.Errorf("%s, dropped by %s: %v", value, name, err)
			} else if len(d.Report.Warnings) > 0 {
				t.Errorf("%s, dropped by %s: warnings %q", value, name, d.Report.Warnings)
			}
		}
		_, err := Read(ctx, Source{Path: Strings{"rows.jsonl"}}, dir, nil)
		if _, err = Read(ctx, Source{Path: Strings{"rows.jsonl"}, Query: remedyOf(t, err.Error())}, dir, nil); err != nil {
			t.Errorf("%s: the remedy fails: %v", value, err)
		}
	}
}

func TestNestedInParquetAndQueries(t *testing.T) {
	ctx := context.Background()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dir := t.TempDir()
	sql := fmt.Sprintf("COPY (SELECT MAP {'KEY': i} AS m, i AS x FROM range(3) AS r(i)) TO %s (FORMAT parquet)", duck.Literal(filepath.Join(dir, "m.parquet")))
	if err := db.Query(ctx, sql, nil); err != nil {
		t.Fatal(err)
	}
	_, err = Read(ctx, Source{Path: Strings{"m.parquet"}}, dir, nil)
	wantError(t, err, "m.parquet", `column "m"`, "maps")
	f, err := Read(ctx, Source{Path: Strings{"m.parquet"}, Query: remedyOf(t, err.Error())}, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Column("m")); got != "0|1|2" {
		t.Errorf("the remedy gives %s", got)
	}
	_, err = Read(ctx, Source{Path: Strings{"m.parquet"}, Query: "SELECT ['a', 'b'] AS p FROM data"}, dir, nil)
	wantError(t, err, "m.parquet", "query", `column "p"`, "lists")
}

// TestDisagreeingJSON reads values that are lists in some rows only.
func TestDisagreeingJSON(t *testing.T) {
	ctx := context.Background()
	dir := write(t, "rows.jsonl", "{\"n\": 5}\n{\"n\": {\"KEY\": 7}}\n{\"n\": \"x\"}\n")
	_, err := Read(ctx, Source{Path: Strings{"rows.jsonl"}}, dir, nil)
	wantError(t, err, "rows.jsonl", `column "n"`, "JSON", "query: SELECT")
	if _, err = Read(ctx, Source{Path: Strings{"rows.jsonl"}, Query: remedyOf(t, err.Error())}, dir, nil); err != nil {
		t.Errorf("the remedy fails: %v", err)
	}
	// Nothing but missing values is JSON too, and is no mistake.
	writeTo(t, dir, "rows.jsonl", "{\"n\": null, \"m\": 1}\n{\"m\": 2}\n")
	if _, err = Read(ctx, Source{Path: Strings{"rows.jsonl"}}, dir, nil); err != nil {
		t.Error(err)
	}
}
