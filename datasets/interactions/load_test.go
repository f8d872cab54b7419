package interactions

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

func TestFormatsGiveTheSame(t *testing.T) {
	dir := t.TempDir()
	const rows = "u1,i1,2,100,x\nu2,i2,1,300,y\nu1,i1,3,200,x\nu1,i2,0.5,50,not a number\n"
	file(t, dir, "e.csv", "who,what,v,at,other\n"+rows)
	file(t, dir, "e.tsv", "who\twhat\tv\tat\tother\n"+strings.ReplaceAll(rows, ",", "\t"))
	file(t, dir, "bare.csv", rows)
	file(t, dir, "e.log", "u1 i1 2 100\nu2 i2 1 300\nu1 i1 3 200\nu1 i2 .5 50\n")
	file(t, dir, "e.jsonl", `{"who":"u1","what":"i1","v":2,"at":100}
{"who":"u2","what":"i2","v":1,"at":300,"other":{"a":1}}
{"what":"i1","who":"u1","v":3,"at":200}
{"who":"u1","what":"i2","v":0.5,"at":50}
`)
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), "COPY (SELECT who, what, v::FLOAT AS v, \"at\"::INTEGER AS \"at\" FROM read_csv("+duck.Literal(filepath.Join(dir, "e.csv"))+")) TO "+duck.Literal(filepath.Join(dir, "e.parquet"))+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	const columns = "columns: {user: who, item: what, value: v, time: at}\n"
	for _, source := range []string{
		"{path: e.csv}", "{path: e.tsv}", "{path: bare.csv, names: [who, what, v, at, z], header: false}", "{path: e.jsonl}", "{path: e.parquet}",
		"{path: e.log, format: log}",
	} {
		d := mustLoad(t, dir, columns+"sources: ["+source+"]")
		want(t, source, render(d, d.Train), "u1>i1=5x2@200 u1>i2=0.5@50 u2>i2=1@300")
	}
	file(t, dir, "e.adj", "u1 i1:5 i2:0.5\nu2 i2:1\nu3\n")
	d := mustLoad(t, dir, "sources: [{path: e.adj, format: adjacency}]")
	want(t, "adjacency", render(d, d.Train), "u1>i1=5 u1>i2=0.5 u2>i2=1")
}

func TestIDsAreTexts(t *testing.T) {
	dir := t.TempDir()
	ids := []string{"007", "7", "7.0", "1e5", "184467440737095516151234", "-0", "😀", "a,b", `say "hi"`, "NA", "null", "nan", "true", "2020-01-01",
		"2020-01-01T00:00:00Z", "6F9619FF-8B86-D011-B42D-00C04FC964FF", "é", "e\u0301", `back\slash`, "two\nlines", "x y"}
	var csv, json strings.Builder
	csv.WriteString("user,item\n")
	for _, id := range ids {
		fmt.Fprintf(&csv, "u,\"%s\"\n", strings.ReplaceAll(id, `"`, `""`))
		fmt.Fprintf(&json, "{\"user\":\"u\",\"item\":%s}\n", strings.NewReplacer(`\u`, `\u`, `\x`, `\u00`).Replace(fmt.Sprintf("%q", id)))
	}
	file(t, dir, "e.csv", csv.String())
	file(t, dir, "e.jsonl", json.String())
	file(t, dir, "number.jsonl", `{"user":1,"item":184467440737095516}`+"\n"+`{"user":"01","item":7}`+"\n")
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "7.0" }) // which is 7
	slices.Sort(ids)
	for _, name := range []string{"e.csv", "e.jsonl"} {
		d := mustLoad(t, dir, "sources: [{path: "+name+"}]")
		var got []string
		for i := range d.Items.Len() {
			got = append(got, d.Items.ID(i))
		}
		want(t, name, fmt.Sprintf("%q", got), fmt.Sprintf("%q", ids))
	}
	d := mustLoad(t, dir, "sources: [{path: number.jsonl}]")
	want(t, "numbers in JSON", render(d, d.Train), "01>7=1 1>184467440737095516=1")
}

func TestParquetTypes(t *testing.T) {
	dir := t.TempDir()
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), `COPY (SELECT * FROM (VALUES
		(12345.0::DOUBLE, 99999999999999999999999999999::DECIMAL(38, 0), TIMESTAMP '2020-01-01 00:00:01', 2::UTINYINT, [1]),
		(0.5, 3, NULL, 1, [2])) AS t("user", item, "at", v, nested)) TO `+duck.Literal(filepath.Join(dir, "e.parquet"))+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	d := mustLoad(t, dir, "sources: [{path: e.parquet}]\ncolumns: {value: v, time: at}")
	want(t, "parquet", render(d, d.Train), "0.5>3=1@-9223372036854775808 12345>99999999999999999999999999999=2@1577836801000000")
	if !d.Dates {
		t.Error("times are said to be integers")
	}
	_, err = Load(t.Context(), config(t, "sources: [{path: e.parquet}]\ncolumns: {value: nested}"), dir, 7, nil)
	wantError(t, err, "sources[0].columns.value", "lists or structs")
	_, err = Load(t.Context(), config(t, "sources: [{path: e.parquet}]\ncolumns: {time: at}\naggregate: last"), dir, 7, nil)
	wantError(t, err, "e.parquet: row 2", "time is missing", "aggregate: last")
}

