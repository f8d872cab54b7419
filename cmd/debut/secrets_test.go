package main

import (
	"os"
	"strings"
	"testing"
)

// TestSecretsAreNotTold has commands meet secrets in places where they do not belong, and where they do.
func TestSecretsAreNotTold(t *testing.T) {
	t.Chdir(t.TempDir())
	const pw = "Xy7hunter2"
	dsn, key := "postgres://bob:"+pw+"@127.0.0.1:1/shop", "AGE-SECRET-KEY-1"+strings.ToUpper(pw)+"QQQQ"
	t.Setenv("SECRET_DSN", dsn)
	t.Setenv("SECRET_BROKEN_DSN", "postgres://bob:"+pw+"@host:port/%zz")
	t.Setenv("SECRET_KEY", pw)
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("rows.csv", "id,x,y\n"+strings.Repeat("a,1,0\nb,2,1\n", 20))
	put("keys.txt", key+"\n")
	data := func(more string) string {
		return "output: out\nsources: {s: {path: rows.csv}}\nfrom: s\nsplit: {method: none}\n" + more
	}
	postgres := func(more string) string {
		return "output: out\nsources:\n  s:\n    postgres: {" + more + ", table: t, order: id}\nfrom: s\nsplit: {method: none}\n"
	}
	for name, text := range map[string]string{
		"data key": data("key: " + pw + "\nsteps: [{pseudonymize: {id: id}}]\n"), "data env": data("key: {env: " + pw + "}\nsteps: [{pseudonymize: {id: id}}]\n"),
		"data file": data("key: {file: " + pw + "}\nsteps: [{pseudonymize: {id: id}}]\n"), "data good": data("key: {env: SECRET_KEY}\nsteps: [{pseudonymize: {id: id}}]\n"),
		"data passphrase": data("encrypt: {passphrase: \"" + pw + "\"}\n"), "data recipients": data("encrypt:\n  recipients:\n  - " + key + "\n"),
		"data recipients file": data("encrypt: {recipients_file: keys.txt}\n"), "data recipients path": data("encrypt: {recipients_file: " + key + "}\n"), "data typo": data("encrypt: {pasphrase: " + pw + "}\n"),
		"data yaml": data("key: \"" + pw + "\nx: [\n"), "data dsn": postgres("dsn: \"" + dsn + "\""), "data dns": postgres("dns: \"" + dsn + "\""), "data dsn env": postgres("dsn: {env: \"" + dsn + "\"}"),
		"data closed": postgres("dsn: {env: SECRET_DSN}"), "data broken": postgres("dsn: {env: SECRET_BROKEN_DSN}"),
		"data path": "output: out\nsources: {s: {path: \"" + dsn + "\"}}\nfrom: s\nsplit: {method: none}\n",
		"run ok":    "data: {source: {path: rows.csv}, target: y}\n",
		"run open":  "data: {source: {path: rows.csv}, target: y}\nencrypt: {passphrase: " + pw + "}\n",
		"run check": "data: {source: {path: rows.csv}, target: y}\ncheckpoint: {identity: " + key + "}\n",
		"run file":  "data: {source: {path: rows.csv}, target: y}\nencrypt: {recipients: [\"" + key + "\"]}\n",
	} {
		put(name+".yaml", text)
	}
	calls := [][]string{
		{"train", "run ok.yaml", "--set", "encrypt.passphrase=" + pw}, {"train", "run ok.yaml", "--set", "checkpoint.identity=" + key}, {"train", "run ok.yaml", "--set", "passphrase=" + pw},
		{"train", "run ok.yaml", "--set", "data.source.path=" + dsn}, {"runs", "diff", "run ok.yaml", "run open.yaml"}, {"runs", "diff", "run ok.yaml", "run check.yaml", "--json"}, {"runs", "diff", "run ok.yaml", "run file.yaml"},
		{"evaluate", "runs/r", "rows.csv", "--passphrase", pw}, {"evaluate", "runs/r", "rows.csv", "--identity", key}, {"predict", "runs/r", "rows.csv", "--identity", "env:" + pw, "-o", "p.csv"},
		{"data", "head", "rows.csv", "--identity", key}, {"data", "inspect", dsn}, {"data", "head", dsn},
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch kind, _, _ := strings.Cut(e.Name(), " "); kind {
		case "data":
			calls = append(calls, []string{"data", "prepare", e.Name(), "--print-sql", "--overwrite"}, []string{"config", "check", e.Name()})
		case "run":
			calls = append(calls, []string{"train", e.Name(), "--overwrite", "--name", "r"}, []string{"config", "check", e.Name()})
		}
	}
	for _, args := range calls {
		for _, format := range []string{"text", "json"} {
			_, stdout, stderr := called(t, append(args, "--log-format", format)...)
			if stdout+stderr == "" {
				t.Errorf("%q says nothing", args)
			}
			if text := stdout + stderr; strings.Contains(strings.ToLower(text), strings.ToLower(pw)) {
				t.Errorf("%q tells the secret:\n%s", args, text)
			}
		}
	}
}
