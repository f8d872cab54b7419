package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"debut/datasets/configfile"
)

func TestReadTypes(t *testing.T) {
	f := mustRead(t, "n,i,b,d,ts,s,zip\n"+
		"1.5,1,TRUE,2024-02-29,2024-02-29 12:30:00,a,007\n"+
		" -2e3 , 2,false,2024-03-01,2024-03-01 00:00:01, b ,008\n"+
		",,,,,,\n", Source{}, map[string]string{"zip": TypeCategorical})
	want := []struct {
		kind   Kind
		values string
	}{
		{Numeric, "1.5|-2000|"},
		{Numeric, "1|2|"},
		{Boolean, "true|false|"},
		{Date, "2024-02-29|2024-03-01|"},
		{Date, "2024-02-29T12:30:00|2024-03-01T00:00:01|"},
		{Text, "a|b|"},
		{Text, "007|008|"},
	}
	for i, w := range want {
		c := f.Columns[i]
		if c.Kind != w.kind || formatted(c) != w.values {
			t.Errorf("column %s: %v %q, want %v %q", c.Name, c.Kind, formatted(c), w.kind, w.values)
		}
	}
	if f.Rows != 3 {
		t.Errorf("%d rows, want 3", f.Rows)
	}
}

// What notation numbers are declared to have says nothing about codes and ids, which have no marks of it.
func TestCodesBesideNotations(t *testing.T) {
	f := mustRead(t, "zip;id;price;size;grouped\n01067;12345678901234567;1,5;1;1.234\n80331;12345678901234568;2,25;2;10.500\n00001;12345678901234569;1.000,5;3;2.345\n",
		Source{Decimal: ",", Thousands: "."}, nil)
	for i, want := range []struct {
		kind   Kind
		values string
	}{{Text, "01067|80331|00001"}, {Text, "12345678901234567|12345678901234568|12345678901234569"}, {Numeric, "1.5|2.25|1000.5"}, {Numeric, "1|2|3"}, {Numeric, "1234|10500|2345"}} {
		if c := f.Columns[i]; c.Kind != want.kind || formatted(c) != want.values {
			t.Errorf("column %s: %v %q, want %v", c.Name, c.Kind, formatted(c), want)
		}
	}
}

func TestReadCSVForms(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		src     Source
	}{
		"semicolon":       {"a;b\n1;x\n2;y\n", Source{}},
		"tab":             {"a\tb\n1\tx\n2\ty\n", Source{}},
		"declared tab":    {"a\tb\n1\tx\n2\ty\n", Source{Delimiter: "tab"}},
		"bar":             {"a|b\n1|x\n2|y\n", Source{}},
		"mark and crlf":   {"\ufeffa,b\r\n1,x\r\n2,y\r\n", Source{}},
		"no last newline": {"a,b\n1,x\n2,y", Source{}},
		"quoted":          {"\"a\",\"b\"\n1,\"x\"\n\"2\",y\n", Source{}},
		"names":           {"1,x\n2,y\n", Source{Names: []string{"a", "b"}}},
		"names, header":   {"c,d\n1,x\n2,y\n", Source{Names: []string{"a", "b"}, Header: new(true)}},
		"blank lines":     {"\n\na,b\n\n1,x\n\n2,y\n\n", Source{}},
		"blank, query":    {"\n\na,b\n1,x\n2,y\n", Source{Query: "SELECT * FROM data"}},
		"padded":          {" a , b\n1, x\n2 ,y \n", Source{}},
		"comma decimals":  {"a;b\n1;x\n2;y\n", Source{Delimiter: ";"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := mustRead(t, c.content, c.src, nil)
			if len(f.Columns) != 2 || f.Column("a") == nil || f.Column("b") == nil {
				t.Fatalf("columns %q", f.Names())
			}
			if got := formatted(f.Column("a")) + " " + formatted(f.Column("b")); got != "1|2 x|y" {
				t.Errorf("values %s", got)
			}
			if f.Column("a").Kind != Numeric {
				t.Errorf("a is %v", f.Column("a").Kind)
			}
		})
	}
}

func TestReadQuotedContent(t *testing.T) {
	f := mustRead(t, "a,b\n1,\"x, \"\"y\"\"\nz\"\n2,plain\n", Source{}, nil)
	if got, want := f.Columns[1].Format(0), "x, \"y\"\nz"; got != want {
		t.Errorf("value %q, want %q", got, want)
	}
	if got := f.Place(1); got != "data.csv:4" {
		t.Errorf("place of the second row %q, want line 4", got)
	}
}

func TestReadNoHeader(t *testing.T) {
	f := mustRead(t, "1,x\n2,y\n", Source{}, nil)
	if got := strings.Join(f.Names(), " "); got != "column0 column1" || f.Rows != 2 {
		t.Errorf("columns %q, %d rows", got, f.Rows)
	}
}

