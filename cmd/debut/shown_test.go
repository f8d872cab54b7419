package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/lmittmann/tint"
	"pgregory.net/rapid"

	"debut/datasets/wording"
)

// hostile is a text that sets the title of a terminal, goes back in a line, begins a new one, and turns the direction of reading.
const hostile = "q\x1b]0;title\a\r\nforged\t\u202e\u2066\u009b31m\x7f\x00"

// raw returns the first character that a terminal would act on, other than line ends and tabs.
func raw(text string) (rune, bool) {
	if !utf8.ValidString(text) {
		return utf8.RuneError, true
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return r, true
		}
	}
	return 0, false
}

// called runs a command line in this process.
func called(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = execute(args, &out, &err)
	return code, out.String(), err.String()
}

// TestNothingRawIsShown has all commands show names and values that would change a terminal.
func TestNothingRawIsShown(t *testing.T) {
	t.Chdir(t.TempDir())
	h := strings.NewReplacer("\x00", "", "\r", "", "\n", "").Replace(hostile) // names in CSV have none of them
	value := h + "\nforged"
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(label func(x float64, category int) string) string {
		t.Helper()
		var b strings.Builder
		w := csv.NewWriter(&b)
		table := [][]string{{"id" + h, "x" + h, "c" + h, "y" + h}}
		rnd := rand.New(rand.NewPCG(1, 1))
		for i := range 120 {
			x, c := rnd.Float64(), rnd.IntN(3)
			table = append(table, []string{"i" + strconv.Itoa(i) + value, strconv.FormatFloat(x, 'f', 4, 64), strings.Repeat("c", c+1) + value, label(x, c)})
		}
		if err := w.WriteAll(table); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	put("rows.csv", rows(func(x float64, _ int) string { return strings.Repeat("y", 1+int(2*x)) + value }))
	put("many.csv", rows(func(_ float64, c int) string { return strings.Repeat("z", c+1) + value }))
	put("wrong.csv", "\"x"+h+"\",\"c"+h+"\",\"id"+h+"\",\"y"+h+"\"\n\"one"+value+"\",2,3,4\n")
	file := func(name string, v any) {
		t.Helper()
		text, err := encodeJSON(v, "  ") // which is YAML, too
		if err != nil {
			t.Fatal(err)
		}
		put(name, text)
	}
	type m = map[string]any
	run := func(name, path string, model m) m {
		return m{"name": name, "seed": 1, "threads": 1, "data": m{"source": m{"path": path}, "target": "y" + h, "id": "id" + h}, "model": model}
	}
	file("linear.yaml", run("linear", "rows.csv", m{"kind": "linear", "solver": "exact"}))
	many := run("many", "many.csv", m{"hidden": []m{{"units": 4}}})
	many["train"] = m{"epochs": 2}
	file("many.yaml", many)
	named := run("n"+h, "rows.csv", m{"kind": "linear", "solver": "exact"})
	file("named.yaml", named)
	file("column.yaml", m{"data": m{"source": m{"path": "rows.csv"}, "target": "none" + h}})
	file("key.yaml", m{"k" + h: 1})
	file("value.yaml", m{"seed": "v" + h})
	file("data.yaml", m{"output": "prepared", "sources": m{"s": m{"path": "rows.csv"}}, "from": "s",
		"steps": []m{{"filter": m{"where": "\"x" + h + "\" > 0.1"}}, {"k_anonymity": m{"k": 2, "columns": []string{"c" + h}}}}, "split": m{"method": "random", "test": 0.3}})
	file("out.yaml", m{"output": "o" + h, "sources": m{"s": m{"path": "rows.csv"}}, "from": "s"})
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"train", "linear.yaml"}},
		{0, []string{"train", "many.yaml"}},
		{0, []string{"train", "linear.yaml", "--overwrite", "--json"}},
		{0, []string{"train", "linear.yaml", "--overwrite", "--log-format", "json"}},
		{0, []string{"train", "many.yaml", "--name", "other", "--profile", "--explain-graph"}},
		{0, []string{"evaluate", "runs/linear", "rows.csv"}},
		{0, []string{"evaluate", "runs/many", "many.csv"}},
		{0, []string{"evaluate", "runs/many", "many.csv", "--json"}},
		{0, []string{"predict", "runs/linear", "rows.csv", "-o", "p.csv"}},
		{0, []string{"predict", "runs/linear", "rows.csv", "-o", "p.csv", "--json"}},
		{0, []string{"compare", "runs/many", "runs/other"}},
		{0, []string{"runs"}},
		{0, []string{"runs", "--json"}},
		{0, []string{"runs", "diff", "runs/linear", "named.yaml"}},
		{0, []string{"runs", "diff", "runs/linear", "named.yaml", "--json"}},
		{0, []string{"data", "head", "rows.csv"}},
		{0, []string{"data", "head", "rows.csv", "--json"}},
		{0, []string{"data", "inspect", "rows.csv"}},
		{0, []string{"data", "inspect", "rows.csv", "--json"}},
		{0, []string{"data", "inspect", "rows.csv", "--html", "report.html"}},
		{0, []string{"data", "prepare", "data.yaml", "--dry-run", "--print-sql"}},
		{0, []string{"data", "prepare", "data.yaml"}},
		{0, []string{"data", "head", "prepared"}},
		{0, []string{"config", "init", "data", "rows.csv"}},
		{1, []string{"evaluate", "runs/linear", "wrong.csv"}},
		{1, []string{"predict", "runs/linear", "wrong.csv", "-o", "p.csv"}},
		{1, []string{"evaluate", "runs/linear", "many.csv"}},
		{1, []string{"train", "named.yaml"}},
		{1, []string{"train", "column.yaml"}},
		{1, []string{"train", "column.yaml", "--json"}},
		{1, []string{"config", "check", "key.yaml"}},
		{1, []string{"config", "check", "value.yaml"}},
		{1, []string{"data", "prepare", "out.yaml"}},
		{2, []string{"data", "simulate", "-o", "o" + h}},
		{2, []string{"train", "linear.yaml", "--name", "n" + h}},
		{1, []string{"train", "linear.yaml", "--set", "output=o" + h}},
		{2, []string{"predict", "runs/linear", "rows.csv", "-o", "o" + h + ".csv"}},
		{1, []string{"data", "head", "f" + h + ".csv"}},
		{1, []string{"train", "f" + h + ".yaml"}},
		{1, []string{"train", "linear.yaml", "--set", "s" + h + "=1"}},
		{2, []string{"c" + h}},
		{2, []string{"runs", "--f" + h}},
	} {
		code, stdout, stderr := called(t, c.args...)
		if code != c.code {
			t.Errorf("%q: exit code %d, want %d: %s", c.args, code, c.code, stderr)
		}
		// SQL, and arguments to be given to a shell, are shown as they are to be written.
		verbatim := slices.Contains(c.args, "--print-sql") || slices.Contains(c.args, "wrong.csv")
		for _, text := range []string{stdout, stderr} {
			if r, ok := raw(text); ok {
				t.Errorf("%q shows %U in %q", c.args, r, text)
			}
			// What is behind a line end in a value is no line of its own.
			if strings.Contains(text, "\nforged") && !verbatim {
				t.Errorf("%q shows a line that a value has made: %q", c.args, text)
			}
		}
	}
	page, err := os.ReadFile("report.html")
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := raw(string(page)); ok {
		t.Errorf("the report holds %U", r)
	}
	if entries, err := os.ReadDir("runs"); err != nil || len(entries) != 3 {
		t.Errorf("runs: %v, %v", entries, err)
	}
}

