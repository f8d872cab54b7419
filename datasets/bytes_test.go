package datasets

import (
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// Texts of a Parquet file without the mark that they are texts are texts wherever they are read.
func TestTextWithoutMark(t *testing.T) {
	dir := t.TempDir()
	const rows = "SELECT CASE WHEN i % 5 > 0 THEN ['café', 'thé', 'zone', '2024-01-05'][i % 4 + 1] END AS drink, i % 3 = 0 AS label, i AS x FROM range(60) r(i)"
	copyTo(t, filepath.Join(dir, "marked.parquet"), rows)
	copyTo(t, filepath.Join(dir, "bare.parquet"), "SELECT * REPLACE (encode(drink) AS drink) FROM ("+rows+")")
	want, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"marked.parquet"}}, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Source: table.Source{Path: configfile.Strings{"marked.parquet"}}, Target: "label"}
	trained, err := Load(t.Context(), &cfg, dir, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"", "SELECT * FROM data", "SELECT * REPLACE (upper(drink) AS drink) FROM data WHERE drink = 'café' OR true"} {
		src := table.Source{Path: configfile.Strings{"bare.parquet"}, Query: query, Null: configfile.Strings{"zone"}}
		f, err := table.Read(t.Context(), src, dir, nil)
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
	for b, err := range trained.Encoder.Blocks(t.Context(), table.Source{Path: configfile.Strings{"bare.parquet"}}, dir, true, encoding.Input{}, 16) {
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