func TestReadFilesAndCompression(t *testing.T) {
	dir := t.TempDir()
	writeTo(t, dir, "part-1.csv", "a,b\n1,x\n")
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write([]byte("a,b\n2,y\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeTo(t, dir, "part-2.csv.gz", gz.String())
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	writeTo(t, dir, "part-3.csv.zst", string(enc.EncodeAll([]byte("a,b\n3,bad\n"), nil)))
	f, err := Read(context.Background(), Source{Path: configfile.Strings{"part-*"}}, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Columns[0]) + " " + formatted(f.Columns[1]); got != "1|2|3 x|y|bad" {
		t.Errorf("values %s", got)
	}
	if got := f.Place(2); got != "part-3.csv.zst:2" {
		t.Errorf("place %q", got)
	}
	// An explicit list keeps its order.
	f, err = Read(context.Background(), Source{Path: configfile.Strings{"part-3.csv.zst", "part-1.csv"}}, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := formatted(f.Columns[0]); got != "3|1" {
		t.Errorf("values %s", got)
	}
	writeTo(t, dir, "part-4.csv", "b,a\nz,4\n")
	_, err = Read(context.Background(), Source{Path: configfile.Strings{"part-*"}}, dir, nil)
	wantError(t, err, "part-4.csv:1", "part-1.csv", "another order")
}

func TestReadJSONAndParquet(t *testing.T) {
	dir := write(t, "rows.jsonl", `{"a": 1, "b": "x", "c": true, "d": "2024-01-02", "l": ["x", "y"]}
{"a": 2.5, "b": "12", "c": false, "d": "2024-01-03"}
{"b": null}
`)
	ctx := context.Background()
	_, err := Read(ctx, Source{Path: configfile.Strings{"rows.jsonl"}}, dir, nil)
	wantError(t, err, "rows.jsonl", `column "l"`, "lists")
	f, err := Read(ctx, Source{Path: configfile.Strings{"rows.jsonl"}}, dir, map[string]string{"l": TypeIgnore})
	if err != nil {
		t.Fatal(err)
	}
	want := "numeric 1|2.5| categorical x|12| boolean true|false| date 2024-01-02|2024-01-03|"
	var got []string
	for _, c := range f.Columns {
		got = append(got, c.Kind.String()+" "+formatted(c))
	}
	if s := strings.Join(got, " "); s != want {
		t.Errorf("JSON:\n%s\nwant\n%s", s, want)
	}
	err = Write(ctx, filepath.Join(dir, "rows.parquet"), []OutputColumn{
		{"i", []int64{1 << 40, -1}}, {"x", []float32{0.1, 3}}, {"s", []string{"a,\"b\"\n", ""}}, {"p", []bool{true, false}}, {"y", []float64{0.1, 1e300}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err = Read(ctx, Source{Path: configfile.Strings{"rows.parquet"}}, dir, map[string]string{"i": TypeCategorical})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Column("i"); got.Kind != Text || formatted(got) != "1099511627776|-1" {
		t.Errorf("i = %v %q", got.Kind, formatted(got))
	}
	if got := f.Column("x").Floats; float32(got[0]) != 0.1 {
		t.Errorf("x = %v", got)
	}
	if got := f.Column("s"); formatted(got) != "a,\"b\"|" {
		t.Errorf("s = %q", formatted(got))
	}
	if got := f.Column("y").Floats; !slices.Equal(got, []float64{0.1, 1e300}) {
		t.Errorf("y = %v", got)
	}
}

func TestReadQuery(t *testing.T) {
	dir := write(t, "orders.csv", "id,customer,price\n1,a,2.5\n2,b,4\n3,a,1\n")
	writeTo(t, dir, "customers.csv", "name,vip\na,true\nb,false\n")
	src := Source{
		Path:   configfile.Strings{"orders.csv"},
		Tables: map[string]Source{"customers": {Path: configfile.Strings{"customers.csv"}}},
		Query:  "SELECT customer, vip, sum(price) AS total FROM data JOIN customers ON customer = name GROUP BY ALL ORDER BY customer -- done",
	}
	f, err := Read(context.Background(), src, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range f.Columns {
		got = append(got, c.Name+" "+c.Kind.String()+" "+formatted(c))
	}
	if s, want := strings.Join(got, " "), "customer categorical a|b vip boolean true|false total numeric 3.5|4"; s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	for query, part := range map[string]string{
		"SELECT nope FROM data":                "nope",
		"SELEC * FROM data":                    "syntax",
		"SELECT 1 AS a; SELECT 2 AS a":         "2 statements",
		"DROP VIEW data":                       "SELECT",
		"SELECT * FROM data WHERE price < 0":   "no rows",
		"SELECT id AS a, price AS a FROM data": `named "a"`,
	} {
		src.Query = query
		_, err := Read(context.Background(), src, dir, nil)
		wantError(t, err, "query", part)
	}
}

func TestReadCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Read(ctx, Source{Path: configfile.Strings{"data.csv"}}, write(t, "data.csv", "a\n1\n"), nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

// TestReadOrder makes DuckDB read several row groups in parallel.
func TestReadOrder(t *testing.T) {
	const n = 300_000
	f := mustRead(t, "i,s\n"+numbered(n, func(i int) string { return fmt.Sprintf("%d,w%d", i, i%1000) }), Source{}, nil)
	if f.Rows != n {
		t.Fatalf("%d rows, want %d", f.Rows, n)
	}
	for i, v := range f.Columns[0].Floats {
		if v != float64(i) {
			t.Fatalf("row %d holds %v", i, v)
		}
	}
	if d := f.Columns[1].Dict; d[999] != "w999" {
		t.Errorf("the dictionary is not in order of appearance: %q", d[999])
	}
}

func TestReadErrors(t *testing.T) {
	many := numbered(30_000, func(i int) string { return fmt.Sprintf("%d,x", i) })
	for name, c := range map[string]struct {
		content   string
		src       Source
		overrides map[string]string
		want      []string
	}{
		"empty":            {"", Source{}, nil, []string{"data.csv is empty"}},
		"only blank":       {"\n\n", Source{}, nil, []string{"data.csv is empty"}},
		"header only":      {"a,b\n", Source{}, nil, []string{"data.csv has a header but no rows"}},
		"wrong delimiter":  {"a;b\n1;2\n", Source{Delimiter: ","}, map[string]string{"a": TypeNumeric}, []string{`no column "a"`, `the delimiter seems to be ";"`}},
		"short row":        {"a,b,c\n1,2,3\n4,5\n", Source{}, nil, []string{"data.csv:3", "found 2 fields, expected 3"}},
		"long row":         {"a,b\n1,2\n" + many + "1,2,3\n", Source{}, nil, []string{"data.csv:30003", "found 3 fields, expected 2"}},
		"open quote":       {"a,b\n1,\"x\n2,y\n", Source{}, nil, []string{"data.csv:2", "quote"}},
		"old mac":          {"a,b\r1,2\r", Source{}, nil, []string{"carriage return", "tr "}},
		"mixed line ends":  {"a,b\n1,2\r\n3,4\n", Source{}, nil, []string{"data.csv:2", "line ends differ"}},
		"mixed blank":      {"\n\r\n\na,b\n1,2\n", Source{}, nil, []string{"data.csv:2", "line ends differ"}},
		"quote inside":     {"a,b\n1,\"5\" disc\"\n", Source{}, nil, []string{"data.csv:2", "quote"}},
		"not utf-8":        {"a,b\n1,caf\xe9\n", Source{}, nil, []string{"data.csv:2", `column "b"`, "UTF-8", "iconv"}},
		"word":             {"price,b\n" + many + "\"12,5\",x\n", Source{}, nil, []string{`data.csv:30002: column "price": "12,5" is not a number`, `if all numbers of the file are written so, set decimal: ","`}},
		"declared":         {"price,b\n1,x\ntwo,x\n", Source{}, map[string]string{"price": TypeNumeric}, []string{`data.csv:3: column "price": "two" is not a number`, `null: ["two"]`}},
		"missing mark":     {"a,b\n1,x\nNA,y\n2,z\n", Source{}, nil, []string{`data.csv:3: column "a": "NA" is not a number`, `null: ["NA"]`}},
		"nan":              {"a,b\n1,x\nNaN,y\n2,z\n", Source{}, nil, []string{`data.csv:3: column "a": "NaN" is not a finite number`}},
		"inf":              {"a,b\n1,x\n-inf,y\n2,z\n", Source{}, nil, []string{`data.csv:3: column "a": "-inf" is not a finite number`}},
		"boolean":          {"a,b\ntrue,x\nperhaps,y\n", Source{}, map[string]string{"a": TypeBoolean}, []string{`data.csv:3: column "a": "perhaps" is neither true nor false`}},
		"date":             {"a,b\n2024-01-01,x\nsoon,y\n", Source{}, map[string]string{"a": TypeDate}, []string{`data.csv:3: column "a": "soon" is not a date`}},
		"bad date":         {"a,b\n" + numbered(40, func(int) string { return "2024-01-01,x" }) + "2024-02-30,y\n", Source{}, nil, []string{`data.csv:42: column "a": "2024-02-30" is not a date`}},
		"duplicate column": {"a,b,a\n1,2,3\n", Source{}, nil, []string{"data.csv:1", `columns 1 and 3 are both named "a"`}},
		"unknown column":   {"price,b\n1,2\n", Source{}, map[string]string{"pric": TypeNumeric}, []string{`no column "pric"`, `did you mean "price"?`}},
		"names":            {"1,2\n", Source{Names: []string{"a"}}, nil, []string{"2 fields, but names lists 1"}},
		"query, ragged":    {"a,b\n1,2\n3\n", Source{Query: "SELECT * FROM data"}, nil, []string{"data.csv:3", "found 1 fields, expected 2"}},
		"query, word":      {"a,b\n" + many + "oops,x\n", Source{Query: "SELECT * FROM data"}, nil, []string{`data.csv:30002: column "a": "oops" is not a number`}},
		"query, nan":       {"a,b\n1,x\nnan,y\n", Source{Query: "SELECT * FROM data"}, nil, []string{`data.csv:3: column "a": "nan" is not a finite number`}},
		"all ignored":      {"a\n1\n", Source{}, map[string]string{"*": TypeIgnore}, []string{"none of the columns"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readText(t, c.content, c.src, c.overrides)
			wantError(t, err, c.want...)
			if err != nil && strings.HasSuffix(err.Error(), ".") {
				t.Errorf("error ends in a period: %v", err)
			}
		})
	}
}

func TestReadMissingFiles(t *testing.T) {
	dir := write(t, "orders.csv", "a\n1\n")
	for path, want := range map[string][]string{
		"order.csv":        {"order.csv", "did you mean", "orders.csv"},
		"*.parquet":        {"*.parquet", "matches no file"},
		"nofolder/x.csv":   {"there is no folder", "nofolder"},
		"${DEBUT_NOT_SET}": {"DEBUT_NOT_SET is not set"},
		".":                {"is a folder"},
	} {
		_, err := Read(context.Background(), Source{Path: configfile.Strings{path}}, dir, nil)
		wantError(t, err, want...)
		if strings.HasSuffix(path, ".csv") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v does not wrap fs.ErrNotExist", path, err)
		}
	}
}

func TestNullTexts(t *testing.T) {
	for _, query := range []string{"", "SELECT * FROM data"} {
		f := mustRead(t, "a,b\n1,x\n ?,NA\n2,?\nNaN, NA\n", Source{Null: configfile.Strings{"?", "NA", "NaN"}, Query: query}, nil)
		if got := formatted(f.Columns[0]) + " " + formatted(f.Columns[1]); got != "1||2| x|||" || f.Columns[0].Kind != Numeric {
			t.Errorf("query %q: values %q", query, got)
		}
	}
}

// TestMixedColumns checks that columns with many exceptions become text, also
// when their beginning looks otherwise.
func TestMixedColumns(t *testing.T) {
	body := numbered(6000, func(i int) string { return fmt.Sprintf("%d,1", i) }) + numbered(6000, func(i int) string { return fmt.Sprintf("x%d,1", i) })
	f := mustRead(t, "a,b\n"+body, Source{}, nil)
	a := f.Column("a")
	if a.Kind != Text || a.Len() != 12000 || a.Format(5) != "5" || a.Format(11999) != "x5999" {
		t.Errorf("a is %v with %d rows: %q … %q", a.Kind, a.Len(), a.Format(5), a.Format(11999))
	}
	if b := f.Column("b"); b.Kind != Numeric || b.Len() != 12000 {
		t.Errorf("b is %v with %d rows", b.Kind, b.Len())
	}
}

func TestDateLayouts(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-31":                "2024-01-31",
		"2024-01-31T10:20:30Z":      "2024-01-31T10:20:30",
		"2024-01-31T10:20:30+02:00": "2024-01-31T08:20:30",
		"31-01-2024":                "2024-01-31",
		"01/31/2024":                "2024-01-31",
		"31/01/2024":                "2024-01-31",
		"31.01.2024 23:59":          "2024-01-31T23:59:00",
		"2024-01-31 10:20:30.25":    "2024-01-31T10:20:30.25",
	} {
		f := mustRead(t, "d,x\n"+text+",1\n", Source{Header: new(true)}, nil)
		if c := f.Columns[0]; c.Kind != Date || c.Format(0) != want {
			t.Errorf("%s: %v %q, want %q", text, c.Kind, c.Format(0), want)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a;b\n1;\"x\ny\"\n", "\"", "a\n\n\n1", "1,2\n3", "\xff\xfe,b\n", "a,a\n1,2", ",\n,", "d\n2024-01-01\n", "a\tb\r\n1\tnan\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 4096 {
			return
		}
		frame, err := readText(t, string(content), Source{}, nil)
		if err != nil {
			return
		}
		for _, c := range frame.Columns {
			if c.Len() != frame.Rows {
				t.Fatalf("column %q has %d of %d rows", c.Name, c.Len(), frame.Rows)
			}
		}
	})
}
