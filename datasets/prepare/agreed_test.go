package prepare_test

import (
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// agreed are examples that commands once understood differently.
var agreed = []struct {
	name string
	example
	refused string // the column at fault, where all refuse it
}{
	{"a boolean declared categorical", example{
		files:  []file{{"t.parquet", `SELECT false AS uid, 'yes' AS label`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"uid": "categorical"}}}, ""},
	{"numbers declared categorical", example{
		files:  []file{{"t.parquet", `SELECT 1.50::DOUBLE AS a, 2.50::DECIMAL(9,2) AS b, DATE '2024-05-06' AS c, 7 AS d, 'yes' AS label`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"a": "categorical", "b": "categorical", "c": "categorical", "d": "text"}}}, ""},
	{"0 and 1 declared boolean", example{
		files:  []file{{"t.parquet", `SELECT * FROM (VALUES (0, 1.0::DOUBLE, 'no'), (1, 0, 'yes')) v(a, b, label)`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"a": "boolean", "b": "boolean"}}}, ""},
	{"2 declared boolean", example{
		files:  []file{{"t.parquet", `SELECT * FROM (VALUES (0, 'no'), (2, 'yes')) v(a, label)`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"a": "boolean"}}}, "a"},
	{"times declared DATE", example{
		files:  []file{{"t.jsonl", "{\"q\":\"15.01.2016 16:38:22\",\"label\":\"yes\"}\n"}},
		source: table.Source{Path: configfile.Strings{"t.jsonl"}, Types: map[string]string{"q": "DATE"}}}, ""},
	{"decimals declared DECIMAL", example{
		files:  []file{{"t.csv", "x,label\n1.005,no\n2.5,yes\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"x": "DECIMAL(9,2)"}}}, ""},
	{"ids declared BIGINT", example{
		files:  []file{{"t.csv", "x,label\n9007199254740993,no\n9007199254740995,yes\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"x": "BIGINT"}}}, ""},
	{"flags declared BOOLEAN beside numbers", example{
		files:  []file{{"t.csv", "data,v0,label\n2228754141581,,no\n7261092835212,yes,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"v0": "BOOLEAN"}}}, ""},
	{"a mark among numbers with a declared comma", example{
		files:  []file{{"t.csv", "column1,label\n\"-27,33\",no\nnull,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Decimal: ","}}, "column1"},
	{"a declared date that the model leaves out", example{
		files:  []file{{"t.parquet", `SELECT * FROM (VALUES ('10 May 2007', '12/13/32', 'no'), ('23 Feb 2035', NULL, 'yes')) v("NULL", rowid, label)`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"rowid": "date"}}}, ""},
	{"a file with a comma in its date beside one without", example{
		files:  []file{{"t0.csv", "|yes\n"}, {"t1.csv", "Thu, 13 Sep 2001 04:22:11 -0700|yes\n"}},
		source: table.Source{Path: configfile.Strings{"t*"}, Header: new(false), Names: []string{"x", "label"}}}, ""},
	{"a zero with a sign", example{
		files:  []file{{"t.csv", "row,label\n-0,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}}}, ""},
	{"ids declared numeric", example{
		files:  []file{{"t.csv", "x,label\n9007199254740993,no\n9007199254740995,yes\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"x": "numeric"}}}, ""},
	{"a date declared numeric", example{
		files:  []file{{"t.csv", "select,label\n\t2001.09.13,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"select": "numeric"}}}, "select"},
	{"a date declared DOUBLE beside another fault", example{
		files:  []file{{"t.csv", "x_2,rowid,label\n\"-67,90\",30/7/2006,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"rowid": "DOUBLE"}}}, "rowid"},
	{"numbers that an INTEGER does not hold beside another fault", example{
		files:  []file{{"t.csv", "uid,x,label\n?,\u00a0-6442204815864397520,yes\n2001-09-09,\u00a0\u00a0,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"x": "INTEGER"}}}, "x"},
	{"grouped numbers declared DECIMAL", example{
		files:  []file{{"t.csv", "x_2,label\n319'058,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"x_2": "DECIMAL(18,4)"}}}, "x_2"},
	{"a few dates among flags declared categorical", example{
		files:  []file{{"t.csv", "c0,label\n17/09/01,no\n" + strings.Repeat("1,yes\n0,no\n", 12)}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"c0": "categorical"}}}, ""},
	{"texts of a typed file", example{
		files:  []file{{"t.parquet", `SELECT CASE WHEN i = 7 THEN 'x' ELSE '' || i END AS code, 'yes' AS label FROM range(40) r(i)`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}}}, ""},
	{"numbers of JSON with a mark", example{
		files:  []file{{"t.jsonl", "{\"data\":\"1162484683685391936\",\"label\":\"no\"}\n{\"data\":\"-\",\"label\":\"no\"}\n"}},
		source: table.Source{Path: configfile.Strings{"t.jsonl"}}}, "data"},
	{"dates with a mark", example{
		files:  []file{{"t.csv", "c,label\n07/12/37,no\n-,yes\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}}}, "c"},
	{"dates with a mark in JSON", example{
		files:  []file{{"t.jsonl", "{\"row\":\"2001.09.11\",\"label\":\"yes\"}\n{\"row\":\"n/a\",\"label\":\"yes\"}\n"}},
		source: table.Source{Path: configfile.Strings{"t.jsonl"}}}, "row"},
	{"JSON of numbers and texts", example{
		files:  []file{{"t.jsonl", "{\"v0\":\"00744\",\"label\":\"no\"}\n{\"v0\":14929,\"label\":\"yes\"}\n"}},
		source: table.Source{Path: configfile.Strings{"t.jsonl"}}}, ""},
	{"JSON of numbers and a text", example{
		files:  []file{{"t.jsonl", "{\"v0\":\"2024/04/24\",\"label\":\"no\"}\n" + strings.Repeat("{\"v0\":759700636748779744,\"label\":\"yes\"}\n", 30)}},
		source: table.Source{Path: configfile.Strings{"t.jsonl"}}}, "v0"},
	{"a column called rowid", example{
		files:  []file{{"t.csv", "rowid,label\n12 Sep 2001,yes\n10 Sep 2001,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}}}, ""},
	{"marks of missing values beside times of a file", example{
		files:  []file{{"t.parquet", `SELECT TIME '01:30:00' AS uid, 'yes' AS label`}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Null: configfile.Strings{"?"}}}, ""},
	{"ids beside a decimal comma", example{
		files:  []file{{"t.csv", "x,label\n410811879560587512,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Decimal: ","}}, ""},
	{"numbers that are not finite", example{
		files:  []file{{"t.parquet", "SELECT CASE i WHEN 7 THEN 'nan' ELSE '1' END::DOUBLE AS a, CASE i WHEN 5 THEN 'inf' ELSE '1' END::DOUBLE AS b, 'yes' AS label FROM range(9) r(i)"}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}}}, "b"},
	{"a mark where a truth value is declared", example{
		files:  []file{{"t.csv", "row,label\nnull\u00a0,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"row": "boolean"}}}, "row"},
	{"amounts for a model of plain numbers", example{
		files:  []file{{"t.csv", "price,label\n342.12 EUR,no\n"}},
		train:  []file{{"before.csv", "price,label\n" + strings.Repeat("1.5,no\n2.25,yes\n", 15)}},
		source: table.Source{Path: configfile.Strings{"t.csv"}}}, ""},
	{"plain numbers for a model of amounts", example{
		files:  []file{{"t.csv", "price,label\n342.12,no\n"}},
		train:  []file{{"before.csv", "price,label\n" + strings.Repeat("1.5 EUR,no\n2.25 EUR,yes\n", 15)}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"price": "numeric"}}}, ""},
	{"no date of SQL behind the rows that are looked at first", example{
		files:  []file{{"t.csv", "day,label\n" + strings.Repeat("13/09/2001,no\n17/09/2001,yes\n", 1100) + "tomorrow,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"day": "TIMESTAMP"}}}, "day"},
	{"a zero with a sign and whole numbers declared VARCHAR", example{
		files:  []file{{"t.parquet", "SELECT * FROM (VALUES ('-0.0'::DOUBLE, 'yes'), (7, 'no'), (1e20, 'no')) v(a, label)"}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"a": "VARCHAR"}}}, ""},
	{"numbers that are not finite declared categorical", example{
		files:  []file{{"t.parquet", "SELECT * FROM (VALUES (1::DOUBLE, 'yes'), ('nan', 'no')) v(a, label)"}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"a": "categorical"}}}, "a"},
	{"numbers that are not finite declared VARCHAR", example{
		files:  []file{{"t.parquet", "SELECT * FROM (VALUES (1::FLOAT, 'yes'), ('inf', 'no')) v(a, label)"}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}, Types: map[string]string{"a": "VARCHAR"}}}, "a"},
	{"two columns of dates at fault, of which one is declared", example{
		files:  []file{{"t.csv", "price,day,label\nnone,n/a,yes\n"}},
		train:  []file{{"before.csv", "price,day,label\n" + strings.Repeat("13/09/2001,20/09/09,no\n17/09/2001,29/03/17,yes\n", 15)}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"day": "DD/MM/YY"}}}, "day"},
	{"times declared DATE, as they are written", example{
		files:  []file{{"t.csv", "q,label\n15.01.2016 16:38:22,yes\n30.01.2016 16:38:22,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"q": "TIMESTAMP"}}}, ""},
	{"decimals that are not whole", example{
		files:  []file{{"t.csv", "x,label\n1,yes\n2.5,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Types: map[string]string{"x": "INTEGER"}}}, "x"},
	{"texts of numbers in a file with types", example{
		files:  []file{{"t.parquet", "SELECT '7' || i AS a, '0' || i AS b, 'yes' AS label FROM range(3) r(i)"}},
		source: table.Source{Path: configfile.Strings{"t.parquet"}}}, ""},
	{"true and false in several ways", example{
		files:  []file{{"t.csv", "a,b,label\ntrue,yes,no\nTRUE,Y,yes\nfalse,n,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}}}, ""},
	{"dates in several ways", example{
		files:  []file{{"t.csv", "day,label\n17-Sep-01,no\n16-Sep-2001,yes\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}}}, ""},
	{"wide numbers in JSON", example{
		files:  []file{{"t.jsonl", "{\"id\":7357338890976132894,\"label\":\"no\"}\n"}},
		source: table.Source{Path: configfile.Strings{"t.jsonl"}}}, ""},
	{"marks that cannot stand beside each other", example{
		files:  []file{{"t.csv", "x,label\n1,no\n"}},
		source: table.Source{Path: configfile.Strings{"t.csv"}, Thousands: "."}}, "-"},
}

func TestAgreed(t *testing.T) {
	c := newChecker(t, 0)
	for _, a := range agreed {
		found, err := c.disagreement(&a.example)
		if err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		if found != "" {
			t.Errorf("%s: %s", a.name, found)
		}
		read := ofFrame(table.Read(c.ctx, a.source, c.dir, nil))
		switch {
		case a.refused == "" && read.refused != nil, a.refused == "-" && read.refused == nil, a.refused > "-" && (read.refused == nil || read.refused.column != a.refused):
			t.Errorf("%s: read as %s", a.name, &read)
		}
	}
}
