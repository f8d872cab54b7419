package prepare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

// typedColumns are types of columns with a value, and what it is as text, as a number, as a date, and as true or false;
// "" where it is none.
var typedColumns = []struct{ typ, value, text, number, date, truth string }{
	{"BOOLEAN", "true", "true", "1", "", "true"},
	{"TINYINT", "1", "1", "1", "", "true"},
	{"INTEGER", "0", "0", "0", "", "false"},
	{"UINTEGER", "7", "7", "7", "", ""},
	{"UBIGINT", "18446744073709551615", "18446744073709551615", "1.8446744073709552e+19", "", ""},
	{"FLOAT", "2", "2", "2", "", ""},
	{"DOUBLE", "1", "1", "1", "", "true"},
	{"DOUBLE", "0.1", "0.1", "0.1", "", ""},
	{"DECIMAL(10,2)", "1.50", "1.5", "1.5", "", ""},
	{"DATE", "2024-01-02", "2024-01-02", "", "2024-01-02", ""},
	{"TIMESTAMP", "2024-01-02 03:04:05", "2024-01-02 03:04:05", "", "2024-01-02T03:04:05", ""},
	{"TIMESTAMP_NS", "2024-01-02 03:04:05.5", "2024-01-02 03:04:05.5", "", "2024-01-02T03:04:05.5", ""},
	{"TIMESTAMPTZ", "2024-01-02 03:04:05+02", "2024-01-02 01:04:05+00", "", "2024-01-02T01:04:05", ""},
	{"UUID", "eeccb8c5-9943-b2bb-bb5e-222f4e14b687", "eeccb8c5-9943-b2bb-bb5e-222f4e14b687", "", "", ""},
	{"VARCHAR", "yes", "yes", "", "", "true"},
	{"VARCHAR", "01220", "01220", "1220", "", ""},
	{"VARCHAR", "13/01/2024", "13/01/2024", "", "2024-01-13", ""},
}

// What a source declares a column to be it is of every type in the files, for every reader; of what it cannot be, each of
// them names the value.
func TestDeclaredTypesOfTypedColumns(t *testing.T) {
	type column struct{ name, sql, declared, want string }
	var good, bad []column
	for k, c := range typedColumns {
		for j, d := range []struct{ declared, kind, want string }{
			{"categorical", "categorical", c.text}, {"text", "categorical", c.text}, {"VARCHAR", "categorical", c.text},
			{"numeric", "numeric", c.number}, {"DOUBLE", "numeric", c.number}, {"date", "date", c.date}, {"TIMESTAMP", "date", c.date},
			{"boolean", "boolean", c.truth}, {"BOOLEAN", "boolean", c.truth},
		} {
			v := column{fmt.Sprintf("c%d_%d", k, j), fmt.Sprintf("CAST('%s' AS %s)", c.value, c.typ), d.declared, d.kind + " " + d.want}
			if d.want == "" {
				bad = append(bad, v)
			} else {
				good = append(good, v)
			}
		}
	}
	dir := t.TempDir()
	write := func(file string, columns []column) (types map[string]string) {
		t.Helper()
		items := make([]string, len(columns))
		types = map[string]string{}
		for i, c := range columns {
			items[i], types[c.name] = c.sql+` AS "`+c.name+`"`, c.declared
		}
		copyTo(t, filepath.Join(dir, file), "SELECT "+strings.Join(items, ", "))
		return types
	}
	types := write("good.parquet", good)
	for _, query := range []string{"", "SELECT * FROM data"} {
		f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"good.parquet"}, Types: types, Query: query}, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range good {
			if got := f.Column(c.name).Kind.String() + " " + f.Column(c.name).Format(0); got != c.want {
				t.Errorf("%s declared %s, query %q: %s, want %s", c.sql, c.declared, query, got, c.want)
			}
		}
		declared := ""
		for name, typ := range types {
			declared += fmt.Sprintf("%s: %s, ", name, typ)
		}
		if query != "" {
			query = "query: " + query + ", "
		}
		if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
			t.Fatal(err)
		}
		mustRun(t, dir, "sources: {s: {path: good.parquet, "+query+"types: {"+declared+"}}}\nsplit: {method: none}\n")
		d, err := manifest.Read(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]string{}
		for _, c := range d.Columns {
			said[c.Name] = c.Type
		}
		f, err = table.Read(t.Context(), table.Source{Path: configfile.Strings{"out/train.parquet"}}, dir, said)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range good {
			if got := f.Column(c.name).Kind.String() + " " + f.Column(c.name).Format(0); got != c.want {
				t.Errorf("%s declared %s, prepared by %q: %s, want %s", c.sql, c.declared, query, got, c.want)
			}
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for i, c := range bad {
		types := write("bad.parquet", bad[i:i+1])
		for _, query := range []string{"", "SELECT * FROM data"} {
			_, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"bad.parquet"}, Types: types, Query: query}, dir, nil)
			wantError(t, dir, err, "bad.parquet", `column "`+c.name+`": "`)
		}
		if i%25 == 0 { // it takes its time
			_, err := run(t, dir, fmt.Sprintf("sources: {s: {path: bad.parquet, types: {%s: %s}}}\nsplit: {method: none}\n", c.name, c.declared))
			wantError(t, dir, err, "bad.parquet", `column "`+c.name+`": "`)
		}
	}
}
