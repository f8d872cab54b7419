package datasets

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// applied loads a model's encoder, with features x, price and c, and reads and
// encodes a file of the given content with it.
func applied(t *testing.T, name, content string, src table.Source, needTarget bool) error {
	t.Helper()
	d := mustLoad(t, "id,x,price,c,y\n"+numbered(60, func(i int) string { return fmt.Sprintf("i%d,%d,%d.5,k%d,%d", i, i, i%9, i%3, i%2) }), Config{Target: "y", ID: configfile.Strings{"id"}})
	src.Path = configfile.Strings{name}
	dir := write(t, name, content)
	f, err := d.Encoder.Read(context.Background(), src, dir, needTarget)
	if err == nil {
		_, _, err = d.Encoder.Encode(context.Background(), f, needTarget)
	}
	return err
}

// wantNoKeys checks that a message names nothing that only a run file has.
func wantNoKeys(t *testing.T, err error) {
	t.Helper()
	for _, key := range []string{"null: [", "drop_missing_target", "delimiter: ", "names: [", "header: true", "set format", "tables", "ignore", " query: ", "source."} {
		if err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("error names %q, which a user of the model cannot set:\n%v", key, err)
		}
	}
}

// TestAppliedRemedies checks that messages to the user of a model name what can
// be done without the run file.
func TestAppliedRemedies(t *testing.T) {
	for name, c := range map[string]struct {
		content    string
		src        table.Source
		needTarget bool
		want       []string
	}{
		"labels":      {"x,price,c,y\n1,2,k1,1\n1,2,k1,\n", table.Source{}, true, []string{"new.csv:3", `column "y"`, `--query 'SELECT * FROM data WHERE "y" IS NOT NULL'`}},
		"nan":         {"x,price,c\n1,2,k1\nNaN,2,k1\n", table.Source{Query: "SELECT * FROM data"}, false, []string{"new.csv:3", `--null NaN`}},
		"word":        {"x,price,c\n1,2,k1\nzero,2,k1\n", table.Source{}, false, []string{"new.csv:3", `--null zero`}},
		"comma":       {"x;price;c\n1;2,5;k1\n1;3,5;k2\n", table.Source{}, false, []string{"new.csv:2", "decimal comma", `--decimal ,`}},
		"delimiter":   {"x;price;c\n1;2;k1\n", table.Source{Delimiter: ","}, false, []string{"new.csv", `the data lack "x", "price", "c"`, `--delimiter ';'`}},
		"names":       {"1;2;k1\n", table.Source{Delimiter: ",", Names: []string{"x", "price", "c"}}, false, []string{"new.csv:1", `--delimiter ';'`}},
		"twice":       {"x,price,c,c\n1,2,k1,k1\n", table.Source{}, false, []string{"new.csv:1", `named "c"`, "--names"}},
		"source":      {"x,price,c\n1,2,k1\n", table.Source{Delimiter: "||"}, false, []string{`delimiter: "||" cannot separate fields`}},
		"parquet":     {"PAR1\nx\n", table.Source{}, false, []string{"new.csv: is a Parquet file"}},
		"wrong names": {"X1,prise,c\n1,2,k1\n", table.Source{}, false, []string{"new.csv: the data lack", `"x"`, `"price" (did you mean "prise"?)`, `they have "X1", "prise", "c"`, `--query 'SELECT * RENAME ("X1" AS "x", "prise" AS "price") FROM data'`}},
		"query":       {"x,price,c\n1,2,k1\n", table.Source{Query: "SELECT x, c FROM data"}, false, []string{"the query over new.csv", `lack "price"`}},
	} {
		t.Run(name, func(t *testing.T) {
			err := applied(t, "new.csv", c.content, c.src, c.needTarget)
			wantError(t, err, c.want...)
			if name != "source" {
				wantNoKeys(t, err)
			}
		})
	}
	err := applied(t, "new.jsonl", `{"x": 1, "price": 2, "c": ["k1"]}`, table.Source{}, false)
	wantError(t, err, "new.jsonl", `column "c"`, "lists", "--query 'SELECT")
	wantNoKeys(t, err)
}

// TestTrainingRemedies checks that the same messages name the run file's keys
// where there is one.
func TestTrainingRemedies(t *testing.T) {
	_, err := loadText(t, "x,y\n1,1\n2,\n", Config{Target: "y"})
	wantError(t, err, "data.csv:3", "drop_missing_target: true")
	_, err = loadText(t, "x;y\n1;1\n2;0\n", Config{Target: "y", Source: table.Source{Delimiter: ","}})
	wantError(t, err, `set delimiter: ";"`)
	_, err = readText(t, "x,x\n1,2\n", table.Source{}, nil)
	wantError(t, err, `set names: ["x", "x_2"], header: true`)
	dir := write(t, "train.csv", "x,y\n"+numbered(40, func(i int) string { return fmt.Sprintf("%d,%d", i, i%2) }))
	writeTo(t, dir, "valid.csv", "xs,y\n1,1\n")
	cfg := Config{Target: "y", Source: table.Source{Path: configfile.Strings{"train.csv"}}, Validation: &table.Source{Path: configfile.Strings{"valid.csv"}}}
	_, err = Load(context.Background(), &cfg, dir, 1, nil)
	wantError(t, err, "validation rows: valid.csv", `"x" (did you mean "xs"?)`, `; rename columns of another name: query: SELECT * RENAME ("xs" AS "x") FROM data`)
}

// TestRenameRemedy does what the message about missing columns says.
func TestRenameRemedy(t *testing.T) {
	for _, header := range []string{"x,prise,c", "x,Price,c"} {
		content := header + "\n1,2,k1\n"
		err := applied(t, "new.csv", content, table.Source{}, false)
		if err == nil {
			t.Fatal("no error")
		}
		if err := applied(t, "new.csv", content, table.Source{Query: remedyOf(t, err.Error())}, false); err != nil {
			t.Errorf("%s: the remedy fails: %v", header, err)
		}
	}
}

func TestLongListsAreCut(t *testing.T) {
	header := make([]string, 300)
	for i := range header {
		header[i] = fmt.Sprintf("c%03d", i)
	}
	row := strings.TrimSuffix(strings.Repeat("1,", len(header)), ",") + "\n"
	content := strings.Join(header, ",") + "\n" + row
	_, err := loadText(t, content, Config{Target: strings.Repeat("z", 5000)})
	wantError(t, err, "and 290 more")
	if n := len(err.Error()); n > 500 {
		t.Errorf("an error of %d bytes", n)
	}
}
