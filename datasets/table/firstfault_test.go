package table

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// faulty is a table of whose columns several cannot be read, and what every command says of it first.
type faulty struct {
	name    string
	text    string // of a CSV file, or SQL of a Parquet file
	types   map[string]string
	learned map[string]string // types that a model learned; nil where none is there
	layouts map[string]string
	place   string
	column  string
}

// column writes numbers, and another value in one row.
func column(at int, value string) func(i int) string {
	return func(i int) string {
		if i == at {
			return value
		}
		return fmt.Sprint(i)
	}
}

func lines(header string, columns ...func(i int) string) string {
	return header + "\n" + numbered(40, func(i int) string {
		fields := make([]string, len(columns))
		for k, c := range columns {
			fields[k] = c(i)
		}
		return strings.Join(fields, ",")
	})
}

var faults = []faulty{
	{name: "rows before columns", text: lines("a,b", column(30, "x"), column(20, "y")), place: "t.csv:22", column: "b"},
	{name: "columns of a row", text: lines("a,b", column(20, "x"), column(20, "y")), place: "t.csv:22", column: "a"},
	{name: "dates and numbers", text: "a,b\n" + numbered(40, func(i int) string {
		day := fmt.Sprintf("2024-01-%02d", i%28+1)
		return []string{day, "the 5th"}[max(0, i-38)] + "," + []string{"1", "one"}[max(0, i-37)/2]
	}), place: "t.csv:41", column: "a"},
	{name: "declared by the source before others", text: lines("a,b,c", column(3, "x"), column(30, "y"), column(20, "z")),
		types: map[string]string{"b": "numeric", "c": "numeric"}, place: "t.csv:22", column: "c"},
	{name: "a type of SQL", text: lines("a,b,c", column(3, "x"), column(30, "y"), column(20, "2.5")),
		types: map[string]string{"b": "numeric", "c": "INTEGER"}, place: "t.csv:22", column: "c"},
	{name: "two types of SQL", text: lines("a,b", column(30, "99999999999"), column(20, "2.5")),
		types: map[string]string{"a": "INTEGER", "b": "INTEGER"}, place: "t.csv:22", column: "b"},
	{name: "learned", text: lines("a,b", column(30, "x"), column(20, "y")), learned: map[string]string{"a": TypeNumeric, "b": TypeNumeric}, place: "t.csv:22", column: "b"},
	{name: "learned, and to be found out", text: "a,b\n" + numbered(9, func(i int) string {
		return []string{"7", "?"}[i/8] + "," + []string{"2024-01-05", "?"}[i/7]
	}), learned: map[string]string{"a": TypeNumeric, "b": TypeDate}, place: "t.csv:9", column: "b"},
	{name: "to be found out, and learned", text: "a,b\n" + numbered(9, func(i int) string {
		return []string{"2024-01-05", "?"}[i/8] + "," + []string{"7", "?"}[i/7]
	}), learned: map[string]string{"a": TypeDate, "b": TypeNumeric}, place: "t.csv:9", column: "b"},
	{name: "dates declared and learned", text: "a,b\n?,?\n", types: map[string]string{"b": "DD/MM/YY"}, learned: map[string]string{"a": TypeDate, "b": TypeDate},
		layouts: map[string]string{"a": "02/01/2006", "b": "02/01/06"}, place: "t.csv:2", column: "b"},
	{name: "infinite numbers", text: "SELECT CASE i WHEN 7 THEN 'nan' ELSE '1' END::DOUBLE AS a, CASE i WHEN 5 THEN 'inf' ELSE '1' END::DOUBLE AS b FROM range(9) r(i)",
		place: "row 6", column: "b"},
	{name: "infinite numbers and texts", text: "SELECT CASE i WHEN 7 THEN '-' ELSE '1' END AS a, CASE i WHEN 5 THEN 'inf' ELSE '1' END::DOUBLE AS b FROM range(9) r(i)",
		learned: map[string]string{"a": TypeNumeric, "b": TypeNumeric}, place: "row 6", column: "b"},
}

