package datasets

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
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
	if quoted, err := strconv.QuotedPrefix(sql); err == nil { // as a run file wants it
		if sql, err = strconv.Unquote(quoted); err != nil {
			t.Fatal(err)
		}
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
			"declared": {Target: "y", Columns: map[string]encoding.Column{"n": {Type: table.TypeCategorical}}},
			"target":   {Target: "n"},
			"weight":   {Target: "y", Weight: "n"},
			"id":       {Target: "y", ID: configfile.Strings{"n"}},
			"split":    {Target: "y", Split: Split{Method: SplitGroup, Column: "n"}},
		} {
			cfg.Source.Path = configfile.Strings{"rows.jsonl"}
			_, err := Load(ctx, &cfg, dir, 1, nil)
			if err == nil {
				t.Fatalf("%s as %s: no error", value, name)
			}
			wantError(t, err, "rows.jsonl", `column "n"`, kind, "columns", "features", "query: SELECT")
		}
		for name, cfg := range map[string]Config{
			"ignore":   {Target: "y", Ignore: configfile.Strings{"n"}},
			"columns":  {Target: "y", Columns: map[string]encoding.Column{"n": {Type: table.TypeIgnore}}},
			"features": {Target: "y", Features: configfile.Strings{"x"}},
		} {
			cfg.Source.Path = configfile.Strings{"rows.jsonl"}
			d, err := Load(ctx, &cfg, dir, 1, nil)
			if err != nil {
				t.Errorf("%s, dropped by %s: %v", value, name, err)
			} else if len(d.Report.Warnings) > 0 {
				t.Errorf("%s, dropped by %s: warnings %q", value, name, d.Report.Warnings)
			}
		}
		_, err := table.Read(ctx, table.Source{Path: configfile.Strings{"rows.jsonl"}}, dir, nil)
		if _, err = table.Read(ctx, table.Source{Path: configfile.Strings{"rows.jsonl"}, Query: remedyOf(t, err.Error())}, dir, nil); err != nil {
			t.Errorf("%s: the remedy fails: %v", value, err)
		}
	}
}
