package duck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func number(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// runs are the ways to run a statement.
func runs(db *DB) map[string]func(context.Context, string, func(*Chunk) error) error {
	return map[string]func(context.Context, string, func(*Chunk) error) error{"query": db.Query, "stream": db.Stream}
}

// defined adds functions of every type of value to a database.
func defined(t testing.TB, db *DB) {
	t.Helper()
	for _, err := range []error{
		Define(db, "debut_double", number),
		Define(db, "debut_bigint", func(s string) (int64, bool) {
			v, err := strconv.ParseInt(s, 10, 64)
			return v, err == nil
		}),
		Define(db, "debut_boolean", func(s string) (bool, bool) { return strings.HasSuffix(s, "1"), s != "" }),
		Define(db, "debut_timestamp", func(s string) (Micros, bool) {
			v, err := time.Parse(time.DateTime, s)
			return Micros(v.UnixMicro()), err == nil
		}),
		Define(db, "debut_varchar", func(s string) (string, bool) { return s + s, s != "" }),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDefineTypes(t *testing.T) {
	db := open(t)
	defined(t, db)
	for sql, want := range map[string][]string{
		"SELECT debut_double(s) AS a FROM (VALUES ('1.5'), ('x'), (NULL), ('1e999'), ('-0'), ('NaN')) v(s)":            {"1.5", "∅", "∅", "∅", "-0.0", "nan"},
		"SELECT debut_bigint(s) AS a FROM (VALUES ('-9223372036854775808'), ('9223372036854775808'), ('')) v(s)":       {"-9223372036854775808", "∅", "∅"},
		"SELECT debut_boolean(s) AS a FROM (VALUES ('1'), ('0'), (''), (NULL)) v(s)":                                   {"true", "false", "∅", "∅"},
		"SELECT debut_timestamp(s) AS a FROM (VALUES ('2026-01-31 12:00:01'), ('1969-12-31 23:59:59'), ('x')) v(s)":    {"2026-01-31 12:00:01", "1969-12-31 23:59:59", "∅"},
		"SELECT debut_varchar(s) AS a FROM (VALUES ('ä'), ('123456'), ('1234567'), (''), (NULL), ('a b c d')) v(s)":    {"ää", "123456123456", "12345671234567", "∅", "∅", "a b c da b c d"},
		"SELECT debut_varchar('constant') AS a, debut_double(NULL) AS b, debut_double('') AS c":                        {"constantconstant|∅|∅"},
		"SELECT debut_varchar(s) AS a FROM (SELECT 'of all rows' AS s FROM range(3))":                                  {"of all rowsof all rows", "of all rowsof all rows", "of all rowsof all rows"},
		"SELECT debut_double(s) AS a, debut_varchar('') AS b FROM (SELECT 'no number' AS s FROM range(2))":             {"∅|∅", "∅|∅"},
		"SELECT debut_double(debut_varchar(debut_varchar(s))) AS a FROM (VALUES ('12'), ('.'), ('1')) v(s)":            {"12121212.0", "∅", "1111.0"},
		"SELECT typeof(debut_double('')) AS a, typeof(debut_bigint('')) AS b, typeof(debut_boolean('')) AS c":          {"DOUBLE|BIGINT|BOOLEAN"},
		"SELECT typeof(debut_timestamp('')) AS a, typeof(debut_varchar('')) AS b":                                      {"TIMESTAMP|VARCHAR"},
		"SELECT s AS a, debut_double(s) AS b FROM (VALUES ('7'), ('y'), ('8')) v(s) WHERE debut_double(s) IS NOT NULL": {"7|7.0", "8|8.0"},
	} {
		if got := texts(t, db, sql); !slices.Equal(got, want) {
			t.Errorf("%s\ngives %q, want %q", sql, got, want)
		}
	}
}

// Many rows, on several threads: the values are those of one thread, which Go makes
// of the same texts.
func TestDefineThreads(t *testing.T) {
	db := open(t)
	if err := db.SetThreads(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	defined(t, db)
	const rows = 600_000
	table := fmt.Sprintf(`CREATE TABLE t AS SELECT i,
CASE WHEN i %% 7 = 0 THEN NULL WHEN i %% 5 = 0 THEN 'none' ELSE (i / 8)::VARCHAR END AS s FROM range(%d) r(i)`, rows)
	if err := db.Query(t.Context(), table, nil); err != nil {
		t.Fatal(err)
	}
	for name, run := range runs(db) {
		i := 0
		err := run(t.Context(), "SELECT debut_double(s), debut_varchar(s) FROM t", func(c *Chunk) error {
			numbers, present := Vector[float64](c, 0)
			double, presentText := Vector[String](c, 1)
			for k := range c.Rows {
				text := strconv.FormatFloat(float64(i)/8, 'f', -1, 64)
				if i%8 == 0 {
					text += ".0"
				}
				if i%5 == 0 {
					text = "none"
				}
				if is := present.Valid(k); is != (i%7 != 0 && i%5 != 0) || is && numbers[k] != float64(i)/8 {
					return fmt.Errorf("row %d: number %v, present: %t", i, numbers[k], is)
				}
				if is := presentText.Valid(k); is != (i%7 != 0) || is && double[k].Text() != text+text {
					return fmt.Errorf("row %d: a text that is not twice %q", i, text)
				}
				i++
			}
			return nil
		})
		if err != nil || i != rows {
			t.Errorf("%s: %d rows, error %v", name, i, err)
		}
	}
}

// An error of the Go function is that of the statement, wherever DuckDB calls it.
// A function that is defined behind a statement that was not read to its end is there.
func TestDefineBehindAStreamLeft(t *testing.T) {
	db, err := Open(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	enough := errors.New("enough")
	for way, run := range runs(db) {
		if err := run(t.Context(), "SELECT i::VARCHAR FROM range(100000) r(i)", func(*Chunk) error { return enough }); !errors.Is(err, enough) {
			t.Fatal(err)
		}
		name := Reserved + "behind_" + way
		if err := Define(db, name, func(text string) (string, bool) { return text + "!", true }); err != nil {
			t.Fatal(err)
		}
		if err := db.Query(t.Context(), "SELECT "+name+"('x')", nil); err != nil {
			t.Errorf("%s: %v", way, err)
		}
	}
}

func TestDefineErrors(t *testing.T) {
	db := open(t)
	if err := db.SetThreads(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	err := DefineChecked(db, "debut_strict", func(s string) (int64, bool, error) {
		switch s {
		case "panic":
			panic("out of paper")
		case "index":
			return int64(s[len(s):][0]), true, nil
		case "zero":
			return 0, true, fmt.Errorf("a\x00b\xff: %w", fs.ErrInvalid)
		}
		v, err := strconv.ParseInt(s, 10, 64)
		return v, true, err
	})
	if err == nil {
		err = Define(db, "debut_broken", func(s string) (string, bool) { return "a\xff" + s, true })
	}
	if err == nil {
		err = db.Query(t.Context(), "CREATE TABLE t AS SELECT i, i::VARCHAR AS s FROM range(300000) r(i)", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]string{
		"SELECT debut_strict('x')":         `debut_strict: strconv.ParseInt: parsing "x": invalid syntax`,
		"SELECT 1 LIMIT debut_strict('y')": `parsing "y"`,
		"SELECT debut_strict(s || CASE WHEN i = 200000 THEN 'z' ELSE '' END) FROM t": `parsing "200000z"`,
		"SELECT sum(debut_strict('9999999999999999' || s)) FROM t":                   "value out of range",
		"SELECT debut_strict('panic')":                                               `debut_strict: panic at "panic": out of paper`,
		"SELECT debut_strict(CASE WHEN i = 250000 THEN 'index' ELSE s END) FROM t":   `debut_strict: panic at "index": runtime error: index out of range [0] with length 0`,
		"SELECT debut_strict('zero')":                                                "debut_strict: a\uFFFDb\uFFFD: invalid argument",
		"SELECT debut_broken('z')":                                                   `debut_broken: the result "a\xffz" is not valid UTF-8`,
	} {
		for name, run := range runs(db) {
			err := run(t.Context(), sql, func(*Chunk) error { return nil })
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, want) || errors.Unwrap(e) == nil {
				t.Errorf("%s of %s: error %v, want %s", name, sql, err, want)
			}
			_, is := errors.AsType[*strconv.NumError](err)
			if is != (strings.Contains(want, "pars") || strings.HasPrefix(want, "value")) {
				t.Errorf("%s of %s: error %v of strconv: %t", name, sql, err, is)
			}
			panicked, is := errors.AsType[*PanicError](err)
			if is != strings.Contains(want, "panic") {
				t.Errorf("%s of %s: error %v is a panic: %t", name, sql, err, is)
			}
			if is && (panicked.Text == "" || !strings.Contains(string(panicked.Stack), "define_test.go")) {
				t.Errorf("%s of %s: panic at %q, which says\n%s", name, sql, panicked.Text, panicked.Stack)
			}
			if is := errors.Is(err, fs.ErrInvalid); is != strings.Contains(sql, "zero") {
				t.Errorf("%s of %s: error %v of the function: %t", name, sql, err, is)
			}
			if _, ok := errors.AsType[runtime.Error](err); ok != strings.Contains(sql, "index") {
				t.Errorf("%s of %s: error %v of the runtime: %t", name, sql, err, ok)
			}
		}
		// The database works on, and knows nothing of it.
		if err := db.Query(t.Context(), "SELECT nope", nil); err == nil || errors.Unwrap(err) != nil {
			t.Errorf("afterwards error %v, which wraps %v", err, errors.Unwrap(err))
		}
		if n := len(db.failures.last); n != 0 {
			t.Errorf("%d errors of the statement before are remembered", n)
		}
	}
	// TRY passes over any number of errors.
	sql := "SELECT count(TRY(debut_strict(s || CASE WHEN i % 10 > 3 THEN 'z' ELSE '' END))) AS n FROM (FROM t LIMIT 3000)"
	if got := texts(t, db, sql); !slices.Equal(got, []string{"1200"}) {
		t.Errorf("TRY: %q", got)
	}
	if n := len(db.failures.last); n == 0 || n > mostFailures {
		t.Errorf("TRY: %d errors are remembered", n)
	}
}

func TestDefineRefuses(t *testing.T) {
	db := open(t)
	one := func(string) (int64, bool) { return 1, true }
	for _, name := range []string{"number", "debut_", "debut_A", "debut_a b", "debut_ä", "debut_a\x00", "", "upper"} {
		if err := Define(db, name, one); err == nil || !strings.Contains(err.Error(), "debut_ and small letters") {
			t.Errorf("%q: error %v", name, err)
		}
	}
	if err := Define[int64](db, "debut_none", nil); err == nil {
		t.Error("none: no error")
	}
	if err := DefineChecked[int64](db, "debut_none", nil); err == nil {
		t.Error("none: no error")
	}
	if err := Define(db, "debut_one", one); err != nil {
		t.Fatal(err)
	}
	if err := Define(db, "debut_one", func(string) (float64, bool) { return 2, true }); err == nil {
		t.Error("twice: no error")
	}
	if got := texts(t, db, "SELECT debut_one('') AS a"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("after a second definition %q", got)
	}
	for _, sql := range []string{"SELECT debut_one(5)", "SELECT debut_one()", "SELECT debut_one('', '')"} {
		if _, err := db.Describe(t.Context(), sql); err == nil {
			t.Errorf("%s: no error", sql)
		}
	}
}

// Defined functions are those of their texts alone: constants are computed once,
// and a statement that calls them is one that gives the same at any time.
func TestDefineIsPure(t *testing.T) {
	db := open(t)
	var calls atomic.Int64
	err := Define(db, "debut_count", func(s string) (int64, bool) {
		calls.Add(1)
		return int64(len(s)), true
	})
	if err == nil {
		err = db.Query(t.Context(), "CREATE TABLE t AS SELECT i AS k, i::VARCHAR AS s FROM range(10000) r(i)", nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(t, db, "SELECT sum(k + debut_count('abc')) AS a FROM t"); !slices.Equal(got, []string{"50025000"}) {
		t.Errorf("constant: %q", got)
	}
	// It was prepared twice, to know its columns and to run it.
	if n := calls.Load(); n == 0 || n > 10 {
		t.Errorf("%d calls for a constant", n)
	}
	for sql, want := range map[string]Statement{
		"SELECT k, debut_count(s) AS n FROM t WHERE debut_count(s) > 1": {Order: Kept, Threads: true, Plain: true},
		"SELECT debut_count(s), count(*) FROM t GROUP BY s":             {Order: Unordered},
		"SELECT s, sum(debut_count(s)) AS n FROM t GROUP BY s":          {Order: Unordered, Threads: true},
		"SELECT debut_count(s) AS n FROM t ORDER BY debut_count(s)":     {Order: Given, Plain: true},
	} {
		if got, err := db.Statement(t.Context(), sql); err != nil || got != want {
			t.Errorf("%s\nis %+v, error %v; want %+v", sql, got, err, want)
		}
	}
}

// The function goes with its database, also where that did not take it.
func TestDefineIsFreed(t *testing.T) {
	freed := make(chan struct{}, 1)
	func() {
		db, err := Open(Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		held := &[64]byte{1}
		runtime.AddCleanup(held, func(c chan struct{}) { c <- struct{}{} }, freed)
		if err := Define(db, "debut_held", func(string) (int64, bool) { return int64(held[0]), true }); err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.GC()
		got := texts(t, db, "SELECT sum(debut_held(i::VARCHAR)) AS a FROM range(10000) r(i)")
		if !slices.Equal(got, []string{"10000"}) {
			t.Errorf("it gives %q", got)
		}
		select {
		case <-freed:
			t.Error("it is let go while the database is open")
		default:
		}
	}()
	for range 200 {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("it is held when the database is closed")
}

// Numbers of texts as DuckDB reads them, and as Go does.
func BenchmarkDefine(b *testing.B) {
	const rows = 5_000_000
	db := open(b)
	if err := Define(db, "debut_number", number); err != nil {
		b.Fatal(err)
	}
	if err := Define(db, "debut_length", func(s string) (float64, bool) { return float64(len(s)), true }); err != nil {
		b.Fatal(err)
	}
	if err := Define(db, "debut_same", func(s string) (string, bool) { return s, true }); err != nil {
		b.Fatal(err)
	}
	table := fmt.Sprintf(`CREATE TABLE t AS SELECT x, x || ' and more' AS long FROM (SELECT CASE WHEN i %% 2 = 0
THEN (hash(i) %% 1000000)::VARCHAR ELSE ((hash(i) %% 100000000) / 1000)::VARCHAR END AS x FROM range(%d) r(i))`, rows)
	if err := db.Query(b.Context(), table, nil); err != nil {
		b.Fatal(err)
	}
	for _, c := range [][2]string{
		{"cast", "CAST(x AS DOUBLE)"}, {"trycast", "TRY_CAST(x AS DOUBLE)"}, {"go", "debut_number(x)"},
		{"call", "debut_length(x)"}, {"nothing", "strlen(x)"},
		{"short", "strlen(debut_same(x))"}, {"long", "strlen(debut_same(long))"},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/threads=%d", c[0], threads), func(b *testing.B) {
				if err := db.SetThreads(b.Context(), threads); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					var most float64
					if err := db.Query(b.Context(), "SELECT CAST(max("+c[1]+") AS DOUBLE) FROM t", func(c *Chunk) error {
						values, _ := Vector[float64](c, 0)
						most = values[0]
						return nil
					}); err != nil {
						b.Fatal(err)
					}
					if most <= 0 || math.IsNaN(most) {
						b.Fatal(most)
					}
				}
				b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}
