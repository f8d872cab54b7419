package datasets

import (
	"fmt"
	"path/filepath"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// Ids that are whole numbers in a file with types are such in Parquet again, to the last digit; others are texts.
func TestWholeIDs(t *testing.T) {
	const rows = "SELECT CASE WHEN i <> 5 THEN (%s)::%s END AS id, i %% 2 AS label, i AS x FROM range(30) r(i)"
	for _, c := range []struct {
		file, id, typ, query string
		whole                bool
	}{
		{"t.parquet", "9223372036854775800 - i", "BIGINT", "", true},
		{"t.parquet", "9223372036854775800 - i", "BIGINT", "SELECT * FROM data", true},
		{"t.parquet", "-i", "SMALLINT", "", true},
		{"t.parquet", "i", "UINTEGER", "SELECT id, x, label FROM data WHERE x < 100", true},
		{"t.json", "9007199254740993 + i", "BIGINT", "", true},
		{"t.parquet", "18446744073709551000 + i::HUGEINT", "UBIGINT", "", false},
		{"t.parquet", "'9' || i", "VARCHAR", "", false},
		{"t.parquet", "i * 1.5", "DOUBLE", "", false},
		// A CSV has no types: the same table gives the same, with SQL or without.
		{"t.csv", "9007199254740993 + i", "BIGINT", "", false},
		{"t.csv", "9007199254740993 + i", "BIGINT", "SELECT * FROM data", false},
	} {
		dir := t.TempDir()
		copyTo(t, filepath.Join(dir, c.file), fmt.Sprintf(rows, c.id, c.typ))
		cfg := Config{Source: table.Source{Path: configfile.Strings{c.file}}, Target: "label", ID: configfile.Strings{"id"}}
		d, err := Load(t.Context(), &cfg, dir, 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := new(encoding.Encoded)
		for b, err := range d.Encoder.Blocks(t.Context(), table.Source{Path: configfile.Strings{c.file}, Query: c.query}, dir, false, encoding.Input{}, 7) {
			if err != nil {
				t.Fatal(err)
			}
			if err := all.Append(b.Encoded); err != nil {
				t.Fatal(err)
			}
		}
		ids := all.IDColumns[0]
		if whole := ids.SQL == "BIGINT"; whole != c.whole {
			t.Errorf("%s of %s %q: whole %t", c.typ, c.file, c.query, whole)
		}
		var values any = ids.Values
		want := "VARCHAR"
		if ids.SQL != "" {
			values, want = table.TypedTexts{Values: ids.Values, SQL: ids.SQL}, "BIGINT"
		}
		for _, name := range []string{"out.parquet", "out.csv", "out.jsonl"} {
			if err := table.Write(t.Context(), filepath.Join(dir, name), []table.OutputColumn{{Name: "id", Values: values}, {Name: "x", Values: make([]float64, 30)}}); err != nil {
				t.Fatal(err)
			}
		}
		db, err := duck.Open(duck.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, name := range []string{"out.parquet", "out.csv", "out.jsonl"} {
			read := "read_csv(" + duck.Literal(filepath.Join(dir, name)) + ", all_varchar = true)"
			switch filepath.Ext(name) {
			case ".parquet":
				read = "read_parquet(" + duck.Literal(filepath.Join(dir, name)) + ")"
			case ".jsonl":
				read = "read_json(" + duck.Literal(filepath.Join(dir, name)) + ", columns = {id: 'VARCHAR'})"
			}
			sql := fmt.Sprintf("SELECT count(*) FILTER (WHERE a.id IS NOT DISTINCT FROM b.id), max(a.t) FROM (SELECT id::VARCHAR AS id, typeof(id) AS t, row_number() OVER () AS n FROM %s) a "+
				"JOIN (SELECT *, row_number() OVER () AS n FROM (SELECT id::VARCHAR AS id FROM ("+rows+"))) b USING (n)", read, c.id, c.typ)
			if err := db.Query(t.Context(), sql, func(chunk *duck.Chunk) error {
				n, _ := duck.Vector[int64](chunk, 0)
				typ, _ := duck.Vector[duck.String](chunk, 1)
				equal := int64(30)
				if c.typ == "DOUBLE" {
					equal = n[0] // 3.0 is 3
				}
				if n[0] != equal || name == "out.parquet" && typ[0].Text() != want {
					t.Errorf("%s of %s in %s: %d of 30 ids, %s", c.typ, c.file, name, n[0], typ[0].Text())
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
