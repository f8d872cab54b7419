package datasets

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/encoding"
	"debut/datasets/table"
	"debut/datasets/warning"
)

// warnings loads rows of x, the given column c, and a target y.
func warnings(t *testing.T, cfg Config, value func(i int) string) warning.List {
	t.Helper()
	cfg.Target = cmp.Or(cfg.Target, "y")
	content := "x,c,y\n" + numbered(120, func(i int) string { return fmt.Sprintf("%d,%s,%d", i, value(i), i/2%2) })
	return mustLoad(t, content, cfg).Report.Warnings
}

func cycle(values ...string) func(i int) string {
	return func(i int) string { return values[i%len(values)] }
}

func TestSpellingsWarn(t *testing.T) {
	boolean := Config{Columns: map[string]encoding.Column{"c": {Type: table.TypeBoolean}}}
	target := Config{Target: "c"}
	for name, c := range map[string]struct {
		cfg   Config
		value func(i int) string
		want  []string
	}{
		"declared boolean":  {boolean, cycle("yes", "TRUE", "1", "no", "yes", "no"), []string{`"c"`, `"yes" (40 rows), "TRUE" (20 rows), "1" (20 rows)`, "categorical"}},
		"boolean":           {Config{}, cycle("true", "true", "TRUE", "false"), []string{`"true" (60 rows), "TRUE" (30 rows)`, "read as the same"}},
		"words of truth":    {Config{}, cycle("yes", "TRUE", "1", "no", "yes", "no"), []string{`"c"`, "4 categories", `"yes" (40 rows), "no" (40 rows), "TRUE" (20 rows), "1" (20 rows)`, "type: boolean"}},
		"categories":        {Config{}, cycle("buy", "Buy", "buy", "view", "VIEW ", "cart"), []string{`"c"`, `"buy" (40 rows), "Buy" (20 rows); "view" (20 rows), "VIEW" (20 rows).`, "lower"}},
		"declared category": {Config{Columns: map[string]encoding.Column{"c": {Type: table.TypeCategorical}}}, cycle("buy", "Buy", "no"), []string{`"buy" (40 rows), "Buy" (40 rows)`}},
		"classes":           {target, cycle("buy", "Buy", "no"), []string{`"c"`, `"buy" (40 rows), "Buy" (40 rows)`, "lower"}},
		"once":              {Config{}, func(i int) string { return []string{"buy", "no", "Buy"}[min(i%2+i/119*2, 2)] }, []string{`"buy" (60 rows), "Buy" (1 row)`}},
		"capped":            {Config{}, func(i int) string { return fmt.Sprintf("%c%d", "aA"[i%2], i/2%9) }, []string{"and 6 more values"}},
		"dates": {Config{}, func(i int) string { return fmt.Sprintf([]string{"2024-03-%02d", "%02d.03.2024"}[i%2], 13+i%15) },
			[]string{`"c"`, "YYYY-MM-DD (60 rows, such as \"2024-03-13\")", "DD.MM.YYYY (60 rows, such as \"14.03.2024\")", "try_strptime"}},
		"numbers": {Config{}, func(i int) string { return fmt.Sprintf([]string{`"1,%d.5"`, `"%d,25"`}[i%2], 100+i) },
			[]string{`"c"`, `with commas between thousands (60 rows, such as "1,`, `with a decimal comma (60 rows, such as "`, "regexp_matches"}},
		"doubtful numbers": {Config{}, func(i int) string { return fmt.Sprintf([]string{`"1,%d.5"`, `"1,%d"`, `"%d,5"`}[i%3], 100+i) }, []string{"decimal comma", "at their source"}},
		"other marks":      {Config{}, func(i int) string { return fmt.Sprintf([]string{`1'%d.5`, `"1,%d.5"`}[i%2], 100+i) }, []string{"apostrophes", "at their source"}},
		"times":            {Config{}, func(i int) string { return fmt.Sprintf("2024/03/%02d%s", 13+i%15, []string{"", " 10:30"}[i%2]) }, []string{"YYYY/MM/DD", "YYYY/MM/DD hh:mm", "try_strptime"}},
		"doubtful dates":   {Config{}, func(i int) string { return []string{"03/04/2024", "14/03/2024", "03/14/2024"}[i%3] }, []string{"MM/DD/YYYY", "DD/MM/YYYY", "at their source"}},
		"doubtful part":    {Config{}, func(i int) string { return []string{"2024-01-05", "03/04/2024"}[i%2] }, []string{"MM/DD/YYYY", "at their source"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := warnings(t, c.cfg, c.value)
			if len(got) != 1 {
				t.Fatalf("warnings %q, want one", got)
			}
			wantError(t, fmt.Errorf("%s", got[0]), c.want...)
		})
	}
}

