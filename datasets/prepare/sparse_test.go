package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
)

// sparseRows are lines of libsvm with features 1 to the given one, the last in the first row alone.
func sparseRows(rows, features int) string {
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, "%d %d:%g", i%2, 1+i%3, float64(i%7)+0.5)
		if features > 4 {
			fmt.Fprintf(&b, " %d:1", 4+i%(features-4))
		}
		if i == 0 {
			fmt.Fprintf(&b, " %d:2", features)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A test file of sparse rows seldom has every feature of the training rows: those that it has no entry of are 0.
func TestAbsentFeatures(t *testing.T) {
	for _, format := range []string{"libsvm", "libfm"} {
		dir := folder(t, map[string]string{"train.svm": sparseRows(80, 12), "test.svm": sparseRows(30, 7), "zero.svm": "1 0:1\n" + sparseRows(10, 5)})
		source := func(file, more string) string {
			return fmt.Sprintf("sources: {s: {path: %s, format: %s%s}}\nsplit: {method: none}\n", file, format, more)
		}
		mustRun(t, dir, source("train.svm", "")+"steps: [{filter: label >= 0}]\n")
		cfg := datasets.Config{Prepared: "out", Target: "label"}
		trained, err := datasets.Load(t.Context(), &cfg, dir, 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		encoder := trained.Encoder
		trained.Close() // the data are made anew below
		read := func(query string) (*encoding.Encoded, error) {
			f, err := encoder.Read(t.Context(), table.Source{Path: configfile.Strings{filepath.Join("out", "train.parquet")}, Query: query}, dir, true)
			if err != nil {
				return nil, err
			}
			out, _, err := encoder.Encode(t.Context(), f, true)
			return out, err
		}
		// Declared or not, with SQL or without, the features are the same.
		var want string
		for _, more := range []string{", features: 12", ""} {
			d := mustRun(t, dir, source("test.svm", more)+"shuffle: false\n")
			if last := d.Columns[len(d.Columns)-1].Name; d.Sparse == nil || last != fmt.Sprintf("f%d", d.Sparse.Last) || (last == "f12") != (more != "") {
				t.Errorf("%s%s: the last column is %s, %+v", format, more, last, d.Sparse)
			}
			for _, query := range []string{"", "SELECT * FROM data", "SELECT label, * EXCLUDE (label) FROM data WHERE f1 >= 0"} {
				out, err := read(query)
				if err != nil {
					t.Fatalf("%s%s %q: %v", format, more, query, err)
				}
				got := fmt.Sprint(out.D, out.Numeric, out.Target)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("%s%s %q: other features", format, more, query)
				}
			}
			blocks := 0
			for b, err := range encoder.Blocks(t.Context(), table.Source{Path: configfile.Strings{filepath.Join("out", "train.parquet")}}, dir, true, encoding.Input{}, 8) {
				if err != nil {
					t.Fatal(err)
				}
				blocks += b.Rows
			}
			if blocks != 30 {
				t.Errorf("%d rows in blocks", blocks)
			}
		}
		if out, err := read("SELECT * EXCLUDE (f2) FROM data"); err == nil {
			t.Errorf("a query left a feature out: %d rows", out.Rows)
		} else if !strings.Contains(err.Error(), `the data lack "f2"`) {
			t.Error(err)
		}
		// Features that a step has left out, or may have changed, are not 0.
		for steps, lacks := range map[string]string{"steps: [{drop: [f3]}]\n": `"f3"`, "steps: [{fill: {f1: 0}}]\n": `"f8"`, "steps: [{sql: 'SELECT *, f1 + 1 AS g FROM input'}]\n": `"f8"`} {
			mustRun(t, dir, source("test.svm", "")+steps)
			if _, err := read(""); err == nil || !strings.Contains(err.Error(), "the data lack "+lacks) {
				t.Errorf("%s%s: %v", format, steps, err)
			}
		}
		// Indexes from 0 give another first column, and f0 is what other files have no entry of.
		if d := mustRun(t, dir, source("zero.svm", ", features: 8")); d.Columns[1].Name != "f0" || d.Columns[len(d.Columns)-1].Name != "f7" {
			t.Errorf("%s: %s to %s", format, d.Columns[1].Name, d.Columns[len(d.Columns)-1].Name)
		}
		_, err = run(t, dir, source("train.svm", ", features: 11"))
		if err == nil || !strings.Contains(err.Error(), "the largest index is 12, but 11 features from index 1 on end at 11; raise the number") {
			t.Error(err)
		}
	}
	dir := folder(t, map[string]string{"t.csv": "a,b\n1,2\n", "t.ffm": "1 0:1:1\n"})
	for _, c := range []struct{ source, want string }{
		{"{path: t.csv, features: 3}", "features: is for libsvm and libfm files"},
		{"{path: t.ffm, format: libffm, features: 3}", "features: is for libsvm and libfm files"},
		{"{path: t.ffm, format: libsvm, features: -1}", "features: -1 is not in 1 … 10000"},
		{"{path: t.ffm, format: libsvm, features: 3, layout: lists}", "layout lists has no columns"},
	} {
		_, err := run(t, dir, "sources: {s: "+c.source+"}\nsplit: {method: none}\n")
		wantError(t, dir, err, c.want)
	}
}
