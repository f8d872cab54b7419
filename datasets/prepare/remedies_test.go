package prepare

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/manifest"
	"debut/datasets/table"
)

// faulty is a table that cannot be read as it is, or that a person should be told something about, and what each of the
// settings that the message proposes makes of a column.
type faulty struct {
	name, text string
	file       string // t.csv where it is empty
	src        table.Source
	column     string
	want       []string // values by remedy, with "," between them; those that are work for a person are left out
	sql        bool     // the fault is one for SQL alone
	stage      string   // "same", or why data prepare has nothing to say
}

// many repeats lines for i = 1 … 40.
func many(line string) string {
	var b strings.Builder
	for i := range 40 {
		b.WriteString(strings.NewReplacer("#", fmt.Sprint(i+1), "@", fmt.Sprintf("%02d", i%28+1)).Replace(line) + "\n")
	}
	return b.String()
}

var faults = []faulty{
	{name: "a word among numbers", text: "v,y\n" + many("#,1") + "none,1\n", column: "v", want: []string{"1|2|…|40|", "1|2|…|40|none"}},
	{name: "several words", text: "v,y\n" + many("#,1") + "\"a, \"\"b\"\"\",1\n-,2\n", column: "v", want: []string{"1|2|…|40||", "1|2|…|40|a, \"b\"|-"}},
	{name: "NaN", text: "v,y\n" + many("#,1") + "NaN,1\n", column: "v", want: []string{"1|2|…|40|", "1|2|…|40|NaN"}},
	{name: "declared numbers", text: "v,y\n1,1\n2,2\nx,3\n", src: table.Source{Types: map[string]string{"v": "numeric"}}, column: "v", want: []string{"1|2|", "1|2|x"}},
	{name: "thousands or decimal comma", text: "v;y\n1,935;1\n1,641;0\n301;1\n", column: "v", want: []string{"1935|1641|301", "1.935|1.641|301", "1,935|1,641|301"}},
	{name: "decimal comma", text: "v;y\n1,93;1\n1,641;0\n301;1\n", column: "v", want: []string{"1.93|1.641|301", "1,93|1,641|301"}},
	{name: "thousands", text: "v;y\n1,935,100;1\n1,641.5;0\n301;1\n", column: "v", want: []string{"1935100|1641.5|301", "1,935,100|1,641.5|301"}},
	{name: "points between thousands", text: "v;y\n1.935.100;1\n1.641,5;0\n301;1\n", column: "v", want: []string{"1935100|1641.5|301", "1.935.100|1.641,5|301"}},
	{name: "apostrophes", text: "v;y\n1'935;1\n1'641.5;0\n301;1\n", column: "v", want: []string{"1935|1641.5|301", "1'935|1'641.5|301"}},
	{name: "blanks between thousands", text: "v;y\n1 935;1\n1 641,5;0\n301,5;1\n", column: "v", want: []string{"1935|1641.5|301.5", "1 935|1 641,5|301,5"}},
	{name: "one bad date", text: "v,y\n" + many("2024-01-@,1") + "0000-00-00,2\n", column: "v", want: []string{"2024-01-01|2024-01-02|…|2024-01-12|", "2024-01-01|2024-01-02|…|2024-01-12|0000-00-00"}},
	{name: "a day that is none", text: "v,y\n" + many("2023-02-@,1") + "2023-02-29,2\n", column: "v", want: []string{"2023-02-01|2023-02-02|…|2023-02-12|", "2023-02-01|2023-02-02|…|2023-02-12|2023-02-29"}},
	{name: "a moment that is none", text: "v,y\n" + many("2023-02-@ 12:00:00,1") + "2023-02-01 25:00:00,2\n", column: "v", want: []string{"2023-02-01T12:00:00|2023-02-02T12:00:00|…|2023-02-12T12:00:00|", "2023-02-01 12:00:00|2023-02-02 12:00:00|…|2023-02-12 12:00:00|2023-02-01 25:00:00"}},
	{name: "day and month the other way round", text: "v,y\n" + many("@/02/2023,1") + "02/27/2023,2\n", column: "v", want: []string{"2023-02-01|2023-02-02|…|2023-02-12|", "01/02/2023|02/02/2023|…|12/02/2023|02/27/2023"}},
	{name: "a date with a time among days", text: "v,y\n" + many("2023-02-@,1") + "2023-02-01 10:00,2\n", column: "v", want: []string{"2023-02-01|2023-02-02|…|2023-02-12|", "2023-02-01|2023-02-02|…|2023-02-12|2023-02-01 10:00"}},
	{name: "declared date", text: "day of sale,y\n13/01/2024,1\n14/01/2024,2\n15-01-2024,2\n", src: table.Source{Types: map[string]string{"day of sale": "DD/MM/YYYY"}}, column: "day of sale",
		want: []string{"2024-01-13|2024-01-14|", "13/01/2024|14/01/2024|15-01-2024"}},
	{name: "declared truth", text: "v,y\nyes,1\nno,2\nperhaps,2\n", src: table.Source{Types: map[string]string{"v": "boolean"}}, column: "v", want: []string{"true|false|", "yes|no|perhaps"}},
	{name: "names twice", text: "v,y,v\n1,2,3\n", column: "v_2", want: []string{"3"}},
	{name: "names twice and taken", text: "v,v_2,\"a, \"\"b\"\"\",v\n1,2,x,3\n", column: "v_3", want: []string{"3"}},
	{name: "names by case", text: "v,V,y\n1,2,3\n", column: "V_2", want: []string{"2"}, sql: true},
	{name: "names by case without a header", text: "1,2,3\n4,5,6\n", src: table.Source{Names: []string{"v", "V", "y"}}, column: "V_2", want: []string{"2|5"}, sql: true},
	{name: "Latin letters", text: "v,y\ncaf\xe9,1\nth\xe9,2\n", column: "v", want: []string{"café|thé"}},
	{name: "UTF-16", text: "\xff\xfev\x00,\x00y\x00\n\x001\x00,\x002\x00\n\x00", column: "v", want: []string{"1"}},
	{name: "infinite numbers", file: "t.parquet", text: "SELECT CASE i WHEN 1 THEN 'nan' WHEN 2 THEN '-inf' ELSE i::VARCHAR END::DOUBLE AS v, i AS y FROM range(4) r(i)", column: "v", want: []string{"0|||3"}, stage: "steps may change them"},
}

