package inspect

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/table"
)

func put(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func inspectFiles(t *testing.T, src table.Source, o Options) *Report {
	t.Helper()
	o.Now = now
	r, err := Inspect(context.Background(), src, "", o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// orders is a table of n rows.
func orders(n int) string {
	var b strings.Builder
	b.WriteString("order,price,shop\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,%d.5,s%d\n", i+1, i%100, i%3)
	}
	return b.String()
}

func TestTablesByColumns(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a1.csv", "x,y\n1,2\n")
	put(t, dir, "a2.csv", "x,y\n3,4\n5,6\n")
	put(t, dir, "b.jsonl", "{\"k\": 1, \"when\": \"2024-01-02\"}\n{\"k\": 2, \"when\": null}\n")
	r := inspectFiles(t, table.Source{Path: configfile.Strings{filepath.Join(dir, "a*.csv"), filepath.Join(dir, "b.jsonl")}}, Options{})
	if len(r.Tables) != 2 || r.Tables[0].Rows != 3 || len(r.Tables[0].Files) != 2 || r.Tables[1].Rows != 2 {
		t.Fatalf("tables %+v", r.Tables)
	}
	if c := column(t, r.Tables[1], "when"); c.Type != table.TypeDate || c.Missing != 1 {
		t.Errorf("when: %+v", c)
	}
}

// A sample is spread over the rows, its places are those of the file, and the
// same rows are taken again.
func TestSample(t *testing.T) {
	dir := t.TempDir()
	text := orders(20_000)
	csvFile := put(t, dir, "o.csv", text)
	out, err := os.Create(filepath.Join(dir, "o.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	parquet := filepath.Join(dir, "o.parquet")
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(context.Background(), "COPY (FROM read_csv("+duck.Literal(csvFile)+")) TO "+duck.Literal(parquet), nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, place string
		src         table.Source
		o           Options
	}{
		{"csv", "o.csv:", table.Source{Path: configfile.Strings{csvFile}}, Options{Sample: 2000}},
		{"gzip", "o.csv.gz:", table.Source{Path: configfile.Strings{out.Name()}}, Options{Sample: 2000}},
		{"parquet", "o.parquet: row ", table.Source{Path: configfile.Strings{parquet}}, Options{Sample: 2000}},
		{"query", "row ", table.Source{Path: configfile.Strings{parquet}, Query: "SELECT * FROM data ORDER BY \"order\" -- all"}, Options{Sample: 2000}},
		{"memory", "o.csv:", table.Source{Path: configfile.Strings{csvFile}}, Options{Memory: 400_000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := inspectFiles(t, c.src, c.o).Tables[0]
			if table.Rows != 20_000 || table.Inspected < 1900 || table.Inspected > 3000 || table.Sampled == "" || len(table.Columns) != 3 {
				t.Fatalf("%d of %d rows, %d columns, %q", table.Inspected, table.Rows, len(table.Columns), table.Sampled)
			}
			if mean := column(t, table, "order").Numbers.Mean; math.Abs(mean-10_000) > 100 {
				t.Errorf("the mean of the rows' numbers is %g", mean)
			}
			if !strings.HasPrefix(mustPlace(t, c.src, c.o), c.place) {
				t.Errorf("place %q, want it to begin with %q", mustPlace(t, c.src, c.o), c.place)
			}
			again, err := json.Marshal(inspectFiles(t, c.src, c.o).Tables[0])
			if want, _ := json.Marshal(table); err != nil || string(again) != string(want) {
				t.Error("a second look reports something else")
			}
		})
	}
	// Lines of a sample are those of the file: order n stands in line n+1.
	d, err := load(t.Context(), table.Source{Path: configfile.Strings{csvFile}}, "", Options{Sample: 500})
	if err != nil {
		t.Fatal(err)
	}
	defer d.survey.Close()
	for _, row := range []int{0, 1, d.frame.Rows / 2, d.frame.Rows - 1} {
		if want := fmt.Sprintf("o.csv:%d", int(d.frame.Column("order").Floats[row])+1); place(d, row) != want {
			t.Errorf("row %d of the sample: place %s, want %s", row, place(d, row), want)
		}
	}
}

// place names a row of the frame.
func place(d *data, row int) string {
	e := Example{row: row}
	d.locate([]*Example{&e})
	return e.Place
}

func mustPlace(t *testing.T, src table.Source, o Options) string {
	t.Helper()
	d, err := load(t.Context(), src, "", o)
	if err != nil {
		t.Fatal(err)
	}
	defer d.survey.Close()
	return place(d, 0)
}

// What a run would refuse is told, not an error.
func TestRefusedColumns(t *testing.T) {
	var b strings.Builder
	b.WriteString("code;age;sum;nested;day;amount\n")
	for i := range 200 {
		code, age := fmt.Sprint(1000+i), fmt.Sprint(20+i%9)
		if i == 70 {
			code = "C17"
		}
		if i%4 == 0 {
			age = "NA"
		}
		day := fmt.Sprintf("2024-01-%02d", 1+i%28)
		if i == 9 {
			day = "soon"
		}
		fmt.Fprintf(&b, "%s;%s;%d,5;x;%s;1,%03d.50\n", code, age, i%30, day, i)
	}
	rows := inspected(t, b.String(), Options{}).Tables[0]
	for name, want := range map[string]struct{ code, typ string }{
		"code": {"not_numbers", table.TypeCategorical}, "age": {"missing_marks", table.TypeNumeric},
		"sum": {"not_numbers", table.TypeNumeric}, "day": {"not_dates", table.TypeDate},
		"amount": {"not_numbers", table.TypeNumeric}, "nested": {"constant", table.TypeCategorical},
	} {
		if c := column(t, rows, name); c.Type != want.typ || !slices.Contains(warned(rows), name+"/"+want.code) {
			t.Errorf("%s is %s; warnings %v", name, c.Type, warned(rows))
		}
	}
	if c := column(t, rows, "age"); c.Missing != 50 || !c.Refused || !slices.Equal(c.MissingMarks, []Count{{"NA", 50}}) {
		t.Errorf("age: %+v", c)
	}
	for _, w := range rows.Warnings {
		if w.Column == "day" && w.Code == "not_dates" && (w.Rows != 1 || len(w.Examples) != 1 || w.Examples[0].Place != "t.csv:11" || w.Examples[0].Value != "soon") {
			t.Errorf("day: %+v", w)
		}
		if w.Column == "code" && w.Code == "not_numbers" && (w.Rows != 1 || len(w.Examples) != 1 || w.Examples[0].Place != "t.csv:72" || w.Examples[0].Value != "C17") {
			t.Errorf("examples %+v", w.Examples)
		}
	}
}

func TestUnreadableColumns(t *testing.T) {
	path := put(t, t.TempDir(), "t.json", `[{"a": 1, "b": {"c": 2}}, {"a": 2, "b": {"c": 3}}]`)
	table := inspectFiles(t, table.Source{Path: configfile.Strings{path}}, Options{}).Tables[0]
	if c := column(t, table, "b"); c.Type != typeUnreadable || !slices.Contains(warned(table), "b/unreadable") {
		t.Errorf("b is %s; warnings %v", c.Type, warned(table))
	}
}

func TestSuspiciousValues(t *testing.T) {
	var b strings.Builder
	b.WriteString("city,seen,born,code,copy,same,rest,twice\n")
	for i := range 300 {
		city := []string{"Berlin", "berlin", "Köln", "München"}[i%4]
		if i == 5 {
			city = "KÃ¶ln"
		}
		seen := fmt.Sprintf("2025-%02d-11", 1+i%12)
		if i == 7 {
			seen = "2031-01-01"
		}
		born := fmt.Sprintf("%d-05-%02d", 1960+i%40, 1+i%28)
		if i%50 == 3 {
			born = "1900-01-01"
		}
		k := i % 6
		fmt.Fprintf(&b, "%s,%s,%s,%d,%d,g%d, %d ,%d\n", city, seen, born, k, k, 9-k, i%17, i*2+i%2)
	}
	table := inspected(t, b.String(), Options{}).Tables[0]
	for _, want := range []string{"city/encoding", "city/spellings", "seen/future", "born/epoch", "copy/equal", "same/recoded", "rest/blanks"} {
		if !slices.Contains(warned(table), want) {
			t.Errorf("no %s among %v", want, warned(table))
		}
	}
	for _, w := range table.Warnings {
		if w.Code == "epoch" && w.Rows != 6 || w.Code == "future" && w.Rows != 1 {
			t.Errorf("%+v", w)
		}
	}
}

// Good data of a shop give no warning but what is meant as a note.
func TestQuietData(t *testing.T) {
	table := inspected(t, orders(2000), Options{}).Tables[0]
	for _, w := range table.Warnings {
		if w.Severity != Notable {
			t.Errorf("%+v", w)
		}
	}
}

// With labels drawn by chance no column predicts, whatever its form.
func TestNothingPredictsChance(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,few,many,number,group,y,three,amount\n")
	for i := range 4000 {
		u := mix(99, uint64(i))
		fmt.Fprintf(&b, "k%d,%d,%d,%.4f,c%d,%d,%c,%.3f\n", i, u%7, u>>8%900, float64(u>>20%100000)/997, u>>40%1500,
			mix(7, uint64(i))%2, 'a'+rune(mix(8, uint64(i))%3), math.Exp(float64(mix(9, uint64(i))%1000)/300))
	}
	for label, most := range map[string]float64{"y": 0.55, "three": 0.05, "amount": 0.05} {
		for _, c := range inspected(t, b.String(), Options{Label: label}).Tables[0].Columns {
			if c.Name == label {
				continue
			}
			if c.Predicts == nil || c.Predicts.Value > most {
				t.Errorf("%s predicts %s: %+v", c.Name, label, c.Predicts)
			}
		}
	}
}

// A column that is the label in other words predicts it alone, for every task.
func TestLeaksOfEveryTask(t *testing.T) {
	var b strings.Builder
	b.WriteString("copy,class,shifted,amount,missing,yes\n")
	for i := range 3000 {
		u := mix(3, uint64(i))
		class, amount, yes := u%4, float64(u>>10%5000)/7, u>>40%5 == 0
		missing := ""
		if yes {
			missing = "2025-03-04"
		}
		fmt.Fprintf(&b, "n%d,c%d,%.3f,%.3f,%s,%t\n", class, class, 3*amount-1, amount, missing, yes)
	}
	for label, leak := range map[string]string{"class": "copy", "amount": "shifted", "yes": "missing"} {
		table := inspected(t, b.String(), Options{Label: label}).Tables[0]
		if !slices.Contains(warned(table), leak+"/leakage") {
			t.Errorf("label %s: no leakage by %s among %v: %+v", label, leak, warned(table), column(t, table, leak).Predicts)
		}
	}
}

func TestUnknownLabel(t *testing.T) {
	path := put(t, t.TempDir(), "t.csv", orders(3))
	_, err := Inspect(context.Background(), table.Source{Path: configfile.Strings{path}}, "", Options{Label: "prise"})
	if err == nil || !strings.Contains(err.Error(), "price") {
		t.Errorf("error %v, want one that proposes price", err)
	}
}

// Numbers near the largest there are leave JSON valid.
func TestLargestNumbers(t *testing.T) {
	r := inspected(t, "a,b\n1.7e308,1\n-1.7e308,2\n1.7e308,3\n0,4\n5e-324,5\n", Options{})
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func FuzzInspect(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a\n\"", "a;b\n1,5;x\n-;?\n", "\ufeffx\n\n1\n", "a,a\n1,2\n", "1|2\n3|4\n", "d\n1900-01-01\n2024-02-30\n", "a\tb\r\n1\t\"x\ny\"\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		path := put(t, t.TempDir(), "t.csv", content)
		r, err := Inspect(context.Background(), table.Source{Path: configfile.Strings{path}}, "", Options{Now: now})
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
		if r.Text() == "" {
			t.Error("no text")
		}
	})
}
