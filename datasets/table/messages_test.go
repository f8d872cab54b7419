package table

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"debut/datasets/configfile"
	"debut/datasets/duck"
)

// wantNoKeys checks that a message names nothing that only a run file has.
func wantNoKeys(t *testing.T, err error) {
	t.Helper()
	for _, key := range []string{"null: [", "drop_missing_target", "delimiter: ", "names: [", "header: true", "set format", "tables", "ignore", " query: ", "source."} {
		if err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("error names %q, which a user of the model cannot set:\n%v", key, err)
		}
	}
}

func TestFormatRemedies(t *testing.T) {
	_, err := fileFormat(&Source{}, []string{"a.csv", "b.parquet"}, true)
	wantError(t, err, "a.csv", "b.parquet", "--format")
	wantNoKeys(t, err)
	_, err = fileFormat(&Source{}, []string{"a.csv", "b.parquet"}, false)
	wantError(t, err, "set format", "tables")
}

func TestLongMessagesAreCut(t *testing.T) {
	header, names := make([]string, 300), make([]string, 300)
	for i := range names {
		header[i], names[i] = fmt.Sprintf("c%03d", i), fmt.Sprintf("d%03d", i)
	}
	err := lacking(&origin{files: []string{"a/new.csv", "b.csv"}}, names, names, header)
	wantError(t, err, "new.csv (and 1 more)", `"d000"`, `"d009"`, "and 290 more, which", "and 290 more")
	if n := len(err.Error()); n > 1500 || strings.Contains(err.Error(), `"d010"`) {
		t.Errorf("an error of %d bytes:\n%v", n, err)
	}
	text := plain(&duck.Error{Message: "x" + strings.Repeat("é", 5000)}).Error()
	if len(text) > maxDatabaseText+20 || !utf8.ValidString(text) || !strings.HasSuffix(text, "…") {
		t.Errorf("a message of %d bytes, ending in %q", len(text), text[max(0, len(text)-10):])
	}
}

func TestDelimiterInYAML(t *testing.T) {
	for _, text := range []string{"delimiter: |\n", "path: a.csv\ndelimiter: |\nheader: true\n", "delimiter: \"\"\n", "delimiter: >\n"} {
		var s Source
		err := yaml.Unmarshal([]byte(text), &s)
		wantError(t, err, "delimiter", "empty", `delimiter: "|"`)
		var field *configfile.FieldError
		if errors.As(err, &field) && field.Path != "delimiter" {
			t.Errorf("the error is at %q", field.Path)
		}
	}
	for text, want := range map[string]Source{
		"path: a.csv\ndelimiter: \"|\"\n": {Path: configfile.Strings{"a.csv"}, Delimiter: "|"},
		"path: a.csv\n":                   {Path: configfile.Strings{"a.csv"}},
		"delimiter: tab\nformat: csv\n":   {Delimiter: "tab", Format: "csv"},
	} {
		var s Source
		if err := yaml.Unmarshal([]byte(text), &s); err != nil || fmt.Sprint(s) != fmt.Sprint(want) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
	// What a default or an earlier file has set stays.
	s := Source{Delimiter: ";"}
	if err := yaml.Unmarshal([]byte("path: a.csv\n"), &s); err != nil || s.Delimiter != ";" {
		t.Errorf("delimiter %q, %v", s.Delimiter, err)
	}
}
