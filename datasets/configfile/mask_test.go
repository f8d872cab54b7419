package configfile

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// secretConfig has secrets in the places that run files and data files have them.
type secretConfig struct {
	Name    string             `yaml:"name"`
	Key     *Secret            `yaml:"key"`
	Steps   []map[string]any   `yaml:"steps"`
	Encrypt *secretSection     `yaml:"encrypt"`
	Sources map[string]sourced `yaml:"sources"`
	Last    int                `yaml:"last"`
}

type secretSection struct {
	Recipients     Strings `yaml:"recipients"`
	RecipientsFile string  `yaml:"recipients_file"`
	Passphrase     *Secret `yaml:"passphrase"`
}

type sourced struct {
	Path     Strings `yaml:"path"`
	Postgres *struct {
		DSN   Secret `yaml:"dsn"`
		Table string `yaml:"table"`
	} `yaml:"postgres"`
}

// read reads a configuration and all that is secret in it, and returns the messages.
func read(text string, sets ...string) string {
	var c secretConfig
	f, err := New("run.yaml", []byte(text), sets)
	if err == nil {
		err = f.Decode(&c)
	}
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	tell := func(s *Secret, path string) {
		if s != nil {
			if _, err := s.Read(os.TempDir(), path, nil); err != nil {
				b.WriteString(f.Locate(err).Error() + "\n")
			}
		}
	}
	tell(c.Key, "key")
	if c.Encrypt != nil {
		tell(c.Encrypt.Passphrase, "encrypt.passphrase")
		for i := range c.Encrypt.Recipients {
			b.WriteString(f.Locate(Errorf(fmt.Sprintf("encrypt.recipients.%d", i), "no public key")).Error() + "\n")
		}
	}
	for name, s := range c.Sources {
		if s.Postgres != nil {
			tell(&s.Postgres.DSN, "sources."+name+".postgres.dsn")
		}
		if s.Path != nil {
			b.WriteString(f.Locate(Errorf("sources."+name+".path", "no such file")).Error() + "\n")
		}
	}
	return b.String()
}

