package table

import (
	"fmt"
	"strings"
	"testing"

	"debut/datasets/configfile"
)

// What a column is does not hang on where its values stand: behind the first rows, in order or not.
func TestTypesFollowFromAllRows(t *testing.T) {
	many := func(value func(i int) string) string {
		return numbered(2500, func(i int) string { return value(i) + ",x" })
	}
	article := func(i int) string { // an EAN-8
		seven := fmt.Sprintf("%07d", 1234567+i/100)
		for c := '0'; c <= '9'; c++ {
			if validCheckDigit(seven + string(c)) {
				return seven + string(c)
			}
		}
		return ""
	}
	for name, c := range map[string]struct{ content, want string }{
		"two digits of a year":        {many(func(int) string { return "2024-01-05" }) + "24-03-05,y\n", ""},
		"dates of other digits":       {many(func(int) string { return "05/01/2024" }) + "01/05/24,y\n", ""},
		"times without zeros":         {many(func(int) string { return "2024-01-05 10:00:00" }) + "2024-01-05 10:0:00,y\n", ""},
		"yes among true and false":    {many(func(i int) string { return fmt.Sprint(i%2 == 0) }) + "yes,y\n", TypeCategorical},
		"1 among true and false":      {many(func(i int) string { return fmt.Sprint(i%2 == 0) }) + "1,y\n", TypeCategorical},
		"articles in order":           {many(article), TypeCategorical},
		"a stray quote before a zero": {many(func(i int) string { return fmt.Sprint(i + 1) }) + "7,5\" pipe\n00012,x\n", TypeCategorical},
		"a stray quote before 1_000":  {many(func(i int) string { return fmt.Sprint(i + 1) }) + "7,5\" pipe\n1_000,x\n", ""},
		"a zero in front, quoted":     {many(func(i int) string { return fmt.Sprint(i + 1) }) + "7,5\" pipe\n\"007\",x\n", TypeCategorical},
		"numbers, all of them":        {many(func(i int) string { return fmt.Sprint(i + 1) }) + "7,5\" pipe\n70,x\n", TypeNumeric},
	} {
		t.Run(name, func(t *testing.T) {
			for _, query := range []string{"", "SELECT * FROM data"} {
				f, err := readText(t, "v,c\n"+c.content, Source{Query: query}, nil)
				switch {
				case c.want == "":
					wantError(t, err, `column "v"`)
				case err != nil:
					t.Errorf("query %q: %v", query, err)
				case f.Column("v").Kind.String() != c.want:
					t.Errorf("query %q: %v, want %s", query, f.Column("v").Kind, c.want)
				}
			}
		})
	}
}

// A header that is cut by another character than its rows seem to be is a header.
func TestHeadersAreNoTitles(t *testing.T) {
	for content, want := range map[string]string{
		"id\tname\n1\tDoe, John\n2\tRoe, Jane\n3\tPoe, Ann\n":                              "id name",
		"id;name;address\n1;A;Street 1, 12345 Berlin, Germany\n2;B;Way 2, 5 Rome, Italy\n": "id name address",
		"id;price\n1;\"1,50\"\n2;\"2,50\"\n":                                               "id price",
		"name|role\nAnn|Director, Sales\nBob|Clerk, Sales\n":                               "name role",
		"\"Unit\nPrice\",qty\n1,2\n3,4\n":                                                  "Unit\nPrice qty",
		"\"Unit\r\nPrice\",qty\r\n1,2\r\n3,4\r\n":                                          "Unit\nPrice qty",
	} {
		src := Source{Types: map[string]string{}}
		f, err := readText(t, content, src, map[string]string{OtherColumns: TypeCategorical})
		if err != nil {
			t.Errorf("%q: %v", content, err)
			continue
		}
		rows := strings.Count(strings.ReplaceAll(content, "\r", ""), "\n") - 1
		if strings.HasPrefix(content, `"`) {
			rows--
		}
		if got := strings.ReplaceAll(strings.Join(f.Names(), " "), "\r", ""); got != want || f.Rows != rows {
			t.Errorf("%q has columns %q and %d rows, want %q and %d", content, got, f.Rows, want, rows)
		}
	}
}

// Numbers that stand for missing values do so in files with types too.
func TestNumbersThatAreMissingValues(t *testing.T) {
	const rows = `{"v": -999, "w": 1.5, "id": 9007199254740993}` + "\n" + `{"v": 2, "w": -999, "id": 9007199254740992}` + "\n"
	for _, query := range []string{"", "SELECT * FROM data"} {
		dir := write(t, "t.jsonl", rows)
		f, err := Read(t.Context(), Source{Path: configfile.Strings{"t.jsonl"}, Null: configfile.Strings{"-999", "9007199254740992"}, Query: query}, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, w, id := f.Column("v"), f.Column("w"), f.Column("id")
		if !v.Missing(0) || v.Missing(1) || w.Missing(0) || !w.Missing(1) || id.Format(0) != "9007199254740993" || !id.Missing(1) {
			t.Errorf("query %q: v %v, w %v, id %q", query, v.Floats, w.Floats, id.Format(0))
		}
	}
}

// Types that are none are refused, before anything is read.
func TestTypesThatAreNone(t *testing.T) {
	for _, typ := range []string{"DECMAL(10,2)", "YYYYMMDD", "DD.MM.YYYY HH:mm", "INT); DROP TABLE x; --", "numeric ", "DECIMAL(1)); DROP", "TIMESTAMP; x", "VARCHAR(x)"} {
		_, err := readText(t, "v,c\n1,x\n2,y\n", Source{Types: map[string]string{"v": typ}}, nil)
		wantError(t, err, "source.types.v", "is no type")
	}
	for _, typ := range []string{"DECIMAL(10,2)", "decimal( 10 , 2 )", "hugeint", "numeric", "VARCHAR", "uint8"} {
		if _, err := readText(t, "v,c\n1,x\n2,y\n", Source{Types: map[string]string{"v": typ}}, nil); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
	}
}

// A stray quote does not hide the comments behind it.
func TestCommentsBehindStrayQuotes(t *testing.T) {
	f := mustRead(t, "n,v\n1,5\" pipe\n#gone,1\n2,\"b\n#kept\"\n", Source{Comment: "#"}, nil)
	if f.Rows != 2 || f.Column("n").Kind != Numeric || f.Column("v").Format(1) != "b\n#kept" {
		t.Errorf("%d rows, %q", f.Rows, f.Column("v").Dict)
	}
}
