package head

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/manifest"
	"debut/datasets/npy"
	"debut/datasets/prepare"
	"debut/datasets/sealed"
	"debut/datasets/table"
)

// show lays a table out in lines: names with types, and rows.
func show(t *Table) string {
	var b strings.Builder
	for i, c := range t.Columns {
		fmt.Fprintf(&b, "%s%s:%s", map[bool]string{true: " "}[i > 0], c.Name, c.Type)
	}
	for row := range t.Rows {
		b.WriteString("\n")
		for i := range t.Columns {
			value := t.Columns[i].Text(row)
			if t.Columns[i].Missing(row) {
				value = "-"
			}
			fmt.Fprintf(&b, "%s%s", map[bool]string{true: " "}[i > 0], value)
		}
	}
	return b.String()
}

func read(t *testing.T, path string, change func(*table.Source, *Options)) (*Table, error) {
	t.Helper()
	src, o := table.Source{Path: configfile.Strings{path}}, Options{Rows: 2}
	if change != nil {
		change(&src, &o)
	}
	return Read(context.Background(), src, "", o)
}

func must(t *testing.T, path string, change func(*table.Source, *Options)) *Table {
	t.Helper()
	table, err := read(t, path, change)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return table
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func packed(t *testing.T, text string) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll([]byte(text), nil)
}

const orders = `id,day,city,paid,note
1,2025-01-01,Ulm,true,"two
lines, ""quoted"""
2,2025-01-02,,false,
3,2025-01-03,Kiel,true,x
`

const ordersShown = `id:numeric day:date city:categorical paid:boolean note:categorical
1 2025-01-01 Ulm true two
lines, "quoted"
2 2025-01-02 - false -`

func TestFormatsShowTheSame(t *testing.T) {
	dir := t.TempDir()
	tabs := strings.ReplaceAll(strings.ReplaceAll(orders, "lines, ", "lines; "), ",", "\t")
	for name, content := range map[string][]byte{
		"a.csv": []byte(orders), "a.csv.gz": zipped(t, orders), "a.CSV.ZST": packed(t, orders), "a.tsv": []byte(tabs),
		"bom.csv": []byte("\ufeff" + strings.ReplaceAll(orders, "\n", "\r\n")),
		"a.jsonl": []byte(`{"id":1,"day":"2025-01-01","city":"Ulm","paid":true,"note":"two\nlines, \"quoted\""}
{"id":2,"day":"2025-01-02","city":null,"paid":false,"note":null}
{"id":3,"day":"2025-01-03","city":"Kiel","paid":true,"note":"x"}`),
		"list.json.gz": zipped(t, `[ {"id":1,"day":"2025-01-01","city":"Ulm","paid":true,
 "note":"two\nlines, \"quoted\""},{"id":2,"day":"2025-01-02","city":null,"paid":false},
 {"id":3,"day":"2025-01-03","city":"Kiel","paid":true,"note":"x"}]`),
	} {
		got := must(t, write(t, dir, name, content), nil)
		shown := show(got)
		switch name {
		case "a.tsv":
			shown = strings.ReplaceAll(shown, "lines; ", "lines, ")
		case "bom.csv":
			shown = strings.ReplaceAll(shown, "\r", "")
		}
		if shown != ordersShown || got.Total != 3 || got.Sampled != 0 || got.Name != name {
			t.Errorf("%s: %s, %d rows, %d sampled:\n%s\nwant\n%s", name, got.Name, got.Total, got.Sampled, shown, ordersShown)
		}
	}
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	parquet := filepath.Join(dir, "a.parquet")
	if err := db.Query(context.Background(), "COPY (SELECT * FROM read_csv("+duck.Literal(filepath.Join(dir, "a.csv"))+")) TO "+duck.Literal(parquet), nil); err != nil {
		t.Fatal(err)
	}
	if got := must(t, parquet, nil); show(got) != ordersShown || got.Total != 3 || got.Sampled != 0 {
		t.Errorf("parquet:\n%s", show(got))
	}
	got := must(t, parquet, func(s *table.Source, o *Options) { s.Query = "SELECT id * 2 AS twice FROM data WHERE id > 1" })
	if show(got) != "twice:numeric\n4\n6" || got.Total != 2 {
		t.Errorf("query:\n%s", show(got))
	}
	got = must(t, filepath.Join(dir, "a.csv"), func(_ *table.Source, o *Options) { o.Columns, o.Rows = []string{"paid", "id"}, 99 })
	if show(got) != "paid:boolean id:numeric\ntrue 1\nfalse 2\ntrue 3" || len(got.Others) != 3 {
		t.Errorf("columns:\n%s, others %v", show(got), got.Others)
	}
	if got := must(t, filepath.Join(dir, "a.*csv*"), nil); got.Name != "a.csv (the first of 2 files)" || got.Total != -1 {
		t.Errorf("glob: %s, %d", got.Name, got.Total)
	}
}

