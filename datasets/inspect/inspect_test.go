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

	"debut/datasets"
)

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func inspected(t *testing.T, content string, o Options) *Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	o.Now = now
	r, err := Inspect(context.Background(), datasets.Source{Path: datasets.Strings{path}}, "", o)
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
	var page strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{page.String(), string(text), r.Text()} {
		if strings.Contains(out, "p17@mail.example") || strings.Contains(out, "4111 1111 1111 1111") {
			t.Error("the report shows personal values")
		}
	}
	if !strings.Contains(page.String(), "<svg") || strings.Contains(page.String(), "http") || strings.Contains(page.String(), "<script") {
		t.Error("the page has no drawings, or is not on its own")
	}
	for _, threads := range []int{1, 7} {
		again, err := json.Marshal(inspected(t, b.String(), Options{Label: "bought", Threads: threads}).Tables[0].Columns)
		if want, _ := json.Marshal(table.Columns); err != nil || string(again) != string(want) {
			t.Errorf("%d threads give another report", threads)
		}
	}
}

func TestHostileInput(t *testing.T) {
	r := inspected(t, "<script>alert(1)</script>,b\n\"<img src=x onerror=alert(2)>\",1\n\"</style>\",2\n", Options{})
	var page strings.Builder
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{"<script", "<img", "</style>\"", "onerror=alert(2)>"} {
		if strings.Contains(page.String(), raw) {
			t.Errorf("the page holds %s", raw)
		}
	}
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
		if r, err := Inspect(context.Background(), datasets.Source{Path: datasets.Strings{path}}, "", Options{}); err == nil {
			t.Errorf("%s: no error but %s", name, r.Text())
		}
	}
}

func TestRealData(t *testing.T) {
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, "retail", "online_retail.csv.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no real data: set DEBUT_DATA to the folder that holds it (%v)", err)
	}
	r, err := Inspect(context.Background(), datasets.Source{Path: datasets.Strings{path}}, "", Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	table := r.Tables[0]
	if table.Rows != 240007 || table.Duplicates.Rows != 1970 || column(t, table, "CustomerID").Missing != 67225 || column(t, table, "Quantity").Numbers.Negative != 5087 {
		t.Errorf("%d rows, %d duplicates, %d without a customer, %d negative", table.Rows, table.Duplicates.Rows, column(t, table, "CustomerID").Missing, column(t, table, "Quantity").Numbers.Negative)
	}
	if w := table.Warnings[0]; w.Column != "InvoiceNo" || !strings.Contains(w.Message, "4,350") {
		t.Errorf("the first warning is %+v", w)
	}
}
