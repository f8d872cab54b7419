package datasets

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"debut/datasets/configfile"
	"debut/datasets/table"
)

// write puts a file into a fresh folder and returns the folder.
func write(t testing.TB, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	writeTo(t, dir, name, content)
	return dir
}

func writeTo(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readText reads a CSV file of the given content.
func readText(t testing.TB, content string, src table.Source, overrides map[string]string) (*table.Frame, error) {
	t.Helper()
	src.Path = configfile.Strings{"data.csv"}
	return table.Read(context.Background(), src, write(t, "data.csv", content), overrides)
}

func mustRead(t testing.TB, content string, src table.Source, overrides map[string]string) *table.Frame {
	t.Helper()
	f, err := readText(t, content, src, overrides)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// loadText loads a CSV file of the given content.
func loadText(t testing.TB, content string, cfg Config) (*Dataset, error) {
	t.Helper()
	cfg.Source.Path = configfile.Strings{"data.csv"}
	return Load(context.Background(), &cfg, write(t, "data.csv", content), 7, nil)
}

func mustLoad(t testing.TB, content string, cfg Config) *Dataset {
	t.Helper()
	d, err := loadText(t, content, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Encoder.Check(); err != nil {
		t.Errorf("an encoder that was fitted: %v", err)
	}
	return d
}

// wantError checks that an error says all that it should.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error lacks %q:\n%v", p, err)
		}
	}
}

// formatted renders a column for comparison.
func formatted(s *table.Series) string {
	out := make([]string, s.Len())
	for i := range out {
		out[i] = s.Format(i)
	}
	return strings.Join(out, "|")
}

// lines repeats a line with a running number for %d.
func numbered(n int, line func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i))
		b.WriteByte('\n')
	}
	return b.String()
}

// moments returns mean and population standard deviation.
func moments(values []float64) (mean, std float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		std += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(std)
}

func increasing(v []float64) bool {
	for i := 1; i < len(v); i++ {
		if !(v[i] > v[i-1]) {
			return false
		}
	}
	return true
}
