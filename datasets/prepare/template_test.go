package prepare

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shopFiles are orders of half a year, with names that say what columns are, and items.
func shopFiles() map[string]string {
	var b strings.Builder
	b.WriteString("order_id,user,item,time,amount,bought\n")
	for i := range 600 {
		fmt.Fprintf(&b, "A%05d,u%d,i%d,2025-%02d-%02d %02d:00:00,%d.5,%t\n", i, i*i%40, i%7, 1+i/100, 1+i%28, i%24, i%50, i%3 == 0)
	}
	return map[string]string{"data.csv": b.String(), "items.csv": "item,brand\ni0,A\ni1,B\ni2,A\n"}
}

func TestTemplatePreparesAsItStands(t *testing.T) {
	for _, o := range []Outline{
		{Path: "data.csv", CSV: true},
		{Path: "data.csv", CSV: true, Sampled: 1000, Columns: []OutlineColumn{{Name: "order_id", Type: "categorical", SQL: "VARCHAR", Unique: true}, {Name: "user", Type: "categorical", SQL: "VARCHAR"},
			{Name: "item", Type: "categorical"}, {Name: "time", Type: "date"}, {Name: "amount", Type: "numeric"}, {Name: "bought", Type: "boolean"}}},
		{Path: "data.csv", CSV: true, Columns: []OutlineColumn{{Name: "order_id", Type: "categorical", SQL: "VARCHAR", Unique: true}, {Name: "user", Type: "categorical", SQL: "VARCHAR"},
			{Name: "item", Type: "categorical", SQL: "VARCHAR"}, {Name: "time", Type: "date", SQL: "TIMESTAMP"}, {Name: "amount", Type: "numeric", SQL: "DOUBLE"}, {Name: "bought", Type: "boolean", SQL: "BOOLEAN"}}},
	} {
		text, err := Template(o)
		if err != nil {
			t.Fatal(err)
		}
		dir := folder(t, shopFiles())
		d := mustRun(t, dir, string(text))
		if d.Rows != 600 || len(d.Parts) != 3 || len(d.Columns) != 6 {
			t.Errorf("%d rows in %v\n%s", d.Rows, d.Parts, text)
		}
		if said := strings.Contains(string(text), "# Columns, as the first 1000 rows are read"); said != (o.Sampled > 0) {
			t.Errorf("rows looked at are told: %t\n%s", said, text)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if len([]rune(line)) > 140 || strings.HasSuffix(line, " ") || strings.Contains(line, "\t") {
				t.Errorf("line %d: %q", i+1, line)
			}
		}
		// What is in comments works too.
		all := regexp.MustCompile(`(?m)^  # ((?:- |    ).*|items:.*)$`).ReplaceAllString(string(text), "  $1")
		all = regexp.MustCompile(`(?m)^    # (types:.*)$`).ReplaceAllString(all, "    $1")
		all = regexp.MustCompile(`(?m)^split:.*$`).ReplaceAllString(all, "")
		all = regexp.MustCompile(`(?m)^# (split:|memory:)`).ReplaceAllString(all, "$1")
		if strings.Count(all, "\n  - ") != 8 {
			t.Fatalf("not all steps are there:\n%s", all)
		}
		d = mustRun(t, dir, all)
		var kinds []string
		for _, s := range d.Steps {
			kinds = append(kinds, s.Kind)
		}
		if want := []string{"read", "deduplicate", "filter", "derive", "join", "aggregate", "label", "split", "fill", "drop"}; !slices.Equal(kinds, want) {
			t.Errorf("steps %v, want %v", kinds, want)
		}
		if c := d.Column("again"); c == nil || c.Type != "boolean" || d.Column("order_id") != nil || d.Column("rows_30d") == nil || d.Column("weekday") == nil || d.Column("brand") == nil {
			t.Errorf("columns %+v", d.Columns)
		}
	}
}

// Names of any kind come out as they are, in keys, in values and in SQL.
func TestTemplateOfOddNames(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"Orders 2025.csv", "no.csv", "data.csv", "2025.csv", "items.csv", "step one.csv", "ü: {x}.csv", "it's.csv", "a#b.csv"} {
		columns := []OutlineColumn{
			{Name: "{x}'s: \"id\"", Type: "categorical", SQL: "VARCHAR", Unique: true}, {Name: "Größe #1", Type: "numeric", SQL: "BIGINT"}, {Name: "true", Type: "boolean", SQL: "BOOLEAN"},
			{Name: "user id", Type: "numeric", SQL: "BIGINT"}, {Name: "at\nwhen", Type: "date", SQL: "VARCHAR", Dates: "DD.MM.YYYY"}, {Name: "s", Type: "unreadable", SQL: "STRUCT(x INTEGER)"},
		}
		path := filepath.Join(dir, strings.TrimSuffix(file, ".csv")+".parquet")
		copyTo(t, path, `SELECT i || 'x' AS "{x}'s: ""id""", i AS "Größe #1", i > 3 AS "true", i % 9 AS "user id", strftime(DATE '2025-01-20' + CAST(i % 90 AS INTEGER), '%d.%m.%Y') AS "at`+"\n"+`when", {x: i} AS s FROM range(100) r(i)`)
		text, err := Template(Outline{Path: filepath.Base(path), Null: []string{"NA", "?", "it's"}, Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(text), strings.NewReplacer("  # - filter", "  - filter", "  # - derive", "  - derive", "  # - fill", "  - fill", "  # - drop", "  - drop", "    # null: [NA, \"?\", \"it's\"]", "    \"null\": [NA, \"?\", \"it's\"]", // run files know the key without quotes

			"  # - label", "  - label", "  #     {name", "      {name").Replace(string(text))} {
			d := mustRun(t, dir, text)
			if c := d.Column("at\nwhen"); c == nil || c.First != "2025-01-20T00:00:00" || d.Column("s") != nil {
				t.Errorf("%s: %+v", file, d.Columns)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGuesses(t *testing.T) {
	g := guess([]OutlineColumn{
		{Name: "InvoiceNo", Type: "categorical"}, {Name: "orderID", Type: "categorical", Unique: true}, {Name: "CustomerID", Type: "numeric"}, {Name: "noise", Type: "numeric"},
		{Name: "valid", Type: "categorical"}, {Name: "InvoiceDate", Type: "date"}, {Name: "is_id", Type: "boolean"}, {Name: "HTTPCode", Type: "numeric"}, {Name: "Churned", Type: "categorical"},
		{Name: "visitor_type", Type: "categorical"}, {Name: "user", Type: "numeric"},
	})
	if g.id.Name != "orderID" || g.key.Name != "CustomerID" || g.time.Name != "InvoiceDate" || g.number.Name != "noise" {
		t.Errorf("%v %v %v %v", g.id, g.key, g.time, g.number)
	}
	for i, want := range []string{"an id or a code?", "an id?", "ids of users?", "numeric", "categorical", "a time", "boolean", "an id or a code?", "the label?", "categorical", "ids of users?"} {
		if !strings.Contains(g.lines[i], want) || strings.Contains(g.lines[i], "?") != strings.Contains(want, "?") {
			t.Errorf("%q, want %q", g.lines[i], want)
		}
	}
	if got := nameWords("HTTPServer2_lastSeenAt"); !slices.Equal(got, []string{"http", "server2", "last", "seen", "at"}) {
		t.Error(got)
	}
}
