package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/prepare"
	"debut/datasets/table"
)

// after is what a remedy leads to: the column, nil where it is gone, and the number of rows.
type after struct {
	*table.Series
	rows int
}

type planted struct {
	name   string
	label  string
	column string               // v unless given
	line   func(i int) string   // of column v; quoted where it has commas
	code   string               // of the warning about v, or about the table where that is said
	checks []func(a after) bool // of its remedies, in order; nil for those of a person
}

func numbersAre(want func(i int) float64) func(a after) bool {
	return func(a after) bool {
		if a.Series == nil || a.Kind != table.Numeric || len(a.Floats) != tableRows {
			return false
		}
		for i, v := range a.Floats {
			if w := want(i); math.Abs(v-w) > 1e-9*math.Abs(w) || math.IsNaN(v) != math.IsNaN(w) {
				return false
			}
		}
		return true
	}
}

func texts(a after) bool { return a.Series != nil && a.Kind == table.Text && a.MissingCount() == 0 }

func gone(a after) bool { return a.Series == nil && a.rows == tableRows }

func missing(n int) func(a after) bool {
	return func(a after) bool { return a.Series != nil && a.MissingCount() == n && a.rows == tableRows }
}

func dates(lacking int) func(a after) bool {
	return func(a after) bool { return a.Series != nil && a.Kind == table.Date && a.MissingCount() == lacking }
}

func rowsAre(n int) func(a after) bool { return func(a after) bool { return a.rows == n } }

func alone(checks ...func(a after) bool) []func(a after) bool { return checks }

const tableRows = 300

func day(i int) string { return fmt.Sprintf("2024-%02d-%02d", 1+i/28, 1+i%28) }

// unless writes a value in some rows and another in the rest.
func unless(i, every int, value, other string) string {
	if i%every == every/2 {
		return value
	}
	return other
}

func number7(i int) int { return 1 + i*7919%1000 }