// Files are cut after they are decoded.
func TestUTF16(t *testing.T) {
	dir := t.TempDir()
	var text bytes.Buffer
	for _, r := range utf16.Encode([]rune("a,b\n" + strings.Repeat("1,Köln\n", 3000))) {
		text.Write([]byte{byte(r), byte(r >> 8)})
	}
	for _, c := range []struct {
		mark     string
		encoding string
	}{{"\xff\xfe", "utf-16"}, {"", "utf-16"}} {
		got := must(t, write(t, dir, "a.csv", append([]byte(c.mark), text.Bytes()...)), func(s *table.Source, _ *Options) { s.Encoding = c.encoding })
		if show(got) != "a:numeric b:categorical\n1 Köln\n1 Köln" || got.Total != -1 || got.Sampled != sampleRows {
			t.Errorf("%q, encoding %q:\n%s", c.mark, c.encoding, show(got))
		}
	}
}

// Comments are no rows, however many and long they are.
func TestComments(t *testing.T) {
	dir := t.TempDir()
	comments := strings.Repeat("% \"so, it is\n", 3000) + "%" + strings.Repeat("x", 200_000) + "\n"
	for rows, total := range map[int]int64{3: 3, 3000: -1} {
		content := comments + "a,b\n" + comments + strings.Repeat("1,x%y\n", rows)
		got := must(t, write(t, dir, "a.csv", []byte(content)), func(s *table.Source, _ *Options) { s.Comment = "%" })
		if show(got) != "a:numeric b:categorical\n1 x%y\n1 x%y" || got.Total != total {
			t.Errorf("%d rows: %d\n%s", rows, got.Total, show(got))
		}
	}
}

func TestOtherFormats(t *testing.T) {
	dir := t.TempDir()
	var matrix bytes.Buffer
	if err := npy.Write(&matrix, []float32{1, 2, 3, 4, 5, 6}, 2); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, format, text, want string }{
		{"a.txt", "libsvm", "1 1:0.5 3:2\n-1 2:1\n0 1:1\n", "label:numeric f1:numeric f2:numeric f3:numeric\n1 0.5 0 2\n-1 0 1 0"},
		{"a.txt.gz", "libffm", "1 0:3:1 1:7:1\n0 0:4:1\n", "label:numeric field_0:categorical field_1:categorical\n1 3 7\n0 4 -"},
		{"b.txt", "log", "ann fig 3 1500000000\nbob fig 4 1500000001\n", "user:categorical item:categorical rating:numeric time:date\nann fig 3 2017-07-14T02:40:00\nbob fig 4 2017-07-14T02:40:01"},
		{"c.txt", "adjacency", "ann fig pear\nbob fig\n", "user:categorical item:categorical\nann fig\nann pear"},
		{"m.npy", "", matrix.String(), "id:numeric vector:vector\n0 [1, 2]\n1 [3, 4]"},
	} {
		content := []byte(c.text)
		if strings.HasSuffix(c.name, ".gz") {
			content = zipped(t, c.text)
		}
		got := must(t, write(t, dir, c.name, content), func(s *table.Source, _ *Options) { s.Format = c.format })
		if show(got) != c.want || got.Total != 3 && got.Total != 2 {
			t.Errorf("%s of %d rows:\n%s\nwant\n%s", c.name, got.Total, show(got), c.want)
		}
	}
}