// told are tables of which something is said that a setting changes.
var told = []faulty{
	{name: "zeros in front", text: "v,y\n01220,1\n94107,2\n", column: "v", want: []string{"1220|94107"}},
	{name: "wide ids", text: "v,y\n18446744073709551001,1\n18446744073709551002,2\n", column: "v", want: []string{"1.8446744073709552e+19|1.8446744073709552e+19"}},
	{name: "either day or month", text: "v,y\n01/02/2024,1\n03/04/2024,2\n", column: "v", want: []string{"2024-02-01|2024-04-03"}},
	{name: "amounts", text: "the price;y\n1.935,30 €;1\n-1.641,10 €;0\n", column: "the price", want: []string{"1935.3|-1641.1"}},
	{name: "amounts in dollars", text: "v;y\n$1,935.30;1\n(1,641.10);0\n19.5%;1\n", column: "v", want: []string{"1935.3|-1641.1|19.5"}},
	{name: "amounts of several currencies", text: "v;y\n$1935.30;1\n20 EUR;0\n-19.5 €;1\n0;1\n", column: "v", want: []string{"1935.3|20|-19.5|0", "1935.3|20|-19.5|0"}},
	{name: "amounts with and without percent", text: "v,y\n50%,1\n7,0\n", column: "v", want: []string{"50|7", "50|7"}},
	{name: "units of one kind", text: "v,y\n1.5 kg,1\n20 g,0\n", column: "v", want: []string{"1500|20", "1.5|20"}},
	{name: "units of two kinds", text: "the size,y\n1.5 kg,1\n20 cm,0\n", column: "the size", want: []string{"1.5|20"}},
	{name: "one unit", text: "v,y\n1.5 kg,1\n20 kg,0\n", column: "v", want: []string{"1.5|20"}},
	{name: "articles", text: "v,y\n" + articles(), column: "v", want: []string{articleNumbers()}},
}

// articles are 30 numbers of eight digits whose last is the check digit.
func articles() string {
	var b strings.Builder
	for i := range 27 {
		digits, sum := fmt.Sprintf("%07d", 4000000+i), 0
		for k, c := range digits {
			sum += int(c-'0') * []int{3, 1}[k%2]
		}
		fmt.Fprintf(&b, "%s%d,%d\n", digits, (10-sum%10)%10, i%2)
	}
	return b.String()
}

