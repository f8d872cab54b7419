package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"debut/datasets"
	"debut/datasets/configfile"
	"debut/datasets/duck"
	"debut/datasets/head"
	"debut/datasets/inspect"
	"debut/datasets/table"
)

// words are what a shell makes of a command line.
func words(t *testing.T, line string) []string {
	t.Helper()
	out, err := exec.Command("sh", "-c", `printf '%s\000' `+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// The options that an error about a table proposes are those of the commands, and make the table readable as it says.
func TestRemediesOnTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("train.csv", "v,day,ok,c,y\n"+strings.Repeat("1.5,13/01/2024,true,café,1\n2.5,14/02/2024,false,thé,0\n", 20))
	cfg := datasets.Config{Source: table.Source{Path: configfile.Strings{"train.csv"}}, Target: "y"}
	d, err := datasets.Load(t.Context(), &cfg, dir, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	const head = "v,day,ok,c\n"
	for name, c := range map[string]struct {
		text  string
		query string
		want  []string // by remedy that is no work
	}{
		"number.csv":     {head + "1.5,13/01/2024,true,x\n\"it's, \"\"not\"\"\",13/01/2024,true,x\n", "", []string{`1.5 `}},
		"amount.csv":     {head + "€ 5,13/01/2024,true,x\n6,13/01/2024,true,x\n", "", []string{" 6", "5 6"}},
		"price.csv":      {head + "€ 5,13/01/2024,true,x\n6,13/01/2024,true,x\n", "SELECT * FROM data", []string{" 6", "5 6"}},
		"comma.csv":      {strings.ReplaceAll(head, ",", ";") + "1,5;13/01/2024;true;x\n", "", []string{"1.5"}},
		"thousands.csv":  {strings.ReplaceAll(head, ",", ";") + "1,500;13/01/2024;true;x\n", "", []string{"1.5", "1500"}},
		"points.csv":     {strings.ReplaceAll(head, ",", ";") + "1.500,25;13/01/2024;true;x\n", "", []string{"1500.25"}},
		"apostrophe.csv": {head + "1'500,13/01/2024,true,x\n", "", []string{"1500"}},
		"date.csv":       {head + "1.5,-,true,x\n1.5,13/01/2024,true,x\n", "", []string{"1.5 1.5"}},
		"dates.csv":      {head + "1.5,2024-13-01,true,x\n1.5,13/01/2024,true,x\n", "", []string{"1.5 1.5"}},
		"truth.csv":      {head + "1.5,13/01/2024,$(perhaps),x\n", "", []string{"1.5"}},
		"twice.csv":      {"v,day,ok,c,\"my, \"\"v\",c\n1.5,13/01/2024,true,x,1,2\n", "", []string{"1.5"}},
		"case.csv":       {"v,V,day,ok,c\n1.5,2,13/01/2024,true,x\n", "SELECT * FROM data", []string{"1.5"}},
		"latin.csv":      {head + "1.5,13/01/2024,true,caf\xe9\n", "", []string{"1.5"}},
		"wide.csv":       {"\xff\xfe" + strings.Join(strings.Split(head+"1.5,13/01/2024,true,x\n", ""), "\x00") + "\x00", "", []string{"1.5"}},
		"finite.parquet": {"SELECT '-inf'::DOUBLE AS v, DATE '2024-01-13' AS day, true AS ok, 'x' AS c UNION ALL SELECT 'nan'::DOUBLE, DATE '2024-01-13', true, 'x'", "", []string{" "}},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.HasSuffix(name, ".parquet") {
				db, err := duck.Open(duck.Options{Threads: 1})
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if err := db.Query(t.Context(), "COPY ("+c.text+") TO "+duck.Literal(filepath.Join(dir, name))+" (FORMAT parquet)", nil); err != nil {
					t.Fatal(err)
				}
			} else {
				put(name, c.text)
			}
			src := table.Source{Path: configfile.Strings{name}, Query: c.query, Format: "auto"}
			_, err := d.Encoder.Read(t.Context(), src, dir, false)
			var v *table.ValueError
			if !errors.As(err, &v) {
				t.Fatalf("no error about a value: %v", err)
			}
			n := 0
			for _, r := range v.Remedies {
				if len(r.Settings) == 0 {
					continue
				}
				text := r.Text(table.CommandLine)
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%v does not say %q", err, text)
				}
				_, options, ok := strings.Cut(text, "pass ")
				if !ok || n == len(c.want) {
					t.Fatalf("a remedy of which nothing is known here: %q of %v", text, err)
				}
				var flags sourceFlags
				var given table.Source
				cmd := &cobra.Command{Use: "predict", SilenceUsage: true, SilenceErrors: true, RunE: func(cmd *cobra.Command, args []string) (err error) {
					given, err = flags.source(cmd.Flags(), args)
					return err
				}}
				flags.register(cmd)
				line := words(t, name+" "+options)
				if c.query != "" {
					line = append(line, "--query", c.query)
				}
				cmd.SetArgs(line)
				if err := cmd.ExecuteContext(t.Context()); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if want := r.Apply(src); settled(given) != settled(want) {
					t.Errorf("%q gives %+v, want %+v", line, given, want)
				}
				f, err := d.Encoder.Read(t.Context(), given, dir, false)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				values := make([]string, f.Rows)
				for i := range values {
					values[i] = f.Column("v").Format(i)
				}
				if got := strings.Join(values, " "); got != c.want[n] {
					t.Errorf("%q: %s, want %s", line, got, c.want[n])
				}
				n++
			}
			if n != len(c.want) {
				t.Errorf("%d remedies of %d: %v", n, len(c.want), err)
			}
		})
	}
}

