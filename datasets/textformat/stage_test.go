package textformat

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/duck"
)

func database(t testing.TB, o duck.Options) *duck.DB {
	t.Helper()
	db, err := duck.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// query returns the rows of a query as text.
func query(t testing.TB, db *duck.DB, sql string) (rows []string) {
	t.Helper()
	columns, err := db.Describe(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	cast := make([]string, len(columns))
	for i, c := range columns {
		cast[i] = "coalesce(" + duck.Name(c.Name) + "::VARCHAR, '-')"
	}
	err = db.Query(t.Context(), "SELECT concat_ws(' | ', "+strings.Join(cast, ", ")+") FROM ("+sql+")", func(c *duck.Chunk) error {
		values, _ := duck.Vector[duck.String](c, 0)
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

func TestStage(t *testing.T) {
	for name, c := range map[string]struct {
		o       Options
		text    string
		columns string
		rows    []string
	}{
		"libsvm": {Options{Format: "libsvm"}, "1 3:0.5\n-1 1:2\n0\n", "label DOUBLE, f1 DOUBLE, f2 DOUBLE, f3 DOUBLE",
			[]string{"1.0 | 0.0 | 0.0 | 0.5", "-1.0 | 2.0 | 0.0 | 0.0", "0.0 | 0.0 | 0.0 | 0.0"}},
		"qid and 0": {Options{Format: "libfm"}, "1.5 qid:9 0:1\n2 1:3\n", "label DOUBLE, qid BIGINT, f0 DOUBLE, f1 DOUBLE",
			[]string{"1.5 | 9 | 1.0 | 0.0", "2.0 | - | 0.0 | 3.0"}},
		"features":           {Options{Format: "libsvm", Features: 3}, "1 1:3\n2\n", "label DOUBLE, f1 DOUBLE, f2 DOUBLE, f3 DOUBLE", []string{"1.0 | 3.0 | 0.0 | 0.0", "2.0 | 0.0 | 0.0 | 0.0"}},
		"features of base 0": {Options{Format: "libfm", Features: 2}, "1 0:3\n2\n", "label DOUBLE, f0 DOUBLE, f1 DOUBLE", []string{"1.0 | 3.0 | 0.0", "2.0 | 0.0 | 0.0"}},
		"base":               {Options{Format: "libfm", Base: BaseZero}, "1 1:3\n", "label DOUBLE, f0 DOUBLE, f1 DOUBLE", []string{"1.0 | 0.0 | 3.0"}},
		"labels alone":       {Options{Format: "libsvm"}, "1\n2\n", "label DOUBLE", []string{"1.0", "2.0"}},
		"lists by index": {Options{Format: "libsvm"}, "1 1001:0.5 2:1\n0\n", "label DOUBLE, indexes INTEGER[], values FLOAT[]",
			[]string{"1.0 | [2, 1001] | [1.0, 0.5]", "0.0 | [] | []"}},
		"lists": {Options{Format: "libsvm", Layout: "lists"}, "1 qid:1 1:1\n", "label DOUBLE, qid BIGINT, indexes INTEGER[], values FLOAT[]",
			[]string{"1.0 | 1 | [1] | [1.0]"}},
		"columns": {Options{Format: "libsvm", Layout: "columns"}, "1 1002:1\n", "", nil},
		"libffm": {Options{Format: "libffm"}, "1 3:70:1 0:5:1\n0 3:71:1\n", "label DOUBLE, field_0 VARCHAR, field_3 VARCHAR",
			[]string{"1.0 | 5 | 70", "0.0 | - | 71"}},
		"libffm values": {Options{Format: "libffm"}, "1 3:70:1 0:5:0.5\n0 3:71:1\n", "label DOUBLE, fields INTEGER[], indexes INTEGER[], values FLOAT[]",
			[]string{"1.0 | [0, 3] | [5, 70] | [0.5, 1.0]", "0.0 | [3] | [71] | [1.0]"}},
		"libffm several": {Options{Format: "libffm"}, "1 3:70:1 3:5:1\n", "label DOUBLE, fields INTEGER[], indexes INTEGER[], values FLOAT[]",
			[]string{"1.0 | [3, 3] | [5, 70] | [1.0, 1.0]"}},
		"log":     {Options{Format: "log"}, "u,i,,978300760\nv,ä,4,\n", "user VARCHAR, item VARCHAR, rating DOUBLE, time TIMESTAMP", []string{"u | i | - | 2000-12-31 22:12:40", "v | ä | 4.0 | -"}},
		"millis":  {Options{Format: "log"}, "u,i,1,978300760123\n", "user VARCHAR, item VARCHAR, rating DOUBLE, time TIMESTAMP", []string{"u | i | 1.0 | 2000-12-31 22:12:40.123"}},
		"micros":  {Options{Format: "log"}, "u,i,1,978300760123456\n", "user VARCHAR, item VARCHAR, rating DOUBLE, time TIMESTAMP", []string{"u | i | 1.0 | 2000-12-31 22:12:40.123456"}},
		"counter": {Options{Format: "log", Columns: []string{"who", "what", "time"}}, "u,i,978300760\nu,i,7\n", "who VARCHAR, what VARCHAR, time BIGINT", []string{"u | i | 978300760", "u | i | 7"}},
		"dates": {Options{Format: "log"}, "u,i,1,\nv,j,2,2020-02-03T04:05:06+01:00\n", "user VARCHAR, item VARCHAR, rating DOUBLE, time TIMESTAMP",
			[]string{"u | i | 1.0 | -", "v | j | 2.0 | 2020-02-03 03:05:06"}},
		"adjacency": {Options{Format: "adjacency"}, "u a b\nv a\n", "user VARCHAR, item VARCHAR", []string{"u | a", "u | b", "v | a"}},
		"weighted":  {Options{Format: "adjacency", Columns: []string{"a", "b", "c"}}, "u x:1 y:0.5\n", "a VARCHAR, b VARCHAR, c DOUBLE", []string{"u | x | 1.0", "u | y | 0.5"}},
	} {
		t.Run(name, func(t *testing.T) {
			db := database(t, duck.Options{Threads: 1})
			res, err := Stage(t.Context(), db, "a table", []string{file(t, "x.txt", c.text)}, c.o)
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, r := range query(t, db, "SELECT column_name, column_type FROM (DESCRIBE \"a table\")") {
				types = append(types, strings.Replace(r, " | ", " ", 1))
			}
			if got := strings.Join(types, ", "); got != c.columns && c.columns != "" {
				t.Errorf("columns %s, want %s", got, c.columns)
			}
			if c.columns == "" {
				if len(types) != 1003 {
					t.Errorf("%d columns", len(types))
				}
				return
			}
			if got := query(t, db, "SELECT * FROM \"a table\""); !slices.Equal(got, c.rows) || res.Rows != int64(len(c.rows)) {
				t.Errorf("%d rows %q, want %q", res.Rows, got, c.rows)
			}
		})
	}
}

func TestStageRejects(t *testing.T) {
	db := database(t, duck.Options{Threads: 1})
	path := file(t, "x.txt", "u i\nbad\nv j\n")
	kept := 0
	o := Options{Format: "log", MaxRejects: 1, Rejects: func(Reject) error { kept++; return nil }}
	res, err := Stage(t.Context(), db, "x", []string{path, path[:len(path)-5] + "x.txt"}, o)
	if err == nil || kept != 0 {
		t.Errorf("two malformed rows: %v, %d kept", err, kept)
	}
	if res, err = Stage(t.Context(), db, "x", []string{path}, o); err != nil || res.Rejected != 1 || kept != 1 || res.Rows != 2 {
		t.Errorf("%+v, %v, %d kept", res, err, kept)
	}
}

// After an error there is no table, and the database goes on.
func TestStageErrors(t *testing.T) {
	db := database(t, duck.Options{Threads: 1})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	many := "1"
	for i := range 10_001 {
		many += fmt.Sprintf(" %d:1:1", i)
	}
	for want, c := range map[string]struct {
		ctx  context.Context
		o    Options
		text string
	}{
		"no rows":                     {t.Context(), Options{Format: "libsvm"}, "# nothing\n"},
		"x.txt:2: label":              {t.Context(), Options{Format: "libsvm"}, "1\nx\n"},
		"largest index is 10001":      {t.Context(), Options{Format: "libsvm", Layout: "columns"}, "1 10001:1\n"},
		"several features":            {t.Context(), Options{Format: "libffm", Layout: "columns"}, "1 1:1:1 1:2:1\n"},
		"more than 10000 fields":      {t.Context(), Options{Format: "libffm", Layout: "columns"}, many},
		context.Canceled.Error():      {canceled, Options{Format: "libsvm"}, "1\n"},
		"keep the malformed row":      {t.Context(), Options{Format: "log", MaxRejects: 1, Rejects: func(Reject) error { return os.ErrClosed }}, "u i\nv j\nx\n"},
		"format \"libsv\": there are": {t.Context(), Options{Format: "libsv"}, ""},
	} {
		_, err := Stage(c.ctx, db, "x", []string{file(t, "x.txt", c.text)}, c.o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if n := query(t, db, "SELECT count(*) AS n FROM duckdb_tables()"); n[0] != "0" {
			t.Fatalf("%s: there is a table", want)
		}
	}
	path := file(t, "x.txt", "u i\n")
	for i, want := range []string{"", "already exists"} {
		_, err := Stage(t.Context(), db, "x", []string{path}, Options{Format: "log"})
		if i == 0 && err != nil || i == 1 && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A table larger than the memory of the database.
func TestStageBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a file of 60 MB")
	}
	var b strings.Builder
	const rows = 1_000_000
	for i := range rows {
		fmt.Fprintf(&b, "user-%032x item-%020x\n", uint32(i)*2654435761, uint32(i)*40503)
	}
	dir := t.TempDir()
	db := database(t, duck.Options{Path: filepath.Join(dir, "x.duckdb"), Memory: 64 << 20, Threads: 1, TempDir: dir})
	res, err := Stage(t.Context(), db, "x", []string{file(t, "x.txt", b.String())}, Options{Format: "log"})
	if err != nil || res.Rows != rows {
		t.Fatalf("%d rows, %v", res.Rows, err)
	}
	if got := query(t, db, "SELECT count(*) AS n, count(DISTINCT item) AS m FROM (SELECT item FROM x LIMIT 100)"); got[0] != "100 | 100" {
		t.Error(got)
	}
}

// data returns a folder of real data.
func data(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("DEBUT_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no data: %v", err)
	}
	return path
}

func TestTaobao(t *testing.T) {
	dir := data(t, "taobao")
	db := database(t, duck.Options{})
	for name, want := range map[string]int64{"view": 848_603, "cart": 188_685, "buy": 76_731, "valid": 15_449} {
		res, err := Stage(t.Context(), db, name, []string{filepath.Join(dir, name+".txt.gz")}, Options{Format: "log"})
		if err != nil || res.Rows != want || res.Rejected != 0 {
			t.Errorf("%s: %d rows, %d rejected, %v; want %d", name, res.Rows, res.Rejected, err, want)
		}
	}
	if got := query(t, db, "SELECT count(DISTINCT \"user\") AS n, min(\"user\"::BIGINT) AS a, max(\"user\"::BIGINT) AS b FROM valid"); got[0] != "15449 | 1 | 15449" {
		t.Errorf("users of valid: %s", got[0])
	}
}

func BenchmarkStage(b *testing.B) {
	var text strings.Builder
	const rows = 300_000
	for i := range rows {
		fmt.Fprintf(&text, "%d\t%d\t%d\t%d\n", i%6040, i*31%3952, i%5+1, 978300000+i)
	}
	path := file(b, "x.txt", text.String())
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		db := database(b, duck.Options{})
		if _, err := Stage(b.Context(), db, "x", []string{path}, Options{Format: "log"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
