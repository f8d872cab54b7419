package duck

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

func open(t testing.TB) *DB {
	t.Helper()
	db, err := Open(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// texts returns the rows of a query, each column cast to text, NULL as "∅".
func texts(t testing.TB, db *DB, sql string) []string {
	t.Helper()
	columns, err := db.Describe(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	var cast []string
	for _, c := range columns {
		cast = append(cast, "coalesce("+Name(c.Name)+"::VARCHAR, '∅')")
	}
	var rows []string
	err = db.Query(t.Context(), "SELECT concat_ws('|', "+strings.Join(cast, ", ")+") FROM ("+sql+")", func(c *Chunk) error {
		values, _ := Vector[String](c, 0)
		for i := range values {
			rows = append(rows, strings.Clone(values[i].Text()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

var allTypes = []ColumnDef{
	{"i", BigInt},
	{"d", Double},
	{"s", Varchar},
	{"t", Timestamp},
	{"b", Boolean},
	{"li", IntegerList},
	{"lf", FloatList},
	{"ld", DoubleList},
}

func types(defs []ColumnDef) []ColumnType {
	out := make([]ColumnType, len(defs))
	for i, d := range defs {
		out[i] = d.Type
	}
	return out
}

// Each type, with values and NULLs, over several chunks.
func TestAppenderTypes(t *testing.T) {
	db := open(t)
	if err := db.CreateTable(t.Context(), "odd \"name", allTypes); err != nil {
		t.Fatal(err)
	}
	a, err := db.NewAppender("odd \"name", types(allTypes))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Abort()
	const rows = 5000
	var want []string
	for r := range rows {
		cells := make([]string, 8)
		for c := range cells {
			cells[c] = "∅"
		}
		set := func(c int) bool { return (r+c)%5 != 0 }
		if set(0) {
			a.Int(0, int64(-r))
			cells[0] = fmt.Sprint(-r)
		}
		if set(1) {
			a.Float(1, float64(r)+0.5)
			cells[1] = fmt.Sprint(float64(r) + 0.5)
		}
		if set(2) {
			s := strings.Repeat("ä", r%30)
			a.Text(2, []byte(s))
			cells[2] = s
		}
		if set(3) {
			a.Int(3, int64(r)*1e6)
			cells[3] = fmt.Sprintf("1970-01-01 %02d:%02d:%02d", r/3600, r/60%60, r%60)
		}
		if set(4) {
			a.Bool(4, r%2 == 0)
			cells[4] = fmt.Sprint(r%2 == 0)
		}
		var ints []int32
		var floats []float32
		var doubles []float64
		var it, ft []string
		for i := range r % 40 {
			ints = append(ints, int32(r*i))
			floats = append(floats, float32(i)+0.25)
			doubles = append(doubles, float64(i)+0.25)
			it = append(it, fmt.Sprint(r*i))
			ft = append(ft, fmt.Sprint(float64(i)+0.25))
		}
		if set(5) {
			a.Ints(5, ints)
			cells[5] = "[" + strings.Join(it, ", ") + "]"
		}
		if set(6) {
			a.Float32s(6, floats)
			cells[6] = "[" + strings.Join(ft, ", ") + "]"
		}
		if set(7) {
			a.Floats(7, doubles)
			cells[7] = "[" + strings.Join(ft, ", ") + "]"
		}
		if err := a.EndRow(); err != nil {
			t.Fatal(err)
		}
		want = append(want, strings.Join(cells, "|"))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	got := texts(t, db, `SELECT * FROM "odd ""name"`)
	if len(got) != rows {
		t.Fatalf("%d rows, want %d", len(got), rows)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("row %d: %q, want %q", i, got[i], want[i])
		}
	}
	if err := a.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// Values beyond a block and beyond what a chunk may hold.
func TestAppenderLongValues(t *testing.T) {
	db := open(t)
	if err := db.CreateTable(t.Context(), "x", []ColumnDef{{"s", Varchar}, {"l", IntegerList}}); err != nil {
		t.Fatal(err)
	}
	a, err := db.NewAppender("x", []ColumnType{Varchar, IntegerList})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Abort()
	ints := make([]int32, 100_000)
	for i := range ints {
		ints[i] = int32(i)
	}
	for r := range 40 {
		a.Text(0, []byte(strings.Repeat("x", 300_000*(r%5)+r)))
		a.Ints(1, ints[:r*2500])
		if err := a.EndRow(); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	for r, row := range texts(t, db, "SELECT length(s), len(l), coalesce(list_sum(l), 0)::BIGINT AS s FROM x") {
		n := r * 2500
		if want := fmt.Sprintf("%d|%d|%d", 300_000*(r%5)+r, n, n*(n-1)/2); row != want {
			t.Errorf("row %d: %s, want %s", r, row, want)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAppenderErrors(t *testing.T) {
	db := open(t)
	if err := db.Query(t.Context(), "CREATE TABLE x (s VARCHAR NOT NULL)", nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		fill func(*Appender)
		want string
	}{
		"type":   {func(a *Appender) { a.Int(0, 1) }, "column 0 is VARCHAR, not BIGINT"},
		"column": {func(a *Appender) { a.Text(1, nil) }, "column 1 of 1"},
		"below":  {func(a *Appender) { a.Text(-1, nil) }, "column -1 of 1"},
		"utf8":   {func(a *Appender) { a.Text(0, []byte("a\xff")) }, "not valid UTF-8"},
		"null":   {func(*Appender) {}, "NOT NULL constraint"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := db.NewAppender("x", []ColumnType{Varchar})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Abort()
			c.fill(a)
			if err = a.EndRow(); err == nil {
				err = a.Flush()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if err := a.Close(); err == nil {
				t.Error("closed without error after one")
			}
			if n := texts(t, db, "SELECT count(*) AS n FROM x")[0]; n != "0" {
				t.Errorf("%s rows after an error", n)
			}
		})
	}
	if _, err := db.NewAppender("nowhere", []ColumnType{Varchar}); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("missing table: %v", err)
	}
	if _, err := db.NewAppender("x", []ColumnType{Varchar, Double}); err == nil {
		t.Error("wrong number of columns: no error")
	}
	if _, err := db.NewAppender("x", []ColumnType{0}); err == nil {
		t.Error("no type: no error")
	}
	if err := db.CreateTable(context.Background(), "y", []ColumnDef{{Name: "z"}}); err == nil {
		t.Error("no type of a column: no error")
	}
}

func TestAppenderAllocatesNothing(t *testing.T) {
	db := open(t)
	if err := db.CreateTable(t.Context(), "x", []ColumnDef{{"i", BigInt}, {"s", Varchar}}); err != nil {
		t.Fatal(err)
	}
	a, err := db.NewAppender("x", []ColumnType{BigInt, Varchar})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Abort()
	text := []byte("longer than twelve bytes")
	if n := testing.AllocsPerRun(1000, func() {
		a.Int(0, 1)
		a.Text(1, text)
		if err := a.EndRow(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a row", n)
	}
}

func BenchmarkAppender(b *testing.B) {
	db := open(b)
	if err := db.CreateTable(b.Context(), "x", []ColumnDef{{"i", BigInt}, {"d", Double}, {"s", Varchar}, {"t", Varchar}}); err != nil {
		b.Fatal(err)
	}
	a, err := db.NewAppender("x", []ColumnType{BigInt, Double, Varchar, Varchar})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Abort()
	short, long := []byte("short"), []byte("longer than twelve bytes")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		a.Int(0, int64(i))
		a.Float(1, 1)
		a.Text(2, short)
		a.Text(3, long)
		if err := a.EndRow(); err != nil {
			b.Fatal(err)
		}
	}
}