// What a run refuses is shown nevertheless, with the reason.
func TestColumnsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	text := "n,price\n"
	for i := range 60 {
		text += fmt.Sprintf("%d,%d.5\n", i, i)
	}
	got := must(t, write(t, dir, "a.csv", []byte(strings.Replace(text, "1,1.5", "1,oops", 1))), nil)
	if show(got) != "n:numeric price:unreadable\n0 0.5\n1 oops" || !strings.Contains(got.Columns[1].Problem, `a.csv:3: column "price": "oops" is not a number`) {
		t.Errorf("%s\n%+v", show(got), got.Columns)
	}
	var names, values []string
	for i := range 100 {
		names, values = append(names, fmt.Sprintf("c%d", i)), append(values, fmt.Sprint(i))
	}
	lines := strings.Join(names, ",") + strings.Repeat("\n"+strings.Join(values, ","), 60)
	values[7], values[99] = "oops", "oops"
	got = must(t, write(t, dir, "wide.csv", []byte(lines+"\n"+strings.Join(values, ","))), nil)
	if problems := strings.Count(show(got), "unreadable"); problems != 2 || len(got.Columns) != 100 || got.Total != 61 || got.Columns[98].Text(0) != "98" || got.Columns[99].Text(1) != "99" {
		t.Errorf("%d columns, %d unreadable, %d rows", len(got.Columns), problems, got.Total)
	}
	got = must(t, write(t, dir, "a.jsonl", []byte(`{"a":1,"s":{"x":2},"l":[1,2]}
{"a":12345678901234567890,"s":null,"l":[3]}`)), nil)
	if show(got) != "a:categorical s:unreadable l:unreadable\n1 {'x': 2} [1, 2]\n12345678901234567890 - [3]" {
		t.Error(show(got))
	}
	if n, different := got.Columns[0].Distinct(); n != 2 || different != 2 || got.Format != "json" {
		t.Errorf("%d values, %d different, %s", n, different, got.Format)
	}
	dates := must(t, write(t, dir, "dates.csv", []byte("a,b\n25.12.2025,2025-12-25\n,2025-12-26\n24.12.2025,2025-12-26\n")), nil)
	if a, b := dates.Columns[0], dates.Columns[1]; a.Type != "date" || a.SQL != "DATE" || a.Layout != "DD.MM.YYYY" || b.Type != "date" || b.SQL != "DATE" || b.Layout != "YYYY-MM-DD" {
		t.Errorf("%+v", dates.Columns)
	}
	if n, different := dates.Columns[1].Distinct(); n != 3 || different != 2 {
		t.Errorf("%d values, %d different", n, different)
	}
	if got := must(t, write(t, dir, "b.jsonl", []byte(`{"s":{"x":2}}`)), nil); show(got) != "s:unreadable\n{'x': 2}" {
		t.Error(show(got))
	}
	encoded, err := json.Marshal(got)
	if err != nil || !bytes.Contains(encoded, []byte(`"rows":[["1","{'x': 2}","[1, 2]"],["12345678901234567890",null,"[3]"]]`)) {
		t.Errorf("%s, %v", encoded, err)
	}
}

func TestMarksOfMissingValues(t *testing.T) {
	got := must(t, write(t, t.TempDir(), "a.csv", []byte("a,b,c\n1,?,x\nNA,na,n/a.\n"+strings.Repeat("2,5,y\n", 30))), nil)
	for i, want := range []string{"[NA]", "[? na]", "[]"} {
		if marks := fmt.Sprint(got.Columns[i].Marks()); marks != want {
			t.Errorf("column %s has %s, want %s", got.Columns[i].Name, marks, want)
		}
	}
}