var corpus = []planted{
	{name: "thousands that could be fractions", code: "not_numbers", line: func(i int) string { return fmt.Sprintf(`"1,%03d"`, i) },
		checks: alone(numbersAre(func(i int) float64 { return 1000 + float64(i) }), numbersAre(func(i int) float64 { return 1 + float64(i)/1000 }), texts)},
	{name: "thousands", code: "not_numbers", line: func(i int) string { return fmt.Sprintf(`"1,%03d,500"`, i) },
		checks: alone(numbersAre(func(i int) float64 { return 1e6 + 1000*float64(i) + 500 }), texts)},
	{name: "decimal comma", code: "not_numbers", line: func(i int) string { return fmt.Sprintf(`"%d,5"`, i) },
		checks: alone(numbersAre(func(i int) float64 { return float64(i) + 0.5 }), texts)},
	{name: "decimal comma and thousands", code: "not_numbers", line: func(i int) string { return fmt.Sprintf(`"7.%03d,25"`, i) },
		checks: alone(numbersAre(func(i int) float64 { return 7000 + float64(i) + 0.25 }), texts)},
	{name: "currency before", code: "amounts", line: func(i int) string {
		return unless(i, 10, fmt.Sprintf(`"-$1,%03d.30"`, i), fmt.Sprintf(`"$1,%03d.30"`, i))
	},
		checks: alone(numbersAre(func(i int) float64 {
			if v := 1000 + float64(i) + 0.3; i%10 != 5 {
				return v
			}
			return -(1000 + float64(i) + 0.3)
		}))},
	{name: "parentheses", code: "amounts", line: func(i int) string { return unless(i, 10, fmt.Sprintf("($%d.30)", i), fmt.Sprintf("$%d.30", i)) },
		checks: alone(numbersAre(func(i int) float64 {
			if v := float64(i) + 0.3; i%10 != 5 {
				return v
			}
			return -(float64(i) + 0.3)
		}))},
	{name: "currency behind", code: "amounts", line: func(i int) string { return fmt.Sprintf("%d.30 EUR", i) },
		checks: alone(numbersAre(func(i int) float64 { return float64(i) + 0.3 }))},
	{name: "euros with a comma", code: "amounts", line: func(i int) string { return fmt.Sprintf(`"1.%03d,30 €"`, i) },
		checks: alone(numbersAre(func(i int) float64 { return 1000 + float64(i) + 0.3 }))},
	{name: "percent", code: "amounts", line: func(i int) string { return fmt.Sprintf("%d.5%%", i%100) },
		checks: alone(numbersAre(func(i int) float64 { return float64(i%100) + 0.5 }))},
	{name: "units of one kind", code: "units", line: func(i int) string { return fmt.Sprintf([]string{"%d.5 kg", "%d g"}[i%2], i) },
		checks: alone(numbersAre(func(i int) float64 { return []float64{1000*float64(i) + 500, float64(i)}[i%2] }),
			numbersAre(func(i int) float64 { return []float64{float64(i) + 0.5, float64(i)}[i%2] }))},
	{name: "currencies", code: "units", line: func(i int) string { return fmt.Sprintf([]string{"$%d.50", "%d.50 EUR"}[i%2], i) },
		checks: alone(numbersAre(func(i int) float64 { return float64(i) + 0.5 }), numbersAre(func(i int) float64 { return float64(i) + 0.5 }))},
	{name: "currencies in parentheses", code: "units", line: func(i int) string { return fmt.Sprintf([]string{"($%d.50)", "%d.50 EUR"}[i%2], i) },
		checks: alone(nil, numbersAre(func(i int) float64 { return []float64{-float64(i) - 0.5, float64(i) + 0.5}[i%2] }))},
	{name: "thousands as letters", code: "amounts", line: func(i int) string { return fmt.Sprintf("%d.5K", i) },
		checks: alone(numbersAre(func(i int) float64 { return 1000*float64(i) + 500 }))},
	{name: "impossible dates", code: "not_dates", line: func(i int) string {
		return unless(i, 300, "0000-00-00", unless(i, 200, "2023-02-29", day(i)))
	}, checks: alone(dates(2), nil, texts)},
	{name: "marks among numbers", code: "missing_marks", line: func(i int) string { return unless(i, 3, "n/a", fmt.Sprint(number7(i))) },
		checks: alone(missing(100))},
	{name: "marks among texts", code: "missing_marks", line: func(i int) string { return unless(i, 3, "?", fmt.Sprintf("c%d", i%7)) },
		checks: alone(missing(100))},
	{name: "codes", code: "not_numbers", line: func(i int) string { return unless(i, 30, fmt.Sprintf("C%d", 536000+i), fmt.Sprint(536000+i)) },
		checks: alone(nil, texts)},
	{name: "codes with zeros", code: "codes", line: func(i int) string { return fmt.Sprintf("%05d", 501+i%9) },
		checks: alone(numbersAre(func(i int) float64 { return float64(501 + i%9) }))},
	{name: "large ids", code: "codes", line: func(i int) string { return fmt.Sprint(9007199254741100 + i) },
		checks: alone(func(a after) bool { return a.Kind == table.Numeric })},
	{name: "order of day and month", code: "date_order", line: func(i int) string { return fmt.Sprintf("%02d/%02d/2024", 1+i%12, 1+i/12%12) },
		checks: alone(func(a after) bool { return dates(0)(a) && a.Format(1) == "2024-01-02" || a.Format(1) == "2024-02-01" })},
	{name: "leak", label: "y", code: "leakage", line: func(i int) string { return fmt.Sprint(i%2*100 + i%7) }, checks: alone(gone)},
	{name: "consequence", label: "y", code: "consequence", line: func(i int) string { return fmt.Sprint(i%2*(i/2%2) == 1) }, checks: alone(gone)},
	{name: "future", code: "future", line: func(i int) string { return unless(i, 100, "2031-05-05", day(i)) }, checks: alone(rowsAre(tableRows - 3))},
	{name: "epoch", code: "epoch", line: func(i int) string { return unless(i, 100, "1900-01-01", day(i)) }, checks: alone(dates(3))},
	{name: "sentinel", code: "sentinel", line: func(i int) string { return unless(i, 100, "-999", fmt.Sprint(i%50)) }, checks: alone(missing(3))},
	{name: "negative", code: "negative", line: func(i int) string { return unless(i, 100, "-3", fmt.Sprint(number7(i))) }, checks: alone(rowsAre(tableRows - 3))},
	{name: "outliers", code: "outliers", line: func(i int) string { return unless(i, 300, "1e9", fmt.Sprintf("%d.25", 500+number7(i))) },
		checks: alone(func(a after) bool { return slices.Max(a.Floats) < 1e9 && a.rows == tableRows })},
	{name: "long tail", code: "outliers", line: func(i int) string { return fmt.Sprintf("%.3f", math.Exp(float64(number7(i))/60)) }, checks: alone(missing(0))},
	{name: "constant", code: "constant", line: func(int) string { return "same" }, checks: alone(gone)},
	{name: "empty", code: "empty", line: func(int) string { return "" }, checks: alone(gone)},
	{name: "mostly missing", code: "mostly_missing", line: func(i int) string { return unless(i, 3, fmt.Sprint(i*i), "") }, checks: alone(missing(200), gone)},
	{name: "spellings", code: "spellings", line: func(i int) string { return []string{"Red", "red", "RED ", "blue"}[i%4] },
		checks: alone(func(a after) bool { return texts(a) && len(a.Dict) == 2 })},
	{name: "dates in several ways", code: "spellings", line: func(i int) string {
		return fmt.Sprintf([]string{"%[1]d-Feb-2024", "2024-02-%02[1]d"}[i%2], 13+i%16)
	}, checks: alone(dates(0))},
	{name: "words for true and false", code: "spellings", line: func(i int) string { return []string{"yes", "Y", "no", "n"}[i%4] },
		checks: alone(func(a after) bool { return a.Series != nil && a.Kind == table.Boolean && a.MissingCount() == 0 })},
	{name: "true and false in capitals", code: "spellings", line: func(i int) string { return []string{"true", "TRUE", "false"}[i%3] }, checks: alone(texts)},
	{name: "mixed types", code: "mixed_types", line: func(i int) string { return unless(i, 3, fmt.Sprintf("x%d", i), fmt.Sprint(i)) }, checks: alone(nil, missing(100))},
	{name: "free text", code: "free_text", line: func(i int) string { return fmt.Sprintf("a good and blue shoe number %d", i) },
		checks: alone(func(a after) bool { return a.Series != nil && a.Kind == table.Text })},
	{name: "identifier", code: "identifier", line: func(i int) string { return fmt.Sprintf("k%05d", i) }, checks: alone(missing(0))},
	{name: "things", label: "y", column: "store", code: "names", line: func(i int) string { return fmt.Sprint(10 + i*37%20) }, checks: alone(texts)},
	{name: "mail", code: "personal", line: func(i int) string { return fmt.Sprintf("p%d@mail.example", i%50) },
		checks: alone(func(a after) bool {
			return texts(a) && !slices.ContainsFunc(a.Dict, func(s string) bool { return strings.Contains(s, "@") })
		})},
	{name: "places", column: "zip", code: "personal", line: func(i int) string { return fmt.Sprintf("0%d", 1201+i%90) },
		checks: alone(func(a after) bool { return texts(a) && len(a.Dict) == 1 && a.Dict[0] == "01" })},
	{name: "places as numbers", column: "zip", code: "personal", line: func(i int) string { return fmt.Sprint(12001 + i*100) },
		checks: alone(numbersAre(func(i int) float64 { return float64((12001 + i*100) / 1000 * 1000) }))},
	{name: "births", column: "birth_date", code: "personal", line: day, checks: alone(func(a after) bool { return dates(0)(a) && a.Format(150) == "2024-01-01" })},
	{name: "mail in texts", code: "personal", line: func(i int) string { return fmt.Sprintf("please write to p%d@mail.example again", i) },
		checks: alone(func(a after) bool {
			return texts(a) && !slices.ContainsFunc(a.Dict, func(s string) bool { return strings.Contains(s, "p") && strings.Contains(s, "@mail") })
		})},
	{name: "negative beside missing", code: "negative", line: func(i int) string { return unless(i, 100, "-3", unless(i, 30, "", fmt.Sprint(number7(i)))) }, checks: alone(rowsAre(tableRows - 3))},
	{name: "many classes", label: "v", code: "label_rare", line: func(i int) string { return fmt.Sprintf("c%d", min(i, 250)) },
		checks: alone(func(a after) bool { return texts(a) && len(a.Dict) == 2 })},
	{name: "twice", code: "equal", line: func(i int) string { return fmt.Sprint(number7(i)) }, checks: alone(gone)},
	{name: "blanks", code: "blanks", line: func(i int) string { return fmt.Sprintf(" %d ", number7(i)) }, checks: alone(nil)},
	{name: "label missing", label: "v", code: "label_missing", line: func(i int) string { return unless(i, 100, "", fmt.Sprint(i%2)) }, checks: alone(rowsAre(tableRows - 3))},
	{name: "rare class", label: "v", code: "label_rare", line: func(i int) string { return unless(i, 150, "yes", "no") }, checks: alone(func(a after) bool { return a.rows > tableRows })},
}

