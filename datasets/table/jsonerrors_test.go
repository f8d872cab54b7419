package table

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// What DuckDB does not read, or reads under another name, is told with its line and its key.
func TestKeysOfJSON(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"t.jsonl", "{\"a\":1,\"A\":2}\n", `t.jsonl:1: the keys "A" and "a" of line 1 differ in upper and lower case alone`},
		{"t.jsonl", "{\"a\":1}\n{\"b\":1}\n{\"A\":2}\n", `t.jsonl:3: the keys "A" and "a" of line 1 differ in upper and lower case alone, and SQL does not tell them apart; rename one in the file`},
		{"t.jsonl", "{\"a\":1}\n{\"a\":3,\n\"a\":4}\n", `t.jsonl:3: the key "a" stands twice in one object; rename one in the file`},
		{"t.json", "[{\"a\":1},\n {\"a\":3,\"a\":4}]\n", `t.json:2: the key "a" stands twice`},
		{"t.json", "[{\"a\":1},\n\n {\"A\":3}]\n", `t.json:3: the keys "A" and "a" of line 1`},
		{"t.jsonl", "{\"a\":1,\"o\":{\"b\":1,\"B\":2}}\n", `t.jsonl:1: the keys "B" and "b" of line 1`},
		{"t.jsonl", "{\"a\":1}\n{\"a\":3,\"b\":0\n{\"a\":1}\n", `t.jsonl:2: what begins here cannot be read as JSON (invalid character '{' after object key:value pair); repair it in the file`},
		{"t.jsonl", "{\"a\":1}\n{\"a\":3,\"b\":0\n", `t.jsonl:2: what begins here cannot be read as JSON (it does not end)`},
	} {
		for _, query := range []string{"", "SELECT * FROM data"} {
			// A column of its own is read whatever the others hold.
			for _, only := range []map[string]string{nil, {"a": TypeNumeric, OtherColumns: TypeIgnore}} {
				_, err := Read(t.Context(), Source{Path: configfile.Strings{c.name}, Query: query}, write(t, c.name, c.text), only)
				if err != nil || only == nil && c.want != "" {
					wantError(t, err, c.want)
				}
			}
		}
	}
	dir := write(t, "a.jsonl", "{\"a\":1}\n")
	writeTo(t, dir, "b.jsonl", "{\"a\":1}\n{\"A\":1}\n")
	_, err := Read(t.Context(), Source{Path: configfile.Strings{"*.jsonl"}}, dir, nil)
	wantError(t, err, `b.jsonl:2: the keys "A" and "a" of a.jsonl, line 1 differ`)
	f, err := Read(t.Context(), Source{Path: configfile.Strings{"c.jsonl"}}, write(t, "c.jsonl", "{\"a\":1,\"A_1\":2,\"o\":{\"a\":1}}\n"), map[string]string{"o": TypeIgnore})
	if err != nil || formatted(f.Column("A_1")) != "2" {
		t.Errorf("a name that only looks like DuckDB's: %v", err)
	}
}

// Parquet files have columns that SQL does not tell apart, under whose names it would give others.
func TestColumnsOfParquetByCase(t *testing.T) {
	dir := t.TempDir()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// The writer renames columns as the reader does: the names are changed in the file.
	for name, sql := range map[string]string{
		"t.parquet":     `SELECT 1 AS same, {'Same': 2, 'x': [1]} AS s, 3 AS "Othe"`,
		"twice.parquet": `SELECT 1 AS "Same", 3 AS "Othe"`,
		"good.parquet":  `SELECT 1 AS a, {'A': 2} AS s, 3 AS a_1`,
	} {
		path := filepath.Join(dir, name)
		if err := db.Query(t.Context(), "COPY ("+sql+") TO "+duck.Literal(path)+" (FORMAT parquet)", nil); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeTo(t, dir, name, strings.ReplaceAll(string(text), "Othe", "Same"))
	}
	f, err := Read(t.Context(), Source{Path: configfile.Strings{"good.parquet"}}, dir, map[string]string{"s": TypeIgnore})
	if err != nil || formatted(f.Column("a_1")) != "3" {
		t.Errorf("a name that only looks like DuckDB's: %v", err)
	}
	_, err = Read(t.Context(), Source{Path: configfile.Strings{"t.parquet"}}, dir, map[string]string{"s": TypeIgnore})
	wantError(t, err, `t.parquet: columns "same" and "Same" differ in upper and lower case alone, and SQL does not tell them apart; rename one where the file is made`)
	_, err = Read(t.Context(), Source{Path: configfile.Strings{"twice.parquet"}}, dir, nil)
	wantError(t, err, `twice.parquet: two columns are named "Same"; rename one`)
}
