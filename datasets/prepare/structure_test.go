package prepare

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// What is wrong with the lines of a CSV file data prepare tells as a run does, and keeps aside under the same words.
func TestLinesThatAreNoneOfATable(t *testing.T) {
	long := strings.Repeat("x", 2_000_000)
	for _, c := range []struct{ name, text, comment, line, problem, kept string }{
		{"too many fields", "v,y\na,1,3\nb,3\n", "", "2", `found 3 fields, expected 2 ("v", "y")`, "a,1,3"},
		{"too few fields", "v,y\na,1\nb\nc,2\n", "", "3", `found 1 fields, expected 2 ("v", "y")`, "b"},
		{"behind a comment", "v,y\na,1\n# x\n#\nb,3,4\nc,5\n", "#", "5", "found 3 fields, expected 2", "b,3,4"},
		{"an open quote", "v,y\na,1\n\"b,3\nc,4\n", "", "3", "", "\"b,3\nc,4"},
		{"text behind a quote", "v,y\na,1\n\"b\"x,3\nc,4\n", "", "3", "", `"b"x,3`},
		{"a long field", "v,y\na,1\n" + long + ",2\nb,3\n", "", "3", "the record that begins here has more than 2000000 bytes", long + ",2"},
		{"a long field in quotes", "v,y\na,1\n\"" + long + "\n\",2\nb,3\n", "", "3", "the record that begins here has more than 2000000 bytes", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, map[string]string{"t.csv": c.text})
			_, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"t.csv"}, Comment: c.comment}, dir, nil)
			var v *table.ValueError
			if !errors.As(err, &v) || v.Place != "t.csv:"+c.line || !strings.Contains(v.Problem, c.problem) {
				t.Fatalf("a run says %v", err)
			}
			source := "sources: {s: {path: t.csv, comment: \"" + c.comment + "\"}}\nsplit: {method: none}\n"
			_, err = run(t, dir, source)
			wantError(t, dir, err, v.Place+": "+v.Problem, "rejects: {limit: 1}")
			mustRun(t, dir, source+"rejects: {limit: 1}\n")
			kept, err := os.ReadFile(filepath.Join(dir, "out", "rejects.csv"))
			if err != nil {
				t.Fatal(err)
			}
			f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"r.csv"}}, folder(t, map[string]string{"r.csv": string(kept[:min(len(kept), 1000)])}), nil)
			if len(c.kept) > 1000 || c.kept == "" {
				if !strings.Contains(string(kept), c.problem) {
					t.Errorf("kept %.200q", kept)
				}
				return
			}
			if err != nil || f.Column("place").Format(0) != "t.csv:"+c.line || !strings.Contains(f.Column("problem").Format(0), c.problem) || f.Column("text").Format(0) != c.kept {
				t.Errorf("kept %q, %v", kept, err)
			}
		})
	}
	// What a long line is told to become is read.
	dir := t.TempDir()
	copyTo(t, filepath.Join(dir, "t.parquet"), "SELECT repeat('x', 2000000) AS v, 1 AS y")
	f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"t.parquet"}}, dir, nil)
	if err != nil || len(f.Column("v").Format(0)) != 2_000_000 {
		t.Error(err)
	}
}