// write makes the table of a case: v among other columns, of which none is suspicious.
func (p planted) write() string {
	var b strings.Builder
	fmt.Fprintf(&b, "x,%s,w,y\n", cmp.Or(p.column, "v"))
	for i := range tableRows {
		fmt.Fprintf(&b, "%d,%s,%d.5,%d\n", number7(i), p.line(i), i*31%97, i%2)
	}
	return b.String()
}

// Every remedy that is not work for a person is pasted where it says it belongs, and leads to the right table.
func TestRemediesLeadToTheRightTable(t *testing.T) {
	t.Setenv("REMEDY_KEY", "0123456789abcdef")
	for _, p := range corpus {
		t.Run(p.name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, "t.csv", p.write())
			table := inspectFiles(t, table.Source{Path: configfile.Strings{path}}, Options{Label: p.label}).Tables[0]
			seen := false
			for _, w := range table.Warnings {
				planted := w.Code == p.code && w.Column == cmp.Or(p.column, "v")
				if planted && len(w.Remedies) != len(p.checks) {
					t.Fatalf("%d remedies, want %d: %s: %s", len(w.Remedies), len(p.checks), w.Message, w.Remedy())
				}
				seen = seen || planted
				for k, r := range w.Remedies {
					var check func(a after) bool
					if planted {
						check = p.checks[k]
					}
					if r.ByHand() {
						if r.Work == "" || planted && check != nil {
							t.Errorf("%s: remedy %d is work: %q", w.Code, k, r.Text())
						}
						continue
					}
					if planted && check == nil {
						t.Errorf("remedy %d is no work: %s", k, r.Text())
						continue
					}
					if check == nil {
						pasted(t, r) // another finding about the table: its lines are right ones
						continue
					}
					for where, a := range applied(t, path, r, w.Column) {
						if !check(a) {
							t.Errorf("%s by %s leads to %+v of %d rows", r.Text(), where, a.Series, a.rows)
						}
					}
				}
			}
			if !seen {
				t.Errorf("no %s among %v", p.code, warned(table))
			}
		})
	}
}