// TestShownOfAnything: whatever text comes to where the program writes, no terminal is changed, and JSON keeps it.
func TestShownOfAnything(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
			rapid.Map(rapid.SliceOf(rapid.SampledFrom([]rune("a\n\t\r\x1b\a\x00\x7f\u0085\u009b\u200f\u2028\u202e\u2066\U000e0001\ufeff"))), func(c []rune) string { return string(c) })).Draw(r, "text")
		shows := func(what, shown string) {
			if c, ok := raw(shown); ok {
				r.Fatalf("%s of %q shows %U: %q", what, text, c, shown)
			}
		}
		for _, format := range []string{"auto", "text", "json"} {
			var out, messages bytes.Buffer
			c, err := newConsole(&out, &messages, format, false)
			if err != nil {
				r.Fatal(err)
			}
			if err := errors.Join(c.print(text), c.print(grid{{text, text}, {"", text}}.text()), c.printJSON(map[string]string{text: text})); err != nil {
				r.Fatal(err)
			}
			tell(c.log, text)
			shows(format, out.String())
			shows("messages as "+format, messages.String())
			a := app{console: c}
			shows("the last message as "+format, a.worded(nil, text, 1))
		}
		var shown bytes.Buffer
		tell(slog.New(rewriter{tint.NewTextHandler(&shown, &tint.Options{NoColor: true}), wording.VisibleLine}), text)
		shows("messages of a terminal", shown.String())
		if lines := strings.Count(shown.String(), "\n"); lines != 2 {
			r.Fatalf("two messages with %q have %d lines", text, lines)
		}
		encoded, err := encodeJSON([]string{text}, "")
		var back []string
		if err = errors.Join(err, json.Unmarshal([]byte(encoded), &back)); err != nil || utf8.ValidString(text) && back[0] != text {
			r.Fatalf("%q is %q in JSON: %q, %v", text, encoded, back, err)
		}
	})
}

func tell(log *slog.Logger, text string) {
	log.With(text, text).WithGroup("g"+text).Warn(text, text, text, "error", errors.New(text), "list", []string{text}, slog.Group("h", text, text))
	log.Info("m", "any", struct{ Text string }{text}, "bytes", []byte(text), "map", map[string]string{text: text})
}
