package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func inspected(t *testing.T, content string, o Options) *Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Now = now
	r, err := Inspect(context.Background(), table.Source{Path: configfile.Strings{path}}, "", o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// warned lists the warnings as column/code.
func warned(table *Table) []string {
	var out []string
	for _, w := range table.Warnings {
		out = append(out, w.Column+"/"+w.Code)
	}
	return out
}

func column(t *testing.T, table *Table, name string) *Column {
	t.Helper()
	i := slices.IndexFunc(table.Columns, func(c *Column) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no column %s", name)
	}
	return table.Columns[i]
}

func TestPlantedTroubles(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,age,leak,mail,card,price,fixed,when,bought\n")
	for i := range 2000 {
		bought := i%7 == 0
		leak := i % 3
		if bought {
			leak += 100
		}
		age := fmt.Sprint(20 + i*i%50)
		if i%40 == 0 {
			age = "-999"
		}
		card := "4111 1111 1111 1111"
		if i%2 == 0 {
			card = "5500 0000 0000 0004"
		}
		fmt.Fprintf(&b, "s%05d,%s,%d,p%d@mail.example,%s,%d.50,same,2025-%02d-01,%t\n", i, age, leak, i%500, card, 5+i%90, 1+i%12, bought)
	}
	r := inspected(t, b.String(), Options{Label: "bought"})
	table := r.Tables[0]
	found := warned(table)
	has := func(column, word string) {
		t.Helper()
		if !slices.ContainsFunc(table.Warnings, func(w Warning) bool {
			return w.Column == column && strings.Contains(strings.ToLower(w.Code+" "+w.Message), word)
		}) {
			t.Errorf("nothing about %s of %s among %v", word, column, found)
		}
	}
	has("leak", "leak")
	has("mail", "mail")
	has("card", "card")
	has("age", "-999")
	has("fixed", "constant")
	if s := column(t, table, "leak").Predicts; s == nil || s.Value < 0.98 {
		t.Errorf("the leak predicts with %+v", s)
	}
	if s := column(t, table, "id").Predicts; s != nil && s.Value > 0.6 {
		t.Errorf("an identifier predicts with %+v", s)
	}
	if table.Label == nil || table.Label.Column != "bought" || table.Label.Guessed || table.Warnings[0].Severity != Severe {
		t.Errorf("label %+v, first warning %+v", table.Label, table.Warnings[0])
	}
	// What is personal is shown nowhere.
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{string(text), r.Text()} {
		if strings.Contains(out, "p17@mail.example") || strings.Contains(out, "4111 1111 1111 1111") {
			t.Error("the report shows personal values")
		}
	}
	for _, threads := range []int{1, 7} {
		again, err := json.Marshal(inspected(t, b.String(), Options{Label: "bought", Threads: threads}).Tables[0])
		if want, _ := json.Marshal(table); err != nil || string(again) != string(want) {
			t.Errorf("%d threads give another report", threads)
		}
	}
}

// What is said of a label that was only guessed is never severe, and what is wrong with the label is said too.
func TestGuessedLabelsAndTheirValues(t *testing.T) {
	var b strings.Builder
	b.WriteString("week,sales,holiday\n")
	for i := range 2000 {
		sales := 100 + i*7919%1000
		switch {
		case i%300 == 7:
			sales = -sales
		case i == 1000:
			sales = 5_000_000
		}
		fmt.Fprintf(&b, "%d,%d.5,%t\n", i%20, sales, i%20 == 3)
	}
	guessed := inspected(t, b.String(), Options{}).Tables[0]
	if guessed.Label == nil || !guessed.Label.Guessed || !slices.Contains(warned(guessed), "week/leakage") {
		t.Fatalf("label %+v, warnings %v", guessed.Label, warned(guessed))
	}
	for _, w := range guessed.Warnings {
		if w.Severity == Severe || strings.HasPrefix(w.Code, "label") && w.Severity != Notable {
			t.Errorf("%+v", w)
		}
	}
	table := inspected(t, b.String(), Options{Label: "sales"}).Tables[0]
	for _, code := range []string{"negative", "outliers"} {
		if w := found(t, table, code, "sales"); !w.Remedies[0].ByHand() || len(w.Examples) == 0 || w.Examples[0].Place == "" {
			t.Errorf("%+v", w)
		}
	}
}

// A feature that the label hardly ever goes without is perhaps a consequence of it; one that is merely good is not.
func TestConsequences(t *testing.T) {
	var b strings.Builder
	b.WriteString("carted,stage,age,bought\n")
	for i := range 4000 {
		u := mix(5, uint64(i))
		carted := u%5 == 0
		bought := carted && u>>8%3 == 0
		stage := "view"
		if bought || u>>20%4 == 0 {
			stage = "pay"
		}
		age := 20 + u>>30%40
		if bought {
			age += 8
		}
		fmt.Fprintf(&b, "%t,%s,%d,%t\n", carted, stage, age, bought)
	}
	table := inspected(t, b.String(), Options{Label: "bought"}).Tables[0]
	for _, name := range []string{"carted", "stage"} {
		if w := found(t, table, "consequence", name); w.Severity != Warn || !strings.Contains(w.Message, "perhaps a consequence") {
			t.Errorf("%+v", w)
		}
	}
	if slices.Contains(warned(table), "age/consequence") {
		t.Error("age is no consequence")
	}
}

// A largest number that predicts as large ones do is a top code; one that predicts as nothing does may be a missing value.
func TestTopCodes(t *testing.T) {
	var b strings.Builder
	b.WriteString("gain,hours,rich\n")
	for i := range 3000 {
		u := mix(11, uint64(i))
		gain, hours, rich := 0, 20+u>>10%50, u>>40%5 == 0
		if u%6 == 0 {
			gain = 1000 + int(u>>16%30_000)
			rich = gain > 9000 || u>>40%3 == 0
		}
		if i%100 == 9 {
			gain, rich = 99_999, true
		}
		if i%100 == 30 {
			hours = 9999
		}
		fmt.Fprintf(&b, "%d,%d,%t\n", gain, hours, rich)
	}
	table := inspected(t, b.String(), Options{Label: "rich"}).Tables[0]
	if w := found(t, table, "top_code", "gain"); w.Severity != Notable || !w.Remedies[0].ByHand() || w.Rows != 30 {
		t.Errorf("%+v", w)
	}
	found(t, table, "sentinel", "hours")
	if slices.Contains(warned(table), "gain/sentinel") {
		t.Error("gain has no sentinel")
	}
}

// Numbers of which the label hangs on which they are name things; those of a curve or a line are quantities.
func TestThings(t *testing.T) {
	var b strings.Builder
	b.WriteString("place,curve,line,customer_id,item_count,y\n")
	for i := range 6000 {
		u := mix(13, uint64(i))
		place, curve, line := u%40, u>>8%40, u>>16%40
		y := float64(mix(17, place)%100) + float64((curve-20)*(curve-20))/4 + float64(line)
		fmt.Fprintf(&b, "%d,%d,%d,%d,%d,%.3f\n", place, curve, line, u>>24%500, u>>40%9, y)
	}
	for _, label := range []string{"y", ""} {
		table := inspected(t, b.String(), Options{Label: label}).Tables[0]
		for name, want := range map[string]bool{"place": label != "", "customer_id": true, "curve": false, "line": false, "item_count": false} {
			if slices.Contains(warned(table), name+"/names") != want {
				t.Errorf("label %q: %s: %v", label, name, warned(table))
			}
		}
		if w := found(t, table, "names", "customer_id"); w.Severity != Warn || w.Remedies[0].RunFile() != "data: {columns: {customer_id: {type: categorical}}}" {
			t.Errorf("%+v: %s", w, w.Remedies[0].RunFile())
		}
	}
}

func TestHostileInput(t *testing.T) {
	var wide strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&wide, "c%d,", i)
	}
	wide.WriteString("y\n")
	for r := range 20 {
		wide.WriteString(strings.Repeat(fmt.Sprint(r%5)+",", 1500) + fmt.Sprint(r%2) + "\n")
	}
	for name, content := range map[string]string{"one row": "a,b\n1,x\n", "all missing": "a,b\n,\n,\n", "wide": wide.String(), "constant": "a\n1\n1\n"} {
		if got := inspected(t, content, Options{}); len(got.Tables) != 1 || got.Text() == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, content := range map[string]string{"empty": "", "binary": "\x00\x01\x02\xff\xfe\x00PAR1"} {
		path := filepath.Join(t.TempDir(), "f.csv")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := Inspect(context.Background(), table.Source{Path: configfile.Strings{path}}, "", Options{}); err == nil {
			t.Errorf("%s: no error but %s", name, r.Text())
		}
	}
}