// pasted decodes the lines of a remedy as the files do in which they belong.
func pasted(t *testing.T, r Remedy) (run *datasets.Config, data *prepare.Config) {
	t.Helper()
	decode := func(text string, v any) {
		t.Helper()
		// The decoder of run files and data files takes null for the key it is here; this one has to be told.
		text = strings.ReplaceAll(strings.ReplaceAll(text, "{null: ", `{"null": `), ", null: ", `, "null": `)
		if err := yaml.UnmarshalWithOptions([]byte(text), v, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if text := r.RunFile(); text != "" {
		var file struct{ Data datasets.Config }
		decode(text, &file)
		run = &file.Data
	}
	if source, steps := r.Source(), r.DataSteps(); source != "" || steps != "" {
		data = new(prepare.Config)
		decode(fmt.Sprintf("output: out\nkey: {env: REMEDY_KEY}\nsources: {t: {format: auto, %s}}\nsplit: {method: none}\nshuffle: false\n%s\n", source, steps), data)
	}
	return run, data
}

// applied follows a remedy and returns what becomes of the column, by the ways that lead there.
func applied(t *testing.T, path string, r Remedy, column string) map[string]after {
	t.Helper()
	out := map[string]after{}
	take := func(f *table.Frame) after { return after{f.Column(column), f.Rows} }
	run, data := pasted(t, r)
	if run != nil {
		text := r.RunFile()
		c := *run
		c.Source.Path = configfile.Strings{path}
		overrides := map[string]string{}
		for name, column := range c.Columns {
			if column.Type != "" && column.Type != table.TypeText {
				overrides[name] = column.Type
			}
		}
		f, err := table.Read(t.Context(), c.Source, "", overrides)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		out["a run"] = take(f)
		if c.Target == "" {
			c.Target = "y"
		}
		if column != "y" && c.Target != column {
			if _, err := datasets.Load(t.Context(), &c, "", 1, nil); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	}
	if data == nil {
		return out
	}
	source := data.Sources["t"]
	source.Path = configfile.Strings{path}
	data.Sources["t"] = source
	dir := t.TempDir()
	made, err := prepare.Run(t.Context(), data, prepare.Options{BaseDir: dir})
	if err != nil {
		t.Fatalf("%s: %v", r.Text(), err)
	}
	types := map[string]string{} // as a run knows them that is made from prepared data
	for _, c := range made.Columns {
		types[c.Name] = c.Type
	}
	f, err := table.Read(t.Context(), table.Source{Path: configfile.Strings{filepath.Join(dir, "out", "train.parquet")}}, "", types)
	if err != nil {
		t.Fatalf("%s: %v", r.Text(), err)
	}
	out["data prepare"] = take(f)
	return out
}

// Dates of every notation and typographic signs need no remedy: they are read.
func TestNothingToMend(t *testing.T) {
	for name, c := range map[string]struct {
		line   func(i int) string
		typ    string
		layout string
	}{
		"with UTC":      {func(i int) string { return day(i) + " 12:00:00 UTC" }, table.TypeDate, ""},
		"without zeros": {func(i int) string { return fmt.Sprintf("2024-%d-%d", 1+i/28, 1+i%28) }, table.TypeDate, ""},
		"named months":  {func(i int) string { return fmt.Sprintf("%02d-%s-2024", 1+i%28, []string{"Jan", "Feb", "Mar"}[i%3]) }, table.TypeDate, ""},
		"minus":         {func(i int) string { return fmt.Sprintf("\u2212%d.5", i) }, table.TypeNumeric, ""},
	} {
		table := inspected(t, planted{line: c.line}.write(), Options{}).Tables[0]
		if v := column(t, table, "v"); v.Type != c.typ || v.Refused || v.Missing > 0 {
			t.Errorf("%s: %+v", name, v)
		}
		for _, w := range table.Warnings {
			if w.Column == "v" && w.Severity != Notable {
				t.Errorf("%s: %+v", name, w)
			}
		}
	}
}

// Remedies about columns that hold personal data show none of it.
func TestRemediesWithholdValues(t *testing.T) {
	for _, r := range []Remedy{
		set(table.SetNull, "0171 234").when("if it stands for a missing value"),
		set(table.SetDecimal, ",").when(`if "0171,234" means 171.234`),
	} {
		if text := r.withoutValues().Text(); strings.Contains(text, "171") || !strings.HasPrefix(text, "if ") {
			t.Errorf("%s", text)
		}
	}
	line := func(i int) string { return unless(i, 30, "n/a", fmt.Sprintf("p%d@mail.example", i)) }
	table := inspected(t, planted{line: line}.write(), Options{}).Tables[0]
	if !column(t, table, "v").Withheld {
		t.Fatal("the column is not withheld")
	}
	for _, w := range table.Warnings {
		if out, err := json.Marshal(w); err != nil || strings.Contains(string(out), "p7@mail") {
			t.Errorf("%s", out)
		}
	}
}

// Names and values of any kind come back from the lines that are printed.
func TestRemediesQuoteWhatTheyName(t *testing.T) {
	for _, name := range []string{"a", "a: b", "it's", `say "x"`, "line\nbreak", "tab\t", "é ☃ \ufffd", "null", "yes", "1.5", "{x}", "[y]", "# z", "- w", "a, b", "~", " padded ", "&anchor", "*", "%d", "@", "`", "\u2028"} {
		_, data := pasted(t, drop(name))
		if got := data.Steps[0].Drop; len(got) != 1 || got[0] != name {
			t.Errorf("drop: %q came back as %q", name, got)
		}
		run, data := pasted(t, declared(name, table.TypeCategorical))
		if run.Columns[name].Type != table.TypeCategorical || data.Sources["t"].Types[name] != table.TypeCategorical {
			t.Errorf("types: %q came back as %+v and %+v", name, run.Columns, data.Sources["t"].Types)
		}
		_, data = pasted(t, set(table.SetNull, name, "other"))
		if got := data.Sources["t"].Null; !slices.Equal(got, configfile.Strings{name, "other"}) {
			t.Errorf("null: %q came back as %q", name, got)
		}
	}
}

// JSON has remedies as lines by the file they are for, says which are work for a person, and keeps the text.
func TestRemediesAsJSON(t *testing.T) {
	text, err := json.Marshal(Warning{Severity: Warn, Code: "x", Message: "m", Remedies: []Remedy{declared("c", table.TypeNumeric).when("if so"), drop("c"), work("look at it")}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"severity":"warning","code":"x","message":"m","remedies":[` +
		`{"when":"if so","source":"types: {c: numeric}","run_file":"data: {columns: {c: {type: numeric}}}","options":"--types c=numeric"},{"data_file":"steps: [{drop: [c]}]"},{"work":"look at it","by_hand":true}],` +
		`"remedy":"if so: in the run file: data: {columns: {c: {type: numeric}}}; at the source in a data file: types: {c: numeric}; here: --types c=numeric; or steps: [{drop: [c]}]; or look at it"}`
	if string(text) != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
}
