package datasets

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// copyTo writes a query to a file, in the format of its name.
func copyTo(t testing.TB, path, query string) {
	t.Helper()
	db, err := duck.Open(duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Query(t.Context(), "COPY ("+query+") TO "+duck.Literal(path)+" (FORMAT "+strings.TrimPrefix(filepath.Ext(path), ".")+")", nil); err != nil {
		t.Fatal(err)
	}
}

// The shops of one table are the same categories, whatever it was exported to: with a fraction of zero, as a gap in a
// column of whole numbers brings it about, as numbers, as texts.
func TestWholeNumbersAreOneCategory(t *testing.T) {
	dir := t.TempDir()
	const rows = "SELECT CASE WHEN i %% 7 > 0 THEN (10 + i %% 5)::%s END AS shop, i %% 3 > 0 AS label, i AS x FROM range(60) r(i)"
	var files []string
	for _, c := range []struct{ file, typ string }{
		{"whole.csv", "INTEGER"}, {"gap.csv", "DOUBLE"}, {"money.csv", "DECIMAL(8, 2)"}, {"whole.json", "INTEGER"}, {"gap.json", "DOUBLE"},
		{"whole.parquet", "INTEGER"}, {"gap.parquet", "DOUBLE"}, {"money.parquet", "DECIMAL(8, 2)"}, {"wide.parquet", "HUGEINT"},
	} {
		copyTo(t, filepath.Join(dir, c.file), fmt.Sprintf(rows, c.typ))
		files = append(files, c.file)
	}
	copyTo(t, filepath.Join(dir, "text.parquet"), "SELECT * REPLACE (shop::VARCHAR AS shop) FROM ("+fmt.Sprintf(rows, "DOUBLE")+")")
	files = append(files, "text.parquet")
	for _, hashed := range []int{0, 64} {
		var want string
		var encoders []*encoding.Encoder
		for _, file := range files {
			cfg := Config{Source: table.Source{Path: configfile.Strings{file}}, Target: "label", Columns: map[string]encoding.Column{"shop": {Type: table.TypeCategorical, HashBuckets: hashed}}}
			d, err := Load(t.Context(), &cfg, dir, 7, nil)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			var text strings.Builder
			if err := d.Encoder.Save(&text); err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = text.String()
			}
			if text.String() != want {
				t.Errorf("trained on %s:\n%s\nand on %s:\n%s", file, text.String(), files[0], want)
			}
			encoders = append(encoders, d.Encoder)
		}
		var ids []int32
		for _, file := range files {
			for _, query := range []string{"", "SELECT * FROM data", "SELECT * REPLACE (shop + 0 AS shop) FROM data"} {
				if strings.HasPrefix(file, "text") && strings.Contains(query, "+") {
					continue // SQL does not add numbers to texts
				}
				f, err := encoders[0].Read(t.Context(), table.Source{Path: configfile.Strings{file}, Query: query}, dir, true)
				if err != nil {
					t.Fatalf("%s %s: %v", file, query, err)
				}
				out, report, err := encoders[0].Encode(t.Context(), f, true)
				if err != nil || len(report.Unseen) > 0 {
					t.Fatalf("%s %s: unseen %v, error %v", file, query, report.Unseen, err)
				}
				if ids == nil {
					ids = out.IDs
				}
				if !slices.Equal(out.IDs, ids) {
					t.Errorf("%s %s: other categories than those of %s", file, query, files[0])
				}
			}
		}
	}
}

// Two spellings in one table are one category, which is said; ids are carried through as they are written.
func TestSpellingsOfWholeNumbers(t *testing.T) {
	rows := "id,shop,version,zip,label\n" + numbered(40, func(i int) string {
		return fmt.Sprintf("%d.0,%s,%s,%s,%d", i, []string{"3", "3.0", "+3", "4"}[i%4], []string{"1.1", "1.10", "1.2"}[i%3], []string{"01", "1", "001"}[i%3], i%2)
	})
	cfg := Config{ID: configfile.Strings{"id"}, Target: "label", Columns: map[string]encoding.Column{"shop": {Type: table.TypeCategorical}, "version": {Type: table.TypeCategorical}, "zip": {Type: table.TypeCategorical}}}
	d := mustLoad(t, rows, cfg)
	for i, want := range []string{"3 4", "1.1 1.10 1.2", "01 001 1"} {
		if got := strings.Join(d.Encoder.Columns[i].Vocabulary, " "); len(strings.Fields(want)) != len(d.Encoder.Columns[i].Vocabulary) || i == 0 && got != want {
			t.Errorf("column %s has %s, want %s", d.Encoder.Columns[i].Name, got, want)
		}
	}
	told := d.Report.Warnings.String()
	if !strings.Contains(told, `column "shop": whole numbers are written in several ways, each of which is one category`) || strings.Contains(told, `"zip": whole`) || strings.Contains(told, `"version": whole`) {
		t.Errorf("told:\n%s", told)
	}
	if ids := d.Train.Encoded().IDColumns[0].Values; !strings.HasSuffix(ids[0], ".0") {
		t.Errorf("the first id is %q", ids[0])
	}
}

// Rows of one user stay together, and labels that are texts have one class, whatever the spelling.
func TestGroupsAndClassesOfWholeNumbers(t *testing.T) {
	rows := "user,x,label\n" + numbered(200, func(i int) string {
		return fmt.Sprintf("%s,%d,%s", []string{"%d", "%d.0"}[i%2], i, []string{"1", "2.0", "no", "1.0"}[i%4])
	})
	i := 0
	rows = strings.ReplaceAll(rows, "%d", "USER")
	for strings.Contains(rows, "USER") {
		rows = strings.Replace(rows, "USER", fmt.Sprint(i/2%20), 1)
		i++
	}
	cfg := Config{ID: configfile.Strings{"user"}, Target: "label", Split: Split{Method: "group", Column: "user"}, Columns: map[string]encoding.Column{"user": {Type: table.TypeCategorical}}}
	d := mustLoad(t, rows, cfg)
	if got := strings.Join(d.Encoder.Target.Classes, " "); got != "1 2 no" {
		t.Errorf("classes %s", got)
	}
	part := map[string]int{}
	for k, p := range []*Part{d.Train, d.Validation, d.Test} {
		for _, user := range p.Encoded().IDColumns[0].Values {
			user = strings.TrimSuffix(user, ".0")
			if before, seen := part[user]; seen && before != k {
				t.Fatalf("user %s is in two parts", user)
			}
			part[user] = k
		}
	}
	if len(part) != 20 {
		t.Errorf("%d users", len(part))
	}
}