// realFile returns the path of a file of the public data sets, or skips the test.
func realFile(t *testing.T, elements ...string) string {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	return path
}

func TestRealData(t *testing.T) {
	path := realFile(t, "retail", "online_retail.csv.gz")
	r, err := Inspect(context.Background(), table.Source{Path: configfile.Strings{path}}, "", Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	rows := r.Tables[0]
	if rows.Rows != 240007 || rows.Duplicates.Rows != 1970 || column(t, rows, "CustomerID").Missing != 67225 || column(t, rows, "Quantity").Numbers.Negative != 5087 {
		t.Errorf("%d rows, %d duplicates, %d without a customer, %d negative", rows.Rows, rows.Duplicates.Rows, column(t, rows, "CustomerID").Missing, column(t, rows, "Quantity").Numbers.Negative)
	}
	if w := rows.Warnings[0]; w.Column != "InvoiceNo" || w.Rows != 4350 || len(w.Examples) != 3 || w.Examples[0].Value != "C536379" || w.Examples[0].Place != "online_retail.csv.gz:143" ||
		!strings.HasPrefix(w.Remedy(), "to have categories: in the run file: data: {columns: {InvoiceNo: {type: categorical}}}") {
		t.Errorf("the first warning is %+v: %s", w, w.Remedy())
	}
	if c := column(t, rows, "InvoiceDate"); c.Type != table.TypeDate || c.Layout != "MM/DD/YY hh:mm" {
		t.Errorf("InvoiceDate: %+v", c)
	}
	for _, w := range rows.Warnings {
		if w.Code == "outliers" && w.Column != "" {
			t.Errorf("long tails are one note: %+v", w)
		}
	}
}

// Stores and departments are told to name things; a holiday, that is only guessed to be the label, makes nothing severe.
func TestRealSales(t *testing.T) {
	src := table.Source{Path: configfile.Strings{realFile(t, "sales", "walmart_weekly.csv.gz")}}
	table := inspectFiles(t, src, Options{Label: "Weekly_Sales"}).Tables[0]
	for _, name := range []string{"Store", "Dept"} {
		if w := found(t, table, "names", name); w.Severity != Warn || !strings.Contains(w.Message, "told apart") {
			t.Errorf("%+v", w)
		}
	}
	if w := found(t, table, "negative", "Weekly_Sales"); w.Rows != 1017 {
		t.Errorf("%+v", w)
	}
	found(t, table, "outliers", "Weekly_Sales")
	for _, w := range inspectFiles(t, src, Options{Sample: 50_000}).Tables[0].Warnings {
		if w.Severity == Severe {
			t.Errorf("%+v", w)
		}
	}
}

// The top code of adult's capital gains is no missing value, and its ages and hours name nothing.
func TestRealTopCode(t *testing.T) {
	header := false
	src := table.Source{Path: configfile.Strings{realFile(t, "adult", "adult.data.gz")}, Header: &header,
		Names: []string{"age", "workclass", "fnlwgt", "education", "education_num", "marital", "occupation", "relationship", "race", "sex", "capital_gain", "capital_loss", "hours", "native", "income"}}
	table := inspectFiles(t, src, Options{Label: "income"}).Tables[0]
	if w := found(t, table, "top_code", "capital_gain"); w.Rows != 159 {
		t.Errorf("%+v", w)
	}
	for _, w := range table.Warnings {
		if w.Code == "names" || w.Code == "consequence" || w.Code == "sentinel" {
			t.Errorf("%+v", w)
		}
	}
}