func TestKindsAndWeights(t *testing.T) {
	dir := t.TempDir()
	file(t, dir, "view.log", "u1 i1\nu1 i1\nu2 i1\n")
	file(t, dir, "buy.csv", "user,item,event\nu1,i1,buy\nu1,i2,return\nu2,i2,buy\n")
	sources := "sources: [{path: view.log, format: log, event: view}, {path: buy.csv, columns: {event: event}}]\nweights: {view: 1, buy: 4, return: 0}\n"
	for aggregate, text := range map[string]string{
		"sum": "u1>i1=6x3#11 u2>i1=1#10 u2>i2=4#1", "max": "u1>i1=4x3#11 u2>i1=1#10 u2>i2=4#1",
		"once": "u1>i1=5x3#11 u2>i1=1#10 u2>i2=4#1", "count": "u1>i1=3x3#11 u2>i1=1#10 u2>i2=1#1",
	} {
		d := mustLoad(t, dir, sources+"aggregate: "+aggregate)
		want(t, aggregate, render(d, d.Train), text)
		if d.Report.Ignored != 1 || d.Report.Kinds["view"] != 3 || d.Report.Kinds["buy"] != 2 || len(d.Report.Files) != 2 {
			t.Errorf("report %+v", d.Report)
		}
		mask, err := d.Mask("buy")
		if err != nil {
			t.Fatal(err)
		}
		bought := d.Train.With(mask)
		if bought.Len() != 2 {
			t.Errorf("%d pairs were bought", bought.Len())
		}
	}
	for text, parts := range map[string][]string{
		"weights: {view: 1, buyy: 2, return: 1}":                      {"buy.csv:2", `no weight for events of kind "buy"`, "buyy"},
		"weights: {view: -1}":                                         {"weights.view", "-1"},
		"weights: {view: .nan}":                                       {"weights.view"},
		"weights: {view: 0}":                                          {"weights", "no event is left"},
		"weights: {view: 1e10, buy: 1e12, return: 0}\naggregate: max": {},
	} {
		_, err := Load(t.Context(), config(t, strings.SplitN(sources, "\n", 2)[0]+"\n"+text), dir, 7, nil)
		if len(parts) == 0 {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		wantError(t, err, parts...)
	}
}

func TestBadRowsAreNamed(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, content, config string
		parts                 []string
	}{
		{"a.csv", "user,item,v\nu,i,1\nu,i,-2\n", "columns: {value: v}", []string{"a.csv:3", `"v"`, `"-2"`, "not negative"}},
		{"a.csv", "user,item,v\nu,i,1\nu,i,NaN\n", "columns: {value: v}", []string{"a.csv:3", `"NaN"`, "not a finite number"}},
		{"a.csv", "user,item,v\n\nu,i,1\nu,i,inf\n", "columns: {value: v}", []string{"a.csv:4", `"inf"`}},
		{"a.csv", "user,item,v\nu,i,1e39\n", "columns: {value: v}", []string{"a.csv:2", "no weight"}},
		{"a.csv", "user,item,v\nu,i,\n", "columns: {value: v}", []string{"a.csv:2", "missing"}},
		{"a.csv", "user,item\nu,i\n,i\n", "{}", []string{"a.csv:3", "user is missing", "drop_missing"}},
		{"a.csv", "user,item,at\nu,i,soon\n", "columns: {time: at}", []string{"a.csv:2", `"soon"`, "time_format"}},
		{"a.csv", "user,item,at\nu,i,31.01.2020\nu,j,31.02.2020\n", "columns: {time: at}\ntime_format: \"%d.%m.%Y\"", []string{"a.csv:3", `"31.02.2020"`}},
		{"a.csv", "user,item,at\nu,i,1\nu,i,2020-01-01\n", "columns: {time: at}", []string{"a.csv:3", "integers"}},
		{"a.csv", "user,itme\nu,i\n", "{}", []string{"sources[0].columns.item", "itme"}},
		{"a.csv", "user,item\nu,i,j\n", "{}", []string{"a.csv:2", "3 fields"}},
		{"a.jsonl", `{"user":"u","item":"i","v":1}` + "\n" + `{"user":"u","item":"i","v":-1}`, "columns: {value: v}", []string{"a.jsonl: row 2", "-1"}},
		{"a.log", "u i 1\n\nu j -1\n", "format: log", []string{"a.log:3", `"-1"`, "negative"}},
		{"a.log", "u\ti\t1\nu\tj\t\n", "format: log", []string{"a.log:2", "missing"}},
		{"a.log", "u i nan\n", "format: log, names: [user, item, rating]", []string{"a.log:1", `"nan"`}},
		{"a.adj", "u i:1 j:2\nv k:-3\n", "format: adjacency", []string{"a.adj:2", `"-3"`}},
		{"a.log", "u i 1 5\nu j 1 x\n", "format: log", []string{"a.log:2", `"x"`}},
		{"a.csv", "user,item\n", "{}", []string{"sources[0].path", "no rows"}},
	} {
		file(t, dir, c.name, c.content)
		text := "sources: [{path: " + c.name + "}]\n" + c.config
		if strings.HasPrefix(c.config, "format") {
			text = "sources: [{path: " + c.name + ", " + c.config + "}]"
		} else if c.config == "{}" {
			text = "sources: [{path: " + c.name + "}]"
		}
		_, err := Load(t.Context(), config(t, text), dir, 7, nil)
		wantError(t, err, c.parts...)
	}
	file(t, dir, "a.csv", "user,item\nu,i\n,i\nu,\n")
	d := mustLoad(t, dir, "sources: [{path: a.csv}]\ndrop_missing: true")
	if d.Report.Missing != 2 || d.Report.Events != 1 {
		t.Errorf("report %+v", d.Report)
	}
	var c *configfile.FieldError
	if _, err := Load(t.Context(), config(t, "sources: [{path: a.csv}]\naggregate: summ"), dir, 7, nil); !errors.As(err, &c) || c.Path != "aggregate" {
		t.Errorf("error %v", err)
	}
}