func TestSecretsInTheWrongPlace(t *testing.T) {
	const pw = "Xy7hunter2"
	dsn, age := "postgres://bob:"+pw+"@db.example/shop", "AGE-SECRET-KEY-1"+strings.ToUpper(pw)+"QQQQ"
	for _, text := range []string{
		"key: " + pw, "key: \"" + pw + "\"", "key: {env: " + pw + "}", "key: {file: " + pw + "}", "key: {file: \"${" + pw + "}\"}", "key: {" + pw + "}",
		"key: {value: " + pw + "}", "key: [" + pw + "]", "key: {env: [" + pw + "]}", "key: {env: {a: " + pw + "}}", "key: |\n  " + pw + "\n", "key:\n  " + pw, "key:\n  - " + pw,
		"key: {file: a, env: " + pw + "}", "key: {env: a, env: " + pw + "}", "keyy: {env: a}\nkey: " + pw,
		"encrypt: " + pw, "encrypt: [" + pw + "]", "encrypt: {passphrase: \"" + pw + "\"}", "encrypt: {passphrase: {" + pw + "}}", "encrypt: {pass: " + pw + "}",
		"encrypt:\n  passphrase: " + pw + "\n  recipient: x", "encrypt: {pasphrase: " + pw + "}", "encrypt: {recipients_file: {a: " + pw + "}}",
		"encrypt: {recipients: [" + age + "]}", "encrypt:\n  recipients:\n    - " + age, "encrypt:\n  recipients:\n  - age1x\n  - " + strings.ToLower(age), "encrypt: {recipients: {a: " + pw + "}}",
		"sources: {i: {postgres: {dsn: \"" + dsn + "\", table: x}}}", "sources:\n  i:\n    postgres:\n      dsn: " + dsn + "\n      tabel: x", "sources: {i: {postgres: {dsn: {env: \"" + dsn + "\"}}}}",
		"sources: {i: {postgres: {dns: \"" + dsn + "\"}}}", "sources: {i: {postgres: {url: \"" + dsn + "\"}}}", "sources: {i: {postgres: \"" + dsn + "\"}}", "sources: {i: \"" + dsn + "\"}",
		"sources: {i: {path: \"" + dsn + "\"}}", "sources: {i: {path: {a: \"" + dsn + "\"}}}", "sources: {i: {postgres: {dsn: {file: \"" + dsn + "\"}}}}",
		"sources:\n  i:\n    postgres:\n      dsn: host=db password=" + pw + "\n", "sources:\n  i:\n    postgres: {password: " + pw + ", table: x}", "last: " + dsn,
		// Errors beside them, of the syntax and of the values.
		"key: " + pw + "\nlast: x", "last: x # password: " + pw, "key: {env: " + pw + "}\nlast: [", "key: {env: " + pw + "\nlast: 1", "key: \"" + pw + "\nlast: 1", "key: '" + pw + "\nname: x",
		"key: " + pw + ": x", "key: " + pw + "\n\tlast: 1", "key: &a " + pw + "\nlast: *b", "key: !!x " + pw, "key: " + pw + "\nkey: " + pw, "name: a\n key: " + pw, "sources:\n  i:\n    path: a\n   postgres: " + dsn,
		"\"key\": " + pw + "\nnme: x", "encrypt:\n  passphrase:\n    - a\n    - " + pw + "\nlast: x", "encrypt: {passphrase: {file: x},\n  x: 1,\n  y: " + pw + "}",
	} {
		got := read(text)
		if got == "" {
			t.Errorf("%q: nothing is wrong with it", text)
		}
		if strings.Contains(strings.ToLower(got), strings.ToLower(pw)) {
			t.Errorf("%q: the message tells the secret:\n%s", text, got)
		}
	}
	for _, set := range []string{"key=" + pw, "encrypt.passphrase=" + pw, "encrypt.pass=" + pw, "encrypt={passphrase: " + pw + "}", "sources.i.postgres.dsn=" + dsn, "sources.i.postgres.dsn.env=" + dsn, "key=[" + pw,
		"key.file=" + pw, "sources.i.postgres=" + dsn, "encrypt.recipients=" + age, "last=" + dsn, "encrypt.passphrase " + pw} {
		if got := read("name: x\n", set); got == "" || strings.Contains(strings.ToLower(got), strings.ToLower(pw)) {
			t.Errorf("--set %s: %s", set, got)
		}
	}
}

// TestMaskKeepsWhatIsWrong: what is no secret is shown as ever.
func TestMaskKeepsWhatIsWrong(t *testing.T) {
	got := read("name: x\nlast: many\n")
	want := "run.yaml:2:7: last: \"many\" is not a whole number\n     1 | name: x\n>    2 | last: many\n       |       ^"
	if got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
	got = read("key: {env: NAME_THAT_IS_NOT_SET}\nlast: many\n")
	if !strings.Contains(got, "   1 | key: …\n>    2 | last: many\n") {
		t.Error(got)
	}
}

