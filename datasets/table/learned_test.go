package table

import (
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/notation"
)

// A query changes nothing about what a model's columns may hold: what it reads, it reads with one, and what it refuses, it
// refuses in the same words.
func TestModelsReadTheSameByAQuery(t *testing.T) {
	for _, c := range []struct {
		text, typ, want string
		src             Source
		style           notation.Style
		refused         bool
	}{
		{text: "v\n€ 5\n6\n", typ: TypeNumeric, refused: true, want: `data.csv:2: column "v": "€ 5" is not a number;`},
		{text: "v\n€ 5\n6%\n", typ: TypeNumeric, refused: true, want: `"€ 5" is not a number (nor are 1 other values of the column)`},
		{text: "v\n1\n5K\n", typ: TypeNumeric, refused: true, want: `data.csv:3: column "v": "5K"`},
		{text: "v\n€ 5\n6\n", typ: TypeNumeric, src: Source{Types: map[string]string{"v": TypeNumeric}}, want: "5|6"},
		{text: "v\n€ 5\n6\n", typ: TypeNumeric, src: Source{Types: map[string]string{"v": TypeCategorical}}, refused: true, want: `"€ 5" is not a number`},
		{text: "v;w\n1,5;1\n€ 6;1\n", typ: TypeNumeric, src: Source{Decimal: ","}, want: "1.5|6"},
		{text: "v;w\n1,5;1\nx;1\n", typ: TypeNumeric, src: Source{Decimal: ","}, refused: true, want: `data.csv:3: column "v": "x" is not a number with a decimal comma`},
		{text: "v;w\n1,5;1\n6;1\n", typ: TypeNumeric, style: notation.Style{Comma: true}, want: "1.5|6"},
		{text: "v;w\n1,5;1\n1.5;1\n", typ: TypeNumeric, style: notation.Style{Comma: true}, refused: true, want: `data.csv:3: column "v": "1.5" is not a number with a decimal comma`},
		{text: "v\n$5\n6K\n", typ: TypeNumeric, style: notation.Style{Amount: true}, want: "5|6000"},
		{text: "v\n$5\nx\n", typ: TypeNumeric, style: notation.Style{Amount: true}, refused: true, want: `"x" is not a number;`},
		{text: "v\nyes\n0\n", typ: TypeBoolean, want: "true|false"},
		{text: "v\nyes\nperhaps\n", typ: TypeBoolean, refused: true, want: `"perhaps" is neither true nor false`},
		{text: "v\n01220\n7.0\n", typ: TypeCategorical, want: "01220|7.0"},
		{text: "v\n01220\n7.0\n", typ: TypeCategorical, src: Source{Types: map[string]string{"v": TypeNumeric}}, want: "01220|7.0"},
		{text: "v\n13/01/2024\n14/01/2024\n", typ: TypeCategorical, src: Source{Types: map[string]string{"v": "DD/MM/YYYY"}}, want: "13/01/2024|14/01/2024"},
		{text: "v\n13/01/2024\n14/01/2024\n", typ: TypeText, src: Source{Types: map[string]string{"v": TypeDate}}, want: "13/01/2024|14/01/2024"},
	} {
		for _, query := range []string{"", "SELECT * FROM data"} {
			src := c.src.Clone()
			src.Path, src.Query = configfile.Strings{"data.csv"}, query
			o := ReadOptions{Types: map[string]string{"v": c.typ, OtherColumns: TypeIgnore}, Needed: []string{"v"}, Learned: true, Applied: true}
			if c.style != (notation.Style{}) {
				o.Styles = map[string]notation.Style{"v": c.style}
			}
			f, _, err := ReadWith(t.Context(), &src, write(t, "data.csv", c.text), o)
			if c.refused {
				wantError(t, err, c.want)
				continue
			}
			if err != nil {
				t.Errorf("%q, query %q: %v", c.text, query, err)
				continue
			}
			if got := formatted(f.Column("v")); got != c.want {
				t.Errorf("%q, query %q: %s, want %s", c.text, query, got, c.want)
			}
		}
	}
}

// Of a column in a declared notation the values are named that are not in it.
func TestDeclaredNotationIsNotAtFault(t *testing.T) {
	for _, types := range []map[string]string{nil, {"v": TypeNumeric}} {
		for _, query := range []string{"", "SELECT * FROM data"} {
			text := "v;y\n" + numbered(60, func(i int) string { return "1,5;0" }) + "1.5;3\n"
			_, err := readText(t, text, Source{Decimal: ",", Types: types, Query: query}, nil)
			wantError(t, err, `data.csv:62: column "v": "1.5" is not a number with a decimal comma; if it stands for a missing value, set null: ["1.5"]`)
		}
	}
	_, err := readText(t, "v\n"+numbered(60, func(i int) string { return "$5" })+"x\n", Source{Types: map[string]string{"v": TypeNumeric}}, nil)
	wantError(t, err, `data.csv:62: column "v": "x" is not a number; if it stands for a missing value, set null: ["x"]`)
}

// Where a query cannot compute with a column for a few values that do not fit it, these are named, and not the query.
func TestQueriesNameTheValuesAtFault(t *testing.T) {
	text := "v;y;day;w\n" + numbered(60, func(i int) string { return "1;0;2024-01-01;1,5" }) + "none;none;never;1,5\n"
	for query, want := range map[string]string{
		"SELECT v * 2 AS x FROM data":                         `data.csv:62: column "v": "none" is not a number`,
		"SELECT abs(y) AS x FROM data":                        `column "y": "none" is not a number`,
		"SELECT day + INTERVAL 1 DAY AS x FROM data":          `column "day": "never" is not a date written YYYY-MM-DD`,
		"SELECT w / 2 AS x FROM data":                         `column "w": "1,5" is a number with a decimal comma`,
		"SELECT v, nope FROM data":                            `query: duckdb: Binder Error: Referenced column "nope" not found`,
		"SELECT v || 'x' AS x FROM data WHERE strptime(1, 1)": "query: duckdb: Binder Error",
	} {
		_, err := readText(t, text, Source{Query: query}, nil)
		wantError(t, err, want)
	}
}