// What follows the beginning of these files is damaged.
func TestOnlyTheBeginningIsRead(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("id,text\n")
	for i := range 60_000 {
		fmt.Fprintf(&b, "%d,\"%x\"\n", i, i*i*i)
	}
	whole := zipped(t, b.String())
	for name, content := range map[string][]byte{
		"cut.csv.gz": whole[:len(whole)/2],
		"bad.csv":    []byte(b.String()[:200_000] + "\n1,2,3,4,5\n\"open"),
		"bad.jsonl":  []byte(strings.Repeat("{\"id\": 0, \"text\": \"x\"}\n", 2000) + "{oops"),
	} {
		got := must(t, write(t, dir, name, content), nil)
		if got.Total != -1 || got.Sampled != sampleRows || len(got.Rows) != 2 || got.Columns[0].Text(0) != "0" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// Quotes that are no quotes of CSV, and records that are long, end somewhere.
	got := must(t, write(t, dir, "inch.csv", []byte("a;b\n"+strings.Repeat("5\" pipe;1\n", 3000))), nil)
	if got.Sampled != sampleRows || got.Columns[0].Text(1) != `5" pipe` {
		t.Errorf("%+v", got)
	}
	got = must(t, write(t, dir, "long.csv", []byte("a,b\n"+strings.Repeat(strings.Repeat("x", 1<<20)+",1\n", 40))), nil)
	if got.Sampled < 16 || got.Sampled > 17 || got.Total != -1 {
		t.Errorf("%d rows of a MiB were looked at", got.Sampled)
	}
}

// A record that does not end is an error as soon as it is too long, however much there is behind.
func TestEndlessRecords(t *testing.T) {
	endless := strings.Repeat("x", 20<<20)
	for name, content := range map[string]string{
		"field.csv.gz": "a,b\n1," + endless,
		"zeros.csv.gz": "a,b\n1,2\n" + strings.Repeat("\x00", 20<<20),
		"quote.csv.gz": "a,b\n1,\"" + strings.Repeat(endless[:99]+"\n", 20<<20/100),
	} {
		whole := zipped(t, content)
		_, err := Read(t.Context(), table.Source{Path: configfile.Strings{write(t, t.TempDir(), name, whole[:len(whole)-1000])}}, "", Options{})
		if err == nil || !strings.Contains(err.Error(), "the record that begins here has more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, content := range map[string]string{"object.json.gz": "{\"a\": 1}\n{\"a\": \"", "list.json.gz": "[\n{\"a\": \""} {
		_, err := Read(t.Context(), table.Source{Path: configfile.Strings{write(t, t.TempDir(), name, zipped(t, content+endless))}}, "", Options{})
		if err == nil || !strings.Contains(err.Error(), name+":2: the record that begins here has more than 16777216 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPreparedData(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "t.csv", []byte("x,words\n"+strings.Repeat("1,a b\n2,c\n", 20)))
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	cfg := prepare.Config{
		Output: "out", Sources: map[string]prepare.Source{"t": {Source: table.Source{Path: configfile.Strings{"t.csv"}}}},
		Columns: map[string]prepare.ColumnType{"words": manifest.Text}, Steps: []prepare.Step{{SQL: "SELECT *, [x, x] AS v, CAST(range(x) AS INTEGER[]) AS l FROM input"}},
	}
	prepared := func() {
		t.Helper()
		if _, err := prepare.Run(context.Background(), &cfg, prepare.Options{BaseDir: dir, Overwrite: true}); err != nil {
			t.Fatal(err)
		}
	}
	prepared()
	out := filepath.Join(dir, "out")
	got := must(t, out, func(_ *table.Source, o *Options) { o.Rows = 1 })
	if names := strings.SplitN(show(got), "\n", 2)[0]; names != "x:numeric words:text v:vector l:list" || got.Part != manifest.Train || got.Total < 20 || len(got.Rows) != 1 {
		t.Errorf("%s, %+v", names, got)
	}
	if got := must(t, out, func(_ *table.Source, o *Options) { o.Part = manifest.Test }); got.Part != manifest.Test || got.Total > 15 {
		t.Errorf("%+v", got)
	}
	cfg.Encrypt = &sealed.Encryption{Recipients: configfile.Strings{key.Recipient().String()}}
	prepared()
	if _, err := read(t, out, nil); !errors.Is(err, ErrEncrypted) {
		t.Errorf("without a key: %v", err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	got = must(t, out, func(_ *table.Source, o *Options) { o.Keys = []age.Identity{key} })
	if len(got.Rows) != 2 || got.Columns[1].Type != manifest.Text {
		t.Errorf("%+v", got)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("%v was left behind", left)
	}
	manifestOf, err := manifest.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, filepath.Join(out, manifestOf.Parts[0].File), nil); err == nil || !strings.Contains(err.Error(), "is encrypted; name the folder") {
		t.Errorf("an encrypted file: %v", err)
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "a.csv", []byte(orders))
	for _, c := range []struct {
		path   string
		change func(*table.Source, *Options)
		want   string
	}{
		{filepath.Join(dir, "b.csv"), nil, "no file"},
		{dir, nil, "no dataset.json"},
		{dir, nil, "*.csv"},
		{good, func(_ *table.Source, o *Options) { o.Part = "test" }, "has no parts"},
		{good, func(_ *table.Source, o *Options) { o.Rows = -1 }, "positive"},
		{good, func(_ *table.Source, o *Options) { o.Columns = []string{"cty"} }, `did you mean "city"`},
		{good, func(s *table.Source, _ *Options) { s.Format = "parquet" }, "a.csv"},
		{good, func(s *table.Source, _ *Options) { s.Format = "libsmv" }, `did you mean "libsvm"`},
		{good, func(s *table.Source, _ *Options) { s.Encoding = "latin1" }, `did you mean "latin-1"`},
		{good, func(s *table.Source, _ *Options) { s.Decimal = ";" }, "source.decimal"},
		{good, func(s *table.Source, _ *Options) { s.Types = map[string]string{"cty": "categorical"} }, `did you mean "city"`},
		{write(t, dir, "x.parquet", []byte("no")), nil, "is x.parquet a Parquet file?"},
		{write(t, dir, "empty.csv", nil), nil, "empty"},
		{write(t, dir, "head.csv", []byte("a,b\n")), nil, "no rows"},
		{write(t, dir, "ragged.csv", []byte("a,b\n1,2\n1,2,3\n")), nil, "ragged.csv:3"},
		{write(t, dir, "bad.json", []byte("[{\"a\": 1}, {oops}]")), nil, "bad.json"},
		{write(t, dir, "none.json", nil), nil, "none.json"},
		{write(t, dir, "bad.npy", []byte("no")), nil, "bad.npy"},
		{write(t, dir, "bad.svm", []byte("1 oops\n")), func(s *table.Source, _ *Options) { s.Format = "libsvm" }, "bad.svm:1"},
	} {
		if _, err := read(t, c.path, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", filepath.Base(c.path), err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, table.Source{Path: configfile.Strings{good}}, "", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
