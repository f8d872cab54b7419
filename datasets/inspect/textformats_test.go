package inspect

import (
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

func TestTextFormats(t *testing.T) {
	for content, want := range map[string]string{
		"1 3:0.5 7:1\n0 2:1 9:0.25\n1 1:1\n":                 "format: libsvm",
		"+1 qid:3 3:0.5 # a\n-1 qid:4 7:1e-3 # b\n":          "format: libsvm",
		"1 0:3:0.5 1:7:1\n0 0:2:1 1:9:0.25\n1 0:1:1 1:2:1\n": "format: libffm",
		"u1 i1 5 100\nu2 i7 3 101\nu3 i7 3 102\n":            "format: log",
		"title\nred shoes\nblue shoes for men\n":             "",
		"title\na b 3\nc d 4\ne f\n":                         "", // not all lines
		"x,y\n1 3:0.5,1\n0 2:1,2\n":                          "", // two columns
	} {
		path := put(t, t.TempDir(), "a.csv", content)
		r := inspectFiles(t, table.Source{Path: configfile.Strings{path}}, Options{})
		got := ""
		for _, w := range r.Tables[0].Warnings {
			if w.Code == "text_format" {
				got = w.Remedy()
			}
		}
		if (got != "") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", content, got, want)
		}
	}
}
