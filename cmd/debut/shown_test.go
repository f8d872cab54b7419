package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// hostile are texts of data that a terminal would act on, or that would show as something else.
var hostile = []string{
	"\x1b]0;title\aU", "\x1b[2J\x1b[31mred", "\u009b31mred\x7f", "over\rwritten", "two\nlines", "\u202eevil\u202c", "\u2066isolated\u2069", "a\vb\fc",
}

// TestDataNeverReachesTheTerminalRaw trains on a table whose names and values are hostile and has every command that shows something of
// it say what it knows.
func TestDataNeverReachesTheTerminalRaw(t *testing.T) {
	dir := t.TempDir()
	quote := func(text string) string { return `"` + strings.ReplaceAll(text, `"`, `""`) + `"` }
	var rows strings.Builder
	rows.WriteString("id," + quote("amount"+hostile[0]) + "," + quote("city"+hostile[5]) + "," + quote("y"+hostile[1]) + "\n")
	for i := range 160 {
		h := hostile[i%len(hostile)]
		fmt.Fprintf(&rows, "%s,%d,%s,%s\n", quote(fmt.Sprintf("%d%s", i, h)), i*7%31, quote(h), quote(fmt.Sprintf("%s%d", hostile[i*7%31/16], i*7%31/16)))
	}
	name := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	in := func(file string) string { return filepath.Join(dir, file) }
	data := "data: {source: {path: rows.csv}, target: " + name("y"+hostile[1]) + ", id: id}\nseed: 1\nthreads: 1\noutput: " + name(in("runs")) + "\n"
	for file, text := range map[string]string{
		"rows.csv":     rows.String(),
		"linear.yaml":  "name: linear\n" + data + "model: {kind: linear}\ntrain: {epochs: 2, batch: 32}\n",
		"network.yaml": "name: network\n" + data + "model: {hidden: [{units: 4}]}\ntrain: {epochs: 2, batch: 32}\n",
		"missing.yaml": "name: m\n" + strings.Replace(data, "id: id", "id: none", 1) + "model: {kind: linear}\n",
		"number.yaml":  "name: n\n" + strings.Replace(data, "path: rows.csv", "path: rows.csv, types: {"+name("city"+hostile[5])+": number}", 1) + "model: {kind: linear}\n",
		"prepare.yaml": "output: made\nseed: 1\nsources: {s: {path: rows.csv}}\nfrom: s\nsplit: {method: random, test: 0.3}\n",
		"cast.yaml":    "output: made2\nseed: 1\nsources: {s: {path: rows.csv}}\nfrom: s\nsteps: [{cast: {" + name("city"+hostile[5]) + ": DOUBLE}}]\n",
		"broken.yaml":  "name: \"" + "a\\e]0;x\\a" + "\"\n" + data + "model: {kind: linear}\n",
		"raw.yaml":     "name: a\u202eb\n" + data + "model: {kind: linear}\n# \x1b[2J\n",
	} {
		if err := os.WriteFile(in(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shown := 0
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"data", "head", in("rows.csv")}},
		{0, []string{"data", "head", in("rows.csv"), "--json"}},
		{0, []string{"data", "inspect", in("rows.csv")}},
		{0, []string{"data", "inspect", in("rows.csv"), "--json"}},
		{0, []string{"config", "init", "data", in("rows.csv")}},
		{0, []string{"data", "prepare", in("prepare.yaml"), "--print-sql"}},
		{0, []string{"data", "head", in("made")}},
		{1, []string{"data", "prepare", in("cast.yaml")}},
		{0, []string{"config", "check", in("linear.yaml"), "--resolved"}},
		{0, []string{"train", in("linear.yaml")}},
		{0, []string{"train", in("network.yaml"), "--json", "--explain-graph"}},
		{1, []string{"train", in("missing.yaml")}},
		{1, []string{"train", in("number.yaml")}},
		{1, []string{"train", in("broken.yaml")}},
		{1, []string{"train", in("raw.yaml")}},
		{1, []string{"train", in("raw.yaml"), "--log-format", "json"}},
		{0, []string{"evaluate", in("runs/linear"), in("rows.csv")}},
		{0, []string{"evaluate", in("runs/network"), in("rows.csv"), "--json"}},
		{0, []string{"predict", in("runs/linear"), in("rows.csv"), "-o", in("p.csv")}},
		{0, []string{"predict", in("runs/linear"), in("rows.csv"), "-o", in("p.csv"), "--json"}},
		{0, []string{"compare", in("runs/linear"), in("runs/network"), "--data", in("rows.csv")}},
		{0, []string{"runs", in("runs")}},
		{0, []string{"runs", in("runs"), "--json"}},
	} {
		var stdout, stderr strings.Builder
		code := execute(c.args, &stdout, &stderr)
		if code != c.code {
			t.Errorf("%q: ends with %d, want %d: %s", c.args, code, c.code, stderr.String())
		}
		for what, text := range map[string]string{"standard output": stdout.String(), "standard error": stderr.String()} {
			if r, at, ok := raw(text); ok {
				t.Errorf("%q: %s holds %U: %q", c.args, what, r, text[max(0, at-80):min(len(text), at+20)])
			}
			shown += strings.Count(text, "·") + strings.Count(text, `\u`)
		}
	}
	if shown < 50 {
		t.Errorf("only %d hostile characters are shown at all", shown)
	}
}

// raw finds a character that is not shown, line ends and tabs apart.
func raw(text string) (rune, int, bool) {
	for i, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return r, i, true
		}
	}
	return 0, 0, false
}

// TestJSONOfAnythingIsVisible: a document shows no such character, and holds what it held.
func TestJSONOfAnythingIsVisible(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		value := map[string]string{"value": rapid.String().Draw(r, "text") + rapid.SampledFrom(hostile).Draw(r, "hostile")}
		text, err := encodeJSON(value, "  ")
		if err != nil {
			r.Fatal(err)
		}
		if c, _, ok := raw(text); ok {
			r.Fatalf("%q holds %U", text, c)
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(text), &back); err != nil || back["value"] != value["value"] {
			r.Fatalf("%q: %v, %v", text, back, err)
		}
	})
}