// Where several columns cannot be read, all commands name the same one: of those that the source declares, or else of all,
// the one of the first row, and in that the first.
func TestFirstFault(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			dir, file := t.TempDir(), "t.csv"
			db, err := duck.Open(duck.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if strings.HasPrefix(f.text, "SELECT") {
				file = "t.parquet"
				err = db.Query(t.Context(), "COPY ("+f.text+") TO "+duck.Literal(filepath.Join(dir, file))+" (FORMAT parquet)", nil)
				if err != nil {
					t.Fatal(err)
				}
			} else {
				writeTo(t, dir, file, f.text)
			}
			src := Source{Path: configfile.Strings{file}, Types: f.types}
			want := func(by string, err error) {
				t.Helper()
				var v *ValueError
				if !errors.As(err, &v) {
					t.Errorf("%s: %v", by, err)
				} else if at := strings.TrimSuffix(strings.TrimPrefix(v.Place, file+": "), " of the query's result"); at != f.place || v.Column != f.column {
					t.Errorf("%s: %v", by, err)
				}
			}
			options := ReadOptions{Types: f.learned, Layouts: f.layouts, Learned: f.learned != nil, Applied: f.learned != nil}
			for by, src := range map[string]Source{
				"read":       src,
				"a query":    {Path: src.Path, Types: src.Types, Query: "SELECT * FROM data"},
				"of a table": {Tables: map[string]Source{"other": src}, Query: "SELECT * FROM other"},
			} {
				_, _, err := ReadWith(t.Context(), &src, dir, options)
				want(by, err)
				err = nil
				for _, e := range Blocks(t.Context(), src, dir, options, 7) {
					err = e
				}
				if f.learned != nil {
					want(by+" in blocks", err)
				}
				if f.learned != nil {
					continue
				}
				s, err := OpenSurvey(t.Context(), src, dir, ReadOptions{})
				if err != nil { // a query over what is declared otherwise does not begin
					want(by+" in a survey", err)
					continue
				}
				if _, err := s.Read(t.Context(), Sampling{}); err != nil {
					want(by+" in a survey", err)
				} else {
					want(by+" in a survey", s.firstFault())
				}
				s.Close()
			}
			if table, err := Open(t.Context(), db, src, dir, Options{}); err != nil {
				t.Error(err)
			} else if file == "t.csv" && f.learned == nil {
				_, err := table.Stage(t.Context(), "staged", StageOptions{})
				want("staged", err)
			}
		})
	}
}

// What is remembered of the values of a column is in the order of the rows, whatever was met again meanwhile.
func TestSurveyRemembersFirstValues(t *testing.T) {
	f := mustRead(t, "v\n"+numbered(600, func(i int) string { return fmt.Sprintf("%d.50 EUR", i%300) }), Source{}, nil)
	if !strings.Contains(f.Columns[0].Note, `"0.50 EUR"`) {
		t.Error(f.Columns[0].Note)
	}
	dir := t.TempDir()
	writeTo(t, dir, "t.csv", "v,w\n"+numbered(600, func(i int) string { return fmt.Sprintf("%d.50 EUR,1", i%300) }))
	s, err := OpenSurvey(t.Context(), Source{Path: configfile.Strings{"t.csv"}}, dir, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := s.Columns[0].Note; n == nil || !strings.Contains(n.Problem, `"0.50 EUR"`) {
		t.Errorf("%+v", n)
	}
}

// A zero has no sign, however it is written and whatever decodes it.
func TestZeroHasNoSign(t *testing.T) {
	dir := t.TempDir()
	writeTo(t, dir, "t.csv", "a,b,c\n-0,-0.0,\u22120\n1,1.5,2\n")
	writeTo(t, dir, "t.jsonl", `{"a": -0.0, "b": -0, "c": -0.0}`+"\n"+`{"a": 1.5, "b": 2, "c": 7}`+"\n")
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), "COPY (SELECT * FROM (VALUES ('-0'::DOUBLE, '-0'::FLOAT, 0), ('1', '1.5', 2)) v(a, b, c)) TO "+duck.Literal(filepath.Join(dir, "t.parquet"))+" (FORMAT parquet)", nil); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"t.csv", "t.jsonl", "t.parquet"} {
		for _, query := range []string{"", "SELECT * FROM data"} {
			f, err := Read(t.Context(), Source{Path: configfile.Strings{file}, Query: query}, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range f.Columns {
				if s.Kind != Numeric || 1/s.Floats[0] < 0 || s.Floats[0] != 0 {
					t.Errorf("%s %q: column %s is %s %v", file, query, s.Name, s.Kind, s.Floats)
				}
			}
		}
	}
}
