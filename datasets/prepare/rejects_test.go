package prepare

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What is kept aside stands under the line of the file at which it begins, whatever quoted fields and lines above span,
// with its text; and so do values that do not fit, between such lines.
func TestRejectsHaveTheirLines(t *testing.T) {
	const table = "id,text,n\n" + // 1
		"1,\"two\nlines\",1\n" + // 2
		"2,broken\ntext,2\n" + // 4: one record, by a line end without quotes
		"3,\"three\n\nlines\",3\n" + // 6
		"4,\"a \"bad\" quote\",4\n" + // 9
		"5,x\ny\nz,5\n" + // 10
		"6,\"p\nq\",many\n" + // 13
		"7,short\n" + // 15
		"8,\"more\nlines\",8\n" // 16
	want := []string{
		"4 2,broken", "5 text,2", `9 4,"a "bad" quote",4`, "10 5,x", "11 y", "12 z,5", "15 7,short", "13 n many",
	}
	const mark, mixed = "\ufeff", "# of a till\n# and another line\n"
	for name, c := range map[string]struct {
		text  string
		above int
	}{
		"plain": {table, 0}, "marked": {mark + table, 0}, "comments": {mixed + table, 2}, "Windows": {strings.ReplaceAll(table, "\n", "\r\n"), 0},
		"blank lines": {strings.Replace(table, "2,broken\n", "\n\n2,broken\n", 1), 2},
		"many":        {strings.Replace(table, "2,broken\n", strings.Repeat("9,\"and\nmore\",9\n", 30000)+"2,broken\n", 1), 60000},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{"t.csv": c.text})
			d := mustRun(t, dir, "sources: {t: {path: t.csv, types: {n: BIGINT}}}\nsplit: {method: none}\nrejects: {limit: 8}\n")
			if d.Rejected != int64(len(want)) {
				t.Errorf("%d rows were kept aside, want %d", d.Rejected, len(want))
			}
			f, err := os.Open(filepath.Join(dir, "out", "rejects.csv"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			rows, err := csv.NewReader(f).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range rows[1:] {
				line := 0
				for _, digit := range strings.TrimPrefix(row[0], "t.csv:") {
					line = 10*line + int(digit-'0')
				}
				got = append(got, strings.Join(slices.DeleteFunc([]string{strconv.Itoa(line - c.above), row[1], row[3]}, func(s string) bool { return s == "" }), " "))
			}
			if !slices.Equal(got, want) {
				t.Errorf("kept aside:\n%q\nwant\n%q", got, want)
			}
			if problems := rows[1][2] + rows[2][2]; !strings.Contains(problems, "with the next line it would have them") || !strings.Contains(rows[4][2], "the next 2 lines") {
				t.Errorf("%q", rows)
			}
		})
	}
}

// A quote that is not closed takes lines with it: how many is told.
func TestRejectsOfAnOpenQuote(t *testing.T) {
	dir := folder(t, map[string]string{"t.csv": "a,b\n1,\"x\ny\"\n2,\"open\n3,y\n4,\"z\"\n5,w\n"})
	mustRun(t, dir, "sources: {t: {path: t.csv}}\nsplit: {method: none}\nrejects: {limit: 1}\n")
	kept, err := os.ReadFile(filepath.Join(dir, "out", "rejects.csv"))
	if want := "t.csv:4,,"; err != nil || !strings.Contains(string(kept), want) || !strings.Contains(string(kept), "3 lines were taken for one record") {
		t.Errorf("%s\n%v", kept, err)
	}
}