func articleNumbers() string {
	var numbers []string
	for line := range strings.Lines(articles()) {
		number, _, _ := strings.Cut(line, ",")
		numbers = append(numbers, number)
	}
	return abridged(numbers)
}

// written lists the values of a column; of many the first two and those from the fortieth on.
func written(t *testing.T, f *table.Frame, column string) string {
	t.Helper()
	s := f.Column(column)
	if s == nil {
		t.Fatalf("no column %q among %q", column, f.Names())
	}
	values := make([]string, s.Len())
	for i := range values {
		values[i] = s.Format(i)
	}
	return abridged(values)
}

func abridged(values []string) string {
	if n := len(values); n > 20 {
		values = slices.Concat(values[:2], []string{"…"}, values[min(39, n-1):])
	}
	return strings.Join(values, "|")
}

// pasted is what a person makes of a wording: its keys, as a mapping. What is about columns stands beside the source of
// a run file.
func pasted(t *testing.T, text string) (keys map[string]any) {
	t.Helper()
	_, settings, ok := strings.Cut(text, "set ")
	if !ok {
		t.Fatalf("%q sets nothing", text)
	}
	if err := yaml.Unmarshal([]byte("{"+settings+"}"), &keys); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if values, ok := keys[""]; ok { // what a mapping makes of the key null, which is one of a source
		delete(keys, "")
		keys["null"] = values
	}
	return keys
}

// merged adds keys to those of a source.
func merged(t *testing.T, source any, keys map[string]any) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for k, v := range keys {
		if old, ok := all[k].(map[string]any); ok {
			if more, ok := v.(map[string]any); ok {
				maps.Copy(old, more)
				continue
			}
		}
		if old, ok := all[k].([]any); ok && k == "null" {
			if more, ok := v.([]any); ok {
				v = append(old, more...)
			}
		}
		all[k] = v
	}
	return all
}

// asRun reads the table by a run file with the settings of a wording.
func asRun(t *testing.T, dir string, c *faulty, text string) *table.Frame {
	t.Helper()
	keys := pasted(t, text)
	columns := keys["columns"]
	delete(keys, "columns")
	data := map[string]any{"source": merged(t, c.src, keys), "target": "y"}
	if columns != nil {
		data["columns"] = columns
	}
	written, err := yaml.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var cfg datasets.Config
	if err := yaml.UnmarshalWithOptions(written, &cfg, yaml.Strict()); err != nil {
		t.Fatalf("%s: the run file\n%s\n%v", c.name, written, err)
	}
	types := map[string]string{}
	for name, column := range cfg.Columns {
		types[name] = column.Type
	}
	f, err := table.Read(t.Context(), cfg.Source, dir, types)
	if err != nil {
		t.Fatalf("%s: the run file\n%s\n%v", c.name, written, err)
	}
	return f
}

// asData reads what data prepare makes of the table with the settings of a wording.
func asData(t *testing.T, dir string, c *faulty, text string) *table.Frame {
	t.Helper()
	source := merged(t, c.src, pasted(t, text))
	written, err := yaml.Marshal(map[string]any{"sources": map[string]any{"s": source}, "split": map[string]any{"method": "none"}, "shuffle": false})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, dir, string(written)); err != nil {
		t.Fatalf("%s: the data file\n%s\n%v", c.name, written, err)
	}
	d, err := manifest.Read(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, c := range d.Columns {
		types[c.Name] = c.Type
	}
	f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{"out/train.parquet"}}, dir, types)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// place writes the table, and returns its folder.