// TestSecretsInAnyText: wherever a mistake is, and however the text is cut or damaged, no message holds the secret.
func TestSecretsInAnyText(t *testing.T) {
	const pw = "Xy7hunter2"
	values := []string{pw, "\"" + pw + "\"", "'" + pw + "'", "{env: " + pw + "}", "{file: " + pw + "}", "{value: " + pw + "}", "[" + pw + ", b]", "|\n    " + pw, ">-\n    a\n    " + pw, "\n    env: " + pw, "\n    - " + pw}
	keys := []string{"key", "passphrase", "password", "dsn", "identity", "encrypt", "decrypt", "recipients", "secret"}
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(0, 4).Draw(r, "before") {
			b.WriteString(rapid.SampledFrom([]string{"name: x\n", "last: 1\n", "last: many\n", "steps:\n- {a: 1}\n", "steps:\n  - a: [1, 2]\n", "nme: x\n", "# a comment: 1\n", "\n"}).Draw(r, "line"))
		}
		b.WriteString(rapid.SampledFrom([]string{"", "", "encrypt:\n  ", "sources:\n  i:\n  ", "steps:\n- "}).Draw(r, "section"))
		b.WriteString(rapid.SampledFrom(keys).Draw(r, "key") + ": " + rapid.SampledFrom(values).Draw(r, "value"))
		b.WriteString(rapid.SampledFrom([]string{"\n", "\nlast: many\n", " # x\nlast: [\n", "\n last: 1\n", "\n\tname: x", "\nname: *x\n", "\n---\nname: x\n", "", ": x\n", "\nname: \"\n", "\nlast: {a\n"}).Draw(r, "after"))
		text := b.String()
		if got := read(text); strings.Contains(got, pw) {
			r.Fatalf("%q: the message tells the secret:\n%s", text, got)
		}
	})
}

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"read postgres://bob:pw@ss@h/db: no": "read postgres://bob:…@h/db: no",
		"x AGE-SECRET-KEY-1ABC, y":           "x …, y",
		"host=h password=pw dbname=d":        "host=h password=… dbname=d",
		"host=h password='p w' dbname=d":     "host=h password=… dbname=d",
		"no file postgres:/bob:pw@h/d: none": "no file postgres:/bob:…@h/d: none", // as filepath.Clean has it
		"https://example.org/a:b?c=1":        "https://example.org/a:b?c=1",
		"run.yaml:3:5: last: 3 is too many":  "run.yaml:3:5: last: 3 is too many",
		"postgres://user:…@host/database, x": "postgres://user:…@host/database, x",
	} {
		if got := Mask(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("key: a\n", 0)
	f.Add("dsn: {env: [\n x\n y", 2)
	f.Fuzz(func(t *testing.T, text string, n int) {
		lines := strings.Split(text, "\n")
		if n < 0 || n >= len(lines) {
			return
		}
		maskedLine(lines, n)
		if once := Mask(text); Mask(once) != once {
			t.Errorf("%q: %q, then %q", text, once, Mask(once))
		}
	})
}

// TestSecretFiles: sizes, pipes and permissions.
func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) *Secret {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return &Secret{File: path}
	}
	for _, c := range []struct {
		secret       *Secret
		want, failed string
		warned       bool
	}{
		{secret: put("mine", "abc\r\n", 0o600), want: "abc"},
		{secret: put("group", "abc\n", 0o640), want: "abc", warned: true},
		{secret: put("world", "abc\n", 0o606), want: "abc", warned: true},
		{secret: put("empty", "\n", 0o600), failed: "empty is empty"},
		{secret: put("largest", strings.Repeat("x", maxSecretBytes), 0o600), want: strings.Repeat("x", maxSecretBytes)},
		{secret: put("large", strings.Repeat("x", maxSecretBytes+1), 0o600), failed: "more than 65536 bytes"},
		{secret: &Secret{File: dir}, failed: "is a directory"},
	} {
		var log strings.Builder
		got, err := c.secret.Read("", "key", logger(&log))
		if got != c.want || (err == nil) != (c.failed == "") || err != nil && !strings.Contains(err.Error(), c.failed) {
			t.Errorf("%+v: %.20q, %v", c.secret, got, err)
		}
		if told := strings.Contains(log.String(), "chmod 600"); told != c.warned {
			t.Errorf("%+v: warned %v: %s", c.secret, told, log.String())
		}
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		if _, err := (&Secret{File: "/dev/zero"}).Read("", "key", nil); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
			t.Errorf("/dev/zero: %v", err)
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	name := fmt.Sprintf("/proc/self/fd/%d", reader.Fd())
	if _, err := os.Stat(name); err != nil {
		t.Skip("there is no /proc; pipes were not tried")
	}
	if _, err := io.WriteString(writer, "abc\n"); err != nil {
		t.Fatal(err)
	}
	secretPatience = 20 * time.Millisecond
	t.Cleanup(func() { secretPatience = 10 * time.Second })
	if _, err := (&Secret{File: name}).Read("", "key", nil); err == nil || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("a pipe that stays open: %v", err)
	}
	if _, err := io.WriteString(writer, "abc\n"); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := (&Secret{File: name}).Read("", "key", nil); err != nil || got != "abc" {
		t.Errorf("a pipe: %q, %v", got, err)
	}
}

func logger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
