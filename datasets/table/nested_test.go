package table

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
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
	_, err = Read(ctx, Source{Path: configfile.Strings{"m.parquet"}}, dir, nil)
	wantError(t, err, "m.parquet", `column "m"`, "maps")
	f, err := Read(ctx, Source{Path: configfile.Strings{"m.parquet"}, Query: remedyOf(t, err.Error())}, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Column("m")); got != "0|1|2" {
		t.Errorf("the remedy gives %s", got)
	}
	_, err = Read(ctx, Source{Path: configfile.Strings{"m.parquet"}, Query: "SELECT ['a', 'b'] AS p FROM data"}, dir, nil)
	wantError(t, err, "m.parquet", "query", `column "p"`, "lists")
}

// TestDisagreeingJSON reads values that are lists in some rows only.
func TestDisagreeingJSON(t *testing.T) {
	ctx := context.Background()
	dir := write(t, "rows.jsonl", "{\"n\": 5}\n{\"n\": {\"KEY\": 7}}\n{\"n\": \"x\"}\n")
	_, err := Read(ctx, Source{Path: configfile.Strings{"rows.jsonl"}}, dir, nil)
	wantError(t, err, "rows.jsonl", `column "n"`, "JSON", "query: SELECT")
	if _, err = Read(ctx, Source{Path: configfile.Strings{"rows.jsonl"}, Query: remedyOf(t, err.Error())}, dir, nil); err != nil {
		t.Errorf("the remedy fails: %v", err)
	}
	// Nothing but missing values is JSON too, and is no mistake.
	writeTo(t, dir, "rows.jsonl", "{\"n\": null, \"m\": 1}\n{\"m\": 2}\n")
	if _, err = Read(ctx, Source{Path: configfile.Strings{"rows.jsonl"}}, dir, nil); err != nil {
		t.Error(err)
	}
}