func (c *faulty) place(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if c.file == "" {
		c.file = "t.csv"
	}
	c.src.Path = configfile.Strings{c.file}
	if filepath.Ext(c.file) == ".parquet" {
		copyTo(t, filepath.Join(dir, c.file), c.text)
	} else if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What an error says to set makes the table readable as it says, in the words of a run file and of a data file, and so
// does what is applied without words.
func TestRemediesOfErrors(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			dir := c.place(t)
			src := c.src
			if c.sql {
				src.Query = "SELECT * FROM data"
			}
			_, err := table.Read(t.Context(), src, dir, nil)
			var v *table.ValueError
			if !errors.As(err, &v) {
				t.Fatalf("no error about a value: %v", err)
			}
			if !strings.HasPrefix(v.Place, c.file) {
				t.Errorf("the error does not say where it is: %v", err)
			}
			n := 0
			for _, r := range v.Remedies {
				if len(r.Settings) == 0 {
					if r.Work == "" {
						t.Errorf("a remedy that is none of %v", err)
					}
					continue
				}
				if n == len(c.want) {
					t.Fatalf("a remedy of which nothing is known here: %v", err)
				}
				if !strings.Contains(err.Error(), r.Text(table.RunFile)) {
					t.Errorf("%v does not say %q", err, r.Text(table.RunFile))
				}
				f, err := table.Read(t.Context(), r.Apply(src), dir, nil)
				if err != nil {
					t.Fatalf("%q applied: %v", r.Text(table.RunFile), err)
				}
				if got := written(t, f, c.column); got != c.want[n] {
					t.Errorf("%q applied: %s, want %s", r.Text(table.RunFile), got, c.want[n])
				}
				if got := written(t, asRun(t, dir, &c, r.Text(table.RunFile)), c.column); got != c.want[n] {
					t.Errorf("%q in a run file: %s, want %s", r.Text(table.RunFile), got, c.want[n])
				}
				if got := written(t, asData(t, dir, &c, r.Text(table.DataFile)), c.column); got != c.want[n] {
					t.Errorf("%q in a data file: %s, want %s", r.Text(table.DataFile), got, c.want[n])
				}
				n++
			}
			if n != len(c.want) {
				t.Errorf("%d remedies of %d: %v", n, len(c.want), err)
			}
			// data prepare says the same, in its words.
			if c.stage != "" {
				return
			}
			text, err := yaml.Marshal(map[string]any{"sources": map[string]any{"s": c.src}, "split": map[string]any{"method": "none"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, "out")); err != nil {
				t.Fatal(err)
			}
			_, err = run(t, dir, string(text))
			for _, r := range v.Remedies {
				if len(r.Settings) > 0 {
					wantError(t, dir, err, r.Text(table.DataFile))
				}
			}
		})
	}
}

// settable is what a log says to set.
type settable []string

func (*settable) Enabled(context.Context, slog.Level) bool { return true }
func (n *settable) WithAttrs([]slog.Attr) slog.Handler     { return n }
func (n *settable) WithGroup(string) slog.Handler          { return n }
func (n *settable) Handle(_ context.Context, r slog.Record) error {
	*n = append(*n, remediesOf(r.Message)...)
	return nil
}

// remediesOf are the parts of a note that say what to set.
func remediesOf(note string) []string {
	return slices.DeleteFunc(strings.Split(note, "; or "), func(part string) bool { return !strings.Contains(part, "set ") })
}

// What a note says to set does what it says.
func TestRemediesOfNotes(t *testing.T) {
	for _, c := range told {
		t.Run(c.name, func(t *testing.T) {
			dir := c.place(t)
			cfg := datasets.Config{Source: c.src, Target: "y", Split: datasets.Split{Method: "none"}}
			d, err := datasets.Load(t.Context(), &cfg, dir, 7, nil)
			if err != nil {
				t.Fatal(err)
			}
			var notes []string
			for _, w := range d.Report.Warnings {
				notes = append(notes, remediesOf(w.String())...)
			}
			if len(notes) != len(c.want) {
				t.Fatalf("%d notes: %q", len(notes), d.Report.Warnings)
			}
			for i, note := range notes {
				if got := written(t, asRun(t, dir, &c, note), c.column); got != c.want[i] {
					t.Errorf("%q in a run file: %s, want %s", note, got, c.want[i])
				}
			}
			var said settable
			data := parse(t, fmt.Sprintf("output: out\nsources: {s: {path: %s}}\nsplit: {method: none}\n", c.file))
			if _, err := Run(t.Context(), data, Options{BaseDir: dir, Log: slog.New(&said)}); err != nil {
				t.Fatal(err)
			}
			if len(said) != len(c.want) {
				t.Errorf("%d notes of data prepare: %q", len(said), said)
			}
			for i, note := range said {
				if got := written(t, asData(t, dir, &c, note), c.column); got != c.want[i] {
					t.Errorf("%q in a data file: %s, want %s", note, got, c.want[i])
				}
			}
		})
	}
}
