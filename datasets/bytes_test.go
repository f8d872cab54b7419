package datasets

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/duck"
)

// Texts of a Parquet file without the mark that they are texts are texts wherever they are read.
func TestTextWithoutMark(t *testing.T) {
	dir := t.TempDir()
	const table = "SELECT CASE WHEN i % 5 > 0 THEN ['café', 'thé', 'zone', '2024-01-05'][i % 4 + 1] END AS drink, i % 3 = 0 AS label, i AS x FROM range(60) r(i)"
	copyTo(t, filepath.Join(dir, "marked.parquet"), table)
	copyTo(t, filepath.Join(dir, "bare.parquet"), "SELECT * REPLACE (encode(drink) AS drink) FROM ("+table+")")
	want, err := Read(t.Context(), Source{Path: Strings{"marked.parquet"}}, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Source: Source{Path: Strings{"marked.parquet"}}, Target: "label"}
	trained, err := Load(t.Context(), &cfg, dir, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"", "SELECT * FROM data", "SELECT * REPLACE (upper(drink) AS drink) FROM data WHERE drink = 'café' OR true"} {
		src := Source{Path: Strings{"bare.parquet"}, Query: query, Null: Strings{"zone"}}
		f, err := Read(t.Context(), src, dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		expected := strings.ReplaceAll(formatted(want.Column("drink")), "zone", "")
		if strings.Contains(query, "upper") {
			expected = strings.ToUpper(expected)
		}
		if got := formatted(f.Column("drink")); got != expected {
			t.Errorf("%q gives %s\nwant %s", query, got, expected)
		}
	}
	encoded := 0
	for b, err := range trained.Encoder.Blocks(t.Context(), Source{Path: Strings{"bare.parquet"}}, dir, true, 16) {
		if err != nil {
			t.Fatal(err)
		}
		if encoded += b.Rows; len(b.Report.Unseen) > 0 {
			t.Errorf("unseen %v", b.Report.Unseen)
		}
	}
	if encoded != 60 {
		t.Errorf("%d rows", encoded)
	}
}

// Bytes that are no text are told with the first row, where they are read; a column that is not used may have them.
func TestBytesThatAreNoText(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, filepath.Join(dir, "b.parquet"), `SELECT CASE WHEN i = 41 THEN '\xC3\x28'::BLOB ELSE encode('é' || i) END AS img, i AS x, i % 2 AS label FROM range(60) r(i)`)
	for query, want := range map[string]string{
		"":                   `b.parquet: row 42: column "img": holds bytes that are not UTF-8 text; write it as text where the file is made; or ignore the column: ignore: [img]; or leave the column out: query: SELECT * EXCLUDE ("img") FROM data`,
		"SELECT * FROM data": `b.parquet: row 42: column "img": holds bytes that are not UTF-8 text`,
		"SELECT count(*) AS n, length(img) AS l FROM data GROUP BY 2 ORDER BY 2": `b.parquet: row 42: column "img"`,
	} {
		_, err := Read(t.Context(), Source{Path: Strings{"b.parquet"}, Query: query}, dir, nil)
		var v *ValueError
		if !errors.As(err, &v) {
			t.Fatalf("%q: %v", query, err)
		}
		wantError(t, err, want)
	}
	for _, src := range []Source{{}, {Query: `SELECT * EXCLUDE (img) FROM data`}, {Query: "SELECT x, label FROM data"}} {
		src.Path = Strings{"b.parquet"}
		if f, err := Read(t.Context(), src, dir, map[string]string{"img": TypeIgnore}); err != nil || f.Rows != 60 {
			t.Errorf("%q: %v", src.Query, err)
		}
	}
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for declared, wanted := range map[string]string{"": "row 42", "BLOB": "BLOB"} {
		src := Source{Path: Strings{"b.parquet"}}
		if declared != "" {
			src.Types = map[string]string{"img": declared}
		}
		table, err := OpenTable(t.Context(), db, src, dir, TableOptions{Words: DataFile})
		if err != nil {
			t.Fatal(err)
		}
		_, err = table.Stage(t.Context(), "staged", StageOptions{})
		if declared == "" {
			wantError(t, err, wanted, "to have bytes, for a step that drops or converts them, set types: {img: BLOB}")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		columns, err := db.Describe(t.Context(), "SELECT typeof(img) AS t FROM staged")
		if err != nil || len(columns) != 1 {
			t.Fatal(err)
		}
		if err := db.Query(t.Context(), "SELECT typeof(img) FROM staged LIMIT 1", func(c *duck.Chunk) error {
			if v, _ := duck.Vector[duck.String](c, 0); v[0].Text() != wanted {
				t.Errorf("declared %s: %s", declared, v[0].Text())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