func TestDatesInCSV(t *testing.T) {
	dir := t.TempDir()
	file(t, dir, "a.csv", "user,item,at\nu,i,1.2.2020 10:00\nu,j,\n")
	d := mustLoad(t, dir, "sources: [{path: a.csv}]\ncolumns: {time: at}\ntime_format: \"%d.%m.%Y %H:%M\"")
	want(t, "dates", render(d, d.Train), "u>i=1@1580551200000000 u>j=1@-9223372036854775808")
	file(t, dir, "a.csv", "user,item,at\nu,i,2020-02-01T10:00:00Z\n")
	d = mustLoad(t, dir, "sources: [{path: a.csv}]\ncolumns: {time: at}")
	want(t, "ISO", render(d, d.Train), "u>i=1@1580551200000000")
}

// The events of one table are the same, whatever it was exported to: ids with a fraction of zero, as numbers, as texts
// without the mark that they are.
func TestIDsOfExports(t *testing.T) {
	dir := t.TempDir()
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const table = "SELECT (10 + i %% 3)::%s AS \"user\", %s AS item FROM range(12) r(i)"
	var wanted string
	for _, c := range []struct{ file, user, item string }{
		{"whole.csv", "INTEGER", "'thé' || i % 4"}, {"gap.csv", "DOUBLE", "'thé' || i % 4"}, {"gap.parquet", "DOUBLE", "'thé' || i % 4"},
		{"money.parquet", "DECIMAL(8, 2)", "'thé' || i % 4"}, {"whole.parquet", "BIGINT", "encode('thé' || i % 4)"}, {"gap.json", "DOUBLE", "'thé' || i % 4"},
	} {
		format := strings.TrimPrefix(filepath.Ext(c.file), ".")
		if err := db.Query(t.Context(), "COPY ("+fmt.Sprintf(table, c.user, c.item)+") TO "+duck.Literal(filepath.Join(dir, c.file))+" (FORMAT "+format+")", nil); err != nil {
			t.Fatal(err)
		}
		d := mustLoad(t, dir, "sources: [{path: "+c.file+"}]")
		if wanted == "" {
			wanted = render(d, d.Train)
		}
		want(t, c.file, render(d, d.Train), wanted)
		for _, id := range []string{"10", "10.0", "+10", "10.00"} {
			if i, ok := d.Users.Index(id); !ok || d.Users.ID(int(i)) != "10" {
				t.Errorf("%s: %s is user %d", c.file, id, i)
			}
		}
		if _, ok := d.Users.Index("010"); ok {
			t.Error("010 is a user")
		}
	}
	if err := db.Query(t.Context(), `COPY (SELECT 1 AS "user", '\xE9'::BLOB AS item) TO `+duck.Literal(filepath.Join(dir, "bytes.parquet"))+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	_, err = Load(t.Context(), config(t, "sources: [{path: bytes.parquet}]"), dir, 7, nil)
	wantError(t, err, `bytes.parquet: row 1: column "item": holds bytes that are not UTF-8 text`)
	// A vocabulary of an earlier version has ids as they were written.
	v, err := NewVocabulary([]string{"10.0", "11", "11.0"})
	if err != nil {
		t.Fatal(err)
	}
	for id, index := range map[string]int32{"10.0": 0, "11": 1, "11.0": 2} {
		if i, ok := v.Index(id); !ok || i != index {
			t.Errorf("%s is %d", id, i)
		}
	}
}
