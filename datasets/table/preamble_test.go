package table

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// The lines above a table are no part of it, where they can be told from a header.
func TestLinesAboveTheTable(t *testing.T) {
	const table = "id,x,c,label\na1,1.5,red,0\na2,2.5,blue,1\n"
	for name, above := range map[string]string{
		"comment":             "# exported 2024-01-01\n",
		"comments":            "# exported 2024-01-01\n#\n# by the shop\n",
		"comment with commas": "# a, b, c\n",
		"as wide as it is":    "# a,b,c,d\n",
		"comment, blank":      "# exported 2024-01-01\n\n",
		"blank, comment":      "\n\n# exported\n",
		"windows":             "# exported\r\n",
		"title":               "Monthly report\n",
		"wide title":          "Monthly report,,,\n",
		"title, blank":        "Monthly report\n\n",
		"title and comment":   "# exported\nMonthly report,,,\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			content := above + table
			if strings.Contains(above, "\r") {
				content = strings.ReplaceAll(strings.ReplaceAll(content, "\r\n", "\n"), "\n", "\r\n")
			}
			for _, query := range []string{"", "SELECT * FROM data"} {
				f := mustRead(t, content, Source{Query: query}, nil)
				if got := strings.Join(f.Names(), " "); got != "id x c label" || f.Rows != 2 || f.Column("x").Kind != Numeric {
					t.Errorf("query %q: columns %s, %d rows", query, got, f.Rows)
				}
				if query == "" && (len(f.Notes) == 0) != (strings.TrimSpace(above) == "") {
					t.Errorf("told is %q", f.Notes)
				}
			}
			lines := strings.Count(content, "\n")
			_, err := readText(t, strings.TrimSuffix(content, "\n")+",1,2\n", Source{}, nil)
			wantError(t, err, "data.csv:"+strconv.Itoa(lines)+":")
		})
	}
}

// What looks like a line above the table may be a part of it.
func TestHeadersThatLookLikeComments(t *testing.T) {
	for content, want := range map[string]string{
		"#id,x\na,1\nb,2\n":                  "#id x",
		"# id,name\n1,a\n2,b\n":              "# id name",
		"name,,\na,1,2\nb,3,4\n":             "name column1 column2",
		"city\nUlm\nBonn\n":                  "city",
		"a,b\nx,\ny,1\n":                     "a b",
		"#\n1\n2\n":                          "#",
		"report\nid;x\na;1\nb;2\n":           "id x",
		"a b c\n1 2 3\n":                     "a b c",
		"# only, comments\n# here, too\n1,2": "# only comments",
	} {
		f := mustRead(t, content, Source{}, nil)
		if got := strings.Join(f.Names(), " "); got != want {
			t.Errorf("%q has %q, want %q", content, got, want)
		}
	}
}

// Declared comments are left out wherever they stand, and lines keep their numbers.
func TestComments(t *testing.T) {
	const content = "#, above\nid,x\n1,10\n# between\n2,\"a\n#b\"\n3,c#d\n#last"
	for _, query := range []string{"", "SELECT * FROM data"} {
		f := mustRead(t, content, Source{Comment: "#", Query: query}, nil)
		x := f.Column("x")
		if f.Rows != 3 || x.Format(0) != "10" || x.Format(1) != "a\n#b" || x.Format(2) != "c#d" {
			t.Errorf("%d rows, %q", f.Rows, x.Dict)
		}
	}
	_, err := readText(t, "id,x\n# one\n1,2\n%\n3,4,5\n", Source{Comment: "#"}, nil)
	wantError(t, err, "data.csv:4", "found 1 fields")
	_, err = readText(t, "id,x\n1,2\n", Source{Comment: "//"}, nil)
	wantError(t, err, "source.comment", `"//"`)
}

// Files of other encodings are read where that is declared, and the error about one that is not says so.
func TestEncodings(t *testing.T) {
	const text = "id,city\n1,Köln\n2,Besançon\n3,Málaga\n"
	encode := func(name string) string {
		switch name {
		case "utf-16":
			s, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			return s
		case "latin-1":
			s, err := charmap.ISO8859_1.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			return s
		case "windows-1252":
			s, err := charmap.Windows1252.NewEncoder().String(text)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		return text
	}
	for _, name := range []string{"utf-8", "utf-16", "latin-1", "windows-1252"} {
		content := encode(name)
		for _, query := range []string{"", "SELECT * FROM data"} {
			f := mustRead(t, content, Source{Encoding: name, Query: query}, nil)
			if got := strings.Join(f.Column("city").Dict, " "); got != "Köln Besançon Málaga" {
				t.Errorf("%s is read as %q", name, got)
			}
		}
		if name == "utf-8" {
			continue
		}
		_, err := readText(t, content, Source{}, nil)
		var v *ValueError
		if !errors.As(err, &v) || len(v.Remedies) == 0 || len(v.Remedies[0].Settings) == 0 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := mustRead(t, content, v.Remedies[0].Apply(Source{}), nil)
		if got := strings.Join(f.Column("city").Dict, " "); got != "Köln Besançon Málaga" {
			t.Errorf("the remedy for %s reads %q", name, got)
		}
	}

	// Compressed files too; the copies go with the database.
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write([]byte(encode("latin-1"))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	dir := write(t, "data.csv.gz", gz.String())
	db, err := duck.Open(duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(context.Background(), db, Source{Path: configfile.Strings{"data.csv.gz"}, Encoding: "latin-1"}, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if files := table.Files(); len(files) != 1 || files[0].Path != filepath.Join(dir, "data.csv.gz") {
		t.Errorf("the files are %q", files)
	}
	if _, err := table.Stage(context.Background(), "t", StageOptions{}); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 1 {
		t.Errorf("%d copies", len(left))
	}
	db.Close()
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("%d copies are left", len(left))
	}
}
