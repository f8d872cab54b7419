package table

import (
	"errors"
	"path/filepath"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// Bytes that are no text are told with the first row, where they are read; a column that is not used may have them.
func TestBytesThatAreNoText(t *testing.T) {
	dir := t.TempDir()
	copyTo(t, filepath.Join(dir, "b.parquet"), `SELECT CASE WHEN i = 41 THEN '\xC3\x28'::BLOB ELSE encode('é' || i) END AS img, i AS x, i % 2 AS label FROM range(60) r(i)`)
	for query, want := range map[string]string{
		"":                   `b.parquet: row 42: column "img": holds bytes that are not UTF-8 text; write it as text where the file is made; or ignore the column: ignore: [img]; or leave the column out: query: SELECT * EXCLUDE ("img") FROM data`,
		"SELECT * FROM data": `b.parquet: row 42: column "img": holds bytes that are not UTF-8 text`,
		"SELECT count(*) AS n, length(img) AS l FROM data GROUP BY 2 ORDER BY 2": `b.parquet: row 42: column "img"`,
	} {
		_, err := Read(t.Context(), Source{Path: configfile.Strings{"b.parquet"}, Query: query}, dir, nil)
		var v *ValueError
		if !errors.As(err, &v) {
			t.Fatalf("%q: %v", query, err)
		}
		wantError(t, err, want)
	}
	for _, src := range []Source{{}, {Query: `SELECT * EXCLUDE (img) FROM data`}, {Query: "SELECT x, label FROM data"}} {
		src.Path = configfile.Strings{"b.parquet"}
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
		src := Source{Path: configfile.Strings{"b.parquet"}}
		if declared != "" {
			src.Types = map[string]string{"img": declared}
		}
		table, err := Open(t.Context(), db, src, dir, Options{Words: DataFile})
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