func TestSpellingsAreQuiet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		cfg   Config
		value func(i int) string
	}{
		"spaces":      {Config{}, cycle("buy", " buy", "buy ", "no")},
		"truth":       {Config{}, cycle("TRUE", "FALSE")},
		"yes and no":  {Config{}, cycle("yes", "no")},
		"ids":         {Config{ID: configfile.Strings{"c"}}, cycle("buy", "Buy")},
		"ignored":     {Config{Ignore: configfile.Strings{"c"}}, cycle("buy", "Buy")},
		"one layout":  {Config{}, func(i int) string { return fmt.Sprintf("2024-03-%02d", 1+i%28) }},
		"few numbers": {Config{}, func(i int) string { return []string{`"1,5"`, "1.5", "none", "all", "some"}[i%5] }},
		"codes":       {Config{}, func(i int) string { return fmt.Sprintf(`"A%d,5"`, i%9) }},
		"few dates":   {Config{}, cycle("2024-03-01", "01.03.2024", "never", "later", "soon")},
		"numbers":     {Config{}, func(int) string { return fmt.Sprintf("%.3f", random.Float64()) }},
	} {
		if got := warnings(t, c.cfg, c.value); len(got) > 0 {
			t.Errorf("%s: warnings %q", name, got)
		}
	}
	// Case may well matter in identifiers.
	content := "c,x,y\n" + numbered(3000, func(i int) string { return fmt.Sprintf("%c%d,%d,%d", "aA"[i%2], i/2, i%7, i%2) })
	for _, w := range mustLoad(t, content, Config{Target: "y"}).Report.Warnings {
		if strings.Contains(w.String(), "case") {
			t.Error(w)
		}
	}
}

// TestSpellingRemedies does what the warnings say.
func TestSpellingRemedies(t *testing.T) {
	for name, c := range map[string]struct {
		value func(i int) string
		kind  table.Kind
		first string
	}{
		"categories": {cycle("buy", "Buy", "no"), table.Text, "buy"},
		"dates":      {func(i int) string { return fmt.Sprintf([]string{"2024-03-%02d", "%02d.03.2024"}[i%2], 13+i%15) }, table.Date, "2024-03-13"},
		"numbers":    {func(i int) string { return fmt.Sprintf([]string{`"1,%d.5"`, `"%d,25"`, `"1.%d,75"`}[i%3], 100+i) }, table.Numeric, "1100.5"},
		"times":      {func(i int) string { return fmt.Sprintf("2024-03-%02d%s", 13+i%15, []string{"", "T10:30:00"}[i%2]) }, table.Date, "2024-03-13"},
	} {
		got := warnings(t, Config{}, c.value)
		if len(got) != 1 {
			t.Fatalf("%s: warnings %q", name, got)
		}
		cfg := Config{}
		cfg.Source.Query = remedyOf(t, got[0].String())
		if got := warnings(t, cfg, c.value); len(got) > 0 {
			t.Errorf("%s: after the remedy: %q", name, got)
		}
		f := mustRead(t, "c\n"+numbered(120, c.value), table.Source{Query: cfg.Source.Query, Header: new(true)}, nil)
		if s := f.Columns[0]; s.Kind != c.kind || s.Format(0) != c.first || s.MissingCount() > 0 {
			t.Errorf("%s: the remedy gives %v %q, %d missing", name, s.Kind, s.Format(0), s.MissingCount())
		}
	}
}

// TestSpellingsOfTypedText warns about text whose type the file declares.
func TestSpellingsOfTypedText(t *testing.T) {
	dir := write(t, "rows.jsonl", numbered(60, func(i int) string {
		return fmt.Sprintf(`{"c": "%s", "y": %d}`, []string{"buy", "Buy", "no"}[i%3], i/2%2)
	}))
	cfg := Config{Target: "y", Source: table.Source{Path: configfile.Strings{"rows.jsonl"}}}
	d, err := Load(context.Background(), &cfg, dir, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, fmt.Errorf("%s", d.Report.Warnings), `"buy" (20 rows), "Buy" (20 rows)`)
}