// What data head and data inspect say to pass is read by them as they say.
func TestRemediesOfHeadAndInspect(t *testing.T) {
	dir := t.TempDir()
	many := func(line string) string {
		var b strings.Builder
		for i := range 40 {
			b.WriteString(strings.ReplaceAll(line, "#", fmt.Sprint(i)) + "\n")
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		text string
		want int // remedies of data head that are options
	}{
		"word.csv":  {"v,y\n" + many("#,1") + "no ne,1\n", 2},
		"comma.csv": {"v;y\n" + many("#,5;1"), 2},
		"twice.csv": {"v,v\n1,2\n", 1},
		"latin.csv": {"v,y\ncaf\xe9,1\n", 1},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		read := func(options ...string) (remedies []table.Remedy, problem string) {
			var flags sourceFlags
			cmd := &cobra.Command{Use: "head", SilenceUsage: true, SilenceErrors: true, RunE: func(cmd *cobra.Command, args []string) error {
				src, err := flags.source(cmd.Flags(), args)
				if err != nil {
					return err
				}
				h, err := head.Read(t.Context(), src, "", head.Options{Words: table.CommandLine})
				if err != nil {
					return err
				}
				for _, c := range h.Columns {
					remedies, problem = append(remedies, c.Remedies...), problem+c.Problem
				}
				return nil
			}}
			flags.register(cmd)
			cmd.SetArgs(append([]string{path}, options...))
			err := cmd.ExecuteContext(t.Context())
			var v *table.ValueError
			if errors.As(err, &v) {
				return v.Remedies, err.Error()
			}
			if err != nil {
				t.Errorf("%s %q: %v", name, options, err)
			}
			return remedies, problem
		}
		remedies, problem := read()
		_, inspected := inspect.Inspect(t.Context(), table.Source{Path: configfile.Strings{path}, Format: "auto"}, "", inspect.Options{})
		n := 0
		for _, r := range remedies {
			_, options, ok := strings.Cut(r.Text(table.CommandLine), "pass ")
			if !ok {
				continue
			}
			n++
			if !strings.Contains(problem, "pass "+options) || strings.Contains(problem, "set ") {
				t.Errorf("%s: %s", name, problem)
			}
			if inspected != nil && !strings.Contains(inspected.Error(), "pass "+options) {
				t.Errorf("%s: data inspect says %v", name, inspected)
			}
			if _, still := read(words(t, options)...); still != "" {
				t.Errorf("%s %s: %s", name, options, still)
			}
		}
		if n != c.want {
			t.Errorf("%s: %d remedies of %d: %s", name, n, c.want, problem)
		}
	}
}

// settled is a source as text, with what is not given left out.
func settled(s table.Source) string {
	header := "found out"
	if s.Header != nil {
		header = fmt.Sprint(*s.Header)
	}
	s.Header = nil
	return fmt.Sprintf("%s %+v", header, s)
}
