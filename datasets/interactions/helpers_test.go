package interactions

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"debut/kernels/pool"
)

func file(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// config reads YAML as strictly as a run file does.
func config(t testing.TB, text string) *Config {
	t.Helper()
	var c Config
	if err := yaml.NewDecoder(bytes.NewReader([]byte(text)), yaml.Strict()).Decode(&c); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &c
}

func mustLoad(t testing.TB, dir, text string) *Dataset {
	t.Helper()
	d, err := Load(t.Context(), config(t, text), dir, 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, d)
	return d
}

func mustBuild(t testing.TB, events []Event, text string, threads int) *Dataset {
	t.Helper()
	b, err := NewBuilder(config(t, text))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	p := pool.New(threads)
	defer p.Close()
	d, err := b.Build(t.Context(), 7, p)
	if err != nil {
		t.Fatal(err)
	}
	check(t, d)
	return d
}

// check holds a dataset to what it promises about its form.
func check(t testing.TB, d *Dataset) {
	t.Helper()
	for _, v := range []*Vocabulary{d.Users, d.Items} {
		for i := range v.Len() {
			if k, ok := v.Index(v.ID(i)); !ok || int(k) != i || i > 0 && v.ID(i-1) >= v.ID(i) {
				t.Fatalf("id %d of the vocabulary is out of order or not found: %q", i, v.ID(i))
			}
		}
	}
	for part, m := range d.Parts() {
		if m == nil {
			continue
		}
		if m.Rows != d.Users.Len() || m.Columns != d.Items.Len() || len(m.Offsets) != m.Rows+1 || m.Offsets[m.Rows] != m.Len() || len(m.Values) != len(m.Indices) {
			t.Fatalf("%s: the shape is wrong: %d × %d, %d offsets", PartNames[part], m.Rows, m.Columns, len(m.Offsets))
		}
		if d.Report.Pairs[part] != m.Len() {
			t.Errorf("%s: %d pairs reported, there are %d", PartNames[part], d.Report.Pairs[part], m.Len())
		}
		for r := range m.Rows {
			items, _ := m.Row(r)
			for k := 1; k < len(items); k++ {
				if items[k-1] >= items[k] {
					t.Fatalf("%s: row %d is out of order", PartNames[part], r)
				}
			}
		}
	}
}

// render writes a part, one pair a word: user>item=value, with count, time and kinds where there are some.
func render(d *Dataset, m *Matrix) string {
	if m == nil {
		return "-"
	}
	var words []string
	for r := range m.Rows {
		for k := m.Offsets[r]; k < m.Offsets[r+1]; k++ {
			w := fmt.Sprintf("%s>%s=%g", d.Users.ID(r), d.Items.ID(int(m.Indices[k])), m.Values[k])
			if c := m.Count(k); c != 1 {
				w += fmt.Sprintf("x%d", c)
			}
			if m.Times != nil {
				w += fmt.Sprintf("@%d", m.Times[k])
			}
			if m.Events != nil {
				w += fmt.Sprintf("#%b", m.Events[k])
			}
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

func sum(d *Dataset) string {
	h := sha256.New()
	_, _ = fmt.Fprintln(h, d.Users.Sum(), d.Items.Sum(), d.Kinds)
	for _, m := range d.Parts() {
		if m != nil {
			m.Fingerprint(h)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

func wantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q lacks %q", err, p)
		}
	}
}
